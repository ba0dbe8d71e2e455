/** REPLACE SINK, ALTER SINK ... CONNECTOR WITH and SET SINK_RATE_LIMIT, sinks into tables with time, and what catalogs show. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SinkConnector } from '../../../connector/sink.ts';
import { SinkDelivery } from '../../../server/sinks/delivery.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('changing');
  world = new World(directory.path);
  await world.open();
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

const run = (sql: string): Promise<readonly (readonly unknown[])[]> => world.run(sql);
const path = (name: string): string => join(directory.path, name);
const file = (name: string, more = ''): string => `WITH (connector = 'file', path = '${path(name)}'${more})`;

/** Delivers to the disk of this machine. */
async function deliver(name: string): Promise<void> {
  const delivery = new SinkDelivery(world.database, world.sink(name));
  while ((await delivery.step(true)) === 'delivered') {}
  await delivery.close();
}

const lines = (name: string): readonly string[] =>
  readdirSync(path(name))
    .filter((part) => part.startsWith('part-'))
    .sort()
    .flatMap((part) =>
      readFileSync(join(path(name), part), 'utf8')
        .split('\n')
        .slice(0, -1),
    );

describe('REPLACE SINK', () => {
  it('takes the place of a sink, in one step', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('INSERT INTO t VALUES (1, 1)');
    await run(`CREATE SINK s AS SELECT v FROM t ${file('a', ', force_append_only = true')}`);
    await deliver('s');
    await run(`REPLACE SINK s FROM t ${file('b')} FORMAT UPSERT ENCODE JSON`);
    await run('INSERT INTO t VALUES (2, 2)');
    expect(await run('SHOW CREATE SINK s')).toEqual([
      ['public.s', expect.stringMatching(/^CREATE SINK s FROM t/)],
    ]);
    await world.crash();
    await deliver('s');
    expect(lines('a')).toEqual(['{"v":1}']);
    expect(lines('b').map((line) => (JSON.parse(line) as { readonly value: object }).value)).toEqual([
      { id: 1, v: 1 },
      { id: 2, v: 2 },
    ]);
    expect(await run('SELECT count(*) FROM millrace_catalog.sinks')).toEqual([[1n]]);
  });

  it('leaves the old one where the new one cannot be made', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run(`CREATE SINK s FROM t ${file('a')} FORMAT UPSERT ENCODE JSON`);
    await expect(run(`REPLACE SINK s FROM t ${file('a')} FORMAT UPSERT ENCODE JSON`)).rejects.toMatchObject({
      state: '55000',
    });
    await expect(run('REPLACE SINK t INTO t FROM t')).rejects.toMatchObject({ state: '42809' });
    await run('INSERT INTO t VALUES (1, 1)');
    await deliver('s');
    expect(lines('a')).toHaveLength(1);
    await run('CREATE TABLE u (id int PRIMARY KEY, v int)');
    await run('REPLACE SINK s INTO u FROM t');
    expect(await run('SELECT * FROM u')).toEqual([[1, 1]]);
    await world.crash();
    expect(await run('SELECT name, connector FROM millrace_catalog.sinks')).toEqual([['s', 'table']]);
  });
});

describe('ALTER SINK', () => {
  it('changes options that may change, and opens the target again', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY) ');
    await run(`CREATE SINK s FROM t ${file('a')} FORMAT UPSERT ENCODE JSON`);
    await run('INSERT INTO t VALUES (1)');
    await deliver('s');
    await run("ALTER SINK s CONNECTOR WITH (compression = 'gzip')");
    await expect(run(`ALTER SINK s CONNECTOR WITH (path = '${path('b')}')`)).rejects.toMatchObject({
      state: '0A000',
      hint: expect.stringContaining('rollover_seconds'),
    });
    await expect(run("ALTER SINK s CONNECTOR WITH (rollover_seconds = 'x')")).rejects.toMatchObject({
      state: '22023',
    });
    await world.crash();
    await run('INSERT INTO t VALUES (2)');
    await deliver('s');
    expect(readdirSync(path('a')).filter((name) => name.endsWith('.ndjson.gz'))).toHaveLength(1);
    expect(await run('SHOW CREATE SINK s')).toEqual([
      ['public.s', expect.stringContaining("compression = 'gzip'")],
    ]);
  });

  it('delivers no faster than it may', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY)');
    await run(
      `CREATE SINK s FROM t ${file('a', ', sink_rate_limit = 10, max_row_count = 1')} FORMAT UPSERT ENCODE JSON`,
    );
    for (let i = 0; i < 3; i++)
      await run(`INSERT INTO t SELECT g FROM generate_series(${i * 10}, ${i * 10 + 9}) g`);
    const delivery = new SinkDelivery(world.database, world.sink('s'));
    expect(await delivery.step()).toBe('delivered');
    expect(await delivery.step()).toBe('idle');
    expect(delivery.dueIn).toBeGreaterThan(900);
    expect(lines('a')).toHaveLength(10);
    world.now += 1_000_000n;
    expect(await delivery.step()).toBe('delivered');
    await run('ALTER SINK s SET SINK_RATE_LIMIT TO 0');
    world.now += 10_000_000n;
    expect(await delivery.step()).toBe('idle');
    expect(await run('SELECT rate_limit FROM millrace_catalog.sinks')).toEqual([[0n]]);
    await run('ALTER SINK s SET SINK_RATE_LIMIT TO DEFAULT');
    expect(await delivery.step()).toBe('delivered');
    expect(lines('a')).toHaveLength(30);
    await delivery.close();
  });
});

