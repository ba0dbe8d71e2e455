/**
 * EMIT EVERY and EMIT WITH DELAY: changes are collected and given together.
 *
 * State: the net change of each row since the last release; what cancels is forgotten. `every` releases at multiples
 * of the period since the epoch, `delay` that long after the first change that waits. The first output, the view's
 * content when it is made, is given at once.
 */
import type { PhysicalPace } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch } from '../batch.ts';
import type { TimeReader } from '../time.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';

export class PaceOperator implements Operator {
  /** So that an empty view has had its first output, too. */
  readonly emitsInitially = true;
  readonly #time: TimeReader;
  readonly #mode: PhysicalPace['mode'];
  readonly #micros: bigint;
  readonly #rows: KeyTable;
  /** Net change of a row; 0 in slots without a row. */
  readonly #changes: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly persistent: Persistent;
  #isFirst = true;
  /** When the changes that wait are to go out; null: none wait. */
  #release: bigint | null = null;

  constructor(node: PhysicalPace, context: TickContext) {
    this.#time = context.time;
    this.#mode = node.mode;
    this.#micros = node.micros;
    this.#rows = new KeyTable(
      node.input.schema.map((column) => column.type),
      'same',
    );
    this.#changes = this.#rows.store.addInt32();
    this.#touched = new TouchedSlots(this.#rows.store);
    this.#output = new SlotEmitter(this.#rows.store);
    this.persistent = persistentParts(
      this.#rows,
      persistentValue<readonly [boolean, bigint | null]>(
        () => [this.#isFirst, this.#release],
        ([isFirst, release]) => {
          this.#isFirst = isFirst;
          this.#release = release;
        },
      ),
    );
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) this.#changes.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#touched.touch(slot, 0);
      this.#changes.set(slot, this.#changes.get(slot) + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    const now = this.#time.now();
    const isRelease = this.#isFirst || (this.#release !== null && now >= this.#release);
    this.#isFirst = false;
    this.#settle();
    if (isRelease) {
      this.#emitChanges(emit);
      this.#rows.clear();
    }
    if (this.#rows.rows() === 0) this.#release = null;
    else this.#release ??= this.#releaseAfter(now);
  }

  /** Forgets rows whose changes have cancelled. */
  #settle(): void {
    const touched = this.#touched;
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      if (this.#changes.get(slot) === 0) gone.push(slot);
    }
    touched.reset();
    for (const slot of gone) this.#rows.remove(slot);
  }

  /** When changes that came at `now` go out. */
  #releaseAfter(now: bigint): bigint {
    if (this.#mode === 'delay') return now + this.#micros;
    const rest = now % this.#micros;
    return now - (rest < 0n ? rest + this.#micros : rest) + this.#micros;
  }

  /** Removals go first: a key whose row changes is never there twice. */
  #emitChanges(emit: Emit): void {
    const { store } = this.#rows;
    if (store.rows() === 0) return;
    for (const isRemoval of [true, false]) {
      for (let slot = 0; slot < store.end(); slot++) {
        const change = this.#changes.get(slot);
        if (change !== 0 && change < 0 === isRemoval) this.#output.add(slot, change, emit);
      }
    }
    this.#output.finish(emit);
  }

  isDue(): boolean {
    return this.#release !== null && this.#time.now() >= this.#release;
  }

  nextWake(): bigint | null {
    return this.#release;
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#touched.bytes();
  }
}
