/**
 * Rows to DataRow messages: a writer generated per (column types, formats).
 *
 * The generated loop keeps buffer and position in locals. Per row it makes room once for everything of bounded width;
 * text makes its own room (three bytes a UTF-16 unit) and its length is filled in after it was written, so a string is
 * walked once. What is neither goes through formatValue or the binary codec. Invariant: a row is complete in the buffer
 * or not there at all, also when a column fails.
 */
import type { DataType } from '../common/dataType.ts';
import type { TextContext } from '../common/textContext.ts';
import { formatValue } from '../common/textIo.ts';
import type { NonNullValue, Row } from '../common/value.ts';
import { encodeBinary } from './binaryCodec.ts';
import type { ByteWriter } from './bytes.ts';
import type { FormatCode } from './port.ts';
import {
  isPlainDay,
  isPlainTimestamp,
  isShortDecimal,
  MAX_DATE_BYTES,
  MAX_DECIMAL_BYTES,
  MAX_INTEGER_BYTES,
  MAX_TIMESTAMP_BYTES,
  writeBigint,
  writeDate,
  writeDecimal,
  writeInt32,
  writeInteger,
  writeString,
  writeTimestamp,
} from './textWriters.ts';

/** Writes rows [from, to) of a batch. */
export type RowWriter = (out: ByteWriter, rows: readonly Row[], from: number, to: number) => void;

/**
 * How a column is written. `room`: bytes reserved per row for it beside its length word. `code`: statements that write
 * the non-null `v` at `p` and leave `p` behind it. `guard`: when false for `v`, the general text path is taken instead.
 */
interface ColumnCode {
  readonly room: number;
  readonly code: string;
  readonly guard?: string;
}

const GENERAL_TEXT = 'const s = format(v, t[$]); ROOM(s.length * 3) p = writeString(b, p, s);';
const PLAIN_STRING = 'ROOM(v.length * 3) p = writeString(b, p, v);';

const text: ColumnCode = { room: 0, code: PLAIN_STRING };
const general: ColumnCode = { room: 0, code: GENERAL_TEXT };
const integer: ColumnCode = { room: MAX_INTEGER_BYTES, code: 'p = writeInteger(b, p, v);' };
/** Below 1e15 PostgreSQL prints whole floats without an exponent; -0 prints its sign. */
const float: ColumnCode = {
  room: MAX_INTEGER_BYTES,
  guard: 'v < 1e15 && v > -1e15 && Math.floor(v) === v && (v !== 0 || 1 / v > 0)',
  code: 'p = writeInteger(b, p, v);',
};

const textCode: { readonly [K in DataType['id']]?: ColumnCode } = {
  bool: { room: 1, code: 'b[p++] = v ? 116 : 102;' },
  int2: integer,
  int4: integer,
  int8: { room: MAX_INTEGER_BYTES, code: 'p = writeBigint(b, p, v);' },
  oid: integer,
  float8: float,
  numeric: { room: MAX_DECIMAL_BYTES, guard: 'isShortDecimal(v)', code: 'p = writeDecimal(b, p, v);' },
  text,
  varchar: text,
  bpchar: text,
  name: text,
  char: text,
  json: text,
  uuid: text,
  unknown: text,
  date: { room: MAX_DATE_BYTES, guard: 'isPlainDay(v)', code: 'p = writeDate(b, p, v);' },
  timestamp: {
    room: MAX_TIMESTAMP_BYTES,
    guard: 'isPlainTimestamp(v)',
    code: 'p = writeTimestamp(b, p, v);',
  },
};

const utcTimestamp: ColumnCode = {
  room: MAX_TIMESTAMP_BYTES,
  guard: 'isPlainTimestamp(v)',
  code: 'p = writeTimestamp(b, p, v); b[p] = 43; b[p + 1] = 48; b[p + 2] = 48; p += 3;',
};

const binaryCode: { readonly [K in DataType['id']]?: ColumnCode } = {
  bool: { room: 1, code: 'b[p++] = v ? 1 : 0;' },
  int2: { room: 2, code: 'b[p] = v >>> 8; b[p + 1] = v; p += 2;' },
  int4: { room: 4, code: 'p = writeInt32(b, p, v);' },
  int8: { room: 8, code: 'p = b.writeBigInt64BE(v, p);' },
  float4: { room: 4, code: 'p = b.writeFloatBE(v, p);' },
  float8: { room: 8, code: 'p = b.writeDoubleBE(v, p);' },
  text,
  varchar: text,
  bpchar: text,
  name: text,
  char: text,
  json: text,
  unknown: text,
};

