/** What sinks write for rows: the text of every type, and the three formats. */
import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { parseValue, plainContext } from '../../../common/textIo.ts';
import { sinkEncoder } from '../../../connector/encoders/encoder.ts';
import { type JsonForms, jsonValue } from '../../../connector/encoders/jsonValue.ts';
import type { SinkChange, SinkConfig } from '../../../connector/sink.ts';

const plain = plainContext(() => 0n);
const forms: JsonForms = { timestamptz: 'utc_string', jsonb: 'string' };
const json = (text: string, type: DataType, given: Partial<JsonForms> = {}): string =>
  jsonValue(parseValue(text, type, plain), type, { ...forms, ...given });

describe('values as JSON', () => {
  it('are numbers where JSON can hold them, else strings', () => {
    expect(json('9223372036854775807', types.int8)).toBe('9223372036854775807');
    expect(json('-5', types.int2)).toBe('-5');
    expect(json('1.50', types.numeric)).toBe('"1.50"');
    expect(json('0.1', types.float8)).toBe('0.1');
    expect(json('1e300', types.float8)).toBe('1e+300');
    expect(json('NaN', types.float8)).toBe('"NaN"');
    expect(json('-Infinity', types.float4)).toBe('"-Infinity"');
    expect(json('t', types.bool)).toBe('true');
  });

  it('have dates and times with six digits', () => {
    expect(json('2024-02-29', types.date)).toBe('"2024-02-29"');
    expect(json('12:30:01.5', types.time)).toBe('"12:30:01.500000"');
    expect(json('2024-01-01 00:00:00', types.timestamp)).toBe('"2024-01-01 00:00:00.000000"');
    expect(json('2024-01-01 00:00:00.25+02', types.timestamptz)).toBe('"2023-12-31T22:00:00.250000Z"');
    expect(json('infinity', types.timestamptz)).toBe('"infinity"');
    expect(json('-infinity', types.timestamp)).toBe('"-infinity"');
    expect(json('1 day 02:03:04', types.interval)).toBe('"P1DT2H3M4S"');
  });

  it('have timestamptz as it is asked for', () => {
    const at = '1970-01-01 00:00:01.5+00';
    expect(json(at, types.timestamptz, { timestamptz: 'utc_without_suffix' })).toBe(
      '"1970-01-01 00:00:01.500000"',
    );
    expect(json(at, types.timestamptz, { timestamptz: 'micro' })).toBe('1500000');
    expect(json(at, types.timestamptz, { timestamptz: 'milli' })).toBe('1500');
  });

  it('have text, bytes, documents, arrays and rows', () => {
    expect(json('a"b\\c\u0001', types.text)).toBe('"a\\"b\\\\c\\u0001"');
    expect(json('\\x00ff', types.bytea)).toBe('"AP8="');
    expect(json('{"a": [1, 2]}', types.jsonb)).toBe('"{\\"a\\": [1, 2]}"');
    expect(json('{"a": [1, 2]}', types.jsonb, { jsonb: 'dynamic' })).toBe('{"a": [1, 2]}');
    expect(json('{{1,2},{3,NULL}}', arrayOf(types.int4))).toBe('[[1,2],[3,null]]');
    expect(json('{}', arrayOf(types.int4))).toBe('[]');
    const row: DataType = {
      id: 'struct',
      fields: [
        { name: 'x', type: types.int4 },
        { name: 'y', type: types.text },
      ],
    };
    expect(json('(1,"a b")', row)).toBe('{"x":1,"y":"a b"}');
    expect(jsonValue(null, types.text, forms)).toBe('null');
  });
});

const config = (
  format: SinkConfig['format'],
  encode: string,
  options: readonly [string, string][] = [],
): SinkConfig => ({
  identity: 'i',
  name: 's',
  options: new Map(),
  columns: [
    { name: 'k', type: types.int4, nullable: false },
    { name: 'v', type: types.text, nullable: true },
  ],
  key: format === 'PLAIN' ? null : [0],
  format,
  encode,
  encodeOptions: new Map(options),
});

const changes: readonly SinkChange[] = [
  { before: null, after: [1, 'a'] },
  { before: [1, 'a'], after: [1, null] },
  { before: [1, null], after: null },
];
const batch = { epoch: 7n, at: 1_500_000n, first: 0, changes };

describe('formats', () => {
  it('PLAIN: rows that come', () => {
    expect(sinkEncoder(config('PLAIN', 'JSON')).records(batch)).toEqual([
      { key: null, value: '{"k":1,"v":"a"}' },
      { key: null, value: '{"k":1,"v":null}' },
    ]);
  });

  it('UPSERT: the row by key, or nothing', () => {
    expect(sinkEncoder(config('UPSERT', 'JSON')).records(batch)).toEqual([
      { key: '{"k":1}', value: '{"k":1,"v":"a"}' },
      { key: '{"k":1}', value: '{"k":1,"v":null}' },
      { key: '{"k":1}', value: null },
    ]);
  });

  it('DEBEZIUM: before, after and what was done', () => {
    const source = '"ts_ms":1500,"source":{"connector":"millrace","name":"s","version":7}';
    expect(
      sinkEncoder(config('DEBEZIUM', 'JSON'))
        .records(batch)
        .map((r) => r.value),
    ).toEqual([
      `{"before":null,"after":{"k":1,"v":"a"},"op":"c",${source}}`,
      `{"before":{"k":1,"v":"a"},"after":{"k":1,"v":null},"op":"u",${source}}`,
      `{"before":{"k":1,"v":null},"after":null,"op":"d",${source}}`,
    ]);
  });

  it('CSV: NULL is nothing, an empty string is quoted', () => {
    const encoder = sinkEncoder(config('PLAIN', 'CSV', [['without_header', 'false']]));
    expect(encoder.header).toBe('k,v');
    const rows = ['', null, 'a,b', 'say "x"', 'two\nlines'].map((v) => ({ before: null, after: [1, v] }));
    expect(encoder.records({ ...batch, changes: rows }).map((r) => r.value)).toEqual([
      '1,""',
      '1,',
      '1,"a,b"',
      '1,"say ""x"""',
      '1,"two\nlines"',
    ]);
    expect(sinkEncoder(config('PLAIN', 'CSV')).header).toBe(null);
  });
});
