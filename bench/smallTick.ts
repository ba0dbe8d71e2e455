/**
 * Small ticks through a chain of operators, in process: 1, 10 and 100 rows a tick through three views on each other
 * (filter, aggregate, join, window, top-n), over state that is already there.
 *
 * Run: node bench/smallTick.ts [--ticks N] [--preload N]
 */
import { parseArgs } from 'node:util';
import type { Batch } from '../executor/batch.ts';
import type { DataflowNode } from '../executor/dataflow.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { randomNumbers } from './support/random.ts';
import { markdownTable, percentile } from './support/statistics.ts';

const { values } = parseArgs({
  options: { ticks: { type: 'string', default: '5000' }, preload: { type: 'string', default: '200000' } },
});

const statements = `
  CREATE SOURCE s (k bigint, v bigint, at timestamp) WITH (connector = 'datagen');
  CREATE TABLE dimension (k bigint PRIMARY KEY, name varchar, category bigint);
  INSERT INTO dimension SELECT i, 'name ' || i, i % 100 FROM generate_series(0, 9999) AS i;
  CREATE MATERIALIZED VIEW by_key AS
    SELECT k, window_start, count(*) AS n, sum(v) AS total
    FROM TUMBLE(s, at, INTERVAL '10' SECOND) WHERE v >= 0 GROUP BY k, window_start;
  CREATE MATERIALIZED VIEW named AS
    SELECT b.k, b.window_start, d.name, d.category, b.n, b.total
    FROM by_key AS b JOIN dimension AS d ON b.k = d.k WHERE b.total >= 0;
  CREATE MATERIALIZED VIEW by_category AS
    SELECT category, window_start, sum(n) AS n, max(total) AS best FROM named GROUP BY category, window_start;
  CREATE MATERIALIZED VIEW leaders AS
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY n DESC, category) AS place FROM by_category
    ) AS r WHERE place <= 10`;

const random = randomNumbers(11);
let clock = 1_700_000_000_000_000n;

/** Rows whose time moves on by a millisecond each. */
function batchOf(length: number): Batch {
  const k = new BigInt64Array(length);
  const v = new BigInt64Array(length);
  const at = new BigInt64Array(length);
  for (let i = 0; i < length; i++) {
    k[i] = BigInt(Math.floor(random() * 10_000));
    v[i] = BigInt(Math.floor(random() * 1000));
    clock += 1000n;
    at[i] = clock;
  }
  const columns = [k, v, at].map((data) => ({ kind: 'i64' as const, data, nulls: null }));
  return { length, weights: new Int32Array(length).fill(1), columns };
}

const database = createDatabase();
await localSession(database).run(statements);
let source: DataflowNode | null = null;
for (const object of database.catalog.objects()) if (object.kind === 'source') source = object.node;
if (source === null) throw new TypeError('the source must exist');
const node = source;
const tick = (batch: Batch): number => {
  const begun = performance.now();
  database.runTick(() => database.dataflow.feed(node, batch));
  return performance.now() - begun;
};

for (let at = 0; at < Number(values.preload); at += 1000) tick(batchOf(1000));
const counts = new Map(database.dataflow.nodes.map((n) => [n, n.emittedRows]));
const rows: (readonly string[])[] = [];
for (const size of [1, 10, 100]) {
  const times: number[] = [];
  for (let i = 0; i < Number(values.ticks); i++) times.push(tick(batchOf(size)));
  const us = (part: number): string => (percentile(times, part) * 1000).toFixed(part === 0.5 ? 1 : 0);
  rows.push([String(size), us(0.5), us(0.99), us(0.999), us(1)]);
}
const touched = database.dataflow.nodes.filter(
  (n) => n.operator !== null && n.emittedRows > (counts.get(n) ?? 0n),
);
process.stdout.write(
  `\nSmall ticks through ${touched.length} operators (${touched.map((n) => n.name).join(', ')})\n\n${markdownTable(
    ['rows a tick', 'p50 us', 'p99 us', 'p99.9 us', 'max us'],
    rows,
  )}\n`,
);
database.close();
