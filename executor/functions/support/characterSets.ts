/**
 * Character encodings of convert_from and convert_to. UTF-8 is checked strictly; single-byte encodings go by a table
 * that is derived from the platform's decoder; multi-byte ones can only be decoded.
 */
import { SqlError, unsupported } from '../../../common/sqlError.ts';
import { decodeUtf8 } from '../../../common/utf8.ts';

/** PostgreSQL's name (letters and digits in upper case) to the label of the Encoding standard. */
const labels: ReadonlyMap<string, string> = new Map([
  ['LATIN2', 'iso-8859-2'],
  ['LATIN3', 'iso-8859-3'],
  ['LATIN4', 'iso-8859-4'],
  ['LATIN6', 'iso-8859-10'],
  ['LATIN7', 'iso-8859-13'],
  ['LATIN8', 'iso-8859-14'],
  ['LATIN9', 'iso-8859-15'],
  ['LATIN10', 'iso-8859-16'],
  ['ISO88595', 'iso-8859-5'],
  ['ISO88596', 'iso-8859-6'],
  ['ISO88597', 'iso-8859-7'],
  ['ISO88598', 'iso-8859-8'],
  ['KOI8', 'koi8-r'],
  ['KOI8R', 'koi8-r'],
  ['KOI8U', 'koi8-u'],
  ['WIN866', 'ibm866'],
  ['WIN874', 'windows-874'],
  ['WIN1250', 'windows-1250'],
  ['WIN1251', 'windows-1251'],
  ['WIN1252', 'windows-1252'],
  ['WIN1253', 'windows-1253'],
  ['WIN1254', 'windows-1254'],
  ['WIN1255', 'windows-1255'],
  ['WIN1256', 'windows-1256'],
  ['WIN1257', 'windows-1257'],
  ['WIN1258', 'windows-1258'],
]);

const multiByteLabels: ReadonlyMap<string, string> = new Map([
  ['EUCJP', 'euc-jp'],
  ['EUCKR', 'euc-kr'],
  ['SJIS', 'shift_jis'],
  ['BIG5', 'big5'],
  ['GBK', 'gbk'],
  ['GB18030', 'gb18030'],
  ['EUCCN', 'gbk'],
]);

const aliases: ReadonlyMap<string, string> = new Map([
  ['UNICODE', 'UTF8'],
  ['ISO88591', 'LATIN1'],
  ['ISO88592', 'LATIN2'],
  ['ISO885915', 'LATIN9'],
  ['ALT', 'WIN866'],
  ['WINDOWS1250', 'WIN1250'],
  ['WINDOWS1251', 'WIN1251'],
  ['WINDOWS1252', 'WIN1252'],
  ['SQLASCII', 'SQLASCII'],
]);

function encodingOf(name: string, what: 'source' | 'destination'): string {
  const key = name.toUpperCase().replace(/[^A-Z0-9]/g, '');
  const known = aliases.get(key) ?? key;
  const exists =
    known === 'UTF8' ||
    known === 'SQLASCII' ||
    known === 'LATIN1' ||
    labels.has(known) ||
    multiByteLabels.has(known);
  if (!exists) throw new SqlError('22023', `invalid ${what} encoding name "${name}"`);
  return known;
}

const decodingTables = new Map<string, readonly string[]>();

/** Character of each byte; the empty string where there is none. */
function decodingTable(encoding: string): readonly string[] {
  let table = decodingTables.get(encoding);
  if (table === undefined) {
    const label = labels.get(encoding);
    const decoder = label === undefined ? null : new TextDecoder(label);
    table = Array.from({ length: 256 }, (_, byte) => {
      const c = decoder === null ? String.fromCharCode(byte) : decoder.decode(Uint8Array.of(byte));
      return c === '\ufffd' ? '' : c;
    });
    decodingTables.set(encoding, table);
  }
  return table;
}

function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((b) => `0x${b.toString(16).padStart(2, '0')}`).join(' ');
}

/** Text of bytes in the encoding; 22021 where they are not valid. */
export function decodeText(bytes: Uint8Array, encodingName: string): string {
  const encoding = encodingOf(encodingName, 'source');
  if (encoding === 'UTF8' || encoding === 'SQLASCII') return decodeUtf8(bytes);
  const label = multiByteLabels.get(encoding);
  if (label !== undefined) {
    const text = new TextDecoder(label).decode(bytes);
    if (text.includes('\ufffd')) {
      throw new SqlError('22021', `invalid byte sequence for encoding "${encodingName}"`);
    }
    return text;
  }
  const table = decodingTable(encoding);
  let text = '';
  for (const byte of bytes) {
    const c = table[byte] ?? '';
    if (c === '' || byte === 0) {
      throw new SqlError(
        '22021',
        `invalid byte sequence for encoding "${encodingName}": ${hexBytes(Uint8Array.of(byte))}`,
      );
    }
    text += c;
  }
  return text;
}

/** Bytes of the text in the encoding; 22P05 for a character that it does not have. */
export function encodeText(text: string, encodingName: string): Uint8Array {
  const encoding = encodingOf(encodingName, 'destination');
  if (encoding === 'UTF8' || encoding === 'SQLASCII') return new TextEncoder().encode(text);
  if (multiByteLabels.has(encoding)) throw unsupported(`conversion to encoding ${encodingName}`);
  const table = decodingTable(encoding);
  const characters = Array.from(text);
  return Uint8Array.from(characters, (c) => {
    const byte = table.indexOf(c);
    if (byte < 0) {
      const sequence = hexBytes(new TextEncoder().encode(c));
      throw new SqlError(
        '22P05',
        `character with byte sequence ${sequence} in encoding "UTF8" has no equivalent in encoding "${encodingName.toUpperCase()}"`,
      );
    }
    return byte;
  });
}
