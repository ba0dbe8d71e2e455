/** What PostgreSQL's own grammar says about a text. */
import { loadModule, parseSync, scanSync } from 'libpg-query';
import { SqlError } from '../../common/sqlError.ts';
import { parse } from '../../parser/parse.ts';

/** `ok`, or the message with its position. */
export type Verdict = string;

export async function loadOracle(): Promise<void> {
  await loadModule();
}

export function postgresVerdict(sql: string): Verdict {
  try {
    parseSync(sql);
    return 'ok';
  } catch (error) {
    const { message, sqlDetails } = error as { message: string; sqlDetails?: { cursorPosition: number } };
    return `${message} @${sqlDetails?.cursorPosition}`;
  }
}

/** What is refused for its meaning is accepted as syntax. */
export function ourVerdict(sql: string): Verdict {
  try {
    parse(sql);
    return 'ok';
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return error.state === '42601' || error.state === '22025' ? `${error.message} @${error.position}` : 'ok';
  }
}

/** Start, text and keyword kind (0 none, 1 unreserved, 2 column name, 3 type or function name, 4 reserved) of each token. */
export function postgresTokens(sql: string): readonly { start: number; text: string; keywordKind: number }[] {
  return scanSync(sql).tokens;
}
