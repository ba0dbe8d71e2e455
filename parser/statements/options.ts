/** Grammar of options: WITH ( k = v, ... ), FORMAT ... ENCODE ..., INCLUDE, and other clauses that several statements share. */
import type { ObjectName, Option, OptionValue } from '../ast/common.ts';
import type { EmitClause, FormatEncode, IncludeColumn } from '../ast/statement.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { DmlParser } from './dml.ts';

export abstract class OptionParser extends DmlParser {
  /** ifNotExists: [ IF NOT EXISTS ] */
  readonly ifNotExists: Rule<boolean> = this.RULE('ifNotExists', () => {
    const found = this.option(1, {
      GATE: () => this.isAt(2, K.not),
      DEF: () => {
        this.consume(2, K.if);
        this.consume(3, K.not);
        this.consume(4, K.exists);
        return true;
      },
    });
    return found ?? false;
  });

  /** ifExists: [ IF EXISTS ] */
  readonly ifExists: Rule<boolean> = this.RULE('ifExists', () => {
    const found = this.option(1, {
      GATE: () => this.isAt(2, K.exists),
      DEF: () => {
        this.consume(2, K.if);
        this.consume(3, K.exists);
        return true;
      },
    });
    return found ?? false;
  });

  /** optionList: '(' option { ',' option } ')' */
  readonly optionList: Rule<readonly Option[]> = this.RULE('optionList', () => {
    this.consume(1, T.LParen);
    const options = this.list(0, () => this.subrule(2, this.optionRule));
    this.consume(3, T.RParen);
    return options;
  });

  /** withOptions: [ WITH optionList ] */
  readonly withOptions: Rule<readonly Option[]> = this.RULE('withOptions', () => {
    const options = this.option(1, {
      GATE: () => this.isAt(2, T.LParen),
      DEF: () => {
        this.consume(2, K.with);
        return this.subrule(3, this.optionList);
      },
    });
    return options ?? [];
  });

  /** optionRule: optionKey [ '=' optionValue ], without a value the same as TRUE */
  readonly optionRule: Rule<Option> = this.RULE('optionRule', (): Option => {
    const start = this.here();
    const name = this.subrule(1, this.optionKey);
    const given = this.option(2, () => {
      this.consume(3, T.Equal);
      return this.subrule(4, this.optionValue);
    });
    const value: OptionValue = given ?? { kind: 'boolean', value: true };
    return { kind: 'Option', name, value, span: this.since(start) };
  });

  /** optionKey: colLabel { '.' colLabel } | SCONST */
  readonly optionKey: Rule<string> = this.RULE('optionKey', () =>
    this.or(1, [
      {
        ALT: () => {
          const parts = [this.textOf(this.consume(2, T.ColLabel))];
          this.many(3, () => {
            this.consume(4, T.Dot);
            parts.push(this.textOf(this.consume(5, T.ColLabel)));
          });
          return parts.join('.');
        },
      },
      { ALT: () => this.subrule(6, this.stringValue) },
    ]),
  );

