/** Comparison of values in generated code, inline for the kinds that JavaScript compares as SQL does. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { Emitter } from './emitter.ts';

/** Float order of PostgreSQL: NaN equals itself and is above all. */
export function compareFloats(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  const aNan = Number.isNaN(a);
  return aNan === Number.isNaN(b) ? 0 : aNan ? 1 : -1;
}

export type Comparator = (a: NonNullValue, b: NonNullValue) => number;

/** The type's order as a function over non-null values. */
export function comparatorOf(type: DataType): Comparator {
  switch (physicalKind(type)) {
    case 'bool':
    case 'i32':
    case 'i64':
      return (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    case 'f64':
      return (a, b) => compareFloats(a as number, b as number);
    case 'text':
    case 'boxed':
      return (a, b) => compareValues(a, b, type);
  }
}

/** Text equality is code unit equality, except that bpchar ignores trailing spaces. */
function plainEquality(type: DataType): boolean {
  const kind = physicalKind(type);
  return kind !== 'boxed' && kind !== 'f64' && type.id !== 'bpchar';
}

/** A boolean expression: two non-null atoms of `type` are equal. */
export function equalityOf(type: DataType, a: string, b: string, emitter: Emitter): string {
  if (plainEquality(type)) return `(${a} === ${b})`;
  if (physicalKind(type) === 'f64') return `(${a} === ${b} || (${a} !== ${a} && ${b} !== ${b}))`;
  return `(${emitter.constant(comparatorOfType(type))}(${a}, ${b}) === 0)`;
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
      return `(${emitter.constant(comparatorOfType(type))}(${a}, ${b}) < 0)`;
  }
}

const comparators = new WeakMap<DataType, Comparator>();

/** One function per type object, so that programs name it by one constant. */
function comparatorOfType(type: DataType): Comparator {
  const known = comparators.get(type);
  if (known !== undefined) return known;
  const made = comparatorOf(type);
  comparators.set(type, made);
  return made;
}
