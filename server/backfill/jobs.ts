/** Views and indexes that are being built: how far they are, and the wish that they stop. */
import { SqlError } from '../../common/sqlError.ts';

/** One statement that builds something. */
export class Job {
  readonly id: number;
  readonly statement: string;
  /** Microseconds. */
  readonly startedAt: bigint;
  /** Rows of its inputs that it will read, as far as is known. */
  total = 0;
  done = 0;
  #cancelled = false;

  constructor(id: number, statement: string, startedAt: bigint) {
    this.id = id;
    this.statement = statement;
    this.startedAt = startedAt;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  /** 57014 when somebody has cancelled it. */
  check(): void {
    if (this.#cancelled) throw new SqlError('57014', 'canceling statement due to user request');
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.total === 0 ? 0 : Math.min(1, this.done / this.total);
  }

  /** Microseconds that it will take yet, if it goes on as it has; null: not known yet. */
  remaining(now: bigint): number | null {
    return this.done === 0 ? null : (Number(now - this.startedAt) * (1 - this.progress)) / this.progress;
  }
}

export class Jobs {
  readonly #running = new Map<number, Job>();
  #last = 0;

  start(statement: string, now: bigint): Job {
    const job = new Job(++this.#last, statement, now);
    this.#running.set(job.id, job);
    return job;
  }

  end(job: Job): void {
    this.#running.delete(job.id);
  }

  find(id: number): Job | null {
    return this.#running.get(id) ?? null;
  }

  list(): readonly Job[] {
    return [...this.#running.values()];
  }
}
