/** A new value of a secret reaches readers of other servers and lookup tables that run already. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import type { LookupConnector } from '../../../connector/lookup.ts';
import { LookupAsking } from '../../../server/lookup/asking.ts';
import { createDatabase, realEnvironment } from '../../../server/serve.ts';
import { Broker, closeRemote, openRemote, rowsOf, settle } from '../remote/support.ts';
import { failureOf, runIn } from './support.ts';

describe('a new value', () => {
  it('opens a remote source again where it is', async () => {
    const broker = new Broker();
    broker.create('t');
    const { open, check } = broker.connector;
    const told: string[] = [];
    Object.assign(broker.connector, {
      check: (config: Parameters<typeof check>[0]) => {
        told.push(`check ${config.options.get('group')}`);
        return check(config);
      },
      open: (config: Parameters<typeof open>[0], from: Parameters<typeof open>[1]) => {
        told.push(`open ${config.options.get('group')}`);
        return open(config, from);
      },
    });
    const opened = await openRemote(broker, null);
    const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);
    await run("CREATE SECRET g AS 'one'");
    await run(
      "CREATE SOURCE s (a int) WITH (connector = 'memory', topic = 't', group = SECRET g) FORMAT PLAIN ENCODE JSON",
    );
    broker.json('t', [{ a: 1 }]);
    await settle(opened);
    await run("ALTER SECRET g AS 'two'");
    broker.json('t', [{ a: 2 }]);
    await settle(opened);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(['1', '2']);
    expect(told).toEqual(['check one', 'open one', 'open two']);
    expect(await run('SHOW CREATE SOURCE s')).toEqual([expect.stringContaining('group = SECRET g')]);
    await run('CREATE TABLE k (a int)');
    await run("CREATE SECRET h AS 'three'; ALTER SOURCE s CONNECTOR WITH (group = SECRET h)");
    await settle(opened);
    expect(told.at(-1)).toBe('open three');
    await run('DROP SECRET g');
    expect(await failureOf(opened.database, 'DROP SECRET h')).toContain('source s depends on secret h');
    await closeRemote(opened);
  });

  it('is for the next question of a lookup table', async () => {
    const told: (string | undefined)[] = [];
    const connector: LookupConnector = {
      name: 'there',
      doc: 'Rows of a test.',
      options: [
        { name: 'password', type: 'string', secret: true, doc: 'A secret.' },
        { name: 'port', type: 'integer', doc: 'A number.' },
      ],
      open: async ({ options }) => {
        told.push(options.get('password'));
        return { fetch: async (keys) => keys.map(([id = null]) => [id, 'x']), close: async () => {} };
      },
    };
    const database = createDatabase({ ...realEnvironment(), lookups: [connector] });
    const run = (sql: string) => runIn(database, sql);
    await run("CREATE SECRET p AS 'one'; CREATE SECRET n AS '1'");
    await run(
      "CREATE TABLE l (id int PRIMARY KEY, name text) WITH (connector = 'there', password = SECRET p, port = SECRET n)",
    );
    const table = must(database.catalog.find('public', 'l', []));
    const runtime = must(database.lookups.of(table.id));
    const asking = new LookupAsking(database, runtime);
    const ask = async (id: number): Promise<void> => {
      runtime.want([[id]]);
      expect(await asking.step()).toBe('answered');
    };
    await ask(1);
    await ask(2);
    await run("ALTER SECRET p AS 'two'");
    await ask(3);
    expect(told).toEqual(['one', 'one', 'two']);
    expect(await failureOf(database, "ALTER SECRET n AS 'x'")).toContain('22023');
    expect(runtime.config.options.get('port')).toBe('1');
    expect(await failureOf(database, 'DROP SECRET p')).toContain('table l depends on secret p');
    await asking.close();
    database.close();
  });
});
