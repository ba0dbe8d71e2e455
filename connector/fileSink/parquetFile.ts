/**
 * Rows as a Parquet file, a row group at a time. Types: integers, floats and booleans as they are; numeric(p, s) up to 38 digits
 * as DECIMAL, other numeric as text (no digit is lost); date, time, timestamp and timestamptz in microseconds; uuid, bytea; json and
 * jsonb as JSON; arrays as LIST groups of three levels, structs as groups; all others as the text that SQL shows. Everything may be
 * NULL: a column, a field, an element.
 */
import { gzipSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { must } from '../../common/assert.ts';
import type { Column, DataType, StructField, StructType } from '../../common/dataType.ts';
import { isFiniteTimestamp } from '../../common/dateTime.ts';
import { Decimal } from '../../common/decimal.ts';
import { Jsonb } from '../../common/jsonb.ts';
import { printJson } from '../../common/jsonText.ts';
import type { SqlArray } from '../../common/sqlArray.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  type NonNullValue,
  type Row,
  type Value,
} from '../../common/value.ts';
import type { OptionSpec } from '../connector.ts';
import { type JsonForms, jsonValue } from '../encoders/jsonValue.ts';
import { SinkRefusal } from '../sink.ts';

export const parquetOptions: readonly OptionSpec[] = [
  {
    name: 'compression',
    type: 'string',
    choices: ['snappy', 'gzip', 'none'],
    default: 'snappy',
    doc: 'How pages are compressed.',
  },
  {
    name: 'row_group_rows',
    type: 'integer',
    default: '100000',
    doc: 'Rows of a row group at most; they are in memory until it is written.',
  },
];

/** What Parquet calls a column, and its values. */
interface ParquetColumn {
  readonly element: SchemaElement;
  /** Elements of the schema below it, in the order of the file: a group's. Absent: none. */
  readonly below?: readonly SchemaElement[];
  readonly value: (value: NonNullValue) => unknown;
}

const plain = plainContext(() => 0n);
const forms: JsonForms = { timestamptz: 'utc_string', jsonb: 'dynamic' };
/** Digits of a DECIMAL in 16 bytes. */
const MOST_DIGITS = 38;

const codecs = { snappy: 'SNAPPY', gzip: 'GZIP', none: 'UNCOMPRESSED' } as const;

const text = (name: string, value: (value: NonNullValue) => string): ParquetColumn => ({
  element: {
    name,
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
    repetition_type: 'OPTIONAL',
  },
  value,
});

function refuse(name: string, value: string): never {
  throw new SinkRefusal(`Parquet has no ${value} for column "${name}": leave it out in the sink's query`);
}

/** The unscaled integer with this many digits of fraction. */
function unscaled(name: string, value: NonNullValue, scale: number): bigint {
  const shown =
    value instanceof Decimal ? formatValue(value, { id: 'numeric' } as DataType, plain) : String(value);
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(shown);
  if (match === null) return refuse(name, shown);
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = BigInt(`${whole}${fraction.padEnd(scale, '0').slice(0, scale)}` || '0');
  return sign === '-' ? -digits : digits;
}

function decimalColumn(name: string, precision: number, scale: number): ParquetColumn {
  return {
    element: {
      name,
      type: 'FIXED_LEN_BYTE_ARRAY',
      type_length: 16,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision, scale },
      precision,
      scale,
      repetition_type: 'OPTIONAL',
    },
    value: (value) => unscaled(name, value, scale),
  };
}

function finite(name: string, value: NonNullValue): bigint {
  return isFiniteTimestamp(value as bigint) ? (value as bigint) : refuse(name, 'infinity');
}

function timeColumn(name: string, type: 'TIME' | 'TIMESTAMP', utc: boolean): ParquetColumn {
  return {
    element: {
      name,
      type: 'INT64',
      logical_type: { type, isAdjustedToUTC: utc, unit: 'MICROS' },
      repetition_type: 'OPTIONAL',
    },
    value: type === 'TIME' ? (value) => value : (value) => finite(name, value),
  };
}

function numericColumn(name: string, type: DataType & { readonly id: 'numeric' }): ParquetColumn {
  const { precision, scale } = type;
  const known = typeof precision === 'number' && typeof scale === 'number';
  if (known && precision <= MOST_DIGITS && scale >= 0 && scale <= precision) {
    return decimalColumn(name, precision, scale);
  }
  return text(name, (value) => formatValue(value, type, plain));
}

function jsonColumn(name: string, value: (value: NonNullValue) => string): ParquetColumn {
  const encoder = new TextEncoder();
  return {
    // Without a converted type: the text is not to be written as JSON once more.
    element: { name, type: 'BYTE_ARRAY', logical_type: { type: 'JSON' }, repetition_type: 'OPTIONAL' },
    value: (v) => encoder.encode(value(v)),
  };
}

const nullable =
  ({ value }: ParquetColumn) =>
  (v: Value | undefined): unknown =>
    v === null || v === undefined ? null : value(v);

/** A part of a column: errors have its path, the schema its own name. */
function partColumn(path: string, name: string, type: DataType): ParquetColumn {
  const column = parquetColumn({ name: path, type });
  return { ...column, element: { ...column.element, name } };
}

