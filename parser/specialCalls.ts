/** Grammar of the functions that have a syntax of their own: EXTRACT, SUBSTRING, TRIM, COALESCE, CURRENT_DATE, ... */
import type { IToken, TokenType } from 'chevrotain';
import type { Ident } from './ast/common.ts';
import type { Expr, FunctionArgument, SpecialCall } from './ast/expr.ts';
import type { Rule, Start } from './base.ts';
import { CallParser } from './calls.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

export abstract class SpecialCallParser extends CallParser {
  /** The first argument of SUBSTRING is being read, which a bare SIMILAR ends. */
  protected inSubstring = false;

  /**
   * specialCall: valueWord | coalesceLike | nullif | grouping | extract | overlay | position | substring | trim | normalize
   *   | treat | collationFor
   */
  readonly specialCall: Rule<Expr> = this.RULE('specialCall', () =>
    this.or(1, [
      { ALT: () => this.subrule(2, this.valueWord) },
      { ALT: () => this.subrule(3, this.coalesceLike) },
      { ALT: () => this.subrule(4, this.nullif) },
      { ALT: () => this.subrule(5, this.grouping) },
      { ALT: () => this.subrule(6, this.extract) },
      { ALT: () => this.subrule(7, this.overlay) },
      { ALT: () => this.subrule(8, this.position) },
      { ALT: () => this.subrule(9, this.substring) },
      { ALT: () => this.subrule(10, this.trim) },
      { ALT: () => this.subrule(11, this.normalize) },
      { ALT: () => this.subrule(12, this.treat) },
      { ALT: () => this.subrule(13, this.collationFor) },
    ]),
  );

  /** valueWord: CURRENT_DATE | ( CURRENT_TIME | CURRENT_TIMESTAMP | LOCALTIME | LOCALTIMESTAMP ) [ '(' ICONST ')' ] | CURRENT_USER | ... */
  private readonly valueWord: Rule<Expr> = this.RULE('valueWord', (): Expr => {
    const start = this.here();
    const word = (index: number, type: TokenType, name: SpecialCall['name']) => ({
      ALT: (): Expr => {
        this.consume(index, type);
        return this.special(name, [], start);
      },
    });
    const timed = (index: number, type: TokenType, name: SpecialCall['name']) => ({
      ALT: (): Expr => {
        this.consume(index, type);
        const precision = this.option(index, () => {
          this.consume(index, T.LParen);
          const value = this.number(this.consume(index, T.Int));
          this.consume(index, T.RParen);
          return value;
        });
        return this.special(name, precision === undefined ? [] : [precision], start);
      },
    });
    return this.or(1, [
      word(1, K.current_date, 'current_date'),
      timed(2, K.current_time, 'current_time'),
      timed(3, K.current_timestamp, 'current_timestamp'),
      timed(4, K.localtime, 'localtime'),
      timed(5, K.localtimestamp, 'localtimestamp'),
      word(6, K.current_user, 'current_user'),
      word(7, K.current_role, 'current_role'),
      word(8, K.session_user, 'session_user'),
      word(9, K.user, 'user'),
      word(10, K.current_catalog, 'current_catalog'),
      word(11, K.current_schema, 'current_schema'),
      {
        ALT: (): Expr => {
          const token = this.consume(2, K.system_user);
          this.refuse('SYSTEM_USER', token.startOffset);
          return this.literal({ type: 'null' }, token);
        },
      },
    ]);
  });

  /** coalesceLike: ( COALESCE | GREATEST | LEAST ) '(' expr { ',' expr } ')' */
  private readonly coalesceLike: Rule<Expr> = this.RULE('coalesceLike', (): Expr => {
    const start = this.here();
    const name = this.or(1, [
      { ALT: () => this.consume(2, K.coalesce) && ('coalesce' as const) },
      { ALT: () => this.consume(3, K.greatest) && ('greatest' as const) },
      { ALT: () => this.consume(4, K.least) && ('least' as const) },
    ]);
    this.consume(5, T.LParen);
    const values = this.list(0, () => this.subrule(6, this.expr));
    this.consume(7, T.RParen);
    return this.special(name, values, start);
  });

  /** nullif: NULLIF '(' expr ',' expr ')' */
  private readonly nullif: Rule<Expr> = this.RULE('nullif', (): Expr => {
    const start = this.consume(1, K.nullif).startOffset;
    this.consume(2, T.LParen);
    const left = this.subrule(3, this.expr);
    this.consume(4, T.Comma);
    const right = this.subrule(5, this.expr);
    this.consume(6, T.RParen);
    return this.special('nullif', [left, right], start);
  });

  /** grouping: GROUPING '(' expr { ',' expr } ')' */
  private readonly grouping: Rule<Expr> = this.RULE('grouping', (): Expr => {
    const start = this.consume(1, K.grouping).startOffset;
    this.consume(2, T.LParen);
    const values = this.list(0, () => this.subrule(3, this.expr));
    this.consume(4, T.RParen);
    return { kind: 'Grouping', arguments: values, span: this.since(start) };
  });

