/**
 * numeric: exact decimal of any precision. Value = coefficient / 10^scale, or NaN, or an infinity.
 *
 * Arithmetic follows PostgreSQL's numeric.c: addition keeps the larger scale, multiplication adds scales, division
 * chooses a scale that keeps at least 16 significant digits. NaN equals itself and is above every other value.
 * Invariant: 0 <= scale <= 16383, at most 131072 digits before the point; special values have coefficient 0.
 */
import { digitCount, divideRounded, isSafe, pow10 } from './bigDigits.ts';
import { SqlError } from './sqlError.ts';
import { trimSpace } from './whiteSpace.ts';

const MAX_SCALE = 16383;
const MAX_INTEGER_DIGITS = 131072;
/** round() and trunc() accept scales within +-this. */
const MAX_ROUND_SCALE = 2000;
export const MIN_SIGNIFICANT_DIGITS = 16;
export const MAX_DISPLAY_SCALE = 1000;

/** Below this no overflow check is needed. */
const SURELY_NARROW = 1n << 1024n;

const INT8_MAX = 0x7fffffffffffffffn;
const INT8_MIN = -0x8000000000000000n;

const numberPattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

export function numericOverflow(): SqlError {
  return new SqlError('22003', 'value overflows numeric format');
}

function checkWidth(coefficient: bigint, scale: number): void {
  if (coefficient < SURELY_NARROW && coefficient > -SURELY_NARROW) return;
  if (digitCount(coefficient) - scale > MAX_INTEGER_DIGITS) throw numericOverflow();
}

export class Decimal {
  static readonly ZERO: Decimal = new Decimal(0n, 0);
  static readonly ONE: Decimal = new Decimal(1n, 0);
  static readonly NAN: Decimal = new Decimal(0n, 0, 'NaN');
  static readonly INFINITY: Decimal = new Decimal(0n, 0, 'Infinity');
  static readonly MINUS_INFINITY: Decimal = new Decimal(0n, 0, '-Infinity');

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

  /** numeric's text input; 22P02 when malformed. */
  static parse(text: string): Decimal {
    const value = Decimal.tryParse(text);
    if (value === null) throw new SqlError('22P02', `invalid input syntax for type numeric: "${text}"`);
    return value;
  }

  /** As `parse`, but null when malformed. */
  static tryParse(text: string): Decimal | null {
    if (text.length <= 15) {
      const short = parseShort(text);
      if (short !== null) return short;
    }
    const trimmed = trimSpace(text);
    const match = numberPattern.exec(trimmed);
    if (match === null) return parseSpecial(trimmed);
    const integer = match[2] ?? '';
    const fraction = match[3] ?? '';
    if (integer.length + fraction.length === 0) return null;
    const magnitude = BigInt(integer + fraction);
    const coefficient = match[1] === '-' ? -magnitude : magnitude;
    const exponent = match[4] === undefined ? 0 : Number(match[4]);
    return Decimal.scaled(coefficient, fraction.length - exponent);
  }

  /** coefficient / 10^scale where scale may be negative; 22003 when too wide. */
  static scaled(coefficient: bigint, scale: number): Decimal {
    if (scale > MAX_SCALE) throw numericOverflow();
    if (scale >= 0) {
      checkWidth(coefficient, scale);
      return new Decimal(coefficient, scale);
    }
    if (coefficient === 0n) return Decimal.ZERO;
    if (-scale > MAX_INTEGER_DIGITS) throw numericOverflow();
    const integer = coefficient * pow10(-scale);
    checkWidth(integer, 0);
    return new Decimal(integer, 0);
  }

  static fromInt(n: number): Decimal {
    return new Decimal(BigInt(n), 0);
  }

  static fromBigint(n: bigint): Decimal {
    return new Decimal(n, 0);
  }

