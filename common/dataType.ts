/**
 * SQL data types: one closed union. `id` is PostgreSQL's internal type name; type modifiers (length, precision)
 * ride on the type but are not part of its identity (`sameType`). What else depends on the type lives in tables
 * keyed by `TypeId` in the layer concerned.
 */

export type SimpleTypeId =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'text'
  | 'name'
  | 'char'
  | 'bytea'
  | 'date'
  | 'json'
  | 'jsonb'
  | 'uuid'
  | 'oid'
  | 'regclass'
  | 'regtype'
  | 'regproc'
  | 'regnamespace'
  | 'void'
  /** A string literal or NULL whose type is not yet resolved. */
  | 'unknown';

export interface SimpleType {
  readonly id: SimpleTypeId;
}
export type TimeTypeId = 'time' | 'timetz' | 'timestamp' | 'timestamptz' | 'interval';

export interface TimeType {
  readonly id: TimeTypeId;
  /** Digits of the second, 0 to 6; all six when absent. */
  readonly precision?: number;
  /** Of an interval: what it keeps (`day to minute`); everything when absent. */
  readonly fields?: IntervalFields;
}
/** Fields of an interval type or literal, from the first to the last that it has. */
export type IntervalFields =
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'year to month'
  | 'day to hour'
  | 'day to minute'
  | 'day to second'
  | 'hour to minute'
  | 'hour to second'
  | 'minute to second';
export interface NumericType {
  readonly id: 'numeric';
  readonly precision?: number;
  readonly scale?: number;
}
export interface CharacterType {
  readonly id: 'varchar' | 'bpchar';
  readonly length?: number;
}
export interface ArrayType {
  readonly id: 'array';
  readonly element: DataType;
}
export interface StructField {
  readonly name: string;
  readonly type: DataType;
}
export interface StructType {
  readonly id: 'struct';
  readonly fields: readonly StructField[];
}

export type DataType = SimpleType | TimeType | NumericType | CharacterType | ArrayType | StructType;
export type TypeId = DataType['id'];

/** A named, typed column of a relation or query result. */
export interface Column {
  readonly name: string;
  readonly type: DataType;
  /** False when the column is known never to hold NULL. */
  readonly nullable: boolean;
  /** Hidden columns (row id) are selectable by name but not by `*`. */
  readonly hidden?: boolean;
}
export type Schema = readonly Column[];

/**
 * How values of a type lie in a vector (see executor/batch.ts):
 * bool Uint8Array 0/1; i32 Int32Array; i64 BigInt64Array; f64 Float64Array; text JS strings; boxed other JS values.
 */
export type PhysicalKind = 'bool' | 'i32' | 'i64' | 'f64' | 'text' | 'boxed';

const physicalKinds: { readonly [K in TypeId]: PhysicalKind } = {
  bool: 'bool',
  int2: 'i32',
  int4: 'i32',
  int8: 'i64',
  float4: 'f64',
  float8: 'f64',
  numeric: 'boxed',
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  name: 'text',
  char: 'text',
  bytea: 'boxed',
  date: 'i32',
  time: 'i64',
  timetz: 'boxed',
  timestamp: 'i64',
  timestamptz: 'i64',
  interval: 'boxed',
  json: 'text',
  jsonb: 'boxed',
  uuid: 'text',
  oid: 'f64',
  regclass: 'f64',
  regtype: 'f64',
  regproc: 'f64',
  regnamespace: 'f64',
  void: 'text',
  unknown: 'text',
  array: 'boxed',
  struct: 'boxed',
};

export function physicalKind(type: DataType): PhysicalKind {
  return physicalKinds[type.id];
}

const simple = <I extends SimpleTypeId | TimeTypeId>(id: I): { readonly id: I } => Object.freeze({ id });

/** The types without modifiers, as shared constants. */
export const types = {
  bool: simple('bool'),
  int2: simple('int2'),
  int4: simple('int4'),
  int8: simple('int8'),
  float4: simple('float4'),
  float8: simple('float8'),
  numeric: Object.freeze({ id: 'numeric' }) as NumericType,
  text: simple('text'),
  varchar: Object.freeze({ id: 'varchar' }) as CharacterType,
  bpchar: Object.freeze({ id: 'bpchar' }) as CharacterType,
  name: simple('name'),
  char: simple('char'),
  bytea: simple('bytea'),
  date: simple('date'),
  time: simple('time'),
  timetz: simple('timetz'),
  timestamp: simple('timestamp'),
  timestamptz: simple('timestamptz'),
  interval: simple('interval'),
  json: simple('json'),
  jsonb: simple('jsonb'),
  uuid: simple('uuid'),
  oid: simple('oid'),
  regclass: simple('regclass'),
  regtype: simple('regtype'),
  regproc: simple('regproc'),
  regnamespace: simple('regnamespace'),
  void: simple('void'),
  unknown: simple('unknown'),
} as const;

export function arrayOf(element: DataType): ArrayType {
  return { id: 'array', element };
}

/** Equality without modifiers; struct fields compare by position and type (and name). */
export function sameType(a: DataType, b: DataType): boolean {
  if (a.id === 'array') return b.id === 'array' && sameType(a.element, b.element);
  if (a.id === 'struct') {
    if (b.id !== 'struct' || a.fields.length !== b.fields.length) return false;
    return a.fields.every((f, i) => {
      const g = b.fields[i];
      return g !== undefined && f.name === g.name && sameType(f.type, g.type);
    });
  }
  return a.id === b.id;
}
