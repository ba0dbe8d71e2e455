/** Avro: what avsc writes is what is read, for any values; schemas older and newer; poison. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Jsonb } from '../../../common/jsonb.ts';
import { printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { columnsOf, configOf, decode, message } from './support.ts';

const seed = 20261121;
const directory = mkdtempSync(join(tmpdir(), 'millrace-avro-'));
let files = 0;

function location(schema: unknown): string {
  const path = join(directory, `${files++}.avsc`);
  writeFileSync(path, JSON.stringify(schema));
  return path;
}

const longs = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(n);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

function typeOf(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, {
    wrapUnions: false,
    registry: { long: longs },
  });
}

const point = {
  type: 'record',
  name: 'Point',
  fields: [
    { name: 'x', type: 'int' },
    { name: 'label', type: ['null', 'string'] },
  ],
};
const schema = {
  type: 'record',
  name: 'All',
  namespace: 'a.b',
  fields: [
    { name: 'i', type: 'int' },
    { name: 'l', type: ['null', 'long'] },
    { name: 'f', type: 'float' },
    { name: 'd', type: 'double' },
    { name: 'b', type: 'boolean' },
    { name: 's', type: 'string' },
    { name: 'y', type: 'bytes' },
    { name: 'e', type: { type: 'enum', name: 'Color', symbols: ['RED', 'GREEN'] } },
    { name: 'ignored', type: { type: 'array', items: { type: 'map', values: ['null', 'string'] } } },
    { name: 'm', type: { type: 'map', values: 'long' } },
    { name: 'a', type: { type: 'array', items: ['null', 'int'] } },
    { name: 'p', type: point },
    { name: 'q', type: ['null', 'Point'] },
  ],
};
const columns = columnsOf({
  q: { id: 'struct', fields: [{ name: 'label', type: types.text }] },
  i: types.int8,
  l: types.int8,
  f: types.float4,
  d: types.float8,
  b: types.bool,
  s: types.text,
  y: types.bytea,
  e: types.varchar,
  m: types.jsonb,
  a: arrayOf(types.int4),
  p: {
    id: 'struct',
    fields: [
      { name: 'x', type: types.int4 },
      { name: 'label', type: types.text },
    ],
  },
});
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\0', ''));
const pointValue = fc.record({ x: int, label: fc.option(text) });
const value = fc.record({
  i: int,
  l: fc.option(long),
  f: fc.float({ noNaN: true }),
  d: fc.double({ noNaN: true }),
  b: fc.boolean(),
  s: text,
  y: fc.uint8Array().map((b) => Buffer.from(b)),
  e: fc.constantFrom('RED', 'GREEN'),
  ignored: fc.array(fc.dictionary(text, fc.option(text))),
  m: fc.dictionary(
    fc.string({ maxLength: 3 }).map((s) => s.replaceAll('\0', '')),
    long,
  ),
  a: fc.array(fc.option(int)),
  p: pointValue,
  q: fc.option(pointValue),
});

const avroConfig = (of: unknown, more: Parameters<typeof configOf>[1] = {}, shape = columns) =>
  configOf(shape, { encode: 'AVRO', ...more, with: { 'schema.location': location(of) } });

describe('ENCODE AVRO', () => {
  it('reads what avsc writes', async () => {
    const type = typeOf(schema);
    const config = avroConfig(schema);
    await fc.assert(
      fc.asyncProperty(value, async (v) => {
        const { puts, fails } = await decode(config, [message(type.toBuffer(v))]);
        expect(fails).toEqual([]);
        const [q, i, l, f, d, b, s, y, e, m, a, p] = puts[0] ?? [];
        expect([q, i, l, f, d, b, s, e, p]).toEqual([
          v.q === null ? null : [v.q.label],
          BigInt(v.i),
          v.l,
          v.f,
          v.d,
          v.b,
          v.s,
          v.e,
          [v.p.x, v.p.label],
        ]);
        expect(Buffer.from(y as Uint8Array)).toEqual(v.y);
        expect(a).toEqual(new SqlArray(v.a));
        const printed = m instanceof Jsonb ? printJson(m.root) : '';
        expect(JSON.parse(printed.replace(/-?\d{16,}/g, '"$&"')) as unknown).toBeTypeOf('object');
        expect(Object.keys(v.m).every((k) => printed.includes(`${JSON.stringify(k)}: ${v.m[k]}`))).toBe(true);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('reads logical types exactly', async () => {
    const logical = (type: string, logicalType: string, more = {}) => ({ type, logicalType, ...more });
    const of = {
      type: 'record',
      name: 'L',
      fields: [
        { name: 'ts', type: logical('long', 'timestamp-millis') },
        { name: 'us', type: logical('long', 'timestamp-micros') },
        { name: 'lo', type: logical('long', 'local-timestamp-micros') },
        { name: 'd', type: logical('int', 'date') },
        { name: 'tm', type: logical('int', 'time-millis') },
        { name: 'n', type: logical('bytes', 'decimal', { precision: 10, scale: 2 }) },
        { name: 'u', type: logical('string', 'uuid') },
        { name: 'dbz', type: { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' } },
      ],
    };
    const shape = columnsOf({
      ts: types.timestamptz,
      us: types.timestamptz,
      lo: types.timestamp,
      d: types.date,
      tm: types.time,
      n: { id: 'numeric', precision: 10, scale: 2 },
      u: types.uuid,
      dbz: types.timestamp,
    });
    const bytes = typeOf(of).toBuffer({
      ts: 1700000000123,
      us: 1700000000123456,
      lo: -1,
      d: 19000,
      tm: 1500,
      n: Buffer.from([0xff, 0x85]),
      u: '6F9619FF-8B86-D011-B42D-00C04FC964FF',
      dbz: 1700000000123456,
    });
    const { puts } = await decode(avroConfig(of, {}, shape), [message(bytes)]);
    expect(puts).toEqual([
      [
        1700000000123000n,
        1700000000123456n,
        -1n,
        19000,
        1500000n,
        new Decimal(-123n, 2),
        '6f9619ff-8b86-d011-b42d-00c04fc964ff',
        1700000000123456n,
      ],
    ]);
  });

  it('refuses what the rules of resolution do not allow, and makes it NULL where told to', async () => {
    const of = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'string' },
        { name: 'b', type: 'long' },
      ],
    };
    const shape = columnsOf({ a: types.int4, b: types.int8 });
    const bytes = typeOf(of).toBuffer({ a: 'x', b: 7n });
    const refused = await decode(avroConfig(of, {}, shape), [message(bytes)]);
    expect(refused.fails).toEqual([
      { state: '42804', field: 'a', message: 'field "a": Avro string cannot be read as integer' },
    ]);
    const nulled = await decode(avroConfig(of, { onError: 'null' }, shape), [message(bytes)]);
    expect(nulled.puts).toEqual([[null, 7n]]);
    expect(nulled.nulled).toEqual(['a: 42804']);
  });

  it('tells fields that are not the columns', async () => {
    const of = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'int' },
        { name: 'x', type: 'int' },
      ],
    };
    const shape = columnsOf({ a: types.int4, b: types.int8 });
    const bytes = typeOf(of).toBuffer({ a: 1, x: 2 });
    const { drift, puts } = await decode(avroConfig(of, {}, shape), [message(bytes), message(bytes)]);
    expect(drift).toEqual(['unknown field x', 'missing field b']);
    expect(puts).toHaveLength(2);
  });

  it('survives counts that promise more than there is', async () => {
    const of = (items: unknown) => ({
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: { type: 'array', items } }],
    });
    const huge = Buffer.from('feffffffffffffffff01', 'hex');
    for (const items of ['null', 'int', 'string', { type: 'array', items: 'null' }]) {
      const shape = columnsOf({ a: types.jsonb });
      const { fails } = await decode(avroConfig(of(items), {}, shape), [
        message(huge),
        message(Buffer.alloc(0)),
      ]);
      expect(fails.map((f) => f.state)).toEqual(['22P03', '22P03']);
    }
  });

  it('reads Debezium envelopes', async () => {
    const row = {
      type: 'record',
      name: 'Value',
      fields: [
        { name: 'id', type: 'int' },
        { name: 'v', type: ['null', 'string'] },
      ],
    };
    const of = {
      type: 'record',
      name: 'Envelope',
      fields: [
        { name: 'before', type: ['null', row] },
        { name: 'after', type: ['null', 'Value'] },
        { name: 'op', type: 'string' },
        { name: 'ts_ms', type: ['null', 'long'] },
      ],
    };
    const type = typeOf(of);
    const shape = columnsOf({ id: types.int4, v: types.text });
    const change = (before: unknown, after: unknown, op: string) =>
      message(type.toBuffer({ before, after, op, ts_ms: 1n }));
    const config = avroConfig(of, { format: 'DEBEZIUM', key: [0] }, shape);
    const { puts, removes, fails } = await decode(config, [
      change(null, { id: 1, v: 'a' }, 'c'),
      change({ id: 1, v: 'a' }, { id: 1, v: 'b' }, 'u'),
      change({ id: 1, v: null }, null, 'd'),
      change(null, null, 't'),
    ]);
    expect(puts).toEqual([
      [1, 'a'],
      [1, 'b'],
    ]);
    expect(removes).toEqual([[1, null]]);
    expect(fails.map((f) => f.state)).toEqual(['0A000']);
  });
});

const recursive: DataType = types.jsonb;
describe('Avro records within themselves', () => {
  it('are documents', async () => {
    const of = {
      type: 'record',
      name: 'T',
      fields: [
        {
          name: 'n',
          type: {
            type: 'record',
            name: 'N',
            fields: [
              { name: 'v', type: 'int' },
              { name: 'next', type: ['null', 'N'] },
            ],
          },
        },
      ],
    };
    const bytes = typeOf(of).toBuffer({ n: { v: 1, next: { v: 2, next: null } } });
    const { puts } = await decode(avroConfig(of, {}, columnsOf({ n: recursive })), [message(bytes)]);
    const [n] = puts[0] ?? [];
    expect(n instanceof Jsonb ? printJson(n.root) : '').toBe('{"v": 1, "next": {"v": 2, "next": null}}');
  });
});
