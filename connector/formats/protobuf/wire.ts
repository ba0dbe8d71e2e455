/**
 * Protobuf's wire format, read by a message type into plain values. All integers are exact, strings must be UTF-8, and every length
 * is checked against the bytes that are there. Fields that the type does not have are passed over and told by number.
 */
import protobuf from 'protobufjs';
import { SqlError } from '../../../common/sqlError.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';

/** A message by the names of its fields; only those that came. */
export interface RawMessage {
  readonly type: protobuf.Type;
  readonly fields: Map<string, Raw>;
}

export type Raw = bigint | number | boolean | string | Uint8Array | RawMessage | RawMap | Raw[];

export class RawMap {
  readonly entries = new Map<string, Raw>();
}

const MAX_DEPTH = 100;

export function malformedProto(what: string): SqlError {
  return new SqlError('22P03', `malformed Protobuf message: ${what}`);
}

export class ProtoTap {
  readonly bytes: Buffer;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, from: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = from;
    this.end = bytes.length;
  }

  take(count: number): number {
    const from = this.at;
    if (!(count >= 0) || count > this.end - from) throw malformedProto('it ends early');
    this.at = from + count;
    return from;
  }

  /** 64 bits, unsigned. */
  varint(): bigint {
    const { bytes, end } = this;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.at >= end) throw malformedProto('it ends early');
      const byte = bytes[this.at++] ?? 0;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let n = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      if (this.at >= end) throw malformedProto('it ends early');
      const byte = bytes[this.at++] ?? 0;
      n |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, n);
    }
    throw malformedProto('a number does not end');
  }

  /** Where what follows a length ends. */
  length(): number {
    const n = this.varint();
    if (n > BigInt(this.end - this.at)) throw malformedProto('a length is out of range');
    return this.at + Number(n);
  }

  skip(wireType: number, depth = 0): void {
    if (depth > MAX_DEPTH) throw malformedProto('it is nested too deeply');
    switch (wireType) {
      case 0:
        this.varint();
        return;
      case 1:
        this.take(8);
        return;
      case 2:
        this.at = this.length();
        return;
      case 5:
        this.take(4);
        return;
      case 3:
        for (;;) {
          const inner = Number(this.varint() & 7n);
          if (inner === 4) return;
          this.skip(inner, depth + 1);
        }
      default:
        throw malformedProto(`wire type ${wireType} is not one`);
    }
  }
}

function zigzag(n: bigint): bigint {
  return (n >> 1n) ^ -(n & 1n);
}

/** Wire type of a scalar on its own. */
function wireTypeOf(type: string): number {
  switch (type) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5;
    case 'string':
    case 'bytes':
      return 2;
    default:
      return 0;
  }
}

function scalar(tap: ProtoTap, type: string): Raw {
  switch (type) {
    case 'int32':
    case 'sfixed32':
      return type === 'int32' ? Number(BigInt.asIntN(32, tap.varint())) : tap.bytes.readInt32LE(tap.take(4));
    case 'sint32':
      return Number(BigInt.asIntN(32, zigzag(BigInt.asUintN(32, tap.varint()))));
    case 'uint32':
      return Number(BigInt.asUintN(32, tap.varint()));
    case 'fixed32':
      return tap.bytes.readUInt32LE(tap.take(4));
    case 'int64':
      return BigInt.asIntN(64, tap.varint());
    case 'sint64':
      return BigInt.asIntN(64, zigzag(tap.varint()));
    case 'uint64':
      return tap.varint();
    case 'fixed64':
      return tap.bytes.readBigUInt64LE(tap.take(8));
    case 'sfixed64':
      return tap.bytes.readBigInt64LE(tap.take(8));
    case 'bool':
      return tap.varint() !== 0n;
    case 'float':
      return tap.bytes.readFloatLE(tap.take(4));
    case 'double':
      return tap.bytes.readDoubleLE(tap.take(8));
    case 'string': {
      const end = tap.length();
      const text = decodeUtf8(tap.bytes, tap.at, end);
      tap.at = end;
      return text;
    }
    case 'bytes': {
      const end = tap.length();
      const bytes = new Uint8Array(tap.bytes.subarray(tap.at, end));
      tap.at = end;
      return bytes;
    }
    default:
      throw malformedProto(`type ${type} is not known`);
  }
}