  /** A float8 (15 significant digits) or float4 (pass 6), as PostgreSQL casts them. */
  static fromNumber(x: number, significantDigits = 15): Decimal {
    if (Number.isNaN(x)) return Decimal.NAN;
    if (x === Infinity) return Decimal.INFINITY;
    if (x === -Infinity) return Decimal.MINUS_INFINITY;
    if (Number.isInteger(x) && Math.abs(x) < 1e6) return new Decimal(BigInt(x), 0);
    // Printing the rounded number again drops the trailing zeros that toPrecision leaves.
    return Decimal.parse(String(Number(roundSignificant(x, significantDigits))));
  }

  isNaN(): boolean {
    return this.special === 'NaN';
  }

  isFinite(): boolean {
    return this.special === null;
  }

  isInteger(): boolean {
    return this.special === null && (this.scale === 0 || this.coefficient % pow10(this.scale) === 0n);
  }

  /** -1, 0 or 1; NaN counts as 1. */
  signum(): number {
    if (this.special !== null) return this.special === '-Infinity' ? -1 : 1;
    return this.coefficient > 0n ? 1 : this.coefficient < 0n ? -1 : 0;
  }

  add(other: Decimal): Decimal {
    if (this.special !== null || other.special !== null) return addSpecial(this, other);
    if (this.scale === other.scale) return make(this.coefficient + other.coefficient, this.scale);
    if (this.scale < other.scale) {
      return make(this.coefficient * pow10(other.scale - this.scale) + other.coefficient, other.scale);
    }
    return make(this.coefficient + other.coefficient * pow10(this.scale - other.scale), this.scale);
  }

  sub(other: Decimal): Decimal {
    if (this.special !== null || other.special !== null) return addSpecial(this, other.neg());
    if (this.scale === other.scale) return make(this.coefficient - other.coefficient, this.scale);
    if (this.scale < other.scale) {
      return make(this.coefficient * pow10(other.scale - this.scale) - other.coefficient, other.scale);
    }
    return make(this.coefficient - other.coefficient * pow10(this.scale - other.scale), this.scale);
  }

  mul(other: Decimal): Decimal {
    if (this.special !== null || other.special !== null) {
      if (this.isNaN() || other.isNaN()) return Decimal.NAN;
      return infinity(this.signum() * other.signum());
    }
    const product = this.coefficient * other.coefficient;
    const scale = this.scale + other.scale;
    if (scale > MAX_SCALE) return make(divideRounded(product, pow10(scale - MAX_SCALE)), MAX_SCALE);
    return make(product, scale);
  }

  /** Quotient with PostgreSQL's choice of scale, rounded half away from zero; 22012 for a zero divisor. */
  div(other: Decimal): Decimal {
    if (this.special !== null || other.special !== null) return divideSpecial(this, other);
    if (other.coefficient === 0n) throw divisionByZero();
    return this.divScaled(other, divisionScale(this, other));
  }

  /** Quotient of finite numbers rounded to `scale` digits. */
  divScaled(other: Decimal, scale: number): Decimal {
    let n = this.coefficient;
    let d = other.coefficient;
    if (d < 0n) {
      n = -n;
      d = -d;
    }
    const shift = scale - this.scale + other.scale;
    if (shift >= 0) n *= pow10(shift);
    else d *= pow10(-shift);
    return make(divideRounded(n, d), scale);
  }

  /** Integer quotient truncated towards zero: SQL's div(). */
  divTrunc(other: Decimal): Decimal {
    if (this.special !== null || other.special !== null) return divideSpecial(this, other);
    if (other.coefficient === 0n) throw divisionByZero();
    const scale = Math.max(this.scale, other.scale);
    return make(this.coefficientAt(scale) / other.coefficientAt(scale), 0);
  }

