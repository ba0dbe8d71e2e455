/** Grammar of queries: WITH, SELECT, VALUES, set operations, ORDER BY, LIMIT, locking. */
import { unsupported } from '../common/sqlError.ts';
import type { Ident } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';
import type { Cte, CycleClause, Query, QueryBody, SearchClause, Values, WithClause } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { literalRows } from './literalRows.ts';
import type { Tail } from './ordering.ts';
import { SelectParser } from './select.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

export abstract class QueryParser extends SelectParser {
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
      this.ACTION(() => {
        const { limit } = tail;
        if (limit === null || !limit.withTies || orderBy.length > 0) return;
        this.refuseInvalid(
          'WITH TIES cannot be specified without ORDER BY clause',
          limit.span.start,
          '42601',
        );
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

  // WITH

  /** withClause: WITH [ RECURSIVE ] cte { ',' cte } | WITH MUTUALLY RECURSIVE ..., refused */
  readonly withClause: Rule<WithClause> = this.RULE('withClause', (): WithClause => {
    const start = this.consume(1, K.with).startOffset;
    const mutual = this.option(5, {
      GATE: () => this.LA(1).image.toLowerCase() === 'mutually' && this.isAt(2, K.recursive),
      DEF: () => this.subrule(6, this.mutualItems),
    });
    const recursive =
      this.option(2, {
        GATE: () => !this.isAt(2, T.LParen) && !this.isAt(2, K.as),
        DEF: () => this.consume(3, K.recursive),
      }) !== undefined;
    // Nothing but the items themselves follows MUTUALLY RECURSIVE; the grammar is recorded with both.
    const plain = mutual === undefined || this.RECORDING_PHASE;
    const ctes = plain ? this.list(0, () => this.subrule(4, this.cte)) : [];
    return { kind: 'WithClause', recursive, ctes, span: this.since(start) };
  });

  /** mutualItems: MUTUALLY RECURSIVE colId aliasColumns AS parenQuery { ',' ... }, refused */
  private readonly mutualItems: Rule<boolean> = this.RULE('mutualItems', () => {
    const { span } = this.subrule(1, this.colId);
    this.consume(2, K.recursive);
    this.list(0, () => {
      this.subrule(3, this.colId);
      this.subrule(4, this.aliasColumns, { ARGS: [true] });
      this.consume(5, K.as);
      this.subrule(6, this.parenQuery);
    });
    const hint =
      'Write one WITH RECURSIVE item with a column that tells which of the relations a row belongs to.';
    this.ACTION(() => this.refuseWith(unsupported('WITH MUTUALLY RECURSIVE', span.start, hint)));
    return true;
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
    const search = this.option(17, () => this.subrule(18, this.searchClause));
    const cycle = this.option(19, () => this.subrule(20, this.cycleClause));
    const clauses = {
      ...(search === undefined ? {} : { search }),
      ...(cycle === undefined ? {} : { cycle }),
    };
    return { kind: 'Cte', name, columns, materialized, body, ...clauses, span: this.since(start) };
  });

  /** searchClause: SEARCH ( DEPTH | BREADTH ) FIRST BY colId { ',' colId } SET colId */
  private readonly searchClause: Rule<SearchClause> = this.RULE('searchClause', (): SearchClause => {
    const start = this.consume(1, K.search).startOffset;
    const order = this.or(2, [
      {
        ALT: (): SearchClause['order'] => {
          this.consume(3, K.depth);
          return 'depth';
        },
      },
      {
        ALT: (): SearchClause['order'] => {
          this.consume(4, K.breadth);
          return 'breadth';
        },
      },
    ]);
    this.consume(5, K.first);
    this.consume(6, K.by);
    const by = this.list(0, () => this.subrule(7, this.colId));
    this.consume(8, K.set);
    const sequence = this.subrule(9, this.colId);
    return { kind: 'SearchClause', order, by, sequence, span: this.since(start) };
  });

  /** cycleClause: CYCLE colId { ',' colId } SET colId [ TO expr DEFAULT expr ] USING colId */
  private readonly cycleClause: Rule<CycleClause> = this.RULE('cycleClause', (): CycleClause => {
    const start = this.consume(1, K.cycle).startOffset;
    const columns = this.list(0, () => this.subrule(2, this.colId));
    this.consume(3, K.set);
    const mark = this.subrule(4, this.colId);
    const values = this.option(5, () => {
      this.consume(6, K.to);
      const found = this.subrule(7, this.primary);
      this.consume(8, K.default);
      return { found, otherwise: this.subrule(9, this.primary) };
    });
    this.consume(10, K.using);
    const path = this.subrule(11, this.colId);
    return { kind: 'CycleClause', columns, mark, values: values ?? null, path, span: this.since(start) };
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
      if (rows.length === 0 || this.isAt(0, T.Comma)) this.failHere();
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
}
