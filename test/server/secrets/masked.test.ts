/** What is written in plain text is shown nowhere, and stays complete for a restart; a new value reaches what is running. */
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPlainSecret, isSecretOption, shownValue } from '../../../connector/secretOptions.ts';
import { shownSql } from '../../../server/secrets/shownSql.ts';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';

describe('what may be shown', () => {
  it('of options', () => {
    const secret = ['password', 'token', 'hmac.secret', 'redis.password', 'nkey', 'tls.client_key'];
    secret.push('properties.sasl.password', 'properties.ssl.key.password', 'schema.registry.password');
    secret.push('headers.Authorization', 'HEADERS.x');
    expect(secret.filter((name) => !isSecretOption(name))).toEqual([]);
    expect(['host', 'user', 'topic', 'properties.ssl.ca.location'].filter(isSecretOption)).toEqual([]);
    expect(shownValue('redis.url', 'rediss://u:p@w@host:1/2')).toBe('rediss://***@host:1/2');
    expect(shownValue('server_url', 'nats://a:b@h,nats://c:d@i')).toBe('nats://***@h,nats://***@i');
    expect(shownValue('url', 'https://host/a@b')).toBe('https://host/a@b');
    expect(isPlainSecret('headers.accept', 'x')).toBe(false);
    expect(isPlainSecret('headers.authorization', 'x')).toBe(true);
    expect(isPlainSecret('tls.client_key', '/etc/key.pem')).toBe(false);
    expect(isPlainSecret('url', 'redis://:p@h')).toBe(true);
    expect(isPlainSecret('url', 'redis://h')).toBe(false);
  });

  it('of statements', () => {
    const shown: readonly (readonly [string, string])[] = [
      [
        "CREATE SOURCE s WITH (connector = 'kafka', \"properties.sasl.password\"  =  'a''b', topic = 'password')",
        "CREATE SOURCE s WITH (connector = 'kafka', \"properties.sasl.password\"  =  '***', topic = 'password')",
      ],
      [
        "CREATE SINK k FROM t WITH (connector = 'redis', redis.url = 'redis://:p@h:1', redis.password = SECRET x) FORMAT UPSERT ENCODE JSON (schema.registry.password = 'q')",
        "CREATE SINK k FROM t WITH (connector = 'redis', redis.url = 'redis://***@h:1', redis.password = SECRET x) FORMAT UPSERT ENCODE JSON (schema.registry.password = '***')",
      ],
      [
        "SELECT 1; ALTER SINK k CONNECTOR WITH (password = 'x'); SELECT 2",
        "SELECT 1; ALTER SINK k CONNECTOR WITH (password = '***'); SELECT 2",
      ],
      ["create secret a.b as 'x'", "CREATE SECRET a.b AS '***'"],
      ["ALTER SECRET b WITH (backend = 'meta') AS 'x'", "ALTER SECRET b WITH (backend = 'meta') AS '***'"],
      ["SELECT 'connector' AS password", "SELECT 'connector' AS password"],
    ];
    expect(shown.map(([sql]) => shownSql(sql))).toEqual(shown.map(([, text]) => text));
  });
});

describe('a server', () => {
  const directory = temporaryDirectory('masked');
  let server: InProcessServer;
  let client: Connection;
  let target: Server;
  const seen: string[] = [];
  let url = '';

  async function connect(): Promise<void> {
    server = await startInProcess(directory.path);
    client = new Connection(server.url);
    await client.client.connect();
  }

  beforeAll(async () => {
    target = createServer((request, response) => {
      seen.push(request.headers.authorization ?? '');
      request.resume().on('end', () => response.end());
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', () => resolve()));
    const address = target.address();
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
    await connect();
  }, 60_000);

  afterAll(async () => {
    await client?.end();
    await server?.close();
    target.close();
    rmSync(directory.path, { recursive: true, force: true });
  });

  const post = async (table: string, token: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${server.httpPort}/webhook/dev/public/${table}`, {
      method: 'POST',
      body: '{"a": 1}',
      headers: { authorization: `Bearer ${token}` },
    });
    return response.status;
  };

  it('shows no plain secret, says that there is a better way, and has it after a restart', async () => {
    await client.tags("CREATE TABLE plain (a int) WITH (connector = 'webhook', token = 'open-sesame')");
    expect(client.notices).toEqual(['00000 option "token" is a secret in plain text']);
    const everything: string[] = [];
    for (const relation of [
      'millrace_catalog.relations',
      'millrace_catalog.sources',
      'rw_catalog.rw_relations',
      'rw_catalog.rw_relation_info',
      'rw_catalog.rw_tables',
      'rw_catalog.rw_sources',
      'pg_catalog.pg_stat_activity',
    ]) {
      everything.push(...(await client.rows(`SELECT * FROM ${relation}`)).map((row) => row.join(' ')));
    }
    everything.push(...(await client.rows('SHOW CREATE TABLE plain')).map((row) => row.join(' ')));
    everything.push(await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text());
    expect(everything.filter((text) => text.includes('open-sesame'))).toEqual([]);
    expect(everything.join('\n')).toContain("token = '***'");
    expect(
      (
        await client.failure(
          "CREATE TABLE n (a int) WITH (connector = 'webhook', token = 'open-sesame', x = 1)",
        )
      )?.message,
    ).not.toContain('open-sesame');
    await client.end();
    await server.close();
    await connect();
    expect(await post('plain', 'open-sesame')).toBe(200);
    expect(await post('plain', '***')).toBe(401);
  });

  it('takes secrets for what comes and what goes, and new values at once', async () => {
    await client.tags("CREATE SECRET tok WITH (backend = 'meta') AS 'one'; CREATE SECRET auth AS 'Bearer 1'");
    await client.tags("CREATE TABLE inbox (a int) WITH (connector = 'webhook', token = SECRET tok)");
    await client.tags(
      `CREATE SINK outbox FROM inbox WITH (connector = 'http', url = '${url}', headers.authorization = SECRET auth, force_append_only = 'true') FORMAT PLAIN ENCODE JSON`,
    );
    expect(await client.value('SHOW CREATE TABLE inbox')).toBe('public.inbox');
    expect((await client.rows('SHOW CREATE TABLE inbox'))[0]?.[1]).toContain('token = SECRET tok');
    const delivered = async (authorization: string): Promise<void> => {
      for (let i = 0; i < 400 && seen.at(-1) !== authorization; i++) await sleep(25);
      expect(seen.at(-1)).toBe(authorization);
    };
    expect(await post('inbox', 'one')).toBe(200);
    await delivered('Bearer 1');
    await client.tags("ALTER SECRET tok AS 'two'; ALTER SECRET auth AS 'Bearer 2'");
    expect(await post('inbox', 'one')).toBe(401);
    expect(await post('inbox', 'two')).toBe(200);
    await delivered('Bearer 2');
    await client.end();
    await server.close();
    await connect();
    expect(await post('inbox', 'two')).toBe(200);
    expect(await client.state('DROP SECRET tok')).toBe('2BP01');
    await client.tags('DROP SECRET tok CASCADE; DROP SECRET auth');
    expect(await client.rows('SHOW SECRETS')).toEqual([]);
  });
});
