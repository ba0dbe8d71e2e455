/** Passing over values that nobody asks for, and the least size of values. */
import type { AvroRecord, AvroType } from './schema.ts';
import type { Tap } from './tap.ts';

export type Skipper = (tap: Tap) => void;

/** Bytes that a value takes at least; a record within itself counts as nothing. */
export function leastSize(type: AvroType, within: readonly AvroRecord[] = []): number {
  switch (type.kind) {
    case 'null':
      return 0;
    case 'float':
      return 4;
    case 'double':
      return 8;
    case 'fixed':
      return type.size;
    case 'record': {
      if (within.includes(type) || within.length > 20) return 0;
      const deeper = [...within, type];
      return Math.min(
        1 << 20,
        type.fields.reduce((sum, f) => sum + leastSize(f.type, deeper), 0),
      );
    }
    default:
      return 1;
  }
}

/** Skippers of records, made once each: a record may contain itself. */
type Made = Map<AvroRecord, { skip: Skipper }>;

function recordSkipper(type: AvroRecord, made: Made): Skipper {
  const known = made.get(type);
  if (known !== undefined) return (tap) => known.skip(tap);
  const entry = { skip: (_: Tap): void => undefined };
  made.set(type, entry);
  const fields = type.fields.map((f) => skipperOf(f.type, made));
  entry.skip = (tap) => {
    tap.enter();
    for (const skip of fields) skip(tap);
    tap.leave();
  };
  return entry.skip;
}

export function skipperOf(type: AvroType, made: Made = new Map()): Skipper {
  switch (type.kind) {
    case 'null':
      return () => undefined;
    case 'boolean':
      return (tap) => void tap.boolean();
    case 'int':
    case 'long':
      return (tap) => void tap.long();
    case 'float':
      return (tap) => void tap.take(4);
    case 'double':
      return (tap) => void tap.take(8);
    case 'bytes':
    case 'string':
      return (tap) => tap.skipBytes();
    case 'fixed':
      return (tap) => void tap.take(type.size);
    case 'enum':
      return (tap) => void tap.index(type.symbols.length);
    case 'union': {
      const branches = type.branches.map((b) => skipperOf(b, made));
      return (tap) => branches[tap.index(branches.length)]?.(tap);
    }
    case 'array': {
      const skip = skipperOf(type.items, made);
      const least = leastSize(type.items);
      return (tap) => {
        for (let n = tap.block(least); n > 0; n = tap.block(least)) for (let i = 0; i < n; i++) skip(tap);
      };
    }
    case 'map': {
      const skip = skipperOf(type.values, made);
      const least = 1 + leastSize(type.values);
      return (tap) => {
        for (let n = tap.block(least); n > 0; n = tap.block(least)) {
          for (let i = 0; i < n; i++) {
            tap.skipBytes();
            skip(tap);
          }
        }
      };
    }
    case 'record':
      return recordSkipper(type, made);
  }
}
