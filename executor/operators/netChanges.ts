/**
 * The net change of one input over a tick: rows that are the very same add up. Taken in two parts, what goes and what
 * comes, by operators for which the order of the two matters. Empty between ticks.
 */
import type { DataType } from '../../common/dataType.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import type { Batch } from '../batch.ts';
import type { Emit } from './operator.ts';

export class NetChanges {
  readonly #table: KeyTable;
  readonly #weights: Int32Blocks;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  #all: number[] = [];

  constructor(types: readonly DataType[]) {
    this.#table = new KeyTable(types, 'same');
    this.#weights = this.#table.store.addInt32();
    this.#output = new SlotEmitter(this.#table.store);
  }

  add(batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#table.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) {
      const slot = created[k] as number;
      this.#weights.set(slot, 0);
      this.#all.push(slot);
    }
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#weights.set(slot, this.#weights.get(slot) + (batch.weights[i] as number));
    }
  }

  /** Gives the rows that go (sign -1) or come (+1) to `emit`. */
  emit(sign: 1 | -1, emit: Emit): void {
    for (const slot of this.#all) {
      const weight = this.#weights.get(slot);
      if (weight * sign > 0) this.#output.add(slot, weight, emit);
    }
    this.#output.finish(emit);
  }

  clear(): void {
    if (this.#all.length === 0) return;
    this.#all = [];
    this.#table.clear();
  }

  bytes(): number {
    return this.#table.bytes();
  }
}
