/** Metrics of what comes in: sources and tables with a connector, their partitions, bad records, PostgreSQL's stream, lookups. */

import { cdcSources } from '../cdc/tables.ts';
import type { Database } from '../database.ts';
import { deadRelationOf } from '../deadLetters/deadRelation.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { RemoteSource } from '../remote/remoteSource.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { eventTimeOf } from '../time/advisor.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import type { Partition } from '../time/partition.ts';
import { clockUnits, MICROS_PER_DAY, timeUnitOf } from '../time/units.ts';
import { type Collected, type Metric, type Sample, stateOf } from './metric.ts';
import { relationName } from './names.ts';

const SECOND = 1e6;

interface Fed {
  readonly object: SourceObject | TableObject;
  readonly source: SourceRuntime;
  readonly name: string;
}

function* fed(database: Database): Generator<Fed> {
  for (const object of database.catalog.objects()) {
    if ((object.kind !== 'source' && object.kind !== 'table') || object.source === null) continue;
    yield { object, source: object.source, name: relationName(object) };
  }
}

/** A metric with one value for each source; null: it has none. */
function ofSource(
  metric: Omit<Metric, 'labels'>,
  value: (fed: Fed, database: Database) => number | bigint | null,
): Collected<Database> {
  return {
    ...metric,
    labels: ['source', 'connector'],
    *read(database) {
      for (const each of fed(database)) {
        const read = value(each, database);
        if (read !== null) yield { labels: [each.name, each.source.connector.name], value: read };
      }
    },
  };
}

function ofPartition(
  metric: Omit<Metric, 'labels'>,
  value: (partition: Partition) => number | bigint,
): Collected<Database> {
  return {
    ...metric,
    labels: ['source', 'partition'],
    *read(database) {
      for (const { object, name } of fed(database)) {
        for (const partition of eventTimeOf(object)?.eventTime.partitions() ?? []) {
          yield { labels: [name, partition.name], value: value(partition) };
        }
      }
    },
  };
}

/** Seconds that the watermark is behind the clock; null: it is not of time, or there is none yet. */
function watermarkLag({ object }: Fed, database: Database): number | null {
  const time = eventTimeOf(object);
  const watermark = time?.eventTime.watermark() ?? null;
  if (time === null || watermark === null) return null;
  const unit = timeUnitOf(time.rule.type);
  if (unit === null || unit === 'number') return null;
  const behind = clockUnits(database.clock(), time.rule.type, object.timeZone) - watermark;
  return Number(unit === 'days' ? behind * MICROS_PER_DAY : behind) / SECOND;
}

function letters({ object }: Fed, database: Database, which: 'retained' | 'dropped'): number | null {
  const relation = deadRelationOf(database, object.id);
  return relation === null ? null : lateStoreOf(relation)[which];
}

function* partitionLags(database: Database): Generator<Sample> {
  for (const { source, name } of fed(database)) {
    if (!(source.connector instanceof RemoteSource)) continue;
    for (const { partition, lag } of source.connector.progress) {
      if (lag !== null) yield { labels: [name, partition], value: lag };
    }
  }
}

function* drift(database: Database): Generator<Sample> {
  for (const { source, name } of fed(database)) {
    const byKind = new Map<string, bigint>();
    for (const { kind, count } of source.bad.drift.entries()) {
      byKind.set(kind, (byKind.get(kind) ?? 0n) + count);
    }
    for (const [kind, count] of byKind) yield { labels: [name, kind.replaceAll(' ', '_')], value: count };
  }
}

