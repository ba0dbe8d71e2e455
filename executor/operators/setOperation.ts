/**
 * INTERSECT and EXCEPT, with and without ALL.
 *
 * State: per different row (NULLs equal) its multiplicity on the left and on the right. The result's multiplicity is a
 * function of the two; at the end of a tick the rows for which it changed are emitted. With a bound, rows whose column has
 * passed are forgotten without output.
 */
import type { PhysicalSetOperation } from '../../planner/plan/physical.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { TouchedSlots } from '../../storage/state/touchedSlots.ts';
import type { Batch } from '../batch.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';

type Multiplicity = (left: number, right: number) => number;

function multiplicity(node: PhysicalSetOperation): Multiplicity {
  if (node.operator === 'intersect') {
    return node.all
      ? (left, right) => Math.max(0, Math.min(left, right))
      : (left, right) => (left > 0 && right > 0 ? 1 : 0);
  }
  return node.all
    ? (left, right) => Math.max(0, Math.max(0, left) - Math.max(0, right))
    : (left, right) => (left > 0 && right <= 0 ? 1 : 0);
}

export class SetOperationOperator implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #cleaner: StateCleaner | null = null;
  readonly #result: Multiplicity;
  readonly #rows: KeyTable;
  readonly #counts: readonly [Int32Blocks, Int32Blocks];
  readonly #touched: TouchedSlots;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();

  constructor(node: PhysicalSetOperation, context: TickContext) {
    this.#result = multiplicity(node);
    this.#rows = new KeyTable(node.left.schema.map((column) => column.type));
    const { store } = this.#rows;
    this.#counts = [store.addInt32(), store.addInt32()];
    this.#touched = new TouchedSlots(store);
    this.#output = new SlotEmitter(store);
    if (node.clean === undefined) return;
    const cleaner = keyCleaner(node.clean.term, context, this.#rows, node.clean.column);
    this.#cleaner = cleaner;
    this.isDue = () => cleaner.isDue();
  }

  push(port: number, batch: Batch): void {
    const n = batch.length;
    const [left, right] = this.#counts;
    const counts = port === 0 ? left : right;
    const slots = this.#slots.ints(n);
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, slots, created);
    for (let k = 0; k < made; k++) {
      left.set(created[k] as number, 0);
      right.set(created[k] as number, 0);
    }
    for (let i = 0; i < n; i++) {
      const slot = slots[i] as number;
      this.#touched.touch(slot, this.#result(left.get(slot), right.get(slot)));
      counts.set(slot, counts.get(slot) + (batch.weights[i] as number));
    }
  }

  flush(emit: Emit): void {
    const [left, right] = this.#counts;
    const touched = this.#touched;
    const gone: number[] = [];
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      const inLeft = left.get(slot);
      const inRight = right.get(slot);
      const change = this.#result(inLeft, inRight) - (touched.before[t] as number);
      if (change !== 0) this.#output.add(slot, change, emit);
      if (inLeft === 0 && inRight === 0) gone.push(slot);
    }
    this.#output.finish(emit);
    touched.reset();
    for (const slot of gone) this.#rows.remove(slot);
    this.#cleaner?.clean();
  }

  get persistent(): Persistent {
    return this.#rows;
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes() + this.#touched.bytes();
  }
}
