/** millrace_catalog: how far CDC sources are, and what state the tables are in that they feed. */
import { SqlArray } from '../../common/sqlArray.ts';
import { shownTable } from '../../connector/postgresCdc/upstream.ts';
import { pauseReason } from '../sourcePause.ts';
import type { ColumnSpecs, Fields, RowSources } from '../system/definition.ts';
import type { SystemView } from '../system/systemView.ts';
import { cdcSources, tablesOf } from './tables.ts';

export const cdcColumns: ColumnSpecs = {
  cdc_sources: {
    id: 12470,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, host text!, port int4!, database text!, slot text!, publication text!, state text!, paused_reason text, applied_lsn text, received_lsn text, confirmed_lsn text, server_lsn text, lag_bytes int8, retained_bytes int8, wal_status text, last_commit_at timestamptz, transactions int8!, changes int8!, queued_transactions int8!, queued_bytes int8!, spilled_bytes int8!, looked_at timestamptz',
  },
  cdc_tables: {
    id: 12471,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, source_id oid!, source name!, upstream text!, state text!, paused_reason text, snapshot_rows int8, estimated_rows int8, held_changes int8!, applied_changes int8!, columns_not_taken text[]!, snapshot_failure text',
  },
};

function* sources({ database }: SystemView): Generator<Fields> {
  for (const { object, runtime } of cdcSources(database)) {
    const feed = database.cdc.find(object.id);
    const { options, paused } = runtime;
    const stream = feed?.stream ?? null;
    const figures = feed?.figures ?? null;
    const status = figures?.status ?? null;
    yield {
      id: object.id,
      schema: object.schema,
      name: object.name,
      host: database.secrets.redacted(options.host),
      port: options.port,
      database: options.database,
      slot: options.slot,
      publication: options.publication,
      state: paused !== null ? 'paused' : stream === null ? 'connecting' : 'streaming',
      paused_reason: paused === null ? null : database.secrets.redacted(pauseReason(paused)),
      applied_lsn: runtime.lsn,
      received_lsn: feed?.receivedLsn ?? null,
      confirmed_lsn: feed?.confirmedLsn ?? status?.confirmedLsn ?? null,
      server_lsn: status?.serverLsn ?? null,
      lag_bytes: status?.lagBytes ?? null,
      retained_bytes: status?.retainedBytes ?? null,
      wal_status: status?.walStatus ?? null,
      last_commit_at: figures?.lastCommitAt ?? null,
      transactions: figures?.transactions ?? 0n,
      changes: runtime.rowsRead,
      queued_transactions: BigInt(stream?.queued.transactions ?? 0),
      queued_bytes: BigInt(stream?.queued.bytes ?? 0),
      spilled_bytes: BigInt(stream?.spilledBytes ?? 0),
      looked_at: figures?.statusAt ?? null,
    };
  }
}

function* tables({ database }: SystemView): Generator<Fields> {
  for (const { object } of cdcSources(database)) {
    const followed = new Map((database.cdc.find(object.id)?.tables() ?? []).map((t) => [t.table.id, t]));
    for (const { table, runtime } of tablesOf(database, object)) {
      const live = followed.get(table.id);
      const state =
        runtime.paused !== null ? 'paused' : live?.snapshotRows != null ? 'snapshot' : runtime.tableState;
      yield {
        id: table.id,
        schema: table.schema,
        name: table.name,
        source_id: object.id,
        source: object.name,
        upstream: runtime.upstream === null ? '' : shownTable(runtime.upstream),
        state,
        paused_reason:
          runtime.paused === null ? null : database.secrets.redacted(pauseReason(runtime.paused)),
        snapshot_rows: live?.snapshotRows == null ? null : BigInt(live.snapshotRows),
        estimated_rows: live?.estimatedRows == null ? null : BigInt(live.estimatedRows),
        held_changes: BigInt(live?.held?.size ?? 0),
        applied_changes: BigInt(live?.applied ?? 0),
        columns_not_taken: new SqlArray([...(live?.changes.drift ?? [])]),
        snapshot_failure: database.secrets.redacted(live?.failure?.message ?? null),
      };
    }
  }
}

export const cdcCatalog: RowSources = { cdc_sources: sources, cdc_tables: tables };
