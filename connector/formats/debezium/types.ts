/**
 * Debezium's and Kafka Connect's encodings of types, as a schema names them (`io.debezium.time.MicroTimestamp`,
 * `org.apache.kafka.connect.data.Decimal` ...): a number or base64 text that means something else.
 */
import type { DataType } from '../../../common/dataType.ts';
import {
  checkDate,
  checkTimestamp,
  formatDate,
  formatTime,
  formatTimestamp,
  isFiniteDate,
  isFiniteTimestamp,
} from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { JsonNode } from '../../../common/jsonb.ts';
import { isJsonObject, parseJsonb, printJson } from '../../../common/jsonText.ts';
import { parseValue } from '../../../common/textIo.ts';
import { roundTimestamp } from '../../../common/timePrecision.ts';
import { formatType } from '../../../common/typeTable.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
  type Value,
} from '../../../common/value.ts';
import { FieldFailure } from '../encode.ts';
import type { JsonConverter } from '../json/convert.ts';
import type { JsonContext } from '../json/forms.ts';

/** A field of a Connect schema. */
export interface ConnectField {
  readonly type: string;
  /** What the type means; null: itself. */
  readonly name: string | null;
  readonly scale: number;
}

const MICROS_PER_DAY = 86_400_000_000n;

/** Units a microsecond, or microseconds a unit, by the last part of the name. */
const timestampUnits: Readonly<Record<string, (n: bigint) => bigint>> = {
  'io.debezium.time.Timestamp': (n) => n * 1000n,
  'org.apache.kafka.connect.data.Timestamp': (n) => n * 1000n,
  'io.debezium.time.MicroTimestamp': (n) => n,
  'io.debezium.time.NanoTimestamp': (n) => floorDivide(n, 1000n),
};

const timeUnits: Readonly<Record<string, (n: bigint) => bigint>> = {
  'io.debezium.time.Time': (n) => n * 1000n,
  'org.apache.kafka.connect.data.Time': (n) => n * 1000n,
  'io.debezium.time.MicroTime': (n) => n,
  'io.debezium.time.NanoTime': (n) => n / 1000n,
};

const dates: ReadonlySet<string> = new Set(['io.debezium.time.Date', 'org.apache.kafka.connect.data.Date']);
const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const VARIABLE_DECIMAL = 'io.debezium.data.VariableScaleDecimal';

export function floorDivide(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}

/** Two's complement, big end first: what Avro's and Connect's decimals are. */
export function signedInteger(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const n = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
  return BigInt.asIntN(bytes.length * 8, n);
}

/** A point in time for a column of any type that can hold one; undefined: it cannot. */
export function fromMicros(micros: bigint, type: DataType): Value | undefined {
  switch (type.id) {
    case 'timestamp':
    case 'timestamptz':
      return isFiniteTimestamp(micros) ? roundTimestamp(checkTimestamp(micros), type) : micros;
    case 'date':
      if (!isFiniteTimestamp(micros)) return micros > 0n ? DATE_INFINITY : DATE_MINUS_INFINITY;
      return checkDate(Number(floorDivide(micros, MICROS_PER_DAY)));
    case 'text':
    case 'varchar':
      return formatTimestamp(isFiniteTimestamp(micros) ? checkTimestamp(micros) : micros);
    default:
      return undefined;
  }
}

export function fromTimeMicros(micros: bigint, type: DataType): Value | undefined {
  if (micros < 0n || micros > MICROS_PER_DAY) return undefined;
  if (type.id === 'time') return micros;
  return type.id === 'text' || type.id === 'varchar' ? formatTime(micros) : undefined;
}

export function fromDays(days: number, type: DataType): Value | undefined {
  const known = isFiniteDate(days) ? checkDate(days) : days;
  if (type.id === 'date') return known;
  if (type.id === 'text' || type.id === 'varchar') return formatDate(known);
  if (!isFiniteDate(days)) return fromMicros(days > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY, type);
  return fromMicros(BigInt(days) * MICROS_PER_DAY, type);
}

function wholeNumber(node: JsonNode): bigint | undefined {
  return node instanceof Decimal && node.isInteger() ? node.toInteger('bigint') : undefined;
}

function base64(node: JsonNode | undefined): Uint8Array | undefined {
  if (typeof node !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(node)) return undefined;
  return Buffer.from(node, 'base64');
}

