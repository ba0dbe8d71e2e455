/**
 * What sinks write as bytes is what sources read: every type with NULLs and the ends of its range, every encoding of keys beside every
 * one of values, and Debezium's envelope in Avro and Protobuf, also as other libraries read it.
 */
import avro from 'avsc';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type Column, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { Row } from '../../../common/value.ts';
import { type ByteRecord, openByteEncoder } from '../../../connector/encoders/byteEncoder.ts';
import { KEY_ENCODE } from '../../../connector/encoders/encoder.ts';
import { inferColumns } from '../../../connector/formats/infer.ts';
import type { MessageConfig } from '../../../connector/formats/message.ts';
import { createMessageDecoder } from '../../../connector/formats/messageDecoder.ts';
import { registryClient } from '../../../connector/registry/client.ts';
import { schemaId } from '../../../connector/registry/wireFormat.ts';
import type { SinkChange, SinkConfig } from '../../../connector/sink.ts';
import { configOf, decode, message } from '../formats/support.ts';
import { allTypeCases, columnsOfCases, flatTypeCases, rowsOfCases, shown, typeCases } from './everyType.ts';
import { useRegistry } from './registry.ts';

const registry = useRegistry();

function sink(
  url: string,
  columns: readonly Column[],
  given: Partial<SinkConfig> & { readonly with?: Readonly<Record<string, string>> },
): SinkConfig {
  const { with: options = {}, ...rest } = given;
  return {
    identity: 'i',
    name: 'orders',
    options: new Map(),
    columns,
    key: [0],
    format: 'UPSERT',
    encode: 'AVRO',
    ...rest,
    encodeOptions: new Map([['schema.registry', url], ...Object.entries(options)]),
  };
}

function source(
  url: string,
  columns: readonly Column[],
  given: Partial<Omit<MessageConfig, 'options'>> & { readonly with?: Readonly<Record<string, string>> },
): MessageConfig {
  const needs = [given.encode, given.keyEncode].some((e) => e === 'AVRO' || e === 'PROTOBUF');
  return configOf(columns, {
    key: [0],
    format: 'UPSERT',
    ...given,
    with: { ...(needs ? { 'schema.registry': url } : {}), ...given.with },
  });
}

const came = (row: Row): SinkChange => ({ before: null, after: row });
const batchOf = (changes: readonly SinkChange[]) => ({ epoch: 7n, at: 1_500_000n, first: 0, changes });
const messages = (records: readonly ByteRecord[]) =>
  records.map(({ key, value }, i) => message(value, key, i));

describe('values of every type', () => {
  const cases = [
    {
      encode: 'JSON',
      types: [...allTypeCases, ...flatTypeCases],
      write: { 'jsonb.handling.mode': 'dynamic' },
      read: { 'bytea.handling.mode': 'base64' },
    },
    { encode: 'AVRO', types: allTypeCases, write: {}, read: {} },
    { encode: 'PROTOBUF', types: typeCases, write: {}, read: {} },
  ] as const;
  for (const { encode, types: chosen, write, read } of cases) {
    for (const format of ['UPSERT', 'DEBEZIUM'] as const) {
      it(`${format} ${encode}`, async () => {
        const url = registry();
        if (url === null) return;
        const topic = `types-${format}-${encode}`.toLowerCase();
        const columns = columnsOfCases(chosen);
        const rows = rowsOfCases(chosen);
        const encoder = await openByteEncoder(sink(url, columns, { encode, format, with: write }), topic);
        const records = encoder.records(batchOf(rows.map(came)));
        const { puts, fails } = await decode(
          source(url, columns, { encode, format, topic, with: read }),
          messages(records),
        );
        expect(fails).toEqual([]);
        const expected = rows.map((row) =>
          shown(row, columns).map((text, i) => {
            // JSON's null within JSON is no value; a repeated field is there without values.
            if (encode === 'JSON') return text.replace(/^jb: null$/, 'jb: NULL');
            if (encode !== 'PROTOBUF') return text;
            const within = text.replaceAll('(,,,)', '(,,{},)');
            return columns[i]?.type.id === 'array' ? within.replace(/: NULL$/, ': {}') : within;
          }),
        );
        expect(puts.map((row) => shown(row, columns))).toEqual(expected);
      }, 30_000);
    }
  }

  it('that an encoding has no form for are refused by the name of the column', async () => {
    const url = registry();
    if (url === null) return;
    const numeric = { id: 'numeric', precision: 12, scale: 2 } as const;
    const columns: readonly Column[] = [
      { name: 'id', type: types.int4, nullable: false },
      { name: 'price', type: numeric, nullable: true },
    ];
    const encoder = await openByteEncoder(sink(url, columns, {}), 'refused');
    const nan = () => encoder.records(batchOf([came([1, Decimal.parse('NaN')])]));
    expect(nan).toThrow('column "price": NaN is no Avro decimal');
    for (const encode of ['AVRO', 'PROTOBUF']) {
      const [case0] = flatTypeCases;
      const flat = columnsOfCases(case0 === undefined ? [] : [case0]);
      const arrays = await openByteEncoder(sink(url, flat, { encode }), `refused-${encode.toLowerCase()}`);
      expect(() => arrays.records(batchOf(rowsOfCases([must(case0)]).map(came)))).toThrow(
        'column "f2": an array has 2 dimensions, and its type one',
      );
    }
    // What was begun is gone.
    const [record] = encoder.records(batchOf([came([1, Decimal.parse('1.5')])]));
    const { puts } = await decode(
      source(url, columns, { encode: 'AVRO', topic: 'refused' }),
      messages([must(record)]),
    );
    expect(puts.map((row) => shown(row, columns))).toEqual([['id: 1', 'price: 1.50']]);
  });
});

