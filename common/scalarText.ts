/** Text input and output of the small types: booleans, integers, oids, character types, bytea, uuid. */
import type { CharacterType } from './dataType.ts';
import { SqlError } from './sqlError.ts';
import { characterCount, characterIndex } from './textOrder.ts';
import { trimSpace } from './whiteSpace.ts';

function invalidSyntax(typeName: string, text: string): SqlError {
  return new SqlError('22P02', `invalid input syntax for type ${typeName}: "${text}"`);
}

function outOfRange(typeName: string, text: string): SqlError {
  return new SqlError('22003', `value "${text}" is out of range for type ${typeName}`);
}

const integerPattern = /^[+-]?\d+$/;

/** Value of a short plain decimal integer, or NaN when the text needs the full treatment. */
function quickInteger(text: string): number {
  const n = text.length;
  if (n === 0 || n > 9) return Number.NaN;
  let at = 0;
  const negative = text.charCodeAt(0) === 45;
  if (negative) at = 1;
  if (at === n) return Number.NaN;
  let value = 0;
  for (; at < n; at++) {
    const d = text.charCodeAt(at) - 48;
    if (d < 0 || d > 9) return Number.NaN;
    value = value * 10 + d;
  }
  return negative ? 0 - value : value;
}

function parseInteger(text: string, typeName: string, min: number, max: number): number {
  let value = quickInteger(text);
  if (Number.isNaN(value)) {
    const trimmed = trimSpace(text);
    if (!integerPattern.test(trimmed)) throw invalidSyntax(typeName, text);
    value = Number(trimmed) + 0;
  }
  if (value < min || value > max) throw outOfRange(typeName, text);
  return value;
}

export function parseInt2(text: string): number {
  return parseInteger(text, 'smallint', -32_768, 32_767);
}

export function parseInt4(text: string): number {
  return parseInteger(text, 'integer', -2_147_483_648, 2_147_483_647);
}

export function parseInt8(text: string): bigint {
  const quick = quickInteger(text);
  if (!Number.isNaN(quick)) return BigInt(quick);
  const trimmed = trimSpace(text);
  if (!integerPattern.test(trimmed)) throw invalidSyntax('bigint', text);
  const value = trimmed.startsWith('+') ? BigInt(trimmed.slice(1)) : BigInt(trimmed);
  if (BigInt.asIntN(64, value) !== value) throw outOfRange('bigint', text);
  return value;
}

/** oid input: 0..2^32-1; negative numbers wrap as in C. */
export function parseOid(text: string): number {
  const trimmed = trimSpace(text);
  if (!integerPattern.test(trimmed)) throw invalidSyntax('oid', text);
  const value = Number(trimmed);
  if (value > 4_294_967_295 || value < -2_147_483_648) throw outOfRange('oid', text);
  return value < 0 ? value + 4_294_967_296 : value;
}

/** bool input: any unique beginning of true, false, yes, no, on, off, or 1, 0; null when none of these. */
export function tryParseBool(text: string): boolean | null {
  const word = trimSpace(text).toLowerCase();
  if (word === '') return null;
  if (word === '1' || word === 'on' || 'true'.startsWith(word) || 'yes'.startsWith(word)) return true;
  if (word === '0' || word === 'of' || word === 'off') return false;
  if ('false'.startsWith(word) || 'no'.startsWith(word)) return false;
  return null;
}

export function parseBool(text: string): boolean {
  const value = tryParseBool(text);
  if (value === null) throw invalidSyntax('boolean', text);
  return value;
}

/**
 * Coerces text to varchar(n) or char(n). Too long is 22001 unless only blanks are lost or the cast is explicit; char(n)
 * is padded with blanks.
 */
export function applyCharacterLength(text: string, type: CharacterType, explicit: boolean): string {
  const { length } = type;
  if (length === undefined) return text;
  let value = text;
  let count = characterCount(text);
  if (count > length) {
    const end = characterIndex(text, length);
    if (!explicit && /[^ ]/.test(text.slice(end))) {
      const name = type.id === 'varchar' ? 'character varying' : 'character';
      throw new SqlError('22001', `value too long for type ${name}(${length})`);
    }
    value = text.slice(0, end);
    count = length;
  }
  return type.id === 'bpchar' && count < length ? value + ' '.repeat(length - count) : value;
}

