/**
 * to_char of numbers, after PostgreSQL's NUM_processor: the digits are walked along the template, place by place.
 * The number is given as its sign and digits, already rounded to the template's places.
 */
import { divideRounded, pow10 } from '../../../common/bigDigits.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { Field } from './formatTemplate.ts';
import { ordinalSuffix } from './formatTemplate.ts';
import type { NumberTemplate } from './numberTemplate.ts';

interface Digits {
  /** Without sign; `#` when the number does not fit. */
  readonly number: string;
  readonly sign: '+' | '-';
  /** Places of the template before the first digit. */
  readonly leadingPlaces: number;
}

class NumberWriter {
  readonly #t: NumberTemplate;
  readonly #number: string;
  readonly #sign: '+' | '-' | '';
  readonly #leading: number;
  readonly #zeroStart: number;
  readonly #localeSign: NumberTemplate['localeSign'];
  readonly #bracket: boolean;
  readonly #post: number;
  /** Place in the number of the last digit that must be shown in fill mode; -1: all. */
  #lastRelevant = -1;
  #signWritten: boolean;
  #count: number;
  #place = 0;
  #at = 0;
  #inNumber = false;
  #output = '';

  constructor(t: NumberTemplate, digits: Digits) {
    this.#t = t;
    this.#number = digits.number;
    this.#sign = t.roman ? '' : digits.sign;
    this.#leading = t.roman ? 0 : digits.leadingPlaces;
    this.#zeroStart = Math.max(t.zeroStart - 1, 0);
    this.#post = t.roman ? 0 : t.post;
    const pre = t.roman ? 0 : t.pre;
    this.#bracket = t.bracket && !t.roman && !(t.fillMode && this.#sign !== '-' && !t.plus && !t.minus);
    let locale = t.roman ? 'none' : t.localeSign;
    if (t.plus || t.minus) this.#signWritten = !(t.plus && !t.minus);
    else {
      this.#signWritten = this.#sign === '+' && t.fillMode && locale === 'none';
      if (locale === 'before' && pre === t.preLocaleSign) locale = 'after';
    }
    this.#localeSign = locale;
    this.#count = this.#post + pre - 1;
    this.#findLastRelevant();
    if (!this.#signWritten && this.#leading === 0) this.#count++;
  }

  #findLastRelevant(): void {
    const t = this.#t;
    if (!t.fillMode || !t.decimal) return;
    const point = this.#number.indexOf('.');
    if (point < 0) return;
    let last = point;
    for (let i = point + 1; i < this.#number.length; i++) if (this.#number.charAt(i) !== '0') last = i;
    if (t.zeroEnd > this.#leading) {
      last = Math.max(last, Math.min(this.#number.length - 1, t.zeroEnd - this.#leading));
    }
    this.#lastRelevant = last;
  }

  write(): string {
    for (const node of this.#t.nodes) {
      if (node.kind === 'field') this.#field(node);
      else this.#output += node.text;
    }
    return this.#output;
  }

  #field(field: Field): void {
    const { fillMode } = this.#t;
    const name = field.name.toUpperCase();
    switch (name) {
      case '9':
      case '0':
      case '.':
      case 'D':
        if (!this.#t.roman) this.#digit(name);
        return;
      case ',':
      case 'G':
        if (this.#inNumber) this.#output += ',';
        else if (!fillMode) this.#output += ' ';
        return;
      case 'L':
        this.#output += ' ';
        return;
      case 'RN': {
        const roman = field.name === 'rn' ? this.#number.toLowerCase() : this.#number;
        this.#output += fillMode ? roman : roman.padStart(15);
        return;
      }
      case 'TH':
        if (this.#t.roman || this.#number.startsWith('#') || this.#sign === '-' || this.#t.decimal) return;
        this.#output += ordinalSuffix(this.#number, field.name === 'TH');
        return;
      case 'MI':
        if (this.#sign === '-') this.#output += '-';
        else if (!fillMode) this.#output += ' ';
        return;
      case 'PL':
        if (this.#sign === '+') this.#output += '+';
        else if (!fillMode) this.#output += ' ';
        return;
      case 'SG':
        this.#output += this.#sign;
        return;
    }
  }

  /** 0.1 with 9.9: the zero is not printed. */
  #hidesZero(): boolean {
    return !this.#t.zero && this.#at === 0 && this.#number.startsWith('0') && this.#post !== 0;
  }

  #endsAtPoint(): boolean {
    return this.#lastRelevant >= 0 && this.#number.charAt(this.#lastRelevant) === '.';
  }

  #writeSign(): void {
    const due = this.#place >= this.#leading || (this.#t.zero && this.#zeroStart === this.#place);
    if (this.#signWritten || !due || (this.#hidesZero() && !this.#endsAtPoint())) return;
    if (this.#localeSign !== 'none') {
      if (this.#localeSign !== 'before') return;
      this.#output += this.#sign;
    } else if (this.#bracket) this.#output += this.#sign === '+' ? ' ' : '<';
    else if (this.#sign === '-') this.#output += '-';
    else if (!this.#t.fillMode) this.#output += ' ';
    this.#signWritten = true;
  }

  #digit(name: string): void {
    const t = this.#t;
    this.#inNumber = false;
    this.#writeSign();
    if (this.#place < this.#leading && (this.#zeroStart > this.#place || !t.zero)) {
      if (!t.fillMode) this.#output += ' ';
    } else if (t.zero && this.#place < this.#leading) {
      this.#output += '0';
      this.#inNumber = true;
    } else {
      this.#numberCharacter(name);
      if (this.#at < this.#number.length) this.#at++;
    }
    let end = this.#count + (this.#leading > 0 ? 1 : 0) + (t.decimal ? 1 : 0);
    if (this.#lastRelevant >= 0 && this.#lastRelevant === this.#at) end = this.#place;
    if (this.#place + 1 === end) this.#writeClosingSign();
    this.#place++;
  }

  #numberCharacter(name: string): void {
    const c = this.#number.charAt(this.#at);
    if (c === '.') {
      this.#output += '.';
      return;
    }
    if (this.#lastRelevant >= 0 && this.#at > this.#lastRelevant && name !== '0') return;
    if (this.#hidesZero()) {
      if (!this.#t.fillMode) this.#output += ' ';
      else if (this.#endsAtPoint()) this.#output += '0';
      return;
    }
    this.#output += c;
    this.#inNumber = true;
  }

  #writeClosingSign(): void {
    if (this.#signWritten && this.#bracket) this.#output += this.#sign === '+' ? ' ' : '>';
    else if (this.#localeSign === 'after') this.#output += this.#sign;
  }
}

/** The number's text with sign, as digits for the template. */
function placeDigits(text: string, pre: number, post: number): Digits {
  const sign = text.startsWith('-') ? '-' : '+';
  const number = sign === '-' ? text.slice(1) : text;
  const point = number.indexOf('.');
  const places = point < 0 ? number.length : point;
  if (places <= pre) return { number, sign, leadingPlaces: pre - places };
  return { number: `${'#'.repeat(pre)}.${'#'.repeat(post)}`, sign, leadingPlaces: 0 };
}

function romanNumeral(n: number): string {
  if (!(n <= 3999 && n >= 1)) return '#'.repeat(15);
  let rest = n;
  let result = '';
  const values: readonly (readonly [number, string])[] = [
    [1000, 'M'],
    [900, 'CM'],
    [500, 'D'],
    [400, 'CD'],
    [100, 'C'],
    [90, 'XC'],
    [50, 'L'],
    [40, 'XL'],
    [10, 'X'],
    [9, 'IX'],
    [5, 'V'],
    [4, 'IV'],
    [1, 'I'],
  ];
  for (const [value, letters] of values) {
    while (rest >= value) {
      result += letters;
      rest -= value;
    }
  }
  return result;
}

function exponentText(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

const noExponent = (t: NumberTemplate): string => {
  const filled = '#'.repeat(t.pre + t.post + 6).split('');
  filled[0] = ' ';
  filled[t.pre + 1] = '.';
  return filled.join('');
};

/** Mantissa and exponent, the exponent being that of the unrounded number as PostgreSQL has it. */
function scientificDecimal(value: Decimal, t: NumberTemplate): string {
  if (!value.isFinite()) return noExponent(t);
  const negative = value.coefficient < 0n;
  const magnitude = negative ? -value.coefficient : value.coefficient;
  const exponent = magnitude === 0n ? 0 : magnitude.toString().length - 1 - value.scale;
  // magnitude / 10^(scale + exponent), rounded to `post` digits.
  const shift = t.post - value.scale - exponent;
  const digits = shift >= 0 ? magnitude * pow10(shift) : divideRounded(magnitude, pow10(-shift));
  return (negative ? '-' : ' ') + new Decimal(digits, t.post).toString() + exponentText(exponent);
}

/** to_char of numeric. */
export function formatDecimal(value: Decimal, t: NumberTemplate): string {
  if (t.scientific) return scientificDecimal(value, t);
  if (t.roman) {
    const number = romanNumeral(value.round().toInt4());
    return new NumberWriter(t, { number, sign: '+', leadingPlaces: 0 }).write();
  }
  const scaled = t.multi > 0 ? value.mul(Decimal.fromBigint(pow10(t.multi))) : value;
  return new NumberWriter(t, placeDigits(scaled.round(t.post).toString(), t.pre + t.multi, t.post)).write();
}

/** to_char of an integer: as numeric, except that an exponent belongs to the rounded number. */
export function formatInteger(value: bigint, t: NumberTemplate): string {
  if (t.scientific) return scientificFloat(Number(value), t);
  return formatDecimal(Decimal.fromBigint(value), t);
}

function scientificFloat(value: number, t: NumberTemplate): string {
  if (!Number.isFinite(value)) return noExponent(t);
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential(Math.min(t.post, 100)).split('e');
  return (value < 0 || Object.is(value, -0) ? '-' : ' ') + mantissa + exponentText(Number(exponent));
}

/** C's %.*f: toFixed with exact ties to even, and no exponent for large numbers. */
function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size >= 1e21) return sign + BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  const text = size.toFixed(digits);
  const exact = size.toFixed(100);
  const cut = exact.length - 100 + digits;
  const tie = exact.charAt(cut) === '5' && /^0*$/.test(exact.slice(cut + 1));
  if (!tie) return sign + text;
  const below = exact.slice(0, digits === 0 ? cut - 1 : cut);
  return sign + (Number(below.charAt(below.length - 1)) % 2 === 0 ? below : text);
}

/** to_char of a float; `precision` is the number of digits the type is good for. */
export function formatFloat(value: number, t: NumberTemplate, precision: number): string {
  if (t.scientific) return scientificFloat(value, t);
  if (t.roman) {
    const number = romanNumeral(Number(fixed(value, 0)));
    return new NumberWriter(t, { number, sign: '+', leadingPlaces: 0 }).write();
  }
  const scaled = t.multi > 0 ? value * 10 ** t.multi : value;
  const whole = fixed(Math.abs(scaled), 0).length;
  const post = whole >= precision ? 0 : Math.min(t.post, precision - whole);
  const digits = placeDigits(fixed(scaled, post), t.pre + t.multi, post);
  return new NumberWriter({ ...t, post }, digits).write();
}
