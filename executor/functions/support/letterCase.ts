/**
 * Upper and lower case character by character, as PostgreSQL does it: a character whose other case is not one character
 * stays as it is, and there is no special final sigma.
 */

function mapCharacters(text: string, map: (c: string) => string): string {
  let result = '';
  for (const c of text) {
    const mapped = map(c);
    result += mapped.length === c.length ? mapped : c;
  }
  return result;
}

export function upperCase(text: string): string {
  const mapped = text.toUpperCase();
  return mapped.length === text.length ? mapped : mapCharacters(text, (c) => c.toUpperCase());
}

export function lowerCase(text: string): string {
  const mapped = text.toLowerCase();
  if (mapped.length === text.length && !text.includes('\u03a3')) return mapped;
  return mapCharacters(text, (c) => c.toLowerCase());
}

/** First letter of each word in upper case, the rest in lower case; words consist of letters and digits. */
export function capitalizeWords(text: string): string {
  return text.replace(
    /([\p{L}\p{M}\p{N}])([\p{L}\p{M}\p{N}]*)/gv,
    (_, first: string, rest: string) => upperCase(first) + lowerCase(rest),
  );
}
