/**
 * ALTER TABLE ... ADD | DROP | ALTER COLUMN. The table is made anew from its changed statement, with its id, and given the
 * rows of before; views over it keep their state and read the same columns at their new positions (views/replacement.ts).
 */
import { must } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import { emitRows } from '../../executor/batchBuilder.ts';
import { compileScalar, evaluateScalar } from '../../executor/codegen/evaluate.ts';
import { printStatement } from '../../parser/print.ts';
import { bindStandalone } from '../../planner/bind/bind.ts';
import { coerceAssign } from '../../planner/bind/coerce.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { volatilityOf } from '../../planner/plan/scalars.ts';
import { followAfter, mayChangeColumns } from '../cdc/alterTable.ts';
import { columnTypes } from '../database.ts';
import { changeCatalog } from '../definitions/definitions.ts';
import { makingStatement, rewriteIndex } from '../definitions/ownStatement.ts';
import { understand } from '../definitions/understand.ts';
import { definitionContext, viewStatement } from '../definitions/viewStatement.ts';
import { duplicateKey } from '../ingest.ts';
import { type CatalogObject, type IndexObject, shownKind, type TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { Settings } from '../settings.ts';
import { lateRelationOf } from '../time/lateRelation.ts';
import { keyString } from '../transaction.ts';
import { type Positions, Replacement } from '../views/replacement.ts';
import { type FedTable, fedTable, isFedByName } from './alterFed.ts';
import { lateColumn, type Moved, moveLateNodes, moveTime, moveWatermark } from './alterTime.ts';
import { type ColumnAction, ColumnChanges, type TableStatement } from './columnChanges.ts';
import { type TableShape, tableShape } from './columns.ts';
import { checkShape, makeTable } from './createTable.ts';
import { removeObject, withDependents } from './drop.ts';
import type { StatementContext } from './statement.ts';

export { isColumnChange } from './columnChanges.ts';

/** Views that read these columns of the table, by their own text. */
function readersOf(table: TableObject, columns: ReadonlySet<number>, context: StatementContext) {
  const found: { readonly view: CatalogObject; readonly column: number }[] = [];
  for (const view of context.database.catalog.dependents(table.id)) {
    if (view.kind === 'sink' && view.relation === table.id) {
      const column = [...columns].find((c) => view.runtime.positions.includes(c));
      if (column !== undefined) found.push({ view, column });
    }
    if (view.kind === 'sink' && view.runtime.feed?.table === table.id) {
      const { feed } = view.runtime;
      const column = [...columns].find((c) => feed.writes(table.columns[c]?.name ?? ''));
      if (column !== undefined) found.push({ view, column });
    }
    if (view.kind !== 'view' && view.kind !== 'materialized view') continue;
    const { names, relations, whole } = understand(view, viewStatement(view), context);
    if (![...relations.values()].includes(table.id)) continue;
    const used = [...names.values()].filter((f) => f.relation === table.id).map((f) => f.column);
    const all = whole.has(table.id) || used.includes(null);
    const column = [...columns].find((c) => all || used.includes(c));
    if (column !== undefined) found.push({ view, column });
  }
  return found;
}

/** The same, of those that read them of late rows as well. */
function readers(table: TableObject, columns: ReadonlySet<number>, context: StatementContext) {
  const found = readersOf(table, columns, context);
  const late = lateRelationOf(context.database, table.id);
  if (late === null) return found;
  const own = new Map([...columns].map((c) => [lateColumn(table, c), c]));
  const ofLate = readersOf(late, new Set(own.keys()), context);
  return [...found, ...ofLate.map(({ view, column }) => ({ view, column: must(own.get(column)) }))];
}

/** The other end of CASCADE and RESTRICT: views, and indexes, which go along. */
function dropReaders(
  table: TableObject,
  changes: ColumnChanges,
  context: StatementContext,
): ReturnType<typeof withDependents> {
  const { database } = context;
  const columns = new Set(changes.dropped.map((d) => d.column));
  const views = readers(table, columns, context);
  const strict = views.filter(({ column }) => changes.dropped.some((d) => d.column === column && !d.cascade));
  const [first] = strict;
  const nameOf = (column: number): string => must(table.columns[column]).name;
  if (first !== undefined) {
    const lines = strict.map(
      ({ view, column }) =>
        `${view.kind} ${view.name} depends on column ${nameOf(column)} of ${shownKind(table)} ${table.name}`,
    );
    throw new SqlError(
      '2BP01',
      `cannot drop column ${nameOf(first.column)} of ${shownKind(table)} ${table.name} because other objects depend on it`,
      { detail: lines.join('\n'), hint: 'Use DROP ... CASCADE to drop the dependent objects too.' },
    );
  }
  const all = withDependents(
    database,
    views.map(({ view }) => view),
  );
  const shown = all.filter((o) => o.kind !== 'index' && !(o.kind === 'table' && o.internal));
  for (const o of shown) {
    context.notice({ severity: 'NOTICE', state: '00000', message: `drop cascades to ${o.kind} ${o.name}` });
  }
  return all;
}

function refuseRetyping(table: TableObject, changes: ColumnChanges, context: StatementContext): void {
  const [reader] = readers(table, new Set(changes.retyped), context);
  if (reader === undefined) return;
  throw new SqlError('0A000', 'cannot alter type of a column used by a view or rule', {
    detail: `rule _RETURN on ${reader.view.kind} ${reader.view.name} depends on column "${must(table.columns[reader.column]).name}"`,
  });
}

/** How a row of the table before becomes one of the table after. */
class RowChange {
  readonly #columns: readonly ((row: Row) => Value)[];
  readonly #generated: readonly (readonly [number, (row: Row) => Value])[];
  /** Defaults that have to be computed for each row, once: they go into the journal as values. */
  readonly volatile: readonly (readonly [number, Scalar])[];

  constructor(after: TableObject, shape: TableShape, changes: ColumnChanges, context: StatementContext) {
    const env = bindEnvironment(context);
    const compiled = (scalar: Scalar): ((row: Row) => Value) => {
      const run = compileScalar(scalar);
      return (row) => run(context.eval, row);
    };
    const volatile: [number, Scalar][] = [];
    const generated: (readonly [number, (row: Row) => Value])[] = [];
    this.#columns = after.columns.map((column, i) => {
      const origin = changes.origins.get(column.name) ?? { before: null, convert: null };
      if (origin.convert !== null) return compiled(origin.convert);
      const { before } = origin;
      if (before !== null) return (row) => row[before] ?? null;
      const expression = shape.generated[i] ?? null;
      if (expression !== null) generated.push([i, compiled(expression)]);
      if (expression !== null || column.default === null) return () => null;
      const value = coerceAssign(
        bindStandalone(column.default, env),
        column.type,
        column.name,
        undefined,
        env,
      );
      if (volatilityOf(value) !== 'immutable') {
        volatile.push([i, value]);
        return () => null;
      }
      const constant = evaluateScalar(value, context.eval);
      return () => constant;
    });
    this.#generated = generated;
    this.volatile = volatile;
  }

  /** Without what is computed of the others. */
  declared(row: Row): Value[] {
    return this.#columns.map((column) => column(row));
  }

  of(row: Row): Value[] {
    const next = this.declared(row);
    for (const [column, compute] of this.#generated) next[column] = compute(next);
    return next;
  }
}

