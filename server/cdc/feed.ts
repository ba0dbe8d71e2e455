/**
 * Follows one PostgreSQL database: opens the stream where the journal says, applies its transactions in order, takes snapshots of
 * tables that have no rows yet, and confirms to the server what is on disk here. Failures that may pass are tried again after a
 * while; others pause the source, and say what to do.
 *
 * Invariant: the server is told of a position only when that position, and everything before it, is in the journal, on disk. So a
 * restart gets every transaction that it has not, and drops those that it has; and a slot that is ahead of the journal means that
 * the journal is an older one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import { formatLsn, parseLsn } from '../../connector/postgresCdc/lsn.ts';
import { checkRoom } from '../../connector/postgresCdc/spill.ts';
import { ReplicationStream } from '../../connector/postgresCdc/stream.ts';
import {
  describeTable,
  publishedTables,
  type SlotStatus,
  shownTable,
  slotStatus,
} from '../../connector/postgresCdc/upstream.ts';
import type { Database } from '../database.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { failurePause } from '../sourcePause.ts';
import { applyTransaction, moveOn, pauseTable, setTableState } from './applier.ts';
import { FollowedTable } from './followedTable.ts';
import type { CdcRuntime } from './runtime.ts';
import { checkNotAhead, checkSlot, losesSlot, remakeSlot } from './slot.ts';
import { TableSnapshot } from './tableSnapshot.ts';
import { tablesOf } from './tables.ts';

/** A section of the database takes no longer than this, if its transactions are small: sessions wait meanwhile. */
const SECTION_US = 5000n;
/** Held changes beyond this: the stream waits for the snapshot. */
const MOST_HELD = 256 << 20;
const REST_MS = 100;
const REPORT_US = 1_000_000n;
const WATCH_US = 5_000_000n;
/** Where the stream is without transactions that concern us goes to the journal this often, unless the server waits for it. */
const NOTE_US = 10_000_000n;

/** What catalogs show of a source. */
export interface FeedFigures {
  lastCommitAt: bigint | null;
  transactions: bigint;
  status: SlotStatus | null;
  statusAt: bigint | null;
}

export class CdcFeed {
  readonly object: SourceObject | TableObject;
  readonly runtime: CdcRuntime;
  readonly #database: Database;
  readonly #log: (line: string) => void;
  /** Where large transactions wait. */
  readonly #spillDirectory: string;
  readonly #tables = new Map<number, FollowedTable>();
  #stopped = false;
  #tries = 0;
  #wakers: (() => void)[] = [];
  stream: ReplicationStream | null = null;
  readonly figures: FeedFigures = { lastCommitAt: null, transactions: 0n, status: null, statusAt: null };
  #snapshot: { readonly task: TableSnapshot; readonly done: Promise<void> } | null = null;
  #watching: Promise<void> | null = null;
  #watchedAt = 0n;
  #reportedAt = 0n;
  #notedAt = 0n;
  /** In the journal, on disk; and what is next to be. */
  #durable = 0n;
  #syncing: CdcRuntime['noted'] = null;
  readonly done: Promise<void>;

  constructor(
    database: Database,
    object: SourceObject | TableObject,
    runtime: CdcRuntime,
    log: (line: string) => void,
    spillDirectory: string,
  ) {
    this.#spillDirectory = spillDirectory;
    this.#database = database;
    this.object = object;
    this.runtime = runtime;
    this.#log = log;
    runtime.wake = () => this.#wake();
    this.done = this.#run();
  }

