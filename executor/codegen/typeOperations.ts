/** Comparison of values in generated code, inline for the kinds that JavaScript compares as SQL does. */
import { comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { Emitter } from './emitter.ts';

/** Text equality is code unit equality, except that bpchar ignores trailing spaces. */
function plainEquality(type: DataType): boolean {
  const kind = physicalKind(type);
  return kind !== 'boxed' && kind !== 'f64' && type.id !== 'bpchar';
}

/** A boolean expression: two non-null atoms of `type` are equal. */
export function equalityOf(type: DataType, a: string, b: string, emitter: Emitter): string {
  if (plainEquality(type)) return `(${a} === ${b})`;
  if (physicalKind(type) === 'f64') return `(${a} === ${b} || (${a} !== ${a} && ${b} !== ${b}))`;
  return `(${emitter.constant(comparator(type))}(${a}, ${b}) === 0)`;
}

/** A boolean expression: non-null atom a is below b. */
export function lessOf(type: DataType, a: string, b: string, emitter: Emitter): string {
  switch (physicalKind(type)) {
    case 'bool':
    case 'i32':
    case 'i64':
      return `(${a} < ${b})`;
    case 'f64':
      return `(${a} < ${b} || (${b} !== ${b} && ${a} === ${a}))`;
    case 'text':
    case 'boxed':
      return `(${emitter.constant(comparator(type))}(${a}, ${b}) < 0)`;
  }
}

/** Boxed values that need not be told apart. False is always safe: at worst a change is emitted that changes nothing. */
export function sameBoxed(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!(a instanceof Decimal && b instanceof Decimal)) return false;
  return a.coefficient === b.coefficient && a.scale === b.scale && a.special === b.special;
}
