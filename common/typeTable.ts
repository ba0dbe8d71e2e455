/**
 * What pg_type says of every type: OIDs, length, category, preference, names. Also the way from a type's name to the
 * type and back.
 */
import { arrayOf, type DataType, type TypeId, types } from './dataType.ts';
import { SqlError, unsupported } from './sqlError.ts';

/** pg_type.typcategory. */
export type TypeCategory = 'A' | 'B' | 'C' | 'D' | 'N' | 'P' | 'S' | 'T' | 'U' | 'X' | 'Z';

export interface TypeEntry {
  readonly oid: number;
  /** 0 when there is no array type over it. */
  readonly arrayOid: number;
  /** Bytes in PostgreSQL; -1 variable, -2 C string. */
  readonly length: number;
  readonly category: TypeCategory;
  /** Preferred within its category in overload resolution. */
  readonly preferred: boolean;
  /** Name in pg_type. */
  readonly name: string;
  /** Name as format_type and error messages give it. */
  readonly sqlName: string;
}

type ConcreteId = Exclude<TypeId, 'array' | 'struct'>;

function entry(
  name: string,
  sqlName: string,
  oid: number,
  arrayOid: number,
  length: number,
  category: TypeCategory,
  preferred = false,
): TypeEntry {
  return { oid, arrayOid, length, category, preferred, name, sqlName };
}

export const typeTable: { readonly [K in ConcreteId]: TypeEntry } = {
  bool: entry('bool', 'boolean', 16, 1000, 1, 'B', true),
  bytea: entry('bytea', 'bytea', 17, 1001, -1, 'U'),
  char: entry('char', '"char"', 18, 1002, 1, 'Z'),
  name: entry('name', 'name', 19, 1003, 64, 'S'),
  int8: entry('int8', 'bigint', 20, 1016, 8, 'N'),
  int2: entry('int2', 'smallint', 21, 1005, 2, 'N'),
  int4: entry('int4', 'integer', 23, 1007, 4, 'N'),
  regproc: entry('regproc', 'regproc', 24, 1008, 4, 'N'),
  text: entry('text', 'text', 25, 1009, -1, 'S', true),
  oid: entry('oid', 'oid', 26, 1028, 4, 'N', true),
  json: entry('json', 'json', 114, 199, -1, 'U'),
  float4: entry('float4', 'real', 700, 1021, 4, 'N'),
  float8: entry('float8', 'double precision', 701, 1022, 8, 'N', true),
  unknown: entry('unknown', 'unknown', 705, 0, -2, 'X'),
  bpchar: entry('bpchar', 'character', 1042, 1014, -1, 'S'),
  varchar: entry('varchar', 'character varying', 1043, 1015, -1, 'S'),
  date: entry('date', 'date', 1082, 1182, 4, 'D'),
  time: entry('time', 'time without time zone', 1083, 1183, 8, 'D'),
  timestamp: entry('timestamp', 'timestamp without time zone', 1114, 1115, 8, 'D'),
  timestamptz: entry('timestamptz', 'timestamp with time zone', 1184, 1185, 8, 'D', true),
  interval: entry('interval', 'interval', 1186, 1187, 16, 'T', true),
  timetz: entry('timetz', 'time with time zone', 1266, 1270, 12, 'D'),
  numeric: entry('numeric', 'numeric', 1700, 1231, -1, 'N'),
  regclass: entry('regclass', 'regclass', 2205, 2210, 4, 'N'),
  regtype: entry('regtype', 'regtype', 2206, 2211, 4, 'N'),
  void: entry('void', 'void', 2278, 0, 4, 'P'),
  uuid: entry('uuid', 'uuid', 2950, 2951, 16, 'U'),
  jsonb: entry('jsonb', 'jsonb', 3802, 3807, -1, 'U'),
  regnamespace: entry('regnamespace', 'regnamespace', 4089, 4090, 4, 'N'),
};

const RECORD_OID = 2249;
const RECORD_ARRAY_OID = 2287;

