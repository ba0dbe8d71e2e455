/** A disk that is full, fails or is slow: what is refused is not done, reads go on, and it comes right by itself. */
import { appendFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localSession } from '../../../server/serve.ts';
import {
  afterCrash,
  diskFull,
  dump,
  ioError,
  type Opened,
  open,
  stateOf,
  TestStore,
  temporaryDirectory,
} from './support.ts';

let directory: string;
let remove: () => void;
let store: TestStore;
let server: Opened;

beforeEach(async () => {
  ({ path: directory, remove } = temporaryDirectory('disk'));
  mkdirSync(`${directory}/files`);
  writeFileSync(`${directory}/files/a.csv`, '1\n2\n');
  server = await open(`${directory}/data`, {
    store: (place) => {
      store = new TestStore(place);
      return store;
    },
  });
  await server.session.run('CREATE TABLE t (id int PRIMARY KEY, n int)');
  await server.session.run("CREATE SOURCE i (n int) WITH (connector = 'inject')");
  await server.session.run(`CREATE SOURCE f (n int) WITH (connector = 'posix_fs', posix_fs.root = '${directory}/files')
    FORMAT PLAIN ENCODE CSV (without_header = 'true')`);
  await server.session.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, sum(n) AS s FROM t');
  await server.session.run('CREATE MATERIALIZED VIEW vf AS SELECT * FROM f');
  await server.session.run('CREATE MATERIALIZED VIEW vi AS SELECT * FROM i');
  await server.database.pollSources();
  await server.session.run('INSERT INTO t VALUES (1, 1)');
});
afterEach(() => remove());

async function one(sql: string): Promise<unknown> {
  return (await server.session.run(sql))[0]?.rows?.[0]?.[0];
}

describe('a full disk', () => {
  it('refuses writes with 53100, does nothing, answers reads, and recovers', async () => {
    const before = dump(server.database);
    store.onWrite = () => {
      throw diskFull();
    };
    for (const sql of [
      'INSERT INTO t VALUES (2, 2)',
      'BEGIN; INSERT INTO t VALUES (3, 3); UPDATE t SET n = 5; COMMIT',
      'INJECT INTO i VALUES (1)',
      'CREATE TABLE refused (n int)',
      'DROP MATERIALIZED VIEW v',
      "SET millrace.clock = '2024-01-01 00:00:00+00'",
    ]) {
      expect(await stateOf(server.session.run(sql)), sql).toBe('53100');
    }
    appendFileSync(`${directory}/files/a.csv`, '3\n');
    for (let i = 0; i < 3; i++) {
      expect(await server.database.pollSources()).toBe(false);
      server.journal.flushSoon();
    }
    expect(dump(server.database)).toEqual(before);
    expect(await one('SELECT s FROM v')).toBe(1n);
    expect(await stateOf(server.session.run('SELECT * FROM refused'))).toBe('42P01');
    store.onWrite = () => {};
    expect(await server.database.pollSources()).toBe(true);
    expect(await one('SELECT count(*) FROM vf')).toBe(3n);
    await server.session.run('INSERT INTO t VALUES (2, 2)');
    await server.session.run('CREATE TABLE taken (n int)');
    const after = dump(server.database);
    expect(after['public.t']).toEqual(['1 | 1', '2 | 2']);
    server.database.close();
    server = await open(`${directory}/data`);
    expect(dump(server.database)).toEqual(after);
    server.database.close();
  });

  it('that fills up between a source and its record keeps what was read until there is space', async () => {
    appendFileSync(`${directory}/files/a.csv`, '3\n');
    await server.database.pollSources();
    store.onWrite = () => {
      throw diskFull();
    };
    expect(server.journal.flushSoon()).toBe(false);
    appendFileSync(`${directory}/files/a.csv`, '4\n');
    expect(await server.database.pollSources()).toBe(false);
    expect(await one('SELECT count(*) FROM vf')).toBe(3n);
    store.onWrite = () => {};
    expect(server.journal.flushSoon()).toBe(true);
    const after = dump(server.database);
    const crashed = await open(afterCrash(`${directory}/data`, 'crash'));
    expect(dump(crashed.database)).toEqual(after);
    crashed.database.close();
    server.database.close();
  });
});

