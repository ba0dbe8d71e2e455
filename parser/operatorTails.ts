/** Grammar of what may follow the left operand of an expression; expr.ts decides when. */
import type { IToken, TokenType } from 'chevrotain';
import type { Ident } from './ast/common.ts';
import type { Expr, IsJson, IsTest } from './ast/expr.ts';
import type { Rule, Start } from './base.ts';
import { AT, IS, MATCH } from './precedence.ts';
import { SpecialCallParser } from './specialCalls.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

interface Operator {
  readonly text: string;
  readonly schema: readonly Ident[];
  readonly start: Start;
}

/** What BETWEEN, IN and LIKE make of what stands before them. */
type MatchRule = Rule<Expr, [left: Expr, negated: boolean, operatorStart: number, start: Start]>;

export abstract class OperatorTailParser extends SpecialCallParser {
  /** operatorTail: anyOperator ( ( ANY | SOME | ALL ) quantified | expr ) */
  protected readonly operatorTail: Rule<
    Expr,
    [left: Expr, level: number, restricted: boolean, start: Start]
  > = this.RULE('operatorTail', (left: Expr, level: number, restricted: boolean, start: Start): Expr => {
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
  protected readonly quantified: Rule<
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
  protected readonly anyOperator: Rule<Operator> = this.RULE('anyOperator', (): Operator => {
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

  protected operatorOf(token: IToken): Operator {
    return { text: this.textOf(token), schema: [], start: token.startOffset };
  }

  /** otherOperator: OP | OPERATOR '(' { colId '.' } anyOperator ')' */
  protected readonly otherOperator: Rule<Operator> = this.RULE('otherOperator', (): Operator => {
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
  protected readonly castTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'castTail',
    (operand: Expr, start: Start): Expr => {
      const operatorStart = this.consume(1, T.Typecast).startOffset;
      const type = this.subrule(2, this.typeName);
      return { kind: 'CastExpr', form: 'colons', operatorStart, operand, type, span: this.since(start) };
    },
  );

  /** zoneTail: AT TIME ZONE expr | AT LOCAL */
  protected readonly zoneTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
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
  protected readonly collateTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'collateTail',
    (operand: Expr, start: Start): Expr => {
      this.consume(1, K.collate);
      const collation = this.subrule(2, this.objectName);
      return { kind: 'Collate', operand, collation, span: this.since(start) };
    },
  );

  protected isTest(operand: Expr, test: IsTest['test'], negated: boolean, start: Start): Expr {
    return { kind: 'IsTest', test, negated, operand, span: this.since(start) };
  }

  /** isTail: IS [ NOT ] ( DISTINCT FROM expr | isPredicate ); a restricted expression has only the first */
  protected readonly isTail: Rule<Expr, [left: Expr, restricted: boolean, start: Start]> = this.RULE(
    'isTail',
    (operand: Expr, restricted: boolean, start: Start): Expr => {
      const operatorStart = this.consume(1, K.is).startOffset;
      const negated = this.has(2, K.not);
      return this.or(3, [
        {
          ALT: (): Expr => {
            this.consume(4, K.distinct);
            this.consume(5, K.from);
            const right = this.subrule(6, this.expr, { ARGS: [IS + 1, restricted] });
            const span = this.since(start);
            return { kind: 'IsDistinct', negated, operatorStart, left: operand, right, span };
          },
        },
        {
          GATE: () => !restricted,
          ALT: (): Expr => this.subrule(7, this.isPredicate, { ARGS: [operand, negated, start] }),
        },
      ]);
    },
  );

  /** isPredicate: NULL | TRUE | FALSE | UNKNOWN | JSON [ jsonKind ] [ ( WITH | WITHOUT ) UNIQUE [ KEYS ] ] | [ normalForm ] NORMALIZED */
  private readonly isPredicate: Rule<Expr, [operand: Expr, negated: boolean, start: Start]> = this.RULE(
    'isPredicate',
    (operand: Expr, negated: boolean, start: Start): Expr => {
      return this.or(1, [
        { ALT: () => this.isTest(this.consume(2, K.null) && operand, 'null', negated, start) },
        { ALT: () => this.isTest(this.consume(3, K.true) && operand, 'true', negated, start) },
        { ALT: () => this.isTest(this.consume(4, K.false) && operand, 'false', negated, start) },
        { ALT: () => this.isTest(this.consume(5, K.unknown) && operand, 'unknown', negated, start) },
        {
          ALT: (): Expr => {
            this.consume(6, K.json);
            const type = this.option(7, () => this.subrule(8, this.jsonKind)) ?? 'value';
            this.option(9, {
              GATE: () => this.isAt(2, K.unique),
              DEF: () => this.subrule(10, this.uniqueKeys),
            });
            return { kind: 'IsJson', type, negated, operand, span: this.since(start) };
          },
        },
        {
          ALT: (): Expr => {
            const form = this.option(11, () => this.subrule(12, this.normalForm));
            this.consume(13, K.normalized);
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

  /** uniqueKeys: ( WITH | WITHOUT ) UNIQUE [ KEYS ], the former refused */
  private readonly uniqueKeys: Rule<void> = this.RULE('uniqueKeys', () => {
    this.or(1, [
      { ALT: () => this.refuse('WITH UNIQUE KEYS', this.consume(2, K.with).startOffset) },
      { ALT: () => this.consume(3, K.without) },
    ]);
    this.consume(4, K.unique);
    this.has(5, K.keys);
  });

  /** jsonKind: VALUE | OBJECT | ARRAY | SCALAR */
  protected readonly jsonKind: Rule<IsJson['type']> = this.RULE('jsonKind', () =>
    this.or(1, [
      { ALT: () => this.consume(2, K.value) && ('value' as const) },
      { ALT: () => this.consume(3, K.object) && ('object' as const) },
      { ALT: () => this.consume(4, K.array) && ('array' as const) },
      { ALT: () => this.consume(5, K.scalar) && ('scalar' as const) },
    ]),
  );

  /** matchTail: [ NOT ] ( BETWEEN ... | IN ... | ( LIKE | ILIKE ) ... | SIMILAR TO ... ) */
  protected readonly matchTail: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
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
            const pattern = this.subrule(8, this.expr, { ARGS: [MATCH + 1, false] });
            const escapeMark = this.subrule(9, this.escapeClause);
            return {
              kind: 'LikeExpr',
              operator: 'similar',
              negated,
              operatorStart,
              operand: left,
              pattern,
              escape: escapeMark,
              span: this.since(start),
            };
          },
        },
      ]);
    },
  );

  /** betweenTail: BETWEEN [ SYMMETRIC | ASYMMETRIC ] b_expr AND expr */
  protected readonly betweenTail: MatchRule = this.RULE(
    'betweenTail',
    (operand: Expr, negated: boolean, operatorStart: number, start: Start): Expr => {
      this.consume(1, K.between);
      const symmetric = this.or(2, [
        { ALT: () => this.consume(3, K.symmetric) && true },
        { ALT: () => this.has(4, K.asymmetric) && false },
      ]);
      const low = this.subrule(5, this.expr, { ARGS: [0, true] });
      this.consume(6, K.and);
      const high = this.subrule(7, this.expr, { ARGS: [MATCH + 1, false] });
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
  protected readonly inTail: MatchRule = this.RULE(
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
  protected readonly likeTail: MatchRule = this.RULE(
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
            const pattern = this.subrule(6, this.expr, { ARGS: [MATCH + 1, false] });
            const escapeMark = this.subrule(7, this.escapeClause);
            return {
              kind: 'LikeExpr',
              operator,
              negated,
              operatorStart,
              operand,
              pattern,
              escape: escapeMark,
              span: this.since(start),
            };
          },
        },
      ]);
    },
  );

  /** escapeClause: [ ESCAPE expr ] */
  protected readonly escapeClause: Rule<Expr | null> = this.RULE('escapeClause', () => {
    const escapeMark = this.option(1, () => {
      this.consume(2, K.escape);
      return this.subrule(3, this.expr, { ARGS: [MATCH + 1, false] });
    });
    return escapeMark ?? null;
  });
}
