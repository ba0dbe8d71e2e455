/** Relations known to be empty (WHERE false, LIMIT 0) make their consumers empty or simpler. */
import { must, unreachable } from '../../common/assert.ts';
import { distinct, empty, isEmptyRelation, nullOf, projectAs, renameTo } from '../plan/construct.ts';
import type { LogicalJoin, LogicalPlan } from '../plan/logical.ts';
import { columnsOf, isFalse, isNeverTrue } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import type { Rule } from './rule.ts';

export const propagateEmpty: Rule = {
  name: 'propagateEmpty',
  why: 'no operator is built for what can never have rows',
  apply: (plan) => rewritePlan(plan, simplified),
};

function simplified(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'Scan':
    case 'Values':
      return plan;
    case 'Filter':
      return isEmptyRelation(plan.input) || isNeverTrue(plan.condition) ? empty(plan.schema) : plan;
    case 'Aggregate':
      return plan.keys.length > 0 && plan.sets === null && isEmptyRelation(plan.input)
        ? empty(plan.schema)
        : plan;
    case 'TopN':
      return isEmptyRelation(plan.input) || isZero(plan.limit) ? empty(plan.schema) : plan;
    case 'Project':
    case 'Distinct':
    case 'Window':
    case 'Hop':
    case 'Session':
    case 'TableFunction':
    case 'MaxOneRow':
      return isEmptyRelation(plan.input) ? empty(plan.schema) : plan;
    case 'UnionAll':
      return union(plan);
    case 'Recursive':
      return isEmptyRelation(plan.base) ? empty(plan.schema) : plan;
    case 'SetOperation':
      return setOperation(plan);
    case 'AsofJoin': {
      const none = isEmptyRelation(plan.left) || (plan.type === 'inner' && isEmptyRelation(plan.right));
      return none ? empty(plan.schema) : plan;
    }
    case 'Join':
      return joined(plan);
    default:
      return unreachable(plan);
  }
}

const isZero = (limit: Extract<LogicalPlan, { kind: 'TopN' }>['limit']): boolean =>
  limit?.kind === 'literal' && (limit.value === 0n || limit.value === 0);

function union(plan: Extract<LogicalPlan, { kind: 'UnionAll' }>): LogicalPlan {
  const inputs = plan.inputs.filter((input) => !isEmptyRelation(input));
  if (inputs.length === 0) return empty(plan.schema);
  if (inputs.length === 1) return renameTo(must(inputs[0]), plan.schema);
  return inputs.length === plan.inputs.length ? plan : { ...plan, inputs };
}

function setOperation(plan: Extract<LogicalPlan, { kind: 'SetOperation' }>): LogicalPlan {
  if (isEmptyRelation(plan.left)) return empty(plan.schema);
  if (!isEmptyRelation(plan.right)) return plan;
  if (plan.operator === 'intersect') return empty(plan.schema);
  return renameTo(plan.all ? plan.left : distinct(plan.left), plan.schema);
}

const noLeft = (plan: LogicalJoin): LogicalPlan => {
  const nulls = plan.left.schema.map((c) => nullOf(c.type));
  return projectAs(plan.right, [...nulls, ...columnsOf(plan.right.schema)], plan.schema);
};

const noRight = (plan: LogicalJoin): LogicalPlan => {
  const nulls = plan.right.schema.map((c) => nullOf(c.type));
  return projectAs(plan.left, [...columnsOf(plan.left.schema), ...nulls], plan.schema);
};

function joined(plan: LogicalJoin): LogicalPlan {
  const left = isEmptyRelation(plan.left);
  const right = isEmptyRelation(plan.right);
  const condition = plan.condition;
  // A NULL condition drops the rows of a null-aware anti join when there is any right row.
  const never = condition !== null && (plan.nullAware ? isFalse(condition) : isNeverTrue(condition));
  switch (plan.type) {
    case 'inner':
    case 'semi':
      return left || right || never ? empty(plan.schema) : plan;
    case 'anti':
      return left ? empty(plan.schema) : right || never ? plan.left : plan;
    case 'left':
      return left ? empty(plan.schema) : right || never ? noRight(plan) : plan;
    case 'right':
      return right ? empty(plan.schema) : left || never ? noLeft(plan) : plan;
    case 'full':
      if (left && right) return empty(plan.schema);
      return left ? noLeft(plan) : right ? noRight(plan) : plan;
    default:
      return unreachable(plan.type);
  }
}
