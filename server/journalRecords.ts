/**
 * What the records of the journal say. The first kinds are what happened, in the order in which it happened, each at its time:
 *
 *   ddl        a statement
 *   job        a statement that is being carried out in the background has been accepted, or given up
 *   commit     the row deltas of one tick, as written; `source`: they came from the table's connector
 *   part       deltas of a tick that is too large for one record: rows of the commit that comes behind its last part
 *   messages   rows that the connector of a table with a watermark brought
 *   position   a table's connector has moved on without rows
 *   read       rows of a source: how many, and the position after them
 *   block      rows of a remote source in full, as the bytes that came
 *   partitions partitions that a remote source is known to have
 *   forget     rows of a remote source that are kept no longer
 *   inject, advance, readmit   what users did to event time
 *   reprocess  dead letters that were decoded again, and what came of them
 *   idle, tick the clock made something due: event time, operators
 *   attach     a sink whose backlog had outgrown its room is given changes again
 *   target     what is thought of a sink's target
 *   clock      the server's clock was set, moved or given back
 *   start      the server was started
 *
 * A journal that was of format 1 begins with another section, from `snapshot` to `base`: ddl and commits, `rows` as they are,
 * `time` (events of sources and tables), and at its end the positions up to which sources are to be read.
 */
import { formatValue } from '../common/textIo.ts';
import type { Row } from '../common/value.ts';
import type { BadRecord, FieldDrift, Position } from '../connector/connector.ts';
import type { Payload } from '../storage/journalRecord.ts';
import type { DdlOrigin, TableDelta } from './database.ts';
import { messageContext } from './ingest.ts';
import type { TableObject } from './objects.ts';

export type RecordKind =
  | 'ddl'
  | 'job'
  | 'commit'
  | 'part'
  | 'messages'
  | 'position'
  | 'read'
  | 'block'
  | 'partitions'
  | 'forget'
  | 'inject'
  | 'advance'
  | 'readmit'
  | 'reprocess'
  | 'idle'
  | 'tick'
  | 'attach'
  | 'target'
  | 'clock'
  | 'start'
  | 'snapshot'
  | 'base'
  | 'rows'
  | 'time';

/** Microseconds of the tick, as text. */
export interface TimedRecord {
  readonly at: string;
}

export interface DdlRecord extends DdlOrigin {
  /** Object id that the statement made, null for none. */
  readonly id: number | null;
  /** When it ran; absent in old journals. */
  readonly at?: string;
  /** Number of the job in the background that has carried it out. */
  readonly job?: number;
}

export interface JobRecord extends TimedRecord {
  readonly job: number;
  /** Null: it has come to nothing. */
  readonly statement: DdlOrigin | null;
}

/** [table id, weight, values as text ...] per row. */
export type RowRecord = readonly [table: number, weight: number, ...values: (string | null)[]];

/** How far a table's connector has got. */
export interface SourceProgress {
  readonly id: number;
  /** Null: nothing has been read yet (rows that were given by hand). */
  readonly position: Position | null;
  /** Rows that it brought. */
  readonly read: number;
  /** Records that could not be used. */
  readonly bad: readonly BadRecord[];
  /** Fields that were not as their columns are. */
  readonly drift?: readonly FieldDrift[];
  /** Bytes of its messages. */
  readonly bytes?: number;
}

/** `block` of its payload: rows in bytes (remote/block.ts), all physical columns. */
export interface BlockRecord extends TimedRecord {
  /** The row id before those of its rows. */
  readonly first: string;
  readonly source: SourceProgress;
}

export interface PartitionsRecord extends TimedRecord {
  readonly id: number;
  readonly partitions: readonly string[];
}

/** Rows that came before `below` (microseconds) are forgotten. */
export interface ForgetRecord extends TimedRecord {
  readonly id: number;
  readonly below: string;
}

export interface CommitRecord extends TimedRecord {
  readonly rows: readonly RowRecord[];
  readonly source?: SourceProgress;
  /** So many records before this one are parts of it; parts that no commit counts are of a tick that has not been. */
  readonly parts?: number;
  /** Tables whose rows in the parts do not count. */
  readonly without?: readonly number[];
}

/** Rows of a commit, as the bytes of a JSON array of RowRecord. */
export interface PartRecord {
  readonly bytes: Uint8Array;
}

