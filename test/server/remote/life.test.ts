/** A remote source in bad and good days: it waits, is tried again, is paused and changed, and says so. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDue } from '../../../server/time/due.ts';
import { afterCrash, START, stateOf, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;
let now = START;
let directory = '';

beforeEach(async () => {
  now = START;
  place = temporaryDirectory('remote-life');
  broker = new Broker();
  broker.create('t');
  directory = `${place.path}/data`;
  opened = await openRemote(broker, directory, () => now);
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
  opened = await openRemote(broker, directory, () => now);
}

const WITH = "WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON";
const state = (): Promise<readonly string[]> =>
  run('SELECT state, failure_sqlstate, retry_at IS NOT NULL FROM millrace_catalog.sources');

describe('a server that goes away', () => {
  it('pauses its source, which goes on by itself where it was', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    broker.stop();
    await settle(opened);
    expect(await state()).toEqual(['paused | 08006 | t']);
    broker.start();
    broker.json('t', [{ a: 2 }]);
    await settle(opened);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1']);
    now += 1_000_000n;
    await settle(opened);
    expect(await state()).toEqual(['running | NULL | f']);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '2']);
  });

  it('is tried less and less often, also when connecting takes its time', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.stop();
    const retry = 'SELECT extract(epoch FROM retry_at - now()) FROM millrace_catalog.sources';
    await settle(opened);
    expect(await run(retry)).toEqual(['1.000000']);
    now += 1_000_000n;
    await settle(opened);
    expect(await run(retry)).toEqual(['2.000000']);
    now += 2_000_000n;
    await settle(opened);
    expect(await run(retry)).toEqual(['4.000000']);
  });

  it('does not hold up a restart', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    broker.stop();
    await restart('away');
    expect(broker.checks).toBe(1);
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    expect(await state()).toEqual(['paused | 08001 | t']);
  });
});

describe('ALTER SOURCE', () => {
  it('pauses and resumes, also over a restart', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    await settle(opened);
    await run('ALTER SOURCE s PAUSE');
    await settle(opened);
    expect(broker.open).toBe(0);
    broker.json('t', [{ a: 1 }]);
    await restart('paused');
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual([]);
    await run('ALTER SOURCE s RESUME');
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
  });

  it('changes options that can be, and goes on where it was', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    await run("ALTER SOURCE s CONNECTOR WITH (group = 'other')");
    broker.json('t', [{ a: 2 }]);
    await settle(opened);
    expect(broker.opened).toBe(2);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '2']);
    expect(await stateOf(run("ALTER SOURCE s CONNECTOR WITH (topic = 'u')"))).toBe('0A000');
    expect(await stateOf(run("ALTER SOURCE s CONNECTOR WITH (connector = 'kafka')"))).toBe('0A000');
    expect(await stateOf(run('ALTER SOURCE s CONNECTOR WITH (source_rate_limit = -2)'))).toBe('22023');
    await run('ALTER SOURCE s CONNECTOR WITH (source_rate_limit = 0)');
    broker.json('t', [{ a: 3 }]);
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['2']);
    await run('ALTER SOURCE s SET source_rate_limit TO DEFAULT');
    await settle(opened);
    expect(await run('SELECT count(*) FROM s')).toEqual(['3']);
  });

  it('keeps to a rate', async () => {
    await run(
      "CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't', source_rate_limit = 20) FORMAT PLAIN ENCODE JSON",
    );
    broker.json(
      't',
      Array.from({ length: 100 }, (_, a) => ({ a })),
    );
    for (let i = 0; i < 4; i++) {
      await settle(opened);
      now += 500_000n;
    }
    const count = Number((await run('SELECT count(*) FROM s'))[0]);
    expect(count).toBeGreaterThanOrEqual(20);
    expect(count).toBeLessThanOrEqual(60);
  });
});

describe('INCLUDE', () => {
  it('makes columns of what comes with a message', async () => {
    await run(
      `CREATE SOURCE s (a int) INCLUDE key AS k INCLUDE key text AS kt INCLUDE partition INCLUDE offset int AS o
       INCLUDE timestamp AS at INCLUDE header 'trace' text AS trace INCLUDE payload AS p ${WITH}`,
    );
    broker.send('t', [
      { value: '{"a": 1}', key: 'x', headers: [['trace', new Uint8Array(Buffer.from('t1'))]] },
      { value: '{"a": 2}', partition: 1 },
    ]);
    await settle(opened);
    expect(await run('SELECT a, k, kt, _rw_memory_partition, o, at, trace, p FROM s ORDER BY a')).toEqual([
      '1 | \\x78 | x | 0 | 0 | 2024-01-01 00:00:00+00 | t1 | {"a": 1}',
      '2 | NULL | NULL | 1 | 0 | 2024-01-01 00:00:00+00 | NULL | {"a": 2}',
    ]);
    expect(await stateOf(run(`CREATE SOURCE x (a int) INCLUDE nonsense ${WITH}`))).toBe('0A000');
  });

  it('gives a table the message key as its key', async () => {
    await run(
      `CREATE TABLE t (a int, PRIMARY KEY (k)) INCLUDE key AS k
       WITH (connector = 'memory', topic = 't') FORMAT UPSERT ENCODE JSON`,
    );
    broker.send('t', [
      { value: '{"a": 1}', key: 'x' },
      { value: '{"a": 2}', key: 'y' },
      { value: '{"a": 3}', key: 'x' },
      { value: null, key: 'y' },
    ]);
    await settle(opened);
    expect(await run('SELECT a, k FROM t')).toEqual(['3 | \\x78']);
  });
});

describe('event time', () => {
  const timed = `CREATE SOURCE s (a int, at timestamp, WATERMARK FOR at AS at - INTERVAL '5 seconds') ${WITH}`;
  const lowest = 'SELECT watermark FROM millrace_catalog.watermarks';

  it('waits for all partitions that the server has, also after a restart', async () => {
    await run(timed);
    broker.json('t', [{ a: 1, at: '2024-01-01 00:01:00' }]);
    await settle(opened);
    expect(await run(lowest)).toEqual(['NULL']);
    await restart('time');
    expect(await run(lowest)).toEqual(['NULL']);
    broker.json('t', [{ a: 2, at: '2024-01-01 00:00:30' }], 1);
    await settle(opened);
    expect(await run(lowest)).toEqual(['2024-01-01 00:00:25']);
    broker.json('t', [{ a: 3, at: '2024-01-01 00:00:10' }]);
    await settle(opened);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '2']);
    expect(await run('SELECT a FROM millrace_late.s')).toEqual(['3']);
    await restart('late');
    expect(await run(lowest)).toEqual(['2024-01-01 00:00:25']);
    expect(await run('SELECT a FROM millrace_late.s')).toEqual(['3']);
  });

  it('takes rows and watermarks that are given by hand', async () => {
    await run(timed);
    await run("INJECT INTO s PARTITION '1' VALUES (7, '2024-01-01 00:02:00')");
    await run("ADVANCE WATERMARK FOR s PARTITION '0' TO '2024-01-01 00:01:00'");
    await restart('hand');
    expect(await run('SELECT a FROM s')).toEqual(['7']);
    expect(await run(lowest)).toEqual(['2024-01-01 00:01:00']);
    expect(
      await run(
        'SELECT partition, position, end_position, lag, watermark FROM millrace_catalog.source_partitions',
      ),
    ).toEqual([]);
    await settle(opened);
  });
});

describe('retention', () => {
  it('forgets rows for later views, not in those that have them', async () => {
    await run(
      "CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't', retention = '1 hour') FORMAT PLAIN ENCODE JSON",
    );
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s');
    broker.json('t', [{ a: 1 }, { a: 2 }]);
    await settle(opened);
    now += 3_000_000_000n;
    broker.json('t', [{ a: 3 }]);
    await settle(opened);
    now += 1_000_000_000n;
    await opened.database.exclusive(() => runDue(opened.database));
    expect(await run('SELECT a FROM s')).toEqual(['3']);
    expect(await run('SELECT n FROM v')).toEqual(['3']);
    await restart('forgotten');
    expect(await run('SELECT a FROM s')).toEqual(['3']);
    expect(await run('SELECT n FROM v')).toEqual(['3']);
    expect(await run('SELECT rows_forgotten FROM millrace_catalog.sources')).toEqual(['2']);
    await opened.checkpointer?.checkpoint();
    await restart('checkpoint');
    expect(await run('SELECT a FROM s')).toEqual(['3']);
    expect(await run('SELECT n FROM v')).toEqual(['3']);
    expect(await run('SELECT rows_forgotten FROM millrace_catalog.sources')).toEqual(['2']);
    await run('CREATE MATERIALIZED VIEW w AS SELECT count(*) AS n FROM s');
    expect(await run('SELECT n FROM w')).toEqual(['1']);
  });
});

describe('messages that cannot be used', () => {
  it('stop a source that is to fail, and are tried again when it is resumed', async () => {
    await run(
      "CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't', on_error = 'fail') FORMAT PLAIN ENCODE JSON",
    );
    broker.json('t', [{ a: 1 }, { a: 'x' }]);
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    expect(await state()).toEqual(['paused | 22P02 | f']);
    await run("ALTER SOURCE s CONNECTOR WITH (on_error = 'skip')");
    await run('ALTER SOURCE s RESUME');
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    expect(await run('SELECT bad_records FROM millrace_catalog.sources')).toEqual(['1']);
  });

  it('are counted in a restart as they were', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.send('t', [{ value: '{' }, { value: '{"a": 1}' }]);
    await settle(opened);
    await restart('bad');
    expect(await run('SELECT rows_read, bad_records, bytes_read FROM millrace_catalog.sources')).toEqual([
      '1 | 1 | 9',
    ]);
  });
});

describe('without a journal', () => {
  it('acknowledges what has been taken', async () => {
    const memory = await openRemote(broker, null, () => now);
    await rowsOf(memory, `CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(memory);
    await settle(memory);
    expect(broker.acknowledged).toEqual({ 0: 1, 1: 0 });
    expect(
      await rowsOf(
        memory,
        'SELECT partition, position, end_position, lag FROM millrace_catalog.source_partitions ORDER BY 1',
      ),
    ).toEqual(['0 | 1 | 1 | 0', '1 | 0 | 0 | 0']);
    await closeRemote(memory);
  });
});
