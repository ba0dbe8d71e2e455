/**
 * Decimal digits of bigints: cached powers of ten, digit counts, rounding division.
 * State: the table of powers, which only grows. Invariant: powers[i] = 10^i.
 */

const powers: bigint[] = [];
{
  let p = 1n;
  for (let i = 0; i < 64; i++) {
    powers.push(p);
    p *= 10n;
  }
}

/** The largest exponent kept in the table; larger powers are computed each time. */
const CACHED_POWERS = 2100;

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** 10^n for n >= 0. */
export function pow10(n: number): bigint {
  const known = powers[n];
  if (known !== undefined) return known;
  if (n > CACHED_POWERS) return 10n ** BigInt(n);
  let last = 10n ** BigInt(powers.length - 1);
  while (powers.length <= n) {
    last *= 10n;
    powers.push(last);
  }
  return last;
}

/** True when `n` converts to a JavaScript number without loss by magnitude. */
export function isSafe(n: bigint): boolean {
  return n <= SAFE && n >= -SAFE;
}

/** Number of decimal digits of |n|; 1 for zero. */
export function digitCount(n: bigint): number {
  const a = n < 0n ? -n : n;
  if (a <= SAFE) {
    const x = Number(a);
    let count = 1;
    let bound = 10;
    while (x >= bound) {
      count++;
      bound *= 10;
    }
    return count;
  }
  if (a < pow10(40)) {
    let count = 16;
    while (a >= pow10(count)) count++;
    return count;
  }
  // The length in hexadecimal is linear to obtain; it fixes the decimal length to within two.
  const hex = a.toString(16);
  const log2 = (hex.length - 1) * 4 + Math.log2(Number.parseInt(hex.slice(0, 1), 16));
  let count = Math.max(1, Math.floor(log2 * Math.LOG10E * Math.LN2) - 1);
  while (a >= pow10(count)) count++;
  return count;
}

/** n / d rounded half away from zero; d > 0. */
export function divideRounded(n: bigint, d: bigint): bigint {
  const q = n / d;
  const r = n - q * d;
  const twice = r < 0n ? -r * 2n : r * 2n;
  if (twice < d) return q;
  return n < 0n ? q - 1n : q + 1n;
}

/** Floor of the square root of n >= 0, by Newton's iteration. */
export function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  const bits = n.toString(16).length * 4;
  let x = 1n << BigInt((bits >> 1) + 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
