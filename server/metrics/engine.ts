/** Metrics of the engine: ticks and commits, relations and what they take, the limit of memory, journal, checkpoints, sessions. */
import type { Persistent } from '../../storage/state/persist.ts';
import type { Database } from '../database.ts';
import { usageOf } from '../memory/usage.ts';
import type { CatalogObject } from '../objects.ts';
import { lateRelationOf } from '../time/lateRelation.ts';
import { type Collected, only, type Sample } from './metric.ts';
import { relationName } from './names.ts';

const SECOND = 1e6;

export const tickMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_tick_duration_seconds',
    kind: 'histogram',
    labels: [],
    help: 'How long ticks took: a commit, or rows of a source, through all views. Its count is the number of ticks.',
    read: ({ figures }) => only(figures.ticks),
  },
  {
    name: 'millrace_commit_duration_seconds',
    kind: 'histogram',
    labels: [],
    help: 'From a commit of rows to its answer. Its count is the number of commits.',
    read: ({ figures }) => only(figures.commits),
  },
  {
    name: 'millrace_commit_failures_total',
    kind: 'counter',
    labels: [],
    help: 'Commits that were refused.',
    read: ({ figures }) => only(figures.failedCommits),
  },
  {
    name: 'millrace_version',
    kind: 'gauge',
    labels: [],
    help: 'Number of the published version.',
    read: ({ version }) => only(version),
  },
  {
    name: 'millrace_sessions',
    kind: 'gauge',
    labels: [],
    help: 'Open sessions.',
    read: ({ sessions }) => only(sessions.size),
  },
  {
    name: 'millrace_jobs',
    kind: 'gauge',
    labels: [],
    help: 'Statements that build or change views in the background.',
    read: ({ jobs }) => only(jobs.list().length),
  },
];

const kindLabel = (kind: CatalogObject['kind']): string => kind.replaceAll(' ', '_');

function* stored(database: Database) {
  for (const object of database.catalog.objects()) {
    if (object.kind === 'table' || object.kind === 'materialized view') yield object;
  }
}

function* views(database: Database) {
  for (const object of database.catalog.objects()) if (object.kind === 'materialized view') yield object;
}

function* relationRows(database: Database): Generator<Sample> {
  for (const object of stored(database)) {
    yield { labels: [relationName(object), kindLabel(object.kind)], value: object.store.rowCount() };
  }
}

function* rowErrors(database: Database): Generator<Sample> {
  const counts = new Map<number, number>();
  for (const { id, count } of database.rowErrors.entries()) {
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + count);
  }
  for (const view of views(database)) yield { labels: [relationName(view)], value: counts.get(view.id) ?? 0 };
}

function* viewLate(database: Database): Generator<Sample> {
  for (const view of views(database)) {
    const store = lateRelationOf(database, view.id)?.lateStore ?? null;
    if (store !== null) yield { labels: [relationName(view)], value: store.received };
  }
}

/** Bytes of state of each relation: its rows, what its operators remember, and its arrangements. */
function* stateBytes(database: Database): Generator<Sample> {
  const memory = new Map<number, { bytes: number; inMemory: number }>();
  const add = (id: number, state: Persistent): void => {
    const usage = usageOf(state);
    const known = memory.get(id) ?? { bytes: 0, inMemory: 0 };
    memory.set(id, { bytes: known.bytes + usage.bytes, inMemory: known.inMemory + usage.bytesInMemory });
  };
  for (const object of stored(database)) {
    if (object.kind === 'materialized view') {
      if (object.paused !== null) continue;
      for (const { operator } of object.nodes) {
        if (operator?.persistent !== undefined) add(object.id, operator.persistent);
      }
    }
    add(object.id, object.store);
  }
  for (const { relation, operator } of database.arrangements.list()) add(relation.id, operator.persistent);
  for (const object of database.catalog.objects()) {
    const usage = memory.get(object.id);
    if (usage === undefined) continue;
    const { bytes, inMemory } = usage;
    yield { labels: [relationName(object), 'memory'], value: inMemory };
    yield { labels: [relationName(object), 'disk'], value: Math.max(0, bytes - inMemory) };
  }
}

export const relationMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_relation_rows',
    kind: 'gauge',
    labels: ['relation', 'kind'],
    help: 'Rows of tables and materialized views.',
    read: relationRows,
  },
  {
    name: 'millrace_table_commits_total',
    kind: 'counter',
    labels: ['table'],
    help: 'Changes of a table since the start, each a commit or a batch of its connector.',
    *read(database) {
      for (const object of stored(database)) {
        if (object.kind === 'table') yield { labels: [relationName(object)], value: object.commits };
      }
    },
  },
  {
    name: 'millrace_view_row_errors',
    kind: 'gauge',
    labels: ['view'],
    help: 'Rows that a view cannot compute now (millrace_catalog.row_errors).',
    read: rowErrors,
  },
  {
    name: 'millrace_view_paused',
    kind: 'gauge',
    labels: ['view'],
    help: '1: the view is paused, and not up to date.',
    *read(database) {
      for (const view of views(database)) {
        yield { labels: [relationName(view)], value: view.paused === null ? 0 : 1 };
      }
    },
  },
  {
    name: 'millrace_view_late_rows_total',
    kind: 'counter',
    labels: ['view'],
    help: 'Rows that came when their window of the view had closed.',
    read: viewLate,
  },
  {
    name: 'millrace_state_bytes',
    kind: 'gauge',
    labels: ['relation', 'place'],
    help: 'State of a relation, its operators and arrangements, by where it lies: memory, disk.',
    read: stateBytes,
  },
];

