/**
 * Kills a server that follows a PostgreSQL database, and sometimes that database, while clients write there; after every start
 * tables, a join and sums must be what PostgreSQL has: every transaction once. A table is added on the way, so that kills meet
 * snapshots too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { generator } from '../time/random.ts';
import { connectTo, following, type PostgresServer, same, sourceOptions } from './support.ts';

export interface CdcKillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Longest life under load. */
  readonly mostMs: number;
  readonly log: (line: string) => void;
}

export interface CdcKillReport {
  kills: number;
  upstreamRestarts: number;
  transactions: number;
  rows: number;
}

const DATABASE = 'ledger';
const JOIN = `SELECT o.id, o.amount, c.name, c.balance FROM orders o JOIN customer c ON c.id = o.customer`;
const SUMS = 'SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer';
const LATE_ROWS = 4000;

const upstreamTables = [
  'CREATE TABLE customer (id int PRIMARY KEY, name text, balance bigint)',
  "INSERT INTO customer SELECT i, 'c' || i, 1000 FROM generate_series(1, 40) i",
  'CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, amount int, at timestamptz DEFAULT now())',
  'CREATE TABLE late (id int PRIMARY KEY, v int)',
  `INSERT INTO late SELECT i, 0 FROM generate_series(1, ${LATE_ROWS}) i`,
];

/** One client of the database there; what it does is a transaction over both tables. */
async function writer(
  url: string,
  random: (n: number) => number,
  report: CdcKillReport,
  stopped: () => boolean,
): Promise<void> {
  let connection: Connection | null = null;
  while (!stopped()) {
    try {
      connection ??= await connectTo(url);
      const customer = 1 + random(40);
      const amount = random(100);
      const kind = random(10);
      await connection.rows(
        kind < 6
          ? `BEGIN; INSERT INTO orders (customer, amount) VALUES (${customer}, ${amount}); UPDATE customer SET balance = balance - ${amount} WHERE id = ${customer}; COMMIT`
          : kind < 8
            ? `WITH gone AS (DELETE FROM orders WHERE id = (SELECT max(id) - ${random(50)} FROM orders) RETURNING customer, amount) UPDATE customer c SET balance = balance + g.amount FROM gone g WHERE c.id = g.customer`
            : `BEGIN; UPDATE late SET v = v + 1 WHERE id % 100 = ${random(100)}; UPDATE orders SET amount = amount + 1, id = id WHERE customer = ${customer} AND id % 7 = 0; COMMIT`,
      );
      report.transactions++;
      await sleep(random(3));
    } catch {
      await connection?.end().catch(() => {});
      connection = null;
      await sleep(20);
    }
  }
  await connection?.end().catch(() => {});
}

async function check(millrace: ServedProgram, there: Connection): Promise<number> {
  const here = await connectTo(millrace.url);
  try {
    const names = (await here.rows('SELECT name FROM millrace_catalog.cdc_tables')).map(([name]) =>
      String(name),
    );
    await following(here, ...names);
    for (const name of names) await same(here, there, `SELECT * FROM ${name} ORDER BY id`);
    await same(here, there, 'SELECT * FROM joined ORDER BY id', `${JOIN} ORDER BY id`);
    await same(here, there, 'SELECT * FROM sums ORDER BY customer', `${SUMS} ORDER BY customer`);
    // Payments and balances are of the same transactions.
    await same(here, there, 'SELECT (SELECT sum(balance) FROM customer) IS NOT NULL, count(*) FROM orders');
    return Number(await here.value('SELECT count(*) FROM orders'));
  } finally {
    await here.end();
  }
}

/** Throws when a row is missing, is there twice or is another. */
export async function runCdcKills(server: PostgresServer, options: CdcKillOptions): Promise<CdcKillReport> {
  const random = generator(options.seed);
  const report: CdcKillReport = { kills: 0, upstreamRestarts: 0, transactions: 0, rows: 0 };
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cdc-'));
  const start = (): Promise<ServedProgram> =>
    startProgram(['--data-dir', join(directory, 'data'), '--checkpoint-interval', '300ms']);
  const url = await server.createDatabase(DATABASE);
  let there = await connectTo(url);
  for (const sql of [...upstreamTables, "ALTER DATABASE ledger SET timezone = 'UTC'"]) await there.rows(sql);
  await there.rows("SET timezone = 'UTC'");
  let millrace = await start();
  try {
    const here = await connectTo(millrace.url);
    await here.rows(
      `CREATE SOURCE pg WITH (${sourceOptions(server, DATABASE)}, snapshot.atomic.rows = '500', snapshot.batch.size = '200')`,
    );
    for (const table of ['customer', 'orders'])
      await here.rows(`CREATE TABLE ${table} (*) FROM pg TABLE '${table}'`);
    await here.rows(`CREATE MATERIALIZED VIEW joined AS ${JOIN}`);
    await here.rows(`CREATE MATERIALIZED VIEW sums AS ${SUMS}`);
    await here.end();
    for (let i = 0; i < options.kills; i++) {
      let stop = false;
      const writers = [1, 2, 3].map(() => writer(url, generator(random(1 << 30)), report, () => stop));
      if (i === 1) {
        const client = await connectTo(millrace.url);
        await client.rows("CREATE TABLE late (*) FROM pg TABLE 'late'");
        await client.end();
      }
      await sleep(random(options.mostMs));
      if (random(4) === 0) {
        await there.end().catch(() => {});
        server.stop('immediate');
        server.start();
        report.upstreamRestarts++;
        there = await connectTo(url);
        await sleep(random(options.mostMs));
      }
      millrace.program.signal('SIGKILL');
      await millrace.program.finished();
      report.kills++;
      millrace = await start();
      await sleep(random(200));
      stop = true;
      await Promise.all(writers);
      report.rows = await check(millrace, there);
      options.log(`kill ${report.kills}: ${report.transactions} transactions, ${report.rows} orders`);
    }
    return report;
  } finally {
    await there.end().catch(() => {});
    millrace.program.signal('SIGKILL');
    await millrace.program.finished();
    await server.dropDatabase(DATABASE).catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
}
