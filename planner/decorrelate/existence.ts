/**
 * EXISTS and IN/ANY/ALL.
 *
 * As a condition of a filter they become semi and anti joins. As a value they become a mark: an outer join with the
 * distinct outer combinations for which the subquery has a row, tested for NULL. ANY with an operator that may be
 * unknown needs two marks: some row is true; some row is unknown.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import { distinct, extend, filter, join, project } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  column,
  columnOf,
  FALSE,
  isNull,
  isNullable,
  literal,
  mapColumns,
  negateCall,
  not,
  or,
  sameValue,
  TRUE,
  usedColumns,
} from '../plan/scalars.ts';
import { type DependentOptions, dependentJoin, domainOf } from './dependentJoin.ts';
import { isCorrelated, lower } from './outer.ts';
import { attachDomain } from './unnest.ts';

export type Exists = Extract<Scalar, { kind: 'existsSubquery' }>;
export type Quantified = Extract<Scalar, { kind: 'quantifiedSubquery' }>;

/** A plan that has a row iff the given one has, without what does not matter for that. */
export function existenceOf(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'Project':
    case 'Distinct':
    case 'Window':
    case 'MaxOneRow':
      return existenceOf(plan.input);
    case 'Aggregate':
      return plan.keys.length > 0 && plan.sets === null ? existenceOf(plan.input) : plan;
    case 'TopN': {
      const some = plan.limit === null || (plan.limit.kind === 'literal' && isPositive(plan.limit.value));
      return some && plan.offset === null ? existenceOf(plan.input) : plan;
    }
    default:
      return plan;
  }
}

const isPositive = (value: unknown): boolean =>
  (typeof value === 'bigint' && value > 0n) || (typeof value === 'number' && value > 0);

/** An uncorrelated subquery's existence as a relation of at most one row. */
const oneIfAny = (plan: LogicalPlan): LogicalPlan => distinct(project(plan, [TRUE], ['matched']));

/** Rows of `left` for which the subquery has (`negated`: has not) a row. */
export function filterByExists(left: LogicalPlan, exists: Exists): LogicalPlan {
  const right = existenceOf(exists.plan);
  const reduced = isCorrelated(right) ? right : oneIfAny(right);
  return dependentJoin(exists.negated ? 'anti' : 'semi', left, reduced, null);
}

/** The opposite of a comparison, NULL where that is NULL. */
function opposite(condition: Scalar, functions: FunctionCatalog): Scalar {
  return negateCall(condition, functions) ?? not(condition);
}

/** ANY in place of ALL: x op ALL (q) is NOT (x negated-op ANY (q)). */
function asAny(s: Quantified, functions: FunctionCatalog): Quantified {
  if (s.quantifier === 'any') return s;
  return { ...s, quantifier: 'any', negated: !s.negated, condition: opposite(s.condition, functions) };
}

/** Rows of `left` for which the quantified comparison is true. Its left items have no subqueries. */
export function filterByQuantified(
  left: LogicalPlan,
  quantified: Quantified,
  functions: FunctionCatalog,
): LogicalPlan {
  const s = asAny(quantified, functions);
  const items = s.left.length;
  const width = left.schema.length;
  const condition = mapColumns(s.condition, (i, type) =>
    i < items ? must(s.left[i]) : column(width + i - items, type),
  );
  if (!s.negated) return dependentJoin('semi', left, s.plan, condition);
  const nullAware = isNullable(condition, [...left.schema, ...s.plan.schema]);
  return dependentJoin('anti', left, s.plan, condition, { nullAware });
}

/** A plan whose first columns are the given plan's, and a scalar over it. */
export interface Marked {
  readonly plan: LogicalPlan;
  readonly mark: Scalar;
}

