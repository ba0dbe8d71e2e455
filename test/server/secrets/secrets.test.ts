/** CREATE, ALTER, DROP SECRET: names, who uses them, and what connectors are told. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import type { Database } from '../../../server/database.ts';
import { createDatabase, realEnvironment } from '../../../server/serve.ts';
import { failureOf, runIn, Target } from './support.ts';

async function withDatabase(
  body: (tools: {
    readonly database: Database;
    readonly target: Target;
    readonly run: (sql: string) => Promise<readonly (readonly unknown[])[]>;
    readonly failure: (sql: string) => Promise<string>;
  }) => Promise<void>,
): Promise<void> {
  const target = new Target();
  const database = createDatabase({ ...realEnvironment(), sinks: [target.connector] });
  try {
    await body({
      database,
      target,
      run: (sql) => runIn(database, sql),
      failure: (sql) => failureOf(database, sql),
    });
  } finally {
    database.close();
  }
}

const SINK = "CREATE SINK k FROM t WITH (connector = 'target'";

describe('secrets', () => {
  it('have names of their own in schemas', () =>
    withDatabase(async ({ run, failure }) => {
      await run("CREATE SCHEMA s; CREATE SECRET a WITH (backend = 'meta') AS '1'; CREATE SECRET s.a AS '2'");
      await run('CREATE TABLE a (x int)');
      expect(await failure("CREATE SECRET a AS '3'")).toBe('42710 secret "a" already exists @14');
      await run("CREATE SECRET IF NOT EXISTS a AS '3'");
      expect(await run('SHOW SECRETS')).toEqual([['a']]);
      expect(await run('SHOW SECRETS FROM s')).toEqual([['a']]);
      expect(
        await run('SELECT schema, name, owner, used_by FROM millrace_catalog.secrets ORDER BY 1'),
      ).toEqual([
        ['public', 'a', 'root', expect.anything()],
        ['s', 'a', 'root', expect.anything()],
      ]);
      expect(await run('SELECT count(*) FROM rw_catalog.rw_secrets')).toEqual([[2n]]);
      expect(await failure("CREATE SECRET n.a AS '3'")).toBe('3F000 schema "n" does not exist @14');
      expect(await failure("CREATE SECRET b WITH (backend = 'sealed') AS '3'")).toBe(
        '22023 invalid value for option "backend": "sealed" @22',
      );
      expect(await failure("CREATE SECRET b WITH (backend = 'hashicorp_vault') AS '3'")).toContain('0A000');
      expect(await failure("CREATE SECRET b WITH (other = 'x') AS '3'")).toBe(
        '22023 unknown option "other" for a secret @22',
      );
      expect(await failure('DROP SECRET b')).toBe('42704 secret "b" does not exist @12');
      await run('DROP SECRET IF EXISTS b');
      expect(await failure("ALTER SECRET b AS 'x'")).toBe('42704 secret "b" does not exist @13');
      expect(await failure('ALTER SCHEMA s RENAME TO r')).toContain('0A000');
      expect(await failure('DROP SCHEMA s')).toContain('2BP01');
      await run('DROP SCHEMA s CASCADE; DROP SECRET a');
      expect(await run('SHOW SECRETS')).toEqual([]);
    }));

  it('are told to connectors, and kept while they are used', () =>
    withDatabase(async ({ run, failure, target }) => {
      await run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET p AS 'one'; CREATE SECRET q AS 'two'");
      expect(await failure(`${SINK}, headers.x = SECRET nobody)`)).toBe(
        '42704 secret "nobody" does not exist @68',
      );
      await run(
        `${SINK}, headers.x = SECRET p) FORMAT UPSERT ENCODE JSON (schema.registry.password = SECRET public.q)`,
      );
      const opened = must(target.opened.at(-1));
      expect(opened.options.get('headers.x')).toBe('one');
      expect(opened.encodeOptions.get('schema.registry.password')).toBe('two');
      // Also where the option is not a secret by itself, and in what is said of it.
      const url = "CREATE SINK n FROM t WITH (connector = 'target', ca.location = SECRET p, port = SECRET";
      expect(await failure(`${url} q)`)).toBe('22023 invalid value for option "port": "***"');
      await run(`CREATE SECRET number AS '7'; ${url} number)`);
      expect(
        await run("SELECT array_to_string(options, ' ') FROM millrace_catalog.sinks WHERE name = 'n'"),
      ).toEqual([['port=*** ca.location=***']]);
      await run('DROP SINK n');
      expect(await run("SELECT used_by[1] FROM millrace_catalog.secrets WHERE name = 'q'")).toEqual([
        ['public.k'],
      ]);
      expect(await failure('DROP SECRET p')).toBe(
        '2BP01 cannot drop secret p because other objects depend on it / sink k depends on secret p',
      );
      await run('DROP SECRET p CASCADE');
      expect(await run('SHOW SINKS')).toEqual([]);
      await run('DROP SECRET q');
    }));

  it('take effect again when they are altered', () =>
    withDatabase(async ({ run, failure, database }) => {
      await run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET p AS '1'; CREATE SECRET q AS 'two'");
      await run(`${SINK}, headers.x = SECRET q, port = SECRET p)`);
      const sink = must(database.sinks.list()[0]);
      await run("ALTER SECRET q AS 'three'");
      expect(sink.runtime.reopen).toBe(true);
      expect(sink.runtime.shape.options.get('headers.x')).toBe('three');
      // A value that the option cannot have changes nothing.
      expect(await failure("ALTER SECRET p AS 'x'")).toContain('22023 invalid value for option "port"');
      expect(sink.runtime.shape.options.get('port')).toBe('1');
      expect(database.secrets.find('public', 'p', [])?.value).toBe('1');
      await run('ALTER SINK k CONNECTOR WITH (port = 7, headers.x = SECRET p)');
      expect(sink.sql).toContain('headers.x = SECRET public.p');
      expect(sink.runtime.shape.options.get('headers.x')).toBe('1');
      await run('DROP SECRET q');
      expect(await failure('DROP SECRET p')).toContain('2BP01');
      await run('ALTER SECRET p OWNER TO root; COMMENT ON SECRET p IS $$of the port$$');
      expect(database.catalog.comment(must(database.secrets.find('public', 'p', [])).id)).toBe('of the port');
    }));

  it('can be files of their own', () =>
    withDatabase(async ({ run, target, database }) => {
      await run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET c AS 'PEM'");
      await run(`${SINK}, ca.location = SECRET c AS FILE)`);
      const path = must(target.opened.at(-1)?.options.get('ca.location'));
      expect(readFileSync(path, 'utf8')).toBe('PEM');
      expect(statSync(path).mode & 0o777).toBe(0o600);
      await run("ALTER SECRET c AS 'NEW'");
      expect(readFileSync(path, 'utf8')).toBe('NEW');
      await run('DROP SECRET c CASCADE');
      expect(existsSync(path)).toBe(false);
      database.close();
    }));

  it('cannot be dropped under a statement that connects with them', () =>
    withDatabase(async ({ run, failure, target }) => {
      await run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET p AS '1'");
      let goOn = (): void => {};
      const waiting = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const { open } = target.connector;
      let begun = (): void => {};
      const opening = new Promise<void>((resolve) => {
        begun = resolve;
      });
      Object.assign(target.connector, {
        open: async (...args: Parameters<typeof open>) => {
          begun();
          await waiting;
          return open(...args);
        },
      });
      const making = run(`${SINK}, headers.x = SECRET p)`);
      await opening;
      expect(await failure('DROP SECRET p')).toContain('55006');
      goOn();
      await making;
      expect(await failure('DROP SECRET p')).toContain('2BP01');
    }));
});
