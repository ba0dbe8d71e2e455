/**
 * Avro and Protobuf from a broker and a schema registry to SQL and back: columns from the registry, schemas that change while a
 * source runs, messages that nobody can read, a registry that goes away, and what sinks write read by sources.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { schemaHeader } from '../../../connector/registry/wireFormat.ts';
import type { KafkaServer } from '../../../scripts/servers/kafka.ts';
import { schemaRegistry } from '../../../scripts/servers/registry.ts';
import { freePort, type ServerProcess } from '../../../scripts/servers/server.ts';
import { CuttingProxy } from '../../harness/cuttingProxy.ts';
import { createTopic, produce } from '../../harness/kafka.ts';
import { root } from '../../harness/server.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { useSqlServer } from './sqlServer.ts';

const kafka = useKafka();
const sql = useSqlServer(kafka);
let registry: ServerProcess | null = null;

beforeAll(async () => {
  if (schemaRegistry.installed()) registry = await schemaRegistry.start();
}, 180_000);
afterAll(() => registry?.close());

interface Servers {
  readonly broker: KafkaServer;
  readonly schemas: ServerProcess;
  /** `(schema.registry = '...')`. */
  readonly at: string;
}

/** A test with both; without them it ends, unless they are required. */
function withServers(name: string, test: (servers: Servers) => Promise<void>): void {
  it(name, async () => {
    const broker = kafka();
    if (registry === null || broker === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, `needs ${schemaRegistry.needs}`).not.toBe('1');
      return;
    }
    await test({ broker, schemas: registry, at: `(schema.registry = '${registry.url}')` });
  }, 120_000);
}

async function register(url: string, subject: string, schema: object | string): Promise<number> {
  const isText = typeof schema === 'string';
  const body = isText ? { schemaType: 'PROTOBUF', schema } : { schema: JSON.stringify(schema) };
  const response = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(body),
  });
  const { id } = (await response.json()) as { readonly id?: number };
  expect(id).toBeTypeOf('number');
  return id ?? 0;
}

const record = (...fields: readonly object[]) => ({ type: 'record', name: 'Bid', namespace: 'shop', fields });

/** A message as Confluent's serializers write it. */
const framed = (id: number, schema: object, value: unknown): Buffer =>
  Buffer.concat([
    schemaHeader(id),
    avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true }).toBuffer(value),
  ]);

const id = { name: 'id', type: 'int' };
const key = { type: 'record', name: 'BidKey', namespace: 'shop', fields: [id] };

withServers('infers columns, and reads what schemas have become', async ({ broker, schemas, at }) => {
  await createTopic(broker, 'evolving', 1);
  const promoted = [
    { name: 'id', type: 'long' },
    { name: 'currency', type: 'string', default: 'EUR' },
  ];
  const one = record(id, { name: 'price', type: 'int' }, { name: 'note', type: 'string', default: '-' });
  const two = record(
    ...promoted,
    { name: 'price', type: 'int' },
    { name: 'note', type: 'string', default: '-' },
  );
  // A field less, a wider type.
  const three = record(...promoted, { name: 'price', type: 'double' });
  const first = await register(schemas.url, 'evolving-value', one);
  const second = await register(schemas.url, 'evolving-value', two);
  const send = (n: number, schema: object, value: object) =>
    produce(broker, 'evolving', [{ value: framed(n, schema, value) }]);
  await send(first, one, { id: 1, price: 10, note: 'a' });
  await sql.run(`CREATE SOURCE evolving ${sql.withKafka('evolving')} FORMAT PLAIN ENCODE AVRO ${at}`);
  await sql.run('CREATE MATERIALIZED VIEW all_bids AS SELECT * FROM evolving');
  const all = 'SELECT id, currency, price, note FROM all_bids ORDER BY id';
  await sql.expectRows(all, ['1 | EUR | 10 | a']);
  await send(second, two, { id: 2, currency: 'CHF', price: 20, note: 'b' });
  await sql.expectRows(all, ['1 | EUR | 10 | a', '2 | CHF | 20 | b']);
  const third = await register(schemas.url, 'evolving-value', three);
  await send(third, record(...promoted, { name: 'price', type: 'double' }), {
    id: 3,
    currency: 'USD',
    price: 30,
  });
  // `price` was inferred as integer: a double is none, and the letter says so. What follows in the older schemas still comes.
  await send(first, one, { id: 4, price: 40, note: 'd' });
  await send(second, two, { id: 5_000_000_000, currency: 'CHF', price: 50, note: 'e' });
  await sql.expectRows(all, [
    '1 | EUR | 10 | a',
    '2 | CHF | 20 | b',
    '4 | EUR | 40 | d',
    '5000000000 | CHF | 50 | e',
  ]);
  await sql.expectRows('SELECT position, field FROM millrace_dead.evolving', ['2 | price']);
  // A source made now has the columns of now, and reads all that was written.
  await sql.run(`CREATE SOURCE evolved ${sql.withKafka('evolving')} FORMAT PLAIN ENCODE AVRO ${at}`);
  await sql.expectRows('SELECT id, currency, price FROM evolved ORDER BY id', [
    '1 | EUR | 10',
    '2 | CHF | 20',
    '3 | USD | 30',
    '4 | EUR | 40',
    '5000000000 | CHF | 50',
  ]);
});