describe('catalogs', () => {
  it('show how much was delivered, and no secrets', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY)');
    await run(`CREATE SINK s FROM t ${file('a')} FORMAT UPSERT ENCODE JSON`);
    await run('INSERT INTO t VALUES (1), (2)');
    await deliver('s');
    const { runtime } = world.sink('s');
    runtime.reconfigure(
      new Map([
        ['redis.url', 'redis://me:sesame@host:1/0'],
        ['redis.password', 'sesame'],
        ['headers.authorization', 'Bearer sesame'],
      ]),
    );
    const [[rows, bytes, at, options] = []] = await run(
      'SELECT delivered_rows, delivered_bytes, delivered_at IS NOT NULL, options::text FROM millrace_catalog.sinks',
    );
    expect([rows, at, Number(bytes) > 0]).toEqual([2n, true, true]);
    expect(options).not.toContain('sesame');
    expect(options).toContain('redis://***@host:1/0');
  });
});

describe('a target that hangs', () => {
  it('is given up in time, and the sink goes on', async () => {
    mkdirSync(path('x'));
    await run('CREATE TABLE t (id int PRIMARY KEY)');
    await run(`CREATE SINK s FROM t ${file('a')} FORMAT UPSERT ENCODE JSON`);
    await run('INSERT INTO t VALUES (1)');
    const { runtime } = world.sink('s');
    const { connector } = runtime.shape;
    const hanging: SinkConnector = { ...connector, open: () => new Promise(() => {}) };
    runtime.shape = { ...runtime.shape, connector: hanging };
    const delivery = new SinkDelivery(world.database, world.sink('s'), { open: 50, step: 50 });
    expect(await delivery.step(true)).toBe('failed');
    expect(runtime.lastError).toContain('has not answered within 0.05 s');
    runtime.shape = { ...runtime.shape, connector };
    await deliver('s');
    expect(lines('a')).toHaveLength(1);
  });
});

describe('sinks into tables', () => {
  it('bring rows to watermarks, windows and time to live as other writers do', async () => {
    await run('CREATE TABLE log (at timestamptz, n int) APPEND ONLY');
    await run(
      "CREATE TABLE ev (at timestamptz, n int, WATERMARK FOR at AS at - INTERVAL '10 seconds') APPEND ONLY",
    );
    await run(
      "CREATE TABLE recent (n int PRIMARY KEY, at timestamptz, WATERMARK FOR at AS at - INTERVAL '10 seconds' WITH TTL)",
    );
    await run(
      `CREATE MATERIALIZED VIEW w AS SELECT window_start, sum(n) AS s
       FROM TUMBLE(ev, at, INTERVAL '1 minute') GROUP BY window_start EMIT ON WINDOW CLOSE`,
    );
    await run('CREATE SINK a INTO ev FROM log');
    await run('CREATE SINK b INTO recent (at, n) FROM log');
    await run("INSERT INTO log VALUES ('2024-01-01 00:00:05+00', 1), ('2024-01-01 00:00:30+00', 2)");
    await run("INSERT INTO log VALUES ('2024-01-01 00:01:30+00', 4)");
    await run("INSERT INTO log VALUES ('2024-01-01 00:00:40+00', 8)");
    const state = async (): Promise<readonly unknown[]> => [
      await run('SELECT s FROM w'),
      await run('SELECT n FROM recent ORDER BY n'),
      await run('SELECT count(*) FROM millrace_late.ev'),
      world.database.version,
    ];
    const before = await state();
    expect(before.slice(0, 3)).toEqual([[[3n]], [[4]], [[1n]]]);
    await world.crash();
    expect(await state()).toEqual(before);
  });

  it('see nothing of a commit that a view has refused', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY, d int)');
    await run('CREATE TABLE u (id int, d int)');
    await run("CREATE MATERIALIZED VIEW m AS SELECT id, 10 / d AS q FROM t WITH (on_error = 'fail')").catch(
      () => run("CREATE MATERIALIZED VIEW m WITH (on_error = 'fail') AS SELECT id, 10 / d AS q FROM t"),
    );
    await run('CREATE SINK s INTO u FROM t WITH (force_append_only = true)');
    await run('CREATE SINK s2 INTO u FROM m WITH (force_append_only = true)');
    await run('INSERT INTO t VALUES (1, 5)');
    await expect(run('INSERT INTO t VALUES (2, 0)')).rejects.toMatchObject({ state: '22012' });
    expect(await run('SELECT id, d FROM u ORDER BY d')).toEqual([
      [1, 2],
      [1, 5],
    ]);
  });
});
