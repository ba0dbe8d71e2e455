/** ALTER TABLE ... ADD | DROP COLUMN of tables that files feed: lines of before keep what they have, later ones fill the new columns. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { afterCrash, START, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let opened: OpenedRemote;
let directory = '';
let now = START;

beforeEach(async () => {
  now = START;
  place = temporaryDirectory('file-alter');
  mkdirSync(`${place.path}/in`);
  directory = `${place.path}/data`;
  opened = await openRemote(new Broker(), directory, () => now);
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

async function write(file: string, text: string): Promise<void> {
  appendFileSync(`${place.path}/in/${file}`, text);
  now += 10_000_000n;
  await settle(opened);
}

async function restart(name: string): Promise<void> {
  opened.journal?.flush();
  directory = afterCrash(directory, name);
  await closeRemote(opened);
  opened = await openRemote(new Broker(), directory, () => now);
}

const from = (pattern: string): string =>
  `WITH (connector = 'posix_fs', posix_fs.root = '${place.path}/in', match_pattern = '${pattern}')`;

it('of JSON', async () => {
  await run(`CREATE TABLE t (a int, b int) INCLUDE file AS f ${from('*.jsonl')} FORMAT PLAIN ENCODE JSON`);
  await run('CREATE MATERIALIZED VIEW v AS SELECT sum(a) AS a FROM t');
  await write('one.jsonl', '{"a": 1, "b": 1, "c": "x"}\n{"a": 2, "b": 2, "c": "y"}\n');
  await run('ALTER TABLE t ADD COLUMN c text, DROP COLUMN b');
  await write('one.jsonl', '{"a": 3, "c": "z"}\n');
  await write('two.jsonl', '{"a": 4, "c": "v"}\n');
  const rows = ['1 | NULL | one.jsonl', '2 | NULL | one.jsonl', '3 | z | one.jsonl', '4 | v | two.jsonl'];
  expect(await run('SELECT a, c, f FROM t ORDER BY a')).toEqual(rows);
  await restart('json');
  await write('two.jsonl', '{"a": 5, "c": "w"}\n');
  expect(await run('SELECT a, c, f FROM t ORDER BY a')).toEqual([...rows, '5 | w | two.jsonl']);
  expect(await run('SELECT * FROM v')).toEqual(['15']);
});

it('of CSV, by the header', async () => {
  await run(`CREATE TABLE t (a int) ${from('*.csv')} FORMAT PLAIN ENCODE CSV (without_header = 'false')`);
  await write('one.csv', 'c,a\nx,1\n');
  await run('ALTER TABLE t ADD COLUMN c text');
  await write('one.csv', 'y,2\n');
  await write('two.csv', 'a,d,c\n3,?,z\n');
  const rows = ['1 | NULL', '2 | y', '3 | z'];
  expect(await run('SELECT a, c FROM t ORDER BY a')).toEqual(rows);
  await run('ALTER TABLE t RENAME COLUMN c TO d');
  await write('two.csv', '4,!,w\n');
  await restart('csv');
  expect(await run('SELECT a, d FROM t ORDER BY a')).toEqual([...rows, '4 | !']);
});