  /** Remainder with the dividend's sign. */
  mod(other: Decimal): Decimal {
    if (this.isNaN() || other.isNaN()) return Decimal.NAN;
    if (other.signum() === 0) throw divisionByZero();
    if (this.special !== null) return Decimal.NAN;
    if (other.special !== null) return this;
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.coefficientAt(scale) % other.coefficientAt(scale), scale);
  }

  neg(): Decimal {
    if (this.special !== null) return this.isNaN() ? this : infinity(-this.signum());
    return new Decimal(-this.coefficient, this.scale);
  }

  abs(): Decimal {
    if (this.special !== null) return this.isNaN() ? this : Decimal.INFINITY;
    return this.coefficient < 0n ? new Decimal(-this.coefficient, this.scale) : this;
  }

  sign(): Decimal {
    if (this.isNaN()) return this;
    return new Decimal(BigInt(this.signum()), 0);
  }

  /** Rounds half away from zero to `scale` digits; a negative scale rounds left of the point. */
  round(scale = 0): Decimal {
    if (this.special !== null) return this;
    const target = Math.max(-MAX_ROUND_SCALE, Math.min(MAX_ROUND_SCALE, scale));
    if (target >= this.scale) return this.rescaleUp(target);
    return dropDigits(divideRounded(this.coefficient, pow10(this.scale - target)), target);
  }

  /** Cuts to `scale` digits, towards zero. */
  trunc(scale = 0): Decimal {
    if (this.special !== null) return this;
    const target = Math.max(-MAX_ROUND_SCALE, Math.min(MAX_ROUND_SCALE, scale));
    if (target >= this.scale) return this.rescaleUp(target);
    return dropDigits(this.coefficient / pow10(this.scale - target), target);
  }

  ceil(): Decimal {
    return this.special === null ? this.neg().floor().neg() : this;
  }

  floor(): Decimal {
    if (this.special !== null || this.scale === 0) return this;
    const unit = pow10(this.scale);
    const q = this.coefficient / unit;
    return new Decimal(this.coefficient < 0n && q * unit !== this.coefficient ? q - 1n : q, 0);
  }

  /** Order with NaN last; -1, 0 or 1. */
  compare(other: Decimal): number {
    if (this.special !== null || other.special !== null) return Math.sign(rank(this) - rank(other));
    let a = this.coefficient;
    let b = other.coefficient;
    if (this.scale < other.scale) a *= pow10(other.scale - this.scale);
    else if (this.scale > other.scale) b *= pow10(this.scale - other.scale);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  equals(other: Decimal): boolean {
    if (this.scale === other.scale) {
      return this.coefficient === other.coefficient && this.special === other.special;
    }
    return this.compare(other) === 0;
  }

  /** 32-bit hash, the same for equal values whatever their scale. */
  hash(): number {
    if (this.special !== null) return Math.imul(this.special.length, 0x2545f491);
    let c = this.coefficient;
    let scale = this.scale;
    if (isSafe(c)) {
      let n = Number(c);
      while (scale > 0 && n % 10 === 0) {
        n /= 10;
        scale--;
      }
      return mix(n | 0, Math.floor(n / 0x100000000) ^ Math.imul(scale, 0x9e3779b1));
    }
    while (scale > 0 && c % 10n === 0n) {
      c /= 10n;
      scale--;
    }
    if (isSafe(c)) return new Decimal(c, scale).hash();
    let h = Math.imul(scale, 0x9e3779b1) ^ (c < 0n ? 1 : 0);
    for (let rest = c < 0n ? -c : c; rest > 0n; rest >>= 32n) h = mix(Number(rest & 0xffffffffn) | 0, h);
    return h;
  }

  toString(): string {
    if (this.special !== null) return this.special;
    if (this.scale === 0) return this.coefficient.toString();
    const negative = this.coefficient < 0n;
    const digits = (negative ? -this.coefficient : this.coefficient).toString().padStart(this.scale + 1, '0');
    const point = digits.length - this.scale;
    return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
  }

  /** The nearest float8; 22003 when out of its range. */
  toNumber(): number {
    const x = this.toNumberUnchecked();
    if (this.special === null && (!Number.isFinite(x) || (x === 0 && this.coefficient !== 0n))) {
      throw new SqlError('22003', `"${this.toString()}" is out of range for type double precision`);
    }
    return x;
  }

  /** The nearest float8, infinite or zero when out of range. */
  toNumberUnchecked(): number {
    if (this.special !== null) return Number(this.special);
    // Both operands are exact, so one division rounds correctly.
    if (this.scale <= 22 && isSafe(this.coefficient)) return Number(this.coefficient) / 10 ** this.scale;
    return Number(this.toString());
  }

  toInt2(): number {
    const n = this.toInteger('smallint');
    if (n > 32767n || n < -32768n) throw new SqlError('22003', 'smallint out of range');
    return Number(n);
  }

  toInt4(): number {
    const n = this.toInteger('integer');
    if (n > 2147483647n || n < -2147483648n) throw new SqlError('22003', 'integer out of range');
    return Number(n);
  }

  toInt8(): bigint {
    const n = this.toInteger('bigint');
    if (n > INT8_MAX || n < INT8_MIN) throw new SqlError('22003', 'bigint out of range');
    return n;
  }

  /** Rounds half away from zero; `typeName` is for the error about special values. */
  toInteger(typeName: string): bigint {
    if (this.special !== null) {
      throw new SqlError('0A000', `cannot convert ${this.isNaN() ? 'NaN' : 'infinity'} to ${typeName}`);
    }
    return this.scale === 0 ? this.coefficient : divideRounded(this.coefficient, pow10(this.scale));
  }

  /** Coerces to numeric(precision, scale); 22003 when it does not fit. */
  applyTypmod(precision: number, scale: number): Decimal {
    if (this.special !== null) {
      if (this.isNaN()) return this;
      throw new SqlError('22003', 'numeric field overflow', {
        detail: `A field with precision ${precision}, scale ${scale} cannot hold an infinite value.`,
      });
    }
    const rounded = this.scale === scale ? this : this.round(scale);
    const maxDigits = precision - scale;
    const c = rounded.coefficient;
    const limit = maxDigits + rounded.scale;
    if (c !== 0n && (limit < 0 || c >= pow10(limit) || -c >= pow10(limit))) {
      const bound = maxDigits === 0 ? '1' : `10^${maxDigits}`;
      throw new SqlError('22003', 'numeric field overflow', {
        detail: `A field with precision ${precision}, scale ${scale} must round to an absolute value less than ${bound}.`,
      });
    }
    return rounded;
  }

  /** The least scale that shows the value exactly; null for special values. */
  minScale(): number | null {
    return this.special === null ? this.trimScale().scale : null;
  }

  /** The same value without trailing zeros after the point. */
  trimScale(): Decimal {
    let c = this.coefficient;
    let scale = this.scale;
    while (scale > 0 && c % 10n === 0n) {
      c /= 10n;
      scale--;
    }
    return scale === this.scale ? this : new Decimal(c, scale);
  }

  private coefficientAt(scale: number): bigint {
    return scale === this.scale ? this.coefficient : this.coefficient * pow10(scale - this.scale);
  }

  private rescaleUp(scale: number): Decimal {
    return scale === this.scale ? this : make(this.coefficientAt(scale), scale);
  }
}