withServers('takes defaults of a schema that comes while it runs', async ({ broker, schemas, at }) => {
  await createTopic(broker, 'late', 1);
  const one = record(id);
  const two = record(id, { name: 'currency', type: 'string', default: 'EUR' });
  const first = await register(schemas.url, 'late-value', one);
  await produce(broker, 'late', [{ value: framed(first, one, { id: 1 }) }]);
  await sql.run(
    `CREATE SOURCE late (id int, currency text) ${sql.withKafka('late')} FORMAT PLAIN ENCODE AVRO ${at}`,
  );
  await sql.expectRows('SELECT * FROM late', ['1 | null']);
  const second = await register(schemas.url, 'late-value', two);
  await produce(broker, 'late', [
    { value: framed(second, two, { id: 2, currency: 'CHF' }) },
    { value: framed(first, one, { id: 3 }) },
  ]);
  await sql.expectRows('SELECT * FROM late ORDER BY id', ['1 | null', '2 | CHF', '3 | EUR']);
});

withServers('keeps rows by the keys of messages; poison is filed', async ({ broker, schemas, at }) => {
  await createTopic(broker, 'bids', 2);
  const schema = record(
    { name: 'bidder', type: ['null', 'string'], default: null },
    { name: 'id', type: 'int' },
  );
  const value = await register(schemas.url, 'bids-value', schema);
  const keyId = await register(schemas.url, 'bids-key', key);
  const bid = (n: number, bidder: string | null) => ({
    key: framed(keyId, key, { id: n }),
    value: framed(value, schema, { id: n, bidder: bidder === null ? null : { string: bidder } }),
  });
  await produce(broker, 'bids', [
    bid(1, 'ann'),
    bid(2, 'bob'),
    { key: framed(keyId, key, { id: 3 }), value: Buffer.from('{"id": 3}') },
    {
      key: framed(keyId, key, { id: 3 }),
      value: framed(value, schema, { id: 3, bidder: null }).subarray(0, 5),
    },
    { value: framed(4711, schema, { id: 3, bidder: null }) },
    { key: Buffer.from('x'), value: null },
    { key: framed(keyId, key, { id: 2 }), value: null },
    bid(1, null),
  ]);
  await sql.run(
    `CREATE TABLE bids (*, PRIMARY KEY (id)) ${sql.withKafka('bids')} FORMAT UPSERT ENCODE AVRO ${at}`,
  );
  await sql.expectRows('SELECT id, bidder FROM bids', ['1 | null']);
  await sql.expectRows('SELECT position, outcome FROM millrace_dead.bids ORDER BY id', [
    '2 | skipped',
    '3 | skipped',
    '4 | skipped',
    '5 | skipped',
  ]);
});

