/** What users see of a source whose rows are kept: as of any other source. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { START, stateOf, temporaryDirectory } from '../journal/support.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;

beforeEach(async () => {
  place = temporaryDirectory('remote-catalogs');
  broker = new Broker();
  broker.create('t');
  opened = await openRemote(broker, `${place.path}/data`, () => START);
  await run(
    "CREATE SOURCE s (a int, b int AS a * 2) INCLUDE key text AS k WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON",
  );
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

describe('a source whose rows are kept', () => {
  it('is a source in every catalog', async () => {
    expect(await run('SELECT name, connector, format, row_encode FROM rw_catalog.rw_sources')).toEqual([
      's | memory | PLAIN | JSON',
    ]);
    expect(await run("SELECT relation_type FROM rw_catalog.rw_relations WHERE id = 's'::regclass")).toEqual([
      'source',
    ]);
    expect(await run("SELECT relkind FROM pg_class WHERE oid = 's'::regclass")).toEqual(['f']);
    expect(
      await run(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = 'public' AND table_name = 's'",
      ),
    ).toEqual(['FOREIGN']);
    expect(await run("SELECT kind FROM millrace_catalog.relations WHERE id = 's'::regclass")).toEqual([
      'source',
    ]);
    expect(await run('SELECT srvname FROM pg_foreign_server')).toEqual(['memory']);
    const [row = ''] = await run('SHOW CREATE SOURCE s');
    expect(row).toMatch(/CREATE SOURCE s .*INCLUDE key/);
    expect(await run('DESCRIBE s')).not.toEqual([]);
    expect(await stateOf(run("COMMENT ON SOURCE s IS 'a source'"))).toBe('done');
    expect(await stateOf(run("COMMENT ON TABLE s IS 'a source'"))).toBe('42809');
  });

  it('is not written to, indexed or altered as a table', async () => {
    for (const sql of [
      'INSERT INTO s VALUES (1)',
      'UPDATE s SET a = 1',
      'DELETE FROM s',
      'CREATE INDEX ON s (a)',
      'ALTER TABLE s ADD COLUMN c int',
    ]) {
      expect(await stateOf(run(sql)), sql).toBe('42809');
    }
  });

  it('feeds views, joins and sinks', async () => {
    await run('CREATE MATERIALIZED VIEW v AS SELECT x.a, y.b, x.k FROM s x JOIN s y ON x.a = y.a');
    await run("CREATE SINK k FROM s WITH (connector = 'blackhole', type = 'append-only')");
    broker.send('t', [{ key: 'one', value: '{"a": 1}' }]);
    await settle(opened);
    expect(await run('SELECT * FROM v')).toEqual(['1 | 2 | one']);
    expect(await run('SELECT * FROM s WHERE a = 1')).toEqual(['1 | 2 | one']);
    expect(await stateOf(run('DROP SOURCE s'))).toBe('2BP01');
    expect(await stateOf(run('DROP SOURCE s CASCADE'))).toBe('done');
  });

  it('is there already: nobody needs to be asked', async () => {
    broker.stop();
    const again = (ifNotExists: string): string =>
      `CREATE SOURCE ${ifNotExists} s (a int) WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON`;
    expect(await stateOf(run(again('IF NOT EXISTS')))).toBe('done');
    expect(await stateOf(run(again('')))).toBe('42P07');
  });

  it('has no key and takes no changes', async () => {
    const declare = (columns: string, format: string): Promise<string> =>
      stateOf(
        run(
          `CREATE SOURCE x ${columns} WITH (connector = 'memory', topic = 't') FORMAT ${format} ENCODE JSON`,
        ),
      );
    expect(await declare('(a int PRIMARY KEY)', 'PLAIN')).toBe('0A000');
    expect(await declare('(a int)', 'UPSERT')).toBe('42P16');
    expect(await declare('(a int)', 'MAXWELL')).toBe('0A000');
  });
});
