/**
 * A source at run time: its reader, position and counters. The reader starts when the first consumer comes. A later
 * consumer is first given everything up to the position (`replay`, by reading again from the start), then the live rows.
 */
import { SqlError } from '../common/sqlError.ts';
import type { Row } from '../common/value.ts';
import type {
  BadRecord,
  FieldDrift,
  Position,
  RawRecord,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector/connector.ts';
import type { ReplayStart } from './backfill/replayFrom.ts';
import type { DriftEntry } from './deadLetters/drift.ts';
import { defaultLetterPolicy, type LetterPolicy } from './deadLetters/policy.ts';
import { type BadRecordEntry, BadRecords } from './errorLog.ts';
import { failurePause, readerError, type SourcePause } from './sourcePause.ts';
import type { RequestValidation } from './webhook/validation.ts';

const REPLAY_ROWS = 4096;
/** A server that has taken connections for so long is well, also when it brings nothing. */
const STEADY_MICROS = 10_000_000n;

/** How far a source is, for checkpoints. */
export interface SourceRuntimeState {
  readonly position: Position | null;
  readonly rowsRead: bigint;
  readonly badTotal: bigint;
  readonly bad: readonly BadRecordEntry[];
  /** Absent: none were counted. */
  readonly bytesRead?: bigint;
  /** Fields that were made NULL; absent in old checkpoints. */
  readonly nulledTotal?: bigint;
  readonly drift?: readonly DriftEntry[];
  /** Since when a user has it paused; absent: not. */
  readonly pausedAt?: bigint | null;
}

function samePosition(a: Position, b: Position): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => {
      const [x, y] = [a[key], b[key]];
      return typeof x === 'object' && typeof y === 'object' ? samePosition(x, y) : x === y;
    })
  );
}

export class SourceRuntime {
  readonly connector: SourceConnector;
  config: SourceConfig;
  readonly bad = new BadRecords();
  /** What becomes of records that cannot be used. */
  letters: LetterPolicy = defaultLetterPolicy;
  /** Which requests a webhook takes; null: its options alone say so. */
  validation: RequestValidation | null = null;
  /** Requests that were refused because of who sent them, since the server has started. */
  refusedRequests = 0n;
  rowsRead = 0n;
  /** Of messages of a remote source, as they came. */
  bytesRead = 0n;
  position: Position | null = null;
  /** Ids of objects that read this source. */
  readonly consumers = new Set<number>();
  /** Why it is not read, else null. */
  paused: SourcePause | null = null;
  /** Failures in a row. */
  #tries = 0;
  #reader: SourceReader | null = null;
  /** Since when the reader is connected; null: it is not. */
  #connectedAt: bigint | null = null;
  /** Reads again what the journal says was read. */
  #replayReader: SourceReader | null = null;

  /** Rows a second at most; null: no limit. 0: none. */
  limit: number | null = null;
  /** Rows that the limit allows at `#allowedAt`. */
  #allowance = 0;
  #allowedAt: bigint | null = null;

  constructor(connector: SourceConnector, config: SourceConfig) {
    this.connector = connector;
    this.config = config;
  }

  /** Why it cannot be read; null: it can, or is not wanted to be. */
  get failure(): SqlError | null {
    return this.paused?.error ?? null;
  }

  get active(): boolean {
    return this.consumers.size > 0 && this.paused === null;
  }

  /** By a user; it stays so over restarts. */
  pause(at: bigint): void {
    if (this.paused?.cause !== 'changed') this.paused = { cause: 'user', error: null, at, retryAt: null };
    this.close();
  }

  /** Reads on. 55000 when it has not what had been read of it. */
  resume(name: string): void {
    if (this.paused?.cause === 'changed') {
      throw new SqlError('55000', `source "${name}" cannot be resumed`, {
        detail: this.paused.error?.detail ?? '',
        hint: 'Put its input back as it was and start the server again, or drop the source and create it anew.',
      });
    }
    this.paused = null;
    this.#tries = 0;
    this.bad.forgive(this.config.clock());
    this.close();
  }

  /** It is not read until a user resumes it. */
  stop(error: SqlError): void {
    this.paused = { cause: 'failure', error, at: this.config.clock(), retryAt: null };
    this.close();
  }

  /** How far it is, and how to be there again: as if what has been polled since had not been. */
  mark(): () => void {
    const { position, rowsRead, bytesRead, bad } = this;
    const { total, nulled } = bad;
    const drift = bad.drift.entries();
    return () => {
      this.close();
      this.position = position;
      this.rowsRead = rowsRead;
      this.bytesRead = bytesRead;
      bad.restore(bad.entries(), total, nulled);
      bad.drift.restore(drift);
    };
  }

  #fail(error: unknown): void {
    const now = this.config.clock();
    const since = this.paused?.at ?? now;
    this.paused = failurePause(readerError(error, this.connector.name), now, since, ++this.#tries);
    this.close();
  }

