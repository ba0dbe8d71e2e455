import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import type { TypePattern } from '../../../common/function.ts';
import { resolve, resultType } from '../../../planner/bind/overload.ts';

interface Candidate {
  readonly args: readonly TypePattern[];
  readonly variadic?: boolean;
}

const candidate = (...args: TypePattern[]): Candidate => ({ args });
const variadic = (...args: TypePattern[]): Candidate => ({ args, variadic: true });

/** The argument types of the candidate that is chosen. */
function chosen(candidates: readonly Candidate[], ...args: DataType[]): string {
  const match = resolve(candidates, args);
  return match === null || match === 'ambiguous' ? String(match) : match.fn.args.join();
}

const numbers = (['int2', 'int4', 'int8', 'numeric', 'float4', 'float8'] as const).map((t) =>
  candidate(t, t),
);

describe('overload resolution', () => {
  it('prefers an exact match', () => {
    expect(chosen(numbers, types.int4, types.int4)).toBe('int4,int4');
    expect(chosen([candidate('anyelement'), candidate('int4')], types.int4)).toBe('int4');
  });

  it('keeps the candidates with most exact matches', () => {
    expect(chosen(numbers, types.int4, types.int8)).toBe('int8,int8');
    expect(chosen(numbers, types.int4, types.numeric)).toBe('numeric,numeric');
    expect(chosen(numbers, types.numeric, types.float8)).toBe('float8,float8');
  });

  it('prefers the preferred type of a category', () => {
    expect(chosen([candidate('numeric'), candidate('float8')], types.int4)).toBe('float8');
    expect(chosen([candidate('timestamp'), candidate('timestamptz')], types.date)).toBe('timestamptz');
  });

  it('takes an untyped literal to be of the other side of an operator', () => {
    expect(chosen(numbers, types.int2, types.unknown)).toBe('int2,int2');
    expect(chosen([candidate('text', 'text'), ...numbers], types.unknown, types.int8)).toBe('int8,int8');
  });

  it('takes untyped literals to be text where that fits, else of the category that all candidates share', () => {
    expect(chosen([candidate('text'), candidate('int4')], types.unknown)).toBe('text');
    expect(chosen([candidate('int4'), candidate('float8')], types.unknown)).toBe('float8');
    expect(chosen([candidate('int4'), candidate('interval')], types.unknown)).toBe('ambiguous');
  });

  it('casts implicitly only', () => {
    expect(chosen([candidate('int4')], types.int8)).toBe('null');
    expect(chosen([candidate('text')], types.int4)).toBe('null');
    expect(chosen([candidate('text')], types.varchar)).toBe('text');
  });

  it('repeats a variadic parameter, at least once', () => {
    const concat = [variadic('text', 'any')];
    expect(chosen(concat, types.text, types.int4, types.date)).toBe('text,any');
    expect(chosen(concat, types.text)).toBe('null');
  });
});

describe('polymorphic signatures', () => {
  const result = (c: Candidate, returns: TypePattern, ...args: DataType[]): DataType | string | null => {
    const match = resolve([c], args);
    return match === null || match === 'ambiguous' ? match : resultType(returns, match);
  };

  it('take all anyelement for one type', () => {
    const append = candidate('anyarray', 'anyelement');
    expect(result(append, 'anyarray', arrayOf(types.int4), types.int4)).toEqual(arrayOf(types.int4));
    expect(result(append, 'anyarray', arrayOf(types.int4), types.unknown)).toEqual(arrayOf(types.int4));
    expect(result(append, 'anyarray', arrayOf(types.int4), types.text)).toBeNull();
  });

  it('find the common type of anycompatible', () => {
    const append = candidate('anycompatiblearray', 'anycompatible');
    expect(result(append, 'anycompatiblearray', arrayOf(types.int4), types.numeric)).toEqual(
      arrayOf(types.numeric),
    );
    expect(result(append, 'anycompatible', arrayOf(types.int4), types.text)).toBeNull();
  });

  it('are indeterminate when nothing but literals is given', () => {
    const match = resolve([candidate('anyelement')], [types.unknown]);
    expect(match !== null && match !== 'ambiguous' && match.indeterminate).toBe(true);
  });
});
