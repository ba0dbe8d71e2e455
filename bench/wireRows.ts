/**
 * Rows per second of the generated row writer, alone: typical results in text and binary format, written to a buffer
 * that is thrown away.
 *
 * usage: node bench/wireRows.ts [rows]
 */

import { type DataType, types } from '../common/dataType.ts';
import { Decimal } from '../common/decimal.ts';
import { plainContext } from '../common/textIo.ts';
import type { Row } from '../common/value.ts';
import { ByteWriter } from '../wire/bytes.ts';
import type { FormatCode } from '../wire/port.ts';
import { makeRowWriter } from '../wire/rowWriter.ts';

interface Case {
  readonly name: string;
  readonly types: readonly DataType[];
  readonly row: (i: number) => Row;
}

const START = 1_700_000_000_000_000n;
const URL_TEXT = 'https://www.nexmark.com/item.htm?query=1&channel_id=';

const cases: readonly Case[] = [
  { name: 'int4', types: [types.int4], row: (i) => [i] },
  { name: 'int4, text', types: [types.int4, types.text], row: (i) => [i, `row ${i}`] },
  {
    name: 'bid (int8 x3, text x2, timestamp)',
    types: [types.int8, types.int8, types.int8, types.text, types.text, types.timestamp],
    row: (i) => [
      BigInt(1000 + i),
      BigInt(2000 + (i % 100)),
      BigInt(i * 17),
      `channel-${i % 1000}`,
      URL_TEXT + i,
      START + BigInt(i) * 10_000n,
    ],
  },
  {
    name: 'float8, numeric, date, timestamptz, bool',
    types: [types.float8, types.numeric, types.date, types.timestamptz, types.bool],
    row: (i) => [
      i / 8,
      new Decimal(BigInt(i * 100 + 7), 2),
      19_000 + (i >> 12),
      START + BigInt(i) * 10_000n,
      i % 2 === 0,
    ],
  },
];

const BATCH = 1000;
const total = Number(process.argv[2] ?? 1_000_000);
const context = plainContext(() => 0n);

/** Writes `total` rows; rows and bytes per second. */
function measure(one: Case, format: FormatCode): { rowsPerSecond: number; bytesPerRow: number } {
  const batch: Row[] = [];
  for (let i = 0; i < BATCH; i++) batch.push(one.row(i));
  const formats = one.types.map(() => format);
  const write = makeRowWriter(one.types, formats, context);
  const out = new ByteWriter();
  let bytes = 0;
  const round = (): void => {
    write(out, batch, 0, BATCH);
    bytes += out.take().length;
  };
  for (let i = 0; i < 100; i++) round();
  bytes = 0;
  const rounds = Math.ceil(total / BATCH);
  const start = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) round();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const rows = rounds * BATCH;
  return { rowsPerSecond: rows / seconds, bytesPerRow: bytes / rows };
}

console.log('| row | format | million rows/s | bytes/row |');
console.log('|---|---|---|---|');
for (const one of cases) {
  for (const format of [0, 1] as const) {
    const { rowsPerSecond, bytesPerRow } = measure(one, format);
    const figures = `${(rowsPerSecond / 1e6).toFixed(2)} | ${bytesPerRow.toFixed(0)}`;
    console.log(`| ${one.name} | ${format === 0 ? 'text' : 'binary'} | ${figures} |`);
  }
}
