/**
 * Filters on the moment: a filter with now() in it becomes a TemporalFilter, whose rows come and go as time passes.
 *
 * Each function of the moment must lie in a comparison of something without it with an expression over nothing else that
 * rises with time (`ts > now() - INTERVAL '1 hour'`); how the comparisons are combined does not matter. A difference,
 * `now() - ts < INTERVAL '1 hour'`, is turned into such a comparison first. Anything else is refused.
 */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { type ScalarFunction, scalar } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import { scalarText } from '../explain/scalarText.ts';
import { calc } from '../physical/nodes.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { MomentComparison, PhysicalCalc, PhysicalJoin, PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  andOrNull,
  column,
  columnOf,
  columnsOf,
  conjunctsOf,
  literal,
  renumber,
  usedColumns,
} from '../plan/scalars.ts';
import { mapScalarChildren, rewritePhysical, rewriteScalar, someScalar } from '../plan/walk.ts';
import { refreshed } from './appendOnly.ts';
import { momentary } from './temporalFilterTerms.ts';

type Call = Extract<Scalar, { kind: 'call' }>;

const isMomentaryCall = (s: Scalar): boolean => s.kind === 'call' && momentary.has(s.fn.name);

/** True when a function of the moment is in it. */
export const isMomentary = (s: Scalar): boolean => someScalar(s, isMomentaryCall);

/** The tick's time, as the comparisons' moments see it. */
const clock = column(0, types.timestamptz);

/** A function of the moment as a function of the tick's time; null for times of the day, which do not rise. */
function clockOf(s: Scalar): Scalar | null {
  const cast = (type: DataType): Scalar => ({
    kind: 'cast',
    operand: clock,
    type,
    explicit: false,
    try: false,
  });
  switch (s.type.id) {
    case 'timestamptz':
      return clock;
    case 'timestamp':
      return cast(types.timestamp);
    case 'date':
      return cast(types.date);
    default:
      return null;
  }
}

const rank: { readonly [id: string]: number } = { date: 1, timestamp: 2, timestamptz: 3 };
const isTime = (type: DataType): boolean => rank[type.id] !== undefined;

/** Functions that rise with their second argument, given literals for the others. */
const rising: ReadonlySet<string> = new Set(['date_trunc', 'date_bin', 'timezone']);

/** The position of the one argument that is not a literal, in calls that rise with it; -1: none such. */
function risingArgument(s: Call): number {
  const { fn, args } = s;
  const open = args.flatMap((arg, i) => (arg.kind === 'literal' && arg.value !== null ? [] : [i]));
  const [at] = open;
  if (at === undefined || open.length > 1 || !isTime(must(args[at]).type)) return -1;
  if (rising.has(fn.name)) return at === 1 ? 1 : -1;
  const other = args[1 - at];
  const isShift =
    args.length === 2 &&
    (fn.operator === '+' || (fn.operator === '-' && at === 0)) &&
    (other?.type.id === 'interval' || (must(args[at]).type.id === 'date' && other?.type.id === 'int4'));
  return isShift ? at : -1;
}

/** The scalar over the tick's time, if it rises with it; else null. */
function momentOf(s: Scalar): Scalar | null {
  if (!isTime(s.type)) return null;
  if (s.kind === 'cast') {
    const operand = s.try ? null : momentOf(s.operand);
    return operand === null ? null : { ...s, operand };
  }
  if (s.kind !== 'call') return null;
  if (isMomentaryCall(s)) return clockOf(s);
  const at = risingArgument(s);
  const inner = at < 0 ? null : momentOf(must(s.args[at]));
  return inner === null ? null : { ...s, args: s.args.map((arg, i) => (i === at ? inner : arg)) };
}

const operators: { readonly [operator: string]: MomentComparison['operator'] } = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '=': '=',
  '<>': '<>',
};

/** As dates, timestamps and moments are compared with each other. */
function castTo(s: Scalar, type: DataType): Scalar {
  return s.type.id === type.id ? s : { kind: 'cast', operand: s, type, explicit: false, try: false };
}

/** The comparison that `s` is: one side is a moment, the other without it. */
function comparisonOf(s: Scalar): MomentComparison | null {
  if (s.kind !== 'call' || s.fn.operator === undefined || s.args.length !== 2) return null;
  const swapped = operators[s.fn.operator];
  if (swapped === undefined) return null;
  const [left, right] = [must(s.args[0]), must(s.args[1])];
  if (isMomentary(left) === isMomentary(right)) return null;
  const [expr, timed, operator] = isMomentary(right)
    ? [left, right, must(operators[swapped])]
    : [right, left, swapped];
  const moment = momentOf(timed);
  if (moment === null || !isTime(expr.type)) return null;
  const type = must(rank[expr.type.id]) > must(rank[moment.type.id]) ? expr.type : moment.type;
  return { expr: castTo(expr, type), operator, moment: castTo(moment, type) };
}

