/**
 * Text input and output of every type: what the simple query protocol, COPY, casts to and from text, and literals use.
 * Two exhaustive tables keyed by type; nested types call back for their elements.
 */
import type { DataType, TypeId } from './dataType.ts';
import {
  formatDate,
  formatTime,
  formatTimestamp,
  formatTimestampTz,
  formatTimeTz,
  isFiniteTimestamp,
} from './dateTime.ts';
import { parseDate, parseTime, parseTimestamp, parseTimestampTz, parseTimeTz } from './dateTimeParse.ts';
import { Decimal } from './decimal.ts';
import { formatFloat4, formatFloat8, parseFloat4, parseFloat8 } from './floatText.ts';
import { formatInterval } from './intervalFormat.ts';
import { parseInterval } from './intervalParse.ts';
import { checkJson, parseJsonb, printJson } from './jsonText.ts';
import { formatArray, formatRow, parseArray, parseRow } from './nestedText.ts';
import {
  applyCharacterLength,
  formatBytea,
  formatSingleCharacter,
  parseBool,
  parseBytea,
  parseInt2,
  parseInt4,
  parseInt8,
  parseOid,
  parseSingleCharacter,
  parseUuid,
  truncateName,
} from './scalarText.ts';
import { SqlError } from './sqlError.ts';
import type { ObjectKind, TextContext } from './textContext.ts';
import { roundTime, roundTimestamp, roundTimeTz } from './timePrecision.ts';
import { offsetAt, zoneOf } from './timeZone.ts';
import { formatType, oidOf, typeFromName, typeOfOid } from './typeTable.ts';
import type { NonNullValue, Value } from './value.ts';
import type { TypeOf, ValueByType } from './valueByType.ts';

type Formatter<K extends TypeId> = (value: ValueByType[K], context: TextContext, type: TypeOf<K>) => string;
type Parser<K extends TypeId> = (text: string, context: TextContext, type: TypeOf<K>) => ValueByType[K];

const asIs = (value: string): string => value;
const asNumber = (value: number): string => String(value);

const formatters: { readonly [K in TypeId]: Formatter<K> } = {
  bool: (value) => (value ? 't' : 'f'),
  int2: asNumber,
  int4: asNumber,
  int8: (value) => value.toString(),
  float4: (value, context) => formatFloat4(value, context.extraFloatDigits),
  float8: (value, context) => formatFloat8(value, context.extraFloatDigits),
  numeric: (value) => value.toString(),
  text: asIs,
  varchar: asIs,
  bpchar: asIs,
  name: asIs,
  char: formatSingleCharacter,
  bytea: (value, context) => formatBytea(value, context.byteaOutput),
  date: (value) => formatDate(value),
  time: (value) => formatTime(value),
  timetz: (value) => formatTimeTz(value),
  timestamp: (value) => formatTimestamp(value),
  timestamptz: (value, context) => {
    const offset = isFiniteTimestamp(value) ? offsetAt(zoneOf(context.timeZone), value) : 0;
    return formatTimestampTz(value, offset);
  },
  interval: (value, context) => formatInterval(value, context.intervalStyle),
  json: asIs,
  jsonb: (value) => printJson(value.root),
  uuid: asIs,
  oid: asNumber,
  regclass: (value, context) => formatObjectId(value, 'regclass', context),
  regtype: (value) => {
    const type = typeOfOid(value);
    return value === 0 ? '-' : type === null ? String(value) : formatType(type);
  },
  regproc: (value, context) => formatObjectId(value, 'regproc', context),
  regnamespace: (value, context) => formatObjectId(value, 'regnamespace', context),
  void: () => '',
  unknown: asIs,
  array: (value, context, type) =>
    formatArray(value, (element) => formatValue(element, leafType(type.element), context)),
  struct: (value, context, type) =>
    formatRow(
      type.fields.map((field, i) => {
        const item = value[i] ?? null;
        return item === null ? null : formatValue(item, field.type, context);
      }),
    ),
};

