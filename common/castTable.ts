/**
 * The casts between scalar types, as data: PostgreSQL's pg_cast for our types, with the function that carries each out.
 * Casts through text input and output are not listed; cast.ts adds them by rule.
 */

import { trimBlanks } from './compare.ts';
import type { TypeId } from './dataType.ts';
import { types } from './dataType.ts';
import {
  isFiniteDate,
  isFiniteTimestamp,
  joinTimestamp,
  MICROS_PER_DAY,
  splitTimestamp,
} from './dateTime.ts';
import { Decimal } from './decimal.ts';
import { Interval, roundEven } from './interval.ts';
import type { Jsonb } from './jsonb.ts';
import { isJsonArray, isJsonObject, parseJsonb, printJson } from './jsonText.ts';
import {
  applyCharacterLength,
  formatSingleCharacter,
  parseSingleCharacter,
  truncateName,
} from './scalarText.ts';
import { SqlError } from './sqlError.ts';
import type { TextContext } from './textContext.ts';
import { parseValue } from './textIo.ts';
import { TimeTz } from './timeTz.ts';
import { localToUtc, offsetAt, utcToLocal, zoneOf } from './timeZone.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  type NonNullValue,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
  type Value,
} from './value.ts';
import type { TypeOf, ValueByType } from './valueByType.ts';

/** Where a cast may be applied unasked: implicit anywhere, assignment when storing, explicit only when written. */
export type CastContext = 'implicit' | 'assignment' | 'explicit';

export interface Cast {
  readonly from: TypeId;
  readonly to: TypeId;
  readonly context: CastContext;
  readonly convert: (value: NonNullValue, context: TextContext, to: never, explicit: boolean) => Value;
}

type Convert<F extends TypeId, T extends TypeId> = (
  value: ValueByType[F],
  context: TextContext,
  to: TypeOf<T>,
  explicit: boolean,
) => ValueByType[T] | null;

function cast<F extends TypeId, T extends TypeId>(
  from: F,
  to: T,
  context: CastContext,
  convert: Convert<F, T>,
): Cast {
  // Values of type `from` are what ValueByType says: the invariant of value.ts.
  return { from, to, context, convert: convert as unknown as Cast['convert'] };
}

// --- numbers ---------------------------------------------------------------------------------------------------

function outOfRange(typeName: string): SqlError {
  return new SqlError('22003', `${typeName} out of range`);
}

function narrowInt(value: number, typeName: 'smallint' | 'integer'): number {
  const limit = typeName === 'smallint' ? 32_768 : 2_147_483_648;
  if (value >= limit || value < -limit) throw outOfRange(typeName);
  return value;
}

/** Rounds to the nearest integer, ties to even, as C's rint. */
function floatToInt(x: number, typeName: 'smallint' | 'integer'): number {
  const limit = typeName === 'smallint' ? 32_768 : 2_147_483_648;
  const rounded = roundEven(x) + 0;
  if (!(rounded < limit && rounded >= -limit)) throw outOfRange(typeName);
  return rounded;
}

function floatToInt8(x: number): bigint {
  const rounded = roundEven(x);
  if (!(rounded < 2 ** 63 && rounded >= -(2 ** 63))) throw outOfRange('bigint');
  return BigInt(rounded);
}

/** float8 to float4: 22003 when it overflows or vanishes. */
export function toFloat4(x: number): number {
  const narrow = Math.fround(x);
  if (!Number.isFinite(narrow) && Number.isFinite(x))
    throw new SqlError('22003', 'value out of range: overflow');
  if (narrow === 0 && x !== 0) throw new SqlError('22003', 'value out of range: underflow');
  return narrow;
}

function numericToFloat4(value: Decimal): number {
  const x = value.toNumberUnchecked();
  const narrow = Math.fround(x);
  if (value.isFinite() && (!Number.isFinite(narrow) || (narrow === 0 && value.coefficient !== 0n))) {
    throw new SqlError('22003', `"${value.toString()}" is out of range for type real`);
  }
  return narrow;
}

function withTypmod(value: Decimal, to: TypeOf<'numeric'>): Decimal {
  return to.precision === undefined ? value : value.applyTypmod(to.precision, to.scale ?? 0);
}

