/**
 * Grouping by overlapping windows through panes. A row lies in size / slide windows, but in one pane as long as the
 * slide; each window is a row of whole panes. Rows are aggregated by pane first, and the panes' results by window:
 * a row then costs one update, however much the windows overlap. Cumulating windows share panes as well.
 *
 * On update a pane that changes is taken out of each of its windows and put in again, once a tick. With further keys that is
 * more than the few rows of a group in a tick would cost by themselves; so there, only grouping by the window alone goes
 * through panes. On window close, and in a query that runs once, a pane is put into its windows once.
 *
 * Only for aggregates whose results over parts give exactly the result over the whole (not for sums of floats, which are
 * rounded once), and only where a window is a key.
 */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import { aggregate, filter, projectAs } from '../plan/construct.ts';
import { findAggregate } from '../plan/findAggregate.ts';
import { aggregateKey } from '../plan/fingerprint.ts';
import type { LogicalAggregate, LogicalHop, LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, columnOf, literal, renumber, usedColumns } from '../plan/scalars.ts';
import { rewritePlan } from '../plan/walk.ts';
import { isUniqueOn } from '../properties.ts';
import { type AggregateInput, aggregateInput, ColumnList, readBy } from './aggregateInput.ts';
import type { Rule, RuleContext } from './rule.ts';

export const hopPanes: Rule = {
  name: 'hopPanes',
  why: 'a row updates one pane instead of each window that holds it',
  apply: (plan, context) =>
    rewritePlan(plan, (node) =>
      node.kind === 'Aggregate' && node.sets === null ? (byPanes(node, context) ?? node) : node,
    ),
};

function byPanes(plan: LogicalAggregate, { functions, mode, onClose }: RuleContext): LogicalPlan | null {
  const input = aggregateInput(plan);
  if (input === null || input.base.kind !== 'Hop') return null;
  const hop = input.base;
  if (hop.sizeMicros < 2n * hop.slideMicros || hop.sizeMicros % hop.slideMicros !== 0n) return null;
  const width = hop.input.schema.length;
  const readsRow = (s: Scalar): boolean => [...usedColumns(s)].every((c) => c < width);
  const readsWindow = (s: Scalar): boolean => [...usedColumns(s)].every((c) => c >= width);
  const keys = plan.keys.map((k) => must(input.exprs[k]));
  const windowKeys = keys.filter((s) => s.kind === 'column' && s.index >= width);
  const rowKeys = keys.filter((s) => !windowKeys.includes(s));
  if (windowKeys.length === 0 || !rowKeys.every(readsRow)) return null;
  // On update every pane that changes in a tick changes all its windows: that pays where few do.
  if (mode === 'maintained' && !onClose && rowKeys.length > 0) return null;
  if (!input.conditions.every((s) => readsRow(s) || readsWindow(s))) return null;
  if (!plan.aggregates.every((a) => readBy(a, input.exprs).every(readsRow))) return null;
  const single = rowKeys.flatMap((s) => (s.kind === 'column' ? [s.index] : []));
  // One row a group: nothing to share.
  if (isUniqueOn(hop.input, new Set(single))) return null;
  const combined = plan.aggregates.map((a) => combination(a, typeOfArgument(a, input.exprs), functions));
  const parts = combined.flatMap((c) => (c === null ? [] : [c]));
  if (parts.length < combined.length) return null;
  return new Panes(plan, input, hop, functions).plan(keys, parts, {
    below: input.conditions.filter(readsRow),
    above: input.conditions.filter((s) => !readsRow(s)),
  });
}

const typeOfArgument = (call: AggregateCall, exprs: readonly Scalar[]): DataType | null =>
  call.args.length === 1 ? must(exprs[must(call.args[0])]).type : null;

/** How the result over a window follows from the results over its panes. */
interface Combination {
  /** Aggregates by pane, and by what their results are combined. */
  readonly panes: readonly AggregateCall[];
  readonly windows: readonly { readonly name: string; readonly type: DataType }[];
  readonly result: (combined: readonly Scalar[]) => Scalar;
}

/** Aggregates that combine with themselves. */
const selfCombining: ReadonlySet<string> = new Set([
  'min',
  'max',
  'bool_and',
  'bool_or',
  'every',
  'bit_and',
  'bit_or',
  'bit_xor',
]);

const toInt8 = (operand: Scalar): Scalar => ({
  kind: 'cast',
  operand,
  type: types.int8,
  explicit: false,
  try: false,
});

const sumOfInt8 = { name: 'sum', type: types.numeric };

