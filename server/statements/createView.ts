/** CREATE VIEW and CREATE MATERIALIZED VIEW. */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Column, DataType, Schema } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import { withNullOnError } from '../../planner/nullOnError.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical, walkPlan } from '../../planner/plan/walk.ts';
import { isWorkingTable } from '../../planner/plan/workingTable.ts';
import { type PlannedView, planMaterializedView, type ViewTiming } from '../../planner/plan.ts';
import type { Database } from '../database.ts';
import { Entry, type ErrorPolicy, type MaterializedViewObject, type ViewObject } from '../objects.ts';
import { pausedBy, pauseFailed } from '../pause.ts';
import { bindEnvironment, plannerEnvironment, routinesUsed } from '../planning.ts';
import { checkRefusable } from '../refusal.ts';
import { createLateRelation, viewLateColumns } from '../time/lateRelation.ts';
import { buildView, noParts, watermarkedColumns } from '../viewBuild.ts';
import { noticeNestedLoops } from './joinNotices.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';
import { errorOptions, errorPolicy } from './viewErrors.ts';
import { viewTiming } from './viewTiming.ts';

/** Column names of a view: those written, else those of the query. */
function viewColumns(bound: BoundQuery, names: readonly Ident[], position: number): Column[] {
  if (names.length > bound.columns.length) {
    throw new SqlError('42601', 'CREATE VIEW specifies more column names than columns', { position });
  }
  const columns = bound.columns.map((c, i) => ({
    name: names[i]?.name ?? c.name,
    type: c.type,
    nullable: c.nullable,
  }));
  const seen = new Set<string>();
  for (const c of columns) {
    if (seen.has(c.name)) {
      throw new SqlError('42701', `column "${c.name}" specified more than once`, {
        position,
        hint: 'Give the columns different names with AS.',
      });
    }
    seen.add(c.name);
  }
  return columns;
}

/** Ids of the objects that a query reads, views (by name resolution) included. */
function dependencies(plan: LogicalPlan, entries: ReadonlySet<number>): ReadonlySet<number> {
  const ids = new Set<number>(entries);
  const visit = (p: LogicalPlan): void => {
    walkPlan(p, (node) => {
      if (node.kind === 'Scan' && !isWorkingTable(node.relation)) ids.add(node.relation.id);
    });
  };
  visit(plan);
  return ids;
}

/** A catalog that remembers which relations were looked up, so that views count as dependencies too. */
function recording(context: StatementContext): {
  readonly env: ReturnType<typeof bindEnvironment>;
  readonly seen: Set<number>;
} {
  const env = bindEnvironment(context);
  const seen = new Set<number>();
  const { catalog } = env;
  return {
    seen,
    env: {
      ...env,
      catalog: {
        database: catalog.database,
        hasSchema: (name) => catalog.hasSchema(name),
        relationNames: (schema, path) => catalog.relationNames(schema, path),
        rowType: (schema, name, path) => catalog.rowType(schema, name, path),
        relation(schema, name, path): RelationEntry | null {
          const entry = catalog.relation(schema, name, path);
          if (entry !== null && entry.kind !== 'system') seen.add(entry.id);
          return entry;
        },
      },
    },
  };
}

function noParameters(bound: BoundQuery, what: string): void {
  if (bound.parameters.length > 0) throw new SqlError('42P02', `${what} must not contain parameters`);
}

export const createView: StatementHandler<CreateView> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE VIEW');
    if (statement.orReplace) throw unsupported('CREATE OR REPLACE VIEW', statement.span.start);
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
  if (statement.orReplace) throw unsupported('CREATE OR REPLACE MATERIALIZED VIEW', position);
  if (!statement.withData) throw unsupported('WITH NO DATA', position);
  for (const option of statement.options) {
    if (!acceptedOptions.includes(option.name) && !ownOptions.includes(option.name)) {
      throw new SqlError('22023', `unrecognized materialized view option "${option.name}"`, {
        position: option.span.start,
      });
    }
  }
}

/** Relations whose rows are not kept up to date cannot be under a maintained view. */
function refuseSystemRelations(plan: LogicalPlan, position: number): void {
  walkPlan(plan, (node) => {
    if (node.kind === 'Scan' && node.relation.kind === 'system') {
      throw unsupported(`the system relation "${node.relation.name}" in a materialized view`, position);
    }
  });
}

