/** CREATE OR REPLACE of views that exist: the new definition takes the old one's place, with everything that depends on it. */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { printStatement } from '../../parser/print.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import type { SlicedJob } from '../backfill/slicedJob.ts';
import { beginView, mannerOf, type PlaceView, type ViewTarget } from '../backfill/viewJob.ts';
import type { DdlOrigin } from '../database.ts';
import { changeCatalog } from '../definitions/definitions.ts';
import { viewStatement } from '../definitions/viewStatement.ts';
import type { CatalogObject, MaterializedViewObject, ViewObject } from '../objects.ts';
import { pauseFailed, resumeOver } from '../pause.ts';
import { routinesUsed } from '../planning.ts';
import { createLateRelation, lateRelationOf, viewLateColumns } from '../time/lateRelation.ts';
import type { ViewParts } from '../viewBuild.ts';
import { noParameters, planView, recording, type ViewPlan, viewColumns } from '../views/planView.ts';
import { Replacement } from '../views/replacement.ts';
import { removeObject } from './drop.ts';
import { originOf, type StatementContext } from './statement.ts';

type Named = Pick<Column, 'name' | 'type' | 'hidden'>;

/** PostgreSQL's rule: the columns stay, in number, order, name and type; more may come after them. */
function checkColumns(before: readonly Named[], now: readonly Named[]): void {
  const old = before.filter((c) => c.hidden !== true);
  const next = now.filter((c) => c.hidden !== true);
  if (next.length < old.length) throw new SqlError('42P16', 'cannot drop columns from view');
  old.forEach((column, i) => {
    const other = next[i];
    if (other === undefined) return;
    if (other.name !== column.name) {
      throw new SqlError('42P16', `cannot change name of view column "${column.name}" to "${other.name}"`, {
        hint: 'Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.',
      });
    }
    if (formatType(other.type) !== formatType(column.type)) {
      throw new SqlError(
        '42P16',
        `cannot change data type of view column "${column.name}" from ${formatType(column.type)} to ${formatType(other.type)}`,
      );
    }
  });
}

/** 42P17 where the view would come to depend on itself. */
function checkCircular(view: CatalogObject, dependsOn: ReadonlySet<number>, context: StatementContext): void {
  const { catalog, functions } = context.database;
  const seen = new Set<number>();
  const pending = [...dependsOn];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === view.id) {
      throw new SqlError('42P17', `infinite recursion detected in rules for relation "${view.name}"`);
    }
    if (seen.has(id)) continue;
    seen.add(id);
    pending.push(...((catalog.byId(id) ?? functions.byId(id))?.dependsOn ?? []));
  }
}

function existing(
  kind: 'view' | 'materialized view',
  schema: string,
  name: string,
  context: StatementContext,
): CatalogObject | null {
  const object = context.database.catalog.find(schema, name, []);
  if (object === null || object.kind === kind) return object;
  throw new SqlError('42809', `"${name}" is not a ${kind}`);
}

/** The change of the definition, with the views over it keeping the columns that they had of it. */
function withColumns(
  view: ViewObject | MaterializedViewObject,
  columns: readonly Named[],
  context: StatementContext,
  replacement: Replacement,
  make: () => () => void,
): void {
  const before = view.columns.filter((c) => c.hidden !== true);
  const grows = columns.filter((c) => c.hidden !== true).length > before.length;
  if (!grows) {
    make();
    return;
  }
  const changed = new Map([
    [view.id, before.map((c, position) => ({ before: c.name, now: c.name, position }))],
  ]);
  const undo = changeCatalog(context, {
    what: `replace ${view.kind} ${view.name}`,
    ids: new Set([view.id]),
    names: [],
    changed,
    make,
  });
  replacement.onFailure(undo);
}

/** True when there was such a view, which is another one now. Only inside `exclusive`. */
export function replaceView(
  statement: CreateView,
  schema: string,
  name: string,
  context: StatementContext,
): boolean {
  const view = existing('view', schema, name, context);
  if (view?.kind !== 'view') return false;
  const { database } = context;
  const { env, seen } = recording(context);
  const bound = bindQuery(statement.query, env);
  noParameters(bound, 'views');
  const columns = viewColumns(bound, statement.columns, statement.span.start);
  checkColumns(view.columns, columns);
  const dependsOn = new Set([...seen, ...routinesUsed(context)]);
  checkCircular(view, dependsOn, context);
  const replacement = new Replacement(context);
  replacement.run(() => {
    withColumns(view, columns, context, replacement, () => {
      const before = { ...view };
      const shown = {
        columns: view.entry.columns,
        definition: view.entry.definition,
        searchPath: view.entry.searchPath,
      };
      Object.assign(view, {
        ...originOf(context),
        columns,
        dependsOn,
        definition: context.textOf(statement.query),
      });
      Object.assign(view.entry, { columns, definition: view.definition, searchPath: view.searchPath });
      const undo = (): void => {
        Object.assign(view, before);
        Object.assign(view.entry, shown);
      };
      replacement.onFailure(undo);
      return undo;
    });
    replacement.replaceDefinition(view);
  });
  resumeOver(database, view);
  pauseFailed(database);
  database.journalDdl(originOf(context), null);
  return true;
}

