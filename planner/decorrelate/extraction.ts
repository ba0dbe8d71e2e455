/**
 * Takes the subqueries out of a node's scalars: the node's input grows by joined columns, and each subquery becomes a
 * scalar over the grown input. The input's own columns stay where they are.
 */
import { must } from '../../common/assert.ts';
import type { AggregateFunction, FunctionCatalog } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { AggregateCall, SortKey } from '../plan/aggregateCall.ts';
import { aggregate, project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, columnOf, literal, substitute } from '../plan/scalars.ts';
import { rewriteScalar } from '../plan/walk.ts';
import { singleRowJoin } from './dependentJoin.ts';
import { existenceOf, type Marked, markExists, markQuantified } from './existence.ts';
import { resolveOuter } from './outer.ts';

export class Extraction {
  /** The input as it was: outer references of the subqueries mean its columns. */
  readonly #source: LogicalPlan;
  readonly #functions: FunctionCatalog;
  readonly #done = new Map<LogicalPlan, Scalar>();
  #plan: LogicalPlan;

  constructor(source: LogicalPlan, functions: FunctionCatalog) {
    this.#source = source;
    this.#plan = source;
    this.#functions = functions;
  }

  /** The grown input. */
  get plan(): LogicalPlan {
    return this.#plan;
  }

  /** The scalar without subqueries, over the grown input. The subqueries' plans are decorrelated already. */
  replace(s: Scalar): Scalar {
    return rewriteScalar(s, (x) => {
      switch (x.kind) {
        case 'scalarSubquery':
          return this.#scalar(x.plan);
        case 'arraySubquery':
          return this.#scalar(arrayPlan(x, this.#functions));
        case 'existsSubquery': {
          const mark = this.#grow(
            markExists(this.#plan, existenceOf(x.plan), { domainSource: this.#source }),
          );
          return x.negated ? { kind: 'not', operand: mark, type: x.type } : mark;
        }
        case 'quantifiedSubquery':
          return this.#grow(markQuantified(this.#plan, x, this.#functions));
        default:
          return x;
      }
    });
  }

  #grow(marked: Marked): Scalar {
    this.#plan = marked.plan;
    return marked.mark;
  }

  #scalar(plan: LogicalPlan): Scalar {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const value = inlined(plan) ?? this.#joined(plan);
    this.#done.set(plan, value);
    return value;
  }

  #joined(plan: LogicalPlan): Scalar {
    const at = this.#plan.schema.length;
    this.#plan = singleRowJoin(this.#plan, plan, { domainSource: this.#source });
    return column(at, must(plan.schema[0]).type);
  }
}

/** (SELECT expression) without FROM is the expression itself. */
function inlined(plan: LogicalPlan): Scalar | null {
  const below = (node: LogicalPlan): readonly Scalar[] | null => {
    if (node.kind === 'Values') return node.rows.length === 1 ? must(node.rows[0]) : null;
    if (node.kind !== 'Project') return null;
    const input = below(node.input);
    return input === null ? null : node.exprs.map((s) => substitute(s, input));
  };
  const row = below(plan);
  return row === null ? null : resolveOuter(must(row[0]), (index, type) => column(index, type));
}

/** ARRAY(subquery): array_agg over the subquery in its order, an empty array over no rows. */
function arrayPlan(s: Extract<Scalar, { kind: 'arraySubquery' }>, functions: FunctionCatalog): LogicalPlan {
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
