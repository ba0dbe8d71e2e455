/**
 * Payloads as nobody should send them: every record is accounted for as a row, a removal or a failure, in order, and the next good
 * record is read as if nothing had been.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { arrayOf, types } from '../../../common/dataType.ts';
import type { MessageConfig } from '../../../connector/formats/message.ts';
import { createMessageDecoder } from '../../../connector/formats/messageDecoder.ts';
import type { RemoteRecord } from '../../../connector/remote.ts';
import { collector, columnsOf, configOf, message } from './support.ts';

const seed = 20261121;
const directory = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
const columns = columnsOf({
  id: types.int8,
  name: types.text,
  price: types.numeric,
  at: types.timestamptz,
  tags: arrayOf(types.varchar),
  place: {
    id: 'struct',
    fields: [
      { name: 'x', type: types.int4 },
      { name: 'y', type: types.float8 },
    ],
  },
  doc: types.jsonb,
});
const pair = columnsOf({ id: types.int8, name: types.text });

const json =
  '{"id":1,"name":"a\\u00e9","price":1.50,"at":"2024-01-01T00:00:00Z","tags":["x"],"place":{"x":1,"y":0.5},"doc":{"a":[1,null]}}';
const inner = {
  type: 'record',
  name: 'Place',
  fields: [
    { name: 'x', type: 'int' },
    { name: 'y', type: 'double' },
  ],
};
const avroSchema = {
  type: 'record',
  name: 'R',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'place', type: ['null', inner] },
    { name: 'doc', type: { type: 'map', values: { type: 'array', items: ['null', 'boolean'] } } },
  ],
};
const proto = `syntax = "proto3"; message R { int64 id = 1; optional string name = 2; string price = 3; repeated string tags = 5;
  Place place = 6; message Place { int32 x = 1; double y = 2; } map<string, Place> doc = 7; }`;

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const envelope = (op: string): string =>
  `{"schema":{"fields":[{"field":"after","fields":[{"field":"id","type":"int64"}]}]},"payload":{"before":null,"after":{"id":1,"name":"a"},"op":"${op}"}}`;

interface Case {
  readonly name: string;
  readonly config: MessageConfig;
  readonly good: Uint8Array;
}

const avroEnvelope = {
  type: 'record',
  name: 'Envelope',
  fields: [
    {
      name: 'before',
      type: [
        'null',
        {
          type: 'record',
          name: 'Value',
          fields: [
            { name: 'id', type: 'long' },
            { name: 'name', type: ['null', 'string'] },
          ],
        },
      ],
    },
    { name: 'after', type: ['null', 'Value'] },
    { name: 'op', type: 'string' },
    { name: 'ts_ms', type: ['null', 'long'] },
  ],
};
const protoEnvelope = `syntax = "proto3"; message Envelope { message Value { optional int64 id = 1; optional string name = 2; }
  Value before = 1; Value after = 2; string op = 4; int64 ts_ms = 5; } message Key { optional int64 id = 1; }`;

/** Debezium's envelopes in bytes. */
function envelopes(): readonly Case[] {
  const change = { before: { id: 1, name: 'a' }, after: { id: 1, name: 'b' }, op: 'u', ts_ms: 5 };
  const type = avro.Type.forSchema(avroEnvelope as avro.Schema, { wrapUnions: false });
  const location = file('envelope.avsc', JSON.stringify(avroEnvelope));
  const proto = protobuf.parse(protoEnvelope, { keepCase: true }).root.lookupType('Envelope');
  const options = {
    'schema.location': file('envelope.proto', protoEnvelope),
    message: 'Envelope',
    'key.message': 'Key',
  };
  const shape = { format: 'DEBEZIUM', key: [0] } as const;
  return [
    {
      name: 'DEBEZIUM AVRO',
      config: configOf(pair, { ...shape, encode: 'AVRO', with: { 'schema.location': location } }),
      good: type.toBuffer(change),
    },
    {
      name: 'DEBEZIUM PROTOBUF',
      config: configOf(pair, { ...shape, encode: 'PROTOBUF', with: options }),
      good: proto.encode(change).finish(),
    },
  ];
}

function cases(): readonly Case[] {
  const avroBytes = avro.Type.forSchema(avroSchema as avro.Schema).toBuffer({
    id: 1,
    name: 'a',
    price: Buffer.from([1, 2]),
    at: 5,
    tags: ['x', 'y'],
    place: { x: 1, y: 2 },
    doc: { a: [null, true] },
  });
  const protoType = protobuf.parse(proto, { keepCase: true }).root.lookupType('R');
  const protoBytes = protoType
    .encode({ id: 1, name: 'a', price: '1.5', tags: ['x'], place: { x: 1 }, doc: { a: { y: 2 } } })
    .finish();
  const avroOptions = { 'schema.location': file('r.avsc', JSON.stringify(avroSchema)) };
  const protoOptions = { 'schema.location': file('r.proto', proto), message: 'R' };
  return [
    { name: 'JSON', config: configOf(columns), good: Buffer.from(json) },
    {
      name: 'JSON, NULL for errors',
      config: configOf(columns, { onError: 'null' }),
      good: Buffer.from(json),
    },
    {
      name: 'UPSERT JSON',
      config: configOf(pair, { format: 'UPSERT', key: [0] }),
      good: Buffer.from('{"id":1,"name":"a"}'),
    },
    {
      name: 'DEBEZIUM JSON',
      config: configOf(pair, { format: 'DEBEZIUM', key: [0] }),
      good: Buffer.from(envelope('c')),
    },
    { name: 'CSV', config: configOf(pair, { encode: 'CSV' }), good: Buffer.from('1,"a"\r\n') },
    {
      name: 'TEXT',
      config: configOf(columnsOf({ d: types.date }), { encode: 'TEXT' }),
      good: Buffer.from('2024-01-01'),
    },
    { name: 'AVRO', config: configOf(columns, { encode: 'AVRO', with: avroOptions }), good: avroBytes },
    {
      name: 'AVRO, NULL for errors',
      config: configOf(columns, { encode: 'AVRO', onError: 'null', with: avroOptions }),
      good: avroBytes,
    },
    {
      name: 'PROTOBUF',
      config: configOf(columns, { encode: 'PROTOBUF', with: protoOptions }),
      good: protoBytes,
    },
    ...envelopes(),
  ];
}

