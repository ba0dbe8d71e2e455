/** Messages of a large transaction come back from their file as they went in. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { SqlError } from '../../../common/sqlError.ts';
import { PgoutputDecoder } from '../../../connector/postgresCdc/pgoutput.ts';
import { TransactionSpill } from '../../../connector/postgresCdc/spill.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-spill-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('gives what was added, of any length, more than once', () => {
  const spill = new TransactionSpill(join(directory, 'made'), 'one');
  expect(readdirSync(join(directory, 'made'))).toEqual([]);
  const lengths = [
    0,
    1,
    5,
    1 << 20,
    (1 << 20) - 4,
    3,
    (3 << 20) + 17,
    ...Array.from({ length: 5000 }, (_, i) => i),
  ];
  // What is added may change afterwards.
  const bytes = Buffer.alloc(4 << 20);
  for (const [i, length] of lengths.entries()) spill.add(bytes.subarray(0, length).fill(i & 255));
  for (let round = 0; round < 2; round++) {
    let i = 0;
    for (const message of spill.messages()) {
      expect(message.length).toBe(lengths[i]);
      expect(message.equals(Buffer.alloc(message.length, i & 255))).toBe(true);
      i++;
    }
    expect(i).toBe(lengths.length);
  }
  expect(spill.bytes).toBe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  spill.close();
  spill.close();
});

it('an empty one has none', () => {
  const spill = new TransactionSpill(directory, 'empty');
  expect([...spill.messages()]).toEqual([]);
  spill.close();
});

it('says where it cannot be', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const failure = (): unknown => {
    try {
      return new TransactionSpill(file, 'x');
    } catch (error) {
      return error instanceof SqlError ? error.state : error;
    }
  };
  expect(failure()).toBe('58030');
});

it('a decoder that goes on from another knows what that knew then', () => {
  const name = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.from([0])]);
  const relation = (column: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x52, 0, 0, 0, 7]),
      name('public'),
      name('t'),
      Buffer.from([0x64, 0, 1, 1]),
      name(column),
      Buffer.from([0, 0, 0, 23, 255, 255, 255, 255]),
    ]);
  const insert = Buffer.concat([
    Buffer.from([0x49, 0, 0, 0, 7, 0x4e, 0, 1, 0x74, 0, 0, 0, 1]),
    Buffer.from('5'),
  ]);
  const decoder = new PgoutputDecoder();
  decoder.decode(relation('before'));
  const later = decoder.fork();
  decoder.note(insert);
  decoder.note(relation('after'));
  const columns = (from: PgoutputDecoder): unknown => {
    const change = from.decode(insert);
    return change.kind === 'insert' ? change.relation.columns.map((c) => c.name) : change.kind;
  };
  expect(columns(later)).toEqual(['before']);
  expect(columns(decoder)).toEqual(['after']);
});