/** Options that the statement leaves out stay as they were. */
function withOptionsOf(
  view: MaterializedViewObject,
  statement: CreateMaterializedView,
): CreateMaterializedView {
  const before = viewStatement(view);
  if (before.kind !== 'CreateMaterializedView') return statement;
  const own = new Set(statement.options.map((o) => o.name));
  const kept = before.options.filter((o: Option) => !own.has(o.name));
  return { ...statement, options: [...statement.options, ...kept] };
}

/** Late rows stay with the view; there is a relation for them as long as its windows close. */
function keepLateRelation(
  view: MaterializedViewObject,
  closing: Named['type'] | null,
  context: StatementContext,
): void {
  const { database } = context;
  const late = lateRelationOf(database, view.id);
  const before = late?.columns.find((c) => c.name === 'late_event_time')?.type ?? null;
  if (closing === null ? before === null : before !== null && formatType(before) === formatType(closing))
    return;
  if (late !== null) removeObject(database, late);
  if (closing !== null) createLateRelation(database, view, viewLateColumns, closing);
}

function checkLateRelation(
  view: MaterializedViewObject,
  closing: Named['type'] | null,
  context: StatementContext,
): void {
  const late = lateRelationOf(context.database, view.id);
  const [user] = late === null ? [] : context.database.catalog.dependents(late.id);
  if (late === null || user === undefined) return;
  const type = late.columns.find((c) => c.name === 'late_event_time')?.type ?? null;
  if (closing !== null && type !== null && formatType(type) === formatType(closing)) return;
  throw new SqlError(
    '2BP01',
    `cannot replace materialized view ${view.name} because other objects depend on it`,
    {
      detail: `${user.kind} ${user.name} depends on table ${late.name}`,
    },
  );
}

/**
 * Puts the new definition in the place of that of a view that exists; or begins to fill it, where that takes a while. Only
 * inside `exclusive`.
 */
export function beginReplacement(
  written: CreateMaterializedView,
  schema: string,
  name: string,
  context: StatementContext,
): SlicedJob | 'missing' | null {
  const view = existing('materialized view', schema, name, context);
  if (view?.kind !== 'materialized view') return 'missing';
  const { database } = context;
  database.jobs.refuseChange([view]);
  const statement = withOptionsOf(view, written);
  const plan = planView(statement, context);
  checkReplacement(view, plan, context);
  const manner = mannerOf(plan, context);
  if (manner === 'one go') {
    replaceMaterializedView(view, written, statement, plan, context);
    return null;
  }
  const target: ViewTarget = { statement, id: view.id, schema, name, origin: originOf(context) };
  const place: PlaceView = (planned, build, job) => {
    if (database.catalog.find(schema, name, []) !== view) {
      throw new SqlError('42P01', `relation "${name}" does not exist`);
    }
    // Whether it is cancelled has been asked before; later the session does other things.
    const silent = { ...context, notice: () => {}, checkCancelled: () => {} };
    checkReplacement(view, planned, silent);
    replaceMaterializedView(view, written, statement, planned, silent, {
      build,
      job,
      origin: target.origin,
    });
  };
  return beginView(target, plan, context, manner === 'background', place);
}

function checkReplacement(view: MaterializedViewObject, plan: ViewPlan, context: StatementContext): void {
  checkColumns(view.columns, plan.columns);
  checkCircular(view, plan.dependsOn, context);
  checkLateRelation(view, plan.closing, context);
}

/** `made`: what has been prepared. */
function replaceMaterializedView(
  view: MaterializedViewObject,
  written: CreateMaterializedView,
  statement: CreateMaterializedView,
  plan: ViewPlan,
  context: StatementContext,
  made?: {
    readonly build: () => ViewParts;
    readonly job: number | undefined;
    readonly origin: DdlOrigin;
  },
): void {
  const { database } = context;
  const origin = made?.origin ?? originOf(context);
  const sql = statement.options.length === written.options.length ? origin.sql : printStatement(statement);
  const replacement = new Replacement(context);
  replacement.run(() => {
    const before = { sql: view.sql, searchPath: view.searchPath, timeZone: view.timeZone };
    const { searchPath } = view.entry;
    replacement.onFailure(() => {
      Object.assign(view, before);
      view.entry.searchPath = searchPath;
    });
    withColumns(view, plan.columns, context, replacement, () => {
      const columns = { before: view.columns, entry: view.entry.columns };
      view.columns = plan.columns;
      view.entry.columns = plan.columns;
      const undo = (): void => {
        view.columns = columns.before;
        view.entry.columns = columns.entry;
      };
      replacement.onFailure(undo);
      return undo;
    });
    Object.assign(view, { ...origin, sql });
    view.entry.searchPath = origin.searchPath;
    replacement.replaceView(view, plan, made?.build);
  });
  keepLateRelation(view, plan.closing, context);
  resumeOver(database, view);
  pauseFailed(database);
  database.journal?.appendDdl(
    origin,
    null,
    database.clock(),
    made?.job ?? database.jobs.resuming ?? undefined,
  );
}
