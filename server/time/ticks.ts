/**
 * Ticks over arrivals: admitted rows go into the dataflow, late ones into the relation of late rows and to views that
 * allow lateness, and the relation's watermark is set before the dataflow is flushed. All inside `exclusive`.
 */
import { must } from '../../common/assert.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { emitEachRow } from '../../executor/batchBuilder.ts';
import { toJsonNode } from '../../executor/functions/support/jsonValue.ts';
import { columnTypes, type Database, type TableDelta } from '../database.ts';
import { fileLetters } from '../deadLetters/letters.ts';
import { addMessage, type Message, messageContext } from '../ingest.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { TableWrites } from '../transaction.ts';
import { withinLateness } from './lateNodes.ts';
import { lateRowsFor, rememberCounted } from './lateRead.ts';
import { lateRelationOf, lateRelationRow, viewLateColumns } from './lateRelation.ts';
import type { Admitted, LateRow } from './lateRow.ts';
import { lateStoreOf } from './lateStore.ts';
import type { TimeRule } from './timeRule.ts';
import { toUnits, unitsValue } from './units.ts';

/** What a transaction brought to one table with a watermark. */
export interface LateSummary {
  readonly table: TableObject;
  /** New rows in all. */
  readonly inserted: number;
  readonly late: readonly LateRow[];
}

/** One tick over rows of a source. */
export function tickSource(database: Database, object: SourceObject, outputs: Iterable<Admitted>): void {
  database.runTick(() => {
    for (const { rows, late, readmitted } of outputs) {
      emitEachRow(columnTypes(object), rows, (batch) => database.dataflow.feed(object.node, batch));
      if (object.admission.rule !== null) fileLate(database, object, object.admission.rule, late);
      if (readmitted.length > 0) takeOut(database, object, readmitted);
    }
    fileLetters(database, object);
    publishWatermark(database, object);
  });
}

/** One tick over transactions' deltas; gives what was late. */
export function tickTables(
  database: Database,
  deltas: readonly TableDelta[],
  now: bigint,
): readonly LateSummary[] {
  const summaries: LateSummary[] = [];
  for (const { table } of deltas) table.commits++;
  database.runTick(() => {
    for (const { table, rows: delta } of deltas) {
      fileLetters(database, table);
      const { admission } = table;
      if (admission === null) {
        table.lateStore?.adopt(delta);
        database.pushRows(table, delta);
        continue;
      }
      const { rows, late } = admission.transaction(delta, now);
      database.pushRows(table, rows);
      if (late.length > 0) {
        fileLate(database, table, admission.rule, late);
        summaries.push({ table, inserted: delta.filter(([, weight]) => weight > 0).length, late });
      }
      publishWatermark(database, table);
    }
  });
  return summaries;
}

/**
 * One tick over deltas of tables without watermarks that come part by part: they are in the tables when the next part is asked for.
 */
export function tickParts(database: Database, parts: Iterable<readonly TableDelta[]>): void {
  const tables = new Set<TableObject>();
  database.runTick(() => {
    for (const deltas of parts) {
      for (const { table, rows } of deltas) {
        if (!tables.has(table)) {
          tables.add(table);
          table.commits++;
          fileLetters(database, table);
        }
        database.pushRows(table, rows);
      }
    }
  });
}

/** One tick over rows that are admitted already. */
export function tickAdmitted(database: Database, deltas: readonly TableDelta[]): void {
  for (const { table } of deltas) table.commits++;
  database.runTick(() => {
    for (const { table, rows } of deltas) {
      table.lateStore?.adopt(rows);
      database.pushRows(table, rows);
    }
  });
}

/** One tick in which late rows become rows of their table. */
export function tickReadmitted(database: Database, table: TableObject, rows: readonly Row[]): void {
  table.commits++;
  database.runTick(() => {
    takeOut(database, table, rows);
    database.pushRows(
      table,
      rows.map((row) => [row, 1]),
    );
  });
}

