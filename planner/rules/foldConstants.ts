/**
 * Constant folding and simplification of scalars, bottom-up.
 *
 * Folding evaluates immutable expressions over literals; one that fails is left for run time, where it may never be
 * reached. Simplification is exact in three-valued logic, as values and not only as conditions. Nullability of columns is
 * taken from the node's input schema.
 */
import { must } from '../../common/assert.ts';
import { type Schema, sameType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { nullOf } from '../plan/construct.ts';
import { sameScalar, scalarKey, valueKey } from '../plan/fingerprint.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  conjunctsOf,
  equalitySides,
  FALSE,
  isFalse,
  isNullable,
  isTrue,
  literal,
  negateCall,
  not,
  or,
  TRUE,
  volatilityOf,
} from '../plan/scalars.ts';
import { inputsOf, mapScalarChildren, mapScalars, rewritePlan } from '../plan/walk.ts';
import type { Rule, RuleContext } from './rule.ts';
import { unwrapCast } from './unwrapCast.ts';

export const foldConstants: Rule = {
  name: 'foldConstants',
  why: 'constants are computed once, and conditions become simple enough for the other rules to read',
  apply: (plan, context) => rewritePlan(plan, (node) => simplifyNode(node, context)),
};

function simplifyNode(node: LogicalPlan, context: RuleContext): LogicalPlan {
  const schema = inputsOf(node).flatMap((input) => [...input.schema]);
  return mapScalars(node, (s) => simplify(s, schema, context));
}

/** The scalar simplified; `schema` is that of the columns it reads. */
export function simplify(s: Scalar, schema: Schema, context: RuleContext): Scalar {
  const below = mapScalarChildren(s, (child) => simplify(child, schema, context));
  return simplifyTop(below, schema, context);
}

const isLiteral = (s: Scalar): s is Extract<Scalar, { kind: 'literal' }> => s.kind === 'literal';
const isNullLiteral = (s: Scalar): boolean => s.kind === 'literal' && s.value === null;

function simplifyTop(s: Scalar, schema: Schema, context: RuleContext): Scalar {
  switch (s.kind) {
    case 'and':
      return simplifyAnd(s.operands);
    case 'or':
      return simplifyOr(s.operands);
    case 'not':
      return simplifyNot(s, schema, context);
    case 'isNull':
      if (isLiteral(s.operand)) return literal((s.operand.value === null) !== s.negated, types.bool);
      return isNullable(s.operand, schema) ? s : literal(s.negated, types.bool);
    case 'isBool':
      if (isLiteral(s.operand)) return literal((s.operand.value === s.test) !== s.negated, types.bool);
      return s;
    case 'case':
      return simplifyCase(s);
    case 'coalesce':
      return simplifyCoalesce(s, schema);
    case 'call':
      if (s.fn.nulls === 'strict' && s.fn.volatility !== 'volatile' && s.args.some(isNullLiteral))
        return nullOf(s.type);
      return fold(unwrapCast(s, context), context);
    case 'cast':
      return isNullLiteral(s.operand) ? nullOf(s.type) : fold(s, context);
    case 'isDistinct':
      return simplifyDistinct(s, schema, context);
    case 'inSet':
    case 'quantified':
    case 'array':
    case 'row':
    case 'field':
    case 'subscript':
    case 'slice':
    case 'greatest':
    case 'least':
      return fold(s, context);
    default:
      return s;
  }
}

function fold(s: Scalar, context: RuleContext): Scalar {
  let constant = s.kind !== 'literal';
  mapScalarChildren(s, (child) => {
    constant &&= child.kind === 'literal';
    return child;
  });
  if (!constant || volatilityOf(s) !== 'immutable') return s;
  try {
    return literal(context.evaluator.evaluate(s), s.type);
  } catch (error) {
    if (error instanceof SqlError) return s;
    throw error;
  }
}

function unique(operands: readonly Scalar[]): readonly Scalar[] {
  const byKey = new Map(operands.map((s) => [scalarKey(s), s] as const));
  return byKey.size === operands.length ? operands : [...byKey.values()];
}

function simplifyAnd(operands: readonly Scalar[]): Scalar {
  const flat = unique(operands.flatMap(conjunctsOf));
  return flat.some(isFalse) ? FALSE : and(flat);
}

const disjunctsOf = (s: Scalar): readonly Scalar[] =>
  s.kind === 'or' ? s.operands.flatMap(disjunctsOf) : [s];

function simplifyOr(operands: readonly Scalar[]): Scalar {
  const flat = unique(operands.flatMap(disjunctsOf).filter((s) => !isFalse(s)));
  if (flat.some(isTrue)) return TRUE;
  if (flat.length === 0) return FALSE;
  return asSet(flat) ?? commonFactor(flat) ?? or(flat);
}

