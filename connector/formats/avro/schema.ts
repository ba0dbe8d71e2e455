/**
 * Avro schemas as a tree: names resolved (with namespaces, aliases and references to themselves), logical types and Debezium's
 * `connect.name` beside the types that carry them. Logical types that do not fit their type are ignored, as Avro says.
 */
import { SqlError } from '../../../common/sqlError.ts';

export type AvroPrimitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** What a type means besides its bytes. */
export interface AvroMeaning {
  /** `decimal`, `timestamp-micros`, `uuid` ...; null: none. */
  readonly logical: string | null;
  readonly precision: number;
  readonly scale: number;
  /** Kafka Connect's name: `io.debezium.time.MicroTimestamp` ...; null: none. */
  readonly connect: string | null;
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** Undefined: it has none. */
  readonly default: unknown;
}

export interface AvroRecord {
  readonly kind: 'record';
  readonly name: string;
  /** Filled after the record is known by name: it may contain itself. */
  readonly fields: AvroField[];
}

export type AvroType =
  | { readonly kind: AvroPrimitive; readonly meaning: AvroMeaning }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number; readonly meaning: AvroMeaning }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord;

const primitives: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);
const MAX_DEPTH = 100;
const MAX_FIXED = 1 << 20;
const noMeaning: AvroMeaning = { logical: null, precision: 0, scale: 0, connect: null };

type Json = Readonly<Record<string, unknown>>;

function invalid(what: string): SqlError {
  return new SqlError('22P03', `invalid Avro schema: ${what}`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPrimitive(name: string): name is AvroPrimitive {
  return primitives.has(name);
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((s): s is string => typeof s === 'string') : [];
}

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 10_000 ? value : 0;
}

function meaningOf(schema: Json): AvroMeaning {
  const { logicalType, precision, scale } = schema;
  const connect = schema['connect.name'];
  return {
    logical: typeof logicalType === 'string' ? logicalType : null,
    precision: wholeNumber(precision),
    scale: wholeNumber(scale),
    connect: typeof connect === 'string' ? connect : null,
  };
}

class SchemaParser {
  readonly #named: Map<string, AvroType>;

  constructor(named: Map<string, AvroType>) {
    this.#named = named;
  }

  type(schema: unknown, namespace: string, depth: number): AvroType {
    if (depth > MAX_DEPTH) throw invalid('it is nested too deeply');
    if (typeof schema === 'string') return this.#reference(schema, namespace);
    if (Array.isArray(schema)) {
      if (schema.length === 0) throw invalid('a union has no branches');
      return { kind: 'union', branches: schema.map((branch) => this.type(branch, namespace, depth + 1)) };
    }
    if (!isObject(schema))
      throw invalid(`${JSON.stringify(schema)?.slice(0, 50) ?? 'nothing'} is not a type`);
    const { type } = schema;
    if (typeof type !== 'string') return this.type(type, namespace, depth + 1);
    switch (type) {
      case 'array':
        return { kind: 'array', items: this.type(schema['items'], namespace, depth + 1) };
      case 'map':
        return { kind: 'map', values: this.type(schema['values'], namespace, depth + 1) };
      case 'record':
      case 'error':
        return this.#record(schema, namespace, depth);
      case 'enum': {
        const name = this.#nameOf(schema, namespace);
        const symbols = strings(schema['symbols']);
        if (symbols.length === 0) throw invalid(`enum "${name}" has no symbols`);
        return this.#define(schema, namespace, { kind: 'enum', name, symbols });
      }
      case 'fixed': {
        const name = this.#nameOf(schema, namespace);
        const { size } = schema;
        if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MAX_FIXED) {
          throw invalid(`fixed "${name}" has no proper size`);
        }
        return this.#define(schema, namespace, { kind: 'fixed', name, size, meaning: meaningOf(schema) });
      }
      default:
        return isPrimitive(type)
          ? { kind: type, meaning: meaningOf(schema) }
          : this.#reference(type, namespace);
    }
  }

  #reference(name: string, namespace: string): AvroType {
    if (isPrimitive(name)) return { kind: name, meaning: noMeaning };
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    const found = this.#named.get(full) ?? this.#named.get(name);
    if (found === undefined) throw invalid(`type "${name}" is not defined`);
    return found;
  }

  #nameOf(schema: Json, namespace: string): string {
    const { name } = schema;
    if (typeof name !== 'string' || name === '') throw invalid('a named type has no name');
    if (name.includes('.')) return name;
    const own = typeof schema['namespace'] === 'string' ? schema['namespace'] : namespace;
    return own === '' ? name : `${own}.${name}`;
  }

  #define<T extends AvroType & { readonly name: string }>(schema: Json, namespace: string, type: T): T {
    this.#named.set(type.name, type);
    for (const alias of strings(schema['aliases'])) {
      this.#named.set(this.#nameOf({ ...schema, name: alias }, namespace), type);
    }
    return type;
  }

  #record(schema: Json, namespace: string, depth: number): AvroRecord {
    const name = this.#nameOf(schema, namespace);
    const inner = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
    const record: AvroRecord = this.#define(schema, namespace, { kind: 'record', name, fields: [] });
    const { fields } = schema;
    if (!Array.isArray(fields)) throw invalid(`record "${name}" has no fields`);
    for (const field of fields as readonly unknown[]) {
      if (!isObject(field) || typeof field['name'] !== 'string')
        throw invalid(`a field of "${name}" has no name`);
      const fieldName = field['name'];
      if (record.fields.some((f) => f.name === fieldName)) {
        throw invalid(`field "${fieldName}" of "${name}" is there twice`);
      }
      // Some write the meaning beside the type instead of within it.
      const type =
        typeof field['type'] === 'string' && isPrimitive(field['type']) ? { ...field } : field['type'];
      record.fields.push({
        name: fieldName,
        aliases: strings(field['aliases']),
        type: this.type(type, inner, depth + 1),
        default: field['default'],
      });
    }
    return record;
  }
}

/** The type of a schema; `imported` are schemas that it refers to, those that others need first. */
export function parseAvroSchema(text: string, imported: readonly string[] = []): AvroType {
  const parser = new SchemaParser(new Map());
  const parse = (source: string): AvroType => {
    let schema: unknown;
    try {
      schema = JSON.parse(source);
    } catch {
      // A schema of one word may come without quotes.
      schema = source.trim();
    }
    return parser.type(schema, '', 0);
  };
  for (const source of imported) parse(source);
  return parse(text);
}

/** The record itself, or the only record of a union with null. */
export function recordOf(type: AvroType): AvroRecord | null {
  if (type.kind === 'record') return type;
  if (type.kind !== 'union') return null;
  const records = type.branches.flatMap((b) => (b.kind === 'record' ? [b] : []));
  return records.length === 1 ? (records[0] ?? null) : null;
}
