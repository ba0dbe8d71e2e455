/** Names, OIDs and casts of types. */
import { describe, expect, it } from 'vitest';
import { canCast, castContext, castFunction, castValue, isNoOpCast } from '../../common/cast.ts';
import { arrayOf, type DataType, sameType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import {
  formatType,
  isPreferredType,
  oidOf,
  typeCategory,
  typeFromName,
  typeLength,
  typeName,
  typeNames,
  typeOfOid,
} from '../../common/typeTable.ts';
import { context, typeNamed } from './operations.ts';

const struct = (...fields: [string, DataType][]): DataType => ({
  id: 'struct',
  fields: fields.map(([name, type]) => ({ name, type })),
});

describe('type names', () => {
  it.each([
    ['int', 'integer'],
    ['int4', 'integer'],
    ['bigint', 'bigint'],
    ['string', 'character varying'],
    ['decimal', 'numeric'],
    ['real', 'real'],
    ['double precision', 'double precision'],
    ['timestamptz', 'timestamp with time zone'],
    ['timestamp without time zone', 'timestamp without time zone'],
    ['varchar', 'character varying'],
    ['"char"', '"char"'],
    ['_int4', 'integer[]'],
    ['text[]', 'text[]'],
    ['character', 'character(1)'],
    ['bytes', 'bytea'],
  ])('%s is %s', (name, shown) => {
    const type = typeFromName(name);
    expect(type === null ? null : formatType(type)).toBe(shown);
  });

  it('takes modifiers and checks them', () => {
    const shown = (name: string, ...modifiers: number[]): string => {
      const type = typeFromName(name, modifiers);
      return type === null ? 'unknown' : formatType(type);
    };
    expect(shown('varchar', 10)).toBe('character varying(10)');
    expect(shown('bpchar', 3)).toBe('character(3)');
    expect(shown('numeric', 10)).toBe('numeric(10,0)');
    expect(shown('numeric', 10, 2)).toBe('numeric(10,2)');
    expect(shown('float', 24)).toBe('real');
    expect(shown('float', 25)).toBe('double precision');
    expect(shown('nosuch')).toBe('unknown');
    expect(() => shown('varchar', 0)).toThrow('length for type varchar must be at least 1');
    expect(() => shown('numeric', 0)).toThrow('NUMERIC precision 0 must be between 1 and 1000');
    expect(() => shown('int4', 3)).toThrow('type modifier is not allowed for type "int4"');
    expect(() => shown('serial')).toThrow('type serial is not supported');
    expect(shown('timestamp', 3)).toBe('timestamp(3) without time zone');
  });

  it('goes from every OID to the type and back', () => {
    for (const name of typeNames()) {
      const type = typeFromName(name);
      if (type === null) throw new Error(name);
      const back = typeOfOid(oidOf(type));
      expect(back === null ? null : sameType(back, type)).toBe(true);
      if (type.id !== 'unknown' && type.id !== 'void') {
        const array = typeOfOid(oidOf(arrayOf(type)));
        expect(array === null ? null : sameType(array, arrayOf(type))).toBe(true);
      }
    }
    expect(oidOf(struct(['a', types.int4]))).toBe(2249);
    expect(oidOf(arrayOf(struct(['a', types.int4])))).toBe(2287);
    expect(oidOf(arrayOf(arrayOf(types.int4)))).toBe(1007);
    expect(typeOfOid(1)).toBeNull();
  });

  it('prints structs', () => {
    expect(formatType(struct(['a', types.int4], ['B c', types.text]))).toBe('struct<a integer, "B c" text>');
    expect(formatType(struct(['f1', types.int4], ['f2', types.text]))).toBe('record');
    expect(typeName(struct(['a', types.int4]))).toBe('record');
  });

  it('knows categories', () => {
    expect(typeCategory(types.int4)).toBe('N');
    expect(typeCategory(arrayOf(types.int4))).toBe('A');
    expect(isPreferredType(types.float8)).toBe(true);
    expect(isPreferredType(types.int8)).toBe(false);
    expect(typeLength(types.int8)).toBe(8);
    expect(typeLength(types.text)).toBe(-1);
  });
});

describe('casts', () => {
  it.each([
    ['int4', 'int8', 'implicit'],
    ['int8', 'int4', 'assignment'],
    ['int4', 'bool', 'explicit'],
    ['int4', 'text', 'assignment'],
    ['text', 'int4', 'explicit'],
    ['unknown', 'int4', 'implicit'],
    ['date', 'timestamptz', 'implicit'],
    ['timestamptz', 'timestamp', 'assignment'],
    ['jsonb', 'int4', 'explicit'],
    ['jsonb', 'text', 'assignment'],
    ['int4', 'date', null],
    ['bool', 'int8', null],
    ['int4[]', 'text[]', 'assignment'],
    ['int4[]', 'int4', null],
  ])('%s to %s is %s', (from, to, expected) => {
    expect(castContext(typeNamed(from), typeNamed(to))).toBe(expected);
  });

  it('casts rows field by field', () => {
    const from = struct(['a', types.int4], ['b', types.text]);
    const to = struct(['x', types.int8], ['y', types.varchar]);
    expect(castContext(from, to)).toBe('implicit');
    expect(castValue([1, null], from, to, false, context)).toEqual([1n, null]);
    expect(castContext(from, struct(['a', types.int4]))).toBeNull();
    expect(() => castFunction(from, struct(['a', types.int4]), true)).toThrow(
      'cannot cast type record to record',
    );
  });

  it('casts arrays element by element and keeps their shape', () => {
    const value = new SqlArray([1, null, 3, 4], [2, 2], [0, 1]);
    const result = castValue(value, arrayOf(types.int4), arrayOf(types.numeric), false, context);
    expect(result).toEqual(
      new SqlArray([Decimal.fromInt(1), null, Decimal.fromInt(3), Decimal.fromInt(4)], [2, 2], [0, 1]),
    );
  });

  it('cuts text only when asked', () => {
    const short = typeNamed('varchar(3)');
    expect(castValue('abcdef', types.text, short, true, context)).toBe('abc');
    expect(() => castValue('abcdef', types.text, short, false, context)).toThrow(
      'value too long for type character varying(3)',
    );
    expect(castValue('abc   ', types.text, short, false, context)).toBe('abc');
    expect(castValue('abcdef', types.unknown, short, true, context)).toBe('abc');
  });

  it('refuses what has no cast, and tells casts that do nothing', () => {
    expect(() => castFunction(types.int4, types.date, true)).toThrow('cannot cast type integer to date');
    expect(canCast(types.int8, types.int4, 'implicit')).toBe(false);
    expect(canCast(types.int8, types.int4, 'assignment')).toBe(true);
    expect(isNoOpCast(types.text, types.varchar)).toBe(true);
    expect(isNoOpCast(types.text, typeNamed('varchar(3)'))).toBe(false);
    expect(isNoOpCast(types.int4, types.int8)).toBe(false);
  });

  it('resolves object names through the catalog at hand', () => {
    const objects = {
      oidOf: (_kind: string, name: string) => (name === 't' ? 16_384 : null),
      nameOf: (_kind: string, oid: number) => (oid === 16_384 ? 't' : null),
    };
    const known = { ...context, objects };
    expect(castValue('t', types.text, types.regclass, true, known)).toBe(16_384);
    expect(castValue(16_384, types.regclass, types.text, true, known)).toBe('t');
    expect(() => castValue('u', types.text, types.regclass, true, known)).toThrow(
      'relation "u" does not exist',
    );
  });
});
