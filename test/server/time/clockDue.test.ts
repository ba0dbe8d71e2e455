/** What time makes due, when, and in which order: runDue, nextDue and stepClock on a database without a server. */
import { describe, expect, it } from 'vitest';
import type { Database } from '../../../server/database.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { ServerClock } from '../../../server/time/clock.ts';
import { isDue, least, nextDue, runDue, stepClock } from '../../../server/time/due.ts';

const SECOND = 1_000_000n;
const START = BigInt(Date.UTC(2024, 0, 1)) * 1000n;

interface World {
  readonly database: Database;
  readonly session: Session;
  readonly clock: ServerClock;
  run(sql: string): Promise<void>;
  /** Seconds since the start. */
  nextDue(): number | null;
  /** Seconds since the start of every tick since the last call. */
  ticks(): readonly number[];
}

const seconds = (at: bigint): number => Number(at - START) / Number(SECOND);

function world(): World {
  let system = START;
  const clock = new ServerClock(() => system++);
  const database = createDatabase({
    serverClock: clock,
    clock: () => clock.now(),
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
  });
  clock.set(START);
  const session = localSession(database);
  let ticks: number[] = [];
  const runTick = database.runTick.bind(database);
  database.runTick = (feed) => {
    runTick(feed);
    ticks.push(seconds(database.watermarks.now()));
  };
  return {
    database,
    session,
    clock,
    run: async (sql) => {
      await session.run(sql);
    },
    nextDue: () => {
      const next = nextDue(database);
      return next === null ? null : seconds(next);
    },
    ticks: () => {
      const seen = ticks;
      ticks = [];
      return seen;
    },
  };
}

const step = (w: World, to: number): void => stepClock(w.database, START + BigInt(to) * SECOND);

describe('least', () => {
  it('takes null for never', () => {
    expect(least()).toBe(null);
    expect(least(null, null)).toBe(null);
    expect(least(null, 3n, 2n, null)).toBe(2n);
  });
});

describe('nextDue', () => {
  it('is never where nothing waits for time', async () => {
    const w = world();
    await w.run('CREATE TABLE t (id int); INSERT INTO t VALUES (1)');
    expect(w.nextDue()).toBe(null);
    expect(isDue(w.database)).toBe(false);
  });

  it('knows the row that expires first', async () => {
    const w = world();
    await w.run(`CREATE TABLE t (id int, at timestamptz) WITH (ttl = '1 minute', ttl_column = 'at')`);
    expect(w.nextDue()).toBe(null);
    await w.run(`INSERT INTO t VALUES (1, '2024-01-01 00:00:30+00'), (2, NULL)`);
    expect(w.nextDue()).toBe(90);
    await w.run(`INSERT INTO t VALUES (3, '2024-01-01 00:00:10+00')`);
    expect(w.nextDue()).toBe(70);
    await w.run('DELETE FROM t WHERE id = 3');
    expect(w.nextDue()).toBe(90);
  });

  it('knows partitions, views and late rows', async () => {
    const w = world();
    await w.run(`CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject',
      partitions = 'a,b', watermark.idle.timeout = '100 seconds', late.retention = '40 seconds')`);
    expect(w.nextDue()).toBe(100);
    await w.run('CREATE TABLE t (id int, at timestamptz)');
    await w.run(`CREATE MATERIALIZED VIEW recent AS SELECT id FROM t WHERE at > now() - INTERVAL '1 minute'`);
    await w.run(`INSERT INTO t VALUES (1, '2024-01-01 00:00:20+00')`);
    expect(w.nextDue()).toBe(80);
    await w.run('CREATE TABLE c (id int)');
    await w.run(`CREATE MATERIALIZED VIEW later AS SELECT id FROM c EMIT WITH DELAY INTERVAL '50 seconds'`);
    await w.run('INSERT INTO c VALUES (1)');
    expect(w.nextDue()).toBe(50);
    await w.run(`INJECT INTO s PARTITION 'a' VALUES (1, NULL)`);
    expect(w.nextDue()).toBe(40);
    await w.run('DROP SOURCE s; DROP TABLE t CASCADE; DROP TABLE c CASCADE');
    expect(w.nextDue()).toBe(null);
  });
});

