/** Grammar of constants: numbers, strings, bit strings, typed constants, intervals. */
import type { IToken, TokenType } from 'chevrotain';
import type { Expr, Literal } from './ast/expr.ts';
import type { Rule } from './base.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';
import { TypeParser } from './types.ts';

/** Words that name a type before a string constant only when what follows says so. */
const typedLiteralStarts: ReadonlyMap<TokenType, readonly TokenType[]> = new Map([
  [K.timestamp, [T.Str, T.LParen, K.with, K.without]],
  [K.time, [T.Str, T.LParen, K.with, K.without]],
  [K.int, [T.Str]],
  [K.integer, [T.Str]],
  [K.smallint, [T.Str]],
  [K.bigint, [T.Str]],
  [K.real, [T.Str]],
  [K.boolean, [T.Str]],
  [K.json, [T.Str]],
  [K.float, [T.Str, T.LParen]],
  [K.double, [K.precision, T.Str]],
  [K.decimal, [T.Str, T.LParen]],
  [K.dec, [T.Str, T.LParen]],
  [K.numeric, [T.Str, T.LParen]],
  [K.char, [T.Str, T.LParen, K.varying]],
  [K.character, [T.Str, T.LParen, K.varying]],
  [K.nchar, [T.Str, T.LParen, K.varying]],
  [K.varchar, [T.Str, T.LParen]],
  [K.national, [K.char, K.character]],
  [K.bit, [T.Str, T.LParen, K.varying]],
]);

export abstract class ConstantParser extends TypeParser {
  // Constants

  protected literal(value: Literal['value'], token: IToken): Literal {
    return { kind: 'Literal', value, span: { start: token.startOffset, end: (token.endOffset ?? -1) + 1 } };
  }

  protected number(token: IToken): Literal {
    return this.literal({ type: 'number', text: this.textOf(token) }, token);
  }

  protected string(token: IToken): Literal {
    return this.literal({ type: 'string', value: this.textOf(token) }, token);
  }

  /** bitString: BCONST | XCONST */
  readonly bitString: Rule<Expr> = this.RULE('bitString', (): Expr => {
    const token = this.consume(1, T.Bits);
    const digits = this.textOf(token);
    const base = token.image.startsWith('x') || token.image.startsWith('X') ? 16 : 2;
    this.ACTION(() => {
      const wrong = (base === 16 ? /[^0-9a-fA-F]/ : /[^01]/).exec(digits);
      if (wrong === null) return;
      const what = base === 16 ? 'hexadecimal' : 'binary';
      this.refuseInvalid(`"${wrong[0]}" is not a valid ${what} digit`, token.startOffset, '22P02');
    });
    return this.literal({ type: 'bits', base, digits }, token);
  });

  protected startsTypedLiteral(): boolean {
    const followers = typedLiteralStarts.get(this.at(1));
    if (followers !== undefined) return followers.includes(this.at(2));
    if (!this.isIn(1, T.FuncName)) return false;
    const distance = this.afterName();
    return this.isAt(distance, T.Str) || this.isAt(this.afterModifiers(distance), T.Str);
  }

  /** Distance of the token behind `(1, 2)` at `distance`, or `distance` when something else stands there. */
  private afterModifiers(distance: number): number {
    if (!this.isAt(distance, T.LParen)) return distance;
    let next = distance + 1;
    while (this.isAt(next, T.Int) || this.isAt(next, T.Comma) || this.isAt(next, T.Minus)) next++;
    return this.isAt(next, T.RParen) ? next + 1 : distance;
  }

  /** Distance of the token behind `a.b.c` that starts here. */
  protected afterName(): number {
    let distance = 2;
    if (!this.isIn(1, T.ColId)) return distance;
    while (this.isAt(distance, T.Dot) && this.isIn(distance + 1, T.ColLabel)) distance += 2;
    return distance;
  }

  /** typedLiteral: simpleType SCONST */
  readonly typedLiteral: Rule<Expr> = this.RULE('typedLiteral', (): Expr => {
    const start = this.here();
    const named = this.subrule(1, this.simpleType);
    // A length of one is only meant for columns: CHAR 'abc' is the whole string.
    const type = this.ACTION(() =>
      named.name.parts[0]?.name === 'bpchar' && !this.isAt(0, T.RParen) ? { ...named, modifiers: [] } : named,
    );
    const value = this.subrule(2, this.stringValue);
    return { kind: 'TypedLiteral', type, value, span: this.since(start) };
  });

  /** intervalLiteral: INTERVAL ( '(' ICONST ')' SCONST | SCONST [ intervalFields ] ) */
  readonly intervalLiteral: Rule<Expr> = this.RULE('intervalLiteral', (): Expr => {
    const start = this.consume(1, K.interval).startOffset;
    let precision = this.option(2, () => this.subrule(3, this.parenthesisedInt)) ?? null;
    const early = precision !== null;
    const value = this.subrule(4, this.stringValue);
    let fields: string | null = null;
    this.option(5, {
      GATE: () => !early,
      DEF: () => {
        const read = this.subrule(6, this.intervalFields);
        fields = read.fields;
        precision = read.precision;
      },
    });
    return { kind: 'IntervalLiteral', value, fields, precision, span: this.since(start) };
  });
}