/** a = 1 OR a = 2 OR a IN (3, 4) as one set; null where the disjunction is not of this form. */
function asSet(operands: readonly Scalar[]): Scalar | null {
  if (operands.length < 2) return null;
  let operand: Scalar | null = null;
  const values = new Map<string, Value>();
  for (const s of operands) {
    const found = setOf(s);
    if (found === null || (operand !== null && !sameScalar(operand, found.operand))) return null;
    operand = found.operand;
    for (const value of found.values) values.set(valueKey(value), value);
  }
  if (operand === null) return null;
  return {
    kind: 'inSet',
    operand,
    values: [...values.values()],
    hasNull: false,
    negated: false,
    type: types.bool,
  };
}

function setOf(s: Scalar): { readonly operand: Scalar; readonly values: readonly Value[] } | null {
  if (s.kind === 'inSet') return s.negated || s.hasNull ? null : s;
  const sides = equalitySides(s);
  if (sides === null) return null;
  const { left, right } = sides;
  if (isLiteral(right) && right.value !== null && !isLiteral(left))
    return { operand: left, values: [right.value] };
  if (isLiteral(left) && left.value !== null && !isLiteral(right))
    return { operand: right, values: [left.value] };
  return null;
}

/** (a AND b) OR (a AND c) as a AND (b OR c); null where nothing is common. */
function commonFactor(operands: readonly Scalar[]): Scalar | null {
  if (operands.length < 2) return null;
  const branches = operands.map((s) => conjunctsOf(s));
  const keys = branches.map((branch) => new Set(branch.map(scalarKey)));
  const common = must(branches[0]).filter((s) => keys.every((k) => k.has(scalarKey(s))));
  if (common.length === 0) return null;
  const commonKeys = new Set(common.map(scalarKey));
  const rests = branches.map((branch) => and(branch.filter((s) => !commonKeys.has(scalarKey(s)))));
  return rests.some(isTrue) ? and(common) : and([...common, simplifyOr(rests)]);
}

function simplifyNot(s: Extract<Scalar, { kind: 'not' }>, schema: Schema, context: RuleContext): Scalar {
  const { operand } = s;
  switch (operand.kind) {
    case 'literal':
      return operand.value === null ? nullOf(types.bool) : literal(operand.value === false, types.bool);
    case 'not':
      return operand.operand;
    case 'isNull':
    case 'isBool':
    case 'isDistinct':
    case 'inSet':
    case 'existsSubquery':
    case 'quantifiedSubquery':
      return { ...operand, negated: !operand.negated };
    case 'or':
      return simplifyAnd(operand.operands.map((x) => simplifyTop(not(x), schema, context)));
    case 'call':
      return negateCall(operand, context.functions) ?? s;
    default:
      return s;
  }
}

function simplifyCase(s: Extract<Scalar, { kind: 'case' }>): Scalar {
  const whens: { readonly when: Scalar; readonly then: Scalar }[] = [];
  let { otherwise } = s;
  for (const branch of s.whens) {
    if (isLiteral(branch.when) && branch.when.value !== true) continue;
    if (isTrue(branch.when)) {
      otherwise = branch.then;
      break;
    }
    whens.push(branch);
  }
  if (whens.length === 0) return otherwise ?? nullOf(s.type);
  return whens.length === s.whens.length ? s : { ...s, whens, otherwise };
}

function simplifyCoalesce(s: Extract<Scalar, { kind: 'coalesce' }>, schema: Schema): Scalar {
  const operands: Scalar[] = [];
  for (const operand of s.operands) {
    if (isNullLiteral(operand)) continue;
    operands.push(operand);
    if (!isNullable(operand, schema)) break;
  }
  if (operands.length === 0) return nullOf(s.type);
  if (operands.length === 1) return must(operands[0]);
  return operands.length === s.operands.length ? s : { ...s, operands };
}

function simplifyDistinct(
  s: Extract<Scalar, { kind: 'isDistinct' }>,
  schema: Schema,
  context: RuleContext,
): Scalar {
  const { left, right, negated } = s;
  if (isNullLiteral(left) || isNullLiteral(right)) {
    const operand = isNullLiteral(left) ? right : left;
    const test: Scalar = { kind: 'isNull', operand, negated: !negated, type: types.bool };
    return simplifyTop(test, schema, context);
  }
  if (sameType(left.type, right.type) && sameScalar(left, right) && volatilityOf(left) !== 'volatile') {
    return literal(negated, types.bool);
  }
  return fold(s, context);
}
