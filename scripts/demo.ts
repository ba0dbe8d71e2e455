/**
 * `npm run demo`: an in-memory server on free ports, the Nexmark auction as three sources, four materialised views, and
 * what they hold, live. `--seconds N` ends it; without a terminal it prints one snapshot a second (5 unless told).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { rawTypes } from '../bin/commands/sql.ts';
import { formatTable } from '../bin/output/table.ts';
import { startServer } from '../server/serve.ts';

const REDRAW_MS = 500;
const SNAPSHOT_MS = 1000;

const sources = ['Person', 'Auction', 'Bid'].map(
  (table) => `CREATE SOURCE ${table.toLowerCase()} WITH (
  connector = 'nexmark', nexmark.table.type = '${table}', nexmark.min.event.gap.in.ns = '500000',
  nexmark.first.event.rate = '2000'
)`,
);

interface DemoView {
  readonly title: string;
  readonly create: string;
  /** What is shown of it. */
  readonly show: string;
}

const views: readonly DemoView[] = [
  {
    title: 'Stateless: bids above 5,000 dollars, in euro',
    create: `CREATE MATERIALIZED VIEW large_bids AS
SELECT auction, bidder, round(0.908 * price / 100, 2) AS euro, channel, date_time
FROM bid WHERE price > 500000`,
    show: 'SELECT * FROM large_bids ORDER BY date_time DESC, auction, bidder LIMIT 4',
  },
  {
    title: 'Tumbling window: bids in every second',
    create: `CREATE MATERIALIZED VIEW bids_per_second AS
SELECT window_start, count(*) AS bids, max(price) AS highest, round(avg(price)) AS average
FROM TUMBLE(bid, date_time, INTERVAL '1 second') GROUP BY window_start`,
    show: 'SELECT * FROM bids_per_second ORDER BY window_start DESC LIMIT 4',
  },
  {
    title: 'Hopping window: bids by channel in the last 2 seconds, every half second',
    create: `CREATE MATERIALIZED VIEW channels AS
SELECT window_start, window_end, channel, count(*) AS bids
FROM HOP(bid, date_time, INTERVAL '500 milliseconds', INTERVAL '2 seconds')
WHERE channel IN ('Google', 'Facebook', 'Baidu', 'Apple') GROUP BY window_start, window_end, channel`,
    show: 'SELECT * FROM channels ORDER BY window_start DESC, bids DESC, channel LIMIT 4',
  },
  {
    title: 'Join: auctions by sellers from Oregon, Idaho and California',
    create: `CREATE MATERIALIZED VIEW local_sellers AS
SELECT p.name, p.city, p.state, count(*) AS auctions, max(a.reserve) AS highest_reserve
FROM auction a JOIN person p ON a.seller = p.id
WHERE p.state IN ('or', 'id', 'ca') GROUP BY p.id, p.name, p.city, p.state`,
    show: 'SELECT name, city, state, auctions, highest_reserve FROM local_sellers ORDER BY auctions DESC, highest_reserve DESC, name LIMIT 4',
  },
];

const rightAligned: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

async function query(client: pg.Client, sql: string): Promise<pg.QueryArrayResult<(string | null)[]>> {
  return client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
}

/** One picture of all views. */
async function snapshot(client: pg.Client): Promise<string> {
  const parts: string[] = [];
  for (const { title, show } of views) {
    const { fields, rows } = await query(client, show);
    const columns = fields.map((f) => ({ name: f.name, right: rightAligned.has(f.dataTypeID) }));
    parts.push(`${title}\n${formatTable(columns, rows)}`);
  }
  return parts.join('\n');
}

async function run(client: pg.Client, url: string, seconds: number, live: boolean): Promise<void> {
  for (const sql of [...sources, ...views.map((v) => v.create)]) await client.query(sql);
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stopped = true;
    });
  }
  const end = performance.now() + seconds * 1000;
  for (;;) {
    await sleep(live ? REDRAW_MS : SNAPSHOT_MS);
    const picture = await snapshot(client);
    if (live)
      process.stdout.write(
        `\x1b[H\x1b[J\x1b[1mMillrace: four views over a running auction\x1b[0m   psql ${url}\n\n${picture}`,
      );
    else process.stdout.write(`${picture}\n`);
    if (stopped || performance.now() >= end) return;
  }
}

const { values } = parseArgs({ options: { seconds: { type: 'string' } } });
const live = process.stdout.isTTY;
const seconds = values.seconds === undefined ? (live ? Number.POSITIVE_INFINITY : 5) : Number(values.seconds);
if (Number.isNaN(seconds)) {
  process.stderr.write('millrace: --seconds takes a number\n');
  process.exit(1);
}
const server = await startServer({ host: '127.0.0.1', port: 0, httpPort: 0, dataDir: null, log: () => {} });
const url = `postgres://root@${server.pgHost}:${server.pgPort}/dev`;
const client = new pg.Client({ connectionString: url, types: rawTypes });
await client.connect();
try {
  await run(client, url, seconds, live);
} finally {
  await client.end();
  await server.close();
}
