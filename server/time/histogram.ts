/**
 * Log-linear histogram of non-negative integers: values below 128 exactly, above that 64 buckets per power of two, so a
 * bucket's upper bound is at most 1.6 % above any value in it. Counts lie in one array that grows with the largest value.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
const EXACT = 2 * SUB;

function bucketOf(value: number): number {
  if (value < EXACT) return value;
  let exponent = Math.floor(Math.log2(value)) - SUB_BITS;
  let mantissa = Math.floor(value / 2 ** exponent);
  // log2 may round over or under a power of two.
  if (mantissa >= EXACT) {
    exponent++;
    mantissa = Math.floor(mantissa / 2);
  } else if (mantissa < SUB) {
    exponent--;
    mantissa = Math.floor(value / 2 ** exponent);
  }
  return EXACT + (exponent - 1) * SUB + (mantissa - SUB);
}

/** The greatest value that falls into the bucket. */
function upperBound(bucket: number): bigint {
  if (bucket < EXACT) return BigInt(bucket);
  const exponent = BigInt(Math.floor((bucket - EXACT) / SUB) + 1);
  const mantissa = BigInt(((bucket - EXACT) % SUB) + SUB);
  return ((mantissa + 1n) << exponent) - 1n;
}

export class Histogram {
  #counts = new Float64Array(0);
  #total = 0;
  #max = 0n;

  get total(): number {
    return this.#total;
  }

  /** The greatest value, exactly. */
  get max(): bigint {
    return this.#max;
  }

  add(value: bigint, count = 1): void {
    const bucket = bucketOf(Number(value));
    if (bucket >= this.#counts.length) this.#grow(bucket + 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
    if (value > this.#max) this.#max = value;
  }

  #grow(length: number): void {
    const grown = new Float64Array(Math.max(length, this.#counts.length * 2));
    grown.set(this.#counts);
    this.#counts = grown;
  }

  /** The least bound with at least that share of the values at or below it; null when empty. */
  quantile(share: number): bigint | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.#total - 1e-9));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i] ?? 0;
      if (seen < wanted) continue;
      // Nothing is above the greatest value.
      return i === bucketOf(Number(this.#max)) ? this.#max : upperBound(i);
    }
    return this.#max;
  }

  /** Adds all values of another histogram. */
  merge(other: Histogram): void {
    if (other.#counts.length > this.#counts.length) this.#grow(other.#counts.length);
    for (let i = 0; i < other.#counts.length; i++) {
      const count = other.#counts[i] ?? 0;
      if (count > 0) this.#counts[i] = (this.#counts[i] ?? 0) + count;
    }
    this.#total += other.#total;
    if (other.#max > this.#max) this.#max = other.#max;
  }

  /** Plain JSON: the greatest value, then bucket and count in turn. */
  toJson(): HistogramJson {
    const buckets: number[] = [];
    this.#counts.forEach((count, i) => {
      if (count > 0) buckets.push(i, count);
    });
    return { max: String(this.#max), buckets };
  }

  static fromJson(json: HistogramJson): Histogram {
    const made = new Histogram();
    for (let i = 0; i + 1 < json.buckets.length; i += 2) {
      const bucket = json.buckets[i] ?? 0;
      const count = json.buckets[i + 1] ?? 0;
      if (bucket >= made.#counts.length) made.#grow(bucket + 1);
      made.#counts[bucket] = count;
      made.#total += count;
    }
    made.#max = BigInt(json.max);
    return made;
  }
}

export interface HistogramJson {
  readonly max: string;
  readonly buckets: readonly number[];
}
