/** A source that cannot be read stands still, says so, and is tried again; everything else goes on, also over restarts. */
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Row } from '../../common/value.ts';
import type { Notice, QuerySink } from '../../wire/port.ts';
import { afterCrash, type Opened, open, START, stateOf, temporaryDirectory } from './journal/support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let opened: Opened;
let now = START;

const directory = (name: string): string => join(place.path, name);

beforeEach(async () => {
  now = START;
  place = temporaryDirectory('pause');
  for (const name of ['data', 'one', 'two']) mkdirSync(directory(name));
  writeFileSync(join(directory('one'), 'a.csv'), '1\n2\n');
  writeFileSync(join(directory('two'), 'a.csv'), '10\n20\n');
  opened = await open(directory('data'), { now: () => now });
  for (const name of ['one', 'two']) {
    await run(
      `CREATE SOURCE ${name} (n int) WITH (connector = 'posix_fs', posix_fs.root = '${directory(name)}') FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await run(`CREATE MATERIALIZED VIEW sum_${name} AS SELECT sum(n) AS s FROM ${name}`);
  }
  await poll();
});

afterEach(() => {
  opened.database.close();
  place.remove();
});

async function run(sql: string): Promise<readonly Row[]> {
  const results = await opened.session.run(sql);
  return results[results.length - 1]?.rows ?? [];
}

async function poll(): Promise<void> {
  now += 200_000n;
  for (let i = 0; i < 10 && (await opened.database.pollSources()); i++);
}

const add = (name: string, line: string): void => appendFileSync(join(directory(name), 'a.csv'), `${line}\n`);
const sumOf = async (name: string): Promise<number> =>
  Number((await run(`SELECT s FROM sum_${name}`))[0]?.[0]);

async function noticesOf(sql: string): Promise<readonly string[]> {
  const notices: string[] = [];
  const sink: QuerySink = {
    notice: (notice: Notice) => notices.push(`${notice.severity} ${notice.message}: ${notice.detail ?? ''}`),
    columns() {},
    rows() {},
    commandComplete() {},
    emptyQuery() {},
  } as unknown as QuerySink;
  await opened.session.simpleQuery(sql, sink);
  return notices;
}

async function restart(name: string): Promise<void> {
  opened.journal.flush();
  const copy = afterCrash(directory('data'), name);
  opened.database.close();
  opened = await open(copy, { now: () => now });
}

const states = (): Promise<readonly Row[]> =>
  run('SELECT name, state, paused_reason, retry_at IS NOT NULL FROM millrace_catalog.sources ORDER BY name');

describe('ALTER SOURCE ... PAUSE', () => {
  it('keeps a source from being read, also after a restart, until it is resumed', async () => {
    expect([await sumOf('one'), await sumOf('two')]).toEqual([3, 30]);
    await run('ALTER SOURCE one PAUSE');
    add('one', '100');
    add('two', '100');
    await poll();
    expect([await sumOf('one'), await sumOf('two')]).toEqual([3, 130]);
    expect(await states()).toEqual([
      ['one', 'paused', 'paused by ALTER', false],
      ['two', 'running', null, false],
    ]);
    const [notice] = await noticesOf('SELECT s FROM sum_one');
    expect(notice).toMatch(
      /^WARNING source "one" is paused: what it brings is stale since 2024-01-01 .*: paused by ALTER$/,
    );
    expect(await noticesOf('SELECT s FROM sum_two')).toEqual([]);
    await restart('paused');
    await poll();
    expect(await sumOf('one')).toBe(3);
    await run('ALTER SOURCE one RESUME');
    await poll();
    expect(await sumOf('one')).toBe(103);
    expect(await noticesOf('SELECT s FROM sum_one')).toEqual([]);
    expect(await stateOf(run('ALTER TABLE missing PAUSE'))).toBe('42P01');
  });

  it('is there for tables with connectors', async () => {
    await run(
      `CREATE TABLE t (n int) APPEND ONLY WITH (connector = 'posix_fs', posix_fs.root = '${directory('one')}') FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await poll();
    await run('ALTER TABLE t PAUSE');
    add('one', '7');
    await poll();
    expect(await run('SELECT sum(n) FROM t')).toEqual([[3n]]);
    await run('ALTER TABLE t RESUME');
    await poll();
    expect(await run('SELECT sum(n) FROM t')).toEqual([[10n]]);
    await run('CREATE TABLE plain (n int)');
    expect(await stateOf(run('ALTER TABLE plain PAUSE'))).toBe('42809');
  });
});

describe('a source that fails', () => {
  it('stands still with its reason, and is tried again after longer and longer times', async () => {
    renameSync(directory('one'), directory('away'));
    add('two', '100');
    await poll();
    expect(await sumOf('two')).toBe(130);
    const [one] = await states();
    expect(one?.slice(0, 2)).toEqual(['one', 'paused']);
    expect(String(one?.[2])).toContain('SQLSTATE 58P01');
    expect(one?.[3]).toBe(true);
    expect((await noticesOf('SELECT s FROM sum_one'))[0]).toContain('58P01');
    const retry = async (): Promise<bigint> =>
      (await run("SELECT retry_at FROM millrace_catalog.sources WHERE name = 'one'"))[0]?.[0] as bigint;
    const waits: bigint[] = [];
    for (let i = 0; i < 9; i++) {
      const at = await retry();
      waits.push((at - now) / 1_000_000n);
      now = at;
      await opened.database.pollSources();
    }
    expect(waits.slice(1)).toEqual([2n, 4n, 8n, 16n, 32n, 60n, 60n, 60n]);
    renameSync(directory('away'), directory('one'));
    add('one', '50');
    now = await retry();
    await poll();
    expect(await sumOf('one')).toBe(53);
    expect((await states())[0]).toEqual(['one', 'running', null, false]);
  });

  it('does not keep the server from starting', async () => {
    renameSync(directory('one'), directory('away'));
    await restart('missing');
    await poll();
    expect(await sumOf('two')).toBe(30);
    expect(await stateOf(run('SELECT s FROM sum_one'))).toBe('55000');
    expect(await stateOf(run('ALTER SOURCE one RESUME'))).toBe('55000');
    expect((await states())[0]?.[1]).toBe('paused');
    renameSync(directory('away'), directory('one'));
    await restart('back');
    await poll();
    expect(await sumOf('one')).toBe(3);
    expect((await states()).map((row) => row[1])).toEqual(['running', 'running']);
  });
});
