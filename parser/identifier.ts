/** Identifiers: folding, truncation, and quoting as PostgreSQL's quote_ident. */
import { keywords } from './keywords.ts';

/** NAMEDATALEN - 1 */
const MAX_BYTES = 63;

/** Lower case for ASCII letters only, as PostgreSQL folds in a multi-byte encoding. */
export function foldAscii(text: string): string {
  let upper = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0x80) return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
    if (c >= 0x41 && c <= 0x5a) upper = true;
  }
  return upper ? text.toLowerCase() : text;
}

/** Cuts to 63 bytes of UTF-8 at a character boundary. */
export function truncateIdentifier(name: string): string {
  if (name.length * 3 <= MAX_BYTES) return name;
  let bytes = 0;
  let end = 0;
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > MAX_BYTES) return name.slice(0, end);
    end += character.length;
  }
  return name;
}

/** The name as it can be written in SQL: in double quotes unless it is lower case, plain, and not a reserved word. */
export function quoteIdent(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name)) {
    const keyword = keywords.get(name);
    if (keyword === undefined || keyword.category === 'unreserved') return name;
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** The text as a string constant; with backslashes in it an E'' string is not needed, as standard strings are on. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
