/**
 * Hopping windows on window close by panes: where panes are final before they are put together (see rules/hopPanes.ts), a
 * SlidingPanes node takes the place of the windows' Hop, their aggregation, and the Close above it. Windows go out at the
 * same watermark, with the same rows.
 */
import { must } from '../../common/assert.ts';
import { calc } from '../physical/nodes.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import type {
  PaneFold,
  PhysicalAggregate,
  PhysicalHop,
  PhysicalPlan,
  PhysicalSlidingPanes,
} from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, columnsOf, renumber, usedColumns } from '../plan/scalars.ts';
import { withoutLateness } from './terms.ts';
import { watermarksOf } from './watermarks.ts';

/** An aggregation over a Hop, with what lies between them. */
interface Hopped {
  readonly hop: PhysicalHop;
  /** Input columns of the aggregation over the Hop. */
  readonly exprs: readonly Scalar[];
  readonly condition: Scalar | null;
}

function hopped({ input }: PhysicalAggregate): Hopped | null {
  if (input.kind === 'Hop') return { hop: input, exprs: columnsOf(input.schema), condition: null };
  if (input.kind !== 'Calc' || input.input.kind !== 'Hop') return null;
  return { hop: input.input, exprs: input.exprs, condition: input.condition };
}

/** True when the column is the start of panes of the Hop, which are given once and for all. */
function isFinalPane(plan: PhysicalPlan, c: number, hop: PhysicalHop, closed: boolean): boolean {
  switch (plan.kind) {
    case 'Calc': {
      const expr = must(plan.exprs[c]);
      return expr.kind === 'column' && isFinalPane(plan.input, expr.index, hop, closed);
    }
    case 'Close':
      return !plan.corrections && plan.column === c && isFinalPane(plan.input, c, hop, true);
    case 'Aggregate': {
      const key = plan.keys[c];
      return closed && key !== undefined && isFinalPane(plan.input, key, hop, closed);
    }
    case 'Hop': {
      const { slideMicros, sizeMicros, offsetMicros } = plan;
      const isPane = slideMicros === sizeMicros && slideMicros === hop.slideMicros;
      const shift = (offsetMicros - hop.offsetMicros) % slideMicros;
      return isPane && shift === 0n && plan.cumulate !== true && c === plan.input.schema.length;
    }
    default:
      return false;
  }
}

/** By name and argument; what is exact over parts. */
function foldOf(call: AggregateCall, hop: PhysicalHop, exprs: readonly Scalar[]): PaneFold | null {
  const { fn, args, type } = call;
  const [argument, ...more] = args.map((a) => must(exprs[a]));
  if (argument?.kind !== 'column' || more.length > 0 || argument.index >= hop.input.schema.length)
    return null;
  if (call.distinct || call.filter !== null || call.orderBy.length > 0 || fn.user !== undefined) return null;
  const { id } = argument.type;
  const as = (fold: PaneFold['fold']): PaneFold => ({ fold, column: argument.index, type });
  switch (fn.name) {
    case 'sum':
      return (id === 'int8' || id === 'numeric') && type.id === 'numeric' ? as('sum') : null;
    case 'min':
    case 'max':
      return as(fn.name);
    case 'bool_and':
    case 'every':
      return as('and');
    case 'bool_or':
      return as('or');
    case 'bit_and':
    case 'bit_or':
    case 'bit_xor': {
      if (id !== 'int2' && id !== 'int4' && id !== 'int8') return null;
      return as(fn.name === 'bit_and' ? 'and' : fn.name === 'bit_or' ? 'or' : 'xor');
    }
    default:
      return null;
  }
}

/** What gives the rows of the aggregation when their windows close; null where it is no aggregation of final panes. */
export function slidingPanes(plan: PhysicalAggregate): PhysicalPlan | null {
  const found = hopped(plan);
  if (found === null || plan.global) return null;
  const { hop, exprs, condition } = found;
  const { input, time, slideMicros, sizeMicros, offsetMicros } = hop;
  if (hop.cumulate === true || sizeMicros % slideMicros !== 0n) return null;
  if (!input.appendOnly || !isFinalPane(input, time, hop, false)) return null;
  const width = input.schema.length;
  const places = plan.keys.map((k) => must(exprs[k])).map((s) => (s.kind === 'column' ? s.index : -1));
  const keys = [...new Set(places.filter((c) => c < width))];
  // Without a window among the keys nothing would close them.
  if (keys.includes(-1) || keys.includes(time) || places.every((c) => c < width)) return null;
  // One pane of each start for a key.
  if (input.key === null || !input.key.every((c) => c === time || keys.includes(c))) return null;
  const folds = plan.aggregates.map((call) => foldOf(call, hop, exprs));
  const known = folds.flatMap((f) => (f === null ? [] : [f]));
  const term = watermarksOf(hop)[width] ?? null;
  if (known.length < folds.length || term === null) return null;
  const toOutput = (c: number): number => (c < width ? keys.indexOf(c) : keys.length + c - width);
  if (condition !== null && [...usedColumns(condition)].some((c) => toOutput(c) === -1)) return null;
  const schema = [
    ...keys.map((c) => must(input.schema[c])),
    ...hop.schema.slice(width),
    ...plan.schema.slice(plan.keys.length),
  ];
  const node: PhysicalSlidingPanes = {
    kind: 'SlidingPanes',
    input,
    keys,
    time,
    slideMicros,
    sizeMicros,
    offsetMicros,
    folds: known,
    term: withoutLateness(term),
    schema,
    appendOnly: true,
    key: [...keys.keys(), keys.length],
    estimatedRows: plan.estimatedRows,
  };
  const output = [...places.map(toOutput), ...known.map((_, i) => keys.length + 2 + i)];
  return calc(
    node,
    condition === null ? null : renumber(condition, toOutput),
    output.map((c) => column(c, must(schema[c]).type)),
    { schema: plan.schema, estimatedRows: plan.estimatedRows, key: plan.key },
  );
}
