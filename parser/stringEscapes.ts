/** Escapes inside E'' and U&'' strings. */
import type { SqlState } from '../common/sqlStates.ts';

/** What is wrong, and where in the contents. */
export interface EscapeError {
  readonly state: SqlState;
  readonly message: string;
  readonly offset: number;
}

const simple: { readonly [letter: string]: string } = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const octal = /[0-7]{1,3}/y;
const hex = /x([0-9A-Fa-f]{1,2})/y;
const unicode4 = /u([0-9A-Fa-f]{4})/y;
const unicode8 = /U([0-9A-Fa-f]{8})/y;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const invalidEscape = (offset: number): EscapeError => ({
  state: '22025',
  message: 'invalid Unicode escape',
  offset,
});
const invalidSurrogate = (offset: number, state: SqlState = '42601'): EscapeError => ({
  state,
  message: 'invalid Unicode surrogate pair',
  offset,
});
const invalidValue = (offset: number): EscapeError => ({
  state: '42601',
  message: 'invalid Unicode escape value',
  offset,
});

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

/** Bytes from \ooo and \xhh gather here until other text follows, and must be UTF-8 by then. */
class ByteRun {
  #bytes: number[] = [];

  add(byte: number): void {
    this.#bytes.push(byte);
  }

  /** The text of the bytes gathered, or the message of the encoding error. */
  take(): { readonly text: string } | { readonly message: string } {
    if (this.#bytes.length === 0) return { text: '' };
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      if (!text.includes('\0')) return { text };
      return { message: 'invalid byte sequence for encoding "UTF8": 0x00' };
    } catch {
      const shown = [...bytes.slice(0, 4)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
      return { message: `invalid byte sequence for encoding "UTF8": ${shown.join(' ')}` };
    }
  }
}

/** The contents of an E'' string with its escapes and doubled quotes read. */
export function readEscapes(raw: string): string | EscapeError {
  if (!raw.includes('\\')) return raw;
  const bytes = new ByteRun();
  let out = '';
  let high = 0;
  for (let i = 0; i < raw.length; ) {
    const start = i;
    let text: string;
    if (raw[i] !== '\\') {
      text = raw.charAt(i);
      i++;
    } else {
      const number = matchAt(octal, raw, i + 1) ?? matchAt(hex, raw, i + 1);
      if (number !== null) {
        if (high !== 0) return invalidSurrogate(start);
        const digits = number[1];
        bytes.add(
          (digits === undefined ? Number.parseInt(number[0], 8) : Number.parseInt(digits, 16)) & 0xff,
        );
        i += 1 + number[0].length;
        continue;
      }
      const code = unicodeEscape(raw, i);
      if (typeof code !== 'number') return code;
      if (code >= 0) {
        i += raw[i + 1] === 'u' ? 6 : 10;
        if (high !== 0 && !isLowSurrogate(code)) return invalidSurrogate(start);
        if (high === 0 && isLowSurrogate(code)) return invalidSurrogate(start);
        if (isHighSurrogate(code)) {
          high = code;
          continue;
        }
        text = high === 0 ? String.fromCodePoint(code) : String.fromCharCode(high, code);
        high = 0;
      } else {
        const letter = raw.charAt(i + 1);
        text = simple[letter] ?? letter;
        i += 2;
        if (high !== 0) return invalidSurrogate(start);
      }
    }
    if (high !== 0) return invalidSurrogate(start);
    const run = bytes.take();
    if ('message' in run) return { state: '22021', message: run.message, offset: 0 };
    out += run.text + text;
  }
  if (high !== 0) return invalidSurrogate(raw.length);
  const run = bytes.take();
  if ('message' in run) return { state: '22021', message: run.message, offset: 0 };
  return out + run.text;
}

/** Code point of the \u or \U escape at `at`, -1 when there is another escape. */
function unicodeEscape(raw: string, at: number): number | EscapeError {
  const letter = raw[at + 1];
  if (letter !== 'u' && letter !== 'U') return -1;
  const match = matchAt(letter === 'u' ? unicode4 : unicode8, raw, at + 1);
  if (match === null) return invalidEscape(at);
  const code = Number.parseInt(match[1] ?? '', 16);
  if (code === 0 || code > 0x10ffff) return invalidValue(at);
  return code;
}

/** The contents of a U&'' string or name with its escapes read. */
export function decodeUnicode(raw: string, mark: string): string | EscapeError {
  if (!raw.includes(mark)) return raw;
  let out = '';
  let high = 0;
  for (let i = 0; i < raw.length; ) {
    if (raw[i] !== mark) {
      if (high !== 0) return invalidSurrogate(i);
      out += raw.charAt(i);
      i++;
      continue;
    }
    if (raw[i + 1] === mark) {
      if (high !== 0) return invalidSurrogate(i);
      out += mark;
      i += 2;
      continue;
    }
    const digits = /^(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))/.exec(raw.slice(i + 1, i + 8));
    if (digits === null) return invalidEscape(i);
    const code = Number.parseInt(digits[1] ?? digits[2] ?? '', 16);
    if (code === 0 || code > 0x10ffff) return invalidValue(i);
    if ((high !== 0) !== isLowSurrogate(code)) return invalidSurrogate(i);
    if (isHighSurrogate(code)) high = code;
    else {
      out += high === 0 ? String.fromCodePoint(code) : String.fromCharCode(high, code);
      high = 0;
    }
    i += 1 + digits[0].length;
  }
  if (high !== 0) return invalidSurrogate(raw.length);
  return out;
}