const internal = { doc: 'Internal: part of a filter on the moment.', examples: [] } as const;

const minusMicros = (type: 'timestamp' | 'timestamptz'): ScalarFunction =>
  scalar({
    ...internal,
    name: `${type}_mi_interval`,
    operator: '-',
    args: [type, 'interval'],
    returns: type,
    evaluate: (time: bigint, interval: Interval) => time - interval.micros,
  });

/** Differences of moments, by the type of the moments, and what takes the difference off again. */
const shiftBack: { readonly [type: string]: ScalarFunction } = {
  timestamp: minusMicros('timestamp'),
  timestamptz: minusMicros('timestamptz'),
  date: scalar({
    ...internal,
    name: 'date_mii',
    operator: '-',
    args: ['date', 'int4'],
    returns: 'date',
    evaluate: (date, days) => date - days,
  }),
};

/** Beyond it, sums with a moment might not fit. */
const LARGEST_SHIFT = 1n << 61n;

/** The difference as microseconds or days to be taken off. */
function distanceOf(s: Scalar): Scalar | null {
  if (s.kind !== 'literal') return null;
  if (typeof s.value === 'number' && s.type.id === 'int4') {
    return Math.abs(s.value) > 10_000_000 ? null : s;
  }
  if (!(s.value instanceof Interval)) return null;
  // Intervals are compared with days of 24 hours and months of 30 days.
  const micros = s.value.normalizedMicros();
  if (micros > LARGEST_SHIFT || micros < -LARGEST_SHIFT) return null;
  return literal(new Interval(0, 0, micros), types.interval);
}

/** The opposite of a distance. */
function negated(distance: Scalar): Scalar {
  const value = distance.kind === 'literal' ? distance.value : null;
  if (value instanceof Interval) return literal(value.neg(), distance.type);
  return literal(-(value as number), distance.type);
}

/** Comparisons of two values of one time type. */
const timeComparisons: readonly ScalarFunction[] = (['date', 'timestamp', 'timestamptz'] as const).flatMap(
  (type) =>
    Object.keys(operators).map((operator) => {
      const symbol = operator === '=' ? '===' : operator === '<>' ? '!==' : operator;
      return scalar({
        ...internal,
        name: `${type}_compared`,
        operator,
        args: [type, type],
        returns: 'bool',
        infallible: true,
        emit: ([a = '', b = '']: readonly string[]) => `(${a} ${symbol} ${b})`,
      });
    }),
);

function compare(left: Scalar, operator: string, right: Scalar): Scalar {
  const fn = timeComparisons.find((f) => f.operator === operator && f.args[0] === left.type.id);
  return { kind: 'call', fn: must(fn), args: [left, right], type: types.bool };
}

/**
 * `now() - ts < distance` as `now() - distance < ts`, and `ts - now() < distance` as `ts < now() + distance`;
 * anything else as it is.
 */
function differenceOf(s: Scalar): Scalar {
  if (s.kind !== 'call' || s.fn.operator === undefined || s.args.length !== 2) return s;
  const swapped = operators[s.fn.operator];
  if (swapped === undefined) return s;
  const [left, right] = [must(s.args[0]), must(s.args[1])];
  const [difference, bound, operator] = isMomentary(left)
    ? [left, right, s.fn.operator]
    : [right, left, swapped];
  const distance = distanceOf(bound);
  if (distance === null || difference.kind !== 'call' || difference.fn.operator !== '-') return s;
  const [a, b] = [must(difference.args[0]), must(difference.args[1])];
  const fn = a.type.id === b.type.id ? shiftBack[a.type.id] : undefined;
  if (fn === undefined || isMomentary(a) === isMomentary(b)) return s;
  const shifted = (time: Scalar, by: Scalar): Scalar => ({
    kind: 'call',
    fn,
    args: [time, by],
    type: time.type,
  });
  return isMomentary(a)
    ? compare(shifted(a, distance), operator, b)
    : compare(a, operator, shifted(b, negated(distance)));
}

/** Collects the comparisons of a condition; refuses what is not in one. */
class Comparisons {
  readonly #input: PhysicalPlan;
  readonly found = new Map<string, MomentComparison>();

  constructor(input: PhysicalPlan) {
    this.#input = input;
  }

