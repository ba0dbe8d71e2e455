/**
 * Grammar of expressions with operators (PostgreSQL's a_expr and b_expr), by precedence climbing.
 *
 *   level  operators                                     associativity
 *   1      OR                                            left (flattened)
 *   2      AND                                           left (flattened)
 *   3      NOT                                           prefix
 *   4      IS, ISNULL, NOTNULL                           none
 *   5      < > = <= >= <>                                none
 *   6      BETWEEN, IN, LIKE, ILIKE, SIMILAR             none
 *   7      all other operators                           left, also as prefix
 *   8      + -                                           left
 *   9      * / %                                         left
 *   10     ^                                             left
 *   11     AT TIME ZONE                                  left
 *   12     COLLATE                                       left
 *   13     + - as prefix                                 right
 *   15     ::                                            left
 *
 * `expr(minimum)` reads an operand and all operators of at least that level. A non-associative operator whose right side
 * was just read cannot be followed by one of its own level. A restricted expression (b_expr) has no AND, OR, NOT, BETWEEN,
 * IN, LIKE, AT, COLLATE, and of the IS tests only IS DISTINCT FROM.
 */
import type { IToken, TokenType } from 'chevrotain';
import type { Ident } from './ast/common.ts';
import type { Expr, IsJson, IsTest } from './ast/expr.ts';
import type { Rule, Start } from './base.ts';
import { SyntaxFailure } from './lookahead.ts';
import { SpecialCallParser } from './specialCalls.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

const OR = 1;
const AND = 2;
const NOT = 3;
const IS = 4;
const COMPARISON = 5;
const LIKE = 6;
const OTHER = 7;
const AT = 11;
const COLLATE = 12;
const SIGN = 13;

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
  [K.between, LIKE],
  [K.in, LIKE],
  [K.like, LIKE],
  [K.ilike, LIKE],
  [K.similar, LIKE],
  [T.Op, OTHER],
  [K.operator, OTHER],
  [T.Plus, 8],
  [T.Minus, 8],
  [T.Star, 9],
  [T.Slash, 9],
  [T.Percent, 9],
  [T.Caret, 10],
  [K.at, AT],
  [K.collate, COLLATE],
  [T.Typecast, 15],
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

/** What BETWEEN, IN and LIKE make of what stands before them. */
type MatchRule = Rule<Expr, [left: Expr, negated: boolean, operatorStart: number, start: Start]>;

interface Operator {
  readonly text: string;
  readonly schema: readonly Ident[];
  readonly start: Start;
}

export abstract class ExprParser extends SpecialCallParser {
  /** The expression being read is one of a select list, not inside anything that closes. */
  protected inSelectItem = false;

