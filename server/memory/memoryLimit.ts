/**
 * The limit of the memory for state. After each section that may have changed state, and between the batches of long scans, what
 * there is above the limit is sent to disk (storage/state/residency.ts).
 *
 * State is counted anew now and then, for a time that is a small share of all; what comes back from disk is counted at once.
 * A full disk is no reason to stop: then state stays in memory, and that is logged, once.
 */

import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { CheckpointInput } from '../../storage/checkpoint/checkpointPlace.ts';
import { SwapFile } from '../../storage/checkpoint/swapFile.ts';
import type { BlockStore, Persistent } from '../../storage/state/persist.ts';
import { Residency, type Swap } from '../../storage/state/residency.ts';
import type { Database } from '../database.ts';
import { blockState } from './usage.ts';

/** Counting takes at most this share of the time, and is done at most so often. */
const COUNTING_SHARE = 20n;
const MEASURE_MICROS = 200_000n;
/** A checkpoint of more blocks (about 64 MB) is not read when the server starts, but as it is needed. */
const LAZY_BLOCKS = 1024;

export interface MemoryOptions {
  readonly limit: number;
  /** Where the swap file is put. */
  readonly directory: string;
  readonly log: (line: string) => void;
  /** For tests: the least time between two counts, how many blocks are read at the start, which are too small, another file. */
  readonly measureMicros?: bigint;
  readonly lazyBlocks?: number;
  readonly leastBytes?: number;
  readonly swap?: Swap;
}

export class MemoryLimit {
  readonly #database: Database;
  readonly #options: MemoryOptions;
  readonly #swap: Swap;
  readonly residency: Residency;
  #checkpoint: CheckpointInput | null = null;
  #openCheckpoint: (() => CheckpointInput) | null = null;
  #isLazy = false;
  /** The first damage that was met in the checkpoint since the start; null: none. */
  damage: SqlError | null = null;
  /** Told of it. */
  onDamage: (damage: SqlError) => void = () => {};
  #nextMeasure = 0n;
  #isFailing = false;

  constructor(database: Database, options: MemoryOptions) {
    this.#database = database;
    this.#options = options;
    this.#swap = options.swap ?? new SwapFile(options.directory);
    const block = (id: number): Uint8Array<ArrayBuffer> => this.#block(id);
    this.residency = new Residency(options.limit, this.#swap, block, options.leastBytes);
  }

  get limit(): number {
    return this.residency.limit;
  }

  /** Size of the file that state is moved to. */
  get swapBytes(): number {
    return this.#swap.bytes;
  }

  /** Where the newest checkpoint is read, of so many blocks; `suspect`: all of it at the start. */
  readFrom(open: () => CheckpointInput, blocks: number, suspect = false): void {
    this.#checkpoint?.close();
    this.#checkpoint = null;
    this.#openCheckpoint = open;
    this.#isLazy = !suspect && blocks > (this.#options.lazyBlocks ?? LAZY_BLOCKS);
  }

  /** Where a restart leaves the blocks of the checkpoint; null: it reads them all. */
  get away(): BlockStore | null {
    return this.#isLazy ? this.residency : null;
  }

  #block(id: number): Uint8Array<ArrayBuffer> {
    this.#checkpoint ??= must(this.#openCheckpoint)();
    try {
      return this.#checkpoint.block(id);
    } catch (error) {
      if (error instanceof SqlError && error.state === 'XX001' && this.damage === null) {
        this.damage = error;
        this.onDamage(error);
      }
      throw error;
    }
  }

  /** A section that changes state has ended: nothing is half done. */
  afterSection(): void {
    const { serverClock } = this.#database.environment;
    const now = serverClock.system();
    if (now >= this.#nextMeasure) {
      this.residency.measure(blockState(this.#database));
      const took = serverClock.system() - now;
      const pause = took * COUNTING_SHARE;
      const least = this.#options.measureMicros ?? MEASURE_MICROS;
      this.#nextMeasure = now + (pause > least ? pause : least);
    }
    this.relieve();
  }

  /** Makes room, where there has to be. Nobody must be in the middle of writing. */
  relieve(): void {
    const { residency } = this;
    if (residency.resident <= residency.limit) return;
    try {
      residency.relieve();
      this.#isFailing = false;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (!this.#isFailing) this.#options.log(`memory limit exceeded: ${error.message}`);
      this.#isFailing = true;
    }
  }

  /** State that is about to be built, and nowhere else yet. */
  include(built: Iterable<Persistent>): void {
    this.residency.include(built);
  }

  close(): void {
    this.#checkpoint?.close();
    this.#checkpoint = null;
    this.#swap.close();
  }
}
