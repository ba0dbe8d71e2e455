/**
 * Takes checkpoints. One begins between two ticks, in the exclusive section: everything is frozen there, which copies nothing
 * but small values. Then blocks are copied a few at a time, between ticks, and handed to the writer's thread; ticks that change
 * a frozen block copy it first. When all is on disk, the journal's records that it covers go.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { STATE_FORMAT, VIEW_FORMAT } from '../../storage/checkpoint/checkpointFile.ts';
import type { CheckpointOutput, CheckpointPlace } from '../../storage/checkpoint/checkpointPlace.ts';
import { Snapshot } from '../../storage/checkpoint/snapshot.ts';
import type { Database } from '../database.ts';
import { contents } from './contents.ts';
import { definitions } from './definitions.ts';
import type { CheckpointDescription } from './description.ts';

/** How blocks are copied while others have their turns. */
export interface CheckpointPace {
  /** Copied in one go. */
  readonly stepBytes: number;
  /** Resolves when others have had their turn. */
  readonly turn: () => Promise<unknown>;
}

/** 256 KiB take about 50 microseconds. */
const usualPace: CheckpointPace = { stepBytes: 1 << 18, turn: nextTurn };
/** Handed to the writer and not yet taken, at most. */
const OUTSTANDING_BYTES = 8 << 20;

/** How a checkpoint went. */
export interface CheckpointReport {
  readonly number: number;
  /** Microseconds. */
  readonly startedAt: bigint;
  /** How long ticks stood still for it. */
  readonly frozenMicros: number;
  readonly micros: number;
  readonly blocks: number;
  readonly bytes: number;
  /** Blocks that the state consists of. */
  readonly totalBlocks: number;
  readonly journalSeq: number;
  readonly version: bigint;
  readonly error: SqlError | null;
}

/** What a restart found, for numbers that go on. */
export interface CheckpointPosition {
  readonly number: number;
  readonly journalSeq: number;
  readonly lastBlockId: number;
  readonly blockIds: ReadonlySet<number>;
  readonly images: ReadonlyMap<string, Uint8Array>;
}

export class Checkpointer {
  readonly #database: Database;
  readonly #place: CheckpointPlace;
  readonly #pace: CheckpointPace;
  /** Made for the first checkpoint. */
  #output: CheckpointOutput | null = null;
  /** Newest last; a few are kept for the catalog. */
  readonly reports: CheckpointReport[] = [];
  /** How many there were since the start. */
  done = 0;
  failed = 0;
  #number: number;
  #journalSeq: number;
  #lastBlockId: number;
  #blockIds: ReadonlySet<number>;
  #images: ReadonlyMap<string, Uint8Array>;
  #running: Promise<CheckpointReport> | null = null;

  constructor(database: Database, place: CheckpointPlace, position: CheckpointPosition, pace = usualPace) {
    this.#database = database;
    this.#place = place;
    this.#pace = pace;
    this.#number = position.number;
    this.#journalSeq = position.journalSeq;
    this.#lastBlockId = position.lastBlockId;
    this.#blockIds = position.blockIds;
    this.#images = position.images;
  }

