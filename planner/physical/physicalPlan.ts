/**
 * Logical plan -> physical plan. Filters and projections fuse into Calc nodes; each node gets its properties: the key
 * and row estimate of its logical form, append-only from its inputs.
 *
 * A logical subplan with several parents becomes one physical object: a Calc chain is not fused across it.
 */
import { must, unreachable } from '../../common/assert.ts';
import { estimateRows } from '../estimate.ts';
import type { Evaluator, PlanMode } from '../evaluator.ts';
import type { LogicalPlan, LogicalScan } from '../plan/logical.ts';
import type { PhysicalPlan, PhysicalProperties, PhysicalTopN } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  andOrNull,
  columnsOf,
  conjunctsOf,
  isVolatile,
  scalarSize,
  substitute,
} from '../plan/scalars.ts';
import { inputsOf, walkPlan } from '../plan/walk.ts';
import { keysOf } from '../properties.ts';
import { physicalAsofJoin } from './asofJoins.ts';
import { changelogScan, refuseChangelogs } from './changelog.ts';
import { accessPath } from './indexScan.ts';
import { intern } from './intern.ts';
import { physicalJoin } from './joins.ts';
import { limitOf, offsetOf } from './limits.ts';
import { refuseLookups, refuseOtherUses } from './lookups.ts';
import { calc } from './nodes.ts';
import { linearForm, recursive } from './recursive.ts';
import { stoppingLimit } from './stopping.ts';

export interface PhysicalContext {
  readonly evaluator: Evaluator;
  readonly mode: PlanMode;
}

/** Expressions of a fused Calc together. */
const MAX_FUSED_SIZE = 2000;

/** The physical form of a decorrelated plan. */
export function toPhysical(plan: LogicalPlan, context: PhysicalContext): PhysicalPlan {
  const physical = intern(new Physical(plan, context).convert(plan));
  if (context.mode === 'adhoc') refuseLookups(physical);
  else refuseOtherUses(physical);
  return physical;
}

/** A chain of filters and projections over `input`. */
interface Chain {
  readonly input: LogicalPlan;
  readonly condition: Scalar | null;
  readonly exprs: readonly Scalar[];
}

class Physical {
  readonly #context: PhysicalContext;
  readonly #shared = new Set<LogicalPlan>();
  readonly #done = new Map<LogicalPlan, PhysicalPlan>();

  constructor(root: LogicalPlan, context: PhysicalContext) {
    this.#context = context;
    if (context.mode === 'adhoc') refuseChangelogs(root);
    const seen = new Set<LogicalPlan>();
    walkPlan(root, (node) => {
      for (const input of inputsOf(node)) {
        if (seen.has(input)) this.#shared.add(input);
        seen.add(input);
      }
    });
  }

  convert(plan: LogicalPlan): PhysicalPlan {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#node(plan);
    this.#done.set(plan, result);
    return result;
  }

