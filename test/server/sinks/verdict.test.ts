/**
 * A restart treats a sink as it was treated before: a target that the user has said to go on with (once, and for the state that it was
 * in), and a relation that no longer is what it was when the sink was made.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { CrashDisk } from '../../connector/fileSink/crashDisk.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('sinkverdict');
  world = new World(directory.path);
  await world.open();
  await world.run('CREATE TABLE t (id int PRIMARY KEY, g int)');
  await world.run('CREATE TABLE log (id int, g int) APPEND ONLY');
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

const paused = (): string | null => world.sink('s').runtime.paused?.reason ?? null;
const step = () => world.delivery('s').step(true);
const ids = (): readonly number[] =>
  world
    .disk('s')
    .lines()
    .map((line) => (JSON.parse(line) as { readonly id: number }).id);

/** The process dies, or stops in an orderly way after a checkpoint. */
async function restart(how: string): Promise<void> {
  if (how === 'checkpoint') await world.checkpoint();
  await world.crash();
}

async function createSink(): Promise<void> {
  await world.run(
    `CREATE SINK s FROM log WITH (connector = 'file', path = '${directory.path}/s') FORMAT PLAIN ENCODE JSON`,
  );
}

/** The sink has delivered two rows; its target loses them, and a restart finds out. */
async function lose(): Promise<void> {
  await createSink();
  await world.run('INSERT INTO log VALUES (1, 1)');
  await world.run('INSERT INTO log VALUES (2, 1)');
  await world.drain('s');
  await world.checkpoint();
  world.disks.set('s', new CrashDisk());
  await world.crash();
  await world.run('INSERT INTO log VALUES (3, 1)');
  expect(await step()).toBe('paused');
  expect(paused()).toContain('the target has lost changes that were delivered');
}

describe.each(['kill', 'checkpoint'])('a target that cannot be right, over a %s', (how) => {
  it('stays refused', async () => {
    await lose();
    await restart(how);
    expect(await step()).toBe('paused');
    expect(paused()).toContain('the target has lost changes that were delivered');
    await world.run('ALTER SINK s RESUME');
    await world.drain('s');
    expect(ids()).toEqual([3]);
  });

  it('is gone on with once RESUME has been answered', async () => {
    await lose();
    await world.run('ALTER SINK s RESUME');
    await restart(how);
    expect(paused()).toBe(null);
    await world.drain('s');
    expect(ids()).toEqual([3]);
  });

  it('is still gone on with where nothing has been delivered since', async () => {
    await lose();
    await world.run('ALTER SINK s RESUME');
    const disk = world.disk('s');
    const { runtime } = world.sink('s');
    runtime.rateLimit = 0;
    expect(await step()).toBe('idle');
    expect(runtime.verdict).toMatchObject({ what: 'accepted', has: null });
    await restart(how);
    expect(world.disk('s')).toBe(disk);
    await world.drain('s');
    expect(ids()).toEqual([3]);
    expect(world.sink('s').runtime.verdict).toBe(null);
  });

  it('is refused again when it loses what came after', async () => {
    await lose();
    await world.run('ALTER SINK s RESUME');
    await world.drain('s');
    await world.run('INSERT INTO log VALUES (4, 1)');
    await world.drain('s');
    expect(ids()).toEqual([3, 4]);
    await world.checkpoint();
    world.disks.set('s', new CrashDisk());
    await restart(how);
    await world.run('INSERT INTO log VALUES (5, 1)');
    expect(await step()).toBe('paused');
    expect(paused()).toContain('the target has lost changes that were delivered');
  });

  it('that has more than the database is not taken at its word when the database has caught up', async () => {
    await createSink();
    await world.run('INSERT INTO log VALUES (1, 1)');
    await world.drain('s');
    const position = must(world.disk('s').names.get('.millrace-sink'));
    const far = world.database.version + 4n;
    position.text = position.text.replace(/"epoch":"\d+"/, `"epoch":"${far}"`);
    await world.crash();
    expect(await step()).toBe('paused');
    expect(paused()).toContain('it is older than its target');
    for (let id = 2; world.database.version <= far; id++) {
      await world.run(`INSERT INTO log VALUES (${id}, 1)`);
    }
    await restart(how);
    expect(await step()).toBe('paused');
    expect(paused()).toContain('it is older than its target');
    await world.run('ALTER SINK s RESUME');
    await restart(how);
    await world.drain('s');
    const count = Number((await world.run('SELECT count(*) FROM log'))[0]?.[0]);
    // Nothing that the database made on its own is left out; what it does not know to be there comes again.
    expect(ids().slice(-(count - 1))).toEqual(Array.from({ length: count - 1 }, (_, i) => i + 2));
  });
});

