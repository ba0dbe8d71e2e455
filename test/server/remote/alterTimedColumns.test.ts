/** ALTER ... ADD | DROP COLUMN of relations with a watermark: time, late rows and the views by time go on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, START, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;
let directory = '';

beforeEach(async () => {
  place = temporaryDirectory('remote-alter-time');
  broker = new Broker();
  broker.create('t');
  directory = `${place.path}/data`;
  opened = await openRemote(broker, directory, () => START);
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

async function restart(name: string): Promise<void> {
  opened.journal?.flush();
  directory = afterCrash(directory, name);
  await closeRemote(opened);
  opened = await openRemote(broker, directory, () => START);
}

async function refused(sql: string, state: string, message: RegExp): Promise<void> {
  await expect(opened.session.run(sql)).rejects.toMatchObject({
    state,
    message: expect.stringMatching(message),
  });
}

/** At so many minutes after midnight, to both partitions. */
async function send(minute: number, fields: object): Promise<void> {
  const at = `2024-01-01 ${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}:00`;
  broker.json('t', [{ at, ...fields }]);
  await settle(opened);
}

const WITH = "WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON";
const CLOSED = `CREATE MATERIALIZED VIEW closed AS SELECT window_start, sum(n) AS n FROM TUMBLE(s, at, INTERVAL '10 minutes')
  GROUP BY window_start EMIT ON WINDOW CLOSE`;
const TOLERANT = `CREATE MATERIALIZED VIEW tolerant AS SELECT window_start, sum(n) AS n FROM TUMBLE(s, at, INTERVAL '10 minutes')
  GROUP BY window_start EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '1 hour'`;

async function source(columns: string): Promise<void> {
  await run(`CREATE SOURCE s (${columns}, WATERMARK FOR at AS at - INTERVAL '1 minute') ${WITH}`);
  // The second partition is not waited for.
  broker.json('t', [{ at: '2024-01-02 00:00:00', n: 0 }], 1);
}

const windows = (view: string): Promise<readonly string[]> =>
  run(`SELECT to_char(window_start, 'HH24:MI'), n FROM ${view} WHERE window_start < '2024-01-02' ORDER BY 1`);

