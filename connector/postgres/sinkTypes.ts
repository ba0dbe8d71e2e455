/**
 * How values of our types are said to PostgreSQL, and which of its types can hold them without loss. Values go as the text that
 * PostgreSQL itself would print (so numeric, NaN, infinity, microseconds, intervals, bytea and arrays stay exactly what they
 * are), and are cast there to the type of the column; rows of fields (struct) go as JSON.
 */
import type { DataType, TypeId } from '../../common/dataType.ts';
import { formatterOf, plainContext } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import type { NonNullValue } from '../../common/value.ts';
import { jsonValue } from '../encoders/jsonValue.ts';

const context = plainContext(() => 0n);
const forms = { timestamptz: 'utc_string', jsonb: 'dynamic' } as const;

const text = ['text', 'varchar', 'bpchar', 'citext', 'name'];
const numbers = ['numeric'];

/** Names in pg_type that can hold every value of ours (a shorter modifier is checked by the target, value by value). */
const holders: { readonly [K in Exclude<TypeId, 'array' | 'struct'>]: readonly string[] } = {
  bool: ['bool'],
  int2: ['int2', 'int4', 'int8', 'float4', 'float8', ...numbers],
  int4: ['int4', 'int8', 'float8', ...numbers],
  int8: ['int8', ...numbers],
  float4: ['float4', 'float8'],
  float8: ['float8'],
  numeric: numbers,
  text: ['uuid', 'json', 'jsonb', 'xml', 'inet', 'cidr', 'macaddr'],
  varchar: ['uuid', 'json', 'jsonb', 'xml', 'inet', 'cidr', 'macaddr'],
  bpchar: ['uuid'],
  name: [],
  char: ['char'],
  bytea: ['bytea'],
  date: ['date'],
  time: ['time'],
  timetz: ['timetz'],
  timestamp: ['timestamp'],
  timestamptz: ['timestamptz'],
  interval: ['interval'],
  json: ['json', 'jsonb'],
  jsonb: ['jsonb', 'json'],
  uuid: ['uuid'],
  oid: ['oid', 'int8', ...numbers],
  regclass: [],
  regtype: [],
  regproc: [],
  regnamespace: [],
  void: [],
  unknown: [],
};

/** A type of the target, by its names in pg_type; domains by what they are made of. */
export interface TargetType {
  /** Of an array: that of its elements. */
  readonly name: string;
  readonly isArray: boolean;
  /** pg_type.typtype of it, or of its elements. */
  readonly kind: string;
}

function leaf(type: DataType): DataType {
  return type.id === 'array' ? leaf(type.element) : type;
}

/** Arrays of structs are JSON arrays. */
function isJson(type: DataType): boolean {
  return leaf(type).id === 'struct';
}

/** Whether a column of the target holds every value of this type. */
export function canHold(target: TargetType, type: DataType): boolean {
  if (isJson(type)) return !target.isArray && ['jsonb', 'json', ...text].includes(target.name);
  if (!target.isArray && text.includes(target.name)) return true;
  if ((type.id === 'array') !== target.isArray) return false;
  const { id } = leaf(type);
  if (id === 'array' || id === 'struct') return false;
  // Labels of an enum are checked by the target.
  if (target.kind === 'e') return id === 'text' || id === 'varchar';
  return holders[id].includes(target.name) || (target.isArray && text.includes(target.name));
}

/** The type of a column that the sink makes. */
export function columnType(type: DataType): string {
  if (isJson(type)) return 'jsonb';
  const { id } = leaf(type);
  switch (id) {
    case 'regclass':
    case 'regtype':
    case 'regproc':
    case 'regnamespace':
    case 'void':
    case 'unknown':
      return type.id === 'array' ? 'text[]' : 'text';
    default:
      return formatType(type);
  }
}

/** The text of values of this type. */
export function writerOf(type: DataType): (value: NonNullValue) => string {
  if (isJson(type)) return (value) => jsonValue(value, type, forms);
  const format = formatterOf(type);
  return (value) => format(value, context);
}