describe('KEY ENCODE', () => {
  const columns: readonly Column[] = [
    { name: 'id', type: types.bytea, nullable: false },
    { name: 'v', type: types.text, nullable: true },
  ];
  const row: Row = [new Uint8Array([1, 0, 255]), 'x'];
  for (const encode of ['JSON', 'AVRO', 'PROTOBUF']) {
    for (const keyEncode of ['JSON', 'TEXT', 'BYTES', 'AVRO', 'PROTOBUF']) {
      it(`${keyEncode} with ENCODE ${encode}`, async () => {
        const url = registry();
        if (url === null) return;
        const topic = `key-${keyEncode}-${encode}`.toLowerCase();
        const encoder = await openByteEncoder(
          sink(url, columns, { encode, with: { [KEY_ENCODE]: keyEncode } }),
          topic,
        );
        const changes: readonly SinkChange[] = [came(row), { before: row, after: null }];
        const records = encoder.records(batchOf(changes));
        expect(records[1]?.value).toBe(null);
        if (keyEncode === 'BYTES') expect(records[0]?.key).toEqual(row[0]);
        if (keyEncode === 'TEXT') expect(Buffer.from(must(records[0]?.key)).toString()).toBe('\\x0100ff');
        const base64 = { 'bytea.handling.mode': 'base64' };
        const { puts, removes, fails } = await decode(
          source(url, columns, {
            encode,
            keyEncode,
            topic,
            ...([encode, keyEncode].includes('JSON') ? { with: base64 } : {}),
          }),
          messages(records),
        );
        expect(fails).toEqual([]);
        expect(puts).toEqual([row]);
        expect(removes).toEqual([[row[0], null]]);
      }, 30_000);
    }
  }

  it('goes with every format', async () => {
    const url = registry();
    if (url === null) return;
    for (const [format, keys] of [
      ['PLAIN', 1],
      ['UPSERT', 2],
      ['DEBEZIUM', 2],
    ] as const) {
      const encoder = await openByteEncoder(
        sink(url, columns, { encode: 'JSON', format, with: { [KEY_ENCODE]: 'BYTES' } }),
        `key-${format}`,
      );
      const records = encoder.records(batchOf([came(row), { before: row, after: null }]));
      expect(records.map(({ key }) => key)).toEqual(Array.from({ length: keys }, () => row[0]));
    }
  });

  it('needs a key that it can write', async () => {
    const url = registry();
    if (url === null) return;
    const open = (keyEncode: string, given: Partial<SinkConfig>) =>
      openByteEncoder(
        sink(url, columns, { encode: 'JSON', ...given, with: { [KEY_ENCODE]: keyEncode } }),
        'x',
      );
    await expect(open('BYTES', { key: [1] })).rejects.toMatchObject({
      state: '42804',
      message: 'column "v" is of type text, not bytea',
    });
    await expect(open('BYTES', { key: [0, 1] })).rejects.toMatchObject({ state: '42P16' });
    for (const keyEncode of ['JSON', 'AVRO', 'TEXT']) {
      await expect(open(keyEncode, { key: null, format: 'PLAIN' })).rejects.toMatchObject({
        state: '42P16',
        message: `KEY ENCODE ${keyEncode} needs a key`,
      });
    }
  });
});

it('a source of rows without keys does not take KEY ENCODE', () => {
  const columns: readonly Column[] = [{ name: 'id', type: types.int4, nullable: true }];
  expect(() => createMessageDecoder(configOf(columns, { keyEncode: 'TEXT' }))).toThrow(
    'KEY ENCODE with FORMAT PLAIN is not supported',
  );
});

const orders: readonly Column[] = [
  { name: 'id', type: types.int8, nullable: false },
  { name: 'title', type: types.text, nullable: true },
];
const changes: readonly SinkChange[] = [
  { before: null, after: [2n ** 60n, 'a'] },
  { before: [2n ** 60n, 'a'], after: [2n ** 60n, null] },
  { before: [2n ** 60n, null], after: null },
];

