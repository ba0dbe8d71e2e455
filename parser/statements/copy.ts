/** Grammar of COPY, with both forms of options brought to one. */
import type { TokenType } from 'chevrotain';
import type { Ident, Option, OptionValue } from '../ast/common.ts';
import type { Copy } from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import { quoteIdent } from '../identifier.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { ObjectParser } from './objects.ts';

type Endpoint = Copy['endpoint'];

export abstract class CopyParser extends ObjectParser {
  /**
   * copy: COPY ( [ BINARY ] objectName [ columnList ] ( FROM | TO ) endpoint | parenQuery TO endpoint )
   *   [ [ USING ] DELIMITERS SCONST ] [ WITH ] ( '(' copyOption { ',' copyOption } ')' | { oldCopyOption } ) [ WHERE expr ]
   */
  readonly copy: Rule<Copy> = this.RULE('copy', (): Copy => {
    const start = this.consume(1, K.copy).startOffset;
    const options: Option[] = [];
    let direction: Copy['direction'] = 'to';
    const source = this.or(2, [
      {
        ALT: (): Copy['source'] => {
          const query = this.subrule(3, this.parenQuery);
          this.consume(4, K.to);
          return { kind: 'query', query };
        },
      },
      {
        ALT: (): Copy['source'] => {
          const begin = this.here();
          this.option(5, {
            GATE: () => this.isIn(2, T.ColId),
            DEF: () => {
              this.consume(6, K.binary);
              options.push(this.optionOf('format', { kind: 'name', value: 'binary' }, begin));
            },
          });
          const table = this.subrule(7, this.objectName);
          const columns = this.option(8, () => this.subrule(9, this.columnList)) ?? [];
          direction = this.or(10, [
            { ALT: () => this.consume(11, K.from) && ('from' as const) },
            { ALT: () => this.consume(12, K.to) && ('to' as const) },
          ]);
          return { kind: 'table', table, columns };
        },
      },
    ]);
    const endpoint = this.subrule(13, this.endpoint);
    this.has(14, K.with);
    this.or(15, [
      {
        ALT: () => {
          this.consume(16, T.LParen);
          options.push(...this.list(0, () => this.subrule(17, this.copyOption)));
          this.consume(18, T.RParen);
        },
      },
      {
        ALT: () =>
          this.many(19, () => {
            options.push(this.subrule(20, this.oldCopyOption));
          }),
      },
    ]);
    this.option(21, () => {
      this.refuse('COPY WHERE', this.here());
      this.subrule(22, this.whereClause);
    });
    return { kind: 'Copy', direction, source, endpoint, options, span: this.since(start) };
  });

  /** endpoint: STDIN | STDOUT | SCONST | PROGRAM SCONST, the last refused */
  private readonly endpoint: Rule<Endpoint> = this.RULE('endpoint', () =>
    this.or(1, [
      { ALT: (): Endpoint => this.consume(2, K.stdin) && { kind: 'stdin' } },
      { ALT: (): Endpoint => this.consume(3, K.stdout) && { kind: 'stdout' } },
      { ALT: (): Endpoint => ({ kind: 'file', path: this.subrule(4, this.stringValue) }) },
      {
        ALT: (): Endpoint => {
          this.refuse('COPY PROGRAM', this.consume(5, K.program).startOffset);
          return { kind: 'file', path: this.subrule(6, this.stringValue) };
        },
      },
    ]),
  );

  private optionOf(name: string, value: OptionValue, start: Start): Option {
    return { kind: 'Option', name, value, span: this.since(start) };
  }

  /** copyOption: colLabel [ TRUE | FALSE | ON | word | SCONST | signedNumber | '*' | '(' colId { ',' colId } ')' ] */
  private readonly copyOption: Rule<Option> = this.RULE('copyOption', (): Option => {
    const start = this.here();
    const name = this.textOf(this.consume(1, T.ColLabel));
    const value = this.option(2, () =>
      this.or(3, [
        { ALT: (): OptionValue => this.consume(4, K.true) && { kind: 'boolean', value: true } },
        { ALT: (): OptionValue => this.consume(5, K.false) && { kind: 'boolean', value: false } },
        { ALT: (): OptionValue => this.consume(6, K.on) && { kind: 'boolean', value: true } },
        { ALT: (): OptionValue => ({ kind: 'name', value: this.textOf(this.consume(7, T.NonReserved)) }) },
        { ALT: (): OptionValue => ({ kind: 'string', value: this.subrule(8, this.stringValue) }) },
        { ALT: (): OptionValue => ({ kind: 'number', value: this.subrule(9, this.signedNumber) }) },
        { ALT: (): OptionValue => this.consume(10, T.Star) && { kind: 'name', value: '*' } },
        { ALT: (): OptionValue => this.columnsValue(this.subrule(11, this.columnList)) },
      ]),
    );
    return this.optionOf(name, value ?? { kind: 'boolean', value: true }, start);
  });

  /** A list of columns as an option's value. */
  private columnsValue(columns: readonly Ident[]): OptionValue {
    return {
      kind: 'name',
      value: this.ACTION(() => `(${columns.map((column) => quoteIdent(column.name)).join(', ')})`),
    };
  }

  /**
   * oldCopyOption: BINARY | FREEZE | CSV | HEADER | ( DELIMITER | NULL | QUOTE | ESCAPE ) [ AS ] SCONST | ENCODING SCONST
   *   | FORCE ( QUOTE | NOT NULL | NULL ) ( colId { ',' colId } | '*' )
   */
  private readonly oldCopyOption: Rule<Option> = this.RULE('oldCopyOption', (): Option => {
    const start = this.here();
    const flag = (index: number, type: TokenType, name: string, value: OptionValue) => ({
      ALT: (): Option => {
        this.consume(index, type);
        return this.optionOf(name, value, start);
      },
    });
    const text = (index: number, type: TokenType, name: string) => ({
      ALT: (): Option => {
        this.consume(index, type);
        this.has(index, K.as);
        return this.optionOf(name, { kind: 'string', value: this.subrule(index, this.stringValue) }, start);
      },
    });
    const on: OptionValue = { kind: 'boolean', value: true };
    return this.or(1, [
      flag(21, K.binary, 'format', { kind: 'name', value: 'binary' }),
      flag(22, K.csv, 'format', { kind: 'name', value: 'csv' }),
      flag(23, K.freeze, 'freeze', on),
      flag(24, K.header, 'header', on),
      text(31, K.delimiter, 'delimiter'),
      text(32, K.null, 'null'),
      text(33, K.quote, 'quote'),
      text(34, K.escape, 'escape'),
      text(35, K.encoding, 'encoding'),
      { ALT: (): Option => this.subrule(2, this.forceOption) },
    ]);
  });

  /** forceOption: FORCE ( QUOTE | NOT NULL | NULL ) ( colId { ',' colId } | '*' ) */
  private readonly forceOption: Rule<Option> = this.RULE('forceOption', (): Option => {
    const start = this.consume(1, K.force).startOffset;
    const name = this.or(2, [
      { ALT: () => this.consume(3, K.quote) && 'force_quote' },
      { ALT: () => this.consume(4, K.null) && 'force_null' },
      {
        ALT: () => {
          this.consume(5, K.not);
          this.consume(6, K.null);
          return 'force_not_null';
        },
      },
    ]);
    const value = this.or(7, [
      { ALT: (): OptionValue => this.consume(8, T.Star) && { kind: 'name', value: '*' } },
      { ALT: () => this.columnsValue(this.list(0, () => this.subrule(9, this.colId))) },
    ]);
    return this.optionOf(name, value, start);
  });
}
