/** Rows to COPY's text and CSV formats. A field is the text output of its value; null is SQL NULL. */
import type { CopyOptions } from './copyOptions.ts';

/** Encodes one row, line end included. */
export type CopyRowEncoder = (fields: readonly (string | null)[]) => string;

/** The encoder for rows of these columns. */
export function copyRowEncoder(options: CopyOptions, columns: readonly string[]): CopyRowEncoder {
  return options.format === 'csv' ? csvEncoder(options, columns) : textEncoder(options);
}

/** The first line that HEADER asks for. */
export function copyHeader(options: CopyOptions, columns: readonly string[]): string {
  const plain: CopyOptions = { ...options, forceQuote: [] };
  return copyRowEncoder(plain, columns)(columns);
}

const letters: ReadonlyMap<string, string> = new Map([
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
]);

function textEncoder({ delimiter, nullString }: CopyOptions): CopyRowEncoder {
  const special = new RegExp(`[\\b\\f\\n\\r\\t\\v\\\\${classEscape(delimiter)}]`, 'g');
  const escapeOne = (c: string): string => letters.get(c) ?? `\\${c}`;
  return (fields) =>
    `${fields.map((f) => (f === null ? nullString : f.replace(special, escapeOne))).join(delimiter)}\n`;
}

function csvEncoder(options: CopyOptions, columns: readonly string[]): CopyRowEncoder {
  const { delimiter, nullString, quote, escape: escapeChar, forceQuote } = options;
  const needsQuotes = new RegExp(`[\\n\\r${classEscape(delimiter)}${classEscape(quote)}]`);
  const inner = new RegExp(`[${classEscape(quote)}${classEscape(escapeChar)}]`, 'g');
  const forced = columns.map((name) => forceQuote === '*' || forceQuote.includes(name));
  const single = columns.length === 1;
  const encode = (field: string | null, i: number): string => {
    if (field === null) return nullString;
    // A lone \. would read as the end of the data.
    const quotes =
      forced[i] === true || field === nullString || needsQuotes.test(field) || (single && field === '\\.');
    return quotes ? quote + field.replace(inner, (c) => escapeChar + c) + quote : field;
  };
  return (fields) => `${fields.map(encode).join(delimiter)}\n`;
}

/** A character escaped for a regular expression's class. */
function classEscape(c: string): string {
  return /[\w\s]/.test(c) ? c : `\\${c}`;
}
