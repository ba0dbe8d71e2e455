/**
 * A server whose state is many times its memory limit answers as one without a limit: while it works, after a crash that leaves
 * a checkpoint and a journal, with everything left on disk at the restart, and while views are built over what lies there.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import type { Checkpointer } from '../../../server/checkpoint/checkpointer.ts';
import { recoverDirectory } from '../../../server/checkpoint/recovery.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import { MemoryLimit } from '../../../server/memory/memoryLimit.ts';
import { blockState, usageOf } from '../../../server/memory/usage.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import { dump } from '../journal/support.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-memory-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Server {
  readonly database: Database;
  readonly memory: MemoryLimit;
  readonly checkpointer: Checkpointer | null;
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

const NO_LIMIT = 2 ** 40;
const LIMIT = 200_000;

function limited(database: Database, limit: number, at: string): MemoryLimit {
  const memory = new MemoryLimit(database, {
    limit,
    directory: join(at, 'swap'),
    log: (line) => expect.unreachable(line),
    measureMicros: 0n,
    lazyBlocks: 0,
  });
  database.memory = memory;
  return memory;
}

function serverOf(database: Database, memory: MemoryLimit, checkpointer: Checkpointer | null): Server {
  const session = localSession(database);
  return {
    database,
    memory,
    checkpointer,
    run: async (sql) => {
      await session.run(sql);
    },
    close: async () => {
      await checkpointer?.close();
      database.close();
    },
  };
}

function inMemory(limit: number): Server {
  const database = createDatabase();
  return serverOf(database, limited(database, limit, directory), null);
}

async function onDisk(at: string, limit: number): Promise<Server> {
  const database = createDatabase();
  const memory = limited(database, limit, at);
  const journal = new Journal(at, { now: () => database.clock(), acceptDataLoss: false, log: () => {} });
  const { checkpointer } = await recoverDirectory(database, at, journal, ddlRunner(database), () => {});
  return serverOf(database, memory, checkpointer);
}

const definitions = `
  CREATE TABLE orders (id int PRIMARY KEY, customer int, product text, amount numeric, note text);
  CREATE TABLE customers (id int PRIMARY KEY, name text, region text);
  CREATE MATERIALIZED VIEW by_customer AS
    SELECT customer, count(*) AS n, sum(amount) AS total, max(note) AS last_note, array_agg(product ORDER BY id) AS products
    FROM orders GROUP BY customer;
  CREATE MATERIALIZED VIEW joined AS
    SELECT o.id, c.name, c.region, o.product, o.amount FROM orders o LEFT JOIN customers c ON c.id = o.customer;
  CREATE MATERIALIZED VIEW best AS
    SELECT product, id, amount FROM (
      SELECT product, id, amount, row_number() OVER (PARTITION BY product ORDER BY amount DESC, id) AS place FROM orders
    ) AS ranked WHERE place <= 3;
  CREATE INDEX by_note ON orders (note);
`;
const fill = `
  INSERT INTO customers SELECT i, 'customer ' || i, 'region ' || i % 17 FROM generate_series(1, 2000) AS s (i);
  INSERT INTO orders SELECT i, 1 + i * 7919 % 2500, 'product ' || i % 900, i % 1000 / 4.0, repeat('note ' || i % 321, 1 + i % 9)
    FROM generate_series(1, 10000) AS s (i);
`;
const changes = [
  `UPDATE orders SET amount = amount + 1, note = 'changed ' || id WHERE id % 97 = 3`,
  'DELETE FROM orders WHERE id % 13 = 5',
  `INSERT INTO orders SELECT i, i % 2000, 'product ' || i % 900, 0.5, 'late ' || i FROM generate_series(10001, 11000) AS s (i)`,
  `UPDATE customers SET name = upper(name) WHERE id % 31 = 0`,
  'DELETE FROM customers WHERE id % 101 = 7',
];
const later = `CREATE MATERIALIZED VIEW regions AS
  SELECT c.region, count(*) AS n, sum(o.amount) AS total, count(DISTINCT o.product) AS products
  FROM orders o JOIN customers c ON c.id = o.customer GROUP BY c.region`;

/** What is counted is at most the limit, with what one statement's last batch may have brought. */
function expectWithin({ memory }: Server): void {
  expect(memory.residency.resident).toBeLessThanOrEqual(LIMIT);
  expect(memory.residency.evictions).toBeGreaterThan(100n);
}

