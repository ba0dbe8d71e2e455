/** millrace_catalog.lookups: what lookup tables have been asked for, how their servers answer, and what waits. */
import { Interval } from '../../common/interval.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const lookupColumns: ColumnSpecs = {
  lookups: {
    id: 12465,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, connector text!, state text!, waiting_keys int8!, asking_keys int8!, cached_keys int8!, cached_rows int8!, asked int8!, found int8!, absent int8!, unusable int8!, latency interval, attempts int4!, last_error text',
  },
};

function* lookups({ database }: SystemView): Generator<Fields> {
  for (const runtime of database.lookups.list()) {
    const { rows, keys } = runtime.tables;
    yield {
      id: rows.id,
      schema: rows.schema,
      name: rows.name,
      connector: runtime.connector.name,
      state: runtime.attempts > 0 ? 'retrying' : 'running',
      waiting_keys: BigInt(runtime.waiting),
      asking_keys: BigInt(runtime.underWay),
      cached_keys: BigInt(keys.store.rowCount()),
      cached_rows: BigInt(rows.store.rowCount()),
      asked: runtime.asked,
      found: runtime.found,
      absent: runtime.absent,
      unusable: runtime.unusable,
      latency: runtime.lastMicros === null ? null : new Interval(0, 0, runtime.lastMicros),
      attempts: runtime.attempts,
      last_error: database.secrets.redacted(runtime.lastError?.message ?? null),
    };
  }
}

export const lookupCatalog: RowSources = { lookups };