/** As C's %.*g: toPrecision, but an exact tie goes to the even digit. */
function roundSignificant(x: number, digits: number): string {
  const oneMore = x.toExponential(digits);
  if (oneMore.charAt(oneMore.indexOf('e') - 1) === '5') {
    const exact = x.toExponential(100);
    const mantissa = exact.slice(0, exact.indexOf('e'));
    const cut = oneMore.indexOf('e') - 1;
    const even = Number(oneMore.charAt(cut - 1)) % 2 === 0;
    if (even && mantissa.startsWith(oneMore.slice(0, cut + 1)) && /^0*$/.test(mantissa.slice(cut + 1))) {
      return oneMore.slice(0, cut) + oneMore.slice(cut + 1);
    }
  }
  return x.toPrecision(digits);
}

function make(coefficient: bigint, scale: number): Decimal {
  checkWidth(coefficient, scale);
  return new Decimal(coefficient, scale);
}

/** `coefficient` counts units of 10^-scale; a negative scale is written out with zeros. */
function dropDigits(coefficient: bigint, scale: number): Decimal {
  return scale >= 0 ? new Decimal(coefficient, scale) : make(coefficient * pow10(-scale), 0);
}

function divisionByZero(): SqlError {
  return new SqlError('22012', 'division by zero');
}

