/** How a remote source is asked: in blocks of the right size, later and later where it fails, and told what is durable. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { SourceLoop } from '../../../server/sourceLoop.ts';
import { START, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;
let now = START;

beforeEach(async () => {
  place = temporaryDirectory('remote-loop');
  broker = new Broker();
  broker.create('t');
  now = START;
  opened = await openRemote(broker, `${place.path}/data`, () => now);
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);
const create = (limit: string): Promise<readonly string[]> =>
  run(`CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't'${limit}) FORMAT PLAIN ENCODE JSON`);
const rows = (count: number): object[] => Array.from({ length: count }, (_, a) => ({ a }));

describe('blocks', () => {
  it('are as large as the rate allows, and larger again without it', async () => {
    await create(', source_rate_limit = 0');
    broker.json('t', rows(100));
    await settle(opened);
    expect(broker.asked).toEqual([]);
    await run('ALTER SOURCE s SET SOURCE_RATE_LIMIT TO 5');
    now += 1_000_000n;
    await settle(opened);
    expect(new Set(broker.asked)).toEqual(new Set([1]));
    await run('ALTER SOURCE s SET SOURCE_RATE_LIMIT TO DEFAULT');
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['100']);
    expect(broker.asked.at(-1)).toBeGreaterThan(1000);
    expect(broker.opened).toBe(1);
    await run('ALTER SOURCE s SET SOURCE_RATE_LIMIT TO 20');
    now += 1_000_000n;
    await settle(opened);
    broker.json('t', rows(3));
    await settle(opened);
    expect(broker.asked.at(-1)).toBe(2);
  });

  it('have their full size after a rate of nothing at all', async () => {
    await create(', source_rate_limit = 0');
    await run('ALTER SOURCE s SET SOURCE_RATE_LIMIT TO DEFAULT');
    broker.json('t', rows(100));
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['100']);
    expect(broker.asked[0]).toBeGreaterThan(1000);
  });
});

describe('memory of what waits', () => {
  it('is shown, as long as it waits', async () => {
    const buffers = (): Promise<readonly string[]> =>
      run(`SELECT rows, blocks, bytes > 0, bytes = m.bytes_in_memory, bytes = bytes_in_buffers
           FROM millrace_catalog.memory AS m, millrace_catalog.memory_limit WHERE part = 'buffers'`);
    expect(await buffers()).toEqual([]);
    await create(', source_rate_limit = 5');
    expect(await buffers()).toEqual(['0 | 0 | f | t | t']);
    broker.json('t', rows(100));
    await settle(opened);
    expect(await buffers()).toEqual(['2 | 2 | t | t | t']);
    await run('ALTER SOURCE s SET SOURCE_RATE_LIMIT TO DEFAULT');
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['100']);
    expect(await buffers()).toEqual(['0 | 0 | f | t | t']);
  });
});

describe('a server that takes connections and gives nothing', () => {
  const retry = (): Promise<readonly string[]> =>
    run('SELECT extract(epoch FROM retry_at - now())::int FROM millrace_catalog.sources');

  it('is asked later and later, until something comes', async () => {
    await create('');
    broker.failing = new SqlError('08006', 'not now');
    for (const [seconds, micros] of [
      ['1', 1_000_000n],
      ['2', 2_000_000n],
      ['4', 4_000_000n],
    ] as const) {
      await settle(opened);
      expect(await retry()).toEqual([seconds]);
      now += micros;
    }
    broker.failing = null;
    broker.json('t', rows(1));
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['1']);
    broker.failing = new SqlError('08006', 'not now');
    broker.wake();
    await settle(opened);
    expect(await retry()).toEqual(['1']);
  });

  it('is well again when it has been connected for a while', async () => {
    await create('');
    broker.stop();
    for (const micros of [1_000_000n, 2_000_000n]) {
      await settle(opened);
      now += micros;
    }
    broker.start();
    await settle(opened);
    now += 5_000_000n;
    await settle(opened);
    broker.stop();
    await settle(opened);
    expect(await retry()).toEqual(['4']);
    broker.start();
    now += 4_000_000n;
    await settle(opened);
    now += 10_000_000n;
    await settle(opened);
    broker.stop();
    await settle(opened);
    expect(await retry()).toEqual(['1']);
  });
});

describe('DROP of a remote source', () => {
  it('lets the server forget it once its reader is closed, and goes on where that fails', async () => {
    const forgotten: string[] = [];
    const forget = async ({ name }: { readonly name: string }): Promise<void> => {
      forgotten.push(`${name} ${broker.open}`);
      if (broker.down !== null) throw broker.down;
    };
    Object.assign(broker.connector, { forget });
    await create('');
    await run('DROP SOURCE s');
    await create('');
    await settle(opened);
    await run('DROP SOURCE s');
    expect(forgotten).toEqual(['s 0', 's 0']);
    await create('');
    await settle(opened);
    broker.stop();
    await run('DROP SOURCE s');
    expect(forgotten).toHaveLength(3);
    expect(await run('SELECT count(*) FROM millrace_catalog.sources')).toEqual(['0']);
  });
});

describe('acknowledgements', () => {
  it('go out when the disk has the rows, without another turn of the loop', async () => {
    const { database, journal } = opened;
    // Rows go to the disk at once where the server waits for that: the clock stands still.
    Object.assign(broker.connector, { waitsForAcknowledgements: true });
    const loop = new SourceLoop(database, (error) => {
      throw error;
    });
    loop.start();
    await create('');
    broker.json('t', rows(3));
    for (let i = 0; i < 1000 && broker.acknowledged === null; i++) await sleep(10);
    expect(broker.acknowledged).toEqual({ 0: 3, 1: 0 });
    const synced = must(journal).onSynced;
    await loop.stop();
    broker.json('t', rows(2));
    for (let i = 0; i < 10; i++) {
      await database.pollSources();
      await nextTurn();
    }
    expect(broker.acknowledged).toEqual({ 0: 3, 1: 0 });
    must(journal).onSynced = synced;
    journal?.flush();
    expect(broker.acknowledged).toEqual({ 0: 5, 1: 0 });
  });
});
