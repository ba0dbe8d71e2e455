/**
 * Kills a server that follows a PostgreSQL database, and sometimes that database, while clients write there; after every start
 * tables, a join and sums must be what PostgreSQL has: every transaction once. A table is added on the way, so that kills meet
 * snapshots too. The join and the changes of the sums go on into another database of PostgreSQL, where the rows must be those of
 * the join, and the changes, folded, the sums: each written once.
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
const MIRROR = 'mirror';
const JOIN = `SELECT o.id, c.id AS owner, o.amount, c.name, c.balance FROM orders o JOIN customer c ON c.id = o.customer`;
const SUMS = 'SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer';
const LATE_ROWS = 4000;

const upstreamTables = [
  'CREATE TABLE customer (id int PRIMARY KEY, name text, balance bigint)',
  "INSERT INTO customer SELECT i, 'c' || i, 1000 FROM generate_series(1, 40) i",
  'CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, amount int, at timestamptz DEFAULT now())',
  'CREATE TABLE late (id int PRIMARY KEY, v int)',
  `INSERT INTO late SELECT i, 0 FROM generate_series(1, ${LATE_ROWS}) i`,
];

const mirrorTables = [
  'CREATE TABLE joined (id bigint, owner int, amount int, name text, balance bigint, PRIMARY KEY (id, owner))',
  'CREATE TABLE changes (customer int, n bigint, total bigint, op int)',
];

/** Changes 1 and 3 bring a row, 2 and 4 take one away. */
const FOLDED = `SELECT customer, n, total FROM changes GROUP BY customer, n, total
  HAVING sum(CASE WHEN op IN (1, 3) THEN 1 ELSE -1 END) = 1 ORDER BY customer, n, total`;
const DOUBLE = `SELECT customer, n, total FROM changes GROUP BY customer, n, total
  HAVING sum(CASE WHEN op IN (1, 3) THEN 1 ELSE -1 END) NOT IN (0, 1)`;

/** What goes on into the other database. */
function sinks(port: number): readonly string[] {
  const place = `connector = 'postgres', host = '127.0.0.1', port = '${port}', user = 'root', password = 'x', database = '${MIRROR}'`;
  return [
    `CREATE SINK joined_out FROM joined WITH (${place}, table = 'joined', primary_key = 'id, owner', type = 'upsert')`,
    `CREATE SINK changes_out AS WITH c AS CHANGELOG FROM sums SELECT customer, n, total, changelog_op AS op FROM c WITH (${place}, table = 'changes', type = 'append-only')`,
  ];
}

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

/** The other database has what the views have. */
async function delivered(here: Connection, mirror: Connection): Promise<void> {
  await same(mirror, here, 'SELECT * FROM joined ORDER BY id, owner');
  await same(mirror, here, FOLDED, 'SELECT customer, n, total FROM sums ORDER BY customer, n, total');
  await same(mirror, here, DOUBLE, 'SELECT customer, n, total FROM sums WHERE false');
}

async function check(millrace: ServedProgram, there: Connection, mirror: Connection): Promise<number> {
  const here = await connectTo(millrace.url);
  try {
    const names = (await here.rows('SELECT name FROM millrace_catalog.cdc_tables')).map(([name]) =>
      String(name),
    );
    await following(here, ...names);
    for (const name of names) await same(here, there, `SELECT * FROM ${name} ORDER BY id`);
    await same(here, there, 'SELECT * FROM joined ORDER BY id', `${JOIN} ORDER BY id`);
    await same(here, there, 'SELECT * FROM sums ORDER BY customer', `${SUMS} ORDER BY customer`);
    await delivered(here, mirror);
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
  const mirrorUrl = await server.createDatabase(MIRROR);
  let mirror = await connectTo(mirrorUrl);
  for (const sql of mirrorTables) await mirror.rows(sql);
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
    for (const sql of sinks(server.port)) await here.rows(sql);
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
        await Promise.all([there.end().catch(() => {}), mirror.end().catch(() => {})]);
        server.stop('immediate');
        server.start();
        report.upstreamRestarts++;
        there = await connectTo(url);
        mirror = await connectTo(mirrorUrl);
        await sleep(random(options.mostMs));
      }
      millrace.program.signal('SIGKILL');
      await millrace.program.finished();
      report.kills++;
      millrace = await start();
      await sleep(random(200));
      stop = true;
      await Promise.all(writers);
      report.rows = await check(millrace, there, mirror);
      options.log(`kill ${report.kills}: ${report.transactions} transactions, ${report.rows} orders`);
    }
    return report;
  } finally {
    await Promise.all([there.end().catch(() => {}), mirror.end().catch(() => {})]);
    millrace.program.signal('SIGKILL');
    await millrace.program.finished();
    await server.dropDatabase(DATABASE).catch(() => {});
    await server.dropDatabase(MIRROR).catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
}
