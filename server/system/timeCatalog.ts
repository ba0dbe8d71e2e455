/** millrace_catalog: watermarks, their partitions, and counts of late rows. */

import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { eventTimeOf } from '../time/advisor.ts';
import { lateRelationOf } from '../time/lateRelation.ts';
import {
  clockUnits,
  differenceInterval,
  intervalOfMicros,
  MICROS_PER_DAY,
  timeUnitOf,
  toUnits,
  unitsText,
} from '../time/units.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const timeColumns: ColumnSpecs = {
  watermarks: {
    id: 12420,
    kind: 'v',
    columns:
      'relation_id oid!, schema name!, relation text!, column_name text!, expression text, watermark text, lag interval, active_partitions int4, idle_partitions int4, idle bool!',
  },
  watermark_partitions: {
    id: 12421,
    kind: 'v',
    columns:
      'relation_id oid!, schema name!, relation text!, partition text!, watermark text, max_event_time text, rows int8!, late_rows int8!, future_rows int8!, null_time_rows int8!, last_arrival timestamptz, idle bool!',
  },
  late_counts: {
    id: 12422,
    kind: 'v',
    columns:
      'relation_id oid!, schema name!, relation text!, late int8!, future int8!, null_time int8!, retained int8!, dropped int8!, max_lateness interval',
  },
};

function* timed(view: SystemView) {
  for (const object of view.database.catalog.objects()) {
    if (object.kind !== 'source' && object.kind !== 'table') continue;
    const time = eventTimeOf(object);
    if (time !== null) yield { object, ...time };
  }
}

const nameOf = (object: { readonly id: number; readonly schema: string; readonly name: string }) => ({
  relation_id: object.id,
  schema: object.schema,
  relation: object.name,
});

/** How far a watermark is behind the clock. */
function lag(watermark: bigint | null, type: DataType, timeZone: string, now: bigint): Value {
  const unit = timeUnitOf(type);
  if (watermark === null || unit === null || unit === 'number') return null;
  const behind = clockUnits(now, type, timeZone) - watermark;
  return intervalOfMicros(unit === 'days' ? behind * MICROS_PER_DAY : behind);
}

function* watermarks(view: SystemView): Generator<Fields> {
  const now = view.database.clock();
  for (const { object, rule, eventTime } of timed(view)) {
    const partitions = eventTime.partitions();
    const idle = partitions.filter((p) => p.idle).length;
    const watermark = eventTime.watermark();
    yield {
      ...nameOf(object),
      column_name: must(object.columns[rule.column]).name,
      expression: object.watermark?.expression ?? null,
      watermark: unitsText(watermark, rule.type),
      lag: lag(watermark, rule.type, object.timeZone, now),
      active_partitions: partitions.length - idle,
      idle_partitions: idle,
      idle: eventTime.idle,
    };
  }
  yield* viewWatermarks(view, now);
}

/** Watermarks that views have from their inputs. */
function* viewWatermarks(view: SystemView, now: bigint): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    if (object.kind !== 'materialized view') continue;
    for (const { column } of object.entry.watermarked) {
      const { value, idle } = view.database.watermarks.watermark(object.id, column);
      const { name, type } = must(object.columns[column]);
      const units = value === null ? null : toUnits(value);
      yield {
        ...nameOf(object),
        column_name: name,
        watermark: unitsText(units, type),
        lag: lag(units, type, object.timeZone, now),
        idle,
      };
    }
  }
}

function* watermarkPartitions(view: SystemView): Generator<Fields> {
  for (const { object, rule, eventTime } of timed(view)) {
    for (const p of eventTime.partitions()) {
      yield {
        ...nameOf(object),
        partition: p.name,
        watermark: unitsText(p.watermark, rule.type),
        max_event_time: unitsText(p.maxEventTime, rule.type),
        rows: BigInt(p.rows),
        late_rows: BigInt(p.late),
        future_rows: BigInt(p.future),
        null_time_rows: BigInt(p.nullTime),
        last_arrival: p.rows + p.nullTime + p.future === 0 ? null : p.lastArrival,
        idle: p.idle,
      };
    }
  }
}

function* lateCounts(view: SystemView): Generator<Fields> {
  for (const { object, rule, eventTime } of timed(view)) {
    const partitions = eventTime.partitions();
    const sum = (count: 'late' | 'future' | 'nullTime'): bigint =>
      BigInt(partitions.reduce((total, p) => total + p[count], 0));
    const [most = 0n] = partitions.map((p) => p.maxLateness).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
    yield {
      ...nameOf(object),
      late: sum('late'),
      future: sum('future'),
      null_time: sum('nullTime'),
      ...kept(view, object),
      max_lateness: sum('late') === 0n ? null : differenceInterval(most, rule.unit),
    };
  }
  for (const object of view.database.catalog.objects()) {
    if (object.kind !== 'materialized view') continue;
    const store = lateRelationOf(view.database, object.id)?.lateStore ?? null;
    if (store === null) continue;
    yield {
      ...nameOf(object),
      late: BigInt(store.received),
      retained: BigInt(store.retained),
      dropped: BigInt(store.dropped),
    };
  }
}

function kept(view: SystemView, object: SourceObject | TableObject): Fields {
  const store = lateRelationOf(view.database, object.id)?.lateStore ?? null;
  return store === null ? {} : { retained: BigInt(store.retained), dropped: BigInt(store.dropped) };
}

export const timeCatalog: RowSources = {
  watermarks,
  watermark_partitions: watermarkPartitions,
  late_counts: lateCounts,
};
