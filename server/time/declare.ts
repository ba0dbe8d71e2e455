/** From the declarations of CREATE TABLE and CREATE SOURCE to the parts that keep event time and time to live. */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { BadRecord } from '../../connector/connector.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { Database } from '../database.ts';
import { rowJson } from '../deadLetters/letterRow.ts';
import { type EngineEnvironment, fixedSession, maintainedEvalContext } from '../evalContext.ts';
import type { TableColumn, TableTtl } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import type { DeclaredWatermark, TableShape } from '../statements/columns.ts';
import { keyString } from '../transaction.ts';
import { compileMark } from './markExpression.ts';
import { RowExpander } from './rowExpander.ts';
import { SourceAdmission } from './sourceAdmission.ts';
import type { Fault } from './sourcePass.ts';
import { TableAdmission } from './tableAdmission.ts';
import { optionText, type TtlOptions, timeOptions } from './timeOptions.ts';
import { TimeRule } from './timeRule.ts';
import { clockUnits, fromUnits, timeUnitOf, unitsValue } from './units.ts';

/** The event time that a relation declares; null: none. `partitions`: those known before anything has come. */
export function declaredTime(
  watermark: DeclaredWatermark | null,
  columns: readonly TableColumn[],
  options: readonly Option[],
  timeZone: string,
  partitions: readonly string[],
): TimeRule | null {
  const type = watermark === null ? null : must(columns[watermark.column]).type;
  const unit = type === null ? null : timeUnitOf(type);
  const parsed = timeOptions(options, unit === null ? 'none' : unit === 'number' ? 'number' : 'time');
  if (watermark === null || type === null || unit === null) return null;
  const mark = compileMark(watermark.bound, unit);
  return new TimeRule({
    column: watermark.column,
    type,
    unit,
    mark,
    options: parsed,
    timeZone,
    partitions,
  });
}

function contextOf(database: Database, timeZone: string, environment: EngineEnvironment) {
  return (now: () => bigint) =>
    maintainedEvalContext(environment, timeZone, now, fixedSession(database.catalog.database));
}

/** A row that came to nothing, or whose watermark did, as a bad record. */
function faultRecord({ error, row, admitted, index, record }: Fault, { columns }: TableShape): BadRecord {
  const { message, state } = error;
  const shown = admitted ? columns : columns.filter((c) => c.generated === null);
  return {
    position: `row ${index}`,
    raw: row.map((value) => (value === null ? '' : String(value))).join(','),
    message,
    state,
    record,
    row: rowJson(row, shown),
    field: error.column ?? null,
    ...(admitted ? { outcome: 'admitted' as const } : {}),
  };
}

/** Admission of a source. */
export function sourceAdmission(
  database: Database,
  shape: TableShape,
  rule: TimeRule | null,
  source: SourceRuntime,
  timeZone: string,
): SourceAdmission {
  const faults = (fault: Fault): void => source.bad.add([faultRecord(fault, shape)], database.clock());
  const setup = {
    rule,
    expander: new RowExpander(shape.generated, shape.columns.length),
    context: contextOf(database, timeZone, database.environment),
  };
  return new SourceAdmission(setup, database.clock(), faults);
}

/** Admission of a table with a watermark. */
export function tableAdmission(
  database: Database,
  rule: TimeRule,
  table: {
    readonly name: string;
    readonly timeZone: string;
    readonly key: readonly number[];
    readonly columns: readonly TableColumn[];
    readonly connected: boolean;
  },
): TableAdmission {
  const keyTypes = table.key.map((k) => must(table.columns[k]).type);
  return new TableAdmission({
    rule,
    now: database.clock(),
    context: database.tickContext(table.name, table.timeZone).eval,
    failed: (error) =>
      database.rowErrors.add({
        relation: table.name,
        id: null,
        operator: 'Watermark',
        error,
        weight: 1,
        at: database.watermarks.now(),
      }),
    keyOf: (row) =>
      keyString(
        table.key.map((k) => row[k] ?? null),
        keyTypes,
      ),
    connected: table.connected,
  });
}

/** The column from which a table's time to live counts: one that is named; null: the hidden time of the last write. */
export function ttlColumn(ttl: TtlOptions, columns: readonly TableColumn[]): number | null {
  if (ttl.column === null) return null;
  const name = optionText(ttl.column);
  const position = ttl.column.span.start;
  const column = columns.findIndex((c) => c.name === name);
  const found = columns[column];
  if (found === undefined) throw new SqlError('42703', `column "${name}" does not exist`, { position });
  if (timeUnitOf(found.type) === null || timeUnitOf(found.type) === 'number') {
    throw new SqlError('42804', `ttl_column "${name}" must be a timestamp or date`, { position });
  }
  return column;
}

/** Rows go when `column` is `micros` behind the clock. */
export function ttlByClock(columns: readonly TableColumn[], column: number, micros: bigint): TableTtl {
  const { type } = must(columns[column]);
  return {
    column,
    micros,
    by: 'clock',
    expireBelow: (now): Value => fromUnits(clockUnits(now - micros, type, 'UTC') + 1n, type),
  };
}

/** Rows go when `column` is below the table's watermark. */
export function ttlByWatermark(admission: TableAdmission): TableTtl {
  const { rule, eventTime } = admission;
  return {
    column: rule.column,
    micros: 0n,
    by: 'watermark',
    expireBelow: () => unitsValue(eventTime.watermark(), rule.type),
  };
}
