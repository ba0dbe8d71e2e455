/**
 * Reads the text of to_date and to_timestamp by a template into fields. Follows PostgreSQL's formatting.c, with its
 * leniency about spaces and separators and its error texts.
 *
 * State: the place in the text and in the template, the fields read so far, and how many characters were skipped
 * beyond those that the template asked for.
 */
import { SqlError } from '../../../common/sqlError.ts';
import type { Field, TemplateNode } from './formatTemplate.ts';
import { dayNames, isSeparator, isSpace, monthNames, romanMonths } from './formatTemplate.ts';

type NumericField =
  | 'hour'
  | 'pm'
  | 'minute'
  | 'second'
  | 'secondsOfDay'
  | 'dayOfWeek'
  | 'day'
  | 'dayOfYear'
  | 'month'
  | 'millis'
  | 'year'
  | 'bc'
  | 'week'
  | 'weekOfMonth'
  | 'century'
  | 'julian'
  | 'micros'
  | 'zoneHour'
  | 'zoneMinute';

const fillModeHint = { hint: 'If your source string is not fixed-width, try using the "FM" modifier.' };

const numberReadingFields =
  /^(?:CC|D|DDD|DD|FF[1-6]|HH24|HH12|HH|IDDD|ID|IW|IYYY|IYY|IY|I|J|MI|MM|MS|Q|SSSSS|SSSS|SS|US|WW|W|Y,YYY|YYYY|YYY|YY|Y)$/;

export class FieldReader {
  readonly #text: string;
  readonly #nodes: readonly TemplateNode[];
  readonly #values = new Map<NumericField, number>();
  #at = 0;
  #node = 0;
  #fixed = false;
  /** Input characters skipped beyond those that the template asked for. */
  #extraSkip = 0;
  #mode: 'none' | 'gregorian' | 'iso' = 'none';
  twelveHours = false;
  yearDigits = 0;
  zoneSign = 0;

  constructor(text: string, nodes: readonly TemplateNode[]) {
    this.#text = text;
    this.#nodes = nodes;
  }

  get(field: NumericField): number {
    return this.#values.get(field) ?? 0;
  }

  get isoWeeks(): boolean {
    return this.#mode === 'iso';
  }

  read(): void {
    for (; this.#node < this.#nodes.length && this.#at < this.#text.length; this.#node++) {
      const node = this.#nodes[this.#node];
      if (node === undefined) return;
      const isField = node.kind === 'field';
      const isFixed = isField && node.name.toUpperCase() === 'FX';
      if (!this.#fixed && !isFixed && (isField || this.#node === 0)) this.#skipSpaces();
      if (node.kind === 'space' || node.kind === 'separator') this.#readSeparator();
      else if (node.kind !== 'field') this.#readCharacter();
      else if (isFixed) this.#fixed = true;
      else {
        this.#readField(node);
        if (!this.#fixed) {
          this.#extraSkip = 0;
          this.#skipSpaces();
        }
      }
    }
  }

  #skipSpaces(): void {
    while (isSpace(this.#text.charAt(this.#at))) {
      this.#at++;
      this.#extraSkip++;
    }
  }

  #advance(): void {
    this.#at += (this.#text.codePointAt(this.#at) ?? 0) > 0xffff ? 2 : 1;
  }

