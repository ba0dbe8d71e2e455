/**
 * Predicate pushdown: every condition of a filter or inner join goes as deep as it can; on the way cross joins become
 * inner joins, outer joins whose padded rows cannot survive become inner ones, and conditions on join keys are carried
 * to the other side.
 *
 * `push(plan, conditions)` gives a plan equal to Filter(plan, conditions). A subplan shared by several parents stays
 * shared as long as nothing is pushed into it.
 */
import { must, unreachable } from '../../common/assert.ts';
import { filter, join, unionAll } from '../plan/construct.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { JoinType, LogicalJoin, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  conjunctsOf,
  isVolatile,
  renumber,
  shiftColumns,
  substitute,
  usedColumns,
} from '../plan/scalars.ts';
import { sideOf } from '../properties.ts';
import { impliedConditions } from './equivalence.ts';
import { rejectsNulls } from './nullRejection.ts';
import type { Rule } from './rule.ts';

export const pushPredicates: Rule = {
  name: 'pushPredicates',
  why: 'rows that cannot matter are dropped before they reach stateful operators; cross joins become equi-joins',
  apply: (plan) => new Pushdown().push(plan, []),
};

type Conditions = readonly Scalar[];

function partition(conditions: Conditions, test: (s: Scalar) => boolean): [Scalar[], Scalar[]] {
  const yes: Scalar[] = [];
  const no: Scalar[] = [];
  for (const s of conditions) (test(s) ? yes : no).push(s);
  return [yes, no];
}

function withoutDuplicates(conditions: Conditions): Conditions {
  return [...new Map(conditions.map((s) => [scalarKey(s), s] as const)).values()];
}

const readsOnly = (s: Scalar, allowed: (index: number) => boolean): boolean =>
  [...usedColumns(s)].every(allowed);

class Pushdown {
  readonly #unfiltered = new Map<LogicalPlan, LogicalPlan>();

  push(plan: LogicalPlan, conditions: Conditions): LogicalPlan {
    const [fixed, movable] = partition(conditions, isVolatile);
    if (fixed.length > 0) return filter(this.push(plan, movable), fixed);
    if (conditions.length > 0) return this.#into(plan, conditions);
    const known = this.#unfiltered.get(plan);
    if (known !== undefined) return known;
    const result = this.#into(plan, conditions);
    this.#unfiltered.set(plan, result);
    return result;
  }

