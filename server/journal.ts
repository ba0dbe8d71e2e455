/**
 * What the database writes to its journal and how it comes back. Records, in the order in which things happened:
 *
 *   ddl       a statement
 *   commit    row deltas of one tick, as written: late rows of tables with a watermark too
 *   messages  rows that the connector of a table with a watermark brought
 *   rows      rows as they are: what a rewrite leaves of a table, late rows of views
 *   time      what happened to the event time of a source or table besides arrivals
 *
 * and source positions. Views are not stored: recovery runs the same statements and deltas again at the times at which they
 * happened, and reads the sources again up to their positions, which gives the same rows. Late rows of sources and tables
 * are not stored either (a rewrite keeps those of tables): recovery decides again, and the same.
 */
import { must } from '../common/assert.ts';
import { formatValue } from '../common/textIo.ts';
import type { Row } from '../common/value.ts';
import type { Position } from '../connector/connector.ts';
import { keepsChanges } from '../planner/maintainable.ts';
import { JournalFile, type JournalRecord } from '../storage/journal.ts';
import type { Database, DdlOrigin, TableDelta } from './database.ts';
import { type Message, messageContext } from './ingest.ts';
import { replayCommit, replayMessages, replayRows, replayTime, restoreSource } from './journalReplay.ts';
import type { CatalogObject, SourceObject, TableObject } from './objects.ts';
import { eventToJson, type SourceEvent } from './time/eventLog.ts';
import { eventTypes } from './time/eventTypes.ts';
import { lateRelationOf, ownerOf } from './time/lateRelation.ts';
import type { RoutineObject } from './udf/routine.ts';

/** Rows per record when the journal is rewritten. */
const REWRITE_ROWS = 1000;
/** Records after which a restart rewrites the journal. */
const REWRITE_AFTER = 1000;

export interface DdlRecord extends DdlOrigin {
  /** Object id that the statement made, null for none. */
  readonly id: number | null;
  /** When it ran, microseconds; absent in old journals. */
  readonly at?: string;
}

export interface CommitRecord {
  readonly at: string;
  readonly rows: readonly RowRecord[];
}

export interface MessagesRecord {
  readonly at: string;
  readonly rows: readonly RowRecord[];
  readonly partitions: readonly string[];
}

/** Events of a source or table; for a table also its whole state. */
export interface TimeRecord {
  readonly id: number;
  readonly events: readonly object[];
  readonly state?: object;
  /** Rows that have left the relation of late rows, but not the views that count them. */
  readonly counted?: readonly RowRecord[];
}

/** [table id, weight, values as text ...] per row. */
export type RowRecord = readonly [table: number, weight: number, ...values: (string | null)[]];

function rowRecord(table: TableObject, row: Row, weight: number): RowRecord {
  return [
    table.id,
    weight,
    ...table.columns.map((c, i) => {
      const value = row[i] ?? null;
      return value === null ? null : formatValue(value, c.type, messageContext);
    }),
  ];
}

export class Journal {
  readonly #file: JournalFile;

  constructor(directory: string) {
    this.#file = new JournalFile(directory);
  }

