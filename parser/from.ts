/** Grammar of the FROM clause: tables, subqueries, functions, time windows, joins, aliases. */
import type { TokenType } from 'chevrotain';
import type { ObjectName } from './ast/common.ts';
import type { Expr, FunctionCall } from './ast/expr.ts';
import type { Join, NamedTable, TableAlias, TableRef, WindowTable } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { ExprParser } from './expr.ts';
import { SyntaxFailure } from './lookahead.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

const joinWords: ReadonlySet<TokenType> = new Set([
  K.join,
  K.inner,
  K.left,
  K.right,
  K.full,
  K.cross,
  K.natural,
]);

const windowFunctions: ReadonlySet<TokenType> = new Set([K.tumble, K.hop, K.cumulate, K.session, K.gap_fill]);

/** Plural forms that Flink's interval constants have. */
const pluralFields: ReadonlyMap<string, string> = new Map([
  ['days', 'day'],
  ['hours', 'hour'],
  ['minutes', 'minute'],
  ['seconds', 'second'],
]);

type Optional<R> = R | null;

export abstract class FromParser extends ExprParser {
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
      { ALT: () => (this.has(2, K.inner), 'inner' as const) },
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
          this.option(6, () => {
            this.refuse('JOIN USING alias', this.consume(7, K.as).startOffset);
            this.subrule(8, this.colId);
          });
          return { kind: 'using' as const, columns };
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
        GATE: () => this.startsSpecialCall() || (this.isAt(1, K.cast) && this.isAt(2, T.LParen)),
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