describe('FORMAT DEBEZIUM', () => {
  for (const encode of ['AVRO', 'PROTOBUF']) {
    it(`${encode}: sources read the changes, and the columns`, async () => {
      const url = registry();
      if (url === null) return;
      const topic = `shop.${encode.toLowerCase()}-orders`;
      const encoder = await openByteEncoder(sink(url, orders, { encode, format: 'DEBEZIUM' }), topic);
      const records = encoder.records(batchOf(changes));
      const config = source(url, orders, { encode, format: 'DEBEZIUM', topic });
      const { puts, removes, fails, drift } = await decode(config, messages(records));
      expect(fails).toEqual([]);
      expect(drift).toEqual([]);
      expect(puts).toEqual([
        [2n ** 60n, 'a'],
        [2n ** 60n, null],
      ]);
      expect(removes).toEqual([[2n ** 60n, null]]);
      const inferred = await inferColumns({
        format: 'DEBEZIUM',
        encode,
        topic,
        options: config.options,
        sample: () => Promise.resolve([]),
      });
      expect(inferred).toEqual([
        { name: 'id', type: types.int8 },
        { name: 'title', type: types.text },
      ]);
      // Another column comes, and old messages are still read.
      const wider = [...orders, { name: 'extra', type: types.int4, nullable: true }];
      const later = await openByteEncoder(sink(url, wider, { encode, format: 'DEBEZIUM' }), topic);
      const mixed = await decode(source(url, wider, { encode, format: 'DEBEZIUM', topic }), [
        ...messages(records.slice(0, 1)),
        ...messages(later.records(batchOf([came([1n, 'b', 5])]))),
      ]);
      expect(mixed.puts).toEqual([
        [2n ** 60n, 'a', null],
        [1n, 'b', 5],
      ]);
    }, 30_000);
  }

  it('AVRO: subjects and records are named as Debezium names them, and avsc reads them', async () => {
    const url = registry();
    if (url === null) return;
    const topic = 'shop.public.avsc-orders';
    const encoder = await openByteEncoder(sink(url, orders, { format: 'DEBEZIUM' }), topic);
    const [first, second, third] = encoder.records(batchOf(changes));
    const client = registryClient(new Map([['schema.registry', url]]));
    const value = must(await client.latest(`${topic}-value`));
    const key = must(await client.latest(`${topic}-key`));
    expect(JSON.parse(value.schema)).toMatchObject({ name: 'shop.public.avsc_orders.Envelope' });
    expect(JSON.parse(key.schema)).toMatchObject({ name: 'shop.public.avsc_orders.Key' });
    expect(value.schema).toContain('"shop.public.avsc_orders.Value"');
    const long = avro.types.LongType.__with({
      fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
      toBuffer: () => Buffer.alloc(8),
      fromJSON: BigInt,
      toJSON: String,
      isValid: (n: unknown) => typeof n === 'bigint',
      compare: () => 0,
    });
    const read = (schema: string, bytes: Uint8Array | null | undefined): unknown =>
      avro.Type.forSchema(JSON.parse(schema) as avro.Schema, {
        registry: { long },
        wrapUnions: false,
      }).fromBuffer(Buffer.from(must(bytes)).subarray(5));
    const shared = { source: { connector: 'millrace', name: 'orders', version: 7n }, ts_ms: 1500n };
    const id = 2n ** 60n;
    expect(schemaId(must(first?.value))).toBe(value.id);
    expect(read(value.schema, first?.value)).toEqual({
      ...shared,
      before: null,
      after: { id, title: 'a' },
      op: 'c',
    });
    expect(read(value.schema, second?.value)).toEqual({
      ...shared,
      before: { id, title: 'a' },
      after: { id, title: null },
      op: 'u',
    });
    expect(read(value.schema, third?.value)).toEqual({
      ...shared,
      before: { id, title: null },
      after: null,
      op: 'd',
    });
    expect(read(key.schema, third?.key)).toEqual({ id });
  }, 30_000);

  it('PROTOBUF: an envelope message that protobufjs reads', async () => {
    const url = registry();
    if (url === null) return;
    const topic = 'shop.proto-orders';
    const encoder = await openByteEncoder(
      sink(url, orders, { encode: 'PROTOBUF', format: 'DEBEZIUM' }),
      topic,
    );
    const [, second] = encoder.records(batchOf(changes));
    const client = registryClient(new Map([['schema.registry', url]]));
    const { schema } = must(await client.latest(`${topic}-value`));
    const { root } = protobuf.parse(schema, { keepCase: true });
    const envelope = root.lookupType('shop.proto_orders.Envelope');
    const read = envelope.decode(Buffer.from(must(second?.value)).subarray(6));
    expect(envelope.toObject(read, { longs: String })).toEqual({
      before: { id: String(2n ** 60n), title: 'a' },
      after: { id: String(2n ** 60n) },
      source: { connector: 'millrace', name: 'orders', version: '7' },
      op: 'u',
      ts_ms: '1500',
    });
  }, 30_000);

  it('a message that is no envelope is a failure', async () => {
    const url = registry();
    if (url === null) return;
    for (const encode of ['AVRO', 'PROTOBUF']) {
      const topic = `rows-${encode.toLowerCase()}`;
      const encoder = await openByteEncoder(sink(url, orders, { encode }), topic);
      const records = encoder.records(batchOf([came([1n, 'a'])]));
      const { fails } = await decode(
        source(url, orders, { encode, format: 'DEBEZIUM', topic }),
        messages(records),
      );
      expect(fails).toMatchObject([
        { state: '42804', message: expect.stringContaining('not a Debezium envelope') },
      ]);
    }
  });
});
