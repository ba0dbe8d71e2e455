/** ALTER ... ADD | DROP | ALTER COLUMN of remote relations: old rows keep what they have, later messages fill the new columns. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterCrash, START, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;
let directory = '';
let now = START;

beforeEach(async () => {
  now = START;
  place = temporaryDirectory('remote-alter');
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

/** Killed, and started again: from the checkpoint (if any) and the journal. */
async function restart(name: string): Promise<void> {
  opened.journal?.flush();
  directory = afterCrash(directory, name);
  await closeRemote(opened);
  opened = await openRemote(broker, directory, () => now);
}

async function refused(sql: string, state: string, message: RegExp): Promise<void> {
  await expect(opened.session.run(sql)).rejects.toMatchObject({
    state,
    message: expect.stringMatching(message),
  });
}

const WITH = "WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON";
const UPSERT = "WITH (connector = 'memory', topic = 't') FORMAT UPSERT ENCODE JSON";

describe('ADD COLUMN', () => {
  it('is NULL or the default in rows that are there, and filled from then on', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM s');
    broker.json('t', [{ a: 1, b: 'one', c: 5 }]);
    await settle(opened);
    const view = opened.database.catalog.find('public', 'v', []);
    const nodes = view?.kind === 'materialized view' ? [...view.nodes] : [];
    await run('ALTER SOURCE s ADD COLUMN b text, ADD COLUMN c int DEFAULT 7');
    // It is not built again.
    expect(view?.kind === 'materialized view' && [...view.nodes].every((node, i) => node === nodes[i])).toBe(
      true,
    );
    expect(await run('SELECT * FROM s')).toEqual(['1 | NULL | 7']);
    broker.json('t', [{ a: 2, b: 'two', c: 6 }], 1);
    await settle(opened);
    expect(await run('SELECT a, b, c FROM s ORDER BY a')).toEqual(['1 | NULL | 7', '2 | two | 6']);
    expect(await run('SELECT * FROM v')).toEqual(['2 | 3']);
    await run('CREATE MATERIALIZED VIEW w AS SELECT b, sum(c) AS c FROM s GROUP BY b');
    expect(await run('SELECT * FROM w ORDER BY b')).toEqual(['two | 6', 'NULL | 7']);
    expect(await run('SHOW CREATE SOURCE s')).toEqual([
      expect.stringMatching(/\(a int4, b text, c int4 DEFAULT 7\)/),
    ]);
  });

  it('fills it from messages that had been read and not taken', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1, b: 1 }]);
    await settle(opened);
    // Wakes the reader, whose block waits for the next poll.
    broker.json('t', [{ a: 2, b: 2 }]);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await run('ALTER SOURCE s ADD COLUMN b int');
    broker.json('t', [{ a: 3, b: 3 }]);
    await settle(opened);
    expect(await run('SELECT a, b FROM s ORDER BY a')).toEqual(['1 | NULL', '2 | 2', '3 | 3']);
  });

  it('goes before the columns of INCLUDE, the time of writing and the row id', async () => {
    await run(
      `CREATE SOURCE s (a int) INCLUDE partition AS p INCLUDE offset AS o
       WITH (connector = 'memory', topic = 't', retention = '1 day') FORMAT PLAIN ENCODE JSON`,
    );
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    await run('ALTER SOURCE s ADD COLUMN b int');
    broker.json('t', [{ a: 2, b: 20 }], 1);
    await settle(opened);
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | NULL | 0 | 0', '2 | 20 | 1 | 0']);
    await restart('included');
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | NULL | 0 | 0', '2 | 20 | 1 | 0']);
  });

  it('may be computed from the others', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    await run('ALTER SOURCE s ADD COLUMN twice int GENERATED ALWAYS AS (a * 2) STORED');
    broker.json('t', [{ a: 2 }]);
    await settle(opened);
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | 2', '2 | 4']);
    await refused('ALTER SOURCE s DROP COLUMN a', '2BP01', /cannot drop column a/);
  });

  it('ends the count of its field as an unknown one', async () => {
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    broker.json('t', [{ a: 1, x: 1 }]);
    await settle(opened);
    const drift = () =>
      run("SELECT kind, field, count FROM millrace_catalog.source_drift WHERE source = 's'");
    const before = await drift();
    expect(before).toEqual(['unknown field | x | 1']);
    await run('ALTER SOURCE s ADD COLUMN x int');
    broker.json('t', [{ a: 2, x: 2 }]);
    await settle(opened);
    expect(await drift()).toEqual(before);
  });

  it('lets letters of before be read again with the new columns', async () => {
    await run(`CREATE TABLE t (a int NOT NULL) ${WITH}`);
    broker.json('t', [
      { a: 'no number', b: 'x' },
      { a: 2, b: 'y' },
    ]);
    await settle(opened);
    await run('ALTER TABLE t ALTER COLUMN a TYPE text USING a::text, ADD COLUMN b text');
    await run('REPROCESS DEAD LETTERS FROM t');
    expect(await run('SELECT * FROM t ORDER BY a')).toEqual(['2 | NULL', 'no number | x']);
    expect(await run('SELECT count(*) FROM millrace_dead.t')).toEqual(['0']);
    await restart('letters');
    expect(await run('SELECT * FROM t ORDER BY a')).toEqual(['2 | NULL', 'no number | x']);
  });

  it('refuses what cannot be', async () => {
    await run(`CREATE SOURCE s (a int) INCLUDE partition AS p ${WITH}`);
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    await refused('ALTER SOURCE s ADD COLUMN a int', '42701', /already exists/);
    await refused('ALTER SOURCE s ADD COLUMN p int', '42701', /already exists/);
    await refused('ALTER SOURCE s ADD COLUMN b int NOT NULL', '23502', /contains null values/);
    await refused('ALTER SOURCE s ADD COLUMN b int PRIMARY KEY', '0A000', /PRIMARY KEY/);
    await refused('ALTER SOURCE s ADD COLUMN b float8 DEFAULT random()', '0A000', /DEFAULT/);
    await refused('ALTER SOURCE s ADD COLUMN b int DEFAULT (1 / 0)', '22012', /division/);
    await refused('ALTER SOURCE s DROP COLUMN p', '0A000', /INCLUDE/);
    await refused('ALTER SOURCE s ALTER COLUMN p TYPE text', '0A000', /INCLUDE/);
    await refused('ALTER SOURCE s DROP COLUMN x', '42703', /does not exist/);
    await refused('ALTER TABLE s ADD COLUMN b int', '42809', /not a table/);
    await run(
      `CREATE SOURCE raw (b bytea) WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE BYTES`,
    );
    await expect(opened.session.run('ALTER SOURCE raw ADD COLUMN c int')).rejects.toThrow(/column/);
    await run('DROP SOURCE raw');
    broker.json('t', [{ a: 2 }]);
    await settle(opened);
    expect(await run('SELECT a, p FROM s ORDER BY a')).toEqual(['1 | 0', '2 | 0']);
    expect(broker.opened).toBe(1);
  });
});

