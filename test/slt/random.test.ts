/**
 * Random queries against PostgreSQL: after every step of random changes, PostgreSQL's answer, the answer of a direct
 * query, and the content of a materialised view that was there from the start are the same rows.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSql } from '../../bin/slt/runner.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { startInProcess, type TestServer } from '../harness/server.ts';
import { changes, query, random, schema } from './randomQueries.ts';

const SEEDS = Number(process.env.MILLRACE_RANDOM_SEEDS ?? 12);
const FIRST = Number(process.env.MILLRACE_RANDOM_FIRST ?? 1);
const QUERIES = 25;
const STEPS = 4;

const rawTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, types: rawTypes });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Equal numbers of different scale are one value to a key or a set, and either of them may stand for it. */
const plain = (value: string): string => (/^-?\d+\.\d*0$/.test(value) ? value.replace(/\.?0+$/, '') : value);

/** Sorted rows, or the SQLSTATE of the failure. */
async function answer(client: pg.Client, sql: string): Promise<string> {
  try {
    const { rows } = await runSql(client, sql);
    return rows
      .map((r) => r.map(plain).join(' | '))
      .sort()
      .join('\n');
  } catch (error) {
    return `error ${error instanceof pg.DatabaseError ? `${error.code} ${error.message}` : String(error)}`;
  }
}

const bin = postgresBin();

describe('random queries', () => {
  if (bin === null) {
    it('are compared where PostgreSQL is installed; it is missing here', () => {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is required but missing').not.toBe('1');
    });
    return;
  }
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres(bin);
  });
  afterAll(() => postgres.close());

  /** One history: the views first, then the changes step by step. */
  async function history(seed: number, server: TestServer): Promise<readonly string[]> {
    const g = random(seed);
    const reference = await connect(await postgres.createDatabase(`random_${seed}`));
    const ours = await connect(server.url);
    const wrong: string[] = [];
    for (const sql of schema) for (const client of [reference, ours]) await client.query(sql);
    const tested: { readonly sql: string; readonly view: string; failed?: boolean }[] = [];
    for (let i = 0; i < QUERIES; i++) {
      const sql = query(g);
      const view = `v${i}`;
      const columns = Array.from(
        { length: (await reference.query({ text: sql, rowMode: 'array' })).fields.length },
        (_, c) => `c${c}`,
      );
      try {
        await ours.query(`CREATE MATERIALIZED VIEW ${view} (${columns.join(', ')}) AS ${sql}`);
        tested.push({ sql, view });
      } catch (error) {
        wrong.push(`no view: ${String(error)}\n${sql}`);
      }
    }
    for (let step = 0; step < STEPS; step++) {
      for (const sql of changes(g, step)) for (const client of [reference, ours]) await client.query(sql);
      for (const item of tested) {
        if (item.failed === true) continue;
        const { sql, view } = item;
        const expected = await answer(reference, sql);
        for (const [what, text] of [
          ['query', sql],
          ['view', `SELECT * FROM ${view}`],
        ] as const) {
          const got = await answer(ours, text);
          if (got === expected) continue;
          item.failed = true;
          wrong.push(`seed ${seed}, step ${step}, ${what}: ${sql}\nexpected:\n${expected}\ngot:\n${got}\n`);
        }
      }
    }
    await reference.end();
    await ours.end();
    return wrong;
  }

  it.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))('seed %i', async (seed) => {
    const server = await startInProcess();
    try {
      expect(await history(seed, server)).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
