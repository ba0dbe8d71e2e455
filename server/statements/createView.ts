/** CREATE VIEW and CREATE MATERIALIZED VIEW. */

import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import type { PlannedView } from '../../planner/plan.ts';
import { buildInSlices } from '../backfill/slicedBuild.ts';
import { carryOut, type SlicedJob } from '../backfill/slicedJob.ts';
import { beginView, mannerOf, type PlaceView, type ViewTarget } from '../backfill/viewJob.ts';
import { Entry, type MaterializedViewObject, type Paused, type ViewObject } from '../objects.ts';
import { pausedBy, pauseFailed } from '../pause.ts';
import { routinesUsed } from '../planning.ts';
import { noticeForgotten } from '../remote/forgotten.ts';
import { createLateRelation, viewLateColumns } from '../time/lateRelation.ts';
import { noParts, type ViewParts, watermarkedColumns } from '../viewBuild.ts';
import { noParameters, planView, recording, type ViewPlan, viewColumns } from '../views/planView.ts';
import { noticeNestedLoops } from './joinNotices.ts';
import { beginReplacement, replaceView } from './replaceView.ts';
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

const TAG = 'CREATE MATERIALIZED VIEW';

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
const ownOptions = ['ttl', 'ttl_column', 'replay_from', ...errorOptions];

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
    const job = await context.database.exclusive(() => create(statement, context));
    if (job !== null) await carryOut(job, context);
    return done(TAG);
  },
};

/** Makes the view; or begins to, where that takes a while and others can go on meanwhile. */
async function create(
  statement: CreateMaterializedView,
  context: StatementContext,
): Promise<SlicedJob | null> {
  const { database } = context;
  const { schema: written, name } = splitName(statement.name, context);
  const schema = creationSchema({ schema: written, position: statement.name.span.start }, context);
  if (statement.orReplace) {
    const replaced = beginReplacement(statement, schema, name, context);
    if (replaced !== 'missing') return replaced;
  }
  if (nameTaken(schema, name, statement.ifNotExists, context)) return null;
  const plan = planView(statement, context);
  const manner = mannerOf(plan, context);
  const origin = originOf(context);
  const target: ViewTarget = { statement, id: database.catalog.allocateId(), schema, name, origin };
  const place: PlaceView = (planned, build, job) => {
    const taken = database.catalog.find(schema, name, []);
    if (taken !== null) throw new SqlError('42P07', `relation "${name}" already exists`);
    if (!database.catalog.hasSchema(schema)) throw new SqlError('3F000', `schema "${schema}" does not exist`);
    placeObject(target, planned, { parts: build(), paused: null, job }, context);
  };
  const job = manner === 'one go' ? null : beginView(target, plan, context, manner === 'background', place);
  warnOfUnboundedState(plan.planned, context);
  noticeNestedLoops(plan.planned.plan, context);
  noticeForgotten(plan.dependsOn, context);
  if (job !== null) return job;
  // A restart makes everything again, views over paused ones too.
  const paused = database.recovery === null ? null : pausedBy(database, plan.dependsOn);
  const shape = { ...plan, id: target.id, name, timeZone: origin.timeZone };
  const parts =
    paused === null ? await buildInSlices(database, shape, plan.dependsOn, context) : noParts(plan.planned);
  placeObject(target, plan, { parts, paused, job: database.jobs.resuming ?? undefined }, context);
  return null;
}

/** Names the view in the catalog, and journals it. */
function placeObject(
  target: ViewTarget,
  plan: ViewPlan,
  made: {
    readonly parts: ViewParts;
    readonly paused: Paused | null;
    readonly job: number | undefined;
  },
  context: StatementContext,
): void {
  const { database } = context;
  const view = viewObject(target, plan, made.parts, made.paused, context);
  database.catalog.add(view);
  if (plan.closing !== null) createLateRelation(database, view, viewLateColumns, plan.closing);
  pauseFailed(database);
  database.journal?.appendDdl(target.origin, target.id, database.clock(), made.job);
}

/** The object over its parts in the dataflow. */
function viewObject(
  { id, schema, name, origin }: ViewTarget,
  plan: ViewPlan,
  parts: ViewParts,
  paused: Paused | null,
  context: StatementContext,
): MaterializedViewObject {
  const { database } = context;
  const { planned, dependsOn } = plan;
  const target = { ...plan, id, schema, name };
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
    replayFrom: target.replayFrom,
    owner: context.user,
    ...origin,
    dependsOn,
    columns: target.columns,
    definition: target.definition,
    ...parts,
    paused,
    plannedOver: plan.plannedOver,
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
