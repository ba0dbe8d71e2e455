/** From the statement of a materialised view, understood in a context, to what is needed to build it. */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Column, DataType, Schema } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { CreateMaterializedView } from '../../parser/ast/statement.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import { withNullOnError } from '../../planner/nullOnError.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical, walkPlan } from '../../planner/plan/walk.ts';
import { isWorkingTable } from '../../planner/plan/workingTable.ts';
import { type PlannedView, planMaterializedView, type ViewTiming } from '../../planner/plan.ts';
import { type ReplayFrom, replayFromOf } from '../backfill/replayFrom.ts';
import type { Database } from '../database.ts';
import { type ErrorPolicy, isRelation } from '../objects.ts';
import { bindEnvironment, plannerEnvironment, routinesUsed } from '../planning.ts';
import { checkRefusable } from '../refusal.ts';
import type { StatementContext } from '../statements/statement.ts';
import { errorPolicy } from '../statements/viewErrors.ts';
import { viewTiming } from '../statements/viewTiming.ts';

/** What a statement says of its view. */
export interface ViewPlan {
  /** All columns that are stored: the visible ones, then hidden sort and key columns. */
  readonly columns: readonly Column[];
  readonly planned: PlannedView;
  readonly timing: ViewTiming;
  readonly errors: ErrorPolicy;
  readonly dependsOn: ReadonlySet<number>;
  /** The query as written. */
  readonly definition: string;
  /** The type of the event time by which the view's windows close; null: it gives rows at once. */
  readonly closing: DataType | null;
  /** Where it begins in what its sources have brought; null: at their start. */
  readonly replayFrom: ReplayFrom | null;
  /** Rows that the planner took the relations to have. */
  readonly plannedOver: ReadonlyMap<number, number>;
}

/** Column names of a view: those written, else those of the query. */
export function viewColumns(bound: BoundQuery, names: readonly Ident[], position: number): Column[] {
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

/** A catalog that remembers which relations were looked up, so that views count as dependencies too. */
export function recording(context: StatementContext): {
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

export function noParameters(bound: BoundQuery, what: string): void {
  if (bound.parameters.length > 0) throw new SqlError('42P02', `${what} must not contain parameters`);
}

/** Ids of the objects that a query reads, views (by name resolution) included. */
function dependencies(plan: LogicalPlan, entries: ReadonlySet<number>): ReadonlySet<number> {
  const ids = new Set<number>(entries);
  walkPlan(plan, (node) => {
    if (node.kind === 'Scan' && !isWorkingTable(node.relation)) ids.add(node.relation.id);
  });
  return ids;
}

/** Relations whose rows are not kept up to date cannot be under a maintained view. */
function refuseSystemRelations(plan: LogicalPlan, position: number): void {
  walkPlan(plan, (node) => {
    if (node.kind === 'Scan' && node.relation.kind === 'system') {
      throw unsupported(`the system relation "${node.relation.name}" in a materialized view`, position);
    }
  });
}

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

function closingType(plan: PhysicalPlan): DataType | null {
  let type: DataType | null = null;
  walkPhysical(plan, (node) => {
    if (node.kind === 'Close') type ??= node.term.type;
    if (node.kind === 'Window' && node.final === true) type ??= node.orderBound?.term.type ?? null;
  });
  return type;
}

/** Binds and plans. Inside `exclusive`: nothing that it reads can be dropped meanwhile. */
export function planView(statement: CreateMaterializedView, context: StatementContext): ViewPlan {
  const position = statement.span.start;
  const { env, seen } = recording(context);
  const errors = errorPolicy(statement.options);
  const query = bindQuery(statement.query, env);
  const bound = errors.onError === 'null' ? withNullOnError(query) : query;
  noParameters(bound, 'materialized views');
  refuseSystemRelations(bound.plan, position);
  const columns = viewColumns(bound, statement.columns, position);
  const timing = viewTiming(statement, columns, context);
  const planned = planMaterializedView(bound, plannerEnvironment(context), timing);
  const dependsOn = dependencies(bound.plan, new Set([...seen, ...routinesUsed(context)]));
  if (errors.onError === 'fail') {
    checkRefusable(context.database, { plan: planned.plan, dependsOn }, position);
  }
  return {
    columns: storedColumns(planned, columns),
    planned,
    timing,
    errors,
    dependsOn,
    definition: context.textOf(statement.query),
    closing: closingType(planned.plan),
    replayFrom: replayFromOf(statement.options, planned.plan, context.database),
    plannedOver: rowCounts(context.database, dependsOn),
  };
}

/** Rows that the relations have now. */
export function rowCounts(database: Database, ids: ReadonlySet<number>): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) {
    const object = database.catalog.byId(id);
    if (object !== null && isRelation(object)) counts.set(id, object.entry.rowCount());
  }
  return counts;
}
