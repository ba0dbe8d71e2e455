/**
 * Columns of a source that declares none: from the schema of a registry or a file, or from a few messages (JSON: the fields that they
 * have and types that take all their values; CSV: the names of the first line, as text).
 */
import protobuf from 'protobufjs';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { JsonNode } from '../../common/jsonb.ts';
import { isJsonObject, parseJson } from '../../common/jsonText.ts';
import { SqlError } from '../../common/sqlError.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import { registryClient } from '../registry/client.ts';
import { recordName, subjectOf } from '../registry/options.ts';
import type { RemoteRecord } from '../remote.ts';
import { columnsOfRecord } from './avro/fromColumns.ts';
import { avroTypeOf } from './avro/rows.ts';
import { type AvroType, parseAvroSchema, recordOf } from './avro/schema.ts';
import { schemaFile, type WholeSchema, withReferences } from './avro/schemas.ts';
import { splitCsv } from './csv.ts';
import { csvLines } from './csvRows.ts';
import type { MessageFormat } from './message.ts';
import { messageType, protoFile, protoSchemaOf } from './protobuf/schema.ts';
import { protoColumnType } from './protobuf/values.ts';

export interface InferredColumn {
  readonly name: string;
  readonly type: DataType;
}

/** Where columns come from; `sample` is asked only where a schema does not say. */
export interface InferSource {
  readonly format: MessageFormat;
  readonly encode: string;
  /** Of the ENCODE clause, checked. */
  readonly options: ReadonlyMap<string, string>;
  readonly topic: string | null;
  sample(records: number): Promise<readonly RemoteRecord[]>;
}

const SAMPLE = 100;
const INT8_MAX = 0x7fffffffffffffffn;

function none(what: string, hint: string): SqlError {
  return new SqlError('42P16', `columns cannot be inferred: ${what}`, { hint });
}

// --- JSON ----------------------------------------------------------------------------------------------------------

/** The type that takes one value; null: NULL says nothing. */
function nodeType(node: JsonNode): DataType | null {
  if (node === null) return null;
  if (typeof node === 'string') return types.text;
  if (typeof node === 'boolean') return types.bool;
  if (node instanceof Decimal) {
    if (node.scale > 0 || !node.isInteger()) return types.float8;
    const n = node.toInteger('bigint');
    return n <= INT8_MAX && n >= -INT8_MAX - 1n ? types.int8 : types.numeric;
  }
  if (isJsonObject(node)) {
    const fields = [...node].map(([name, item]) => ({ name, type: nodeType(item) ?? types.jsonb }));
    return fields.length === 0 ? types.jsonb : { id: 'struct', fields };
  }
  const element = node.reduce<DataType | null>((type, item) => joined(type, nodeType(item)), null);
  if (element === null || element.id === 'jsonb' || element.id === 'array') return types.jsonb;
  return arrayOf(element);
}

/** The type that takes values of both. */
function joined(a: DataType | null, b: DataType | null): DataType | null {
  if (a === null || b === null) return a ?? b;
  if (a.id === 'struct' && b.id === 'struct') {
    const fields = new Map(a.fields.map((f) => [f.name, f.type]));
    for (const { name, type } of b.fields)
      fields.set(name, joined(fields.get(name) ?? null, type) ?? types.jsonb);
    return { id: 'struct', fields: [...fields].map(([name, type]) => ({ name, type })) };
  }
  if (a.id === 'array' && b.id === 'array') {
    const element = joined(a.element, b.element);
    return element === null || element.id === 'jsonb' ? types.jsonb : arrayOf(element);
  }
  if (a.id === b.id) return a;
  const numbers = new Set([a.id, b.id]);
  const isNumber = (t: DataType): boolean => t.id === 'int8' || t.id === 'float8' || t.id === 'numeric';
  if (isNumber(a) && isNumber(b)) return numbers.has('numeric') ? types.numeric : types.float8;
  return types.jsonb;
}

/** The object of a message that becomes a row. */
function rowNode(record: RemoteRecord, format: MessageFormat): JsonNode {
  if (record.value === null) return null;
  const root = parseJson(decodeUtf8(record.value));
  if (format !== 'DEBEZIUM' || !isJsonObject(root)) return root;
  const payload = root.get('payload') ?? root;
  if (!isJsonObject(payload)) return null;
  return payload.get('after') ?? payload.get('before') ?? null;
}

