/**
 * The operations whose answers were recorded from PostgreSQL 15 (test/common/recorded): name to a function of the
 * arguments' texts that gives the result's text, null for NULL. Session: time zone America/New_York, defaults else.
 */
import { castValue } from '../../common/cast.ts';
import { compareValues } from '../../common/compare.ts';
import type { IntervalFields } from '../../common/dataType.ts';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import {
  extractFromDate,
  extractFromInterval,
  extractFromTime,
  extractFromTimestamp,
  extractFromTimestampTz,
  extractFromTimeTz,
} from '../../common/dateTimeExtract.ts';
import {
  age,
  binTimestamp,
  truncateInterval,
  truncateTimestamp,
  truncateTimestampTz,
} from '../../common/dateTimeMath.ts';
import { Decimal } from '../../common/decimal.ts';
import { exp, ln, log, power, sqrt } from '../../common/decimalMath.ts';
import { Interval } from '../../common/interval.ts';
import { formatInterval } from '../../common/intervalFormat.ts';
import { parseInterval } from '../../common/intervalParse.ts';
import type { JsonNode } from '../../common/jsonb.ts';
import {
  concatJson,
  containsJson,
  deleteElement,
  deleteKeys,
  deletePath,
  existsJson,
  getElement,
  getField,
  getPath,
  insertPath,
  jsonToText,
  setPath,
  stripNulls,
} from '../../common/jsonbOps.ts';
import { parseJson, prettyJson, printJson } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import { formatValue, parseValue, plainContext } from '../../common/textIo.ts';
import { TimeTz } from '../../common/timeTz.ts';
import { zoneOf } from '../../common/timeZone.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { NonNullValue } from '../../common/value.ts';

export const zoneName = 'America/New_York';
/** 2026-11-21 12:00:00 UTC. */
export const context: TextContext = { ...plainContext(() => 1_795_262_400_000_000n), timeZone: zoneName };

const rowType: DataType = {
  id: 'struct',
  fields: [
    { name: 'a', type: types.int4 },
    { name: 'b', type: types.text },
    { name: 'c', type: types.bool },
  ],
};

export function typeNamed(name: string): DataType {
  if (name === 'rec') return rowType;
  if (name === 'int4[]') return arrayOf(types.int4);
  if (name === 'text[]') return arrayOf(types.text);
  const modified = /^(\w+)\((\d+)(?:,(\d+))?\)$/.exec(name);
  const type =
    modified === null
      ? typeFromName(name)
      : typeFromName(
          modified[1] === 'char' ? 'bpchar' : (modified[1] ?? ''),
          modified[3] === undefined ? [Number(modified[2])] : [Number(modified[2]), Number(modified[3])],
        );
  if (type === null) throw new Error(`no type ${name}`);
  return type;
}

const d = Decimal.parse;
const bool = (value: boolean): string => (value ? 't' : 'f');
const shown = (node: JsonNode | undefined): string | null => (node === undefined ? null : printJson(node));

function value(text: string, typeName: string): NonNullValue {
  const parsed = parseValue(text, typeNamed(typeName), context);
  if (parsed === null) throw new Error('NULL');
  return parsed;
}

function micros(text: string, typeName: string): bigint {
  const v = value(text, typeName);
  if (typeof v !== 'bigint') throw new Error(`not a moment: ${text}`);
  return v;
}

function interval(text: string): Interval {
  return parseInterval(text);
}

const timestamp = (v: bigint): string => formatValue(v, types.timestamp, context);

function extract(unit: string, typeName: string, text: string): Decimal | null {
  const v = value(text, typeName);
  if (typeof v === 'number') return extractFromDate(unit, v);
  if (v instanceof TimeTz) return extractFromTimeTz(unit, v);
  if (v instanceof Interval) return extractFromInterval(unit, v);
  if (typeof v !== 'bigint') throw new Error(`no units in ${typeName}`);
  if (typeName === 'time') return extractFromTime(unit, v);
  return typeName === 'timestamp'
    ? extractFromTimestamp(unit, v)
    : extractFromTimestampTz(unit, v, zoneOf(zoneName));
}

function truncate(unit: string, typeName: string, text: string): string {
  if (typeName === 'interval') return formatInterval(truncateInterval(unit, interval(text)));
  const moment = micros(text, typeName);
  const cut =
    typeName === 'timestamp'
      ? truncateTimestamp(unit, moment)
      : truncateTimestampTz(unit, moment, zoneOf(zoneName));
  return formatValue(cut, typeNamed(typeName), context);
}

function cast(text: string, from: string, to: string): string | null {
  const result = castValue(value(text, from), typeNamed(from), typeNamed(to), true, context);
  return result === null ? null : formatValue(result, typeNamed(to), context);
}

