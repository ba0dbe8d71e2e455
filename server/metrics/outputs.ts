/** Metrics of sinks and of lookup tables. */
import type { Database } from '../database.ts';
import type { LookupRuntime } from '../lookup/runtime.ts';
import type { SinkObject } from '../objects.ts';
import { type Collected, type Metric, type Sample, stateOf } from './metric.ts';
import { relationName } from './names.ts';

const SECOND = 1e6;

function ofSink(
  metric: Omit<Metric, 'labels'>,
  value: (sink: SinkObject['runtime'], database: Database) => number | bigint | null,
): Collected<Database> {
  return {
    ...metric,
    labels: ['sink', 'connector'],
    *read(database) {
      for (const sink of database.sinks.list()) {
        const read = value(sink.runtime, database);
        if (read === null) continue;
        yield { labels: [relationName(sink), sink.runtime.shape.connector.name], value: read };
      }
    },
  };
}

/** Seconds since the oldest change that the target does not have. */
function lagOf({ outbox }: SinkObject['runtime'], database: Database): number {
  const { oldest } = outbox;
  return oldest === null ? 0 : Math.max(0, Number(database.clock() - oldest) / SECOND);
}

export const sinkMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_sink_state',
    kind: 'gauge',
    labels: ['sink', 'connector', 'state'],
    help: '1 for the state that the sink is in, as in millrace_catalog.sinks.',
    *read(database) {
      for (const sink of database.sinks.list()) {
        yield stateOf([relationName(sink), sink.runtime.shape.connector.name, sink.runtime.state]);
      }
    },
  },
  ofSink(
    {
      name: 'millrace_sink_backlog_rows',
      kind: 'gauge',
      help: 'Changes that the target does not have yet.',
    },
    ({ outbox }) => outbox.rows,
  ),
  ofSink(
    {
      name: 'millrace_sink_backlog_bytes',
      kind: 'gauge',
      help: 'What they take, in memory and on disk.',
    },
    ({ outbox }) => outbox.bytes,
  ),
  ofSink(
    { name: 'millrace_sink_spilled_bytes', kind: 'gauge', help: 'The part of them that is on disk.' },
    ({ outbox }) => outbox.spilledBytes,
  ),
  ofSink(
    {
      name: 'millrace_sink_delivered_rows_total',
      kind: 'counter',
      help: 'Changes that the target has.',
    },
    (sink) => sink.deliveredRows,
  ),
  ofSink(
    {
      name: 'millrace_sink_delivered_bytes_total',
      kind: 'counter',
      help: 'What they took in memory, about.',
    },
    (sink) => sink.deliveredBytes,
  ),
  ofSink(
    {
      name: 'millrace_sink_delivered_timestamp_seconds',
      kind: 'gauge',
      help: 'When something was delivered last, in seconds since 1970.',
    },
    ({ deliveredAt }) => (deliveredAt === null ? null : Number(deliveredAt) / SECOND),
  ),
  ofSink(
    {
      name: 'millrace_sink_failed_attempts',
      kind: 'gauge',
      help: 'Deliveries in a row that failed; 0: the last one did not.',
    },
    (sink) => sink.attempts,
  ),
  ofSink(
    {
      name: 'millrace_sink_lag_seconds',
      kind: 'gauge',
      help: 'Age of the oldest change that the target does not have.',
    },
    lagOf,
  ),
];

function ofLookup(
  metric: Omit<Metric, 'labels'>,
  value: (lookup: LookupRuntime) => number | bigint | null,
): Collected<Database> {
  return {
    ...metric,
    labels: ['lookup', 'connector'],
    *read(database) {
      for (const lookup of database.lookups.list()) {
        const read = value(lookup);
        if (read !== null) {
          yield { labels: [relationName(lookup.tables.rows), lookup.connector.name], value: read };
        }
      }
    },
  };
}

function* answers(database: Database): Generator<Sample> {
  for (const lookup of database.lookups.list()) {
    const { found, absent, unusable } = lookup;
    for (const [result, value] of Object.entries({ found, absent, unusable })) {
      yield { labels: [relationName(lookup.tables.rows), lookup.connector.name, result], value };
    }
  }
}

export const lookupMetrics: readonly Collected<Database>[] = [
  ofLookup(
    { name: 'millrace_lookup_waiting_keys', kind: 'gauge', help: 'Keys that rows wait for.' },
    (lookup) => lookup.waiting,
  ),
  ofLookup(
    { name: 'millrace_lookup_asking_keys', kind: 'gauge', help: 'Keys that are being asked for.' },
    (lookup) => lookup.underWay,
  ),
  ofLookup(
    { name: 'millrace_lookup_cached_keys', kind: 'gauge', help: 'Keys whose answer is kept.' },
    (lookup) => lookup.tables.keys.store.rowCount(),
  ),
  ofLookup(
    { name: 'millrace_lookup_keys_asked_total', kind: 'counter', help: 'Keys that were asked for.' },
    (lookup) => lookup.asked,
  ),
  {
    name: 'millrace_lookup_answers_total',
    kind: 'counter',
    labels: ['lookup', 'connector', 'result'],
    help: 'Answers since the start: found, absent (no such row), unusable (no row of the table).',
    read: answers,
  },
  ofLookup(
    {
      name: 'millrace_lookup_last_answer_seconds',
      kind: 'gauge',
      help: 'How long the last answer took.',
    },
    ({ lastMicros }) => (lastMicros === null ? null : Number(lastMicros) / SECOND),
  ),
  ofLookup(
    {
      name: 'millrace_lookup_failed_attempts',
      kind: 'gauge',
      help: 'Questions in a row that failed; 0: the last one did not.',
    },
    (lookup) => lookup.attempts,
  ),
];
