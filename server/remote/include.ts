/** INCLUDE: fields of a message besides its value, filled into their columns by the thread that decodes. */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import { parseValue } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';
import type { IncludedFields } from '../../connector/connector.ts';
import type { RemoteRecord } from '../../connector/remote.ts';

/** A column that INCLUDE fills. Plain data: it goes to another thread. */
export interface IncludedColumn {
  readonly name: string;
  readonly type: DataType;
  readonly field: string;
  /** Of `header`: which; null: all of them. */
  readonly header: string | null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes as a value of a type; 22P02 and the like when they are none. */
function fromBytes(bytes: Uint8Array | null, type: DataType, field: string, context: TextContext): Value {
  if (bytes === null) return null;
  if (type.id === 'bytea') return bytes;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new SqlError('22021', `${field}: invalid byte sequence for encoding "UTF8"`);
  }
  return parseValue(text, type, context);
}

function fromText(text: string | null, type: DataType, context: TextContext): Value {
  if (text === null) return null;
  if (type.id === 'text') return text;
  if (type.id === 'bytea') return new Uint8Array(Buffer.from(text, 'utf8'));
  return parseValue(text, type, context);
}

function headerValue(record: RemoteRecord, { header, type }: IncludedColumn, context: TextContext): Value {
  if (header === null) {
    return new SqlArray(record.headers.map(([name, value]): Value => [name, value]));
  }
  const found = record.headers.find(([name]) => name === header);
  return found === undefined ? null : fromBytes(found[1], type, `header "${header}"`, context);
}

function includedValue(record: RemoteRecord, column: IncludedColumn, context: TextContext): Value {
  const { field, type } = column;
  switch (field) {
    case 'key':
      return fromBytes(record.key, type, 'key', context);
    case 'payload':
      return fromBytes(record.value, type, 'payload', context);
    case 'timestamp':
      if (record.timestamp === null) return null;
      if (type.id === 'timestamptz' || type.id === 'timestamp') return record.timestamp;
      if (type.id === 'int8') return record.timestamp / 1000n;
      throw new SqlError('42804', `INCLUDE timestamp cannot be of type ${formatType(type)}`);
    case 'partition':
    // A file is the partition of its records.
    case 'file':
      return fromText(record.partition, type, context);
    case 'offset':
      return fromText(record.offset, type, context);
    case 'header':
      return headerValue(record, column, context);
    default:
      return fromText(record.fields?.[field] ?? null, type, context);
  }
}

/** Fills the included columns of a row; throws SqlError where a field is not of its column's type. */
export type IncludeFiller = (record: RemoteRecord, row: Value[]) => void;

export function includeFiller(
  columns: readonly IncludedColumn[],
  positions: readonly number[],
  context: TextContext,
): IncludeFiller {
  return (record, row) => {
    columns.forEach((column, i) => {
      row[must(positions[i])] = includedValue(record, column, context);
    });
  };
}

/** The last of so many columns, for a connector that fills them itself; undefined: there are none. */
export function includedFields(
  included: readonly IncludedColumn[],
  columns: number,
  context: TextContext,
): IncludedFields | undefined {
  if (included.length === 0) return undefined;
  const first = columns - included.length;
  const positions = included.map((_, i) => first + i);
  return {
    count: included.length,
    fields: included.map((column) => column.field),
    fill: includeFiller(included, positions, context),
  };
}