  appendDdl({ sql, searchPath, timeZone }: DdlOrigin, id: number | null, at: bigint): void {
    this.#file.append(
      'ddl',
      JSON.stringify({ sql, searchPath, timeZone, id, at: String(at) } satisfies DdlRecord),
    );
  }

  /** Deltas of one tick, before admission. */
  appendCommit(deltas: readonly TableDelta[], at: bigint): void {
    const rows = deltas.flatMap(({ table, rows: changed }) =>
      changed.map(([row, weight]) => rowRecord(table, row, weight)),
    );
    this.#file.append('commit', JSON.stringify({ at: String(at), rows } satisfies CommitRecord));
  }

  appendMessages(table: TableObject, messages: readonly Message[], at: bigint): void {
    const rows = messages.map(({ row }) => rowRecord(table, row, 1));
    const partitions = messages.map((m) => m.partition);
    this.#file.append(
      'messages',
      JSON.stringify({ at: String(at), rows, partitions } satisfies MessagesRecord),
    );
  }

  /** Late rows of a view, with the next record. */
  noteRows(table: TableObject, rows: readonly Row[]): void {
    this.#file.appendLater('rows', JSON.stringify(rows.map((row) => rowRecord(table, row, 1))));
  }

  /** Rows as they are, at once. */
  appendRows(deltas: readonly TableDelta[]): void {
    const rows = deltas.flatMap(({ table, rows: changed }) =>
      changed.map(([row, weight]) => rowRecord(table, row, weight)),
    );
    this.#file.append('rows', JSON.stringify(rows));
  }

  /** What has happened to a source since it was last asked; written with the position that belongs to it. */
  noteEvents(source: SourceObject): void {
    const record = unsavedEvents(source);
    if (record !== null) this.#file.appendLater('time', record);
  }

  /** As `noteEvents`, at once. */
  appendEvents(source: SourceObject): void {
    const record = unsavedEvents(source);
    if (record !== null) this.#file.append('time', record);
  }

  /** An event of a table's time, with the next record. */
  noteTableEvent(table: TableObject, event: SourceEvent): void {
    const events = [eventToJson(event, eventTypes(table))];
    this.#file.appendLater('time', JSON.stringify({ id: table.id, events } satisfies TimeRecord));
  }

  /** A table's watermark that followed the clock, before an arrival ends that. */
  keepFollowed(table: TableObject, now: bigint): void {
    const value = table.admission?.followed ?? null;
    if (value !== null) this.noteTableEvent(table, { at: 0, kind: 'advance', partition: null, value, now });
  }

  notePosition(id: number, position: Position | null): void {
    if (position !== null) this.#file.notePosition(id, JSON.stringify(position));
  }

  /** What the tick of a commit has brought besides: before the commit is acknowledged. */
  finishCommit(): void {
    this.#file.flushLater();
  }

  flushPositions(): void {
    this.#file.flush();
  }

  /** Replays the journal into an empty database. `runDdl` executes one statement without journalling. */
  async recover(database: Database, runDdl: (record: DdlRecord) => Promise<void>): Promise<void> {
    const time = { now: 0n };
    database.recovery = time;
    database.watermarks.beginAt(0n);
    try {
      for (const record of this.#file.read()) await recoverRecord(database, record, time, runDdl);
    } finally {
      database.recovery = null;
    }
    allowBackTo(database, database.clock());
    await this.#restoreSources(database);
    if (this.#file.records > REWRITE_AFTER && !needsHistory(database)) this.rewrite(database);
  }

  /** What sources have brought comes again, at the present time; late rows of views are in the journal already. */
  async #restoreSources(database: Database): Promise<void> {
    const positions = this.#file.positions();
    database.recovery = { now: database.clock() };
    try {
      for (const object of database.catalog.objects()) {
        const payload = positions.get(object.id);
        const position = payload === undefined ? null : (JSON.parse(payload) as Position);
        await database.exclusive(() => restoreSource(database, object, position));
      }
    } finally {
      database.recovery = null;
    }
  }

  /** Replaces the history by the statements and rows that are live now. */
  rewrite(database: Database): void {
    const { catalog } = database;
    this.#file.rewrite(snapshotRecords(database), new Set(catalog.objects().map((o) => o.id)));
  }

  close(): void {
    this.#file.close();
  }
}

/** True when some view holds changes, which only the whole history brings back. */
function needsHistory(database: Database): boolean {
  return database.catalog
    .objects()
    .some((o) => o.kind === 'materialized view' && keepsChanges(o.planned.plan));
}

function unsavedEvents(source: SourceObject): string | null {
  const events = source.admission.log.takeUnsaved();
  if (events.length === 0) return null;
  const types = eventTypes(source);
  return JSON.stringify({
    id: source.id,
    events: events.map((e) => eventToJson(e, types)),
  } satisfies TimeRecord);
}

/** The clock may have been set back between two records, and is the system's again after the last one. */
function allowBackTo(database: Database, now: bigint): void {
  if (now < database.watermarks.now()) database.watermarks.jumpTo(now);
}

async function recoverRecord(
  database: Database,
  { kind, payload }: JournalRecord,
  time: { now: bigint },
  runDdl: (record: DdlRecord) => Promise<void>,
): Promise<void> {
  const record: unknown = JSON.parse(payload);
  switch (kind) {
    case 'ddl': {
      const ddl = record as DdlRecord;
      time.now = ddl.at === undefined ? database.environment.clock() : BigInt(ddl.at);
      allowBackTo(database, time.now);
      await runDdl(ddl);
      return;
    }
    case 'commit': {
      const commit = record as CommitRecord;
      time.now = BigInt(commit.at);
      allowBackTo(database, time.now);
      return database.exclusive(() => replayCommit(database, commit));
    }
    case 'messages': {
      const messages = record as MessagesRecord;
      time.now = BigInt(messages.at);
      allowBackTo(database, time.now);
      return database.exclusive(() => replayMessages(database, messages));
    }
    case 'time':
      return database.exclusive(() => replayTime(database, record as TimeRecord));
    default:
      return database.exclusive(() => replayRows(database, record as RowRecord[]));
  }
}

