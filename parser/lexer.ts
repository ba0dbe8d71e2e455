/**
 * Text to tokens by PostgreSQL's lexical rules (scan.l), written by hand: one pass over UTF-16 units, one token object each.
 *
 * A lexical error does not throw: it becomes an `ErrorToken` and ends the token list, because a syntax error before it is
 * reported first, as PostgreSQL's lexer runs on demand. State: the cursor of one text. Invariant: tokens lie in order and do
 * not overlap; what is between them is white space and comments.
 */
import type { TokenType } from 'chevrotain';
import { SqlError } from '../common/sqlError.ts';
import type { SqlState } from '../common/sqlStates.ts';
import { foldAscii, truncateIdentifier } from './identifier.ts';
import { isDigit, isIdentPart, isIdentStart, isOperatorCharacter, isSpace, readNumber } from './lexicon.ts';
import { decodeUnicode, readEscapes } from './stringEscapes.ts';
import * as T from './tokens.ts';

/** A lexical error at an offset of the text. */
class LexicalError extends Error {
  readonly sqlError: SqlError;
  readonly start: number;
  constructor(state: SqlState, message: string, position: number, start: number) {
    super(message);
    this.sqlError = new SqlError(state, message, { position });
    this.start = start;
  }
}

class Token implements T.SqlToken {
  readonly image: string;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly tokenType: TokenType;
  readonly tokenTypeIdx: number;
  readonly value: string;
  readonly index: number;
  readonly quoted: boolean;
  readonly error: SqlError | null;

  constructor(
    type: TokenType,
    image: string,
    start: number,
    value: string,
    index: number,
    quoted = false,
    error: SqlError | null = null,
  ) {
    this.image = image;
    this.startOffset = start;
    this.endOffset = start + image.length - 1;
    this.tokenType = type;
    this.tokenTypeIdx = type.tokenTypeIdx ?? 0;
    this.value = value;
    this.index = index;
    this.quoted = quoted;
    this.error = error;
  }
}

