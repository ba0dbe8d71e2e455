/** The `postgres` sink against a server that dies, connections that are cut anywhere, and writers that overtake one another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { postgresSinkConnector } from '../../../connector/postgres/sink.ts';
import { type SinkConnector, SinkRefusal } from '../../../connector/sink.ts';
import { CuttingProxy } from '../../harness/cuttingProxy.ts';
import { generator } from '../../server/time/random.ts';
import { batchOf, came, configOf, deliver, idAndValue, type Shape, Target, went } from './support.ts';

let target: Target | null;

beforeAll(async () => {
  target = await Target.start();
}, 60_000);

afterAll(() => target?.close());

function there(): Target {
  if (target !== null) return target;
  throw new Error('no PostgreSQL');
}

const has = (): boolean => {
  if (target === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no PostgreSQL is installed').not.toBe('1');
  }
  return target !== null;
};

const LAST = 40;

/** An append-only table of numbers, and how often each is there. */
const numbers = (table: string): Shape => ({
  columns: [['n', types.int4]],
  key: null,
  format: 'PLAIN',
  options: { table, 'create.table': 'true', 'request.timeout.ms': '5000' },
});

const rowsOf = (epoch: number): readonly number[] =>
  Array.from({ length: (epoch % 4) + 1 }, (_, i) => epoch * 10 + i);

const all = Array.from({ length: LAST }, (_, i) => rowsOf(i + 1)).flat();

/** Delivers from where the target is to the end, or to a failure. */
async function deliverAll(
  connector: SinkConnector,
  port: number,
  shape: Shape,
  random: (n: number) => number,
): Promise<void> {
  const writer = await connector.open(configOf(port, shape));
  try {
    let next = Number((await writer.recover()) ?? 0n) + 1;
    while (next <= LAST) {
      const last = Math.min(LAST, next + random(4));
      const transaction = await writer.begin(BigInt(next));
      for (let epoch = next; epoch <= last; epoch++) {
        await transaction.write(
          batchOf(
            epoch,
            rowsOf(epoch).map((n) => came(n)),
          ),
        );
      }
      if (random(8) === 0) {
        await transaction.abort();
        continue;
      }
      await transaction.prepare(BigInt(last));
      await transaction.commit();
      next = last + 1;
    }
  } finally {
    await writer.close();
  }
}

it('has every row once over connections that are cut anywhere', async () => {
  if (!has()) return;
  const { port } = there();
  const proxy = await CuttingProxy.start(port);
  const connector = postgresSinkConnector();
  const random = generator(3);
  let cuts = 0;
  for (let i = 0; i < 60; i++) {
    proxy.cutAfter = 200 + random(6000);
    try {
      await deliverAll(connector, proxy.port, numbers('cuts'), random);
      break;
    } catch (error) {
      expect(error).not.toBeInstanceOf(SinkRefusal);
      cuts++;
    }
  }
  proxy.cutAfter = null;
  await deliverAll(connector, proxy.port, numbers('cuts'), random);
  await proxy.close();
  expect(cuts).toBeGreaterThan(2);
  expect((await there().rows('SELECT n FROM cuts ORDER BY n')).flat()).toEqual(all);
}, 60_000);

it('has nothing of a transaction whose writer is gone between prepare and commit', async () => {
  if (!has()) return;
  const config = configOf(there().port, numbers('between'));
  const first = await postgresSinkConnector().open(config);
  await first.recover();
  await deliver(first, 1, [came(1)]);
  const transaction = await first.begin(2n);
  await transaction.write(batchOf(2, [came(2)]));
  await transaction.prepare(2n);
  // The first process hangs with everything written and locked. Another one goes on.
  const second = await postgresSinkConnector().open(config);
  expect(await second.recover()).toBe(1n);
  await deliver(second, 2, [came(2)]);
  await expect(transaction.commit()).rejects.toThrow();
  await first.close();
  expect(await second.recover().then(String, String)).toBe('2');
  await second.close();
  expect((await there().rows('SELECT n FROM between ORDER BY n')).flat()).toEqual([1, 2]);
});

it('lets a process that was overtaken commit no more, and not come back by itself', async () => {
  if (!has()) return;
  const config = configOf(there().port, numbers('overtaken'));
  const old = postgresSinkConnector();
  const first = await old.open(config);
  await first.recover();
  await deliver(first, 1, [came(1)]);
  // A pooled connection or a partition of the network may keep its session alive.
  await there().run('UPDATE millrace_sink_commits SET backend = NULL');
  const second = await postgresSinkConnector().open(config);
  expect(await second.recover()).toBe(1n);
  await expect(first.begin(2n)).rejects.toThrow('another server has taken over the sink "s"');
  await expect(first.begin(2n)).rejects.toBeInstanceOf(Error);
  await first.close();
  await deliver(second, 2, [came(2)]);
  // Its claim is forgotten with the refusal: opening it again is what RESUME does.
  await there().run('UPDATE millrace_sink_commits SET backend = NULL');
  const resumed = await old.open(config);
  expect(await resumed.recover()).toBe(2n);
  await expect(second.begin(3n)).rejects.toBeInstanceOf(SinkRefusal);
  await resumed.close();
  await second.close();
});

it('does not take a sink back whose connection another process has ended', async () => {
  if (!has()) return;
  const config = configOf(there().port, numbers('ended'));
  const old = postgresSinkConnector();
  const first = await old.open(config);
  await first.recover();
  const second = await postgresSinkConnector().open(config);
  await second.recover();
  await sleep(50);
  await expect(deliver(first, 1, [came(1)])).rejects.toThrow(/terminating connection|Connection terminated/);
  await first.close();
  const again = await old.open(config);
  await expect(again.recover()).rejects.toThrow('another server has taken over');
  await again.close();
  await deliver(second, 1, [came(1)]);
  await second.close();
});