function* snapshotRecords(database: Database): Generator<JournalRecord> {
  const { catalog } = database;
  const record = (origin: DdlOrigin, id: number | null): JournalRecord => ({
    kind: 'ddl',
    payload: JSON.stringify({
      sql: origin.sql,
      searchPath: origin.searchPath,
      timeZone: origin.timeZone,
      id,
      at: String(database.clock()),
    } satisfies DdlRecord),
  });
  const ddl = (sql: string, id: number | null): JournalRecord =>
    record({ sql, searchPath: [], timeZone: 'UTC' }, id);
  for (const schema of catalog.schemas()) {
    if (!catalog.isSystemSchema(schema.name) && schema.name !== 'public') {
      yield ddl(`CREATE SCHEMA ${quote(schema.name)}`, schema.id);
    }
  }
  for (const object of definedBefore(database)) {
    if (object.kind === 'function' || object.kind === 'aggregate') {
      yield record(object, object.id);
      continue;
    }
    // Relations of late rows come with their owners; those of sources get their rows again, too.
    if (object.kind !== 'table' || !object.internal) yield record(object, object.id);
    if (object.kind === 'source') yield* sourceRecords(object);
    else if (object.kind === 'table' && !ofSource(database, object)) yield* tableRecords(database, object);
  }
  for (const { id, column, text } of catalog.comments()) {
    const object = catalog.byId(id);
    if (object === null) continue;
    const name = `${quote(object.schema)}.${quote(object.name)}`;
    const literal = `'${text.replaceAll("'", "''")}'`;
    if (column === 0) yield ddl(`COMMENT ON ${object.kind} ${name} IS ${literal}`, null);
    else if (object.kind !== 'index') {
      yield ddl(
        `COMMENT ON COLUMN ${name}.${quote(must(object.columns[column - 1]).name)} IS ${literal}`,
        null,
      );
    }
  }
}

/** Late rows come with their owner: views made after it may count them. */
const age = (object: CatalogObject | RoutineObject): number =>
  object.kind === 'table' && object.lateStore !== null ? ownerOf(object) + 0.5 : object.id;

/** Everything in an order in which it can be made again: what a replaced function needs may be younger than it. */
function definedBefore(database: Database): readonly (CatalogObject | RoutineObject)[] {
  const { catalog, functions } = database;
  const ordered = new Set<CatalogObject | RoutineObject>();
  const visit = (object: CatalogObject | RoutineObject): void => {
    if (ordered.has(object)) return;
    for (const id of object.dependsOn) {
      const needed = catalog.byId(id) ?? functions.byId(id);
      if (needed !== null) visit(needed);
    }
    ordered.add(object);
  };
  const all = [...catalog.objects(), ...functions.list()];
  for (const object of all.sort((a, b) => age(a) - age(b))) visit(object);
  return [...ordered];
}

function* tableRecords(database: Database, table: TableObject): Generator<JournalRecord> {
  let pending: RowRecord[] = [];
  for (const row of table.store.rows()) {
    pending.push(rowRecord(table, row, 1));
    if (pending.length === REWRITE_ROWS) {
      yield { kind: 'rows', payload: JSON.stringify(pending) };
      pending = [];
    }
  }
  if (pending.length > 0) yield { kind: 'rows', payload: JSON.stringify(pending) };
  if (table.admission !== null) {
    const late = must(
      lateRelationOf(database, table.id),
      'a table with a watermark has a relation of late rows',
    );
    const record: TimeRecord = {
      id: table.id,
      events: [],
      state: table.admission.eventTime.toJson(),
      counted: table.admission.counted.map((row) => rowRecord(late, row, 1)),
    };
    yield { kind: 'time', payload: JSON.stringify(record) };
  }
}

/** True for the late rows of a source. */
function ofSource(database: Database, table: TableObject): boolean {
  return table.internal && database.catalog.byId(ownerOf(table))?.kind === 'source';
}

function* sourceRecords(source: SourceObject): Generator<JournalRecord> {
  const types = eventTypes(source);
  const events = source.admission.log.all();
  for (let i = 0; i < events.length; i += REWRITE_ROWS) {
    const part = events.slice(i, i + REWRITE_ROWS).map((e) => eventToJson(e, types));
    yield { kind: 'time', payload: JSON.stringify({ id: source.id, events: part } satisfies TimeRecord) };
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
