import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { DATE_INFINITY, type NonNullValue, type Row, TIMESTAMP_INFINITY } from '../../common/value.ts';
import { ByteWriter } from '../../wire/bytes.ts';
import { encodeMessage } from '../../wire/encode.ts';
import type { FormatCode } from '../../wire/port.ts';
import { makeRowWriter } from '../../wire/rowWriter.ts';
import { encodeValue } from '../../wire/typeCodec.ts';
import { plainContext } from './fakeSession.ts';

/** The slow way: each value by the codec, then a DataRow message. */
function reference(
  columns: readonly DataType[],
  formats: readonly FormatCode[],
  rows: readonly Row[],
): Buffer {
  const out = new ByteWriter();
  for (const row of rows) {
    const values = row.map((value, i) => {
      const type = columns[i];
      if (value === null || type === undefined) return null;
      const one = new ByteWriter(16);
      encodeValue(one, value, type, formats[i] ?? 0, plainContext);
      return one.take();
    });
    encodeMessage(out, { kind: 'DataRow', values });
  }
  return out.take();
}

function written(columns: readonly DataType[], formats: readonly FormatCode[], rows: readonly Row[]): Buffer {
  const out = new ByteWriter(16);
  makeRowWriter(columns, formats, plainContext)(out, rows, 0, rows.length);
  return out.take();
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.constant('x'.repeat(100_000)),
);
const pool: readonly (readonly [DataType, fc.Arbitrary<NonNullValue>])[] = [
  [types.bool, fc.boolean()],
  [types.int2, fc.integer({ min: -32768, max: 32767 })],
  [types.int4, fc.integer()],
  [types.int8, fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-(10n ** 16n), 10n ** 16n))],
  [types.oid, fc.integer({ min: 0, max: 0xffffffff })],
  [types.float4, fc.float()],
  [
    types.float8,
    fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 1e15, -1e15, 1e14, 123456789012345)),
  ],
  [
    types.numeric,
    fc
      .tuple(fc.bigInt(-(10n ** 18n), 10n ** 18n), fc.integer({ min: 0, max: 25 }))
      .map(([c, scale]) => new Decimal(c, scale)),
  ],
  [types.numeric, fc.constantFrom(Decimal.NAN, Decimal.INFINITY, new Decimal(5n, 20), new Decimal(-1n, 2))],
  [types.text, text],
  [types.json, fc.json()],
  [types.bytea, fc.uint8Array()],
  [
    types.date,
    fc.oneof(
      fc.integer({ min: -2440588, max: 2145042905 }),
      fc.constantFrom(DATE_INFINITY, -719162, -719163, 2932896, 2932897),
    ),
  ],
  [
    types.timestamp,
    fc.oneof(
      fc.bigInt(-210_866_803_200_000_000n, 9_000_000_000_000_000_000n),
      fc.bigInt(-(10n ** 15n), 10n ** 16n),
      fc.constantFrom(TIMESTAMP_INFINITY, -1n, -62135596800000000n, -62135596800000001n, 253402300799999999n),
    ),
  ],
  [types.timestamptz, fc.bigInt(-(10n ** 15n), 10n ** 16n)],
  [types.uuid, fc.uuid()],
  [arrayOf(types.int4), fc.array(fc.option(fc.integer())).map((a) => new SqlArray(a))],
];

const table = fc
  .array(fc.tuple(fc.constantFrom(...pool), fc.constantFrom<FormatCode>(0, 1)), {
    minLength: 0,
    maxLength: 6,
  })
  .chain((columns) =>
    fc.record({
      types: fc.constant(columns.map(([[type]]) => type)),
      formats: fc.constant(columns.map(([, format]) => format)),
      rows: fc.array(fc.tuple(...columns.map(([[, values]]) => fc.option(values))), { maxLength: 8 }),
    }),
  );

describe('row writer', () => {
  it('writes what the codecs write, whatever the types, formats and room in the buffer', () => {
    fc.assert(
      fc.property(table, ({ types: columns, formats, rows }) => {
        expect(written(columns, formats, rows).equals(reference(columns, formats, rows))).toBe(true);
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  it('prints integers of every length', () => {
    for (let digits = 1; digits <= 16; digits++) {
      for (const n of [10 ** digits - 1, 10 ** (digits - 1), -(10 ** (digits - 1))]) {
        if (Math.abs(n) > Number.MAX_SAFE_INTEGER) continue;
        expect(
          written([types.int8], [0], [[BigInt(n)]])
            .subarray(11)
            .toString(),
        ).toBe(String(n));
      }
    }
  });

  it('leaves nothing behind when a column fails', () => {
    const out = new ByteWriter(16);
    out.uint8(1);
    const write = makeRowWriter([types.text, types.jsonb], [0, 0], plainContext);
    expect(() => write(out, [['x'.repeat(1000), 5]], 0, 1)).toThrow();
    expect(out.take()).toEqual(Buffer.of(1));
  });

  it('goes on behind bytes that were taken', () => {
    const out = new ByteWriter(64);
    const write = makeRowWriter([types.int4, types.text], [0, 0], plainContext);
    const parts: Buffer[] = [];
    const rows = Array.from({ length: 50 }, (_, i): Row => [i, 'é'.repeat(i)]);
    rows.forEach((_, i) => {
      write(out, rows, i, i + 1);
      if (i % 3 === 0) parts.push(out.take());
    });
    parts.push(out.take());
    expect(Buffer.concat(parts).equals(reference([types.int4, types.text], [0, 0], rows))).toBe(true);
  });
});
