/**
 * Freshness over the wire: one INSERT of one row, then a SELECT of a view over a view that must show it. The time from
 * sending the INSERT until the changed answer has come, and the two round trips apart; in memory, durable, and in memory
 * while nexmark sources without throttle keep four more views busy.
 *
 * Run: node bench/freshness.ts [--inserts N] [--preload N]
 */
import { parseArgs } from 'node:util';
import { sourceStatements, viewStatement } from './support/nexmarkQueries.ts';
import { startServer } from './support/server.ts';
import { markdownTable, milliseconds, percentile } from './support/statistics.ts';

const { values } = parseArgs({
  options: { inserts: { type: 'string', default: '2000' }, preload: { type: 'string', default: '100000' } },
});

const schema = `
  CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, amount bigint);
  CREATE MATERIALIZED VIEW by_customer AS
    SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer;
  CREATE MATERIALIZED VIEW by_count AS
    SELECT orders, count(*) AS customers, max(total) AS most FROM by_customer GROUP BY orders`;

/** Views over sources that deliver as fast as they are read. */
const load = [
  sourceStatements(', nexmark.min.event.gap.in.ns = 0'),
  ...['q1', 'q5', 'q7', 'q8'].map(viewStatement),
].join('\n');

type Place = 'in memory' | 'durable' | 'in memory, under load';

async function measure(place: Place): Promise<readonly (readonly string[])[]> {
  const server = await startServer(place === 'durable');
  const client = await server.connect();
  await client.query(schema);
  const preload = Number(values.preload);
  await client.query(
    `INSERT INTO orders SELECT i, i % 1000, i % 97 FROM generate_series(1, ${preload}) AS i`,
  );
  if (place === 'in memory, under load') await client.query(load);
  const visible: number[] = [];
  const inserts: number[] = [];
  const reads: number[] = [];
  for (let i = 0; i < Number(values.inserts); i++) {
    const customer = 1_000_000;
    const start = performance.now();
    await client.query(`INSERT INTO orders VALUES (${preload + 1 + i}, ${customer}, 1)`);
    const inserted = performance.now();
    const answer = await client.query<{ readonly most: string }>(
      `SELECT customers, most FROM by_count WHERE orders = ${i + 1}`,
    );
    const read = performance.now();
    if (answer.rows.length !== 1) throw new TypeError(`insert ${i} is not visible`);
    visible.push(read - start);
    inserts.push(inserted - start);
    reads.push(read - inserted);
  }
  await client.end();
  await server.close();
  const line = (name: string, times: readonly number[]): readonly string[] => [
    `${place}: ${name}`,
    ...[0.5, 0.99, 0.999, 1].map((part) => milliseconds(percentile(times, part))),
  ];
  return [line('INSERT until visible', visible), line('INSERT', inserts), line('SELECT', reads)];
}

const rows = [
  ...(await measure('in memory')),
  ...(await measure('durable')),
  ...(await measure('in memory, under load')),
];
process.stdout.write(
  `\nFreshness over the wire, one connection, ${values.inserts} inserts of one row over ${values.preload} rows\n\n${markdownTable(
    ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms'],
    rows,
  )}\n`,
);
