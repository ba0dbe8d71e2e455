/**
 * Exact sums of numeric, and of its squares, under insertion and removal.
 *
 * State: the sum of the coefficients at one common scale, the number of terms of each scale (the result shows the
 * largest scale among the terms that are there), and the numbers of NaN and infinities.
 */
import { divideRounded, integerSqrt, pow10 } from '../../../common/bigDigits.ts';
import type { ByteReader, ByteWriter } from '../../../common/byteWriter.ts';
import { readBigint, writeBigint } from '../../../common/codec.ts';
import { Decimal } from '../../../common/decimal.ts';

export class NumericSum {
  protected total = 0n;
  /** Scale of `total`: the largest that has occurred. */
  protected scale = 0;
  readonly #terms = new Map<number, number>();
  #nan = 0;
  #positive = 0;
  #negative = 0;

  write(out: ByteWriter): void {
    writeBigint(this.total, out);
    out.varint(this.scale);
    out.varint(this.#terms.size);
    for (const [scale, count] of this.#terms) {
      out.varint(scale);
      out.float64(count);
    }
    out.float64(this.#nan);
    out.float64(this.#positive);
    out.float64(this.#negative);
  }

  read(input: ByteReader): void {
    this.total = readBigint(input);
    this.scale = input.varint();
    for (let n = input.varint(); n > 0; n--) {
      const scale = input.varint();
      this.#terms.set(scale, input.float64());
    }
    this.#nan = input.float64();
    this.#positive = input.float64();
    this.#negative = input.float64();
  }

  add(x: Decimal, weight: number): void {
    switch (x.special) {
      case 'NaN':
        this.#nan += weight;
        return;
      case 'Infinity':
        this.#positive += weight;
        return;
      case '-Infinity':
        this.#negative += weight;
        return;
      case null: {
        if (x.scale > this.scale) this.rescale(x.scale);
        const count = (this.#terms.get(x.scale) ?? 0) + weight;
        if (count === 0) this.#terms.delete(x.scale);
        else this.#terms.set(x.scale, count);
        const coefficient =
          x.scale === this.scale ? x.coefficient : x.coefficient * pow10(this.scale - x.scale);
        this.addCoefficient(coefficient, BigInt(weight));
      }
    }
  }

  protected addCoefficient(coefficient: bigint, weight: bigint): void {
    this.total += coefficient * weight;
  }

  protected rescale(scale: number): void {
    this.total *= pow10(scale - this.scale);
    this.scale = scale;
  }

  /** The largest scale among the terms. */
  protected shownScale(): number {
    let shown = 0;
    for (const scale of this.#terms.keys()) if (scale > shown) shown = scale;
    return shown;
  }

  special(): Decimal | null {
    if (this.#nan !== 0 || (this.#positive !== 0 && this.#negative !== 0)) return Decimal.NAN;
    if (this.#positive !== 0) return Decimal.INFINITY;
    return this.#negative !== 0 ? Decimal.MINUS_INFINITY : null;
  }

  value(): Decimal {
    const special = this.special();
    if (special !== null) return special;
    const shown = this.shownScale();
    return Decimal.scaled(this.total / pow10(this.scale - shown), shown);
  }
}

/** Also keeps the sum of squares, for variance and standard deviation. */
export class NumericMoments extends NumericSum {
  #squares = 0n;

  override write(out: ByteWriter): void {
    super.write(out);
    writeBigint(this.#squares, out);
  }

  override read(input: ByteReader): void {
    super.read(input);
    this.#squares = readBigint(input);
  }

  addInteger(n: bigint, weight: number): void {
    const w = BigInt(weight);
    this.addCoefficient(n, w);
  }

  protected override addCoefficient(coefficient: bigint, weight: bigint): void {
    super.addCoefficient(coefficient, weight);
    this.#squares += coefficient * coefficient * weight;
  }

  protected override rescale(scale: number): void {
    this.#squares *= pow10(2 * (scale - this.scale));
    super.rescale(scale);
  }

  /** Variance of the population, or estimated from a sample; null when there are too few terms. */
  variance(count: number, sample: boolean): Decimal | null {
    if (sample && count <= 1) return null;
    if (this.special() !== null) return Decimal.NAN;
    const n = BigInt(count);
    const spread = n * this.#squares - this.total * this.total;
    if (spread <= 0n) return Decimal.ZERO;
    const shown = this.shownScale();
    const numerator = new Decimal(spread / pow10(2 * (this.scale - shown)), 2 * shown);
    return numerator.div(Decimal.fromBigint(sample ? n * (n - 1n) : n * n));
  }

  standardDeviation(count: number, sample: boolean): Decimal | null {
    const variance = this.variance(count, sample);
    if (variance === null || !variance.isFinite() || variance.signum() === 0) return variance;
    const root = integerSqrt(variance.coefficient * pow10(variance.scale + 2));
    return Decimal.scaled(divideRounded(root, 10n), variance.scale);
  }
}
