/**
 * What a grouping reads, in terms of a node further down: the filters and projections between the two are composed, so
 * that rules can look through them.
 */
import { must } from '../../common/assert.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { project } from '../plan/construct.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { LogicalAggregate, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf, conjunctsOf, isVolatile, substitute } from '../plan/scalars.ts';

export interface AggregateInput {
  readonly base: LogicalPlan;
  /** Over the base: conditions of all filters, and the aggregate's input columns. */
  readonly conditions: readonly Scalar[];
  readonly exprs: readonly Scalar[];
}

/** The first node below that is no filter or projection; null where something between is volatile. */
export function aggregateInput(plan: LogicalAggregate): AggregateInput | null {
  const above: Extract<LogicalPlan, { kind: 'Filter' | 'Project' }>[] = [];
  let base = plan.input;
  for (; base.kind === 'Filter' || base.kind === 'Project'; base = base.input) above.unshift(base);
  let exprs = columnsOf(base.schema);
  const conditions: Scalar[] = [];
  for (const node of above) {
    if (node.kind === 'Filter')
      conditions.push(...conjunctsOf(node.condition).map((s) => substitute(s, exprs)));
    else exprs = node.exprs.map((s) => substitute(s, exprs));
  }
  return [...conditions, ...exprs].some(isVolatile) ? null : { base, conditions, exprs };
}

/** Columns for a projection, each expression once. */
export class ColumnList {
  readonly #exprs: Scalar[] = [];
  readonly #positions = new Map<string, number>();

  /** The column that holds the expression. */
  add(expr: Scalar): number {
    const key = scalarKey(expr);
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    this.#positions.set(key, this.#exprs.length);
    return this.#exprs.push(expr) - 1;
  }

  /** The call with its columns taken from here; `exprs`: what they are. */
  addCall(call: AggregateCall, exprs: readonly Scalar[]): AggregateCall {
    const move = (c: number): number => this.add(must(exprs[c]));
    return {
      ...call,
      args: call.args.map(move),
      filter: call.filter === null ? null : move(call.filter),
      orderBy: call.orderBy.map((k) => ({ ...k, column: move(k.column) })),
    };
  }

  project(input: LogicalPlan): LogicalPlan {
    return project(input, this.#exprs);
  }
}

/** The expressions that a call reads. */
export function readBy(call: AggregateCall, exprs: readonly Scalar[]): readonly Scalar[] {
  const columns = [...call.args, ...(call.filter === null ? [] : [call.filter])];
  return [...columns, ...call.orderBy.map((k) => k.column)].map((c) => must(exprs[c]));
}
