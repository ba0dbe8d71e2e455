/** What FORMAT makes of messages, and what each ENCODE without a schema takes. */
import { describe, expect, it } from 'vitest';
import { arrayOf, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { checkEncodeOptions } from '../../../connector/formats/encodes.ts';
import { createMessageDecoder } from '../../../connector/formats/messageDecoder.ts';
import { columnsOf, configOf, decode, message } from './support.ts';

const pair = columnsOf({ id: types.int4, v: types.text });

describe('FORMAT PLAIN', () => {
  it('gives rows and failures in order, with the field to blame', async () => {
    const { puts, fails, of } = await decode(configOf(pair), [
      message('{"id":1,"v":"a"}', null, 0),
      message('{"id":"x","v":"b"}', null, 1),
      message('{"id":2,', null, 2),
      message(null, null, 3),
      message('[1]', null, 4),
      message(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), null, 5),
      message(' {"v":"c" , "id":3}\n', null, 6),
    ]);
    expect(puts).toEqual([
      [1, 'a'],
      [3, 'c'],
    ]);
    expect(fails.map((f) => [f.state, f.field])).toEqual([
      ['22P02', 'id'],
      ['22P02', null],
      ['22004', null],
      ['22P02', null],
      ['22021', null],
    ]);
    expect([...of.values()].flat()).toEqual(['put', 'fail', 'fail', 'fail', 'fail', 'fail', 'put']);
  });

  it('makes fields NULL where told to, but not those that must have a value', async () => {
    const columns = [{ ...pair[0], nullable: false }, pair[1]].flatMap((c) =>
      c?.name === undefined
        ? []
        : [{ ...c, name: c.name, type: c.type ?? types.text, nullable: c.nullable ?? true }],
    );
    const config = configOf(columns, { onError: 'null' });
    const { puts, fails, nulled } = await decode(config, [
      message('{"id":1,"v":{}}'),
      message('{"id":"x","v":"b"}'),
      message('{"v":"b"}'),
    ]);
    expect(puts).toEqual([[1, '{}']]);
    expect(fails.map((f) => f.state)).toEqual(['22P02', '23502']);
    expect(nulled).toEqual([]);
    const free = await decode(configOf(pair, { onError: 'null' }), [message('{"id":"x","v":"b"}')]);
    expect(free.puts).toEqual([[null, 'b']]);
    expect(free.nulled).toEqual(['id: 22P02']);
  });

  it('tells each field that drifts once a batch', async () => {
    const records = Array.from({ length: 50 }, (_, i) =>
      message(`{"id":${i % 2 === 0 ? i : `"${i}"`},"w":1}`),
    );
    const { drift, puts } = await decode(configOf(pair), records);
    expect(puts).toHaveLength(50);
    expect([...drift].sort()).toEqual(['missing field v', 'type changed id', 'unknown field w']);
  });

  it('fills no column that INCLUDE fills', async () => {
    const columns = columnsOf({ id: types.int4, at: types.timestamptz });
    const { puts, drift } = await decode(configOf(columns, { included: new Set([1]) }), [
      message('{"id":1}'),
    ]);
    expect([puts, drift]).toEqual([[[1, null]], []]);
  });

  it('reads nested types and numbers of times', async () => {
    const columns = columnsOf({
      s: { id: 'struct', fields: [{ name: 'a', type: arrayOf(types.int4) }] },
      m: arrayOf(arrayOf(types.int4)),
      t: types.timestamptz,
      d: types.date,
      big: types.int8,
      n: types.numeric,
    });
    const { puts, fails } = await decode(configOf(columns), [
      message(
        '{"s":{"a":[1,2]},"m":[[1,2],[3,4]],"t":1700000000123,"d":19000,"big":9007199254740993,"n":1.50}',
      ),
      message('{"m":[[1,2],[3]]}'),
    ]);
    expect(puts).toEqual([
      [
        [new SqlArray([1, 2])],
        new SqlArray([1, 2, 3, 4], [2, 2]),
        1700000000123000n,
        19000,
        9007199254740993n,
        new Decimal(150n, 2),
      ],
    ]);
    expect(fails.map((f) => [f.state, f.field])).toEqual([['2202E', 'm']]);
  });
});

describe('FORMAT UPSERT', () => {
  const config = configOf(pair, { format: 'UPSERT', key: [0] });
  it('takes the key from the value, and from the key where there is none', async () => {
    const { puts, removes, fails } = await decode(config, [
      message('{"id":1,"v":"a"}', '{"id":1}'),
      message('{"v":"b"}', '{"id":2}'),
      message(null, '{"id":1}'),
      message(null, '2'),
      message(null, null),
      message('{"v":"b"}', null),
    ]);
    expect(puts).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(removes).toEqual([
      [1, null],
      [2, null],
    ]);
    expect(fails.map((f) => f.state)).toEqual(['22004', '23502']);
  });

  it('takes the key as KEY ENCODE says', async () => {
    const text = { ...config, keyEncode: 'TEXT' };
    expect((await decode(text, [message('{"id":9,"v":"a"}', '5'), message(null, '5')])).puts).toEqual([
      [5, 'a'],
    ]);
    const columns = columnsOf({ k: types.bytea, v: types.text });
    const bytes = configOf(columns, { format: 'UPSERT', key: [0], keyEncode: 'BYTES' });
    const { removes } = await decode(bytes, [message(null, 'ab')]);
    expect(removes).toEqual([[new Uint8Array([97, 98]), null]]);
  });

  it('leaves a key that INCLUDE fills alone', async () => {
    const { puts, removes } = await decode(
      configOf(pair, { format: 'UPSERT', key: [0], included: new Set([0]) }),
      [message('{"v":"a"}', 'k'), message(null, 'k')],
    );
    expect([puts, removes]).toEqual([[[null, 'a']], [[null, null]]]);
  });
});

