/** The entry points: splitting, spans, errors, limits. */
import { describe, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parse, parseExpr, warmUp } from '../../parser/parse.ts';
import { printExpr, printQuery, printStatement, printType } from '../../parser/print.ts';
import { type AnyNode, childNodes, equalTrees, isExpr, walk, walkExpr } from '../../parser/walk.ts';
import { goldenTexts } from './goldenFile.ts';

function failure(sql: string): SqlError {
  try {
    parse(sql);
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
  throw new Error(`accepted: ${sql}`);
}

describe('parse', () => {
  it('splits at semicolons and drops empty statements', () => {
    const sql = "; select 1 ;; -- x;\n insert into t values (';') /* ; */;";
    expect(parse(sql).map(({ text, start }) => [text, start])).toEqual([
      ['select 1', 2],
      ["insert into t values (';')", 21],
    ]);
  });

  it('gives nothing for nothing', () => {
    expect(parse('')).toEqual([]);
    expect(parse(' -- only a comment')).toEqual([]);
  });

  it('rejects the whole text for one mistake', () => {
    expect(failure('select 1; selec').position).toBe(10);
  });

  it('builds the grammar ahead', () => {
    warmUp();
    expect(printExpr(parseExpr('1+ 2'))).toBe('1 + 2');
  });

  it('reads single expressions to their end', () => {
    expect(() => parseExpr('1 2')).toThrow('syntax error at or near "2"');
    expect(() => parseExpr('')).toThrow('syntax error at end of input');
  });

  it('says what was expected', () => {
    const error = failure('delete t');
    expect([error.state, error.message, error.position, error.hint]).toEqual([
      '42601',
      'syntax error at or near "t"',
      7,
      'Expected FROM.',
    ]);
    expect(failure('select * from').hint).toBe('Expected a table.');
    expect(failure('select 1 +').hint).toContain('an expression');
  });

  it('finds a syntax error before a lexical one behind it', () => {
    expect(failure("select from from 'abc").position).toBe(12);
  });

  it('refuses what is not supported only when the whole text is valid', () => {
    expect(failure('with mutually recursive a (n int) as (select 1) select n from a').state).toBe('0A000');
    expect(failure('with mutually recursive a (n int) as (select 1) select n from a where').state).toBe(
      '42601',
    );
  });

  it('limits nesting', () => {
    for (const depth of [1000, 100_000]) {
      expect(failure(`select ${'('.repeat(depth)}1${')'.repeat(depth)}`).state).toBe('54001');
      expect(failure(`select ${'- '.repeat(depth)}1`).state).toBe('54001');
      expect(failure(`select ${'not '.repeat(depth)}true`).state).toBe('54001');
      expect(failure(`select ${'['.repeat(depth)}`).state).toBe('42601');
    }
    expect(parse(`select ${'('.repeat(50)}1${')'.repeat(50)}`)).toHaveLength(1);
    expect(parse(`select ${'f('.repeat(50)}1${')'.repeat(50)}`)).toHaveLength(1);
    expect(parse(`select * from ${'(select * from '.repeat(40)}t${')'.repeat(40)}`)).toHaveLength(1);
  });

  it('takes long chains of operators', () => {
    expect(parse(`select ${'1 + '.repeat(2000)}1`)).toHaveLength(1);
    expect(parse(`select ${'a and '.repeat(20_000)}b`)).toHaveLength(1);
  });

  it('gives every node a span that lies within its parent', () => {
    const check = (node: AnyNode): void => {
      expect(node.span.start).toBeLessThanOrEqual(node.span.end);
      for (const child of childNodes(node)) {
        if (child.kind !== 'Ident') {
          expect(child.span.start, `${child.kind} in ${node.kind}`).toBeGreaterThanOrEqual(node.span.start);
          expect(child.span.end, `${child.kind} in ${node.kind}`).toBeLessThanOrEqual(node.span.end);
        }
        check(child);
      }
    };
    for (const sql of goldenTexts()) {
      let statements: ReturnType<typeof parse> = [];
      try {
        statements = parse(sql);
      } catch {
        continue;
      }
      for (const { statement } of statements) check(statement);
    }
  });

  it('places nodes in the text given', () => {
    const sql = 'select 1; select foo + 2';
    const second = parse(sql)[1]?.statement;
    const spans: string[] = [];
    if (second !== undefined)
      walk(second, (node) => (isExpr(node) ? spans.push(sql.slice(node.span.start, node.span.end)) : 0));
    expect(spans).toEqual(['foo + 2', 'foo', '2']);
  });
});

describe('printing parts', () => {
  it('prints queries and types', () => {
    const statement = parse('values (1::numeric(3, 1)[], null)')[0]?.statement;
    expect(statement?.kind === 'SelectStatement' ? printQuery(statement.query) : '').toBe(
      'VALUES (1::numeric(3, 1)[], NULL)',
    );
    const cast = parseExpr('a::timestamp with time zone');
    expect(cast.kind === 'CastExpr' ? printType(cast.type) : '').toBe('timestamptz');
  });
});

describe('clauses of queries', () => {
  it.each([
    'WITH RECURSIVE r (a) AS (SELECT 1 UNION ALL SELECT a FROM r) SEARCH DEPTH FIRST BY a, b SET s SELECT * FROM r',
    "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT a FROM r) SEARCH BREADTH FIRST BY a SET s CYCLE a SET m TO 'y' DEFAULT 'n' USING p SELECT * FROM r",
    'WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT a FROM r) CYCLE a, b SET m USING p SELECT * FROM r',
    'SELECT x.a FROM t JOIN u USING (a, b) AS x',
    'SELECT * FROM ROWS FROM (f(1) AS (a int4, b text), g()) WITH ORDINALITY AS r (x, y)',
    'SELECT * FROM t AS u TABLESAMPLE bernoulli(10) REPEATABLE (7)',
  ])('%s is printed as it was', (sql) => {
    const parsed = must(parse(sql)[0]).statement;
    const printed = printStatement(parsed);
    expect(equalTrees(parsed, must(parse(printed)[0]).statement)).toBe(true);
    expect(printed.toLowerCase()).toBe(sql.toLowerCase());
  });

  it('names WITH MUTUALLY RECURSIVE', () => {
    const sql =
      'WITH MUTUALLY RECURSIVE a (n int) AS (SELECT n FROM b), b (n int) AS (SELECT 1) SELECT n FROM a';
    expect(() => parse(sql)).toThrow('WITH MUTUALLY RECURSIVE is not supported');
    expect(parse('WITH mutually AS (SELECT 1) SELECT * FROM mutually').length).toBe(1);
  });
});

describe('trees', () => {
  it('compares without spans and quoting', () => {
    expect(equalTrees(parseExpr('a  +  1'), parseExpr('"a" + 1'))).toBe(true);
    expect(equalTrees(parseExpr('a + 1'), parseExpr('a - 1'))).toBe(false);
    expect(equalTrees(parseExpr('(a, b)'), parseExpr('(a, b, c)'))).toBe(false);
    expect(equalTrees(parseExpr('f(a)'), parseExpr('f(a) over ()'))).toBe(false);
  });

  it('visits expressions without entering subqueries', () => {
    const kinds: string[] = [];
    walkExpr(parseExpr('a + coalesce((select b from t), sum(c) over (order by d))'), (expr) =>
      kinds.push(expr.kind),
    );
    expect(kinds).toEqual([
      'Binary',
      'ColumnRef',
      'SpecialCall',
      'ScalarSubquery',
      'FunctionCall',
      'ColumnRef',
      'ColumnRef',
    ]);
  });
});
