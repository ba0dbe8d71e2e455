import { describe, expect, it } from 'vitest';
import { arrayChangeFunctions } from '../../../executor/functions/arrayChange.ts';
import { arrayFactFunctions } from '../../../executor/functions/arrayFacts.ts';
import { byteaFunctions } from '../../../executor/functions/byteaFunctions.ts';
import { evaluateSql } from '../../harness/evaluateSql.ts';
import { checkExamples } from './exampleChecks.ts';

describe('arrays', () => {
  it('changes', () => checkExamples(arrayChangeFunctions));
  it('facts', () => checkExamples(arrayFactFunctions));

  it('concatenates as PostgreSQL does', () => {
    expect(evaluateSql("'[0:1]={1,2}'::int[] || 3")).toBe('[0:2]={1,2,3}');
    expect(evaluateSql('NULL::int[] || ARRAY[1]')).toBe('{1}');
    expect(evaluateSql('ARRAY[1,2] || 2.5')).toBe('{1,2,2.5}');
    expect(evaluateSql("ARRAY['a'] || 'b'::text")).toBe('{a,b}');
    expect(evaluateSql('array_append(ARRAY[1], NULL)')).toBe('{1,NULL}');
    expect(() => evaluateSql('ARRAY[[1,2]] || ARRAY[[1]]')).toThrow('cannot concatenate incompatible arrays');
    expect(() => evaluateSql('array_append(ARRAY[[1,2]], 3)')).toThrow(
      'argument must be empty or one-dimensional array',
    );
  });

  it('treats NULL elements by rule', () => {
    expect(evaluateSql('ARRAY[1,NULL] @> ARRAY[NULL]::int[]')).toBe('f');
    expect(evaluateSql('array_position(ARRAY[1,NULL], NULL)')).toBe('2');
    expect(evaluateSql('array_remove(ARRAY[1,NULL,2], NULL)')).toBe('{1,2}');
    expect(evaluateSql('ARRAY[]::int[] <@ ARRAY[1]')).toBe('t');
    expect(evaluateSql("array_distinct(ARRAY['b',NULL,'a','b',NULL])")).toBe('{b,NULL,a}');
  });
});

describe('binary strings', () => {
  it('functions', () => checkExamples(byteaFunctions));
  it('checks indexes', () => {
    expect(() => evaluateSql("get_byte('\\x12'::bytea, 1)")).toThrow('index 1 out of valid range, 0..0');
    expect(() => evaluateSql("set_bit('\\x12'::bytea, 3, 2)")).toThrow('new bit must be 0 or 1');
    expect(evaluateSql("substring('\\x123456'::bytea, -1, 4)")).toBe('\\x1234');
  });
});