withServers("follows Debezium's changes in Avro", async ({ broker, schemas, at }) => {
  await createTopic(broker, 'changes', 1);
  const row = record(id, { name: 'price', type: { type: 'int', 'connect.name': 'int' } });
  const envelope = {
    type: 'record',
    name: 'Envelope',
    namespace: 'dbz',
    fields: [
      { name: 'before', type: ['null', row], default: null },
      { name: 'after', type: ['null', 'shop.Bid'], default: null },
      { name: 'op', type: 'string' },
      { name: 'ts_ms', type: ['null', 'long'], default: null },
    ],
  };
  const value = await register(schemas.url, 'changes-value', envelope);
  const keyId = await register(schemas.url, 'changes-key', key);
  const change = (n: number, op: string, before: object | null, after: object | null) => {
    const wrapped = (r: object | null) => (r === null ? null : { 'shop.Bid': r });
    return {
      key: framed(keyId, key, { id: n }),
      value: framed(value, envelope, { op, before: wrapped(before), after: wrapped(after), ts_ms: null }),
    };
  };
  await produce(broker, 'changes', [
    change(1, 'c', null, { id: 1, price: 10 }),
    change(2, 'r', null, { id: 2, price: 20 }),
    change(1, 'u', { id: 1, price: 10 }, { id: 1, price: 11 }),
    change(2, 'd', { id: 2, price: 20 }, null),
    { key: framed(keyId, key, { id: 2 }), value: null },
  ]);
  await sql.run(
    `CREATE TABLE changes (*, PRIMARY KEY (id)) ${sql.withKafka('changes')} FORMAT DEBEZIUM ENCODE AVRO ${at}`,
  );
  await sql.expectRows('SELECT id, price FROM changes', ['1 | 11']);
});

withServers('waits for a registry that is away, and loses nothing', async ({ broker, schemas }) => {
  await createTopic(broker, 'waiting', 1);
  const proxy = await CuttingProxy.start(schemas.port);
  try {
    const schema = record(id);
    const known = await register(schemas.url, 'waiting-value', schema);
    await produce(broker, 'waiting', [{ value: framed(known, schema, { id: 1 }) }]);
    const url = schemas.url.replace(String(schemas.port), String(proxy.port));
    await sql.run(
      `CREATE SOURCE waiting (id int) ${sql.withKafka('waiting')} FORMAT PLAIN ENCODE AVRO
       (schema.registry = '${url}', schema.registry.retries = '0')`,
    );
    await sql.run('CREATE MATERIALIZED VIEW waited AS SELECT count(*) AS n, sum(id) AS ids FROM waiting');
    await sql.expectRows('SELECT * FROM waited', ['1 | 1']);
    proxy.to = await freePort();
    proxy.cut();
    const other = record(id, { name: 'more', type: 'string', default: '' });
    const unknown = await register(schemas.url, 'waiting-value', other);
    await produce(broker, 'waiting', [
      { value: framed(known, schema, { id: 2 }) },
      { value: framed(unknown, other, { id: 4, more: '' }) },
    ]);
    await sql.expectRows("SELECT state, failure FROM millrace_catalog.sources WHERE name = 'waiting'", [
      'paused | schema registry does not answer: ECONNRESET',
    ]);
    // A restart does not ask for more than there is.
    await sql.kill();
    await sql.start();
    proxy.to = schemas.port;
    await sql.expectRows('SELECT * FROM waited', ['3 | 7']);
    await sql.expectRows('SELECT count(*) FROM millrace_dead.waiting', ['0']);
  } finally {
    await proxy.close();
  }
});