/** pg_type.oid. Every struct is a record; an array of arrays has the array type of its innermost element. */
export function oidOf(type: DataType): number {
  if (type.id === 'struct') return RECORD_OID;
  if (type.id !== 'array') return typeTable[type.id].oid;
  let element = type.element;
  while (element.id === 'array') element = element.element;
  return element.id === 'struct' ? RECORD_ARRAY_OID : typeTable[element.id].arrayOid;
}

/** pg_type.typlen. */
export function typeLength(type: DataType): number {
  return type.id === 'struct' || type.id === 'array' ? -1 : typeTable[type.id].length;
}

/** pg_type.typcategory. */
export function typeCategory(type: DataType): TypeCategory {
  if (type.id === 'array') return 'A';
  return type.id === 'struct' ? 'P' : typeTable[type.id].category;
}

/** pg_type.typispreferred. */
export function isPreferredType(type: DataType): boolean {
  return type.id !== 'struct' && type.id !== 'array' && typeTable[type.id].preferred;
}

const simpleTypes: { readonly [K in ConcreteId]: DataType } = types;

const byOid: ReadonlyMap<number, DataType> = new Map(
  (Object.keys(typeTable) as ConcreteId[]).flatMap((id) => {
    const { oid, arrayOid } = typeTable[id];
    const type = simpleTypes[id];
    const own: [number, DataType] = [oid, type];
    return arrayOid === 0 ? [own] : [own, [arrayOid, arrayOf(type)] as [number, DataType]];
  }),
);

/** The type with that OID (without modifiers), or null; records are not among them since their fields are unknown. */
export function typeOfOid(oid: number): DataType | null {
  return byOid.get(oid) ?? null;
}

function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** format_type: the SQL name with modifiers. A row without field names of its own is `record`. */
export function formatType(type: DataType): string {
  switch (type.id) {
    case 'array': {
      let element = type.element;
      while (element.id === 'array') element = element.element;
      return `${formatType(element)}[]`;
    }
    case 'struct': {
      if (type.fields.every((f, i) => f.name === `f${i + 1}` || f.name === '')) return 'record';
      return `struct<${type.fields.map((f) => `${quoteName(f.name)} ${formatType(f.type)}`).join(', ')}>`;
    }
    case 'numeric':
      return type.precision === undefined ? 'numeric' : `numeric(${type.precision},${type.scale ?? 0})`;
    case 'varchar':
    case 'bpchar': {
      const name = typeTable[type.id].sqlName;
      return type.length === undefined ? name : `${name}(${type.length})`;
    }
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz': {
      const [word, ...zone] = typeTable[type.id].sqlName.split(' ');
      return [type.precision === undefined ? word : `${word}(${type.precision})`, ...zone].join(' ');
    }
    case 'interval': {
      const digits = type.precision === undefined ? '' : `(${type.precision})`;
      return type.fields === undefined ? `interval${digits}` : `interval ${type.fields}${digits}`;
    }
    default:
      return typeTable[type.id].sqlName;
  }
}

/** The SQL name without modifiers, as error messages about types give it. */
export function typeName(type: DataType): string {
  if (type.id === 'array') {
    let element = type.element;
    while (element.id === 'array') element = element.element;
    return `${typeName(element)}[]`;
  }
  return type.id === 'struct' ? 'record' : typeTable[type.id].sqlName;
}

/** Names of types beside those of pg_type. */
const aliases: ReadonlyMap<string, ConcreteId> = new Map<string, ConcreteId>([
  ['boolean', 'bool'],
  ['smallint', 'int2'],
  ['int', 'int4'],
  ['integer', 'int4'],
  ['bigint', 'int8'],
  ['real', 'float4'],
  ['float', 'float8'],
  ['double', 'float8'],
  ['double precision', 'float8'],
  ['decimal', 'numeric'],
  ['dec', 'numeric'],
  ['string', 'varchar'],
  ['character varying', 'varchar'],
  ['char varying', 'varchar'],
  ['character', 'bpchar'],
  ['bytes', 'bytea'],
  ['time without time zone', 'time'],
  ['time with time zone', 'timetz'],
  ['timestamp without time zone', 'timestamp'],
  ['timestamp with time zone', 'timestamptz'],
  ['"char"', 'char'],
]);

