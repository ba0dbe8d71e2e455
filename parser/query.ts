/** Grammar of queries: WITH, SELECT, VALUES, set operations, ORDER BY, LIMIT, locking. */
import { SqlError } from '../common/sqlError.ts';
import type { Ident } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';
import type {
  Cte,
  GroupItem,
  LimitClause,
  NamedWindow,
  OrderItem,
  Query,
  QueryBody,
  Select,
  SelectItem,
  Values,
  WithClause,
} from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { FromParser } from './from.ts';
import { literalRows } from './literalRows.ts';
import { SyntaxFailure } from './lookahead.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

interface GroupBy {
  readonly items: readonly GroupItem[];
  readonly distinct: boolean;
}

/** The clauses after a query's body, each at most once. */
interface Tail {
  limit: LimitClause | null;
  offset: Expr | null;
  readonly locking: string[];
}

const noGroups: GroupBy = { items: [], distinct: false };

export abstract class QueryParser extends FromParser {
  /** query: [ withClause ] queryRest */
  readonly query: Rule<Query> = this.RULE('query', () => {
    const start = this.here();
    const withClause = this.option(1, () => this.subrule(2, this.withClause)) ?? null;
    return this.subrule(3, this.queryRest, { ARGS: [withClause, start] });
  });

  /** queryRest: setExpr [ orderBy ] { limit | offset | fetch | locking } */
  readonly queryRest: Rule<Query, [withClause: WithClause | null, start: Start]> = this.RULE(
    'queryRest',
    (withClause: WithClause | null, start: Start): Query => {
      this.enter();
      const body = this.subrule(1, this.setExpr);
      const orderBy = this.option(2, () => this.subrule(3, this.orderBy)) ?? [];
      const tail: Tail = { limit: null, offset: null, locking: [] };
      this.many(4, {
        GATE: () => !this.repeats(tail),
        DEF: () => this.subrule(5, this.tailClause, { ARGS: [tail] }),
      });
      this.leave();
      return {
        kind: 'Query',
        with: withClause,
        body,
        orderBy,
        limit: tail.limit,
        offset: tail.offset,
        locking: tail.locking,
        span: this.since(start),
      };
    },
  );

  private repeats(tail: Tail): boolean {
    const word = this.at(1);
    if (word === K.limit || word === K.fetch) return tail.limit !== null;
    return word === K.offset && tail.offset !== null;
  }