/** What can befall bytes. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat({ max: 7 }) }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('random' as const), bytes: fc.uint8Array({ maxLength: 64 }) }),
  fc.record({ kind: fc.constant('double' as const) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(good: Uint8Array, how: Damage): Uint8Array {
  const bytes = Buffer.from(good);
  switch (how.kind) {
    case 'cut':
      return bytes.subarray(0, how.at % (bytes.length + 1));
    case 'flip': {
      const at = how.at % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << how.bit);
      return bytes;
    }
    case 'insert': {
      const at = how.at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), how.bytes, bytes.subarray(at)]);
    }
    case 'random':
      return how.bytes;
    case 'double':
      return Buffer.concat([bytes, bytes]);
  }
}

/** Each record ends in one thing, or in a removal and a row; the good ones in what they are by themselves. */
async function check(
  config: MessageConfig,
  records: readonly RemoteRecord[],
  good: ReadonlySet<string>,
): Promise<void> {
  const decoder = createMessageDecoder(config);
  const { outcome, out } = collector();
  await decoder.decode(records, out);
  const ends = records.map((r) => (outcome.of.get(r.offset) ?? []).join());
  expect(ends.filter((e) => !/^(put|remove|fail|remove,put)$/.test(e))).toEqual([]);
  expect(records.filter((r, i) => good.has(r.offset) && ends[i] !== 'put')).toEqual([]);
}

describe('damaged payloads', () => {
  for (const { name, config, good } of cases()) {
    it(`${name}: every record is accounted for`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.option(damage), { minLength: 1, maxLength: 8 }), async (damages) => {
          const whole = new Set<string>();
          const records = [...damages, null].map((how, i) => {
            if (how === null) whole.add(String(i));
            return message(how === null ? good : damaged(good, how), good, i);
          });
          await check(config, records, whole);
        }),
        { seed, numRuns: 400 },
      );
    });
  }

  it('deep and huge documents', async () => {
    const deep = (n: number): string => `{"id":1,"doc":${'['.repeat(n)}${']'.repeat(n)}}`;
    const objects = (n: number): string => `{"id":1,"x":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`;
    const texts = [
      deep(150),
      deep(1000),
      deep(100_000),
      objects(5000),
      objects(100_000),
      '['.repeat(200_000),
      '{"a":'.repeat(200_000),
      `{"id":1,"name":"${'x'.repeat(3_000_000)}"}`,
      `{"id":${'9'.repeat(100_000)}}`,
      `{"price":1e${'9'.repeat(300)}}`,
      `{"price":-1e-99999}`,
      `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":${i}`).join(',')},"id":7}`,
      `{"tags":[${'"a",'.repeat(50_000)}"b"]}`,
      '"\\ud800"',
      '{"name":"\\u0000"}',
    ];
    const records = [...texts.map((t, i) => message(t, null, i)), message(json, null, texts.length)];
    await check(configOf(columns), records, new Set([String(texts.length)]));
    await check(configOf(columns, { onError: 'null' }), records, new Set([String(texts.length)]));
    const changes = records.map((r, i) => message(i < texts.length ? r.value : envelope('c'), r.value, i));
    await check(configOf(pair, { format: 'DEBEZIUM', key: [0] }), changes, new Set([String(texts.length)]));
  });

  it('deep Protobuf and Avro', async () => {
    const location = file('deep.proto', 'syntax = "proto3"; message N { N n = 1; int32 v = 2; }');
    let bytes = Buffer.from([0x10, 1]);
    for (let i = 0; i < 500; i++) {
      const length: number[] = [];
      for (let n = bytes.length; ; n >>= 7) {
        length.push(n > 127 ? (n & 127) | 128 : n);
        if (n <= 127) break;
      }
      bytes = Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
    }
    const shape = columnsOf({ n: types.jsonb, v: types.int4 });
    const config = configOf(shape, { encode: 'PROTOBUF', with: { 'schema.location': location } });
    await check(config, [message(bytes, null, 0), message(Buffer.from([0x10, 1]), null, 1)], new Set(['1']));
    const node = {
      type: 'record',
      name: 'N',
      fields: [
        { name: 'v', type: 'int' },
        { name: 'n', type: ['null', 'N'] },
      ],
    };
    const avroConfig = configOf(shape, {
      encode: 'AVRO',
      with: { 'schema.location': file('deep.avsc', JSON.stringify(node)) },
    });
    const deep = Buffer.alloc(200_000, Buffer.from([2, 2]));
    await check(avroConfig, [message(deep, null, 0), message(Buffer.from([2, 0]), null, 1)], new Set(['1']));
  });
});