withServers('reads Avro and Protobuf that sinks have written', async ({ broker, at }) => {
  await sql.run(
    'CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric(10, 2), at timestamptz)',
  );
  await sql.run(
    "INSERT INTO orders VALUES (1, 'ann', 10.50, '2024-01-02 03:04:05.678901Z'), (2, NULL, NULL, NULL)",
  );
  for (const encode of ['AVRO', 'PROTOBUF']) {
    const topic = `orders-${encode.toLowerCase()}`;
    await createTopic(broker, topic, 3);
    await sql.run(
      `CREATE SINK to_${encode} FROM orders WITH (connector = 'kafka', topic = '${topic}',
       properties.bootstrap.server = '${broker.url}') FORMAT UPSERT ENCODE ${encode} ${at}`,
    );
    await sql.run(
      `CREATE TABLE from_${encode} (*, PRIMARY KEY (id)) ${sql.withKafka(topic)} FORMAT UPSERT ENCODE ${encode} ${at}`,
    );
  }
  const read = (encode: string) =>
    `SELECT id, customer, amount::numeric, at::timestamptz AT TIME ZONE 'UTC' = '2024-01-02 03:04:05.678901' FROM from_${encode} ORDER BY id`;
  for (const encode of ['AVRO', 'PROTOBUF']) {
    await sql.expectRows(read(encode), ['1 | ann | 10.50 | true', '2 | null | null | null']);
  }
  await sql.run("UPDATE orders SET customer = 'Zoë' WHERE id = 2; DELETE FROM orders WHERE id = 1");
  for (const encode of ['AVRO', 'PROTOBUF']) await sql.expectRows(read(encode), ['2 | Zoë | null | null']);
});

withServers('infers columns of Protobuf, and reads newer messages', async ({ broker, schemas, at }) => {
  await createTopic(broker, 'proto', 1);
  const text = (more: string) => `syntax = "proto3"; package shop; message Bid { int32 id = 1; ${more} }`;
  const message = (n: number, more: string, value: object): Buffer => {
    const type = protobuf.parse(text(more), { keepCase: true }).root.lookupType('shop.Bid');
    // The first message of the schema: index 0, written as a single 0.
    return Buffer.concat([schemaHeader(n), Buffer.from([0]), type.encode(type.create(value)).finish()]);
  };
  const old = 'string bidder = 2; optional int32 price = 3; optional int32 size = 5;';
  const now = 'optional int64 price = 3; repeated string tags = 4; optional int64 size = 5;';
  const first = await register(schemas.url, 'proto-value', text(old));
  const bid = { id: 1, bidder: 'ann', price: 10, size: 1 };
  await produce(broker, 'proto', [{ value: message(first, old, bid) }]);
  // Wide enough for what comes: a column that is named is not inferred.
  await sql.run(
    `CREATE SOURCE proto (*, price bigint, size bigint) ${sql.withKafka('proto')} FORMAT PLAIN ENCODE PROTOBUF ${at}`,
  );
  await sql.run(`CREATE SOURCE narrow ${sql.withKafka('proto')} FORMAT PLAIN ENCODE PROTOBUF ${at}`);
  const rows = (source: string) => `SELECT id, bidder, price FROM ${source} ORDER BY id`;
  await sql.expectRows(rows('proto'), ['1 | ann | 10']);
  const second = await register(schemas.url, 'proto-value', text(`${now} reserved 2;`));
  await produce(broker, 'proto', [
    { value: message(second, now, { id: 2, tags: ['x'], price: 5_000_000_000 }) },
    { value: message(first, old, { ...bid, id: 3 }) },
    { value: Buffer.concat([schemaHeader(first), Buffer.from([0, 0xff])]) },
  ]);
  await sql.expectRows(rows('proto'), ['1 | ann | 10', '2 | null | 5000000000', '3 | ann | 10']);
  await sql.expectRows('SELECT position FROM millrace_dead.proto', ['3']);
  await sql.expectRows(rows('narrow'), ['1 | ann | 10', '3 | ann | 10']);
  await sql.expectRows('SELECT position, field FROM millrace_dead.narrow ORDER BY id', [
    '1 | price',
    '3 | null',
  ]);
});

