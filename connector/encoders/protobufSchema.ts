/**
 * The proto3 schemas that sinks register: a message of the columns, each `optional`, so that NULL is not there; and Debezium's
 * envelope around it. Field numbers are kept from the latest schema of the subject by name; new columns get numbers that were never
 * used, and numbers of columns that went are reserved.
 */
import protobuf from 'protobufjs';
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { avroName } from '../formats/avro/fromColumns.ts';

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

export interface MessageShape {
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
export function messageShape(
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

/** The full name of a message in parts that Protobuf takes. */
export interface MessageName {
  /** Empty: none. */
  readonly scope: string;
  readonly name: string;
  readonly full: string;
}

export function messageName(record: string): MessageName {
  const path = record.split('.').map(avroName);
  const name = path.pop() ?? '';
  const scope = path.join('.');
  return { scope, name, full: scope === '' ? name : `${scope}.${name}` };
}

/** A message within one of the latest schema; null: there was none of that name. */
function nestedIn(latest: protobuf.Type | null, name: string): protobuf.Type | null {
  const found = latest?.nested?.[name];
  return found instanceof protobuf.Type ? found : null;
}

/** Debezium's envelope of rows with these columns; its own fields have the same numbers for ever. */
export function envelopeShape(
  name: string,
  columns: readonly { readonly name: string; readonly type: DataType }[],
  latest: protobuf.Type | null,
): string {
  return [
    `message ${name} {`,
    messageShape('Value', columns, nestedIn(latest, 'Value'), '  ').text,
    '  message Source {',
    '    string connector = 1;',
    '    string name = 2;',
    '    int64 version = 3;',
    '  }',
    '  Value before = 1;',
    '  Value after = 2;',
    '  Source source = 3;',
    '  string op = 4;',
    '  int64 ts_ms = 5;',
    '}',
  ].join('\n');
}

/** The file of a message. */
export function protoText({ scope }: MessageName, message: string): string {
  return [
    'syntax = "proto3";',
    ...(scope === '' ? [] : [`package ${scope};`]),
    ...(message.includes('google.protobuf.Timestamp') ? ['import "google/protobuf/timestamp.proto";'] : []),
    message,
    '',
  ].join('\n');
}
