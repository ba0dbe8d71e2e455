/** The representation table of value.ts as types, for tables keyed by type. */
import type {
  ArrayType,
  CharacterType,
  DataType,
  NumericType,
  SimpleType,
  StructType,
  TimeType,
  TimeTypeId,
  TypeId,
} from './dataType.ts';
import type { Decimal } from './decimal.ts';
import type { Interval } from './interval.ts';
import type { Jsonb } from './jsonb.ts';
import type { SqlArray } from './sqlArray.ts';
import type { TimeTz } from './timeTz.ts';
import type { Value } from './value.ts';

export interface ValueByType {
  bool: boolean;
  int2: number;
  int4: number;
  int8: bigint;
  float4: number;
  float8: number;
  numeric: Decimal;
  text: string;
  varchar: string;
  bpchar: string;
  name: string;
  char: string;
  bytea: Uint8Array;
  date: number;
  time: bigint;
  timetz: TimeTz;
  timestamp: bigint;
  timestamptz: bigint;
  interval: Interval;
  json: string;
  jsonb: Jsonb;
  uuid: string;
  oid: number;
  regclass: number;
  regtype: number;
  regproc: number;
  regnamespace: number;
  void: string;
  unknown: string;
  array: SqlArray;
  struct: readonly Value[];
}

/** The type descriptor behind a type id. */
export type TypeOf<K extends TypeId> = K extends 'numeric'
  ? NumericType
  : K extends 'varchar' | 'bpchar'
    ? CharacterType
    : K extends 'array'
      ? ArrayType
      : K extends 'struct'
        ? StructType
        : K extends TimeTypeId
          ? TimeType
          : SimpleType & DataType;
