/** The key of one join input: hashes of a batch's keys, its chains, and rows with a NULL that can match nothing. */
import { must } from '../../common/assert.ts';
import type { Arrangement } from '../../storage/state/arrangement.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Batch, Vector } from '../batch.ts';

export class JoinKeys {
  readonly columns: readonly number[];
  /** Columns whose NULL matches nothing. */
  readonly #strict: readonly number[];
  readonly #hashes = new Scratch();
  readonly #partners = new Scratch();
  readonly #ownHeads = new Scratch();
  readonly #skipped = new Scratch();

  /** `columns` of the input; nullSafe[k]: NULL equals NULL there. */
  constructor(columns: readonly number[], nullSafe: readonly boolean[]) {
    this.columns = columns;
    this.#strict = columns.filter((_, k) => nullSafe[k] !== true);
  }

  vectors(batch: Batch): readonly Vector[] {
    return this.columns.map((column) => must(batch.columns[column]));
  }

  /** Hashes of the batch's keys, valid until the next call (as all results here). */
  hash(vectors: readonly Vector[], n: number, own: Arrangement): Int32Array {
    const hashes = this.#hashes.ints(n);
    own.index.hash(vectors, n, hashes);
    return hashes;
  }

  /** skipped[i] = 1 where a strict key is NULL; null when there is no such row. */
  skipped(batch: Batch): Uint8Array | null {
    let skipped: Uint8Array | null = null;
    for (const column of this.#strict) {
      const { nulls } = must(batch.columns[column]);
      if (nulls === null) continue;
      skipped ??= this.#skipped.zeroBytes(batch.length);
      for (let i = 0; i < batch.length; i++) skipped[i] = (skipped[i] as number) | (nulls[i] as number);
    }
    return skipped;
  }

  /** Head of each row's chain on the other side, or -1. */
  partners(vectors: readonly Vector[], hashes: Int32Array, n: number, other: Arrangement): Int32Array {
    return find(vectors, hashes, n, other, this.#partners.ints(n));
  }

  /** Head of each row's chain on its own side, or -1. */
  ownHeads(vectors: readonly Vector[], hashes: Int32Array, n: number, own: Arrangement): Int32Array {
    return find(vectors, hashes, n, own, this.#ownHeads.ints(n));
  }
}

function find(
  vectors: readonly Vector[],
  hashes: Int32Array,
  n: number,
  rows: Arrangement,
  heads: Int32Array,
): Int32Array {
  if (rows.rows() === 0) heads.fill(-1, 0, n);
  else rows.index.find(vectors, hashes, n, heads);
  return heads;
}