/** Any type in binary: the codec writes through `out`, whose position is handed over and taken back. */
const GENERAL_BINARY =
  'out.position = p; row0 = out.length - (p - row0); mark = out.length - (p - mark); ' +
  'encode(out, v, t[$]); out.reserve(FIXED); b = out.bytes; p = out.position; ' +
  'row0 = p - out.length + row0; mark = p - out.length + mark;';
const generalBinary: ColumnCode = { room: 0, code: GENERAL_BINARY };

function columnCode(type: DataType, format: FormatCode, utc: boolean): ColumnCode {
  if (format === 1) return binaryCode[type.id] ?? generalBinary;
  if (type.id === 'timestamptz' && utc) return utcTimestamp;
  return textCode[type.id] ?? general;
}

/** `ROOM(n)` makes room for n bytes, and always for the row's fixed part behind them (FIXED). */
function expandRoom(code: string, fixed: number): string {
  const make =
    'if (p + $1 + FIXED > b.length) { out.position = p; out.reserve($1 + FIXED); ' +
    'row0 += out.position - p; mark += out.position - p; b = out.bytes; p = out.position; }';
  return code.replace(/ROOM\(([^)]*)\)/g, make).replaceAll('FIXED', String(fixed));
}

function emitColumn(column: ColumnCode, index: number, fixed: number): string {
  const fill = (code: string): string => expandRoom(code, fixed).replaceAll('$', String(index));
  const write =
    column.guard === undefined
      ? fill(column.code)
      : `if (${column.guard}) { ${column.code} } else { ${fill(GENERAL_TEXT)} }`;
  return `
    v = row[${index}];
    if (v === null) { b[p] = 255; b[p + 1] = 255; b[p + 2] = 255; b[p + 3] = 255; p += 4; }
    else { mark = p; p += 4; ${write} writeInt32(b, mark, p - mark - 4); }`;
}

/** Compiled row layouts kept; beyond that they are made anew. */
const MAX_GENERATED = 1000;
const generated = new Map<string, WriterFactory>();
type WriterFactory = (...helpers: readonly unknown[]) => RowWriter;

const helpers = {
  isPlainDay,
  isPlainTimestamp,
  isShortDecimal,
  writeBigint,
  writeDate,
  writeDecimal,
  writeInt32,
  writeInteger,
  writeString,
  writeTimestamp,
} as const;

/** The source of the loop. Types, formatter and codec are parameters, so that equal layouts share one compilation. */
function emitWriter(columns: readonly ColumnCode[]): string {
  const fixed = columns.reduce((sum, column) => sum + column.room + 4, 7);
  return `return function writeRows(out, rows, from, to) {
  let b = out.bytes, p = out.position, row0 = 0, mark = 0, v = null;
  for (let i = from; i < to; i++) {
    const row = rows[i];
    if (p + ${fixed} > b.length) { out.position = p; out.reserve(${fixed}); b = out.bytes; p = out.position; }
    row0 = p;
    b[p] = 68; b[p + 5] = ${columns.length >>> 8}; b[p + 6] = ${columns.length & 255}; p += 7;
    ${columns.map((column, i) => emitColumn(column, i, fixed)).join('')}
    writeInt32(b, row0 + 1, p - row0 - 1);
  }
  out.position = p;
};`;
}

/** A writer for rows of these types; `context` is what text formats depend on from now on. */
export function makeRowWriter(
  types: readonly DataType[],
  formats: readonly FormatCode[],
  context: TextContext,
): RowWriter {
  const utc = context.timeZone === 'UTC';
  const key = types.map((type, i) => type.id + (formats[i] ?? 0)).join(' ') + (utc ? ' utc' : '');
  let factory = generated.get(key);
  if (factory === undefined) {
    const source = emitWriter(types.map((type, i) => columnCode(type, formats[i] ?? 0, utc)));
    factory = new Function(...Object.keys(helpers), 't', 'format', 'encode', source) as WriterFactory;
    if (generated.size >= MAX_GENERATED) generated.clear();
    generated.set(key, factory);
  }
  const format = (value: NonNullValue, type: DataType): string => formatValue(value, type, context);
  const encode = (out: ByteWriter, value: NonNullValue, type: DataType): void =>
    encodeBinary(out, value, type, context);
  const write = factory(...Object.values(helpers), types, format, encode);
  return (out, rows, from, to) => {
    const before = out.length;
    try {
      write(out, rows, from, to);
    } catch (error) {
      out.truncate(before);
      throw error;
    }
  };
}
