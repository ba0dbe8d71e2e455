/** The sqllogictest dialect: records, and what makes a result match. */
import { describe, expect, it } from 'vitest';
import { checkError, checkRows, resultLines } from '../../bin/slt/compare.ts';
import { durationMs, parseSlt, type SltRecord } from '../../bin/slt/record.ts';

function only(text: string): SltRecord {
  const records = parseSlt(text, 'x.slt');
  expect(records).toHaveLength(1);
  const [record] = records;
  if (record === undefined) throw new Error('no record');
  return record;
}

function query(text: string): SltRecord & { readonly kind: 'query' } {
  const record = only(text);
  if (record.kind !== 'query') throw new Error('not a query');
  return record;
}

describe('records', () => {
  it('reads statements with their expectation', () => {
    expect(only('statement ok\nSELECT 1\n')).toMatchObject({
      kind: 'statement',
      sql: 'SELECT 1',
      expect: 'ok',
      line: 1,
    });
    expect(only('statement count 3\nDELETE FROM t')).toMatchObject({ expect: { count: 3 } });
    expect(only('statement error\nx')).toMatchObject({ expect: { error: { kind: 'any' } } });
    expect(only('statement error (42P01)\nx')).toMatchObject({
      expect: { error: { kind: 'state', state: '42P01' } },
    });
    expect(only('statement error (?i)does not .* exist\nx')).toMatchObject({
      expect: { error: { kind: 'regex' } },
    });
    expect(only('statement error\nx\n----\ndb error: a\n\nb\n\n\n')).toMatchObject({
      expect: { error: { kind: 'text', text: 'db error: a\n\nb' } },
    });
  });

  it('reads queries with types, sort mode, label and rows', () => {
    expect(only('query IT rowsort lbl\nSELECT 1,\n  2\n----\n1 2\n3 4\n\n')).toMatchObject({
      kind: 'query',
      sql: 'SELECT 1,\n  2',
      types: 'IT',
      sort: 'rowsort',
      label: 'lbl',
      expected: ['1 2', '3 4'],
    });
    expect(only('query I\nSELECT 1\n')).toMatchObject({ expected: null, sort: 'nosort' });
    expect(only('query rowsort\nSELECT 1\n')).toMatchObject({ types: '', sort: 'rowsort' });
    expect(only('query error (22012)\nSELECT 1/0')).toMatchObject({ kind: 'statement' });
  });

  it('keeps comment lines within SQL and drops them between records', () => {
    expect(
      parseSlt('# c\n\nstatement ok\nSELECT 1\n# still SQL\n\n# c', 'x').map((r) =>
        'sql' in r ? r.sql : r.kind,
      ),
    ).toEqual(['SELECT 1\n# still SQL']);
  });

  it('applies conditions, connection and retry to the next record only', () => {
    const [first, second] = parseSlt(
      'skipif a\nonlyif b\nconnection c\nstatement ok retry 3 backoff 500ms\nx\n\nstatement ok\ny',
      'x',
    );
    expect(first).toMatchObject({
      conditions: [
        { kind: 'skipif', label: 'a' },
        { kind: 'onlyif', label: 'b' },
      ],
      connection: 'c',
      retry: { attempts: 3, backoffMs: 500 },
    });
    expect(second).toMatchObject({ conditions: [], connection: 'default', retry: null });
  });

  it('reads the other records', () => {
    const text =
      'let a, b\nSELECT 1, 2\n\ninclude *.part\n\ncontrol substitution on\n\nsleep 1m 2s\n\nsystem ok\necho x\n----\nx\n\n\nhalt\n';
    expect(parseSlt(text, 'x').map((r) => r.kind)).toEqual([
      'let',
      'include',
      'control',
      'sleep',
      'system',
      'halt',
    ]);
    expect(durationMs('1m 30s')).toBe(90_000);
    expect(() => parseSlt('nonsense here', 'f.slt')).toThrow('f.slt:1');
  });

  it('knows the line after each record', () => {
    const records = parseSlt('statement ok\na\n\n# c\nquery I\nb\n----\n1\n\nhalt', 'x');
    expect(records.map((r) => [r.line, r.endLine])).toEqual([
      [1, 4],
      [5, 10],
      [10, 11],
    ]);
  });
});

describe('results', () => {
  it('compares rows with white space collapsed, in order', () => {
    const record = query('query IT\nq\n----\n1  a\n2 b\n');
    checkRows(
      [
        ['1', 'a'],
        ['2', 'b'],
      ],
      record,
      null,
    );
    expect(() =>
      checkRows(
        [
          ['2', 'b'],
          ['1', 'a'],
        ],
        record,
        null,
      ),
    ).toThrow('expected');
    checkRows(
      [
        ['2', 'b'],
        ['1', 'a'],
      ],
      record,
      [],
    );
  });

  it('sorts rows or values', () => {
    expect(
      resultLines(
        [
          ['b', '1'],
          ['a', '2'],
        ],
        'rowsort',
      ),
    ).toEqual(['a 2', 'b 1']);
    expect(
      resultLines(
        [
          ['b', '1'],
          ['a', '2'],
        ],
        'valuesort',
      ),
    ).toEqual(['1', '2', 'a', 'b']);
  });

  it('ignores what is masked', () => {
    const record = query('query T\nq\n----\nrow <slt:ignore> end\n');
    checkRows([['row 17 end']], record, null);
    expect(() => checkRows([['row 17']], record, null)).toThrow('expected');
  });

  it('checks errors by state, pattern and text', () => {
    const error = Object.assign(new Error('relation "x" does not exist'), { code: '42P01', hint: 'look' });
    checkError(error, { kind: 'any' });
    checkError(error, { kind: 'state', state: '42P01' });
    checkError(error, { kind: 'regex', regex: /HINT: look/ });
    checkError(error, { kind: 'text', text: 'db error: ERROR: relation "x" does not exist\nHINT: look' });
    expect(() => checkError(error, { kind: 'state', state: '42703' })).toThrow('expected SQLSTATE 42703');
    expect(() => checkError(error, { kind: 'regex', regex: /other/ })).toThrow('expected error matching');
  });
});