function listColumn(name: string, element: DataType): ParquetColumn {
  const item = partColumn(`${name}[]`, 'element', element);
  const write = nullable(item);
  return {
    element: {
      name,
      converted_type: 'LIST',
      logical_type: { type: 'LIST' },
      repetition_type: 'OPTIONAL',
      num_children: 1,
    },
    below: [
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      item.element,
      ...(item.below ?? []),
    ],
    value(value) {
      const { dimensions, elements } = value as SqlArray;
      if (dimensions.length > 1) return refuse(name, `array of ${dimensions.length} dimensions`);
      return elements.map(write);
    },
  };
}

function structColumn(name: string, type: StructType): ParquetColumn {
  const fields = type.fields.map((f) => ({
    name: f.name,
    column: partColumn(`${name}.${f.name}`, f.name, f.type),
  }));
  return {
    element: { name, repetition_type: 'OPTIONAL', num_children: fields.length },
    below: fields.flatMap(({ column }) => [column.element, ...(column.below ?? [])]),
    value(value) {
      const values = value as readonly Value[];
      return Object.fromEntries(fields.map((f, i) => [f.name, nullable(f.column)(values[i])]));
    },
  };
}

/** A group has fields, and finds them by their names. */
function isGroup({ fields }: StructType): boolean {
  return fields.length > 0 && new Set(fields.map((f) => f.name)).size === fields.length;
}

function parquetColumn({ name, type }: StructField): ParquetColumn {
  const as = (
    physical: SchemaElement['type'],
    value: (value: NonNullValue) => unknown = (v) => v,
  ): ParquetColumn => ({
    element: { name, ...(physical === undefined ? {} : { type: physical }), repetition_type: 'OPTIONAL' },
    value,
  });
  switch (type.id) {
    case 'bool':
      return as('BOOLEAN');
    case 'int2':
    case 'int4':
      return as('INT32');
    case 'int8':
      return as('INT64');
    case 'float4':
      return as('FLOAT');
    case 'float8':
      return as('DOUBLE');
    case 'numeric':
      return numericColumn(name, type);
    case 'date':
      return {
        element: {
          name,
          type: 'INT32',
          converted_type: 'DATE',
          logical_type: { type: 'DATE' },
          repetition_type: 'OPTIONAL',
        },
        value: (v) => (v === DATE_INFINITY || v === DATE_MINUS_INFINITY ? refuse(name, 'infinity') : v),
      };
    case 'time':
      return timeColumn(name, 'TIME', false);
    case 'timestamp':
      return timeColumn(name, 'TIMESTAMP', false);
    case 'timestamptz':
      return timeColumn(name, 'TIMESTAMP', true);
    case 'bytea':
      return as('BYTE_ARRAY');
    case 'uuid':
      return {
        element: {
          name,
          type: 'FIXED_LEN_BYTE_ARRAY',
          type_length: 16,
          logical_type: { type: 'UUID' },
          repetition_type: 'OPTIONAL',
        },
        value: (v) => v,
      };
    case 'json':
      return jsonColumn(name, String);
    case 'jsonb':
      return jsonColumn(name, (v) => (v instanceof Jsonb ? printJson(v.root) : String(v)));
    case 'array':
      return listColumn(name, type.element);
    case 'struct':
      if (isGroup(type)) return structColumn(name, type);
      return jsonColumn(name, (v) => jsonValue(v, type, forms));
    default:
      return text(name, (v) => formatValue(v, type, plain));
  }
}

/** Rows in, bytes of a file out. */
export class ParquetFile {
  readonly #columns: readonly ParquetColumn[];
  readonly #rowGroupRows: number;
  readonly #writer = new ByteWriter();
  readonly #parquet: ParquetWriter;
  #values: unknown[][];
  #rows = 0;

  constructor(columns: readonly Column[], options: ReadonlyMap<string, string>) {
    this.#columns = columns.map(parquetColumn);
    this.#rowGroupRows = Math.max(1, Number(options.get('row_group_rows') ?? 100_000));
    const codec = codecs[(options.get('compression') ?? 'snappy') as keyof typeof codecs];
    this.#parquet = new ParquetWriter({
      writer: this.#writer,
      schema: [
        { name: 'root', num_children: columns.length },
        ...this.#columns.flatMap(({ element, below = [] }) => [element, ...below]),
      ],
      codec,
      compressors: { GZIP: (input) => new Uint8Array(gzipSync(input)) },
      createdBy: 'millrace',
    });
    this.#values = this.#columns.map(() => []);
  }

  /** Gives the bytes that are complete; they are to be appended. */
  add(rows: Iterable<Row>): Uint8Array {
    for (const row of rows) {
      this.#columns.forEach(({ value }, c) => {
        const v = row[c] ?? null;
        must(this.#values[c]).push(v === null ? null : value(v));
      });
      if (++this.#rows >= this.#rowGroupRows) this.#writeGroup();
    }
    return this.#taken();
  }

  /** The rest of the file. */
  finish(): Uint8Array {
    this.#writeGroup();
    this.#parquet.finish();
    return this.#taken();
  }

  #writeGroup(): void {
    if (this.#rows === 0) return;
    const columnData = this.#columns.map(({ element }, c) => ({
      name: element.name,
      data: must(this.#values[c]),
    }));
    this.#parquet.write({ columnData, rowGroupSize: this.#rowGroupRows });
    this.#values = this.#columns.map(() => []);
    this.#rows = 0;
  }

  /** Offsets in the file go on; what has been taken need not stay. */
  #taken(): Uint8Array {
    const bytes = new Uint8Array(this.#writer.buffer, 0, this.#writer.index).slice();
    this.#writer.index = 0;
    return bytes;
  }
}
