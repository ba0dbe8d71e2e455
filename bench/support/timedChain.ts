/** Operators in a chain over generated events, with a watermark that follows them: for figures of windows and state. */
import { must } from '../../common/assert.ts';
import { type DataType, type Schema, types } from '../../common/dataType.ts';
import type { AggregateFunction } from '../../common/function.ts';
import type { Batch } from '../../executor/batch.ts';
import { functionCatalog } from '../../executor/functions/index.ts';
import { ClosingAggregateOperator, closedAggregate } from '../../executor/operators/closingAggregate.ts';
import { createOperator } from '../../executor/operators/index.ts';
import type { Operator, TickContext } from '../../executor/operators/operator.ts';
import type { ColumnWatermark, TimeReader } from '../../executor/time.ts';
import type { AggregateCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import type { StateBound, WatermarkTerm } from '../../planner/plan/watermark.ts';
import { benchContext } from './context.ts';
import { randomNumbers } from './random.ts';

export const SECOND = 1_000_000n;
const TICK_ROWS = 1024;
/** Event time moves on by so much from row to row; rows come up to a second out of order. */
const STEP_MICROS = 100;
const DISORDER_MICROS = 1_000_000;
const START = 1_700_000_000_000_000;

/** Events: key, time, price. */
export const events: Schema = [
  { name: 'key', type: types.int8, nullable: false },
  { name: 'at', type: types.timestamp, nullable: false },
  { name: 'price', type: types.int8, nullable: false },
];
export const AT = 1;

const base = { key: null, estimatedRows: 1, appendOnly: false } as const;

/** The term of event time less some micros, floored to multiples of some: as watermarks of window columns are. */
export function timeTerm(behind: bigint, multiple: bigint): WatermarkTerm {
  // The reader below takes relation and column for these numbers.
  return {
    kind: 'relation',
    relation: Number(behind / 1000n),
    column: Number(multiple / 1000n),
    group: 0,
    lateness: 0n,
    type: types.timestamp,
  };
}

class EventTime implements TimeReader {
  #watermark = 0n;
  #epoch = 0;

  now(): bigint {
    return this.#watermark;
  }

  epoch(): number {
    return this.#epoch;
  }

  watermark(relation: number, column: number): ColumnWatermark {
    const multiple = BigInt(column) * 1000n;
    const late = this.#watermark - BigInt(relation) * 1000n;
    const value = multiple === 0n ? late : late - (late % multiple) + multiple;
    return { value, active: value, idle: false };
  }

  set(watermark: bigint): void {
    this.#watermark = watermark;
    this.#epoch++;
  }
}

/** Batches of events, one after the other. */
export class EventSource {
  readonly #random = randomNumbers(7);
  readonly #keys: number;
  #made = 0;

  constructor(keys: number) {
    this.#keys = keys;
  }

  next(): Batch {
    const key = new BigInt64Array(TICK_ROWS);
    const at = new BigInt64Array(TICK_ROWS);
    const price = new BigInt64Array(TICK_ROWS);
    for (let i = 0; i < TICK_ROWS; i++) {
      const time = START + this.#made++ * STEP_MICROS;
      key[i] = BigInt(Math.floor(this.#random() * this.#keys));
      at[i] = BigInt(time + Math.floor(this.#random() * DISORDER_MICROS));
      price[i] = BigInt(Math.floor(this.#random() * 10_000));
    }
    return {
      length: TICK_ROWS,
      columns: [key, at, price].map((data) => ({ kind: 'i64', data, nulls: null })),
      weights: new Int32Array(TICK_ROWS).fill(1),
    };
  }

  /** No event to come has a time below. */
  get watermark(): bigint {
    return BigInt(START + this.#made * STEP_MICROS);
  }
}

export function source(appendOnly = true, schema: Schema = events): PhysicalPlan {
  return { ...base, kind: 'Values', rows: [], schema, appendOnly };
}

const timestampColumn = (name: string) => ({ name, type: types.timestamp, nullable: false });

/** input ++ window_start, window_end of windows over a time column. */
export function hop(input: PhysicalPlan, time: number, slide: bigint, size: bigint): PhysicalPlan {
  return {
    ...base,
    kind: 'Hop',
    input,
    time,
    slideMicros: slide,
    sizeMicros: size,
    offsetMicros: 0n,
    appendOnly: input.appendOnly,
    schema: [...input.schema, timestampColumn('window_start'), timestampColumn('window_end')],
  };
}

function aggregateFunction(name: string, arg: string | null): AggregateFunction {
  const found = functionCatalog
    .byName(name)
    .find((f) => f.kind === 'aggregate' && (arg === null ? f.args.length === 0 : f.args[0] === arg));
  if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${name}`);
  return found;
}

/** A call of an aggregate function; `generic`: its declared argument type. */
export function call(
  name: string,
  arg: number | null,
  type: DataType,
  generic = arg === null ? null : 'int8',
): AggregateCall {
  const fn = aggregateFunction(name, generic);
  return { fn, args: arg === null ? [] : [arg], distinct: false, filter: null, orderBy: [], type };
}

export function group(
  input: PhysicalPlan,
  keys: readonly number[],
  calls: readonly AggregateCall[],
  clean: StateBound | null,
): PhysicalPlan {
  return {
    ...base,
    kind: 'Aggregate',
    input,
    keys,
    aggregates: calls,
    global: false,
    schema: [
      ...keys.map((key) => must(input.schema[key])),
      ...calls.map(({ type }, i) => ({ name: `a${i}`, type, nullable: true })),
    ],
    ...(clean === null ? {} : { clean }),
  };
}

export function close(input: PhysicalPlan, column: number, term: WatermarkTerm): PhysicalPlan {
  return {
    ...base,
    kind: 'Close',
    input,
    column,
    term,
    corrections: false,
    appendOnly: true,
    schema: input.schema,
  };
}

/** Panes (key, start, count, sum) by hopping windows, when they close. */
export function sliding(
  input: PhysicalPlan,
  { slide, size }: { readonly slide: bigint; readonly size: bigint },
  term: WatermarkTerm,
): PhysicalPlan {
  const { numeric } = types;
  const sums = ['a0', 'a1'].map((name) => ({ name, type: numeric, nullable: true }));
  return {
    ...base,
    kind: 'SlidingPanes',
    input,
    keys: [0],
    time: 1,
    slideMicros: slide,
    sizeMicros: size,
    offsetMicros: 0n,
    folds: [2, 3].map((column) => ({ fold: 'sum', column, type: numeric })),
    term,
    appendOnly: true,
    schema: [must(input.schema[0]), timestampColumn('window_start'), timestampColumn('window_end'), ...sums],
  };
}

export interface ChainFigures {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly emitted: number;
  readonly slowestTick: number;
  /** The most that was held at the end of a tick. */
  readonly stateRows: number;
  readonly stateBytes: number;
}

/** Runs events through a chain of plans; the first one's operator takes them at each of its `ports`. */
export function runChain(
  plans: readonly PhysicalPlan[],
  options: { readonly events: number; readonly keys: number; readonly ports?: number },
): ChainFigures {
  const time = new EventTime();
  const context = benchContext(time);
  const operators = operatorsOf(plans, context);
  let emitted = 0;
  const emits = operators.map((_, i) => (batch: Batch): void => {
    const next = operators[i + 1];
    if (next === undefined) emitted += batch.length;
    else next.push(0, batch, must(emits[i + 1]));
  });
  const first = must(operators[0]);
  const stream = new EventSource(options.keys);
  const ticks = Math.ceil(options.events / TICK_ROWS);
  let spent = 0;
  let slowestTick = 0;
  let stateRows = 0;
  let stateBytes = 0;
  for (let t = 0; t < ticks; t++) {
    const batch = stream.next();
    const begun = performance.now();
    for (let port = 0; port < (options.ports ?? 1); port++) first.push(port, batch, must(emits[0]));
    time.set(stream.watermark);
    operators.forEach((operator, i) => {
      operator.flush(must(emits[i]));
    });
    const took = performance.now() - begun;
    spent += took;
    slowestTick = Math.max(slowestTick, took);
    if (t % 16 !== 0 && t !== ticks - 1) continue;
    stateRows = Math.max(
      stateRows,
      sum(operators, (operator) => operator.stateRows()),
    );
    stateBytes = Math.max(
      stateBytes,
      sum(operators, (operator) => operator.stateBytes()),
    );
  }
  const total = ticks * TICK_ROWS;
  return {
    events: total,
    eventsPerSecond: (total * 1000) / spent,
    emitted,
    slowestTick,
    stateRows,
    stateBytes,
  };
}

/** As executor/build.ts makes them: a Close may be one with the aggregation before it. */
function operatorsOf(plans: readonly PhysicalPlan[], context: TickContext): readonly Operator[] {
  const operators: Operator[] = [];
  plans.forEach((plan, i) => {
    const next = plans[i + 1];
    if (next?.kind === 'Close' && closedAggregate(next) === plan) return;
    const aggregate = plan.kind === 'Close' ? closedAggregate(plan) : null;
    operators.push(
      plan.kind === 'Close' && aggregate !== null && aggregate === plans[i - 1]
        ? new ClosingAggregateOperator(plan, aggregate, context)
        : createOperator(plan, context),
    );
  });
  return operators;
}

function sum(operators: readonly Operator[], of: (operator: Operator) => number): number {
  return operators.reduce((total, operator) => total + of(operator), 0);
}