describe('stepClock', () => {
  it('runs everything at its own moment and ends at the target', async () => {
    const w = world();
    await w.run(`CREATE SOURCE s (at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject',
      partitions = 'a,b', watermark.idle.timeout = '45 seconds')`);
    await w.run(`CREATE TABLE t (id int) WITH (ttl = '30 seconds')`);
    await w.run(`CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t EMIT EVERY INTERVAL '20 seconds'`);
    await w.run('INSERT INTO t VALUES (1)');
    w.ticks();
    step(w, 300);
    // Counted at 20, gone at 30, counted at 40, both partitions idle at 45.
    expect(w.ticks()).toEqual([20, 30, 40, 45]);
    expect(seconds(w.clock.now())).toBe(300);
    step(w, 1_000_000);
    expect(w.ticks()).toEqual([]);
    expect(seconds(w.clock.now())).toBe(1_000_000);
  });

  it('lets what happened at one moment make other things due on the way', async () => {
    const w = world();
    await w.run(`CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject',
      watermark.idle.timeout = '10 seconds', watermark.idle.follow.clock = 'true')`);
    // Closed by the clock once the source is idle; held back for five seconds after that.
    await w.run(`CREATE MATERIALIZED VIEW closed AS SELECT window_start, count(*) AS n
      FROM TUMBLE(s, at, INTERVAL '1 minute') GROUP BY window_start EMIT ON WINDOW CLOSE`);
    await w.run(
      `CREATE MATERIALIZED VIEW delayed AS SELECT * FROM closed EMIT WITH DELAY INTERVAL '5 seconds'`,
    );
    await w.run(`INJECT INTO s VALUES (1, '2024-01-01 00:00:57')`);
    const count = async (view: string): Promise<number> =>
      (await w.session.run(`SELECT * FROM ${view}`))[0]?.rows.length ?? 0;
    step(w, 12);
    expect([await count('closed'), await count('delayed')]).toEqual([0, 0]);
    // Idle at 10; the watermark of 00:00:57 is a minute on at 13; five more seconds.
    step(w, 13);
    expect([await count('closed'), await count('delayed')]).toEqual([1, 0]);
    step(w, 17);
    expect([await count('closed'), await count('delayed')]).toEqual([1, 0]);
    step(w, 18);
    expect([await count('closed'), await count('delayed')]).toEqual([1, 1]);
    const other = world();
    for (const sql of [
      `CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject',
         watermark.idle.timeout = '10 seconds', watermark.idle.follow.clock = 'true')`,
      `CREATE MATERIALIZED VIEW delayed AS SELECT window_start, count(*) AS n
         FROM TUMBLE(s, at, INTERVAL '1 minute') GROUP BY window_start EMIT ON WINDOW CLOSE`,
      `INJECT INTO s VALUES (1, '2024-01-01 00:00:57')`,
    ]) {
      await other.run(sql);
    }
    step(other, 86_400);
    expect((await other.session.run('SELECT * FROM delayed'))[0]?.rows).toHaveLength(1);
  });

  it('goes on past something that asks for a moment and has nothing to do in it', async () => {
    const w = world();
    await w.run(`CREATE TABLE t (id int) WITH (ttl = '30 seconds')`);
    await w.run('INSERT INTO t VALUES (1)');
    const { nextWake } = w.database.dataflow;
    w.database.dataflow.nextWake = () => START + 5n * SECOND;
    step(w, 60);
    w.database.dataflow.nextWake = nextWake;
    expect(seconds(w.clock.now())).toBe(60);
    expect(w.database.catalog.find('public', 't', [])).toMatchObject({ kind: 'table' });
    expect((await w.session.run('SELECT * FROM t'))[0]?.rows).toEqual([]);
  });
});

describe('runDue', () => {
  it('publishes a version only when something ran', async () => {
    const w = world();
    await w.run(`CREATE TABLE t (id int) WITH (ttl = '30 seconds')`);
    await w.run('INSERT INTO t VALUES (1)');
    const { version } = w.database;
    expect(runDue(w.database)).toBe(false);
    expect(w.database.version).toBe(version);
    w.clock.set(START + 31n * SECOND);
    expect(isDue(w.database)).toBe(true);
    expect(runDue(w.database)).toBe(true);
    expect(w.database.version).toBe(version + 1n);
    expect(isDue(w.database)).toBe(false);
  });
});
