/**
 * `sink_backlog_limit`: a backlog that may grow no further becomes a difference, and over restarts at any point of it the target has
 * every change once.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../journal/support.ts';
import { World } from './support.ts';

const LIMIT = 40_000;
const MEMORY = { memoryBytes: 20_000, chunkBytes: 5_000 };

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;

beforeEach(async () => {
  directory = temporaryDirectory('backloglimit');
  world = new World(directory.path);
  world.prepare = ({ sinks }) => {
    sinks.limits = MEMORY;
  };
  await world.open();
  await world.run('CREATE TABLE t (id int PRIMARY KEY, v int)');
  await world.run('CREATE TABLE log (id int, v int) APPEND ONLY');
  await world.run('CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n, sum(v) AS s FROM t');
});

afterEach(async () => {
  await world.close();
  directory.remove();
});

const runtime = () => world.sink('s').runtime;

async function create(relation: string, format: string): Promise<void> {
  await world.run(
    `CREATE SINK s FROM ${relation} WITH (connector = 'file', path = '${directory.path}/s', sink_backlog_limit = '${LIMIT}') FORMAT ${format} ENCODE JSON`,
  );
}

type Restart = 'none' | 'kill' | 'checkpoint';

async function restart(how: Restart): Promise<void> {
  if (how === 'checkpoint') await world.checkpoint();
  if (how !== 'none') await world.crash();
}

/** Changes until the sink is given no more of them, and some beyond. */
async function outgrow(change: (round: number) => string): Promise<void> {
  world.disk('s').stopAt = 0;
  let beyond = 0;
  for (let round = 0; beyond < 5; round++) {
    await world.run(change(round));
    expect(await world.delivery('s').step(true)).toBe('failed');
    const { outbox, detached } = runtime();
    expect(outbox.spilledBytes).toBeLessThan(LIMIT + 10 * MEMORY.chunkBytes);
    if (detached !== null) beyond++;
  }
  expect(runtime().state).toBe('waiting');
  expect(runtime().reason).toBe(
    'its backlog has outgrown sink_backlog_limit: changes are given as a difference when it has been delivered',
  );
}

/** Delivers step by step with a restart after each. */
async function deliver(how: Restart): Promise<void> {
  for (let steps = 0; ; steps++) {
    expect(steps).toBeLessThan(100);
    const result = await world.delivery('s').step(true);
    if (result === 'idle' && runtime().detached === null) return;
    expect(result, String(runtime().lastError)).not.toBe('paused');
    if (steps < 8) await restart(how);
  }
}

interface Change {
  readonly before: { readonly id: number; readonly v: number } | null;
  readonly after: { readonly id: number; readonly v: number } | null;
}

describe.each<readonly [Restart, Restart]>([
  ['none', 'none'],
  ['kill', 'kill'],
  ['checkpoint', 'checkpoint'],
  ['checkpoint', 'kill'],
])('restarts: %s, then %s', (first, how) => {
  it('DEBEZIUM: each row before is the one that was after', async () => {
    await create('t', 'DEBEZIUM');
    await outgrow((round) =>
      round % 2 === 0
        ? `INSERT INTO t SELECT g, ${round} FROM generate_series(1, 60) g`
        : `DELETE FROM t WHERE id % 3 = ${round % 3}`,
    );
    await restart(first);
    world.disk('s').kill();
    await world.run('INSERT INTO t SELECT g, 7 FROM generate_series(50, 80) g');
    await deliver(how);
    await world.run('INSERT INTO t VALUES (100, 1)');
    await world.run('DELETE FROM t WHERE id = 55');
    await restart(how);
    await world.drain('s');
    const state = new Map<number, number>();
    for (const line of world.disk('s').lines()) {
      const { before, after } = JSON.parse(line) as Change;
      const id = (after ?? before)?.id ?? 0;
      expect(state.get(id) ?? null, line).toBe(before?.v ?? null);
      if (after === null) state.delete(id);
      else state.set(id, after.v);
    }
    const rows = await world.run('SELECT id, v FROM t ORDER BY id');
    expect([...state].sort(([a], [b]) => a - b)).toEqual(rows);
    expect(await world.run('SELECT n FROM m')).toEqual([[BigInt(rows.length)]]);
  });

  it('PLAIN: each row comes once', async () => {
    await create('log', 'PLAIN');
    await outgrow((round) => `INSERT INTO log SELECT g, ${round} FROM generate_series(1, 100) g`);
    await restart(first);
    world.disk('s').kill();
    await deliver(how);
    await world.run('INSERT INTO log VALUES (1, -1)');
    await restart(how);
    await world.drain('s');
    const lines = world.disk('s').lines();
    expect(new Set(lines).size).toBe(lines.length);
    expect(await world.run('SELECT count(*) FROM log')).toEqual([[BigInt(lines.length)]]);
  });
});
