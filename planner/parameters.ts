/** Parameters of prepared statements: replaced by literals before planning, so that plans see the values. */
import { SqlError } from '../common/sqlError.ts';
import type { Value } from '../common/value.ts';
import { positionOf } from './bind/environment.ts';
import type { LogicalPlan } from './plan/logical.ts';
import type { Scalar } from './plan/scalar.ts';
import { literal } from './plan/scalars.ts';
import { mapScalars, rewritePlan, rewriteScalar } from './plan/walk.ts';

/** The scalar with $1, $2 ... replaced, also inside its subqueries. */
export function substituteInScalar(scalar: Scalar, values: readonly Value[]): Scalar {
  return rewriteScalar(scalar, (s) => {
    if (s.kind === 'parameter') {
      if (s.index >= values.length)
        throw new SqlError('42P02', `there is no parameter $${s.index + 1}`).at(positionOf(s));
      return literal(values[s.index] ?? null, s.type);
    }
    switch (s.kind) {
      case 'scalarSubquery':
      case 'existsSubquery':
      case 'arraySubquery':
        return { ...s, plan: substituteParameters(s.plan, values) };
      case 'quantifiedSubquery': {
        const condition = substituteInScalar(s.condition, values);
        return { ...s, condition, plan: substituteParameters(s.plan, values) };
      }
      default:
        return s;
    }
  });
}

/** The plan with $1, $2 ... replaced by values of the parameters' types. */
export function substituteParameters(plan: LogicalPlan, values: readonly Value[]): LogicalPlan {
  return rewritePlan(plan, (node) => mapScalars(node, (s) => substituteInScalar(s, values)));
}
