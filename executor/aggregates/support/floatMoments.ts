/**
 * Sums behind variance, correlation and regression of float8, kept exactly; a statistic is rounded from the exact
 * sums, so it does not depend on the order of rows.
 */
import type { ByteReader, ByteWriter } from '../../../common/byteWriter.ts';
import { floatOverflow } from '../../functions/support/errors.ts';
import { ExactFloatSum, ratioToNumber } from './exactFloat.ts';

/** Squares of larger numbers cannot be split exactly; beyond 2^512 they overflow anyway. */
const LARGEST = 2 ** 480;

/** N * sum(xy) - sum(x) * sum(y), divided by `divisor` (> 0), as the nearest double. */
function centred(
  count: number,
  products: ExactFloatSum,
  x: ExactFloatSum,
  y: ExactFloatSum,
  divisor: bigint,
): number {
  const ex = x.lowestExponent();
  const ey = y.lowestExponent();
  const e = Math.min(products.lowestExponent(), ex + ey);
  const cross = (x.scaled(ex) * y.scaled(ey)) << BigInt(ex + ey - e);
  return ratioToNumber(BigInt(count) * products.scaled(e) - cross, divisor, e);
}

export class FloatMoments {
  readonly #sum = new ExactFloatSum();
  readonly #squares = new ExactFloatSum();
  #tooLarge = 0;

  write(out: ByteWriter): void {
    this.#sum.write(out);
    this.#squares.write(out);
    out.float64(this.#tooLarge);
  }

  read(input: ByteReader): void {
    this.#sum.read(input);
    this.#squares.read(input);
    this.#tooLarge = input.float64();
  }

  add(x: number, weight: number): void {
    if (Number.isFinite(x) && Math.abs(x) >= LARGEST) {
      this.#tooLarge += weight;
      return;
    }
    this.#sum.add(x, weight);
    if (Number.isFinite(x)) this.#squares.addProduct(x, x, weight);
  }

  variance(count: number, sample: boolean): number | null {
    if (sample && count <= 1) return null;
    if (this.#sum.special() !== null) return Number.NaN;
    if (count === 1) return 0;
    if (this.#tooLarge !== 0) floatOverflow();
    const n = BigInt(count);
    return centred(count, this.#squares, this.#sum, this.#sum, sample ? n * (n - 1n) : n * n);
  }

  standardDeviation(count: number, sample: boolean): number | null {
    const variance = this.variance(count, sample);
    return variance === null ? null : Math.sqrt(variance);
  }
}

/** Sums of pairs: y is the dependent variable, x the independent one. */
export class FloatPairMoments {
  readonly #x = new ExactFloatSum();
  readonly #y = new ExactFloatSum();
  readonly #xx = new ExactFloatSum();
  readonly #yy = new ExactFloatSum();
  readonly #xy = new ExactFloatSum();
  #special = 0;
  #tooLarge = 0;

  write(out: ByteWriter): void {
    for (const sum of this.#sums()) sum.write(out);
    out.float64(this.#special);
    out.float64(this.#tooLarge);
  }

  read(input: ByteReader): void {
    for (const sum of this.#sums()) sum.read(input);
    this.#special = input.float64();
    this.#tooLarge = input.float64();
  }

  #sums(): readonly ExactFloatSum[] {
    return [this.#x, this.#y, this.#xx, this.#yy, this.#xy];
  }

  add(y: number, x: number, weight: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      this.#special += weight;
      return;
    }
    if (Math.abs(x) >= LARGEST || Math.abs(y) >= LARGEST) {
      this.#tooLarge += weight;
      return;
    }
    this.#x.add(x, weight);
    this.#y.add(y, weight);
    this.#xx.addProduct(x, x, weight);
    this.#yy.addProduct(y, y, weight);
    this.#xy.addProduct(x, y, weight);
  }

  #checked(f: () => number): number {
    if (this.#special !== 0) return Number.NaN;
    return this.#tooLarge !== 0 ? floatOverflow() : f();
  }

  /** Sum of squared deviations of x. */
  sxx(count: number): number {
    return this.#checked(() => centred(count, this.#xx, this.#x, this.#x, BigInt(count)));
  }

  syy(count: number): number {
    return this.#checked(() => centred(count, this.#yy, this.#y, this.#y, BigInt(count)));
  }

  sxy(count: number): number {
    return this.#checked(() => centred(count, this.#xy, this.#x, this.#y, BigInt(count)));
  }

  averageX(count: number): number {
    return this.#checked(() => this.#x.value() / count);
  }

  averageY(count: number): number {
    return this.#checked(() => this.#y.value() / count);
  }

  covariance(count: number, sample: boolean): number | null {
    if (sample && count <= 1) return null;
    const n = BigInt(count);
    const divisor = sample ? n * (n - 1n) : n * n;
    return this.#checked(() => centred(count, this.#xy, this.#x, this.#y, divisor));
  }

  correlation(count: number): number | null {
    const sxx = this.sxx(count);
    const syy = this.syy(count);
    return sxx === 0 || syy === 0 ? null : this.sxy(count) / Math.sqrt(sxx * syy);
  }

  slope(count: number): number | null {
    const sxx = this.sxx(count);
    return sxx === 0 ? null : this.sxy(count) / sxx;
  }

  intercept(count: number): number | null {
    const sxx = this.sxx(count);
    if (sxx === 0) return null;
    return this.#checked(() => (this.#y.value() - (this.#x.value() * this.sxy(count)) / sxx) / count);
  }

  determination(count: number): number | null {
    const sxx = this.sxx(count);
    if (sxx === 0) return null;
    const syy = this.syy(count);
    if (syy === 0) return 1;
    const sxy = this.sxy(count);
    return (sxy * sxy) / (sxx * syy);
  }
}
