/**
 * The results that an OVER has given out, by row and call, and what a tick changes of them.
 *
 * State: one typed column a call, in a store of its own; a row's place in it (+ 1) is kept with the row, 0: not published.
 * Within a partition's turn: results of rows that are new to the output are just noted; of others the old results are
 * kept from before the first change, so that at the end exactly the rows that differ are replaced.
 */
import { must } from '../../common/assert.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import type { StateColumn } from '../../storage/state/column.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { newVector, type OutputVector, setVectorValue } from '../../storage/state/vector.ts';
import { sameBoxed } from '../codegen/typeOperations.ts';

const CHUNK = 256;

/** Where a call reads and writes its results. */
export class CallResults {
  readonly #published: WindowPublished;
  readonly #column: StateColumn;
  readonly #type: DataType;
  readonly #owns: boolean;
  /** Results that wait to be stored. */
  #rows: number[] = [];
  #values: Value[] = [];

  constructor(published: WindowPublished, column: StateColumn) {
    this.#published = published;
    this.#column = column;
    this.#type = column.type;
    const kind = physicalKind(column.type);
    this.#owns = kind === 'text' || kind === 'boxed';
  }

  /** True for a row of which nothing has been given out. */
  isNew(slot: number): boolean {
    return this.#published.isNew(slot);
  }

  /** The result that the row has now; it is up to date unless the row is new or to be computed in this turn. */
  stored(slot: number): Value {
    return this.#column.value(this.#published.placeOf(slot));
  }

  /** True when the value is the one stored. */
  isSame(slot: number, value: Value): boolean {
    const place = this.#published.placeOf(slot);
    if (this.#column.kind === 'boxed' && value !== null) {
      return this.#column.same({ kind: 'boxed', data: [value], nulls: null }, 0, place);
    }
    const old = this.#column.value(place);
    return Object.is(old, value) || sameBoxed(old, value);
  }

  /** Gives a row its result. */
  set(slot: number, value: Value): void {
    if (!this.#published.isNew(slot)) {
      if (this.isSame(slot, value)) return;
      this.#published.keepOld(slot);
    }
    this.#rows.push(slot);
    this.#values.push(value);
    if (this.#rows.length >= CHUNK) this.commit();
  }

  /** Stores what waits. */
  commit(): void {
    const n = this.#rows.length;
    if (n === 0) return;
    const vector: OutputVector = newVector(this.#type, n);
    const places = new Int32Array(n);
    for (let j = 0; j < n; j++) {
      const place = this.#published.placeOf(must(this.#rows[j]));
      places[j] = place;
      if (this.#owns) this.#column.release(place);
      setVectorValue(vector, j, this.#values[j] ?? null);
    }
    this.#column.store(vector, null, n, places);
    this.discard();
  }

  /** Forgets what waits. */
  discard(): void {
    this.#rows = [];
    this.#values = [];
  }
}

export class WindowPublished {
  readonly calls: readonly CallResults[];
  readonly #results: RowStore;
  readonly #place: Int32Blocks;
  readonly #owning: readonly StateColumn[];
  /** Rows that are new to the output, and old results of rows that have changed, in this turn. */
  readonly #fresh = new Set<number>();
  readonly #old = new Map<number, Row>();

  constructor(types: readonly DataType[], place: Int32Blocks) {
    this.#results = new RowStore(types);
    this.#place = place;
    this.#owning = this.#results.columns.filter(
      (column) => column.kind === 'text' || column.kind === 'boxed',
    );
    this.calls = this.#results.columns.map((column) => new CallResults(this, column));
  }

  /** Without the rows' places. */
  get persistent(): Persistent {
    return this.#results;
  }

  placeOf(slot: number): number {
    return this.#place.get(slot) - 1;
  }

  isNew(slot: number): boolean {
    return this.#fresh.has(slot);
  }

  keepOld(slot: number): void {
    if (!this.#old.has(slot)) this.#old.set(slot, this.results(slot));
  }

  /** The results stored for a row. */
  results(slot: number): Value[] {
    return this.#results.values(this.placeOf(slot));
  }

  /** Makes room for the results of a row that is new to the output. */
  admit(slot: number): void {
    const place = this.#results.alloc();
    this.#place.set(slot, place + 1);
    this.#fresh.add(slot);
    // So that the column owns nothing there when the result comes.
    for (const column of this.#owning) {
      const nothing: OutputVector = newVector(column.type, 1);
      setVectorValue(nothing, 0, null);
      column.store(nothing, null, 1, Int32Array.of(place));
    }
  }

  /** Forgets the results of a row. */
  forget(slot: number): void {
    const place = this.placeOf(slot);
    if (place < 0) return;
    this.#place.set(slot, 0);
    this.#results.free(place);
  }

  /** Ends a partition's turn: the rows that are new, and those whose results have changed. */
  finish(change: (slot: number, old: Row | null) => void): void {
    for (const slot of this.#fresh) change(slot, null);
    for (const [slot, old] of this.#old) change(slot, old);
    this.#fresh.clear();
    this.#old.clear();
  }

  /** Ends a partition's turn that failed. `published` gets what was given out of each row. */
  revoke(slots: readonly number[], published: (slot: number, results: Row) => void): void {
    for (const call of this.calls) call.discard();
    for (const slot of slots) {
      if (!this.#fresh.has(slot)) published(slot, this.#old.get(slot) ?? this.results(slot));
    }
    for (const slot of slots) this.forget(slot);
    this.#fresh.clear();
    this.#old.clear();
  }

  stateBytes(): number {
    return this.#results.bytes();
  }
}
