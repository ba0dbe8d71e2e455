/** Grammar of table aliases, and of the words that look like one but open a clause. */
import type { TokenType } from 'chevrotain';
import type { TableAlias } from './ast/query.ts';
import type { Rule } from './base.ts';
import { ExprParser } from './expr.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

export const joinWords: ReadonlySet<TokenType> = new Set([
  K.join,
  K.inner,
  K.left,
  K.right,
  K.full,
  K.cross,
  K.natural,
]);

export abstract class TableAliasParser extends ExprParser {
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
  readonly tableAlias: Rule<TableAlias | null> = this.RULE('tableAlias', () => {
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
  readonly functionAlias: Rule<TableAlias | null> = this.RULE('functionAlias', () => {
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
  protected readonly aliasColumns: Rule<TableAlias['columns'], [mustHaveTypes: boolean]> = this.RULE(
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
