/**
 * Partitions by the value that the watermark must pass for something to be done about them: a heap whose outdated
 * entries are skipped. Each partition has at most one valid entry.
 */
import { must } from '../../common/assert.ts';
import type { Comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';
import { boxedCodec } from '../../storage/state/boxedCodec.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { persistentValue } from './persistent.ts';

interface Entry {
  readonly value: NonNullValue;
  readonly partition: number;
}

export class WindowAgenda {
  readonly #compare: Comparator;
  readonly #valid = new Map<number, Entry>();
  #heap: Entry[] = [];

  constructor(compare: Comparator) {
    this.#compare = compare;
  }

  /** Puts the partition down for a value, unless it is there for a smaller one. */
  lower(partition: number, value: NonNullValue): void {
    const known = this.#valid.get(partition);
    if (known !== undefined && this.#compare(known.value, value) <= 0) return;
    const entry = { value, partition };
    this.#valid.set(partition, entry);
    this.#push(entry);
    this.#tidy();
  }

  forget(partition: number): void {
    if (this.#valid.delete(partition)) this.#tidy();
  }

  /** The least value; null: nothing is to be done. */
  first(): NonNullValue | null {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return null;
      if (this.#valid.get(top.partition) === top) return top.value;
      this.#pop();
    }
  }

  /** Takes out the partitions whose value is below the bound. */
  takeBelow(bound: NonNullValue): readonly number[] {
    const partitions: number[] = [];
    for (let value = this.first(); value !== null && this.#compare(value, bound) < 0; value = this.first()) {
      const { partition } = must(this.#heap[0]);
      this.#pop();
      this.#valid.delete(partition);
      partitions.push(partition);
    }
    return partitions;
  }

  /** `type`: of the values. */
  persistent(type: DataType): Persistent {
    const codec = boxedCodec(type);
    return persistentValue<readonly (readonly [number, Uint8Array])[]>(
      () =>
        [...this.#valid.values()].map(({ partition, value }) => [
          partition,
          Uint8Array.from(codec.encode(value)),
        ]),
      (saved) => {
        for (const [partition, bytes] of saved) this.lower(partition, codec.decode(bytes));
      },
    );
  }

  bytes(): number {
    return this.#heap.length * 48 + this.#valid.size * 48;
  }

  /** Throws outdated entries out when they are the most. */
  #tidy(): void {
    if (this.#heap.length <= 64 + 2 * this.#valid.size) return;
    // Ascending order is heap order.
    this.#heap = [...this.#valid.values()].sort((a, b) => this.#compare(a.value, b.value));
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = must(heap[parent]);
      if (this.#compare(above.value, entry.value) <= 0) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && this.#compare(right.value, must(heap[child]).value) < 0) child++;
      const below = must(heap[child]);
      if (this.#compare(below.value, last.value) >= 0) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
