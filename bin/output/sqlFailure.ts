/** A server's error or notice as psql prints it, with the line of the statement and a caret under the position. */

/** Fields of an ErrorResponse or NoticeResponse. */
export interface Report {
  readonly severity?: string | undefined;
  readonly message?: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
  readonly position?: string | undefined;
}

/** The two lines `LINE n: ...` and the caret, for a 1-based position counted in characters. */
export function caretLines(sql: string, position: number): readonly string[] {
  const characters = [...sql];
  const at = Math.min(position - 1, characters.length);
  const before = characters.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  const end = characters.indexOf('\n', at);
  const line = characters
    .slice(start, end < 0 ? characters.length : end)
    .join('')
    .replaceAll('\t', ' ');
  const prefix = `LINE ${before.filter((c) => c === '\n').length + 1}: `;
  return [`${prefix}${line.trimEnd()}`, `${' '.repeat(prefix.length + at - start)}^`];
}

/** All lines of a report. */
export function formatReport(report: Report, sql: string): string {
  const lines = [`${report.severity ?? 'ERROR'}:  ${report.message ?? ''}`];
  if (report.position !== undefined) lines.push(...caretLines(sql, Number(report.position)));
  if (report.detail !== undefined) lines.push(`DETAIL:  ${report.detail}`);
  if (report.hint !== undefined) lines.push(`HINT:  ${report.hint}`);
  if (report.where !== undefined) lines.push(`CONTEXT:  ${report.where}`);
  return `${lines.join('\n')}\n`;
}