/** PostgreSQL's checks of a table that is written anew. */
function checkRow(
  table: TableObject,
  row: Row,
  later: ReadonlySet<number>,
  keys: Set<string>,
  rekeyed: boolean,
): void {
  table.columns.forEach((column, i) => {
    if (column.nullable || row[i] !== null || later.has(i)) return;
    throw new SqlError('23502', `column "${column.name}" of relation "${table.name}" contains null values`, {
      table: table.name,
      column: column.name,
    });
  });
  if (!rekeyed) return;
  const types = columnTypes(table);
  const key = keyString(
    table.key.map((k) => row[k] ?? null),
    table.key.map((k) => must(types[k])),
  );
  if (keys.has(key)) {
    const { detail } = duplicateKey(table, row);
    throw new SqlError('23505', `could not create unique index "${table.name}_pkey"`, {
      detail: (detail ?? '').replace(' already exists.', ' is duplicated.'),
    });
  }
  keys.add(key);
}

function fill(after: TableObject, before: TableObject, change: RowChange, rekeyed: boolean): void {
  const keys = new Set<string>();
  const later = new Set(change.volatile.map(([column]) => column));
  const rows = function* (): Generator<readonly [Row, number]> {
    for (const row of before.store.rows()) {
      const next = change.of(row);
      checkRow(after, next, later, keys, rekeyed);
      yield [next, 1];
    }
  };
  emitRows(columnTypes(after), rows(), (batch) => after.store.apply(batch));
  after.store.commit(null);
}

