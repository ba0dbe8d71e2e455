/** Views that begin somewhere in what their source has brought, and do so again when they are built again. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, type Opened, open, START, stateOf, temporaryDirectory } from '../journal/support.ts';
import { bagOf, rowsOf, slowDown } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let opened: Opened;
let now = START;

const file = (): string => join(place.path, 'input', 'a.csv');
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => {
    const n = from + i;
    return `${n},2024-01-01 00:${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}+00\n`;
  }).join('');

beforeEach(async () => {
  place = temporaryDirectory('replay');
  mkdirSync(join(place.path, 'data'));
  mkdirSync(join(place.path, 'input'));
  writeFileSync(file(), lines(1, 100));
  opened = await open(join(place.path, 'data'), { now: () => now });
  await run(
    `CREATE SOURCE s (n int, at timestamptz, WATERMARK FOR at AS at - INTERVAL '5 seconds') WITH (connector = 'posix_fs', posix_fs.root = '${join(place.path, 'input')}') FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
  );
  await run('CREATE TABLE t (n int)');
  await run('INSERT INTO t SELECT generate_series(1, 200)');
  await run('CREATE MATERIALIZED VIEW every_row AS SELECT n FROM s');
  await poll();
});

afterEach(() => {
  opened.database.close();
  place.remove();
});

const run = (sql: string) => opened.session.run(sql);

async function poll(): Promise<void> {
  now += 200_000n;
  for (let i = 0; i < 10 && (await opened.database.pollSources()); i++);
}

const view = (name: string, from: string, query = 'SELECT n FROM s'): Promise<unknown> =>
  run(`CREATE MATERIALIZED VIEW ${name} WITH (replay_from = '${from}') AS ${query}`);

async function range(name: string): Promise<string> {
  const [row] = await rowsOf(opened.session, `SELECT min(n), max(n), count(*) FROM ${name}`);
  return String(row);
}

describe('replay_from', () => {
  it('takes the start, a position, or a time', async () => {
    const [row] = await rowsOf(
      opened.session,
      "SELECT position::text FROM millrace_catalog.sources WHERE name = 's'",
    );
    const position = String(row?.[0]);
    appendFileSync(file(), lines(101, 150));
    await poll();
    await view('all_rows', 'earliest');
    await view('later', position);
    await view('timed', '2024-01-01 00:02:00+00');
    await view('joined', position, 'SELECT s.n FROM s JOIN t ON t.n = s.n');
    await view('whole', 'earliest', 'SELECT s.n FROM s JOIN t ON t.n = s.n');
    expect(await range('all_rows')).toBe('1,150,150');
    expect(await range('later')).toBe('101,150,50');
    expect(await range('timed')).toBe('120,150,31');
    expect(await range('joined')).toBe('101,150,50');
    expect(await range('whole')).toBe('1,150,150');
    appendFileSync(file(), lines(151, 160));
    await poll();
    const expected = { later: '101,160,60', timed: '120,160,41', joined: '101,160,60', whole: '1,160,160' };
    for (const [name, rows] of Object.entries(expected)) expect(await range(name), name).toBe(rows);
    opened.journal.flush();
    const copy = afterCrash(join(place.path, 'data'), 'crash');
    opened.database.close();
    opened = await open(copy, { now: () => now });
    for (const [name, rows] of Object.entries(expected)) expect(await range(name), name).toBe(rows);
    await run('ALTER MATERIALIZED VIEW later SWAP WITH all_rows');
    expect([await range('later'), await range('all_rows')]).toEqual(['1,160,160', '101,160,60']);
  });

  it('begins there between ticks, too', async () => {
    const [row] = await rowsOf(
      opened.session,
      "SELECT position::text FROM millrace_catalog.sources WHERE name = 's'",
    );
    appendFileSync(file(), lines(101, 150));
    await poll();
    slowDown(opened.database, 7);
    await run('SET background_ddl = true');
    await view('later', String(row?.[0]), 'SELECT n, count(*) AS c FROM s GROUP BY n');
    appendFileSync(file(), lines(151, 155));
    await poll();
    await run('WAIT');
    expect(opened.database.jobs.list()).toEqual([]);
    expect(await bagOf(opened.session, 'SELECT n FROM later')).toEqual(
      await bagOf(opened.session, 'SELECT n FROM every_row WHERE n > 100'),
    );
  });

  it('says what is wrong', async () => {
    expect(await stateOf(view('v', 'earliest', 'SELECT n FROM t'))).toBe('22023');
    expect(await stateOf(view('v', '{"a.csv": 100000}'))).toBe('22023');
    expect(await stateOf(view('v', '{"a.csv": '))).toBe('22023');
    expect(await stateOf(view('v', '2030-01-01 00:00:00+00'))).toBe('22023');
    expect(await stateOf(view('v', 'yesterday or so'))).toBe('22007');
    await run(
      "CREATE SOURCE i (n int) WITH (connector = 'inject'); CREATE MATERIALIZED VIEW vi AS SELECT n FROM i; INJECT INTO i VALUES (1)",
    );
    expect(await stateOf(view('v', '2024-01-01', 'SELECT n FROM i'))).toBe('22023');
    expect(opened.database.catalog.objects().some(({ name }) => name === 'v')).toBe(false);
  });
});