describe('a statement that changes the catalog', () => {
  /** The disk takes what the statement is tried with, and then so many writes less. */
  async function failing(writes: number, error: () => Error, sql: string): Promise<string> {
    const { probe } = store;
    store.probe = (bytes) => {
      probe.call(store, bytes);
      let left = writes;
      store.onWrite = (when) => {
        if (when === 'before' && left-- > 0) throw error();
      };
    };
    const state = await stateOf(server.session.run(sql));
    store.probe = probe;
    store.onWrite = () => {};
    return state;
  }

  it('is written with the space that was kept for it when the disk fills up meanwhile', async () => {
    const reserve = `${directory}/data/journal.reserve`;
    expect(statSync(reserve).size).toBeGreaterThan(0);
    expect(await failing(1, diskFull, 'CREATE TABLE kept (n int)')).toBe('done');
    expect(existsSync(reserve)).toBe(false);
    const crashed = await open(afterCrash(`${directory}/data`, 'crash'));
    expect(dump(crashed.database)).toEqual(dump(server.database));
    expect(dump(crashed.database)['public.kept']).toEqual([]);
    crashed.database.close();
    await server.session.run('DROP TABLE kept');
    expect(statSync(reserve).size).toBeGreaterThan(0);
    server.database.close();
  });

  it('is tried twice on a disk that fails, and says when it is not safe', async () => {
    expect(await failing(1, ioError, 'CREATE TABLE kept (n int)')).toBe('done');
    expect(await failing(2, ioError, 'CREATE TABLE doubtful (n int)')).toBe('58030');
    const crashed = await open(afterCrash(`${directory}/data`, 'crash'));
    expect(dump(crashed.database)['public.kept']).toEqual([]);
    expect(dump(crashed.database)['public.doubtful']).toBeUndefined();
    crashed.database.close();
    // As soon as anything is written, it is.
    await server.session.run('INSERT INTO t VALUES (2, 2)');
    const later = await open(afterCrash(`${directory}/data`, 'later'));
    expect(dump(later.database)).toEqual(dump(server.database));
    expect(dump(later.database)['public.doubtful']).toEqual([]);
    later.database.close();
    server.database.close();
  });
});

describe('a disk that fails to sync', () => {
  it('has the transaction refused with 58030, and not in the journal', async () => {
    const before = dump(server.database);
    store.onSync = () => Promise.reject(ioError());
    expect(await stateOf(server.session.run('INSERT INTO t VALUES (2, 2)'))).toBe('58030');
    expect(await stateOf(server.session.run('INSERT INTO t VALUES (3, 3)'))).toBe('58030');
    expect(dump(server.database)).toEqual(before);
    store.onSync = () => Promise.resolve();
    await server.session.run('INSERT INTO t VALUES (4, 4)');
    const after = dump(server.database);
    expect(after['public.t']).toEqual(['1 | 1', '4 | 4']);
    const crashed = await open(afterCrash(`${directory}/data`, 'crash'));
    expect(dump(crashed.database)).toEqual(after);
    crashed.database.close();
    server.database.close();
  });
});

describe('synchronous_commit', () => {
  it('off does not wait for the disk, on does; both are at the operating system', async () => {
    let release = (): void => {};
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.onSync = () => stuck;
    await server.session.run('SET synchronous_commit = off');
    await server.session.run('INSERT INTO t VALUES (2, 2)');
    await server.session.run(
      'BEGIN; SET LOCAL synchronous_commit = off; INSERT INTO t VALUES (3, 3); COMMIT',
    );
    expect(await one('SELECT c FROM v')).toBe(3n);
    const crashed = await open(afterCrash(`${directory}/data`, 'crash'));
    expect(dump(crashed.database)).toEqual(dump(server.database));
    crashed.database.close();
    await server.session.run('SET synchronous_commit = on');
    let done = false;
    const waiting = server.session.run('INSERT INTO t VALUES (4, 4)').then(() => {
      done = true;
    });
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    // What is not on disk is not visible either.
    const reader = localSession(server.database);
    expect((await reader.run('SELECT c FROM v'))[0]?.rows?.[0]?.[0]).toBe(3n);
    release();
    await waiting;
    expect(server.journal.syncedSeq).toBe(server.journal.lastSeq);
    expect(await one('SELECT c FROM v')).toBe(4n);
    server.database.close();
  });

  it('transactions that wait together share a sync, and conflicts are found all the same', async () => {
    const sessions = Array.from({ length: 32 }, () => localSession(server.database));
    const syncs = store.syncs;
    await Promise.all(sessions.map((session, i) => session.run(`INSERT INTO t VALUES (${i + 10}, 1)`)));
    expect(store.syncs - syncs).toBeLessThanOrEqual(4);
    expect(await one('SELECT c FROM v')).toBe(33n);
    for (const session of sessions) await session.run('BEGIN; UPDATE t SET n = n + 1 WHERE id = 10');
    const ends = await Promise.all(sessions.map((session) => stateOf(session.run('COMMIT'))));
    expect(ends.filter((state) => state === 'done')).toHaveLength(1);
    expect(ends.filter((state) => state === '40001')).toHaveLength(31);
    expect(await one('SELECT n FROM t WHERE id = 10')).toBe(2);
    const before = dump(server.database);
    server.database.close();
    server = await open(`${directory}/data`);
    expect(dump(server.database)).toEqual(before);
    server.database.close();
  });
});
