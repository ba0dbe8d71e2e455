import { describe, expect, it } from 'vitest';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { evaluateScalar } from '../../../executor/codegen/evaluate.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { show, testContext } from '../../harness/operators.ts';
import { and, bool, call, cast, column, int, literal, or, scalarFunction } from './expressions.ts';

const { bool: b, int4, int8, float8, numeric, text } = types;
const context = testContext().eval;

function value(scalar: Scalar, row: Row = []): string {
  return show(evaluateScalar(scalar, context, row));
}

function caught(scalar: Scalar, row: Row = []): SqlError {
  try {
    evaluateScalar(scalar, context, row);
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
  throw new TypeError('no error');
}

const ints = (...items: readonly (number | null)[]): Scalar => literal(new SqlArray(items), arrayOf(int4));
const inSet = (operand: Scalar, values: readonly Value[], hasNull = false, negated = false): Scalar => ({
  kind: 'inSet',
  operand,
  values,
  hasNull,
  negated,
  type: b,
});
const distinct = (left: Scalar, right: Scalar, negated = false): Scalar => ({
  kind: 'isDistinct',
  left,
  right,
  negated,
  type: b,
});
const quantified = (quantifier: 'any' | 'all', left: Scalar, right: Scalar): Scalar => ({
  kind: 'quantified',
  fn: scalarFunction('int4eq'),
  quantifier,
  left,
  right,
  type: b,
});
const fails = call('int4div', int4, int(1), column(0, int4));
const isTrue = (operand: Scalar): Scalar => call('int4eq', b, operand, int(1));

describe('evaluateScalar', () => {
  it('has three-valued logic', () => {
    const values = [true, false, null];
    const truth = (f: (x: Scalar, y: Scalar) => Scalar): string =>
      values.flatMap((x) => values.map((y) => value(f(bool(x), bool(y))))).join(' ');
    expect(truth(and)).toBe('t f NULL f f f NULL f NULL');
    expect(truth(or)).toBe('t t t t f NULL t NULL NULL');
    expect(truth((x) => ({ kind: 'not', operand: x, type: b }))).toBe('f f f t t t NULL NULL NULL');
    expect(truth((x, y) => distinct(x, y))).toBe('f t t t f t t t f');
    expect(truth((x, y) => distinct(x, y, true))).toBe('t f f f t f f f t');
    expect(truth((x) => ({ kind: 'isBool', operand: x, test: true, negated: true, type: b }))).toBe(
      'f f f t t t t t t',
    );
  });

  it('evaluates only what decides', () => {
    expect(value(and(bool(false), isTrue(fails)), [0])).toBe('f');
    expect(value(or(bool(true), isTrue(fails)), [0])).toBe('t');
    expect(value({ kind: 'coalesce', operands: [int(null), int(2), fails], type: int4 }, [0])).toBe('2');
    expect(
      value({ kind: 'case', whens: [{ when: bool(true), then: int(1) }], otherwise: fails, type: int4 }, [0]),
    ).toBe('1');
    expect(value(call('int4div', int4, column(0, int4), column(1, int4)), [null, 0])).toBe('NULL');
  });

  it('raises errors with their position', () => {
    const error = caught(fails, [0]);
    expect([error.state, error.message, error.position]).toEqual(['22012', 'division by zero', 7]);
    const bad = caught(cast(column(0, text), int4), ['x']);
    expect([bad.state, bad.position]).toEqual(['22P02', 3]);
    expect(
      caught(and(isTrue(column(0, int4)), isTrue(call('int4div', int4, int(1), column(1, int4)))), [1, 0])
        .position,
    ).toBe(7);
  });

  it('casts inline and by function', () => {
    expect(value(cast(int(5), int8))).toBe('5');
    expect(evaluateScalar(cast(column(0, int4), int8), context, [5])).toBe(5n);
    expect(evaluateScalar(cast(column(0, int8), float8), context, [5n])).toBe(5);
    expect(evaluateScalar(cast(column(0, text), numeric), context, ['1.50'])).toEqual(Decimal.parse('1.50'));
    expect(value(cast(column(0, text), int4, true), ['x'])).toBe('NULL');
    expect(value(cast(column(0, text), { id: 'varchar', length: 2 }), ['abc'])).toBe('ab');
    expect(value(cast(column(0, int4), text), [null])).toBe('NULL');
  });

  it('looks values up in sets', () => {
    const small = [1, 2, 3];
    const large = Array.from({ length: 30 }, (_, i) => i);
    for (const set of [small, large]) {
      expect(value(inSet(column(0, int4), set), [3])).toBe('t');
      expect(value(inSet(column(0, int4), set), [99])).toBe('f');
      expect(value(inSet(column(0, int4), set), [null])).toBe('NULL');
      expect(value(inSet(column(0, int4), set, true), [99])).toBe('NULL');
      expect(value(inSet(column(0, int4), set, true, true), [3])).toBe('f');
      expect(value(inSet(column(0, int4), set, false, true), [99])).toBe('t');
    }
    const decimals = [Decimal.parse('1.0'), Decimal.parse('2.5')];
    expect(value(inSet(column(0, numeric), decimals), [Decimal.parse('2.50')])).toBe('t');
    expect(value(inSet(column(0, float8), [1, Number.NaN]), [Number.NaN])).toBe('t');
    expect(value(inSet(column(0, types.bpchar), ['a  ']), ['a'])).toBe('t');
  });

  it('compares with the elements of an array', () => {
    expect(value(quantified('any', int(2), ints(1, 2)))).toBe('t');
    expect(value(quantified('any', int(3), ints(1, 2)))).toBe('f');
    expect(value(quantified('any', int(3), ints(1, null)))).toBe('NULL');
    expect(value(quantified('any', int(1), ints(1, null)))).toBe('t');
    expect(value(quantified('all', int(1), ints(1, 1)))).toBe('t');
    expect(value(quantified('all', int(1), ints(1, null)))).toBe('NULL');
    expect(value(quantified('all', int(1), ints(2, null)))).toBe('f');
    expect(value(quantified('all', int(1), ints()))).toBe('t');
    expect(value(quantified('any', int(1), literal(null, arrayOf(int4))))).toBe('NULL');
  });

  it('builds, subscripts and slices arrays', () => {
    const array = (nested: boolean, ...items: Scalar[]): Scalar => ({
      kind: 'array',
      items,
      nested,
      type: arrayOf(int4),
    });
    const at = (operand: Scalar, ...indexes: number[]): Scalar => ({
      kind: 'subscript',
      operand,
      indexes: indexes.map(int),
      type: int4,
    });
    const slice = (operand: Scalar, lower: number | null, upper: number | null): Scalar => ({
      kind: 'slice',
      operand,
      bounds: [{ lower: lower === null ? null : int(lower), upper: upper === null ? null : int(upper) }],
      type: arrayOf(int4),
    });
    const flat = array(false, int(1), column(0, int4), int(3));
    expect(value(flat, [null])).toBe('{1,NULL,3}');
    const nested = array(true, ints(1, 2), ints(3, 4));
    expect(value(at(nested, 2, 1))).toBe('3');
    expect(value(at(nested, 2))).toBe('NULL');
    expect(value(at(flat, 4), [2])).toBe('NULL');
    expect(value(at(flat, 2), [2])).toBe('2');
    expect(value(slice(flat, 2, null), [2])).toBe('{2,3}');
    expect(value(slice(flat, null, 1), [2])).toBe('{1}');
    expect(value(slice(flat, 5, 6), [2])).toBe('{}');
    expect(value(slice(nested, 2, 2))).toBe('{3,4}');
    expect(caught(array(true, ints(1, 2), ints(3))).state).toBe('2202E');
  });

  it('builds rows and takes them apart', () => {
    const type: DataType = {
      id: 'struct',
      fields: [
        { name: 'a', type: int4 },
        { name: 'b', type: int4 },
      ],
    };
    const row = (x: number | null, y: number | null): Scalar => ({
      kind: 'row',
      items: [int(x), int(y)],
      type,
    });
    const isNull = (operand: Scalar, negated: boolean): Scalar => ({
      kind: 'isNull',
      operand,
      negated,
      type: b,
    });
    expect(value(row(1, null))).toBe('(1,NULL)');
    expect(value({ kind: 'field', operand: row(1, 2), index: 1, type: int4 })).toBe('2');
    expect(value({ kind: 'field', operand: literal(null, type), index: 1, type: int4 })).toBe('NULL');
    expect(
      [row(null, null), row(1, null), row(1, 2)].map((r) => value(isNull(r, false)) + value(isNull(r, true))),
    ).toEqual(['tf', 'ff', 'ft']);
    expect(value(distinct(row(1, null), row(1, null)))).toBe('f');
  });

  it('takes the greatest and least of what is not NULL', () => {
    const extreme = (kind: 'greatest' | 'least', ...items: (number | null)[]): string =>
      value({ kind, operands: items.map(int), type: int4 });
    expect(extreme('greatest', 1, null, 3, 2)).toBe('3');
    expect(extreme('least', null, 2, 1)).toBe('1');
    expect(extreme('least', null, null)).toBe('NULL');
    const floats = (kind: 'greatest' | 'least'): string =>
      value({ kind, operands: [1, Number.NaN, 2].map((x) => literal(x, float8)), type: float8 });
    expect(floats('greatest')).toBe('NaN');
    expect(floats('least')).toBe('1');
  });
});