/** Marks the rows of `left` for which `right` has a row. */
export function markExists(left: LogicalPlan, right: LogicalPlan, options: DependentOptions = {}): Marked {
  const width = left.schema.length;
  if (!isCorrelated(right)) {
    const plan = join('left', left, oneIfAny(lower(right)), null);
    return { plan, mark: isNull(column(width, types.bool), true) };
  }
  const domain = domainOf(options.domainSource ?? left, right, false);
  const attached = attachDomain(right, domain);
  const outer = domain.columns.map((_, j) => columnOf(attached.schema, right.schema.length + j));
  const marks = distinct(project(attached, [...outer, TRUE]));
  const agree = domain.columns.map((c, j) => sameValue(columnOf(left.schema, c), shifted(marks, j, width)));
  const plan = join('left', left, marks, agree);
  return { plan, mark: isNull(column(width + outer.length, types.bool), true) };
}

const shifted = (plan: LogicalPlan, index: number, by: number): Scalar =>
  column(by + index, must(plan.schema[index]).type);

/** The quantified comparison as a value, with three-valued logic. */
export function markQuantified(
  left: LogicalPlan,
  quantified: Quantified,
  functions: FunctionCatalog,
): Marked {
  const s = asAny(quantified, functions);
  const items = s.left.length;
  // The left items become columns, so that the subquery can refer to them.
  let plan = left;
  const positions = s.left.map((item) => {
    if (item.kind === 'column') return item.index;
    plan = extend(plan, [item]);
    return plan.schema.length - 1;
  });
  const source = plan;
  const inSubquery = (condition: Scalar): Scalar =>
    mapColumns(condition, (i, type) =>
      i < items ? { kind: 'outer', depth: 1, index: must(positions[i]), type } : column(i - items, type),
    );
  const markWhere = (condition: Scalar): Scalar => {
    const marked = markExists(plan, filter(s.plan, condition), { domainSource: source });
    plan = marked.plan;
    return marked.mark;
  };
  const found = markWhere(inSubquery(s.condition));
  const inputs = [...positions.map((p) => must(source.schema[p])), ...s.plan.schema];
  if (!isNullable(s.condition, inputs)) return { plan, mark: s.negated ? not(found) : found };
  const unknown = unknownMark(s, inputs, markWhere, inSubquery, (i) =>
    columnOf(source.schema, must(positions[i])),
  );
  const whens = [
    { when: found, then: literal(!s.negated, types.bool) },
    { when: unknown, then: literal(null, types.bool) },
  ];
  const otherwise = s.negated ? TRUE : FALSE;
  return { plan, mark: { kind: 'case', whens, otherwise, type: types.bool } };
}

/** True for rows where the comparison is unknown with some row of the subquery. */
function unknownMark(
  s: Quantified,
  inputs: LogicalPlan['schema'],
  markWhere: (condition: Scalar) => Scalar,
  inSubquery: (condition: Scalar) => Scalar,
  leftItem: (index: number) => Scalar,
): Scalar {
  const { condition } = s;
  const sides = condition.kind === 'call' && strictSides(condition, s.left.length);
  if (sides === false || sides === null) return markWhere(inSubquery(isNull(condition)));
  // A strict operator is unknown iff one of its operands is NULL: two cheap marks instead of a product.
  const parts: Scalar[] = [];
  if (isNullable(sides.own, inputs)) {
    parts.push(and([isNull(mapColumns(sides.own, (i) => leftItem(i))), markWhere(TRUE)]));
  }
  if (isNullable(sides.theirs, inputs)) parts.push(markWhere(inSubquery(isNull(sides.theirs))));
  return parts.length === 0 ? FALSE : or(parts);
}

/** The operands of a strict binary operator with the outer query's on one side and the subquery's on the other. */
function strictSides(
  s: Extract<Scalar, { kind: 'call' }>,
  items: number,
): { readonly own: Scalar; readonly theirs: Scalar } | null {
  const [a, b] = s.args;
  if (a === undefined || b === undefined || s.args.length !== 2) return null;
  if (s.fn.nulls !== 'strict' || s.fn.mayReturnNull === true) return null;
  const own = (x: Scalar): boolean => [...usedColumns(x)].every((i) => i < items);
  const theirs = (x: Scalar): boolean => [...usedColumns(x)].every((i) => i >= items);
  if (own(a) && theirs(b)) return { own: a, theirs: b };
  return own(b) && theirs(a) ? { own: b, theirs: a } : null;
}
