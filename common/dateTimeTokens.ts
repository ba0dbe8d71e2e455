/**
 * First stage of date, time and interval input: text to fields, and the words that fields may be.
 *
 * The text is cut as PostgreSQL cuts it: a field's kind follows from its first character and the punctuation within.
 * Which fields are present is kept as a bit mask, so that a field given twice is noticed.
 */
import { SqlError } from './sqlError.ts';

export type FieldKind = 'number' | 'string' | 'date' | 'time' | 'zone' | 'special';

export interface Field {
  readonly kind: FieldKind;
  readonly text: string;
}

/** What is wrong with the text; `raise` words it. */
export type DateTimeFault = 'format' | 'overflow' | 'monthOverflow' | 'intervalOverflow' | 'zoneOverflow';

/** Thrown inside the decoders and turned into an SqlError at their door, where the whole text is known. */
export class DateTimeFaultError extends Error {
  readonly fault: DateTimeFault;

  constructor(fault: DateTimeFault) {
    super(fault);
    this.fault = fault;
  }
}

export function fault(kind: DateTimeFault): DateTimeFaultError {
  return new DateTimeFaultError(kind);
}

/** PostgreSQL's error for a fault in `text`, an input of type `typeName`. */
export function faultToError(kind: DateTimeFault, text: string, typeName: string): SqlError {
  switch (kind) {
    case 'format':
      return new SqlError('22007', `invalid input syntax for type ${typeName}: "${text}"`);
    case 'overflow':
      return new SqlError('22008', `date/time field value out of range: "${text}"`);
    case 'monthOverflow':
      return new SqlError('22008', `date/time field value out of range: "${text}"`, {
        hint: 'Perhaps you need a different "datestyle" setting.',
      });
    case 'intervalOverflow':
      return new SqlError('22015', `interval field value out of range: "${text}"`);
    case 'zoneOverflow':
      return new SqlError('22009', `time zone displacement out of range: "${text}"`);
  }
}

// --- field masks -----------------------------------------------------------------------------------------------

export const M_MONTH = 1 << 1;
export const M_YEAR = 1 << 2;
export const M_DAY = 1 << 3;
export const M_ZONE = 1 << 5;
export const M_DST_ZONE = 1 << 6;
export const M_AMPM = 1 << 9;
export const M_HOUR = 1 << 10;
export const M_MINUTE = 1 << 11;
export const M_SECOND = 1 << 12;
export const M_MILLISECOND = 1 << 13;
export const M_MICROSECOND = 1 << 14;
export const M_DAY_OF_YEAR = 1 << 15;
export const M_WEEKDAY = 1 << 16;
export const M_ERA = 1 << 18;
export const M_WEEK = 1 << 24;
export const M_DECADE = 1 << 25;
export const M_CENTURY = 1 << 26;
export const M_MILLENNIUM = 1 << 27;
export const M_DST_MODIFIER = 1 << 28;

export const M_DATE = M_YEAR | M_MONTH | M_DAY;
export const M_ALL_SECONDS = M_SECOND | M_MILLISECOND | M_MICROSECOND;
export const M_TIME = M_HOUR | M_MINUTE | M_ALL_SECONDS;

// --- words -----------------------------------------------------------------------------------------------------

export type Reserved = 'now' | 'yesterday' | 'today' | 'tomorrow' | 'zulu' | 'epoch' | 'late' | 'early';

export type Word =
  | { readonly kind: 'reserved'; readonly value: Reserved }
  | { readonly kind: 'month'; readonly value: number }
  | { readonly kind: 'weekday' }
  | { readonly kind: 'ampm'; readonly pm: boolean }
  | { readonly kind: 'era'; readonly bc: boolean }
  | { readonly kind: 'dst' }
  | { readonly kind: 'julian' }
  /** A unit letter that no date or time input continues. */
  | { readonly kind: 'unit' }
  | { readonly kind: 'isoTime' }
  | { readonly kind: 'ignore' };

/** Longer words are compared by their first characters only. */
export const MAX_WORD = 10;

function wordTable(): ReadonlyMap<string, Word> {
  const table = new Map<string, Word>();
  const add = (names: string, word: Word): void => {
    for (const name of names.split(' ')) table.set(name.slice(0, MAX_WORD), word);
  };
  const months =
    'jan january,feb february,mar march,apr april,may,jun june,jul july,aug august,sep sept september,' +
    'oct october,nov november,dec december';
  months.split(',').forEach((names, i) => {
    add(names, { kind: 'month', value: i + 1 });
  });
  add(
    'sun sunday mon monday tue tues tuesday wed weds wednesday thu thur thurs thursday fri friday sat saturday',
    { kind: 'weekday' },
  );
  for (const value of ['now', 'yesterday', 'today', 'tomorrow', 'epoch'] as const) {
    add(value, { kind: 'reserved', value });
  }
  add('allballs', { kind: 'reserved', value: 'zulu' });
  add('infinity', { kind: 'reserved', value: 'late' });
  add('-infinity', { kind: 'reserved', value: 'early' });
  add('am', { kind: 'ampm', pm: false });
  add('pm', { kind: 'ampm', pm: true });
  add('ad', { kind: 'era', bc: false });
  add('bc', { kind: 'era', bc: true });
  add('at on', { kind: 'ignore' });
  add('dst', { kind: 'dst' });
  add('j jd julian', { kind: 'julian' });
  add('d dow doy h isodow isoyear m mm s y', { kind: 'unit' });
  add('t', { kind: 'isoTime' });
  return table;
}

