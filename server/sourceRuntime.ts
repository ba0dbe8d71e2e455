/**
 * A source at run time: its reader, position and counters. The reader starts when the first consumer comes. A later
 * consumer is first given everything up to the position (`replay`, by reading again from the start), then the live rows.
 */
import type { DataType } from '../common/dataType.ts';
import { SqlError } from '../common/sqlError.ts';
import type {
  Position,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector/connector.ts';
import { type BadRecordEntry, BadRecords } from './errorLog.ts';

const REPLAY_ROWS = 4096;

/** How far a source is, for checkpoints. */
export interface SourceRuntimeState {
  readonly position: Position | null;
  readonly rowsRead: bigint;
  readonly badTotal: bigint;
  readonly bad: readonly BadRecordEntry[];
}

export class SourceRuntime {
  readonly connector: SourceConnector;
  readonly config: SourceConfig;
  readonly types: readonly DataType[];
  readonly bad = new BadRecords();
  rowsRead = 0n;
  position: Position | null = null;
  /** Ids of objects that read this source. */
  readonly consumers = new Set<number>();
  /** Why it is not read, else null. */
  failure: SqlError | null = null;
  #reader: SourceReader | null = null;

  constructor(connector: SourceConnector, config: SourceConfig) {
    this.connector = connector;
    this.config = config;
    this.types = config.columns.map((c) => c.type);
  }

  get active(): boolean {
    return this.consumers.size > 0 && this.failure === null;
  }

  /** Rows that are there now, at most `maxRows`; null when there are none. A failure stops the source, not the server. */
  poll(maxRows: number): SourceRows | null {
    if (!this.active) return null;
    try {
      this.#reader ??= this.connector.open(this.config, this.position);
      const read = this.#reader.poll(maxRows, null);
      if (read === null) return null;
      this.position = read.position;
      this.rowsRead += BigInt(read.rows.length);
      if (read.bad.length > 0) this.bad.add(read.bad, this.config.clock());
      return read;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.failure = error;
      return null;
    }
  }

  /** Microseconds of the wall clock at which to poll again; null when there will never be more. */
  nextPollMicros(): bigint | null {
    if (!this.active) return null;
    return this.#reader === null ? 0n : this.#reader.nextPollMicros();
  }

  /** What a new view is given before the live rows: everything up to the position of the live reader. */
  *replay(): Generator<SourceRows> {
    if (this.position !== null) yield* this.#readTo(this.position, false);
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

  *#readTo(until: Position, count: boolean): Generator<SourceRows> {
    const reader = this.connector.open(this.config, null);
    try {
      for (
        let read = reader.poll(REPLAY_ROWS, until);
        read !== null;
        read = reader.poll(REPLAY_ROWS, until)
      ) {
        if (count) {
          this.rowsRead += BigInt(read.rows.length);
          if (read.bad.length > 0) this.bad.add(read.bad, this.config.clock());
        }
        if (read.rows.length > 0) yield read;
      }
    } finally {
      reader.close();
    }
  }

  state(): SourceRuntimeState {
    const { position, rowsRead, bad } = this;
    return { position, rowsRead, badTotal: bad.total, bad: bad.entries() };
  }

  /** Goes on from there; nothing is read again. */
  resumeAt({ position, rowsRead, badTotal, bad }: SourceRuntimeState): void {
    this.close();
    this.position = position;
    this.rowsRead = rowsRead;
    this.bad.restore(bad, badTotal);
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}
