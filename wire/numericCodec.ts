/**
 * numeric's binary format: int16 count of base-10000 digits, int16 weight of the first (value = sum of
 * digit[i] * 10000^(weight - i)), uint16 sign, int16 display scale, then the digits. Exact in both directions.
 */
import { pow10 } from '../common/bigDigits.ts';
import { Decimal } from '../common/decimal.ts';
import { SqlError } from '../common/sqlError.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const NAN = 0xc000;
const INFINITY = 0xd000;
const MINUS_INFINITY = 0xf000;
const SCALE_MASK = 0x3fff;
const GROUP = 4;

/** Appends the body, without its length. */
export function encodeNumeric(out: ByteWriter, value: Decimal): void {
  if (value.special !== null) {
    const sign = value.special === 'NaN' ? NAN : value.special === 'Infinity' ? INFINITY : MINUS_INFINITY;
    // The scale that PostgreSQL's own bits happen to show for infinities.
    encodeHeader(out, 0, 0, sign, sign === NAN ? 0 : 0x20);
    return;
  }
  const magnitude = value.coefficient < 0n ? -value.coefficient : value.coefficient;
  const fractionGroups = Math.ceil(value.scale / GROUP);
  const digits = magnitude.toString() + '0'.repeat(fractionGroups * GROUP - value.scale);
  const count = Math.ceil(digits.length / GROUP);
  const padded = digits.padStart(count * GROUP, '0');
  const groups: number[] = [];
  for (let i = 0; i < count; i++) groups.push(Number(padded.slice(i * GROUP, i * GROUP + GROUP)));
  let first = 0;
  while (first < count && groups[first] === 0) first++;
  let end = count;
  while (end > first && groups[end - 1] === 0) end--;
  const weight = first === end ? 0 : count - fractionGroups - 1 - first;
  encodeHeader(out, end - first, weight, value.coefficient < 0n ? NEGATIVE : POSITIVE, value.scale);
  for (const group of groups.slice(first, end)) out.int16(group);
}

function encodeHeader(out: ByteWriter, count: number, weight: number, sign: number, scale: number): void {
  out.uint16(count);
  out.int16(weight);
  out.uint16(sign);
  out.uint16(scale);
}

/** Reads a body; 22P03 when its fields contradict the format. */
export function decodeNumeric(reader: ByteReader): Decimal {
  const count = reader.uint16();
  const weight = reader.int16();
  const sign = reader.uint16();
  const scale = reader.uint16();
  if (sign === NAN) return Decimal.NAN;
  if (sign === INFINITY) return Decimal.INFINITY;
  if (sign === MINUS_INFINITY) return Decimal.MINUS_INFINITY;
  if (sign !== POSITIVE && sign !== NEGATIVE) throw invalid('sign');
  if ((scale & SCALE_MASK) !== scale) throw invalid('scale');
  let digits = '';
  for (let i = 0; i < count; i++) {
    const group = reader.int16();
    if (group < 0 || group > 9999) throw invalid('digit');
    digits += String(group).padStart(GROUP, '0');
  }
  const magnitude = atScale(BigInt(digits), (count - 1 - weight) * GROUP, scale);
  return Decimal.scaled(sign === NEGATIVE ? -magnitude : magnitude, scale);
}

/** `n` / 10^from as a coefficient of scale `to`; digits beyond are cut off, as PostgreSQL does. */
function atScale(n: bigint, from: number, to: number): bigint {
  if (n === 0n) return 0n;
  return to >= from ? n * pow10(to - from) : n / pow10(from - to);
}

function invalid(part: string): SqlError {
  return new SqlError('22P03', `invalid ${part} in external "numeric" value`);
}