/** One value of a field's type; enums are their number. */
function single(
  tap: ProtoTap,
  type: string,
  resolved: protobuf.Type | protobuf.Enum | null,
  depth: number,
): Raw {
  if (resolved instanceof protobuf.Enum) return Number(BigInt.asIntN(32, tap.varint()));
  if (resolved === null) return scalar(tap, type);
  const outer = tap.end;
  tap.end = tap.length();
  const message = readMessage(tap, resolved, depth + 1, null);
  tap.end = outer;
  return message;
}

function mapEntry(tap: ProtoTap, field: protobuf.MapField, into: RawMap, depth: number): void {
  const outer = tap.end;
  tap.end = tap.length();
  let key = '';
  let value: Raw | undefined;
  while (tap.at < tap.end) {
    const tag = Number(tap.varint());
    if (tag >>> 3 === 1) key = String(scalar(tap, field.keyType));
    else if (tag >>> 3 === 2) value = single(tap, field.type, field.resolvedType, depth);
    else tap.skip(tag & 7);
  }
  tap.end = outer;
  into.entries.set(key, value ?? zeroOf(field));
}

/** What a field without presence is when it does not come. */
export function zeroOf(field: Pick<protobuf.Field, 'type' | 'resolvedType'>): Raw {
  const { resolvedType, type } = field;
  if (resolvedType instanceof protobuf.Type) return { type: resolvedType, fields: new Map() };
  if (resolvedType instanceof protobuf.Enum) return Object.values(resolvedType.values)[0] ?? 0;
  switch (type) {
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array();
    case 'bool':
      return false;
    case 'int64':
    case 'sint64':
    case 'uint64':
    case 'fixed64':
    case 'sfixed64':
      return 0n;
    default:
      return 0;
  }
}

function readField(
  tap: ProtoTap,
  field: protobuf.Field,
  wireType: number,
  fields: Map<string, Raw>,
  depth: number,
): void {
  const { resolvedType, type, name } = field;
  if (field instanceof protobuf.MapField) {
    if (wireType !== 2) throw malformedProto(`field "${name}" has wire type ${wireType}`);
    const before = fields.get(name);
    const map = before instanceof RawMap ? before : new RawMap();
    fields.set(name, map);
    mapEntry(tap, field, map, depth);
    return;
  }
  const own = resolvedType instanceof protobuf.Type ? 2 : resolvedType === null ? wireTypeOf(type) : 0;
  if (field.repeated) {
    const before = fields.get(name);
    const items: Raw[] = Array.isArray(before) ? before : [];
    fields.set(name, items);
    if (wireType === 2 && own !== 2) {
      const end = tap.length();
      while (tap.at < end) items.push(single(tap, type, resolvedType, depth));
      if (tap.at !== end) throw malformedProto(`field "${name}" ends within a value`);
      return;
    }
    if (wireType !== own) throw malformedProto(`field "${name}" has wire type ${wireType}`);
    items.push(single(tap, type, resolvedType, depth));
    return;
  }
  if (wireType !== own) throw malformedProto(`field "${name}" has wire type ${wireType}`);
  const value = single(tap, type, resolvedType, depth);
  const before = fields.get(name);
  // Parts of a message that come apart are one.
  if (isMessage(before) && isMessage(value))
    for (const [key, item] of value.fields) before.fields.set(key, item);
  else fields.set(name, value);
}

export function isMessage(raw: Raw | undefined): raw is RawMessage {
  return typeof raw === 'object' && 'fields' in raw;
}

/** The message up to the tap's end. `unknown` gets the numbers of fields that the type does not have. */
export function readMessage(
  tap: ProtoTap,
  type: protobuf.Type,
  depth: number,
  unknown: ((number: number) => void) | null,
): RawMessage {
  if (depth > MAX_DEPTH) throw malformedProto('it is nested too deeply');
  const fields = new Map<string, Raw>();
  const byId = type.fieldsById;
  while (tap.at < tap.end) {
    const tag = tap.varint();
    if (tag > 0xffffffffn || tag < 8n) throw malformedProto('a field has no number');
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    const field = byId[number];
    if (field === undefined) {
      unknown?.(number);
      tap.skip(wireType);
    } else readField(tap, field, wireType, fields, depth);
  }
  return { type, fields };
}