export const createMaterializedView: StatementHandler<CreateMaterializedView> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE MATERIALIZED VIEW');
    checkView(statement);
    const { database } = context;
    return database.exclusive(async () => {
      const target = splitName(statement.name, context);
      const schema = creationSchema(target, context);
      if (nameTaken(schema, target.name, statement.ifNotExists, context))
        return done('CREATE MATERIALIZED VIEW');
      // Bound inside the lock: nothing it reads can be dropped meanwhile.
      const { env, seen } = recording(context);
      const errors = errorPolicy(statement.options);
      const query = bindQuery(statement.query, env);
      const bound = errors.onError === 'null' ? withNullOnError(query) : query;
      noParameters(bound, 'materialized views');
      refuseSystemRelations(bound.plan, statement.span.start);
      const columns = viewColumns(bound, statement.columns, statement.span.start);
      const timing = viewTiming(statement, columns, context);
      const planned = planMaterializedView(bound, plannerEnvironment(context), timing);
      const dependsOn = dependencies(bound.plan, new Set([...seen, ...routinesUsed(context)]));
      if (errors.onError === 'fail') {
        checkRefusable(database, { plan: planned.plan, dependsOn }, statement.span.start);
      }
      const id = database.catalog.allocateId();
      const view = viewObject(
        { id, schema, name: target.name, planned, timing, errors },
        columns,
        dependsOn,
        context.textOf(statement.query),
        context,
      );
      warnOfUnboundedState(planned, context);
      noticeNestedLoops(planned.plan, context);
      database.catalog.add(view);
      const closing = closingType(planned.plan);
      if (closing !== null) createLateRelation(database, view, viewLateColumns, closing);
      pauseFailed(database);
      database.journalDdl(originOf(context), id);
      return done('CREATE MATERIALIZED VIEW');
    });
  },
};

/** All columns that are stored: the visible ones, then hidden sort and key columns. */
function storedColumns(planned: PlannedView, columns: Schema): Column[] {
  const names = new Set(columns.map((c) => c.name));
  return planned.plan.schema.map((c, i) => {
    const visible = columns[i];
    if (i < planned.visible && visible !== undefined) return visible;
    let name = `_hidden_${i}`;
    while (names.has(name)) name = `_${name}`;
    names.add(name);
    return { name, type: c.type, nullable: c.nullable, hidden: true };
  });
}

/** The object over its parts in the dataflow. */
function viewObject(
  target: {
    readonly id: number;
    readonly schema: string;
    readonly name: string;
    readonly planned: PlannedView;
    readonly timing: ViewTiming;
    readonly errors: ErrorPolicy;
  },
  visible: Schema,
  dependsOn: ReadonlySet<number>,
  definition: string,
  context: StatementContext,
): MaterializedViewObject {
  const { database } = context;
  const { planned } = target;
  const columns = storedColumns(planned, visible);
  const origin = originOf(context);
  // A restart makes everything again, views over paused ones too.
  const paused = database.recovery === null ? null : pausedBy(database, dependsOn);
  const parts =
    paused === null
      ? buildView(database, { ...target, timeZone: origin.timeZone }, () => context.checkCancelled())
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
    columns,
    key: planned.key,
    appendOnly: planned.plan.appendOnly,
    watermarked: watermarkedColumns(planned.watermarks),
    definition,
    searchPath: origin.searchPath,
    rows: () => view.store.rowCount(),
  });
  const view: MaterializedViewObject = {
    kind: 'materialized view',
    ...target,
    owner: context.user,
    ...origin,
    dependsOn,
    columns,
    definition,
    ...parts,
    paused,
    plannedOver: rowCounts(database, dependsOn),
    order: planned.order,
    entry,
  };
  return view;
}

/** Rows that the relations have now. */
function rowCounts(database: Database, ids: ReadonlySet<number>): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) {
    const object = database.catalog.byId(id);
    if (object !== null && object.kind !== 'index') counts.set(id, object.entry.rowCount());
  }
  return counts;
}

/** The type of the event time by which the view's windows close; null: it gives rows at once. */
function closingType(plan: PhysicalPlan): DataType | null {
  let type: DataType | null = null;
  walkPhysical(plan, (node) => {
    if (node.kind === 'Close') type ??= node.term.type;
    if (node.kind === 'Window' && node.final === true) type ??= node.orderBound?.term.type ?? null;
  });
  return type;
}

/** Says which operators will keep more and more. */
function warnOfUnboundedState(planned: PlannedView, context: StatementContext): void {
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
