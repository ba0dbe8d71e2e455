/** CREATE VIEW and CREATE MATERIALIZED VIEW. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { Column, Schema } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Batch } from '../../executor/batch.ts';
import { buildPlan, type ScanInput } from '../../executor/build.ts';
import { type DataflowNode, isIdentity, pickColumns } from '../../executor/dataflow.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { CreateMaterializedView, CreateView } from '../../parser/ast/statement.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import { walkPlan } from '../../planner/plan/walk.ts';
import { onUpdate, type PlannedView, planMaterializedView } from '../../planner/plan.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import { columnTypes, type Database, scannable } from '../database.ts';
import { Entry, type MaterializedViewObject, type ViewObject } from '../objects.ts';
import { bindEnvironment, plannerEnvironment } from '../planning.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';

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
      if (node.kind === 'Scan') ids.add(node.relation.id);
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
        dependsOn: seen,
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

function checkView(statement: CreateMaterializedView): void {
  const position = statement.span.start;
  if (statement.orReplace) throw unsupported('CREATE OR REPLACE MATERIALIZED VIEW', position);
  if (!statement.withData) throw unsupported('WITH NO DATA', position);
  if (statement.emit !== null && statement.emit.mode !== 'immediately') {
    throw unsupported(`EMIT ${statement.emit.mode.toUpperCase()}`, statement.emit.span.start);
  }
  for (const option of statement.options) {
    if (!acceptedOptions.includes(option.name)) {
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
      const bound = bindQuery(statement.query, env);
      noParameters(bound, 'materialized views');
      refuseSystemRelations(bound.plan, statement.span.start);
      const columns = viewColumns(bound, statement.columns, statement.span.start);
      const planned = planMaterializedView(bound, plannerEnvironment(context), onUpdate);
      const id = database.catalog.allocateId();
      const view = build(
        database,
        id,
        schema,
        target.name,
        planned,
        columns,
        dependencies(bound.plan, seen),
        context.textOf(statement.query),
        context,
      );
      database.catalog.add(view);
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

function build(
  database: Database,
  id: number,
  schema: string,
  name: string,
  planned: PlannedView,
  visible: Schema,
  dependsOn: ReadonlySet<number>,
  definition: string,
  context: StatementContext,
): MaterializedViewObject {
  const columns = storedColumns(planned, visible);
  const store = new RelationStore(
    columns.map((c) => c.type),
    planned.key,
    planned.plan.appendOnly,
  );
  const tick = database.tickContext(name, context.settings.value('timezone'));
  const { catalog } = database;
  const first = database.dataflow.nodes.length;
  const built = buildPlan(
    planned.plan,
    database.dataflow,
    tick,
    { operator: new MaterializeOperator(store), name: `MaterializedView ${name}` },
    (scan) => scannable(catalog, scan.relation.id).node,
  );
  const nodes = new Set(built.nodes);
  try {
    backfill(database, built.inputs, first, context);
  } catch (error) {
    database.removeNodes(nodes);
    throw error;
  }
  for (const input of built.inputs) attach(database, input);
  for (const dependency of dependsOn) {
    const upstream = catalog.byId(dependency);
    if (upstream?.kind === 'source') upstream.source.consumers.add(id);
  }
  const origin = originOf(context);
  const entry = new Entry({
    id,
    kind: 'materialized view',
    schema,
    name,
    columns,
    key: planned.key,
    appendOnly: planned.plan.appendOnly,
    definition,
    searchPath: origin.searchPath,
    rows: () => store.rowCount(),
  });
  return {
    kind: 'materialized view',
    id,
    schema,
    name,
    owner: context.user,
    ...origin,
    dependsOn,
    columns,
    definition,
    nodes,
    store,
    node: must(built.nodes[built.nodes.length - 1]),
    order: planned.order,
    entry,
  };
}

/** Gives the new nodes what their inputs hold now, as one tick of theirs. */
function backfill(
  database: Database,
  inputs: readonly ScanInput[],
  first: number,
  context: StatementContext,
): void {
  for (const input of inputs) {
    const relation = scannable(database.catalog, input.scan.relation.id);
    const width = columnTypes(relation).length;
    const identity = isIdentity(input.scan.columns, width);
    const push = (batch: Batch): void => {
      context.checkCancelled();
      database.dataflow.push(
        input.target,
        input.port,
        identity ? batch : pickColumns(batch, input.scan.columns),
      );
    };
    database.backfillRows(relation, push);
  }
  database.dataflow.finishTick(first);
}

/** From now on the relation's deltas flow into the new nodes. */
function attach(database: Database, input: ScanInput): void {
  const relation = scannable(database.catalog, input.scan.relation.id);
  const node: DataflowNode = relation.node;
  const identity = isIdentity(input.scan.columns, columnTypes(relation).length);
  node.connect(input.target, input.port, identity ? null : input.scan.columns);
}