const parsers: { readonly [K in TypeId]: Parser<K> } = {
  bool: parseBool,
  int2: parseInt2,
  int4: parseInt4,
  int8: parseInt8,
  float4: parseFloat4,
  float8: parseFloat8,
  numeric: (text, _context, type) => {
    const value = Decimal.parse(text);
    return type.precision === undefined ? value : value.applyTypmod(type.precision, type.scale ?? 0);
  },
  text: asIs,
  varchar: (text, _context, type) => applyCharacterLength(text, type, false),
  bpchar: (text, _context, type) => applyCharacterLength(text, type, false),
  name: truncateName,
  char: parseSingleCharacter,
  bytea: parseBytea,
  date: parseDate,
  time: (text, context, type) => roundTime(parseTime(text, context), type),
  timetz: (text, context, type) => roundTimeTz(parseTimeTz(text, context), type),
  timestamp: (text, context, type) => roundTimestamp(parseTimestamp(text, context), type),
  timestamptz: (text, context, type) => roundTimestamp(parseTimestampTz(text, context), type),
  interval: (text, _context, type) => parseInterval(text, type.fields ?? null, type.precision ?? null),
  json: checkJson,
  jsonb: parseJsonb,
  uuid: parseUuid,
  oid: parseOid,
  regclass: (text, context) => parseObjectId(text, 'regclass', context),
  regtype: (text) => {
    if (text === '-') return 0;
    if (/^\d+$/.test(text)) return parseOid(text);
    const type = typeFromName(text.trim().toLowerCase());
    if (type === null) throw new SqlError('42704', `type "${text}" does not exist`);
    return oidOf(type);
  },
  regproc: (text, context) => parseObjectId(text, 'regproc', context),
  regnamespace: (text, context) => parseObjectId(text, 'regnamespace', context),
  void: () => '',
  unknown: asIs,
  array: (text, context, type) => {
    const element = leafType(type.element);
    return parseArray(text, (item) => parseValue(item, element, context));
  },
  struct: (text, context, type) =>
    parseRow(text, type.fields.length).map((item, i) => {
      const field = type.fields[i];
      return item === null || field === undefined ? null : parseValue(item, field.type, context);
    }),
};

const missingObject: { readonly [K in ObjectKind]: (name: string) => SqlError } = {
  regclass: (name) => new SqlError('42P01', `relation "${name}" does not exist`),
  regproc: (name) => new SqlError('42883', `function "${name}" does not exist`),
  regnamespace: (name) => new SqlError('3F000', `schema "${name}" does not exist`),
};

/** A number, or a name for the catalog to resolve. */
function parseObjectId(text: string, kind: ObjectKind, context: TextContext): number {
  if (text === '-') return 0;
  if (/^\d+$/.test(text)) return parseOid(text);
  const oid = context.objects?.oidOf(kind, text) ?? null;
  if (oid === null) throw missingObject[kind](text);
  return oid;
}

function formatObjectId(oid: number, kind: ObjectKind, context: TextContext): string {
  if (oid === 0) return '-';
  return context.objects?.nameOf(kind, oid) ?? String(oid);
}

/** An array of arrays holds the innermost elements, with more dimensions. */
function leafType(element: DataType): DataType {
  return element.id === 'array' ? leafType(element.element) : element;
}

/** The text of a value, as PostgreSQL prints it. */
export function formatValue(value: NonNullValue, type: DataType, context: TextContext): string {
  // A value of type T is what ValueByType says: the invariant of value.ts.
  const format = formatters[type.id] as (value: NonNullValue, context: TextContext, type: DataType) => string;
  return format(value, context, type);
}

/** The printing function of one type, for loops over many values. */
export function formatterOf(type: DataType): (value: NonNullValue, context: TextContext) => string {
  const format = formatters[type.id] as (value: NonNullValue, context: TextContext, type: DataType) => string;
  return (value, context) => format(value, context, type);
}

/** The value of a text by the type's input function; SqlError when it is not one. */
export function parseValue(text: string, type: DataType, context: TextContext): Value {
  const parse = parsers[type.id] as (text: string, context: TextContext, type: DataType) => NonNullValue;
  return parse(text, context, type);
}

/** The context of text that depends on no session: UTC, default styles. */
export function plainContext(now: () => bigint): TextContext {
  return { timeZone: 'UTC', now, intervalStyle: 'postgres', byteaOutput: 'hex', extraFloatDigits: 1 };
}
