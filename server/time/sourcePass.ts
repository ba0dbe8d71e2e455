/**
 * One pass over the arrivals of a source: the live one, or a replay for a new view or a read. A pass computes generated
 * columns, decides which rows are admitted and applies the log's events at their places. What the live pass decides by
 * the clock it writes into the log; a replay reads it there.
 *
 * State: rows read (`index`), events applied (`cursor`), the event time.
 */
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { RawRecord, SourceRows } from '../../connector/connector.ts';
import type { EventLog, SourceEvent } from './eventLog.ts';
import { type EventTime, type EventTimeJson, ONLY_PARTITION } from './eventTime.ts';
import type { Admitted, LateReason, LateRow } from './lateRow.ts';
import type { Partition } from './partition.ts';
import type { RowExpander } from './rowExpander.ts';
import type { TimeRule } from './timeRule.ts';

/** What all passes over one source have in common. */
export interface PassSetup {
  readonly rule: TimeRule | null;
  readonly expander: RowExpander;
  readonly log: EventLog;
  /** A context whose now() is the pass's. */
  readonly context: (now: () => bigint) => EvalContext;
}

/** A row that could not be computed, or (`admitted`) whose watermark expression failed. */
export interface Fault {
  readonly error: SqlError;
  /** Physical columns; all of them where it was admitted. */
  readonly row: Row;
  readonly admitted: boolean;
  /** Number of the row among all that came. */
  readonly index: number;
  readonly record: RawRecord | null;
}

export type Faults = (fault: Fault) => void;

/** Where a pass stands, for checkpoints. */
export interface SourcePassState {
  readonly index: number;
  readonly cursor: number;
  readonly now: bigint;
  readonly futureUntil: number;
  readonly eventTime: EventTimeJson | null;
}

class Output implements Admitted {
  readonly rows: Row[] = [];
  readonly late: LateRow[] = [];
  readonly readmitted: Row[] = [];
}

export class SourcePass {
  readonly #setup: PassSetup;
  readonly #faults: Faults;
  readonly #context: EvalContext;
  readonly eventTime: EventTime | null;
  /** Connector rows read. */
  index = 0;
  /** Events of the log applied. */
  cursor = 0;
  #now: bigint;
  /** The row being judged, and what is done when its watermark expression fails. */
  #row: Row = [];
  readonly #failed = (error: SqlError): void => this.#fault(error, this.#row, true);
  /** Of the rows at hand: the records that they were made of, and the number of the first. */
  #recordOf: SourceRows['recordOf'] = undefined;
  #firstIndex = 0;
  #lastPartition: Partition | null = null;
  /** Rows before this index were found to be too far in the future. */
  #futureUntil = 0;

  constructor(setup: PassSetup, now: bigint, faults: Faults = () => {}) {
    this.#setup = setup;
    this.#faults = faults;
    this.#now = now;
    this.#context = setup.context(() => this.#now);
    this.eventTime = setup.rule?.start(now) ?? null;
  }

  /** Rows just read, now: decided by the clock, and logged. */
  arrive({ rows, partitions, recordOf }: SourceRows, now: bigint): Admitted {
    const { log, expander, rule } = this.#setup;
    this.#begin(recordOf);
    this.#now = now;
    const first = log.length;
    const start = this.index;
    const output = new Output();
    const horizon = rule?.horizon(now) ?? null;
    for (let i = 0; i < rows.length; i++) this.#live(rows[i] ?? [], partitions?.[i], horizon, output);
    // A later reading must know when these came.
    if (expander.readsClock || output.late.length > 0) {
      log.insert(first, { at: start, kind: 'clock', now });
    }
    this.cursor = log.length;
    return output;
  }

