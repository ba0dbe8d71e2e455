/**
 * A statement that is carried out in slices between ticks, by whoever waits for it or in the background.
 *
 * In the background the statement is journalled as pending before it is acknowledged; the record of what it has made, or of its
 * failure, says that it is not pending any more. A restart begins again with what is pending (`resumeJobs`).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { Database, DdlOrigin } from '../database.ts';
import type { StatementContext } from '../statements/statement.ts';
import type { Job } from './jobs.ts';

/** Others wait no longer than about this for their turn; after a longer one, what its rows lead to included, slices are made smaller. */
const SLICE_US = 3000n;
const LONG_SLICE_US = 6000n;
const LEAST_SLICE_ROWS = 2048;
const FIRST_SLICE_ROWS = 4096;
const MOST_SLICE_ROWS = 1 << 16;
/** When it has read so many times what was there at first, its inputs grow faster than it reads: the rest comes in one go. */
const PATIENCE = 3;

/** What is done in slices. Every call is inside `exclusive`. */
export interface SlicedWork {
  /** Before each slice. True: it is done already. */
  begin(): boolean;
  /** A part of a slice: gives its number of rows, or null when there is nothing left to be read. */
  read(): number | null;
  /** The end of a slice. */
  settle(): void;
  /** Everything has been read: makes the object, and journals it. */
  finish(): void;
  /** Takes everything back, unless it is finished. */
  abandon(): void;
}

export class SlicedJob {
  readonly job: Job;
  readonly #database: Database;
  readonly #work: SlicedWork;
  #sliceRows = FIRST_SLICE_ROWS;

  /** Takes the work back when the statement cannot be kept. Only inside `exclusive`. */
  constructor(
    context: Pick<StatementContext, 'database' | 'settings'>,
    statement: { readonly origin: DdlOrigin; readonly name: string | null; readonly background: boolean },
    work: SlicedWork,
  ) {
    const { database, settings } = context;
    const { jobs } = database;
    const { origin, name, background } = statement;
    this.#database = database;
    this.#work = work;
    this.job = jobs.start({
      statement: origin.sql,
      now: database.clock(),
      background,
      owner: settings,
      name,
      id: jobs.resuming ?? undefined,
    });
    if (!background) return;
    try {
      if (jobs.resuming === null) database.journal?.appendJob(this.job.id, origin, database.clock());
      jobs.pending.set(this.job.id, origin);
    } catch (error) {
      work.abandon();
      jobs.end(this.job);
      throw error;
    }
  }

  /** To its end. Throws what kept it from being done. `check` may throw to have it cancelled. */
  async run(check: () => void): Promise<void> {
    try {
      while (!(await this.#database.exclusive(() => this.#slice(check)))) await nextTurn();
      this.#database.jobs.end(this.job);
    } catch (error) {
      if (this.#database.jobs.stopped) throw error;
      await this.#database.exclusive(() => this.#giveUp(error));
      throw error;
    }
  }

  /** Without anybody who waits for it. */
  async runAlone(): Promise<void> {
    try {
      await this.run(() => {});
    } catch (error) {
      if (!(error instanceof SqlError)) this.#database.jobs.onInternalError(error);
    }
  }

  /** True: it is done. */
  #slice(check: () => void): boolean {
    const { jobs, environment } = this.#database;
    if (jobs.stopped) throw new SqlError('57P01', 'terminating connection due to administrator command');
    check();
    this.job.check();
    const work = this.#work;
    if (work.begin()) return true;
    const { serverClock } = environment;
    const started = serverClock.system();
    const hurried = this.job.done > PATIENCE * this.job.total + jobs.inOneGo;
    let rows = 0;
    let complete = false;
    for (;;) {
      const read = work.read();
      if (read === null) {
        complete = true;
        break;
      }
      rows += read;
      if (!hurried && (rows >= this.#sliceRows || serverClock.system() - started >= SLICE_US)) break;
    }
    work.settle();
    this.job.done += rows;
    const took = serverClock.system() - started;
    if (took > LONG_SLICE_US) this.#sliceRows = Math.max(LEAST_SLICE_ROWS, this.#sliceRows >> 1);
    else if (took < SLICE_US) this.#sliceRows = Math.min(MOST_SLICE_ROWS, this.#sliceRows << 1);
    if (complete) work.finish();
    return complete;
  }

  #giveUp(error: unknown): void {
    const { jobs, journal } = this.#database;
    this.#work.abandon();
    if (this.job.background) {
      try {
        journal?.appendJob(this.job.id, null, this.#database.clock());
      } catch (failure) {
        // It is begun again with the next start then, and fails again.
        if (!(failure instanceof SqlError)) throw failure;
      }
    }
    const message = error instanceof Error ? error.message : String(error);
    jobs.end(
      this.job,
      error instanceof SqlError ? error : new SqlError('XX000', `internal error: ${message}`),
    );
  }
}

/** Waits for it, or does not. */
export async function carryOut(job: SlicedJob, context: StatementContext): Promise<void> {
  if (job.job.background) void job.runAlone();
  else await job.run(() => context.checkCancelled());
}

/** After a restart: begins the statements again that were acknowledged and not carried out. */
export async function resumeJobs(
  database: Database,
  runDdl: (statement: DdlOrigin & { readonly id: null }) => Promise<void>,
): Promise<void> {
  const { jobs } = database;
  for (const [id, origin] of [...jobs.pending]) {
    jobs.resuming = id;
    try {
      await runDdl({ ...origin, id: null });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (jobs.find(id) !== null) continue;
      const job = jobs.start({
        statement: origin.sql,
        now: database.clock(),
        background: true,
        owner: null,
        name: null,
        id,
      });
      await database.exclusive(() => database.journal?.appendJob(id, null, database.clock()));
      jobs.end(job, error);
    } finally {
      jobs.resuming = null;
    }
    // It was built in one go.
    if (jobs.find(id) === null) jobs.pending.delete(id);
  }
}
