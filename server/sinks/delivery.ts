/**
 * Delivery of one sink's outbox to its target, a transaction at a time:
 *
 *   1. The journal is on disk through what has been done: a restart will make the same changes again, under the same epochs.
 *   2. The changes are written and prepared, then committed together with their last epoch.
 *   3. The outbox forgets them.
 *
 * After any failure the writer is given up; the next one asks the target how far it is (`recover`), so it does not matter on which
 * side of the commit it was. Failures are tried again later, until there were too many in a row; those that will not pass pause
 * the sink at once. A target that is behind or ahead of what it must have had pauses it too: nothing is guessed.
 */
import { SqlError } from '../../common/sqlError.ts';
import {
  type SinkBatching,
  SinkRefusal,
  type SinkTransaction,
  type SinkWriter,
} from '../../connector/sink.ts';
import type { Database } from '../database.ts';
import type { SinkObject } from '../objects.ts';
import { openTarget } from './target.ts';
import { CLOSE_MS, closeInTime, inTime, OPEN_MS, STEP_MS } from './timeouts.ts';
import { giveVerdict, type Verdict } from './verdict.ts';

export type DeliveryResult =
  /** Some changes have been delivered; there may be more. */
  | 'delivered'
  /** There is nothing, or it may wait for more to come. */
  | 'idle'
  | 'paused'
  /** It is to be tried again after `retryDelay`. */
  | 'failed'
  | 'dropped';

/** Failures in a row after which a sink is paused: about ten minutes. */
const MOST_ATTEMPTS = 25;
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 30_000;
const GOES_ON = '; RESUME goes on from what the server has';

export class SinkDelivery {
  readonly #database: Database;
  readonly sink: SinkObject;
  /** How long each step may take. */
  readonly #millis: { readonly open: number; readonly step: number };
  batching: SinkBatching;
  /** What the database had done when this delivery began: no target can have more. */
  readonly #versionAtStart: bigint;
  #writer: SinkWriter | null = null;
  #recovered = false;
  /** With a rate limit: before this time of the system's clock nothing is delivered; microseconds. */
  #notBefore = 0n;

  constructor(
    database: Database,
    sink: SinkObject,
    millis: { readonly open: number; readonly step: number } = { open: OPEN_MS, step: STEP_MS },
  ) {
    this.#database = database;
    this.#millis = millis;
    this.sink = sink;
    const { connector, options } = sink.runtime.shape;
    this.batching = connector.batching(options);
    this.#versionAtStart = database.version;
  }

