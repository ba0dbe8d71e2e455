/** Small constructors and questions about scalars: columns used, volatility, nullability, three-valued conjunctions. */
import { must, unreachable } from '../../common/assert.ts';
import { type DataType, type Schema, sameType, types } from '../../common/dataType.ts';
import type { FunctionCatalog, ScalarFunction, Volatility } from '../../common/function.ts';
import type { Value } from '../../common/value.ts';
import type { Scalar } from './scalar.ts';
import { mapScalarChildren, rewriteScalar, someScalar, walkScalar } from './walk.ts';

export const column = (index: number, type: DataType): Scalar => ({ kind: 'column', index, type });
export const literal = (value: Value, type: DataType): Scalar => ({ kind: 'literal', value, type });
export const TRUE: Scalar = literal(true, types.bool);
export const FALSE: Scalar = literal(false, types.bool);

export const isTrue = (s: Scalar): boolean => s.kind === 'literal' && s.value === true;
export const isFalse = (s: Scalar): boolean => s.kind === 'literal' && s.value === false;
/** A condition that lets no row through: literal false or NULL. */
export const isNeverTrue = (s: Scalar): boolean =>
  s.kind === 'literal' && (s.value === false || s.value === null);

/** Column i of a schema. */
export function columnOf(schema: Schema, index: number): Scalar {
  return column(index, must(schema[index], `no column ${index}`).type);
}

/** All columns of a schema, from position `offset` on. */
export function columnsOf(schema: Schema, offset = 0): readonly Scalar[] {
  return schema.map((c, i) => column(offset + i, c.type));
}

export function not(operand: Scalar): Scalar {
  return { kind: 'not', operand, type: types.bool };
}

export function isNull(operand: Scalar, negated = false): Scalar {
  return { kind: 'isNull', operand, negated, type: types.bool };
}

/** left IS NOT DISTINCT FROM right */
export function sameValue(left: Scalar, right: Scalar): Scalar {
  return { kind: 'isDistinct', left, right, negated: true, type: types.bool };
}

/** The conditions whose conjunction `s` is. */
export function conjunctsOf(s: Scalar | null): readonly Scalar[] {
  if (s === null || isTrue(s)) return [];
  return s.kind === 'and' ? s.operands.flatMap(conjunctsOf) : [s];
}

/** Conjunction; TRUE when empty. */
export function and(operands: readonly Scalar[]): Scalar {
  const flat = operands.flatMap(conjunctsOf);
  const [first] = flat;
  if (first === undefined) return TRUE;
  return flat.length === 1 ? first : { kind: 'and', operands: flat, type: types.bool };
}

/** Conjunction; null when empty. */
export function andOrNull(operands: readonly Scalar[]): Scalar | null {
  const condition = and(operands);
  return isTrue(condition) ? null : condition;
}

/** Disjunction of at least one operand. */
export function or(operands: readonly Scalar[]): Scalar {
  return operands.length === 1 ? must(operands[0]) : { kind: 'or', operands, type: types.bool };
}

/** Input columns the scalar reads. Only for scalars without subqueries. */
export function usedColumns(s: Scalar, into: Set<number> = new Set()): Set<number> {
  walkScalar(s, (x) => {
    if (x.kind === 'column') into.add(x.index);
  });
  return into;
}

/** Replaces each column reference. */
export function mapColumns(s: Scalar, f: (index: number, type: DataType) => Scalar): Scalar {
  return rewriteScalar(s, (x) => (x.kind === 'column' ? f(x.index, x.type) : x));
}

/** Renumbers column references. */
export function renumber(s: Scalar, f: (index: number) => number): Scalar {
  return mapColumns(s, (index, type) => column(f(index), type));
}

/** Adds `by` to column positions from `from` on. */
export function shiftColumns(s: Scalar, by: number, from = 0): Scalar {
  if (by === 0) return s;
  return renumber(s, (i) => (i >= from ? i + by : i));
}

/** The scalar with columns replaced by the expressions that compute them. */
export function substitute(s: Scalar, exprs: readonly Scalar[]): Scalar {
  return mapColumns(s, (i) => must(exprs[i], `no expression for column ${i}`));
}

const volatilityRank: { readonly [V in Volatility]: number } = { immutable: 0, stable: 1, volatile: 2 };