  /** `within`: the comparison or other expression that the scalar is an operand of; a conjunct: itself. */
  collect(s: Scalar, within: Scalar): void {
    const comparison = comparisonOf(s);
    if (comparison !== null) {
      const { expr, operator, moment } = comparison;
      const key = `${scalarKey(expr)} ${operator} ${scalarKey(moment)}`;
      const conjunct = s === within || this.found.get(key)?.conjunct === true;
      this.found.set(key, { ...comparison, conjunct });
      return;
    }
    if (isMomentaryCall(s)) throw this.#refuse(s, within);
    const next = s.type.id === 'bool' && !isConnective(s) ? s : within;
    mapScalarChildren(s, (child) => {
      this.collect(child, next);
      return child;
    });
  }

  #refuse(s: Scalar, within: Scalar): SqlError {
    const text = scalarText(within, this.#input.schema);
    const name = s.kind === 'call' ? s.fn.name : s.kind;
    const position = [s, within].flatMap((x) => (x.kind === 'call' ? [x.position] : []))[0];
    return new SqlError('0A000', `${text} is not supported in a materialized view`, {
      detail: `${name}() must be compared with an expression over columns.`,
      hint: "Write one side without it and the other so that it rises with time, as in ts > now() - INTERVAL '1 hour'.",
      ...(position === undefined ? {} : { position }),
    });
  }
}

/** Combines truth values: not what an error should name. */
function isConnective(s: Scalar): boolean {
  return s.kind === 'and' || s.kind === 'or' || s.kind === 'not' || s.kind === 'case';
}

/** The filter for the conjuncts over an input, which has just the columns that are needed. */
function filterOf(input: PhysicalPlan, timed: readonly Scalar[]): PhysicalPlan {
  const comparisons = new Comparisons(input);
  for (const s of timed) comparisons.collect(s, s);
  const { schema, key } = input;
  return refreshed({
    kind: 'TemporalFilter',
    input,
    condition: must(andOrNull(timed)),
    comparisons: [...comparisons.found.values()],
    schema,
    key,
    appendOnly: false,
    estimatedRows: Math.max(1, input.estimatedRows / 2),
  });
}

function filterAndProject(node: PhysicalCalc): PhysicalPlan {
  const conjuncts = conjunctsOf(node.condition);
  const rewritten = conjuncts
    .filter(isMomentary)
    .map((s) => rewriteScalar(s, (x) => (isMomentary(x) ? differenceOf(x) : x)));
  // Comparisons first: a row that one of them keeps out for ever can then not fail with an error in the others.
  const isComparison = (s: Scalar): boolean => comparisonOf(s) !== null;
  const timed = [...rewritten.filter(isComparison), ...rewritten.filter((s) => !isComparison(s))];
  const plain = conjuncts.filter((s) => !isMomentary(s));
  const used = new Set<number>();
  for (const s of [...timed, ...node.exprs]) usedColumns(s, used);
  const columns = [...used].sort((a, b) => a - b);
  const { schema } = node.input;
  const picked = columns.map((c) => columnOf(schema, c));
  const input = calc(node.input, andOrNull(plain), picked, {
    schema: columns.map((c) => must(schema[c])),
    estimatedRows: node.estimatedRows,
  });
  const place = (s: Scalar): Scalar => renumber(s, (c) => columns.indexOf(c));
  return calc(filterOf(input, timed.map(place)), null, node.exprs.map(place), {
    schema: node.schema,
    estimatedRows: node.estimatedRows,
    key: node.key,
  });
}

/** An inner join whose condition has the moment in it: that part is a filter above. */
function withoutMoments(join: PhysicalJoin): PhysicalPlan {
  const conjuncts = conjunctsOf(join.residual);
  const residual = andOrNull(conjuncts.filter((s) => !isMomentary(s)));
  const timed = andOrNull(conjuncts.filter(isMomentary));
  const { schema, appendOnly, key, estimatedRows } = join;
  return {
    kind: 'Calc',
    input: refreshed({ ...join, residual }),
    condition: timed,
    exprs: columnsOf(schema),
    schema,
    appendOnly,
    key,
    estimatedRows,
  };
}

/** The maintained plan with its filters on the moment; 0A000 for those that cannot be followed. */
export function temporalFilters(plan: PhysicalPlan): PhysicalPlan {
  return rewritePhysical(plan, (node) => {
    const hasMoment =
      node.kind === 'Join' && node.type === 'inner' && node.residual !== null && isMomentary(node.residual);
    const over = hasMoment ? withoutMoments(node) : node;
    const isFilter = over.kind === 'Calc' && over.condition !== null && isMomentary(over.condition);
    return isFilter ? filterAndProject(over) : refreshed(over);
  });
}
