/**
 * Which session each row is in: rows of one partition in order of time, cut where two neighbours are further apart
 * than the gap.
 *
 * The rows lie in a tree by (partition, time), so a row's neighbours, and with them the session it joins, are found in
 * O(log n). A row between two sessions merges them: the smaller one's rows take the larger one's label. A removed row
 * may split its session: both parts are walked in step, and the one that ends first takes a new label. So a change
 * relabels at most half of the rows concerned.
 * Invariant: neighbours in the tree have one label iff they are of one partition and at most the gap apart; a session's
 * `size` is the number of its rows, its `last` the last of them in the tree.
 */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Float64Blocks, Int32Blocks } from '../../storage/state/blocks.ts';
import type { StateColumn } from '../../storage/state/column.ts';
import { type OrderedCursor, OrderedIndex } from '../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowOrder } from '../../storage/state/rowOrder.ts';
import { RowStore } from '../../storage/state/rowStore.ts';
import { persistentParts, persistentValue } from './persistent.ts';

const NO_LABEL = 0;

export class SessionLabels {
  readonly #tree: OrderedIndex;
  readonly #partition: StateColumn;
  readonly #time: StateColumn;
  readonly #gap: bigint;
  /** Called before a row takes another label. */
  readonly #beforeRelabel: (row: number) => void;
  /** Per row: the slot of its session + 1. */
  readonly #labels: Int32Blocks;
  /** One row a session: the time at which to look whether it is over (its last time when that was written down). */
  readonly #sessions: RowStore;
  readonly #sizes: Int32Blocks;
  readonly #lasts: Int32Blocks;
  readonly #ids: Float64Blocks;
  /** Sessions by that time, where sessions end by a watermark. */
  readonly #due: OrderedIndex | null;
  readonly #one = { slots: new Int32Array(1), time: new BigInt64Array(1) };
  readonly #back: OrderedCursor;
  readonly #forth: OrderedCursor;
  #nextId = 1;

  /** `store`: rows with the partition's number in column 0 and the time in column `time`. */
  constructor(
    store: RowStore,
    time: number,
    timeType: DataType,
    options: {
      readonly gap: bigint;
      readonly ends: boolean;
      readonly beforeRelabel: (row: number) => void;
    },
  ) {
    const ascending = (column: number) => ({ column, descending: false, nullsFirst: false });
    this.#tree = new OrderedIndex(new RowOrder(store, [ascending(0), ascending(time)]));
    this.#partition = must(store.columns[0]);
    this.#time = must(store.columns[time]);
    this.#gap = options.gap;
    this.#beforeRelabel = options.beforeRelabel;
    this.#labels = store.addInt32();
    this.#sessions = new RowStore([timeType]);
    this.#sizes = this.#sessions.addInt32();
    this.#lasts = this.#sessions.addInt32();
    this.#ids = this.#sessions.addFloat64();
    this.#due = options.ends ? new OrderedIndex(new RowOrder(this.#sessions, [ascending(0)])) : null;
    this.#back = this.#tree.cursor();
    this.#forth = this.#tree.cursor();
  }

  /** The order of the rows. */
  get compare(): (a: number, b: number) => number {
    return this.#tree.order.compare;
  }

  /** For a row that is new in the store. */
  init(row: number): void {
    this.#labels.set(row, NO_LABEL);
  }

  /** The id of the row's session; 0 when it is in none. */
  idOf(row: number): number {
    const label = this.#labels.get(row);
    return label === NO_LABEL ? 0 : this.#id(label - 1);
  }

  /** Puts a stored row into its session. */
  insert(row: number): void {
    this.#tree.insert(row);
    const { before, after } = this.#neighbours(row);
    const joinsBefore = before >= 0 && this.#connected(before, row);
    const joinsAfter = after >= 0 && this.#connected(row, after);
    if (joinsBefore && joinsAfter) {
      this.#enter(row, this.#merged(this.#sessionOf(before), before, this.#sessionOf(after), after));
    } else if (joinsBefore) {
      const session = this.#sessionOf(before);
      this.#lasts.set(session, row);
      this.#enter(row, session);
    } else if (joinsAfter) this.#enter(row, this.#sessionOf(after));
    else this.#enter(row, this.#create(row));
  }