const byName: ReadonlyMap<string, ConcreteId> = new Map<string, ConcreteId>([
  ...(Object.keys(typeTable) as ConcreteId[]).map((id) => [typeTable[id].name, id] as const),
  ...aliases,
]);

/** Every name a type can be called by, for "did you mean" hints. */
export function typeNames(): Iterable<string> {
  return byName.keys();
}

/** Serial types are columns with a default, not types; the hint for those who ask. */
const serialNames: ReadonlySet<string> = new Set([
  'serial',
  'serial2',
  'serial4',
  'serial8',
  'smallserial',
  'bigserial',
]);

/**
 * The type a name stands for, null when unknown. `name` is lower case in any of SQL's spellings or pg_type's; `char`
 * is character(n) as the parser hands it on (`bpchar`), or "char" when it was quoted. `modifiers` are the numbers in
 * parentheses.
 */
export function typeFromName(name: string, modifiers: readonly number[] = []): DataType | null {
  if (name.endsWith('[]')) {
    const element = typeFromName(name.slice(0, -2), modifiers);
    return element === null ? null : arrayOf(element);
  }
  // pg_type's own names of array types.
  if (name.startsWith('_') && byName.has(name.slice(1))) {
    const element = typeFromName(name.slice(1), modifiers);
    return element === null ? null : arrayOf(element);
  }
  if (serialNames.has(name)) throw unsupported(`type ${name}`);
  if (name === 'float' && modifiers.length === 1) return floatType(modifiers[0] ?? 53);
  const id = byName.get(name);
  return id === undefined ? null : withModifiers(id, name, modifiers);
}

function floatType(precision: number): DataType {
  if (precision < 1) throw new SqlError('22023', 'precision for type float must be at least 1 bit');
  if (precision > 53) throw new SqlError('22023', 'precision for type float must be less than 54 bits');
  return precision <= 24 ? types.float4 : types.float8;
}

function withModifiers(id: ConcreteId, name: string, modifiers: readonly number[]): DataType {
  switch (id) {
    case 'numeric':
      return numericType(modifiers);
    case 'varchar':
    case 'bpchar':
      return characterType(id, name, modifiers);
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
    case 'interval': {
      const [precision] = modifiers;
      if (precision === undefined) return types[id];
      if (modifiers.length > 1) throw new SqlError('22023', 'invalid type modifier');
      // PostgreSQL takes more digits than six for six, with a warning.
      return { id, precision: Math.min(precision, 6) };
    }
    default:
      if (modifiers.length > 0) {
        throw new SqlError('42601', `type modifier is not allowed for type "${typeTable[id].name}"`);
      }
      return simpleTypes[id];
  }
}

function numericType(modifiers: readonly number[]): DataType {
  const [precision, scale = 0] = modifiers;
  if (precision === undefined) return types.numeric;
  if (modifiers.length > 2) throw new SqlError('22023', 'invalid NUMERIC type modifier');
  if (precision < 1 || precision > 1000) {
    throw new SqlError('22023', `NUMERIC precision ${precision} must be between 1 and 1000`);
  }
  if (scale < -1000 || scale > 1000) {
    throw new SqlError('22023', `NUMERIC scale ${scale} must be between -1000 and 1000`);
  }
  return { id: 'numeric', precision, scale };
}

function characterType(id: 'varchar' | 'bpchar', name: string, modifiers: readonly number[]): DataType {
  const [length] = modifiers;
  if (length === undefined) return name === 'character' ? { id, length: 1 } : types[id];
  if (modifiers.length > 1) throw new SqlError('22023', 'invalid type modifier');
  const shown = id === 'varchar' ? 'varchar' : 'char';
  if (length < 1) throw new SqlError('22023', `length for type ${shown} must be at least 1`);
  if (length > 10_485_760) throw new SqlError('22023', `length for type ${shown} cannot exceed 10485760`);
  return { id, length };
}
