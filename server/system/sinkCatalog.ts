/** millrace_catalog.sinks: what each sink writes, how far it is, and what keeps it. */
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { HIDDEN, shownValue } from '../../connector/secretOptions.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const sinkColumns: ColumnSpecs = {
  sinks: {
    id: 12440,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, relation text!, connector text!, format text!, encode text!, guarantee text!, options text[]!, columns text[]!, key text[], state text!, reason text, paused_at timestamptz, backlog_rows int8!, backlog_bytes int8!, spilled_bytes int8!, produced_version int8, delivered_version int8, delivered_rows int8!, delivered_bytes int8!, delivered_at timestamptz, rate_limit int8, lag interval!, attempts int4!, last_error text',
  },
};

function* sinks({ database }: SystemView): Generator<Fields> {
  for (const sink of database.sinks.list()) {
    const { runtime } = sink;
    const { shape, outbox } = runtime;
    const relation = database.catalog.byId(sink.relation);
    const secret = new Set(database.secrets.optionsOf(sink).map(({ option }) => option.name));
    const { oldest } = outbox;
    const behind = oldest === null ? 0n : database.clock() - oldest;
    yield {
      id: sink.id,
      schema: sink.schema,
      name: sink.name,
      relation: relation?.name ?? '',
      connector: shape.connector.name,
      format: shape.format,
      encode: shape.encode,
      guarantee: shape.connector.guarantee,
      options: new SqlArray(
        [...shape.options].map(
          ([name, value]) => `${name}=${secret.has(name) ? HIDDEN : shownValue(name, value)}`,
        ),
      ),
      columns: new SqlArray(shape.columns.map((c) => c.name)),
      key: shape.key === null ? null : new SqlArray(shape.key.map((k) => shape.columns[k]?.name ?? null)),
      state: runtime.state,
      reason: database.secrets.redacted(runtime.reason),
      paused_at: runtime.paused?.at ?? null,
      backlog_rows: BigInt(outbox.rows),
      backlog_bytes: BigInt(outbox.bytes),
      spilled_bytes: BigInt(outbox.spilledBytes),
      produced_version: outbox.lastEpoch === 0n ? null : outbox.lastEpoch,
      delivered_version: runtime.delivered,
      delivered_rows: BigInt(runtime.deliveredRows),
      delivered_bytes: BigInt(runtime.deliveredBytes),
      delivered_at: runtime.deliveredAt,
      rate_limit: runtime.rateLimit === null ? null : BigInt(runtime.rateLimit),
      lag: new Interval(0, 0, behind < 0n ? 0n : behind),
      attempts: runtime.attempts,
      last_error: database.secrets.redacted(runtime.lastError),
    };
  }
}

export const sinkCatalog: RowSources = { sinks };