export const sourceMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_source_state',
    kind: 'gauge',
    labels: ['source', 'connector', 'state'],
    help: '1 for the state that the source is in: running, paused (by ALTER), failed (waits for a retry or for ALTER ... RESUME), changed (its input is not what had been read).',
    *read(database) {
      for (const { source, name } of fed(database)) {
        const { paused } = source;
        const states = { user: 'paused', failure: 'failed', changed: 'changed' } as const;
        yield stateOf([name, source.connector.name, paused === null ? 'running' : states[paused.cause]]);
      }
    },
  },
  ofSource(
    { name: 'millrace_source_rows_total', kind: 'counter', help: 'Rows that have come from the source.' },
    ({ source }) => source.rowsRead,
  ),
  ofSource(
    {
      name: 'millrace_source_bytes_total',
      kind: 'counter',
      help: 'Bytes of messages that have come from a remote source.',
    },
    ({ source }) => (source.connector instanceof RemoteSource ? source.bytesRead : null),
  ),
  ofSource(
    {
      name: 'millrace_source_bad_records_total',
      kind: 'counter',
      help: 'Records that could not be used.',
    },
    ({ source }) => source.bad.total,
  ),
  ofSource(
    {
      name: 'millrace_source_nulled_fields_total',
      kind: 'counter',
      help: "Fields that did not fit and were made NULL (on_error = 'null').",
    },
    ({ source }) => source.bad.nulled,
  ),
  ofSource(
    {
      name: 'millrace_source_refused_requests_total',
      kind: 'counter',
      help: 'Requests to a webhook that were refused for their token, their signature or by VALIDATE (status 401), since the server has started.',
    },
    ({ source }) => (source.connector.name === 'webhook' ? source.refusedRequests : null),
  ),
  {
    name: 'millrace_source_drift_total',
    kind: 'counter',
    labels: ['source', 'kind'],
    help: 'Fields that were not as the columns are, by kind: unknown_field, missing_field, type_changed, schema_changed.',
    read: drift,
  },
  ofSource(
    {
      name: 'millrace_source_dead_letters',
      kind: 'gauge',
      help: 'Records in the relation of dead letters.',
    },
    (each, database) => letters(each, database, 'retained'),
  ),
  ofSource(
    {
      name: 'millrace_source_dead_letters_dropped_total',
      kind: 'counter',
      help: 'Dead letters that went because of their age or number.',
    },
    (each, database) => letters(each, database, 'dropped'),
  ),
  ofSource(
    {
      name: 'millrace_source_rows_forgotten_total',
      kind: 'counter',
      help: 'Rows of a remote source that went by its option `retention`.',
    },
    ({ object }) => (object.kind === 'table' ? (object.stream?.forgotten ?? null) : null),
  ),
  ofSource(
    {
      name: 'millrace_source_watermark_lag_seconds',
      kind: 'gauge',
      help: 'How far the watermark of a source is behind the clock.',
    },
    watermarkLag,
  ),
  {
    name: 'millrace_source_partition_lag_messages',
    kind: 'gauge',
    labels: ['source', 'partition'],
    help: 'Messages that wait in the partition of a remote source, where its server tells.',
    read: partitionLags,
  },
  ofPartition(
    {
      name: 'millrace_source_partition_rows_total',
      kind: 'counter',
      help: 'Rows of the partition with an event time, late ones too. Of sources with a watermark, as the four that follow.',
    },
    (p) => p.rows,
  ),
  ofPartition(
    { name: 'millrace_source_partition_late_rows_total', kind: 'counter', help: 'Rows that came too late.' },
    (p) => p.late,
  ),
  ofPartition(
    {
      name: 'millrace_source_partition_future_rows_total',
      kind: 'counter',
      help: 'Rows that were too far ahead of the clock.',
    },
    (p) => p.future,
  ),
  ofPartition(
    {
      name: 'millrace_source_partition_null_time_rows_total',
      kind: 'counter',
      help: 'Rows without an event time.',
    },
    (p) => p.nullTime,
  ),
  ofPartition(
    {
      name: 'millrace_source_partition_idle',
      kind: 'gauge',
      help: '1: the partition is idle, nobody waits for it.',
    },
    (p) => (p.idle ? 1 : 0),
  ),
];

function ofCdc(
  metric: Omit<Metric, 'labels'>,
  value: (database: Database, id: number) => number | bigint | null,
): Collected<Database> {
  return {
    ...metric,
    labels: ['source'],
    *read(database) {
      for (const { object } of cdcSources(database)) {
        const read = value(database, object.id);
        if (read !== null) yield { labels: [relationName(object)], value: read };
      }
    },
  };
}

export const cdcMetrics: readonly Collected<Database>[] = [
  ofCdc(
    {
      name: 'millrace_cdc_lag_bytes',
      kind: 'gauge',
      help: "Bytes of PostgreSQL's log that a postgres-cdc source has not confirmed.",
    },
    (database, id) => database.cdc.find(id)?.figures.status?.lagBytes ?? null,
  ),
  ofCdc(
    {
      name: 'millrace_cdc_retained_bytes',
      kind: 'gauge',
      help: "Bytes of PostgreSQL's log that the source's slot keeps on PostgreSQL's disk.",
    },
    (database, id) => database.cdc.find(id)?.figures.status?.retainedBytes ?? null,
  ),
  ofCdc(
    {
      name: 'millrace_cdc_transactions_total',
      kind: 'counter',
      help: 'Transactions of PostgreSQL that have come since the start.',
    },
    (database, id) => database.cdc.find(id)?.figures.transactions ?? null,
  ),
  ofCdc(
    {
      name: 'millrace_cdc_queued_bytes',
      kind: 'gauge',
      help: 'Bytes of transactions that have been received and not yet applied.',
    },
    (database, id) => database.cdc.find(id)?.stream?.queued.bytes ?? null,
  ),
];
