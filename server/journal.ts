/**
 * What the database writes to its journal: every tick that changes anything, in order, with its time and what it takes to do
 * it again (journalRecords.ts). Views are not stored: a restart goes through the same ticks, at the same times and with the
 * same bounds, which gives the same rows, late rows, values and versions (recovery.ts).
 *
 * Records of clients' changes are on disk before the change is made; those of sources and of the clock are put off for at most
 * 50 ms, and written before anything that comes after them.
 */

import type { DataType } from '../common/dataType.ts';
import { SqlError } from '../common/sqlError.ts';
import { formatValue, plainContext } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import type { Position } from '../connector/connector.ts';
import { type After, JournalFile } from '../storage/journal.ts';
import { JournalDamage } from '../storage/journalDamage.ts';
import type { JournalRecord, NumberedRecord } from '../storage/journalRecord.ts';
import { abandonJournal, salvageJournal } from '../storage/journalSalvage.ts';
import { type JournalStore, SqliteJournalStore } from '../storage/journalStore.ts';
import { JournalUnreadable } from '../storage/journalTable.ts';
import type { Database, DdlOrigin, TableDelta } from './database.ts';
import type { Message } from './ingest.ts';
import { damageError, unreadableError } from './journalDamage.ts';
import {
  type AdvanceRecord,
  type AttachRecord,
  type BlockRecord,
  type ClockRecord,
  type CommitRecord,
  type DdlRecord,
  deltaRecords,
  type ForgetRecord,
  type InjectRecord,
  type JobRecord,
  type MessagesRecord,
  type PartitionsRecord,
  type PartRecord,
  type PositionRecord,
  partRows,
  type ReadmitRecord,
  type ReadRecord,
  type RecordKind,
  type ReprocessRecord,
  type RowRecord,
  recordOf,
  rowRecord,
  type SourceProgress,
  type TargetRecord,
  withBytes,
} from './journalRecords.ts';
import type { SourceObject, TableObject } from './objects.ts';
import { eventTypes } from './time/eventTypes.ts';

/** Space that must be there before a statement changes the catalog, and that is kept until it is written. */
const DDL_BYTES = 64 * 1024;

const plain = plainContext(() => 0n);

function textsOf(rows: readonly Row[], types: readonly DataType[]): readonly (string | null)[][] {
  return rows.map((row) =>
    types.map((type, i) => {
      const value: Value = row[i] ?? null;
      return value === null ? null : formatValue(value, type, plain);
    }),
  );
}

export interface JournalOptions {
  /** Microseconds. */
  readonly now: () => bigint;
  /** What cannot be read any more is given up, on the operator's word. */
  readonly acceptDataLoss: boolean;
  /** One line about something an operator should know. */
  readonly log: (line: string) => void;
  /** The system's timer by default. */
  readonly after?: After;
}

export class Journal {
  readonly #directory: string;
  readonly #options: JournalOptions;
  #file: JournalFile;
  /** Called when further records are on disk. */
  onSynced: () => void = () => {};

  /** `store`: where records go; by default SQLite in the directory. */
  constructor(directory: string, options: JournalOptions, store?: JournalStore) {
    this.#directory = directory;
    this.#options = options;
    this.#file = this.#fileOf(store ?? this.#open());
  }

  #fileOf(store: JournalStore): JournalFile {
    const file = new JournalFile(store, this.#options.after);
    file.onSynced = () => this.onSynced();
    return file;
  }

