/** A real schema registry: schemas by id and subject, evolution of Avro and Protobuf, inference, what sinks write, and failures. */
import avro from 'avsc';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayOf, type Column, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import type { Row } from '../../../common/value.ts';
import { openByteEncoder } from '../../../connector/encoders/byteEncoder.ts';
import { checkEncodeOptions } from '../../../connector/formats/encodes.ts';
import { inferColumns } from '../../../connector/formats/infer.ts';
import { registryClient } from '../../../connector/registry/client.ts';
import { schemaHeader } from '../../../connector/registry/wireFormat.ts';
import { schemaRegistry } from '../../../scripts/servers/registry.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { columnsOf, configOf, decode, message } from '../formats/support.ts';

let server: ServerProcess | null = null;

beforeAll(async () => {
  if (schemaRegistry.installed()) server = await schemaRegistry.start();
}, 180_000);
afterAll(() => server?.close());

/** Runs with the registry; without one the test ends, unless servers are required. */
function withRegistry(test: (url: string) => Promise<void>): () => Promise<void> {
  return async () => {
    if (server === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, `needs ${schemaRegistry.needs}`).not.toBe('1');
      return;
    }
    await test(server.url);
  };
}

async function register(
  url: string,
  subject: string,
  body: Readonly<Record<string, unknown>>,
): Promise<number> {
  const response = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { readonly id?: number };
  expect(answer.id).toBeTypeOf('number');
  return answer.id ?? 0;
}

const framed = (id: number, bytes: Uint8Array): Uint8Array => Buffer.concat([schemaHeader(id), bytes]);
const record = (fields: readonly unknown[]) => ({ type: 'record', name: 'Order', namespace: 'shop', fields });
const v1 = record([{ name: 'id', type: 'int' }]);
const v2 = record([
  { name: 'id', type: 'long' },
  { name: 'currency', type: 'string', default: 'EUR' },
  { name: 'note', type: ['null', 'string'], default: null },
]);

describe('a schema registry', () => {
  it(
    'gives Avro of older and newer schemas, with defaults of the latest',
    withRegistry(async (url) => {
      const old = await register(url, 'orders-value', { schema: JSON.stringify(v1) });
      const now = await register(url, 'orders-value', { schema: JSON.stringify(v2) });
      const columns = columnsOf({ id: types.int8, currency: types.text });
      const config = configOf(columns, { encode: 'AVRO', topic: 'orders', with: { 'schema.registry': url } });
      const oldType = avro.Type.forSchema(v1 as avro.Schema);
      const newType = avro.Type.forSchema(v2 as avro.Schema);
      const { puts, fails, drift } = await decode(config, [
        message(framed(old, oldType.toBuffer({ id: 1 }))),
        message(framed(now, newType.toBuffer({ id: 2, currency: 'CHF', note: null }))),
        message(framed(now + 1000, Buffer.alloc(3))),
        message(Buffer.from('{"id":1}')),
      ]);
      expect(puts).toEqual([
        [1n, 'EUR'],
        [2n, 'CHF'],
      ]);
      expect(fails.map((f) => f.state)).toEqual(['22P03', '22P03']);
      expect(drift).toEqual(['schema changed value', 'unknown field note']);
    }),
    30_000,
  );

  it(
    'gives Protobuf with imports, nested types by their indexes, and well-known types',
    withRegistry(async (url) => {
      const common = 'syntax = "proto3"; package shop; enum Color { NONE = 0; RED = 1; }';
      await register(url, 'color', { schemaType: 'PROTOBUF', schema: common });
      const text = `syntax = "proto3"; package shop; import "color.proto"; import "google/protobuf/timestamp.proto";
        message Other { int32 x = 1; }
        message Outer { message Order { int64 id = 1; optional string note = 2; Color color = 3; repeated sint32 ns = 4;
          google.protobuf.Timestamp at = 5; map<string, uint64> counts = 6; Other other = 7; string name = 8; } }`;
      const references = [{ name: 'color.proto', subject: 'color', version: 1 }];
      const id = await register(url, 'proto-value', { schemaType: 'PROTOBUF', schema: text, references });
      const root = new protobuf.Root();
      protobuf.parse(common, root, { keepCase: true });
      protobuf.parse(text, root, { keepCase: true });
      root.addJSON(protobuf.common.get('google/protobuf/timestamp.proto')?.nested ?? {});
      const type = root.lookupType('shop.Outer.Order');
      const bytes = type
        .encode({
          id: 5,
          color: 1,
          ns: [-1, 2],
          at: { seconds: 1, nanos: 500_000_000 },
          counts: { a: 7 },
          other: { x: 3 },
        })
        .finish();
      const columns = columnsOf({
        id: types.int8,
        note: types.text,
        color: types.text,
        ns: arrayOf(types.int4),
        at: types.timestamptz,
        other: { id: 'struct', fields: [{ name: 'x', type: types.int4 }] },
        name: types.text,
      });
      const config = configOf(columns, { encode: 'PROTOBUF', with: { 'schema.registry': url } });
      // Two indexes, 1 and 0, in zigzag.
      const payload = framed(id, Buffer.concat([Buffer.from([4, 2, 0]), bytes]));
      const { puts, fails, drift } = await decode(config, [
        message(payload),
        message(payload.subarray(0, payload.length - 1)),
        message(framed(id, Buffer.from([4, 2, 9]))),
      ]);
      expect(puts).toEqual([[5n, null, 'RED', new SqlArray([-1, 2]), 1_500_000n, [3], '']]);
      expect(fails.map((f) => f.state)).toEqual(['22P03', '22P03']);
      expect(drift).toEqual(['unknown field counts']);
    }),
    30_000,
  );

  it(
    'tells the columns',
    withRegistry(async (url) => {
      const options = checkEncodeOptions('AVRO', new Map([['schema.registry', url]]));
      await register(url, 'told-value', { schema: JSON.stringify(v2) });
      const sample = () => Promise.resolve([]);
      expect(await inferColumns({ format: 'PLAIN', encode: 'AVRO', options, topic: 'told', sample })).toEqual(
        [
          { name: 'id', type: types.int8 },
          { name: 'currency', type: types.text },
          { name: 'note', type: types.text },
        ],
      );
      await expect(
        inferColumns({ format: 'PLAIN', encode: 'AVRO', options, topic: 'no', sample }),
      ).rejects.toThrow('no subject "no-value"');
    }),
    30_000,
  );
});