/** The table's indexes over the new store; those of columns that are gone go. */
function moveIndexes(
  after: TableObject,
  indexes: readonly IndexObject[],
  positions: Positions,
  context: StatementContext,
): () => void {
  const { catalog } = context.database;
  const before = indexes.map((index) => ({
    index,
    relation: index.relation,
    entry: index.entry,
    include: index.include,
  }));
  const kept: IndexObject[] = [];
  for (const index of indexes) {
    const columns = index.entry.columns.flatMap((c) => positions[c] ?? []);
    const include = index.include.flatMap((c) => positions[c] ?? []);
    if (columns.length < index.entry.columns.length || include.length < index.include.length) {
      catalog.remove(index);
      continue;
    }
    index.entry = { ...index.entry, columns };
    index.include = include;
    index.relation = after;
    after.store.addIndex(index.entry);
    kept.push(index);
  }
  after.entry.indexes = kept.map((index) => index.entry);
  return () => {
    for (const { index, relation, entry, include } of before) {
      Object.assign(index, { relation, entry, include });
      if (catalog.byId(index.id) === null) catalog.add(index);
    }
  };
}

interface TableAfter {
  readonly after: TableObject;
  readonly shape: TableShape;
  /** To be called when the change cannot fail any more: the connector fills the new columns from now on. */
  readonly goOn: FedTable['goOn'];
}

function tableOf(statement: TableStatement, table: TableObject, context: StatementContext): TableAfter {
  const sql = printStatement(statement);
  const { owner, searchPath, timeZone, commits } = table;
  const settings = new Settings();
  settings.set('timezone', timeZone);
  // Its text names columns that positions in the running statement have nothing to do with.
  const own = { ...definitionContext({ ...table, sql }, context), settings };
  const kept = { owner, searchPath, timeZone, sql, commits: commits + 1 };
  if (isFedByName(table)) {
    const { after, shape, goOn } = fedTable(table, sql, own);
    Object.assign(after, kept);
    return { after, shape, goOn };
  }
  const again = makingStatement({ sql });
  const plain = must(again.kind === 'CreateTable' ? again : null);
  const shape = tableShape(plain.elements, null, table.name, own);
  checkShape(plain, shape);
  const after = makeTable(plain, shape, table.schema, table.name, own, table.id);
  Object.assign(after, kept);
  followAfter(table, after, shape);
  return { after, shape, goOn: () => {} };
}

function refuseFed(table: TableObject, position: number): void {
  if (table.source !== null && !mayChangeColumns(table) && !isFedByName(table)) {
    throw unsupported(
      `changing columns of a table that connector ${table.source.connector.name} feeds`,
      position,
      'Make a relation with the new columns beside it: what the connector still has is read again.',
    );
  }
  if (table.entry.lookup !== undefined) throw unsupported('changing columns of a lookup table', position);
}

/**
 * Only inside `exclusive`. The result is to be called when the statement is in the journal: it computes the defaults that
 * a repetition of the statement could not.
 */
