/**
 * A scalar subquery's guard: at most one row (per key). Rows pass through; more than one is error 21000.
 *
 * State: the rows by key, and their number per key. Deltas pass at once. A key that has more than one row at the end of
 * a tick is reported and its rows are taken back (the subquery then has no value there) until it has one again.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { PhysicalMaxOneRow } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import { BLOCK_MASK, BLOCK_SHIFT, type ByteBlocks } from '../../storage/state/blocks.ts';
import { KeyCounts } from '../../storage/state/keyCounts.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { newBatch } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { JoinKeys } from './joinKeys.ts';
import { withoutSkipped } from './joinSkipped.ts';
import type { Emit, Operator, TickContext } from './operator.ts';

export class MaxOneRowOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #keySchema: Schema;
  readonly #rows: Arrangement;
  readonly #keys: JoinKeys;
  readonly #counts: KeyCounts;
  /** Per key: 1 while its rows are held back. */
  readonly #held: ByteBlocks;
  #heldKeys = 0;
  readonly #output: SlotEmitter;
  readonly #mask = new Scratch();

  constructor(node: PhysicalMaxOneRow, context: TickContext) {
    this.#context = context;
    this.#keySchema = node.keys.map((key) => must(node.input.schema[key]));
    const types = node.input.schema.map((column) => column.type);
    this.#rows = new Arrangement(types, node.keys, {
      appendOnly: node.input.appendOnly,
      totals: false,
      degrees: false,
    });
    this.#keys = new JoinKeys(
      node.keys,
      node.keys.map(() => true),
    );
    this.#counts = new KeyCounts(node.keys.map((key) => must(types[key])));
    this.#held = this.#counts.table.store.addByte();
    this.#output = new SlotEmitter(this.#rows.store);
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const n = batch.length;
    const vectors = this.#keys.vectors(batch);
    const hashes = this.#keys.hash(vectors, n, this.#rows);
    const heads = this.#keys.ownHeads(vectors, hashes, n, this.#rows);
    this.#rows.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      this.#rows.apply(i, hashes[i] as number, heads[i] as number, batch.weights[i] as number);
    }
    this.#rows.finish();
    const keySlots = this.#counts.add(vectors, n, batch.weights);
    if (this.#heldKeys === 0) {
      emit(batch);
      return;
    }
    const mask = this.#mask.zeroBytes(n);
    for (let i = 0; i < n; i++) mask[i] = this.#isHeld(keySlots[i] as number) ? 1 : 0;
    const passing = withoutSkipped(batch.columns, batch, mask);
    if (passing.length > 0) emit(passing);
  }

  flush(emit: Emit): void {
    const { touched, counts, table } = this.#counts;
    const keyTypes = table.store.types;
    const n = touched.length;
    const changed: number[] = [];
    for (let t = 0; t < n; t++) {
      const slot = touched.slots[t] as number;
      if (counts.get(slot) > 1 !== this.#isHeld(slot)) changed.push(slot);
    }
    if (changed.length > 0) {
      const batch = newBatch(keyTypes, changed.length);
      table.load(Int32Array.from(changed), changed.length, batch.columns);
      const hashes = this.#keys.hash(batch.columns, changed.length, this.#rows);
      const heads = this.#keys.ownHeads(batch.columns, hashes, changed.length, this.#rows);
      changed.forEach((slot, j) => {
        this.#toggle(slot, heads[j] as number, emit);
      });
      this.#output.finish(emit);
    }
    this.#counts.settle();
  }

  /** Takes a key's rows back, or gives them out again. */
  #toggle(slot: number, head: number, emit: Emit): void {
    const sign = this.#isHeld(slot) ? 1 : -1;
    this.#setHeld(slot, sign < 0);
    this.#heldKeys -= sign;
    for (let row = head; row >= 0; row = this.#rows.nextOf(row)) {
      this.#output.add(row, sign * this.#rows.weightOf(row), emit);
    }
    const error = new SqlError('21000', 'more than one row returned by a subquery used as an expression');
    const key = this.#counts.table.store.columns.map((column) => column.value(slot));
    this.#context.rowError(error, -sign, 'MaxOneRow', key, this.#keySchema);
  }

  #isHeld(slot: number): boolean {
    return must(this.#held.blocks[slot >>> BLOCK_SHIFT])[slot & BLOCK_MASK] === 1;
  }

  #setHeld(slot: number, held: boolean): void {
    must(this.#held.blocks[slot >>> BLOCK_SHIFT])[slot & BLOCK_MASK] = held ? 1 : 0;
  }

  stateRows(): number {
    return this.#rows.rows() + this.#counts.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#counts.bytes();
  }
}
