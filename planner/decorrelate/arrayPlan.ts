/** ARRAY(subquery) as a plan of one row: array_agg in the subquery's order. */
import { must } from '../../common/assert.ts';
import type { AggregateFunction, FunctionCatalog } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { AggregateCall, SortKey } from '../plan/aggregateCall.ts';
import { aggregate, project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, columnOf, literal } from '../plan/scalars.ts';

/** ARRAY(subquery): array_agg over the subquery in its order, an empty array over no rows. */
export function arrayPlan(
  s: Extract<Scalar, { kind: 'arraySubquery' }>,
  functions: FunctionCatalog,
): LogicalPlan {
  const { input, orderBy } = orderedInput(s.plan);
  const { type } = must(input.schema[0]);
  const fn = arrayAggregate(functions, type.id === 'array');
  const call: AggregateCall = { fn, args: [0], distinct: false, filter: null, orderBy, type: s.type };
  const collected = aggregate(input, [], [call]);
  const none = literal(new SqlArray([]), s.type);
  return project(collected, [{ kind: 'coalesce', operands: [column(0, s.type), none], type: s.type }]);
}

function arrayAggregate(functions: FunctionCatalog, ofArrays: boolean): AggregateFunction {
  const candidates = functions.byName('array_agg').filter((f) => f.kind === 'aggregate');
  const exact = candidates.find((f) => (f.args[0] === 'anyarray') === ofArrays);
  return must(exact ?? candidates[0], 'array_agg is registered');
}

/** The subquery's rows with the columns that its ORDER BY sorts by. */
function orderedInput(plan: LogicalPlan): {
  readonly input: LogicalPlan;
  readonly orderBy: readonly SortKey[];
} {
  if (plan.kind === 'TopN') return { input: plan, orderBy: plan.order };
  if (plan.kind !== 'Project' || plan.input.kind !== 'TopN') return { input: plan, orderBy: [] };
  const sorted = plan.input;
  const keys = sorted.order.map((k) => columnOf(sorted.schema, k.column));
  const orderBy = sorted.order.map((k, i) => ({ ...k, column: plan.exprs.length + i }));
  return { input: project(sorted, [...plan.exprs, ...keys]), orderBy };
}
