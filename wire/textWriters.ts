/**
 * Text formats of the commonest types written straight into bytes, without a string in between. Each function writes at
 * `p`, where the caller has made room, and returns the position behind. State: the bytes of the last day printed, since
 * neighbouring rows mostly share it.
 */

import { formatDate } from '../common/dateTime.ts';
import type { Decimal } from '../common/decimal.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Up to this many UTF-16 units a loop in JavaScript beats the call into the runtime. */
const SHORT_STRING = 24;

/** Room that a formatted integer, decimal or timestamp never exceeds. */
export const MAX_INTEGER_BYTES = 20;
export const MAX_DECIMAL_BYTES = 40;
export const MAX_DATE_BYTES = 10;
export const MAX_TIMESTAMP_BYTES = 29;

const MICROS_PER_DAY = 86_400_000_000;
/** 0001-01-01 and 10000-01-01: between them a date has ten bytes. */
const MIN_PLAIN_DAY = -719_162;
const END_PLAIN_DAY = 2_932_897;

/** An integer of magnitude up to 2^53. */
export function writeInteger(b: Buffer, p: number, n: number): number {
  let rest = n;
  let at = p;
  if (rest < 0) {
    b[at++] = MINUS;
    rest = -rest;
  }
  const end = at + digitCount(rest);
  let i = end - 1;
  // Above 2^31 division by a constant is no integer operation: take off the low digits first.
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10);
    b[i--] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  let small = rest | 0;
  while (small >= 10) {
    const quotient = (small / 10) | 0;
    b[i--] = ZERO + (small - quotient * 10);
    small = quotient;
  }
  b[i] = ZERO + small;
  return end;
}

function digitCount(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1000) return 3;
  if (n < 10_000) return 4;
  let count = 5;
  for (let bound = 100_000; n >= bound; bound *= 10) count++;
  return count;
}

/** An int8. */
export function writeBigint(b: Buffer, p: number, n: bigint): number {
  if (n <= MAX_SAFE && n >= -MAX_SAFE) return writeInteger(b, p, Number(n));
  return p + b.write(n.toString(), p, 'latin1');
}

/** True when `writeDecimal` can print the value within its room. */
export function isShortDecimal(d: Decimal): boolean {
  return d.special === null && d.scale <= 20 && d.coefficient <= MAX_SAFE && d.coefficient >= -MAX_SAFE;
}

/** A numeric for which `isShortDecimal` holds. */
export function writeDecimal(b: Buffer, p: number, d: Decimal): number {
  let n = Number(d.coefficient);
  if (d.scale === 0) return writeInteger(b, p, n);
  let at = p;
  if (n < 0) {
    b[at++] = MINUS;
    n = -n;
  }
  const end = at + Math.max(digitCount(n), d.scale + 1) + 1;
  let i = end - 1;
  for (let k = 0; k < d.scale; k++) {
    const quotient = Math.floor(n / 10);
    b[i--] = ZERO + (n - quotient * 10);
    n = quotient;
  }
  b[i] = 0x2e;
  writeInteger(b, at, n);
  return end;
}

/** UTF-8 of a string; the caller has made room for three bytes a unit. */
export function writeString(b: Buffer, p: number, s: string): number {
  const length = s.length;
  if (length > SHORT_STRING) return p + b.write(s, p, 'utf8');
  for (let i = 0; i < length; i++) {
    const unit = s.charCodeAt(i);
    if (unit > 0x7f) return p + b.write(s, p, 'utf8');
    b[p + i] = unit;
  }
  return p + length;
}

let cachedDay = Number.NaN;
const cachedDayBytes: Buffer = Buffer.alloc(MAX_DATE_BYTES);

/** True when `writeDate` can print the day in ten bytes. */
export function isPlainDay(day: number): boolean {
  return day >= MIN_PLAIN_DAY && day < END_PLAIN_DAY;
}

/** A date for which `isPlainDay` holds. */
export function writeDate(b: Buffer, p: number, day: number): number {
  if (day !== cachedDay) {
    cachedDayBytes.write(formatDate(day), 0, 'latin1');
    cachedDay = day;
  }
  for (let i = 0; i < MAX_DATE_BYTES; i++) b[p + i] = cachedDayBytes[i] ?? 0;
  return p + MAX_DATE_BYTES;
}

/** Microseconds for which `writeTimestamp` can print a plain timestamp. */
export function isPlainTimestamp(micros: bigint): boolean {
  return micros <= MAX_SAFE && micros >= -MAX_SAFE && isPlainDay(Math.floor(Number(micros) / MICROS_PER_DAY));
}

/** A timestamp without zone for which `isPlainTimestamp` holds. */
export function writeTimestamp(b: Buffer, p: number, micros: bigint): number {
  const n = Number(micros);
  const day = Math.floor(n / MICROS_PER_DAY);
  const at = writeDate(b, p, day);
  b[at] = 0x20;
  return writeTimeOfDay(b, at + 1, n - day * MICROS_PER_DAY);
}

function writeTimeOfDay(b: Buffer, p: number, micros: number): number {
  const seconds = Math.floor(micros / 1_000_000);
  let fraction = (micros - seconds * 1_000_000) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  writeTwo(b, p, hours);
  b[p + 2] = 0x3a;
  writeTwo(b, p + 3, minutes - hours * 60);
  b[p + 5] = 0x3a;
  writeTwo(b, p + 6, seconds - minutes * 60);
  if (fraction === 0) return p + 8;
  b[p + 8] = 0x2e;
  let end = p + 15;
  for (let i = p + 14; i > p + 8; i--) {
    const quotient = (fraction / 10) | 0;
    const digit = fraction - quotient * 10;
    b[i] = ZERO + digit;
    // Trailing zeros are not printed.
    if (digit === 0 && end === i + 1) end = i;
    fraction = quotient;
  }
  return end;
}

function writeTwo(b: Buffer, p: number, n: number): void {
  const tens = (n / 10) | 0;
  b[p] = ZERO + tens;
  b[p + 1] = ZERO + (n - tens * 10);
}

/** int32 as a length word or a binary value. */
export function writeInt32(b: Buffer, p: number, n: number): number {
  b[p] = n >>> 24;
  b[p + 1] = n >>> 16;
  b[p + 2] = n >>> 8;
  b[p + 3] = n;
  return p + 4;
}
