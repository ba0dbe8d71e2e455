/** millrace_catalog of what lies on disk: how the last start went, checkpoints, backups. */
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { Database } from '../database.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';

export const durabilityColumns: ColumnSpecs = {
  recovery: {
    id: 12430,
    kind: 'v',
    columns:
      'phase text!, progress float8!, started_at timestamptz!, checkpoint int8, checkpoint_taken_at timestamptz, checkpoint_age interval, restore_time interval!, replay_time interval!, records_replayed int8!, views_rebuilt text[]!, reasons text[]!',
  },
  checkpoints: {
    id: 12431,
    kind: 'v',
    columns:
      'number int8!, started_at timestamptz!, freeze_time interval!, total_time interval!, blocks int8!, bytes int8!, total_blocks int8!, journal_position int8!, version int8!, error text',
  },
  backups: {
    id: 12432,
    kind: 'v',
    columns:
      'name text!, taken_at timestamptz, bytes int8!, checkpoint int8, version int8, journal_position int8, format int4, error text',
  },
};

const interval = (micros: number): Interval => new Interval(0, 0, BigInt(Math.round(micros)));

/** One row; none for a server that keeps nothing. */
export function* recoveryFields({ durability }: Database): Generator<Fields> {
  if (durability === null) return;
  const { progress, recovery } = durability;
  const { takenAt, startedAt, rebuilt } = recovery;
  yield {
    phase: progress.phase,
    progress: progress.fraction,
    started_at: startedAt,
    checkpoint: recovery.checkpoint === null ? null : BigInt(recovery.checkpoint),
    checkpoint_taken_at: takenAt,
    checkpoint_age: takenAt === null ? null : new Interval(0, 0, startedAt - takenAt),
    restore_time: interval(recovery.restoreMicros),
    replay_time: interval(recovery.replayMicros),
    records_replayed: BigInt(recovery.replayedRecords),
    views_rebuilt: new SqlArray(rebuilt.map((r) => r.view)),
    reasons: new SqlArray(rebuilt.map((r) => r.reason)),
  };
}

function* checkpoints({ durability }: Database): Generator<Fields> {
  for (const report of durability?.checkpointer.reports ?? []) {
    yield {
      number: BigInt(report.number),
      started_at: report.startedAt,
      freeze_time: interval(report.frozenMicros),
      total_time: interval(report.micros),
      blocks: BigInt(report.blocks),
      bytes: BigInt(report.bytes),
      total_blocks: BigInt(report.totalBlocks),
      journal_position: BigInt(report.journalSeq),
      version: report.version,
      error: report.error?.message ?? null,
    };
  }
}

export function* backupFields({ durability }: Database): Generator<Fields> {
  for (const { name, bytes, description, error } of durability?.backups?.list() ?? []) {
    const known =
      description === null
        ? {}
        : {
            taken_at: BigInt(description.takenAt),
            checkpoint: BigInt(description.number),
            version: BigInt(description.version),
            journal_position: BigInt(description.journalSeq),
            format: description.format,
          };
    yield { name, bytes: BigInt(bytes), error: error?.message ?? null, ...known };
  }
}

export const durabilityCatalog: RowSources = {
  recovery: (view) => recoveryFields(view.database),
  checkpoints: (view) => checkpoints(view.database),
  backups: (view) => backupFields(view.database),
};