/** Infinity of the given sign; NaN for 0. */
function infinity(sign: number): Decimal {
  if (sign === 0) return Decimal.NAN;
  return sign > 0 ? Decimal.INFINITY : Decimal.MINUS_INFINITY;
}

function addSpecial(a: Decimal, b: Decimal): Decimal {
  if (a.isNaN() || b.isNaN()) return Decimal.NAN;
  if (a.special === null) return b;
  if (b.special === null || a.special === b.special) return a;
  return Decimal.NAN;
}

function divideSpecial(a: Decimal, b: Decimal): Decimal {
  if (a.isNaN() || b.isNaN()) return Decimal.NAN;
  if (a.special !== null) {
    if (b.special !== null) return Decimal.NAN;
    if (b.coefficient === 0n) throw divisionByZero();
    return infinity(a.signum() * b.signum());
  }
  return Decimal.ZERO;
}

function rank(d: Decimal): number {
  return d.special === null ? 0 : d.special === 'NaN' ? 2 : d.special === 'Infinity' ? 1 : -1;
}

function mix(a: number, b: number): number {
  let h = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x9e3779b1);
  return (h ^ (h >>> 16)) | 0;
}

/** Weight (power of 10,000) and value of the first base-10,000 digit: numeric.c reckons scales in these. */
export function leadingGroup(d: Decimal): { readonly weight: number; readonly digit: number } {
  const c = d.coefficient < 0n ? -d.coefficient : d.coefficient;
  if (c === 0n) return { weight: 0, digit: 0 };
  const weight = Math.floor((digitCount(c) - d.scale - 1) / 4);
  const shift = d.scale + 4 * weight;
  return { weight, digit: Number(shift >= 0 ? c / pow10(shift) : c * pow10(-shift)) };
}

function divisionScale(a: Decimal, b: Decimal): number {
  const x = leadingGroup(a);
  const y = leadingGroup(b);
  const weight = x.weight - y.weight - (x.digit <= y.digit ? 1 : 0);
  return Math.min(Math.max(MIN_SIGNIFICANT_DIGITS - weight * 4, a.scale, b.scale, 0), MAX_DISPLAY_SCALE);
}

const specials: ReadonlyMap<string, Decimal> = new Map([
  ['nan', Decimal.NAN],
  ['infinity', Decimal.INFINITY],
  ['+infinity', Decimal.INFINITY],
  ['-infinity', Decimal.MINUS_INFINITY],
  ['inf', Decimal.INFINITY],
  ['+inf', Decimal.INFINITY],
  ['-inf', Decimal.MINUS_INFINITY],
]);

/** Plain digits with at most a sign and a point, few enough for a double; null for anything else. */
function parseShort(text: string): Decimal | null {
  const negative = text.charCodeAt(0) === 45;
  let n = 0;
  let digits = 0;
  let point = -1;
  for (let i = negative ? 1 : 0; i < text.length; i++) {
    const d = text.charCodeAt(i) - 48;
    if (d >= 0 && d <= 9) {
      n = n * 10 + d;
      digits++;
    } else if (d === -2 && point < 0) point = i;
    else return null;
  }
  if (digits === 0) return null;
  return new Decimal(BigInt(negative ? 0 - n : n), point < 0 ? 0 : text.length - point - 1);
}

function parseSpecial(text: string): Decimal | null {
  return specials.get(text.toLowerCase()) ?? null;
}
