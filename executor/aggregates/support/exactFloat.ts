/**
 * Exact sums of float8, so that a sum does not depend on the order of its terms and taking a term away restores it.
 *
 * State: Shewchuk's expansion, doubles of increasing size that do not overlap and whose sum is the exact total; terms of
 * 2^970 and more, whose expansion could overflow, as a bigint in units of 2^917; NaN and infinities are counted.
 * Invariant: adding x with weights that sum to zero leaves the total as it was.
 */
import type { ByteReader, ByteWriter } from '../../../common/byteWriter.ts';
import { readBigint, writeBigint } from '../../../common/codec.ts';
import { floatOverflow } from '../../functions/support/errors.ts';

const HUGE = 2 ** 970;
const HUGE_EXPONENT = 917;
const HUGE_UNIT = 2 ** HUGE_EXPONENT;
const SPLITTER = 134217729;
/** Exponent of the smallest positive double. */
const LEAST_EXPONENT = -1074;

const buffer = new Float64Array(1);
const bits = new BigUint64Array(buffer.buffer);

/** x = significand * 2^exponent. */
function decompose(x: number): { readonly significand: bigint; readonly exponent: number } {
  buffer[0] = x;
  const word = bits[0] ?? 0n;
  const fraction = word & 0xfffffffffffffn;
  const biased = Number((word >> 52n) & 0x7ffn);
  const magnitude = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const exponent = biased === 0 ? LEAST_EXPONENT : biased - 1075;
  return { significand: word >> 63n === 1n ? -magnitude : magnitude, exponent };
}

/** numerator / denominator * 2^exponent as the nearest double; denominator > 0. */
export function ratioToNumber(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const n = negative ? -numerator : numerator;
  const shift = Math.max(0, 66 - (n.toString(16).length - denominator.toString(16).length) * 4);
  const shifted = n << BigInt(shift);
  let quotient = shifted / denominator;
  // A remainder decides ties upwards.
  if (quotient * denominator !== shifted) quotient |= 1n;
  const length = quotient.toString(16).length * 4;
  let scale = exponent - shift;
  // Numbers beyond 2^1000 would become infinite before they are scaled down.
  if (length > 1000) {
    quotient >>= BigInt(length - 1000);
    scale += length - 1000;
  }
  let x = Number(quotient);
  const half = Math.trunc(scale / 2);
  x = x * 2 ** half * 2 ** (scale - half);
  return negative ? -x : x;
}

export class ExactFloatSum {
  readonly #partials: number[] = [];
  #huge = 0n;
  nanCount = 0;
  positiveInfinities = 0;
  negativeInfinities = 0;

  write(out: ByteWriter): void {
    out.varint(this.#partials.length);
    for (const partial of this.#partials) out.float64(partial);
    writeBigint(this.#huge, out);
    out.float64(this.nanCount);
    out.float64(this.positiveInfinities);
    out.float64(this.negativeInfinities);
  }

  read(input: ByteReader): void {
    this.#partials.length = 0;
    for (let n = input.varint(); n > 0; n--) this.#partials.push(input.float64());
    this.#huge = readBigint(input);
    this.nanCount = input.float64();
    this.positiveInfinities = input.float64();
    this.negativeInfinities = input.float64();
  }

  /** Adds x `weight` times. */
  add(x: number, weight: number): void {
    if (Number.isFinite(x)) {
      if (x >= HUGE || x <= -HUGE) this.#huge += BigInt(x / HUGE_UNIT) * BigInt(weight);
      else if (weight === 1) this.#addTerm(x);
      else if (weight === -1) this.#addTerm(-x);
      else this.#addMultiple(x, weight);
    } else if (Number.isNaN(x)) this.nanCount += weight;
    else if (x > 0) this.positiveInfinities += weight;
    else this.negativeInfinities += weight;
  }

  /** Adds x * y exactly, `weight` times; both are below 2^480 in size. */
  addProduct(x: number, y: number, weight: number): void {
    const product = x * y;
    this.add(product, weight);
    const a = SPLITTER * x;
    const xHigh = a - (a - x);
    const xLow = x - xHigh;
    const b = SPLITTER * y;
    const yHigh = b - (b - y);
    const yLow = y - yHigh;
    this.add(xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow), weight);
  }

  /** The weight is split so that every product is exact. */
  #addMultiple(x: number, weight: number): void {
    const a = SPLITTER * x;
    const high = a - (a - x);
    const low = x - high;
    const weightLow = weight % 65536;
    const weightHigh = weight - weightLow;
    for (const part of [high * weightHigh, high * weightLow, low * weightHigh, low * weightLow])
      this.#addTerm(part);
  }

  #addTerm(term: number): void {
    const partials = this.#partials;
    let x = term;
    let kept = 0;
    for (let i = 0; i < partials.length; i++) {
      let y = partials[i] ?? 0;
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    if (x !== 0) partials.push(x);
  }

  /** What NaN and infinities make of the sum; null when there are none. */
  special(): number | null {
    if (this.nanCount !== 0 || (this.positiveInfinities !== 0 && this.negativeInfinities !== 0))
      return Number.NaN;
    if (this.positiveInfinities !== 0) return Infinity;
    return this.negativeInfinities !== 0 ? -Infinity : null;
  }

  /** The sum rounded once; 22003 when it exceeds the range. */
  value(): number {
    const special = this.special();
    if (special !== null) return special;
    if (this.#huge === 0n) return this.#rounded();
    const exponent = this.lowestExponent();
    const result = ratioToNumber(this.scaled(exponent), 1n, exponent);
    return Number.isFinite(result) ? result : floatOverflow();
  }

  #rounded(): number {
    const p = this.#partials;
    let n = p.length;
    if (n === 0) return 0;
    let high = p[--n] ?? 0;
    let low = 0;
    while (n > 0) {
      const x = high;
      const y = p[--n] ?? 0;
      high = x + y;
      low = y - (high - x);
      if (low !== 0) break;
    }
    // Half-way cases are decided by the sign of what remains.
    const next = p[n - 1] ?? 0;
    if (n > 0 && ((low < 0 && next < 0) || (low > 0 && next > 0))) {
      const y = low * 2;
      const x = high + y;
      if (y === x - high) high = x;
    }
    return high;
  }

  /** An exponent that every part of the sum is a multiple of; 0 for an empty sum. */
  lowestExponent(): number {
    let lowest = this.#huge === 0n ? Infinity : HUGE_EXPONENT;
    for (const partial of this.#partials) lowest = Math.min(lowest, decompose(partial).exponent);
    return lowest === Infinity ? 0 : lowest;
  }

  /** The exact finite sum in units of 2^exponent, which must not exceed the lowest exponent. */
  scaled(exponent: number): bigint {
    let total = this.#huge === 0n ? 0n : this.#huge << BigInt(HUGE_EXPONENT - exponent);
    for (const partial of this.#partials) {
      const { significand, exponent: own } = decompose(partial);
      total += significand << BigInt(own - exponent);
    }
    return total;
  }
}
