/**
 * Removes subqueries and lateral joins from a logical plan, innermost first. After it no scalar holds a subquery, no
 * join is lateral and no `outer` reference is left.
 */
import { assert } from '../../common/assert.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import { unsupported } from '../../common/sqlError.ts';
import { filter, join, nullOf, oneRow, pick, projectAs, unionAll } from '../plan/construct.ts';
import type { LogicalFilter, LogicalJoin, LogicalPlan, LogicalValues } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { and, column, columnsOf, conjunctsOf, hasSubquery, isSubquery, renumber } from '../plan/scalars.ts';
import { mapInputs, rewriteScalar, scalarsOf } from '../plan/walk.ts';
import { arrayPlan } from './arrayPlan.ts';
import { dependentJoin } from './dependentJoin.ts';
import { filterByExists, filterByQuantified } from './existence.ts';
import { Extraction } from './extraction.ts';
import { withoutSubqueryBounds } from './limitSubquery.ts';
import { mapFree, outerColumns, raise } from './outer.ts';

/** The plan without subqueries, lateral joins and outer references. */
export function decorrelate(plan: LogicalPlan, functions: FunctionCatalog): LogicalPlan {
  const result = new Decorrelation(functions).run(plan);
  assert(outerColumns(result).size === 0, 'a decorrelated query has no outer references');
  return result;
}

class Decorrelation {
  readonly #functions: FunctionCatalog;
  readonly #done = new Map<LogicalPlan, LogicalPlan>();

  constructor(functions: FunctionCatalog) {
    this.#functions = functions;
  }

  run(plan: LogicalPlan): LogicalPlan {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#node(mapInputs(plan, (input) => this.run(input)));
    this.#done.set(plan, result);
    return result;
  }