/** Rows that are admitted after all are late no longer. */
function takeOut(database: Database, object: SourceObject | TableObject, rows: readonly Row[]): void {
  const relation = must(lateRelationOf(database, object.id), `${object.name} has a relation of late rows`);
  const gone = lateRowsFor(database, object, rows).map((row) => [row, -1] as const);
  lateStoreOf(relation).adopt(gone);
  database.pushRows(relation, gone);
}

/** One tick over messages of a table's connector, each judged by itself. */
export function tickMessages(
  database: Database,
  table: TableObject,
  messages: readonly Message[],
  now: bigint,
): void {
  const admission = must(table.admission, 'messages are judged one by one where there is a watermark');
  const writes = new TableWrites(table);
  const late: LateRow[] = [];
  for (const message of messages) {
    const refused = message.removes === true ? null : admission.message(message.row, message.partition, now);
    if (refused === null) addMessage(database, writes, message);
    else late.push(refused);
  }
  table.commits++;
  database.runTick(() => {
    database.pushRows(table, [...writes.delta()]);
    fileLetters(database, table);
    fileLate(database, table, admission.rule, late);
    publishWatermark(database, table);
  });
}

/** Hands the dataflow the watermark that the relation has after the tick's arrivals. */
export function publishWatermark(database: Database, object: SourceObject | TableObject): void {
  const rule = object.admission?.rule ?? null;
  const eventTime = object.admission?.eventTime ?? null;
  if (rule === null || eventTime === null) return;
  const value = unitsValue(eventTime.watermark(), rule.type);
  database.watermarks.advance(object.id, rule.column, value, rule.type, eventTime.idle);
}

/** Late rows go to those who want them. */
function fileLate(
  database: Database,
  object: SourceObject | TableObject,
  rule: TimeRule,
  late: readonly LateRow[],
): void {
  if (late.length === 0) return;
  for (const [lateness, node] of database.lateNodes.of(object.id)) {
    const rows = late.filter((l) => withinLateness(l, rule, lateness)).map((l) => l.row);
    emitEachRow(columnTypes(object), rows, (batch) => database.dataflow.feed(node, batch));
  }
  const relation = must(lateRelationOf(database, object.id), `${object.name} has a relation of late rows`);
  keepLate(
    database,
    relation,
    late.map((l) => lateRelationRow(database, object.columns, rule.type, l)),
    must(late[late.length - 1]).at,
  );
}

/** A row of some operator inside a view, as an object of its columns. */
function rowAsJson(row: Row, schema: Schema): Jsonb {
  const type: DataType = { id: 'struct', fields: schema.map(({ name, type: t }) => ({ name, type: t })) };
  return new Jsonb(toJsonNode(row, type, messageContext));
}

function keepLate(database: Database, relation: TableObject, rows: readonly Row[], now: bigint): void {
  const delta = lateStoreOf(relation).take(rows, now);
  rememberCounted(database, relation, delta);
  database.pushRows(relation, delta);
}

/**
 * Rows that views left out in the tick just run go to the views' relations of late rows, and on to the views over those.
 * A rewritten journal has them as rows: what is made again meanwhile is not kept twice.
 */
export function fileViewLate(database: Database): void {
  const { lateRows } = database;
  while (lateRows.length > 0) {
    const rows = lateRows.splice(0);
    if (database.recovery?.rewritten === true) continue;
    for (const { relation, id, row, eventTime, watermark, schema } of rows) {
      const view = id === null ? null : database.catalog.byId(id);
      const late = id === null ? null : lateRelationOf(database, id);
      if (view?.kind !== 'materialized view' || late === null) {
        const error = new SqlError('01000', 'row left out: its window had closed');
        database.rowErrors.add({
          relation,
          id,
          operator: 'Close',
          error,
          weight: 1,
          at: database.watermarks.now(),
        });
        continue;
      }
      const timeType = must(late.columns[late.columns.length - 7]).type;
      const at = database.watermarks.now();
      const kept = lateRelationRow(database, viewLateColumns, timeType, {
        row: [rowAsJson(row, schema)],
        eventTime: eventTime === null ? null : toUnits(eventTime),
        watermark: watermark === null ? null : toUnits(watermark),
        reason: 'window closed',
        partition: null,
        at,
      });
      keepLate(database, late, [kept], at);
    }
    database.dataflow.finishTick();
  }
}
