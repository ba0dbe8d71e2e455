/**
 * The parser's entry: SQL text to statements.
 *
 * The whole text is parsed before anything is returned, as in PostgreSQL: one mistake rejects all of it. A failed parse is
 * repeated once to gather what was expected at the offending token. State: the one parser, built when first needed; it is
 * used by one text at a time, as parsing never waits.
 */
import { EOF, type IToken } from 'chevrotain';
import { must } from '../common/assert.ts';
import { SqlError } from '../common/sqlError.ts';
import type { Expr } from './ast/expr.ts';
import type { Statement } from './ast/statement.ts';
import type { Rule } from './base.ts';
import { tokenize } from './lexer.ts';
import { ExpectedTokens, SyntaxFailure } from './lookahead.ts';
import { SqlParser } from './statements/statement.ts';
import type { SqlToken } from './tokens.ts';

export interface ParsedStatement {
  /** All spans are offsets into the text given to `parse`, not into `text`. */
  readonly statement: Statement;
  /** The statement as written, without the semicolon and what surrounds it. */
  readonly text: string;
  /** Offset of `text` in the text given to `parse`. */
  readonly start: number;
}

let sharedParser: SqlParser | null = null;

function parser(): SqlParser {
  sharedParser ??= new SqlParser();
  return sharedParser;
}

/** Builds the grammar, so that the first statement does not wait for it. */
export function warmUp(): void {
  parse('SELECT 1');
}

/** The statements of `sql`; empty ones are left out. Throws `SqlError` 42601 with the position when the text is not SQL. */
export function parse(sql: string): readonly ParsedStatement[] {
  const statements = run(sql, parser().script);
  return statements.map((statement) => ({
    statement,
    text: sql.slice(statement.span.start, statement.span.end),
    start: statement.span.start,
  }));
}

/** A single expression. */
export function parseExpr(sql: string): Expr {
  return run(sql, parser().expr);
}

function run<R>(sql: string, rule: Rule<R>): R {
  const tokens = tokenize(sql);
  const engine = parser();
  engine.expected = null;
  const first = attempt(engine, tokens, rule);
  if ('value' in first) {
    if (engine.refused !== null) throw engine.refused;
    return first.value;
  }
  throw syntaxError(sql, first.failure, () => expectedAt(engine, tokens, rule, first.failure));
}

type Attempt<R> = { readonly value: R } | { readonly failure: IToken };

/** One run of the parser: the result, or the token that cannot stand where it does. */
function attempt<R>(engine: SqlParser, tokens: SqlToken[], rule: Rule<R>): Attempt<R> {
  engine.begin(tokens);
  try {
    const value = rule.call(engine);
    const failure = engine.errors[0];
    return failure === undefined ? { value } : { failure: failure.token };
  } catch (error) {
    if (error instanceof SyntaxFailure) return { failure: error.token };
    if (error instanceof RangeError) throw new SqlError('54001', 'stack depth limit exceeded');
    throw error;
  }
}

/** Parses again and notes what could have stood in the place of `failure`. */
function expectedAt(
  engine: SqlParser,
  tokens: SqlToken[],
  rule: Rule<unknown>,
  failure: IToken,
): readonly string[] {
  const expected = new ExpectedTokens(failure);
  engine.expected = expected;
  attempt(engine, tokens, rule);
  engine.expected = null;
  if (engine.expectedLabel !== '') expected.labels.add(engine.expectedLabel);
  return [...expected.labels];
}

/** More than this are not listed in full. */
const MAX_EXPECTED = 10;
/** What could follow nearly anything is not worth a mention beside other things. */
const continuations = new Set(['"."', '"["', 'an operator', '"*"', '";"']);

function syntaxError(sql: string, token: IToken, expected: () => readonly string[]): SqlError {
  if (token.tokenTypeIdx !== EOF.tokenTypeIdx) {
    const lexical = (token as SqlToken).error;
    if (lexical !== null && lexical !== undefined) return lexical;
  }
  const labels = expected();
  const hint = labels.length === 0 ? {} : { hint: `Expected ${listed(labels)}.` };
  if (token.tokenTypeIdx === EOF.tokenTypeIdx) {
    return new SqlError('42601', 'syntax error at end of input', { position: sql.length, ...hint });
  }
  return new SqlError('42601', `syntax error at or near "${token.image}"`, {
    position: token.startOffset,
    ...hint,
  });
}

function listed(labels: readonly string[]): string {
  const telling = labels.filter((label) => !continuations.has(label));
  const shown = telling.length > 0 ? telling : labels;
  if (shown.length > MAX_EXPECTED) return `${shown.slice(0, MAX_EXPECTED).join(', ')}, or something else`;
  if (shown.length === 1) return must(shown[0]);
  return `${shown.slice(0, -1).join(', ')} or ${must(shown[shown.length - 1])}`;
}
