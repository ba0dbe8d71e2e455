/** Grammar of the smallest expressions (PostgreSQL's c_expr): constants, names, parentheses, CASE, ARRAY, ROW, casts. */
import type { IOrAlt, TokenType } from 'chevrotain';
import type { Ident, TypeName } from './ast/common.ts';
import type { CaseExpr, ColumnRef, Expr, Star } from './ast/expr.ts';
import type { OrderItem, Query } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { ConstantParser } from './constants.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

/** What may follow a whole query inside outer parentheses. */
const afterQuery: readonly TokenType[] = [
  T.RParen,
  K.union,
  K.intersect,
  K.except,
  K.order,
  K.limit,
  K.offset,
  K.fetch,
  K.for,
];

export abstract class PrimaryParser extends ConstantParser {
  abstract readonly expr: Rule<Expr, [minimum?: number, restricted?: boolean, labelled?: boolean]>;
  abstract readonly query: Rule<Query>;
  abstract readonly orderBy: Rule<readonly OrderItem[]>;
  abstract readonly callExpr: Rule<Expr>;
  abstract readonly specialCall: Rule<Expr>;

  private primaryAlternatives: IOrAlt<Expr>[] | null = null;

  /**
   * primary: constant | parameter | typed constant | INTERVAL constant | CASE | EXISTS query | ARRAY | ROW | CAST
   *   | special call | function call | column | '(' ... ')'
   */
  readonly primary: Rule<Expr> = this.RULE('primary', () => {
    this.primaryAlternatives ??= [
      { ALT: () => this.number(this.consume(1, T.Int)) },
      { ALT: () => this.number(this.consume(2, T.Float)) },
      { ALT: () => this.string(this.consume(3, T.Str)) },
      { ALT: () => this.subrule(4, this.bitString) },
      { ALT: () => this.literal({ type: 'boolean', value: true }, this.consume(5, K.true)) },
      { ALT: () => this.literal({ type: 'boolean', value: false }, this.consume(6, K.false)) },
      { ALT: () => this.literal({ type: 'null' }, this.consume(7, K.null)) },
      { ALT: () => this.subrule(8, this.parameter) },
      { ALT: () => this.subrule(9, this.parenthesised) },
      { ALT: () => this.subrule(10, this.caseExpr) },
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: () => this.subrule(11, this.exists),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(12, this.arrayExpr) },
      { ALT: () => this.subrule(13, this.uniqueTest) },
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: () => this.subrule(14, this.rowOrOverlaps),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isAt(1, K.cast) || this.isAt(2, T.LParen),
        ALT: () => this.subrule(15, this.castExpr),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isAt(2, T.Str) || this.isAt(2, T.LParen),
        ALT: () => this.subrule(16, this.intervalLiteral),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.startsTypedLiteral(),
        ALT: () => this.subrule(17, this.typedLiteral),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.startsSpecialCall(),
        ALT: () => this.subrule(18, this.specialCall),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.startsMap(),
        ALT: () => this.subrule(19, this.mapLiteral),
        IGNORE_AMBIGUITIES: true,
      },
      { GATE: () => this.startsCall(), ALT: () => this.subrule(20, this.callExpr), IGNORE_AMBIGUITIES: true },
      { ALT: () => this.subrule(21, this.columnExpr) },
    ];
    return this.or(22, this.primaryAlternatives);
  });

  /** parameter: PARAM indirection */
  readonly parameter: Rule<Expr> = this.RULE('parameter', (): Expr => {
    const token = this.consume(1, T.Param);
    const start = token.startOffset;
    const parameter: Expr = { kind: 'Parameter', index: Number(this.textOf(token)), span: this.since(start) };
    return this.subrule(2, this.indirection, { ARGS: [parameter, start] });
  });

  // Columns

  /** A name followed by '(', or by nothing that a column could be. */
  private startsCall(): boolean {
    if (this.isAt(1, K.aggregate) && this.isAt(2, T.Colon)) return true;
    return !this.isIn(1, T.ColId) || this.startsNamedCall();
  }

  /** `f(`, `s.f(`: of words that can name a column but not a function, only those of JSON functions can be called. */
  protected startsNamedCall(): boolean {
    const distance = this.afterName();
    if (!this.isAt(distance, T.LParen)) return false;
    return distance > 2 || this.isIn(1, T.FuncName) || this.at(1).name.startsWith('JSON');
  }

  protected abstract startsSpecialCall(): boolean;

  /** columnExpr: colId { '.' colLabel } [ '.' '*' ] indirection */
  readonly columnExpr: Rule<Expr> = this.RULE('columnExpr', () => {
    const start = this.here();
    const parts = [this.subrule(1, this.colId)];
    this.many(2, {
      GATE: () => !this.isAt(2, T.Star),
      DEF: () => {
        this.consume(3, T.Dot);
        parts.push(this.subrule(4, this.colLabel));
      },
    });
    return this.or(5, [
      {
        GATE: () => this.isAt(2, T.Star),
        ALT: () => this.subrule(6, this.qualifiedStar, { ARGS: [parts, start] }),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          const column: ColumnRef = { kind: 'ColumnRef', parts, span: this.since(start) };
          return this.subrule(7, this.indirection, { ARGS: [column, start] });
        },
      },
    ]);
  });

  private readonly qualifiedStar: Rule<Star, [qualifier: readonly Ident[], start: Start]> = this.RULE(
    'qualifiedStar',
    (qualifier: readonly Ident[], start: Start): Star => {
      this.consume(1, T.Dot);
      this.consume(2, T.Star);
      const except = this.subrule(3, this.starExcept);
      return { kind: 'Star', qualifier, of: null, except, span: this.since(start) };
    },
  );

  /** starExcept: [ EXCEPT '(' columnName { ',' columnName } ')' ] */
  readonly starExcept: Rule<readonly ColumnRef[]> = this.RULE('starExcept', () => {
    const columns = this.option(1, {
      GATE: () => this.isAt(2, T.LParen) && this.isIn(3, T.ColId) && !this.startsQueryParen(2),
      DEF: () => {
        this.consume(2, K.except);
        this.consume(3, T.LParen);
        const list = this.list(0, () => this.subrule(4, this.columnName));
        this.consume(5, T.RParen);
        return list;
      },
    });
    return columns ?? [];
  });

  /** columnName: colId { '.' colLabel } */
  readonly columnName: Rule<ColumnRef> = this.RULE('columnName', (): ColumnRef => {
    const name = this.subrule(1, this.objectName);
    return { kind: 'ColumnRef', parts: name.parts, span: name.span };
  });

  /** indirection: { '[' subscript ']' | '.' colLabel } [ '.' '*' ] */
  readonly indirection: Rule<Expr, [operand: Expr, start: Start]> = this.RULE(
    'indirection',
    (operand: Expr, start: Start) => {
      let result = operand;
      this.many(1, {
        GATE: () => result.kind !== 'Star',
        DEF: () => {
          result = this.or(2, [
            { ALT: () => this.subrule(3, this.subscript, { ARGS: [result, start] }) },
            {
              ALT: (): Expr => {
                this.consume(4, T.Dot);
                return this.or(5, [
                  {
                    ALT: (): Expr => {
                      const field = this.subrule(6, this.colLabel);
                      return { kind: 'FieldAccess', operand: result, field, span: this.since(start) };
                    },
                  },
                  {
                    ALT: (): Expr => {
                      this.consume(7, T.Star);
                      const except = this.subrule(8, this.starExcept);
                      return { kind: 'Star', qualifier: null, of: result, except, span: this.since(start) };
                    },
                  },
                ]);
              },
            },
          ]);
        },
      });
      return result;
    },
  );

  /** subscript: '[' expr ']' | '[' [ expr ] ':' [ expr ] ']' */
  readonly subscript: Rule<Expr, [operand: Expr, start: Start]> = this.RULE(
    'subscript',
    (operand: Expr, start: Start): Expr => {
      this.consume(1, T.LBracket);
      const first = this.option(2, () => this.subrule(3, this.expr)) ?? null;
      let second: Expr | null = null;
      let slice = false;
      this.or(4, [
        {
          ALT: () => {
            this.consume(5, T.Colon);
            slice = true;
            second = this.option(6, () => this.subrule(7, this.expr)) ?? null;
          },
        },
        { GATE: () => first !== null, ALT: () => {} },
      ]);
      this.consume(8, T.RBracket);
      return { kind: 'Subscript', operand, slice, lower: first, upper: second, span: this.since(start) };
    },
  );

  // Parentheses

  /** The '(' at `distance` opens a query rather than an expression or a join. */
  protected startsQueryParen(distance: number): boolean {
    if (!this.isAt(distance, T.LParen)) return false;
    const inner = distance + 1;
    if (this.isAt(inner, K.select) || this.isAt(inner, K.with) || this.isAt(inner, K.table)) return true;
    if (this.isAt(inner, K.values)) return this.isAt(inner + 1, T.LParen);
    if (!this.startsQueryParen(inner)) return false;
    return afterQuery.includes(this.at(this.closing(inner) + 1));
  }

  /** Distance of the parenthesis that closes the one at `distance`, or of the end. */
  private closing(distance: number): number {
    let depth = 0;
    for (let i = distance; ; i++) {
      if (this.isAt(i, T.LParen)) depth++;
      else if (this.isAt(i, T.RParen)) depth--;
      if (depth === 0 || this.endsAt(i)) return i;
    }
  }

  /** parenQuery: '(' query ')' */
  readonly parenQuery: Rule<Query> = this.RULE('parenQuery', () => {
    this.enter();
    this.consume(1, T.LParen);
    const query = this.subrule(2, this.query);
    this.consume(3, T.RParen);
    this.leave();
    return this.ACTION(() => withoutParentheses(query));
  });

  /** parenthesised: parenQuery indirection | '(' expr { ',' expr } ')' indirection */
  readonly parenthesised: Rule<Expr> = this.RULE('parenthesised', () => {
    const start = this.here();
    return this.or(1, [
      {
        GATE: () => this.startsQueryParen(1),
        ALT: () => {
          const query = this.subrule(2, this.parenQuery);
          const subquery: Expr = { kind: 'ScalarSubquery', query, span: this.since(start) };
          return this.subrule(3, this.indirection, { ARGS: [subquery, start] });
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.consume(4, T.LParen);
          const items = this.list(0, () => this.subrule(5, this.expr));
          this.consume(6, T.RParen);
          const first = items[0];
          return this.or(7, [
            {
              GATE: () => items.length === 1,
              ALT: () =>
                this.subrule(8, this.indirection, {
                  ARGS: [first ?? this.literal({ type: 'null' }, this.LA(0)), start],
                }),
            },
            {
              ALT: () => {
                const row: Expr = { kind: 'RowExpr', explicit: false, items, span: this.since(start) };
                return this.subrule(9, this.overlaps, { ARGS: [row, start] });
              },
              IGNORE_AMBIGUITIES: true,
            },
          ]);
        },
      },
    ]);
  });

  /** rowOrOverlaps: rowConstructor [ OVERLAPS row ] */
  readonly rowOrOverlaps: Rule<Expr> = this.RULE('rowOrOverlaps', () => {
    const start = this.here();
    const row = this.subrule(1, this.rowConstructor);
    return this.subrule(2, this.overlaps, { ARGS: [row, start] });
  });

  /** rowConstructor: ROW '(' [ expr { ',' expr } ] ')' */
  readonly rowConstructor: Rule<Expr> = this.RULE('rowConstructor', (): Expr => {
    const start = this.consume(1, K.row).startOffset;
    this.consume(2, T.LParen);
    const items = this.option(3, () => this.list(0, () => this.subrule(4, this.expr))) ?? [];
    this.consume(5, T.RParen);
    return { kind: 'RowExpr', explicit: true, items, span: this.since(start) };
  });

  /** overlaps: [ OVERLAPS ( rowConstructor | '(' expr ',' expr ')' ) ], made a call of the function of that name */
  private readonly overlaps: Rule<Expr, [left: Expr, start: Start]> = this.RULE(
    'overlaps',
    (left: Expr, start: Start) => {
      const call = this.option(1, (): Expr => {
        const word = this.identOf(this.consume(2, K.overlaps));
        const right = this.or(3, [
          { ALT: () => this.subrule(4, this.rowConstructor) },
          {
            ALT: (): Expr => {
              const begin = this.consume(5, T.LParen).startOffset;
              const items = this.list(0, () => this.subrule(6, this.expr));
              this.consume(7, T.RParen);
              return { kind: 'RowExpr', explicit: false, items, span: this.since(begin) };
            },
          },
        ]);
        return this.ACTION(() => this.overlapsCall(word, left, right, start));
      });
      return call ?? left;
    },
  );

  private overlapsCall(word: Ident, left: Expr, right: Expr, start: Start): Expr {
    const values = [left, right].flatMap((row) => (row.kind === 'RowExpr' ? row.items : [row]));
    if (values.length !== 4) {
      this.refuseInvalid('wrong number of parameters on either side of OVERLAPS expression', start, '42601');
    }
    return {
      kind: 'FunctionCall',
      name: { kind: 'ObjectName', parts: [word], span: word.span },
      star: false,
      arguments: values.map((value) => ({
        kind: 'FunctionArgument',
        name: null,
        variadic: false,
        value,
        span: value.span,
      })),
      distinct: false,
      orderBy: [],
      withinGroup: null,
      filter: null,
      nullTreatment: null,
      over: null,
      span: this.since(start),
    };
  }

  // Constructs with a word in front

  /** caseExpr: CASE [ expr ] WHEN expr THEN expr { WHEN expr THEN expr } [ ELSE expr ] END */
  readonly caseExpr: Rule<Expr> = this.RULE('caseExpr', (): Expr => {
    const start = this.consume(1, K.case).startOffset;
    const operand = this.option(2, () => this.subrule(3, this.expr)) ?? null;
    const whens: CaseExpr['whens'][number][] = [];
    this.atLeastOne(4, () => {
      this.consume(5, K.when);
      const when = this.subrule(6, this.expr);
      this.consume(7, K.then);
      whens.push({ when, then: this.subrule(8, this.expr) });
    });
    const otherwise =
      this.option(9, () => {
        this.consume(10, K.else);
        return this.subrule(11, this.expr);
      }) ?? null;
    this.consume(12, K.end);
    return { kind: 'CaseExpr', operand, whens, otherwise, span: this.since(start) };
  });

  /** exists: EXISTS parenQuery */
  readonly exists: Rule<Expr> = this.RULE('exists', (): Expr => {
    const start = this.consume(1, K.exists).startOffset;
    const query = this.subrule(2, this.parenQuery);
    return { kind: 'Exists', query, span: this.since(start) };
  });

  /** uniqueTest: UNIQUE parenQuery, refused */
  private readonly uniqueTest: Rule<Expr> = this.RULE('uniqueTest', (): Expr => {
    const word = this.consume(1, K.unique);
    this.subrule(2, this.parenQuery);
    this.refuse('UNIQUE predicate', word.startOffset);
    return this.literal({ type: 'null' }, word);
  });

  /** arrayExpr: ARRAY ( parenQuery | arrayItems ) { subscript } */
  readonly arrayExpr: Rule<Expr> = this.RULE('arrayExpr', () => {
    const start = this.consume(1, K.array).startOffset;
    let result = this.or(2, [
      {
        ALT: (): Expr => {
          const query = this.subrule(3, this.parenQuery);
          return { kind: 'ArraySubquery', query, span: this.since(start) };
        },
      },
      { ALT: () => this.subrule(4, this.arrayItems, { ARGS: [start] }) },
    ]);
    this.many(5, () => {
      result = this.subrule(6, this.subscript, { ARGS: [result, start] });
    });
    return result;
  });

  /** arrayItems: '[' [ ( expr | arrayItems ) { ',' ( expr | arrayItems ) } ] ']' */
  readonly arrayItems: Rule<Expr, [start: Start]> = this.RULE('arrayItems', (start: Start): Expr => {
    this.enter();
    this.consume(1, T.LBracket);
    const items =
      this.option(2, () =>
        this.list(0, () =>
          this.or(3, [
            { ALT: () => this.subrule(4, this.arrayItems, { ARGS: [this.here()] }) },
            { ALT: () => this.subrule(5, this.expr) },
          ]),
        ),
      ) ?? [];
    this.consume(6, T.RBracket);
    this.leave();
    return { kind: 'ArrayExpr', items, span: this.since(start) };
  });

  /** castExpr: ( CAST | TRY_CAST ) '(' expr AS typeName ')' */
  readonly castExpr: Rule<Expr> = this.RULE('castExpr', (): Expr => {
    const start = this.here();
    const form = this.or(1, [
      { ALT: () => this.consume(2, K.cast) && ('cast' as const) },
      { ALT: () => this.consume(3, K.try_cast) && ('try' as const) },
    ]);
    this.consume(4, T.LParen);
    const operand = this.subrule(5, this.expr);
    this.consume(6, K.as);
    const type: TypeName = this.subrule(7, this.typeName);
    this.consume(8, T.RParen);
    return { kind: 'CastExpr', form, operatorStart: start, operand, type, span: this.since(start) };
  });

  private startsMap(): boolean {
    return this.isAt(2, T.LBrace) && this.isAt(1, T.Ident) && this.textOf(this.LA(1)) === 'map';
  }

  /** mapLiteral: map '{' [ expr ':' expr { ',' expr ':' expr } ] '}', refused */
  private readonly mapLiteral: Rule<Expr> = this.RULE('mapLiteral', (): Expr => {
    const word = this.consume(1, T.Ident);
    this.consume(2, T.LBrace);
    this.option(3, () =>
      this.list(0, () => {
        this.subrule(4, this.expr);
        this.consume(5, T.Colon);
        this.subrule(6, this.expr);
      }),
    );
    this.consume(7, T.RBrace);
    this.refuse('MAP', word.startOffset);
    return this.literal({ type: 'null' }, word);
  });
}

/** A query that is only another one in parentheses is that other one. */
export function withoutParentheses(query: Query): Query {
  if (query.body.kind !== 'ParenQuery') return query;
  const bare =
    query.with === null &&
    query.orderBy.length === 0 &&
    query.limit === null &&
    query.offset === null &&
    query.locking.length === 0;
  return bare ? query.body.query : query;
}
