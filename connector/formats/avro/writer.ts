/** Avro's binary encoding, written: for sinks, and for defaults of schemas, which are read back as if a writer had written them. */
import { Buffer } from 'node:buffer';
import type { AvroType } from './schema.ts';
import { malformed } from './tap.ts';

const MAX_DEPTH = 50;

export class AvroWriter {
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #at = 0;

  #room(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + count));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#at = at + count;
    return at;
  }

  #byte(value: number): void {
    // First the room: the buffer may be another one afterwards.
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  boolean(value: boolean): void {
    this.#byte(value ? 1 : 0);
  }

  /** int and long. */
  long(value: bigint): void {
    let n = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (n > 0x7fn) {
      this.#byte(Number(n & 0x7fn) | 0x80);
      n >>= 7n;
    }
    this.#byte(Number(n));
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeFloatLE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  bytes(value: Uint8Array): void {
    this.long(BigInt(value.length));
    this.raw(value);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.long(BigInt(length));
    const at = this.#room(length);
    this.#bytes.write(value, at, 'utf8');
  }

  /** What has been written, as a copy; the writer is empty then. */
  take(): Uint8Array {
    const result = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return result;
  }
}

function unfit(type: AvroType): Error {
  return malformed(`a default of its schema is no ${type.kind}`);
}

function entriesOf(value: unknown, type: AvroType): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unfit(type);
  return value as Readonly<Record<string, unknown>>;
}

/** Writes a schema's default, in JSON as Avro has it: bytes as characters below 256, a union's value of its first branch that fits. */
export function writeDefault(writer: AvroWriter, type: AvroType, value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) throw malformed('a default of its schema is nested too deeply');
  switch (type.kind) {
    case 'null':
      if (value !== null) throw unfit(type);
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw unfit(type);
      writer.boolean(value);
      return;
    case 'int':
    case 'long':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw unfit(type);
      writer.long(BigInt(value));
      return;
    case 'float':
    case 'double':
      if (typeof value !== 'number') throw unfit(type);
      if (type.kind === 'float') writer.float(value);
      else writer.double(value);
      return;
    case 'string':
      if (typeof value !== 'string') throw unfit(type);
      writer.string(value);
      return;
    case 'bytes':
    case 'fixed': {
      if (typeof value !== 'string') throw unfit(type);
      const bytes = Buffer.from(value, 'latin1');
      if (type.kind === 'fixed' && bytes.length !== type.size) throw unfit(type);
      if (type.kind === 'fixed') writer.raw(bytes);
      else writer.bytes(bytes);
      return;
    }
    case 'enum': {
      const index = typeof value === 'string' ? type.symbols.indexOf(value) : -1;
      if (index < 0) throw unfit(type);
      writer.long(BigInt(index));
      return;
    }
    case 'array':
      if (!Array.isArray(value)) throw unfit(type);
      if (value.length > 0) writer.long(BigInt(value.length));
      for (const item of value as readonly unknown[]) writeDefault(writer, type.items, item, depth + 1);
      writer.long(0n);
      return;
    case 'map': {
      const entries = Object.entries(entriesOf(value, type));
      if (entries.length > 0) writer.long(BigInt(entries.length));
      for (const [key, item] of entries) {
        writer.string(key);
        writeDefault(writer, type.values, item, depth + 1);
      }
      writer.long(0n);
      return;
    }
    case 'record': {
      const given = entriesOf(value, type);
      for (const field of type.fields)
        writeDefault(writer, field.type, given[field.name] ?? field.default, depth + 1);
      return;
    }
    case 'union':
      writeUnion(writer, type.branches, type, value, depth);
      return;
  }
}

function writeUnion(
  writer: AvroWriter,
  branches: readonly AvroType[],
  type: AvroType,
  value: unknown,
  depth: number,
): void {
  for (const [index, branch] of branches.entries()) {
    const trial = new AvroWriter();
    try {
      writeDefault(trial, branch, value, depth + 1);
    } catch {
      continue;
    }
    writer.long(BigInt(index));
    writer.raw(trial.take());
    return;
  }
  throw unfit(type);
}