it('goes on after the server has died', async () => {
  if (!has()) return;
  const connector = postgresSinkConnector();
  const config = configOf(there().port, numbers('restarts'));
  for (const [round, mode] of (['immediate', 'fast'] as const).entries()) {
    const epoch = round + 1;
    const writer = await connector.open(config);
    await writer.recover();
    const transaction = await writer.begin(BigInt(epoch));
    await transaction.write(batchOf(epoch, [came(epoch)]));
    await transaction.prepare(BigInt(epoch));
    target = await there().restart(mode);
    await expect(transaction.commit()).rejects.not.toBeInstanceOf(SinkRefusal);
    await writer.close();
    const next = await connector.open(config);
    expect(await next.recover()).toBe(round === 0 ? null : BigInt(round));
    await deliver(next, epoch, [came(epoch)]);
    await next.close();
  }
  expect((await there().rows('SELECT n FROM restarts ORDER BY n')).flat()).toEqual([1, 2]);
}, 60_000);

it('keeps the last change of every key, in statements of any size', async () => {
  if (!has()) return;
  const columns = [['id', types.int4] as const, ['part', types.text] as const, ['v', types.numeric] as const];
  for (const size of [1, 3, 1000]) {
    const table = `keys${size}`;
    const options = { table, 'create.table': 'true', max_batch_rows: String(size) };
    const writer = await postgresSinkConnector().open(
      configOf(there().port, { columns, key: [0, 1], options }),
    );
    await writer.recover();
    const random = generator(size);
    const state = new Map<string, readonly (string | number | null)[]>();
    for (let epoch = 1; epoch <= 25; epoch++) {
      const changes = Array.from({ length: 1 + random(20) }, () => {
        const id = random(4);
        const part = [null, 'a', 'b'][random(3)] ?? null;
        const key = `${id}/${part}`;
        if (state.has(key) && random(3) === 0) {
          state.delete(key);
          return went(id, part, null);
        }
        state.set(key, [id, part]);
        return came(id, part, null);
      });
      await deliver(writer, epoch, changes);
    }
    await writer.close();
    const found = await there().rows(`SELECT id, part FROM ${table}`);
    expect(found.map(String).sort()).toEqual([...state.values()].map(String).sort());
  }
}, 30_000);

it('moves unique values between rows of one delivery', async () => {
  if (!has()) return;
  await there().run('CREATE TABLE uniques (id int PRIMARY KEY, v text UNIQUE)');
  const config = configOf(there().port, { columns: idAndValue, key: [0], options: { table: 'uniques' } });
  const writer = await postgresSinkConnector().open(config);
  await writer.recover();
  await deliver(writer, 1, [came(1, 'x')]);
  await deliver(writer, 2, [came(2, 'x'), went(1, 'x')]);
  expect(await there().rows('SELECT * FROM uniques')).toEqual([[2, 'x']]);
  await writer.close();
});

it('names the row that the target refuses', async () => {
  if (!has()) return;
  await there().run(`CREATE TABLE picky (id int PRIMARY KEY, v varchar(3) CHECK (v <> 'no'));
    CREATE TABLE late (id int PRIMARY KEY, v text, UNIQUE (v) DEFERRABLE INITIALLY DEFERRED)`);
  const open = async (table: string) => {
    const config = configOf(there().port, { columns: idAndValue, key: [0], options: { table } });
    const writer = await postgresSinkConnector().open(config);
    await writer.recover();
    return writer;
  };
  const picky = await open('picky');
  const rows = Array.from({ length: 100 }, (_, i) => came(i, 'ok'));
  const long = deliver(picky, 1, [...rows, came(100, 'long'), ...rows]);
  await expect(long).rejects.toBeInstanceOf(SinkRefusal);
  await expect(long).rejects.toThrow(/value too long .*\(22001\): the row \(id, v\) = \(100, long\)/);
  const no = deliver(picky, 1, [...rows, came(7, 'no')]);
  await expect(no).rejects.toThrow(/picky_v_check.* Failing row contains \(7, no\)/);
  await deliver(picky, 1, rows);
  await there().run('DROP TABLE picky');
  await expect(deliver(picky, 2, rows)).rejects.toThrow(/does not exist \(42P01\)/);
  await picky.close();
  const late = await open('late');
  const same = deliver(late, 1, [came(1, 'x'), came(2, 'x')]);
  await expect(same).rejects.toBeInstanceOf(SinkRefusal);
  await expect(same).rejects.toThrow('Key (v)=(x) already exists.');
  await deliver(late, 1, [came(1, 'x')]);
  await late.close();
});

it('tries deadlocks and timeouts again', async () => {
  if (!has()) return;
  await there().run("CREATE TABLE held (id int PRIMARY KEY, v text); INSERT INTO held VALUES (1, 'a')");
  const options = { table: 'held', 'request.timeout.ms': '200' };
  const config = configOf(there().port, { columns: idAndValue, key: [0], options });
  const connector = postgresSinkConnector();
  const writer = await connector.open(config);
  await writer.recover();
  await there().run('BEGIN; UPDATE held SET v = v');
  const waiting = deliver(writer, 1, [came(1, 'b')]);
  await expect(waiting).rejects.toThrow('57014');
  await expect(waiting).rejects.not.toBeInstanceOf(SinkRefusal);
  await there().run('COMMIT');
  await writer.close();
  const next = await connector.open(config);
  expect(await next.recover()).toBe(null);
  await deliver(next, 1, [came(1, 'b')]);
  await next.close();
  expect(await there().rows('SELECT v FROM held')).toEqual([['b']]);
});
