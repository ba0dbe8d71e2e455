/** Grammar of time windows in FROM: TUMBLE, HOP and their kind, also in Flink's spelling. */
import type { ObjectName } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';
import type { NamedTable, TableAlias, TableRef, WindowTable } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { TableAliasParser } from './tableAlias.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

/** Plural forms that Flink's interval constants have. */
const pluralFields: ReadonlyMap<string, string> = new Map([
  ['days', 'day'],
  ['hours', 'hour'],
  ['minutes', 'minute'],
  ['seconds', 'second'],
]);

export abstract class WindowTableParser extends TableAliasParser {
  /** flinkTable: TABLE '(' windowTable ')' [ tableAlias ] */
  protected readonly flinkTable: Rule<TableRef> = this.RULE('flinkTable', (): TableRef => {
    const start = this.consume(1, K.table).startOffset;
    this.consume(2, T.LParen);
    const table = this.subrule(3, this.windowCall);
    this.consume(4, T.RParen);
    const alias = this.subrule(5, this.tableAlias);
    return { ...table, alias, span: this.since(start) };
  });

  /** windowTable: windowCall [ tableAlias ] */
  protected readonly windowTable: Rule<TableRef, [start: Start]> = this.RULE(
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
  protected readonly windowCall: Rule<WindowTable> = this.RULE('windowCall', (): WindowTable => {
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
  protected readonly windowInput: Rule<TableRef> = this.RULE('windowInput', (): TableRef => {
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
  protected readonly windowArgument: Rule<Expr> = this.RULE('windowArgument', (): Expr => {
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

  protected tableOf(
    name: ObjectName,
    asOf: NamedTable['asOf'],
    alias: TableAlias | null,
    start: Start,
  ): NamedTable {
    return { kind: 'NamedTable', name, alias, asOf, span: this.since(start) };
  }
}

/** The column of DESCRIPTOR(column), else null. */
function descriptorColumn(value: Expr): Expr | null {
  if (value.kind !== 'FunctionCall' || value.name.parts.length !== 1 || value.arguments.length !== 1)
    return null;
  const column = value.arguments[0]?.value;
  return value.name.parts[0]?.name === 'descriptor' && column?.kind === 'ColumnRef' ? column : null;
}
