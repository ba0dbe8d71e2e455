/**
 * Views and indexes that are being built: how far they are, and the wish that they stop. A job in the background has been
 * acknowledged before it is done: its statement is kept (journal, checkpoints) until it has made its object or given up, and a
 * restart begins it again.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { DdlOrigin } from '../database.ts';
import { shownSql } from '../secrets/shownSql.ts';

/** Failed background jobs that are still shown. */
const KEPT_FAILURES = 32;

/** Rows that are read in one go: fewer take no longer than a tick or two. */
const IN_ONE_GO = 20_000;
/** Rows of an input that are read at a time: well within a slice. */
const PART_ROWS = 512;

/** What a job is made for. */
export interface JobOptions {
  readonly statement: string;
  /** Microseconds. */
  readonly now: bigint;
  readonly background: boolean;
  /** Whose job it is: who waits for it. */
  readonly owner: object | null;
  /** `schema.name` that it will take. */
  readonly name: string | null;
  /** Of a job that is begun again; else a new number. */
  readonly id?: number | undefined;
}

/** One statement that builds something. */
export class Job {
  readonly id: number;
  readonly statement: string;
  /** Microseconds. */
  readonly startedAt: bigint;
  readonly background: boolean;
  readonly owner: object | null;
  readonly name: string | null;
  /** Rows of its inputs that it will read, as far as is known. */
  total = 0;
  done = 0;
  /** What it reads. */
  dependsOn: ReadonlySet<number> = new Set();
  /** Why it has ended without making anything. */
  error: SqlError | null = null;
  /** Resolves when it is over, however it went. */
  readonly ended: Promise<void>;
  #resolve: () => void = () => {};
  #cancelled = false;

  constructor(id: number, { statement, now, background, owner, name }: JobOptions) {
    this.id = id;
    this.statement = statement;
    this.startedAt = now;
    this.background = background;
    this.owner = owner;
    this.name = name;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  cancel(): void {
    this.#cancelled = true;
  }

  /** 57014 when somebody has cancelled it. */
  check(): void {
    if (this.#cancelled) throw new SqlError('57014', 'canceling statement due to user request');
  }

  /** Only by `Jobs`. */
  settle(error: SqlError | null): void {
    this.error = error;
    this.#resolve();
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.total === 0 ? 0 : Math.min(1, this.done / this.total);
  }

  /** Microseconds that it will take yet, if it goes on as it has; null: not known yet. */
  remaining(now: bigint): number | null {
    if (this.done === 0 || this.error !== null) return null;
    return (Number(now - this.startedAt) * (1 - this.progress)) / this.progress;
  }
}

export class Jobs implements Persistent {
  readonly #running = new Map<number, Job>();
  readonly #failed: Job[] = [];
  /** Statements that were acknowledged and are not carried out yet, by the job's number. */
  readonly pending = new Map<number, DdlOrigin>();
  #last = 0;
  /** In a restart: the number of the job that is begun again by the statement that runs now. */
  resuming: number | null = null;
  /** Rows up to which nothing is gained by reading them between ticks. */
  inOneGo = IN_ONE_GO;
  partRows = PART_ROWS;
  /** The server is going down: what is not done is begun again with the next start. */
  stopped = false;
  /** A bug that arose in a job for which nobody waits. */
  onInternalError: (error: unknown) => void = () => {};

  start(options: JobOptions): Job {
    const id = options.id ?? this.#nextId();
    const job = new Job(id, options);
    this.#last = Math.max(this.#last, id);
    this.#running.set(job.id, job);
    return job;
  }

  #nextId(): number {
    return Math.max(this.#last, ...this.pending.keys()) + 1;
  }

  /** It is over: with an error, or done. */
  end(job: Job, error: SqlError | null = null): void {
    this.#running.delete(job.id);
    this.pending.delete(job.id);
    if (error !== null && job.background) {
      this.#failed.push(job);
      if (this.#failed.length > KEPT_FAILURES) this.#failed.shift();
    }
    job.settle(error);
  }

  find(id: number): Job | null {
    return this.#running.get(id) ?? null;
  }

  /** The job that will make an object of this name; null: there is none. */
  taking(schema: string, name: string): Job | null {
    const wanted = `${schema}.${name}`;
    return [...this.#running.values()].find((job) => job.name === wanted) ?? null;
  }

  /** 55006 when a running job reads one of these. */
  refuseChange(
    objects: Iterable<{ readonly id: number; readonly kind: string; readonly name: string }>,
  ): void {
    for (const { id, kind, name } of objects) {
      for (const job of this.#running.values()) {
        if (!job.dependsOn.has(id)) continue;
        throw new SqlError('55006', `${kind} "${name}" is being read by job ${job.id}`, {
          detail: `The job carries out: ${shownSql(job.statement)}`,
          hint: `Wait for it (WAIT), or cancel it: CANCEL JOBS ${job.id}.`,
        });
      }
    }
  }

  /** Running jobs of this owner. */
  ownedBy(owner: object): readonly Job[] {
    return [...this.#running.values()].filter((job) => job.owner === owner);
  }

  running(): readonly Job[] {
    return [...this.#running.values()];
  }

  /** Those that run, and those that have failed in the background not long ago. */
  list(): readonly Job[] {
    return [...this.#running.values(), ...this.#failed].sort((a, b) => a.id - b.id);
  }

  save(out: Parameters<Persistent['save']>[0]): void {
    out.value([...this.pending]);
  }

  restore(from: Parameters<Persistent['restore']>[0]): void {
    const pending = from.value() as readonly (readonly [number, DdlOrigin])[];
    for (const [id, statement] of pending) this.pending.set(id, statement);
  }
}