/** Cuts to the 63 bytes that a name holds, at a character boundary. */
export function truncateName(text: string): string {
  if (text.length < 21 || Buffer.byteLength(text) <= 63) return text;
  const bytes = Buffer.from(text);
  let end = 63;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** "char" input: the first byte, kept as the character with that code. */
export function parseSingleCharacter(text: string): string {
  const octal = /^\\([0-3][0-7]{2})$/.exec(text);
  const code = octal === null ? Buffer.from(text.slice(0, 2))[0] : Number.parseInt(octal[1] ?? '0', 8);
  return code === undefined || code === 0 ? '' : String.fromCharCode(code);
}

/** "char" output: bytes above 127 as octal escapes. */
export function formatSingleCharacter(value: string): string {
  const code = value.charCodeAt(0);
  return code >= 128 ? `\\${code.toString(8)}` : value;
}

// --- bytea -----------------------------------------------------------------------------------------------------

const hexDigits = '0123456789abcdef';
const hexPairs: readonly string[] = Array.from(
  { length: 256 },
  (_, i) => hexDigits.charAt(i >> 4) + hexDigits.charAt(i & 15),
);

/** bytea output. */
export function formatBytea(bytes: Uint8Array, style: 'hex' | 'escape'): string {
  if (style === 'hex') {
    let out = '\\x';
    for (const b of bytes) out += hexPairs[b];
    return out;
  }
  let out = '';
  for (const b of bytes) {
    if (b === 92) out += '\\\\';
    else if (b < 32 || b > 126) out += `\\${b.toString(8).padStart(3, '0')}`;
    else out += String.fromCharCode(b);
  }
  return out;
}

/** bytea input in hex (\x...) or escape form. */
export function parseBytea(text: string): Uint8Array {
  if (text.startsWith('\\x')) return parseHex(text.slice(2));
  const bytes: number[] = [];
  const source = Buffer.from(text);
  for (let i = 0; i < source.length; i++) {
    const b = source[i] ?? 0;
    if (b !== 92) {
      bytes.push(b);
      continue;
    }
    if (source[i + 1] === 92) {
      bytes.push(92);
      i++;
      continue;
    }
    const octal = source.toString('latin1', i + 1, i + 4);
    if (!/^[0-3][0-7]{2}$/.test(octal)) throw new SqlError('22P02', 'invalid input syntax for type bytea');
    bytes.push(Number.parseInt(octal, 8));
    i += 3;
  }
  return Uint8Array.from(bytes);
}

/** Hexadecimal digits in pairs; white space may stand between pairs. */
export function parseHex(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1);
  let length = 0;
  for (let i = 0; i < text.length; ) {
    const c = text.charAt(i);
    if (c === ' ' || c === '\n' || c === '\t' || c === '\r') {
      i++;
      continue;
    }
    const high = hexDigit(text, i);
    if (i + 1 >= text.length) throw new SqlError('22023', 'invalid hexadecimal data: odd number of digits');
    out[length++] = high * 16 + hexDigit(text, i + 1);
    i += 2;
  }
  return length === out.length ? out : out.slice(0, length);
}

function hexDigit(text: string, at: number): number {
  const value = hexDigits.indexOf(text.charAt(at).toLowerCase());
  if (value < 0) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    throw new SqlError('22023', `invalid hexadecimal digit: "${character}"`);
  }
  return value;
}

// --- uuid ------------------------------------------------------------------------------------------------------

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const looseUuid = /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i;

/** uuid input: braces, upper case, and hyphens after any four digits are accepted. */
export function parseUuid(text: string): string {
  if (canonicalUuid.test(text)) return text;
  const bare = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
  if (!looseUuid.test(bare)) throw invalidSyntax('uuid', text);
  const digits = bare.replaceAll('-', '').toLowerCase();
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join('-');
}