export function alterColumns(
  table: TableObject,
  actions: readonly ColumnAction[],
  context: StatementContext,
): () => void {
  const { database } = context;
  const { catalog } = database;
  refuseFed(table, 0);
  const statement = makingStatement(table);
  const makes = statement.kind === 'CreateTable' || statement.kind === 'CreateSource';
  const changes = new ColumnChanges(table, must(makes ? statement : null), context);
  for (const action of actions) changes.apply(action);
  if (changes.statement === statement) return () => {};
  const doomed = dropReaders(table, changes, context);
  refuseRetyping(table, changes, context);
  const replacement = new Replacement(context);
  let after: TableObject = table;
  let change: RowChange | null = null;
  let goOn = (): void => {};
  replacement.run(() => {
    const made = tableOf(changes.statement, table, context);
    after = made.after;
    replacement.onFailure(() => database.removeNodes(new Set([made.after.node])));
    const rowChange = new RowChange(after, made.shape, changes, context);
    change = rowChange;
    refuseVolatile(table, rowChange);
    const rekeyed = table.rowId === null && table.key.some((k) => changes.retyped.includes(k));
    fill(after, table, rowChange, rekeyed);
    const positions = table.columns.map((c) => {
      const position = after.columns.findIndex((a) => a.name === c.name);
      return position < 0 || changes.origins.get(c.name)?.before == null ? null : position;
    });
    const own: Moved = { before: table, after, positions };
    const late = moveTime(database, own, (row) => rowChange.of(row), replacement);
    const moved = late === null ? [own] : [own, late];
    for (const object of doomed) removeObject(database, object);
    replacement.onFailure(follow(moved, context));
    moveWatermark(database, own, replacement);
    const moveLate = moveLateNodes(database, own, replacement);
    goOn = () => {
      moveLate();
      const isKnown = changes.retyped.length === 0 && rowChange.volatile.length === 0;
      made.goOn(isKnown ? (row) => rowChange.declared(row) : null);
    };
    for (const { before, after, positions } of moved) {
      replacement.replaceTable(after, before.node, positions);
    }
    if (changes.relaxed) replacement.voidPlans(after);
  });
  goOn();
  for (const index of catalog.dependents(table.id)) if (index.kind === 'index') rewriteIndex(catalog, index);
  return () => computeDefaults(after, change, context);
}

/** Rows that are never changed cannot be given values one by one. */
function refuseVolatile(table: TableObject, change: RowChange): void {
  if (change.volatile.length === 0 || (table.stream === null && table.admission === null)) return;
  throw unsupported(
    `ADD COLUMN with a DEFAULT that differs from row to row, to a ${table.stream === null ? 'table with a watermark' : 'source'}`,
    0,
    'Give a constant, or none.',
  );
}

/** Puts the new relations into the catalog; definitions over them keep the columns that they had. Gives what takes it back. */
function follow(moved: readonly Moved[], context: StatementContext): () => void {
  const byId = new Map(moved.map((m) => [m.before.id, m]));
  const changed = moved.map(({ before, after, positions }) => {
    const columns = before.columns.flatMap((c, position) => {
      const at = positions[position] ?? null;
      const now = at === null ? null : must(after.columns[at]).name;
      return c.hidden === true ? [] : [{ before: c.name, now, position }];
    });
    return [before.id, columns] as const;
  });
  const [{ before: table }] = moved as readonly [Moved];
  let undo = (): void => {};
  const texts = changeCatalog(context, {
    what: `alter ${shownKind(table)} ${table.name}`,
    ids: new Set(byId.keys()),
    names: [],
    changed: new Map(changed),
    map: (relation, column) => {
      const positions = byId.get(relation)?.positions;
      return positions === undefined ? column : (positions[column] ?? null);
    },
    make: () => {
      const back = moved.map((m) => exchange(m, context));
      undo = () => {
        for (const one of back) one();
      };
      return undo;
    },
  });
  return () => {
    texts();
    undo();
  };
}

function exchange({ before, after, positions }: Moved, context: StatementContext): () => void {
  const { catalog } = context.database;
  const indexes = catalog.dependents(before.id).flatMap((o) => (o.kind === 'index' ? [o] : []));
  catalog.replace(after);
  const back = moveIndexes(after, indexes, positions, context);
  catalog.moveComments(before.id, positions);
  return () => {
    catalog.replace(before);
    back();
  };
}

/** One commit with the values of volatile defaults. */
function computeDefaults(table: TableObject, change: RowChange | null, context: StatementContext): void {
  const { database } = context;
  const columns = change?.volatile ?? [];
  // In a restart the journal has the values.
  if (columns.length === 0 || table.store.rowCount() === 0 || database.recovery !== null) return;
  const rows = [...table.store.rows()].flatMap((row): [Row, number][] => {
    const next = [...row];
    for (const [column, scalar] of columns) next[column] = evaluateScalar(scalar, context.eval);
    return [
      [row, -1],
      [next, 1],
    ];
  });
  database.applyTables([{ table, rows }]);
}