  /** tailClause: LIMIT ( ALL | expr ) | OFFSET expr [ ROW | ROWS ] | fetch | locking */
  private readonly tailClause: Rule<void, [tail: Tail]> = this.RULE('tailClause', (tail: Tail) => {
    const start = this.here();
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.limit);
          const count = this.or(3, [
            { ALT: () => this.consume(4, K.all) && null },
            { ALT: () => this.subrule(5, this.expr) },
          ]);
          this.option(6, () => {
            this.consume(7, T.Comma);
            this.subrule(8, this.expr);
            this.ACTION(() => this.refuseWith(commaLimit(start)));
          });
          this.ACTION(() => {
            tail.limit = { kind: 'LimitClause', count, withTies: false, span: this.since(start) };
          });
        },
      },
      {
        ALT: () => {
          this.consume(9, K.offset);
          const offset = this.subrule(10, this.expr);
          this.or(11, [{ ALT: () => this.consume(12, K.row) }, { ALT: () => this.has(13, K.rows) }]);
          this.ACTION(() => {
            tail.offset = offset;
          });
        },
      },
      {
        ALT: () => {
          const limit = this.subrule(14, this.fetch);
          this.ACTION(() => {
            tail.limit = limit;
          });
        },
      },
      {
        ALT: () => {
          const locking = this.subrule(15, this.locking);
          this.ACTION(() => tail.locking.push(locking));
        },
      },
    ]);
  });

  /** fetch: FETCH ( FIRST | NEXT ) [ [ '+' | '-' ] number | primary ] ( ROW | ROWS ) ( ONLY | WITH TIES ) */
  private readonly fetch: Rule<LimitClause> = this.RULE('fetch', (): LimitClause => {
    const start = this.here();
    const word = this.consume(1, K.fetch);
    this.or(2, [{ ALT: () => this.consume(3, K.first) }, { ALT: () => this.consume(4, K.next) }]);
    const count =
      this.option(5, {
        GATE: () =>
          !((this.isAt(1, K.row) || this.isAt(1, K.rows)) && (this.isAt(2, K.only) || this.isAt(2, K.with))),
        DEF: () =>
          this.or(6, [
            {
              ALT: (): Expr => {
                const begin = this.here();
                const operator = this.or(7, [
                  { ALT: () => this.consume(8, T.Minus) && '-' },
                  { ALT: () => this.consume(9, T.Plus) && '+' },
                ]);
                const operand = this.or(10, [
                  { ALT: () => this.number(this.consume(11, T.Int)) },
                  { ALT: () => this.number(this.consume(12, T.Float)) },
                ]);
                return { kind: 'Unary', operator, operatorSchema: [], operand, span: this.since(begin) };
              },
            },
            { ALT: () => this.subrule(13, this.primary) },
          ]),
      }) ?? this.literal({ type: 'number', text: '1' }, word);
    this.or(14, [{ ALT: () => this.consume(15, K.row) }, { ALT: () => this.consume(16, K.rows) }]);
    const withTies = this.or(17, [
      { ALT: () => this.consume(18, K.only) && false },
      {
        ALT: () => {
          this.consume(19, K.with);
          this.consume(20, K.ties);
          return true;
        },
      },
    ]);
    return { kind: 'LimitClause', count, withTies, span: this.since(start) };
  });

  /** locking: FOR ( UPDATE | NO KEY UPDATE | SHARE | KEY SHARE | READ ONLY ) [ OF objectName { ',' objectName } ] [ NOWAIT | SKIP LOCKED ] */
  private readonly locking: Rule<string> = this.RULE('locking', () => {
    const first = this.consume(1, K.for);
    this.or(2, [
      { ALT: () => this.consume(3, K.update) },
      {
        ALT: () => {
          this.consume(4, K.no);
          this.consume(5, K.key);
          this.consume(6, K.update);
        },
      },
      { ALT: () => this.consume(7, K.share) },
      {
        ALT: () => {
          this.consume(8, K.key);
          this.consume(9, K.share);
        },
      },
      {
        ALT: () => {
          this.consume(10, K.read);
          this.consume(11, K.only);
        },
      },
    ]);
    this.option(12, () => {
      this.consume(13, K.of);
      this.list(0, () => this.subrule(14, this.objectName));
    });
    this.or(15, [
      { ALT: () => this.consume(16, K.nowait) },
      {
        ALT: () =>
          this.option(17, () => {
            this.consume(18, K.skip);
            this.consume(19, K.locked);
          }),
      },
    ]);
    return this.ACTION(() => this.canonicalText(first));
  });

  // WITH

  /** withClause: WITH [ RECURSIVE ] cte { ',' cte } */
  readonly withClause: Rule<WithClause> = this.RULE('withClause', (): WithClause => {
    const start = this.consume(1, K.with).startOffset;
    const recursive = this.has(2, K.recursive);
    const ctes = this.list(0, () => this.subrule(3, this.cte));
    return { kind: 'WithClause', recursive, ctes, span: this.since(start) };
  });

  /** cte: colId [ columnList ] AS ( CHANGELOG FROM objectName | [ [ NOT ] MATERIALIZED ] '(' ( query | dml ) ')' ) */
  private readonly cte: Rule<Cte> = this.RULE('cte', (): Cte => {
    const start = this.here();
    const name = this.subrule(1, this.colId);
    const columns = this.option(2, () => this.subrule(3, this.columnList)) ?? [];
    this.consume(4, K.as);
    let materialized: boolean | null = null;
    const body = this.or(5, [
      {
        ALT: (): Cte['body'] => {
          this.consume(6, K.changelog);
          this.consume(7, K.from);
          return { kind: 'changelog', relation: this.subrule(8, this.objectName) };
        },
      },
      {
        ALT: (): Cte['body'] => {
          this.option(9, () => {
            materialized = !this.has(10, K.not);
            this.consume(11, K.materialized);
          });
          this.consume(12, T.LParen);
          const query = this.or(13, [
            {
              GATE: () => this.startsModification(),
              ALT: () => this.subrule(14, this.modification),
              IGNORE_AMBIGUITIES: true,
            },
            { ALT: () => this.subrule(15, this.query) },
          ]);
          this.consume(16, T.RParen);
          return { kind: 'query', query };
        },
      },
    ]);
    return { kind: 'Cte', name, columns, materialized, body, span: this.since(start) };
  });

  private startsModification(): boolean {
    return this.isAt(1, K.insert) || this.isAt(1, K.update) || this.isAt(1, K.delete);
  }

  /** modification: a data-modifying statement in WITH, refused */
  abstract readonly modification: Rule<Query>;

  // Set operations

  /** setExpr: intersectExpr { ( UNION | EXCEPT ) setQuantifier intersectExpr } */
  private readonly setExpr: Rule<QueryBody> = this.RULE('setExpr', () => {
    const start = this.here();
    let left = this.subrule(1, this.intersectExpr);
    this.many(2, () => {
      const operator = this.or(3, [
        { ALT: () => this.consume(4, K.union) && ('union' as const) },
        { ALT: () => this.consume(5, K.except) && ('except' as const) },
      ]);
      const all = this.subrule(6, this.setQuantifier);
      const corresponding = this.subrule(7, this.corresponding);
      const right = this.subrule(8, this.intersectExpr);
      left = { kind: 'SetOperation', operator, all, corresponding, left, right, span: this.since(start) };
    });
    return left;
  });

  /** intersectExpr: queryTerm { INTERSECT setQuantifier queryTerm } */
  private readonly intersectExpr: Rule<QueryBody> = this.RULE('intersectExpr', () => {
    const start = this.here();
    let left = this.subrule(1, this.queryTerm);
    this.many(2, () => {
      this.consume(3, K.intersect);
      const all = this.subrule(4, this.setQuantifier);
      const corresponding = this.subrule(5, this.corresponding);
      const right = this.subrule(6, this.queryTerm);
      left = {
        kind: 'SetOperation',
        operator: 'intersect',
        all,
        corresponding,
        left,
        right,
        span: this.since(start),
      };
    });
    return left;
  });

  /** setQuantifier: [ ALL | DISTINCT ] */
  private readonly setQuantifier: Rule<boolean> = this.RULE('setQuantifier', () =>
    this.or(1, [
      { ALT: () => this.consume(2, K.all) && true },
      { ALT: () => this.has(3, K.distinct) && false },
    ]),
  );

  /** corresponding: [ CORRESPONDING [ BY columnList ] ] */
  private readonly corresponding: Rule<readonly Ident[] | null> = this.RULE('corresponding', () => {
    const columns = this.option(1, () => {
      this.consume(2, K.corresponding);
      return (
        this.option(3, () => {
          this.consume(4, K.by);
          return this.subrule(5, this.columnList);
        }) ?? []
      );
    });
    return columns ?? null;
  });

  /** queryTerm: select | values | TABLE objectName | '(' query ')' */
  private readonly queryTerm: Rule<QueryBody> = this.RULE('queryTerm', (): QueryBody => {
    const start = this.here();
    return this.or(1, [
      { ALT: () => this.subrule(2, this.select) },
      { ALT: () => this.subrule(3, this.values) },
      {
        ALT: (): QueryBody => {
          this.consume(4, K.table);
          const name = this.subrule(5, this.relationName);
          return { kind: 'TableCommand', name, span: this.since(start) };
        },
      },
      {
        ALT: (): QueryBody => {
          const query = this.subrule(6, this.parenQuery);
          return { kind: 'ParenQuery', query, span: this.since(start) };
        },
      },
    ]);
  });

  /** values: VALUES '(' expr { ',' expr } ')' { ',' '(' expr { ',' expr } ')' } */
  private readonly values: Rule<Values> = this.RULE('values', (): Values => {
    const start = this.consume(1, K.values).startOffset;
    const rows: (readonly Expr[])[] = [];
    this.ACTION(() => this.takeLiteralRows(rows));
    const row = (): readonly Expr[] => {
      this.consume(2, T.LParen);
      const items = this.list(0, () => this.subrule(3, this.expr));
      this.consume(4, T.RParen);
      return items;
    };
    this.option(5, {
      GATE: () => !this.rowsComplete(rows),
      DEF: () => {
        rows.push(...this.list(1, row));
      },
    });
    this.ACTION(() => {
      if (rows.length === 0 || this.isAt(0, T.Comma)) throw new SyntaxFailure(this.LA(1));
    });
    return { kind: 'Values', rows, span: this.since(start) };
  });

  /** The bulk path has read every row of the list. */
  private rowsComplete(rows: readonly unknown[]): boolean {
    return rows.length > 0 && !this.isAt(0, T.Comma);
  }

  /** Reads the rows that hold nothing but constants straight from the tokens, up to the first that holds more. */
  private takeLiteralRows(rows: (readonly Expr[])[]): void {
    const read = literalRows(this.input, this.tokenIndex(1));
    for (const row of read.rows) rows.push(row);
    this.skip(read.tokens);
  }

  // SELECT

  /**
   * select: SELECT [ ALL | DISTINCT [ ON '(' exprs ')' ] ] [ selectItem { ',' selectItem } ] [ INTO ... ] [ FROM fromList ]
   *   [ WHERE expr ] [ groupBy ] [ HAVING expr ] [ WINDOW ... ] [ QUALIFY expr ]
   */
  private readonly select: Rule<Select> = this.RULE('select', (): Select => {
    const start = this.consume(1, K.select).startOffset;
    let distinct: readonly Expr[] | null = null;
    this.or(2, [
      {
        ALT: () => {
          distinct = this.subrule(3, this.distinct);
        },
      },
      { ALT: () => this.has(4, K.all) },
    ]);
    const items = this.option(5, () => this.list(0, () => this.subrule(6, this.selectItem))) ?? [];
    this.ACTION(() => {
      if (distinct !== null && items.length === 0) throw new SyntaxFailure(this.LA(1));
    });
    this.option(7, () => this.subrule(8, this.into));
    const from =
      this.option(9, () => {
        this.consume(10, K.from);
        return this.subrule(11, this.fromList);
      }) ?? [];
    const where = this.option(12, () => this.subrule(13, this.whereClause)) ?? null;
    const groupBy = this.option(14, () => this.subrule(15, this.groupBy)) ?? noGroups;
    const having =
      this.option(16, () => {
        this.consume(17, K.having);
        return this.subrule(18, this.expr);
      }) ?? null;
    const windows =
      this.option(19, () => {
        this.consume(20, K.window);
        return this.list(1, () => this.subrule(21, this.namedWindow));
      }) ?? [];
    const qualify =
      this.option(22, () => {
        this.consume(23, K.qualify);
        return this.subrule(24, this.expr);
      }) ?? null;
    return {
      kind: 'Select',
      distinct,
      items,
      from,
      where,
      groupBy: groupBy.items,
      groupByDistinct: groupBy.distinct,
      having,
      windows,
      qualify,
      span: this.since(start),
    };
  });

  /** distinct: DISTINCT [ ON '(' expr { ',' expr } ')' ] */
  private readonly distinct: Rule<readonly Expr[]> = this.RULE('distinct', () => {
    this.consume(1, K.distinct);
    const keys = this.option(2, () => {
      this.consume(3, K.on);
      this.consume(4, T.LParen);
      const list = this.list(0, () => this.subrule(5, this.expr));
      this.consume(6, T.RParen);
      return list;
    });
    return keys ?? [];
  });

  /** into: INTO [ TEMPORARY | TEMP | UNLOGGED ] [ TABLE ] objectName, refused */
  private readonly into: Rule<void> = this.RULE('into', () => {
    this.refuse('SELECT INTO', this.consume(1, K.into).startOffset);
    this.or(2, [
      { GATE: () => this.isTableName(2), ALT: () => this.consume(3, K.temporary), IGNORE_AMBIGUITIES: true },
      { GATE: () => this.isTableName(2), ALT: () => this.consume(4, K.temp), IGNORE_AMBIGUITIES: true },
      { GATE: () => this.isTableName(2), ALT: () => this.consume(5, K.unlogged), IGNORE_AMBIGUITIES: true },
      { ALT: () => {} },
    ]);
    this.has(6, K.table);
    this.subrule(7, this.objectName);
  });

  private isTableName(distance: number): boolean {
    return this.isAt(distance, K.table) || this.isIn(distance, T.ColId);
  }

  /** whereClause: WHERE expr */
  readonly whereClause: Rule<Expr> = this.RULE('whereClause', () => {
    this.consume(1, K.where);
    return this.subrule(2, this.expr);
  });

  /** selectItem: '*' [ starExcept ] | expr [ AS colLabel | bareLabel ] */
  readonly selectItem: Rule<SelectItem> = this.RULE('selectItem', (): SelectItem => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: (): SelectItem => {
          this.consume(2, T.Star);
          const except = this.subrule(3, this.starExcept);
          const span = this.since(start);
          return {
            kind: 'SelectItem',
            expr: { kind: 'Star', qualifier: null, of: null, except, span },
            alias: null,
            span,
          };
        },
      },
      {
        ALT: (): SelectItem => {
          this.inSelectItem = true;
          const expr = this.subrule(4, this.expr, { ARGS: [0] });
          this.inSelectItem = false;
          const alias = this.subrule(5, this.label);
          return { kind: 'SelectItem', expr, alias, span: this.since(start) };
        },
      },
    ]);
  });

  /** label: [ AS colLabel | bareLabel ] */
  private readonly label: Rule<Ident | null> = this.RULE('label', () => {
    const name = this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.as);
          return this.subrule(3, this.colLabel);
        },
      },
      {
        ALT: () =>
          this.option(4, {
            GATE: () => !this.startsClause(),
            DEF: () => this.identOf(this.consume(5, T.BareLabel)),
          }) ?? null,
      },
    ]);
    return name;
  });

  /** namedWindow: colId AS windowSpec */
  private readonly namedWindow: Rule<NamedWindow> = this.RULE('namedWindow', (): NamedWindow => {
    const start = this.here();
    const name = this.subrule(1, this.colId);
    this.consume(2, K.as);
    const spec = this.subrule(3, this.windowSpec);
    return { kind: 'NamedWindow', name, spec, span: this.since(start) };
  });

  /** groupBy: GROUP BY [ ALL | DISTINCT ] groupItem { ',' groupItem } */
  private readonly groupBy: Rule<GroupBy> = this.RULE('groupBy', () => {
    this.consume(1, K.group);
    this.consume(2, K.by);
    const distinct = this.subrule(3, this.groupQuantifier);
    const items = this.list(0, () => this.subrule(4, this.groupItem));
    return { items, distinct };
  });

  private readonly groupQuantifier: Rule<boolean> = this.RULE('groupQuantifier', () =>
    this.or(1, [
      { ALT: () => this.consume(2, K.distinct) && true },
      { ALT: () => this.has(3, K.all) && false },
    ]),
  );

  /** groupItem: '(' ')' | ( ROLLUP | CUBE ) '(' expr { ',' expr } ')' | GROUPING SETS '(' groupItem { ',' groupItem } ')' | expr */
  readonly groupItem: Rule<GroupItem, [inSets?: boolean]> = this.RULE(
    'groupItem',
    (inSets = false): GroupItem => {
      const start = this.here();
      return this.or(1, [
        {
          GATE: () => this.isAt(2, T.RParen),
          ALT: (): GroupItem => {
            this.consume(2, T.LParen);
            this.consume(3, T.RParen);
            return { kind: 'GroupEmpty', span: this.since(start) };
          },
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.isAt(2, T.LParen),
          ALT: (): GroupItem => {
            const kind = this.or(4, [
              { ALT: () => this.consume(5, K.rollup) && ('Rollup' as const) },
              { ALT: () => this.consume(6, K.cube) && ('Cube' as const) },
            ]);
            this.consume(7, T.LParen);
            const sets = this.list(0, () => listOf(this.subrule(8, this.expr)));
            this.consume(9, T.RParen);
            return { kind, sets, span: this.since(start) };
          },
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.isAt(2, K.sets),
          ALT: (): GroupItem => {
            this.enter();
            this.consume(10, K.grouping);
            this.consume(11, K.sets);
            this.consume(12, T.LParen);
            const sets = this.list(1, () => this.subrule(13, this.groupItem, { ARGS: [true] }));
            this.consume(14, T.RParen);
            this.leave();
            return { kind: 'GroupingSets', sets, span: this.since(start) };
          },
          IGNORE_AMBIGUITIES: true,
        },
        {
          ALT: (): GroupItem => {
            const parenthesised = this.isAt(1, T.LParen);
            const expr = this.subrule(15, this.expr);
            const span = this.since(start);
            const list =
              inSets && parenthesised && (expr.kind === 'RowExpr' ? !expr.explicit : this.isAt(0, T.RParen));
            return list
              ? { kind: 'GroupList', exprs: listOf(expr), span }
              : { kind: 'GroupExpr', expr, span };
          },
        },
      ]);
    },
  );

  // ORDER BY

  /** orderBy: ORDER BY orderItem { ',' orderItem } */
  readonly orderBy: Rule<readonly OrderItem[]> = this.RULE('orderBy', () => {
    this.consume(1, K.order);
    this.consume(2, K.by);
    return this.list(0, () => this.subrule(3, this.orderItem));
  });

  /** orderItem: expr [ USING operator | ASC | DESC ] [ NULLS ( FIRST | LAST ) ] */
  readonly orderItem: Rule<OrderItem> = this.RULE('orderItem', (): OrderItem => {
    const start = this.here();
    const expr = this.subrule(1, this.expr);
    const direction = this.or(2, [
      {
        ALT: () => {
          this.consume(3, K.using);
          return this.or(4, [
            { ALT: () => this.consume(5, T.Less) && ('asc' as const) },
            { ALT: () => this.consume(6, T.Greater) && ('desc' as const) },
          ]);
        },
      },
      { ALT: () => this.consume(7, K.desc) && ('desc' as const) },
      { ALT: () => this.has(8, K.asc) && ('asc' as const) },
    ]);
    const nulls = this.subrule(9, this.nullsOrder);
    return {
      kind: 'OrderItem',
      expr,
      direction: direction === 'desc' ? 'desc' : 'asc',
      nulls,
      span: this.since(start),
    };
  });

  /** nullsOrder: [ NULLS ( FIRST | LAST ) ] */
  readonly nullsOrder: Rule<'first' | 'last' | null> = this.RULE('nullsOrder', () => {
    const nulls = this.option(1, {
      GATE: () => this.isAt(2, K.first) || this.isAt(2, K.last),
      DEF: () => {
        this.consume(2, K.nulls);
        return this.or(3, [
          { ALT: () => this.consume(4, K.first) && ('first' as const) },
          { ALT: () => this.consume(5, K.last) && ('last' as const) },
        ]);
      },
    });
    return nulls ?? null;
  });
}

function commaLimit(position: number): SqlError {
  const hint = 'Use separate LIMIT and OFFSET clauses.';
  return new SqlError('42601', 'LIMIT #,# syntax is not supported', { hint, position });
}

/** The items of a row in parentheses, or the one expression. */
function listOf(expr: Expr): readonly Expr[] {
  return expr.kind === 'RowExpr' && !expr.explicit ? expr.items : [expr];
}