  #readSeparator(): void {
    if (this.#fixed) {
      this.#advance();
      return;
    }
    this.#extraSkip--;
    const c = this.#text.charAt(this.#at);
    if (isSpace(c) || isSeparator(c)) {
      this.#at++;
      this.#extraSkip++;
    }
  }

  #readCharacter(): void {
    // Characters skipped beyond the template stand for those it names.
    if (!this.#fixed && this.#extraSkip > 0) this.#extraSkip--;
    else this.#advance();
  }

  #set(field: NumericField, value: number, name: string): void {
    const known = this.#values.get(field) ?? 0;
    if (known !== 0 && known !== value) {
      throw new SqlError('22007', `conflicting values for "${name}" field in formatting string`, {
        detail: 'This value contradicts a previous setting for the same field type.',
      });
    }
    this.#values.set(field, value);
  }

  #setMode(mode: 'gregorian' | 'iso'): void {
    if (this.#mode !== 'none' && this.#mode !== mode) {
      throw new SqlError('22007', 'invalid combination of date conventions', {
        hint: 'Do not mix Gregorian and ISO week date conventions in a formatting template.',
      });
    }
    this.#mode = mode;
  }

  /** True when what follows the current field cannot be a digit of it. */
  #endsBeforeNext(field: Field): boolean {
    if (field.ordinal !== null) return true;
    const next = this.#nodes[this.#node + 1];
    if (next === undefined) return true;
    if (next.kind === 'field') return !numberReadingFields.test(next.name.toUpperCase());
    return !/^[0-9]$/.test(next.text);
  }

  /** Reads an integer of `length` digits, or of any length where its end is clear. Returns the characters taken. */
  #integer(target: NumericField | null, length: number, field: Field): number {
    const start = this.#at;
    const rest = this.#text.slice(start);
    const spaces = /^[ \t-\r]*/.exec(rest)?.[0].length ?? 0;
    const invalid = (shown: string, detail: string, extra: { readonly hint?: string } = {}): SqlError =>
      new SqlError('22007', `invalid value "${shown}" for "${field.name}"`, { detail, ...extra });
    const copy = rest.slice(spaces, spaces + length);
    let digits: string;
    if (field.fillMode || this.#endsBeforeNext(field)) {
      digits = /^[ \t-\r]*[+-]?\d+/.exec(rest)?.[0] ?? '';
    } else {
      if (rest.length - spaces < length) {
        throw new SqlError('22007', `source string too short for "${field.name}" formatting field`, {
          detail: `Field requires ${length} characters, but only ${rest.length - spaces} remain.`,
          ...fillModeHint,
        });
      }
      digits = /^[+-]?\d+/.exec(copy)?.[0] ?? '';
      if (digits.length > 0 && digits.length < length) {
        const detail = `Field requires ${length} characters, but only ${digits.length} could be parsed.`;
        throw invalid(copy, detail, fillModeHint);
      }
      digits = rest.slice(0, spaces) + digits;
    }
    if (!/\d$/.test(digits)) throw invalid(copy, 'Value must be an integer.');
    this.#at += digits.length;
    const value = Number(digits);
    if (value > 2147483647 || value < -2147483648) {
      throw new SqlError('22008', `value for "${field.name}" in source string is out of range`, {
        detail: 'Value must be in the range -2147483648 to 2147483647.',
      });
    }
    if (target !== null) this.#set(target, value, field.name);
    if (field.ordinal !== null) this.#at = Math.min(this.#at + 2, this.#text.length);
    return digits.length;
  }

  /** Reads one of several words; gives its index. */
  #word(words: readonly string[], field: Field): number {
    const rest = this.#text.slice(this.#at).toLowerCase();
    const index = words.findIndex((word) => rest.startsWith(word.toLowerCase()));
    if (index < 0) {
      const shown = /^[^ \t-\r]*/.exec(this.#text.slice(this.#at))?.[0] ?? '';
      throw new SqlError('22007', `invalid value "${shown}" for "${field.name}"`, {
        detail: 'The given value did not match any of the allowed values for this field.',
      });
    }
    this.#at += words[index]?.length ?? 0;
    return index;
  }

  #readField(field: Field): void {
    const name = field.name.toUpperCase();
    if (/^I(?:Y{0,3}|W|D|DDD)$/.test(name)) this.#setMode('iso');
    else if (/^(?:D|DD|DDD|MM|MON|MONTH|RM|W|WW|Y{1,4}|Y,YYY)$/.test(name)) {
      this.#setMode('gregorian');
    }
    if (this.#readClock(field, name) || this.#readYear(field, name)) return;
    this.#readDay(field, name);
  }

  #fraction(target: 'millis' | 'micros', digits: number, field: Field, unit: number): void {
    const used = this.#integer(target, digits, field);
    // 25 is .25, as 250 is, but 025 is .025.
    this.#values.set(target, this.get(target) * 10 ** Math.max(unit - used, 0));
  }

  #readClock(field: Field, name: string): boolean {
    switch (name) {
      case 'A.M.':
      case 'P.M.':
      case 'AM':
      case 'PM': {
        const words = name.length === 4 ? ['a.m.', 'p.m.'] : ['am', 'pm'];
        this.#set('pm', this.#word(words, field), field.name);
        this.twelveHours = true;
        return true;
      }
      case 'HH':
      case 'HH12':
        this.#integer('hour', 2, field);
        this.twelveHours = true;
        return true;
      case 'HH24':
        this.#integer('hour', 2, field);
        return true;
      case 'MI':
        this.#integer('minute', 2, field);
        return true;
      case 'SS':
        this.#integer('second', 2, field);
        return true;
      case 'MS':
        this.#fraction('millis', 3, field, 3);
        return true;
      case 'US':
        this.#fraction('micros', 6, field, 6);
        return true;
      case 'SSSS':
      case 'SSSSS':
        this.#integer('secondsOfDay', name.length, field);
        return true;
      case 'TZ':
      case 'OF':
        throw new SqlError('0A000', `formatting field "${field.name}" is only supported in to_char`);
      case 'TZH':
        this.#readZoneHour(field);
        return true;
      case 'TZM':
        if (this.zoneSign === 0) this.zoneSign = 1;
        this.#integer('zoneMinute', 2, field);
        return true;
      default:
        if (!/^FF[1-6]$/.test(name)) return false;
        this.#fraction('micros', Number(name.charAt(2)), field, 6);
        return true;
    }
  }

  #readZoneHour(field: Field): void {
    const c = this.#text.charAt(this.#at);
    if (c === '+' || c === '-' || c === ' ') {
      this.zoneSign = c === '-' ? -1 : 1;
      this.#at++;
    } else {
      // A minus may have been taken for a separator.
      this.zoneSign = this.#extraSkip > 0 && this.#text.charAt(this.#at - 1) === '-' ? -1 : 1;
    }
    this.#integer('zoneHour', 2, field);
  }

  #readYear(field: Field, name: string): boolean {
    switch (name) {
      case 'A.D.':
      case 'B.C.':
        this.#set('bc', this.#word(['a.d.', 'b.c.'], field), field.name);
        return true;
      case 'AD':
      case 'BC':
        this.#set('bc', this.#word(['ad', 'bc'], field), field.name);
        return true;
      case 'CC':
        this.#integer('century', 2, field);
        return true;
      case 'Y,YYY': {
        const match = /^[ \t-\r]*([+-]?\d+),([+-]?\d{1,3})/.exec(this.#text.slice(this.#at));
        if (match === null) throw new SqlError('22007', 'invalid input string for "Y,YYY"');
        this.#at += match[0].length;
        this.#set('year', Number(match[1]) * 1000 + Number(match[2]), field.name);
        this.yearDigits = 4;
        return true;
      }
      case 'YYYY':
      case 'IYYY':
        this.#integer('year', 4, field);
        this.yearDigits = 4;
        return true;
      case 'YYY':
      case 'YY':
      case 'Y':
      case 'IYY':
      case 'IY':
      case 'I': {
        const digits = name.length;
        if (this.#integer('year', digits, field) < 4) this.#values.set('year', nearestYear(this.get('year')));
        this.yearDigits = digits;
        return true;
      }
      default:
        return false;
    }
  }

  #readDay(field: Field, name: string): void {
    switch (name) {
      case 'MONTH':
        this.#set('month', this.#word(monthNames, field) + 1, field.name);
        return;
      case 'MON':
        this.#set('month', this.#word(monthNames.map(short), field) + 1, field.name);
        return;
      case 'RM':
        this.#set('month', 12 - this.#word(romanMonths, field), field.name);
        return;
      case 'MM':
        this.#integer('month', 2, field);
        return;
      case 'DAY':
        this.#set('dayOfWeek', this.#word(dayNames, field) + 1, field.name);
        return;
      case 'DY':
        this.#set('dayOfWeek', this.#word(dayNames.map(short), field) + 1, field.name);
        return;
      case 'DDD':
      case 'IDDD':
        this.#integer('dayOfYear', 3, field);
        return;
      case 'DD':
        this.#integer('day', 2, field);
        return;
      case 'D':
        this.#integer('dayOfWeek', 1, field);
        return;
      case 'ID':
        // Sunday is 1 in the Gregorian numbering.
        this.#integer('dayOfWeek', 1, field);
        this.#values.set('dayOfWeek', this.get('dayOfWeek') >= 7 ? 1 : this.get('dayOfWeek') + 1);
        return;
      case 'WW':
      case 'IW':
        this.#integer('week', 2, field);
        return;
      case 'W':
        this.#integer('weekOfMonth', 1, field);
        return;
      case 'Q':
        this.#integer(null, 1, field);
        return;
      case 'J':
        this.#integer('julian', 1, field);
        return;
    }
  }
}

function short(name: string): string {
  return name.slice(0, 3);
}

/** A year of fewer than four digits: the one nearest to 2020. */
function nearestYear(year: number): number {
  if (year < 70) return year + 2000;
  if (year < 100) return year + 1900;
  if (year < 520) return year + 2000;
  return year < 1000 ? year + 1000 : year;
}
