/**
 * What EXPLAIN WATERMARK shows: how far out of order rows have come, and which delay would have let how many of them in.
 * With WATERMARK FOR ts AS ts - delay a row is admitted iff it is at most `delay` behind the greatest event time before it
 * in its partition, so the delay that admits a share q of the rows is the q-quantile of that distance.
 */
import { type DataType, types } from '../../common/dataType.ts';
import type { Row, Value } from '../../common/value.ts';
import type { ResultColumn } from '../../wire/port.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import type { EventTime } from './eventTime.ts';
import { Histogram } from './histogram.ts';
import type { TimeRule } from './timeRule.ts';
import { differenceInterval, type TimeUnit } from './units.ts';

const percentiles = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

const delays = [
  ['delay_99', 0.99],
  ['delay_99_9', 0.999],
  ['delay_99_99', 0.9999],
] as const;

export interface WatermarkReport {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly Row[];
}

function difference(units: bigint | null, unit: TimeUnit): Value {
  if (units === null) return null;
  return unit === 'number' ? units : differenceInterval(units, unit);
}

function line(name: string, rows: number, late: number, disorder: Histogram, unit: TimeUnit): Row {
  const quantile = ([, share]: readonly [string, number]): Value =>
    difference(disorder.quantile(share), unit);
  return [
    name,
    BigInt(rows),
    BigInt(late),
    ...percentiles.map(quantile),
    difference(disorder.total === 0 ? null : disorder.max, unit),
    ...delays.map(quantile),
  ];
}

/** One line per partition, in the order of their first message, and one of all together. */
export function watermarkReport(rule: TimeRule, eventTime: EventTime): WatermarkReport {
  const type: DataType = rule.unit === 'number' ? types.int8 : types.interval;
  const lengths = [...percentiles.map(([name]) => name), 'max', ...delays.map(([name]) => name)];
  const all = new Histogram();
  const partitions = eventTime.partitions();
  for (const p of partitions) all.merge(p.disorder);
  const sum = (count: 'rows' | 'late'): number => partitions.reduce((total, p) => total + p[count], 0);
  return {
    columns: [
      { name: 'partition', type: types.text },
      { name: 'rows', type: types.int8 },
      { name: 'late', type: types.int8 },
      ...lengths.map((name) => ({ name, type })),
    ],
    rows: [
      ...partitions.map((p) => line(p.name, p.rows, p.late, p.disorder, rule.unit)),
      line('total', sum('rows'), sum('late'), all, rule.unit),
    ],
  };
}

/** Event time of a relation with a watermark of its own; null: it has none. */
export function eventTimeOf(
  object: SourceObject | TableObject,
): { readonly rule: TimeRule; readonly eventTime: EventTime } | null {
  const rule = object.admission?.rule ?? null;
  const eventTime = object.admission?.eventTime ?? null;
  return rule === null || eventTime === null ? null : { rule, eventTime };
}
