/** float8 functions with PostgreSQL's domain and range errors. */
import { SqlError } from '../../../common/sqlError.ts';
import { floatOverflow, floatUnderflow } from './errors.ts';

/** a ^ b with POSIX's special cases and 2201F where the result is undefined. */
export function power(a: number, b: number): number {
  if (Number.isNaN(a)) return b === 0 ? 1 : a;
  if (Number.isNaN(b)) return a === 1 ? 1 : b;
  if (a === 0 && b < 0) throw new SqlError('2201F', 'zero raised to a negative power is undefined');
  if (a < 0 && Math.floor(b) !== b) {
    throw new SqlError('2201F', 'a negative number raised to a non-integer power yields a complex result');
  }
  if (!Number.isFinite(b)) {
    const size = Math.abs(a);
    if (size === 1) return 1;
    return size > 1 === b > 0 ? Infinity : 0;
  }
  const result = a ** b;
  if (!Number.isFinite(a)) return result;
  if (!Number.isFinite(result)) floatOverflow();
  if (result === 0 && a !== 0) floatUnderflow();
  return result;
}

export function exp(x: number): number {
  const result = Math.exp(x);
  if (Number.isNaN(x) || !Number.isFinite(x)) return result;
  if (result === Infinity) floatOverflow();
  if (result === 0) floatUnderflow();
  return result;
}

function checkLogarithm(x: number): void {
  if (x === 0) throw new SqlError('2201E', 'cannot take logarithm of zero');
  if (x < 0) throw new SqlError('2201E', 'cannot take logarithm of a negative number');
}

export function ln(x: number): number {
  checkLogarithm(x);
  return Math.log(x);
}

export function log10(x: number): number {
  checkLogarithm(x);
  return Math.log10(x);
}

export function sqrt(x: number): number {
  if (x < 0) throw new SqlError('2201F', 'cannot take square root of a negative number');
  return Math.sqrt(x);
}

/** Nearest integer, ties to even. */
export function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

export function degrees(x: number): number {
  const result = x / 0.017453292519943295;
  if (!Number.isFinite(result) && Number.isFinite(x)) floatOverflow();
  return result;
}

export function radians(x: number): number {
  const result = x * 0.017453292519943295;
  if (result === 0 && x !== 0) floatUnderflow();
  return result;
}

// Lanczos approximation, g = 7, n = 9.
const lanczos: readonly number[] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function lanczosSum(x: number): number {
  let sum = lanczos[0] ?? 0;
  for (let i = 1; i < lanczos.length; i++) sum += (lanczos[i] ?? 0) / (x + i);
  return sum;
}

function gammaUnchecked(x: number): number {
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gammaUnchecked(1 - x));
  const z = x - 1;
  const t = z + 7.5;
  // Two half powers: t ** (z + 0.5) alone overflows before the result does.
  const half = t ** ((z + 0.5) / 2);
  return Math.sqrt(2 * Math.PI) * half * Math.exp(-t) * half * lanczosSum(z);
}

/** The gamma function; exact for the factorials that float8 holds. */
export function gamma(x: number): number {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x === 0 || (x < 0 && Math.floor(x) === x)) floatOverflow();
  if (Number.isInteger(x) && x <= 171) {
    let product = 1;
    for (let i = 2; i < x; i++) product *= i;
    return product;
  }
  const result = x < -180 ? 0 : gammaUnchecked(x);
  if (!Number.isFinite(result)) floatOverflow();
  if (result === 0) floatUnderflow();
  return result;
}

/** Logarithm of |gamma(x)|. */
export function logGamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Infinity;
  if (x <= 0 && Math.floor(x) === x) floatOverflow();
  if (x === 1 || x === 2) return 0;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const result = 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(lanczosSum(z));
  if (!Number.isFinite(result)) floatOverflow();
  return result;
}
