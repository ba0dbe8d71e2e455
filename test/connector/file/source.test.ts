/** Files: packed ones, Parquet, and files that are not any more what was read of them. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Column, type DataType, types } from '../../../common/dataType.ts';
import type { Position, SourceConfig, SourceReader } from '../../../connector/connector.ts';
import { posixFs } from '../../../connector/file/source.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const column = (name: string, type: DataType): Column => ({ name, type, nullable: true });

function config(encode: string, columns: readonly Column[]): SourceConfig {
  return {
    options: new Map([['posix_fs.root', root]]),
    columns,
    format: 'PLAIN',
    encode,
    encodeOptions: new Map(),
    clock: () => 0n,
    timeZone: 'UTC',
    onError: 'skip',
  };
}

const numbers = (): SourceConfig => config('JSON', [column('n', types.int4)]);

function readAll(reader: SourceReader, until: Position | null = null, most = 2) {
  const rows: unknown[] = [];
  let position: Position | null = null;
  const bad: string[] = [];
  for (let read = reader.poll(most, until); read !== null; read = reader.poll(most, until)) {
    rows.push(...read.rows.map((row) => (row.length === 1 ? row[0] : row)));
    bad.push(...read.bad.map((b) => b.message));
    position = read.position;
  }
  return { rows, position, bad };
}

const lines = (...n: number[]): string => n.map((i) => `{"n":${i}}\n`).join('');
const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(root, name), content);

describe('packed files', () => {
  it('are read as wholes, once they are whole, and the same again', () => {
    const packed = gzipSync(`${lines(1, 2, 3)}{"n":4}`);
    write('a.jsonl.gz', packed.subarray(0, packed.length - 10));
    write('b.jsonl', lines(5));
    const reader = posixFs.open(numbers(), null);
    expect(readAll(reader).rows).toEqual([5]);
    write('a.jsonl.gz', packed);
    const { rows, position } = readAll(reader);
    expect(rows).toEqual([1, 2, 3, 4]);
    expect(posixFs.currentEnd(numbers())).toEqual(position);
    expect(readAll(posixFs.open(numbers(), null), position).rows).toEqual([1, 2, 3, 4, 5]);
    expect(readAll(posixFs.open(numbers(), position)).rows).toEqual([]);
    appendFileSync(join(root, 'b.jsonl'), lines(6));
    expect(readAll(posixFs.open(numbers(), position)).rows).toEqual([6]);
    const partly = posixFs.open(numbers(), null).poll(2, null);
    expect(readAll(posixFs.open(numbers(), partly?.position ?? null)).rows).toEqual([3, 4, 5, 6]);
  });

  it('must not change after they were read, and must be gzip', () => {
    write('a.gz', gzipSync(lines(1)));
    const reader = posixFs.open(numbers(), null);
    expect(readAll(reader).rows).toEqual([1]);
    write('a.gz', gzipSync(lines(1, 2, 3, 4, 5, 6)));
    expect(() => reader.poll(10, null)).toThrow(/was changed after it was read/);
    write('a.gz', 'this is not gzip, whatever its name says');
    expect(() => posixFs.open(numbers(), null).poll(10, null)).toThrow(/is not gzip/);
  });
});

describe('files that change', () => {
  it('are told of: truncated, replaced, gone', () => {
    write('a', lines(1, 2, 3));
    const reader = posixFs.open(numbers(), null);
    const { position } = readAll(reader);
    truncateSync(join(root, 'a'), 5);
    expect(() => reader.poll(10, null)).toThrow(/has 5 bytes, 24 were read of it/);
    expect(() => posixFs.open(numbers(), position).poll(10, null)).toThrow(/it was truncated or replaced/);
    write('a', lines(7, 8, 9, 10));
    expect(() => reader.poll(10, null)).toThrow(/does not begin any more as it was read/);
    write('a', lines(1, 2, 3, 4));
    expect(readAll(reader).rows).toEqual([4]);
  });

  it('may go when they were read, and must not before', () => {
    write('a', `${lines(1)}{"n":`);
    const reader = posixFs.open(numbers(), null);
    const { position } = readAll(reader);
    renameSync(join(root, 'a'), join(root, '..', 'millrace-moved'));
    expect(() => reader.poll(10, null)).toThrow(/has gone before it was read to its end/);
    expect(() => readAll(posixFs.open(numbers(), null), position)).toThrow(/has gone/);
    renameSync(join(root, '..', 'millrace-moved'), join(root, 'a'));
    appendFileSync(join(root, 'a'), '2}\n');
    expect(readAll(reader).rows).toEqual([2]);
    rmSync(join(root, 'a'));
    expect(reader.poll(10, null)).toBeNull();
  });
});

describe('Parquet', () => {
  const all = [
    column('id', types.int8),
    column('name', types.text),
    column('price', types.numeric),
    column('at', types.timestamptz),
    column('ok', types.bool),
    column('ratio', types.float8),
    column('absent', types.int4),
  ];
  const parquet = (from: number, to: number, rowGroupSize = 3): Uint8Array => {
    const n = Array.from({ length: to - from }, (_, i) => from + i);
    const buffer = parquetWriteBuffer({
      rowGroupSize,
      schema: [
        { name: 'root', num_children: 6 },
        { name: 'id', type: 'INT64', repetition_type: 'REQUIRED' },
        { name: 'name', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        {
          name: 'price',
          type: 'INT64',
          converted_type: 'DECIMAL',
          scale: 2,
          precision: 18,
          repetition_type: 'OPTIONAL',
        },
        { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'OPTIONAL' },
        { name: 'ok', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
        { name: 'ratio', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
      ],
      columnData: [
        { name: 'id', data: n.map(BigInt) },
        { name: 'name', data: n.map((i) => (i % 4 === 3 ? null : `n${i}`)) },
        { name: 'price', data: n.map((i) => i + 0.25) },
        { name: 'at', data: n.map((i) => new Date(i * 1000)) },
        { name: 'ok', data: n.map((i) => i % 2 === 0) },
        { name: 'ratio', data: n.map((i) => i / 8) },
      ],
    });
    return new Uint8Array(buffer);
  };

  it('gives rows by the names of columns, group by group, and the same again', () => {
    const file = parquet(0, 8);
    write('a.parquet', file.subarray(0, file.length - 3));
    const c = config('PARQUET', all);
    const reader = posixFs.open(c, null);
    expect(reader.poll(10, null)).toBeNull();
    write('a.parquet', file);
    write('b.parquet', parquet(8, 10));
    const { rows, position, bad } = readAll(reader);
    expect(bad).toEqual([]);
    expect(rows.length).toBe(10);
    expect(position).toEqual({ 'a.parquet': 8, 'b.parquet': 2 });
    expect(posixFs.currentEnd(c)).toEqual(position);
    expect((rows as unknown[][]).map((r) => r[0])).toEqual(Array.from({ length: 10 }, (_, i) => BigInt(i)));
    const row = rows[5] as unknown[];
    expect([row[0], row[1], String(row[2]), row[3], row[4], row[5], row[6]]).toEqual([
      5n,
      'n5',
      '5.25',
      5_000_000n,
      false,
      0.625,
      null,
    ]);
    expect((rows[3] as unknown[])[1]).toBeNull();
    expect(readAll(posixFs.open(c, null), position, 3).rows).toEqual(rows);
    expect(readAll(posixFs.open(c, { 'a.parquet': 5, 'b.parquet': 0 })).rows).toEqual(rows.slice(5));
    write('a.parquet', parquet(0, 9));
    expect(() => reader.poll(10, null)).toThrow(/was changed after it was read/);
  });

  it('tells of values that do not fit, and of files that are none', () => {
    write('a.parquet', parquet(32_766, 32_769));
    const c = config('PARQUET', [column('id', types.int2), column('name', types.text)]);
    const { rows, bad } = readAll(posixFs.open(c, null));
    expect(rows).toEqual([
      [32_766, 'n32766'],
      [32_767, null],
    ]);
    expect(bad).toEqual(['field "id": value "32768" is out of range for type smallint']);
    const nulls = readAll(posixFs.open({ ...c, onError: 'null' }, null));
    expect(nulls.rows[2]).toEqual([null, 'n32768']);
    write('b.parquet', 'PAR1 something that is no Parquet file, but ends like one PAR1');
    expect(() => readAll(posixFs.open(c, null))).toThrow(/not a Parquet file/);
  });
});