  /** Takes a row out of its session. It must still be stored. */
  remove(row: number): void {
    const session = this.#sessionOf(row);
    const { before, after } = this.#neighbours(row);
    const first = before < 0 || this.#sessionOf(before) !== session;
    const last = after < 0 || this.#sessionOf(after) !== session;
    this.#tree.remove(row);
    this.#labels.set(row, NO_LABEL);
    const size = this.#sizes.get(session) - 1;
    this.#sizes.set(session, size);
    if (size === 0) this.#free(session);
    else if (last) this.#lasts.set(session, before);
    else if (!first && !this.#connected(before, after)) this.#split(session, before, after);
  }

  /** True when some session may be over: its last time and the gap lie before the watermark. */
  hasEnded(watermark: bigint): boolean {
    const due = this.#due;
    if (due === null || due.entries() === 0) return false;
    return this.#dueTime(due.seekFirst(due.cursor()).slot) + this.#gap < watermark;
  }

  /** Forgets the sessions that are over. Returns their rows, which are in none any more. */
  takeEnded(watermark: bigint): number[] {
    const rows: number[] = [];
    const due = must(this.#due);
    while (this.hasEnded(watermark)) {
      const session = due.seekFirst(due.cursor()).slot;
      const end = this.#timeOf(this.#lasts.get(session));
      if (end > this.#dueTime(session)) {
        due.remove(session);
        this.#setDue(session, end);
        continue;
      }
      const own: number[] = [];
      this.#tree.seekSlot(this.#back, this.#lasts.get(session));
      do own.push(this.#back.slot);
      while (this.#back.previous() && this.#sessionOf(this.#back.slot) === session);
      for (const row of own) {
        this.#tree.remove(row);
        this.#labels.set(row, NO_LABEL);
        rows.push(row);
      }
      this.#free(session);
    }
    return rows;
  }

  /** Without the rows' store. */
  get persistent(): Persistent {
    const nextId = persistentValue<number>(
      () => this.#nextId,
      (id) => {
        this.#nextId = id;
      },
    );
    return persistentParts(this.#tree, this.#sessions, this.#due, nextId);
  }

  sessions(): number {
    return this.#sessions.rows();
  }

  bytes(): number {
    return this.#tree.bytes() + this.#sessions.bytes() + (this.#due?.bytes() ?? 0);
  }

  #neighbours(row: number): { readonly before: number; readonly after: number } {
    this.#tree.seekSlot(this.#back, row);
    this.#back.previous();
    const before = this.#back.slot;
    this.#tree.seekSlot(this.#forth, row);
    this.#forth.next();
    return { before, after: this.#forth.slot };
  }

  #timeOf(row: number): bigint {
    return this.#time.value(row) as bigint;
  }

  #sessionOf(row: number): number {
    return this.#labels.get(row) - 1;
  }

  #id(session: number): number {
    return this.#ids.get(session);
  }

  #connected(before: number, after: number): boolean {
    return (
      this.#partition.value(before) === this.#partition.value(after) &&
      this.#timeOf(after) - this.#timeOf(before) <= this.#gap
    );
  }

  #enter(row: number, session: number): void {
    this.#labels.set(row, session + 1);
    this.#sizes.set(session, this.#sizes.get(session) + 1);
  }

  /** A new session without rows; `last` will be its last. */
  #create(last: number): number {
    const session = this.#sessions.alloc();
    this.#sizes.set(session, 0);
    this.#lasts.set(session, last);
    this.#ids.set(session, this.#nextId++);
    this.#setDue(session, this.#timeOf(last));
    return session;
  }

  #dueTime(session: number): bigint {
    return must(this.#sessions.columns[0]).value(session) as bigint;
  }

  #setDue(session: number, time: bigint): void {
    const { slots, time: data } = this.#one;
    slots[0] = session;
    data[0] = time;
    this.#sessions.store([{ kind: 'i64', data, nulls: null }], null, null, 1, slots);
    this.#due?.insert(session);
  }

  #free(session: number): void {
    this.#due?.remove(session);
    this.#sessions.free(session);
  }

  /** One session of two neighbours; `before` is the last row of the earlier, `after` the first of the later. */
  #merged(earlier: number, before: number, later: number, after: number): number {
    if (earlier === later) return earlier;
    const keepsEarlier = this.#sizes.get(earlier) >= this.#sizes.get(later);
    const [kept, gone] = keepsEarlier ? [earlier, later] : [later, earlier];
    const cursor = this.#tree.seekSlot(this.#back, keepsEarlier ? after : before);
    for (let left = this.#sizes.get(gone); left > 0; left--) {
      this.#beforeRelabel(cursor.slot);
      this.#labels.set(cursor.slot, kept + 1);
      if (keepsEarlier) cursor.next();
      else cursor.previous();
    }
    this.#sizes.set(kept, this.#sizes.get(kept) + this.#sizes.get(gone));
    if (keepsEarlier) this.#lasts.set(kept, this.#lasts.get(gone));
    this.#free(gone);
    return kept;
  }

  /** Two sessions of one, of which `before` and `after` are neighbours now. */
  #split(session: number, before: number, after: number): void {
    const left: number[] = [];
    const right: number[] = [];
    this.#tree.seekSlot(this.#back, before);
    this.#tree.seekSlot(this.#forth, after);
    for (;;) {
      left.push(this.#back.slot);
      right.push(this.#forth.slot);
      const leftEnds = !this.#back.previous() || this.#sessionOf(this.#back.slot) !== session;
      const rightEnds = !this.#forth.next() || this.#sessionOf(this.#forth.slot) !== session;
      if (!leftEnds && !rightEnds) continue;
      const part = leftEnds ? left : right;
      const made = this.#create(leftEnds ? before : this.#lasts.get(session));
      if (!leftEnds) this.#lasts.set(session, before);
      for (const row of part) {
        this.#beforeRelabel(row);
        this.#labels.set(row, made + 1);
      }
      this.#sizes.set(made, part.length);
      this.#sizes.set(session, this.#sizes.get(session) - part.length);
      return;
    }
  }
}
