/**
 * Materialisation: keeps a table's or view's rows in a relation store and passes on the net delta of each tick.
 *
 * The store is what readers, indexes and new views see; it changes only here, and its new version is complete when
 * `flush` returns.
 */
import type { RelationStore } from '../../storage/state/relationStore.ts';
import type { Batch } from '../batch.ts';
import type { Emit, Operator, OutputPort } from './operator.ts';

export class MaterializeOperator implements Operator {
  readonly emitsInitially = false;
  readonly store: RelationStore;
  #output: OutputPort | null = null;

  constructor(store: RelationStore) {
    this.store = store;
  }

  connectOutput(output: OutputPort): void {
    this.#output = output;
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    this.store.apply(batch);
    // Of an append-only relation every delta is a net change.
    if (this.store.appendOnly) emit(batch);
  }

  flush(emit: Emit): void {
    const output = this.#output;
    if (output === null || output.hasConsumers()) this.store.commit(emit);
    else output.countUnread(this.store.commit(null));
  }

  stateRows(): number {
    return this.store.rowCount();
  }

  stateBytes(): number {
    return this.store.bytes();
  }
}
