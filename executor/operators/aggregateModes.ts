/**
 * The most frequent value of each group, in O(log n) a change: values with the number of their rows in a tree by group, then
 * by number, most first, then in the call's order.
 *
 * Values that are equal in SQL are one here (1.5 and 1.50); the result is one of the forms that are there, looked up in the
 * order of the set's entries.
 * Invariant between ticks: a value is here iff it has rows; `placed` is the number under which it lies in the tree.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { OrderedIndex } from '../../storage/state/orderedIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { RowOrder, type SlotOrder } from '../../storage/state/rowOrder.ts';
import { newVector, type OutputVector } from '../../storage/state/vector.ts';
import type { EntryOrder } from './aggregateOrders.ts';
import { persistentParts } from './persistent.ts';

/** By group, then number of rows, most first, then value. */
function frequencyOrder({ store }: KeyTable, numbers: Int32Blocks, order: EntryOrder): SlotOrder {
  const groups = must(store.columns[0]);
  const key = must(order.layout.keys[0]);
  const values = new RowOrder(store, [{ ...key, column: 1 }]);
  const groupOf = (slot: number): number => groups.value(slot) as number;
  const compareKeys = (a: number, b: number): number =>
    groupOf(a) - groupOf(b) || numbers.get(b) - numbers.get(a);
  return {
    compareKeys,
    compare: (a, b) => compareKeys(a, b) || values.compare(a, b),
    comparePrefix: (slot, [group]) => groupOf(slot) - (group as number),
  };
}

export class Modes {
  readonly #entries: KeyTable;
  /** The entries' order, by value. */
  readonly #order: EntryOrder;
  readonly #values: KeyTable;
  readonly #tree: OrderedIndex;
  readonly #numbers: Int32Blocks;
  readonly #placed: Int32Blocks;

  constructor(entries: KeyTable, order: EntryOrder) {
    this.#entries = entries;
    this.#order = order;
    this.#values = new KeyTable([types.int4, must(entries.store.types[1])]);
    this.#numbers = this.#values.store.addInt32();
    this.#placed = this.#values.store.addInt32();
    this.#tree = new OrderedIndex(frequencyOrder(this.#values, this.#placed, order));
  }

  get persistent(): Persistent {
    return persistentParts(this.#values, this.#tree);
  }

  /** Takes in what changed, before the order of the entries does: that still has the numbers before. */
  settle(changed: readonly number[], counts: Int32Blocks): void {
    const entries = [...new Set(changed)].filter(
      (entry) =>
        Math.max(0, counts.get(entry)) !== this.#order.placed(entry) && this.#order.row(entry, 1)[0] !== null,
    );
    const n = entries.length;
    if (n === 0) return;
    const slots = new Int32Array(n);
    const created = new Int32Array(n);
    const made = this.#values.upsert(this.#load(Int32Array.from(entries)), n, slots, created);
    for (let j = 0; j < made; j++) {
      this.#numbers.set(created[j] as number, 0);
      this.#placed.set(created[j] as number, 0);
    }
    entries.forEach((entry, j) => {
      const slot = slots[j] as number;
      const change = Math.max(0, counts.get(entry)) - this.#order.placed(entry);
      this.#numbers.set(slot, this.#numbers.get(slot) + change);
    });
    for (const slot of new Set(slots)) this.#place(slot);
  }

  #place(slot: number): void {
    const number = this.#numbers.get(slot);
    const placed = this.#placed.get(slot);
    if (number === placed) return;
    if (placed > 0) this.#tree.remove(slot);
    this.#placed.set(slot, number);
    if (number > 0) this.#tree.insert(slot);
    else this.#values.remove(slot);
  }

  /** Group and value of entries. */
  #load(entries: Int32Array): OutputVector[] {
    const n = entries.length;
    return this.#values.store.types.map((type, c) => {
      const vector = newVector(type, n);
      must(this.#entries.store.columns[c]).load(entries, n, vector);
      return vector;
    });
  }

  /** The group's most frequent value; null: it has none. The entries' order is settled. */
  modeOf(group: number): Value {
    const slot = this.#first(group);
    if (slot < 0) return null;
    const value = must(this.#values.store.columns[1]).value(slot);
    return must(this.#order.row(this.#order.firstWith(group, value), 1)[0]);
  }

  #first(group: number): number {
    const { slot } = this.#tree.seekLower(this.#tree.cursor(), [group]);
    return slot >= 0 && must(this.#values.store.columns[0]).value(slot) === group ? slot : -1;
  }

  /** Forgets the values of a group. */
  drop(group: number): void {
    for (let slot = this.#first(group); slot >= 0; slot = this.#first(group)) {
      this.#tree.remove(slot);
      this.#values.remove(slot);
    }
  }

  bytes(): number {
    return this.#values.bytes() + this.#tree.bytes();
  }
}
