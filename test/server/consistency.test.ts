/**
 * Transfers between accounts as transactions on one connection, while readers on other connections look at three views of
 * different depths: the sum of all balances, the balances by credits LEFT JOIN debits, and the sum of their differences to
 * the table. No read, of one view or of several in one statement, ever sees a part of a transfer, and a reader that asks
 * one view after the other sees the invariant hold in each.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../differential/random.ts';
import { type InProcessServer, startInProcess } from '../harness/server.ts';
import { type Connection, Connections, type TextRow } from './clients.ts';

const ACCOUNTS = 40;
const START = 1000;
const TOTAL = String(ACCOUNTS * START);
const TRANSFERS = 10_000;

let server: InProcessServer;
let connections: Connections;

beforeAll(async () => {
  server = await startInProcess();
  connections = new Connections(server.url);
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

const setUp = `
  CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
  CREATE TABLE transfers (id int PRIMARY KEY, source int NOT NULL, target int NOT NULL, amount bigint NOT NULL);
  CREATE MATERIALIZED VIEW total AS SELECT sum(balance) AS total, count(*) AS accounts FROM accounts;
  CREATE MATERIALIZED VIEW credits AS SELECT target AS id, sum(amount) AS amount FROM transfers GROUP BY target;
  CREATE MATERIALIZED VIEW debits AS SELECT source AS id, sum(amount) AS amount FROM transfers GROUP BY source;
  CREATE MATERIALIZED VIEW booked AS
    SELECT a.id, ${START} + coalesce(c.amount, 0) - coalesce(d.amount, 0) AS balance
    FROM accounts AS a LEFT JOIN credits AS c ON c.id = a.id LEFT JOIN debits AS d ON d.id = a.id;
  CREATE MATERIALIZED VIEW deviations AS
    SELECT count(*) FILTER (WHERE a.balance <> b.balance) AS wrong, sum(a.balance) - sum(b.balance) AS difference, count(*) AS n
    FROM accounts AS a JOIN booked AS b ON b.id = a.id;
  INSERT INTO accounts SELECT i, ${START} FROM generate_series(1, ${ACCOUNTS}) AS i`;

/** Statements and what each of them must answer whenever it is asked. */
const reads: readonly (readonly [sql: string, rows: readonly TextRow[]])[] = [
  ['SELECT total, accounts FROM total', [[TOTAL, String(ACCOUNTS)]]],
  ['SELECT sum(balance) FROM booked', [[TOTAL]]],
  ['SELECT * FROM deviations', [['0', '0', String(ACCOUNTS)]]],
  [
    'SELECT t.total, (SELECT sum(balance) FROM booked), d.wrong, d.difference FROM total AS t, deviations AS d',
    [[TOTAL, TOTAL, '0', '0']],
  ],
  [
    'SELECT a.id, a.balance, b.balance FROM accounts AS a JOIN booked AS b USING (id) WHERE a.balance <> b.balance',
    [],
  ],
  [
    'SELECT coalesce((SELECT sum(amount) FROM credits) - (SELECT sum(amount) FROM debits), 0), coalesce((SELECT sum(amount) FROM transfers) - (SELECT sum(amount) FROM credits), 0)',
    [['0', '0']],
  ],
];

class Writer {
  readonly #random = new Random(7);
  readonly #client: Connection;
  done = 0;

  constructor(client: Connection) {
    this.#client = client;
  }

  /** One transfer: in statements of their own, in one string, or with a part that is taken back. */
  async transfer(id: number): Promise<void> {
    const random = this.#random;
    const source = random.int(1, ACCOUNTS);
    const target = (source % ACCOUNTS) + 1;
    const amount = random.int(1, 50);
    const take = `UPDATE accounts SET balance = balance - ${amount} WHERE id = ${source}`;
    const give = `UPDATE accounts SET balance = balance + ${amount} WHERE id = ${target}`;
    const book = `INSERT INTO transfers VALUES (${id}, ${source}, ${target}, ${amount})`;
    const statements = ['BEGIN', take, give, book, 'COMMIT'];
    if (id % 10 === 0)
      statements.splice(2, 0, 'SAVEPOINT s', `${give} AND balance > 0`, 'ROLLBACK TO SAVEPOINT s');
    if (id % 7 === 0) statements.splice(-1, 1, 'ROLLBACK', 'BEGIN', take, give, book, 'COMMIT');
    if (id % 4 !== 0) await this.#client.tags(statements.join('; '));
    else for (const sql of statements) await this.#client.tags(sql);
    this.done++;
  }
}

/** Asks until the writer is done; gives the number of reads, and what was wrong. */
async function watch(
  reader: Connection,
  own: typeof reads,
  writer: Writer,
): Promise<{ readonly reads: number; readonly wrong: readonly string[] }> {
  const wrong: string[] = [];
  let count = 0;
  // Readers leave the writer its time: a round for every forty transfers.
  for (let next = 0; writer.done < TRANSFERS; ) {
    if (writer.done < next) {
      await sleep(1);
      continue;
    }
    next = writer.done + 40;
    for (const [sql, expected] of own) {
      const rows = await reader.rows(sql);
      count++;
      if (JSON.stringify(rows) !== JSON.stringify(expected)) wrong.push(`${sql}: ${JSON.stringify(rows)}`);
    }
  }
  return { reads: count, wrong: wrong.slice(0, 5) };
}

describe('every read sees whole transfers', () => {
  it('in views of three depths, one after the other and in one statement', { timeout: 900_000 }, async () => {
    const writer = new Writer(await connections.connect());
    const main = await connections.connect();
    await main.tags(setUp);
    const readers = await Promise.all([1, 2, 3, 4].map(() => connections.connect()));
    const watching = readers.map((reader, i) =>
      // Each begins with another statement; one reader looks at single views only.
      watch(reader, i === 0 ? reads.slice(0, 3) : [...reads.slice(i), ...reads.slice(0, i)], writer),
    );
    for (let id = 1; id <= TRANSFERS; id++) await writer.transfer(id);
    for (const outcome of await Promise.all(watching)) {
      expect(outcome.wrong).toEqual([]);
      expect(outcome.reads).toBeGreaterThan(50);
    }
    for (const [sql, expected] of reads) expect(await main.rows(sql)).toEqual(expected);
    expect(await main.value('SELECT count(*) FROM transfers')).toBe(String(TRANSFERS));
  });
});

it('a transaction that reads sees one state, its own changes included', async () => {
  const a = await connections.connect();
  const b = await connections.connect();
  await a.tags('BEGIN');
  await a.tags('UPDATE accounts SET balance = balance - 5 WHERE id = 1');
  expect(await a.rows('SELECT total FROM total')).toEqual([[String(ACCOUNTS * START - 5)]]);
  expect(await a.rows('SELECT wrong, difference FROM deviations')).toEqual([['1', '-5']]);
  expect(await b.rows('SELECT total FROM total')).toEqual([[TOTAL]]);
  expect(await b.rows('SELECT wrong, difference FROM deviations')).toEqual([['0', '0']]);
  await a.tags('ROLLBACK');
  expect(await a.rows('SELECT total FROM total')).toEqual([[TOTAL]]);
});
