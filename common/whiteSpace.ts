/** White space as C's isspace sees it, which is what PostgreSQL's input functions skip. */

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** Without leading and trailing ASCII white space (what C's isspace accepts). */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}
