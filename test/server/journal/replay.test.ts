/**
 * A restart gives exactly what was: rows, late rows, processing-time and random values, watermarks, bad records, the clock and
 * the version. Random histories are compared with a twin that was never interrupted.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, dump, open, TestStore, temporaryDirectory } from './support.ts';
import { Workload } from './workload.ts';

let directory: string;
let remove: () => void;

beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory('replay'));
});
afterEach(() => remove());

const STEPS = 60;

describe('a restart', () => {
  it.each([1, 2, 3, 4, 5, 6])('repeats what happened exactly, history %i', async (seed) => {
    const twinPlace = `${directory}/twin`;
    const twin = new Workload(seed, twinPlace);
    const { database, session, journal } = await open(`${twinPlace}/data`);
    await twin.begin(session);
    const place = `${directory}/restarted`;
    const history = new Workload(seed, place);
    let data = `${place}/data`;
    let server = await open(data);
    await history.begin(server.session);
    for (let i = 0; i < STEPS; i++) {
      await twin.step(session);
      await history.step(server.session);
      if ((i * 7 + seed) % 13 !== 0) continue;
      const before = dump(server.database);
      if (i % 2 === 0) {
        server.journal.flush();
        const crashed = afterCrash(data, `crash-${i}`);
        server.database.close();
        data = crashed;
      } else server.database.close();
      server = await open(data, { seed: 3 });
      expect(dump(server.database)).toEqual(before);
    }
    expect(dump(server.database)).toEqual(dump(database));
    expect(server.database.environment.clock()).toBe(database.environment.clock());
    expect(journal.lastSeq).toBe(server.journal.lastSeq);
    database.close();
    server.database.close();
  });

  it('draws the random values of views again', async () => {
    const history = new Workload(7, directory);
    let server = await open(`${directory}/data`);
    await history.begin(server.session);
    for (let i = 0; i < 40; i++) await history.step(server.session);
    const before = dump(server.database);
    expect(before['public.drawn']?.length).toBeGreaterThan(1);
    expect(new Set(before['public.drawn']).size).toBe(before['public.drawn']?.length);
    server.database.close();
    server = await open(`${directory}/data`, { seed: 9 });
    expect(dump(server.database)).toEqual(before);
    server.database.close();
  });

  it('restores the clock', async () => {
    let server = await open(`${directory}/data`);
    const clock = async (): Promise<unknown> =>
      (await server.session.run('SHOW millrace.clock'))[0]?.rows?.[0]?.[0];
    await server.session.run("SET millrace.clock = '2030-01-01 00:00:00+00'");
    await server.session.run("ADVANCE CLOCK BY INTERVAL '5 seconds'");
    const before = await clock();
    expect(String(before)).toContain('2030-01-01 00:00:05');
    server.database.close();
    server = await open(`${directory}/data`);
    expect(await clock()).toBe(before);
    await server.session.run("SET millrace.clock = 'system'");
    server.database.close();
    server = await open(`${directory}/data`);
    expect(await clock()).toBe('system');
    expect(server.database.watermarks.now()).toBe(server.database.environment.clock());
    server.database.close();
  });

  it('says which source has not any more what was read, and stops what is over it', async () => {
    const history = new Workload(5, directory);
    let server = await open(`${directory}/data`);
    await history.begin(server.session);
    for (let i = 0; i < 40; i++) await history.step(server.session);
    const before = dump(server.database);
    expect(before['public.all_f']?.length).toBeGreaterThan(0);
    server.database.close();
    renameSync(`${directory}/files/f.csv`, `${directory}/kept`);
    writeFileSync(`${directory}/files/f.csv`, '1,2024-01-01 00:00:00\n');
    server = await open(`${directory}/data`);
    await expect(server.session.run('SELECT * FROM all_f')).rejects.toMatchObject({ state: '55000' });
    await expect(server.session.run('SELECT * FROM joined')).rejects.toMatchObject({ state: '55000' });
    expect(dump(server.database)['public.counted']).toEqual(before['public.counted']);
    server.database.close();
    renameSync(`${directory}/kept`, `${directory}/files/f.csv`);
    server = await open(`${directory}/data`);
    expect(dump(server.database)).toEqual(before);
    server.database.close();
  });
});

describe('a crash between any two writes', () => {
  it.each([1, 2])(
    'leaves a version that was, with everything acknowledged, history %i',
    async (seed) => {
      const steps = 25;
      const versions = new Map<string, unknown>();
      {
        const twin = new Workload(seed, directory);
        const { database, session } = await open(`${directory}/twin`);
        await twin.begin(session);
        const runTick = database.runTick.bind(database);
        database.runTick = (feed) => {
          runTick(feed);
          versions.set(String(database.version), rowsOnly(dump(database)));
        };
        versions.set(String(database.version), rowsOnly(dump(database)));
        for (let i = 0; i < steps; i++) await twin.step(session);
        database.close();
      }
      let crashes = 0;
      for (let n = 1; ; n++) {
        const history = new Workload(seed, directory);
        const made: { store: TestStore | null } = { store: null };
        const data = `${directory}/data-${n}`;
        const server = await open(data, {
          store: (place) => {
            made.store = new TestStore(place);
            return made.store;
          },
        });
        await history.begin(server.session);
        const { store } = made;
        if (store === null) throw new Error('the store must be there');
        const first = store.writes;
        let dead = false;
        store.onWrite = (when, count) => {
          if (dead || (count === first + Math.ceil(n / 2) && when === (n % 2 === 0 ? 'after' : 'before'))) {
            dead = true;
            throw Object.assign(new Error('crashed'), { code: 'EIO' });
          }
        };
        let acknowledged = server.database.version;
        for (let i = 0; i < steps && !dead; i++) {
          await history.step(server.session).catch(() => {});
          // Only what is written was promised.
          if (!dead && server.journal.flushSoon()) acknowledged = server.database.version;
        }
        if (!dead) {
          server.database.close();
          break;
        }
        crashes++;
        const reopened = await open(afterCrash(data, 'crash'));
        const { version } = reopened.database;
        expect(version).toBeGreaterThanOrEqual(acknowledged);
        const expected = versions.get(String(version));
        expect(expected, `version ${version}`).toBeDefined();
        expect(rowsOnly(dump(reopened.database))).toEqual(expected);
        reopened.database.close();
      }
      expect(crashes).toBeGreaterThan(20);
    },
    180_000,
  );
});

/** Without the state of sources, which goes on within a version. */
function rowsOnly(all: Readonly<Record<string, readonly string[]>>): unknown {
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !name.startsWith('source ') && !name.startsWith('time ')),
  );
}
