/**
 * The same arrivals, read in different pieces and with other ticks between them, give the same rows, late rows and views:
 * on update, on window close, and with lateness allowed.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatabase, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { cut, generator } from './random.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-splits-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const windows = (r: string): string =>
  `SELECT window_start, count(*) AS n, sum(k) AS k FROM TUMBLE(${r}, at, INTERVAL '30 seconds') GROUP BY window_start`;

const setup = (files: string): readonly string[] => [
  `CREATE SOURCE f (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '10 seconds')
     WITH (connector = 'posix_fs', posix_fs.root = '${files}') FORMAT PLAIN ENCODE CSV`,
  `CREATE TABLE t (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '10 seconds') APPEND ONLY`,
  ...['f', 't'].flatMap((r) => [
    `CREATE MATERIALIZED VIEW u_${r} AS ${windows(r)}`,
    `CREATE MATERIALIZED VIEW c_${r} AS ${windows(r)} EMIT ON WINDOW CLOSE`,
    `CREATE MATERIALIZED VIEW l_${r} AS ${windows(r)} EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '30 seconds'`,
    `CREATE MATERIALIZED VIEW r_${r} AS SELECT k, at FROM ${r}`,
    `CREATE MATERIALIZED VIEW late_${r} AS SELECT k, at, late_watermark, late_reason FROM millrace_late.${r}`,
  ]),
  `CREATE MATERIALIZED VIEW pairs AS SELECT f.k, t.k AS k2 FROM f JOIN t
     ON f.at BETWEEN t.at - INTERVAL '5 seconds' AND t.at + INTERVAL '5 seconds'`,
];

const shown = [
  ...['f', 't'].flatMap((r) => ['u', 'c', 'l', 'r', 'late'].map((view) => `${view}_${r}`)),
  'pairs',
  'f',
  't',
];

async function rows(session: Session, sql: string): Promise<readonly string[]> {
  const [answer] = await session.run(sql);
  return (answer?.rows ?? []).map((row) => row.map(String).join(' | ')).sort();
}

const START = Date.UTC(2024, 0, 1);
const stamp = (ms: number): string => new Date(START + ms).toISOString().replace('T', ' ').replace('Z', '');

/** Lines of the file, and transactions on the table. */
function arrivals(random: (n: number) => number) {
  let now = 0;
  const next = (): string | null => {
    now += random(4000);
    return random(30) === 0 ? null : stamp(now - random(random(60_000) + 1));
  };
  const lines = Array.from({ length: 200 }, (_, k) => `${k},${next() ?? ''}\n`);
  now = 0;
  const transactions = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 1 + random(6) }, (_, j) => [i * 10 + j, next()] as const),
  );
  return { lines, transactions };
}

async function live(
  files: string,
  { lines, transactions }: ReturnType<typeof arrivals>,
  random: (n: number) => number,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const database = createDatabase();
  const session = localSession(database);
  for (const sql of setup(files)) await session.run(sql);
  const pieces = cut(lines, 1 + random(40), random);
  const left = [...transactions];
  while (pieces.length > 0 || left.length > 0) {
    const piece = random(3) === 0 || left.length === 0 ? pieces.shift() : undefined;
    if (piece !== undefined) {
      appendFileSync(join(files, 'x.csv'), piece.join(''));
      while (await database.pollSources());
      continue;
    }
    const transaction = left.shift();
    if (transaction === undefined) continue;
    // A transaction is one arrival, however many statements it has.
    await session.run('BEGIN');
    for (const part of cut(transaction, 1 + random(6), random)) {
      const values = part.map(([k, at]) => `(${k}, ${at === null ? 'NULL' : `'${at}'`})`);
      await session.run(`INSERT INTO t VALUES ${values.join(', ')}`);
    }
    await session.run('COMMIT');
  }
  const result: Record<string, readonly string[]> = {};
  for (const name of shown) result[name] = await rows(session, `SELECT * FROM ${name}`);
  result.watermarks = await rows(
    session,
    `SELECT relation, watermark FROM millrace_catalog.watermarks WHERE relation IN ('f', 't')`,
  );
  // Views that come now see what those that were there have seen.
  await session.run(`CREATE MATERIALIZED VIEW u2 AS ${windows('f')}`);
  await session.run(
    `CREATE MATERIALIZED VIEW l2 AS ${windows('f')} EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '30 seconds'`,
  );
  expect(await rows(session, 'SELECT * FROM u2')).toEqual(result.u_f);
  expect(await rows(session, 'SELECT * FROM l2')).toEqual(result.l_f);
  database.close();
  return result;
}

it.each([1, 2, 3, 4, 5, 6])('polls, ticks and statements make no difference, history %i', async (seed) => {
  const random = generator(seed);
  const history = arrivals(random);
  const results = [];
  for (let i = 0; i < 4; i++) {
    const files = mkdtempSync(join(directory, 'files-'));
    results.push(await live(files, history, random));
  }
  const [first, ...others] = results;
  expect(first?.late_f?.length).toBeGreaterThan(3);
  expect(first?.late_t?.length).toBeGreaterThan(3);
  expect(first?.c_f?.length).toBeGreaterThan(3);
  for (const other of others) expect(other).toEqual(first);
});
