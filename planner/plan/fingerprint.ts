/**
 * Structural identity of scalars and plan nodes as strings: equal strings mean interchangeable nodes. Functions and
 * relations stand for themselves (by object), literals by their exact representation (1.0 and 1.00 differ). Types count
 * with their modifiers. Source positions do not count.
 */
import { unreachable } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Interval } from '../../common/interval.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { TimeTz } from '../../common/timeTz.ts';
import type { Value } from '../../common/value.ts';
import type { AggregateCall, SortKey, WindowCall } from './aggregateCall.ts';
import type { Scalar } from './scalar.ts';

const objectNumbers = new WeakMap<object, number>();
let lastObject = 0;

/** A number that stands for an object's identity. */
export function objectNumber(object: object): number {
  const known = objectNumbers.get(object);
  if (known !== undefined) return known;
  lastObject += 1;
  objectNumbers.set(object, lastObject);
  return lastObject;
}

export function typeKey(type: DataType): string {
  switch (type.id) {
    case 'array':
      return `${typeKey(type.element)}[]`;
    case 'struct':
      return `struct<${type.fields.map((f) => `${JSON.stringify(f.name)} ${typeKey(f.type)}`).join()}>`;
    case 'numeric':
      return `numeric(${type.precision ?? ''},${type.scale ?? ''})`;
    case 'varchar':
    case 'bpchar':
      return `${type.id}(${type.length ?? ''})`;
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

function jsonKey(node: JsonNode): string {
  if (node === null || typeof node === 'boolean') return String(node);
  if (typeof node === 'string') return JSON.stringify(node);
  if (node instanceof Decimal) return valueKey(node);
  if (node instanceof Map) {
    return `{${[...node].map(([k, v]: [string, JsonNode]) => `${JSON.stringify(k)}:${jsonKey(v)}`).join()}}`;
  }
  return `[${[...(node as readonly JsonNode[])].map(jsonKey).join()}]`;
}

/** Exact representation of a value. */
export function valueKey(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Decimal) return `d${value.special ?? value.coefficient}e${value.scale}`;
  if (value instanceof Uint8Array) return `x${[...value].join('.')}`;
  if (value instanceof Interval) return `i${value.months},${value.days},${value.micros}`;
  if (value instanceof Jsonb) return `j${jsonKey(value.root)}`;
  if (value instanceof SqlArray) {
    return `a[${value.dimensions.join()}|${value.lowerBounds.join()}](${value.elements.map(valueKey).join()})`;
  }
  if (value instanceof TimeTz)
    return `z${JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))}`;
  return `r(${value.map(valueKey).join()})`;
}

const list = (items: readonly Scalar[]): string => items.map(scalarKey).join();
const optional = (s: Scalar | null): string => (s === null ? '-' : scalarKey(s));

/** Key of a scalar without subqueries (a subquery stands for itself). */
export function scalarKey(s: Scalar): string {
  switch (s.kind) {
    case 'column':
      return `c${s.index}`;
    case 'outer':
      return `o${s.depth}.${s.index}`;
    case 'literal':
      return `l${valueKey(s.value)}:${typeKey(s.type)}`;
    case 'parameter':
      return `p${s.index}`;
    case 'call':
      return `f${objectNumber(s.fn)}(${list(s.args)}):${typeKey(s.type)}`;
    case 'cast':
      return `cast(${scalarKey(s.operand)},${typeKey(s.operand.type)},${typeKey(s.type)},${s.explicit},${s.try})`;
    case 'and':
    case 'or':
    case 'coalesce':
    case 'greatest':
    case 'least':
      return `${s.kind}(${list(s.operands)}):${typeKey(s.type)}`;
    case 'not':
      return `not(${scalarKey(s.operand)})`;
    case 'isNull':
      return `isNull(${scalarKey(s.operand)},${s.negated})`;
    case 'isBool':
      return `isBool(${scalarKey(s.operand)},${s.test},${s.negated})`;
    case 'isDistinct':
      return `isDistinct(${scalarKey(s.left)},${scalarKey(s.right)},${s.negated})`;
    case 'case':
      return `case(${s.whens.map((w) => `${scalarKey(w.when)}>${scalarKey(w.then)}`).join()};${optional(s.otherwise)})`;
    case 'inSet':
      return `in(${scalarKey(s.operand)},${s.values.map(valueKey).join()},${s.hasNull},${s.negated})`;
    case 'quantified':
      return `${s.quantifier}${objectNumber(s.fn)}(${scalarKey(s.left)},${scalarKey(s.right)})`;
    case 'array':
      return `array(${list(s.items)},${s.nested}):${typeKey(s.type)}`;
    case 'row':
      return `row(${list(s.items)}):${typeKey(s.type)}`;
    case 'field':
      return `field(${scalarKey(s.operand)},${s.index})`;
    case 'subscript':
      return `at(${scalarKey(s.operand)};${list(s.indexes)})`;
    case 'slice':
      return `slice(${scalarKey(s.operand)};${s.bounds.map((b) => `${optional(b.lower)}:${optional(b.upper)}`).join()})`;
    case 'scalarSubquery':
    case 'existsSubquery':
    case 'quantifiedSubquery':
    case 'arraySubquery':
      return `subquery${objectNumber(s)}`;
    default:
      return unreachable(s);
  }
}

export const sameScalar = (a: Scalar, b: Scalar): boolean => a === b || scalarKey(a) === scalarKey(b);

export function sortKeysKey(order: readonly SortKey[]): string {
  return order.map((k) => `${k.column}${k.descending ? 'd' : 'a'}${k.nullsFirst ? 'f' : 'l'}`).join();
}

export function aggregateKey(a: AggregateCall): string {
  return `${objectNumber(a.fn)}(${a.args.join()}|${a.distinct}|${a.filter}|${sortKeysKey(a.orderBy)}):${typeKey(a.type)}`;
}

export function windowCallKey(w: WindowCall): string {
  const { unit, start, end, exclude } = w.frame;
  const bound = (b: typeof start): string => `${b.bound}/${valueKey(b.offset)}`;
  const frame = `${unit},${bound(start)},${bound(end)},${exclude}`;
  return `${objectNumber(w.fn)}(${w.args.join()}|${w.filter}|${w.ignoreNulls}|${w.distinct}|${frame}):${typeKey(w.type)}`;
}
