/** A binary min-heap of numbers. Invariant: no entry is below the entry at half its place. */

import type { Persistent, StateReader, StateWriter } from './persist.ts';

export class MinHeap implements Persistent {
  readonly #entries: number[];

  /** With these entries. */
  constructor(entries: Iterable<number> = []) {
    // Ascending order is heap order.
    this.#entries = [...entries].sort((a, b) => a - b);
  }

  get size(): number {
    return this.#entries.length;
  }

  save(out: StateWriter): void {
    out.value(Float64Array.from(this.#entries));
  }

  restore(from: StateReader): void {
    const entries = from.value() as Float64Array;
    this.#entries.length = 0;
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The least entry; NaN when there is none. */
  first(): number {
    return this.#entries[0] ?? Number.NaN;
  }

  push(value: number): void {
    const entries = this.#entries;
    let at = entries.length;
    entries.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent] as number;
      if (above <= value) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = value;
  }

  /** Takes the least entry off; NaN when there is none. */
  pop(): number {
    const entries = this.#entries;
    const top = this.first();
    const last = entries.pop();
    const n = entries.length;
    if (last === undefined || n === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && (entries[child + 1] as number) < (entries[child] as number)) child++;
      if ((entries[child] as number) >= last) break;
      entries[at] = entries[child] as number;
      at = child;
    }
    entries[at] = last;
    return top;
  }
}
