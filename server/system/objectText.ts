/** Catalog objects as SQL text: definitions of views, indexes, constraints; signatures of functions; names of types. */

import type { DataType } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import type { SqlFunction, TypePattern } from '../../common/function.ts';
import { formatType, oidOf, typeFromName, typeOfOid, typeTable } from '../../common/typeTable.ts';
import { quoteIdentifier } from '../../executor/functions/support/quoting.ts';
import { intervalOf } from '../../wire/typeCodec.ts';
import { declaredText } from '../udf/routineText.ts';
import type { IndexView, RelationView } from './systemView.ts';

export function qualifiedName(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** pg_get_viewdef: the query with a semicolon. */
export function viewDefinition(relation: RelationView): string | null {
  const { object } = relation;
  return object?.kind === 'view' || object?.kind === 'materialized view' ? ` ${object.definition};` : null;
}

function columnName(relation: RelationView, number: number): string {
  return relation.columns.find((c) => c.number === number)?.column.name ?? '';
}

/** Names of the columns with these numbers. */
export function columnNames(relation: RelationView, numbers: readonly number[]): readonly string[] {
  return numbers.map((n) => columnName(relation, n));
}

export function indexDefinition(index: IndexView): string {
  const { relation } = index;
  const keys = index.columns.map(
    (n, i) => quoteIdentifier(columnName(relation, n)) + (index.descending[i] === true ? ' DESC' : ''),
  );
  const included = index.included.map((n) => quoteIdentifier(columnName(relation, n)));
  return (
    `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteIdentifier(index.name)}` +
    ` ON ${qualifiedName(relation.schema, relation.name)} USING btree (${keys.join(', ')})` +
    (included.length === 0 ? '' : ` INCLUDE (${included.join(', ')})`)
  );
}

/** One column of an index, 1-based. */
export function indexColumn(index: IndexView, position: number): string | null {
  const number = [...index.columns, ...index.included][position - 1];
  return number === undefined ? null : quoteIdentifier(columnName(index.relation, number));
}

export function keyDefinition(index: IndexView): string {
  const names = columnNames(index.relation, index.columns).map(quoteIdentifier);
  return `PRIMARY KEY (${names.join(', ')})`;
}

/** Pseudo types that functions are declared with, as in PostgreSQL. */
export const pseudoTypes: Readonly<Partial<Record<TypePattern, number>>> = {
  any: 2276,
  anyelement: 2283,
  anyarray: 2277,
  anynonarray: 2776,
  anycompatible: 5077,
  anycompatiblearray: 5078,
  record: 2249,
  'record[]': 2287,
};

const pseudoNames: ReadonlyMap<number, string> = new Map([
  ...Object.entries(pseudoTypes).map(([name, oid]) => [oid, name] as const),
  [2276, '"any"'],
]);

/** Type oid of a parameter pattern. */
export function patternOid(pattern: TypePattern): number {
  const pseudo = pseudoTypes[pattern];
  if (pseudo !== undefined) return pseudo;
  if (pattern === 'char') return typeTable.char.oid;
  if (pattern === 'char[]') return typeTable.char.arrayOid;
  const type = typeFromName(pattern);
  return type === null ? 0 : oidOf(type);
}

/** A type that a pattern could stand for, to ask functions for their result. */
function sampleType(pattern: TypePattern): DataType {
  if (pattern === 'record') return { id: 'struct', fields: [] };
  if (pattern === 'record[]') return { id: 'array', element: { id: 'struct', fields: [] } };
  if (pattern === 'any' || pattern === 'anyarray' || pattern === 'anycompatiblearray')
    return { id: 'array', element: types.text };
  return typeOfOid(patternOid(pattern)) ?? types.text;
}

/** Result type oid of a function; a polymorphic result follows a polymorphic argument. */
export function resultOid(fn: SqlFunction): number {
  if (fn.kind === 'table') {
    const columns = fn.columns(fn.args.map(sampleType));
    const [only] = columns;
    if (columns.length !== 1 || only === undefined) return typeOid('record');
    return fn.args.some((a) => a.startsWith('any')) ? 2283 : oidOf(only.type);
  }
  if (typeof fn.returns !== 'function') return patternOid(fn.returns);
  return fn.args.some((a) => a.startsWith('any')) ? 2283 : oidOf(fn.returns(fn.args.map(sampleType)));
}

function typeOid(pattern: TypePattern): number {
  return patternOid(pattern);
}

/** A type's SQL name with its modifier, as format_type gives it; null when there is no such type. */
export function typeText(oid: number, modifier: number | null): string | null {
  const type = typeOfOid(oid);
  if (type === null) return pseudoNames.get(oid) ?? null;
  return formatType(withModifier(type, modifier ?? -1));
}

function withModifier(type: DataType, modifier: number): DataType {
  if (modifier < 0) return type;
  switch (type.id) {
    case 'varchar':
    case 'bpchar':
      return modifier < 4 ? type : { id: type.id, length: modifier - 4 };
    case 'numeric': {
      if (modifier < 4) return type;
      const packed = modifier - 4;
      // Scale is kept in 11 bits with sign.
      return { id: 'numeric', precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
    }
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return { id: type.id, precision: modifier };
    case 'interval':
      return intervalOf(modifier);
    case 'array':
      return { id: 'array', element: withModifier(type.element, modifier) };
    default:
      return type;
  }
}

/** `a integer, VARIADIC b text[]`-like list of a function's parameter types. */
export function argumentsText(fn: SqlFunction, withDefaults = true): string {
  if ('user' in fn && fn.user !== undefined) return declaredText(fn.user.declared, withDefaults);
  return fn.args
    .map((pattern, i) => {
      const repeats = 'variadic' in fn && fn.variadic === true && i === fn.args.length - 1;
      const text = typeText(patternOid(pattern), null) ?? pattern;
      if (!repeats) return text;
      return pattern === 'any' ? 'VARIADIC "any"' : `VARIADIC ${text}[]`;
    })
    .join(', ');
}

/** Result type of a function as text. */
export function resultText(fn: SqlFunction): string {
  if ('user' in fn && fn.user !== undefined) return fn.user.resultText;
  if (fn.kind !== 'table') return typeText(resultOid(fn), null) ?? '';
  const columns = fn.columns(fn.args.map(sampleType));
  if (columns.length === 1) return `SETOF ${typeText(resultOid(fn), null) ?? ''}`;
  if (columns.length === 0) return 'SETOF record';
  return `TABLE(${columns.map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type)}`).join(', ')})`;
}