type Operation = (...args: string[]) => unknown;

export const operations: { readonly [name: string]: (...args: never[]) => unknown } = {
  'numeric.add': (a: string, b: string) => d(a).add(d(b)),
  'numeric.sub': (a: string, b: string) => d(a).sub(d(b)),
  'numeric.mul': (a: string, b: string) => d(a).mul(d(b)),
  'numeric.div': (a: string, b: string) => d(a).div(d(b)),
  'numeric.mod': (a: string, b: string) => d(a).mod(d(b)),
  'numeric.divTrunc': (a: string, b: string) => d(a).divTrunc(d(b)),
  'numeric.round': (a: string, scale: string) => d(a).round(Number(scale)),
  'numeric.trunc': (a: string, scale: string) => d(a).trunc(Number(scale)),
  'numeric.ceil': (a: string) => d(a).ceil(),
  'numeric.floor': (a: string) => d(a).floor(),
  'numeric.trimScale': (a: string) => d(a).trimScale(),
  'numeric.sqrt': (a: string) => sqrt(d(a)),
  'numeric.ln': (a: string) => ln(d(a)),
  'numeric.exp': (a: string) => exp(d(a)),
  'numeric.log': (a: string, b: string) => log(d(a), d(b)),
  'numeric.power': (a: string, b: string) => power(d(a), d(b)),
  inOut: (text: string, type: string) => formatValue(value(text, type), typeNamed(type), context),
  cast,
  compare: (a: string, b: string, type: string) =>
    compareValues(value(a, type), value(b, type), typeNamed(type)),
  extract,
  truncate,
  bin: (stride: string, source: string, origin: string) =>
    timestamp(binTimestamp(interval(stride), micros(source, 'timestamp'), micros(origin, 'timestamp'))),
  age: (a: string, b: string) => formatInterval(age(micros(a, 'timestamp'), micros(b, 'timestamp'))),
  'interval.restricted': (text: string, fields: string) =>
    formatInterval(parseInterval(text, fields as IntervalFields)),
  'interval.mul': (text: string, factor: string) => formatInterval(interval(text).mul(Number(factor))),
  'interval.div': (text: string, factor: string) => formatInterval(interval(text).div(Number(factor))),
  'interval.justify': (text: string) => formatInterval(interval(text).justify()),
  'interval.justifyHours': (text: string) => formatInterval(interval(text).justifyHours()),
  'interval.justifyDays': (text: string) => formatInterval(interval(text).justifyDays()),
  'interval.style': (text: string, style: string) =>
    formatInterval(interval(text), style as TextContext['intervalStyle']),
  'jsonb.pretty': (text: string) => prettyJson(parseJson(text)),
  'jsonb.field': (text: string, key: string) => shown(getField(parseJson(text), key)),
  'jsonb.fieldText': (text: string, key: string) => jsonToText(getField(parseJson(text), key)),
  'jsonb.element': (text: string, index: string) => shown(getElement(parseJson(text), Number(index))),
  'jsonb.path': (text: string, path: string) => shown(getPath(parseJson(text), steps(path))),
  'jsonb.exists': (text: string, key: string) => bool(existsJson(parseJson(text), key)),
  'jsonb.contains': (a: string, b: string) => bool(containsJson(parseJson(a), parseJson(b))),
  'jsonb.concat': (a: string, b: string) => shown(concatJson(parseJson(a), parseJson(b))),
  'jsonb.deleteKey': (text: string, key: string) => shown(deleteKeys(parseJson(text), [key])),
  'jsonb.deleteElement': (text: string, index: string) =>
    shown(deleteElement(parseJson(text), Number(index))),
  'jsonb.deletePath': (text: string, path: string) => shown(deletePath(parseJson(text), steps(path))),
  'jsonb.set': (text: string, path: string, create: string) =>
    shown(setPath(parseJson(text), steps(path), 'new', create === 'true')),
  'jsonb.insert': (text: string, path: string, after: string) =>
    shown(insertPath(parseJson(text), steps(path), 'new', after === 'true')),
  'jsonb.stripNulls': (text: string) => shown(stripNulls(parseJson(text))),
};

/** The steps of a path written as a simple array literal. */
function steps(path: string): string[] {
  return path === '{}' ? [] : path.slice(1, -1).split(',');
}

/** The result as recorded: text, null, or `ERROR state message | detail`. */
export function run(name: string, args: readonly string[]): string | null {
  const operation = operations[name] as Operation | undefined;
  if (operation === undefined) throw new Error(`no operation ${name}`);
  try {
    const result = operation(...args);
    return result === null ? null : String(result);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `ERROR ${error.state} ${error.message}${error.detail === undefined ? '' : ` | ${error.detail}`}`;
  }
}