it('RESUME of a sink that was paused for another reason accepts nothing', async () => {
  await createSink();
  await world.run('INSERT INTO log VALUES (1, 1)');
  await world.drain('s');
  await world.run('ALTER SINK s PAUSE');
  await world.checkpoint();
  world.disks.set('s', new CrashDisk());
  await world.crash();
  await world.run('ALTER SINK s RESUME');
  await world.run('INSERT INTO log VALUES (2, 1)');
  expect(await step()).toBe('paused');
  expect(paused()).toContain('the target has lost changes that were delivered');
  await world.run('ALTER SINK s RESUME');
  await world.drain('s');
  expect(ids()).toEqual([2]);
});

describe.each(['none', 'kill', 'checkpoint'])('a relation that becomes another, restart: %s', (how) => {
  const change = async (): Promise<void> => {
    if (how !== 'none') await restart(how);
  };

  it('force_append_only: what comes is written, what goes is not', async () => {
    await world.run('CREATE MATERIALIZED VIEW m AS SELECT id, g FROM log');
    await world.run(
      `CREATE SINK s FROM m WITH (connector = 'file', path = '${directory.path}/s', force_append_only = 'true') FORMAT PLAIN ENCODE JSON`,
    );
    await world.run('INSERT INTO log VALUES (1, 1)');
    await change();
    await world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT max(id) AS id, g FROM log GROUP BY g');
    await change();
    await world.run('INSERT INTO log VALUES (2, 1)');
    await change();
    await world.run('INSERT INTO log VALUES (3, 1), (7, 2)');
    await world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT id, g FROM log WHERE id > 2');
    await change();
    await world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT max(id) AS id, g FROM log GROUP BY g');
    await world.run('INSERT INTO log VALUES (4, 1)');
    await world.drain('s');
    expect(ids().slice(0, 2)).toEqual([1, 2]);
    expect([...ids()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 7]);
    expect(paused()).toBe(null);
  });

  it.each([
    ['no key', 'SELECT g, id FROM log', 'SELECT g, max(id) AS id FROM log GROUP BY g', null],
    ['a key', 'SELECT g, max(id) AS id FROM log GROUP BY g', 'SELECT g, id FROM log', [0]],
  ] as const)('the key that it began with: %s', async (_, before, after, key) => {
    await world.run(`CREATE MATERIALIZED VIEW m AS ${before}`);
    await world.run(
      `CREATE SINK s FROM m WITH (connector = 'file', path = '${directory.path}/s', force_append_only = 'true') FORMAT PLAIN ENCODE JSON`,
    );
    expect(world.sink('s').runtime.shape.key).toEqual(key);
    await world.run(`CREATE OR REPLACE MATERIALIZED VIEW m AS ${after}`);
    await change();
    expect(world.sink('s').runtime.shape.key).toEqual(key);
    await change();
    expect(world.sink('s').runtime.shape.key).toEqual(key);
    await world.run('INSERT INTO log VALUES (1, 1)');
    await world.drain('s');
    expect(ids()).toEqual([1]);
  });

  it('into a table: by key, as it began', async () => {
    await world.run('CREATE TABLE latest (g int PRIMARY KEY, id int)');
    await world.run('CREATE MATERIALIZED VIEW m AS SELECT g, max(id) AS id FROM log GROUP BY g');
    await world.run('CREATE SINK s INTO latest FROM m');
    await world.run('INSERT INTO log VALUES (1, 1), (2, 2)');
    await world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT 1 AS g, 1 AS id LIMIT 1');
    const view = must(world.database.catalog.find('public', 'm', []));
    expect(view.kind === 'materialized view' && view.entry.appendOnly).toBe(true);
    expect(await world.run('SELECT g, id FROM latest ORDER BY g')).toEqual([[1, 1]]);
    await change();
    await world.run('CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT g, max(id) AS id FROM log GROUP BY g');
    await change();
    await world.run('INSERT INTO log VALUES (3, 2), (4, 3)');
    expect(await world.run('SELECT g, id FROM latest ORDER BY g')).toEqual([
      [1, 1],
      [2, 3],
      [3, 4],
    ]);
  });
});