  get #writer(): CheckpointOutput {
    this.#output ??= this.#place.writer();
    return this.#output;
  }

  /** Something has happened since the newest one. */
  isBehind(): boolean {
    return (this.#database.journal?.lastSeq ?? 0) > this.#journalSeq;
  }

  /** Takes one, after the running one if there is one. Throws what kept it from being written. */
  async checkpoint(): Promise<CheckpointReport> {
    while (this.#running !== null) await this.#running;
    this.#running = this.#take();
    try {
      const report = await this.#running;
      if (report.error !== null) throw report.error;
      return report;
    } finally {
      this.#running = null;
    }
  }

  async #take(): Promise<CheckpointReport> {
    // What met damage may have done half of a change: the checkpoint there is, and the journal, make it whole again.
    const damage = this.#database.memory?.damage ?? null;
    if (damage !== null) throw damage;
    const { serverClock } = this.#database.environment;
    const started = serverClock.system();
    let frozenMicros = 0;
    const { snapshot, description } = await this.#database.exclusive(() => {
      const before = serverClock.system();
      const frozen = this.#freeze();
      frozenMicros = Number(serverClock.system() - before);
      return frozen;
    });
    let error: SqlError | null = null;
    const { journal } = this.#database;
    try {
      journal?.setCalm(false);
      await this.#write(snapshot, description);
      snapshot.settle();
      this.#journalSeq = description.journalSeq;
      journal?.truncateThrough(description.journalSeq);
    } catch (thrown) {
      if (!(thrown instanceof SqlError)) throw thrown;
      error = thrown;
      snapshot.abandon();
      this.#writer.abandon();
      // The next one has a writer of its own: this one may be gone for good.
      await this.#output?.close();
      this.#output = null;
    } finally {
      journal?.setCalm(true);
    }
    const report: CheckpointReport = {
      number: description.number,
      startedAt: started,
      frozenMicros,
      micros: Number(serverClock.system() - started),
      blocks: snapshot.blocks,
      bytes: snapshot.bytes,
      totalBlocks: snapshot.liveIds.size,
      journalSeq: description.journalSeq,
      version: BigInt(description.version),
      error,
    };
    if (error === null) this.done++;
    else this.failed++;
    this.reports.push(report);
    if (this.reports.length > 32) this.reports.shift();
    return report;
  }

  #freeze(): { readonly snapshot: Snapshot; readonly description: CheckpointDescription } {
    const database = this.#database;
    const { serverClock } = database.environment;
    // What the checkpoint covers need not be on disk in the journal too: nobody waits for the disk here.
    database.journal?.flushSoon();
    this.#writer.begin();
    const snapshot = new Snapshot(
      () => ++this.#lastBlockId,
      (id, bytes) => this.#writer.block(id, bytes),
      (bytes) => this.#writer.room(bytes),
    );
    for (const { name, state } of contents(database)) snapshot.add(name, state);
    this.#number++;
    const description: CheckpointDescription = {
      format: STATE_FORMAT,
      viewFormat: VIEW_FORMAT,
      number: this.#number,
      journalSeq: database.journal?.lastSeq ?? 0,
      version: String(database.version),
      now: String(database.watermarks.now()),
      takenAt: String(database.clock()),
      virtualClock: serverClock.virtual ? String(serverClock.now()) : null,
      lastBlock: this.#lastBlockId,
      nextId: database.catalog.nextId,
      definitions: [...definitions(database)],
      secret: Buffer.from(database.random.secret).toString('hex'),
      blocks: snapshot.liveIds.size,
      images: snapshot.images.size,
    };
    return { snapshot, description };
  }

  async #write(snapshot: Snapshot, description: CheckpointDescription): Promise<void> {
    while (!snapshot.step(this.#pace.stepBytes)) {
      if (this.#writer.failure !== null) throw this.#writer.failure;
      if (this.#writer.outstanding > OUTSTANDING_BYTES) await this.#writer.drained(OUTSTANDING_BYTES / 2);
      await this.#pace.turn();
    }
    const { images, liveIds } = snapshot;
    const changed = new Map([...images].filter(([name, bytes]) => !sameBytes(this.#images.get(name), bytes)));
    await this.#writer.commit({
      description: JSON.stringify(description),
      images: changed,
      droppedImages: [...this.#images.keys()].filter((name) => !images.has(name)),
      droppedBlocks: [...this.#blockIds].filter((id) => !liveIds.has(id)),
    });
    this.#blockIds = liveIds;
    this.#images = images;
  }

  async close(): Promise<void> {
    if (this.#running !== null) await this.#running;
    await this.#output?.close();
    this.#output = null;
  }
}

function sameBytes(a: Uint8Array | undefined, b: Buffer): boolean {
  return a !== undefined && b.equals(a);
}
