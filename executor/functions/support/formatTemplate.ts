/**
 * Templates of to_char, to_date, to_timestamp and to_number: a list of fields and literal characters. Fields are
 * recognised by spelling (longest first), quoted text is literal. Parsed templates are kept by their callers.
 */

import { SqlError } from '../../../common/sqlError.ts';

/** `digits` fields read numbers: whether one follows decides how many characters the field before it takes. */
export interface Field {
  readonly kind: 'field';
  /** Spelling in the template. */
  readonly name: string;
  readonly fillMode: boolean;
  /** 'TH' or 'th': the ordinal suffix is printed, or skipped on input. */
  readonly ordinal: 'TH' | 'th' | null;
}

export type TemplateNode = Field | { readonly kind: 'text' | 'separator' | 'space'; readonly text: string };

const upperDateFields = [
  'A.D.',
  'A.M.',
  'AD',
  'AM',
  'B.C.',
  'BC',
  'CC',
  'DAY',
  'DDD',
  'DD',
  'DY',
  'D',
  'FF1',
  'FF2',
  'FF3',
  'FF4',
  'FF5',
  'FF6',
  'FX',
  'HH24',
  'HH12',
  'HH',
  'IDDD',
  'ID',
  'IW',
  'IYYY',
  'IYY',
  'IY',
  'I',
  'J',
  'MI',
  'MM',
  'MONTH',
  'MON',
  'MS',
  'OF',
  'P.M.',
  'PM',
  'Q',
  'RM',
  'SSSSS',
  'SSSS',
  'SS',
  'TZH',
  'TZM',
  'TZ',
  'US',
  'WW',
  'W',
  'Y,YYY',
  'YYYY',
  'YYY',
  'YY',
  'Y',
];
const dateFields: readonly string[] = [
  ...upperDateFields,
  ...upperDateFields.map((name) => name.toLowerCase()),
  'Month',
  'Mon',
  'Day',
  'Dy',
].sort((a, b) => b.length - a.length);

const upperNumberFields = [
  ',',
  '.',
  '0',
  '9',
  'B',
  'C',
  'D',
  'EEEE',
  'FM',
  'G',
  'L',
  'MI',
  'PL',
  'PR',
  'RN',
  'SG',
  'SP',
  'S',
  'TH',
  'V',
];
const numberFields: readonly string[] = [
  ...new Set([...upperNumberFields, ...upperNumberFields.map((name) => name.toLowerCase())]),
].sort((a, b) => b.length - a.length);

function indexByFirst(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const name of names) {
    const list = index.get(name.charAt(0)) ?? [];
    list.push(name);
    index.set(name.charAt(0), list);
  }
  return index;
}

const dateIndex = indexByFirst(dateFields);
const numberIndex = indexByFirst(numberFields);

function fieldAt(
  template: string,
  at: number,
  index: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  return index.get(template.charAt(at))?.find((name) => template.startsWith(name, at));
}

/** ASCII characters that are neither letters nor digits nor control characters. */
export function isSeparator(c: string): boolean {
  return c > ' ' && c < '\x7f' && !/[A-Za-z0-9]/.test(c);
}

export function isSpace(c: string): boolean {
  return c === ' ' || (c >= '\t' && c <= '\r');
}

class TemplateParser {
  readonly nodes: TemplateNode[] = [];
  readonly #template: string;
  readonly #dates: boolean;
  #at = 0;

  constructor(template: string, dates: boolean) {
    this.#template = template;
    this.#dates = dates;
  }

  parse(): readonly TemplateNode[] {
    while (this.#at < this.#template.length) this.#next();
    return this.nodes;
  }

  #next(): void {
    const template = this.#template;
    let fillMode = false;
    if (this.#dates && /^(?:FM|fm|TM|tm)$/.test(template.slice(this.#at, this.#at + 2))) {
      fillMode = template.charAt(this.#at).toUpperCase() === 'F';
      this.#at += 2;
    }
    const name = fieldAt(template, this.#at, this.#dates ? dateIndex : numberIndex);
    if (name !== undefined) {
      this.#at += name.length;
      this.nodes.push({ kind: 'field', name, fillMode, ordinal: this.#dates ? this.#postfix() : null });
    } else if (template.charAt(this.#at) === '"') this.#quoted();
    else if (this.#at < template.length) {
      if (template.startsWith('\\"', this.#at)) this.#at++;
      this.#character(true);
    }
  }

  #postfix(): 'TH' | 'th' | null {
    const two = this.#template.slice(this.#at, this.#at + 2);
    if (two !== 'TH' && two !== 'th' && two !== 'SP') return null;
    this.#at += 2;
    return two === 'SP' ? null : two;
  }

  #quoted(): void {
    this.#at++;
    while (this.#at < this.#template.length) {
      const c = this.#template.charAt(this.#at);
      if (c === '"') {
        this.#at++;
        return;
      }
      if (c === '\\' && this.#at + 1 < this.#template.length) this.#at++;
      this.#character(false);
    }
  }

  #character(classify: boolean): void {
    const text = String.fromCodePoint(this.#template.codePointAt(this.#at) ?? 0);
    this.#at += text.length;
    let kind: 'text' | 'separator' | 'space' = 'text';
    if (classify && this.#dates && isSeparator(text)) kind = 'separator';
    else if (classify && isSpace(text)) kind = 'space';
    this.nodes.push({ kind, text });
  }
}

/** Parses a template for dates and times. */
export function parseDateTemplate(template: string): readonly TemplateNode[] {
  return new TemplateParser(template, true).parse();
}

/** Parses a template for numbers. */
export function parseNumberTemplate(template: string): readonly TemplateNode[] {
  return new TemplateParser(template, false).parse();
}

/** st, nd, rd or th for a number given as text. */
export function ordinalSuffix(number: string, upper: boolean): string {
  const last = number.charAt(number.length - 1);
  if (!(last >= '0' && last <= '9')) throw new SqlError('22P02', `"${number}" is not a number`);
  const teen = number.charAt(number.length - 2) === '1';
  const suffix = teen ? 'th' : last === '1' ? 'st' : last === '2' ? 'nd' : last === '3' ? 'rd' : 'th';
  return upper ? suffix.toUpperCase() : suffix;
}

export const monthNames: readonly string[] = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
export const dayNames: readonly string[] = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
];
/** December first, as to_char indexes them. */
export const romanMonths: readonly string[] = [
  'XII',
  'XI',
  'X',
  'IX',
  'VIII',
  'VII',
  'VI',
  'V',
  'IV',
  'III',
  'II',
  'I',
];
