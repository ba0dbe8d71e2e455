/**
 * Rows on their way into a table: defaults are filled in by the caller; here the row id is given, NOT NULL is checked and
 * the table's conflict behaviour decides what a row with a known key does.
 */

import { compareValues } from '../common/compare.ts';
import { SqlError } from '../common/sqlError.ts';
import type { TextContext } from '../common/textContext.ts';
import { formatValue } from '../common/textIo.ts';
import type { Row, Value } from '../common/value.ts';
import type { BadRecord, RawRecord, SourceRows } from '../connector/connector.ts';
import type { Database } from './database.ts';
import { rowJson } from './deadLetters/letterRow.ts';
import type { TableObject } from './objects.ts';
import { ONLY_PARTITION } from './time/eventTime.ts';
import type { TableWrites } from './transaction.ts';

/** Text forms for messages. */
export const messageContext: TextContext = {
  timeZone: 'UTC',
  now: () => 0n,
  intervalStyle: 'postgres',
  byteaOutput: 'hex',
  extraFloatDigits: 1,
};

function shownRow(table: TableObject, row: Row): string {
  return table.columns
    .flatMap((c, i) => {
      if (c.hidden === true) return [];
      const value = row[i] ?? null;
      return [value === null ? 'null' : formatValue(value, c.type, messageContext)];
    })
    .join(', ');
}

/** 23502 for a NULL in a NOT NULL column. */
export function checkNotNull(table: TableObject, row: Row): void {
  for (let i = 0; i < table.columns.length; i++) {
    const column = table.columns[i];
    if (column === undefined || column.nullable || row[i] !== null) continue;
    throw new SqlError(
      '23502',
      `null value in column "${column.name}" of relation "${table.name}" violates not-null constraint`,
      { detail: `Failing row contains (${shownRow(table, row)}).`, table: table.name, column: column.name },
    );
  }
}

export function duplicateKey(table: TableObject, row: Row): SqlError {
  const names = table.key.map((k) => table.columns[k]?.name).join(', ');
  const values = table.key
    .map((k) => {
      const column = table.columns[k];
      const value = row[k] ?? null;
      return column === undefined || value === null
        ? 'null'
        : formatValue(value, column.type, messageContext);
    })
    .join(', ');
  return new SqlError('23505', `duplicate key value violates unique constraint "${table.name}_pkey"`, {
    detail: `Key (${names})=(${values}) already exists.`,
    table: table.name,
    constraint: `${table.name}_pkey`,
  });
}

/** True when `next` may replace `before` by the table's version columns. */
function versionWins(table: TableObject, before: Row, next: Row): boolean {
  for (const c of table.versionColumns) {
    const type = table.columns[c]?.type;
    const a = before[c] ?? null;
    const b = next[c] ?? null;
    if (type === undefined || b === null) return false;
    if (a === null) return true;
    const order = compareValues(b, a, type);
    if (order !== 0) return order > 0;
  }
  return true;
}

/**
 * Inserts a complete row (hidden row id null: given here) by the table's own conflict behaviour.
 * Returns the row as stored, or null when the insert was ignored.
 */
export function insertRow(database: Database, writes: TableWrites, values: Row): Row | null {
  const table = writes.table;
  if (table.rowId !== null) {
    const row: Value[] = [...values];
    row[table.rowId] = database.nextRowId();
    checkNotNull(table, row);
    writes.append(row);
    return row;
  }
  checkNotNull(table, values);
  const before = writes.existing(values);
  if (before === null) {
    writes.put(values);
    return values;
  }
  switch (table.conflict) {
    case 'do nothing':
      return null;
    case 'do error':
      throw duplicateKey(table, values);
    case 'do update if not null': {
      if (!versionWins(table, before, values)) return null;
      const merged = values.map((value, i) => value ?? before[i] ?? null);
      writes.put(merged);
      return merged;
    }
    case 'overwrite':
      if (!versionWins(table, before, values)) return null;
      writes.put(values);
      return values;
  }
}

/** A row that a table's connector brought, whole, and the partition that it is a message of. */
export interface Message {
  readonly row: Row;
  readonly partition: string;
  /** The row with its key goes; only the key is looked at. */
  readonly removes?: boolean;
  /** The record that it was made of. */
  readonly record?: () => RawRecord | null;
}

/** A row of the table's connector that the table refuses becomes a dead letter. */
function refuse(
  database: Database,
  table: TableObject,
  row: Row,
  error: SqlError,
  record: RawRecord | null,
): void {
  const { message, state, column } = error;
  const physical = table.columns.map((c) => (c.generated === null ? c : { ...c, hidden: true }));
  const bad: BadRecord = {
    position: '',
    raw: shownRow(table, row),
    message,
    state,
    record,
    row: rowJson(row, physical),
    field: column ?? null,
  };
  table.source?.bad.add([bad], database.clock());
}

/**
 * Rows of a table's own connector, ready to be written: with generated columns, row id and time. A row that the table
 * refuses (NULL in NOT NULL, a column that cannot be computed) is counted as bad.
 */
export function messagesOf(
  database: Database,
  table: TableObject,
  { rows, partitions, recordOf }: Pick<SourceRows, 'rows' | 'partitions' | 'recordOf'>,
  removals: Uint8Array | null = null,
): readonly Message[] {
  const { eval: context } = database.tickContext(table.name, table.timeZone);
  const messages: Message[] = [];
  rows.forEach((physical, i) => {
    const partition = partitions?.[i] ?? ONLY_PARTITION;
    if (removals?.[i] === 1) {
      messages.push({ row: table.expander?.place(physical) ?? physical, partition, removes: true });
      return;
    }
    let row: Value[] = [...physical];
    try {
      if (table.expander !== null) row = [...table.expander.expand(physical, context)];
      if (table.rowId !== null) row[table.rowId] = database.nextRowId();
      for (const c of table.stamped) row[c] = database.watermarks.now();
      checkNotNull(table, row);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      refuse(database, table, row, error, recordOf?.(i) ?? null);
      return;
    }
    // Where rows may be late, the journal has them as rows: a restart knows no more of them.
    const known = recordOf === undefined || table.admission !== null ? {} : { record: () => recordOf(i) };
    messages.push({ row, partition, ...known });
  });
  return messages;
}

/** Writes a message by the table's conflict behaviour; a key that must be new and is not makes it a bad record. */
export function addMessage(database: Database, writes: TableWrites, message: Message): void {
  const { row, removes, record } = message;
  const { table } = writes;
  if (removes === true) {
    const isKey = table.key.every((k) => row[k] !== null && row[k] !== undefined);
    if (isKey && writes.existing(row) !== null) writes.remove(row);
    return;
  }
  if (table.rowId !== null) {
    writes.append(row);
    return;
  }
  try {
    insertRow(database, writes, row);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    refuse(database, table, row, error, record?.() ?? null);
  }
}
