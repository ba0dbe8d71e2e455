/** Values of the `datagen` source: each is a pure function of column, row number and seed. */

import { hashText } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';

/** `base` is the time in micros that past timestamps count back from. */
export type FieldGenerator = (row: number, base: bigint) => Value;

/** Options `fields.<path>.<option>`. */
export type FieldOptions = (path: string, option: string) => string | undefined;

/** A 32-bit hash of (seed, row): the finaliser of MurmurHash3 over both. */
function mix(seed: number, row: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(row + 0x7f4a7c15, 0xc2b2ae35);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform in [0, 1) with 53 bits. */
function unit(seed: number, row: number): number {
  const high = mix(seed, row) >>> 5;
  const low = mix(seed ^ 0x5bd1e995, row) >>> 6;
  return (high * 0x4000000 + low) / 0x20000000000000;
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function numberOption(options: FieldOptions, path: string, option: string, fallback: number): number {
  const text = options(path, option);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new SqlError('22023', `invalid value for option "fields.${path}.${option}": "${text}"`);
  return value;
}

/** Microseconds of `1d`, `2h`, `30 min`, ... */
function durationMicros(text: string): bigint {
  const match = /^\s*(\d+)\s*(ms|s|sec|second|m|min|minute|h|hour|d|day)s?\s*$/i.exec(text);
  const factors: Readonly<Record<string, bigint>> = {
    ms: 1000n,
    s: 1_000_000n,
    sec: 1_000_000n,
    second: 1_000_000n,
    m: 60_000_000n,
    min: 60_000_000n,
    minute: 60_000_000n,
    h: 3_600_000_000n,
    hour: 3_600_000_000n,
    d: 86_400_000_000n,
    day: 86_400_000_000n,
  };
  const factor = factors[(match?.[2] ?? '').toLowerCase()];
  if (match === null || factor === undefined) throw new SqlError('22023', `invalid duration: "${text}"`);
  return BigInt(match[1] ?? '0') * factor;
}

function randomNumber(
  options: FieldOptions,
  path: string,
  seed: number,
  range: readonly [min: number, max: number],
): (row: number) => number {
  const min = numberOption(options, path, 'min', range[0]);
  const max = numberOption(options, path, 'max', range[1]);
  if (max < min) throw new SqlError('22023', `option "fields.${path}.max" is less than "min"`);
  return (row) => min + unit(seed, row) * (max - min);
}

/** The generator of a column and, for a sequence with an end, the number of rows that it lasts. */
export function fieldGenerator(
  type: DataType,
  path: string,
  options: FieldOptions,
): { readonly generate: FieldGenerator; readonly rows: number | null } {
  const seed = numberOption(options, path, 'seed', 0) ^ hashText(path);
  const kind = options(path, 'kind') ?? 'random';
  if (kind !== 'random' && kind !== 'sequence') {
    throw new SqlError('22023', `invalid value for option "fields.${path}.kind": "${kind}"`, {
      hint: 'Use random or sequence.',
    });
  }
  if (kind === 'sequence') return sequence(type, path, options);
  return { generate: randomGenerator(type, path, options, seed), rows: null };
}

function sequence(type: DataType, path: string, options: FieldOptions) {
  const start = numberOption(options, path, 'start', 0);
  const end = options(path, 'end');
  const rows = end === undefined ? null : Math.max(0, Number(end) - start + 1);
  const convert = fromNumber(type, path);
  return { generate: (row: number): Value => convert(start + row), rows };
}

function fromNumber(type: DataType, path: string): (n: number) => Value {
  switch (type.id) {
    case 'int2':
    case 'int4':
    case 'float4':
    case 'float8':
      return (n) => n;
    case 'int8':
      return (n) => BigInt(n);
    case 'numeric':
      return (n) => new Decimal(BigInt(Math.trunc(n)), 0);
    case 'text':
    case 'varchar':
      return String;
    default:
      throw unsupported(`datagen sequence for column "${path}" of type ${formatType(type)}`);
  }
}

function randomGenerator(type: DataType, path: string, options: FieldOptions, seed: number): FieldGenerator {
  switch (type.id) {
    case 'bool':
      return (row) => (mix(seed, row) & 1) === 1;
    case 'int2':
    case 'int4': {
      const draw = randomNumber(options, path, seed, [0, type.id === 'int2' ? 0x7fff : 0x7fffffff]);
      return (row) => Math.floor(draw(row));
    }
    case 'int8': {
      const draw = randomNumber(options, path, seed, [0, Number.MAX_SAFE_INTEGER]);
      return (row) => BigInt(Math.floor(draw(row)));
    }
    case 'float4': {
      const draw = randomNumber(options, path, seed, [0, 1]);
      return (row) => Math.fround(draw(row));
    }
    case 'float8':
      return randomNumber(options, path, seed, [0, 1]);
    case 'numeric': {
      const draw = randomNumber(options, path, seed, [0, 1]);
      return (row) => new Decimal(BigInt(Math.round(draw(row) * 1000)), 3);
    }
    case 'text':
    case 'varchar': {
      const length = numberOption(options, path, 'length', 10);
      return (row) => {
        let text = '';
        for (let i = 0; i < length; i++) text += letters[mix(seed + i, row) % letters.length];
        return text;
      };
    }
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return pastTime(type.id, path, options, seed);
    case 'array': {
      const element = randomGenerator(type.element, `${path}._`, options, seed);
      const length = numberOption(options, path, 'length', 3);
      return (row, base) => new SqlArray(Array.from({ length }, (_, i) => element(row * length + i, base)));
    }
    case 'struct': {
      const fields = type.fields.map((f) => fieldGenerator(f.type, `${path}.${f.name}`, options).generate);
      return (row, base) => fields.map((f) => f(row, base));
    }
    default:
      throw unsupported(`datagen for column "${path}" of type ${formatType(type)}`);
  }
}

function pastTime(
  id: 'date' | 'timestamp' | 'timestamptz',
  path: string,
  options: FieldOptions,
  seed: number,
): FieldGenerator {
  const past = durationMicros(options(path, 'max_past') ?? '1d');
  const basetime = options(path, 'basetime');
  const fixed = basetime === undefined ? null : BigInt(Date.parse(basetime)) * 1000n;
  return (row, base) => {
    const micros = (fixed ?? base) - BigInt(Math.floor(unit(seed, row) * Number(past)));
    return id === 'date' ? Math.floor(Number(micros / 86_400_000_000n)) : micros - (micros % 1000n);
  };
}
