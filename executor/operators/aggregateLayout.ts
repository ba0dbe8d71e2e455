/**
 * How the calls of an aggregation are computed: which accumulators each keeps per group, and which share a set of
 * arguments.
 *
 * Linear aggregates keep accumulators only. Extremes over append-only input keep one value. All else looks at the
 * group's arguments, kept with counts in an ArgumentSet (see aggregateSets.ts): DISTINCT calls and retractable extremes
 * over the same columns share one set whatever their FILTERs, with one count per filter.
 */
import { assert, must } from '../../common/assert.ts';
import { type DataType, physicalKind, type Schema } from '../../common/dataType.ts';
import type { AggregateImplementation } from '../../common/function.ts';
import type { AggregateCall, SortKey } from '../../planner/plan/aggregateCall.ts';

/** Rows that count: the filter column is true and none of `present` is NULL. */
export interface Condition {
  readonly filter: number | null;
  readonly present: readonly number[];
}

export function conditionKey(condition: Condition): string {
  return `${condition.filter ?? ''}:${condition.present.join(',')}`;
}

/** True when every row counts. */
export function isUnconditional(condition: Condition): boolean {
  return condition.filter === null && condition.present.length === 0;
}

export type Linear = Extract<AggregateImplementation, { readonly form: 'linear' }>;
export type Collect = Extract<AggregateImplementation, { readonly form: 'collect' }>;

/** One set of argument columns with the conditions under which rows are counted in it. */
export interface SetLayout {
  readonly columns: readonly number[];
  readonly types: readonly DataType[];
  /** `equal`: values equal in SQL are one; `same`: they are kept apart (1.0 and 1.00). */
  readonly mode: 'equal' | 'same';
  readonly variants: Condition[];
  readonly orders: OrderLayout[];
  /** Entries of a group are linked, to be dropped as a whole. */
  linked: boolean;
}

/** An order in which the entries of a variant are kept, group by group. */
export interface OrderLayout {
  readonly variant: number;
  /** By positions in the set's columns, all of them or the first. */
  readonly keys: readonly SortKey[];
  /** Entries count as many rows as they have; else as one. */
  readonly counted: boolean;
}

interface CallBase {
  readonly call: AggregateCall;
  readonly condition: Condition;
}
export type CallLayout =
  | (CallBase & { readonly form: 'linear'; readonly linear: Linear })
  | (CallBase & {
      readonly form: 'linearDistinct';
      readonly linear: Linear;
      readonly set: number;
      readonly variant: number;
    })
  | (CallBase & { readonly form: 'extreme'; readonly end: 'min' | 'max'; readonly argument: number })
  | (CallBase & {
      readonly form: 'indexedExtreme';
      readonly end: 'min' | 'max';
      readonly set: number;
      readonly variant: number;
      readonly order: number;
    })
  | (CallBase & {
      readonly form: 'collect';
      readonly collect: Collect;
      readonly set: number;
      readonly variant: number;
      /** Position in the set's orders. */
      readonly order: number;
    });

export interface AggregateLayout {
  readonly calls: readonly CallLayout[];
  readonly sets: readonly SetLayout[];
}

