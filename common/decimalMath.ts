/**
 * Roots, powers, exponentials and logarithms of numeric, with PostgreSQL's result scales.
 *
 * The work is done in binary fixed point (a bigint over 2^bits) with guard bits, then rounded once to the result
 * scale: exp by range reduction and Taylor's series, ln by square roots and the series of atanh.
 */
import { divideRounded, integerSqrt, pow10 } from './bigDigits.ts';
import {
  Decimal,
  leadingGroup,
  MAX_DISPLAY_SCALE,
  MIN_SIGNIFICANT_DIGITS,
  numericOverflow,
} from './decimal.ts';
import { SqlError } from './sqlError.ts';

const LOG10_E = Math.LOG10E;

/** exp() of more than this overflows in PostgreSQL. */
const MAX_EXP = 6000;
const BITS_PER_DIGIT = Math.log2(10);

function displayScale(wanted: number, ...atLeast: number[]): number {
  return Math.min(Math.max(wanted, 0, ...atLeast), MAX_DISPLAY_SCALE);
}

// --- fixed point -----------------------------------------------------------------------------------------------

function toFixed(d: Decimal, bits: number): bigint {
  return (d.coefficient << BigInt(bits)) / pow10(d.scale);
}

function fromFixed(x: bigint, bits: number, scale: number): Decimal {
  return Decimal.scaled(divideRounded(x * pow10(scale), 1n << BigInt(bits)), scale);
}

/** atanh(1/n) * 2^bits. */
function atanhInverse(n: bigint, bits: number): bigint {
  let power = (1n << BigInt(bits)) / n;
  const square = n * n;
  let sum = power;
  for (let k = 3n; power !== 0n; k += 2n) {
    power /= square;
    sum += power / k;
  }
  return sum;
}

let ln2Cache: { readonly bits: number; readonly value: bigint } = { bits: 0, value: 0n };

function ln2(bits: number): bigint {
  if (ln2Cache.bits < bits) {
    const value =
      18n * atanhInverse(26n, bits) - 2n * atanhInverse(4801n, bits) + 8n * atanhInverse(8749n, bits);
    ln2Cache = { bits, value };
  }
  return ln2Cache.value >> BigInt(ln2Cache.bits - bits);
}

/** e^x in fixed point. */
function expFixed(x: bigint, bits: number): bigint {
  const guard = bits + 32;
  const wide = x << 32n;
  const unit = ln2(guard);
  const twos = wide / unit;
  const halvings = 16n;
  const r = (wide - twos * unit) >> halvings;
  const one = 1n << BigInt(guard);
  let term = one;
  let sum = one;
  for (let k = 1n; term !== 0n; k++) {
    term = (term * r) / (k << BigInt(guard));
    sum += term;
  }
  for (let i = 0n; i < halvings; i++) sum = (sum * sum) >> BigInt(guard);
  const shifted = twos >= 0n ? sum << twos : sum >> -twos;
  return shifted >> 32n;
}

/** ln(d) in fixed point, d > 0. */
function lnFixed(d: Decimal, bits: number): bigint {
  const guard = BigInt(bits + 48);
  const denominator = pow10(d.scale);
  // m = d / 2^twos lies in [1/2, 2), so no precision is lost however large or small d is.
  const twos = BigInt(bitLength(d.coefficient) - bitLength(denominator));
  const shift = guard - twos;
  let m = shift >= 0n ? (d.coefficient << shift) / denominator : d.coefficient / (denominator << -shift);
  const one = 1n << guard;
  let roots = 0n;
  while (roots < 12n && (m - one > one >> 10n || one - m > one >> 10n)) {
    m = integerSqrt(m << guard);
    roots++;
  }
  const z = ((m - one) << guard) / (m + one);
  const square = (z * z) >> guard;
  let power = z;
  let sum = z;
  for (let k = 3n; power !== 0n && power !== -1n; k += 2n) {
    power = (power * square) >> guard;
    sum += power / k;
  }
  return ((sum << (roots + 1n)) + twos * ln2(bits + 48)) >> 48n;
}

function bitLength(n: bigint): number {
  return n.toString(2).length;
}

function bitsFor(digits: number): number {
  return Math.ceil(Math.max(digits, 0) * BITS_PER_DIGIT) + 64;
}

// --- scale estimates -------------------------------------------------------------------------------------------

const ZERO_POINT_NINE = new Decimal(9n, 1);
const ONE_POINT_ONE = new Decimal(11n, 1);

/** Decimal weight of ln(d), as numeric.c's estimate_ln_dweight. */
function lnWeight(d: Decimal): number {
  if (d.signum() <= 0) return 0;
  if (d.compare(ZERO_POINT_NINE) >= 0 && d.compare(ONE_POINT_ONE) <= 0) {
    const x = leadingGroup(d.sub(Decimal.ONE));
    return x.digit === 0 ? 0 : x.weight * 4 + Math.trunc(Math.log10(x.digit));
  }
  return Math.trunc(Math.log10(Math.abs(lnEstimate(d))));
}