  /** A node whose inputs are done. */
  #node(plan: LogicalPlan): LogicalPlan {
    if (plan.kind === 'Join' && plan.lateral) return this.#lateral(plan);
    // What reads the order of a subquery has taken it already (arrayPlan).
    if (plan.kind === 'TopN' && plan.limit === null && plan.offset === null && plan.rank === null)
      return plan.input;
    if (!scalarsOf(plan).some(hasSubquery)) return plan;
    switch (plan.kind) {
      case 'Filter':
        return this.#filter(plan);
      case 'Project': {
        const extraction = this.#extraction(plan.input);
        const exprs = plan.exprs.map((s) => extraction.replace(this.#prepared(s)));
        return projectAs(extraction.plan, exprs, plan.schema);
      }
      case 'Join':
        return this.#join(plan);
      case 'Values':
        return this.#values(plan);
      case 'TableFunction':
        return this.#tableFunction(plan);
      case 'TopN':
        return withoutSubqueryBounds(
          {
            ...plan,
            limit: plan.limit === null ? null : this.#prepared(plan.limit),
            offset: plan.offset === null ? null : this.#prepared(plan.offset),
          },
          this.#functions,
        );
      default:
        assert(false, `${plan.kind} has no scalars`);
        return plan;
    }
  }

  #extraction(input: LogicalPlan): Extraction {
    return new Extraction(input, this.#functions);
  }

  /** The scalar with the plans of its subqueries decorrelated, ARRAY(subquery) as a scalar subquery of array_agg. */
  #prepared(s: Scalar): Scalar {
    return rewriteScalar(s, (x) => {
      if (x.kind === 'arraySubquery') {
        return { kind: 'scalarSubquery', plan: this.run(arrayPlan(x, this.#functions)), type: x.type };
      }
      return isSubquery(x) && 'plan' in x ? { ...x, plan: this.run(x.plan) } : x;
    });
  }

  /** Plain conditions first, then semi and anti joins, then conditions over subqueries' values. */
  #filter(plan: LogicalFilter): LogicalPlan {
    const conjuncts = conjunctsOf(plan.condition);
    let input = filter(plan.input, and(conjuncts.filter((c) => !hasSubquery(c))));
    const values: Scalar[] = [];
    for (const conjunct of conjuncts.filter(hasSubquery)) {
      const s = withoutNot(this.#prepared(conjunct));
      if (s.kind === 'existsSubquery') input = filterByExists(input, s);
      else if (s.kind === 'quantifiedSubquery' && !s.left.some(hasSubquery)) {
        input = filterByQuantified(input, s, this.#functions);
      } else values.push(s);
    }
    if (values.length === 0) return input;
    const extraction = this.#extraction(input);
    const conditions = values.map((s) => extraction.replace(s));
    return pick(filter(extraction.plan, conditions), [...input.schema.keys()]);
  }

  #values(plan: LogicalValues): LogicalPlan {
    const rows = plan.rows.map((row) => {
      const extraction = this.#extraction(oneRow);
      const exprs = row.map((s) => extraction.replace(this.#prepared(s)));
      return projectAs(extraction.plan, exprs, plan.schema);
    });
    return unionAll(rows);
  }

  #tableFunction(plan: Extract<LogicalPlan, { kind: 'TableFunction' }>): LogicalPlan {
    const extraction = this.#extraction(plan.input);
    const calls = plan.calls.map((c) => ({
      ...c,
      args: c.args.map((a) => extraction.replace(this.#prepared(a))),
    }));
    const width = plan.input.schema.length;
    const grown = extraction.plan;
    const appended = plan.schema.slice(width);
    const node: LogicalPlan = { ...plan, input: grown, calls, schema: [...grown.schema, ...appended] };
    return pick(node, [...plan.input.schema.keys(), ...appended.map((_, i) => grown.schema.length + i)]);
  }

  #lateral(plan: LogicalJoin): LogicalPlan {
    const conjuncts = conjunctsOf(plan.condition);
    const plain = and(conjuncts.filter((c) => !hasSubquery(c)));
    const nested = conjuncts.filter(hasSubquery);
    switch (plan.type) {
      case 'inner': {
        const joined = dependentJoin('inner', plan.left, plan.right, plain);
        return nested.length === 0 ? joined : this.#filter(filterNode(joined, and(nested)));
      }
      case 'left': {
        const right = nested.length === 0 ? plan.right : this.#filterRight(plan.left, plan.right, nested);
        return dependentJoin('left', plan.left, right, plain);
      }
      default:
        throw unsupported(`lateral reference in a ${plan.type.toUpperCase()} JOIN`);
    }
  }

  /** A join, not lateral, with subqueries in its condition. */
  #join(plan: LogicalJoin): LogicalPlan {
    const conjuncts = conjunctsOf(plan.condition);
    const plain = and(conjuncts.filter((c) => !hasSubquery(c)));
    const nested = conjuncts.filter(hasSubquery);
    switch (plan.type) {
      case 'inner':
        return this.#filter(filterNode(join('inner', plan.left, plan.right, plain), and(nested)));
      case 'left':
        return dependentJoin(
          'left',
          plan.left,
          this.#filterRight(plan.left, raise(plan.right), nested),
          plain,
        );
      case 'right': {
        const { swap, other, condition } = this.#mirrored(plan, plain, nested);
        return pick(dependentJoin('left', plan.right, other, condition), [...plan.schema.keys()].map(swap));
      }
      case 'full': {
        const matched = this.#join({ ...plan, type: 'left' });
        const { other, condition } = this.#mirrored(plan, plain, nested);
        const rest = dependentJoin('anti', plan.right, other, condition);
        const nulls = plan.left.schema.map((c) => nullOf(c.type));
        return unionAll([matched, projectAs(rest, [...nulls, ...columnsOf(rest.schema)], plan.schema)]);
      }
      default:
        throw unsupported(`subquery in the condition of a ${plan.type.toUpperCase()} JOIN`);
    }
  }

  /** The join seen from its right side: the left one filtered by the conditions that hold subqueries, and the others. */
  #mirrored(
    plan: LogicalJoin,
    plain: Scalar,
    nested: readonly Scalar[],
  ): { readonly swap: (i: number) => number; readonly other: LogicalPlan; readonly condition: Scalar } {
    const leftWidth = plan.left.schema.length;
    const rightWidth = plan.right.schema.length;
    const swap = (i: number): number => (i < leftWidth ? i + rightWidth : i - leftWidth);
    const swapped = nested.map((s) =>
      mapFree(s, 0, (depth, level, index, type) =>
        reference(depth, depth === level ? swap(index) : index, type),
      ),
    );
    const other = this.#filterRight(plan.right, raise(plan.left), swapped);
    return { swap, other, condition: renumber(plain, swap) };
  }

  /** The right side of a dependent join filtered by conditions over left ++ right that hold subqueries. */
  #filterRight(left: LogicalPlan, right: LogicalPlan, conditions: readonly Scalar[]): LogicalPlan {
    const width = left.schema.length;
    const moved = conditions.map((s) =>
      mapFree(s, 0, (depth, level, index, type) => {
        if (depth > level) return reference(depth + 1, index, type);
        return index < width ? reference(depth + 1, index, type) : reference(depth, index - width, type);
      }),
    );
    return this.#filter(filterNode(right, and(moved)));
  }
}

const filterNode = (input: LogicalPlan, condition: Scalar): LogicalFilter => ({
  kind: 'Filter',
  input,
  condition,
  schema: input.schema,
});

/** A reference of `depth` scopes out: depth 0 is the node's own input. */
function reference(depth: number, index: number, type: Scalar['type']): Scalar {
  return depth === 0 ? column(index, type) : { kind: 'outer', depth, index, type };
}

/** NOT over EXISTS and quantified comparisons moved into them. */
function withoutNot(s: Scalar): Scalar {
  if (s.kind !== 'not') return s;
  const operand = withoutNot(s.operand);
  if (operand.kind === 'existsSubquery' || operand.kind === 'quantifiedSubquery') {
    return { ...operand, negated: !operand.negated };
  }
  return operand === s.operand ? s : { ...s, operand };
}
