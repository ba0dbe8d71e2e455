import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { scalarText } from '../../../planner/explain/scalarText.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { and, FALSE, isNull, literal, not, or, sameValue, TRUE } from '../../../planner/plan/scalars.ts';
import { simplify } from '../../../planner/rules/foldConstants.ts';
import { big, col, env, int, op, t, u } from '../build.ts';

const text = (s: Scalar, schema = t.columns): string =>
  scalarText(simplify(s, schema, { ...env, mode: 'adhoc', onClose: false }), schema);
const NULL = literal(null, types.bool);

describe('foldConstants', () => {
  it('evaluates constants, but leaves errors for run time', () => {
    expect(text(op(int(2), '+', int(3)))).toBe('5');
    expect(text(op(op(int(1), '+', int(1)), '=', col(0)))).toBe('2 = a');
    expect(text(op(int(1), '/', int(0)))).toBe('1 / 0');
    expect(text(op(col(0), '+', int(null)))).toBe('NULL');
  });

  it('simplifies conjunctions and disjunctions in three-valued logic', () => {
    const p = op(col(0), '=', int(1));
    expect(text(and([TRUE, p, p]))).toBe('a = 1');
    expect(text(and([p, FALSE]))).toBe('false');
    expect(text({ kind: 'and', operands: [p, NULL], type: types.bool })).toBe('(a = 1) AND NULL');
    expect(text(or([p, TRUE]))).toBe('true');
    expect(text(or([p, op(int(3), '=', col(0)), p]))).toBe('a IN (1, 3)');
    const q = op(col(1), '>', int(5));
    expect(text(or([and([p, q]), and([p, op(col(1), '<', int(2))])]))).toBe(
      '(a = 1) AND ((b > 5) OR (b < 2))',
    );
    expect(text(or([and([p, q]), p]))).toBe('a = 1');
  });

  it('moves NOT inwards where the result is the same', () => {
    expect(text(not(op(col(0), '<', int(1))))).toBe('a >= 1');
    expect(text(not(isNull(col(0))))).toBe('a IS NOT NULL');
    expect(text(not(or([op(col(0), '=', int(1)), isNull(col(1))])))).toBe('(a <> 1) AND (b IS NOT NULL)');
    expect(text(not(not(op(col(0), '=', int(1)))))).toBe('a = 1');
  });

  it('knows columns that are never NULL', () => {
    expect(text(isNull(col(0)), u.columns)).toBe('false');
    expect(text(isNull(col(1)), u.columns)).toBe('v IS NULL');
    const coalesced: Scalar = { kind: 'coalesce', operands: [col(0), int(1)], type: types.int4 };
    expect(text(coalesced, u.columns)).toBe('id');
    expect(text(coalesced)).toBe('coalesce(a, 1)');
    expect(text(sameValue(col(0), int(null)))).toBe('a IS NULL');
  });

  it('cuts CASE at constant conditions', () => {
    const p = op(col(0), '=', int(1));
    const whens = [
      { when: FALSE, then: int(1) },
      { when: p, then: int(2) },
      { when: TRUE, then: int(3) },
    ];
    expect(text({ kind: 'case', whens, otherwise: int(4), type: types.int4 })).toBe(
      'CASE WHEN a = 1 THEN 2 ELSE 3 END',
    );
    expect(text({ kind: 'case', whens: whens.slice(2), otherwise: null, type: types.int4 })).toBe('3');
  });

  it('compares integer columns in their own width', () => {
    const wide: Scalar = { kind: 'cast', operand: col(0), type: types.int8, explicit: false, try: false };
    expect(text(op(wide, '=', big(7n)))).toBe('a = 7');
    expect(simplify(op(col(0), '<', big(7n)), t.columns, { ...env, mode: 'adhoc', onClose: false })).toEqual(
      op(col(0), '<', int(7)),
    );
    expect(text(op(wide, '=', big(1n << 40n)))).toBe('a::bigint = 1099511627776');
  });
});
