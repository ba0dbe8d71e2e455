/**
 * What all rules of the grammar share: the parser's settings, helpers over chevrotain's methods, spans, and the rules for names.
 *
 * The grammar is one class spread over a chain: base, types, expressions, queries, then a file per statement family. Numbers in
 * calls such as `this.consume(3, ...)` distinguish the calls of one rule and mean nothing else.
 *
 * State while parsing: chevrotain's token cursor, and the first construct refused. Invariant: after `reset` nothing of an
 * earlier text is left.
 */
import {
  EmbeddedActionsParser,
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  type ParserMethod,
  type TokenType,
} from 'chevrotain';
import { SqlError, unsupported } from '../common/sqlError.ts';
import type { SqlState } from '../common/sqlStates.ts';
import type { Ident, ObjectName, Span } from './ast/common.ts';
import { canonicalText } from './canonicalText.ts';
import type { ExpectedTokens } from './lookahead.ts';
import { FirstSetLookahead, SyntaxFailure } from './lookahead.ts';
import * as T from './tokens.ts';

/** A grammar rule that yields `R`. */
export type Rule<R, A extends unknown[] = []> = ParserMethod<A, R>;

/** An offset where something began; `BaseParser.since` makes a span of it. */
export type Start = number;

/** Nesting beyond this is refused, well before the stack is used up. */
const MAX_DEPTH = 240;

/** Messages are ours (parse.ts); chevrotain's would only cost time. The expected token is all that is of use. */
class Messages implements IParserErrorMessageProvider {
  expectedLabel = '';
  buildMismatchTokenMessage(options: { expected: TokenType }): string {
    this.expectedLabel = options.expected.LABEL ?? options.expected.name;
    return 'syntax error';
  }
  buildNotAllInputParsedMessage(): string {
    return 'syntax error';
  }
  buildNoViableAltMessage(): string {
    return 'syntax error';
  }
  buildEarlyExitMessage(): string {
    return 'syntax error';
  }
}

export abstract class BaseParser extends EmbeddedActionsParser {
  /** Set for a second run over a text with an error: gathers what was expected there. */
  expected: ExpectedTokens | null = null;
  /** The first construct met that is valid but not supported; it is an error only when the whole text is valid. */
  refused: SqlError | null = null;
  readonly #messages: Messages;
  #depth = 0;

  constructor(skipValidations: boolean) {
    const messages = new Messages();
    super(T.allTokens, {
      maxLookahead: 1,
      recoveryEnabled: false,
      skipValidations,
      lookaheadStrategy: new FirstSetLookahead(),
      errorMessageProvider: messages,
    });
    this.#messages = messages;
  }

  /** Prepares for a new text. */
  begin(tokens: T.SqlToken[]): void {
    this.refused = null;
    this.#depth = 0;
    this.#messages.expectedLabel = '';
    this.input = tokens;
  }

  /** Label of the token that a failed `consume` wanted. */
  get expectedLabel(): string {
    return this.#messages.expectedLabel;
  }

  // Helpers over chevrotain

  /** Consumes the token if it is there, and says whether it was. */
  protected has(index: number, type: TokenType): boolean {
    return this.option(index, () => this.consume(index, type)) !== undefined;
  }

  /** Consumes the token if it is there, and gives `value` either way. */
  protected optionally<R>(index: number, type: TokenType, value: R): R {
    this.has(index, type);
    return value;
  }

  /** Consumes a run of words if the first is there. */
  protected hasAll(index: number, first: TokenType, second: TokenType): boolean {
    return (
      this.option(index, () => {
        this.consume(index, first);
        return this.consume(index, second);
      }) !== undefined
    );
  }

  /** item { ',' item }; at most four lists in a rule. */
  protected list<R>(index: number, item: () => R): R[] {
    const items: R[] = [];
    const options = {
      SEP: T.Comma,
      DEF: (): void => {
        items.push(item());
      },
    };
    this.#separated(index, options);
    return items;
  }

