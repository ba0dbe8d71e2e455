/**
 * SQL values as JSON: to_json, to_jsonb and the JSON aggregates. Numbers, booleans and JSON stay what they are, arrays and
 * rows become arrays and objects, dates and times ISO 8601 strings, everything else its text.
 */
import type { DataType } from '../../../common/dataType.ts';
import { formatDate, formatOffset, formatTimestamp, isFiniteTimestamp } from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Jsonb, type JsonNode } from '../../../common/jsonb.ts';
import { jsonObject, parseJson, printJson, quoteJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import type { TextContext } from '../../../common/textContext.ts';
import { formatValue } from '../../../common/textIo.ts';
import { offsetAt, utcToLocal, zoneOf } from '../../../common/timeZone.ts';
import type { NonNullValue, Value } from '../../../common/value.ts';

function isoTimestamp(local: bigint, offset: string): string {
  if (!isFiniteTimestamp(local)) return formatTimestamp(local);
  const text = formatTimestamp(local);
  const [date = '', time = '', era] = text.split(' ');
  return `${date}T${time}${offset}${era === undefined ? '' : ` ${era}`}`;
}

function isoOffset(seconds: number): string {
  const text = formatOffset(seconds);
  return text.length === 3 ? `${text}:00` : text;
}

/** The string that JSON has for a value that is neither number, boolean, JSON, array nor row. */
function jsonString(value: NonNullValue, type: DataType, context: TextContext): string {
  if (type.id === 'date' && typeof value === 'number') return formatDate(value);
  if (typeof value === 'bigint' && type.id === 'timestamp') return isoTimestamp(value, '');
  if (typeof value === 'bigint' && type.id === 'timestamptz') {
    if (!isFiniteTimestamp(value)) return formatTimestamp(value);
    const zone = zoneOf(context.timeZone);
    return isoTimestamp(utcToLocal(zone, value), isoOffset(offsetAt(zone, value)));
  }
  return formatValue(value, type, context);
}

const numberTypes: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric']);

/** How JSON is made of parts: as nodes for jsonb, as text for json. */
interface Builder<T> {
  readonly nothing: T;
  readonly bool: (value: boolean) => T;
  readonly number: (text: string) => T;
  readonly string: (text: string) => T;
  /** JSON given as text (json) or as a tree (jsonb). */
  readonly document: (value: NonNullValue) => T;
  readonly array: (items: readonly T[]) => T;
  readonly object: (fields: readonly (readonly [string, T])[]) => T;
}

const nodeBuilder: Builder<JsonNode> = {
  nothing: null,
  bool: (value) => value,
  number: (text) => Decimal.parse(text),
  string: (text) => text,
  document: (value) => (value instanceof Jsonb ? value.root : parseJson(String(value))),
  array: (items) => items,
  object: (fields) => jsonObject(fields),
};

const textBuilder: Builder<string> = {
  nothing: 'null',
  bool: String,
  number: (text) => text,
  string: quoteJson,
  document: (value) => (value instanceof Jsonb ? printJson(value.root) : String(value)),
  array: (items) => `[${items.join(',')}]`,
  object: (fields) => `{${fields.map(([name, value]) => `${quoteJson(name)}:${value}`).join(',')}}`,
};

function build<T>(value: Value, type: DataType, context: TextContext, b: Builder<T>): T {
  if (value === null) return b.nothing;
  if (type.id === 'json' || type.id === 'jsonb') return b.document(value);
  if (typeof value === 'boolean') return b.bool(value);
  if (numberTypes.has(type.id)) {
    const text = formatValue(value, type, context);
    return /[a-df-z]/i.test(text) ? b.string(text) : b.number(text);
  }
  if (type.id === 'array' && value instanceof SqlArray) return buildArray(value, type.element, context, b);
  if (type.id === 'struct' && Array.isArray(value)) {
    return b.object(
      type.fields.map((field, i) => [field.name, build(value[i] ?? null, field.type, context, b)] as const),
    );
  }
  return b.string(jsonString(value, type, context));
}

function buildArray<T>(array: SqlArray, elementType: DataType, context: TextContext, b: Builder<T>): T {
  let element = elementType;
  while (element.id === 'array') element = element.element;
  let at = 0;
  const level = (dimension: number): T => {
    const items: T[] = [];
    for (let i = 0; i < (array.dimensions[dimension] ?? 0); i++) {
      const last = dimension === array.dimensions.length - 1;
      items.push(last ? build(array.elements[at++] ?? null, element, context, b) : level(dimension + 1));
    }
    return b.array(items);
  };
  return array.dimensions.length === 0 ? b.array([]) : level(0);
}

/** The value as a jsonb tree. */
export function toJsonNode(value: Value, type: DataType, context: TextContext): JsonNode {
  return build(value, type, context, nodeBuilder);
}

/** The value as json text, without spaces as to_json writes it. */
export function toJsonText(value: Value, type: DataType, context: TextContext): string {
  return build(value, type, context, textBuilder);
}

/** The same with each part of the outermost array or object on a line of its own. */
export function toJsonLines(value: Value, type: DataType, context: TextContext): string {
  // Parts are built before what holds them, so the outermost comes last.
  let result = '';
  const noted = (text: string, open: string, parts: readonly string[], close: string): string => {
    result = `${open}${parts.join(',\n ')}${close}`;
    return text;
  };
  build(value, type, context, {
    ...textBuilder,
    array: (items) => noted(textBuilder.array(items), '[', items, ']'),
    object: (fields) => {
      const parts = fields.map(([name, item]) => `${quoteJson(name)}:${item}`);
      return noted(textBuilder.object(fields), '{', parts, '}');
    },
  });
  return result;
}
