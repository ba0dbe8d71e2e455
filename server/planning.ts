/** From syntax to plans within a statement's context: environments, parameters, the transaction's view of the catalog. */
import type { CatalogReader, RelationEntry } from '../common/catalog.ts';
import type { DataType } from '../common/dataType.ts';
import type { Value } from '../common/value.ts';
import { evaluateScalar } from '../executor/codegen/evaluate.ts';
import type { Expr } from '../parser/ast/expr.ts';
import { type BindEnvironment, type BoundQuery, bindStandalone as bindAlone } from '../planner/bind/bind.ts';
import { dependsOnHistory } from '../planner/maintainable.ts';
import { substituteInScalar, substituteParameters } from '../planner/parameters.ts';
import type { PhysicalPlan, PlannedQuery } from '../planner/plan/physical.ts';
import type { Scalar } from '../planner/plan/scalar.ts';
import { walkPhysical } from '../planner/plan/walk.ts';
import { type PlannerEnv, planQuery } from '../planner/plan.ts';
import type { StatementContext } from './statements/statement.ts';

const used = new WeakMap<StatementContext, Set<number>>();

/** Ids of the users' functions that the statement's expressions call, as far as it has been bound. */
export function routinesUsed(context: StatementContext): Set<number> {
  const known = used.get(context);
  if (known !== undefined) return known;
  const ids = new Set<number>();
  used.set(context, ids);
  return ids;
}

/** A binding environment of the statement. */
export function bindEnvironment(context: StatementContext): BindEnvironment {
  return {
    catalog: transactionCatalog(context),
    functions: context.database.functions,
    searchPath: context.searchPath(),
    text: context.eval,
    parameterTypes: [...context.parameterTypes],
    used: routinesUsed(context),
  };
}

export function plannerEnvironment(context: StatementContext): PlannerEnv {
  return {
    functions: context.database.functions,
    evaluator: { evaluate: (scalar) => evaluateScalar(scalar, context.eval) },
  };
}

/** Plans a bound query for one run with the statement's parameter values. */
export function planAdhoc(bound: BoundQuery, context: StatementContext): PlannedQuery {
  const plan =
    bound.parameters.length === 0 ? bound.plan : substituteParameters(bound.plan, context.parameters);
  return planQuery({ ...bound, plan }, plannerEnvironment(context), 'adhoc');
}

/** A scalar with the statement's parameter values put in. */
export function withParameters(scalar: Scalar, context: StatementContext): Scalar {
  return scalar.kind === 'literal' ? scalar : substituteInScalar(scalar, context.parameters);
}

/** An expression over nothing. */
export function bindStandalone(expr: Expr, context: StatementContext): Scalar {
  return bindAlone(expr, bindEnvironment(context));
}

/** The value of a scalar that may be a literal already. */
export function scalarValue(scalar: Scalar, context: StatementContext): Value {
  return scalar.kind === 'literal' ? scalar.value : evaluateScalar(scalar, context.eval);
}

/** True when rows were joined with what was there when they came. */
function joinsAsOfThen(plan: PhysicalPlan): boolean {
  let found = false;
  walkPhysical(plan, (node) => {
    found ||= node.kind === 'TemporalJoin' || node.kind === 'AwaitLookup';
  });
  return found;
}

/**
 * The catalog as the transaction sees it. A materialised view over a table that the transaction has written is read by
 * its definition, so that it shows the uncommitted writes too.
 */
function transactionCatalog(context: StatementContext): CatalogReader {
  const { catalog } = context.database;
  if (context.writes.isEmpty) return catalog;
  const written = new Set(context.writes.tables().map((w) => w.table.id));
  const touched = new Map<number, boolean>();
  const isTouched = (id: number): boolean => {
    const known = touched.get(id);
    if (known !== undefined) return known;
    const object = catalog.byId(id);
    const result = written.has(id) || (object !== null && [...object.dependsOn].some(isTouched));
    touched.set(id, result);
    return result;
  };
  return {
    database: catalog.database,
    hasSchema: (name) => catalog.hasSchema(name),
    relationNames: (schema, path) => catalog.relationNames(schema, path),
    rowType: (schema, name, path): DataType | null => catalog.rowType(schema, name, path),
    relation(schema, name, path): RelationEntry | null {
      const entry = catalog.relation(schema, name, path);
      if (entry?.kind !== 'materialized view' || !isTouched(entry.id)) return entry;
      // What the definition gives now is not what such a view shows.
      const view = catalog.byId(entry.id);
      const prompt =
        view?.kind === 'materialized view' &&
        view.paused === null &&
        view.timing.emit.kind === 'update' &&
        view.timing.ttl === null &&
        !dependsOnHistory(view.planned.plan) &&
        !joinsAsOfThen(view.planned.plan);
      if (!prompt) return entry;
      return {
        id: entry.id,
        schema: entry.schema,
        name: entry.name,
        kind: 'view',
        columns: entry.columns,
        key: null,
        declaredKey: false,
        appendOnly: false,
        watermark: null,
        watermarked: [],
        processTime: [],
        indexes: [],
        definition: entry.definition,
        searchPath: entry.searchPath,
        rowCount: () => entry.rowCount(),
      };
    },
  };
}
