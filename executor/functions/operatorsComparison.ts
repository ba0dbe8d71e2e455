/**
 * Comparison operators of every type: = <> < <= > >=.
 *
 * Types that JavaScript compares as SQL does (bool, integers, dates and times as numbers, text for equality) are emitted
 * inline; floats with PostgreSQL's rule that NaN equals itself and is above everything; the others call the type's
 * order. Operators across integer widths and across date, timestamp and timestamptz follow PostgreSQL's.
 */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { EmitContext, EvalContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { compareText } from '../../common/textOrder.ts';
import { localToUtc, zoneOf } from '../../common/timeZone.ts';
import type { NonNullValue } from '../../common/value.ts';
import { dateForComparison, dateToTimestampTz } from './support/dateTimeMath.ts';

interface Comparison {
  readonly symbol: '=' | '<>' | '<' | '<=' | '>' | '>=';
  readonly js: string;
  readonly suffix: string;
  readonly commutator: string;
  readonly negator: string;
  readonly doc: string;
  /** Result for a smaller first operand, and for equal operands. */
  readonly ifLess: boolean;
  readonly ifEqual: boolean;
}

const comparisons: readonly Comparison[] = [
  {
    symbol: '=',
    js: '===',
    suffix: 'eq',
    commutator: '=',
    negator: '<>',
    doc: 'Equal.',
    ifLess: false,
    ifEqual: true,
  },
  {
    symbol: '<>',
    js: '!==',
    suffix: 'ne',
    commutator: '<>',
    negator: '=',
    doc: 'Not equal.',
    ifLess: true,
    ifEqual: false,
  },
  {
    symbol: '<',
    js: '<',
    suffix: 'lt',
    commutator: '>',
    negator: '>=',
    doc: 'Less than.',
    ifLess: true,
    ifEqual: false,
  },
  {
    symbol: '<=',
    js: '<=',
    suffix: 'le',
    commutator: '>=',
    negator: '>',
    doc: 'Less than or equal.',
    ifLess: true,
    ifEqual: true,
  },
  {
    symbol: '>',
    js: '>',
    suffix: 'gt',
    commutator: '<',
    negator: '<=',
    doc: 'Greater than.',
    ifLess: false,
    ifEqual: false,
  },
  {
    symbol: '>=',
    js: '>=',
    suffix: 'ge',
    commutator: '<=',
    negator: '<',
    doc: 'Greater than or equal.',
    ifLess: false,
    ifEqual: true,
  },
];

type EmitComparison = (a: string, b: string, c: Comparison, g: EmitContext) => string;

const inline: EmitComparison = (a, b, c) => `(${a} ${c.js} ${b})`;

const floats: EmitComparison = (a, b, c) => {
  switch (c.symbol) {
    case '=':
      return `(${a} === ${b} || (${a} !== ${a} && ${b} !== ${b}))`;
    case '<>':
      return `(${a} !== ${b} && (${a} === ${a} || ${b} === ${b}))`;
    case '<':
      return `(${a} < ${b} || (${b} !== ${b} && ${a} === ${a}))`;
    case '<=':
      return `(${a} <= ${b} || ${b} !== ${b})`;
    case '>':
      return `(${a} > ${b} || (${a} !== ${a} && ${b} === ${b}))`;
    case '>=':
      return `(${a} >= ${b} || ${a} !== ${a})`;
  }
};

const texts: EmitComparison = (a, b, c, g) =>
  c.symbol === '=' || c.symbol === '<>'
    ? inline(a, b, c, g)
    : `(${g.constant(compareText)}(${a}, ${b}) ${c.js} 0)`;

interface ComparableType {
  readonly type: TypePattern;
  /** Beginning of the names of PostgreSQL's functions. */
  readonly prefix: string;
  /** Inline code; without it the type's order is called. */
  readonly emit?: EmitComparison;
  /** Two values in ascending order. */
  readonly sample: readonly [low: string, high: string];
}

const comparableTypes: readonly ComparableType[] = [
  { type: 'bool', prefix: 'bool', emit: inline, sample: ['false', 'true'] },
  { type: 'int2', prefix: 'int2', emit: inline, sample: ['1::int2', '2::int2'] },
  { type: 'int4', prefix: 'int4', emit: inline, sample: ['1', '2'] },
  { type: 'int8', prefix: 'int8', emit: inline, sample: ['1::int8', '2::int8'] },
  { type: 'float4', prefix: 'float4', emit: floats, sample: ['1.5::float4', "'NaN'::float4"] },
  { type: 'float8', prefix: 'float8', emit: floats, sample: ['1.5::float8', "'NaN'::float8"] },
  { type: 'numeric', prefix: 'numeric_', sample: ['1.5', '1.51'] },
  { type: 'text', prefix: 'text', emit: texts, sample: ["'abc'::text", "'abd'::text"] },
  { type: 'bpchar', prefix: 'bpchar', sample: ["'ab '::bpchar", "'abd'::bpchar"] },
  { type: 'name', prefix: 'name', emit: texts, sample: ["'abc'::name", "'abd'::name"] },
  { type: 'char', prefix: 'char', emit: texts, sample: ['\'a\'::"char"', '\'b\'::"char"'] },
  { type: 'bytea', prefix: 'bytea', sample: ["'\\x01'::bytea", "'\\x02'::bytea"] },
  { type: 'uuid', prefix: 'uuid_', emit: inline, sample: [uuid('1'), uuid('2')] },
  { type: 'oid', prefix: 'oid', emit: inline, sample: ['1::oid', '2::oid'] },
  { type: 'date', prefix: 'date_', emit: inline, sample: ["date '2024-01-01'", "date '2024-01-02'"] },
  { type: 'time', prefix: 'time_', emit: inline, sample: ["time '01:00'", "time '02:00'"] },
  { type: 'timetz', prefix: 'timetz_', sample: ["timetz '02:00+01'", "timetz '02:00+00'"] },
  {
    type: 'timestamp',
    prefix: 'timestamp_',
    emit: inline,
    sample: ["timestamp '2024-01-01 00:00'", "timestamp '2024-01-01 00:01'"],
  },
  {
    type: 'timestamptz',
    prefix: 'timestamptz_',
    emit: inline,
    sample: ["timestamptz '2024-01-01 00:00+00'", "timestamptz '2024-01-01 00:00-01'"],
  },
  { type: 'interval', prefix: 'interval_', sample: ["interval '1 day'", "interval '25 hours'"] },
  { type: 'jsonb', prefix: 'jsonb_', sample: ["'1'::jsonb", "'2'::jsonb"] },
  { type: 'anyarray', prefix: 'array_', sample: ['array[1,2]', 'array[1,3]'] },
  { type: 'record', prefix: 'record_', sample: ["row(1, 'a'::text)", "row(1, 'b'::text)"] },
];

function uuid(digit: string): string {
  return `'00000000-0000-0000-0000-00000000000${digit}'::uuid`;
}

/** Three examples, so that each operator is tried with operands in both orders and with equal ones. */
function examplesOf(c: Comparison, low: string, high: string): readonly (readonly [string, string])[] {
  const text = (value: boolean): string => (value ? 't' : 'f');
  const ifGreater = c.symbol === '>' || c.symbol === '>=' || c.symbol === '<>';
  return [
    [`${low} ${c.symbol} ${high}`, text(c.ifLess)],
    [`${high} ${c.symbol} ${high}`, text(c.ifEqual)],
    [`${high} ${c.symbol} ${low}`, text(ifGreater)],
  ];
}

function byOrder(c: Comparison, type: DataType): (a: NonNullValue, b: NonNullValue) => boolean {
  switch (c.symbol) {
    case '=':
      return (a, b) => compareValues(a, b, type) === 0;
    case '<>':
      return (a, b) => compareValues(a, b, type) !== 0;
    case '<':
      return (a, b) => compareValues(a, b, type) < 0;
    case '<=':
      return (a, b) => compareValues(a, b, type) <= 0;
    case '>':
      return (a, b) => compareValues(a, b, type) > 0;
    case '>=':
      return (a, b) => compareValues(a, b, type) >= 0;
  }
}

function sameTypeComparison(t: ComparableType, c: Comparison): ScalarFunction {
  const { emit } = t;
  return scalar({
    name: `${t.prefix}${c.suffix}`,
    operator: c.symbol,
    commutator: c.commutator,
    negator: c.negator,
    args: [t.type, t.type],
    returns: 'bool',
    infallible: true,
    doc: c.doc,
    examples: examplesOf(c, t.sample[0], t.sample[1]),
    implement: ([type]) => {
      if (emit !== undefined) return { emit: ([a = '', b = ''], g) => emit(a, b, c, g) };
      const compare = byOrder(c, type ?? { id: 'unknown' });
      return { emit: ([a = '', b = ''], g) => `${g.constant(compare)}(${a}, ${b})` };
    },
  });
}

type IntegerId = 'int2' | 'int4' | 'int8';

const integerPairs: readonly (readonly [IntegerId, IntegerId])[] = [
  ['int2', 'int4'],
  ['int4', 'int2'],
  ['int2', 'int8'],
  ['int8', 'int2'],
  ['int4', 'int8'],
  ['int8', 'int4'],
];

/** Equality must bring both sides to one JavaScript type; JavaScript orders number and bigint exactly as they are. */
function emitIntegers(left: IntegerId, right: IntegerId): EmitComparison {
  const widen = (x: string): string => (/^-?\d+$/.test(x) ? `${x}n` : `BigInt(${x})`);
  const wide = left === 'int8' || right === 'int8';
  return (a, b, c, g) =>
    wide ? inline(left === 'int8' ? a : widen(a), right === 'int8' ? b : widen(b), c, g) : inline(a, b, c, g);
}

function integerComparisons([left, right]: readonly [IntegerId, IntegerId]): readonly ScalarFunction[] {
  const emit = emitIntegers(left, right);
  return comparisons.map((c) =>
    scalar({
      name: `int${left.slice(3)}${right.slice(3)}${c.suffix}`,
      operator: c.symbol,
      commutator: c.commutator,
      negator: c.negator,
      args: [left, right],
      returns: 'bool',
      infallible: true,
      doc: c.doc,
      examples: [
        [`1::${left} ${c.symbol} 2::${right}`, c.ifLess ? 't' : 'f'],
        [`2::${left} ${c.symbol} 2::${right}`, c.ifEqual ? 't' : 'f'],
      ],
      emit: ([a = '', b = ''], g) => emit(a, b, c, g),
    }),
  );
}

type MomentId = 'date' | 'timestamp' | 'timestamptz';

const momentPairs: readonly (readonly [MomentId, MomentId])[] = [
  ['date', 'timestamp'],
  ['timestamp', 'date'],
  ['date', 'timestamptz'],
  ['timestamptz', 'date'],
  ['timestamp', 'timestamptz'],
  ['timestamptz', 'timestamp'],
];

const momentSamples: { readonly [K in MomentId]: string } = {
  date: "date '2024-01-01'",
  timestamp: "timestamp '2024-01-01 00:00'",
  timestamptz: "timestamptz '2024-01-01 00:00+00'",
};

/** `x` as a moment comparable with one of the other type. */
function emitMoment(x: string, from: MomentId, other: MomentId, g: EmitContext): string {
  if (from === 'timestamptz') return x;
  if (from === 'date' && other === 'timestamp') return `${g.constant(dateForComparison)}(${x})`;
  if (other !== 'timestamptz') return x;
  const convert =
    from === 'date'
      ? (value: number, context: EvalContext) => dateToTimestampTz(value, context.timeZone)
      : (value: bigint, context: EvalContext) => localToUtc(zoneOf(context.timeZone), value);
  return `${g.constant(convert)}(${x}, ${g.context})`;
}

function momentComparisons([left, right]: readonly [MomentId, MomentId]): readonly ScalarFunction[] {
  const zoned = left === 'timestamptz' || right === 'timestamptz';
  return comparisons.map((c) =>
    scalar({
      name: `${left}_${c.suffix}_${right}`,
      operator: c.symbol,
      commutator: c.commutator,
      negator: c.negator,
      args: [left, right],
      returns: 'bool',
      volatility: zoned ? 'stable' : 'immutable',
      ...(zoned && (left === 'date' || right === 'date') ? {} : { infallible: true }),
      doc: zoned ? `${c.doc} Local times are those of the session time zone.` : c.doc,
      examples: [[`${momentSamples[left]} ${c.symbol} ${momentSamples[right]}`, c.ifEqual ? 't' : 'f']],
      emit: ([a = '', b = ''], g) =>
        inline(emitMoment(a, left, right, g), emitMoment(b, right, left, g), c, g),
    }),
  );
}

export const comparisonOperators: readonly ScalarFunction[] = [
  ...comparableTypes.flatMap((t) => comparisons.map((c) => sameTypeComparison(t, c))),
  ...integerPairs.flatMap(integerComparisons),
  ...momentPairs.flatMap(momentComparisons),
];
