/**
 * Views with `on_error = 'fail'`: a commit that brings a row which such a view cannot compute is refused.
 *
 * Whether it does is found out by doing it: before the commit is journalled, its changes run through the dataflow as one
 * tick, and then their opposite as another, in those views that refuse rows and what these are made of. By the operators' contract (the output of a tick is the exact change of the
 * result) everything is then as before, whatever the view is made of, and the view's errors of the first tick say whether
 * the commit is refused. Views whose result is no function of what their inputs hold (a changelog) have no place there.
 * What time has made due is run before, so that the trial makes nothing happen that time would.
 * Only rows that can be taken back can be tried: those of tables that clients write and that are not append-only.
 */
import { types } from '../common/dataType.ts';
import { SqlError, unsupported } from '../common/sqlError.ts';
import { formatValue } from '../common/textIo.ts';
import type { Guard } from '../executor/dataflow.ts';
import { dependsOnHistory } from '../planner/maintainable.ts';
import type { PhysicalPlan } from '../planner/plan/physical.ts';
import type { Database, TableDelta } from './database.ts';
import type { RowErrorEntry } from './errorLog.ts';
import { messageContext } from './ingest.ts';
import { type CatalogObject, isRefusing, type MaterializedViewObject, type TableObject } from './objects.ts';

/** The row as text, for messages. */
function describeRow({ row }: RowErrorEntry): string | null {
  return row === null ? null : `Failing row: ${formatValue(row, types.jsonb, messageContext)}.`;
}

/** The error of a row of a view, for whoever must know. The position would be one in the view's definition. */
export function refusalOf(view: { readonly name: string }, entry: RowErrorEntry): SqlError {
  const detail = entry.detail ?? describeRow(entry);
  return new SqlError(entry.state, entry.message, {
    ...(detail === null ? {} : { detail }),
    where: `materialized view "${view.name}", operator ${entry.operator}`,
  });
}

/** The running views that refuse rows and have an error, with it. */
export function refusedBy(
  database: Database,
): readonly (readonly [view: MaterializedViewObject, entry: RowErrorEntry])[] {
  return database.rowErrors.relations().flatMap((id) => {
    const view = database.catalog.byId(id);
    if (view?.kind !== 'materialized view' || !isRefusing(view)) return [];
    const entry = database.rowErrors.first(id);
    return entry === null ? [] : [[view, entry] as const];
  });
}

/** Everything that an object is made of, directly or not. */
function basesOf(database: Database, ids: Iterable<number>): ReadonlySet<CatalogObject> {
  const bases = new Set<CatalogObject>();
  const visit = (id: number): void => {
    const object = database.catalog.byId(id);
    if (object === null || bases.has(object)) return;
    bases.add(object);
    for (const dependency of object.dependsOn) visit(dependency);
  };
  for (const id of ids) visit(id);
  return bases;
}

/** Clients write it; rows of connectors and of the server's own are there whether a view likes them or not. */
const isWritten = (table: TableObject): boolean => !table.internal && table.source === null;

/** Refuses `on_error = 'fail'` where rows cannot be taken back. */
export function checkRefusable(
  database: Database,
  view: { readonly plan: PhysicalPlan; readonly dependsOn: ReadonlySet<number> },
  position: number,
): void {
  const refuseHistory = (plan: PhysicalPlan, what: string): void => {
    if (!dependsOnHistory(plan)) return;
    throw unsupported(
      `on_error = 'fail' with ${what} whose rows depend on history`,
      position,
      "Use on_error = 'skip' or 'null': AS CHANGELOG and volatile functions cannot take a change back as if it had not been.",
    );
  };
  refuseHistory(view.plan, 'a query');
  for (const object of basesOf(database, view.dependsOn)) {
    if (object.kind === 'materialized view') refuseHistory(object.planned.plan, `the view "${object.name}"`);
    if (object.kind !== 'table' || !isWritten(object)) continue;
    if (!object.appendOnly && object.admission === null) continue;
    throw unsupported(
      `on_error = 'fail' over the append-only table "${object.name}"`,
      position,
      "Use on_error = 'skip' or 'null', or make the table without APPEND ONLY.",
    );
  }
}

/** Keeps all views that are not among these out of what happens in `section`. */
function alone(database: Database, views: ReadonlySet<CatalogObject>, section: () => void): void {
  const guards = new Set<Guard>();
  for (const object of database.catalog.objects()) {
    if (object.kind !== 'materialized view' || views.has(object)) continue;
    for (const { guard } of object.nodes) if (guard !== null) guards.add(guard);
  }
  for (const { runtime } of database.sinks.list()) {
    const guard = runtime.node?.guard ?? null;
    if (guard !== null) guards.add(guard);
  }
  for (const guard of guards) guard.suspended = true;
  try {
    section();
  } finally {
    for (const guard of guards) guard.suspended = false;
  }
}

/** Some running view refuses rows. */
export function mayBeRefused(database: Database): boolean {
  return concernedObjects(database).size > 0;
}

/** Throws if a view refuses these changes; they are not made. Only inside `exclusive`. */
export function tryChanges(database: Database, deltas: readonly TableDelta[]): void {
  const concerned = concernedObjects(database);
  const tried = deltas.filter(({ table }) => isWritten(table) && concerned.has(table));
  if (tried.length === 0) return;
  if (database.dataflow.isDue()) {
    database.journal?.noteTick(database.beginTick());
    database.runTick(() => {});
  }
  const run = (sign: 1 | -1): void => {
    for (const { table, rows } of tried) {
      database.pushRows(
        table,
        rows.map(([row, weight]) => [row, sign * weight]),
      );
    }
    database.dataflow.finishTick();
  };
  let refused: SqlError | undefined;
  alone(database, concerned, () => {
    run(1);
    refused = refusedBy(database).map(([view, entry]) => refusalOf(view, entry))[0];
    run(-1);
  });
  database.lateRows.length = 0;
  if (refused !== undefined) throw refused;
}

/** The running views that refuse rows, and everything that they are made of. */
function concernedObjects(database: Database): ReadonlySet<CatalogObject> {
  const refusing = database.catalog
    .objects()
    .flatMap((object) => (object.kind === 'materialized view' && isRefusing(object) ? [object.id] : []));
  return basesOf(database, refusing);
}
