/**
 * Takes the subqueries out of a node's scalars: the node's input grows by joined columns, and each subquery becomes a
 * scalar over the grown input. The input's own columns stay where they are.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import { singleValue } from '../../common/singleValue.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, substitute } from '../plan/scalars.ts';
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
    const before = this.#plan;
    this.#plan = singleRowJoin(before, plan, { domainSource: this.#source });
    const { type } = must(plan.schema[0]);
    const value = column(at, type);
    const many = at + plan.schema.length;
    if (this.#plan.schema.length === many) return value;
    return { kind: 'call', fn: singleValue, args: [value, column(many, types.bool)], type };
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