const words = wordTable();

/** The word of date and time input, or null when unknown. */
export function dateTimeWord(text: string): Word | null {
  return words.get(text.slice(0, MAX_WORD)) ?? null;
}

// --- tokenizer -------------------------------------------------------------------------------------------------

const MAX_FIELDS = 25;

const digit = (c: number): boolean => c >= 48 && c <= 57;
const alpha = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
const space = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
const DOT = 46;
const COLON = 58;
const MINUS = 45;
const PLUS = 43;
const SLASH = 47;
const UNDERSCORE = 95;

/** Cuts text into fields, lower-cased. Throws the fault 'format'. */
export function tokenizeDateTime(text: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (space(c)) {
      at++;
      continue;
    }
    if (!digit(c) && !alpha(c) && c !== DOT && c !== PLUS && c !== MINUS) {
      // Other punctuation only separates.
      if (c <= 32 || c >= 127) throw fault('format');
      at++;
      continue;
    }
    const [field, end] = scanField(text, at, c);
    if (fields.length >= MAX_FIELDS) throw fault('format');
    fields.push(field);
    at = end;
  }
  return fields;
}

function scanField(text: string, start: number, c: number): [Field, number] {
  if (digit(c)) return scanNumeric(text, start);
  if (c === DOT) {
    const end = skip(text, start + 1, digit);
    return [{ kind: 'number', text: text.slice(start, end) }, end];
  }
  if (alpha(c)) return scanWord(text, start);
  const body = skip(text, start + 1, space);
  const next = text.charCodeAt(body);
  if (digit(next)) {
    const end = skip(text, body, (d) => digit(d) || d === COLON || d === DOT || d === MINUS);
    return [{ kind: 'zone', text: text.charAt(start) + text.slice(body, end) }, end];
  }
  if (alpha(next)) {
    const end = skip(text, body, alpha);
    return [{ kind: 'special', text: text.charAt(start) + text.slice(body, end).toLowerCase() }, end];
  }
  throw fault('format');
}

function scanNumeric(text: string, start: number): [Field, number] {
  let end = skip(text, start, digit);
  const delimiter = text.charCodeAt(end);
  let kind: FieldKind = 'number';
  if (delimiter === COLON) {
    kind = 'time';
    end = skip(text, end, (d) => digit(d) || d === COLON || d === DOT);
  } else if (delimiter === MINUS || delimiter === SLASH || delimiter === DOT) {
    end++;
    if (digit(text.charCodeAt(end))) {
      kind = delimiter === DOT ? 'number' : 'date';
      end = skip(text, end, digit);
      if (text.charCodeAt(end) === delimiter) {
        kind = 'date';
        end = skip(text, end, (d) => digit(d) || d === delimiter);
      }
    } else {
      kind = 'date';
      end = skip(text, end, (d) => digit(d) || alpha(d) || d === delimiter);
    }
  }
  return [{ kind, text: text.slice(start, end).toLowerCase() }, end];
}

function scanWord(text: string, start: number): [Field, number] {
  let end = skip(text, start, alpha);
  const c = text.charCodeAt(end);
  let isDate = c === MINUS || c === SLASH || c === DOT;
  if (!isDate && (c === PLUS || digit(c))) {
    isDate = dateTimeWord(text.slice(start, end).toLowerCase()) === null;
  }
  if (isDate) {
    end = skip(
      text,
      end,
      (d) =>
        digit(d) ||
        alpha(d) ||
        d === PLUS ||
        d === MINUS ||
        d === SLASH ||
        d === UNDERSCORE ||
        d === DOT ||
        d === COLON,
    );
  }
  return [{ kind: isDate ? 'date' : 'string', text: text.slice(start, end).toLowerCase() }, end];
}

function skip(text: string, start: number, test: (c: number) => boolean): number {
  let at = start;
  while (at < text.length && test(text.charCodeAt(at))) at++;
  return at;
}

// --- numbers ---------------------------------------------------------------------------------------------------

/** Leading digits of `text` from `at` (with a sign if allowed there); the value and where it ends. */
export function scanInteger(text: string, at: number): { readonly value: number; readonly end: number } {
  let end = at;
  if (text.charCodeAt(end) === MINUS || text.charCodeAt(end) === PLUS) end++;
  const digits = end;
  end = skip(text, end, digit);
  if (end === digits) return { value: 0, end: at };
  const value = Number(text.slice(at, end));
  if (value > 2_147_483_647 || value < -2_147_483_648) throw fault('overflow');
  return { value, end };
}

/** Microseconds of a fraction such as '.25'; anything but digits after the point is a fault. */
export function fractionMicros(text: string): number {
  if (!/^\.\d*$/.test(text)) throw fault('format');
  return text.length === 1 ? 0 : roundHalfEven(Number(text) * 1e6);
}

function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return x - Math.floor(x) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
