/**
 * Commits over the wire into a table under a view: how many a second with 1, 8 and 32 connections that each insert one row
 * at a time, and how long one takes; with `synchronous_commit` on and off.
 *
 * Run: node bench/commits.ts [--seconds N]
 */
import { parseArgs } from 'node:util';
import { startServer } from './support/server.ts';
import { markdownTable, milliseconds, percentile } from './support/statistics.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });

async function measure(connections: number, mode: 'on' | 'off'): Promise<readonly string[]> {
  const server = await startServer(true);
  const first = await server.connect();
  await first.query('CREATE TABLE t (id bigint PRIMARY KEY, k int, n int)');
  await first.query('CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS c, sum(n) AS s FROM t GROUP BY k');
  const times: number[] = [];
  let next = 0;
  const end = performance.now() + Number(values.seconds) * 1000;
  const work = async (): Promise<void> => {
    const client = await server.connect();
    await client.query(`SET synchronous_commit = ${mode}`);
    while (performance.now() < end) {
      const id = next++;
      const start = performance.now();
      await client.query(`INSERT INTO t VALUES (${id}, ${id % 100}, 1)`);
      times.push(performance.now() - start);
    }
    await client.end();
  };
  await Promise.all(Array.from({ length: connections }, work));
  await first.end();
  await server.close();
  return [
    mode,
    String(connections),
    String(Math.round(times.length / Number(values.seconds))),
    milliseconds(percentile(times, 0.5)),
    milliseconds(percentile(times, 0.99)),
  ];
}

const rows: (readonly string[])[] = [];
for (const mode of ['on', 'off'] as const) {
  for (const connections of [1, 8, 32]) rows.push(await measure(connections, mode));
}
process.stdout.write(
  `\nCommits over the wire, ${values.seconds} s each\n\n${markdownTable(
    ['synchronous_commit', 'connections', 'commits/s', 'p50 ms', 'p99 ms'],
    rows,
  )}\n`,
);
