/** A PostgreSQL server whose changes can be followed, and what tests of CDC ask both sides. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresServer, postgresBin, startPostgres } from '../../harness/postgres.ts';
import { Connection, type TextRow } from '../clients.ts';

const WAIT_MS = 120_000;

/** Null where none is installed. */
export async function startUpstream(more: readonly string[] = []): Promise<PostgresServer | null> {
  const bin = postgresBin();
  return bin === null
    ? null
    : startPostgres(bin, ['wal_level=logical', 'max_replication_slots=20', 'max_wal_senders=20', ...more]);
}

export async function connectTo(url: string): Promise<Connection> {
  const connection = new Connection(url);
  await connection.client.connect();
  return connection;
}

export function sourceOptions(server: PostgresServer, database: string): string {
  return `connector = 'postgres-cdc', hostname = '127.0.0.1', port = '${server.port}', username = 'root', password = 'x', database.name = '${database}'`;
}

/** Waits until it holds; says what there was when it does not. */
export async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`after ${WAIT_MS} ms: ${JSON.stringify(value)}`);
    await sleep(20);
  }
}

/** Waits until the tables follow. */
export async function following(millrace: Connection, ...tables: readonly string[]): Promise<void> {
  const list = tables.map((t) => `'${t}'`).join(', ');
  await until(
    () =>
      millrace.rows(
        `SELECT name, state, paused_reason, snapshot_failure FROM millrace_catalog.cdc_tables WHERE name IN (${list})`,
      ),
    (rows) => rows.length === tables.length && rows.every((row) => row[1] === 'streaming'),
  );
}

/** Waits until a query gives the same rows on both sides; gives them. */
export async function same(
  millrace: Connection,
  upstream: Connection,
  sql: string,
  there = sql,
): Promise<readonly TextRow[]> {
  const wanted = await upstream.rows(there);
  return until(
    () => millrace.rows(sql),
    (rows) => JSON.stringify(rows) === JSON.stringify(wanted),
  );
}

/** Slots of the database, and publications with their tables. */
export async function leftovers(upstream: Connection): Promise<readonly TextRow[]> {
  return [
    ...(await upstream.rows(
      'SELECT slot_name FROM pg_replication_slots WHERE database = current_database()',
    )),
    ...(await upstream.rows('SELECT pubname FROM pg_publication')),
  ];
}

/** UTC and ISO dates, as Millrace writes them. */
export async function plainSession(connection: Connection): Promise<void> {
  await connection.client.query(
    "SET timezone = 'UTC'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1",
  );
}

export type { PostgresServer };
export { pg };
