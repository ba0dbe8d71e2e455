/** Dead letters of remote sources: messages as they came, decoded again by FORMAT and ENCODE, with what INCLUDE names. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, dump, START, temporaryDirectory } from '../journal/support.ts';
import { Broker, type OpenedRemote, openRemote, rowsOf, settle } from '../remote/support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let data: string;
let opened: OpenedRemote;

beforeEach(async () => {
  place = temporaryDirectory('remote-letters');
  broker = new Broker();
  broker.create('t');
  data = `${place.path}/data`;
  opened = await openRemote(broker, data, () => START);
});

afterEach(async () => {
  await opened.database.remote.close();
  opened.database.close();
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

/** What a crash leaves is what was there. */
async function restart(name: string): Promise<void> {
  opened.journal?.flush();
  const before = dump(opened.database);
  data = afterCrash(data, name);
  await opened.database.remote.close();
  opened.database.close();
  opened = await openRemote(broker, data, () => START);
  expect(dump(opened.database)).toEqual(before);
}

const options = (extra = ''): string => `WITH (connector = 'memory', topic = 't'${extra})`;

describe('dead letters of a remote source', () => {
  it('hold the message, survive a crash once, and come in when the policy lets them', async () => {
    await run(
      `CREATE SOURCE s (a int, b text) INCLUDE offset AS o INCLUDE header 'h' text AS h ${options()} FORMAT PLAIN ENCODE JSON`,
    );
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, count(a) AS a, max(h) AS h FROM s');
    const headers = [['h', new Uint8Array(Buffer.from('head'))]] as const;
    broker.send('t', [
      { value: '{"a": 1, "b": "x"}', headers },
      {
        value: '{"a": "no", "b": "y"}',
        key: 'k',
        partition: 1,
        headers: [['h', new Uint8Array(Buffer.from('letter'))]],
      },
      { value: 'nothing' },
    ]);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['1 | 1 | head']);
    const letters = `SELECT partition, position, convert_from(key, 'UTF8'), convert_from(value, 'UTF8'), timestamp IS NULL, headers, field, outcome, attempts FROM millrace_dead.s ORDER BY partition`;
    const kept = [
      '0 | 1 | NULL | nothing | f | NULL | NULL | skipped | 1',
      '1 | 0 | k | {"a": "no", "b": "y"} | f | [{"name": "h", "value": "letter"}] | a | skipped | 1',
    ];
    expect(await run(letters)).toEqual(kept);
    await restart('once');
    await settle(opened);
    expect(await run(letters)).toEqual(kept);
    await run("ALTER SOURCE s CONNECTOR WITH (on_error = 'null')");
    await run('REPROCESS DEAD LETTERS FROM s');
    expect(await run('SELECT * FROM v')).toEqual(['2 | 1 | letter']);
    expect(await run("SELECT a, b, o, h FROM s WHERE h = 'letter'")).toEqual(['NULL | y | 0 | letter']);
    expect(await run('SELECT position, outcome, attempts FROM millrace_dead.s ORDER BY partition')).toEqual([
      '1 | skipped | 2',
      '0 | nulled | 2',
    ]);
    await restart('twice');
  });

  it('of UPSERT change rows by their keys', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, n int) ${options()} FORMAT UPSERT ENCODE JSON`);
    broker.send('t', [
      { key: '{"id": 1}', value: '{"id": 1, "n": 1}' },
      { key: '{"id": 2}', value: '{"id": 2, "n": "x"}' },
      { key: '{"id": 1}', value: '{"id": 1, "n": "y"}' },
    ]);
    await settle(opened);
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(['1 | 1']);
    await run("ALTER TABLE t CONNECTOR WITH (on_error = 'null')");
    await run('REPROCESS DEAD LETTERS FROM t');
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(['1 | NULL', '2 | NULL']);
    await restart('once');
  });

  it('of rows that the table refuses hold the row', async () => {
    await run(`CREATE TABLE t (a int NOT NULL, b int, c int AS 6 / b) ${options()} FORMAT PLAIN ENCODE JSON`);
    broker.json('t', [{ a: 1, b: 2 }, { b: 3 }, { a: 2, b: 0 }]);
    await settle(opened);
    expect(await run('SELECT * FROM t')).toEqual(['1 | 2 | 3']);
    expect(
      await run(`SELECT sqlstate, "row", convert_from(value, 'UTF8') FROM millrace_dead.t ORDER BY sqlstate`),
    ).toEqual(['22012 | {"a": 2, "b": 0} | NULL', '23502 | NULL | {"b":3}']);
    await restart('once');
    await run('REPROCESS DEAD LETTERS FROM t');
    expect(await run('SELECT DISTINCT outcome, attempts FROM millrace_dead.t')).toEqual(['skipped | 2']);
    await restart('twice');
  });

  it("pauses before a bad message with on_error = 'fail', and counts drift", async () => {
    await run(`CREATE SOURCE s (a int, b text) ${options(", on_error = 'fail'")} FORMAT PLAIN ENCODE JSON`);
    broker.send('t', [{ value: '{"a": 1, "extra": 2}' }, { value: '{"a": "no"}' }, { value: '{"a": 3}' }]);
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    expect(await run('SELECT state FROM millrace_catalog.sources')).toEqual(['paused']);
    expect(await run("SELECT field, kind FROM millrace_catalog.source_drift WHERE field = 'extra'")).toEqual([
      'extra | unknown field',
    ]);
    await restart('once');
    await run('ALTER SOURCE s RESUME');
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    await run("ALTER SOURCE s CONNECTOR WITH (on_error = 'skip')");
    await settle(opened);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '3']);
    expect(await run('SELECT position FROM millrace_dead.s')).toEqual(['1']);
    broker.json('t', [
      { a: 5, extra: 1 },
      { a: 6, extra: 2, b: 'x' },
    ]);
    await settle(opened);
    expect(
      await run('SELECT kind, field, count FROM millrace_catalog.source_drift ORDER BY kind, field'),
    ).toEqual(['missing field | b | 3', 'type changed | a | 1', 'unknown field | extra | 2']);
  });
});
