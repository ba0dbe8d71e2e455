/** The example of docs/connectors/kafka-sink.md with a server and a real node, and KEY ENCODE. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schemaRegistry } from '../../../scripts/servers/registry.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { Connection } from '../../server/clients.ts';
import { sqlBlocks } from '../docs/sinkPages.ts';
import { consume, text } from './support.ts';

const node = useKafka();
let registry: ServerProcess | null = null;
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
  if (schemaRegistry.installed()) registry = await schemaRegistry.start();
}, 180_000);

afterAll(async () => {
  await client.end();
  await server.close();
  await registry?.close();
});

/** Key and value of each record of a topic, when there are so many. */
async function records(url: string, topic: string, count: number): Promise<readonly string[]> {
  for (let i = 0; ; i++) {
    const found = await consume(url, topic);
    if (found.length >= count || i > 100)
      return found.map(({ key, value }) => `${text(key)}\t${text(value)}`);
    await sleep(50);
  }
}

it('does what the document says', async () => {
  const broker = node();
  if (broker === null) return;
  const document = readFileSync(join(root, 'docs/connectors/kafka-sink.md'), 'utf8');
  const [sql = '', changes = ''] = sqlBlocks('kafka-sink.md');
  const [, shown = ''] = /```text\n(.*?)```/s.exec(document) ?? [];
  const lines = shown.trim().split('\n');
  for (const statement of sql.replace('127.0.0.1:9092', broker.url).split(';')) {
    if (statement.trim() === '') continue;
    await client.tags(statement);
    // A reader who types sees each change; changes of one moment come as their net effect.
    if (/INSERT|DELETE/.test(statement)) await sleep(400);
  }
  expect([...(await records(broker.url, 'totals', lines.length))].sort()).toEqual(lines.toSorted());
  if (registry === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, schemaRegistry.needs).not.toBe('1');
    return;
  }
  const here = changes.replace('127.0.0.1:9092', broker.url).replace('http://127.0.0.1:8081', registry.url);
  await client.tags(here);
  const keys = (await records(broker.url, 'totals.changes', 1)).map((record) => record.split('\t')[0]);
  expect(keys).toEqual(['ann']);
  await client.tags('DROP SINK totals_out');
  await client.tags('DROP SINK totals_changes');
}, 30_000);

it.each([
  ['UPSERT', 'AVRO', ''],
  ['UPSERT', 'PROTOBUF', ''],
  ['UPSERT', 'AVRO', 'KEY ENCODE JSON'],
  ['UPSERT', 'JSON', 'KEY ENCODE PROTOBUF'],
  ['DEBEZIUM', 'AVRO', ''],
  ['DEBEZIUM', 'PROTOBUF', ''],
  ['DEBEZIUM', 'AVRO', 'KEY ENCODE TEXT'],
])(
  'writes FORMAT %s ENCODE %s %s that the source reads back',
  async (kind, encode, keyEncode) => {
    const broker = node();
    if (broker === null) return;
    if (registry === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, schemaRegistry.needs).not.toBe('1');
      return;
    }
    const name = `books_${kind}_${encode}_${keyEncode.replaceAll(' ', '')}`.toLowerCase();
    const place = `connector = 'kafka', properties.bootstrap.server = '${broker.url}', topic = '${name}'`;
    const format = `FORMAT ${kind} ENCODE ${encode} (schema.registry = '${registry.url}', message = 'Book', key.message = 'BookKey') ${keyEncode}`;
    await client.tags(
      `CREATE TABLE ${name} (id int PRIMARY KEY, title varchar, price double precision, at timestamptz)`,
    );
    await client.tags(
      `INSERT INTO ${name} VALUES (1, 'one', 1.5, '2024-01-01 00:00:00.000001Z'), (2, NULL, NULL, NULL), (3, 'gone', 0, NULL)`,
    );
    await client.tags(
      `CREATE SINK ${name}_out FROM ${name} WITH (${place}, create.topic = 'true') ${format}`,
    );
    await client.tags(`DELETE FROM ${name} WHERE id = 3`);
    await client.tags(
      `CREATE TABLE ${name}_back (id int PRIMARY KEY, title varchar, price double precision, at timestamptz) WITH (${place}) ${format}`,
    );
    const rows = (of: string) => client.rows(`SELECT * FROM ${of} ORDER BY id`);
    for (let i = 0; i < 100 && (await rows(`${name}_back`)).length !== 2; i++) await sleep(50);
    await sleep(300);
    expect(await rows(`${name}_back`)).toEqual(await rows(name));
  },
  60_000,
);

it('writes keys as text', async () => {
  const broker = node();
  if (broker === null) return;
  await client.tags('CREATE TABLE items (id bigint PRIMARY KEY, v numeric)');
  const place = `connector = 'kafka', properties.bootstrap.server = '${broker.url}', create.topic = 'true'`;
  await client.tags(
    `CREATE SINK items_out FROM items WITH (${place}, topic = 'items') FORMAT UPSERT ENCODE JSON KEY ENCODE TEXT`,
  );
  await client.tags('INSERT INTO items VALUES (17, 2.50)');
  expect(await records(broker.url, 'items', 1)).toEqual(['17\t{"id":17,"v":"2.50"}']);
  await client.tags('CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))');
  const two = await client.failure(
    `CREATE SINK pairs_out FROM pairs WITH (${place}, topic = 'pairs') FORMAT UPSERT ENCODE JSON KEY ENCODE TEXT`,
  );
  expect([two?.code, two?.message]).toEqual(['42P16', 'KEY ENCODE TEXT needs a key of one column']);
  for (const [encode, ...expected] of [
    ['BYTES', '42804', 'column "id" is of type bigint, not bytea'],
    ['CSV', '0A000', 'KEY ENCODE CSV is not supported'],
    ['AVRO', '22023', 'ENCODE JSON needs the option "schema.registry"'],
  ]) {
    const failure = await client.failure(
      `CREATE SINK bad FROM items WITH (${place}, topic = 'x') FORMAT UPSERT ENCODE JSON KEY ENCODE ${encode}`,
    );
    expect([failure?.code, failure?.message]).toEqual(expected);
  }
}, 30_000);
