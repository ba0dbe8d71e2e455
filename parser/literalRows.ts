/**
 * The bulk path for long VALUES lists: rows that hold nothing but constants are read straight from the token list, without
 * the grammar's machinery.
 *
 * Each row is taken whole or not at all, so the grammar goes on at the start of the first row that needs it. The nodes are
 * exactly those that the grammar would make. No state.
 */
import type { IToken } from 'chevrotain';
import type { Span } from './ast/common.ts';
import type { Expr, Literal } from './ast/expr.ts';
import type { SqlToken } from './tokens.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

export interface LiteralRows {
  readonly rows: readonly (readonly Expr[])[];
  /** How many tokens they are, with the comma that follows the last one when there is one. */
  readonly tokens: number;
}

const COMMA = T.Comma.tokenTypeIdx;
const OPEN = T.LParen.tokenTypeIdx;
const CLOSE = T.RParen.tokenTypeIdx;
const INT = T.Int.tokenTypeIdx;
const FLOAT = T.Float.tokenTypeIdx;
const STRING = T.Str.tokenTypeIdx;
const MINUS = T.Minus.tokenTypeIdx;
const NULL = K.null.tokenTypeIdx;
const TRUE = K.true.tokenTypeIdx;
const FALSE = K.false.tokenTypeIdx;

/** The rows of constants from the token at `from` on. */
export function literalRows(tokens: readonly IToken[], from: number): LiteralRows {
  const rows: Expr[][] = [];
  let next = from;
  let at = from;
  for (;;) {
    if (tokens[at]?.tokenTypeIdx !== OPEN) break;
    const row: Expr[] = [];
    do {
      at = readConstant(tokens, at + 1, row);
    } while (at !== -1 && tokens[at]?.tokenTypeIdx === COMMA);
    if (at === -1 || tokens[at]?.tokenTypeIdx !== CLOSE) break;
    rows.push(row);
    at++;
    next = at;
    if (tokens[at]?.tokenTypeIdx !== COMMA) break;
    at++;
    next = at;
  }
  return { rows, tokens: next - from };
}

/** Reads the constant at `at` into `row` and gives the place behind it, or -1 when there is something else. */
function readConstant(tokens: readonly IToken[], at: number, row: Expr[]): number {
  const token = tokens[at];
  if (token === undefined) return -1;
  if (token.tokenTypeIdx !== MINUS) {
    const value = constant(token as SqlToken);
    if (value === null) return -1;
    row.push(value);
    return at + 1;
  }
  const digits = tokens[at + 1];
  if (digits === undefined || (digits.tokenTypeIdx !== INT && digits.tokenTypeIdx !== FLOAT)) return -1;
  const operand = constant(digits as SqlToken);
  if (operand === null) return -1;
  const span = { start: token.startOffset, end: operand.span.end };
  row.push({ kind: 'Unary', operator: '-', operatorSchema: [], operand, span });
  return at + 2;
}

function constant(token: SqlToken): Literal | null {
  const span: Span = { start: token.startOffset, end: (token.endOffset ?? -1) + 1 };
  switch (token.tokenTypeIdx) {
    case INT:
    case FLOAT:
      return { kind: 'Literal', value: { type: 'number', text: token.value }, span };
    case STRING:
      return { kind: 'Literal', value: { type: 'string', value: token.value }, span };
    case NULL:
      return { kind: 'Literal', value: { type: 'null' }, span };
    case TRUE:
      return { kind: 'Literal', value: { type: 'boolean', value: true }, span };
    case FALSE:
      return { kind: 'Literal', value: { type: 'boolean', value: false }, span };
    default:
      return null;
  }
}