  /** expr: operand { infix }, see above */
  readonly expr: Rule<Expr, [minimum?: number, restricted?: boolean]> = this.RULE(
    'expr',
    (given?: number, restricted = false) => {
      this.enter();
      // Only the select list's own expressions and their operands can end in a label.
      const minimum = given ?? 0;
      const inSelectItem = this.inSelectItem;
      if (given === undefined) this.inSelectItem = false;
      const start = this.here();
      let left = this.subrule(1, this.operand, { ARGS: [restricted] });
      // The operands of the AND or OR that `left` is, as long as it stands without parentheses.
      let operands: Expr[] = [];
      let blocked = 0;
      let level = 0;
      this.many(2, {
        GATE: () => {
          level = this.infixLevel(restricted);
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
      this.inSelectItem = inSelectItem;
      this.leave();
      return left;
    },
  );

  /** The level of the infix operator that comes next; 0 when there is none. */
  private infixLevel(restricted: boolean): number {
    const type = this.at(1);
    if (type === K.not) {
      if (restricted) return 0;
      const next = levels.get(this.at(2));
      return next === LIKE ? LIKE : 0;
    }
    const level = levels.get(type) ?? 0;
    if (level === 0) return 0;
    if (restricted) return this.restrictedLevel(type, level);
    if (this.inSelectItem && type === K.at && !this.isAt(2, K.time) && !this.isAt(2, K.local)) return 0;
    if (this.inSelectItem && type === K.operator && !this.isAt(2, T.LParen)) return 0;
    if (this.inSelectItem && wordOperators.has(type) && (this.endsAt(2) || afterLabel.has(this.at(2))))
      return 0;
    // SUBSTRING(a SIMILAR b ESCAPE c) has the word without TO.
    if (type === K.similar && this.inSubstring) return 0;
    return level;
  }

  private restrictedLevel(type: TokenType, level: number): number {
    if (type === K.operator) return this.isAt(2, T.LParen) ? OTHER : 0;
    if (type === K.is) {
      const distance = this.isAt(2, K.not) ? 3 : 2;
      return this.isAt(distance, K.distinct) ? IS : 0;
    }
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
        { ALT: () => this.subrule(4, this.isTail, { ARGS: [left, start] }) },
        { ALT: () => this.isTest(this.consume(5, K.isnull) && left, 'null', false, start) },
        { ALT: () => this.isTest(this.consume(6, K.notnull) && left, 'null', true, start) },
        { ALT: () => this.subrule(7, this.matchTail, { ARGS: [left, start] }) },
        { ALT: () => this.subrule(8, this.zoneTail, { ARGS: [left, start] }) },
        { ALT: () => this.subrule(9, this.collateTail, { ARGS: [left, start] }) },
      ]),
    );

  /** operatorTail: anyOperator ( ( ANY | SOME | ALL ) quantified | expr ) */
  private readonly operatorTail: Rule<Expr, [left: Expr, level: number, restricted: boolean, start: Start]> =
    this.RULE('operatorTail', (left: Expr, level: number, restricted: boolean, start: Start): Expr => {
      const operator = this.subrule(1, this.anyOperator);
      return this.or(2, [
        {
          ALT: (): Expr => {
            this.ACTION(() => {
              if (operator.schema.length > 0) this.refuse('OPERATOR() with ANY or ALL', operator.start);
            });
            return this.subrule(3, this.quantified, { ARGS: [left, operator.text, operator.start, start] });
          },
        },
        {
          ALT: (): Expr => {
            const right = this.subrule(4, this.expr, { ARGS: [level + 1, restricted] });
            return {
              kind: 'Binary',
              operator: operator.text,
              operatorSchema: operator.schema,
              operatorStart: operator.start,
              left,
              right,
              span: this.since(start),
            };
          },
        },
      ]);
    });

  /** quantified: ( ANY | SOME | ALL ) ( parenQuery | '(' expr ')' ) */
  private readonly quantified: Rule<
    Expr,
    [left: Expr, operator: string, operatorStart: number, start: Start]
  > = this.RULE('quantified', (left: Expr, operator: string, operatorStart: number, start: Start): Expr => {
    const quantifier = this.or(1, [
      { ALT: () => this.consume(2, K.any) && ('any' as const) },
      { ALT: () => this.consume(3, K.some) && ('any' as const) },
      { ALT: () => this.consume(4, K.all) && ('all' as const) },
    ]);
    const right = this.or(5, [
      {
        GATE: () => this.startsQueryParen(1),
        ALT: () => ({ kind: 'query' as const, query: this.subrule(6, this.parenQuery) }),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.consume(7, T.LParen);
          const expr = this.subrule(8, this.expr);
          this.consume(9, T.RParen);
          return { kind: 'array' as const, expr };
        },
      },
    ]);
    return {
      kind: 'QuantifiedComparison',
      operator,
      operatorStart,
      quantifier,
      left,
      right,
      span: this.since(start),
    };
  });

  /** anyOperator: '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' | '<=' | '>=' | '<>' | otherOperator */
  private readonly anyOperator: Rule<Operator> = this.RULE('anyOperator', (): Operator => {
    const symbol = (index: number, type: TokenType) => ({
      ALT: () => this.operatorOf(this.consume(index, type)),
    });
    return this.or(1, [
      symbol(1, T.Plus),
      symbol(2, T.Minus),
      symbol(3, T.Star),
      symbol(4, T.Slash),
      symbol(5, T.Percent),
      symbol(6, T.Caret),
      symbol(7, T.Less),
      symbol(8, T.Greater),
      symbol(9, T.Equal),
      symbol(10, T.LessEqual),
      symbol(11, T.GreaterEqual),
      symbol(12, T.NotEqual),
      { ALT: () => this.subrule(2, this.otherOperator) },
    ]);
  });

  private operatorOf(token: IToken): Operator {
    return { text: this.textOf(token), schema: [], start: token.startOffset };
  }