describe('FORMAT DEBEZIUM', () => {
  const config = configOf(pair, { format: 'DEBEZIUM', key: [0] });
  const change = (op: string, before: unknown, after: unknown): string =>
    JSON.stringify({ before, after, source: { a: [1] }, op, ts_ms: 1 });
  it('follows creations, updates, moves and deletions', async () => {
    const { puts, removes, fails } = await decode(config, [
      message(change('r', null, { id: 1, v: 'a' })),
      message(change('u', { id: 1, v: 'a' }, { id: 2, v: 'a' })),
      message(change('d', { id: 2 }, null), '{"id":2}'),
      message(null, '{"schema":{"type":"struct"},"payload":{"id":2}}'),
      message(change('t', null, null)),
      message('{"id":1}'),
      message(change('d', null, null), '{"id":3}'),
    ]);
    expect(puts).toEqual([
      [1, 'a'],
      [2, 'a'],
    ]);
    expect(removes).toEqual([
      [1, null],
      [2, null],
      [2, null],
      [3, null],
    ]);
    expect(fails.map((f) => f.state)).toEqual(['0A000', '22P02']);
  });

  it('reads types as the schema says', async () => {
    const fields = [
      { field: 'id', type: 'int32' },
      {
        field: 'n',
        type: 'bytes',
        name: 'org.apache.kafka.connect.data.Decimal',
        parameters: { scale: '2' },
      },
      { field: 'z', type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' },
      { field: 'd', type: 'int32', name: 'io.debezium.time.Date' },
      { field: 'ms', type: 'int64', name: 'io.debezium.time.Timestamp' },
      { field: 'us', type: 'int64', name: 'io.debezium.time.MicroTimestamp' },
      { field: 'tz', type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
      { field: 't', type: 'int64', name: 'io.debezium.time.MicroTime' },
      { field: 'b', type: 'bytes' },
    ];
    const columns = columnsOf({
      id: types.int4,
      n: types.numeric,
      z: types.numeric,
      d: types.date,
      ms: types.timestamp,
      us: types.timestamp,
      tz: types.timestamptz,
      t: types.time,
      b: types.bytea,
    });
    const after = {
      id: 1,
      n: Buffer.from([0x30, 0x39]).toString('base64'),
      z: { scale: 1, value: Buffer.from([0xff]).toString('base64') },
      d: 19000,
      ms: 5,
      us: 5,
      tz: '1970-01-01T00:00:01.5Z',
      t: 1000000,
      b: Buffer.from('hi').toString('base64'),
    };
    const envelope = {
      schema: {
        type: 'struct',
        fields: [
          { type: 'struct', field: 'before', fields },
          { type: 'struct', field: 'after', fields },
        ],
      },
      payload: { before: null, after, op: 'c' },
    };
    const { puts, fails } = await decode(configOf(columns, { format: 'DEBEZIUM', key: [0] }), [
      message(JSON.stringify(envelope)),
      message(JSON.stringify(envelope).replace('19000', '"x"')),
    ]);
    expect(puts).toEqual([
      [
        1,
        new Decimal(12345n, 2),
        new Decimal(-1n, 1),
        19000,
        5000n,
        5n,
        1500000n,
        1000000n,
        expect.anything(),
      ],
    ]);
    expect(Buffer.from(puts[0]?.[8] as Uint8Array).toString()).toBe('hi');
    expect(fails.map((f) => [f.state, f.field])).toEqual([['22P02', 'd']]);
  });
});

describe('the other encodings', () => {
  it('CSV', async () => {
    const { puts, fails } = await decode(configOf(pair, { encode: 'CSV' }), [
      message('1,"a ""b"""\r\n'),
      message('2,'),
      message('x,y'),
      message('1\n2'),
    ]);
    expect(puts).toEqual([
      [1, 'a "b"'],
      [2, null],
    ]);
    expect(fails.map((f) => [f.state, f.field])).toEqual([
      ['22P02', 'id'],
      ['22P04', null],
    ]);
    const named = configOf(pair, { encode: 'CSV', with: { without_header: 'false', delimiter: ';' } });
    expect((await decode(named, [message('v;id\nx;5\n')])).puts).toEqual([[5, 'x']]);
  });

  it('BYTES and TEXT', async () => {
    const bytes = await decode(configOf(columnsOf({ b: types.bytea }), { encode: 'BYTES' }), [
      message('a'),
      message(null),
    ]);
    expect(bytes.puts).toEqual([[new Uint8Array([97])], [null]]);
    const text = await decode(configOf(columnsOf({ b: types.int4 }), { encode: 'TEXT' }), [
      message('5'),
      message('x'),
    ]);
    expect([text.puts, text.fails.map((f) => f.field)]).toEqual([[[5]], ['b']]);
    expect(() => createMessageDecoder(configOf(pair, { encode: 'BYTES' }))).toThrow('exactly one column');
  });

  it('options are checked', () => {
    expect(() => checkEncodeOptions('JSON', new Map([['nope', '1']]))).toThrow(
      'unknown option "nope" for ENCODE JSON',
    );
    expect(() => checkEncodeOptions('JSON', new Map([['time.handling.mode', 'x']]))).toThrow('invalid value');
    expect(() => checkEncodeOptions('XML', new Map())).toThrow('ENCODE XML is not supported');
    expect(() => createMessageDecoder(configOf(pair, { format: 'UPSERT' }))).toThrow('needs a primary key');
    expect(() => createMessageDecoder(configOf(pair, { encode: 'CSV', format: 'UPSERT', key: [0] }))).toThrow(
      'not supported',
    );
  });
});
