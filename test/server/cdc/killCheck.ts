/**
 * What must hold after kills, when nobody writes: Millrace comes to where PostgreSQL is, and then its tables, a join and sums are what
 * PostgreSQL has; the other database has the rows of the join once, and changes that fold to the sums; slots and publications in
 * PostgreSQL are those of the sources that there are. Waiting says what it waits for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, TextRow } from '../clients.ts';

const PATIENCE_MS = 180_000;

export const JOIN =
  'SELECT o.id, c.id AS owner, o.amount, c.name, c.balance FROM orders o JOIN customer c ON c.id = o.customer';
export const SUMS = 'SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer';

/** Changes 1 and 3 bring a row, 2 and 4 take one away. */
const SIGN = 'CASE WHEN op IN (1, 3) THEN 1 ELSE -1 END';
const FOLDED = `SELECT customer, n, total FROM changes GROUP BY customer, n, total HAVING sum(${SIGN}) = 1 ORDER BY customer, n, total`;
const DOUBLE = `SELECT customer, n, total, sum(${SIGN}) FROM changes GROUP BY customer, n, total HAVING sum(${SIGN}) NOT IN (0, 1)`;

export interface Sides {
  readonly here: Connection;
  readonly there: Connection;
  readonly mirror: Connection;
}

/** How far everything is, for whoever waits in vain. */
async function state({ here }: Sides): Promise<string> {
  const queries = [
    'SELECT name, state, paused_reason, applied_lsn, received_lsn, server_lsn, lag_bytes, queued_transactions, transactions FROM millrace_catalog.cdc_sources',
    'SELECT name, state, paused_reason, snapshot_rows, held_changes, snapshot_failure FROM millrace_catalog.cdc_tables',
    'SELECT name, state, reason, backlog_rows, produced_version, delivered_version, attempts, last_error FROM millrace_catalog.sinks',
  ];
  const found: unknown[] = [];
  for (const sql of queries) found.push(await here.rows(sql));
  return found.map((rows) => JSON.stringify(rows)).join('\n');
}

/** What a wait is told of meanwhile, where it takes longer than this. */
const LONG_MS = 3000;

/** Waits for something; says what it was, and how far everything is, when it does not come. Gives what happened in a long wait. */
async function waitFor(what: string, sides: Sides, holds: () => Promise<string | null>): Promise<string> {
  const started = Date.now();
  const end = started + PATIENCE_MS;
  const seen: string[] = [];
  let last = '';
  for (let pause = 5; ; pause = Math.min(200, pause * 2)) {
    const missing = await holds();
    const waited = Date.now() - started;
    if (missing === null) return waited < LONG_MS ? '' : `${waited} ms for ${what}: ${seen.join('; ')}\n`;
    const rows = await sides.here.rows('SELECT state, paused_reason FROM millrace_catalog.cdc_sources');
    const now = JSON.stringify(rows);
    if (now !== last) seen.push(`${waited} ms ${now} (${missing})`);
    last = now;
    if (Date.now() > end) {
      throw new Error(`waited ${PATIENCE_MS} ms for ${what}: ${missing}\n${await state(sides)}`);
    }
    await sleep(pause);
  }
}

function difference(a: readonly TextRow[], b: readonly TextRow[]): string | null {
  const texts = (rows: readonly TextRow[]): Set<string> => new Set(rows.map((r) => JSON.stringify(r)));
  const [left, right] = [texts(a), texts(b)];
  const only = (x: Set<string>, y: Set<string>): string =>
    [...x]
      .filter((r) => !y.has(r))
      .slice(0, 5)
      .join(' ');
  if (a.length === b.length && [...left].every((r) => right.has(r))) return null;
  return `${a.length} and ${b.length} rows; only the first has ${only(left, right)}; only the second has ${only(right, left)}`;
}

/** At once, without waiting: `here` and `there` give the same rows. */
async function equal(
  what: string,
  here: Connection,
  sql: string,
  there: Connection,
  other: string,
): Promise<void> {
  const found = difference(await here.rows(sql), await there.rows(other));
  if (found !== null) throw new Error(`${what} here and there differ: ${found}`);
}

const ORDER: Readonly<Record<string, string>> = {
  customer: 'SELECT id, name, balance FROM customer',
  orders: 'SELECT id, customer, amount, at FROM orders',
  late: 'SELECT id, v FROM late',
};

function leftNothing(sides: Sides): Promise<string> {
  const { here, there } = sides;
  return waitFor(
    'PostgreSQL to have the slots and publications of the sources, and no others',
    sides,
    async () => {
      const ours = await here.rows('SELECT slot, publication FROM millrace_catalog.cdc_sources');
      const slots = await there.rows(
        "SELECT slot_name FROM pg_replication_slots WHERE NOT temporary AND slot_name LIKE 'millrace%'",
      );
      const publications = await there.rows('SELECT pubname FROM pg_publication');
      const wanted = ours.map(([slot]) => slot).sort();
      const names = (rows: readonly TextRow[]): string => JSON.stringify(rows.map(([name]) => name).sort());
      return names(slots) === JSON.stringify(wanted) && names(publications) === JSON.stringify(wanted)
        ? null
        : `sources have ${JSON.stringify(wanted)}, there are ${names(slots)} and ${names(publications)}`;
    },
  );
}

/** Gives how long it took to come to where PostgreSQL is, milliseconds, and what long waits were for. */
export async function checkAll(
  sides: Sides,
  marker: number,
): Promise<{ readonly took: number; readonly waits: string }> {
  const { here, there, mirror } = sides;
  const started = Date.now();
  await there.rows(`UPDATE marker SET n = ${marker}`);
  let waits = await waitFor('tables to follow', sides, async () => {
    const rows = await here.rows(
      "SELECT name, state FROM millrace_catalog.cdc_tables WHERE state <> 'streaming'",
    );
    return rows.length === 0 ? null : JSON.stringify(rows);
  });
  waits += await waitFor(`transactions up to the last (marker ${marker})`, sides, async () => {
    const n = await here.value('SELECT n FROM marker');
    return n === String(marker) ? null : `marker ${n}`;
  });
  const took = Date.now() - started;
  const tables = await here.rows('SELECT name FROM millrace_catalog.cdc_tables');
  for (const [name] of tables) {
    const sql = ORDER[String(name)];
    if (sql !== undefined) await equal(`table ${name}`, here, sql, there, sql);
  }
  await equal('the join', here, 'SELECT id, owner, amount, name, balance FROM joined', there, JOIN);
  await equal('the sums', here, 'SELECT customer, n, total FROM sums', there, SUMS);
  waits += await waitFor('the sinks to deliver', sides, async () => {
    const rows = await here.rows(
      "SELECT name, backlog_rows FROM millrace_catalog.sinks WHERE backlog_rows > 0 OR state <> 'running'",
    );
    if (rows.length > 0) return JSON.stringify(rows);
    return difference(
      await mirror.rows('SELECT id, owner, amount, name, balance FROM joined'),
      await there.rows(JOIN),
    );
  });
  await equal('the folded changes and the sums', mirror, FOLDED, there, SUMS);
  const double = await mirror.rows(DOUBLE);
  if (double.length > 0)
    throw new Error(`changes that came more than once, or never: ${JSON.stringify(double)}`);
  // From here on, what there is now counts as the changes so far.
  await mirror.rows('BEGIN; DELETE FROM changes; COMMIT');
  for (const [customer, n, total] of await there.rows(SUMS)) {
    await mirror.rows(`INSERT INTO changes VALUES (${customer}, ${n}, ${total}, 1)`);
  }
  waits += await leftNothing(sides);
  return { took, waits };
}
