/** The example of docs/connectors/kafka-sink.md with a server and a real node, and KEY ENCODE. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { Connection } from '../../server/clients.ts';
import { consume, text } from './support.ts';

const node = useKafka();
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
});

afterAll(async () => {
  await client.end();
  await server.close();
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
  const [, sql = ''] = /```sql\n(.*?)```/s.exec(document) ?? [];
  const [, shown = ''] = /```text\n(.*?)```/s.exec(document) ?? [];
  const lines = shown.trim().split('\n');
  for (const statement of sql.replace('127.0.0.1:9092', broker.url).split(';')) {
    if (statement.trim() === '') continue;
    await client.tags(statement);
    // A reader who types sees each change; changes of one moment come as their net effect.
    if (/INSERT|DELETE/.test(statement)) await sleep(400);
  }
  expect([...(await records(broker.url, 'totals', lines.length))].sort()).toEqual(lines.toSorted());
}, 30_000);

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
  const other = await client.failure(
    `CREATE SINK bad FROM items WITH (${place}, topic = 'x') FORMAT UPSERT ENCODE JSON KEY ENCODE BYTES`,
  );
  expect([other?.code, other?.message]).toEqual(['0A000', 'KEY ENCODE BYTES is not supported']);
}, 30_000);
