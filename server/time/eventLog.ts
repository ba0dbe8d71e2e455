/**
 * What happened to a source besides the rows that its connector brought: decisions that depend on the clock, and what
 * users did. Each entry stands at a row index, the number of connector rows read before it, so that reading the source
 * again with the log gives the same admitted rows, in the same order.
 *
 * Invariant: entries are in the order in which they happened, so row indexes do not fall.
 */
import type { DataType } from '../../common/dataType.ts';
import { formatValue, parseValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';

export type SourceEvent = { readonly at: number } & (
  | /** Rows from here on came at this time. */ { readonly kind: 'clock'; readonly now: bigint }
  | { readonly kind: 'idle'; readonly partitions: readonly string[]; readonly since: bigint }
  /** A watermark was set; null: that of all partitions. */
  | {
      readonly kind: 'advance';
      readonly partition: string | null;
      readonly value: bigint;
      readonly now: bigint;
    }
  /** The next so many rows were too far in the future. */
  | { readonly kind: 'future'; readonly count: number }
  /** Rows given by hand; `future`: which of them were too far in the future. */
  | {
      readonly kind: 'inject';
      readonly partition: string;
      /** Physical columns. */
      readonly rows: readonly Row[];
      readonly now: bigint;
      readonly future: readonly number[];
    }
  /** Late rows that were admitted after all. */
  | { readonly kind: 'readmit'; readonly rows: readonly Row[] }
);

export class EventLog {
  readonly #events: SourceEvent[] = [];

  get length(): number {
    return this.#events.length;
  }

  get(i: number): SourceEvent | null {
    return this.#events[i] ?? null;
  }

  /** An event that has just happened. */
  add(event: SourceEvent): void {
    this.#events.push(event);
  }

  /** As `add`, before those events that came after the first `position`. */
  insert(position: number, event: SourceEvent): void {
    this.#events.splice(position, 0, event);
  }

  /** One more row of the newest event, which is one of rows from the future. */
  extend(): void {
    const last = this.#events[this.#events.length - 1];
    if (last?.kind !== 'future') return;
    const longer = { ...last, count: last.count + 1 };
    this.#events[this.#events.length - 1] = longer;
  }

  /** An event of the journal. */
  restore(event: SourceEvent): void {
    this.#events.push(event);
  }

  all(): readonly SourceEvent[] {
    return this.#events;
  }
}

const plain = plainContext(() => 0n);

function rowTexts(rows: readonly Row[], types: readonly DataType[]): (string | null)[][] {
  return rows.map((row) =>
    types.map((type, i) => {
      const value = row[i] ?? null;
      return value === null ? null : formatValue(value, type, plain);
    }),
  );
}

function rowsOf(texts: unknown, types: readonly DataType[]): Row[] {
  return (texts as readonly (readonly (string | null)[])[]).map((cells) =>
    types.map((type, i) => {
      const text = cells[i] ?? null;
      return text === null ? null : parseValue(text, type, plain);
    }),
  );
}

/** Types of the rows in events. */
export interface EventTypes {
  readonly physical: readonly DataType[];
  readonly all: readonly DataType[];
}

/** Plain JSON of an event. */
export function eventToJson(event: SourceEvent, types: EventTypes): object {
  switch (event.kind) {
    case 'clock':
      return { ...event, now: String(event.now) };
    case 'idle':
      return { ...event, since: String(event.since) };
    case 'advance':
      return { ...event, value: String(event.value), now: String(event.now) };
    case 'future':
      return event;
    case 'inject':
      return { ...event, rows: rowTexts(event.rows, types.physical), now: String(event.now) };
    case 'readmit':
      return { ...event, rows: rowTexts(event.rows, types.all) };
  }
}

interface EventJson {
  readonly at: number;
  readonly kind: SourceEvent['kind'];
  readonly now?: string;
  readonly since?: string;
  readonly partitions?: readonly string[];
  readonly partition?: string | null;
  readonly value?: string;
  readonly count?: number;
  readonly rows?: unknown;
  readonly future?: readonly number[];
}

export function eventFromJson(json: object, types: EventTypes): SourceEvent {
  const { at, kind, now, since, partitions, partition, value, count, rows, future } = json as EventJson;
  switch (kind) {
    case 'clock':
      return { at, kind, now: BigInt(now ?? 0) };
    case 'idle':
      return { at, kind, partitions: partitions ?? [], since: BigInt(since ?? 0) };
    case 'advance':
      return { at, kind, partition: partition ?? null, value: BigInt(value ?? 0), now: BigInt(now ?? 0) };
    case 'future':
      return { at, kind, count: count ?? 0 };
    case 'inject':
      return {
        at,
        kind,
        partition: partition ?? '',
        rows: rowsOf(rows, types.physical),
        now: BigInt(now ?? 0),
        future: future ?? [],
      };
    case 'readmit':
      return { at, kind, rows: rowsOf(rows, types.all) };
  }
}