  #node(plan: LogicalPlan): PhysicalPlan {
    const common = { schema: plan.schema, key: bestKey(plan), estimatedRows: estimateRows(plan) };
    switch (plan.kind) {
      case 'Scan': {
        const { relation, columns } = plan;
        if (relation.changesOf !== undefined) return changelogScan(plan, relation.changesOf, common.key);
        return { kind: 'Scan', relation, columns, appendOnly: relation.appendOnly, ...common };
      }
      case 'Values':
        return { kind: 'Values', rows: plan.rows, appendOnly: true, ...common };
      case 'Filter':
      case 'Project':
        return this.#calc(plan, common);
      case 'Join':
        return physicalJoin(plan, this.convert(plan.left), this.convert(plan.right), common);
      case 'Aggregate': {
        const input = this.convert(plan.input);
        const { keys, aggregates } = plan;
        return {
          kind: 'Aggregate',
          input,
          keys,
          aggregates,
          global: keys.length === 0,
          appendOnly: false,
          ...common,
        };
      }
      case 'Distinct': {
        const input = this.convert(plan.input);
        return { kind: 'Distinct', input, appendOnly: input.appendOnly, ...common };
      }
      case 'UnionAll': {
        const inputs = plan.inputs.map((input) => this.convert(input));
        return { kind: 'UnionAll', inputs, appendOnly: inputs.every((input) => input.appendOnly), ...common };
      }
      case 'SetOperation': {
        const left = this.convert(plan.left);
        const right = this.convert(plan.right);
        const { operator, all } = plan;
        const appendOnly = operator === 'intersect' && left.appendOnly && right.appendOnly;
        return { kind: 'SetOperation', operator, all, left, right, appendOnly, ...common };
      }
      case 'TopN':
        return this.#topN(plan, common);
      case 'Window': {
        const { partition, order, calls } = plan;
        const input = this.convert(plan.input);
        return { kind: 'Window', input, partition, order, calls, appendOnly: false, ...common };
      }
      case 'Hop': {
        const input = this.convert(plan.input);
        return { ...plan, input, appendOnly: input.appendOnly, ...common };
      }
      case 'Session':
        return { ...plan, input: this.convert(plan.input), appendOnly: false, ...common };
      case 'AsofJoin':
        return physicalAsofJoin(plan, this.convert(plan.left), this.convert(plan.right), common);
      case 'TableFunction': {
        const input = this.convert(plan.input);
        const { calls, ordinality } = plan;
        return { kind: 'TableFunction', input, calls, ordinality, appendOnly: input.appendOnly, ...common };
      }
      case 'Recursive':
        return recursive(
          plan,
          this.convert(plan.base),
          this.convert(linearForm(plan.step, plan.self)),
          common,
        );
      case 'MaxOneRow': {
        const input = this.convert(plan.input);
        return { kind: 'MaxOneRow', input, keys: plan.keys, appendOnly: false, ...common };
      }
      default:
        return unreachable(plan);
    }
  }

  #topN(
    plan: Extract<LogicalPlan, { kind: 'TopN' }>,
    common: Omit<PhysicalProperties, 'appendOnly'>,
  ): PhysicalPlan {
    const limit = limitOf(plan.limit, this.#context.evaluator);
    const offset = offsetOf(plan.offset, this.#context.evaluator);
    const input = this.convert(plan.input);
    if (limit === null && offset === 0 && plan.rank === null) return input;
    const { partition, order, withTies, rank } = plan;
    const top: PhysicalTopN = {
      kind: 'TopN',
      input,
      partition,
      order,
      limit,
      offset,
      withTies,
      rank,
      appendOnly: false,
      ...common,
    };
    return this.#context.mode === 'adhoc' ? stoppingLimit(top) : top;
  }

  #calc(plan: LogicalPlan, common: Omit<PhysicalProperties, 'appendOnly'>): PhysicalPlan {
    const chain = this.#chain(plan);
    const scanned = this.#indexed(chain);
    if (scanned !== null) return calc(scanned.input, scanned.condition, chain.exprs, common);
    return calc(this.convert(chain.input), chain.condition, chain.exprs, common);
  }

  /** The chain from `plan` down to the first node that does not fuse. */
  #chain(plan: LogicalPlan): Chain {
    if (plan.kind !== 'Filter' && plan.kind !== 'Project') {
      return { input: plan, condition: null, exprs: columnsOf(plan.schema) };
    }
    const fuses = !this.#shared.has(plan.input);
    const below = fuses ? this.#chain(plan.input) : this.#leaf(plan.input);
    return fused(plan, below) ?? must(fused(plan, this.#leaf(plan.input)));
  }

  #leaf(plan: LogicalPlan): Chain {
    return { input: plan, condition: null, exprs: columnsOf(plan.schema) };
  }

  /** The chain's filtered scan as an index look-up; null where none fits. */
  #indexed(chain: Chain): { readonly input: PhysicalPlan; readonly condition: Scalar | null } | null {
    const { input } = chain;
    if (this.#context.mode !== 'adhoc' || input.kind !== 'Scan' || chain.condition === null) return null;
    const path = accessPath(input, conjunctsOf(chain.condition));
    if (path === null) return null;
    return { input: indexScan(input, path), condition: andOrNull(path.rest) };
  }
}

function indexScan(plan: LogicalScan, path: NonNullable<ReturnType<typeof accessPath>>): PhysicalPlan {
  return {
    kind: 'IndexScan',
    relation: plan.relation,
    index: path.index,
    columns: plan.columns,
    points: path.points,
    lower: path.lower,
    upper: path.upper,
    schema: plan.schema,
    // A transaction's own deletes come after the rows that the index gives.
    appendOnly: plan.relation.appendOnly,
    key: bestKey(plan),
    estimatedRows: Math.min(estimateRows(plan), path.points.length),
  };
}

/** A filter or projection on top of a chain; null where that would duplicate too much or a volatile result. */
function fused(plan: Extract<LogicalPlan, { kind: 'Filter' | 'Project' }>, below: Chain): Chain | null {
  const trivial = below.exprs.every((s) => s.kind === 'column' || s.kind === 'literal');
  if (!trivial && below.exprs.some(isVolatile)) return null;
  // A volatile condition is evaluated once per row of its input, so nothing fuses past it.
  if (below.condition !== null && isVolatile(below.condition)) return null;
  if (plan.kind === 'Filter') {
    const own = substitute(plan.condition, below.exprs);
    const condition = below.condition === null ? own : and([below.condition, own]);
    return !trivial && scalarSize(condition) > MAX_FUSED_SIZE ? null : { ...below, condition };
  }
  const exprs = plan.exprs.map((s) => substitute(s, below.exprs));
  const size = exprs.reduce((sum, s) => sum + scalarSize(s), 0);
  return !trivial && size > MAX_FUSED_SIZE ? null : { ...below, exprs };
}

/** The smallest key known. */
function bestKey(plan: LogicalPlan): readonly number[] | null {
  return keysOf(plan)[0] ?? null;
}
