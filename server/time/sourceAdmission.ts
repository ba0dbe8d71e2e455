/**
 * Admission of a source: the live pass over its arrivals, the log that makes it repeatable, and passes for those who
 * read it again.
 */
import type { Row } from '../../common/value.ts';
import type { SourceRows } from '../../connector/connector.ts';
import { EventLog, type EventTypes, eventFromJson, eventToJson } from './eventLog.ts';
import type { EventTime } from './eventTime.ts';
import type { Admitted } from './lateRow.ts';
import { type Faults, type PassSetup, SourcePass, type SourcePassState } from './sourcePass.ts';

export interface SourceAdmissionState {
  readonly events: readonly object[];
  readonly live: SourcePassState;
}

export class SourceAdmission {
  readonly #setup: PassSetup;
  readonly #live: SourcePass;
  readonly log: EventLog;

  constructor(setup: Omit<PassSetup, 'log'>, now: bigint, faults: Faults) {
    this.log = new EventLog();
    this.#setup = { ...setup, log: this.log };
    this.#live = new SourcePass(this.#setup, now, faults);
  }

  get rule(): PassSetup['rule'] {
    return this.#setup.rule;
  }

  get expander(): PassSetup['expander'] {
    return this.#setup.expander;
  }

  /** Null: the source has no watermark. */
  get eventTime(): EventTime | null {
    return this.#live.eventTime;
  }

  // Live

  arrive(rows: SourceRows, now: bigint): Admitted {
    return this.#live.arrive(rows, now);
  }

  /** Rows given by hand, physical columns only. */
  inject(rows: readonly Row[], partition: string, now: bigint): Admitted {
    return this.#live.inject(rows, partition, now);
  }

  /** Sets a watermark. False: it was there already. */
  advance(partition: string | null, value: bigint, now: bigint): boolean {
    const { eventTime } = this;
    if (eventTime === null) return false;
    const from = partition === null ? eventTime.watermark() : (eventTime.find(partition)?.watermark ?? null);
    if (from !== null && value <= from) return false;
    this.#live.happen({ at: this.#live.index, kind: 'advance', partition, value, now });
    return true;
  }

  setIdle(partitions: readonly string[], since: bigint): void {
    this.#live.happen({ at: this.#live.index, kind: 'idle', partitions, since });
  }

  /** Late rows come in after all. */
  readmit(rows: readonly Row[]): Admitted {
    return this.#live.happen({ at: this.#live.index, kind: 'readmit', rows });
  }

  /** All rows that were admitted late. */
  readmitted(): readonly Row[] {
    return this.log.all().flatMap((event) => (event.kind === 'readmit' ? event.rows : []));
  }

  // After a restart

  restore(rows: SourceRows): Admitted {
    return this.#live.replay(rows);
  }

  /** All rows up to the position are restored: what happened after the last of them. */
  finishRestore(now: bigint): Admitted {
    const output = this.#live.finish(this.log.length);
    this.eventTime?.restart(now);
    return output;
  }

  /** For checkpoints: plain values. */
  state(types: EventTypes): SourceAdmissionState {
    return { events: this.log.all().map((event) => eventToJson(event, types)), live: this.#live.state() };
  }

  /** Goes on from there. */
  resumeAt({ events, live }: SourceAdmissionState, types: EventTypes): void {
    for (const event of events) this.log.restore(eventFromJson(event, types));
    this.#live.resumeAt(live);
  }

  // Reading again

  /** What the live pass has seen, given its rows once more. */
  *replay(batches: Iterable<SourceRows>): Generator<Admitted> {
    const pass = new SourcePass(this.#setup, 0n);
    for (const batch of batches) yield pass.replay(batch);
    yield pass.finish(this.#live.cursor);
  }

  /** What a source that nobody has read yet would give now. */
  *preview(batches: Iterable<SourceRows>, now: bigint): Generator<Admitted> {
    const log = new EventLog();
    for (const event of this.log.all()) log.restore(event);
    const pass = new SourcePass({ ...this.#setup, log }, now);
    yield pass.finish(log.length);
    for (const batch of batches) yield pass.arrive(batch, now);
  }
}
