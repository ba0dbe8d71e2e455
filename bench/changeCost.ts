/**
 * The cost of one change by the size of what it touches: a group, a partition or a join key of 1,000 to 1,000,000 rows. Each
 * operator alone, in process: it is filled, then single rows are deleted and inserted again, a tick each (the row that
 * decides the result among them: the least, the best, the only one of its value). Flat or logarithmic is the aim.
 *
 * Run: node --expose-gc bench/changeCost.ts [--most 1000000] [--seconds 2] [name part]
 */
import { parseArgs } from 'node:util';
import type { Batch } from '../executor/batch.ts';
import type { DataflowNode } from '../executor/dataflow.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { randomNumbers } from './support/random.ts';
import { markdownTable, percentile } from './support/statistics.ts';

const { values, positionals } = parseArgs({
  options: { most: { type: 'string', default: '1000000' }, seconds: { type: 'string', default: '2' } },
  allowPositionals: true,
});

interface Case {
  readonly name: string;
  /** A query over s (k, v, id): one key, `v` and `id` from 0 to the size. And d (k, n): the other side of a join. */
  readonly sql: string;
  /** The row whose deletion and insertion is measured; by default one at random. */
  readonly changed?: 'random' | 'least' | 'match';
}

const cases: readonly Case[] = [
  { name: 'sum', sql: 'SELECT k, sum(v), count(*) FROM s GROUP BY k' },
  { name: 'min, least row deleted', sql: 'SELECT k, min(v) FROM s GROUP BY k', changed: 'least' },
  { name: 'count(DISTINCT v)', sql: 'SELECT k, count(DISTINCT v) FROM s GROUP BY k' },
  {
    name: 'three DISTINCT of one column',
    sql: 'SELECT k, count(DISTINCT v), sum(DISTINCT v), avg(DISTINCT v) FROM s GROUP BY k',
  },
  {
    name: 'percentile_cont',
    sql: 'SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM s GROUP BY k',
  },
  {
    name: 'array_agg (the result is the group)',
    sql: 'SELECT k, cardinality(array_agg(v ORDER BY v)) FROM s GROUP BY k',
  },
  { name: 'DISTINCT', sql: 'SELECT DISTINCT k FROM s' },
  { name: 'top 10', sql: 'SELECT v, id FROM s ORDER BY v LIMIT 10', changed: 'least' },
  {
    name: 'top 10 of a group',
    sql: 'SELECT k, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY v) AS n FROM s) AS r WHERE n <= 10',
    changed: 'least',
  },
  {
    name: 'join, many rows of the key, one matched',
    sql: 'SELECT s.v, d.n FROM s JOIN d ON d.k = s.k AND d.n = s.v',
    changed: 'match',
  },
  { name: 'join, side of many changed', sql: 'SELECT s.v, d.n FROM s JOIN d ON d.k = s.k' },
  { name: 'left join, side of many changed', sql: 'SELECT s.v, d.n FROM s LEFT JOIN d ON d.k = s.k' },
  { name: 'full join, side of many changed', sql: 'SELECT s.v, d.n FROM s FULL JOIN d ON d.k = s.k' },
  { name: 'outer join, right side of many', sql: 'SELECT d.n, s.v FROM d LEFT JOIN s ON d.k = s.k' },
  { name: 'EXISTS, side of many', sql: 'SELECT d.n FROM d WHERE EXISTS (SELECT 1 FROM s WHERE s.k = d.k)' },
  {
    name: 'NOT EXISTS, side of many',
    sql: 'SELECT d.n FROM d WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.k = d.k)',
  },
  { name: 'NOT IN, side of many', sql: 'SELECT d.n FROM d WHERE d.n NOT IN (SELECT v FROM s)' },
  {
    name: 'OVER, sliding sum',
    sql: 'SELECT id, sum(v) OVER (PARTITION BY k ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM s',
  },
  { name: 'OVER, lag', sql: 'SELECT id, lag(v) OVER (PARTITION BY k ORDER BY id) FROM s' },
  {
    name: 'OVER, rank, last row',
    sql: 'SELECT id, rank() OVER (PARTITION BY k ORDER BY v DESC) FROM s',
    changed: 'least',
  },
];

const random = randomNumbers(5);

function batchOf(rows: readonly (readonly bigint[])[], weight: number): Batch {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, c) => ({
    kind: 'i64' as const,
    data: BigInt64Array.from(rows, (row) => row[c] ?? 0n),
    nulls: null,
  }));
  return { length: rows.length, weights: new Int32Array(rows.length).fill(weight), columns };
}

/** Microseconds of each measured tick. */
async function measure(one: Case, size: number): Promise<readonly number[]> {
  const database = createDatabase();
  await localSession(database).run(`
    CREATE TABLE s (k bigint, v bigint, id bigint);
    CREATE TABLE d (k bigint, n bigint);
    INSERT INTO d VALUES (7, 0);
    CREATE MATERIALIZED VIEW measured AS ${one.sql};`);
  const nodes = new Map<string, DataflowNode>();
  for (const object of database.catalog.objects())
    if (object.kind === 'table') nodes.set(object.name, object.node);
  const node = nodes.get('s');
  if (node === undefined) throw new TypeError('the table must exist');
  const feed = (rows: readonly (readonly bigint[])[], weight: number): number => {
    const batch = batchOf(rows, weight);
    const begun = performance.now();
    database.runTick(() => database.dataflow.feed(node, batch));
    return (performance.now() - begun) * 1000;
  };
  const row = (i: number): readonly bigint[] => [7n, BigInt(i), BigInt(i)];
  // In an order that is not the values'.
  const step = 7919;
  database.runTick(() => {
    for (let from = 0; from < size; from += 1000) {
      const some = Array.from({ length: Math.min(1000, size - from) }, (_, i) =>
        row(((from + i) * step) % size),
      );
      database.dataflow.feed(node, batchOf(some, 1));
    }
  });
  const times: number[] = [];
  const end = performance.now() + Number(values.seconds) * 1000;
  for (let i = 0; i < 500 && (i < 2 || performance.now() < end); i++) {
    const at = one.changed === undefined || one.changed === 'random' ? Math.floor(random() * size) : 0;
    times.push(feed([row(at)], -1), feed([row(at)], 1));
  }
  // The first changes compile.
  if (times.length > 20) times.splice(0, 10);
  database.close();
  return times;
}

/** A change that takes so many microseconds is not tried on more rows. */
const SLOW = 10_000;

const micros = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));

const sizes = [1000, 10_000, 100_000, 1_000_000].filter((size) => size <= Number(values.most));
const rows: (readonly string[])[] = [];
for (const one of cases.filter((c) => c.name.includes(positionals[0] ?? ''))) {
  const cells: string[] = [];
  let slow = false;
  for (const size of sizes) {
    if (slow) {
      cells.push('');
      continue;
    }
    const times = await measure(one, size);
    cells.push(`${micros(percentile(times, 0.5))} / ${micros(percentile(times, 0.99))}`);
    slow = percentile(times, 0.5) > SLOW;
    globalThis.gc?.();
  }
  rows.push([one.name, ...cells]);
  process.stderr.write(`${one.name}: ${cells.join(', ')}\n`);
}
process.stdout.write(
  `\nOne change, microseconds p50 / p99 by rows of the group, partition or key\n\n${markdownTable(
    ['operator', ...sizes.map((size) => size.toLocaleString('en'))],
    rows,
  )}\n`,
);
