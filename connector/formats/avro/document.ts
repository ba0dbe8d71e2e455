/** Avro values as JSON documents, for jsonb columns: maps and records as objects, times as ISO text, bytes in base64. */
import { formatDate, formatTime, formatTimestamp } from '../../../common/dateTime.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { JsonNode } from '../../../common/jsonb.ts';
import { jsonObject } from '../../../common/jsonText.ts';
import { signedInteger } from '../debezium/types.ts';
import { instantOf, isDate, isDecimal, timeOf } from './scalars.ts';
import type { AvroMeaning, AvroRecord, AvroType } from './schema.ts';
import { leastSize } from './skip.ts';
import type { Tap } from './tap.ts';

export type NodeReader = (tap: Tap) => JsonNode;
type Made = Map<AvroRecord, { read: NodeReader }>;

function floatNode(x: number): JsonNode {
  return Number.isFinite(x) ? Decimal.fromNumber(x, 17) : String(x);
}

function bytesNode(bytes: Uint8Array, meaning: AvroMeaning): JsonNode {
  if (isDecimal(meaning)) return Decimal.scaled(signedInteger(bytes), meaning.scale);
  return Buffer.from(bytes).toString('base64');
}

function numberNode(n: bigint, meaning: AvroMeaning): JsonNode {
  const instant = instantOf(meaning);
  if (instant !== undefined) return formatTimestamp(instant(n)).replace(' ', 'T');
  const time = timeOf(meaning);
  if (time !== undefined) return formatTime(time(n));
  return isDate(meaning) ? formatDate(Number(n)) : Decimal.fromBigint(n);
}

function recordReader(type: AvroRecord, made: Made): NodeReader {
  const known = made.get(type);
  if (known !== undefined) return (tap) => known.read(tap);
  const entry = { read: (_: Tap): JsonNode => null };
  made.set(type, entry);
  const fields = type.fields.map((f) => ({ name: f.name, read: nodeReaderOf(f.type, made) }));
  entry.read = (tap) => {
    tap.enter();
    const object = jsonObject(fields.map(({ name, read }): [string, JsonNode] => [name, read(tap)]));
    tap.leave();
    return object;
  };
  return entry.read;
}

export function nodeReaderOf(type: AvroType, made: Made = new Map()): NodeReader {
  switch (type.kind) {
    case 'null':
      return () => null;
    case 'boolean':
      return (tap) => tap.boolean();
    case 'int':
      return (tap) => numberNode(BigInt(tap.int()), type.meaning);
    case 'long':
      return (tap) => numberNode(tap.long(), type.meaning);
    case 'float':
      return (tap) => floatNode(tap.float());
    case 'double':
      return (tap) => floatNode(tap.double());
    case 'bytes':
      return (tap) => bytesNode(tap.bytes(), type.meaning);
    case 'fixed':
      return (tap) => bytesNode(tap.fixed(type.size), type.meaning);
    case 'string':
      return (tap) => tap.string();
    case 'enum':
      return (tap) => type.symbols[tap.index(type.symbols.length)] ?? null;
    case 'union': {
      const branches = type.branches.map((b) => nodeReaderOf(b, made));
      return (tap) => branches[tap.index(branches.length)]?.(tap) ?? null;
    }
    case 'array': {
      const read = nodeReaderOf(type.items, made);
      const least = leastSize(type.items);
      return (tap) => {
        const items: JsonNode[] = [];
        for (let n = tap.block(least); n > 0; n = tap.block(least)) {
          for (let i = 0; i < n; i++) items.push(read(tap));
        }
        return items;
      };
    }
    case 'map': {
      const read = nodeReaderOf(type.values, made);
      const least = 1 + leastSize(type.values);
      return (tap) => {
        const fields: [string, JsonNode][] = [];
        for (let n = tap.block(least); n > 0; n = tap.block(least)) {
          for (let i = 0; i < n; i++) fields.push([tap.string(), read(tap)]);
        }
        return jsonObject(fields);
      };
    }
    case 'record':
      return recordReader(type, made);
  }
}