  get retryDelay(): number {
    const doublings = Math.max(0, this.sink.runtime.attempts - 1);
    return Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(doublings, 20));
  }

  /** Milliseconds until what waits is to be delivered; null: nothing waits. */
  get dueIn(): number | null {
    const { outbox, waitingSince } = this.sink.runtime;
    if (outbox.isEmpty || this.sink.runtime.rateLimit === 0) return null;
    return Math.max(this.#limitedFor, this.#batchedFor(waitingSince));
  }

  /** Milliseconds until the rate limit lets something through. */
  get #limitedFor(): number {
    if (this.sink.runtime.rateLimit === null) return 0;
    const now = this.#database.environment.serverClock.system();
    return now >= this.#notBefore ? 0 : Number((this.#notBefore - now + 999n) / 1000n);
  }

  #batchedFor(waitingSince: bigint | null): number {
    const { outbox } = this.sink.runtime;
    if (waitingSince === null || outbox.rows >= this.batching.rows) return 0;
    const waited = Number(this.#database.environment.serverClock.system() - waitingSince) / 1000;
    return Math.max(0, this.batching.millis - waited);
  }

  /** Delivers once, if there is something that should not wait (`now`: anything). */
  async step(now = false): Promise<DeliveryResult> {
    const { runtime } = this.sink;
    if (runtime.dropped || runtime.paused !== null) {
      await this.close();
      return runtime.dropped ? 'dropped' : 'paused';
    }
    let phase: 'journal' | 'target' = 'target';
    try {
      await this.#reopen();
      const writer = this.#writer ?? (await this.#open());
      if (runtime.paused !== null) {
        // RESUME asks the target again.
        await this.#giveUp();
        return 'paused';
      }
      // A restart may find that the target has all of it.
      await this.#makeRoom();
      const due = this.dueIn;
      if (due === null || (due > 0 && !now)) return 'idle';
      phase = 'journal';
      const through = await this.#durableThrough();
      phase = 'target';
      await this.#deliver(writer, through);
      runtime.attempts = 0;
      runtime.lastError = null;
      await this.#makeRoom();
      return 'delivered';
    } catch (error) {
      await this.#giveUp();
      if (runtime.dropped) return 'dropped';
      return this.#failed(error, phase);
    }
  }

  /** Its options are others now. */
  async #reopen(): Promise<void> {
    const { runtime } = this.sink;
    if (!runtime.reopen) return;
    runtime.reopen = false;
    const { connector, options } = runtime.shape;
    this.batching = connector.batching(options);
    await this.#giveUp();
  }

  async #open(): Promise<SinkWriter> {
    const { open } = this.#millis;
    const opening = openTarget(this.#database, this.sink.name, this.sink.runtime.shape);
    const writer = await inTime(opening, open, 'opening');
    this.#writer = writer;
    const has = await inTime(writer.recover(), open, 'connecting');
    await this.#settle(has);
    return writer;
  }

  /** Forgets what the target has, or pauses the sink where the target cannot be right. */
  async #settle(has: bigint | null): Promise<void> {
    const { runtime } = this.sink;
    const first = !this.#recovered;
    this.#recovered = true;
    const exact = runtime.shape.connector.guarantee === 'exactly once';
    const known = exact ? await this.#judge(has, first) : latest(has, runtime.delivered);
    if (known === null || runtime.paused !== null) return;
    runtime.outbox.dropThrough(known);
    runtime.delivered = known;
    if (runtime.outbox.isEmpty) runtime.waitingSince = null;
  }

  /** What the target counts as having. One that cannot be right pauses the sink, unless the user has said to go on with it. */
  async #judge(has: bigint | null, first: boolean): Promise<bigint | null> {
    const { runtime } = this.sink;
    const { verdict } = runtime;
    const judged = verdict !== null && verdict.has === has;
    if (judged && verdict.what === 'accepted') return latest(verdict.known, runtime.delivered);
    const wrong = judged ? verdict.reason : this.#contradiction(has, first);
    if (wrong === null) {
      if (verdict !== null) await this.#give(null);
      return latest(has, runtime.delivered);
    }
    const ahead = has !== null && has > this.#versionAtStart;
    const known = judged ? verdict.known : ahead ? runtime.delivered : latest(has, runtime.delivered);
    const what = verdict?.what === 'asked' ? 'accepted' : 'refused';
    await this.#give({ what, has, known, reason: wrong });
    return latest(known, runtime.delivered);
  }

  #give(verdict: Verdict | null): Promise<void> {
    const database = this.#database;
    const { sink } = this;
    return database.exclusive(() => {
      giveVerdict(database, sink, verdict);
      if (verdict?.what === 'refused') sink.runtime.pause(verdict.reason, database.watermarks.now());
    });
  }

  #contradiction(has: bigint | null, first: boolean): string | null {
    const { delivered } = this.sink.runtime;
    if (has !== null && first && has > this.#versionAtStart) {
      return `the target has changes through version ${has}, and this database is at version ${this.#versionAtStart}: it is older than its target${GOES_ON}`;
    }
    if (delivered === null || (has !== null && has >= delivered)) return null;
    return `the target has lost changes that were delivered: it is at version ${has ?? 'none'} instead of ${delivered}${GOES_ON}`;
  }

  /** The newest epoch that waits, when the journal through it is on disk. */
  async #durableThrough(): Promise<bigint> {
    const database = this.#database;
    const { through, seq } = await database.exclusive(() => ({
      through: this.sink.runtime.outbox.lastEpoch,
      seq: database.journal?.lastSeq ?? 0,
    }));
    await database.journal?.flushThrough(seq);
    return through;
  }

  async #deliver(writer: SinkWriter, through: bigint): Promise<void> {
    const { runtime } = this.sink;
    const { step } = this.#millis;
    let transaction: SinkTransaction | null = null;
    let last: bigint | null = null;
    let rows = 0;
    try {
      for (const batch of runtime.outbox.waiting(through)) {
        if (last !== null && batch.epoch !== last && rows >= this.#mostRows) break;
        transaction ??= await inTime(writer.begin(batch.epoch), step, 'beginning');
        await inTime(transaction.write(batch), step, 'writing');
        last = batch.epoch;
        rows += batch.changes.length;
      }
      if (transaction === null || last === null) return;
      await inTime(transaction.prepare(last), step, 'preparing');
    } catch (error) {
      if (transaction !== null) await inTime(transaction.abort(), CLOSE_MS, 'taking back').catch(() => {});
      throw error;
    }
    await inTime(transaction.commit(), step, 'committing');
    const bytes = runtime.outbox.bytes;
    runtime.outbox.dropThrough(last);
    runtime.deliveredBytes += Math.max(0, bytes - runtime.outbox.bytes);
    runtime.delivered = last;
    runtime.deliveredRows += rows;
    const now = this.#database.environment.serverClock.system();
    runtime.waitingSince = runtime.outbox.isEmpty ? null : now;
    runtime.deliveredAt = now;
    this.#limit(rows, now);
    // The target is in another state now, and one that is right.
    if (runtime.verdict !== null) await this.#give(null);
  }

  /** Rows after which a delivery takes no further epoch. */
  get #mostRows(): number {
    const { rateLimit } = this.sink.runtime;
    return rateLimit === null ? this.batching.rows : Math.min(this.batching.rows, Math.max(1, rateLimit));
  }

  /** With a rate limit, what was delivered takes its time. */
  #limit(rows: number, now: bigint): void {
    const { rateLimit } = this.sink.runtime;
    if (rateLimit !== null && rateLimit > 0) {
      this.#notBefore = now + (BigInt(rows) * 1_000_000n) / BigInt(rateLimit);
    }
  }

  /** A sink that had run out of room may go on. */
  async #makeRoom(): Promise<void> {
    const { runtime } = this.sink;
    if (runtime.detached?.why !== 'room' || !runtime.outbox.isDrained) return;
    await this.#database.exclusive(() => this.#database.sinks.attachDrained(this.sink));
  }

  #failed(error: unknown, phase: 'journal' | 'target'): DeliveryResult {
    const { runtime } = this.sink;
    const message = error instanceof Error ? error.message : String(error);
    runtime.lastError = message;
    runtime.attempts++;
    // The disk of the journal is not the target's fault.
    if (phase === 'journal') return 'failed';
    const lasting = error instanceof SinkRefusal || (error instanceof SqlError && !mayPass(error));
    if (!lasting && runtime.attempts < MOST_ATTEMPTS) return 'failed';
    const tried = lasting ? '' : ` (tried ${runtime.attempts} times)`;
    runtime.pause(`${message}${tried}`, this.#database.watermarks.now());
    return 'paused';
  }

  async #giveUp(): Promise<void> {
    const writer = this.#writer;
    this.#writer = null;
    if (writer !== null) await closeInTime(writer);
  }

  async close(): Promise<void> {
    await this.#giveUp();
  }
}

/** Connections, resources and the server's operator: classes of errors that pass by themselves. */
function mayPass({ state }: SqlError): boolean {
  return /^(08|40|53|57|58)/.test(state);
}

function latest(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
