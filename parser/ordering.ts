/** Grammar of what follows a query's body: ORDER BY, LIMIT, OFFSET, FETCH, locking. */
import { SqlError } from '../common/sqlError.ts';
import type { Expr } from './ast/expr.ts';
import type { LimitClause, OrderItem } from './ast/query.ts';
import type { Rule } from './base.ts';
import { FromParser } from './from.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

/** The clauses after a query's body, each at most once. */
export interface Tail {
  limit: LimitClause | null;
  offset: Expr | null;
  readonly locking: string[];
}

export abstract class OrderingParser extends FromParser {
  protected repeats(tail: Tail): boolean {
    const word = this.at(1);
    if (word === K.limit || word === K.fetch) return tail.limit !== null;
    return word === K.offset && tail.offset !== null;
  }

  /** tailClause: LIMIT ( ALL | expr ) | OFFSET expr [ ROW | ROWS ] | fetch | locking */
  protected readonly tailClause: Rule<void, [tail: Tail]> = this.RULE('tailClause', (tail: Tail) => {
    const start = this.here();
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.limit);
          const count = this.or(3, [
            { ALT: () => this.consume(4, K.all) && null },
            { ALT: () => this.subrule(5, this.expr) },
          ]);
          // With a gate, so that a comma is never said to be expected.
          this.option(6, {
            GATE: () => this.isAt(1, T.Comma),
            DEF: () => {
              this.consume(7, T.Comma);
              this.subrule(8, this.expr);
              this.ACTION(() => this.refuseWith(commaLimit(start)));
            },
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
  protected readonly fetch: Rule<LimitClause> = this.RULE('fetch', (): LimitClause => {
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
  protected readonly locking: Rule<string> = this.RULE('locking', () => {
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