withServers('the statements of docs/connectors/formats.md', async ({ broker, schemas }) => {
  await createTopic(broker, 'orders', 1);
  const schema = record(
    { name: 'id', type: 'long' },
    { name: 'currency', type: 'string' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
  );
  const value = await register(schemas.url, 'orders-value', schema);
  const order = { id: 1, currency: 'CHF', price: Buffer.from([0x04, 0xd2]), at: 1_700_000_000_000_000 };
  await produce(broker, 'orders', [{ key: '1', value: framed(value, schema, order) }]);
  const page = readFileSync(join(root, 'docs/connectors/formats.md'), 'utf8');
  const statements = [...page.matchAll(/^```sql\n(.*?)^```/gms)].map(([, block = '']) => block);
  expect(statements.length).toBe(2);
  for (const statement of statements) {
    await sql.run(
      'DROP SINK IF EXISTS to_avro; DROP SINK IF EXISTS to_protobuf; DROP TABLE IF EXISTS orders CASCADE',
    );
    expect(statement).toContain('127.0.0.1:9092');
    await sql.run(
      statement.replace('127.0.0.1:9092', broker.url).replace('http://127.0.0.1:8081', schemas.url),
    );
    await sql.expectRows(
      "SELECT id, currency, price, at AT TIME ZONE 'UTC' = '2023-11-14 22:13:20' FROM orders",
      ['1 | CHF | 12.34 | true'],
    );
  }
});

withServers('says at once what is wrong', async ({ broker, schemas }) => {
  await createTopic(broker, 'wrong', 1);
  const failure = async (clause: string, columns = '(id int)'): Promise<unknown> =>
    sql.run(`CREATE SOURCE wrong ${columns} ${sql.withKafka('wrong')} ${clause}`).then(
      () => null,
      (error: unknown) => error,
    );
  const avroAt = (url: string) => `FORMAT PLAIN ENCODE AVRO (schema.registry = '${url}')`;
  expect(await failure('FORMAT PLAIN ENCODE AVRO')).toMatchObject({
    code: '22023',
    message: 'ENCODE AVRO needs one of the options "schema.registry" and "schema.location"',
  });
  expect(await failure(avroAt('http://127.0.0.1:1'))).toMatchObject({
    code: '08001',
    message: 'schema registry does not answer: ECONNREFUSED',
  });
  expect(await failure(avroAt(new URL(schemas.url).origin))).toMatchObject({
    code: '08001',
    message: 'schema registry does not answer: HTTP 404, there is no schema registry at this address',
  });
  expect(await failure(avroAt(schemas.url), '')).toMatchObject({
    code: '42P16',
    message: 'columns cannot be inferred: the schema registry has no subject "wrong-value"',
  });
  expect(await failure('FORMAT PLAIN ENCODE BYTES', '(a int, b int)')).toMatchObject({ code: '42P16' });
  expect(await failure('')).toMatchObject({
    code: '42601',
    message: 'connector kafka needs a FORMAT clause',
  });
  await sql.expectRows("SELECT count(*) FROM millrace_catalog.sources WHERE name = 'wrong'", ['0']);
});

withServers(
  'fills a column that is added from the schemas that have its field',
  async ({ broker, schemas, at }) => {
    await createTopic(broker, 'widening', 1);
    const price = { name: 'price', type: 'int' };
    const narrow = record(id, price);
    const wide = record(id, price, { name: 'currency', type: 'string', default: 'EUR' });
    const first = await register(schemas.url, 'widening-value', narrow);
    const second = await register(schemas.url, 'widening-value', wide);
    const send = (n: number, schema: object, value: object) =>
      produce(broker, 'widening', [{ value: framed(n, schema, value) }]);
    await sql.run(
      `CREATE SOURCE widening (id int, price int) ${sql.withKafka('widening')} FORMAT PLAIN ENCODE AVRO ${at}`,
    );
    await send(first, narrow, { id: 1, price: 10 });
    await send(second, wide, { id: 2, price: 20, currency: 'USD' });
    await sql.expectRows('SELECT id, price FROM widening ORDER BY id', ['1 | 10', '2 | 20']);
    await sql.run('ALTER SOURCE widening ADD COLUMN currency text');
    await send(second, wide, { id: 3, price: 30, currency: 'GBP' });
    await sql.run('ALTER SOURCE widening DROP COLUMN price');
    await send(second, wide, { id: 4, price: 40, currency: 'USD' });
    const rows = ['1 | null', '2 | null', '3 | GBP', '4 | USD'];
    await sql.expectRows('SELECT id, currency FROM widening ORDER BY id', rows);
    await sql.kill();
    await sql.start();
    await send(first, narrow, { id: 5, price: 50 });
    await sql.expectRows('SELECT id, currency FROM widening ORDER BY id', [...rows, '5 | EUR']);
  },
);
