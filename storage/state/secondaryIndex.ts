/** An ordered index on some columns of a relation, for points and ranges. NULLs are last ascending, first descending. */
import type { Value } from '../../common/value.ts';
import { OrderedIndex } from './orderedIndex.ts';
import type { Persistent, StateReader, StateWriter } from './persist.ts';
import { RowOrder } from './rowOrder.ts';
import type { RowStore } from './rowStore.ts';

export interface RangeBound {
  readonly value: Value;
  readonly inclusive: boolean;
}

export class SecondaryIndex implements Persistent {
  readonly #tree: OrderedIndex;
  readonly #descending: readonly boolean[];

  constructor(store: RowStore, columns: readonly number[], descending: readonly boolean[]) {
    this.#descending = columns.map((_, k) => descending[k] === true);
    const keys = columns.map((column, k) => ({
      column,
      descending: this.#descending[k] === true,
      nullsFirst: this.#descending[k] === true,
    }));
    this.#tree = new OrderedIndex(new RowOrder(store, keys));
  }

  insert(slot: number): void {
    this.#tree.insert(slot);
  }

  remove(slot: number): void {
    this.#tree.remove(slot);
  }

  save(out: StateWriter): void {
    this.#tree.save(out);
  }

  restore(from: StateReader): void {
    this.#tree.restore(from);
  }

  bytes(): number {
    return this.#tree.bytes();
  }

  /** The first slot in index order, or -1. */
  first(): number {
    return this.#tree.seekFirst(this.#tree.cursor()).slot;
  }

  /** Visits the slots with leading columns `prefix` and the next column within the bounds, in index order. */
  range(
    prefix: readonly Value[],
    lower: RangeBound | null,
    upper: RangeBound | null,
    visit: (slot: number) => void,
  ): void {
    const tree = this.#tree;
    const [from, to] = [tree.cursor(), tree.cursor()];
    const descending = this.#descending[prefix.length] === true;
    const [near, far] = descending ? [upper, lower] : [lower, upper];
    const bounded = near !== null || far !== null;
    if (near !== null) {
      const values = [...prefix, near.value];
      if (near.inclusive) tree.seekLower(from, values);
      else tree.seekUpper(from, values);
    } else if (bounded && descending) tree.seekUpper(from, [...prefix, null]);
    else tree.seekLower(from, prefix);
    if (far !== null) {
      const values = [...prefix, far.value];
      if (far.inclusive) tree.seekUpper(to, values);
      else tree.seekLower(to, values);
    } else if (bounded && !descending) tree.seekLower(to, [...prefix, null]);
    else tree.seekUpper(to, prefix);
    if (far !== null && from.slot >= 0) {
      // Bounds that cross: the walk would start behind its end and never meet it.
      const order = tree.order.comparePrefix(from.slot, [...prefix, far.value]);
      if (order > 0 || (order === 0 && !far.inclusive)) return;
    }
    for (; from.slot >= 0 && from.slot !== to.slot; from.next()) visit(from.slot);
  }
}
