/** Cuts SQL text at its semicolons, so that each statement is sent and answered by itself, as psql does. */
import { tokenize } from '../../parser/lexer.ts';

/** The statements as written, without the closing semicolons; what holds no token is left out. */
export function splitStatements(sql: string): readonly string[] {
  const found: string[] = [];
  let start: number | null = null;
  let end = 0;
  const take = (): void => {
    if (start !== null) found.push(sql.slice(start, end));
    start = null;
  };
  for (const token of tokenize(sql)) {
    if (token.tokenType.name === 'Semicolon') take();
    else {
      start ??= token.startOffset;
      end = (token.endOffset ?? token.startOffset) + 1;
    }
  }
  take();
  return found;
}