  /** extract: EXTRACT '(' ( IDENT | YEAR | MONTH | DAY | HOUR | MINUTE | SECOND | SCONST ) FROM expr ')' */
  private readonly extract: Rule<Expr> = this.RULE('extract', (): Expr => {
    const start = this.consume(1, K.extract).startOffset;
    this.consume(2, T.LParen);
    const token: IToken = this.or(3, [
      { ALT: () => this.consume(4, T.Ident) },
      { ALT: () => this.consume(5, K.year) },
      { ALT: () => this.consume(6, K.month) },
      { ALT: () => this.consume(7, K.day) },
      { ALT: () => this.consume(8, K.hour) },
      { ALT: () => this.consume(9, K.minute) },
      { ALT: () => this.consume(10, K.second) },
      { ALT: () => this.consume(11, T.Str) },
    ]);
    const field = this.ACTION(() => this.textOf(token).toLowerCase());
    this.consume(12, K.from);
    const source = this.subrule(13, this.expr);
    this.consume(14, T.RParen);
    return { kind: 'ExtractExpr', field, source, span: this.since(start) };
  });

  /** position: POSITION '(' b_expr IN b_expr ')' */
  private readonly position: Rule<Expr> = this.RULE('position', (): Expr => {
    const start = this.consume(1, K.position).startOffset;
    this.consume(2, T.LParen);
    const part = this.subrule(3, this.expr, { ARGS: [0, true] });
    this.consume(4, K.in);
    const whole = this.subrule(5, this.expr, { ARGS: [0, true] });
    this.consume(6, T.RParen);
    return this.special('position', [part, whole], start);
  });

  /** overlay: OVERLAY '(' expr PLACING expr FROM expr [ FOR expr ] ')' | OVERLAY argumentList */
  private readonly overlay: Rule<Expr> = this.RULE('overlay', (): Expr => {
    const start = this.here();
    const word = this.identOf(this.consume(1, K.overlay));
    return this.subrule(2, this.fromForCall, { ARGS: [word, start, 'overlay'] });
  });

  /** substring: SUBSTRING '(' expr ( FROM expr [ FOR expr ] | FOR expr [ FROM expr ] | SIMILAR expr ESCAPE expr ) ')' | SUBSTRING argumentList */
  private readonly substring: Rule<Expr> = this.RULE('substring', (): Expr => {
    const start = this.here();
    const word = this.identOf(this.consume(1, K.substring));
    return this.subrule(2, this.fromForCall, { ARGS: [word, start, 'substring'] });
  });

  /**
   * fromForCall: '(' ')'
   *   | '(' functionArgument ( keywordArguments | { ',' functionArgument } ) ')'
   * keywordArguments: PLACING expr FROM expr [ FOR expr ] | FROM expr [ FOR expr ] | FOR expr [ FROM expr ] | SIMILAR expr ESCAPE expr
   */
  private readonly fromForCall: Rule<Expr, [word: Ident, start: Start, name: 'overlay' | 'substring']> =
    this.RULE('fromForCall', (word: Ident, start: Start, name: 'overlay' | 'substring'): Expr => {
      const plain: FunctionArgument[] = [];
      let special: Expr | null = null;
      this.consume(1, T.LParen);
      this.option(2, () => {
        this.inSubstring = name === 'substring';
        const first = this.subrule(3, this.functionArgument);
        this.inSubstring = false;
        plain.push(first);
        this.or(4, [
          {
            GATE: () => name === 'overlay',
            ALT: () => {
              this.consume(5, K.placing);
              const values = [first.value, this.subrule(6, this.expr)];
              this.consume(7, K.from);
              values.push(this.subrule(8, this.expr));
              this.option(9, () => {
                this.consume(10, K.for);
                values.push(this.subrule(11, this.expr));
              });
              special = this.special('overlay', values, start);
            },
          },
          {
            GATE: () => name === 'substring',
            ALT: () => {
              this.consume(12, K.from);
              const values = [first.value, this.subrule(13, this.expr)];
              this.option(14, () => {
                this.consume(15, K.for);
                values.push(this.subrule(16, this.expr));
              });
              special = this.special('substring', values, start);
            },
          },
          {
            GATE: () => name === 'substring',
            ALT: () => {
              const position = this.consume(17, K.for);
              const length = this.subrule(18, this.expr);
              const from =
                this.option(19, () => {
                  this.consume(20, K.from);
                  return this.subrule(21, this.expr);
                }) ?? this.literal({ type: 'number', text: '1' }, position);
              special = this.special('substring', [first.value, from, length], start);
            },
          },
          {
            GATE: () => name === 'substring',
            ALT: () => {
              this.consume(22, K.similar);
              const pattern = this.subrule(23, this.expr);
              this.consume(24, K.escape);
              const escapeMark = this.subrule(25, this.expr);
              special = this.special('substring_similar', [first.value, pattern, escapeMark], start);
            },
          },
          {
            ALT: () =>
              this.many(26, () => {
                this.consume(27, T.Comma);
                plain.push(this.subrule(28, this.functionArgument));
              }),
          },
        ]);
      });
      this.consume(29, T.RParen);
      if (special !== null) return special;
      const called = { kind: 'ObjectName' as const, parts: [word], span: word.span };
      return this.plainCall(called, { star: false, distinct: false, arguments: plain, orderBy: [] }, start);
    });

