/** The bulk path for VALUES gives the trees of the ordinary one. */
import { describe, expect, it } from 'vitest';
import type { Query } from '../../parser/ast/query.ts';
import { tokenize } from '../../parser/lexer.ts';
import { literalRows } from '../../parser/literalRows.ts';
import { parse } from '../../parser/parse.ts';

function rowsOf(sql: string): unknown {
  const statement = parse(sql)[0]?.statement;
  const query: Query | null =
    statement?.kind === 'Insert'
      ? statement.source
      : statement?.kind === 'SelectStatement'
        ? statement.query
        : null;
  return query?.body.kind === 'Values' ? query.body.rows : null;
}

describe('rows of constants', () => {
  const rows = "(1, -2.5, 'x', null, true, false), (2, - 3, '', null, false, true)";

  it('are the same as by the grammar', () => {
    // An added row with a call sends the whole of a list that starts with it through the grammar.
    const slow = rowsOf(`values (f()), ${rows}`) as readonly { span: { start: number } }[][];
    const fast = rowsOf(`values (  1), ${rows}`) as readonly unknown[];
    expect(slow.slice(1)).toEqual(fast.slice(1));
  });

  it('stop where something else comes', () => {
    const taken = (text: string): number => literalRows(tokenize(text), 0).rows.length;
    expect(taken(rows)).toBe(2);
    expect(taken('(1), (a), (2)')).toBe(1);
    expect(taken('(1 + 1)')).toBe(0);
    expect(taken('()')).toBe(0);
    expect(taken('(1')).toBe(0);
    expect(taken('(1, )')).toBe(0);
    expect(taken('(1) returning a')).toBe(1);
    expect(rowsOf('insert into t values (1), (a), (2)')).toHaveLength(3);
    expect(rowsOf('insert into t values (1), (2), (3 + 4) returning a')).toHaveLength(3);
  });

  it('leave errors to the grammar', () => {
    expect(() => parse('values (1), ')).toThrow('syntax error at end of input');
    expect(() => parse('values (1),, (2)')).toThrow('syntax error at or near ","');
    expect(() => parse('values (1) (2)')).toThrow('syntax error at or near "("');
    expect(() => parse('values (1), ()')).toThrow('syntax error at or near ")"');
    expect(() => parse("values (1), ('a")).toThrow('unterminated quoted string');
  });
});
