/** Laws that hold for every type: round trips, total order, hashes and keys that agree with equality. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import { decodeNullable, decodeValue, encodeNullable, encodeValue } from '../../common/codec.ts';
import { comparator, compareValues, equalValues, hasher, hashValue } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { encodeKey } from '../../common/keyEncoding.ts';
import { formatterOf, formatValue, parseValue } from '../../common/textIo.ts';
import { compareBytes } from '../../common/textOrder.ts';
import { formatType } from '../../common/typeTable.ts';
import { nullable, pairsOf, sampleTypes, valuesOf } from './arbitraries.ts';
import { context } from './operations.ts';

const runs = { numRuns: 100 };

for (const type of sampleTypes) {
  describe(formatType(type), () => {
    const values = valuesOf(type);

    it('keeps values exactly through bytes', () => {
      const out = new ByteWriter(1);
      fc.assert(
        fc.property(fc.array(values, { maxLength: 4 }), (items) => {
          out.reset();
          for (const item of items) encodeValue(type)(item, out);
          const input = new ByteReader(out.bytes());
          const back = items.map(() => decodeValue(type)(input));
          expect(back).toEqual(items);
          expect(input.atEnd).toBe(true);
        }),
        runs,
      );
    });

    it('keeps NULL through bytes', () => {
      const out = new ByteWriter();
      encodeNullable(type)(null, out);
      expect(decodeNullable(type)(new ByteReader(out.view()))).toBeNull();
    });

    if (type.id !== 'void') {
      it('reads back what it prints', () => {
        fc.assert(
          fc.property(values, (value) => {
            const text = formatValue(value, type, context);
            const back = parseValue(text, type, context);
            expect(back === null ? null : formatValue(back, type, context)).toBe(text);
            expect(formatterOf(type)(value, context)).toBe(text);
            if (back !== null && keepsValue(type)) expect(compareValues(value, back, type)).toBe(0);
          }),
          runs,
        );
      });
    }

    it('is totally ordered', () => {
      const compare = comparator(type);
      fc.assert(
        fc.property(values, values, values, (a, b, c) => {
          expect(compare(a, a)).toBe(0);
          expect(compare(a, b) + compare(b, a)).toBe(0);
          if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
          if (compare(a, b) === 0) expect(compare(a, c)).toBe(compare(b, c));
        }),
        runs,
      );
    });

    it('has equal hashes and keys for equal values, and keys in order', () => {
      const hash = hasher(type);
      fc.assert(
        fc.property(pairsOf(type), ([a, b]) => {
          const order = compareValues(a, b, type);
          if (equalValues(a, b, type)) expect(hashValue(a, type)).toBe(hashValue(b, type));
          expect(hash(a)).toBe(hashValue(a, type));
          expect(hash(a) | 0).toBe(hash(a));
          expect(compareBytes(encodeKey([a], [type]), encodeKey([b], [type]))).toBe(order);
        }),
        runs,
      );
    });
  });
}

/** Types whose text may not tell the value apart, or drops part of it. */
function keepsValue(type: DataType): boolean {
  return type.id !== 'json';
}

describe('keys of several columns', () => {
  it('compare column by column, NULL last, descending turned round', () => {
    const [a, b] = [sampleTypes[2], sampleTypes[8]];
    if (a === undefined || b === undefined) throw new Error('no types');
    const row = fc.tuple(nullable(valuesOf(a)), nullable(valuesOf(b)));
    fc.assert(
      fc.property(row, row, fc.boolean(), fc.boolean(), (x, y, down, downToo) => {
        const one = (i: 0 | 1, type: DataType, descending: boolean): number => {
          const [p, q] = [x[i], y[i]];
          const c = p === null ? (q === null ? 0 : 1) : q === null ? -1 : compareValues(p, q, type);
          return descending ? 0 - c : c;
        };
        const expected = one(0, a, down) || one(1, b, downToo);
        const key = (r: typeof x): Uint8Array => encodeKey(r, [a, b], [down, downToo]);
        expect(compareBytes(key(x), key(y))).toBe(expected + 0);
      }),
    );
  });
});