function expectSame(server: Server, plain: Server): void {
  const { version: _, ...rows } = dump(server.database);
  const { version: __, ...expected } = dump(plain.database);
  expect(rows).toEqual(expected);
}

describe('state larger than memory', () => {
  it('gives the same answers', async () => {
    const [server, plain] = [inMemory(LIMIT), inMemory(NO_LIMIT)];
    for (const sql of [definitions, fill, ...changes, later]) {
      await server.run(sql);
      await plain.run(sql);
    }
    expectWithin(server);
    const bytes = [...blockState(plain.database)].reduce((sum, state) => sum + usageOf(state).bytes, 0);
    expect(bytes).toBeGreaterThan(LIMIT * 5);
    expectSame(server, plain);
    for (const end of ['DELETE FROM orders', 'DROP MATERIALIZED VIEW regions, joined']) {
      await server.run(end);
      await plain.run(end);
    }
    expectSame(server, plain);
    await server.close();
    await plain.close();
  });

  it('survives a crash, and starts with everything on disk', async () => {
    const plain = inMemory(NO_LIMIT);
    let server = await onDisk(directory, LIMIT);
    const both = async (sql: string): Promise<void> => {
      await server.run(sql);
      await plain.run(sql);
    };
    await both(definitions);
    await both(fill);
    await server.checkpointer?.checkpoint();
    for (const sql of changes.slice(0, 2)) {
      const checkpoint = server.checkpointer?.checkpoint();
      await both(sql);
      await checkpoint;
    }
    for (const sql of changes.slice(2)) await both(sql);
    expectWithin(server);
    // The crash: another server finds the files as they are.
    const crashed = join(directory, 'crashed');
    for (const name of ['state.db', 'state.db-wal', 'journal.db', 'journal.db-wal']) {
      cpSync(join(directory, name), join(crashed, name));
    }
    await server.close();
    server = await onDisk(crashed, LIMIT);
    expect(server.memory.residency.resident).toBeLessThanOrEqual(LIMIT);
    expectSame(server, plain);
    await both(later);
    await both('UPDATE orders SET amount = -amount WHERE id % 7 = 1');
    expectSame(server, plain);
    await server.checkpointer?.checkpoint();
    await server.close();
    server = await onDisk(crashed, NO_LIMIT);
    // Nothing is read before it is needed.
    expect(server.memory.residency.resident).toBeLessThan(LIMIT);
    expectSame(server, plain);
    await server.close();
    await plain.close();
  });
});

describe('the catalog', () => {
  it('says what state takes, and where it is', async () => {
    const server = inMemory(LIMIT);
    await server.run(definitions);
    await server.run(fill);
    await server.run(must(changes[0]));
    const session = localSession(server.database);
    const rowsOf = async (sql: string): Promise<readonly unknown[]> =>
      (await session.run(sql)).at(-1)?.rows ?? [];
    expect(
      await rowsOf(`SELECT relation, part, rows > 0, bytes > bytes_in_memory, blocks > blocks_in_memory
        FROM millrace_catalog.memory WHERE relation IN ('orders', 'by_customer') ORDER BY 1, 2`),
    ).toEqual([
      ['by_customer', 'Aggregate', true, true, true],
      ['by_customer', 'rows', true, true, true],
      ['orders', 'rows', true, true, true],
    ]);
    const [limit] = await rowsOf(`SELECT limit_bytes, bytes_in_memory <= limit_bytes, bytes_moved_to_disk > 0,
      blocks_moved_out > 0, blocks_read_back > 0 FROM millrace_catalog.memory_limit`);
    expect(limit).toEqual([BigInt(LIMIT), true, true, true, true]);
    await server.close();
  });
});
