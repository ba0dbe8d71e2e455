/**
 * Watermarks through expressions. A term passes a non-decreasing function of one watermarked column (the registry says
 * which are: `ScalarFunction.monotone`), and anything whose value is always that of one of several watermarked columns
 * (coalesce, greatest, CASE). Functions of the calendar of a time zone are not monotone; their term is the least value
 * they can still have.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isRowFree, volatilityOf } from '../plan/scalars.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import {
  leastLocalTimeCall,
  leastMomentCall,
  leastShiftedCall,
  leastTruncatedCall,
  leastUnshiftedCall,
  minusIntCall,
  minusIntervalCall,
} from './functions.ts';
import { input, mapTerm, minTerm, type Terms } from './terms.ts';

type Call = Extract<Scalar, { kind: 'call' }>;

const isConstant = (s: Scalar): boolean => isRowFree(s) && volatilityOf(s) === 'immutable';

/** Order-preserving casts, by type. */
const rising: { readonly [from: string]: readonly string[] } = {
  int2: ['int2', 'int4', 'int8', 'float4', 'float8', 'numeric'],
  int4: ['int4', 'int8', 'float4', 'float8', 'numeric'],
  int8: ['int8', 'float4', 'float8', 'numeric'],
  float4: ['float4', 'float8'],
  float8: ['float8'],
  numeric: ['numeric'],
  date: ['date', 'timestamp'],
  timestamp: ['timestamp', 'date'],
  timestamptz: ['timestamptz'],
};

function castTerm(s: Extract<Scalar, { kind: 'cast' }>, terms: Terms): WatermarkTerm | null {
  const inner = termOf(s.operand, terms);
  if (inner === null) return null;
  const from = s.operand.type;
  const column = input(from);
  const recast = (operand: Scalar): Scalar => ({ ...s, operand });
  if (rising[from.id]?.includes(s.type.id) === true) return mapTerm(inner, recast(column));
  if (from.id === 'timestamptz' && (s.type.id === 'timestamp' || s.type.id === 'date')) {
    const local = leastLocalTimeCall(column, null);
    return mapTerm(inner, s.type.id === 'date' ? recast(local) : local);
  }
  if (s.type.id !== 'timestamptz') return null;
  if (from.id === 'timestamp') return mapTerm(inner, leastMomentCall(column, null));
  if (from.id !== 'date') return null;
  const midnight: Scalar = { ...s, operand: column, type: { id: 'timestamp' } };
  return mapTerm(inner, leastMomentCall(midnight, null));
}

/** The interval of `time + interval`, `interval + time` (negated: `time - interval`), and the position of the time. */
function intervalShift(s: Call): { readonly time: number; readonly interval: Interval } | null {
  if (s.args.length !== 2 || (s.fn.operator !== '+' && s.fn.operator !== '-')) return null;
  const at = s.args.findIndex((a) => a.type.id === 'interval');
  const interval = s.args[at];
  if (at === -1 || interval?.kind !== 'literal' || !(interval.value instanceof Interval)) return null;
  const minus = s.fn.operator === '-';
  if (minus && at === 0) return null;
  const time = 1 - at;
  if (!['date', 'timestamp', 'timestamptz'].includes(must(s.args[time]).type.id)) return null;
  return { time, interval: minus ? interval.value.neg() : interval.value };
}

/** Months are not monotone: a day later in a longer month may end up earlier in a shorter one. */
function shiftTerm(s: Call, terms: Terms): WatermarkTerm | null {
  const shift = intervalShift(s);
  if (shift === null || shift.interval.months !== 0) return null;
  const operand = must(s.args[shift.time]);
  const inner = termOf(operand, terms);
  if (inner === null) return null;
  const column = input(operand.type);
  if (operand.type.id === 'timestamptz' && shift.interval.days !== 0) {
    return mapTerm(inner, leastShiftedCall(column, shift.interval));
  }
  return mapTerm(inner, { ...s, args: s.args.map((a, i) => (i === shift.time ? column : a)) });
}

/** date_trunc of timestamptz and AT TIME ZONE. */
function calendarTerm(s: Call, terms: Terms): WatermarkTerm | null {
  const [first, second, third] = s.args;
  if (first === undefined || second === undefined || first.kind !== 'literal') return null;
  if (third !== undefined && third.kind !== 'literal') return null;
  const inner = termOf(second, terms);
  if (inner === null || first.value === null) return null;
  const column = input(second.type);
  if (s.fn.name === 'date_trunc' && second.type.id === 'timestamptz') {
    return mapTerm(inner, leastTruncatedCall(first, column, third ?? null));
  }
  if (s.fn.name !== 'timezone') return null;
  // An interval is a fixed distance from UTC.
  if (first.type.id === 'interval') return mapTerm(inner, { ...s, args: [first, column] });
  if (second.type.id === 'timestamptz') return mapTerm(inner, leastLocalTimeCall(column, first));
  return second.type.id === 'timestamp' ? mapTerm(inner, leastMomentCall(column, first)) : null;
}