function int8ToOid(value: bigint): number {
  if (value < 0n || value > 4_294_967_295n) throw outOfRange('OID');
  return Number(value);
}

const numberCasts: readonly Cast[] = [
  cast('int2', 'int4', 'implicit', (v) => v),
  cast('int2', 'int8', 'implicit', (v) => BigInt(v)),
  cast('int2', 'float4', 'implicit', (v) => v),
  cast('int2', 'float8', 'implicit', (v) => v),
  cast('int2', 'numeric', 'implicit', (v, _, to) => withTypmod(Decimal.fromInt(v), to)),
  cast('int4', 'int2', 'assignment', (v) => narrowInt(v, 'smallint')),
  cast('int4', 'int8', 'implicit', (v) => BigInt(v)),
  cast('int4', 'float4', 'implicit', (v) => Math.fround(v)),
  cast('int4', 'float8', 'implicit', (v) => v),
  cast('int4', 'numeric', 'implicit', (v, _, to) => withTypmod(Decimal.fromInt(v), to)),
  cast('int4', 'bool', 'explicit', (v) => v !== 0),
  cast('bool', 'int4', 'explicit', (v) => (v ? 1 : 0)),
  cast('int8', 'int2', 'assignment', (v) => narrowInt(Number(v), 'smallint')),
  cast('int8', 'int4', 'assignment', (v) => narrowInt(Number(v), 'integer')),
  cast('int8', 'float4', 'implicit', (v) => Math.fround(Number(v))),
  cast('int8', 'float8', 'implicit', (v) => Number(v)),
  cast('int8', 'numeric', 'implicit', (v, _, to) => withTypmod(Decimal.fromBigint(v), to)),
  cast('float4', 'int2', 'assignment', (v) => floatToInt(v, 'smallint')),
  cast('float4', 'int4', 'assignment', (v) => floatToInt(v, 'integer')),
  cast('float4', 'int8', 'assignment', (v) => floatToInt8(v)),
  cast('float4', 'float8', 'implicit', (v) => v),
  cast('float4', 'numeric', 'assignment', (v, _, to) => withTypmod(Decimal.fromNumber(v, 6), to)),
  cast('float8', 'int2', 'assignment', (v) => floatToInt(v, 'smallint')),
  cast('float8', 'int4', 'assignment', (v) => floatToInt(v, 'integer')),
  cast('float8', 'int8', 'assignment', (v) => floatToInt8(v)),
  cast('float8', 'float4', 'assignment', (v) => toFloat4(v)),
  cast('float8', 'numeric', 'assignment', (v, _, to) => withTypmod(Decimal.fromNumber(v), to)),
  cast('numeric', 'int2', 'assignment', (v) => v.toInt2()),
  cast('numeric', 'int4', 'assignment', (v) => v.toInt4()),
  cast('numeric', 'int8', 'assignment', (v) => v.toInt8()),
  cast('numeric', 'float4', 'implicit', (v) => numericToFloat4(v)),
  cast('numeric', 'float8', 'implicit', (v) => v.toNumber()),
];

// --- object identifiers ----------------------------------------------------------------------------------------

const objectIds = ['regclass', 'regtype', 'regproc', 'regnamespace'] as const;

const objectIdCasts: readonly Cast[] = (['oid', ...objectIds] as const).flatMap((id): readonly Cast[] => [
  cast('int2', id, 'implicit', (v) => (v < 0 ? v + 4_294_967_296 : v)),
  cast('int4', id, 'implicit', (v) => (v < 0 ? v + 4_294_967_296 : v)),
  cast('int8', id, 'implicit', int8ToOid),
  cast(id, 'int4', 'assignment', (v) => v | 0),
  cast(id, 'int8', 'assignment', (v) => BigInt(v)),
  ...(id === 'oid' ? [] : [cast('oid', id, 'implicit', (v) => v), cast(id, 'oid', 'implicit', (v) => v)]),
]);

// --- text ------------------------------------------------------------------------------------------------------

