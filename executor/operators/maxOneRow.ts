/**
 * A scalar subquery's guard: at most one row (per key). A lone row passes, with a last column `many` false; where there are
 * more, one row stands for them: the key, NULLs, and `many` true. What needs the value then fails (common/singleValue.ts).
 *
 * State: the rows by key, and their number per key. Deltas pass at once. A key that has more than one row at the end of
 * a tick has its rows taken back, and gets them back when there is only one again.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalMaxOneRow } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import type { ByteBlocks } from '../../storage/state/blocks.ts';
import { KeyCounts } from '../../storage/state/keyCounts.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { newBatch, type StateBatch, type StateVector } from '../../storage/state/vector.ts';
import type { Batch } from '../batch.ts';
import { JoinKeys } from './joinKeys.ts';
import { withoutSkipped } from './joinSkipped.ts';
import type { Emit, Operator } from './operator.ts';
import { persistentParts, persistentValue } from './persistent.ts';

export class MaxOneRowOperator implements Operator {
  readonly emitsInitially = false;
  readonly #rows: Arrangement;
  readonly #keys: JoinKeys;
  readonly #counts: KeyCounts;
  /** Per key: 1 while its rows are held back. */
  readonly #held: ByteBlocks;
  #heldKeys = 0;
  readonly #output: SlotEmitter;
  readonly #mask = new Scratch();
  readonly persistent: Persistent;
  readonly #keyColumns: readonly number[];
  readonly #types: PhysicalMaxOneRow['input']['schema'][number]['type'][];

  constructor(node: PhysicalMaxOneRow) {
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
    this.persistent = persistentParts(
      this.#rows,
      this.#counts,
      persistentValue<number>(
        () => this.#heldKeys,
        (keys) => {
          this.#heldKeys = keys;
        },
      ),
    );
    this.#keyColumns = node.keys;
    this.#types = types;
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
      this.#emitLone(batch, emit);
      return;
    }
    const mask = this.#mask.zeroBytes(n);
    for (let i = 0; i < n; i++) mask[i] = this.#isHeld(keySlots[i] as number) ? 1 : 0;
    const passing = withoutSkipped(batch.columns, batch, mask);
    if (passing.length > 0) this.#emitLone(passing, emit);
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
      const signs = Int32Array.from(changed, (slot) => (this.#isHeld(slot) ? -1 : 1));
      const lone = (rows: StateBatch): void => this.#emitLone(rows, emit);
      changed.forEach((slot, j) => {
        this.#toggle(slot, heads[j] as number, lone);
      });
      this.#output.finish(lone);
      this.#emitMany(batch.columns, signs, emit);
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
  }

  #emitLone({ length, columns, weights }: StateBatch, emit: Emit): void {
    const many: StateVector = { kind: 'bool', data: new Uint8Array(length), nulls: null };
    emit({ length, columns: [...columns, many], weights });
  }

  /** The rows that stand for keys with several come (weight 1) or go. */
  #emitMany(keys: readonly StateVector[], weights: Int32Array, emit: Emit): void {
    const { length } = weights;
    const nulls = new Uint8Array(length).fill(1);
    const columns = newBatch(this.#types, length).columns.map((column, c): StateVector => {
      const key = this.#keyColumns.indexOf(c);
      return key < 0 ? { ...column, nulls } : must(keys[key]);
    });
    const many: StateVector = { kind: 'bool', data: new Uint8Array(length).fill(1), nulls: null };
    emit({ length, columns: [...columns, many], weights });
  }

  #isHeld(slot: number): boolean {
    return this.#held.get(slot) === 1;
  }

  #setHeld(slot: number, held: boolean): void {
    this.#held.set(slot, held ? 1 : 0);
  }

  stateRows(): number {
    return this.#rows.rows() + this.#counts.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#counts.bytes();
  }
}
