/** Grammar of the FROM clause: tables, subqueries, functions, time windows, joins, aliases. */
import type { TokenType } from 'chevrotain';
import type { ObjectName } from './ast/common.ts';
import type { FunctionCall } from './ast/expr.ts';
import type { Join, NamedTable, TableRef, TableSample } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { SyntaxFailure } from './lookahead.ts';
import { joinWords } from './tableAlias.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';
import { WindowTableParser } from './windowTable.ts';

const windowFunctions: ReadonlySet<TokenType> = new Set([K.tumble, K.hop, K.cumulate, K.session, K.gap_fill]);

export abstract class FromParser extends WindowTableParser {
  /** fromList: tableRef { ',' tableRef } */
  readonly fromList: Rule<readonly TableRef[]> = this.RULE('fromList', () =>
    this.list(0, () => this.subrule(1, this.tableRef)),
  );

  /** tableRef: tablePrimary { joinTail } */
  readonly tableRef: Rule<TableRef> = this.RULE('tableRef', () => {
    this.enter();
    const start = this.here();
    let left = this.subrule(1, this.tablePrimary);
    this.many(2, {
      GATE: () => this.startsJoin(),
      DEF: () => {
        left = this.subrule(3, this.joinTail, { ARGS: [left, start] });
      },
    });
    this.leave();
    return left;
  });

  private startsJoin(): boolean {
    return joinWords.has(this.at(1)) || this.startsAsofJoin();
  }

  private startsAsofJoin(): boolean {
    return this.isAt(1, K.asof) && joinWords.has(this.at(2));
  }

  /**
   * joinTail: CROSS JOIN tablePrimary
   *   | NATURAL [ joinType ] JOIN tablePrimary
   *   | [ ASOF ] [ joinType ] JOIN tablePrimary { joinTail } ( ON expr | USING columnList [ AS colId ] )
   *
   * The right side goes on with joins of its own until its ON or USING: a JOIN b JOIN c ON .. ON ..
   */
  private readonly joinTail: Rule<Join, [left: TableRef, start: Start]> = this.RULE(
    'joinTail',
    (left: TableRef, start: Start): Join => {
      const join = (
        type: Join['type'],
        asof: boolean,
        right: TableRef,
        condition: Join['condition'],
      ): Join => ({
        kind: 'Join',
        type,
        asof,
        left,
        right,
        condition,
        alias: null,
        span: this.since(start),
      });
      return this.or(1, [
        {
          ALT: () => {
            this.consume(2, K.cross);
            this.consume(3, K.join);
            return join('cross', false, this.subrule(4, this.tablePrimary), null);
          },
        },
        {
          ALT: () => {
            this.consume(5, K.natural);
            const type = this.subrule(6, this.joinType);
            this.consume(7, K.join);
            return join(type, false, this.subrule(8, this.tablePrimary), { kind: 'natural' });
          },
        },
        {
          ALT: () => {
            const asof = this.has(9, K.asof);
            const type = this.subrule(10, this.joinType);
            this.consume(11, K.join);
            const begin = this.here();
            let right = this.subrule(12, this.tablePrimary);
            this.many(13, {
              GATE: () => this.startsJoin(),
              DEF: () => {
                right = this.subrule(14, this.joinTail, { ARGS: [right, begin] });
              },
            });
            return join(type, asof, right, this.subrule(15, this.joinCondition));
          },
        },
      ]);
    },
  );

  /** joinType: [ INNER | ( LEFT | RIGHT | FULL ) [ OUTER ] ] */
  private readonly joinType: Rule<'inner' | 'left' | 'right' | 'full'> = this.RULE('joinType', () => {
    const outer = (index: number, word: TokenType, type: 'left' | 'right' | 'full') => ({
      ALT: (): 'inner' | 'left' | 'right' | 'full' => {
        this.consume(index, word);
        this.has(index, K.outer);
        return type;
      },
    });
    return this.or(1, [
      outer(11, K.left, 'left'),
      outer(12, K.right, 'right'),
      outer(13, K.full, 'full'),
      { ALT: () => this.optionally(2, K.inner, 'inner' as const) },
    ]);
  });

