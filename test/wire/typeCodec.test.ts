import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import { arrayOf, type DataType, type StructType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, parseValue } from '../../common/textIo.ts';
import { TimeTz } from '../../common/timeTz.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { ByteWriter } from '../../wire/bytes.ts';
import { decodeParameter, encodeValue, typeModifier } from '../../wire/typeCodec.ts';
import { binaryVectors } from './binaryVectors.ts';
import { plainContext } from './fakeSession.ts';

const pair: StructType = {
  id: 'struct',
  fields: [
    { name: 'a', type: types.int4 },
    { name: 'b', type: types.text },
  ],
};

function typeNamed(name: string): DataType {
  if (name === 'struct') return pair;
  if (name.endsWith('[]')) return arrayOf(typeNamed(name.slice(0, -2)));
  return must(Object.values(types).find((type) => type.id === name));
}

function encode(value: NonNullValue, type: DataType, format: 0 | 1): Buffer {
  const out = new ByteWriter();
  encodeValue(out, value, type, format, plainContext);
  return out.take();
}

const decode = (bytes: Buffer, type: DataType, format: 0 | 1): Value =>
  decodeParameter(bytes, type, format, plainContext, 0);

function stateOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof SqlError ? `${error.state} ${error.message}` : String(error);
  }
  return 'no error';
}

describe('binary format', () => {
  it.each(binaryVectors)('%s %s is as PostgreSQL sends it', (name, text, hex) => {
    const type = typeNamed(name);
    const value = must(parseValue(text, type, plainContext));
    expect(encode(value, type, 1).toString('hex')).toBe(hex);
  });

  it.each(binaryVectors)('%s %s is read back', (name, text, hex) => {
    const type = typeNamed(name);
    const value = must(decode(Buffer.from(hex, 'hex'), type, 1));
    expect(formatValue(value, type, plainContext)).toBe(
      formatValue(must(parseValue(text, type, plainContext)), type, plainContext),
    );
  });

  it('cuts digits beyond the display scale, as PostgreSQL does', () => {
    // 1.2345 with scale 2.
    expect(String(decode(Buffer.from('00020000000000020001' + '0929', 'hex'), types.numeric, 1))).toBe(
      '1.23',
    );
  });
});

const anyText = fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0'));
const micros = fc.bigInt(-210_866_803_200_000_000n, 9_000_000_000_000_000_000n);
const values: readonly (readonly [DataType, fc.Arbitrary<NonNullValue>])[] = [
  [types.bool, fc.boolean()],
  [types.int2, fc.integer({ min: -32768, max: 32767 })],
  [types.int4, fc.integer()],
  [types.int8, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)],
  [types.float4, fc.float()],
  [types.float8, fc.double()],
  [
    types.numeric,
    fc.tuple(fc.bigInt(), fc.integer({ min: 0, max: 40 })).map(([c, scale]) => new Decimal(c, scale)),
  ],
  [types.text, anyText],
  [types.varchar, anyText],
  [types.bytea, fc.uint8Array()],
  [types.date, fc.integer({ min: -2440588, max: 2145042905 })],
  [types.time, fc.bigInt(0n, 86_400_000_000n)],
  [
    types.timetz,
    fc
      .tuple(fc.bigInt(0n, 86_399_999_999n), fc.integer({ min: -57599, max: 57599 }))
      .map(([m, offset]) => new TimeTz(m, offset)),
  ],
  [types.timestamp, micros],
  [types.timestamptz, micros],
  [
    types.interval,
    fc
      .tuple(
        fc.integer({ min: -100000, max: 100000 }),
        fc.integer({ min: -1000000, max: 1000000 }),
        fc.bigInt(-(2n ** 60n), 2n ** 60n),
      )
      .map(([m, d, u]) => new Interval(m, d, u)),
  ],
  [types.uuid, fc.uuid()],
  [types.oid, fc.integer({ min: 0, max: 0xffffffff })],
  [arrayOf(types.int4), fc.array(fc.option(fc.integer())).map((a) => new SqlArray(a))],
  [arrayOf(types.text), fc.array(fc.option(anyText)).map((a) => new SqlArray(a))],
  [pair, fc.tuple(fc.option(fc.integer()), fc.option(anyText)).map(([a, b]): NonNullValue => [a, b])],
];

describe('round trips', () => {
  it.each(values)('$id in both formats', (type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const text = formatValue(value, type, plainContext);
        for (const format of [0, 1] as const) {
          const back = must(decode(encode(value, type, format), type, format));
          expect(formatValue(back, type, plainContext)).toBe(text);
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it.each(values)('$id: random bytes give a value or a SqlError', (type) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decode(Buffer.from(bytes), type, 1);
        } catch (error) {
          expect(error).toBeInstanceOf(SqlError);
        }
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});

describe('malformed values', () => {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');
  it('names what is wrong', () => {
    const error = (bytes: string, type: DataType): string => stateOf(() => decode(hex(bytes), type, 1));
    expect(error('0000', types.int4)).toBe('08P01 insufficient data left in message');
    expect(error('0000000000', types.int4)).toBe('22P03 incorrect binary data format in bind parameter 1');
    expect(error('0001000000010000' + '0001', types.numeric)).toMatch(/^22P03 invalid sign/);
    expect(error('0001000000000000' + '2710', types.numeric)).toMatch(/^22P03 invalid digit/);
    expect(error('027b7d', types.jsonb)).toBe('22P03 unsupported jsonb version number 2');
    expect(error('017b', types.jsonb)).toMatch(/^22P02 invalid input syntax for type json/);
    expect(error('ff', types.text)).toBe('22021 invalid byte sequence for encoding "UTF8": 0xff');
    expect(error('ffffffffffffffff', types.time)).toBe('22008 time out of range');
    expect(error('7ffffffe', types.date)).toBe('22008 date out of range');
    expect(error('000000010000000000000019' + '0000000000000001', arrayOf(types.int4))).toMatch(/^42804/);
    expect(error('000000010000000000000017' + '7fffffff00000001', arrayOf(types.int4))).toMatch(/^54000/);
    expect(error('0000000700000000', arrayOf(types.int4))).toMatch(/^54000 number of array dimensions/);
  });

  it('refuses unknown format codes', () => {
    expect(stateOf(() => decodeParameter(null, types.int4, 2, plainContext, 0))).toBe(
      '22023 unsupported format code: 2',
    );
  });
});

describe('type modifiers', () => {
  it('are those of pg_attribute', () => {
    expect(typeModifier({ id: 'varchar', length: 10 })).toBe(14);
    expect(typeModifier({ id: 'numeric', precision: 10, scale: 2 })).toBe(655366);
    expect(typeModifier({ id: 'numeric', precision: 10 })).toBe(655364);
    expect(typeModifier(types.varchar)).toBe(-1);
    expect(typeModifier(arrayOf({ id: 'bpchar', length: 3 }))).toBe(7);
  });
});
