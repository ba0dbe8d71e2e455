/** What the command line prints: aligned tables, errors with a caret, one line for a failure, statements cut apart. */
import { describe, expect, it } from 'vitest';
import { sizeInBytes } from '../../bin/commands/serve.ts';
import { failureText } from '../../bin/output/failure.ts';
import { splitStatements } from '../../bin/output/splitStatements.ts';
import { caretLines, formatReport } from '../../bin/output/sqlFailure.ts';
import { formatTable } from '../../bin/output/table.ts';

describe('formatTable', () => {
  it('aligns as psql does', () => {
    const columns = [
      { name: 'id', right: true },
      { name: 'name', right: false },
      { name: 'n', right: true },
    ];
    const rows = [
      ['1', 'long name', '10'],
      ['200', null, null],
    ];
    expect(formatTable(columns, rows)).toBe(
      [
        ' id  |   name    | n  ',
        '-----+-----------+----',
        '   1 | long name | 10',
        ' 200 |           |   ',
        '(2 rows)',
        '',
      ].join('\n'),
    );
  });

  it('marks line breaks and measures wide characters', () => {
    const columns = [
      { name: 'a', right: false },
      { name: 'b', right: false },
    ];
    expect(formatTable(columns, [['x\ny', '日本']])).toBe(
      [' a |  b   ', '---+------', ' x+| 日本', ' y | ', '(1 row)', ''].join('\n'),
    );
  });

  it('shows empty results', () => {
    expect(formatTable([{ name: 'a', right: false }], [])).toBe(' a \n---\n(0 rows)\n');
    expect(formatTable([], [[]])).toBe('--\n(1 row)\n');
  });
});

describe('errors', () => {
  it('point at the place', () => {
    expect(caretLines('SELECT 1,\n  nosuch', 13)).toEqual(['LINE 2:   nosuch', '          ^']);
    expect(caretLines('SELECT', 7)).toEqual(['LINE 1: SELECT', '              ^']);
    expect(
      formatReport({ severity: 'ERROR', message: 'm', position: '8', detail: 'd', hint: 'h' }, 'SELECT x'),
    ).toBe('ERROR:  m\nLINE 1: SELECT x\n               ^\nDETAIL:  d\nHINT:  h\n');
  });

  it('are one line for the command line', () => {
    expect(
      failureText(Object.assign(new Error('x'), { code: 'EADDRINUSE', address: '127.0.0.1', port: 5 })),
    ).toBe('port in use: 127.0.0.1:5');
    expect(failureText(new Error('one\n  two'))).toBe('one two');
    expect(
      failureText(
        new AggregateError([
          Object.assign(new Error('x'), { code: 'ECONNREFUSED', address: '::1', port: 1 }),
        ]),
      ),
    ).toBe('no server answers at ::1:1');
  });
});

describe('splitStatements', () => {
  it('cuts at semicolons only', () => {
    const sql = 'SELECT \';\'; -- no; cut\n;; SELECT $$a;b$$, "x;y" /* ; */ ;\nSELECT 1';
    expect(splitStatements(sql)).toEqual(["SELECT ';'", 'SELECT $$a;b$$, "x;y"', 'SELECT 1']);
  });
});

describe('sizeInBytes', () => {
  it('reads sizes', () => {
    expect(sizeInBytes('512MB')).toBe(512 * 2 ** 20);
    expect(sizeInBytes('1.5GiB')).toBe(1.5 * 2 ** 30);
    expect(sizeInBytes('100')).toBe(100);
    expect(sizeInBytes('much')).toBeNull();
  });
});
