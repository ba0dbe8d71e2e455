/** The decoder of pgoutput: messages byte by byte as the protocol writes them, and what is not one. */
import { describe, expect, it } from 'vitest';
import { arrayOf, types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { columnType, mayBeDeclared } from '../../../connector/postgresCdc/columnTypes.ts';
import { formatLsn, parseLsn } from '../../../connector/postgresCdc/lsn.ts';
import { readOptions } from '../../../connector/postgresCdc/options.ts';
import { PgoutputDecoder, UNCHANGED } from '../../../connector/postgresCdc/pgoutput.ts';
import { parseTableName } from '../../../connector/postgresCdc/upstream.ts';

type Part = string | Buffer;
const u8 = (n: number): Buffer => Buffer.from([n]);
const u16 = (n: number): Buffer => {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(n);
  return b;
};
const u32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n >>> 0);
  return b;
};
const u64 = (n: bigint): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(n);
  return b;
};
const zero = (text: string): Buffer => Buffer.from(`${text}\0`);
const message = (...parts: readonly Part[]): Buffer =>
  Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : p)));
const value = (text: string): Buffer => message('t', u32(Buffer.byteLength(text)), text);
const tuple = (...values: readonly Part[]): Buffer => message(u16(values.length), ...values);

const relation = message(
  'R',
  u32(77),
  zero('public'),
  zero('t'),
  'd',
  u16(2),
  u8(1),
  zero('id'),
  u32(23),
  u32(-1),
  u8(0),
  zero('näme'),
  u32(25),
  u32(-1),
);

describe('pgoutput', () => {
  it('reads a transaction', () => {
    const decoder = new PgoutputDecoder();
    expect(decoder.decode(message('B', u64(0x1_0000_00ffn), u64(1_000_001n), u32(9)))).toEqual({
      kind: 'begin',
      commitLsn: 0x1_0000_00ffn,
      commitTime: 946_684_801_000_001n,
      xid: 9,
    });
    const described = decoder.decode(relation);
    expect(described).toMatchObject({
      kind: 'relation',
      id: 77,
      schema: 'public',
      name: 't',
      identity: 'default',
    });
    expect(described).toMatchObject({
      columns: [
        { name: 'id', typeOid: 23, typeModifier: -1, key: true },
        { name: 'näme', key: false },
      ],
    });
    const insert = decoder.decode(message('I', u32(77), 'N', tuple(value('1'), value('漢字'))));
    expect(insert).toEqual({ kind: 'insert', relation: described, row: ['1', '漢字'] });
    expect(decoder.decode(message('U', u32(77), 'N', tuple(value('1'), 'u')))).toEqual({
      kind: 'update',
      relation: described,
      old: null,
      oldIsKey: false,
      row: ['1', UNCHANGED],
    });
    expect(
      decoder.decode(message('U', u32(77), 'K', tuple(value('1'), 'n'), 'N', tuple(value('2'), 'n'))),
    ).toEqual({
      kind: 'update',
      relation: described,
      old: ['1', null],
      oldIsKey: true,
      row: ['2', null],
    });
    expect(decoder.decode(message('D', u32(77), 'O', tuple(value('2'), value(''))))).toEqual({
      kind: 'delete',
      relation: described,
      old: ['2', ''],
      oldIsKey: false,
    });
    expect(decoder.decode(message('T', u32(1), u8(0), u32(77)))).toEqual({
      kind: 'truncate',
      relations: [described],
    });
    expect(decoder.decode(message('C', u8(0), u64(5n), u64(6n), u64(0n)))).toEqual({
      kind: 'commit',
      commitLsn: 5n,
      endLsn: 6n,
      commitTime: 946_684_800_000_000n,
    });
  });

  it('reads what it makes no use of', () => {
    const decoder = new PgoutputDecoder();
    expect(decoder.decode(message('O', u64(1n), zero('elsewhere')))).toEqual({
      kind: 'origin',
      name: 'elsewhere',
    });
    expect(decoder.decode(message('Y', u32(5), zero(''), zero('mood')))).toEqual({
      kind: 'type',
      oid: 5,
      schema: '',
      name: 'mood',
    });
    expect(decoder.decode(message('M', u8(1), u64(1n), zero('p'), u32(2), 'hi'))).toMatchObject({
      kind: 'message',
      transactional: true,
      prefix: 'p',
    });
  });

  it('a change keeps the description that it came with', () => {
    const decoder = new PgoutputDecoder();
    const before = decoder.decode(relation);
    const insert = decoder.decode(message('I', u32(77), 'N', tuple(value('1'), 'n')));
    decoder.decode(message('R', u32(77), zero('public'), zero('renamed'), 'f', u16(0)));
    expect(insert).toMatchObject({ relation: before });
  });

  it('every cut and every unknown byte is an error of the protocol, nothing else', () => {
    const whole = [
      relation,
      message('I', u32(77), 'N', tuple(value('1'), value('abc'))),
      message('U', u32(77), 'K', tuple(value('1'), 'n'), 'N', tuple(value('2'), 'n')),
    ];
    for (const bytes of whole) {
      for (let end = 0; end < bytes.length; end++) {
        const decoder = new PgoutputDecoder();
        if (bytes !== relation) decoder.decode(relation);
        expect(() => decoder.decode(bytes.subarray(0, end))).toThrow(SqlError);
      }
    }
    for (const bytes of [message('?'), message('I', u32(1), 'N', tuple()), message('I', u32(77), 'X')]) {
      expect(() => new PgoutputDecoder().decode(bytes)).toThrow(SqlError);
    }
  });
});

it('positions', () => {
  for (const text of ['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])
    expect(formatLsn(parseLsn(text))).toBe(text);
  expect(parseLsn('1/2')).toBe(0x1_0000_0002n);
});

it('names of tables', () => {
  const options = readOptions(
    new Map([
      ['database.name', 'shop'],
      ['schema.name', 'sales'],
    ]),
  );
  const parsed = (text: string): string => {
    const { schema, name } = parseTableName(text, options);
    return `${schema}|${name}`;
  };
  expect(parsed('t')).toBe('sales|t');
  expect(parsed('public.t')).toBe('public|t');
  expect(parsed('shop.public.t')).toBe('public|t');
  expect(parsed('"My.Schema"."T""x"')).toBe('My.Schema|T"x');
  for (const bad of ['', 'a.b.c', '1.2.3.4']) expect(() => parsed(bad), bad).toThrow(SqlError);
});

it('types that a column may be declared with', () => {
  const upstream = (oid: number, kind = 'b', element: { oid: number; kind: string } | null = null) => ({
    oid,
    name: '',
    kind,
    element,
  });
  expect(columnType(upstream(23))).toEqual(types.int4);
  expect(columnType(upstream(99_999, 'e'))).toEqual(types.varchar);
  expect(columnType(upstream(1007, 'b', { oid: 23, kind: 'b' }))).toEqual(arrayOf(types.int4));
  expect(columnType(upstream(869))).toBeNull();
  expect(mayBeDeclared(upstream(23), types.int8)).toBe(true);
  expect(mayBeDeclared(upstream(20), types.int4)).toBe(false);
  expect(mayBeDeclared(upstream(869), types.text)).toBe(true);
  expect(mayBeDeclared(upstream(1007, 'b', { oid: 23, kind: 'b' }), arrayOf(types.int8))).toBe(true);
});
