/** encode() and decode(): binary strings as base64, hex or escape text, with PostgreSQL's checks. */
import { formatBytea, parseHex } from '../../../common/scalarText.ts';
import { SqlError } from '../../../common/sqlError.ts';

const LINE = 76;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function encodeBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64');
  if (text.length <= LINE) return text;
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE) lines.push(text.slice(at, at + LINE));
  // A line that is full ends with a line feed, also the last one if nothing but padding could follow.
  return lines.join('\n');
}

function decodeBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let buffer = 0;
  let count = 0;
  let end = 0;
  for (const c of text) {
    if (c === ' ' || c === '\t' || c === '\n' || c === '\r') continue;
    let digit = 0;
    if (c === '=') {
      if (end === 0) {
        if (count === 2) end = 1;
        else if (count === 3) end = 2;
        else throw new SqlError('22023', 'unexpected "=" while decoding base64 sequence');
      }
    } else {
      digit = alphabet.indexOf(c);
      if (digit < 0)
        throw new SqlError('22023', `invalid symbol "${c}" found while decoding base64 sequence`);
    }
    buffer = buffer * 64 + digit;
    count++;
    if (count === 4) {
      bytes.push((buffer >> 16) & 255);
      if (end === 0 || end > 1) bytes.push((buffer >> 8) & 255);
      if (end === 0 || end > 2) bytes.push(buffer & 255);
      buffer = 0;
      count = 0;
    }
  }
  if (count !== 0) {
    throw new SqlError('22023', 'invalid base64 end sequence', {
      hint: 'Input data is missing padding, is truncated, or is otherwise corrupted.',
    });
  }
  return Uint8Array.from(bytes);
}

function encodeEscape(bytes: Uint8Array): string {
  let out = '';
  for (const b of bytes) {
    if (b === 92) out += '\\\\';
    else if (b === 0 || b > 127) out += `\\${b.toString(8).padStart(3, '0')}`;
    else out += String.fromCharCode(b);
  }
  return out;
}

function decodeEscape(text: string): Uint8Array {
  const source = Buffer.from(text);
  const bytes: number[] = [];
  for (let i = 0; i < source.length; i++) {
    const b = source[i] ?? 0;
    if (b !== 92) bytes.push(b);
    else if (source[i + 1] === 92) {
      bytes.push(92);
      i++;
    } else {
      const octal = source.toString('latin1', i + 1, i + 4);
      if (!/^[0-3][0-7]{2}$/.test(octal)) throw new SqlError('22P02', 'invalid input syntax for type bytea');
      bytes.push(Number.parseInt(octal, 8));
      i += 3;
    }
  }
  return Uint8Array.from(bytes);
}

export function encodeBytes(bytes: Uint8Array, format: string): string {
  switch (format.toLowerCase()) {
    case 'hex':
      return formatBytea(bytes, 'hex').slice(2);
    case 'base64':
      return encodeBase64(bytes);
    case 'escape':
      return encodeEscape(bytes);
    default:
      throw new SqlError('22023', `unrecognized encoding: "${format}"`);
  }
}

export function decodeBytes(text: string, format: string): Uint8Array {
  switch (format.toLowerCase()) {
    case 'hex':
      return parseHex(text);
    case 'base64':
      return decodeBase64(text);
    case 'escape':
      return decodeEscape(text);
    default:
      throw new SqlError('22023', `unrecognized encoding: "${format}"`);
  }
}