  /** otherOperator: OP | OPERATOR '(' { colId '.' } anyOperator ')' */
  private readonly otherOperator: Rule<Operator> = this.RULE('otherOperator', (): Operator => {
    return this.or(1, [
      { ALT: () => this.operatorOf(this.consume(2, T.Op)) },
      {
        ALT: () => {
          const start = this.consume(3, K.operator).startOffset;
          this.consume(4, T.LParen);
          const schema: Ident[] = [];
          this.many(5, () => {
            schema.push(this.subrule(6, this.colId));
            this.consume(7, T.Dot);
          });
          const operator = this.subrule(8, this.anyOperator);
          this.consume(9, T.RParen);
          return { text: operator.text, schema, start };
        },
      },
    ]);
  });

  /** castTail: '::' typeName */
  private readonly castTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'castTail',
    (operand: Expr, start: Start): Expr => {
      const operatorStart = this.consume(1, T.Typecast).startOffset;
      const type = this.subrule(2, this.typeName);
      return { kind: 'CastExpr', form: 'colons', operatorStart, operand, type, span: this.since(start) };
    },
  );

  /** zoneTail: AT TIME ZONE expr | AT LOCAL */
  private readonly zoneTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'zoneTail',
    (operand: Expr, start: Start): Expr => {
      this.consume(1, K.at);
      return this.or(2, [
        {
          ALT: (): Expr => {
            this.consume(3, K.time);
            this.consume(4, K.zone);
            const zone = this.subrule(5, this.expr, { ARGS: [AT + 1, false] });
            return { kind: 'AtTimeZone', operand, zone, span: this.since(start) };
          },
        },
        {
          ALT: (): Expr => {
            this.consume(6, K.local);
            return this.callOf('timezone', [operand], start);
          },
        },
      ]);
    },
  );

  /** collateTail: COLLATE objectName */
  private readonly collateTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'collateTail',
    (operand: Expr, start: Start): Expr => {
      this.consume(1, K.collate);
      const collation = this.subrule(2, this.objectName);
      return { kind: 'Collate', operand, collation, span: this.since(start) };
    },
  );

  private isTest(operand: Expr, test: IsTest['test'], negated: boolean, start: Start): Expr {
    return { kind: 'IsTest', test, negated, operand, span: this.since(start) };
  }

  /**
   * isTail: IS [ NOT ] ( NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM expr | JSON [ VALUE | OBJECT | ARRAY | SCALAR ]
   *   | [ normalForm ] NORMALIZED )
   */
  private readonly isTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'isTail',
    (operand: Expr, start: Start): Expr => {
      const operatorStart = this.consume(1, K.is).startOffset;
      const negated = this.has(2, K.not);
      return this.or(3, [
        { ALT: () => this.isTest(this.consume(4, K.null) && operand, 'null', negated, start) },
        { ALT: () => this.isTest(this.consume(5, K.true) && operand, 'true', negated, start) },
        { ALT: () => this.isTest(this.consume(6, K.false) && operand, 'false', negated, start) },
        { ALT: () => this.isTest(this.consume(7, K.unknown) && operand, 'unknown', negated, start) },
        {
          ALT: (): Expr => {
            this.consume(8, K.distinct);
            this.consume(9, K.from);
            const right = this.subrule(10, this.expr, { ARGS: [IS + 1, false] });
            return {
              kind: 'IsDistinct',
              negated,
              operatorStart,
              left: operand,
              right,
              span: this.since(start),
            };
          },
        },
        {
          ALT: (): Expr => {
            this.consume(11, K.json);
            const type = this.option(12, () => this.subrule(13, this.jsonKind)) ?? 'value';
            return { kind: 'IsJson', type, negated, operand, span: this.since(start) };
          },
        },
        {
          ALT: (): Expr => {
            const form = this.option(14, () => this.subrule(15, this.normalForm));
            this.consume(16, K.normalized);
            const test = this.callOf(
              'is_normalized',
              form === undefined ? [operand] : [operand, form],
              start,
            );
            return negated ? { kind: 'NotExpr', operand: test, span: this.since(start) } : test;
          },
        },
      ]);
    },
  );

  /** jsonKind: VALUE | OBJECT | ARRAY | SCALAR */
  private readonly jsonKind: Rule<IsJson['type']> = this.RULE('jsonKind', () =>
    this.or(1, [
      { ALT: () => this.consume(2, K.value) && ('value' as const) },
      { ALT: () => this.consume(3, K.object) && ('object' as const) },
      { ALT: () => this.consume(4, K.array) && ('array' as const) },
      { ALT: () => this.consume(5, K.scalar) && ('scalar' as const) },
    ]),
  );

  /** matchTail: [ NOT ] ( BETWEEN ... | IN ... | ( LIKE | ILIKE ) ... | SIMILAR TO ... ) */
  private readonly matchTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'matchTail',
    (left: Expr, start: Start): Expr => {
      const operatorStart = this.here();
      const negated = this.has(1, K.not);
      return this.or(2, [
        { ALT: () => this.subrule(3, this.betweenTail, { ARGS: [left, negated, operatorStart, start] }) },
        { ALT: () => this.subrule(4, this.inTail, { ARGS: [left, negated, operatorStart, start] }) },
        { ALT: () => this.subrule(5, this.likeTail, { ARGS: [left, negated, operatorStart, start] }) },
        {
          ALT: (): Expr => {
            this.consume(6, K.similar);
            this.consume(7, K.to);
            const pattern = this.subrule(8, this.expr, { ARGS: [LIKE + 1, false] });
            const escape = this.subrule(9, this.escapeClause);
            return {
              kind: 'LikeExpr',
              operator: 'similar',
              negated,
              operatorStart,
              operand: left,
              pattern,
              escape,
              span: this.since(start),
            };
          },
        },
      ]);
    },
  );

  /** betweenTail: BETWEEN [ SYMMETRIC | ASYMMETRIC ] b_expr AND expr */
  private readonly betweenTail: MatchRule = this.RULE(
    'betweenTail',
    (operand: Expr, negated: boolean, operatorStart: number, start: Start): Expr => {
      this.consume(1, K.between);
      const symmetric = this.or(2, [
        { ALT: () => this.consume(3, K.symmetric) && true },
        { ALT: () => this.has(4, K.asymmetric) && false },
      ]);
      const low = this.subrule(5, this.expr, { ARGS: [0, true] });
      this.consume(6, K.and);
      const high = this.subrule(7, this.expr, { ARGS: [LIKE + 1, false] });
      return {
        kind: 'Between',
        negated,
        operatorStart,
        symmetric,
        operand,
        low,
        high,
        span: this.since(start),
      };
    },
  );

  /** inTail: IN ( parenQuery | '(' expr { ',' expr } ')' ) */
  private readonly inTail: MatchRule = this.RULE(
    'inTail',
    (operand: Expr, negated: boolean, operatorStart: number, start: Start): Expr => {
      this.consume(1, K.in);
      return this.or(2, [
        {
          GATE: () => this.startsQueryParen(1),
          ALT: (): Expr => {
            const query = this.subrule(3, this.parenQuery);
            return { kind: 'InSubquery', negated, operatorStart, operand, query, span: this.since(start) };
          },
          IGNORE_AMBIGUITIES: true,
        },
        {
          ALT: (): Expr => {
            this.consume(4, T.LParen);
            const items = this.list(0, () => this.subrule(5, this.expr));
            this.consume(6, T.RParen);
            return { kind: 'InList', negated, operatorStart, operand, items, span: this.since(start) };
          },
        },
      ]);
    },
  );

  /** likeTail: ( LIKE | ILIKE ) ( quantified | expr [ ESCAPE expr ] ) */
  private readonly likeTail: MatchRule = this.RULE(
    'likeTail',
    (operand: Expr, negated: boolean, operatorStart: number, start: Start): Expr => {
      const operator = this.or(1, [
        { ALT: () => this.consume(2, K.like) && ('like' as const) },
        { ALT: () => this.consume(3, K.ilike) && ('ilike' as const) },
      ]);
      return this.or(4, [
        {
          ALT: (): Expr => {
            const symbol = `${negated ? '!' : ''}~~${operator === 'ilike' ? '*' : ''}`;
            return this.subrule(5, this.quantified, { ARGS: [operand, symbol, operatorStart, start] });
          },
        },
        {
          ALT: (): Expr => {
            const pattern = this.subrule(6, this.expr, { ARGS: [LIKE + 1, false] });
            const escape = this.subrule(7, this.escapeClause);
            return {
              kind: 'LikeExpr',
              operator,
              negated,
              operatorStart,
              operand,
              pattern,
              escape,
              span: this.since(start),
            };
          },
        },
      ]);
    },
  );

  /** escapeClause: [ ESCAPE expr ] */
  private readonly escapeClause: Rule<Expr | null> = this.RULE('escapeClause', () => {
    const escape = this.option(1, () => {
      this.consume(2, K.escape);
      return this.subrule(3, this.expr, { ARGS: [LIKE + 1, false] });
    });
    return escape ?? null;
  });
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
      return LIKE;
    default:
      return 0;
  }
}