function callTerm(s: Call, terms: Terms): WatermarkTerm | null {
  if (s.fn.nulls !== 'strict') return null;
  const { monotone } = s.fn;
  if (monotone === undefined) return shiftTerm(s, terms) ?? calendarTerm(s, terms);
  if (monotone.direction === 'decreasing' || s.fn.volatility === 'volatile') return null;
  const operand = s.args[monotone.argument];
  if (operand === undefined || !s.args.every((a, i) => i === monotone.argument || isConstant(a))) return null;
  const inner = termOf(operand, terms);
  if (inner === null) return null;
  const args = s.args.map((a, i) => (i === monotone.argument ? input(operand.type) : a));
  return mapTerm(inner, { ...s, args });
}

const isNullLiteral = (s: Scalar): boolean => s.kind === 'literal' && s.value === null;

/** The value is that of one of these, or NULL (which is below nothing). */
function choiceTerm(options: readonly Scalar[], terms: Terms): WatermarkTerm | null {
  return minTerm(options.filter((s) => !isNullLiteral(s)).map((s) => termOf(s, terms)));
}

/** The term of an expression over columns with these terms; null: it has none. */
export function termOf(s: Scalar, terms: Terms): WatermarkTerm | null {
  switch (s.kind) {
    case 'column':
      return terms[s.index] ?? null;
    case 'call':
      return callTerm(s, terms);
    case 'cast':
      return castTerm(s, terms);
    case 'coalesce':
    case 'greatest':
    case 'least':
      return choiceTerm(s.operands, terms);
    case 'case': {
      const options = s.whens.map((w) => w.then);
      return choiceTerm(s.otherwise === null ? options : [...options, s.otherwise], terms);
    }
    default:
      return null;
  }
}

/** An expression `column + constant`: its column, and how a bound on the expression becomes one on the column. */
export interface Shifted {
  readonly column: number;
  /** A value below which the column must be for the expression to be below the bound; null: not known. */
  readonly unshift: (bound: WatermarkTerm) => WatermarkTerm | null;
}

const integers: ReadonlySet<string> = new Set(['int2', 'int4', 'int8']);

/** How a bound on `x + distance` becomes one on x; null where that is not known. */
export function unshifted(bound: WatermarkTerm, type: DataType, distance: unknown): WatermarkTerm | null {
  if (distance instanceof Interval) {
    if (distance.months !== 0 || bound.type.id !== type.id) return null;
    const column = input(bound.type);
    if (type.id === 'timestamptz' && distance.days !== 0) {
      return mapTerm(bound, leastUnshiftedCall(column, distance));
    }
    if (type.id !== 'timestamp' && type.id !== 'timestamptz') return null;
    return mapTerm(bound, minusIntervalCall(column, distance));
  }
  if (typeof distance !== 'bigint' && typeof distance !== 'number') return null;
  if (!integers.has(type.id) || bound.type.id !== type.id) return null;
  const expr = minusIntCall(input(bound.type), BigInt(distance));
  return expr === null ? null : mapTerm(bound, expr);
}

/** Reads `column`, `column + constant`, `column - constant` and sums of such. */
export function shiftedColumn(s: Scalar): Shifted | null {
  if (s.kind === 'column') return { column: s.index, unshift: (bound) => bound };
  if (s.kind !== 'call') return null;
  const shift = intervalShift(s);
  if (shift !== null) {
    const operand = must(s.args[shift.time]);
    // A date plus an interval is a timestamp.
    return operand.type.id === 'date' ? null : through(operand, shift.interval);
  }
  if (s.args.length !== 2 || !integers.has(s.type.id)) return null;
  const [a, b] = [must(s.args[0]), must(s.args[1])];
  const number = (x: Scalar): bigint | null =>
    x.kind === 'literal' && (typeof x.value === 'number' || typeof x.value === 'bigint')
      ? BigInt(x.value)
      : null;
  const right = number(b);
  if (s.fn.operator === '+') {
    const left = number(a);
    return right !== null ? through(a, right) : left !== null ? through(b, left) : null;
  }
  return s.fn.operator === '-' && right !== null ? through(a, -right) : null;
}

function through(operand: Scalar, distance: Interval | bigint): Shifted | null {
  const below = shiftedColumn(operand);
  if (below === null) return null;
  return {
    column: below.column,
    unshift: (bound) => {
      const one = unshifted(bound, operand.type, distance);
      return one === null ? null : below.unshift(one);
    },
  };
}