export function partRows({ bytes }: PartRecord): readonly RowRecord[] {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

export interface MessagesRecord extends TimedRecord {
  readonly rows: readonly RowRecord[];
  readonly partitions: readonly string[];
  /** Absent in format 1. */
  readonly source?: SourceProgress;
}

export interface PositionRecord extends TimedRecord {
  readonly source: SourceProgress;
}

export interface ReadRecord extends TimedRecord {
  readonly id: number;
  readonly rows: number;
  readonly position: Position;
}

export type Texts = readonly (string | null)[];

export interface InjectRecord extends TimedRecord {
  readonly id: number;
  readonly partition: string;
  /** Physical columns. */
  readonly rows: readonly Texts[];
}

export interface AdvanceRecord extends TimedRecord {
  readonly id: number;
  readonly partition: string | null;
  /** In units of the event-time column. */
  readonly value: string;
}

export interface ReadmitRecord extends TimedRecord {
  readonly id: number;
  /** All columns. */
  readonly rows: readonly Texts[];
}

/** Dead letters of a source or table. */
export interface ReprocessRecord extends TimedRecord {
  readonly id: number;
  /** How the relation of dead letters changes. */
  readonly letters: readonly RowRecord[];
  /** What comes in. Of a source: physical columns. */
  readonly rows?: readonly Texts[];
  /** Of a table: how it changes. */
  readonly delta?: readonly RowRecord[];
  /** Of a table whose rows may be late: messages (of negative weight: the key's row goes), and where they are from. */
  readonly messages?: readonly RowRecord[];
  readonly partitions?: readonly string[];
}

export interface AttachRecord extends TimedRecord {
  /** Of the sink. */
  readonly id: number;
}

/** See sinks/verdict.ts. Null: nothing any more. */
export interface TargetRecord extends TimedRecord {
  /** Of the sink. */
  readonly id: number;
  readonly verdict: {
    readonly what: 'refused' | 'asked' | 'accepted';
    readonly has: string | null;
    readonly known: string | null;
    readonly reason: string;
  } | null;
}

/** `virtual`: it stands at `at` from now on. `jump`: the time of ticks may go back to it. */
export interface ClockRecord extends TimedRecord {
  readonly virtual: boolean;
  readonly jump: boolean;
}

export interface BaseRecord extends TimedRecord {
  /** The version that the rewritten history had reached; null: whatever replaying it gives. */
  readonly version: string | null;
  readonly positions: readonly (readonly [id: number, position: string])[];
}

/** Events of a source or table; for a table also its whole state. */
export interface TimeRecord {
  readonly id: number;
  readonly events: readonly object[];
  readonly state?: object;
  /** Rows that have left the relation of late rows, but not the views that count them. */
  readonly counted?: readonly RowRecord[];
}

export function rowRecord(table: TableObject, row: Row, weight: number): RowRecord {
  return [
    table.id,
    weight,
    ...table.columns.map((c, i) => {
      const value = row[i] ?? null;
      return value === null ? null : formatValue(value, c.type, messageContext);
    }),
  ];
}

export function deltaRecords(deltas: readonly TableDelta[]): readonly RowRecord[] {
  return deltas.flatMap(({ table, rows }) => rows.map(([row, weight]) => rowRecord(table, row, weight)));
}

/** Payloads of two parts begin with the length of the first. */
const LENGTH_BYTES = 4;
/** The second part begins at a multiple: typed arrays are laid over it. */
const ALIGNMENT = 8;

const aligned = (at: number): number => Math.ceil(at / ALIGNMENT) * ALIGNMENT;

/** Bytes that begin so far into memory of their own leave the memory before them to their record. */
export const ROOM_BEFORE = 4096;

/** A record with bytes, as one payload: around the bytes where there is room, else a copy. */
export function withBytes(record: object, bytes: Uint8Array): Uint8Array {
  const head = Buffer.from(JSON.stringify(record), 'utf8');
  const start = aligned(LENGTH_BYTES + head.byteLength);
  const inPlace = bytes.byteOffset === ROOM_BEFORE && start <= ROOM_BEFORE;
  const payload = inPlace
    ? Buffer.from(bytes.buffer, ROOM_BEFORE - start, start + bytes.byteLength)
    : Buffer.allocUnsafeSlow(start + bytes.byteLength);
  payload.writeUInt32LE(head.byteLength, 0);
  payload.set(head, LENGTH_BYTES);
  payload.fill(0, LENGTH_BYTES + head.byteLength, start);
  if (!inPlace) payload.set(bytes, start);
  return payload;
}

/** What a payload says; bytes that follow it are its `bytes`. */
export function recordOf(payload: Payload): unknown {
  if (typeof payload === 'string') return JSON.parse(payload);
  const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const length = buffer.readUInt32LE(0);
  const record = JSON.parse(buffer.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)) as object;
  return { ...record, bytes: buffer.subarray(aligned(LENGTH_BYTES + length)) };
}