function lnEstimate(d: Decimal): number {
  const group = leadingGroup(d);
  const shift = d.scale + 4 * (group.weight - 1);
  const two = Number(shift >= 0 ? d.coefficient / pow10(shift) : d.coefficient * pow10(-shift));
  return Math.log(two) + (group.weight - 1) * 4 * Math.LN10;
}

// --- functions -------------------------------------------------------------------------------------------------

/** Square root; 2201F for a negative argument. */
export function sqrt(d: Decimal): Decimal {
  if (d.special !== null && d.special !== '-Infinity') return d;
  if (d.signum() < 0) throw new SqlError('2201F', 'cannot take square root of a negative number');
  // C's integer division truncates towards zero.
  const weight = Math.trunc(((leadingGroup(d).weight + 1) * 4) / 2) - 1;
  const scale = displayScale(MIN_SIGNIFICANT_DIGITS - weight, d.scale);
  // One digit more than wanted decides the rounding, unless what is cut off is exactly a half, which a root is not.
  const root = integerSqrt(d.coefficient * pow10(2 * (scale + 1) - d.scale));
  return Decimal.scaled(divideRounded(root, 10n), scale);
}

/** e^d. */
export function exp(d: Decimal): Decimal {
  if (d.special !== null) return d.special === '-Infinity' ? Decimal.ZERO : d;
  const weight = Math.max(-2000, Math.min(2000, d.toNumberUnchecked() * LOG10_E));
  return expScaled(d, displayScale(MIN_SIGNIFICANT_DIGITS - Math.trunc(weight), d.scale));
}

function expScaled(d: Decimal, scale: number): Decimal {
  const x = d.toNumberUnchecked();
  if (Math.abs(x) >= MAX_EXP) {
    if (x > 0) throw numericOverflow();
    return new Decimal(0n, scale);
  }
  const bits = bitsFor(scale + Math.max(0, x * LOG10_E));
  return fromFixed(expFixed(toFixed(d, bits), bits), bits, scale);
}

function checkLogarithm(d: Decimal): void {
  if (d.isNaN()) return;
  if (d.signum() < 0) throw new SqlError('2201E', 'cannot take logarithm of a negative number');
  if (d.signum() === 0) throw new SqlError('2201E', 'cannot take logarithm of zero');
}

/** Natural logarithm; 2201E unless the argument is positive. */
export function ln(d: Decimal): Decimal {
  checkLogarithm(d);
  if (d.special !== null) return d;
  const scale = displayScale(MIN_SIGNIFICANT_DIGITS - lnWeight(d), d.scale);
  const bits = bitsFor(scale + 8);
  return fromFixed(lnFixed(d, bits), bits, scale);
}

/** Logarithm of `d` to `base`. */
export function log(base: Decimal, d: Decimal): Decimal {
  if (base.isNaN() || d.isNaN()) return Decimal.NAN;
  if ((base.special !== null || d.special !== null) && d.signum() < 0) checkLogarithm(d);
  checkLogarithm(base);
  checkLogarithm(d);
  if (base.special !== null) return d.special !== null ? Decimal.NAN : Decimal.ZERO;
  if (d.special !== null) return d;
  const baseWeight = lnWeight(base);
  const scale = displayScale(MIN_SIGNIFICANT_DIGITS - (lnWeight(d) - baseWeight), base.scale, d.scale);
  const bits = bitsFor(scale + 2 * Math.abs(baseWeight) + Math.abs(lnWeight(d)) + 16);
  const divisor = lnFixed(base, bits);
  if (divisor === 0n) throw new SqlError('22012', 'division by zero');
  return fromFixed((lnFixed(d, bits) << BigInt(bits)) / divisor, bits, scale);
}

/** Logarithm to base 10. */
export function log10(d: Decimal): Decimal {
  return log(new Decimal(10n, 0), d);
}

/** base ^ exponent, with POSIX's rules for NaN and infinities. */
export function power(base: Decimal, exponent: Decimal): Decimal {
  if (base.special !== null || exponent.special !== null) return powerSpecial(base, exponent);
  if (base.signum() === 0 && exponent.signum() < 0) {
    throw new SqlError('2201F', 'zero raised to a negative power is undefined');
  }
  if (!exponent.isInteger()) {
    if (base.signum() < 0) throw complexResult();
    return powerFraction(base, exponent);
  }
  const integer = exponent.toInteger('integer');
  if (integer >= -2147483648n && integer <= 2147483647n) {
    return powerInteger(base, Number(integer));
  }
  const magnitude = powerFraction(base.abs(), exponent);
  return base.signum() < 0 && integer % 2n !== 0n ? magnitude.neg() : magnitude;
}

function complexResult(): SqlError {
  return new SqlError('2201F', 'a negative number raised to a non-integer power yields a complex result');
}

