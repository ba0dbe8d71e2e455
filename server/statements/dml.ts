/** INSERT, UPDATE, DELETE, TRUNCATE: bound plans applied to the transaction's writes. */

import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import { compileScalar } from '../../executor/codegen/evaluate.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { Delete, Insert, Truncate, Update } from '../../parser/ast/statement.ts';
import {
  type BoundChange,
  type BoundConflict,
  type BoundInsert,
  bindDelete,
  bindInsert,
  bindUpdate,
  type TargetTable,
} from '../../planner/bind/dml.ts';
import type { BoundReturning } from '../../planner/bind/returning.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { MILLRACE_DEAD, MILLRACE_LATE, requireRelation } from '../catalog.ts';
import { cdcRuntime } from '../cdc/tables.ts';
import { checkNotNull, duplicateKey, insertRow } from '../ingest.ts';
import type { TableObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { bindEnvironment, scalarValue, withParameters } from '../planning.ts';
import type { TableWrites } from '../transaction.ts';
import { resultColumns, runBound } from './select.ts';
import {
  done,
  type StatementContext,
  type StatementHandler,
  type StatementResult,
  splitName,
} from './statement.ts';

/** The table that a DML statement may change. */
export function writableTable(name: ObjectName, verb: string, context: StatementContext): TableObject {
  const target = splitName(name, context);
  const { catalog } = context.database;
  if (target.schema === MILLRACE_LATE && catalog.find(MILLRACE_LATE, target.name, []) !== null) {
    throw lateRowsOnly(verb, target);
  }
  if (target.schema === MILLRACE_DEAD && catalog.find(MILLRACE_DEAD, target.name, []) !== null) {
    throw lettersOnly(verb, target);
  }
  if (target.schema !== null && catalog.isSystemSchema(target.schema)) {
    throw new SqlError('42501', `permission denied for table ${target.name}`);
  }
  const relation = requireRelation(
    catalog,
    target.schema,
    target.name,
    context.searchPath(),
    target.position,
  );
  if (relation.kind === 'table' && relation.stream === null) {
    if (relation.internal) {
      throw (relation.schema === MILLRACE_DEAD ? lettersOnly : lateRowsOnly)(verb, target);
    }
    refuseFollowing(relation, verb, target.position);
    if (relation.entry.lookup !== undefined) {
      throw new SqlError('42809', `cannot ${verb} table "${relation.name}"`, {
        position: target.position,
        detail: 'It holds what has been looked up elsewhere.',
      });
    }
    return relation;
  }
  const shown =
    relation.kind === 'materialized view'
      ? `cannot change materialized view "${relation.name}"`
      : `cannot ${verb} ${shownKind(relation)} "${relation.name}"`;
  throw new SqlError('42809', shown, { position: target.position });
}

/** It has the rows of a table elsewhere, and no others. */
function refuseFollowing(table: TableObject, verb: string, position: number): void {
  if (cdcRuntime(table) === null) return;
  throw new SqlError('42809', `cannot ${verb} "${table.name}": it follows a table in PostgreSQL`, {
    position,
    hint: 'Change the rows there.',
  });
}

function lateRowsOnly(verb: string, target: { readonly name: string; readonly position: number }): SqlError {
  return new SqlError('42809', `cannot ${verb} "${target.name}": it is a relation of late rows`, {
    position: target.position,
    hint: 'The server puts rows there and takes them out after late.retention; REPLAY LATE ROWS FROM admits them after all.',
  });
}

function lettersOnly(verb: string, target: { readonly name: string; readonly position: number }): SqlError {
  return new SqlError('42809', `cannot ${verb} "${target.name}": it is a relation of dead letters`, {
    position: target.position,
    hint: 'The server puts records there and takes them out after dead_letter.retention; REPROCESS DEAD LETTERS FROM decodes them again.',
  });
}

export function targetTable(table: TableObject): TargetTable {
  return {
    entry: table.entry,
    defaults: table.columns.map((c) => c.default),
    generated: table.columns.map((c) => c.generated),
  };
}

type RowFunction = (row: Row) => Value;

function compiled(scalar: Scalar, context: StatementContext): RowFunction {
  const fn = compileScalar(withParameters(scalar, context));
  return (row) => fn(context.eval, row);
}

/** Fills in generated columns. */
function generator(scalars: readonly (Scalar | null)[], context: StatementContext): (row: Value[]) => void {
  const all = scalars.flatMap((s, i) => (s === null ? [] : [{ column: i, compute: compiled(s, context) }]));
  return (row) => {
    for (const { column, compute } of all) row[column] = compute(row);
  };
}

/** Rows of RETURNING, or none. */
class Returning {
  readonly #bound: BoundReturning | null;
  readonly #exprs: readonly RowFunction[];
  readonly rows: Row[] = [];

  constructor(bound: BoundReturning | null, context: StatementContext) {
    this.#bound = bound;
    this.#exprs = bound === null ? [] : bound.exprs.map((e) => compiled(e, context));
  }

  add(row: Row): void {
    if (this.#bound !== null) this.rows.push(this.#exprs.map((e) => e(row)));
  }

  result(tag: string): StatementResult {
    return { columns: this.#bound === null ? null : resultColumns(this.#bound), rows: this.rows, tag };
  }
}

/** A failed statement leaves the transaction's writes as they were. */
function atomically<T>(writes: TableWrites, body: () => T): T {
  const restore = writes.snapshot();
  try {
    return body();
  } catch (error) {
    restore();
    throw error;
  }
}

// INSERT

/** What makes complete rows of a table out of an INSERT's values. */
export function rowMaker(
  bound: Pick<BoundInsert, 'targets' | 'defaults' | 'generated'>,
  table: Pick<TableObject, 'columns'>,
  context: StatementContext,
) {
  const given = new Map(bound.targets.map((t, i) => [t, i]));
  const generate = generator(bound.generated, context);
  const defaults = bound.defaults.map((d) =>
    d.kind === 'literal' ? () => d.value : () => scalarValue(d, context),
  );
  /** `DEFAULT` stands for a missing value. */
  return (values: readonly (Value | typeof DEFAULT)[]): Value[] => {
    const row = table.columns.map((_, c) => {
      const i = given.get(c);
      const value = i === undefined ? DEFAULT : values[i];
      return value === DEFAULT || value === undefined ? must(defaults[c])() : value;
    });
    generate(row);
    return row;
  };
}

export const DEFAULT = Symbol('DEFAULT');

/** The values that an INSERT brings, row by row. */
export function* sourceRows(
  bound: BoundInsert,
  context: StatementContext,
): Generator<readonly (Value | typeof DEFAULT)[]> {
  if (bound.source.kind === 'query') {
    for (const row of runBound(bound.source.query, context)) yield row.slice(0, bound.targets.length);
    return;
  }
  for (const row of bound.source.rows) {
    yield row.map((s) =>
      s === null
        ? DEFAULT
        : s.kind === 'literal'
          ? s.value
          : scalarValue(withParameters(s, context), context),
    );
  }
}

function conflictApplier(
  conflict: BoundConflict,
  bound: BoundInsert,
  writes: TableWrites,
  context: StatementContext,
) {
  if (conflict.kind === 'nothing')
    return (_before: Row, _proposed: Row, _touched: Set<Row>): Row | null => null;
  const values = conflict.values.map((v) => compiled(v, context));
  const where = conflict.where === null ? null : compiled(conflict.where, context);
  const generate = generator(bound.generated, context);
  return (before: Row, proposed: Row, touched: Set<Row>): Row | null => {
    const both = [...before, ...proposed];
    if (where !== null && where(both) !== true) return null;
    if (touched.has(before)) {
      throw new SqlError('21000', 'ON CONFLICT DO UPDATE command cannot affect row a second time', {
        hint: 'Ensure that no rows proposed for insertion within the same command have duplicate constrained values.',
      });
    }
    const after: Value[] = [...before];
    conflict.columns.forEach((c, i) => {
      after[c] = must(values[i])(both);
    });
    generate(after);
    replaceRow(writes, before, after);
    return after;
  };
}

export const insert: StatementHandler<Insert> = {
  describe(statement, context) {
    const table = writableTable(statement.table, 'insert into', context);
    const bound = bindInsert(statement, targetTable(table), bindEnvironment(context));
    return {
      parameterTypes: bound.parameters,
      columns: bound.returning === null ? null : resultColumns(bound.returning),
    };
  },
  run(statement, context) {
    context.requireWritable('INSERT');
    const table = writableTable(statement.table, 'insert into', context);
    const bound = bindInsert(statement, targetTable(table), bindEnvironment(context));
    const writes = context.writes.of(table);
    const makeRow = rowMaker(bound, table, context);
    const returning = new Returning(bound.returning, context);
    const onConflict =
      bound.onConflict === null ? null : conflictApplier(bound.onConflict, bound, writes, context);
    // The source is read before anything is written: it must not see the new rows.
    const rows = [...sourceRows(bound, context)];
    const count = atomically(writes, () => {
      let inserted = 0;
      // Rows that this command made: it may not change them again.
      const touched = new Set<Row>();
      for (const values of rows) {
        const row = makeRow(values);
        const before = table.rowId === null && onConflict !== null ? writes.existing(row) : null;
        if (before !== null) checkNotNull(table, row);
        const stored =
          before !== null && onConflict !== null
            ? onConflict(before, row, touched)
            : insertRow(context.database, writes, row);
        if (stored === null) continue;
        inserted++;
        if (onConflict !== null) touched.add(stored);
        returning.add(stored);
      }
      return inserted;
    });
    return returning.result(`INSERT 0 ${count}`);
  },
};

// UPDATE and DELETE

/** Replaces a row; a changed key must be free. */
function replaceRow(writes: TableWrites, before: Row, after: Row): void {
  const { table } = writes;
  checkNotNull(table, after);
  const sameKey = writes.sameKey(before, after);
  if (!sameKey) {
    if (writes.existing(after) !== null) throw duplicateKey(table, after);
    writes.remove(before);
  }
  writes.put(after);
}

function refuseAppendOnly(table: TableObject, verb: string): void {
  if (table.appendOnly) {
    throw new SqlError('42809', `cannot ${verb} append-only table "${table.name}"`, {
      hint: 'Recreate the table without APPEND ONLY to change its rows.',
    });
  }
}

/** The rows to change, each once. */
function matchedRows(bound: BoundChange, writes: TableWrites, context: StatementContext): readonly Row[] {
  const seen = new Set<string>();
  return runBound(bound.query, context).filter((row) => {
    const key = writes.keyOf(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export const update: StatementHandler<Update> = {
  describe(statement, context) {
    const table = writableTable(statement.table, 'update', context);
    const bound = bindUpdate(statement, targetTable(table), bindEnvironment(context));
    return {
      parameterTypes: bound.parameters,
      columns: bound.returning === null ? null : resultColumns(bound.returning),
    };
  },
  run(statement, context) {
    context.requireWritable('UPDATE');
    const table = writableTable(statement.table, 'update', context);
    refuseAppendOnly(table, 'update');
    const bound = bindUpdate(statement, targetTable(table), bindEnvironment(context));
    const writes = context.writes.of(table);
    const returning = new Returning(bound.returning, context);
    const generate = generator(bound.generated, context);
    const width = table.columns.length;
    const matched = matchedRows(bound, writes, context);
    atomically(writes, () => {
      const others = width + bound.columns.length;
      const changes = matched.map((row) => {
        const before = row.slice(0, width);
        const after: Value[] = [...before];
        bound.columns.forEach((c, i) => {
          after[c] = row[width + i] ?? null;
        });
        generate(after);
        return { before, after, read: row.slice(others) };
      });
      applyUpdates(writes, changes);
      for (const { after, read } of changes) returning.add([...after, ...read]);
    });
    return returning.result(`UPDATE ${matched.length}`);
  },
};

/** Keys are checked after all rows have left their old ones, so that UPDATE t SET id = id + 1 works. */
function applyUpdates(
  writes: TableWrites,
  changes: readonly { readonly before: Row; readonly after: Row }[],
): void {
  const moving = changes.filter((c) => !writes.sameKey(c.before, c.after));
  for (const { before } of moving) writes.remove(before);
  for (const { before, after } of changes) {
    checkNotNull(writes.table, after);
    if (!writes.sameKey(before, after) && writes.existing(after) !== null)
      throw duplicateKey(writes.table, after);
    writes.put(after);
  }
}

export const deleteRows: StatementHandler<Delete> = {
  describe(statement, context) {
    const table = writableTable(statement.table, 'delete from', context);
    const bound = bindDelete(statement, targetTable(table), bindEnvironment(context));
    return {
      parameterTypes: bound.parameters,
      columns: bound.returning === null ? null : resultColumns(bound.returning),
    };
  },
  run(statement, context) {
    context.requireWritable('DELETE');
    const table = writableTable(statement.table, 'delete from', context);
    refuseAppendOnly(table, 'delete from');
    const bound = bindDelete(statement, targetTable(table), bindEnvironment(context));
    const writes = context.writes.of(table);
    const returning = new Returning(bound.returning, context);
    const matched = matchedRows(bound, writes, context);
    atomically(writes, () => {
      for (const row of matched) {
        writes.remove(row);
        returning.add(row);
      }
    });
    return returning.result(`DELETE ${matched.length}`);
  },
};

export const truncate: StatementHandler<Truncate> = {
  run(statement, context) {
    context.requireWritable('TRUNCATE');
    for (const name of statement.tables) {
      const table = writableTable(name, 'truncate', context);
      refuseAppendOnly(table, 'truncate');
      const writes = context.writes.of(table);
      const own = [...writes.delta()].filter(([, weight]) => weight > 0).map(([row]) => row);
      for (const row of [...table.store.rows(), ...own])
        if (writes.existing(row) !== null) writes.remove(row);
    }
    return done('TRUNCATE TABLE');
  },
};
