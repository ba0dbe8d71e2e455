/** CREATE VIEW and CREATE MATERIALIZED VIEW. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import type { PlannedView } from '../../planner/plan.ts';
import { buildInSlices } from '../backfill/slicedBuild.ts';
import { Entry, type MaterializedViewObject, type ViewObject } from '../objects.ts';
import { pausedBy, pauseFailed } from '../pause.ts';
import { routinesUsed } from '../planning.ts';
import { createLateRelation, viewLateColumns } from '../time/lateRelation.ts';
import { noParts, watermarkedColumns } from '../viewBuild.ts';
import {
  noParameters,
  planView,
  recording,
  rowCounts,
  type ViewPlan,
  viewColumns,
} from '../views/planView.ts';
import { noticeNestedLoops } from './joinNotices.ts';
import { replaceMaterializedView, replaceView } from './replaceView.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';
import { errorOptions } from './viewErrors.ts';

export const createView: StatementHandler<CreateView> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE VIEW');
    if (statement.temporary) throw unsupported('CREATE TEMPORARY VIEW', statement.span.start);
    const target = splitName(statement.name, context);
    const schema = creationSchema(target, context);
    const { env, seen } = recording(context);
    const bound = bindQuery(statement.query, env);
    noParameters(bound, 'views');
    const columns = viewColumns(bound, statement.columns, statement.span.start);
    const definition = context.textOf(statement.query);
    const { database } = context;
    return database.exclusive(() => {
      if (statement.orReplace && replaceView(statement, schema, target.name, context))
        return done('CREATE VIEW');
      if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done('CREATE VIEW');
      const id = database.catalog.allocateId();
      const origin = originOf(context);
      const entry = new Entry({
        id,
        kind: 'view',
        schema,
        name: target.name,
        columns,
        key: null,
        appendOnly: false,
        definition,
        searchPath: origin.searchPath,
        rows: () => 0,
      });
      const view: ViewObject = {
        kind: 'view',
        id,
        schema,
        name: target.name,
        owner: context.user,
        ...origin,
        dependsOn: new Set([...seen, ...routinesUsed(context)]),
        columns,
        definition,
        entry,
      };
      database.catalog.add(view);
      database.journalDdl(origin, id);
      return done('CREATE VIEW');
    });
  },
};

/** Options of RisingWave's WITH clause that have no effect here. */
const acceptedOptions = [
  'source_rate_limit',
  'backfill_rate_limit',
  'backfill_order',
  'resource_group',
  'parallelism',
];

/** Options that viewTiming and errorPolicy read. */
const ownOptions = ['ttl', 'ttl_column', ...errorOptions];

function checkView(statement: CreateMaterializedView): void {
  const position = statement.span.start;
  if (!statement.withData) throw unsupported('WITH NO DATA', position);
  for (const option of statement.options) {
    if (!acceptedOptions.includes(option.name) && !ownOptions.includes(option.name)) {
      throw new SqlError('22023', `unrecognized materialized view option "${option.name}"`, {
        position: option.span.start,
      });
    }
  }
}

export const createMaterializedView: StatementHandler<CreateMaterializedView> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE MATERIALIZED VIEW');
    checkView(statement);
    const { database } = context;
    return database.exclusive(async () => {
      const target = splitName(statement.name, context);
      const schema = creationSchema(target, context);
      if (statement.orReplace && replaceMaterializedView(statement, schema, target.name, context))
        return done('CREATE MATERIALIZED VIEW');
      if (nameTaken(schema, target.name, statement.ifNotExists, context))
        return done('CREATE MATERIALIZED VIEW');
      const plan = planView(statement, context);
      const { planned } = plan;
      const id = database.catalog.allocateId();
      const view = await viewObject({ id, schema, name: target.name, ...plan }, context);
      warnOfUnboundedState(planned, context);
      noticeNestedLoops(planned.plan, context);
      database.catalog.add(view);
      if (plan.closing !== null) createLateRelation(database, view, viewLateColumns, plan.closing);
      pauseFailed(database);
      database.journalDdl(originOf(context), id);
      return done('CREATE MATERIALIZED VIEW');
    });
  },
};

/** The object over its parts in the dataflow. */
async function viewObject(
  target: ViewPlan & { readonly id: number; readonly schema: string; readonly name: string },
  context: StatementContext,
): Promise<MaterializedViewObject> {
  const { database } = context;
  const { planned, dependsOn } = target;
  const origin = originOf(context);
  // A restart makes everything again, views over paused ones too.
  const paused = database.recovery === null ? null : pausedBy(database, dependsOn);
  const parts =
    paused === null
      ? await buildInSlices(database, { ...target, timeZone: origin.timeZone }, dependsOn, context)
      : noParts(planned);
  for (const dependency of dependsOn) {
    const upstream = database.catalog.byId(dependency);
    if (upstream?.kind === 'source') upstream.source.consumers.add(target.id);
  }
  const entry: Entry = new Entry({
    id: target.id,
    kind: 'materialized view',
    schema: target.schema,
    name: target.name,
    columns: target.columns,
    key: planned.key,
    appendOnly: planned.plan.appendOnly,
    watermarked: watermarkedColumns(planned.watermarks),
    definition: target.definition,
    searchPath: origin.searchPath,
    rows: () => view.store.rowCount(),
  });
  const view: MaterializedViewObject = {
    kind: 'materialized view',
    id: target.id,
    schema: target.schema,
    name: target.name,
    planned,
    timing: target.timing,
    errors: target.errors,
    owner: context.user,
    ...origin,
    dependsOn,
    columns: target.columns,
    definition: target.definition,
    ...parts,
    paused,
    plannedOver: rowCounts(database, dependsOn),
    order: planned.order,
    entry,
  };
  return view;
}

/** Says which operators will keep more and more. */
export function warnOfUnboundedState(planned: PlannedView, context: StatementContext): void {
  for (const { operator, reason, hint } of planned.unbounded) {
    context.notice({
      severity: 'WARNING',
      state: '01000',
      message: `state of ${operator} grows without bound`,
      detail: reason,
      hint,
    });
  }
}
