/**
 * on_error = 'fail': a row that its relation refuses is not brought in, nor is anything after it. The source is read again up to
 * that row, and stands there, paused, until it is resumed; then the row is tried again. (Records that cannot be decoded are the
 * reader's own business: it throws at them.)
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { SourceRows } from '../../connector/connector.ts';
import type { Database } from '../database.ts';
import { checkNotNull, insertRow } from '../ingest.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { TableWrites } from '../transaction.ts';

interface Refused {
  readonly row: number;
  readonly error: SqlError;
}

/** The first row for which `check` throws an error of the user's. */
function firstRefused(read: SourceRows, check: (row: number) => void): Refused | null {
  for (let row = 0; row < read.rows.length; row++) {
    try {
      check(row);
    } catch (error) {
      if (error instanceof SqlError) return { row, error };
      throw error;
    }
  }
  return null;
}

function refusedBySource(database: Database, source: SourceObject, read: SourceRows): Refused | null {
  const { expander } = source.admission;
  if (expander.identity) return null;
  const { eval: context } = database.tickContext(source.name, source.timeZone);
  return firstRefused(read, (i) => expander.expand(read.rows[i] ?? [], context));
}

function refusedByTable(database: Database, table: TableObject, read: SourceRows): Refused | null {
  const { eval: context } = database.tickContext(table.name, table.timeZone);
  const refusesKeys = table.rowId === null && table.conflict === 'do error' && table.admission === null;
  const writes = refusesKeys ? new TableWrites(table) : null;
  return firstRefused(read, (i) => {
    const physical = read.rows[i] ?? [];
    const row: Value[] = [...(table.expander?.expand(physical, context) ?? physical)];
    if (table.rowId !== null) row[table.rowId] = 0n;
    for (const c of table.stamped) row[c] = database.watermarks.now();
    checkNotNull(table, row);
    if (writes !== null) insertRow(database, writes, row);
  });
}

function refused(database: Database, owner: SourceObject | TableObject, read: SourceRows): Refused | null {
  return owner.kind === 'source'
    ? refusedBySource(database, owner, read)
    : refusedByTable(database, owner, read);
}

/** What the source has now; with on_error = 'fail' nothing that its relation refuses. */
export function pollAdmissible(
  database: Database,
  owner: SourceObject | TableObject,
  source: SourceRuntime,
  maxRows: number,
): SourceRows | null {
  if (source.letters.onError !== 'fail') return source.poll(maxRows);
  const unread = source.mark();
  const read = source.poll(maxRows);
  const found = read === null ? null : refused(database, owner, read);
  if (found === null) return read;
  unread();
  const before = found.row === 0 ? null : source.poll(found.row);
  if (before !== null && refused(database, owner, before) === null) return before;
  if (before !== null) unread();
  source.stop(found.error);
  return null;
}
