/** Query results as psql prints them: aligned columns, numbers to the right, line breaks marked with +. */

export interface TableColumn {
  readonly name: string;
  /** Numbers, oids and money-like values are aligned to the right. */
  readonly right: boolean;
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes in a terminal. */
function displayWidth(text: string): number {
  let width = 0;
  for (const c of text) width += /\p{Mn}/u.test(c) ? 0 : wide.test(c) ? 2 : 1;
  return width;
}

const spaces = (count: number): string => ' '.repeat(Math.max(0, count));

function headerCell(name: string, width: number): string {
  const free = width - displayWidth(name);
  return spaces(Math.floor(free / 2)) + name + spaces(Math.ceil(free / 2));
}

/** One row may take several lines: one per line of its tallest cell. */
function rowLines(
  row: readonly string[],
  columns: readonly TableColumn[],
  widths: readonly number[],
): string[] {
  const cells = row.map((text) => text.split('\n'));
  const height = Math.max(1, ...cells.map((c) => c.length));
  return Array.from({ length: height }, (_, line) => {
    let text = '';
    cells.forEach((cell, i) => {
      const part = cell[line] ?? '';
      const free = (widths[i] ?? 0) - displayWidth(part);
      const continues = line + 1 < cell.length;
      const last = i + 1 === cells.length;
      const body =
        columns[i]?.right === true ? spaces(free) + part : part + (last && !continues ? '' : spaces(free));
      text += ` ${body}${continues ? '+' : last ? '' : ' '}${last ? '' : '|'}`;
    });
    return text;
  });
}

/** The whole table with its closing `(n rows)`. */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly (string | null)[])[],
): string {
  const cells = rows.map((row) => row.map((value) => value ?? ''));
  const widths = columns.map((column, i) => {
    const lines = cells.flatMap((row) => (row[i] ?? '').split('\n'));
    return lines.reduce((most, text) => Math.max(most, displayWidth(text)), displayWidth(column.name));
  });
  const header = columns.map((c, i) => ` ${headerCell(c.name, widths[i] ?? 0)} `).join('|');
  const rule = widths.map((w) => '-'.repeat(w + 2)).join('+');
  const body = cells.flatMap((row) => rowLines(row, columns, widths));
  const footer = rows.length === 1 ? '(1 row)' : `(${rows.length} rows)`;
  const head = columns.length === 0 ? ['--'] : [header, rule];
  return [...head, ...(columns.length === 0 ? [] : body), footer, ''].join('\n');
}