  /** Ends it; resolves when nothing of it is left. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#snapshot?.task.abort();
    this.#wake();
    return this.done;
  }

  tables(): readonly FollowedTable[] {
    const tables: FollowedTable[] = [];
    for (const { table, runtime } of tablesOf(this.#database, this.object)) {
      let followed = this.#tables.get(table.id);
      if (followed?.table !== table) {
        followed = new FollowedTable(this.#database, table, runtime);
        runtime.restorePause();
        runtime.wake = () => this.#wake();
        this.#tables.set(table.id, followed);
      }
      tables.push(followed);
    }
    return tables;
  }

  #wake(): void {
    for (const waker of this.#wakers.splice(0)) waker();
  }

  async #rest(millis: number): Promise<void> {
    const timer = new AbortController();
    const woken = new Promise<void>((resolve) => this.#wakers.push(resolve));
    await Promise.race([woken, sleep(millis, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  get #now(): bigint {
    return this.#database.environment.serverClock.system();
  }

  get #mayRun(): boolean {
    const { paused } = this.runtime;
    if (paused === null) return true;
    return paused.retryAt !== null && this.runtime.config.clock() >= paused.retryAt;
  }

  // The loop over connections

  async #run(): Promise<void> {
    this.runtime.restorePause();
    while (!this.#stopped) {
      if (!this.#mayRun || this.#database.journal?.ready() === false) {
        await this.#rest(REST_MS);
        continue;
      }
      try {
        await this.#session();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped || this.runtime.paused?.cause === 'user') return;
    const { runtime } = this;
    const failure =
      error instanceof SqlError
        ? error
        : new SqlError('XX000', `internal error: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof SqlError))
      this.#log(`internal error: ${error instanceof Error ? (error.stack ?? '') : ''}`);
    const now = runtime.config.clock();
    runtime.lost = losesSlot(failure);
    const shown = runtime.lost
      ? failure.with({
          hint: 'ALTER SOURCE ... RESUME makes a new slot and compares all rows of the tables.',
        })
      : failure;
    const pause = failurePause(shown, now, runtime.paused?.at ?? now, ++this.#tries);
    runtime.paused = runtime.lost ? { ...pause, retryAt: null } : pause;
    if (this.#tries === 1 || pause.retryAt === null) {
      this.#log(
        `source "${this.object.name}": ${failure.message}${pause.retryAt === null ? '; it is paused' : ''}`,
      );
    }
  }

  /** From one connection to its end. Throws SqlError; returns when it is to stop, to pause or to connect anew. */
  async #session(): Promise<void> {
    const { runtime } = this;
    const { generation } = runtime;
    this.#database.cdc.orphans.keep(runtime.options);
    if (runtime.lsn === null) await this.#begin();
    const from = parseLsn(runtime.lsn ?? '0/0');
    this.#durable = 0n;
    this.#syncing = null;
    runtime.noted = null;
    await this.#checkSlot(from);
    const stream = await ReplicationStream.open(runtime.options, from, () => this.#now, {
      directory: this.#spillDirectory,
      name: `transaction-${this.object.id}-${process.pid}`,
    });
    this.stream = stream;
    stream.onArrival = () => this.#wake();
    const clean = runtime.paused === null;
    try {
      if (!clean) this.#log(`source "${this.object.name}" reads again`);
      runtime.paused = null;
      while (!this.#stopped && runtime.paused === null && runtime.generation === generation) {
        if (stream.failure !== null) throw stream.failure;
        const any = await this.#apply(stream);
        await this.#note(stream);
        this.#report(stream);
        this.#beginSnapshot(stream);
        this.#watch(stream);
        if (any) await sleep(0);
        else await this.#rest(REST_MS);
      }
    } finally {
      this.stream = null;
      this.#snapshot?.task.abort();
      await stream.close();
      await this.#snapshot?.done;
      await this.#watching;
    }
  }

  /** The slot is made anew, or the first time after a crash that came before anything was written. */
  async #begin(): Promise<void> {
    const { runtime } = this;
    const tables = this.tables();
    const connection = await UpstreamConnection.open(runtime.options);
    let lsn: string;
    try {
      lsn = await remakeSlot(
        connection,
        runtime.options,
        tables.flatMap((t) => t.runtime.upstream ?? []),
      );
    } finally {
      await connection.close();
    }
    await this.#database.exclusive(() => {
      for (const table of tables) {
        if (table.runtime.tableState !== 'paused') setTableState(this.#database, table, 'waiting', null);
      }
      this.#database.moveOn();
      moveOn(this.#database, { id: this.object.id, runtime }, runtime.at(lsn), [], 0);
    });
  }

  /** Throws where changes that are not here are not there either. */
  async #checkSlot(from: bigint): Promise<void> {
    const { options } = this.runtime;
    const connection = await UpstreamConnection.open(options);
    const status = await slotStatus(connection, options.slot).finally(() => connection.close());
    checkSlot(status, options);
    checkNotAhead(status, from, options);
  }

  // Transactions

  /** Applies what has come; true when there was anything. */
  async #apply(stream: ReplicationStream): Promise<boolean> {
    const tables = this.tables();
    if (stream.next === null || this.#mustWait(stream, tables)) return false;
    if (this.#database.journal?.ready() === false) return false;
    this.#checkRoom(stream);
    this.#tries = 0;
    await this.#database.exclusive(() => {
      const started = this.#now;
      const source = { id: this.object.id, runtime: this.runtime };
      const followed = this.tables();
      do {
        const { next } = stream;
        if (next === null || this.#stopped || this.runtime.paused !== null) break;
        if (this.#database.catalog.byId(this.object.id) !== this.object) break;
        if (applyTransaction(this.#database, source, followed, next)) this.figures.transactions++;
        this.figures.lastCommitAt = next.commitTime;
        stream.shift();
      } while (this.#now - started < SECTION_US);
    });
    return true;
  }

  /** What a large transaction would write to the journal in vain fills the disk for everybody. */
  #checkRoom({ next }: ReplicationStream): void {
    if (next === null || next.rest === null || this.#database.journal === null) return;
    checkRoom(this.#spillDirectory, next.bytes + next.rest.bytes);
  }

  /** Too much is held, or would be, for a snapshot that has yet to end; it needs what comes before its own position. */
  #mustWait(stream: ReplicationStream, tables: readonly FollowedTable[]): boolean {
    const commitLsn = stream.next?.commitLsn ?? 0n;
    const isLarge = (stream.next?.rest ?? null) !== null;
    return tables.some(({ held }) => {
      if (held === null || (held.bytes < MOST_HELD && !isLarge)) return false;
      return held.consistentPoint === null || commitLsn >= held.consistentPoint;
    });
  }

  /** What other tables' transactions have moved the stream to is remembered now and then. */
  async #note(stream: ReplicationStream): Promise<void> {
    const { runtime } = this;
    const now = this.#now;
    if (stream.next !== null || now - this.#notedAt < (stream.isPressed ? REPORT_US : NOTE_US)) return;
    const { received } = stream;
    if (this.#database.journal?.ready() === false || received <= (runtime.noted?.lsn ?? 0n)) return;
    this.#notedAt = now;
    await this.#database.exclusive(() => {
      if (this.#stopped || this.#database.catalog.byId(this.object.id) !== this.object) return;
      this.#database.moveOn();
      moveOn(this.#database, { id: this.object.id, runtime }, runtime.at(formatLsn(received)), [], 0);
    });
  }

  /** Tells the server what it may forget. */
  #report(stream: ReplicationStream): void {
    const { journal } = this.#database;
    this.#syncing ??= this.runtime.noted;
    if (this.#syncing !== null && (journal === null || journal.syncedSeq >= this.#syncing.seq)) {
      this.#durable = this.#syncing.lsn;
      this.#syncing = null;
    }
    const now = this.#now;
    if (now - this.#reportedAt < REPORT_US) return;
    this.#reportedAt = now;
    this.#checkAlive(stream, now);
    stream.confirm(this.#durable);
    // A dead connection is noticed by the answer that does not come.
    stream.ask();
  }

  #checkAlive(stream: ReplicationStream, now: bigint): void {
    const silent = now - stream.heardAt;
    if (stream.next !== null || silent < BigInt(this.runtime.options.requestMillis) * 1000n) return;
    throw new SqlError('08006', `nothing has come from PostgreSQL for ${silent / 1_000_000n} seconds`);
  }

  // Snapshots

  /** One at a time. */
  #beginSnapshot(stream: ReplicationStream): void {
    if (this.#snapshot !== null) return;
    const now = this.#now;
    const table = this.tables().find((t) => t.needsSnapshot && (t.retryAt === null || t.retryAt <= now));
    if (table === undefined) return;
    const source = { id: this.object.id, runtime: this.runtime };
    const task = new TableSnapshot(this.#database, source, table, {
      hasApplied: (lsn) => stream.received >= lsn && (stream.next === null || stream.next.commitLsn >= lsn),
      ask: () => stream.ask(),
      next: async (millis) => {
        await this.#rest(millis);
        if (stream.failure !== null) throw stream.failure;
      },
    });
    const done = this.#takeSnapshot(table, task).finally(() => {
      this.#snapshot = null;
      this.#wake();
    });
    this.#snapshot = { task, done };
  }

  async #takeSnapshot(table: FollowedTable, task: TableSnapshot): Promise<void> {
    const { upstream } = table.runtime;
    if (upstream === null) return;
    try {
      const connection = await UpstreamConnection.open(this.runtime.options);
      const described = await describeTable(connection, upstream).finally(() => connection.close());
      await task.run(described);
      table.failure = null;
      table.retryAt = null;
      table.tries = 0;
    } catch (error) {
      if (this.#stopped || !table.needsSnapshot || this.stream === null) return;
      if (!(error instanceof SqlError)) {
        this.#fail(error);
        return;
      }
      const now = this.#now;
      const { retryAt } = failurePause(error, now, now, ++table.tries);
      table.failure = error;
      table.retryAt = retryAt;
      if (retryAt === null) await this.#database.exclusive(() => this.#pauseTable(table, error));
    }
  }

  #pauseTable(table: FollowedTable, error: SqlError): void {
    if (this.#database.catalog.byId(table.table.id) !== table.table) return;
    this.#log(`table "${table.table.name}" is paused: ${error.message}`);
    pauseTable(this.#database, table, error);
  }

  // Slot and publication

  #watch(stream: ReplicationStream): void {
    const now = this.#now;
    if (this.#watching !== null || now - this.#watchedAt < WATCH_US) return;
    this.#watchedAt = now;
    this.#watching = this.#look(stream).finally(() => {
      this.#watching = null;
    });
  }

  async #look(stream: ReplicationStream): Promise<void> {
    const { options } = this.runtime;
    try {
      const connection = await UpstreamConnection.open(options);
      try {
        const status = await slotStatus(connection, options.slot);
        const published = await publishedTables(connection, options.publication);
        this.figures.status = status;
        this.figures.statusAt = this.#now;
        if (this.stream !== stream || this.#stopped) return;
        checkSlot(status, options);
        await this.#checkPublished(published);
      } finally {
        await connection.close();
      }
    } catch (error) {
      // What concerns the connection is noticed by the stream.
      if (error instanceof SqlError && error.state === '55000') stream.failure ??= error;
      else if (!(error instanceof SqlError)) this.#fail(error);
    }
  }

  async #checkPublished(published: ReadonlySet<string>): Promise<void> {
    const missing = this.tables().filter(({ runtime, streaming }) => {
      return streaming !== null && runtime.upstream !== null && !published.has(shownTable(runtime.upstream));
    });
    if (missing.length === 0) return;
    await this.#database.exclusive(() => {
      for (const table of missing) {
        if (table.streaming === null || table.runtime.upstream === null) continue;
        const name = shownTable(table.runtime.upstream);
        const error = new SqlError(
          '42P01',
          `table "${name}" is not in publication "${this.runtime.options.publication}" any more`,
          {
            detail: 'It has been dropped, renamed, or taken out of the publication.',
            hint: `Put it back (ALTER PUBLICATION "${this.runtime.options.publication}" ADD TABLE ${name}) and ALTER TABLE ${table.table.name} RESUME, which compares all rows.`,
          },
        );
        this.#pauseTable(table, error);
      }
    });
  }

  get receivedLsn(): string | null {
    return this.stream === null ? null : formatLsn(this.stream.received);
  }

  /** Up to where the server may forget, as text. */
  get confirmedLsn(): string | null {
    return this.stream === null ? null : formatLsn(this.stream.confirmed);
  }
}