function powerSpecial(base: Decimal, exponent: Decimal): Decimal {
  const isOne = base.special === null && base.compare(Decimal.ONE) === 0;
  if (exponent.special === null && exponent.signum() === 0) return Decimal.ONE;
  if (isOne) return Decimal.ONE;
  if (base.isNaN() || exponent.isNaN()) return Decimal.NAN;
  if (base.signum() === 0) {
    if (exponent.signum() < 0) throw new SqlError('2201F', 'zero raised to a negative power is undefined');
    return Decimal.ZERO;
  }
  if (exponent.special !== null) {
    const size = base.abs().compare(Decimal.ONE);
    if (size === 0) return Decimal.ONE;
    return size > 0 === exponent.signum() > 0 ? Decimal.INFINITY : Decimal.ZERO;
  }
  if (base.signum() < 0 && !exponent.isInteger()) throw complexResult();
  if (exponent.signum() < 0) return Decimal.ZERO;
  const odd = exponent.isInteger() && exponent.toInteger('integer') % 2n !== 0n;
  return base.signum() < 0 && odd ? Decimal.MINUS_INFINITY : Decimal.INFINITY;
}

function powerFraction(base: Decimal, exponent: Decimal): Decimal {
  if (base.signum() === 0) return new Decimal(0n, MIN_SIGNIFICANT_DIGITS);
  const estimateBits = bitsFor(16 + Math.abs(lnWeight(base)));
  const estimate = fromFixed(lnFixed(base, estimateBits), estimateBits, 16 + Math.abs(lnWeight(base)));
  const x = estimate.mul(exponent).toNumberUnchecked();
  if (Math.abs(x) > MAX_EXP * 1.003333) {
    if (x > 0) throw numericOverflow();
    return new Decimal(0n, MAX_DISPLAY_SCALE);
  }
  const weight = Math.trunc(x * LOG10_E);
  const scale = displayScale(MIN_SIGNIFICANT_DIGITS - weight, base.scale, exponent.scale);
  const digits = scale + Math.max(0, weight) + 24 + Math.max(0, leadingGroup(exponent).weight * 4 + 4);
  const bits = bitsFor(digits);
  const scaled = (lnFixed(base, bits) * exponent.coefficient) / pow10(exponent.scale);
  if (scaled >> BigInt(bits) >= BigInt(MAX_EXP)) throw numericOverflow();
  return fromFixed(expFixed(scaled, bits), bits, scale);
}

function powerInteger(base: Decimal, exponent: number): Decimal {
  const scale = displayScale(MIN_SIGNIFICANT_DIGITS, base.scale);
  if (exponent === 0) return new Decimal(pow10(scale), scale);
  if (base.signum() === 0) return new Decimal(0n, scale);
  const weight = exponent * log10Estimate(base.abs());
  if (weight > 131072) throw numericOverflow();
  if (weight + 1 < -scale) return new Decimal(0n, scale);
  const size = Math.abs(exponent);
  const digits = base.coefficient.toString().length;
  if (size * digits < 20_000) {
    const exact = new Decimal(base.coefficient ** BigInt(size), base.scale * size);
    return exponent > 0 ? roundTo(exact, scale) : Decimal.ONE.divScaled(exact, scale);
  }
  return powerBySquaring(base, exponent, scale, weight);
}

function roundTo(d: Decimal, scale: number): Decimal {
  if (scale >= d.scale) return Decimal.scaled(d.coefficient * pow10(scale - d.scale), scale);
  return Decimal.scaled(divideRounded(d.coefficient, pow10(d.scale - scale)), scale);
}

/** Squaring with the significant digits limited, for powers whose exact value would be far too long. */
function powerBySquaring(base: Decimal, exponent: number, scale: number, weight: number): Decimal {
  const significant = Math.max(
    16,
    scale + Math.trunc(Math.abs(weight)) + 24 + Math.ceil(Math.log10(Math.abs(exponent))),
  );
  let mantissa = base.coefficient;
  let point = base.scale;
  let result = 1n;
  let resultPoint = 0;
  for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      [result, resultPoint] = limited(result * mantissa, resultPoint + point, significant);
    }
    [mantissa, point] = limited(mantissa * mantissa, point * 2, significant);
  }
  if (exponent > 0) {
    const shift = scale - resultPoint;
    return Decimal.scaled(shift >= 0 ? result * pow10(shift) : divideRounded(result, pow10(-shift)), scale);
  }
  const shift = scale + resultPoint;
  if (shift < 0) return new Decimal(0n, scale);
  const negative = result < 0n;
  const quotient = divideRounded(pow10(shift), negative ? -result : result);
  return Decimal.scaled(negative ? -quotient : quotient, scale);
}

function limited(n: bigint, point: number, significant: number): [bigint, number] {
  const excess = n.toString().length - significant;
  if (excess <= 0) return [n, point];
  return [divideRounded(n, pow10(excess)), point - excess];
}

function log10Estimate(d: Decimal): number {
  const digits = d.coefficient.toString();
  const lead = Number(digits.slice(0, 16));
  return Math.log10(lead) + (digits.length - Math.min(16, digits.length)) - d.scale;
}

/** n! as numeric; 22003 when negative or too large. */
export function factorial(n: bigint): Decimal {
  if (n < 0n) throw new SqlError('22003', 'factorial of a negative number is undefined');
  if (n > 32177n) throw numericOverflow();
  let product = 1n;
  for (let i = 2n; i <= n; i++) product *= i;
  return Decimal.fromBigint(product);
}