describe('DROP COLUMN', () => {
  it('takes it from rows and views, and it is not decoded any more', async () => {
    await run(`CREATE SOURCE s (a int, b int, c text) ${WITH}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT c, sum(a) AS a FROM s GROUP BY c');
    await run('CREATE MATERIALIZED VIEW w AS SELECT max(b) AS b FROM s');
    broker.json('t', [{ a: 1, b: 1, c: 'x' }]);
    await settle(opened);
    await refused('ALTER SOURCE s DROP COLUMN b', '2BP01', /cannot drop column b of source s/);
    await run('DROP MATERIALIZED VIEW w');
    await run('ALTER SOURCE s DROP COLUMN b');
    // It would not be a number.
    broker.json('t', [{ a: 2, b: 'two', c: 'x' }]);
    await settle(opened);
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | x', '2 | x']);
    expect(await run('SELECT * FROM v')).toEqual(['x | 3']);
    await run('ALTER SOURCE s DROP COLUMN c CASCADE');
    await refused('SELECT * FROM v', '42P01', /does not exist/);
    await refused('ALTER SOURCE s DROP COLUMN a', '0A000', /only column/);
  });

  it('is refused of keys', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, n int) ${UPSERT}`);
    await refused('ALTER TABLE t DROP COLUMN id', '0A000', /primary key/);
  });
});

describe('a table that is changed by key', () => {
  it('goes on with the new columns', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, n int) INCLUDE timestamp AS at ${UPSERT}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, sum(n) AS n FROM t');
    const send = (id: number, value: object | null): void =>
      broker.send('t', [
        { key: JSON.stringify({ id }), value: value === null ? null : JSON.stringify({ id, ...value }) },
      ]);
    send(1, { n: 1, m: 'a' });
    send(2, { n: 2, m: 'b' });
    await settle(opened);
    await run("ALTER TABLE t ADD COLUMN m text DEFAULT 'none'");
    send(2, { n: 20, m: 'c' });
    send(3, { n: 3, m: 'd' });
    await settle(opened);
    expect(await run('SELECT id, n, m FROM t ORDER BY id')).toEqual([
      '1 | 1 | none',
      '2 | 20 | c',
      '3 | 3 | d',
    ]);
    await run('ALTER TABLE t DROP COLUMN n CASCADE');
    send(1, null);
    send(3, { m: 'e' });
    await settle(opened);
    const rows = ['2 | c', '3 | e'];
    expect(await run('SELECT id, m FROM t ORDER BY id')).toEqual(rows);
    await run("INSERT INTO t (id, m) VALUES (9, 'by hand')");
    await restart('upsert');
    expect(await run('SELECT id, m FROM t ORDER BY id')).toEqual([...rows, '9 | by hand']);
    await run('ALTER TABLE t ALTER COLUMN id TYPE bigint');
    send(5_000_000_000, { m: 'large' });
    send(2, null);
    await settle(opened);
    expect(await run('SELECT id, m FROM t ORDER BY id')).toEqual([
      '3 | e',
      '9 | by hand',
      '5000000000 | large',
    ]);
  });
});