function combination(
  call: AggregateCall,
  argument: DataType | null,
  functions: FunctionCatalog,
): Combination | null {
  const { name } = call.fn;
  if (call.distinct || call.orderBy.length > 0) return null;
  if (name === 'count') {
    const zero = literal(0n, types.int8);
    const result = ([sum]: readonly Scalar[]): Scalar => ({
      kind: 'coalesce',
      operands: [toInt8(must(sum)), zero],
      type: types.int8,
    });
    return { panes: [call], windows: [sumOfInt8], result };
  }
  if (argument === null) return null;
  if (selfCombining.has(name)) {
    if (findAggregate(functions, name, call.type) === null) return null;
    return { panes: [call], windows: [{ name, type: call.type }], result: ([value]) => must(value) };
  }
  const whole = argument.id === 'int2' || argument.id === 'int4';
  if (!whole && argument.id !== 'int8' && argument.id !== 'numeric') return null;
  if (name === 'sum') {
    const result = ([sum]: readonly Scalar[]): Scalar => (whole ? toInt8(must(sum)) : must(sum));
    return { panes: [call], windows: [sumOfInt8], result };
  }
  if (name !== 'avg') return null;
  const sum = findAggregate(functions, 'sum', argument);
  const count = functions.byName('count').find((f) => f.kind === 'aggregate' && f.args.length === 1);
  const divide = functions
    .operators('/')
    .find((f) => f.args.length === 2 && f.args.every((a) => a === 'numeric'));
  if (sum === null || count?.kind !== 'aggregate' || divide === undefined) return null;
  return {
    panes: [
      { ...call, fn: sum, type: whole ? types.int8 : types.numeric },
      { ...call, fn: count, type: types.int8 },
    ],
    windows: [sumOfInt8, sumOfInt8],
    result: (args) => ({ kind: 'call', fn: divide, args, type: types.numeric }),
  };
}

/** Calls, each once. */
class CallList {
  readonly calls: AggregateCall[] = [];
  readonly #places = new Map<string, number>();

  /** The call's place. */
  add(call: AggregateCall): number {
    const key = aggregateKey(call);
    const place = this.#places.get(key) ?? this.calls.push(call) - 1;
    this.#places.set(key, place);
    return place;
  }
}

class Panes {
  readonly #plan: LogicalAggregate;
  readonly #input: AggregateInput;
  readonly #hop: LogicalHop;
  readonly #functions: FunctionCatalog;

  constructor(plan: LogicalAggregate, input: AggregateInput, hop: LogicalHop, functions: FunctionCatalog) {
    this.#plan = plan;
    this.#input = input;
    this.#hop = hop;
    this.#functions = functions;
  }

  plan(
    keys: readonly Scalar[],
    parts: readonly Combination[],
    conditions: { readonly below: readonly Scalar[]; readonly above: readonly Scalar[] },
  ): LogicalPlan {
    const width = this.#hop.input.schema.length;
    const { list, panes, rowKeys, partials } = this.#byPane(keys, parts, conditions.below);
    const windows = this.#windows(panes, rowKeys.length - 1);
    const paneWidth = panes.schema.length;
    const toWindow = (c: number): number => paneWidth + c - width;
    const kept = filter(
      windows,
      conditions.above.map((s) => renumber(s, toWindow)),
    );
    const keyColumns = keys.map((s) =>
      s.kind === 'column' && s.index >= width ? toWindow(s.index) : rowKeys.indexOf(list.add(s)),
    );
    const combined = new CallList();
    const results = parts.map((part, p) => {
      const places = part.windows.map((w, i) => {
        const call = this.#combine(w, panes, must(must(partials[p])[i]));
        return column(keys.length + combined.add(call), w.type);
      });
      return part.result(places);
    });
    const grouped = aggregate(kept, keyColumns, combined.calls);
    const exprs = [...keys.map((_, i) => columnOf(grouped.schema, i)), ...results];
    return projectAs(grouped, exprs, this.#plan.schema);
  }

  /**
   * The grouping by pane: row keys, the pane's start as the last key, and each different aggregate once. `partials`: its
   * columns for each of the parts.
   */
  #byPane(keys: readonly Scalar[], parts: readonly Combination[], below: readonly Scalar[]) {
    const { input, time, slideMicros, offsetMicros, schema } = this.#hop;
    const width = input.schema.length;
    const tumbling: LogicalHop = {
      kind: 'Hop',
      input: filter(input, below),
      time,
      slideMicros,
      sizeMicros: slideMicros,
      offsetMicros,
      schema,
    };
    const list = new ColumnList();
    const own = keys.filter((s) => !(s.kind === 'column' && s.index >= width));
    const rowKeys = [...new Set([...own, columnOf(schema, width)].map((s) => list.add(s)))];
    const aggregates = new CallList();
    const columnFor = (pane: AggregateCall): number =>
      rowKeys.length + aggregates.add(list.addCall(pane, this.#input.exprs));
    const partials = parts.map((part) => part.panes.map(columnFor));
    return { list, panes: aggregate(list.project(tumbling), rowKeys, aggregates.calls), rowKeys, partials };
  }

  /** Each pane in the windows that it is part of. */
  #windows(panes: LogicalPlan, time: number): LogicalHop {
    const bounds = this.#hop.schema.slice(this.#hop.input.schema.length);
    return { ...this.#hop, input: panes, time, schema: [...panes.schema, ...bounds] };
  }

  #combine(
    window: { readonly name: string; readonly type: DataType },
    panes: LogicalPlan,
    at: number,
  ): AggregateCall {
    const fn = must(findAggregate(this.#functions, window.name, must(panes.schema[at]).type));
    const base = { distinct: false, filter: null, orderBy: [] };
    return { fn, args: [at], type: window.type, ...base };
  }
}