  #open(): JournalStore {
    try {
      return new SqliteJournalStore(this.#directory, this.#options.now());
    } catch (error) {
      if (!(error instanceof JournalUnreadable)) throw error;
      const report = unreadableError(this.#directory, error);
      if (!this.#options.acceptDataLoss) throw report;
      this.#options.log(`${report.message}; starting without it, as told`);
      abandonJournal(this.#directory);
      return new SqliteJournalStore(this.#directory, this.#options.now());
    }
  }

  // Numbers and the disk

  /** Number of the newest record. A checkpoint taken now covers the records through it. */
  get lastSeq(): number {
    return this.#file.lastSeq;
  }

  /** Records through this number have gone: a checkpoint covers them. */
  get truncated(): number {
    return this.#file.truncated;
  }

  /** Number of the newest record that is known to be on disk. */
  get syncedSeq(): number {
    return this.#file.syncedSeq;
  }

  /** Number of records. */
  get records(): number {
    return this.#file.records;
  }

  /** Bytes of records that were written since the start. */
  get writtenBytes(): number {
    return this.#file.writtenBytes;
  }

  /** Resolves when records through `seq` are on disk: before anything that follows from them leaves the server. */
  flushThrough(seq: number): Promise<void> {
    return this.#file.flushThrough(seq);
  }

  /** Everything is on disk on return. Throws SqlError 53100 or 58030. */
  flush(): void {
    this.#file.flushNow();
  }

  /** Hands what was put off to the operating system, and to the disk soon. False: that failed, and is tried again later. */
  flushSoon(): boolean {
    if (!this.#file.tryFlush()) return false;
    this.#file.syncSoon();
    return true;
  }

  /** Everything is on its way to the disk: what follows from it is waited for elsewhere. What fails is tried again later. */
  hurry(): void {
    if (this.#file.tryFlush()) this.#file.flushThrough(this.#file.lastSeq).catch(() => {});
  }

  /** False while the disk is busy with a checkpoint: what can wait is put off. */
  setCalm(calm: boolean): void {
    this.#file.setCalm(calm);
  }

  /** A checkpoint that is on disk covers the records through `seq`. */
  truncateThrough(seq: number): void {
    this.#file.truncateThrough(seq);
  }

  /** False while the disk takes nothing: then sources and the clock wait. */
  ready(): boolean {
    return this.#file.ready();
  }

  /** 53100 or 58030 while the disk takes nothing. */
  requireReady(): void {
    if (!this.#file.ready() && this.#file.failure !== null) throw this.#file.failure;
  }

  /** Before a statement changes the catalog: 53100 when its record would not find space, which is kept for it. */
  requireSpace(): void {
    this.#file.probe(DDL_BYTES);
  }

  /** A secret of this directory, for random values that a replay must give again. */
  secret(make: () => string): string {
    return this.#file.secret(make);
  }

  // Clients' changes: on disk on return

  #now(kind: RecordKind, payload: object): void {
    this.#file.append({ kind, payload: JSON.stringify(payload) });
  }

  #later(kind: RecordKind, payload: object): void {
    this.#file.appendLater(kind, JSON.stringify(payload));
  }

  /**
   * A statement that has been carried out. What keeps it from being written is tried once more, with the space that was kept for
   * this; when it cannot be written now, it is as soon as anything can be.
   */
  appendDdl(
    { sql, searchPath, timeZone, user }: DdlOrigin,
    id: number | null,
    at: bigint,
    job?: number,
  ): void {
    const statement = { sql, searchPath, timeZone, user, id, at: String(at) } satisfies DdlRecord;
    const record: DdlRecord = job === undefined ? statement : { ...statement, job };
    try {
      this.#now('ddl', record);
      return;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#file.release();
    }
    try {
      this.#now('ddl', record);
    } catch (error) {
      this.#later('ddl', record);
      if (!(error instanceof SqlError)) throw error;
      throw error.with({
        detail: 'The statement has taken effect, but will be undone by a crash before there is space.',
      });
    }
  }

  /**
   * A statement and the rows that it brings, written as one: a crash leaves both or neither. Throws SqlError 53100 or 58030, and then
   * neither is there.
   */
  appendDdlWithRows(
    { sql, searchPath, timeZone, user }: DdlOrigin,
    id: number,
    deltas: readonly TableDelta[],
    at: bigint,
  ): void {
    const statement: DdlRecord = { sql, searchPath, timeZone, user, id, at: String(at) };
    const rows: CommitRecord = { at: String(at), rows: deltaRecords(deltas) };
    const last = this.#file.write([
      { kind: 'ddl' satisfies RecordKind, payload: JSON.stringify(statement) },
      { kind: 'commit' satisfies RecordKind, payload: JSON.stringify(rows) },
    ]);
    try {
      this.#file.flushNow();
    } catch (error) {
      this.#file.retract(last - 1);
      throw error;
    }
  }

  /** A statement that is being carried out in the background; null: it has been given up. */
  appendJob(job: number, statement: DdlOrigin | null, at: bigint): void {
    this.#now('job', { at: String(at), job, statement } satisfies JobRecord);
  }

  appendInject(source: SourceObject, rows: readonly Row[], partition: string, at: bigint): void {
    const { physical } = eventTypes(source);
    const record = { id: source.id, at: String(at), partition, rows: textsOf(rows, physical) };
    this.#now('inject', record satisfies InjectRecord);
  }

  appendAdvance(
    object: SourceObject | TableObject,
    partition: string | null,
    value: bigint,
    at: bigint,
  ): void {
    this.#now('advance', {
      id: object.id,
      at: String(at),
      partition,
      value: String(value),
    } satisfies AdvanceRecord);
  }

  appendReadmit(object: SourceObject | TableObject, rows: readonly Row[], at: bigint): void {
    const { all } = eventTypes(object);
    this.#now('readmit', { id: object.id, at: String(at), rows: textsOf(rows, all) } satisfies ReadmitRecord);
  }

  appendReprocess(record: ReprocessRecord): void {
    this.#now('reprocess', record);
  }

  /** The deltas of ticks, handed to the operating system as one; gives the number of the last. */
  writeCommits(commits: readonly { readonly deltas: readonly TableDelta[]; readonly at: bigint }[]): number {
    return this.#file.write(
      commits.map(({ deltas, at }): JournalRecord => {
        const record: CommitRecord = { at: String(at), rows: deltaRecords(deltas) };
        return { kind: 'commit', payload: JSON.stringify(record) };
      }),
    );
  }

