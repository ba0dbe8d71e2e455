/**
 * The journal rewritten to what is live now: statements that make the objects, the rows of tables, what has happened to sources
 * and how far they have been read. A stand-in for checkpoints, at a restart after a long history: nothing else knows of it.
 *
 * What it leaves is not the history: sources come again in one go, so versions and what depended on the interleaving of inputs
 * are those of that reading.
 */
import { must } from '../common/assert.ts';
import type { Position } from '../connector/connector.ts';
import { keepsChanges } from '../planner/maintainable.ts';
import type { JournalRecord } from '../storage/journalRecord.ts';
import { PUBLIC_ID } from './catalog.ts';
import type { Database, DdlOrigin } from './database.ts';
import {
  type BaseRecord,
  type DdlRecord,
  type RowRecord,
  rowRecord,
  type TimeRecord,
} from './journalRecords.ts';
import type { CatalogObject, SourceObject, TableObject } from './objects.ts';
import { eventToJson } from './time/eventLog.ts';
import { eventTypes } from './time/eventTypes.ts';
import { lateRelationOf, ownerOf } from './time/lateRelation.ts';
import { type RoutineObject, signatureOf } from './udf/routine.ts';

/** Rows per record. */
const REWRITE_ROWS = 1000;
/** Records after which a restart rewrites the journal: of tables alone, and where sources are read. */
const REWRITE_AFTER = 1000;
const REWRITE_SOURCES_AFTER = 100_000;

/** True when the history is long, and nothing depends on it that the live rows do not say. */
export function shouldRewrite(database: Database, records: number): boolean {
  const objects = database.catalog.objects();
  const read = objects.some((o) => o.kind === 'source' && o.source.read);
  if (records <= (read ? REWRITE_SOURCES_AFTER : REWRITE_AFTER)) return false;
  return !objects.some(
    (o) =>
      (o.kind === 'materialized view' && keepsChanges(o.planned.plan)) ||
      (o.kind === 'source' && o.source.failure !== null),
  );
}

/** Everything that a rewritten journal holds. */
export function* rewrittenRecords(database: Database): Generator<JournalRecord> {
  const now = database.clock();
  yield { kind: 'snapshot', payload: JSON.stringify({ at: String(now) }) };
  yield* snapshotRecords(database);
  const positions = database.catalog.objects().flatMap((object): [number, string][] => {
    const source = object.kind === 'source' || object.kind === 'table' ? object.source : null;
    const position: Position | null = source?.position ?? null;
    return position === null ? [] : [[object.id, JSON.stringify(position)]];
  });
  const base: BaseRecord = { at: String(now), version: String(database.version), positions };
  yield { kind: 'base', payload: JSON.stringify(base) };
  const { serverClock } = database.environment;
  if (serverClock.virtual) {
    yield {
      kind: 'clock',
      payload: JSON.stringify({ at: String(serverClock.now()), virtual: true, jump: false }),
    };
  }
}

function* snapshotRecords(database: Database): Generator<JournalRecord> {
  const { catalog } = database;
  const record = (origin: DdlOrigin & { readonly owner?: string }, id: number | null): JournalRecord => ({
    kind: 'ddl',
    payload: JSON.stringify({
      sql: origin.sql,
      searchPath: origin.searchPath,
      timeZone: origin.timeZone,
      user: origin.owner ?? 'root',
      id,
      at: String(database.clock()),
    } satisfies DdlRecord),
  });
  const ddl = (sql: string, id: number | null, owner = 'root'): JournalRecord =>
    record({ sql, searchPath: [], timeZone: 'UTC', owner }, id);
  for (const schema of catalog.schemas()) {
    if (catalog.isSystemSchema(schema.name)) continue;
    if (schema.id !== PUBLIC_ID) yield ddl(`CREATE SCHEMA ${quote(schema.name)}`, schema.id, schema.owner);
    else if (schema.name !== 'public') {
      yield ddl(`ALTER SCHEMA public RENAME TO ${quote(schema.name)}`, null);
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
    const routine = database.functions.byId(id);
    if (routine !== null) yield ddl(`${commentTarget(routine)} IS '${text.replaceAll("'", "''")}'`, null);
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

function commentTarget({ kind, schema, name, fn }: RoutineObject): string {
  return `COMMENT ON ${kind} ${quote(schema)}.${signatureOf(quote(name), fn.user.parameters)}`;
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
