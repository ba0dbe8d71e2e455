/**
 * GROUP BY hopping windows on window close, by panes: each key has a queue of the panes of the current window, with the
 * fold over it (see paneQueues.ts). A window that closes takes the pane that comes in with it and lets go of the one that
 * has passed: the cost per pane does not grow with the number of windows it is in.
 *
 * Panes that come wait in lists by their start. In `flush` the windows below the watermark are gone through in order: a
 * window is a row of each key that has panes in it. Keys without panes are forgotten, and where no key has any, windows
 * are skipped up to the next pane.
 * Invariant: a pane comes before the first window with it has closed.
 */
import { assert, must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { PhysicalSlidingPanes } from '../../planner/plan/physical.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { newVector, type OutputVector, type StateVector } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { ClockWake, followsClock } from './clockWake.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { PaneQueues } from './paneQueues.ts';
import { persistentParts, persistentValue } from './persistent.ts';

const BATCH_ROWS = 1024;
const ones = new Int32Array(BATCH_ROWS).fill(1);

/** How far the operator is, beside the panes. */
interface Progress {
  readonly waiting: readonly (readonly [start: bigint, firstPane: number])[];
  readonly active: Int32Array;
  readonly window: bigint;
  readonly released: bigint | null;
}

export class SlidingPanesOperator implements Operator {
  readonly emitsInitially = false;
  readonly #node: PhysicalSlidingPanes;
  readonly #context: TickContext;
  readonly #term: TermReader;
  /** For windows over the clock's time. */
  readonly #wake: ClockWake | null;
  readonly #keys: KeyTable;
  readonly #queues: PaneQueues;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly #gone = new Scratch();
  /** First pane + 1 of the panes that wait, by their start. */
  readonly #waiting = new Map<bigint, number>();
  /** Keys that have panes in the window that was given last, and the window to come. */
  #active: number[] = [];
  #window = 0n;
  /** Windows before it have been given. */
  #released: bigint | null = null;
  readonly persistent: Persistent;
  #output: readonly OutputVector[] = [];
  #given = new Int32Array(0);

  constructor(node: PhysicalSlidingPanes, context: TickContext) {
    const { input, keys, slideMicros, sizeMicros, term } = node;
    assert(slideMicros > 0n && sizeMicros % slideMicros === 0n, 'windows are whole numbers of panes');
    this.#node = node;
    this.#context = context;
    this.#term = compileTerm(term, context.time, context.eval);
    this.#wake = followsClock(term) ? new ClockWake(term, context) : null;
    this.#keys = new KeyTable(keys.map((key) => must(input.schema[key]).type));
    this.#queues = new PaneQueues(this.#keys.store, node.folds);
    this.persistent = persistentParts(this.#keys, this.#queues.persistent, this.#progress());
  }

  #progress(): Persistent {
    return persistentValue<Progress>(
      () => ({
        waiting: [...this.#waiting],
        active: Int32Array.from(this.#active),
        window: this.#window,
        released: this.#released,
      }),
      ({ waiting, active, window, released }) => {
        for (const [start, pane] of waiting) this.#waiting.set(start, pane);
        this.#active = [...active];
        this.#window = window;
        this.#released = released;
      },
    );
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    const vector = must(batch.columns[this.#node.time]);
    assert(vector.kind === 'i64' && vector.nulls?.includes(1, 0) !== true, 'panes have a start');
    for (let i = 0; i < n; i++) assert(batch.weights[i] === 1, 'a pane comes once');
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const keys = this.#node.keys.map((key) => must(batch.columns[key]));
    const made = this.#keys.upsert(keys, n, slots, created);
    for (let j = 0; j < made; j++) this.#queues.init(created[j] as number);
    const panes = this.#queues.store(batch.columns, n, vector.data, slots);
    for (let i = 0; i < n; i++) {
      const start = vector.data[i] as bigint;
      const isInTime = this.#released === null || this.#firstWindow(start) >= this.#released;
      assert(isInTime, 'a pane comes before its windows close');
      const pane = panes[i] as number;
      this.#queues.setNext(pane, this.#waiting.get(start) ?? 0);
      this.#waiting.set(start, pane + 1);
    }
  }

  flush(emit: Emit): void {
    const watermark = this.#watermark();
    if (watermark === null) return;
    const starts = [...this.#waiting.keys()].sort((a, b) => (a < b ? -1 : 1));
    let next = 0;
    for (;;) {
      const pane = starts[next];
      if (this.#active.length === 0) {
        if (pane === undefined) break;
        this.#window = this.#firstWindow(pane);
      }
      if (this.#window >= watermark) break;
      if (pane !== undefined && this.#firstWindow(pane) === this.#window) {
        this.#enter(pane);
        next++;
      }
      this.#leave();
      this.#give(emit);
      this.#window += this.#node.slideMicros;
    }
    this.#released = watermark;
  }

  /** The first window that a pane is in. */
  #firstWindow(pane: bigint): bigint {
    return pane - this.#node.sizeMicros + this.#node.slideMicros;
  }

  /** The panes of that start come into the window. */
  #enter(start: bigint): void {
    const queues = this.#queues;
    let pane = must(this.#waiting.get(start));
    this.#waiting.delete(start);
    while (pane !== 0) {
      const next = queues.nextOf(pane - 1);
      const key = queues.keyOf(pane - 1);
      if (queues.isEmpty(key)) this.#active.push(key);
      queues.push(pane - 1);
      pane = next;
    }
    queues.settle();
  }

  /** What lies before the window goes, with the keys that nothing is left of. */
  #leave(): void {
    const queues = this.#queues;
    const active = this.#active;
    const empty = this.#gone.ints(active.length);
    let gone = 0;
    let kept = 0;
    for (let j = 0; j < active.length; j++) {
      const key = must(active[j]);
      queues.popBefore(key, this.#window);
      if (queues.isEmpty(key)) empty[gone++] = key;
      else active[kept++] = key;
    }
    queues.settle();
    active.length = kept;
    this.#forget(empty, gone);
  }

  /** Forgets keys, but not those with panes that wait. */
  #forget(keys: Int32Array, n: number): void {
    if (n === 0) return;
    const waiting = new Set<number>();
    for (let pane of this.#waiting.values()) {
      for (; pane !== 0; pane = this.#queues.nextOf(pane - 1)) waiting.add(this.#queues.keyOf(pane - 1));
    }
    let gone = 0;
    for (let j = 0; j < n; j++) {
      const key = keys[j] as number;
      if (!waiting.has(key)) keys[gone++] = key;
    }
    this.#keys.removeExpired(keys, gone);
  }

  /** A row of each key that has panes in the window. */
  #give(emit: Emit): void {
    const active = this.#active;
    const width = this.#node.keys.length;
    for (let from = 0; from < active.length; from += BATCH_ROWS) {
      const to = Math.min(from + BATCH_ROWS, active.length);
      this.#room(to - from);
      const columns = this.#output;
      for (const column of columns) column.nulls = null;
      const folds = columns.slice(width + 2);
      let n = 0;
      for (let j = from; j < to; j++) if (this.#read(must(active[j]), folds, n)) n++;
      if (n === 0) continue;
      this.#keys.load(this.#given, n, columns);
      fill(must(columns[width]), n, this.#window);
      fill(must(columns[width + 1]), n, this.#window + this.#node.sizeMicros);
      emit({ length: n, columns, weights: ones });
    }
  }

  /** The key's row, without the key, as row n; false when it has no result. */
  #read(key: number, folds: readonly OutputVector[], n: number): boolean {
    this.#given[n] = key;
    try {
      this.#queues.read(key, folds, n);
      return true;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { keys, schema, sizeMicros } = this.#node;
      const row = [...this.#keys.store.values(key), this.#window, this.#window + sizeMicros];
      this.#context.rowError(error, 1, 'SlidingPanes', row, schema.slice(0, keys.length + 2));
      return false;
    }
  }

  #room(n: number): void {
    if (this.#given.length >= n) return;
    const capacity = Math.min(BATCH_ROWS, Math.max(16, n * 2));
    this.#given = new Int32Array(capacity);
    this.#output = this.#node.schema.map((column) => newVector(column.type, capacity));
  }

  /** Where it is ahead of what has been given. */
  #watermark(): bigint | null {
    const watermark: NonNullValue | null = this.#term.active();
    if (watermark === null) return null;
    assert(typeof watermark === 'bigint', 'windows begin at timestamps');
    return this.#released !== null && watermark <= this.#released ? null : watermark;
  }

  /** The next window that has rows. */
  #nextWindow(): bigint | null {
    if (this.#active.length > 0) return this.#window;
    let first: bigint | null = null;
    for (const start of this.#waiting.keys()) if (first === null || start < first) first = start;
    return first === null ? null : this.#firstWindow(first);
  }

  isDue(): boolean {
    const watermark = this.#watermark();
    const window = watermark === null ? null : this.#nextWindow();
    return watermark !== null && window !== null && window < watermark;
  }

  nextWake(): bigint | null {
    const window = this.#wake === null ? null : this.#nextWindow();
    return window === null ? null : (this.#wake?.whenAbove(window) ?? null);
  }

  stateRows(): number {
    return this.#keys.rows() + this.#queues.rows();
  }

  stateBytes(): number {
    return this.#keys.bytes() + this.#queues.bytes() + this.#waiting.size * 40 + this.#active.length * 8;
  }
}

function fill(vector: StateVector, n: number, value: bigint): void {
  assert(vector.kind === 'i64', 'window bounds are timestamps');
  vector.data.fill(value, 0, n);
}