  /** rowsFrom: ROWS FROM '(' functionCall { ',' functionCall } ')' [ WITH ORDINALITY ] [ tableAlias ] */
  private readonly rowsFrom: Rule<TableRef, [lateral: boolean, start: Start]> = this.RULE(
    'rowsFrom',
    (lateral: boolean, start: Start): TableRef => {
      this.consume(1, K.rows);
      this.consume(2, K.from);
      this.consume(3, T.LParen);
      const calls = this.list(0, () => this.subrule(4, this.functionCall));
      this.consume(5, T.RParen);
      const withOrdinality = this.subrule(6, this.ordinality);
      const alias = this.subrule(7, this.functionAlias);
      return {
        kind: 'TableFunction',
        lateral,
        calls,
        rowsFrom: true,
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

  /** flinkTable: TABLE '(' windowTable ')' [ tableAlias ] */
  private readonly flinkTable: Rule<TableRef> = this.RULE('flinkTable', (): TableRef => {
    const start = this.consume(1, K.table).startOffset;
    this.consume(2, T.LParen);
    const table = this.subrule(3, this.windowCall);
    this.consume(4, T.RParen);
    const alias = this.subrule(5, this.tableAlias);
    return { ...table, alias, span: this.since(start) };
  });

  /** windowTable: windowCall [ tableAlias ] */
  private readonly windowTable: Rule<TableRef, [start: Start]> = this.RULE(
    'windowTable',
    (start: Start): TableRef => {
      const table = this.subrule(1, this.windowCall);
      const alias = this.subrule(2, this.tableAlias);
      return { ...table, alias, span: this.since(start) };
    },
  );

  /**
   * windowCall: ( TUMBLE | HOP | CUMULATE | SESSION | GAP_FILL ) '(' windowInput [ PARTITION BY expr { ',' expr } ]
   *   { ',' windowArgument } ')'
   */
  private readonly windowCall: Rule<WindowTable> = this.RULE('windowCall', (): WindowTable => {
    const start = this.here();
    const name = this.or(1, [
      { ALT: () => this.consume(2, K.tumble) && ('tumble' as const) },
      { ALT: () => this.consume(3, K.hop) && ('hop' as const) },
      { ALT: () => this.consume(4, K.cumulate) && ('cumulate' as const) },
      { ALT: () => this.consume(5, K.session) && ('session' as const) },
      { ALT: () => this.consume(6, K.gap_fill) && ('gap_fill' as const) },
    ]);
    this.consume(7, T.LParen);
    const relation = this.subrule(8, this.windowInput);
    const partitionBy =
      this.option(9, () => {
        this.consume(10, K.partition);
        this.consume(11, K.by);
        // No comma list: a comma ends the clause, as it does in Flink unless the list is in parentheses.
        const keys = this.subrule(12, this.expr);
        return keys.kind === 'RowExpr' && !keys.explicit ? keys.items : [keys];
      }) ?? [];
    const values: Expr[] = [];
    this.many(13, () => {
      this.consume(14, T.Comma);
      values.push(this.subrule(15, this.windowArgument));
    });
    this.consume(16, T.RParen);
    return {
      kind: 'WindowTable',
      function: name,
      relation,
      arguments: values,
      partitionBy,
      alias: null,
      span: this.since(start),
    };
  });

  /** windowInput: [ TABLE ] objectName | parenQuery */
  private readonly windowInput: Rule<TableRef> = this.RULE('windowInput', (): TableRef => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: (): TableRef => {
          const query = this.subrule(2, this.parenQuery);
          return { kind: 'DerivedTable', lateral: false, query, alias: null, span: this.since(start) };
        },
      },
      {
        ALT: (): TableRef => {
          this.has(3, K.table);
          const name = this.subrule(4, this.objectName);
          return this.tableOf(name, null, null, start);
        },
      },
    ]);
  });

  /** windowArgument: expr, with DESCRIPTOR(column) made the column */
  private readonly windowArgument: Rule<Expr> = this.RULE('windowArgument', (): Expr => {
    const value = this.subrule(1, this.expr);
    const plural = this.option(2, {
      GATE: () =>
        value.kind === 'IntervalLiteral' &&
        value.fields === null &&
        pluralFields.has(this.textOf(this.LA(1))),
      DEF: () => this.textOf(this.consume(3, T.Ident)),
    });
    return this.ACTION(() => {
      if (plural !== undefined && value.kind === 'IntervalLiteral') {
        return { ...value, fields: pluralFields.get(plural) ?? null, span: this.since(value.span.start) };
      }
      return descriptorColumn(value) ?? value;
    });
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
    this.option(5, () => this.subrule(6, this.tableSample));
    return this.tableOf(name, asOf ?? null, alias, start);
  });

  private tableOf(
    name: ObjectName,
    asOf: NamedTable['asOf'],
    alias: Optional<TableAlias>,
    start: Start,
  ): NamedTable {
    return { kind: 'NamedTable', name, alias, asOf, span: this.since(start) };
  }

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

  /** tableSample: TABLESAMPLE funcName '(' expr { ',' expr } ')' [ REPEATABLE '(' expr ')' ], refused */
  private readonly tableSample: Rule<void> = this.RULE('tableSample', () => {
    this.refuse('TABLESAMPLE', this.consume(1, K.tablesample).startOffset);
    this.subrule(2, this.funcName);
    this.consume(3, T.LParen);
    this.list(0, () => this.subrule(4, this.expr));
    this.consume(5, T.RParen);
    this.option(6, () => {
      this.consume(7, K.repeatable);
      this.consume(8, T.LParen);
      this.subrule(9, this.expr);
      this.consume(10, T.RParen);
    });
  });

  // Aliases

  /** A word that could be an alias but opens a clause. */
  protected startsClause(): boolean {
    switch (this.at(1)) {
      case K.asof:
        return joinWords.has(this.at(2));
      case K.emit:
        return this.startsEmit();
      case K.format:
        return this.isIn(2, T.ColId) && this.isAt(3, K.encode);
      case K.engine:
        return this.isAt(2, T.Equal);
      case K.qualify:
        return (
          this.isIn(2, T.Ident) ||
          this.isAt(2, T.Ident) ||
          this.isAt(2, T.Int) ||
          this.isIn(2, T.ColId) ||
          this.isIn(2, T.FuncName)
        );
      default:
        return false;
    }
  }

  protected startsEmit(): boolean {
    if (this.isAt(2, K.on)) return this.isAt(3, K.window);
    return (
      this.isAt(2, K.immediately) || this.isAt(2, K.every) || (this.isAt(2, K.with) && this.isAt(3, K.delay))
    );
  }

  /** tableAlias: [ [ AS ] colId [ columnList ] ] */
  readonly tableAlias: Rule<Optional<TableAlias>> = this.RULE('tableAlias', () => {
    const start = this.here();
    const alias = this.option(1, {
      GATE: () => !this.startsClause(),
      DEF: (): TableAlias => {
        this.has(2, K.as);
        const name = this.subrule(3, this.colId);
        const columns = this.option(4, () => this.subrule(5, this.columnList)) ?? [];
        return {
          kind: 'TableAlias',
          name,
          columns: this.ACTION(() => columns.map((column) => ({ name: column, type: null }))),
          span: this.since(start),
        };
      },
    });
    return alias ?? null;
  });

  /** functionAlias: [ [ AS ] colId [ '(' aliasColumn { ',' aliasColumn } ')' ] | AS '(' aliasColumn { ',' aliasColumn } ')' ] */
  readonly functionAlias: Rule<Optional<TableAlias>> = this.RULE('functionAlias', () => {
    const start = this.here();
    const alias = this.option(1, {
      GATE: () => !this.startsClause(),
      DEF: (): TableAlias => {
        const as = this.has(2, K.as);
        const name = this.or(3, [
          { ALT: () => this.subrule(4, this.colId) },
          { GATE: () => as && this.isAt(1, T.LParen), ALT: () => null },
        ]);
        const columns =
          this.option(5, () => this.subrule(6, this.aliasColumns, { ARGS: [name === null] })) ?? [];
        return { kind: 'TableAlias', name, columns, span: this.since(start) };
      },
    });
    return alias ?? null;
  });

  /** aliasColumns: '(' colId typeName { ',' colId typeName } ')' | columnList, the latter only behind a name */
  private readonly aliasColumns: Rule<TableAlias['columns'], [mustHaveTypes: boolean]> = this.RULE(
    'aliasColumns',
    (mustHaveTypes: boolean) => {
      let typed: boolean | null = mustHaveTypes ? true : null;
      this.consume(1, T.LParen);
      const columns = this.list(0, () => {
        const name = this.subrule(2, this.colId);
        const type = this.or(3, [
          { GATE: () => typed !== false, ALT: () => this.subrule(4, this.typeName) },
          { GATE: () => typed !== true, ALT: () => null },
        ]);
        typed ??= type !== null;
        return { name, type };
      });
      this.consume(5, T.RParen);
      return columns;
    },
  );
}

/** The column of DESCRIPTOR(column), else null. */
function descriptorColumn(value: Expr): Expr | null {
  if (value.kind !== 'FunctionCall' || value.name.parts.length !== 1 || value.arguments.length !== 1)
    return null;
  const column = value.arguments[0]?.value;
  return value.name.parts[0]?.name === 'descriptor' && column?.kind === 'ColumnRef' ? column : null;
}
