/** Character classes and numbers of PostgreSQL's lexer. */

export function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 0x09 && c <= 0x0d);
}

export function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

/** A letter, underscore, or anything beyond ASCII. */
export function isIdentStart(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || c === 0x5f || c >= 0x80;
}

export function isIdentPart(c: number): boolean {
  return isIdentStart(c) || isDigit(c) || c === 0x24;
}

const operatorCharacters = new Uint8Array(128);
for (const c of '~!@#^&|`?+-*/%<>=') operatorCharacters[c.charCodeAt(0)] = 1;

export function isOperatorCharacter(c: number): boolean {
  return operatorCharacters[c] === 1;
}

export interface NumberToken {
  readonly end: number;
  /** Plain decimal notation: underscores gone, other bases converted. */
  readonly value: string;
  /** Fits in 32 bits. */
  readonly integer: boolean;
  /** What is wrong, or null. */
  readonly error: string | null;
}

const decimalDigits = '[0-9](?:_?[0-9])*';
const prefixed = /0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)/y;
const barePrefix = /0[xXoObB]/y;
const decimal = new RegExp(
  `(?:${decimalDigits}(?:\\.(?!\\.)(?:${decimalDigits})?)?|\\.${decimalDigits})(?:[eE][+-]?${decimalDigits})?`,
  'y',
);
const brokenExponent = /[eE][+-]?/y;

const TRAILING_JUNK = 'trailing junk after numeric literal';
const baseNames: { readonly [letter: string]: string } = { x: 'hexadecimal', o: 'octal', b: 'binary' };

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** Reads the number at `start`, where a digit or a point with a digit stands. */
export function readNumber(text: string, start: number): NumberToken {
  const plain = readPlain(text, start);
  if (plain !== null) return plain;
  const based = matchAt(prefixed, text, start);
  if (based !== null) return finish(text, start + based.length, convertBase(based), based);
  const prefix = matchAt(barePrefix, text, start);
  if (prefix !== null) {
    const base = baseNames[prefix.charAt(1).toLowerCase()] ?? '';
    return { end: start + 2, value: '', integer: false, error: `invalid ${base} integer` };
  }
  const image = matchAt(decimal, text, start) ?? text.charAt(start);
  const end = start + image.length;
  if (!/[eE]/.test(image)) {
    const broken = matchAt(brokenExponent, text, end);
    if (broken !== null)
      return {
        end: end + junkLength(text, end, broken.length),
        value: '',
        integer: false,
        error: TRAILING_JUNK,
      };
  }
  return finish(text, end, image.replaceAll('_', ''), image);
}

/** The common cases: up to nine digits, perhaps a point and more digits, and nothing behind that could belong to them. */
function readPlain(text: string, start: number): NumberToken | null {
  let end = start;
  while (isDigit(text.charCodeAt(end))) end++;
  if (end === start || end - start > 9) return null;
  let integer = true;
  if (text.charCodeAt(end) === 0x2e && isDigit(text.charCodeAt(end + 1))) {
    integer = false;
    end += 2;
    while (isDigit(text.charCodeAt(end))) end++;
  }
  const next = text.charCodeAt(end);
  if (next === 0x2e || isIdentPart(next)) return null;
  return { end, value: text.slice(start, end), integer, error: null };
}

function junkLength(text: string, at: number, least: number): number {
  let length = least;
  while (isIdentPart(text.charCodeAt(at + length))) length++;
  return length;
}

function finish(text: string, end: number, value: string, image: string): NumberToken {
  if (isIdentStart(text.charCodeAt(end))) {
    return { end: end + junkLength(text, end, 1), value: '', integer: false, error: TRAILING_JUNK };
  }
  const integer = !/[.eE]/.test(image) || /^0[xX]/.test(image);
  return { end, value, integer: integer && BigInt(value) <= 0x7fffffffn, error: null };
}

function convertBase(image: string): string {
  return BigInt(image.replaceAll('_', '')).toString();
}
