/** to_number, after PostgreSQL's NUM_processor: the input is walked along the template and its digits collected. */
import { Decimal } from '../../../common/decimal.ts';
import { power } from '../../../common/decimalMath.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Field } from './formatTemplate.ts';
import type { NumberTemplate } from './numberTemplate.ts';

class NumberReader {
  readonly #t: NumberTemplate;
  readonly #input: string;
  #at = 0;
  #sign = ' ';
  #digits = '';
  #pre = 0;
  #post = 0;
  #decimalRead = false;

  constructor(t: NumberTemplate, input: string) {
    this.#t = t;
    this.#input = input;
  }

  get text(): string {
    const digits = this.#digits.endsWith('.') ? this.#digits.slice(0, -1) : this.#digits;
    return this.#sign + digits;
  }

  get postDigits(): number {
    return this.#post;
  }

  #peek(): string {
    return this.#input.charAt(this.#at);
  }

  #skipCharacter(): void {
    this.#at += (this.#input.codePointAt(this.#at) ?? 0) > 0xffff ? 2 : 1;
  }

  read(): void {
    for (const node of this.#t.nodes) {
      if (this.#at >= this.#input.length) return;
      if (node.kind === 'field') this.#field(node);
      else this.#skipCharacter();
    }
  }

  /** Skips up to `count` characters that cannot belong to a number. */
  #skipOther(count: number): void {
    for (let i = 0; i < count && this.#at < this.#input.length; i++) {
      if ('0123456789.,+-'.includes(this.#peek())) return;
      this.#skipCharacter();
    }
  }

  #field(field: Field): void {
    switch (field.name.toUpperCase()) {
      case '9':
      case '0':
        this.#numberPart(true);
        return;
      case '.':
      case 'D':
        this.#numberPart(false);
        return;
      case ',':
      case 'G':
        if (this.#peek() === ',') this.#at++;
        return;
      case 'L':
        this.#skipOther(1);
        return;
      case 'TH':
        if (!this.#t.decimal) this.#skipOther(2);
        return;
      case 'MI':
        this.#ownSign('-');
        return;
      case 'PL':
        this.#ownSign('+');
        return;
      case 'SG':
        this.#ownSign('+-');
        return;
    }
  }

  #ownSign(signs: string): void {
    const c = this.#peek();
    if (signs.includes(c)) {
      this.#sign = c;
      this.#at++;
    } else this.#skipOther(1);
  }

  #isDigit(c: string): boolean {
    return c >= '0' && c <= '9';
  }

  #leadingSign(): void {
    const t = this.#t;
    const c = this.#peek();
    if (t.localeSign === 'before') {
      if (c !== '-' && c !== '+') return;
      this.#sign = c;
      this.#at++;
    } else if (c === '-' || (t.bracket && c === '<')) {
      this.#sign = '-';
      this.#at++;
    } else if (c === '+') {
      this.#sign = '+';
      this.#at++;
    }
  }

  /** One place of the template: at most a sign, then one digit or the point. */
  #numberPart(isDigitField: boolean): void {
    const t = this.#t;
    if (this.#peek() === ' ') this.#at++;
    if (this.#at >= this.#input.length) return;
    if (this.#sign === ' ' && isDigitField && this.#pre + this.#post === 0) this.#leadingSign();
    if (this.#at >= this.#input.length) return;
    let read = false;
    const c = this.#peek();
    if (this.#isDigit(c)) {
      if (this.#decimalRead && this.#post === t.post) {
        this.#at++;
        return;
      }
      this.#digits += c;
      if (this.#decimalRead) this.#post++;
      else this.#pre++;
      read = true;
    } else if (t.decimal && !this.#decimalRead && c === '.') {
      this.#digits += '.';
      this.#decimalRead = true;
      read = true;
    }
    if (this.#sign === ' ' && this.#pre + this.#post > 0) this.#trailingSign(read);
    this.#at++;
  }

  #trailingSign(read: boolean): void {
    const t = this.#t;
    if (t.localeSign !== 'none') {
      const next = this.#input.charAt(this.#at + 1);
      if (read && (next === '-' || next === '+')) {
        this.#sign = next;
        this.#at++;
      }
    } else if (!read && (t.plus || t.minus)) {
      const c = this.#peek();
      if (c === '-' || c === '+') this.#sign = c;
    }
  }
}

/** The number that `input` shows by a template. */
export function readNumber(input: string, t: NumberTemplate): Decimal {
  if (t.scientific) throw new SqlError('0A000', '"EEEE" not supported for input');
  if (t.roman) throw new SqlError('0A000', '"RN" not supported for input');
  const reader = new NumberReader(t, input);
  reader.read();
  const scale = reader.postDigits;
  const value = Decimal.parse(reader.text).applyTypmod(t.pre + t.multi + scale, scale);
  return t.hasMulti ? value.mul(power(Decimal.fromInt(10), Decimal.fromInt(0 - t.multi))) : value;
}
