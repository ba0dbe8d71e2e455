/** numeric: exact decimal of any precision. Value = coefficient / 10^scale, or NaN, or an infinity. */
export class Decimal {
  /** For the special values: 0n. */
  readonly coefficient: bigint;
  /** Display scale, 0..16383: the number of digits after the point. */
  readonly scale: number;
  readonly special: 'NaN' | 'Infinity' | '-Infinity' | null;

  constructor(coefficient: bigint, scale: number, special: 'NaN' | 'Infinity' | '-Infinity' | null = null) {
    this.coefficient = coefficient;
    this.scale = scale;
    this.special = special;
  }
}