  /**
   * optionValue: SCONST | signedNumber | TRUE | FALSE | SECRET objectName [ AS FILE ] | colLabel { '.' colLabel }
   *   | colLabel '(' objectName '->' objectName { ',' objectName '->' objectName } ')'
   */
  readonly optionValue: Rule<OptionValue> = this.RULE('optionValue', (): OptionValue => {
    return this.or(1, [
      { ALT: (): OptionValue => ({ kind: 'string', value: this.subrule(2, this.stringValue) }) },
      { ALT: (): OptionValue => ({ kind: 'number', value: this.subrule(3, this.signedNumber) }) },
      {
        ALT: (): OptionValue => this.consume(4, K.true) && { kind: 'boolean', value: true },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): OptionValue => this.consume(5, K.false) && { kind: 'boolean', value: false },
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isIn(2, T.ColId),
        ALT: () => this.subrule(6, this.secretValue),
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isAt(2, T.LParen),
        ALT: (): OptionValue => {
          const first = this.consume(7, T.ColLabel);
          this.consume(8, T.LParen);
          this.list(0, () => {
            this.subrule(9, this.objectName);
            this.consume(10, T.Op);
            this.subrule(11, this.objectName);
          });
          this.consume(12, T.RParen);
          return { kind: 'name', value: this.ACTION(() => this.canonicalText(first)) };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): OptionValue => {
          const parts = [this.textOf(this.consume(13, T.ColLabel))];
          this.many(14, () => {
            this.consume(15, T.Dot);
            parts.push(this.textOf(this.consume(16, T.ColLabel)));
          });
          return { kind: 'name', value: parts.join('.') };
        },
      },
    ]);
  });

  /** secretValue: SECRET objectName [ AS FILE ] */
  private readonly secretValue: Rule<OptionValue> = this.RULE('secretValue', (): OptionValue => {
    this.consume(1, K.secret);
    const name: ObjectName = this.subrule(2, this.objectName);
    let asFile = false;
    this.option(3, () => {
      this.consume(4, K.as);
      this.subrule(5, this.word, { ARGS: ['file'] });
      asFile = true;
    });
    return { kind: 'secret', name, asFile };
  });

  /** word: a name that must be spelt as `text`: words of single clauses that are no keywords */
  readonly word: Rule<string, [text: string]> = this.RULE('word', (text: string) => {
    this.ACTION(() => {
      if (this.textOf(this.LA(1)) !== text) this.failHere();
    });
    return this.textOf(this.consume(1, T.Ident));
  });

  /** formatEncode: [ FORMAT colLabel ENCODE colLabel [ optionList ] [ KEY ENCODE colLabel [ optionList ] ] ] */
  readonly formatEncode: Rule<FormatEncode | null> = this.RULE('formatEncode', () => {
    const start = this.here();
    const clause = this.option(1, (): FormatEncode => {
      this.consume(2, K.format);
      const format = this.textOf(this.consume(3, T.ColLabel));
      this.consume(4, K.encode);
      const encode = this.textOf(this.consume(5, T.ColLabel));
      const options = this.option(6, () => this.subrule(7, this.optionList)) ?? [];
      const keyEncode = this.option(8, () => {
        this.consume(9, K.key);
        this.consume(10, K.encode);
        const name = this.textOf(this.consume(11, T.ColLabel));
        this.option(12, () => {
          this.refuse('KEY ENCODE options', this.here());
          this.subrule(13, this.optionList);
        });
        return name;
      });
      return this.ACTION(() => ({
        kind: 'FormatEncode',
        format: format.toUpperCase(),
        encode: encode.toUpperCase(),
        options,
        keyEncode: keyEncode?.toUpperCase() ?? null,
        span: this.since(start),
      }));
    });
    return clause ?? null;
  });

  /** includeColumns: { INCLUDE colLabel [ ( SCONST | colId ) ] [ typeName ] [ AS colId ] } */
  readonly includeColumns: Rule<readonly IncludeColumn[]> = this.RULE('includeColumns', () => {
    const columns: IncludeColumn[] = [];
    this.many(1, () => {
      const start = this.consume(2, K.include).startOffset;
      const field = this.textOf(this.consume(3, T.ColLabel));
      let key: string | null = null;
      let type: IncludeColumn['type'] = null;
      this.option(4, () => {
        key = this.subrule(5, this.stringValue);
      });
      // What follows the clause may be the name of a type too.
      const mayHaveType = !this.isAt(1, K.include) && !this.isAt(1, K.format) && !this.isAt(1, K.from);
      this.option(6, {
        GATE: () => mayHaveType,
        DEF: () => {
          type = this.subrule(7, this.typeName);
        },
      });
      const alias =
        this.option(8, () => {
          this.consume(9, K.as);
          return this.subrule(10, this.colId);
        }) ?? null;
      columns.push({ kind: 'IncludeColumn', field, key, type, alias, span: this.since(start) });
    });
    return columns;
  });

  /** emitClause: [ EMIT ( ON WINDOW CLOSE [ ALLOWED LATENESS expr ] | IMMEDIATELY | WITH DELAY expr | EVERY expr ) ] */
  readonly emitClause: Rule<EmitClause | null> = this.RULE('emitClause', () => {
    const start = this.here();
    const clause = this.option(1, (): EmitClause => {
      this.consume(2, K.emit);
      let interval: EmitClause['interval'] = null;
      const mode = this.or(3, [
        {
          ALT: () => {
            this.consume(4, K.on);
            this.consume(5, K.window);
            this.consume(6, K.close);
            this.option(7, () => {
              this.subrule(8, this.word, { ARGS: ['allowed'] });
              this.consume(9, K.lateness);
              interval = this.subrule(10, this.expr);
            });
            return 'on window close' as const;
          },
        },
        { ALT: () => this.consume(11, K.immediately) && ('immediately' as const) },
        {
          ALT: () => {
            this.consume(12, K.with);
            this.consume(13, K.delay);
            interval = this.subrule(14, this.expr);
            return 'with delay' as const;
          },
        },
        {
          ALT: () => {
            this.consume(15, K.every);
            interval = this.subrule(16, this.expr);
            return 'every' as const;
          },
        },
      ]);
      return { kind: 'EmitClause', mode, interval, span: this.since(start) };
    });
    return clause ?? null;
  });

  /** withData: [ WITH [ NO ] DATA ] */
  readonly withData: Rule<boolean> = this.RULE('withData', () => {
    const data = this.option(1, () => {
      this.consume(2, K.with);
      const no = this.has(3, K.no);
      this.consume(4, K.data);
      return !no;
    });
    return data ?? true;
  });
}
