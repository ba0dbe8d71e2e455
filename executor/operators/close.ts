/**
 * EMIT ON WINDOW CLOSE: rows are kept back until their column is below the watermark, and then given once and for all.
 *
 * State: the rows that wait, by identity with their net weight (updates cancel), in buckets by the column's value. In
 * `flush` the rows that the watermark closes (see closeGate.ts) go out in the column's order and are forgotten.
 * A change of a row that was given comes too late: it is reported, or, with `corrections`, goes out as it is. Rows with
 * a NULL in the column are never given and not kept.
 */
import { assert } from '../../common/assert.ts';
import type { PhysicalClose } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch } from '../batch.ts';
import { CloseGate } from './closeGate.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';

export class CloseOperator implements Operator {
  readonly emitsInitially = false;
  readonly #corrections: boolean;
  readonly #gate: CloseGate;
  readonly #rows: KeyTable;
  readonly #weights: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly persistent: Persistent;

  constructor(node: PhysicalClose, context: TickContext) {
    const { schema } = node.input;
    this.#corrections = node.corrections;
    this.#rows = new KeyTable(
      schema.map((column) => column.type),
      'same',
    );
    const time = this.#rows.keepTime(node.column, true);
    this.#gate = new CloseGate(node.term, context, schema, node.column, time);
    this.#weights = this.#rows.store.addInt32();
    this.#touched = new TouchedSlots(this.#rows.store);
    this.#output = new SlotEmitter(this.#rows.store);
    this.persistent = persistentParts(this.#rows, this.#gate.persistent);
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const { late, waiting } = this.#gate.split(batch);
    if (late.length > 0) {
      if (this.#corrections) emit(late);
      else this.#gate.report(late);
    }
    if (waiting.length > 0) this.#keep(waiting);
  }

  #keep(batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) this.#weights.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      const weight = this.#weights.get(slot);
      this.#touched.touch(slot, weight);
      this.#weights.set(slot, weight + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    this.#settle();
    const closing = this.#gate.release();
    if (closing.length === 0) return;
    for (const slot of closing) {
      const weight = this.#weights.get(slot);
      assert(weight > 0, 'a row is taken back that was not there');
      this.#output.add(slot, weight, emit);
    }
    this.#output.finish(emit);
    this.#rows.removeExpired(Int32Array.from(closing), closing.length);
  }

  /** Forgets rows that came and went. */
  #settle(): void {
    const touched = this.#touched;
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      if (this.#weights.get(slot) === 0) gone.push(slot);
    }
    touched.reset();
    for (const slot of gone) this.#rows.remove(slot);
  }

  isDue(): boolean {
    return this.#gate.isDue();
  }

  nextWake(): bigint | null {
    return this.#gate.nextWake();
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#touched.bytes();
  }
}