function decimalOf(node: JsonNode, field: ConnectField): Decimal | undefined {
  if (node instanceof Decimal) return node;
  if (field.name === VARIABLE_DECIMAL) {
    if (!isJsonObject(node)) return undefined;
    const bytes = base64(node.get('value'));
    const scale = node.get('scale');
    if (bytes === undefined || !(scale instanceof Decimal)) return undefined;
    return Decimal.scaled(signedInteger(bytes), scale.toInt4());
  }
  const bytes = base64(node);
  return bytes === undefined ? undefined : Decimal.scaled(signedInteger(bytes), field.scale);
}

type Meaning = (node: JsonNode) => Value | undefined;

/** What a field's name makes of a node; null: the JSON is what it says. */
function meaning(field: ConnectField, type: DataType, context: JsonContext): Meaning | null {
  const { name } = field;
  const isRaw = type.id === 'int8' || type.id === 'int4' || type.id === 'json' || type.id === 'jsonb';
  const timestamp = timestampUnits[name ?? ''];
  const time = timeUnits[name ?? ''];
  if (timestamp !== undefined && !isRaw) {
    return (node) => {
      const n = wholeNumber(node);
      return n === undefined ? undefined : fromMicros(timestamp(n), type);
    };
  }
  if (time !== undefined && !isRaw) {
    return (node) => {
      const n = wholeNumber(node);
      return n === undefined ? undefined : fromTimeMicros(time(n), type);
    };
  }
  if (dates.has(name ?? '') && !isRaw) {
    return (node) => {
      const n = wholeNumber(node);
      return n === undefined ? undefined : fromDays(Number(n), type);
    };
  }
  if (name === 'io.debezium.time.MicroDuration' && type.id === 'interval') {
    return (node) => {
      const n = wholeNumber(node);
      return n === undefined ? undefined : parseValue(`${n} microseconds`, type, context.text);
    };
  }
  if ((name === DECIMAL || name === VARIABLE_DECIMAL) && type.id !== 'json' && type.id !== 'jsonb') {
    return (node) => {
      const n = decimalOf(node, field);
      return n === undefined ? undefined : parseValue(n.toString(), type, context.text);
    };
  }
  if (name === 'io.debezium.data.Json' && type.id === 'jsonb') {
    return (node) => (typeof node === 'string' ? parseJsonb(node) : undefined);
  }
  if (field.type === 'bytes' && type.id === 'bytea') return (node) => base64(node);
  return null;
}

/** The conversion of a field with a schema; null: as without one. */
export function connectConverter(
  field: ConnectField,
  type: DataType,
  path: string,
  context: JsonContext,
): JsonConverter | null {
  const means = meaning(field, type, context);
  if (means === null) return null;
  return (node) => {
    if (node === null) return null;
    let value: Value | undefined;
    try {
      value = means(node);
    } catch (error) {
      throw FieldFailure.of(error, path);
    }
    if (value !== undefined) return value;
    throw new FieldFailure(
      '22P02',
      `field "${path}" (${field.name ?? field.type}) is not of type ${formatType(type)}: ${printJson(node).slice(0, 100)}`,
      path,
    );
  };
}

/** The named fields of a struct of a Connect schema in JSON. */
export function connectFields(schema: JsonNode | undefined): ReadonlyMap<string, ConnectField> {
  const found = new Map<string, ConnectField>();
  if (schema === undefined || !isJsonObject(schema)) return found;
  const fields = schema.get('fields');
  if (!Array.isArray(fields)) return found;
  for (const item of fields as readonly JsonNode[]) {
    if (!isJsonObject(item)) continue;
    const field = item.get('field');
    const type = item.get('type');
    const name = item.get('name');
    const parameters = item.get('parameters');
    const scale = parameters !== undefined && isJsonObject(parameters) ? parameters.get('scale') : undefined;
    if (typeof field !== 'string' || typeof type !== 'string') continue;
    found.set(field, {
      type,
      name: typeof name === 'string' ? name : null,
      scale: typeof scale === 'string' && /^-?\d{1,5}$/.test(scale) ? Number(scale) : 0,
    });
  }
  return found;
}

/** The struct schema of a field (`before`, `after`) of an envelope's schema. */
export function structOf(schema: JsonNode | undefined, field: string): JsonNode | undefined {
  if (schema === undefined || !isJsonObject(schema)) return undefined;
  const fields = schema.get('fields');
  if (!Array.isArray(fields)) return undefined;
  return (fields as readonly JsonNode[]).find(
    (item) => item !== null && isJsonObject(item) && item.get('field') === field,
  );
}