  /** joinCondition: ON expr | USING columnList [ AS colId ] */
  private readonly joinCondition: Rule<NonNullable<Join['condition']>> = this.RULE('joinCondition', () =>
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.on);
          return { kind: 'on' as const, expr: this.subrule(3, this.expr) };
        },
      },
      {
        ALT: () => {
          this.consume(4, K.using);
          const columns = this.subrule(5, this.columnList);
          const alias = this.option(6, () => {
            this.consume(7, K.as);
            return this.subrule(8, this.colId);
          });
          return { kind: 'using' as const, columns, ...(alias === undefined ? {} : { alias }) };
        },
      },
    ]),
  );

  /** tablePrimary: LATERAL lateralTable | ROWS FROM ... | TABLE '(' windowTable ')' | derived | '(' join ')' | windowTable | function | table */
  readonly tablePrimary: Rule<TableRef> = this.RULE('tablePrimary', (): TableRef => {
    const start = this.here();
    return this.or(1, [
      { ALT: () => this.subrule(2, this.lateralTable) },
      {
        GATE: () => this.startsQueryParen(1),
        ALT: () => this.subrule(3, this.derivedTable, { ARGS: [false, start] }),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(4, this.joinInParentheses) },
      {
        GATE: () => this.isAt(2, K.from),
        ALT: () => this.subrule(5, this.rowsFrom, { ARGS: [false, start] }),
        IGNORE_AMBIGUITIES: true,
      },
      { GATE: () => this.isAt(2, T.LParen), ALT: () => this.subrule(6, this.flinkTable) },
      {
        GATE: () => this.startsSpecialCall() || this.isAt(1, K.cast),
        ALT: () => this.subrule(7, this.valueTable),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => windowFunctions.has(this.at(1)) && this.isAt(2, T.LParen),
        ALT: () => this.subrule(8, this.windowTable, { ARGS: [start] }),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.startsTableFunction(),
        ALT: () => this.subrule(9, this.tableFunction, { ARGS: [false, start] }),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(10, this.namedTable) },
    ]);
  });

  /** valueTable: ( specialCall | castExpr ) [ functionAlias ], refused */
  private readonly valueTable: Rule<TableRef> = this.RULE('valueTable', (): TableRef => {
    const start = this.here();
    this.or(1, [
      { ALT: () => this.subrule(2, this.specialCall) },
      { ALT: () => this.subrule(3, this.castExpr) },
    ]);
    const alias = this.subrule(4, this.functionAlias);
    this.refuse('A function with special syntax in FROM', start);
    const name = this.ACTION(() => this.nameOf([], start));
    return this.tableOf(name, null, alias, start);
  });

  private startsTableFunction(): boolean {
    if (!this.isIn(1, T.ColId)) return true;
    return this.startsNamedCall();
  }

  /** lateralTable: LATERAL ( derivedTable | rowsFrom | tableFunction ) */
  private readonly lateralTable: Rule<TableRef> = this.RULE('lateralTable', (): TableRef => {
    const start = this.consume(1, K.lateral).startOffset;
    return this.or(2, [
      { ALT: () => this.subrule(3, this.derivedTable, { ARGS: [true, start] }) },
      {
        GATE: () => this.isAt(2, K.from),
        ALT: () => this.subrule(4, this.rowsFrom, { ARGS: [true, start] }),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(5, this.tableFunction, { ARGS: [true, start] }) },
    ]);
  });

  /** derivedTable: parenQuery [ tableAlias ] */
  private readonly derivedTable: Rule<TableRef, [lateral: boolean, start: Start]> = this.RULE(
    'derivedTable',
    (lateral: boolean, start: Start): TableRef => {
      const query = this.subrule(1, this.parenQuery);
      const alias = this.subrule(2, this.tableAlias);
      return { kind: 'DerivedTable', lateral, query, alias, span: this.since(start) };
    },
  );

  /** joinInParentheses: '(' tableRef ')' [ tableAlias ], where tableRef is a join */
  private readonly joinInParentheses: Rule<TableRef> = this.RULE('joinInParentheses', (): TableRef => {
    const start = this.consume(1, T.LParen).startOffset;
    const inner = this.subrule(2, this.tableRef);
    this.ACTION(() => {
      if (inner.kind !== 'Join') throw new SyntaxFailure(this.LA(1));
    });
    this.consume(3, T.RParen);
    const alias = this.subrule(4, this.tableAlias);
    if (alias === null || inner.kind !== 'Join') return inner;
    return { ...inner, alias, span: this.since(start) };
  });

  /** rowsFrom: ROWS FROM '(' functionCall [ AS aliasColumns ] { ',' ... } ')' [ WITH ORDINALITY ] [ tableAlias ] */
  private readonly rowsFrom: Rule<TableRef, [lateral: boolean, start: Start]> = this.RULE(
    'rowsFrom',
    (lateral: boolean, start: Start): TableRef => {
      this.consume(1, K.rows);
      this.consume(2, K.from);
      this.consume(3, T.LParen);
      const items = this.list(0, () => {
        const call = this.subrule(4, this.functionCall);
        const columns = this.option(8, () => {
          this.consume(9, K.as);
          return this.subrule(10, this.aliasColumns, { ARGS: [true] });
        });
        return { call, columns: columns ?? null };
      });
      this.consume(5, T.RParen);
      const withOrdinality = this.subrule(6, this.ordinality);
      const alias = this.subrule(7, this.functionAlias);
      return {
        kind: 'TableFunction',
        lateral,
        calls: items.map((item) => item.call),
        rowsFrom: true,
        ...(items.some((item) => item.columns !== null)
          ? { definitions: items.map((item) => item.columns) }
          : {}),
        withOrdinality,
        alias,
        span: this.since(start),
      };
    },
  );

  /** tableFunction: functionCall [ WITH ORDINALITY ] [ functionAlias ] */
  private readonly tableFunction: Rule<TableRef, [lateral: boolean, start: Start]> = this.RULE(
    'tableFunction',
    (lateral: boolean, start: Start): TableRef => {
      const call: FunctionCall = this.subrule(1, this.functionCall);
      const withOrdinality = this.subrule(2, this.ordinality);
      const alias = this.subrule(3, this.functionAlias);
      return {
        kind: 'TableFunction',
        lateral,
        calls: [call],
        rowsFrom: false,
        withOrdinality,
        alias,
        span: this.since(start),
      };
    },
  );

  /** ordinality: [ WITH ORDINALITY ] */
  private readonly ordinality: Rule<boolean> = this.RULE('ordinality', () => {
    const found = this.option(1, {
      GATE: () => this.isAt(2, K.ordinality),
      DEF: () => {
        this.consume(2, K.with);
        this.consume(3, K.ordinality);
        return true;
      },
    });
    return found ?? false;
  });

  /** namedTable: [ ONLY ] objectName [ '*' ] [ asOf ] [ tableAlias ] [ TABLESAMPLE ... ] | ONLY '(' objectName ')' */
  private readonly namedTable: Rule<TableRef> = this.RULE('namedTable', (): TableRef => {
    const start = this.here();
    const name = this.subrule(1, this.relationName);
    const asOf = this.option(2, {
      GATE: () => this.isAt(2, K.system_time),
      DEF: () => this.subrule(3, this.systemTime),
    });
    const alias = this.subrule(4, this.tableAlias);
    const sample = this.option(5, () => this.subrule(6, this.tableSample));
    const table = this.tableOf(name, asOf ?? null, alias, start);
    return sample === undefined ? table : { ...table, sample, span: this.since(start) };
  });

  /** relationName: objectName [ '*' ] | ONLY objectName | ONLY '(' objectName ')': there is no inheritance to exclude */
  readonly relationName: Rule<ObjectName> = this.RULE('relationName', () =>
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.only);
          return this.or(3, [
            {
              ALT: () => {
                this.consume(4, T.LParen);
                const name = this.subrule(5, this.objectName);
                this.consume(6, T.RParen);
                return name;
              },
            },
            { ALT: () => this.subrule(7, this.objectName) },
          ]);
        },
      },
      {
        ALT: () => {
          const name = this.subrule(8, this.objectName);
          this.has(9, T.Star);
          return name;
        },
      },
    ]),
  );

  /** systemTime: FOR SYSTEM_TIME AS OF ( PROCTIME '(' ')' | expr ) */
  private readonly systemTime: Rule<NonNullable<NamedTable['asOf']>> = this.RULE('systemTime', () => {
    this.consume(1, K.for);
    this.consume(2, K.system_time);
    this.consume(3, K.as);
    this.consume(4, K.of);
    return this.or(5, [
      {
        GATE: () => this.isAt(2, T.LParen) && this.isAt(3, T.RParen),
        ALT: (): NonNullable<NamedTable['asOf']> => {
          this.consume(6, K.proctime);
          this.consume(7, T.LParen);
          this.consume(8, T.RParen);
          return { kind: 'proctime' };
        },
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: (): NonNullable<NamedTable['asOf']> => ({ kind: 'expr', expr: this.subrule(9, this.expr) }) },
    ]);
  });

  /** tableSample: TABLESAMPLE funcName '(' expr { ',' expr } ')' [ REPEATABLE '(' expr ')' ] */
  private readonly tableSample: Rule<TableSample> = this.RULE('tableSample', (): TableSample => {
    const start = this.consume(1, K.tablesample).startOffset;
    const method = this.subrule(2, this.funcName);
    this.consume(3, T.LParen);
    const args = this.list(0, () => this.subrule(4, this.expr));
    this.consume(5, T.RParen);
    const seed = this.option(6, () => {
      this.consume(7, K.repeatable);
      this.consume(8, T.LParen);
      const given = this.subrule(9, this.expr);
      this.consume(10, T.RParen);
      return given;
    });
    return { kind: 'TableSample', method, arguments: args, seed: seed ?? null, span: this.since(start) };
  });
}
