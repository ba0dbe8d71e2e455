/** What the code generator asks about an expression: its identity, whether it may fail or be repeated, its columns. */
import { AssertionError } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';

/** The direct sub-expressions, in evaluation order. */
export function childrenOf(scalar: Scalar): readonly Scalar[] {
  switch (scalar.kind) {
    case 'column':
    case 'literal':
    case 'outer':
    case 'parameter':
      return [];
    case 'call':
      return scalar.args;
    case 'cast':
    case 'not':
    case 'isNull':
    case 'isBool':
    case 'inSet':
    case 'field':
      return [scalar.operand];
    case 'and':
    case 'or':
    case 'coalesce':
    case 'greatest':
    case 'least':
      return scalar.operands;
    case 'isDistinct':
    case 'quantified':
      return [scalar.left, scalar.right];
    case 'case': {
      const parts = scalar.whens.flatMap(({ when, then }) => [when, then]);
      return scalar.otherwise === null ? parts : [...parts, scalar.otherwise];
    }
    case 'array':
    case 'row':
      return scalar.items;
    case 'subscript':
      return [scalar.operand, ...scalar.indexes];
    case 'slice':
      return [
        scalar.operand,
        ...scalar.bounds.flatMap(({ lower, upper }) => [lower, upper].filter((bound) => bound !== null)),
      ];
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'quantifiedSubquery':
    case 'arraySubquery':
      throw new AssertionError(`${scalar.kind} reaches the executor`);
  }
}

function some(scalar: Scalar, test: (scalar: Scalar) => boolean): boolean {
  return test(scalar) || childrenOf(scalar).some((child) => some(child, test));
}

/** Every evaluation may give another result. */
export function isVolatile(scalar: Scalar): boolean {
  return some(
    scalar,
    (s) => (s.kind === 'call' || s.kind === 'quantified') && s.fn.volatility === 'volatile',
  );
}

/** Columns that the expression reads. */
export function columnsOf(scalar: Scalar, into: Set<number> = new Set()): ReadonlySet<number> {
  if (scalar.kind === 'column') into.add(scalar.index);
  for (const child of childrenOf(scalar)) columnsOf(child, into);
  return into;
}

const objectIds = new WeakMap<object, number>();
let nextObjectId = 0;

function objectId(object: object): number {
  const known = objectIds.get(object);
  if (known !== undefined) return known;
  objectIds.set(object, nextObjectId);
  return nextObjectId++;
}

function valueKey(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return `#${objectId(value)}`;
  if (Object.is(value, -0)) return 'number:-0';
  return `${typeof value}:${typeof value === 'string' ? JSON.stringify(value) : String(value)}`;
}

/** A type with its modifiers, as text. */
export function typeKey(type: DataType): string {
  switch (type.id) {
    case 'array':
      return `${typeKey(type.element)}[]`;
    case 'struct':
      return `{${type.fields.map((f) => `${JSON.stringify(f.name)} ${typeKey(f.type)}`).join(',')}}`;
    case 'numeric':
      return type.precision === undefined ? 'numeric' : `numeric(${type.precision},${type.scale ?? 0})`;
    case 'varchar':
    case 'bpchar':
      return type.length === undefined ? type.id : `${type.id}(${type.length})`;
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
    case 'interval': {
      const { precision, fields } = type;
      return precision === undefined && fields === undefined
        ? type.id
        : `${type.id}(${precision ?? ''},${fields ?? ''})`;
    }
    default:
      return type.id;
  }
}

const keys = new WeakMap<Scalar, string | null>();

/**
 * A text that is equal for expressions that give the same result on the same row; null when the expression must be
 * evaluated anew each time it is written.
 */
export function scalarKey(scalar: Scalar): string | null {
  const known = keys.get(scalar);
  if (known !== undefined) return known;
  const key = makeKey(scalar);
  keys.set(scalar, key);
  return key;
}

function makeKey(scalar: Scalar): string | null {
  const parts: string[] = [];
  for (const child of childrenOf(scalar)) {
    const key = scalarKey(child);
    if (key === null) return null;
    parts.push(key);
  }
  const own = ownKey(scalar);
  return own === null ? null : `${own}(${parts.join(' ')})`;
}

/** What tells the node from others with the same children. */
function ownKey(scalar: Scalar): string | null {
  switch (scalar.kind) {
    case 'column':
      return `$${scalar.index}`;
    case 'literal':
      return `${typeKey(scalar.type)}'${valueKey(scalar.value)}`;
    case 'call':
      return scalar.fn.volatility === 'volatile'
        ? null
        : `call${objectId(scalar.fn)}:${typeKey(scalar.type)}`;
    case 'cast':
      return `cast:${typeKey(scalar.operand.type)}:${typeKey(scalar.type)}:${scalar.explicit}:${scalar.try}`;
    case 'quantified':
      return scalar.fn.volatility === 'volatile' ? null : `${scalar.quantifier}${objectId(scalar.fn)}`;
    case 'isNull':
      return `isNull:${scalar.negated}`;
    case 'isBool':
      return `isBool:${scalar.test}:${scalar.negated}`;
    case 'isDistinct':
      return `isDistinct:${scalar.negated}`;
    case 'case':
      return `case:${scalar.otherwise === null}:${typeKey(scalar.type)}`;
    case 'inSet':
      return `in:${scalar.negated}:${scalar.hasNull}:${scalar.values.map(valueKey).join(',')}`;
    case 'array':
      return `array:${scalar.nested}:${typeKey(scalar.type)}`;
    case 'field':
      return `field:${scalar.index}`;
    case 'slice':
      return `slice:${scalar.bounds.map((b) => `${b.lower !== null}-${b.upper !== null}`).join(',')}`;
    default:
      return scalar.kind;
  }
}
