/**
 * SQL values as JavaScript values, one representation per type:
 *
 * | type | value |
 * | --- | --- |
 * | bool | boolean |
 * | int2, int4 | number |
 * | int8 | bigint |
 * | float4 (rounded by Math.fround), float8, oid, reg* | number |
 * | numeric | Decimal |
 * | text, varchar, bpchar (padded), name, char, json (its text), uuid (lower case, 36 characters) | string |
 * | bytea | Uint8Array |
 * | date | number: days since 1970-01-01; DATE_INFINITY, DATE_MINUS_INFINITY |
 * | time | bigint: microseconds since midnight, 0..86_400_000_000 |
 * | timestamp, timestamptz | bigint: microseconds since 1970-01-01 00:00 (UTC for timestamptz); TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY |
 * | timetz | TimeTz |
 * | interval | Interval |
 * | jsonb | Jsonb |
 * | array | SqlArray |
 * | struct | readonly Value[] |
 *
 * SQL NULL is `null`.
 */
import type { Decimal } from './decimal.ts';
import type { Interval } from './interval.ts';
import type { Jsonb } from './jsonb.ts';
import type { SqlArray } from './sqlArray.ts';
import type { TimeTz } from './timeTz.ts';

export type NonNullValue =
  | boolean
  | number
  | bigint
  | string
  | Decimal
  | Uint8Array
  | TimeTz
  | Interval
  | Jsonb
  | SqlArray
  | readonly Value[];

export type Value = NonNullValue | null;
export type Row = readonly Value[];

export const DATE_INFINITY = 0x7fffffff;
export const DATE_MINUS_INFINITY = -0x80000000;
export const TIMESTAMP_INFINITY = 0x7fffffffffffffffn;
export const TIMESTAMP_MINUS_INFINITY = -0x8000000000000000n;
