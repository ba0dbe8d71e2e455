/**
 * Grammar of expressions with operators (PostgreSQL's a_expr and b_expr), by precedence climbing over the table in precedence.ts.
 *
 * `expr(minimum)` reads an operand and all operators of at least that level. A non-associative operator whose right side
 * was just read cannot be followed by one of its own level. A restricted expression (b_expr) has no AND, OR, NOT, BETWEEN,
 * IN, LIKE, AT, COLLATE, and of the IS tests only IS DISTINCT FROM.
 */
import type { TokenType } from 'chevrotain';
import type { Expr } from './ast/expr.ts';
import type { Rule, Start } from './base.ts';
import { SyntaxFailure } from './lookahead.ts';
import { OperatorTailParser } from './operatorTails.ts';
import {
  ADD,
  AND,
  AT,
  CAST,
  COLLATE,
  COMPARISON,
  IS,
  MATCH,
  MULTIPLY,
  NOT,
  OR,
  OTHER,
  POWER,
  SIGN,
} from './precedence.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

const levels: ReadonlyMap<TokenType, number> = new Map([
  [K.or, OR],
  [K.and, AND],
  [K.is, IS],
  [K.isnull, IS],
  [K.notnull, IS],
  [T.Less, COMPARISON],
  [T.Greater, COMPARISON],
  [T.Equal, COMPARISON],
  [T.LessEqual, COMPARISON],
  [T.GreaterEqual, COMPARISON],
  [T.NotEqual, COMPARISON],
  [K.between, MATCH],
  [K.in, MATCH],
  [K.like, MATCH],
  [K.ilike, MATCH],
  [K.similar, MATCH],
  [T.Op, OTHER],
  [K.operator, OTHER],
  [T.Plus, ADD],
  [T.Minus, ADD],
  [T.Star, MULTIPLY],
  [T.Slash, MULTIPLY],
  [T.Percent, MULTIPLY],
  [T.Caret, POWER],
  [K.at, AT],
  [K.collate, COLLATE],
  [T.Typecast, CAST],
]);

/** Operators that are words, and therefore labels when nothing follows that belongs to them: SELECT a is FROM t. */
const wordOperators: ReadonlySet<TokenType> = new Set([
  K.and,
  K.or,
  K.is,
  K.between,
  K.in,
  K.like,
  K.ilike,
  K.similar,
  K.collate,
]);

/** What may follow a label in a select list. */
const afterLabel: ReadonlySet<TokenType> = new Set([
  T.Comma,
  T.RParen,
  T.Semicolon,
  K.from,
  K.into,
  K.where,
  K.group,
  K.having,
  K.window,
  K.order,
  K.limit,
  K.offset,
  K.fetch,
  K.for,
  K.union,
  K.intersect,
  K.except,
  K.returning,
  K.on,
  K.with,
]);

export abstract class ExprParser extends OperatorTailParser {
  /** expr: operand { infix }, see above */
  readonly expr: Rule<Expr, [minimum?: number, restricted?: boolean, labelled?: boolean]> = this.RULE(
    'expr',
    (minimum = 0, restricted = false, labelled = false) => {
      this.enter();
      const start = this.here();
      let left = this.subrule(1, this.operand, { ARGS: [restricted] });
      // The operands of the AND or OR that `left` is, as long as it stands without parentheses.
      let operands: Expr[] = [];
      let blocked = 0;
      let level = 0;
      this.many(2, {
        GATE: () => {
          level = this.infixLevel(restricted, labelled);
          if (level === 0 || level < minimum) return false;
          if (level === blocked) throw new SyntaxFailure(this.LA(1));
          return true;
        },
        DEF: () => {
          this.or(3, [
            {
              ALT: () => {
                const operator = this.or(4, [
                  { ALT: () => this.consume(5, K.and) && ('and' as const) },
                  { ALT: () => this.consume(6, K.or) && ('or' as const) },
                ]);
                const right = this.subrule(7, this.expr, { ARGS: [level + 1, false] });
                const open =
                  left.kind === 'LogicalExpr' && left.operator === operator && left.operands === operands;
                if (open) operands.push(right);
                else operands = [left, right];
                left = { kind: 'LogicalExpr', operator, operands, span: this.since(start) };
              },
            },
            {
              ALT: () => {
                left = this.subrule(8, this.infix, { ARGS: [left, level, restricted, start] });
              },
            },
          ]);
          blocked = blockedLevel(left, level);
        },
      });
      this.leave();
      return left;
    },
  );