const MAX_OPERATOR_LENGTH = 63;
/** An operator of several characters may end in + or - only if it has one of these. */
const allowsTrailingSign = /[~!@#%^&|`?]/;

/** The tokens of `sql`; the last one is an `ErrorToken` when the text is lexically wrong. */
export function tokenize(sql: string): T.SqlToken[] {
  return new Tokenizer(sql).run();
}

class Tokenizer {
  readonly #sql: string;
  readonly #tokens: T.SqlToken[] = [];
  #at = 0;
  /** Depth of open `struct<`, where `>>` is two closing brackets. */
  #structDepth = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  run(): T.SqlToken[] {
    try {
      while (this.#skipBlanks()) this.#next();
    } catch (error) {
      if (!(error instanceof LexicalError)) throw error;
      const image = this.#sql.slice(error.start);
      this.#tokens.push(
        new Token(T.ErrorToken, image, error.start, '', this.#tokens.length, false, error.sqlError),
      );
    }
    return this.#tokens;
  }

  #fail(message: string, start: number, state: SqlState = '42601', position = start): never {
    throw new LexicalError(state, message, position, start);
  }

  #failNear(what: string, start: number, end = this.#sql.length): never {
    this.#fail(`${what} at or near "${this.#sql.slice(start, end)}"`, start);
  }

  #push(type: TokenType, start: number, value: string, quoted = false): void {
    this.#tokens.push(
      new Token(type, this.#sql.slice(start, this.#at), start, value, this.#tokens.length, quoted),
    );
  }

  /** Moves to the next token; false at the end. */
  #skipBlanks(): boolean {
    const sql = this.#sql;
    for (;;) {
      const c = sql.charCodeAt(this.#at);
      if (isSpace(c)) this.#at++;
      else if (c === 0x2d && sql.charCodeAt(this.#at + 1) === 0x2d) this.#skipLineComment();
      else if (c === 0x2f && sql.charCodeAt(this.#at + 1) === 0x2a) this.#skipBlockComment();
      else return this.#at < sql.length;
    }
  }

  #skipLineComment(): void {
    const sql = this.#sql;
    while (this.#at < sql.length) {
      const c = sql.charCodeAt(this.#at);
      if (c === 0x0a || c === 0x0d) return;
      this.#at++;
    }
  }

  #skipBlockComment(): void {
    const start = this.#at;
    let depth = 0;
    do {
      if (this.#sql.startsWith('/*', this.#at)) {
        depth++;
        this.#at += 2;
      } else if (this.#sql.startsWith('*/', this.#at)) {
        depth--;
        this.#at += 2;
      } else if (this.#at >= this.#sql.length) this.#failNear('unterminated /* comment', start);
      else this.#at++;
    } while (depth > 0);
  }

  #next(): void {
    const start = this.#at;
    const c = this.#sql.charCodeAt(start);
    if (isIdentStart(c)) this.#word(c);
    else if (isDigit(c)) this.#number();
    else if (c === 0x27) this.#plainString(start);
    else if (c === 0x22) this.#quotedName();
    else if (c === 0x24) this.#dollar();
    else if (c === 0x2e) this.#dot();
    else if (c === 0x3a) this.#colon();
    else if (isOperatorCharacter(c)) this.#operator();
    else this.#single(start);
  }

  #single(start: number): void {
    const type = T.punctuation[this.#sql.charCodeAt(start)];
    if (type === undefined) this.#failNear('syntax error', start, start + 1);
    this.#at++;
    this.#push(type, start, '');
  }

  /** An identifier, keyword, or a string with a letter in front. */
  #word(first: number): void {
    const sql = this.#sql;
    const start = this.#at;
    const second = sql.charCodeAt(start + 1);
    if (second === 0x27 && this.#prefixedString(first | 0x20, start)) return;
    if ((first | 0x20) === 0x75 && second === 0x26) {
      const third = sql.charCodeAt(start + 2);
      if (third === 0x27 || third === 0x22) {
        if (third === 0x27) this.#unicodeString(start);
        else this.#unicodeName(start);
        return;
      }
    }
    let end = start + 1;
    while (isIdentPart(sql.charCodeAt(end))) end++;
    this.#at = end;
    const image = sql.slice(start, end);
    const folded = foldAscii(image);
    const keyword = T.keywordTokens.get(folded);
    if (keyword === undefined) {
      this.#tokens.push(new Token(T.Ident, image, start, truncateIdentifier(folded), this.#tokens.length));
      return;
    }
    this.#tokens.push(new Token(keyword, image, start, folded, this.#tokens.length));
    if (keyword === T.K.struct) this.#openStruct();
  }

  /** E'', B'', X'', N''. False when the letter only happens to stand before a quote. */
  #prefixedString(letter: number, start: number): boolean {
    const position = start + 1;
    if (letter === 0x65) {
      this.#at = position;
      const raw = this.#quoted('unterminated quoted string', start, true);
      this.#push(T.Str, start, this.#unescape(raw, start, position + 1));
      return true;
    }
    if (letter === 0x62 || letter === 0x78) {
      this.#at = position;
      const what =
        letter === 0x62 ? 'unterminated bit string literal' : 'unterminated hexadecimal string literal';
      this.#push(T.Bits, start, this.#quoted(what, start, false));
      return true;
    }
    if (letter !== 0x6e) return false;
    // N'...' is nchar '...'
    this.#at = position;
    this.#push(T.K.nchar, start, 'nchar');
    this.#plainString(position);
    return true;
  }

  #unescape(raw: string, start: number, contents: number): string {
    const result = readEscapes(raw);
    if (typeof result === 'string') return result;
    return this.#fail(result.message, start, result.state, contents + result.offset);
  }

  #plainString(start: number): void {
    this.#push(T.Str, start, this.#quoted('unterminated quoted string', start, false));
  }

  /**
   * Reads from the opening quote to the end: doubled quotes made one, continuation lines joined, backslashes as they stand.
   */
  #quoted(unterminated: string, start: number, backslashes: boolean): string {
    const sql = this.#sql;
    let text = '';
    let from = this.#at + 1;
    for (;;) {
      const quote = backslashes ? quoteAfterEscapes(sql, from) : sql.indexOf("'", from);
      if (quote === -1) {
        this.#at = sql.length;
        this.#failNear(unterminated, start);
      }
      if (sql.charCodeAt(quote + 1) === 0x27) {
        text += sql.slice(from, quote + 1);
        from = quote + 2;
        continue;
      }
      text = text === '' ? sql.slice(from, quote) : text + sql.slice(from, quote);
      const next = this.#continuation(quote + 1);
      if (next === -1) {
        this.#at = quote + 1;
        return text;
      }
      from = next + 1;
    }
  }

  /** Offset of the quote that continues a string on a later line, or -1. */
  #continuation(from: number): number {
    const sql = this.#sql;
    const first = sql.charCodeAt(from);
    if (first !== 0x2d && !isSpace(first)) return -1;
    let newline = false;
    let i = from;
    for (;;) {
      const c = sql.charCodeAt(i);
      if (c === 0x0a || c === 0x0d) newline = true;
      else if (c === 0x2d && sql.charCodeAt(i + 1) === 0x2d) {
        while (i + 1 < sql.length && sql.charCodeAt(i + 1) !== 0x0a && sql.charCodeAt(i + 1) !== 0x0d) i++;
      } else if (!isSpace(c)) return newline && c === 0x27 ? i : -1;
      i++;
    }
  }

  #unicodeString(start: number): void {
    this.#at = start + 2;
    const raw = this.#quoted('unterminated quoted string', start, false);
    const value = this.#decodeUnicode(raw, start);
    this.#push(T.Str, start, value);
  }

  #unicodeName(start: number): void {
    this.#at = start + 2;
    const raw = this.#nameContents(start);
    const value = this.#decodeUnicode(raw, start);
    this.#push(T.Ident, start, truncateIdentifier(value), true);
  }

  /** Reads `UESCAPE 'c'` when it follows, and the escapes. */
  #decodeUnicode(raw: string, start: number): string {
    let mark = '\\';
    const before = this.#at;
    const clause = /^uescape(?![a-z0-9_$\u0080-\uffff])/i;
    if (this.#skipBlanks() && clause.test(this.#sql.slice(this.#at, this.#at + 8))) {
      this.#at += 7;
      const hasMore = this.#skipBlanks();
      const at = this.#at;
      if (!hasMore || this.#sql.charCodeAt(at) !== 0x27) {
        this.#fail(`UESCAPE must be followed by a simple string literal${this.#near(at)}`, at);
      }
      mark = this.#quoted('unterminated quoted string', at, false);
      if (mark.length !== 1 || /[0-9a-fA-F+'"\s]/.test(mark))
        this.#failNear('invalid Unicode escape character', at, this.#at);
    } else this.#at = before;
    const result = decodeUnicode(raw, mark);
    if (typeof result === 'string') return result;
    return this.#fail(result.message, start, result.state, start + 3 + result.offset);
  }

  #near(at: number): string {
    if (at >= this.#sql.length) return ' at end of input';
    const word = /^(?:[A-Za-z_0-9$\u0080-\uffff]+|.)/s.exec(this.#sql.slice(at, at + 64));
    return ` at or near "${word?.[0] ?? ''}"`;
  }

  #quotedName(): void {
    const start = this.#at;
    const value = this.#nameContents(start);
    this.#push(T.Ident, start, truncateIdentifier(value), true);
  }

  /** The contents of a name in double quotes; the cursor stands on the opening quote. */
  #nameContents(start: number): string {
    const sql = this.#sql;
    let text = '';
    let from = this.#at + 1;
    for (;;) {
      const quote = sql.indexOf('"', from);
      if (quote === -1) this.#failNear('unterminated quoted identifier', start);
      text += sql.slice(from, quote);
      if (sql.charCodeAt(quote + 1) !== 0x22) {
        this.#at = quote + 1;
        break;
      }
      text += '"';
      from = quote + 2;
    }
    if (text === '') this.#failNear('zero-length delimited identifier', start, this.#at);
    return text;
  }

  /** `$1`, `$$...$$`, `$tag$...$tag$`. */
  #dollar(): void {
    const sql = this.#sql;
    const start = this.#at;
    if (isDigit(sql.charCodeAt(start + 1))) {
      let end = start + 1;
      while (isDigit(sql.charCodeAt(end))) end++;
      if (isIdentStart(sql.charCodeAt(end))) {
        while (isIdentPart(sql.charCodeAt(end))) end++;
        this.#failNear('trailing junk after parameter', start, end);
      }
      this.#at = end;
      const index = Number(sql.slice(start + 1, end));
      if (index > 0x7fffffff) this.#failNear('parameter number too large', start, end);
      this.#push(T.Param, start, String(index));
      return;
    }
    let end = start + 1;
    if (isIdentStart(sql.charCodeAt(end))) {
      while (isIdentPart(sql.charCodeAt(end)) && sql.charCodeAt(end) !== 0x24) end++;
    }
    if (sql.charCodeAt(end) !== 0x24) this.#failNear('syntax error', start, start + 1);
    const delimiter = sql.slice(start, end + 1);
    const close = sql.indexOf(delimiter, end + 1);
    if (close === -1) this.#failNear('unterminated dollar-quoted string', start);
    this.#at = close + delimiter.length;
    this.#push(T.Str, start, sql.slice(end + 1, close));
  }

  #number(): void {
    const start = this.#at;
    const number = readNumber(this.#sql, start);
    this.#at = number.end;
    if (number.error !== null) this.#failNear(number.error, start, number.end);
    this.#push(number.integer ? T.Int : T.Float, start, number.value);
  }

  #dot(): void {
    const start = this.#at;
    if (isDigit(this.#sql.charCodeAt(start + 1))) {
      this.#number();
      return;
    }
    const double = this.#sql.charCodeAt(start + 1) === 0x2e;
    this.#at += double ? 2 : 1;
    this.#push(double ? T.DotDot : T.Dot, start, '');
  }

  #colon(): void {
    const start = this.#at;
    const next = this.#sql.charCodeAt(start + 1);
    const type = next === 0x3a ? T.Typecast : next === 0x3d ? T.ColonEquals : T.Colon;
    this.#at += type === T.Colon ? 1 : 2;
    this.#push(type, start, '');
  }

  /** The longest run of operator characters, cut before a comment and by the rule for a trailing + or -. */
  #operator(): void {
    const sql = this.#sql;
    const start = this.#at;
    if (this.#structDepth > 0 && sql.charCodeAt(start) === 0x3e) {
      this.#structDepth--;
      this.#at = start + 1;
      this.#push(T.Greater, start, '>');
      return;
    }
    let end = start + 1;
    if (!isOperatorCharacter(sql.charCodeAt(end))) {
      this.#at = end;
      const only = sql.charAt(start);
      this.#push(T.operatorTokens.get(only) ?? T.Op, start, only);
      return;
    }
    for (; isOperatorCharacter(sql.charCodeAt(end)); end++) {
      const c = sql.charCodeAt(end);
      const next = sql.charCodeAt(end + 1);
      if ((c === 0x2f && next === 0x2a) || (c === 0x2d && next === 0x2d)) break;
    }
    let text = sql.slice(start, end);
    if (text.length > 1 && /[+-]$/.test(text) && !allowsTrailingSign.test(text)) {
      text = text.replace(/[+-]+$/, '') || text.charAt(0);
    }
    if (text.length > MAX_OPERATOR_LENGTH) this.#failNear('operator too long', start, end);
    this.#at = start + text.length;
    this.#push(T.operatorTokens.get(text) ?? T.Op, start, text === '!=' ? '<>' : text);
  }

  /** After the word STRUCT: `<` opens a list of fields and is a token of its own. */
  #openStruct(): void {
    let i = this.#at;
    while (isSpace(this.#sql.charCodeAt(i))) i++;
    if (this.#sql.charCodeAt(i) !== 0x3c || isOperatorCharacter(this.#sql.charCodeAt(i + 1))) return;
    this.#at = i + 1;
    this.#structDepth++;
    this.#push(T.Less, i, '<');
  }
}

/** Offset of the next quote that no backslash stands before, or -1. */
function quoteAfterEscapes(sql: string, from: number): number {
  for (let i = from; i < sql.length; i++) {
    const c = sql.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x27) return i;
  }
  return -1;
}
