/** CREATE SINK ... AS query: the view whose changes the sink gives. It is planned, kept and paused as any other. */
import type { CreateMaterializedView } from '../../parser/ast/statement.ts';
import type { CreateSink } from '../../parser/ast/streaming.ts';
import { printStatement } from '../../parser/print.ts';
import { MILLRACE_SINKS } from '../catalog.ts';
import { identifier } from '../definitions/rewrite.ts';
import { Entry, type MaterializedViewObject } from '../objects.ts';
import { pausedBy } from '../pause.ts';
import { originOf, type StatementContext } from '../statements/statement.ts';
import { createLateRelation, viewLateColumns } from '../time/lateRelation.ts';
import { buildView, noParts, watermarkedColumns } from '../viewBuild.ts';
import { planView, type ViewPlan } from '../views/planView.ts';
import { queryViewId } from './definition.ts';

/** The statement that the query would be a view by. */
function viewStatementOf(statement: CreateSink, name: string): CreateMaterializedView | null {
  const { source, emit, span } = statement;
  if (source.kind !== 'query') return null;
  return {
    kind: 'CreateMaterializedView',
    orReplace: false,
    ifNotExists: false,
    name: { kind: 'ObjectName', parts: [identifier(MILLRACE_SINKS), identifier(name)], span },
    columns: [],
    query: source.query,
    emit,
    options: [],
    withData: true,
    span,
  };
}

/** The view of the sink with this id, planned; null: the sink has no query. */
export function planQueryView(
  statement: CreateSink,
  sink: number,
  context: StatementContext,
): ViewPlan | null {
  const written = viewStatementOf(statement, `sink_${sink}`);
  return written === null ? null : planView(written, context);
}

/** Makes the view of the sink with this id and puts it into the catalog; null: the sink has no query. Only inside `exclusive`. */
export function createQueryView(
  statement: CreateSink,
  sink: number,
  context: StatementContext,
): MaterializedViewObject | null {
  const name = `sink_${sink}`;
  const written = viewStatementOf(statement, name);
  if (written === null) return null;
  const { database } = context;
  const plan = planView(written, context);
  const { planned, dependsOn, columns, timing, errors, definition } = plan;
  const id = queryViewId(sink);
  const { searchPath, timeZone } = originOf(context);
  const paused = database.recovery === null ? null : pausedBy(database, dependsOn);
  const shape = { id, name, timeZone, planned, errors };
  const parts =
    paused === null ? buildView(database, shape, () => context.checkCancelled()) : noParts(planned);
  for (const dependency of dependsOn) {
    const upstream = database.catalog.byId(dependency);
    if (upstream?.kind === 'source') upstream.source.consumers.add(id);
  }
  const entry: Entry = new Entry({
    id,
    kind: 'materialized view',
    schema: MILLRACE_SINKS,
    name,
    columns,
    key: planned.key,
    appendOnly: planned.plan.appendOnly,
    watermarked: watermarkedColumns(planned.watermarks),
    definition,
    searchPath,
    rows: () => view.store.rowCount(),
  });
  const view: MaterializedViewObject = {
    kind: 'materialized view',
    id,
    schema: MILLRACE_SINKS,
    name,
    owner: context.user,
    sql: printStatement(written),
    searchPath,
    timeZone,
    planned,
    timing,
    errors,
    dependsOn,
    columns,
    definition,
    ...parts,
    paused,
    plannedOver: plan.plannedOver,
    order: planned.order,
    entry,
  };
  database.catalog.add(view);
  if (plan.closing !== null) createLateRelation(database, view, viewLateColumns, plan.closing);
  return view;
}