  /** The level of the infix operator that comes next; 0 when there is none. */
  private infixLevel(restricted: boolean, labelled: boolean): number {
    const type = this.at(1);
    if (type === K.not) {
      if (restricted) return 0;
      const next = levels.get(this.at(2));
      return next === MATCH ? MATCH : 0;
    }
    const level = levels.get(type) ?? 0;
    if (level === 0) return 0;
    if (restricted) return this.restrictedLevel(type, level);
    if (labelled && type === K.at && !this.isAt(2, K.time) && !this.isAt(2, K.local)) return 0;
    if (labelled && type === K.operator && !this.isAt(2, T.LParen)) return 0;
    if (labelled && wordOperators.has(type) && (this.endsAt(2) || afterLabel.has(this.at(2)))) return 0;
    // SUBSTRING(a SIMILAR b ESCAPE c) has the word without TO.
    if (type === K.similar && this.inSubstring) return 0;
    return level;
  }

  private restrictedLevel(type: TokenType, level: number): number {
    if (type === K.operator) return this.isAt(2, T.LParen) ? OTHER : 0;
    if (type === K.is) return IS;
    const allowed = level === COMPARISON || (level >= OTHER && level < AT) || level > SIGN;
    return allowed ? level : 0;
  }

  /** operand: NOT expr | ( '+' | '-' ) expr | operator expr | DEFAULT | primary */
  readonly operand: Rule<Expr, [restricted: boolean]> = this.RULE('operand', (restricted: boolean) =>
    this.or(1, [
      { GATE: () => this.isPlainPrimary(), ALT: () => this.subrule(2, this.primary) },
      {
        GATE: () => !restricted,
        ALT: (): Expr => {
          const start = this.consume(3, K.not).startOffset;
          const operand = this.subrule(4, this.expr, { ARGS: [NOT, false] });
          return { kind: 'NotExpr', operand, span: this.since(start) };
        },
      },
      {
        ALT: (): Expr => {
          const start = this.here();
          const operator = this.or(5, [
            { ALT: () => this.consume(6, T.Minus) && '-' },
            { ALT: () => this.consume(7, T.Plus) && '+' },
          ]);
          const operand = this.subrule(8, this.expr, { ARGS: [SIGN, restricted] });
          return { kind: 'Unary', operator, operatorSchema: [], operand, span: this.since(start) };
        },
      },
      {
        GATE: () => !this.isAt(1, K.operator) || this.isAt(2, T.LParen),
        ALT: (): Expr => {
          const start = this.here();
          const operator = this.subrule(9, this.otherOperator);
          const operand = this.subrule(10, this.expr, { ARGS: [OTHER + 1, restricted] });
          return {
            kind: 'Unary',
            operator: operator.text,
            operatorSchema: operator.schema,
            operand,
            span: this.since(start),
          };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => !restricted,
        ALT: (): Expr => {
          const start = this.consume(11, K.default).startOffset;
          return { kind: 'DefaultExpr', span: this.since(start) };
        },
      },
    ]),
  );

  /** OPERATOR is an unreserved word that opens a prefix operator when '(' follows. */
  private isPlainPrimary(): boolean {
    return !(this.isAt(1, K.operator) && this.isAt(2, T.LParen));
  }

  /** infix: what follows the left operand, except AND and OR */
  private readonly infix: Rule<Expr, [left: Expr, level: number, restricted: boolean, start: Start]> =
    this.RULE('infix', (left: Expr, level: number, restricted: boolean, start: Start) =>
      this.or(1, [
        { ALT: () => this.subrule(2, this.operatorTail, { ARGS: [left, level, restricted, start] }) },
        { ALT: () => this.subrule(3, this.castTail, { ARGS: [left, start] }) },
        { ALT: () => this.subrule(4, this.isTail, { ARGS: [left, restricted, start] }) },
        { ALT: () => this.isTest(this.consume(5, K.isnull) && left, 'null', false, start) },
        { ALT: () => this.isTest(this.consume(6, K.notnull) && left, 'null', true, start) },
        { ALT: () => this.subrule(7, this.matchTail, { ARGS: [left, start] }) },
        { ALT: () => this.subrule(8, this.zoneTail, { ARGS: [left, start] }) },
        { ALT: () => this.subrule(9, this.collateTail, { ARGS: [left, start] }) },
      ]),
    );
}

/** The level that cannot follow once `left` has been read at `level`; 0 when any can. */
function blockedLevel(left: Expr, level: number): number {
  switch (left.kind) {
    case 'Binary':
      return level === COMPARISON ? COMPARISON : 0;
    case 'IsDistinct':
      return IS;
    case 'Between':
    case 'LikeExpr':
      return MATCH;
    default:
      return 0;
  }
}