describe('columns of a source with a watermark', () => {
  for (const checkpoint of [false, true]) {
    it(`are added and dropped (checkpoint: ${checkpoint})`, async () => {
      await source('at timestamp, n int, gone text');
      await run(CLOSED);
      await run('CREATE MATERIALIZED VIEW late AS SELECT count(*) AS c, sum(n) AS n FROM millrace_late.s');
      await send(5, { n: 1, gone: 'x' });
      await send(15, { n: 2, gone: 'y' });
      await send(3, { n: 100, gone: 'late', x: 1 });
      expect(await windows('closed')).toEqual(['00:00 | 1']);
      await run('ALTER SOURCE s ADD COLUMN x int DEFAULT 9');
      await run('ALTER SOURCE s DROP COLUMN gone');
      if (checkpoint) await opened.checkpointer?.checkpoint();
      await send(16, { n: 3, x: 30 });
      await send(4, { n: 200, x: 40 });
      await send(26, { n: 4, x: 50 });
      const rows = ['1 | 9', '2 | 9', '3 | 30', '4 | 50'];
      const check = async (): Promise<void> => {
        expect(await windows('closed')).toEqual(['00:00 | 1', '00:10 | 5']);
        expect(await run('SELECT n, x FROM s WHERE n > 0 ORDER BY n')).toEqual(rows);
        expect(await run('SELECT n, x, late_reason FROM millrace_late.s ORDER BY n')).toEqual([
          '100 | 9 | late',
          '200 | 40 | late',
        ]);
        expect(await run('SELECT * FROM late')).toEqual(['2 | 300']);
      };
      await check();
      await restart('timed');
      await check();
      await send(2, { n: 300, x: 1 });
      expect(await run('SELECT * FROM late')).toEqual(['3 | 600']);
      await send(36, { n: 5, x: 1 });
      expect(await windows('closed')).toEqual(['00:00 | 1', '00:10 | 5', '00:20 | 4']);
      await run('REPLAY LATE ROWS FROM s');
      expect(await run('SELECT n, x FROM s WHERE n > 0 ORDER BY n')).toEqual([
        ...rows,
        '5 | 1',
        '100 | 9',
        '200 | 40',
        '300 | 1',
      ]);
    });
  }

  it('lets views with ALLOWED LATENESS count late rows of before and after', async () => {
    await source('n int, at timestamp, gone int');
    await run(TOLERANT);
    await send(5, { n: 1 });
    await send(25, { n: 2 });
    await send(6, { n: 10 });
    expect(await windows('tolerant')).toEqual(['00:00 | 11']);
    await run('ALTER SOURCE s ADD COLUMN x int');
    await send(7, { n: 100, x: 1 });
    expect(await windows('tolerant')).toEqual(['00:00 | 111']);
    await run('ALTER SOURCE s DROP COLUMN gone');
    await send(8, { n: 1000, x: 1 });
    expect(await windows('tolerant')).toEqual(['00:00 | 1111']);
    await restart('tolerant');
    await send(9, { n: 10_000, x: 1 });
    expect(await windows('tolerant')).toEqual(['00:00 | 11111']);
    await send(26, { n: 5 });
    await send(36, { n: 6 });
    expect(await windows('tolerant')).toEqual(['00:00 | 11111', '00:20 | 7']);
  });

  it('goes on to close windows where the column of the watermark gets another place', async () => {
    await source('a int, n int, at timestamp, b int');
    await run(CLOSED);
    await run(TOLERANT);
    await send(5, { n: 1 });
    await send(15, { n: 2 });
    await run('ALTER SOURCE s DROP COLUMN a');
    await send(25, { n: 3 });
    expect(await windows('closed')).toEqual(['00:00 | 1', '00:10 | 2']);
    await run('CREATE MATERIALIZED VIEW later AS SELECT * FROM closed');
    await restart('moved');
    await send(6, { n: 10 });
    await send(35, { n: 4 });
    expect(await windows('closed')).toEqual(['00:00 | 1', '00:10 | 2', '00:20 | 3']);
    expect(await windows('tolerant')).toEqual(['00:00 | 11', '00:10 | 2', '00:20 | 3']);
    expect(await windows('later')).toEqual(['00:00 | 1', '00:10 | 2', '00:20 | 3']);
    const { version } = opened.database;
    await run('ALTER SOURCE s ADD COLUMN a int');
    await run('ALTER SOURCE s DROP COLUMN b');
    await send(45, { n: 5, a: 5 });
    await restart('back');
    expect(opened.database.version).toBeGreaterThan(version);
    expect(await windows('later')).toEqual(['00:00 | 1', '00:10 | 2', '00:20 | 3', '00:30 | 4']);
    expect(await run('SELECT n, a FROM s WHERE n > 3 ORDER BY n')).toEqual(['4 | NULL', '5 | 5']);
  });

  it('goes on where the watermark is of a column of INCLUDE', async () => {
    await run(`CREATE SOURCE s (n int, WATERMARK FOR at AS at) INCLUDE timestamp AS at ${WITH}`);
    await run(`CREATE MATERIALIZED VIEW closed AS SELECT window_start, sum(n) AS n
      FROM TUMBLE(s, at, INTERVAL '10 milliseconds') GROUP BY window_start EMIT ON WINDOW CLOSE`);
    // A message is a millisecond after the one before.
    const some = (count: number, n: number) => Array.from({ length: count }, () => ({ n, x: n }));
    broker.json('t', some(100, 0), 1);
    broker.json('t', some(15, 1));
    await settle(opened);
    expect(await run('SELECT n FROM closed')).toEqual(['10']);
    await run('ALTER SOURCE s ADD COLUMN x int');
    broker.json('t', some(10, 2));
    await settle(opened);
    const all = ['10', '15'];
    expect(await run('SELECT n FROM closed ORDER BY window_start')).toEqual(all);
    await restart('included');
    expect(await run('SELECT n FROM closed ORDER BY window_start')).toEqual(all);
    broker.json('t', some(10, 3));
    await settle(opened);
    expect(await run('SELECT n FROM closed ORDER BY window_start')).toEqual([...all, '25']);
    expect(await run('SELECT x, count(*) FROM s WHERE n > 0 GROUP BY x ORDER BY x')).toEqual([
      '2 | 10',
      '3 | 10',
      'NULL | 15',
    ]);
  });

  it('that the watermark is of stay, and so do views whose rows would be others', async () => {
    await source('a int, n int, at timestamp');
    await run(CLOSED);
    await send(5, { n: 1 });
    await send(15, { n: 2 });
    await refused('ALTER SOURCE s DROP COLUMN at', '0A000', /watermark/);
    await refused('ALTER SOURCE s ALTER COLUMN at TYPE timestamptz', '0A000', /watermark/);
    await refused('ALTER SOURCE s ADD COLUMN m timestamptz DEFAULT now()', '0A000', /DEFAULT/);
    await run('CREATE MATERIALIZED VIEW late AS SELECT a FROM millrace_late.s');
    await refused('ALTER SOURCE s DROP COLUMN a', '2BP01', /cannot drop column a/);
    await run('DROP MATERIALIZED VIEW late');
    await send(25, { n: 3 });
    expect(await windows('closed')).toEqual(['00:00 | 1', '00:10 | 2']);
  });

  it('of a table with rows that the watermark takes away', async () => {
    await run(
      `CREATE TABLE t (id int PRIMARY KEY, at timestamp, n int, WATERMARK FOR at AS at - INTERVAL '10 minutes' WITH TTL)
       WITH (connector = 'memory', topic = 't') FORMAT UPSERT ENCODE JSON`,
    );
    const put = async (id: number, at: string, n: number, x: number): Promise<void> => {
      for (const partition of [0, 1]) {
        const value = JSON.stringify({ id: id + partition, at: `2024-01-01 ${at}`, n, x });
        broker.send('t', [{ key: JSON.stringify({ id: id + partition }), value, partition }]);
      }
      await settle(opened);
    };
    await put(1, '00:00:00', 1, 1);
    await put(3, '00:05:00', 2, 2);
    await run('ALTER TABLE t ADD COLUMN x int, DROP COLUMN n');
    expect(await run('SELECT id, x FROM t ORDER BY id')).toEqual([
      '1 | NULL',
      '2 | NULL',
      '3 | NULL',
      '4 | NULL',
    ]);
    await put(5, '00:11:00', 3, 3);
    const rows = ['3 | NULL', '4 | NULL', '5 | 3', '6 | 3'];
    expect(await run('SELECT id, x FROM t ORDER BY id')).toEqual(rows);
    await restart('ttl');
    expect(await run('SELECT id, x FROM t ORDER BY id')).toEqual(rows);
  });

  it('of a table that users write to', async () => {
    await run("SET timezone = 'Europe/Vienna'");
    await run(
      `CREATE TABLE log (gone int, n int, at timestamptz, WATERMARK FOR at AS at - INTERVAL '10 minutes') APPEND ONLY`,
    );
    await run(`CREATE MATERIALIZED VIEW closed AS SELECT window_start, sum(n) AS n FROM TUMBLE(log, at, INTERVAL '10 minutes')
      GROUP BY window_start EMIT ON WINDOW CLOSE`);
    await run("INSERT INTO log VALUES (0, 1, '2024-01-01 00:05:00'), (0, 2, '2024-01-01 00:35:00')");
    await run("INSERT INTO log VALUES (0, 100, '2024-01-01 00:01:00')");
    await run("SET timezone = 'UTC'");
    await run('ALTER TABLE log ADD COLUMN x text, DROP COLUMN gone');
    await refused('ALTER TABLE log ADD COLUMN m timestamptz DEFAULT now()', '0A000', /watermark/);
    await run("SET timezone = 'Europe/Vienna'");
    await run("INSERT INTO log (n, at, x) VALUES (3, '2024-01-01 00:55:00', 'a')");
    const check = async (): Promise<void> => {
      expect(await run('SELECT n FROM closed ORDER BY window_start')).toEqual(['1', '2']);
      expect(await run('SELECT n, x FROM log ORDER BY n')).toEqual(['1 | NULL', '2 | NULL', '3 | a']);
      expect(await run('SELECT n, x FROM millrace_late.log')).toEqual(['100 | NULL']);
      expect(await run("SELECT expression FROM millrace_catalog.watermarks WHERE relation = 'log'")).toEqual([
        "at - INTERVAL '10 minutes'",
      ]);
    };
    await check();
    await opened.checkpointer?.checkpoint();
    await restart('log');
    await check();
  });
});
