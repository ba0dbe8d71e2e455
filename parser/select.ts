/** Grammar of SELECT up to its last clause: items, grouping, named windows. */
import type { Ident } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';
import type { GroupItem, NamedWindow, Select, SelectItem } from './ast/query.ts';
import type { Rule } from './base.ts';
import { OrderingParser } from './ordering.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

interface GroupBy {
  readonly items: readonly GroupItem[];
  readonly distinct: boolean;
}

const noGroups: GroupBy = { items: [], distinct: false };

export abstract class SelectParser extends OrderingParser {
  /**
   * select: SELECT [ ALL | DISTINCT [ ON '(' exprs ')' ] ] [ selectItem { ',' selectItem } ] [ INTO ... ] [ FROM fromList ]
   *   [ WHERE expr ] [ groupBy ] [ HAVING expr ] [ WINDOW ... ] [ QUALIFY expr ]
   */
  protected readonly select: Rule<Select> = this.RULE('select', (): Select => {
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
      if (distinct !== null && items.length === 0) this.failHere();
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
  protected readonly distinct: Rule<readonly Expr[]> = this.RULE('distinct', () => {
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
  protected readonly into: Rule<void> = this.RULE('into', () => {
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

  protected isTableName(distance: number): boolean {
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
          const expr = this.subrule(4, this.expr, { ARGS: [0, false, true] });
          const alias = this.subrule(5, this.label);
          return { kind: 'SelectItem', expr, alias, span: this.since(start) };
        },
      },
    ]);
  });

  /** label: [ AS colLabel | bareLabel ] */
  protected readonly label: Rule<Ident | null> = this.RULE('label', () => {
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
  protected readonly namedWindow: Rule<NamedWindow> = this.RULE('namedWindow', (): NamedWindow => {
    const start = this.here();
    const name = this.subrule(1, this.colId);
    this.consume(2, K.as);
    const spec = this.subrule(3, this.windowSpec);
    return { kind: 'NamedWindow', name, spec, span: this.since(start) };
  });

  /** groupBy: GROUP BY [ ALL | DISTINCT ] groupItem { ',' groupItem } */
  protected readonly groupBy: Rule<GroupBy> = this.RULE('groupBy', () => {
    this.consume(1, K.group);
    this.consume(2, K.by);
    const distinct = this.subrule(3, this.groupQuantifier);
    const items = this.list(0, () => this.subrule(4, this.groupItem));
    return { items, distinct };
  });

  protected readonly groupQuantifier: Rule<boolean> = this.RULE('groupQuantifier', () =>
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
}

/** The items of a row in parentheses, or the one expression. */
function listOf(expr: Expr): readonly Expr[] {
  return expr.kind === 'RowExpr' && !expr.explicit ? expr.items : [expr];
}
