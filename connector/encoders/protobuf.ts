/**
 * ENCODE PROTOBUF of sinks: a proto3 message of the columns, each `optional`, so that NULL is not there. Field numbers are kept from
 * the latest schema of the subject by name; new columns get numbers that were never used, and numbers of columns that went are
 * reserved. What Protobuf has no type for is text; arrays that hold NULL cannot be written.
 */
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs';
import type { Column, DataType } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { avroName } from '../formats/avro/fromColumns.ts';
import { withReferences } from '../formats/avro/schemas.ts';
import { messageType, protoSchemaOf } from '../formats/protobuf/schema.ts';
import { registryClient } from '../registry/client.ts';
import { recordName, subjectOf } from '../registry/options.ts';
import { schemaHeader } from '../registry/wireFormat.ts';
import type { SinkConfig } from '../sink.ts';
import type { RowBytes, RowsAsBytes } from './byteEncoder.ts';

const plain = plainContext(() => 0n);
/** Numbers that Protobuf keeps for itself. */
const RESERVED_FIRST = 19_000;
const RESERVED_LAST = 19_999;

/** Numbers of a message's fields by name, and those that may not be used any more. */
interface Numbers {
  readonly byName: ReadonlyMap<string, number>;
  readonly gone: ReadonlySet<number>;
}

const noNumbers: Numbers = { byName: new Map(), gone: new Set() };

interface MessageField {
  readonly name: string;
  readonly number: number;
  readonly type: DataType;
}

interface MessageShape {
  readonly text: string;
  readonly fields: readonly MessageField[];
}

/** Type of a value in .proto; a struct is a message of its own. */
function protoType(type: DataType, messageName: string): string {
  switch (type.id) {
    case 'bool':
      return 'bool';
    case 'int2':
    case 'int4':
      return 'int32';
    case 'int8':
    case 'oid':
      return 'int64';
    case 'float4':
      return 'float';
    case 'float8':
      return 'double';
    case 'bytea':
      return 'bytes';
    case 'timestamptz':
      return 'google.protobuf.Timestamp';
    case 'struct':
      return messageName;
    default:
      return 'string';
  }
}

function numbersOf(type: protobuf.Type): Numbers {
  const gone = new Set<number>();
  for (const range of type.reserved ?? []) {
    if (typeof range === 'string') continue;
    const [from = 0, to = 0] = range;
    for (let n = from; n <= to && gone.size < 10_000; n++) gone.add(n);
  }
  return { byName: new Map(type.fieldsArray.map((f) => [f.name, f.id])), gone };
}

/** The message of these columns, with the numbers that the latest schema gives them. */
function messageShape(
  name: string,
  columns: readonly { readonly name: string; readonly type: DataType }[],
  latest: protobuf.Type | null,
  indent = '',
): MessageShape {
  const known = latest === null ? noNumbers : numbersOf(latest);
  const used = new Set([...known.byName.values(), ...known.gone]);
  const named = columns.map((c) => ({ name: avroName(c.name), type: c.type }));
  if (new Set(named.map((c) => c.name)).size < named.length) {
    throw new SqlError('42701', 'two columns have the same name in Protobuf', {
      hint: 'Give one of them another name with AS.',
    });
  }
  let next = 1;
  const free = (): number => {
    while (used.has(next) || (next >= RESERVED_FIRST && next <= RESERVED_LAST)) next++;
    used.add(next);
    return next;
  };
  const fields = named.map((c) => ({ ...c, number: known.byName.get(c.name) ?? free() }));
  const inner: string[] = [];
  const lines = fields.map(({ name: field, number, type }) => {
    const leaf = type.id === 'array' ? type.element : type;
    const messageName = `T_${field}`;
    if (leaf.id === 'struct') {
      const before = latest?.nested?.[messageName];
      const old = before instanceof protobuf.Type ? before : null;
      inner.push(messageShape(messageName, leaf.fields, old, `${indent}  `).text);
    }
    const rule = type.id === 'array' && leaf.id !== 'array' ? 'repeated' : 'optional';
    return `${indent}  ${rule} ${protoType(leaf, messageName)} ${field} = ${number};`;
  });
  const kept = new Set(fields.map((f) => f.number));
  const gone = [...known.byName.values(), ...known.gone].filter((n) => !kept.has(n)).sort((a, b) => a - b);
  if (gone.length > 0) lines.unshift(`${indent}  reserved ${gone.join(', ')};`);
  return { text: [`${indent}message ${name} {`, ...inner, ...lines, `${indent}}`].join('\n'), fields };
}