export const memoryMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_memory_limit_bytes',
    kind: 'gauge',
    labels: [],
    help: 'Bytes of state that are kept in memory at most (--memory-limit).',
    read: ({ memory }) => only(memory?.limit ?? null),
  },
  {
    name: 'millrace_memory_state_bytes',
    kind: 'gauge',
    labels: [],
    help: 'Bytes of state in memory, as counted last.',
    read: ({ memory }) => only(memory?.residency.resident ?? null),
  },
  {
    name: 'millrace_memory_swap_bytes',
    kind: 'gauge',
    labels: [],
    help: 'Bytes of state that were moved to disk.',
    read: ({ memory }) => only(memory?.swapBytes ?? null),
  },
  {
    name: 'millrace_memory_evicted_blocks_total',
    kind: 'counter',
    labels: [],
    help: 'Blocks of state that were moved out of memory.',
    read: ({ memory }) => only(memory?.residency.evictions ?? null),
  },
  {
    name: 'millrace_memory_fetched_blocks_total',
    kind: 'counter',
    labels: [],
    help: 'Blocks of state that were read back.',
    read: ({ memory }) => only(memory?.residency.fetches ?? null),
  },
];

const lastCheckpoint = ({ durability }: Database) =>
  durability?.checkpointer.reports.findLast((report) => report.error === null) ?? null;

export const diskMetrics: readonly Collected<Database>[] = [
  {
    name: 'millrace_journal_position',
    kind: 'gauge',
    labels: [],
    help: 'Number of the newest record of the journal; it goes on over restarts.',
    read: ({ journal }) => only(journal?.lastSeq ?? null),
  },
  {
    name: 'millrace_journal_synced_position',
    kind: 'gauge',
    labels: [],
    help: 'Number of the newest record that is known to be on disk.',
    read: ({ journal }) => only(journal?.syncedSeq ?? null),
  },
  {
    name: 'millrace_journal_records',
    kind: 'gauge',
    labels: [],
    help: 'Records that no checkpoint covers: a restart goes through them.',
    read: ({ journal }) => only(journal?.records ?? null),
  },
  {
    name: 'millrace_journal_written_bytes_total',
    kind: 'counter',
    labels: [],
    help: 'Bytes of records that were written since the start.',
    read: ({ journal }) => only(journal?.writtenBytes ?? null),
  },
  {
    name: 'millrace_checkpoints_total',
    kind: 'counter',
    labels: ['outcome'],
    help: 'Checkpoints since the start, by outcome: done, failed.',
    *read({ durability }) {
      if (durability === null) return;
      const { done, failed } = durability.checkpointer;
      yield { labels: ['done'], value: done };
      yield { labels: ['failed'], value: failed };
    },
  },
  {
    name: 'millrace_checkpoint_duration_seconds',
    kind: 'gauge',
    labels: [],
    help: 'How long the last good checkpoint took.',
    read: (database) => only(seconds(lastCheckpoint(database)?.micros)),
  },
  {
    name: 'millrace_checkpoint_freeze_seconds',
    kind: 'gauge',
    labels: [],
    help: 'For how much of that nothing else could run.',
    read: (database) => only(seconds(lastCheckpoint(database)?.frozenMicros)),
  },
  {
    name: 'millrace_checkpoint_bytes',
    kind: 'gauge',
    labels: [],
    help: 'What it wrote.',
    read: (database) => only(lastCheckpoint(database)?.bytes ?? null),
  },
  {
    name: 'millrace_checkpoint_timestamp_seconds',
    kind: 'gauge',
    labels: [],
    help: 'When it began, in seconds since 1970.',
    read: (database) => only(seconds(lastCheckpoint(database)?.startedAt)),
  },
  {
    name: 'millrace_recovery_duration_seconds',
    kind: 'gauge',
    labels: [],
    help: 'How long the start took: reading the checkpoint, and going through the journal.',
    read: ({ durability }) => {
      const recovery = durability?.recovery ?? null;
      return only(recovery === null ? null : (recovery.restoreMicros + recovery.replayMicros) / SECOND);
    },
  },
];

function seconds(micros: number | bigint | undefined): number | null {
  return micros === undefined ? null : Number(micros) / SECOND;
}
