/**
 * What a system relation is: data. Columns are written as text (`oid oid!, relname name!`, `!` meaning NOT NULL); rows
 * come as objects that give the interesting columns. A column left out is NULL, or the zero of its type where it is NOT
 * NULL, as most of PostgreSQL's catalog columns say nothing about this server.
 */
import { AssertionError, must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type Column, type DataType, physicalKind } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { Row, Value } from '../../common/value.ts';
import type { SystemView } from './systemView.ts';

/** Relations of one schema by name; kind 'r' table, 'v' view. */
export type ColumnSpecs = Readonly<
  Record<string, { readonly id: number; readonly kind: 'r' | 'v'; readonly columns: string }>
>;

/** Specs from text: a relation a line, `name id kind: columns`. */
export function parseColumnSpecs(text: string): ColumnSpecs {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, id, kind, columns] = must(
        /^(\w+) (\d+) ([rv]): (.*)$/.exec(line),
        `malformed spec: ${line}`,
      );
      return [
        must(name),
        { id: Number(id), kind: kind === 'r' ? 'r' : 'v', columns: must(columns) },
      ] as const;
    }),
  );
}

/** A row by column names. */
export type Fields = Readonly<Record<string, Value>>;

/** Rows of a relation as one session sees them. */
export type RowSource = (view: SystemView) => Iterable<Fields>;

export type RowSources = Readonly<Record<string, RowSource>>;

function columnType(name: string): DataType {
  if (name === 'char') return { id: 'char' };
  if (name === 'char[]') return { id: 'array', element: { id: 'char' } };
  return must(typeFromName(name), `unknown type ${name} of a system column`);
}

function parseColumns(spec: string): readonly Column[] {
  return spec.split(', ').map((text) => {
    const at = text.indexOf(' ');
    const notNull = text.endsWith('!');
    const type = columnType(text.slice(at + 1, notNull ? -1 : undefined));
    return { name: text.slice(0, at), type, nullable: !notNull };
  });
}

/** The oid of the relation itself, in every row: clients join comments by it. */
const tableOid: Column = { name: 'tableoid', type: { id: 'oid' }, nullable: false, hidden: true };

function zeroOf(type: DataType): Value {
  if (type.id === 'array') return new SqlArray([]);
  switch (physicalKind(type)) {
    case 'bool':
      return false;
    case 'i32':
    case 'f64':
      return 0;
    case 'i64':
      return 0n;
    case 'text':
      return '';
    case 'boxed':
      throw new AssertionError(`no zero of type ${type.id}`);
  }
}

function columnValue(fields: Fields, column: Column): Value {
  return fields[column.name] ?? (column.nullable ? null : zeroOf(column.type));
}

/** One system relation; its columns are parsed when it is first asked for. */
export class SystemRelation implements RelationEntry {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly relkind: 'r' | 'v';
  readonly kind = 'system';
  readonly key = null;
  readonly declaredKey = false;
  readonly appendOnly = false;
  readonly watermark = null;
  readonly watermarked = [];
  readonly processTime = [];
  readonly indexes = [];
  readonly definition = null;
  readonly searchPath = [];
  readonly #spec: string;
  readonly #source: RowSource | null;
  #columns: readonly Column[] | null = null;
  #lastCount = 100;

  constructor(schema: string, name: string, spec: ColumnSpecs[string], source: RowSource | null) {
    this.schema = schema;
    this.name = name;
    this.id = spec.id;
    this.relkind = spec.kind;
    this.#spec = spec.columns;
    this.#source = source;
  }

  get columns(): readonly Column[] {
    this.#columns ??= [...parseColumns(this.#spec), tableOid];
    return this.#columns;
  }

  /** As many as at the last reading. */
  rowCount(): number {
    return this.#source === null ? 0 : this.#lastCount;
  }

  rows(view: SystemView): readonly Row[] {
    const rows: Row[] = [];
    if (this.#source === null) return rows;
    const names = new Set(this.columns.map((c) => c.name));
    for (const fields of this.#source(view)) {
      for (const name of Object.keys(fields)) {
        if (!names.has(name)) throw new AssertionError(`${this.schema}.${this.name} has no column ${name}`);
      }
      rows.push(this.columns.map((c) => (c === tableOid ? this.id : columnValue(fields, c))));
    }
    this.#lastCount = rows.length;
    return rows;
  }
}