  /** trim: TRIM '(' [ BOTH | LEADING | TRAILING ] ( expr FROM exprs | FROM exprs | exprs ) ')' */
  private readonly trim: Rule<Expr> = this.RULE('trim', (): Expr => {
    const start = this.consume(1, K.trim).startOffset;
    this.consume(2, T.LParen);
    const name = this.or(3, [
      { ALT: () => this.consume(4, K.leading) && ('trim_leading' as const) },
      { ALT: () => this.consume(5, K.trailing) && ('trim_trailing' as const) },
      { ALT: () => this.has(6, K.both) && ('trim_both' as const) },
    ]);
    let values: Expr[] = [];
    let characters: Expr | null = null;
    this.or(7, [
      {
        ALT: () => {
          this.consume(8, K.from);
          values = this.list(0, () => this.subrule(9, this.expr));
        },
      },
      {
        ALT: () => {
          const first = this.subrule(10, this.expr);
          this.or(11, [
            {
              ALT: () => {
                this.consume(12, K.from);
                characters = first;
                values = this.list(1, () => this.subrule(13, this.expr));
              },
            },
            {
              ALT: () => {
                values = [first];
                this.many(14, () => {
                  this.consume(15, T.Comma);
                  values.push(this.subrule(16, this.expr));
                });
              },
            },
          ]);
        },
      },
    ]);
    this.consume(17, T.RParen);
    return this.special(
      name === false ? 'trim_both' : name,
      characters === null ? values : [...values, characters],
      start,
    );
  });

  /** normalize: NORMALIZE '(' expr [ ',' ( NFC | NFD | NFKC | NFKD ) ] ')' */
  private readonly normalize: Rule<Expr> = this.RULE('normalize', (): Expr => {
    const start = this.consume(1, K.normalize).startOffset;
    this.consume(2, T.LParen);
    const values: Expr[] = [this.subrule(3, this.expr)];
    this.option(4, () => {
      this.consume(5, T.Comma);
      values.push(this.subrule(6, this.normalForm));
    });
    this.consume(7, T.RParen);
    return this.special('normalize', values, start);
  });

  /** normalForm: NFC | NFD | NFKC | NFKD, as a string */
  readonly normalForm: Rule<Expr> = this.RULE('normalForm', (): Expr => {
    const token: IToken = this.or(1, [
      { ALT: () => this.consume(2, K.nfc) },
      { ALT: () => this.consume(3, K.nfd) },
      { ALT: () => this.consume(4, K.nfkc) },
      { ALT: () => this.consume(5, K.nfkd) },
    ]);
    return this.literal(
      { type: 'string', value: this.ACTION(() => this.textOf(token).toUpperCase()) },
      token,
    );
  });

  /** treat: TREAT '(' expr AS typeName ')', refused */
  private readonly treat: Rule<Expr> = this.RULE('treat', (): Expr => {
    const start = this.consume(1, K.treat).startOffset;
    this.consume(2, T.LParen);
    const operand = this.subrule(3, this.expr);
    this.consume(4, K.as);
    this.subrule(5, this.typeName);
    this.consume(6, T.RParen);
    this.refuse('TREAT', start);
    return operand;
  });

  /** collationFor: COLLATION FOR '(' expr ')', made a call of pg_collation_for */
  private readonly collationFor: Rule<Expr> = this.RULE('collationFor', (): Expr => {
    const start = this.consume(1, K.collation).startOffset;
    this.consume(2, K.for);
    this.consume(3, T.LParen);
    const value = this.subrule(4, this.expr);
    this.consume(5, T.RParen);
    return this.callOf('pg_collation_for', [value], start);
  });

  /** An ordinary call that a special syntax stands for. */
  protected callOf(name: string, values: readonly Expr[], start: Start): Expr {
    return this.ACTION(() => {
      const span = this.since(start);
      const word: Ident = { kind: 'Ident', name, quoted: false, span };
      const list = values.map(
        (value): FunctionArgument => ({
          kind: 'FunctionArgument',
          name: null,
          variadic: false,
          value,
          span: value.span,
        }),
      );
      const called = { kind: 'ObjectName' as const, parts: [word], span };
      return this.plainCall(called, { star: false, distinct: false, arguments: list, orderBy: [] }, start);
    });
  }
}
