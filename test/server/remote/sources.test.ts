/** CREATE SOURCE and CREATE TABLE over a remote connector: rows come, stay, and are not read twice. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, START, stateOf, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;
let now = START;

beforeEach(async () => {
  now = START;
  place = temporaryDirectory('remote');
  broker = new Broker();
  broker.create('t');
  opened = await openRemote(broker, `${place.path}/data`, () => now);
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

async function restart(name: string): Promise<void> {
  opened.journal?.flush();
  const copy = afterCrash(`${place.path}/data`, name);
  await closeRemote(opened);
  opened = await openRemote(broker, copy, () => now);
}

const WITH = "WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON";

describe('CREATE SOURCE over a remote connector', () => {
  it('keeps its rows for views that are made later, and for SELECT', async () => {
    await run(`CREATE SOURCE s (a int, b text) ${WITH}`);
    broker.json('t', [
      { a: 1, b: 'one' },
      { a: 2, b: 'zwölf' },
    ]);
    await settle(opened);
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | one', '2 | zwölf']);
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM s');
    expect(await run('SELECT * FROM v')).toEqual(['2 | 3']);
    broker.json('t', [{ a: 10, b: null }], 1);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['3 | 13']);
  });

  it('does not read anything again after a restart', async () => {
    await run(`CREATE SOURCE s (a int, b text) ${WITH}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM s');
    broker.json('t', [{ a: 1 }, { a: 2 }]);
    await settle(opened);
    broker.json('t', [{ a: 3 }], 1);
    await settle(opened);
    const { version } = opened.database;
    await restart('again');
    expect(opened.database.version).toBe(version);
    expect(await run('SELECT * FROM v')).toEqual(['3 | 6']);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['3 | 6']);
    broker.json('t', [{ a: 4 }], 1);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['4 | 10']);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '2', '3', '4']);
  });

  it('acknowledges what is on disk', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    expect(broker.acknowledged).toBeNull();
    opened.journal?.flush();
    await settle(opened);
    expect(broker.acknowledged).toEqual({ 0: 1, 1: 0 });
  });

  it('is a source to those who write, list and drop it', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    expect(await stateOf(run('INSERT INTO s VALUES (1)'))).toBe('42809');
    expect(await stateOf(run('DELETE FROM s'))).toBe('42809');
    expect(await stateOf(run('DROP TABLE s'))).toBe('42809');
    expect(await run('SHOW SOURCES')).toEqual(['s']);
    expect(await run('SHOW TABLES')).toEqual([]);
    await settle(opened);
    expect(broker.open).toBe(1);
    await run('DROP SOURCE s');
    await settle(opened);
    expect(broker.open).toBe(0);
  });

  it('is refused where the server is not there, the topic is not, or an option is wrong', async () => {
    const declare = (options: string): Promise<string> =>
      stateOf(
        run(`CREATE SOURCE x (a int) WITH (connector = 'memory', ${options}) FORMAT PLAIN ENCODE JSON`),
      );
    expect(await declare("topic = 'none'")).toBe('42704');
    expect(await declare("topic = 't', nonsense = '1'")).toBe('22023');
    expect(await declare("group = 'g'")).toBe('22023');
    broker.stop();
    expect(await declare("topic = 't'")).toBe('08001');
  });
});

describe('CREATE TABLE over a remote connector', () => {
  it('changes rows by their key', async () => {
    await run(
      "CREATE TABLE t (id int PRIMARY KEY, v text) WITH (connector = 'memory', topic = 't') FORMAT UPSERT ENCODE JSON",
    );
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, max(v) AS m FROM t');
    const put = (id: number, v: string | null) => ({
      key: JSON.stringify({ id }),
      value: v === null ? null : JSON.stringify({ id, v }),
    });
    broker.send('t', [put(1, 'a'), put(2, 'b'), put(1, 'c')]);
    await settle(opened);
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(['1 | c', '2 | b']);
    broker.send('t', [put(1, null), put(7, null)]);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['1 | b']);
    await restart('changed');
    expect(await run('SELECT * FROM t')).toEqual(['2 | b']);
    expect(await run('SELECT * FROM v')).toEqual(['1 | b']);
  });

  it('computes generated columns, checks NOT NULL and files what it refuses', async () => {
    await run(
      `CREATE TABLE t (a int NOT NULL, b int, c int GENERATED ALWAYS AS (a + b) STORED) APPEND ONLY ${WITH}`,
    );
    broker.json('t', [{ a: 1, b: 2 }, { b: 2 }, { a: 'x' }, { a: 3 }]);
    await settle(opened);
    expect(await run('SELECT * FROM t ORDER BY a')).toEqual(['1 | 2 | 3', '3 | NULL | NULL']);
    expect(await run("SELECT rows_read, bad_records FROM millrace_catalog.sources WHERE name = 't'")).toEqual(
      ['2 | 2'],
    );
  });
});