class Sets {
  readonly layouts: SetLayout[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #input: Schema;

  constructor(input: Schema) {
    this.#input = input;
  }

  /** The set over these columns. */
  get(columns: readonly number[], mode: SetLayout['mode']): number {
    const key = `${mode}:${columns.join(',')}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const index = this.layouts.length;
    this.#byKey.set(key, index);
    this.layouts.push({
      columns,
      types: columns.map((column) => must(this.#input[column]).type),
      mode,
      variants: [],
      orders: [],
      linked: false,
    });
    return index;
  }

  variant(set: number, condition: Condition): number {
    const { variants } = must(this.layouts[set]);
    const key = conditionKey(condition);
    const known = variants.findIndex((variant) => conditionKey(variant) === key);
    return known >= 0 ? known : variants.push(condition) - 1;
  }

  order(set: number, order: OrderLayout): number {
    const { orders } = must(this.layouts[set]);
    const key = JSON.stringify(order);
    const known = orders.findIndex((other) => JSON.stringify(other) === key);
    return known >= 0 ? known : orders.push(order) - 1;
  }
}

/** How many distinct values there are. */
const countOfDistinct: Linear = {
  form: 'linear',
  state: [],
  add: () => '',
  result: (_state, count) => `BigInt(${count})`,
  emptyResult: '0n',
};

const ascending = (column: number): SortKey => ({ column, descending: false, nullsFirst: false });

function conditionOf(call: AggregateCall, input: Schema): Condition {
  const nullable = call.args.filter((arg) => must(input[arg]).nullable);
  return { filter: call.filter, present: call.fn.nulls === 'skip' ? [...new Set(nullable)] : [] };
}

/** Values that are equal may differ in form, as 1.5 and 1.50 do. */
function hasEqualForms(type: DataType): boolean {
  const kind = physicalKind(type);
  return kind === 'boxed' || kind === 'f64' || type.id === 'bpchar';
}

function layoutCall(call: AggregateCall, input: Schema, appendOnly: boolean, sets: Sets): CallLayout {
  const types = call.args.map((arg) => must(input[arg], `aggregate argument ${arg}`).type);
  const implementation = call.fn.implement(types, call.type);
  const condition = conditionOf(call, input);
  const base = { call, condition };
  switch (implementation.form) {
    case 'linear':
      if (!call.distinct) return { ...base, form: 'linear', linear: implementation };
      return layoutDistinct(base, implementation, sets);
    case 'extreme': {
      const argument = must(call.args[0]);
      assert(call.args.length === 1, 'an extreme has one argument');
      const { end } = implementation;
      if (appendOnly) return { ...base, form: 'extreme', end, argument };
      // The result must be a value that is there: of types where equal values differ, each is kept.
      const set = sets.get(call.args, hasEqualForms(must(types[0])) ? 'same' : 'equal');
      const variant = sets.variant(set, condition);
      const order = sets.order(set, { variant, keys: [ascending(0)], counted: false });
      return { ...base, form: 'indexedExtreme', end, set, variant, order };
    }
    case 'collect':
      if (implementation.index?.kind === 'distinct') return layoutDistinct(base, countOfDistinct, sets);
      return layoutCollect(base, implementation, sets);
  }
}

function layoutDistinct({ call, condition }: CallBase, linear: Linear, sets: Sets): CallLayout {
  const set = sets.get(call.args, 'equal');
  return { call, condition, form: 'linearDistinct', linear, set, variant: sets.variant(set, condition) };
}

/** The rows are in the order that the index asks for, then by the call's ORDER BY, then by the columns themselves. */
function layoutCollect({ call, condition }: CallBase, collect: Collect, sets: Sets): CallLayout {
  const extra = call.orderBy.map((key) => key.column).filter((column) => !call.args.includes(column));
  const columns = [...call.args, ...new Set(extra)];
  const set = sets.get(columns, call.distinct ? 'equal' : 'same');
  const variant = sets.variant(set, condition);
  const { index } = collect;
  const leading = index?.kind === 'place' ? index.leading : undefined;
  const keys = [
    ...(leading === undefined ? [] : [{ ...ascending(leading.argument), descending: leading.descending }]),
    ...call.orderBy.map((key) => ({ ...key, column: columns.indexOf(key.column) })),
  ];
  const rest = columns.map((_, column) => column).filter((c) => keys.every(({ column }) => column !== c));
  const order = sets.order(set, {
    variant,
    keys: [...keys, ...rest.map(ascending)],
    counted: !call.distinct,
  });
  return { call, condition, form: 'collect', collect, set, variant, order };
}

export function layoutAggregates(
  calls: readonly AggregateCall[],
  input: Schema,
  appendOnly: boolean,
): AggregateLayout {
  const sets = new Sets(input);
  return { calls: calls.map((call) => layoutCall(call, input, appendOnly, sets)), sets: sets.layouts };
}