const sinkColumns: readonly Column[] = columnsOf({
  id: types.int8,
  name: types.text,
  price: { id: 'numeric', precision: 12, scale: 2 },
  free: types.numeric,
  at: types.timestamptz,
  local: types.timestamp,
  tags: arrayOf(types.text),
  s: { id: 'struct', fields: [{ name: 'x', type: types.int4 }] },
  b: types.bytea,
  f: types.float8,
  ok: types.bool,
});
const full: Row = [
  2n ** 62n,
  'é',
  new Decimal(-12345n, 2),
  new Decimal(1n, 5),
  -1n,
  1_700_000_000_123_456n,
  new SqlArray(['a', 'b']),
  [7],
  new Uint8Array([0, 255]),
  0.1,
  true,
];
const empty: Row = [1n, ...sinkColumns.slice(1).map(() => null)];

describe('sinks through a registry', () => {
  const sink = (url: string, encode: string, columns: readonly Column[]) => ({
    identity: 'i',
    name: 'orders',
    options: new Map<string, string>(),
    columns,
    key: [0],
    format: 'UPSERT' as const,
    encode,
    encodeOptions: new Map([['schema.registry', url]]),
  });
  for (const encode of ['AVRO', 'PROTOBUF']) {
    it(
      `${encode}: what is written is what is read, and columns may come and go`,
      withRegistry(async (url) => {
        const topic = `sink-${encode.toLowerCase()}`;
        const encoder = await openByteEncoder(sink(url, encode, sinkColumns), topic);
        const batch = { epoch: 1n, at: 0n, first: 0 };
        const written = encoder.records({
          ...batch,
          changes: [
            { before: null, after: full },
            { before: null, after: empty },
            { before: full, after: null },
          ],
        });
        const config = configOf(sinkColumns, {
          encode,
          topic,
          format: 'UPSERT',
          key: [0],
          with: { 'schema.registry': url },
        });
        const { puts, removes, fails } = await decode(
          config,
          written.map((r) => message(r.value, r.key)),
        );
        expect(fails).toEqual([]);
        expect(puts[0]).toEqual(full);
        const nothing = encode === 'PROTOBUF' ? empty.map((v, i) => (i === 6 ? new SqlArray([]) : v)) : empty;
        expect(puts[1]).toEqual(nothing);
        expect(removes.map((r) => r[0])).toEqual([2n ** 62n]);
        // A column goes, another comes: the schema is taken, and old messages are still read.
        const later = [...sinkColumns.filter((c) => c.name !== 'name'), ...columnsOf({ extra: types.int4 })];
        const again = await openByteEncoder(sink(url, encode, later), topic);
        const [next] = again.records({
          ...batch,
          changes: [{ before: null, after: [...empty.slice(1), 5] }],
        });
        expect(next?.value).toBeInstanceOf(Uint8Array);
        const mixed = await decode({ ...config, columns: later }, [
          message(written[0]?.value ?? null),
          message(
            again.records({
              ...batch,
              changes: [{ before: null, after: [3n, ...later.slice(2).map(() => null), 5] }],
            })[0]?.value ?? null,
          ),
        ]);
        expect(mixed.fails).toEqual([]);
        expect(mixed.puts.map((r) => [r[0], r[later.length - 1]])).toEqual([
          [2n ** 62n, null],
          [3n, 5],
        ]);
      }),
      30_000,
    );
  }
});

describe('a registry that does not do', () => {
  it('is an error of class 08 where nothing answers, without the password', async () => {
    const options = new Map([
      ['schema.registry', 'http://user:secret@127.0.0.1:1'],
      ['schema.registry.retries', '1'],
    ]);
    const failure: unknown = await registryClient(options)
      .byId(1)
      .catch((e: unknown) => e);
    expect(failure).toMatchObject({ state: '08001', detail: 'Tried http://127.0.0.1:1.' });
    const columns = columnsOf({ id: types.int4 });
    const config = configOf(columns, { encode: 'AVRO', with: Object.fromEntries(options) });
    await expect(decode(config, [message(framed(1, Buffer.alloc(1)))])).rejects.toMatchObject({
      state: '08001',
    });
  });

  it('is refused where its address is none', () => {
    expect(() => registryClient(new Map([['schema.registry', 'nowhere']]))).toThrow(
      'invalid value for option',
    );
    expect(() =>
      registryClient(
        new Map([
          ['schema.registry', 'http://x'],
          ['schema.registry.ca', '/no/such'],
        ]),
      ),
    ).toThrow('could not read');
  });
});
