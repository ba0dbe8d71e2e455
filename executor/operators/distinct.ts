/**
 * DISTINCT: each row once while its multiplicity is above zero.
 *
 * State: a count per different row (NULLs equal). At the end of a tick, rows whose count went from or to zero are
 * emitted. Where the input is append-only a row that is there stays: no counts, and new rows go out at once.
 * With a bound, rows whose column has passed are forgotten without output.
 * Of rows that are equal but not the same (1.0 and 1.00) the first stands for all.
 */
import type { PhysicalDistinct } from '../../planner/plan/physical.ts';
import { KeyCounts } from '../../storage/state/keyCounts.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import { KeyTable } from '../../storage/state/keyTable.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import type { Batch } from '../batch.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { keyCleaner, type StateCleaner } from './stateCleaner.ts';

/** The operator of a DISTINCT node. */
export function createDistinct(node: PhysicalDistinct, context: TickContext): Operator {
  const types = node.input.schema.map((column) => column.type);
  const cleaner = (table: KeyTable): StateCleaner | null =>
    node.clean === undefined ? null : keyCleaner(node.clean.term, context, table, node.clean.column);
  if (node.input.appendOnly) {
    const table = new KeyTable(types);
    return new AppendOnlyDistinct(table, cleaner(table));
  }
  const counts = new KeyCounts(types);
  return new Distinct(counts, cleaner(counts.table));
}

class Distinct implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #rows: KeyCounts;
  readonly #output: SlotEmitter;
  readonly #cleaner: StateCleaner | null;

  constructor(rows: KeyCounts, cleaner: StateCleaner | null) {
    this.#rows = rows;
    this.#cleaner = cleaner;
    if (cleaner !== null) this.isDue = () => cleaner.isDue();
    this.#output = new SlotEmitter(rows.table.store);
  }

  push(_port: number, batch: Batch): void {
    this.#rows.add(batch.columns, batch.length, batch.weights);
  }

  flush(emit: Emit): void {
    const { touched, counts } = this.#rows;
    for (let t = 0; t < touched.length; t++) {
      const slot = touched.slots[t] as number;
      const change = (counts.get(slot) > 0 ? 1 : 0) - ((touched.before[t] as number) > 0 ? 1 : 0);
      if (change !== 0) this.#output.add(slot, change, emit);
    }
    this.#output.finish(emit);
    this.#rows.settle();
    this.#cleaner?.clean();
  }

  get persistent(): Persistent {
    return this.#rows;
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes();
  }
}

class AppendOnlyDistinct implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #rows: KeyTable;
  readonly #cleaner: StateCleaner | null;
  readonly #output: SlotEmitter;
  readonly #slots = new Scratch();
  readonly #created = new Scratch();

  constructor(rows: KeyTable, cleaner: StateCleaner | null) {
    this.#rows = rows;
    this.#cleaner = cleaner;
    if (cleaner !== null) this.isDue = () => cleaner.isDue();
    this.#output = new SlotEmitter(rows.store);
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    const n = batch.length;
    const created = this.#created.ints(n);
    const made = this.#rows.upsert(batch.columns, n, this.#slots.ints(n), created);
    for (let k = 0; k < made; k++) this.#output.add(created[k] as number, 1, emit);
    this.#output.finish(emit);
  }

  flush(): void {
    this.#cleaner?.clean();
  }

  get persistent(): Persistent {
    return this.#rows;
  }

  stateRows(): number {
    return this.#rows.rows();
  }

  stateBytes(): number {
    return this.#rows.bytes();
  }
}
