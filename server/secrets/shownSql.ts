/** Statements as anybody may read them: the text as it was written, with `'***'` in the place of what is secret. */
import { HIDDEN, shownValue } from '../../connector/secretOptions.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { Statement } from '../../parser/ast/statement.ts';
import { quoteString } from '../../parser/identifier.ts';
import { type ParsedStatement, parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import { optionsIn } from './optionsIn.ts';

/** Only such statements have options of connectors, or are about secrets. */
const SUSPECT = /\b(secret|connector|encode)\b/i;

/** Statements that have been looked at lately, with what is shown of them. */
const MOST_SEEN = 2000;
const seen = new Map<string, string>();

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** CREATE SECRET and ALTER SECRET with no value; null: it is another statement. */
function withoutValue(statement: Statement): Statement | null {
  if (statement.kind === 'CreateSecret') return { ...statement, value: HIDDEN };
  if (statement.kind !== 'Alter' || statement.object !== 'secret') return null;
  const actions = statement.actions.map((a) => (a.kind === 'secretValue' ? { ...a, value: HIDDEN } : a));
  return { ...statement, actions };
}

function shownOption(option: Option, sql: string): Edit | null {
  const { name, value, span } = option;
  if (value.kind === 'secret') return null;
  const text = String(value.value);
  const shown = shownValue(name, text);
  if (shown === text) return null;
  const written = sql.slice(span.start, span.end);
  // The name as it is written, quoted or not, up to the sign.
  const before = /^(?:"(?:[^"]|"")*"|[^"=])*=\s*/.exec(written)?.[0] ?? `${name} = `;
  return { start: span.start, end: span.end, text: `${before}${quoteString(shown)}` };
}

function editsOf({ statement, text, start }: ParsedStatement, sql: string): readonly Edit[] {
  const silent = withoutValue(statement);
  if (silent !== null) return [{ start, end: start + text.length, text: printStatement(silent) }];
  const edits = optionsIn(statement).flatMap((option) => shownOption(option, sql) ?? []);
  return edits.sort((a, b) => a.start - b.start);
}

function masked(sql: string): string {
  let shown = '';
  let from = 0;
  for (const { start, end, text } of parse(sql).flatMap((parsed) => editsOf(parsed, sql))) {
    shown += sql.slice(from, start) + text;
    from = end;
  }
  return shown + sql.slice(from);
}

/** The text of one or more statements that have been parsed before. */
export function shownSql(sql: string): string {
  if (!SUSPECT.test(sql)) return sql;
  const known = seen.get(sql);
  if (known !== undefined) return known;
  const shown = masked(sql);
  if (seen.size >= MOST_SEEN) seen.clear();
  seen.set(sql, shown);
  return shown;
}