  #live(physical: Row, partition: string | undefined, horizon: bigint | null, output: Output): void {
    const { log, rule } = this.#setup;
    const at = this.index++;
    const row = this.#expand(physical);
    if (row === null) return;
    if (rule === null || this.eventTime === null) {
      output.rows.push(row);
      return;
    }
    const p = this.#livePartition(this.eventTime, partition ?? ONLY_PARTITION, at);
    const time = rule.timeOf(row);
    const future = horizon !== null && time !== null && time > horizon;
    if (future) {
      const last = log.get(log.length - 1);
      if (last?.kind === 'future' && last.at + last.count === at) log.extend();
      else log.add({ at, kind: 'future', count: 1 });
    }
    this.#judge(row, p, future, output);
  }

  /**
   * The partition of a live message. A watermark that followed the clock cannot be made again from arrivals: it is
   * logged before a message ends it.
   */
  #livePartition(eventTime: EventTime, name: string, at: number): Partition {
    if (eventTime.followed && eventTime.find(name)?.idle !== false) {
      const value = eventTime.watermark();
      const event = { at, kind: 'advance', partition: null, now: this.#now } as const;
      if (value !== null) this.#setup.log.add({ ...event, value });
    }
    return this.#partition(eventTime, name);
  }

  /** The partition of that name; most rows are of the same one as the row before. */
  #partition(eventTime: EventTime, name: string): Partition {
    const last = this.#lastPartition;
    if (last !== null && last.name === name && !last.untouched) return last;
    const found = eventTime.partition(name, this.#now);
    this.#lastPartition = found;
    return found;
  }

  #expand(physical: Row, report = true): Row | null {
    const { expander } = this.#setup;
    if (expander.identity) return physical;
    try {
      return expander.expand(physical, this.#context);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (report) this.#fault(error, physical, false);
      return null;
    }
  }

  #begin(recordOf: SourceRows['recordOf']): void {
    this.#recordOf = recordOf;
    this.#firstIndex = this.index;
  }

  #fault(error: SqlError, row: Row, admitted: boolean): void {
    const index = this.index - 1;
    const record = this.#recordOf?.(index - this.#firstIndex) ?? null;
    this.#faults({ error, row, admitted, index, record });
  }

  #judge(row: Row, p: Partition, future: boolean, output: Output): void {
    const { rule } = this.#setup;
    const { eventTime } = this;
    if (rule === null || eventTime === null) return;
    if (future) {
      eventTime.arriveFromFuture(p, this.#now);
      output.late.push(this.#late(row, p, rule.timeOf(row), 'too far in the future'));
      return;
    }
    const time = rule.timeOf(row);
    this.#row = row;
    const mark = time === null ? null : rule.markOf(row, this.#context, this.#failed);
    const verdict = eventTime.arrive(p, time, mark, this.#now);
    if (verdict === 'admitted') {
      output.rows.push(row);
      return;
    }
    const reason = verdict === 'late' ? 'late' : 'null event time';
    output.late.push({ ...this.#late(row, p, time, reason), watermark: eventTime.threshold });
  }

  #late(row: Row, p: Partition, eventTime: bigint | null, reason: LateReason): LateRow {
    return { row, eventTime, watermark: p.watermark, reason, partition: p.name, at: this.#now };
  }

  // Replay

  /** Rows read before: decided as the log says. */
  replay({ rows, partitions, recordOf }: SourceRows): Admitted {
    const { log, rule } = this.#setup;
    this.#begin(recordOf);
    const output = new Output();
    for (let i = 0; i < rows.length; i++) {
      const event = log.get(this.cursor);
      if (event !== null && event.at <= this.index) this.applyEvents(this.index, output);
      const at = this.index++;
      const row = this.#expand(rows[i] ?? []);
      if (row === null) continue;
      if (rule === null || this.eventTime === null) {
        output.rows.push(row);
        continue;
      }
      const p = this.#partition(this.eventTime, partitions?.[i] ?? ONLY_PARTITION);
      this.#judge(row, p, at < this.#futureUntil, output);
    }
    return output;
  }

  /** The events up to the log's position `until` that stand at or before the rows read. */
  finish(until: number): Admitted {
    const output = new Output();
    this.applyEvents(this.index, output, until);
    return output;
  }

  applyEvents(index: number, output: Output, until = Number.MAX_SAFE_INTEGER): void {
    const { log } = this.#setup;
    for (;;) {
      const event = this.cursor < until ? log.get(this.cursor) : null;
      if (event === null || event.at > index) return;
      this.cursor++;
      this.#apply(event, output);
    }
  }

  #apply(event: SourceEvent, output: Output): void {
    const { eventTime } = this;
    switch (event.kind) {
      case 'clock':
        this.#now = event.now;
        return;
      case 'idle':
        eventTime?.setIdle(event.partitions, event.since);
        return;
      case 'advance':
        eventTime?.advance(event.partition, event.value, event.now);
        return;
      case 'future':
        this.#futureUntil = event.at + event.count;
        return;
      case 'inject':
        this.#inject(event, output);
        return;
      case 'readmit':
        output.rows.push(...event.rows);
        output.readmitted.push(...event.rows);
        return;
    }
  }

  #inject(event: Extract<SourceEvent, { kind: 'inject' }>, output: Output): void {
    const future = new Set(event.future);
    const recordOf = this.#recordOf;
    // They have no records.
    this.#recordOf = undefined;
    this.#now = event.now;
    event.rows.forEach((physical, i) => {
      const row = this.#expand(physical);
      if (row === null) return;
      if (this.eventTime === null) output.rows.push(row);
      else this.#judge(row, this.eventTime.partition(event.partition, event.now), future.has(i), output);
    });
    this.#recordOf = recordOf;
  }

  state(): SourcePassState {
    return {
      index: this.index,
      cursor: this.cursor,
      now: this.#now,
      futureUntil: this.#futureUntil,
      eventTime: this.eventTime?.toJson() ?? null,
    };
  }

  /** A fresh pass goes on from there. */
  resumeAt(state: SourcePassState): void {
    this.index = state.index;
    this.cursor = state.cursor;
    this.#now = state.now;
    this.#futureUntil = state.futureUntil;
    if (state.eventTime !== null) this.eventTime?.restore(state.eventTime);
  }

  // What users and the clock do, live

  /** An event that happens now. */
  happen(event: SourceEvent): Admitted {
    const { log } = this.#setup;
    const output = new Output();
    log.add(event);
    this.cursor = log.length;
    this.#apply(event, output);
    return output;
  }

  /** Rows given by hand. */
  inject(rows: readonly Row[], partition: string, now: bigint): Admitted {
    const { rule } = this.#setup;
    const at = this.index;
    this.#now = now;
    if (this.eventTime !== null) this.#livePartition(this.eventTime, partition, at);
    const horizon = rule?.horizon(now) ?? null;
    const future = rows.flatMap((physical, i) => {
      const row = horizon === null ? null : this.#expand(physical, false);
      const time = row === null ? null : (rule?.timeOf(row) ?? null);
      return horizon !== null && time !== null && time > horizon ? [i] : [];
    });
    return this.happen({ at, kind: 'inject', partition, rows, now, future });
  }
}
