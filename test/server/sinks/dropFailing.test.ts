/** A sink that the loops deliver, to a target that refuses: it ends at once when it is dropped, whatever it is waiting for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SinkConnector, SinkWriter } from '../../../connector/sink.ts';
import type { SinkObject } from '../../../server/objects.ts';
import { SinkLoops } from '../../../server/sinks/loop.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { World } from './support.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let world: World;
let loops: SinkLoops;
let delivered = 0;

/** A target that fails at once, or hangs and then fails, or takes everything; it is asked so often. */
const target = { how: 'fails' as 'fails' | 'hangs' | 'takes', asked: 0, fail: (): void => {} };

const connector: SinkConnector = {
  name: 'target',
  doc: '',
  options: [],
  formats: ['UPSERT JSON'],
  guarantee: 'exactly once',
  batching: () => ({ rows: 1, millis: 0 }),
  open: (): Promise<SinkWriter> =>
    Promise.resolve({
      recover: () => Promise.resolve(null),
      begin: () =>
        Promise.resolve({
          write: ({ changes }) => {
            if (target.how === 'takes') {
              delivered += changes.length;
              return Promise.resolve();
            }
            target.asked++;
            if (target.how === 'fails') return Promise.reject(new Error('refused'));
            return new Promise((_, reject) => {
              target.fail = () => reject(new Error('refused'));
            });
          },
          prepare: () => Promise.resolve(),
          commit: () => Promise.resolve(),
          abort: () => Promise.resolve(),
        }),
      close: () => Promise.resolve(),
    }),
};

beforeEach(async () => {
  directory = temporaryDirectory('sinkdrop');
  world = new World(directory.path);
  world.prepare = (database) => {
    Object.assign(database.environment, { sinks: [connector] });
  };
  await world.open();
  await world.run('CREATE TABLE t (id int PRIMARY KEY)');
  Object.assign(target, { how: 'fails', asked: 0 });
  delivered = 0;
  loops = new SinkLoops(world.database, () => {});
  loops.start();
});

afterEach(async () => {
  await loops.stop();
  await world.close();
  directory.remove();
});

async function create(): Promise<SinkObject> {
  await world.run("CREATE SINK s FROM t WITH (connector = 'target') FORMAT UPSERT ENCODE JSON");
  return world.sink('s');
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await sleep(10);
  expect(holds()).toBe(true);
}

it.each(['fails', 'hangs'] as const)('dropped while its target %s', async (how) => {
  target.how = how;
  const { runtime } = await create();
  await world.run('INSERT INTO t SELECT g FROM generate_series(1, 100) g');
  await until(() => target.asked >= (how === 'fails' ? 3 : 1));
  await world.run('DROP SINK s');
  target.fail();
  await runtime.ended;
  const { asked } = target;
  await world.run('INSERT INTO t VALUES (1000)');
  expect(runtime.outbox.isEmpty).toBe(true);
  expect(target.asked).toBe(asked);
  target.how = 'takes';
  await create();
  await until(() => delivered === 101);
});

it('replaced while its target fails: the next one has everything', async () => {
  const { runtime } = await create();
  await world.run('INSERT INTO t SELECT g FROM generate_series(1, 100) g');
  await until(() => target.asked >= 2);
  target.how = 'takes';
  await world.run("REPLACE SINK s FROM t WITH (connector = 'target') FORMAT UPSERT ENCODE JSON");
  await runtime.ended;
  expect(runtime.dropped).toBe(true);
  await until(() => delivered === 100);
});

it('paused while its target fails, and resumed when it does not', async () => {
  const { runtime } = await create();
  await world.run('INSERT INTO t SELECT g FROM generate_series(1, 100) g');
  await until(() => target.asked >= 2);
  await world.run('ALTER SINK s PAUSE');
  target.how = 'takes';
  await world.run('INSERT INTO t VALUES (1000)');
  await world.run('ALTER SINK s RESUME');
  await until(() => delivered === 101);
  await until(() => runtime.state === 'running');
});
