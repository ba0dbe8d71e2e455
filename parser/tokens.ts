/**
 * Token types of the grammar. Each keyword is a type of its own; five abstract types gather the words that may stand in
 * a given place (column name, function name, label, ...), which is how PostgreSQL reserves words.
 *
 * State: none after loading. Invariant: `K` has exactly the words of keywords.ts.
 */
import { createToken, type IToken, type TokenType } from 'chevrotain';
import type { SqlError } from '../common/sqlError.ts';
import { keywords, type Word } from './keywords.ts';

/** A token as our lexer makes it. */
export interface SqlToken extends IToken {
  /** Identifiers: the folded name; strings: the contents; numbers: plain decimal digits; operators: the operator. */
  readonly value: string;
  /** Position in the token list. */
  readonly index: number;
  /** An identifier in double quotes. */
  readonly quoted: boolean;
  /** The lexical error of an `ErrorToken`. */
  readonly error: SqlError | null;
}

const type = (name: string, label: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, label, categories });

/** Column, table and other ordinary names. */
export const ColId = type('ColId', 'a name');
/** Names of functions and of types. */
export const FuncName = type('FuncName', 'a function or type name');
/** Labels after AS: any word. */
export const ColLabel = type('ColLabel', 'a name');
/** Labels without AS. */
export const BareLabel = type('BareLabel', 'a label');
/** Any word that is not reserved. */
export const NonReserved = type('NonReserved', 'a word');

const everyName = [ColId, FuncName, ColLabel, BareLabel, NonReserved];

export const Ident = type('Ident', 'a name', everyName);
export const Str = type('Str', 'a string');
/** An integer that fits in 32 bits. */
export const Int = type('Int', 'an integer');
export const Float = type('Float', 'a number');
export const Bits = type('Bits', 'a bit string');
export const Param = type('Param', 'a parameter');
/** Any operator that has no type of its own. */
export const Op = type('Op', 'an operator');
/** Where the text cannot be read any further; matches nothing. */
export const ErrorToken = type('ErrorToken', 'nothing');

export const Comma = type('Comma', '","');
export const LParen = type('LParen', '"("');
export const RParen = type('RParen', '")"');
export const LBracket = type('LBracket', '"["');
export const RBracket = type('RBracket', '"]"');
export const LBrace = type('LBrace', '"{"');
export const RBrace = type('RBrace', '"}"');
export const Dot = type('Dot', '"."');
export const DotDot = type('DotDot', '".."');
export const Semicolon = type('Semicolon', '";"');
export const Colon = type('Colon', '":"');
export const Typecast = type('Typecast', '"::"');
export const ColonEquals = type('ColonEquals', '":="');
export const EqualsGreater = type('EqualsGreater', '"=>"');
export const Plus = type('Plus', '"+"');
export const Minus = type('Minus', '"-"');
export const Star = type('Star', '"*"');
export const Slash = type('Slash', '"/"');
export const Percent = type('Percent', '"%"');
export const Caret = type('Caret', '"^"');
export const Less = type('Less', '"<"');
export const Greater = type('Greater', '">"');
export const Equal = type('Equal', '"="');
export const LessEqual = type('LessEqual', '"<="');
export const GreaterEqual = type('GreaterEqual', '">="');
export const NotEqual = type('NotEqual', '"<>"');

function keywordTypes(): ReadonlyMap<string, TokenType> {
  const result = new Map<string, TokenType>();
  for (const keyword of keywords.values()) {
    const categories = [ColLabel];
    if (keyword.bareLabel) categories.push(BareLabel);
    if (keyword.category !== 'reserved') categories.push(NonReserved);
    if (keyword.category === 'unreserved' || keyword.category === 'colName') categories.push(ColId);
    if (keyword.category === 'unreserved' || keyword.category === 'typeFuncName') categories.push(FuncName);
    const upper = keyword.word.toUpperCase();
    const token = type(upper, upper);
    // Given to createToken, the categories would be worked out anew for each of 500 words; the parser does it once for all.
    token.CATEGORIES = categories;
    result.set(keyword.word, token);
  }
  return result;
}

/** Token type of each keyword by its lower-case spelling. */
export const keywordTokens: ReadonlyMap<string, TokenType> = keywordTypes();

/** The same for use in the grammar: `K.select`. */
export const K: { readonly [W in Word]: TokenType } = Object.fromEntries(keywordTokens) as {
  readonly [W in Word]: TokenType;
};

/** By character code: tokens of one character that are always themselves. */
export const punctuation: readonly (TokenType | undefined)[] = byCode([
  [',', Comma],
  ['(', LParen],
  [')', RParen],
  ['[', LBracket],
  [']', RBracket],
  ['{', LBrace],
  ['}', RBrace],
  [';', Semicolon],
]);

function byCode(entries: readonly (readonly [string, TokenType])[]): readonly (TokenType | undefined)[] {
  const table: (TokenType | undefined)[] = new Array(128).fill(undefined);
  for (const [character, token] of entries) table[character.charCodeAt(0)] = token;
  return table;
}

/** Operators with a token type of their own; all others are `Op`. */
export const operatorTokens: ReadonlyMap<string, TokenType> = new Map([
  ['+', Plus],
  ['-', Minus],
  ['*', Star],
  ['/', Slash],
  ['%', Percent],
  ['^', Caret],
  ['<', Less],
  ['>', Greater],
  ['=', Equal],
  ['<=', LessEqual],
  ['>=', GreaterEqual],
  ['<>', NotEqual],
  ['!=', NotEqual],
  ['=>', EqualsGreater],
]);

export const allTokens: TokenType[] = [
  ...everyName,
  Ident,
  Str,
  Int,
  Float,
  Bits,
  Param,
  Op,
  ErrorToken,
  ...punctuation.filter((token) => token !== undefined),
  Dot,
  DotDot,
  Colon,
  Typecast,
  ColonEquals,
  EqualsGreater,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Caret,
  Less,
  Greater,
  Equal,
  LessEqual,
  GreaterEqual,
  NotEqual,
  ...keywordTokens.values(),
];
