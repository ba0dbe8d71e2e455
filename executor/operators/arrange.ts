/**
 * Arrange: keeps the rows of a relation or plan node by one or more keys, for joins to look up, and passes every batch on.
 *
 * A batch is first applied to all arrangements and then, at once, handed to the consumers: a join that is given a batch
 * by this node finds it in the arrangements already, and those of its other inputs as they are at that moment. So each
 * pair of changes is counted once, by whichever of the two comes second (see deltaJoin.ts for what makes it so with
 * several nodes). Rows with a NULL in a key column that is not null-safe match nothing and are not kept.
 * Belongs to no view: a view that fails is cut off from it and leaves it as it is.
 */

import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { SlotEmitter } from '../../storage/state/slotEmitter.ts';
import { BATCH_ROWS, type Batch, type Vector } from '../batch.ts';
import { JoinKeys } from './joinKeys.ts';
import type { Emit, Operator } from './operator.ts';

/** Columns that rows are found by, ascending; nullSafe[k]: rows with NULL there can be found too. */
export interface ArrangeKey {
  readonly columns: readonly number[];
  readonly nullSafe: readonly boolean[];
}

/** True when both find the same rows by the same columns. */
export function sameKey(a: ArrangeKey, b: ArrangeKey): boolean {
  return (
    a.columns.length === b.columns.length &&
    a.columns.every((c, k) => c === b.columns[k] && a.nullSafe[k] === b.nullSafe[k])
  );
}

/** The rows by one key. */
export class KeyedRows {
  readonly key: ArrangeKey;
  readonly rows: Arrangement;
  readonly #keys: JoinKeys;
  /** Of the batch that is being handed to the consumers; else empty. */
  #vectors: readonly Vector[] = [];
  #hashes: Int32Array = new Int32Array(0);

  constructor(types: readonly DataType[], key: ArrangeKey, appendOnly: boolean) {
    this.key = key;
    this.rows = new Arrangement(types, key.columns, { appendOnly, totals: false, degrees: false });
    this.#keys = new JoinKeys(key.columns, key.nullSafe);
  }

  /** The hashes of these keys, when they are those of the batch that is being handed on. */
  hashesOf(vectors: readonly Vector[]): Int32Array | null {
    const own = this.#vectors;
    if (own.length === 0 || own.length !== vectors.length) return null;
    for (let k = 0; k < own.length; k++) if (own[k] !== vectors[k]) return null;
    return this.#hashes;
  }

  /** The batch that was applied last has been handed on. */
  forget(): void {
    this.#vectors = [];
  }

  apply(batch: Batch): void {
    const n = batch.length;
    const { rows } = this;
    const keys = this.#keys;
    const vectors = keys.vectors(batch);
    const hashes = keys.hash(vectors, n, rows);
    const skipped = keys.skipped(batch);
    const heads = keys.ownHeads(vectors, hashes, n, rows);
    rows.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      if (skipped !== null && skipped[i] === 1) continue;
      rows.apply(i, hashes[i] as number, heads[i] as number, batch.weights[i] as number);
    }
    rows.finish();
    this.#vectors = vectors;
    this.#hashes = hashes;
  }
}

export class ArrangeOperator implements Operator {
  readonly emitsInitially = false;
  readonly arrangements: readonly KeyedRows[];
  readonly persistent: Persistent = {
    save: (out) => {
      for (const { rows } of this.arrangements) rows.save(out);
    },
    restore: (from) => {
      for (const { rows } of this.arrangements) rows.restore(from);
    },
  };

  /** `types`: of the columns kept, which are those of the input. */
  constructor(types: readonly DataType[], keys: readonly ArrangeKey[], appendOnly: boolean) {
    this.arrangements = keys.map((key) => new KeyedRows(types, key, appendOnly));
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    for (const arrangement of this.arrangements) arrangement.apply(batch);
    try {
      emit(batch);
    } finally {
      for (const arrangement of this.arrangements) arrangement.forget();
    }
  }

  /** Takes rows without passing them on: what was there before the node was attached. */
  fill(batch: Batch): void {
    for (const arrangement of this.arrangements) {
      arrangement.apply(batch);
      arrangement.forget();
    }
  }

  flush(): void {}

  /** Every row that some key can find. */
  scan(emit: (batch: Batch) => void): void {
    const { rows } = must(this.arrangements[0]);
    const out = new SlotEmitter(rows.store, Math.max(1, Math.min(BATCH_ROWS, rows.rows())));
    for (const slots of rows.slotChunks(BATCH_ROWS)) {
      for (const slot of slots) out.add(slot, rows.weightOf(slot), emit);
    }
    out.finish(emit);
  }

  stateRows(): number {
    return this.arrangements.reduce((sum, { rows }) => sum + rows.rows(), 0);
  }

  stateBytes(): number {
    return this.arrangements.reduce((sum, { rows }) => sum + rows.bytes(), 0);
  }
}