function fromJson(records: readonly RemoteRecord[], format: MessageFormat): readonly InferredColumn[] {
  const columns = new Map<string, DataType | null>();
  for (const record of records) {
    let node: JsonNode;
    try {
      node = rowNode(record, format);
    } catch (error) {
      // Of a bad message nothing is learnt; it is counted when it is read.
      if (error instanceof SqlError) continue;
      throw error;
    }
    if (node === null || !isJsonObject(node)) continue;
    for (const [name, item] of node) columns.set(name, joined(columns.get(name) ?? null, nodeType(item)));
  }
  return [...columns].map(([name, type]) => ({ name, type: type ?? types.text }));
}

// --- CSV -----------------------------------------------------------------------------------------------------------

function fromCsv(
  records: readonly RemoteRecord[],
  options: ReadonlyMap<string, string>,
): readonly InferredColumn[] {
  if (options.get('without_header') !== 'false') {
    throw none('the CSV has no line of names', "Declare columns, or set without_header = 'false'.");
  }
  for (const { value } of records) {
    const line = value === null ? undefined : csvLines(decodeUtf8(value))[0];
    if (line === undefined) continue;
    const names = splitCsv(line, options.get('delimiter') ?? ',');
    return names.map((name, i) => ({ name: (name ?? '').trim() || `column${i + 1}`, type: types.text }));
  }
  return [];
}

// --- schemas -------------------------------------------------------------------------------------------------------

async function latestSchema(source: InferSource, kind: 'AVRO' | 'PROTOBUF'): Promise<WholeSchema> {
  const client = registryClient(source.options);
  const subject = subjectOf(source.options, source.topic, 'value');
  const schema = await client.latest(subject);
  if (schema === null) {
    throw none(
      `the schema registry has no subject "${subject}"`,
      'Declare columns, or register the schema first.',
    );
  }
  if (schema.kind !== kind)
    throw none(`subject "${subject}" is ${schema.kind}`, `Use ENCODE ${schema.kind}.`);
  return withReferences(client, schema);
}

async function fromAvro(source: InferSource): Promise<readonly InferredColumn[]> {
  const location = source.options.get('schema.location');
  const type: AvroType =
    location === undefined
      ? avroTypeOf(await latestSchema(source, 'AVRO'))
      : parseAvroSchema(schemaFile(location).toString('utf8'));
  let record = recordOf(type);
  if (source.format === 'DEBEZIUM') {
    const after = record?.fields.find((f) => f.name === 'after');
    record = after === undefined ? null : recordOf(after.type);
  }
  if (record === null) throw none('the Avro schema is not a record', 'Declare columns.');
  return columnsOfRecord(record);
}

async function fromProtobuf(source: InferSource): Promise<readonly InferredColumn[]> {
  const location = source.options.get('schema.location');
  const schema =
    location === undefined ? protoSchemaOf(await latestSchema(source, 'PROTOBUF')) : protoFile(location);
  let type = messageType(schema, recordName(source.options, 'value'));
  if (source.format === 'DEBEZIUM') {
    const row = type.fields['after']?.resolvedType;
    if (!(row instanceof protobuf.Type))
      throw none('the Protobuf message is no envelope', 'Declare columns.');
    type = row;
  }
  return type.fieldsArray.map((f) => ({ name: f.name, type: protoColumnType(f, [type]) }));
}

/** The columns; 42P16 where nothing tells them. Rejects with class 08 where a server does not answer. */
export async function inferColumns(source: InferSource): Promise<readonly InferredColumn[]> {
  let columns: readonly InferredColumn[];
  switch (source.encode) {
    case 'AVRO':
      columns = await fromAvro(source);
      break;
    case 'PROTOBUF':
      columns = await fromProtobuf(source);
      break;
    case 'JSON':
      columns = fromJson(await source.sample(SAMPLE), source.format);
      break;
    case 'CSV':
      columns = fromCsv(await source.sample(SAMPLE), source.options);
      break;
    case 'BYTES':
      columns = [{ name: 'payload', type: types.bytea }];
      break;
    case 'TEXT':
      columns = [{ name: 'payload', type: types.text }];
      break;
    default:
      columns = [];
  }
  if (columns.length > 0) return columns;
  throw none('there are no messages to tell them by', 'Declare the columns, or send a message first.');
}