  #separated(index: number, options: { readonly SEP: TokenType; readonly DEF: () => void }): void {
    if (index === 0) this.AT_LEAST_ONE_SEP(options);
    else if (index === 1) this.AT_LEAST_ONE_SEP1(options);
    else if (index === 2) this.AT_LEAST_ONE_SEP2(options);
    else this.AT_LEAST_ONE_SEP3(options);
  }

  /** The type of the token at `distance`, from 1. */
  protected at(distance: number): TokenType {
    return this.LA(distance).tokenType;
  }

  protected isAt(distance: number, type: TokenType): boolean {
    return this.LA(distance).tokenTypeIdx === type.tokenTypeIdx;
  }

  /** The token at `distance` belongs to an abstract type. */
  protected isIn(distance: number, category: TokenType): boolean {
    return category.categoryMatchesMap?.[this.LA(distance).tokenTypeIdx] === true;
  }

  protected endsAt(distance: number): boolean {
    return this.isAt(distance, EOF);
  }

  /** Refuses a valid construct by name once the whole text has been found valid. */
  protected refuse(construct: string, position?: number): void {
    this.refuseWith(unsupported(construct, position));
  }

  protected refuseWith(error: SqlError): void {
    if (!this.RECORDING_PHASE) this.refused ??= error;
  }

  /** Refuses what the grammar allows and the language does not. */
  protected refuseInvalid(message: string, position: number, state: SqlState = '22023'): void {
    this.refuseWith(new SqlError(state, message, { position }));
  }

  /** A syntax error at the next token. */
  protected failHere(): never {
    throw new SyntaxFailure(this.LA(1));
  }

  /** One level deeper; `leave` when done. An error in between ends the whole text, so nothing needs to be undone then. */
  protected enter(): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new SqlError('54001', 'stack depth limit exceeded', { position: this.LA(1).startOffset });
    }
  }

  protected leave(): void {
    this.#depth--;
  }

  // Spans and token contents

  /** Where the next token starts. */
  protected here(): Start {
    return this.LA(1).startOffset;
  }

  /** From `start` to the end of the last token consumed. */
  protected since(start: Start): Span {
    return { start, end: (this.LA(0).endOffset ?? -1) + 1 };
  }

  /** What the lexer made of the token: folded name, string contents, digits. */
  protected textOf(token: IToken): string {
    return (token as T.SqlToken).value;
  }

  /** Position in the token list of the token at `distance`. */
  protected tokenIndex(distance: number): number {
    const token = this.LA(distance);
    return token.tokenTypeIdx === EOF.tokenTypeIdx ? this.input.length : (token as T.SqlToken).index;
  }

  /** Consumes tokens that have been read by other means. */
  protected skip(tokens: number): void {
    for (let i = 0; i < tokens; i++) this.SKIP_TOKEN();
  }

  /** The tokens from `first` to the last one consumed, spaced and written in one way whatever the source looks like. */
  protected canonicalText(first: IToken): string {
    return canonicalText(
      this.input.slice((first as T.SqlToken).index, this.tokenIndex(0) + 1) as T.SqlToken[],
    );
  }

  protected identOf(token: IToken): Ident {
    const sqlToken = token as T.SqlToken;
    const span = { start: token.startOffset, end: (token.endOffset ?? -1) + 1 };
    return { kind: 'Ident', name: sqlToken.value, quoted: sqlToken.quoted, span };
  }

  protected nameOf(parts: readonly Ident[], start: Start): ObjectName {
    return { kind: 'ObjectName', parts, span: this.since(start) };
  }

  // Names

  /** colId: IDENT | unreserved word | column name word */
  readonly colId: Rule<Ident> = this.RULE('colId', () => this.identOf(this.consume(1, T.ColId)));

  /** colLabel: any word */
  readonly colLabel: Rule<Ident> = this.RULE('colLabel', () => this.identOf(this.consume(1, T.ColLabel)));

  /** objectName: colId { '.' colLabel } */
  readonly objectName: Rule<ObjectName> = this.RULE('objectName', () => {
    const start = this.here();
    const parts = [this.subrule(1, this.colId)];
    this.many(2, () => {
      this.consume(3, T.Dot);
      parts.push(this.subrule(4, this.colLabel));
    });
    return this.nameOf(parts, start);
  });

  /** funcName: function name word | colId { '.' colLabel } */
  readonly funcName: Rule<ObjectName> = this.RULE('funcName', () => {
    const start = this.here();
    const mayQualify = this.isIn(1, T.ColId);
    const parts = [
      this.or(1, [
        { ALT: () => this.identOf(this.consume(2, T.FuncName)), IGNORE_AMBIGUITIES: true },
        { ALT: () => this.identOf(this.consume(3, T.ColId)) },
      ]),
    ];
    this.many(4, {
      GATE: () => mayQualify,
      DEF: () => {
        this.consume(5, T.Dot);
        parts.push(this.subrule(6, this.colLabel));
      },
    });
    return this.nameOf(parts, start);
  });

  /** columnList: '(' colId { ',' colId } ')' */
  readonly columnList: Rule<readonly Ident[]> = this.RULE('columnList', () => {
    this.consume(1, T.LParen);
    const columns = this.list(0, () => this.subrule(2, this.colId));
    this.consume(3, T.RParen);
    return columns;
  });

  /** stringValue: SCONST */
  readonly stringValue: Rule<string> = this.RULE('stringValue', () => this.textOf(this.consume(1, T.Str)));

  /** signedInt: [ '+' | '-' ] ICONST */
  readonly signedInt: Rule<number> = this.RULE('signedInt', () => {
    const minus = this.or(1, [
      { ALT: () => this.consume(2, T.Minus) && true },
      { ALT: () => this.has(3, T.Plus) && false },
    ]);
    const digits = Number(this.textOf(this.consume(4, T.Int)));
    return minus ? -digits : digits;
  });

  /** signedNumber: [ '+' | '-' ] ( ICONST | FCONST ) */
  readonly signedNumber: Rule<string> = this.RULE('signedNumber', () => {
    const minus = this.or(1, [
      { ALT: () => this.consume(2, T.Minus) && true },
      { ALT: () => this.has(3, T.Plus) && false },
    ]);
    const number = this.or(4, [
      { ALT: () => this.textOf(this.consume(5, T.Int)) },
      { ALT: () => this.textOf(this.consume(6, T.Float)) },
    ]);
    return minus ? `-${number}` : number;
  });
}
