/** Answers to look-ups become rows: one tick, in the journal like any commit, with which the rows that waited pass. */
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { LookupAnswer } from '../../connector/lookup.ts';
import { batchRow } from '../../executor/batchBuilder.ts';
import type { Database, TableDelta } from '../database.ts';
import { checkNotNull } from '../ingest.ts';
import type { TableObject } from '../objects.ts';
import { TTL_INDEX } from '../time/ttl.ts';
import type { LookupRuntime } from './runtime.ts';

/** Beyond the most keys that are kept, by this part of them, the oldest go in one go. */
const SURPLUS = 1 / 16;

type Weighted = (readonly [row: Row, weight: number])[];

/** A row of all columns: those that are given, and NULL in hidden ones. */
function whole(table: TableObject, values: readonly Value[]): Row {
  return table.columns.map((_, c) => values[c] ?? null);
}

/** The row, if the table takes it. */
function usable(runtime: LookupRuntime, key: Row, answer: LookupAnswer): Row | null {
  if (answer === null) {
    runtime.absent++;
    return null;
  }
  try {
    if (answer instanceof SqlError) throw answer;
    const { rows } = runtime.tables;
    const row = [...whole(rows, answer)];
    rows.key.forEach((column, k) => {
      row[column] = key[k] ?? null;
    });
    checkNotNull(rows, row);
    runtime.found++;
    return row;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    runtime.unusable++;
    runtime.lastError = error;
    return null;
  }
}

/** Puts the answers into the tables. Only inside `exclusive`. */
export function takeAnswers(
  database: Database,
  runtime: LookupRuntime,
  keys: readonly Row[],
  answers: readonly LookupAnswer[],
): void {
  if (runtime.dropped) return;
  const { rows, keys: known } = runtime.tables;
  const rowDelta: Weighted = [];
  const keyDelta: Weighted = [];
  runtime.answered(keys);
  keys.forEach((key, i) => {
    const row = usable(runtime, key, answers[i] ?? null);
    const before = rows.store.findRow(key);
    if (before !== null) rowDelta.push([before, -1]);
    if (row !== null) rowDelta.push([row, 1]);
    const asked = known.store.findRow(key);
    if (asked !== null) keyDelta.push([asked, -1]);
    keyDelta.push([whole(known, key), 1]);
  });
  const deltas: TableDelta[] = [
    { table: rows, rows: rowDelta },
    { table: known, rows: keyDelta },
  ];
  database.applyTables(deltas);
  makeRoom(database, runtime);
}

/** The oldest answers go when there are too many. Rows that have been joined with them stay as they are. */
function makeRoom(database: Database, { tables: { rows, keys }, maxKeys }: LookupRuntime): void {
  const surplus = keys.store.rowCount() - maxKeys;
  if (surplus <= maxKeys * SURPLUS) return;
  const oldest: Row[] = [];
  keys.store.range(TTL_INDEX, [], null, null, (batch) => {
    for (let i = 0; i < batch.length && oldest.length < surplus; i++) oldest.push(batchRow(batch, i));
  });
  const gone = oldest
    .map((key) => rows.store.findRow(key.slice(0, rows.key.length)))
    .filter((row) => row !== null);
  database.applyTables([
    { table: keys, rows: oldest.map((row) => [row, -1]) },
    { table: rows, rows: gone.map((row) => [row, -1]) },
  ]);
}
