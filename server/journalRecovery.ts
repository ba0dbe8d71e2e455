/**
 * A restart goes through the journal: every record at its time, on a server clock that stands there, so that each tick is the
 * one that it was. Afterwards the clock is what it last was: the system's, or where a test left it.
 */
import { resumeJobs } from './backfill/slicedJob.ts';
import type { Database } from './database.ts';
import type { Journal } from './journal.ts';
import {
  type ClockRecord,
  type DdlRecord,
  type RecordKind,
  recordOf,
  type TimedRecord,
} from './journalRecords.ts';
import { replayRecord, replayStart } from './journalReplay.ts';
import { jumpClock } from './time/setBack.ts';

/** A clock this far behind the newest record has been set back, and is believed. */
const SET_BACK_MICROS = 1_000_000n;

const SECRET_BYTES = 16;

/**
 * Carries out the records after `after`: those that no checkpoint covers, of which the database has just been restored.
 * `runDdl` executes one statement without journalling it; `onRecord` is told of every record. The journal becomes the database's.
 */
export async function replayJournal(
  database: Database,
  journal: Journal,
  runDdl: (record: DdlRecord) => Promise<void>,
  after = 0,
  onRecord: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { serverClock } = database.environment;
  const secret = journal.secret(() =>
    Buffer.from(database.environment.randomBytes(SECRET_BYTES)).toString('hex'),
  );
  database.random.secret = Buffer.from(secret, 'hex');
  const replay = new Replay(database, journal, runDdl, serverClock.virtual ? serverClock.now() : null);
  if (after === 0) database.watermarks.beginAt(0n);
  try {
    for (const { seq, kind, payload } of journal.read(database, after)) {
      // Parts are read when the record comes that they belong to.
      if (kind !== ('part' satisfies RecordKind)) {
        await replay.record(seq, kind as RecordKind, recordOf(payload));
      }
      await onRecord();
    }
  } finally {
    replay.end();
  }
  database.journal = journal;
  await database.exclusive(() => start(database, journal));
  await resumeJobs(database, runDdl);
}

class Replay {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #runDdl: (record: DdlRecord) => Promise<void>;
  /** Where the server's clock stands; null: it is the system's. */
  #virtual: bigint | null;
  /** Inside a section that was rewritten. */
  #rewritten = false;

  constructor(
    database: Database,
    journal: Journal,
    runDdl: (record: DdlRecord) => Promise<void>,
    virtual: bigint | null,
  ) {
    this.#database = database;
    this.#journal = journal;
    this.#runDdl = runDdl;
    this.#virtual = virtual;
  }

  async record(seq: number, kind: RecordKind, payload: unknown): Promise<void> {
    const database = this.#database;
    if (kind === 'snapshot') this.#rewritten = true;
    const { at } = Array.isArray(payload) ? {} : (payload as Partial<TimedRecord>);
    const now = at === undefined ? database.watermarks.now() : BigInt(at);
    database.recovery = { now, rewritten: this.#rewritten };
    database.environment.serverClock.set(now);
    if (this.#rewritten && now < database.watermarks.now()) database.watermarks.jumpTo(now);
    if (kind === 'ddl') await this.#statement(payload as DdlRecord);
    else {
      await database.exclusive(() => {
        // As when it was written: what rows are made of (proctime(), when they came) is of this tick already.
        database.watermarks.setNow(now);
        replayRecord(database, kind, payload, (parts) => this.#journal.partsBefore(seq, parts));
      });
    }
    if (kind === 'clock') this.#virtual = (payload as ClockRecord).virtual ? now : null;
    if (kind === 'base') this.#rewritten = false;
  }

  /** An object that was made in the background got its id before others that were there first. */
  async #statement(record: DdlRecord): Promise<void> {
    const { catalog, jobs } = this.#database;
    const { nextId } = catalog;
    await this.#runDdl(record);
    if (record.job === undefined) return;
    catalog.reserveIdsThrough(nextId - 1);
    jobs.pending.delete(record.job);
  }

  end(): void {
    const { serverClock } = this.#database.environment;
    this.#database.recovery = null;
    for (const object of this.#database.catalog.objects()) {
      if (object.kind === 'source' || object.kind === 'table') object.source?.endReplay();
    }
    if (this.#virtual === null) serverClock.release();
    else serverClock.set(this.#virtual);
  }
}

/** What the restart itself changes, for the next one. Nothing has happened on a clock that stands. */
function start(database: Database, journal: Journal): void {
  if (database.environment.serverClock.virtual) return;
  const now = database.clock();
  if (now + SET_BACK_MICROS < database.watermarks.now()) {
    jumpClock(database, now);
    journal.noteClock(now, false, true);
  }
  const timed = database.catalog
    .objects()
    .some((o) => (o.kind === 'source' || o.kind === 'table') && o.admission?.eventTime);
  if (!timed) return;
  const at = database.beginTick();
  journal.noteStart(at);
  replayStart(database, { at: String(at) });
}