const textCasts: readonly Cast[] = [
  cast('text', 'varchar', 'implicit', (v, _, to, explicit) => applyCharacterLength(v, to, explicit)),
  cast('text', 'bpchar', 'implicit', (v, _, to, explicit) => applyCharacterLength(v, to, explicit)),
  cast('text', 'name', 'implicit', (v) => truncateName(v)),
  cast('text', 'char', 'assignment', (v) => parseSingleCharacter(v)),
  cast('text', 'regclass', 'implicit', (v, context) => regclass(v, context)),
  cast('varchar', 'text', 'implicit', (v) => v),
  cast('varchar', 'bpchar', 'implicit', (v, _, to, explicit) => applyCharacterLength(v, to, explicit)),
  cast('varchar', 'name', 'implicit', (v) => truncateName(v)),
  cast('varchar', 'char', 'assignment', (v) => parseSingleCharacter(v)),
  cast('varchar', 'regclass', 'implicit', (v, context) => regclass(v, context)),
  cast('bpchar', 'text', 'implicit', (v) => trimBlanks(v)),
  cast('bpchar', 'varchar', 'implicit', (v, _, to, explicit) =>
    applyCharacterLength(trimBlanks(v), to, explicit),
  ),
  cast('bpchar', 'name', 'implicit', (v) => truncateName(trimBlanks(v))),
  cast('bpchar', 'char', 'assignment', (v) => parseSingleCharacter(v)),
  cast('name', 'text', 'implicit', (v) => v),
  cast('name', 'varchar', 'assignment', (v, _, to, explicit) => applyCharacterLength(v, to, explicit)),
  cast('name', 'bpchar', 'assignment', (v, _, to, explicit) => applyCharacterLength(v, to, explicit)),
  cast('char', 'text', 'implicit', formatSingleCharacter),
  cast('char', 'varchar', 'assignment', (v, _, to, explicit) => {
    return applyCharacterLength(formatSingleCharacter(v), to, explicit);
  }),
  cast('char', 'bpchar', 'assignment', (v, _, to, explicit) => {
    return applyCharacterLength(formatSingleCharacter(v), to, explicit);
  }),
  cast('char', 'int4', 'explicit', (v) => ((v.codePointAt(0) ?? 0) << 24) >> 24),
  cast('int4', 'char', 'explicit', (v) => {
    if (v < -128 || v > 127) throw outOfRange('"char"');
    return v === 0 ? '' : String.fromCharCode(v & 0xff);
  }),
  cast('bool', 'text', 'assignment', (v) => (v ? 'true' : 'false')),
  cast('bool', 'varchar', 'assignment', (v, _, to, explicit) => {
    return applyCharacterLength(v ? 'true' : 'false', to, explicit);
  }),
  cast('bool', 'bpchar', 'assignment', (v, _, to, explicit) => {
    return applyCharacterLength(v ? 'true' : 'false', to, explicit);
  }),
];

function regclass(name: string, context: TextContext): number {
  const oid = parseValue(name, types.regclass, context);
  return typeof oid === 'number' ? oid : 0;
}

// --- dates and times -------------------------------------------------------------------------------------------

/** Midnight of a date; 22008 when timestamps do not reach so far. */
export function dateToTimestamp(days: number): bigint {
  if (!isFiniteDate(days)) return days === DATE_INFINITY ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
  const timestamp = joinTimestamp(days, 0);
  if (timestamp >= TIMESTAMP_INFINITY) throw new SqlError('22008', 'date out of range for timestamp');
  return timestamp;
}

/** The day of a timestamp. */
export function timestampToDate(timestamp: bigint): number {
  if (timestamp === TIMESTAMP_INFINITY) return DATE_INFINITY;
  if (timestamp === TIMESTAMP_MINUS_INFINITY) return DATE_MINUS_INFINITY;
  return splitTimestamp(timestamp).days;
}

function timeOfDay(timestamp: bigint): bigint | null {
  return isFiniteTimestamp(timestamp) ? BigInt(splitTimestamp(timestamp).micros) : null;
}

function local(timestamp: bigint, context: TextContext): bigint {
  return utcToLocal(zoneOf(context.timeZone), timestamp);
}

