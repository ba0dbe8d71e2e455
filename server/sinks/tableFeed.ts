/**
 * CREATE SINK ... INTO table: what a sink's changes do to the table, by the table's own rules (types, defaults, generated
 * columns, NOT NULL, ON CONFLICT).
 *
 * A change becomes writes of the tick that follows the one which made it (tableFeeding.ts). Everything that a write depends on
 * is the same in a replay: values are computed with the tick's time and random stream, and row ids of tables without a primary
 * key are negative and counted by the sink, apart from those that sessions are given. A row that the table does not take is left
 * out and filed under the sink's name.
 */
import { must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { SinkChange } from '../../connector/sink.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import { quoteIdent } from '../../parser/identifier.ts';
import { parse } from '../../parser/parse.ts';
import { coerceAssign } from '../../planner/bind/coerce.ts';
import { bindInsert } from '../../planner/bind/dml.ts';
import type { BindEnvironment } from '../../planner/bind/environment.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import type { Database } from '../database.ts';
import { checkNotNull, insertRow } from '../ingest.ts';
import type { TableObject } from '../objects.ts';
import { targetTable } from '../statements/dml.ts';
import type { TableWrites } from '../transaction.ts';

/** Row ids that a sink gives are below these of another sink: 2^36 for each. */
const ROW_IDS = 36n;

type RowFunction = (context: EvalContext, row: Row) => Value;

/** How rows of the sink become rows of the table as it is now. */
interface Maker {
  readonly table: TableObject;
  readonly columns: readonly (RowFunction | null)[];
  readonly defaults: readonly RowFunction[];
  readonly generated: readonly (readonly [column: number, compute: RowFunction])[];
}

/** The names of the table's columns that the sink's columns go to, in order. */
export function feedColumns(
  table: TableObject,
  named: readonly { readonly name: string; readonly span: { readonly start: number } }[],
  given: number,
  position: number,
): readonly string[] {
  const visible = table.columns.filter((c) => c.hidden !== true);
  for (const [i, { name, span }] of named.entries()) {
    if (!visible.some((c) => c.name === name)) {
      throw new SqlError('42703', `column "${name}" of relation "${table.name}" does not exist`, {
        position: span.start,
      });
    }
    if (named.findIndex((other) => other.name === name) < i) {
      throw new SqlError('42701', `column "${name}" specified more than once`, { position: span.start });
    }
  }
  const targets =
    named.length > 0
      ? named.map((ident) => ident.name)
      : visible.filter((c) => c.generated === null).map((c) => c.name);
  if (given > targets.length) {
    throw new SqlError('42601', 'the sink has more columns than the table takes', {
      position,
      detail: `The sink gives ${given}, and "${table.name}" takes ${targets.length}.`,
    });
  }
  if (named.length > given) {
    throw new SqlError('42601', 'the sink has fewer columns than are named for the table', { position });
  }
  return targets.slice(0, given);
}

function environmentOf(database: Database, table: TableObject, context: EvalContext): BindEnvironment {
  return {
    catalog: database.catalog,
    functions: database.functions,
    searchPath: table.searchPath,
    text: context,
    parameterTypes: [],
  };
}

export class TableFeed {
  readonly #database: Database;
  /** Id of the sink. */
  readonly #sink: number;
  /** Id of the table. */
  readonly table: number;
  /** Names of the table's columns that are written. */
  readonly targets: readonly string[];
  readonly #columns: readonly Column[];
  #maker: Maker | null = null;
  /** Row ids given so far. */
  rowIds = 0n;

  constructor(
    database: Database,
    place: { readonly sink: number; readonly table: number },
    targets: readonly string[],
    columns: readonly Column[],
  ) {
    this.#database = database;
    this.#sink = place.sink;
    this.table = place.table;
    this.targets = targets;
    this.#columns = columns;
  }

  /** Throws where the columns' types do not go together, or a column may not be written. */
  check(position: number): void {
    try {
      this.#makerOf(this.tableNow());
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { state, message, detail, hint } = error;
      throw new SqlError(state, message, {
        position,
        ...(detail === undefined ? {} : { detail }),
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }

  tableNow(): TableObject {
    const table = this.#database.catalog.byId(this.table);
    return must(table?.kind === 'table' ? table : null, 'the table of a sink is there');
  }

  /** The table's column; null: the sink does not write it. */
  writes(column: string): boolean {
    return this.targets.includes(column);
  }

  #makerOf(table: TableObject): Maker {
    if (this.#maker?.table === table) return this.#maker;
    const { eval: context } = this.#database.tickContext(table.name, table.timeZone);
    const env = environmentOf(this.#database, table, context);
    const names = this.targets.map(quoteIdent).join(', ');
    const nulls = this.targets.map(() => 'NULL').join(', ');
    const text = `INSERT INTO ${quoteIdent(table.schema)}.${quoteIdent(table.name)} (${names}) VALUES (${nulls})`;
    const { statement } = must(parse(text)[0]);
    const bound = bindInsert(must(statement.kind === 'Insert' ? statement : null), targetTable(table), env);
    const columns = table.columns.map((column, c): RowFunction | null => {
      const index = bound.targets.indexOf(c);
      if (index < 0) return null;
      const given: Scalar = { kind: 'column', index, type: must(this.#columns[index]).type };
      return compileScalar(coerceAssign(given, column.type, column.name, undefined, env));
    });
    this.#maker = {
      table,
      columns,
      defaults: bound.defaults.map((scalar) => compileScalar(scalar)),
      generated: bound.generated.flatMap((scalar, column) =>
        scalar === null ? [] : [[column, compileScalar(scalar)] as const],
      ),
    };
    return this.#maker;
  }

  /** The key's columns of the row; the others NULL. */
  #keyRow(maker: Maker, given: Row, context: EvalContext): Row {
    return maker.columns.map((column, c) =>
      maker.table.key.includes(c) && column !== null ? column(context, given) : null,
    );
  }

  #wholeRow(maker: Maker, given: Row, context: EvalContext): Value[] {
    const row = maker.columns.map((column, c) =>
      column === null ? must(maker.defaults[c])(context, []) : column(context, given),
    );
    for (const [column, compute] of maker.generated) row[column] = compute(context, row);
    return row;
  }

  /** Makes the change in `writes`, which are of this table as it is now. */
  apply(writes: TableWrites, change: SinkChange): void {
    const database = this.#database;
    const { table } = writes;
    const maker = this.#makerOf(table);
    const { eval: context } = database.tickContext(table.name, table.timeZone);
    const { before, after } = change;
    try {
      if (after !== null) this.#put(writes, this.#wholeRow(maker, after, context), before !== null);
      else if (before !== null) writes.remove(this.#keyRow(maker, before, context));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#leftOut(error, after ?? before ?? []);
    }
  }

  /** `known`: the sink has written a row under this key before. */
  #put(writes: TableWrites, row: Value[], known: boolean): void {
    const { table } = writes;
    if (table.rowId === null) {
      if (known && table.conflict === 'do error') {
        checkNotNull(table, row);
        writes.put(row);
        return;
      }
      insertRow(this.#database, writes, row);
      return;
    }
    row[table.rowId] = -((BigInt(this.#sink) << ROW_IDS) + ++this.rowIds);
    checkNotNull(table, row);
    writes.append(row);
  }

  #leftOut(error: SqlError, row: Row): void {
    const database = this.#database;
    const sink = database.catalog.byId(this.#sink);
    database.rowErrors.add({
      relation: sink?.name ?? '',
      id: this.#sink,
      operator: 'Sink',
      error,
      weight: 1,
      at: database.watermarks.now(),
      row,
      schema: this.#columns,
    });
  }
}
