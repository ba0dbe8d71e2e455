/**
 * Random queries against PostgreSQL: after every step of random changes, PostgreSQL's answer, the answer of a direct
 * query, and the content of a materialised view that was there from the start are the same rows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSql } from '../../bin/slt/runner.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { startInProcess } from '../harness/server.ts';
import { changes, query, type Random, random, schema } from './randomQueries.ts';

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

  interface Tested {
    readonly sql: string;
    readonly view: string;
    failed: boolean;
  }

  /** Makes the tables on both sides and a view of ours for each query. */
  async function prepare(g: Random, reference: pg.Client, ours: pg.Client): Promise<Tested[]> {
    for (const sql of schema) for (const client of [reference, ours]) await client.query(sql);
    const tested: Tested[] = [];
    for (let i = 0; i < QUERIES; i++) {
      const sql = query(g);
      const { fields } = await reference.query({ text: sql, rowMode: 'array' });
      const columns = fields.map((_, c) => `c${c}`).join(', ');
      await ours.query(`CREATE MATERIALIZED VIEW v${i} (${columns}) AS ${sql}`);
      tested.push({ sql, view: `v${i}`, failed: false });
    }
    return tested;
  }

  async function differences(
    tested: readonly Tested[],
    reference: pg.Client,
    ours: pg.Client,
  ): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const item of tested) {
      const expected = await answer(reference, item.sql);
      for (const text of [item.sql, `SELECT * FROM ${item.view}`]) {
        const got = item.failed ? expected : await answer(ours, text);
        if (got === expected) continue;
        item.failed = true;
        wrong.push(`${text}\nwhich is: ${item.sql}\nexpected:\n${expected}\ngot:\n${got}\n`);
      }
    }
    return wrong;
  }

  /** One history: the views first, then the changes step by step; with a directory, a restart after every step. */
  async function history(seed: number, directory: string | null): Promise<readonly string[]> {
    const g = random(seed);
    const reference = await connect(await postgres.createDatabase(`random_${seed}`));
    let server = await startInProcess(directory);
    let ours = await connect(server.url);
    try {
      const tested = await prepare(g, reference, ours);
      for (let step = 0; step < STEPS; step++) {
        for (const sql of changes(g, step)) for (const client of [reference, ours]) await client.query(sql);
        const wrong = await differences(tested, reference, ours);
        if (wrong.length > 0) return [`seed ${seed}, step ${step}`, ...wrong];
        if (directory === null) continue;
        await ours.end();
        await server.close();
        server = await startInProcess(directory);
        ours = await connect(server.url);
        const after = await differences(tested, reference, ours);
        if (after.length > 0) return [`seed ${seed}, after the restart of step ${step}`, ...after];
      }
      return [];
    } finally {
      await reference.end();
      await ours.end();
      await server.close();
    }
  }

  it.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))('seed %i', async (seed) => {
    expect(await history(seed, null)).toEqual([]);
  });

  it.each([1001, 1002, 1003])('seed %i, with restarts', async (seed) => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-random-'));
    try {
      expect(await history(seed, directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
