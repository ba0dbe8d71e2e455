/**
 * Changelog: the changes of a relation as rows that stay.
 *
 * The deltas of a tick are netted by row. Rows that went and rows that came are numbered in the order in which the tick
 * first touched them; of a keyed input, a row that went and one that came under its key are an update: the old row, then
 * the new one, where the first of the two stands. State between ticks: the running number only.
 */
import { must } from '../../common/assert.ts';
import { type Schema, types } from '../../common/dataType.ts';
import type { PhysicalChangelog } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import { newBatch, type OutputBatch } from '../../storage/state/vector.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import type { Emit, Operator } from './operator.ts';
import { persistentValue } from './persistent.ts';

const INSERT = 1;
export const DELETE = 2;
const UPDATE_INSERT = 3;
export const UPDATE_DELETE = 4;

/** Net changes of the rows with one key (of unkeyed input: of one row), as slots. */
interface Change {
  readonly gone: number[];
  readonly came: number[];
}

/** What it needs to know of its input. */
interface ChangelogInput {
  readonly input: { readonly schema: Schema; readonly key: readonly number[] | null };
}

export class ChangelogOperator implements Operator {
  readonly emitsInitially = false;
  readonly #key: readonly number[] | null;
  readonly #rows: KeyTable;
  readonly #keys: KeyTable | null;
  readonly #weights: Int32Blocks;
  readonly #touched: TouchedSlots;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();
  readonly #output: OutputBatch;
  readonly #pending = new Int32Array(BATCH_ROWS);
  readonly #operations = new Int32Array(BATCH_ROWS);
  /** The rows are those of the tick. */
  readonly persistent: Persistent = persistentValue<bigint>(
    () => this.#number,
    (number) => {
      this.#number = number;
    },
  );
  #length = 0;
  #number = 0n;

  constructor(node: ChangelogInput | PhysicalChangelog) {
    const { schema, key } = node.input;
    const inputTypes = schema.map((c) => c.type);
    this.#key = key;
    this.#rows = new KeyTable(inputTypes, 'same');
    this.#keys = key === null ? null : new KeyTable(key.map((c) => must(inputTypes[c])));
    this.#weights = this.#rows.store.addInt32();
    this.#touched = new TouchedSlots(this.#rows.store);
    this.#output = newBatch([...inputTypes, types.int2, types.int8], BATCH_ROWS);
    this.#output.weights.fill(1);
  }

  push(_port: number, batch: Batch): void {
    const n = batch.length;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) this.#weights.set(created[k] as number, 0);
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#touched.touch(slot, 0);
      this.#weights.set(slot, this.#weights.get(slot) + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    const count = this.#touched.length;
    const slots = this.#touched.slots.slice(0, count);
    for (const { gone, came } of this.#changes(slots)) {
      const updates = this.#key === null ? 0 : Math.min(gone.length, came.length);
      for (let u = 0; u < updates; u++) {
        this.#add(must(gone[u]), UPDATE_DELETE, emit);
        this.#add(must(came[u]), UPDATE_INSERT, emit);
      }
      for (const slot of gone.slice(updates)) this.#add(slot, DELETE, emit);
      for (const slot of came.slice(updates)) this.#add(slot, INSERT, emit);
    }
    this.#emitPending(emit);
    this.#touched.reset();
    this.#rows.clear();
  }

  /** The changes in the order in which their key was first touched; a row of weight n is n rows. */
  #changes(slots: Int32Array): Iterable<Change> {
    const groups = this.#groups(slots);
    const changes = new Map<number, Change>();
    for (let t = 0; t < slots.length; t++) {
      const slot = slots[t] as number;
      const weight = this.#weights.get(slot);
      if (weight === 0) continue;
      const group = groups[t] as number;
      let change = changes.get(group);
      if (change === undefined) {
        change = { gone: [], came: [] };
        changes.set(group, change);
      }
      const list = weight < 0 ? change.gone : change.came;
      for (let i = Math.abs(weight); i > 0; i--) list.push(slot);
    }
    return changes.values();
  }

  /** A number for each row's key; without one each row is its own. */
  #groups(slots: Int32Array): Int32Array {
    const keys = this.#keys;
    if (keys === null || this.#key === null) return slots;
    const groups = new Int32Array(slots.length);
    for (let at = 0; at < slots.length; at += BATCH_ROWS) {
      const chunk = slots.subarray(at, at + BATCH_ROWS);
      this.#rows.load(chunk, chunk.length, this.#output.columns);
      const vectors = this.#key.map((c) => must(this.#output.columns[c]));
      keys.upsert(vectors, chunk.length, groups.subarray(at, at + chunk.length));
    }
    keys.clear();
    return groups;
  }

  #add(slot: number, operation: number, emit: Emit): void {
    if (this.#length === BATCH_ROWS) this.#emitPending(emit);
    this.#pending[this.#length] = slot;
    this.#operations[this.#length++] = operation;
  }

  #emitPending(emit: Emit): void {
    const n = this.#length;
    if (n === 0) return;
    this.#length = 0;
    const output = this.#output;
    this.#rows.load(this.#pending, n, output.columns);
    const operation = must(output.columns.at(-2));
    const number = must(output.columns.at(-1));
    for (let j = 0; j < n; j++) {
      operation.data[j] = this.#operations[j] as number;
      number.data[j] = ++this.#number;
    }
    output.length = n;
    emit(output);
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + (this.#keys?.bytes() ?? 0) + this.#touched.bytes();
  }
}
