/** Tokens by PostgreSQL's lexical rules; PostgreSQL's own scanner is the judge of where they begin and end. */
import { beforeAll, describe, expect, it } from 'vitest';
import { tokenize } from '../../parser/lexer.ts';
import type { SqlToken } from '../../parser/tokens.ts';
import { goldenTexts } from './goldenFile.ts';
import { loadOracle, postgresTokens } from './pgOracle.ts';

const values = (sql: string): readonly string[] => tokenize(sql).map((token) => token.value);
const images = (sql: string): readonly string[] => tokenize(sql).map((token) => token.image);
const errorOf = (sql: string): string => {
  const last: SqlToken | undefined = tokenize(sql).at(-1);
  return last?.error === null || last?.error === undefined
    ? ''
    : `${last.error.message} @${last.error.position}`;
};

describe('identifiers', () => {
  it('folds ASCII letters only', () => {
    expect(values('SELECT Foo ÄB "Foo"')).toEqual(['select', 'foo', 'Äb', 'Foo']);
  });

  it('cuts at 63 bytes, never inside a character', () => {
    expect(values('a'.repeat(70))).toEqual(['a'.repeat(63)]);
    expect(values('ä'.repeat(40))).toEqual(['ä'.repeat(31)]);
    expect(values(`"${'x'.repeat(62)}ä"`)).toEqual(['x'.repeat(62)]);
  });

  it('reads quotes and Unicode escapes', () => {
    expect(values('"a""b" U&"d\\0061t\\+000061" U&"d!0061t" UESCAPE \'!\'')).toEqual(['a"b', 'data', 'dat']);
  });

  it('takes dollars and digits inside', () => {
    expect(values('a$1 b_2$ _x')).toEqual(['a$1', 'b_2$', '_x']);
  });
});

describe('strings', () => {
  it.each([
    ["'it''s'", "it's"],
    ["'a\\b'", 'a\\b'],
    ["'a'\n  'b'", 'ab'],
    ["'a' -- why\n 'b'", 'ab'],
    ["E'a\\nb\\t\\\\\\''", "a\nb\t\\'"],
    ["E'\\101\\x41\\u0041\\U00000041'", 'AAAA'],
    ["E'\\xc3\\xa4'", 'ä'],
    ["E'\\ud83d\\ude00'", '😀'],
    ["U&'d\\0061t\\+01F600'", 'dat😀'],
    ["U&'\\d83d\\de00'", '😀'],
    ["U&'d!0061' UESCAPE '!'", 'da'],
    ["$$a 'b' $x$$", "a 'b' $x"],
    ['$t$a $$ b$t$', 'a $$ b'],
    ["B'101'", '101'],
    ["x'1F'", '1F'],
  ])('reads %s', (sql, value) => {
    expect(values(sql)).toEqual([value]);
  });

  it('does not join strings on one line', () => {
    expect(values("'a' 'b'")).toEqual(['a', 'b']);
  });

  it("takes N'' for nchar ''", () => {
    expect(values("N'x'")).toEqual(['nchar', 'x']);
  });
});

describe('numbers', () => {
  it.each([
    ['42', '42', 'Int'],
    ['2147483647', '2147483647', 'Int'],
    ['2147483648', '2147483648', 'Float'],
    ['1_000', '1000', 'Int'],
    ['0x1F', '31', 'Int'],
    ['0o17', '15', 'Int'],
    ['0b11', '3', 'Int'],
    ['0xE', '14', 'Int'],
    ['0xFFFFFFFFFF', '1099511627775', 'Float'],
    ['1.5', '1.5', 'Float'],
    ['.5', '.5', 'Float'],
    ['5.', '5.', 'Float'],
    ['1e10', '1e10', 'Float'],
    ['1.5E-3', '1.5E-3', 'Float'],
  ])('reads %s', (sql, value, type) => {
    expect(tokenize(sql).map((token) => [token.value, token.tokenType.name])).toEqual([[value, type]]);
  });

  it('leaves two dots alone', () => {
    expect(images('1..2')).toEqual(['1', '..', '2']);
  });
});

describe('operators', () => {
  it.each([
    ['a+-b', ['a', '+', '-', 'b']],
    ['a@-b', ['a', '@-', 'b']],
    ['a<-b', ['a', '<', '-', 'b']],
    ['a*-+b', ['a', '*', '-', '+', 'b']],
    ['a->>b', ['a', '->>', 'b']],
    ['a/*x*/b', ['a', 'b']],
    ['a+--x', ['a', '+']],
    ['a||/*x*/b', ['a', '||', 'b']],
    ['a::b:=c=>d', ['a', '::', 'b', ':=', 'c', '=>', 'd']],
    ['struct<a struct<b int>>', ['struct', '<', 'a', 'struct', '<', 'b', 'int', '>', '>']],
    ['a >> b', ['a', '>>', 'b']],
  ])('splits %s', (sql, expected) => {
    expect(images(sql)).toEqual(expected);
  });

  it('reads != as <>', () => {
    expect(values('a != b')).toEqual(['a', '<>', 'b']);
  });
});

describe('comments', () => {
  it('nests block comments and ends line comments at either line end', () => {
    expect(images('a /* x /* y */ z */ b -- c\rd -- e\nf')).toEqual(['a', 'b', 'd', 'f']);
  });
});

describe('errors', () => {
  it.each([
    ["a 'b", 'unterminated quoted string at or near "\'b" @2'],
    ["E'b", 'unterminated quoted string at or near "E\'b" @0'],
    ["x'1", 'unterminated hexadecimal string literal at or near "x\'1" @0'],
    ["b'1", 'unterminated bit string literal at or near "b\'1" @0'],
    ['a "b', 'unterminated quoted identifier at or near ""b" @2'],
    ['""', 'zero-length delimited identifier at or near """" @0'],
    ['$a$ b', 'unterminated dollar-quoted string at or near "$a$ b" @0'],
    ['/* a /* */', 'unterminated /* comment at or near "/* a /* */" @0'],
    ['1a', 'trailing junk after numeric literal at or near "1a" @0'],
    ['1e', 'trailing junk after numeric literal at or near "1e" @0'],
    ['0x', 'invalid hexadecimal integer at or near "0x" @0'],
    ["E'\\u00'", 'invalid Unicode escape @2'],
    ["E'\\xff'", 'invalid byte sequence for encoding "UTF8": 0xff @2'],
    ["E'\\ud83d'", 'invalid Unicode surrogate pair @8'],
    ["U&'\\zz'", 'invalid Unicode escape @3'],
    ['a ` b', ''],
    ['a \\ b', 'syntax error at or near "\\" @2'],
  ])('says of %s what PostgreSQL says', (sql, message) => {
    expect(errorOf(sql)).toBe(message);
  });
});

describe('against the scanner of PostgreSQL', () => {
  beforeAll(loadOracle);

  /** Tokens that we cut otherwise on purpose. */
  const ours = /struct\s*<|U&|\bN'|map \{|"abc|'abc|\$tag\$ abc|\/\* abc|""|1a|0x$|1__0|\\u12/i;

  it('cuts the golden files as PostgreSQL does', () => {
    for (const sql of goldenTexts()) {
      if (ours.test(sql)) continue;
      const theirs = postgresTokens(sql).map((token) => [token.start, token.text]);
      expect(
        tokenize(sql).map((token) => [Buffer.byteLength(sql.slice(0, token.startOffset)), token.image]),
        sql,
      ).toEqual(theirs);
    }
  });
});
