/** Fixtures of the conformance suite of sources whose servers take long to start: Kafka and PostgreSQL. */
import { readFileSync, writeFileSync } from 'node:fs';
import { must } from '../../common/assert.ts';
import { kafka as kafkaKind, startKafka } from '../../scripts/servers/kafka.ts';
import { createTopic, produce } from '../harness/kafka.ts';
import { type PostgresServer, postgresBin } from '../harness/postgres.ts';
import { connectTo, leftovers, startUpstream } from '../server/cdc/support.ts';
import type { TextRow } from '../server/clients.ts';
import { SECRET, type SourceFixture } from './sourceFixtures.ts';

export const kafkaFixture: SourceFixture = {
  connector: 'kafka',
  missing: () => (kafkaKind.installed() ? null : kafkaKind.needs),
  start: async () => {
    const server = await startKafka({ users: [{ name: 'reader', password: SECRET }] });
    const saslUrl = must(server.saslUrl);
    return {
      kind: 'SOURCE',
      columns: 'id int, v int',
      clause: 'FORMAT PLAIN ENCODE JSON',
      options: (name) => ({
        topic: name,
        'properties.bootstrap.server': saslUrl,
        'properties.security.protocol': 'SASL_PLAINTEXT',
        'properties.sasl.username': 'reader',
        'properties.sasl.password': SECRET,
      }),
      prepare: (name) => createTopic(server, name),
      send: (name, texts) =>
        produce(
          server,
          name,
          texts.map((value) => ({ value })),
        ),
      unreachable: { 'properties.bootstrap.server': '127.0.0.1:1' },
      wrongPassword: { 'properties.sasl.password': `${SECRET}-wrong` },
      missing: { options: { topic: 'nowhere' }, state: '42704' },
      outage: { once: true, stop: () => server.kill(), start: () => server.start() },
      onFail: 'stops',
      garbage: 'not json',
      partition: () => '0',
      included: [
        { field: 'key', clause: 'key', type: 'bytea', value: /^\\x6b$/ },
        { field: 'timestamp', clause: 'timestamp', type: 'timestamp with time zone', value: /^2023-11-14/ },
        { field: 'partition', clause: 'partition', type: 'character varying', value: /^0$/ },
        { field: 'offset', clause: 'offset', type: 'character varying', value: /^0$/ },
        { field: 'header', clause: "header 'trace'", type: 'bytea', value: /^\\x7831$/ },
        {
          field: 'payload',
          clause: 'payload',
          type: 'jsonb',
          value: /^\{"v": 10, "id": 1\}$|^\{"id": 1, "v": 10\}$/,
        },
      ],
      sendRich: (name) =>
        produce(server, name, [
          { key: 'k', value: '{"id": 1, "v": 10}', timestamp: 1_700_000_000_500, headers: { trace: 'x1' } },
        ]),
      port: Number(saslUrl.split(':')[1]),
      close: () => server.close(),
    };
  },
};

async function there<T>(
  server: PostgresServer,
  act: (rows: (sql: string) => Promise<readonly TextRow[]>) => Promise<T>,
): Promise<T> {
  const connection = await connectTo(server.url('postgres'));
  try {
    return await act((sql) => connection.rows(sql));
  } finally {
    await connection.end();
  }
}

/** A PostgreSQL whose role `guarded` has the password; `root` needs none. */
export async function startGuarded(): Promise<PostgresServer> {
  const server = must(await startUpstream());
  await there(server, async (rows) => {
    const file = must((await rows('SHOW hba_file'))[0]?.[0]);
    const rule = 'host all guarded 127.0.0.1/32 scram-sha-256\n';
    writeFileSync(file, rule + readFileSync(file, 'utf8'));
    await rows(`CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '${SECRET}'; SELECT pg_reload_conf()`);
  });
  return server;
}

export const postgresNeeds = (): string | null =>
  postgresBin() === null ? 'the programs of a PostgreSQL server' : null;

export const cdcFixture: SourceFixture = {
  connector: 'postgres-cdc',
  missing: postgresNeeds,
  start: async () => {
    const server = await startGuarded();
    return {
      kind: 'TABLE',
      columns: 'id int PRIMARY KEY, v int',
      clause: '',
      options: (name) => ({
        hostname: '127.0.0.1',
        port: String(server.port),
        username: 'guarded',
        password: SECRET,
        'database.name': 'postgres',
        'table.name': `public.${name}`,
      }),
      prepare: async (name) => {
        await there(server, (rows) => rows(`CREATE TABLE ${name} (id int PRIMARY KEY, v int)`));
      },
      send: (name, texts) =>
        there(server, async (rows) => {
          for (const text of texts) {
            const { id, v } = JSON.parse(text) as { readonly id: number; readonly v: number };
            await rows(`INSERT INTO ${name} VALUES (${id}, ${v})`);
          }
        }),
      unreachable: { port: '1' },
      wrongPassword: { password: `${SECRET}-wrong` },
      missing: { options: { 'table.name': 'public.nowhere' }, state: '42P01' },
      outage: {
        once: true,
        stop: async () => server.stop('immediate'),
        start: async () => server.start(),
      },
      // A value comes as its column is there; what does not fit here is a change of the definition.
      onFail: null,
      garbage: null,
      partition: null,
      progress: (name) => ({
        sql: `SELECT t.state, s.state, s.paused_reason, s.applied_lsn IS NOT NULL, t.columns_not_taken
              FROM millrace_catalog.cdc_tables t JOIN millrace_catalog.cdc_sources s ON s.id = t.source_id WHERE t.name = '${name}'`,
        rows: [['streaming', 'streaming', null, 't', '{}']],
      }),
      included: [],
      port: server.port,
      leftovers: async () => {
        const connection = await connectTo(server.url('postgres'));
        try {
          return await leftovers(connection);
        } finally {
          await connection.end();
        }
      },
      close: async () => server.close(),
    };
  },
};

export const heavyFixtures: readonly SourceFixture[] = [kafkaFixture, cdcFixture];