function intervalTime(value: Interval): bigint {
  const rest = value.micros % MICROS_PER_DAY;
  return rest < 0n ? rest + MICROS_PER_DAY : rest;
}

const dateTimeCasts: readonly Cast[] = [
  cast('date', 'timestamp', 'implicit', (v) => dateToTimestamp(v)),
  cast('date', 'timestamptz', 'implicit', (v, context) => {
    return localToUtc(zoneOf(context.timeZone), dateToTimestamp(v));
  }),
  cast('timestamp', 'date', 'assignment', (v) => timestampToDate(v)),
  cast('timestamp', 'time', 'assignment', (v) => timeOfDay(v)),
  cast('timestamp', 'timestamptz', 'implicit', (v, context) => localToUtc(zoneOf(context.timeZone), v)),
  cast('timestamptz', 'date', 'assignment', (v, context) => timestampToDate(local(v, context))),
  cast('timestamptz', 'time', 'assignment', (v, context) => timeOfDay(local(v, context))),
  cast('timestamptz', 'timestamp', 'assignment', (v, context) => local(v, context)),
  cast('timestamptz', 'timetz', 'assignment', (v, context) => {
    const time = timeOfDay(local(v, context));
    return time === null ? null : new TimeTz(time, offsetAt(zoneOf(context.timeZone), v));
  }),
  cast('time', 'interval', 'implicit', (v) => new Interval(0, 0, v)),
  cast('time', 'timetz', 'implicit', (v, context) => {
    const zone = zoneOf(context.timeZone);
    const { days } = splitTimestamp(utcToLocal(zone, context.now()));
    const moment = joinTimestamp(days, Number(v));
    return new TimeTz(v, offsetAt(zone, localToUtc(zone, moment)));
  }),
  cast('timetz', 'time', 'assignment', (v) => v.micros),
  cast('interval', 'time', 'assignment', intervalTime),
];

// --- json ------------------------------------------------------------------------------------------------------

function jsonScalar(value: Jsonb, wanted: 'numeric' | 'boolean', typeName: string): Decimal | boolean {
  const node = value.root;
  if (wanted === 'numeric' && node instanceof Decimal) return node;
  if (wanted === 'boolean' && typeof node === 'boolean') return node;
  throw new SqlError('22023', `cannot cast jsonb ${jsonKind(value)} to type ${typeName}`);
}

function jsonKind(value: Jsonb): string {
  const node = value.root;
  if (node === null) return 'null';
  if (typeof node === 'string') return 'string';
  if (typeof node === 'boolean') return 'boolean';
  if (node instanceof Decimal) return 'numeric';
  if (isJsonArray(node)) return 'array';
  return isJsonObject(node) ? 'object' : 'array or object';
}

function jsonNumber(value: Jsonb, typeName: string): Decimal {
  const node = jsonScalar(value, 'numeric', typeName);
  return node instanceof Decimal ? node : Decimal.ZERO;
}

const jsonCasts: readonly Cast[] = [
  cast('json', 'jsonb', 'assignment', (v) => parseJsonb(v)),
  cast('jsonb', 'json', 'assignment', (v) => printJson(v.root)),
  cast('jsonb', 'bool', 'explicit', (v) => jsonScalar(v, 'boolean', 'boolean') === true),
  cast('jsonb', 'numeric', 'explicit', (v, _, to) => withTypmod(jsonNumber(v, 'numeric'), to)),
  cast('jsonb', 'int2', 'explicit', (v) => jsonNumber(v, 'smallint').toInt2()),
  cast('jsonb', 'int4', 'explicit', (v) => jsonNumber(v, 'integer').toInt4()),
  cast('jsonb', 'int8', 'explicit', (v) => jsonNumber(v, 'bigint').toInt8()),
  cast('jsonb', 'float4', 'explicit', (v) => numericToFloat4(jsonNumber(v, 'real'))),
  cast('jsonb', 'float8', 'explicit', (v) => jsonNumber(v, 'double precision').toNumber()),
];

/** Every scalar cast: the rows of pg_cast. */
export const casts: readonly Cast[] = [
  ...numberCasts,
  ...objectIdCasts,
  ...textCasts,
  ...dateTimeCasts,
  ...jsonCasts,
];
