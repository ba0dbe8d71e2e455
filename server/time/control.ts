/**
 * Event time in the hands of users and of the clock: rows given by hand, watermarks set, partitions that fall idle, late
 * rows admitted after all. Everything here runs inside the database's `exclusive`, is journalled, and is repeated at the
 * same place by a restart and by every later reader of the source.
 */
import type { NonNullValue, Row } from '../../common/value.ts';
import type { Database } from '../database.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import type { EventTime } from './eventTime.ts';
import { ownerRow, rememberCounted } from './lateRead.ts';
import { publishWatermark, tickReadmitted, tickSource } from './ticks.ts';
import { toUnits } from './units.ts';

/** One tick over rows given by hand: physical columns, each row a message of `partition`. Durable on return. */
export function injectRows(
  database: Database,
  source: SourceObject,
  rows: readonly Row[],
  partition: string,
): void {
  if (rows.length === 0) return;
  const now = database.beginTick();
  database.journal?.appendInject(source, rows, partition, now);
  const output = source.admission.inject(rows, partition, now);
  source.source.rowsRead += BigInt(rows.length);
  tickSource(database, source, [output]);
}

/**
 * Sets a watermark, of one partition or of all, and runs a tick. False: it was there already, or further.
 * `value` is one of the watermark column's type.
 */
export function advanceWatermark(
  database: Database,
  object: SourceObject | TableObject,
  partition: string | null,
  value: NonNullValue,
): boolean {
  const now = database.beginTick();
  const units = toUnits(value);
  const eventTime = object.admission?.eventTime ?? null;
  if (eventTime === null || !moves(eventTime, partition, units)) return false;
  database.journal?.appendAdvance(object, partition, units, now);
  if (object.kind === 'source') object.admission.advance(partition, units, now);
  else eventTime.advance(partition, units, now);
  database.runTick(() => publishWatermark(database, object));
  return true;
}

/** True when setting the watermark, of one partition or of all, takes it further. */
function moves(eventTime: EventTime, partition: string | null, value: bigint): boolean {
  const from = partition === null ? eventTime.watermark() : (eventTime.find(partition)?.watermark ?? null);
  return from === null || value > from;
}

/** Relations that decide about lateness. */
function timedObjects(database: Database): readonly (SourceObject | TableObject)[] {
  return database.catalog
    .objects()
    .flatMap((o) => ((o.kind === 'source' || o.kind === 'table') && o.admission?.eventTime ? [o] : []));
}

/**
 * What the clock does to event time: partitions that have been quiet for too long fall idle, watermarks follow the clock
 * where that is wanted, and old rows leave the relations of late rows. True when something changed (a tick was run).
 */
export function expireIdle(database: Database): boolean {
  const now = database.beginTick();
  const moved = timedObjects(database).filter((object) => fallIdle(object, now));
  const expired = database.catalog.objects().flatMap((table) => {
    if (table.kind !== 'table' || table.lateStore === null) return [];
    const rows = table.lateStore.expire(now);
    return rows.length === 0 ? [] : [{ table, rows }];
  });
  if (moved.length === 0 && expired.length === 0) return false;
  database.journal?.noteIdle(now);
  database.runTick(() => {
    for (const object of moved) publishWatermark(database, object);
    for (const { table, rows } of expired) {
      rememberCounted(database, table, rows);
      database.pushRows(table, rows);
    }
  });
  return true;
}

function fallIdle(object: SourceObject | TableObject, now: bigint): boolean {
  const eventTime = object.admission?.eventTime ?? null;
  if (eventTime === null) return false;
  const names = eventTime.expired(now);
  if (names.length > 0) {
    const since = eventTime.idleSince(names);
    if (object.kind === 'source') object.admission.setIdle(names, since);
    else eventTime.setIdle(names, since);
  }
  return eventTime.follow(now) || names.length > 0;
}

/** Clock time at which `expireIdle` next has something to do; null: never by itself. */
export function nextIdle(database: Database): bigint | null {
  let next: bigint | null = null;
  const consider = (at: bigint | null): void => {
    if (at !== null && (next === null || at < next)) next = at;
  };
  for (const object of database.catalog.objects()) {
    if (object.kind !== 'source' && object.kind !== 'table') continue;
    consider(object.admission?.eventTime?.nextChange() ?? null);
    if (object.kind === 'table') consider(object.lateStore?.nextExpiry() ?? null);
  }
  return next;
}

/**
 * Late rows (as the relation of late rows has them) become rows of their source or table, in one tick, and leave the
 * relation of late rows. Views that must count them in windows which are over have to be built again.
 */
export function admitLateRows(
  database: Database,
  object: SourceObject | TableObject,
  lateRows: readonly Row[],
): void {
  if (lateRows.length === 0) return;
  const now = database.beginTick();
  const rows = lateRows.map((row) => ownerRow(database, object, row));
  database.journal?.appendReadmit(object, rows, now);
  admitRows(database, object, rows);
}

/** As `admitLateRows`, of rows as their source or table has them. */
export function admitRows(
  database: Database,
  object: SourceObject | TableObject,
  rows: readonly Row[],
): void {
  if (object.kind === 'source') tickSource(database, object, [object.admission.readmit(rows)]);
  else tickReadmitted(database, object, rows);
}