describe('ALTER COLUMN TYPE', () => {
  it('converts what is there, and decodes by the new type', async () => {
    await run(`CREATE SOURCE s (a int, b int) ${WITH}`);
    broker.json('t', [{ a: 1, b: 1 }]);
    await settle(opened);
    await run("ALTER SOURCE s ALTER COLUMN b TYPE text USING 'n' || b");
    broker.json('t', [{ a: 2, b: 'two' }]);
    await settle(opened);
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | n1', '2 | two']);
    await restart('typed');
    expect(await run('SELECT * FROM s ORDER BY a')).toEqual(['1 | n1', '2 | two']);
  });

  it('lets a source go on that a message of another type has stopped', async () => {
    await run(
      `CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't', on_error = 'fail') FORMAT PLAIN ENCODE JSON`,
    );
    broker.json('t', [{ a: 1 }, { a: 'two' }]);
    await settle(opened);
    expect(await run('SELECT a FROM s')).toEqual(['1']);
    await run('ALTER SOURCE s ALTER COLUMN a TYPE text');
    await settle(opened);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', 'two']);
  });
});

describe('RENAME COLUMN', () => {
  it('takes the field of the new name from then on; one of INCLUDE is filled as before', async () => {
    await run(`CREATE SOURCE s (a int, b int) INCLUDE partition INCLUDE offset AS o ${WITH}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT sum(b) AS b FROM s');
    broker.json('t', [{ a: 1, b: 1 }]);
    await settle(opened);
    await run('ALTER SOURCE s RENAME COLUMN b TO c');
    await run('ALTER SOURCE s RENAME COLUMN _rw_memory_partition TO p');
    await run('ALTER SOURCE s RENAME COLUMN o TO "Offset"');
    broker.json('t', [{ a: 2, b: 2, c: 20 }]);
    await settle(opened);
    const rows = ['1 | 1 | 0 | 0', '2 | 20 | 0 | 1'];
    expect(await run('SELECT a, c, p, "Offset" FROM s ORDER BY a')).toEqual(rows);
    expect(await run('SELECT * FROM v')).toEqual(['21']);
    await restart('renamed');
    broker.json('t', [{ a: 3, c: 30 }], 1);
    await settle(opened);
    expect(await run('SELECT a, c, p, "Offset" FROM s ORDER BY a')).toEqual([...rows, '3 | 30 | 1 | 0']);
    expect(await run('SELECT * FROM v')).toEqual(['51']);
    await run('ALTER SOURCE s ADD COLUMN d int');
    broker.json('t', [{ a: 4, d: 4 }], 1);
    await settle(opened);
    expect(await run('SELECT a, d, p, "Offset" FROM s WHERE a > 2 ORDER BY a')).toEqual([
      '3 | NULL | 1 | 0',
      '4 | 4 | 1 | 1',
    ]);
  });

  it('of a key takes keys of the new name', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, n int) ${UPSERT}`);
    broker.send('t', [{ key: '{"id":1}', value: '{"id":1,"n":1}' }]);
    await settle(opened);
    await run('ALTER TABLE t RENAME COLUMN id TO k');
    broker.send('t', [
      { key: '{"k":1}', value: null },
      { key: '{"k":2}', value: '{"k":2,"n":2}' },
    ]);
    await settle(opened);
    expect(await run('SELECT k, n FROM t')).toEqual(['2 | 2']);
  });
});

describe('a restart', () => {
  for (const checkpoint of ['none', 'before', 'between', 'after'] as const) {
    it(`has blocks of before and after in their own layouts (checkpoint: ${checkpoint})`, async () => {
      await run(`CREATE SOURCE s (a int, b int) ${WITH}`);
      await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM s');
      broker.json('t', [{ a: 1, b: 1, c: 'x' }]);
      await settle(opened);
      if (checkpoint === 'before') await opened.checkpointer?.checkpoint();
      broker.json('t', [{ a: 2, b: 2, c: 'y' }]);
      await settle(opened);
      await run('ALTER SOURCE s ADD COLUMN c text');
      broker.json('t', [{ a: 3, b: 3, c: 'z' }]);
      await settle(opened);
      if (checkpoint === 'between') await opened.checkpointer?.checkpoint();
      await run('ALTER SOURCE s DROP COLUMN b');
      await run('ALTER SOURCE s ADD COLUMN b text');
      broker.json('t', [{ a: 4, b: 'four', c: 'v' }]);
      await settle(opened);
      if (checkpoint === 'after') await opened.checkpointer?.checkpoint();
      const rows = ['1 | NULL | NULL', '2 | NULL | NULL', '3 | z | NULL', '4 | v | four'];
      expect(await run('SELECT * FROM s ORDER BY a')).toEqual(rows);
      const { version } = opened.database;
      await restart('again');
      expect(opened.database.version).toBe(version);
      expect(await run('SELECT * FROM s ORDER BY a')).toEqual(rows);
      broker.json('t', [{ a: 5, b: 'five' }]);
      await settle(opened);
      expect(await run('SELECT * FROM s ORDER BY a')).toEqual([...rows, '5 | NULL | five']);
      expect(await run('SELECT * FROM v')).toEqual(['5 | 15']);
    });
  }
});