  #failAs(error: SqlError): SqlError {
    this.paused = { cause: 'changed', error, at: this.config.clock(), retryAt: null };
    return error;
  }

  /** Reads on with other options, from where it is. Throws when they are bad, and goes on as before. */
  reconfigure(config: SourceConfig): void {
    this.connector.open(config, null).close();
    this.config = config;
    this.close();
    this.#forgive();
  }

  /**
   * Reads on with other columns, from where it is. What has been read and not taken is read again, or comes as `complete` makes
   * its rows (null: it does not know how).
   */
  changeColumns({ columns, included }: SourceConfig, complete: ((row: Row) => Row) | null): void {
    this.config = { ...this.config, columns, ...(included === undefined ? {} : { included }) };
    if (this.#reader?.changeColumns?.(this.config, complete) !== true) this.close();
    this.#forgive();
  }

  /** What has failed is tried again: it may not fail any more. */
  #forgive(): void {
    if (this.paused?.cause !== 'failure') return;
    this.paused = null;
    this.#tries = 0;
  }

  /** Rows that the limit allows now: those of one second can be saved up. */
  #allowed(): number {
    if (this.limit === null) {
      // A limit that comes later begins anew: what was read without one does not count.
      this.#allowance = 0;
      this.#allowedAt = null;
      return Number.MAX_SAFE_INTEGER;
    }
    const now = this.config.clock();
    const passed = this.#allowedAt === null ? 1e6 : Number(now - this.#allowedAt);
    this.#allowance = Math.min(this.limit, this.#allowance + (Math.max(0, passed) / 1e6) * this.limit);
    this.#allowedAt = now;
    return Math.floor(this.#allowance);
  }

  /** Rows that are there now, at most `maxRows`; null when there are none. A failure stops the source, not the server. */
  poll(maxRows: number): SourceRows | null {
    if (this.consumers.size === 0 || !this.#mayRead()) return null;
    const allowed = this.#allowed();
    if (allowed < 1) return null;
    try {
      this.#reader ??= this.connector.open(this.config, this.position);
      const read = this.#reader.poll(Math.min(maxRows, allowed), null);
      this.#noteContact(this.#reader, read);
      if (read === null) return null;
      const rows = read.block?.rows ?? read.rows.length;
      this.position = read.position;
      this.rowsRead += BigInt(rows);
      this.bytesRead += BigInt(read.messageBytes ?? 0);
      if (this.limit !== null) this.#allowance -= rows + read.bad.length;
      this.#note(read);
      return read;
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  /** A server that takes connections and then gives nothing is still failing: the next try comes later than the last. */
  #noteContact(reader: SourceReader, read: SourceRows | null): void {
    if (reader.connected === false) return;
    this.paused = null;
    const now = this.config.clock();
    this.#connectedAt ??= now;
    const brought = read !== null && (read.bad.length > 0 || (read.block?.rows ?? read.rows.length) > 0);
    if (reader.connected === undefined || brought || now - this.#connectedAt >= STEADY_MICROS)
      this.#tries = 0;
  }

  #note({ bad, drift = [] }: Pick<SourceRows, 'bad' | 'drift'>): void {
    if (bad.length > 0) this.bad.add(bad, this.config.clock());
    if (drift.length > 0) this.bad.drift.add(drift, this.config.clock());
  }

  /** It is not paused, or is to be tried again. */
  #mayRead(): boolean {
    if (this.paused === null) return true;
    const { retryAt } = this.paused;
    return retryAt !== null && this.config.clock() >= retryAt;
  }

  /**
   * In a restart: the `count` rows up to `until`, as one poll gave them. XX001 when the source does not have them any more: it is
   * not read then.
   */
  pollAgain(until: Position, count: number): SourceRows {
    const rows: Row[] = [];
    const partitions: string[] = [];
    const bad: BadRecord[] = [];
    const drift: FieldDrift[] = [];
    const parts: { readonly first: number; readonly recordOf: SourceRows['recordOf'] }[] = [];
    try {
      this.#replayReader ??= this.connector.open(this.config, this.position);
      const atOnce = Math.max(count, REPLAY_ROWS);
      let read = this.#replayReader.poll(atOnce, until);
      for (; read !== null; read = this.#replayReader.poll(atOnce, until)) {
        parts.push({ first: rows.length, recordOf: read.recordOf });
        for (const row of read.rows) rows.push(row);
        if (read.partitions) for (const partition of read.partitions) partitions.push(partition);
        for (const record of read.bad) bad.push(record);
        if (read.drift) drift.push(...read.drift);
      }
    } catch (error) {
      throw this.#failAs(this.#changed(error instanceof Error ? error.message : String(error)));
    }
    if (rows.length !== count) {
      throw this.#failAs(
        this.#changed(`${count} rows had come up to ${JSON.stringify(until)}, now there are ${rows.length}.`),
      );
    }
    this.position = until;
    this.rowsRead += BigInt(count);
    this.#note({ bad, drift });
    const recordOf = (row: number): RawRecord | null => {
      const part = parts.findLast(({ first }) => first <= row);
      return part?.recordOf?.(row - part.first) ?? null;
    };
    return { rows, partitions: partitions.length > 0 ? partitions : null, bad, recordOf, position: until };
  }

  #changed(detail: string): SqlError {
    return new SqlError('XX001', `the ${this.connector.name} source has not what had been read of it`, {
      detail,
      hint: 'Put its input back as it was and start the server again, or drop the source and create it anew.',
    });
  }

  /** The journal has been gone through: live reading goes on from the position. */
  endReplay(): void {
    this.#replayReader?.close();
    this.#replayReader = null;
  }

  /** Microseconds of the wall clock at which to poll again; null when there will never be more. */
  nextPollMicros(): bigint | null {
    if (this.consumers.size === 0 || this.limit === 0) return null;
    if (this.#reader !== null && this.#reader.connected === false) return this.#reader.nextPollMicros();
    if (this.paused !== null) return this.paused.retryAt;
    if (this.limit !== null && this.#allowance < 1) return this.config.clock() + 1000n;
    return this.#reader === null ? 0n : this.#reader.nextPollMicros();
  }

  /** What a new view is given before the live rows: everything up to the position of the live reader. */
  *replay(start: ReplayStart | null = null): Generator<SourceRows> {
    if (this.position !== null) yield* this.#readTo(this.position, false, start);
  }

  /**
   * Everything up to the position of the live reader, which may move on between two batches; `atEnd` is called when there is
   * no more up to where it is then.
   */
  *catchUp(maxRows: number, start: ReplayStart | null, atEnd: () => void): Generator<SourceRows> {
    const reader = this.#open();
    try {
      if (start !== null && this.position !== null) yield* this.#readBefore(reader, start, maxRows);
      while (this.position !== null) {
        const read = this.#pollFrom(reader, maxRows, this.position);
        if (read === null) break;
        if (read.rows.length > 0) yield read;
      }
    } finally {
      reader.close();
    }
    atEnd();
  }

  /** Somebody has read it, or does. Otherwise an ad-hoc read sees all rows that are there. */
  get read(): boolean {
    return this.position !== null || this.consumers.size > 0;
  }

  /** All rows that are there now (0A000 for a source without end). */
  *present(): Generator<SourceRows> {
    const end = this.connector.currentEnd(this.config);
    if (end === null) {
      throw new SqlError(
        '0A000',
        `reading an unbounded ${this.connector.name} source that no view uses is not supported`,
        {
          hint: 'Create a materialized view on the source; afterwards SELECT reads the rows that its views have seen.',
        },
      );
    }
    yield* this.#readTo(end, false);
  }

  /** After a restart: reads from the start to `position`, which becomes the live position. */
  *restore(position: Position): Generator<SourceRows> {
    yield* this.#readTo(position, true);
    this.position = position;
  }

  /** A reader of its own, from the start. */
  #open(): SourceReader {
    return this.#named(() => this.connector.open(this.config, null));
  }

  #pollFrom(reader: SourceReader, maxRows: number, until: Position): SourceRows | null {
    return this.#named(() => reader.poll(maxRows, until));
  }

  #named<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw readerError(error, this.connector.name);
    }
  }

  /** What comes before a position, which the live reader must have reached. */
  *#readBefore(
    reader: SourceReader,
    { position, begin }: ReplayStart,
    maxRows: number,
  ): Generator<SourceRows> {
    let rows = 0n;
    let reached: Position | null = null;
    for (;;) {
      const read = this.#pollFrom(reader, maxRows, position);
      if (read === null) break;
      reached = read.position;
      rows += BigInt(read.rows.length);
      if (rows > this.rowsRead) return;
      if (read.rows.length > 0) yield read;
    }
    // One that never was a position of this source may lie between two records, or beyond the last.
    if (reached !== null && samePosition(reached, position)) begin();
  }

  *#readTo(until: Position, count: boolean, start: ReplayStart | null = null): Generator<SourceRows> {
    const reader = this.#open();
    try {
      if (start !== null) yield* this.#readBefore(reader, start, REPLAY_ROWS);
      for (
        let read = this.#pollFrom(reader, REPLAY_ROWS, until);
        read !== null;
        read = this.#pollFrom(reader, REPLAY_ROWS, until)
      ) {
        if (count) {
          this.rowsRead += BigInt(read.rows.length);
          this.#note(read);
        }
        if (read.rows.length > 0) yield read;
      }
    } finally {
      reader.close();
    }
  }

  state(): SourceRuntimeState {
    const { position, rowsRead, bytesRead, bad, paused } = this;
    const pausedAt = paused?.cause === 'user' ? paused.at : null;
    const [nulledTotal, drift] = [bad.nulled, bad.drift.entries()];
    const badTotal = bad.total;
    return { position, rowsRead, bytesRead, badTotal, bad: bad.entries(), nulledTotal, drift, pausedAt };
  }

  /** Goes on from there; nothing is read again. */
  resumeAt(state: SourceRuntimeState): void {
    const { position, rowsRead, bytesRead = 0n, badTotal, bad } = state;
    const { nulledTotal = 0n, drift = [], pausedAt = null } = state;
    this.close();
    if (pausedAt !== null) this.pause(pausedAt);
    this.position = position;
    this.rowsRead = rowsRead;
    this.bytesRead = bytesRead;
    this.bad.restore(bad, badTotal, nulledTotal);
    this.bad.drift.restore(drift);
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
    this.#connectedAt = null;
  }
}