  #into(plan: LogicalPlan, conditions: Conditions): LogicalPlan {
    switch (plan.kind) {
      case 'Scan':
      case 'Values':
        return filter(plan, withoutDuplicates(conditions));
      case 'Filter':
        return this.push(plan.input, [...conjunctsOf(plan.condition), ...conditions]);
      case 'Project':
        return this.#project(plan, conditions);
      case 'Join':
        return this.#join(plan, conditions);
      case 'Aggregate':
        return this.#aggregate(plan, conditions);
      case 'Distinct': {
        const input = this.push(plan.input, conditions);
        return input === plan.input ? plan : { ...plan, input };
      }
      case 'UnionAll': {
        const inputs = plan.inputs.map((input) => this.push(input, conditions));
        return inputs.every((input, i) => input === plan.inputs[i])
          ? plan
          : { ...unionAll(inputs), schema: plan.schema };
      }
      case 'SetOperation': {
        const left = this.push(plan.left, conditions);
        const right = this.push(plan.right, conditions);
        return left === plan.left && right === plan.right ? plan : { ...plan, left, right };
      }
      case 'TopN': {
        const sortOnly = plan.limit === null && plan.offset === null && plan.rank === null;
        return this.#below(plan, conditions, (i) => sortOnly || plan.partition.includes(i));
      }
      case 'Window':
        return this.#below(plan, conditions, (i) => plan.partition.includes(i));
      case 'Session':
        return this.#below(plan, conditions, (i) => plan.joined !== true && plan.partition.includes(i));
      case 'Hop':
      case 'TableFunction':
        return this.#below(plan, conditions, (i) => i < plan.input.schema.length);
      case 'AsofJoin':
        return this.#asofJoin(plan, conditions);
      case 'Recursive': {
        // A row that the query does not want may lead to others that it wants.
        const base = this.push(plan.base, []);
        const step = this.push(plan.step, []);
        const same = base === plan.base && step === plan.step;
        return filter(same ? plan : { ...plan, base, step }, withoutDuplicates(conditions));
      }
      case 'MaxOneRow':
        return this.#below(plan, conditions, (i) => plan.keys.includes(i));
      default:
        return unreachable(plan);
    }
  }

  /** Conditions that read only allowed columns, which the node passes through, go below it. */
  #below(
    plan: Extract<
      LogicalPlan,
      { kind: 'TopN' | 'Window' | 'Session' | 'Hop' | 'TableFunction' | 'MaxOneRow' }
    >,
    conditions: Conditions,
    allowed: (index: number) => boolean,
  ): LogicalPlan {
    const [down, above] = partition(conditions, (s) => usedColumns(s).size > 0 && readsOnly(s, allowed));
    const input = this.push(plan.input, down);
    return filter(input === plan.input ? plan : { ...plan, input }, withoutDuplicates(above));
  }

  #asofJoin(plan: Extract<LogicalPlan, { kind: 'AsofJoin' }>, conditions: Conditions): LogicalPlan {
    const width = plan.left.schema.length;
    const [onLeft, others] = partition(conditions, (s) => sideOf(s, width) === 'left');
    // Of the nearest row only: a right row that is filtered out would let another one be it.
    const joinable = plan.time.kind === 'process' && plan.type === 'inner';
    const [onRight, between] = partition(others, (s) => joinable && sideOf(s, width) === 'right');
    const left = this.push(plan.left, onLeft);
    const right = this.push(
      plan.right,
      onRight.map((s) => shiftColumns(s, -width)),
    );
    const inputs = left === plan.left && right === plan.right ? plan : { ...plan, left, right };
    if (!joinable || between.length === 0) return filter(inputs, withoutDuplicates(between));
    return { ...inputs, condition: and(withoutDuplicates([...conjunctsOf(plan.condition), ...between])) };
  }

  #project(plan: Extract<LogicalPlan, { kind: 'Project' }>, conditions: Conditions): LogicalPlan {
    const [down, above] = partition(conditions, (s) => readsOnly(s, (i) => !isVolatile(must(plan.exprs[i]))));
    const input = this.push(
      plan.input,
      down.map((s) => substitute(s, plan.exprs)),
    );
    return filter(input === plan.input ? plan : { ...plan, input }, withoutDuplicates(above));
  }

  #aggregate(plan: Extract<LogicalPlan, { kind: 'Aggregate' }>, conditions: Conditions): LogicalPlan {
    const count = plan.sets === null ? plan.keys.length : 0;
    const [down, above] = partition(conditions, (s) => count > 0 && readsOnly(s, (i) => i < count));
    const input = this.push(
      plan.input,
      down.map((s) => renumber(s, (i) => must(plan.keys[i]))),
    );
    return filter(input === plan.input ? plan : { ...plan, input }, withoutDuplicates(above));
  }

  #join(plan: LogicalJoin, conditions: Conditions): LogicalPlan {
    const type = strengthened(plan, conditions);
    switch (type) {
      case 'inner':
        return this.#innerJoin(plan, conditions);
      case 'left':
      case 'semi':
      case 'anti':
        return this.#leftJoin(plan, type, conditions);
      case 'right':
        return this.#rightJoin(plan, conditions);
      case 'full': {
        const left = this.push(plan.left, []);
        const right = this.push(plan.right, []);
        return filter(
          this.#rebuilt(plan, 'full', left, right, conjunctsOf(plan.condition)),
          withoutDuplicates(conditions),
        );
      }
      default:
        return unreachable(type);
    }
  }

  #innerJoin(plan: LogicalJoin, conditions: Conditions): LogicalPlan {
    const width = plan.left.schema.length;
    const given = withoutDuplicates([...conjunctsOf(plan.condition), ...conditions]);
    const [fixed, movable] = partition(given, isVolatile);
    const all = [...movable, ...impliedConditions(movable)];
    const left = all.filter((s) => sideOf(s, width) === 'left' || sideOf(s, width) === 'none');
    const right = all.filter((s) => sideOf(s, width) === 'right').map((s) => shiftColumns(s, -width));
    const both = all.filter((s) => sideOf(s, width) === 'both');
    return this.#rebuilt(plan, 'inner', this.push(plan.left, left), this.push(plan.right, right), [
      ...both,
      ...fixed,
    ]);
  }

  /** Left, semi and anti joins: conditions from above that read the left side go there. */
  #leftJoin(plan: LogicalJoin, type: 'left' | 'semi' | 'anti', conditions: Conditions): LogicalPlan {
    const width = plan.left.schema.length;
    const [down, above] = partition(conditions, (s) => sideOf(s, width) === 'left');
    const on = conjunctsOf(plan.condition);
    const [onFixed, onMovable] = partition(on, (s) => isVolatile(s) || plan.nullAware);
    // Right rows that cannot match any surviving left row are dropped; for a semi join also unmatched left rows.
    const implied = plan.nullAware ? [] : impliedConditions([...onMovable, ...down]);
    const right = [...onMovable, ...implied].filter((s) => sideOf(s, width) === 'right');
    const left = type === 'semi' ? [...onMovable, ...implied].filter((s) => sideOf(s, width) === 'left') : [];
    const moved = new Set<Scalar>([...right, ...left]);
    const kept = onMovable.filter((s) => !moved.has(s));
    const joined = this.#rebuilt(
      plan,
      type,
      this.push(plan.left, [...down, ...left]),
      this.push(
        plan.right,
        right.map((s) => shiftColumns(s, -width)),
      ),
      [...kept, ...onFixed],
    );
    return filter(joined, withoutDuplicates(above));
  }

  #rightJoin(plan: LogicalJoin, conditions: Conditions): LogicalPlan {
    const width = plan.left.schema.length;
    const [down, above] = partition(conditions, (s) => sideOf(s, width) === 'right');
    const [onFixed, onMovable] = partition(conjunctsOf(plan.condition), isVolatile);
    const left = [...onMovable, ...impliedConditions([...onMovable, ...down])].filter(
      (s) => sideOf(s, width) === 'left',
    );
    const moved = new Set<Scalar>(left);
    const kept = onMovable.filter((s) => !moved.has(s));
    const joined = this.#rebuilt(
      plan,
      'right',
      this.push(plan.left, left),
      this.push(
        plan.right,
        down.map((s) => shiftColumns(s, -width)),
      ),
      [...kept, ...onFixed],
    );
    return filter(joined, withoutDuplicates(above));
  }

  #rebuilt(
    plan: LogicalJoin,
    type: JoinType,
    left: LogicalPlan,
    right: LogicalPlan,
    condition: Conditions,
  ): LogicalPlan {
    const before = conjunctsOf(plan.condition);
    const unchanged = before.length === condition.length && before.every((s, i) => s === condition[i]);
    if (type === plan.type && left === plan.left && right === plan.right && unchanged) return plan;
    return join(type, left, right, condition, { nullAware: plan.nullAware });
  }
}

/** The join's type, given conditions above it that reject NULL-padded rows. */
function strengthened(plan: LogicalJoin, conditions: Conditions): JoinType {
  const width = plan.left.schema.length;
  const rejectsLeft = conditions.some((s) => rejectsNulls(s, (i) => i < width));
  const rejectsRight = conditions.some((s) => rejectsNulls(s, (i) => i >= width));
  switch (plan.type) {
    case 'left':
      return rejectsRight ? 'inner' : 'left';
    case 'right':
      return rejectsLeft ? 'inner' : 'right';
    case 'full':
      if (rejectsLeft && rejectsRight) return 'inner';
      return rejectsLeft ? 'left' : rejectsRight ? 'right' : 'full';
    default:
      return plan.type;
  }
}
