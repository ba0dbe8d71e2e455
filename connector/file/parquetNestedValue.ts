/**
 * Columns of Parquet files as values of SQL types: what parquetRecords.ts puts together, with the shape that it has, becomes arrays,
 * structs, or JSON. Fields of structs are found by name; those that the file lacks are NULL. A list of lists is an array of more
 * dimensions, so all of a level have one length. A map is an object of JSON, or an array of structs with the fields `key` and `value`.
 */
import { type DataType, type StructField, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { jsonObject, parseJson, printJson } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import { formatValue } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type { RecordReport } from '../formats/decoder.ts';
import { FieldFailure } from '../formats/encode.ts';
import { jsonConverter } from '../formats/json/convert.ts';
import { jsonForms } from '../formats/json/forms.ts';
import type { ListShape, ParquetShape, StructShape } from './parquetShape.ts';
import { integerOf, type LeafMeaning, micros, parquetValue, textOf, timestampText } from './parquetValue.ts';

/** Throws SqlError, a FieldFailure with the part to blame. */
export type ParquetConverter = (raw: unknown) => Value;

const itemsOf = (raw: unknown): readonly unknown[] => (Array.isArray(raw) ? raw : []);
const isAbsent = (raw: unknown): raw is null | undefined => raw === null || raw === undefined;

function leafConverter(
  meaning: LeafMeaning,
  type: DataType,
  path: string,
  context: TextContext,
): ParquetConverter {
  if (meaning.kind === 'json' && (type.id === 'array' || type.id === 'struct')) {
    const forms = jsonForms(new Map(), 'base64');
    const convert = jsonConverter(type, path, { forms, text: context, drift: () => {} });
    return (raw) => (isAbsent(raw) ? null : convert(parseJson(textOf(raw, meaning))));
  }
  return (raw) => {
    try {
      return parquetValue(raw, type, meaning, context);
    } catch (error) {
      throw FieldFailure.of(error, path);
    }
  };
}

/** Lists of lists, as far as they are dimensions: an element that is JSON is a list itself. */
function arrayConverter(
  shape: ListShape,
  elementType: DataType,
  path: string,
  context: TextContext,
): ParquetConverter {
  const isJson = elementType.id === 'jsonb' || elementType.id === 'json';
  let { element } = shape;
  let depth = 1;
  for (; !isJson && element.kind === 'list'; depth++) element = element.element;
  const convert = parquetConverter(element, elementType, `${path}[]`, context);
  return (raw) => {
    if (isAbsent(raw)) return null;
    const elements: Value[] = [];
    const dimensions: number[] = [];
    const level = (list: unknown, at: number): void => {
      if (isAbsent(list)) {
        throw new FieldFailure('22004', `field "${path}": an array within an array is null`, path);
      }
      const items = itemsOf(list);
      if (dimensions[at] === undefined) dimensions[at] = items.length;
      if (dimensions[at] !== items.length) {
        throw new FieldFailure('2202E', `field "${path}": arrays within an array differ in length`, path);
      }
      for (const item of items) {
        if (at === depth - 1) elements.push(convert(item));
        else level(item, at + 1);
      }
    };
    level(raw, 0);
    return elements.length === 0 ? new SqlArray([]) : new SqlArray(elements, dimensions);
  };
}

function structConverter(
  shape: StructShape,
  fields: readonly StructField[],
  path: string,
  context: TextContext,
): ParquetConverter {
  const steps = fields.map(({ name, type }) => {
    const index = shape.fields.findIndex((f) => f.name === name);
    const found = shape.fields[index];
    const convert =
      found === undefined ? null : parquetConverter(found.shape, type, `${path}.${name}`, context);
    return { index, convert };
  });
  return (raw) => {
    if (isAbsent(raw)) return null;
    const values = itemsOf(raw);
    return steps.map(({ index, convert }): Value => (convert === null ? null : convert(values[index])));
  };
}

/** From a column of this shape to values of this type; `path` is its name in errors. */
export function parquetConverter(
  shape: ParquetShape,
  type: DataType,
  path: string,
  context: TextContext,
): ParquetConverter {
  if (shape.kind === 'leaf') return leafConverter(shape.meaning, type, path, context);
  if (type.id === 'jsonb' || type.id === 'json') {
    const node = jsonNode(shape, context);
    const isBinary = type.id === 'jsonb';
    return (raw) => {
      if (isAbsent(raw)) return null;
      try {
        return isBinary ? new Jsonb(node(raw)) : printJson(node(raw));
      } catch (error) {
        throw FieldFailure.of(error, path);
      }
    };
  }
  if (type.id === 'array' && shape.kind === 'list') return arrayConverter(shape, type.element, path, context);
  if (type.id === 'array' && shape.kind === 'map') {
    const entries: ListShape = { kind: 'list', optional: shape.optional, element: shape.entry };
    return arrayConverter(entries, type.element, path, context);
  }
  if (type.id === 'struct' && shape.kind === 'struct') {
    return structConverter(shape, type.fields, path, context);
  }
  const becomes = { struct: 'a STRUCT', list: 'an array', map: 'an array of STRUCT<key, value>' }[shape.kind];
  return (raw) => {
    if (isAbsent(raw)) return null;
    const message = `field "${path}": a ${shape.kind} can become ${becomes} or jsonb, not ${formatType(type)}`;
    throw new FieldFailure('42804', message, path);
  };
}

/** Fields of structs that the type lacks, or the file, by path: they are drift as those of the rows are. */
export function nestedDrift(shape: ParquetShape, type: DataType, path: string, report: RecordReport): void {
  if (shape.kind === 'list' && type.id === 'array') {
    nestedDrift(shape.element, shape.element.kind === 'list' ? type : type.element, `${path}[]`, report);
  } else if (shape.kind === 'map' && type.id === 'array') {
    nestedDrift(shape.entry, type.element, `${path}[]`, report);
  } else if (shape.kind === 'struct' && type.id === 'struct') {
    for (const field of type.fields) {
      const found = shape.fields.find((f) => f.name === field.name);
      const place = `${path}.${field.name}`;
      if (found === undefined) report.drift('missing field', place, () => null);
      else nestedDrift(found.shape, field.type, place, report);
    }
    for (const { name } of shape.fields) {
      if (!type.fields.some((f) => f.name === name))
        report.drift('unknown field', `${path}.${name}`, () => null);
    }
  }
}

// JSON

type ToJson = (raw: unknown) => JsonNode;

function leafNode(meaning: LeafMeaning, context: TextContext): ToJson {
  const { kind, scale, single, unit, utc } = meaning;
  const float = single ? types.float4 : types.float8;
  return (raw) => {
    if (typeof raw === 'boolean') return raw;
    switch (kind) {
      case 'json':
        return parseJson(textOf(raw, meaning));
      case 'decimal':
        return Decimal.scaled(integerOf(raw), scale);
      case 'timestamp': {
        const [date = '', time = ''] = timestampText(micros(integerOf(raw), unit))
          .slice(0, -3)
          .split(' ');
        return `${date}T${time}${utc ? 'Z' : ''}`;
      }
      case 'date':
      case 'time':
      case 'enum':
        return textOf(raw, meaning);
      case 'other':
        if (typeof raw === 'bigint') return Decimal.fromBigint(raw);
        if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64');
        if (typeof raw !== 'number') return String(raw);
        if (!Number.isFinite(raw)) return String(raw);
        return Number.isInteger(raw) && Math.abs(raw) < 2 ** 32
          ? Decimal.fromInt(raw)
          : Decimal.parse(formatValue(raw, float, context));
    }
  };
}

/** The part as JSON: numbers exact, times in ISO 8601, bytes in base64, keys of maps as their text. */
function jsonNode(shape: ParquetShape, context: TextContext): ToJson {
  const present = presentNode(shape, context);
  return (raw) => (isAbsent(raw) ? null : present(raw));
}

function presentNode(shape: ParquetShape, context: TextContext): ToJson {
  switch (shape.kind) {
    case 'leaf':
      return leafNode(shape.meaning, context);
    case 'list': {
      const element = jsonNode(shape.element, context);
      return (raw) => itemsOf(raw).map(element);
    }
    case 'struct': {
      const fields = shape.fields.map((f) => ({ name: f.name, node: jsonNode(f.shape, context) }));
      return (raw) => {
        const values = itemsOf(raw);
        return jsonObject(fields.map(({ name, node }, i) => [name, node(values[i])] as const));
      };
    }
    case 'map': {
      const [key, value] = shape.entry.fields.map((f) => jsonNode(f.shape, context));
      return (raw) =>
        jsonObject(
          itemsOf(raw).map((entry) => {
            const [k, v] = itemsOf(entry);
            return [keyText(key?.(k) ?? null), value?.(v) ?? null] as const;
          }),
        );
    }
  }
}

function keyText(node: JsonNode): string {
  if (node === null) throw new SqlError('22004', 'a key of a map is null');
  return typeof node === 'string' ? node : printJson(node);
}