/** Casts whose result depends on the session (time zone, date of today). */
function castIsStable(from: DataType, to: DataType): boolean {
  const zoned = (t: DataType): boolean => t.id === 'timestamptz' || t.id === 'timetz';
  const textual = (t: DataType): boolean =>
    t.id === 'text' || t.id === 'varchar' || t.id === 'bpchar' || t.id === 'unknown' || t.id === 'name';
  if (from.id === 'array' && to.id === 'array') return castIsStable(from.element, to.element);
  if (from.id === 'array' && textual(to)) return castIsStable(from.element, to);
  if (from.id === 'struct' || to.id === 'struct') return true;
  if (zoned(from) !== zoned(to)) return true;
  const dated = (t: DataType): boolean =>
    zoned(t) ||
    t.id === 'timestamp' ||
    t.id === 'date' ||
    t.id === 'time' ||
    t.id === 'interval' ||
    t.id === 'bytea';
  if (dated(from) && textual(to)) return from.id !== 'timestamp' && from.id !== 'date' && from.id !== 'time';
  if (textual(from) && (dated(to) || to.id.startsWith('reg')))
    return to.id !== 'interval' && to.id !== 'bytea';
  return from.id.startsWith('reg') || to.id.startsWith('reg');
}

/** The most volatile thing in the scalar. */
export function volatilityOf(s: Scalar): Volatility {
  let worst: Volatility = 'immutable';
  walkScalar(s, (x) => {
    let here: Volatility = 'immutable';
    if (x.kind === 'call' || x.kind === 'quantified') here = x.fn.volatility;
    else if (x.kind === 'cast' && castIsStable(x.operand.type, x.type)) here = 'stable';
    if (volatilityRank[here] > volatilityRank[worst]) worst = here;
  });
  return worst;
}

export const isVolatile = (s: Scalar): boolean => volatilityOf(s) === 'volatile';

export function hasSubquery(s: Scalar): boolean {
  return someScalar(s, isSubquery);
}

export function isSubquery(s: Scalar): boolean {
  switch (s.kind) {
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'quantifiedSubquery':
    case 'arraySubquery':
      return true;
    default:
      return false;
  }
}

/** True when the value does not depend on a row: no columns or subqueries (parameters and outer columns, constant within a subquery, are allowed). */
export function isRowFree(s: Scalar): boolean {
  return !someScalar(s, (x) => x.kind === 'column' || isSubquery(x));
}

/** False when the scalar is known never to be NULL for rows of `schema`. */
export function isNullable(s: Scalar, schema: Schema): boolean {
  const nullable = (x: Scalar): boolean => isNullable(x, schema);
  switch (s.kind) {
    case 'column':
      return schema[s.index]?.nullable ?? true;
    case 'literal':
      return s.value === null;
    case 'call':
      return s.fn.nulls === 'called' || s.fn.mayReturnNull === true || s.args.some(nullable);
    case 'cast':
      return s.try || s.operand.type.id === 'jsonb' || nullable(s.operand);
    case 'and':
    case 'or':
      return s.operands.some(nullable);
    case 'not':
      return nullable(s.operand);
    case 'inSet':
      return s.hasNull || nullable(s.operand);
    case 'isNull':
    case 'isBool':
    case 'isDistinct':
    case 'existsSubquery':
    case 'arraySubquery':
    case 'array':
    case 'row':
      return false;
    case 'case':
      return s.otherwise === null || nullable(s.otherwise) || s.whens.some((w) => nullable(w.then));
    case 'coalesce':
    case 'greatest':
    case 'least':
      return s.operands.every(nullable);
    case 'outer':
    case 'parameter':
    case 'quantified':
    case 'field':
    case 'subscript':
    case 'slice':
    case 'scalarSubquery':
    case 'quantifiedSubquery':
      return true;
    default:
      return unreachable(s);
  }
}

/** The sides of `left = right` where both have one type, else null. */
export function equalitySides(
  s: Scalar,
): { readonly left: Scalar; readonly right: Scalar; readonly fn: ScalarFunction } | null {
  if (s.kind !== 'call' || s.fn.operator !== '=' || s.args.length !== 2) return null;
  const left = must(s.args[0]);
  const right = must(s.args[1]);
  return sameType(left.type, right.type) ? { left, right, fn: s.fn } : null;
}

/** The boolean operator call with the opposite result (NULL stays NULL), where the registry has one. */
export function negateCall(s: Scalar, functions: FunctionCatalog): Scalar | null {
  if (s.kind !== 'call' || s.fn.negator === undefined || s.fn.nulls !== 'strict') return null;
  const { fn } = s;
  const opposite = functions
    .operators(s.fn.negator)
    .find((f) => f.args.length === fn.args.length && f.args.every((a, i) => a === fn.args[i]));
  return opposite === undefined ? null : { ...s, fn: opposite };
}

/** Number of scalar nodes. */
export function scalarSize(s: Scalar): number {
  let size = 1;
  mapScalarChildren(s, (child) => {
    size += scalarSize(child);
    return child;
  });
  return size;
}
