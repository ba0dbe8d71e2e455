/** Sinks into Kafka of every type, made while their relation is empty: what their topics give back is what there is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { Connection } from '../../server/clients.ts';
import { columnList, insertsOfCases, type TypeCase, typeCases } from '../encoders/everyType.ts';
import { useRegistry } from '../encoders/registry.ts';

const node = useKafka();
const registry = useRegistry();
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
}, 60_000);

afterAll(async () => {
  await client.end();
  await server.close();
});

/** What comes back of a value, by its encoding: JSON's null within JSON is no value, repeated fields are never NULL. */
function expected(encode: string, { name, sql }: TypeCase, text: string | null): string | null {
  if (encode === 'JSON') return name === 'jb' && text === 'null' ? null : text;
  if (encode === 'AVRO') return text;
  if (sql.endsWith('[]')) return text === null ? '{}' : text.replaceAll('(,,,)', '(,,{},)');
  return text?.replaceAll('(,,,)', '(,,{},)') ?? null;
}

it.each([
  ['UPSERT', 'JSON'],
  ['UPSERT', 'AVRO'],
  ['UPSERT', 'PROTOBUF'],
  ['DEBEZIUM', 'JSON'],
  ['DEBEZIUM', 'AVRO'],
  ['DEBEZIUM', 'PROTOBUF'],
])(
  'FORMAT %s ENCODE %s',
  async (format, encode) => {
    const broker = node();
    const schemas = registry();
    if (broker === null || schemas === null) return;
    const name = `types_${format}_${encode}`.toLowerCase();
    const place = `connector = 'kafka', properties.bootstrap.server = '${broker.url}', topic = '${name}'`;
    const [write, read] =
      encode === 'JSON'
        ? ["jsonb.handling.mode = 'dynamic'", "bytea.handling.mode = 'base64'"]
        : [`schema.registry = '${schemas}'`, `schema.registry = '${schemas}'`];
    const columns = columnList(typeCases, 'id int PRIMARY KEY');
    await client.tags(`CREATE TABLE ${name} (${columns})`);
    await client.tags(
      `CREATE SINK ${name}_out FROM ${name} WITH (${place}, create.topic = 'true') FORMAT ${format} ENCODE ${encode} (${write})`,
    );
    await client.tags(
      `CREATE TABLE ${name}_back (${columns}) WITH (${place}) FORMAT ${format} ENCODE ${encode} (${read})`,
    );
    const inserts = insertsOfCases(name, typeCases);
    for (const insert of inserts) await client.tags(insert);
    // Each row changes once, and one goes.
    await client.tags(`UPDATE ${name} SET id = id + 100 WHERE id = 0`);
    const count = async (): Promise<string | null> => {
      const [row] = await client.rows(`SELECT count(*) FROM ${name}_back WHERE id > 0`);
      return row?.[0] ?? null;
    };
    for (let i = 0; i < 200 && (await count()) !== String(inserts.length); i++) await sleep(50);
    for (const c of typeCases) {
      const shown = (of: string) => client.rows(`SELECT id, ${c.name}::text FROM ${of} ORDER BY id`);
      const there = (await shown(name)).map(([id, text]) => [id, expected(encode, c, text ?? null)]);
      expect(await shown(`${name}_back`), c.sql).toEqual(there);
    }
    expect(await client.rows(`SELECT message FROM millrace_catalog.source_errors`)).toEqual([]);
  },
  60_000,
);
