/**
 * The database that the kills are about, and what its clients do: orders and payments, each transaction over two tables. What there is
 * stays small however long it goes on (150 customers, about 1500 orders), so that comparing is quick.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../clients.ts';
import { connectTo } from './support.ts';

const CUSTOMERS = 150;
const MOST_ORDERS = 1500;
const LATE_ROWS = 2000;

export const upstreamTables: readonly string[] = [
  'CREATE TABLE customer (id int PRIMARY KEY, name text, balance bigint)',
  `INSERT INTO customer SELECT i, 'c' || i, 1000 FROM generate_series(1, ${CUSTOMERS}) i`,
  'CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, amount int, at timestamptz DEFAULT now())',
  'CREATE TABLE late (id int PRIMARY KEY, v int)',
  `INSERT INTO late SELECT i, 0 FROM generate_series(1, ${LATE_ROWS}) i`,
  // Its transactions come after all others.
  'CREATE TABLE marker (id int PRIMARY KEY, n int)',
  'INSERT INTO marker VALUES (1, 0)',
];

export interface Load {
  transactions: number;
  orders: number;
}

type Random = (n: number) => number;

function transaction(random: Random, load: Load): string {
  const customer = 1 + random(CUSTOMERS);
  const amount = random(100);
  const pay = (sign: string): string =>
    `UPDATE customer SET balance = balance ${sign} ${amount} WHERE id = ${customer}`;
  const kind = random(20);
  if (load.orders > MOST_ORDERS || kind < 2) {
    const some = load.orders > MOST_ORDERS ? MOST_ORDERS >> 3 : 1 + random(5);
    return `WITH gone AS (DELETE FROM orders WHERE id IN (SELECT id FROM orders ORDER BY id LIMIT ${some}) RETURNING customer, amount), back AS (SELECT customer, sum(amount) AS amount FROM gone GROUP BY customer) UPDATE customer c SET balance = balance + g.amount FROM back g WHERE c.id = g.customer`;
  }
  if (kind < 13) {
    load.orders++;
    return `BEGIN; INSERT INTO orders (customer, amount) VALUES (${customer}, ${amount}); ${pay('-')}; COMMIT`;
  }
  // Keys move, and transactions that are rolled back are nowhere.
  if (kind < 15)
    return `UPDATE orders SET id = nextval('orders_id_seq') WHERE customer = ${customer} AND id % 31 = 0`;
  if (kind < 16) return `BEGIN; INSERT INTO orders (customer, amount) VALUES (${customer}, 1); ROLLBACK`;
  return `BEGIN; UPDATE late SET v = v + 1 WHERE id % 100 = ${random(100)}; UPDATE orders SET amount = amount + 1 WHERE customer = ${customer} AND id % 7 = 0; COMMIT`;
}

/** One client: connects again when the server was away, until `stopped`. */
export async function writer(url: string, random: Random, load: Load, stopped: () => boolean): Promise<void> {
  let connection: Connection | null = null;
  while (!stopped()) {
    try {
      if (connection === null) {
        connection = await connectTo(url);
        load.orders = Number(await connection.value('SELECT count(*) FROM orders'));
      }
      if (random(100) === 0) load.orders = Number(await connection.value('SELECT count(*) FROM orders'));
      await connection.rows(transaction(random, load));
      load.transactions++;
      await sleep(2 + random(8));
    } catch {
      await connection?.end().catch(() => {});
      connection = null;
      await sleep(50);
    }
  }
  await connection?.end().catch(() => {});
}
