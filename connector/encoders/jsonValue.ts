/**
 * SQL values as JSON text, in the forms that RisingWave writes: integers, floats and booleans as they are, numeric as a string
 * (no digit is lost), dates and times as strings with six digits of fraction, intervals in ISO 8601, bytea in base64, arrays and
 * rows as arrays and objects, jsonb as a string or (`dynamic`) as what it is.
 */

import type { DataType } from '../../common/dataType.ts';
import { formatDate, formatTime, formatTimestamp, isFiniteTimestamp } from '../../common/dateTime.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { printJson, quoteJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { OptionSpec } from '../connector.ts';

export interface JsonForms {
  readonly timestamptz: 'utc_string' | 'utc_without_suffix' | 'micro' | 'milli';
  readonly jsonb: 'string' | 'dynamic';
}

export const jsonEncodeOptions: readonly OptionSpec[] = [
  {
    name: 'timestamptz.handling.mode',
    type: 'string',
    choices: ['utc_string', 'utc_without_suffix', 'micro', 'milli'],
    default: 'utc_string',
    doc: 'timestamptz as `2024-01-01T00:00:00.000000Z`, as `2024-01-01 00:00:00.000000`, or as a number since 1970.',
  },
  {
    name: 'jsonb.handling.mode',
    type: 'string',
    choices: ['string', 'dynamic'],
    default: 'string',
    doc: 'jsonb as a string that holds its text, or as JSON within the record.',
  },
];

const context = { ...plainContext(() => 0n), intervalStyle: 'iso_8601' as const };

/** hh:mm:ss.ffffff, whatever the fraction. */
function sixDigits(text: string): string {
  const [whole = '', fraction = ''] = text.split('.');
  return `${whole}.${fraction.padEnd(6, '0')}`;
}

/** A timestamp with six digits, its date and time parted by `separator`. */
function timestampText(value: bigint, separator: string): string {
  const [date = '', time = '', era] = formatTimestamp(value).split(' ');
  return `${date}${separator}${sixDigits(time)}${era === undefined ? '' : ` ${era}`}`;
}

function timestamptz(value: bigint, forms: JsonForms): string {
  if (!isFiniteTimestamp(value)) return quoteJson(formatTimestamp(value));
  switch (forms.timestamptz) {
    case 'utc_string':
      return quoteJson(`${timestampText(value, 'T')}Z`);
    case 'utc_without_suffix':
      return quoteJson(timestampText(value, ' '));
    case 'micro':
      return String(value);
    case 'milli':
      return String(value / 1000n);
  }
}

function arrayText(array: SqlArray, elementType: DataType, forms: JsonForms): string {
  let element = elementType;
  while (element.id === 'array') element = element.element;
  let at = 0;
  const level = (dimension: number): string => {
    const items: string[] = [];
    const last = dimension === array.dimensions.length - 1;
    for (let i = 0; i < (array.dimensions[dimension] ?? 0); i++) {
      items.push(last ? jsonValue(array.elements[at++] ?? null, element, forms) : level(dimension + 1));
    }
    return `[${items.join(',')}]`;
  };
  return array.dimensions.length === 0 ? '[]' : level(0);
}

function present(value: NonNullValue, type: DataType, forms: JsonForms): string {
  switch (type.id) {
    case 'bool':
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return String(value);
    case 'float4':
    case 'float8': {
      const text = formatValue(value, type, context);
      return /^[-+.\de]+$/i.test(text) ? text : quoteJson(text);
    }
    case 'date':
      return quoteJson(formatDate(value as number));
    case 'time':
      return quoteJson(sixDigits(formatTime(value as bigint)));
    case 'timestamp':
      return quoteJson(
        isFiniteTimestamp(value as bigint)
          ? timestampText(value as bigint, ' ')
          : formatTimestamp(value as bigint),
      );
    case 'timestamptz':
      return timestamptz(value as bigint, forms);
    case 'bytea':
      return quoteJson(Buffer.from(value as Uint8Array).toString('base64'));
    case 'json':
      return forms.jsonb === 'dynamic' ? String(value) : quoteJson(String(value));
    case 'jsonb': {
      const text = value instanceof Jsonb ? printJson(value.root) : String(value);
      return forms.jsonb === 'dynamic' ? text : quoteJson(text);
    }
    case 'array':
      return value instanceof SqlArray ? arrayText(value, type.element, forms) : 'null';
    case 'struct': {
      const fields = value as readonly Value[];
      return `{${type.fields
        .map((f, i) => `${quoteJson(f.name)}:${jsonValue(fields[i] ?? null, f.type, forms)}`)
        .join(',')}}`;
    }
    default:
      return quoteJson(formatValue(value, type, context));
  }
}

/** The value as JSON text. */
export function jsonValue(value: Value, type: DataType, forms: JsonForms): string {
  return value === null ? 'null' : present(value, type, forms);
}
