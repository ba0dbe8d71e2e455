/**
 * What the database writes to its journal and how it comes back: DDL statements and row deltas of tables in commit order,
 * and source positions. Views are not stored: recovery runs the same statements and deltas again, and reads the sources
 * again up to their positions, which gives the same rows.
 */
import { must } from '../common/assert.ts';
import { formatValue, parseValue } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import type { Position } from '../connector/connector.ts';
import { JournalFile, type JournalRecord } from '../storage/journal.ts';
import type { Database, DdlOrigin, TableDelta } from './database.ts';
import { messageContext } from './ingest.ts';
import type { CatalogObject, TableObject } from './objects.ts';

/** Rows per record when the journal is rewritten. */
const REWRITE_ROWS = 1000;
/** Records after which a restart rewrites the journal. */
const REWRITE_AFTER = 1000;

export interface DdlRecord extends DdlOrigin {
  /** Object id that the statement made, null for none. */
  readonly id: number | null;
}

/** [table id, weight, values as text ...] per row. */
type RowRecord = readonly [table: number, weight: number, ...values: (string | null)[]];

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

  appendDdl({ sql, searchPath, timeZone }: DdlOrigin, id: number | null): void {
    this.#file.append('ddl', JSON.stringify({ sql, searchPath, timeZone, id } satisfies DdlRecord));
  }

  appendRows(deltas: readonly TableDelta[]): void {
    const rows = deltas.flatMap(({ table, rows: changed }) =>
      changed.map(([row, weight]) => rowRecord(table, row, weight)),
    );
    this.#file.append('rows', JSON.stringify(rows));
  }

  notePosition(id: number, position: Position | null): void {
    if (position !== null) this.#file.notePosition(id, JSON.stringify(position));
  }

  flushPositions(): void {
    this.#file.flush();
  }

  /** Replays the journal into an empty database. `runDdl` executes one statement without journalling. */
  async recover(database: Database, runDdl: (record: DdlRecord) => Promise<void>): Promise<void> {
    for (const record of this.#file.read()) {
      if (record.kind === 'ddl') await runDdl(JSON.parse(record.payload) as DdlRecord);
      else await database.exclusive(() => replayRows(database, JSON.parse(record.payload) as RowRecord[]));
    }
    const positions = this.#file.positions();
    for (const object of database.catalog.objects()) {
      const payload = positions.get(object.id);
      if (payload !== undefined)
        await database.exclusive(() => restoreSource(database, object, JSON.parse(payload) as Position));
    }
    if (this.#file.records > REWRITE_AFTER) this.rewrite(database);
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

function replayRows(database: Database, records: readonly RowRecord[]): void {
  const byTable = new Map<TableObject, [Row, number][]>();
  for (const [id, weight, ...texts] of records) {
    const table = database.catalog.byId(id);
    if (table?.kind !== 'table') continue;
    const row: Value[] = table.columns.map((c, i) => {
      const text = texts[i] ?? null;
      return text === null ? null : parseValue(text, c.type, messageContext);
    });
    const rowId = table.rowId === null ? null : row[table.rowId];
    if (typeof rowId === 'bigint') database.reserveRowIdsThrough(rowId);
    const rows = byTable.get(table) ?? [];
    rows.push([row, weight]);
    byTable.set(table, rows);
  }
  database.applyTables([...byTable].map(([table, rows]) => ({ table, rows })));
}

function restoreSource(database: Database, object: CatalogObject, position: Position): void {
  if (object.kind === 'source') {
    for (const rows of object.source.restore(position)) database.feedSource(object, rows);
  } else if (object.kind === 'table' && object.source !== null) {
    object.source.position = position;
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
    } satisfies DdlRecord),
  });
  const ddl = (sql: string, id: number | null): JournalRecord =>
    record({ sql, searchPath: [], timeZone: 'UTC' }, id);
  for (const schema of catalog.schemas()) {
    if (!catalog.isSystemSchema(schema.name) && schema.name !== 'public') {
      yield ddl(`CREATE SCHEMA ${quote(schema.name)}`, schema.id);
    }
  }
  for (const object of catalog.objects()) {
    yield record(object, object.id);
    if (object.kind === 'table') yield* tableRecords(object);
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

function* tableRecords(table: TableObject): Generator<JournalRecord> {
  let pending: RowRecord[] = [];
  for (const row of table.store.rows()) {
    pending.push(rowRecord(table, row, 1));
    if (pending.length === REWRITE_ROWS) {
      yield { kind: 'rows', payload: JSON.stringify(pending) };
      pending = [];
    }
  }
  if (pending.length > 0) yield { kind: 'rows', payload: JSON.stringify(pending) };
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
