/** Sinks over random restarts: from the journal alone, from checkpoints and the journal, with targets that stop anywhere. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stopped } from '../../connector/fileSink/crashDisk.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('sinks');
  world = new World(directory.path);
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

const statements = (path: string): readonly string[] => [
  'CREATE TABLE log (n int, at timestamptz) APPEND ONLY',
  'CREATE TABLE t (id int PRIMARY KEY, g int, v int)',
  'CREATE MATERIALIZED VIEW m AS SELECT g, count(*) AS c, sum(v) AS s FROM t GROUP BY g',
  `CREATE SINK rows FROM log WITH (connector = 'file', path = '${path}/rows') FORMAT PLAIN ENCODE JSON`,
  `CREATE SINK upserts FROM m WITH (connector = 'file', path = '${path}/upserts') FORMAT UPSERT ENCODE JSON`,
  `CREATE SINK changes AS SELECT id, g, v + 1 AS w FROM t WHERE v > 3 WITH (connector = 'file', path = '${path}/changes', primary_key = 'id') FORMAT DEBEZIUM ENCODE JSON`,
];
const names = ['rows', 'upserts', 'changes'];

let logged = 0;

/** Some random changes; every statement is a commit. */
async function change(random: (n: number) => number): Promise<void> {
  const id = random(20);
  switch (random(5)) {
    case 0: {
      const count = 1 + random(120);
      const values = Array.from({ length: count }, () => `(${++logged}, now())`);
      await world.run(`INSERT INTO log VALUES ${values.join(', ')}`);
      return;
    }
    case 1:
      await world.run(`DELETE FROM t WHERE id = ${id}`);
      return;
    case 2:
      await world.run(`UPDATE t SET v = ${random(8)} WHERE g = ${random(4)}`);
      return;
    default:
      await world.run(`INSERT INTO t VALUES (${id}, ${random(4)}, ${random(8)})`);
  }
}

interface Upsert {
  readonly key: { readonly g: number };
  readonly value: object | null;
}

interface Change {
  readonly before: { readonly id: number } | null;
  readonly after: { readonly id: number } | null;
  readonly op: string;
}

/** Every change must fit to the state that those before it lead to. */
function applied(lines: readonly string[]): readonly string[] {
  const state = new Map<number, string>();
  for (const line of lines) {
    const { before, after, op } = JSON.parse(line) as Change;
    expect(op).toBe(before === null ? 'c' : after === null ? 'd' : 'u');
    const id = (after ?? before)?.id ?? -1;
    expect(state.get(id) ?? null, line).toBe(before === null ? null : JSON.stringify(before));
    if (after === null) state.delete(id);
    else state.set(id, JSON.stringify(after));
  }
  return [...state.values()].sort();
}

async function check(context: string): Promise<void> {
  for (const name of names) await world.drain(name);
  const numbers = world
    .disk('rows')
    .lines()
    .map((line) => (JSON.parse(line) as { readonly n: number }).n);
  expect(numbers, context).toEqual(Array.from({ length: logged }, (_, i) => i + 1));
  const groups = new Map<number, string>();
  for (const line of world.disk('upserts').lines()) {
    const { key, value } = JSON.parse(line) as Upsert;
    if (value === null) groups.delete(key.g);
    else groups.set(key.g, JSON.stringify(value));
  }
  const rows = await world.run('SELECT g, c, s FROM m');
  const expected = rows.map(([g, c, s]) => `{"g":${g},"c":${c},"s":${s}}`);
  expect([...groups.values()].sort(), context).toEqual(expected.sort());
  const present = await world.run('SELECT id, g, v + 1 FROM t WHERE v > 3');
  const all = present.map(([id, g, w]) => `{"id":${id},"g":${g},"w":${w}}`);
  expect(applied(world.disk('changes').lines()), context).toEqual(all.sort());
}

/** One delivery, with a target that stops somewhere. */
async function deliverBadly(name: string, random: (n: number) => number): Promise<void> {
  const disk = world.disk(name);
  disk.stopAt = disk.operations + random(25);
  await world.delivery(name).step(true);
  disk.kill();
  const { lastError, paused } = world.sink(name).runtime;
  expect(paused).toBe(null);
  if (lastError !== null) expect(lastError).toBe(new Stopped('the disk has stopped').message);
}

async function churn(seed: number, steps: number, checkpoints: boolean): Promise<void> {
  const random = generator(seed);
  for (let i = 0; i < steps; i++) {
    const what = random(20);
    if (what < 11) await change(random);
    else if (what < 15) await world.delivery(names[random(3)] ?? '').step(true);
    else if (what < 17) await deliverBadly(names[random(3)] ?? '', random);
    else if (what === 17 && checkpoints) await world.checkpoint();
    else if (what === 18) await world.crash();
    else if (what === 19) {
      for (const disk of world.disks.values()) if (random(2) === 0) disk.powerFailure(random);
      await world.crash();
    }
  }
}

describe('sinks, exactly once', () => {
  for (const checkpoints of [false, true]) {
    const from = checkpoints ? 'checkpoints and the journal' : 'the journal alone';
    it(`over restarts from ${from}`, async () => {
      logged = 0;
      await world.open();
      for (const sql of statements(directory.path)) await world.run(sql);
      for (let round = 0; round < 6; round++) {
        await churn(round * 7 + (checkpoints ? 1000 : 1), 60, checkpoints);
        await check(`round ${round}`);
      }
      expect(logged).toBeGreaterThan(1000);
    }, 120_000);
  }

  it('with a backlog on disk', async () => {
    logged = 0;
    world.prepare = (database) => {
      database.sinks.limits = { memoryBytes: 4000, chunkBytes: 1500 };
    };
    await world.open();
    for (const sql of statements(directory.path)) await world.run(sql);
    const random = generator(5);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 60; i++) await change(random);
      await world.checkpoint();
      expect(world.sink('rows').runtime.outbox.spilledBytes).toBeGreaterThan(0);
      for (let i = 0; i < 10; i++) await change(random);
      await deliverBadly('rows', random);
      await world.crash();
      for (let i = 0; i < 10; i++) await change(random);
      await check(`round ${round}`);
    }
  }, 120_000);

  it('has a first delivery of what was there before it', async () => {
    await world.open();
    await world.run('CREATE TABLE b (id int PRIMARY KEY)');
    await world.run('INSERT INTO b SELECT * FROM generate_series(1, 5000)');
    await world.run(
      `CREATE SINK s FROM b WITH (connector = 'file', path = '${directory.path}/s') FORMAT UPSERT ENCODE JSON`,
    );
    await world.run('INSERT INTO b VALUES (5001)');
    await world.crash();
    await world.drain('s');
    const ids = world
      .disk('s')
      .lines()
      .map((line) => (JSON.parse(line) as { key: { id: number } }).key.id);
    expect(ids.sort((x, y) => x - y)).toEqual(Array.from({ length: 5001 }, (_, i) => i + 1));
  });
});
