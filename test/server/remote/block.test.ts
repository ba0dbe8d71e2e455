/** Blocks: what is put comes out, as rows, as vectors and as bytes; blocks of older journals are read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DataType, types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { Block, BlockBuilder } from '../../../server/remote/block.ts';
import { TextVector } from '../../../server/remote/textVector.ts';

const columnTypes: readonly DataType[] = [
  types.int8,
  types.text,
  types.int4,
  types.bool,
  types.float8,
  types.jsonb,
  types.text,
];
const seed = 20261121;
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'é', '漢字', '😀', 'a'.repeat(100)),
);
const row = fc.tuple(
  fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.option(text.map((t) => t.toWellFormed())),
  fc.option(fc.integer()),
  fc.option(fc.boolean()),
  fc.option(fc.double({ noNaN: true })),
  fc.constant(null),
  fc.string({ unit: 'binary-ascii' }),
);

function built(builder: BlockBuilder, rows: readonly Row[]): Block {
  rows.forEach((r, i) => {
    builder.put(`p${i % 3}`, r);
  });
  return new Block(builder.build(), columnTypes);
}

describe('blocks', () => {
  it('give the rows that were put, one block after the other', () => {
    const builder = new BlockBuilder(columnTypes);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (rows) => {
        const block = built(builder, rows);
        expect(Array.from({ length: block.rows }, (_, i) => block.row(i))).toEqual(rows);
        expect(block.partitions()).toEqual(rows.map((_, i) => (rows.length === 1 ? 'p0' : `p${i % 3}`)));
      }),
      { seed, numRuns: 300 },
    );
  });

  it('keep rows that were begun and dropped out', () => {
    const builder = new BlockBuilder(columnTypes);
    const whole: Row = [1n, 'é', 2, true, 0.5, null, 'x'];
    for (let i = 0; i < 3000; i++) {
      builder.columns.begin();
      builder.columns.set(1, 'dropped');
      builder.columns.set(2, null);
      builder.columns.back();
      builder.put('p', whole);
    }
    const block = new Block(builder.build(), columnTypes);
    expect(block.rows).toBe(3000);
    for (const i of [0, 1, 1023, 1024, 2999]) expect(block.row(i)).toEqual(whole);
    expect(block.vectors()[2]?.nulls).toBeNull();
  });

  it('have parts of text columns with strings and bytes of their own rows', () => {
    const rows = Array.from({ length: 50 }, (_, i): Row => [null, `é${i}`, i, null, null, null, `t${i}`]);
    const block = built(new BlockBuilder(columnTypes), rows);
    for (const c of [1, 6]) {
      const vector = block.vectors()[c];
      if (!(vector instanceof TextVector)) throw new TypeError('texts lie in the block');
      const part = vector.part(10, 20).part(2, 5);
      const { bytes, ends, from, isAscii } = part.utf8;
      expect(isAscii).toBe(c === 6);
      const decoder = new TextDecoder();
      const ofBytes = [0, 1, 2].map((i) =>
        decoder.decode(bytes.subarray(ends[from + i - 1], ends[from + i])),
      );
      expect(ofBytes).toEqual([12, 13, 14].map((i) => rows[i]?.[c]));
      expect(part.data).toEqual(ofBytes);
    }
  });

  it('of layout 1 are read: their texts end in UTF-16 units', () => {
    for (const texts of [
      ['a', '', 'bc'],
      ['é', '😀x', '漢字'],
    ]) {
      const builder = new BlockBuilder([types.text]);
      for (const t of texts) builder.put('p', [t]);
      const bytes = builder.build();
      const head = new Uint32Array(bytes.buffer, bytes.byteOffset, 2);
      const [length = 0] = head;
      const { columns } = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as {
        columns: readonly { ends: readonly [number, number] }[];
      };
      const start = Math.ceil((8 + length) / 8) * 8;
      let units = 0;
      new Uint32Array(bytes.buffer, bytes.byteOffset + start + (columns[0]?.ends[0] ?? 0), 3).set(
        texts.map((t) => {
          units += t.length;
          return units;
        }),
      );
      head[1] = 1;
      const block = new Block(bytes, [types.text]);
      expect(texts.map((_, i) => block.row(i))).toEqual(texts.map((t) => [t]));
    }
  });
});