  /** Records from `seq` on, the newest, are taken back: what they say is not done. */
  retract(seq: number): void {
    this.#file.retract(seq);
  }

  /** Written records go to the disk within some milliseconds. */
  syncSoon(): void {
    this.#file.syncSoon();
  }

  // What sources and the clock do: put off

  noteCommit(deltas: readonly TableDelta[], at: bigint, source: SourceProgress | null): void {
    const record: CommitRecord = { at: String(at), rows: deltaRecords(deltas) };
    this.#later('commit', source === null ? record : { ...record, source });
  }

  /** Deltas of a tick that `noteParted` ends; gives their bytes. */
  notePart(deltas: readonly TableDelta[]): number {
    const rows = Buffer.from(JSON.stringify(deltaRecords(deltas)), 'utf8');
    this.#file.appendLater('part' satisfies RecordKind, withBytes({}, rows));
    return rows.length;
  }

  /** A tick whose deltas are the `parts` records right before, but for those of some tables. */
  noteParted(parts: number, without: readonly number[], at: bigint, source: SourceProgress): void {
    this.#later('commit', { at: String(at), rows: [], source, parts, without } satisfies CommitRecord);
  }

  /** Rows of the parts of the record with this number. */
  *partsBefore(seq: number, parts: number): Generator<readonly RowRecord[]> {
    for (const { seq: at, payload } of this.#file.read(seq - parts - 1)) {
      if (at >= seq) return;
      yield partRows(recordOf(payload) as PartRecord);
    }
  }

  /** `source` null: given by hand. */
  noteMessages(
    table: TableObject,
    messages: readonly Message[],
    at: bigint,
    source: SourceProgress | null,
  ): void {
    const rows = messages.map(({ row }) => rowRecord(table, row, 1));
    const partitions = messages.map((m) => m.partition);
    const record: MessagesRecord = { at: String(at), rows, partitions };
    this.#later('messages', source === null ? record : { ...record, source });
  }

  notePosition(source: SourceProgress, at: bigint): void {
    this.#later('position', { at: String(at), source } satisfies PositionRecord);
  }

  /** Rows of a source, before their tick. */
  noteRead(source: SourceObject, rows: number, position: Position, at: bigint): void {
    this.#later('read', { id: source.id, at: String(at), rows, position } satisfies ReadRecord);
  }

  /** Rows of a remote source, before their tick. */
  noteBlock(record: BlockRecord, rows: Uint8Array): void {
    this.#file.appendLater('block' satisfies RecordKind, withBytes(record, rows));
  }

  /** Partitions that a source has, before anything has come of them. */
  notePartitions(id: number, partitions: readonly string[], at: bigint): void {
    this.#later('partitions', { id, at: String(at), partitions } satisfies PartitionsRecord);
  }

  /** Rows that came before `below` are forgotten. */
  noteForget(id: number, below: bigint, at: bigint): void {
    this.#later('forget', { id, at: String(at), below: String(below) } satisfies ForgetRecord);
  }

  noteIdle(at: bigint): void {
    this.#later('idle', { at: String(at) });
  }

  noteTick(at: bigint): void {
    this.#later('tick', { at: String(at) });
  }

  noteAttach(id: number, at: bigint): void {
    this.#later('attach', { id, at: String(at) } satisfies AttachRecord);
  }

  noteTarget(record: TargetRecord): void {
    this.#later('target', record);
  }

  noteClock(at: bigint, virtual: boolean, jump: boolean): void {
    this.#later('clock', { at: String(at), virtual, jump } satisfies ClockRecord);
  }

  noteStart(at: bigint): void {
    this.#later('start', { at: String(at) });
  }

  // Recovery

  /** Records after `after`, in order. Damage is reported (XX001), or ends them where data loss is accepted. */
  *read(database: Database, after: number): Generator<NumberedRecord> {
    try {
      yield* this.#file.read(after);
    } catch (error) {
      if (!(error instanceof JournalDamage)) throw error;
      const report = damageError(database, this.#directory, error);
      if (!this.#options.acceptDataLoss) throw report;
      this.#options.log(`${report.message}: ${report.detail ?? ''} Starting without it, as told.`);
      this.#file = this.#fileOf(
        salvageJournal(this.#directory, error.store, error.lastGood, this.#options.now()),
      );
    }
    this.#file.continueAfter(after);
  }

  close(): void {
    this.#file.close();
  }
}