/** What protobufjs writes for a value of a field. */
type ToPlain = (value: NonNullValue) => unknown;

function timestampParts(value: bigint): { readonly seconds: bigint; readonly nanos: number } {
  const micros = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { seconds: (value - micros) / 1_000_000n, nanos: Number(micros) * 1000 };
}

/** The class of 64-bit integers that protobufjs writes exactly; its types do not tell of the static part. */
const longs = protobuf.util.Long as unknown as { readonly fromString: (text: string) => unknown };

function long(value: bigint): unknown {
  return longs.fromString(value.toString());
}

function toPlain(type: DataType): ToPlain {
  switch (type.id) {
    case 'bool':
    case 'int2':
    case 'int4':
    case 'float4':
    case 'float8':
      return (value) => value;
    case 'oid':
      return (value) => long(BigInt(Number(value)));
    case 'int8':
      return (value) => long(BigInt(value as bigint));
    case 'bytea':
      return (value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0));
    case 'timestamptz':
      return (value) => {
        const { seconds, nanos } = timestampParts(value as bigint);
        return { seconds: long(seconds), nanos };
      };
    case 'struct': {
      const fields = type.fields.map((f) => ({ name: avroName(f.name), write: toPlain(f.type) }));
      return (value) => {
        const values = value as readonly Value[];
        return Object.fromEntries(
          fields.flatMap(({ name, write }, i) => {
            const item = values[i] ?? null;
            return item === null ? [] : [[name, write(item)]];
          }),
        );
      };
    }
    case 'array': {
      if (type.element.id === 'array') break;
      const write = toPlain(type.element);
      return (value) =>
        (value instanceof SqlArray ? value.elements : []).map((item) => {
          if (item !== null) return write(item);
          throw new SqlError('22004', 'an array with NULL in it is not possible in Protobuf', {
            hint: 'Take NULLs out with array_remove(a, NULL), or use ENCODE AVRO or JSON.',
          });
        });
    }
    default:
      break;
  }
  const format = formatterOf(type);
  return (value) => format(value, plain);
}

function rowBytes(
  id: number,
  type: protobuf.Type,
  columns: readonly Column[],
  positions: readonly number[],
): RowBytes {
  // The first type of the schema: the single index 0.
  const header = Buffer.concat([schemaHeader(id), Buffer.from([0])]);
  const fields = positions.flatMap((position) => {
    const column = columns[position];
    return column === undefined
      ? []
      : [{ position, name: avroName(column.name), write: toPlain(column.type) }];
  });
  return (row) => {
    const message: Record<string, unknown> = {};
    for (const { position, name, write } of fields) {
      const value = row[position] ?? null;
      if (value !== null) message[name] = write(value);
    }
    return Buffer.concat([header, type.encode(message).finish()]);
  };
}

export async function openProtobufRows(config: SinkConfig, topic: string | null): Promise<RowsAsBytes> {
  const { columns, encodeOptions: options, key, name } = config;
  const client = registryClient(options);
  const part = async (of: 'key' | 'value', positions: readonly number[]): Promise<RowBytes> => {
    const record = recordName(options, of) ?? (of === 'value' ? name : `${name}_key`);
    const subject = subjectOf(options, topic, of, record);
    const path = record.split('.').map(avroName);
    const messageName = path.pop() ?? '';
    const scope = path.join('.');
    const full = scope === '' ? messageName : `${scope}.${messageName}`;
    const latest = await client.latest(subject);
    const before =
      latest === null || latest.kind !== 'PROTOBUF'
        ? null
        : messageType(protoSchemaOf(await withReferences(client, latest)), full);
    const chosen = positions.flatMap((p) => columns[p] ?? []);
    const shape = messageShape(messageName, chosen, before);
    const text = [
      'syntax = "proto3";',
      ...(scope === '' ? [] : [`package ${scope};`]),
      ...(shape.text.includes('google.protobuf.Timestamp')
        ? ['import "google/protobuf/timestamp.proto";']
        : []),
      shape.text,
      '',
    ].join('\n');
    const id = await client.register(subject, 'PROTOBUF', text);
    const type = messageType(protoSchemaOf({ id, text, imports: [] }), full);
    return rowBytes(id, type, columns, positions);
  };
  return {
    value: await part(
      'value',
      columns.map((_, i) => i),
    ),
    key: key === null ? null : await part('key', key),
  };
}
