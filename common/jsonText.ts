/**
 * JSON text: the scanner behind json and jsonb input, and printing of jsonb.
 *
 * Recursive descent with one token of lookahead and PostgreSQL's error details. Numbers keep every digit (numeric).
 * With `build` off (type json) the text is only checked, and unicode escapes need not stand for valid characters.
 */
import { Decimal } from './decimal.ts';
import { Jsonb, type JsonNode } from './jsonb.ts';
import { SqlError } from './sqlError.ts';
import { compareText, utf8Length } from './textOrder.ts';

type TokenKind = '{' | '}' | '[' | ']' | ',' | ':' | 'string' | 'number' | 'true' | 'false' | 'null' | 'end';

const MAX_DEPTH = 6000;

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Tokens of one character, by its code. */
const punctuation: { readonly [code: number]: TokenKind } = {
  123: '{',
  125: '}',
  91: '[',
  93: ']',
  44: ',',
  58: ':',
};

class Scanner {
  readonly text: string;
  readonly build: boolean;
  at = 0;
  start = 0;
  kind: TokenKind = 'end';
  /** Value of a string token when building. */
  string = '';
  depth = 0;

  constructor(text: string, build: boolean) {
    this.text = text;
    this.build = build;
    this.next();
  }

  document(): JsonNode {
    const node = this.value();
    if (this.kind !== 'end') throw this.unexpected('end of input');
    return node;
  }

  private value(): JsonNode {
    switch (this.kind) {
      case '{':
        return this.object();
      case '[':
        return this.array();
      case 'string': {
        const s = this.string;
        this.next();
        return s;
      }
      case 'number': {
        const n = this.build ? Decimal.parse(this.text.slice(this.start, this.at)) : null;
        this.next();
        return n;
      }
      case 'true':
      case 'false': {
        const value = this.kind === 'true';
        this.next();
        return value;
      }
      case 'null':
        this.next();
        return null;
      default:
        throw this.unexpected('JSON value');
    }
  }

  private is(kind: TokenKind): boolean {
    return this.kind === kind;
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) {
      throw new SqlError('54001', 'stack depth limit exceeded', {
        hint: 'The JSON document is nested too deeply.',
      });
    }
    this.next();
  }

  private array(): JsonNode {
    const elements: JsonNode[] = [];
    this.enter();
    if (!this.is(']')) {
      elements.push(this.value());
      while (this.is(',')) {
        this.next();
        elements.push(this.value());
      }
      if (!this.is(']')) throw this.unexpected('"," or "]"');
    }
    this.depth--;
    this.next();
    return elements;
  }

  private object(): JsonNode {
    const fields: [string, JsonNode][] = [];
    this.enter();
    if (this.is('string')) {
      fields.push(this.field());
      while (this.is(',')) {
        this.next();
        fields.push(this.field());
      }
      if (!this.is('}')) throw this.unexpected('"," or "}"');
    } else if (!this.is('}')) throw this.unexpected('string or "}"');
    this.depth--;
    this.next();
    return this.build ? jsonObject(fields) : null;
  }

  private field(): [string, JsonNode] {
    if (!this.is('string')) throw this.unexpected('string');
    const key = this.string;
    this.next();
    if (!this.is(':')) throw this.unexpected('":"');
    this.next();
    return [key, this.value()];
  }

  private unexpected(expected: string): SqlError {
    if (this.kind === 'end') return invalid('The input string ended unexpectedly.');
    return invalid(`Expected ${expected}, but found "${this.text.slice(this.start, this.at)}".`);
  }

  // --- tokens --------------------------------------------------------------------------------------------------

  private next(): void {
    const { text } = this;
    let at = this.at;
    let c = text.charCodeAt(at);
    while (c === 32 || c === 10 || c === 13 || c === 9) c = text.charCodeAt(++at);
    this.start = at;
    if (at >= text.length) {
      this.at = at;
      this.kind = 'end';
      return;
    }
    const kind = punctuation[c];
    if (kind !== undefined) {
      this.kind = kind;
      this.at = at + 1;
    } else if (c === 34) this.scanString();
    else if (c === 45 || isDigit(c)) this.scanNumber();
    else this.scanWord();
  }

  private scanNumber(): void {
    const { text } = this;
    let at = text.charCodeAt(this.start) === 45 ? this.start + 1 : this.start;
    let bad = false;
    const digits = (): boolean => {
      const from = at;
      while (isDigit(text.charCodeAt(at))) at++;
      return at > from;
    };
    if (text.charCodeAt(at) === 48) at++;
    else if (!digits()) bad = true;
    if (text.charCodeAt(at) === 46) {
      at++;
      if (!digits()) bad = true;
    }
    if ((text.charCodeAt(at) | 32) === 101) {
      at++;
      const sign = text.charCodeAt(at);
      if (sign === 43 || sign === 45) at++;
      if (!digits()) bad = true;
    }
    while (at < text.length && isWordCharacter(text.charCodeAt(at))) {
      bad = true;
      at++;
    }
    this.at = at;
    if (bad) throw this.invalidToken();
    this.kind = 'number';
  }

  private scanWord(): void {
    const { text } = this;
    let at = this.start;
    while (at < text.length && isWordCharacter(text.charCodeAt(at))) at++;
    this.at = at === this.start ? at + 1 : at;
    const word = text.slice(this.start, this.at);
    if (word !== 'true' && word !== 'false' && word !== 'null') throw this.invalidToken();
    this.kind = word;
  }

  private invalidToken(): SqlError {
    return invalid(`Token "${this.text.slice(this.start, this.at)}" is invalid.`);
  }

  private scanString(): void {
    const { text } = this;
    let at = this.start + 1;
    let from = at;
    let value = '';
    for (;;) {
      const c = text.charCodeAt(at);
      if (c === 34) break;
      if (at >= text.length) {
        this.at = at;
        throw this.invalidToken();
      }
      if (c < 32) {
        throw invalid(`Character with value 0x${c.toString(16).padStart(2, '0')} must be escaped.`);
      }
      if (c !== 92) {
        at++;
        continue;
      }
      value += text.slice(from, at);
      [value, at] = this.escape(at + 1, value);
      from = at;
    }
    this.string = this.build ? value + text.slice(from, at) : '';
    this.at = at + 1;
    this.kind = 'string';
  }

  /** Reads the escape whose letter is at `at`; returns the string so far and where to go on. */
  private escape(at: number, value: string): [string, number] {
    const letter = this.text.charAt(at);
    if (letter !== 'u') {
      const simple = escapes.get(letter);
      if (simple === undefined) {
        if (at >= this.text.length) {
          this.at = at;
          throw this.invalidToken();
        }
        throw invalid(`Escape sequence "\\${letter}" is invalid.`);
      }
      return [value + simple, at + 1];
    }
    const unit = this.unicodeUnit(at + 1);
    const end = at + 5;
    if (!this.build) return [value, end];
    if (unit === 0) {
      throw new SqlError('22P05', 'unsupported Unicode escape sequence', {
        detail: '\\u0000 cannot be converted to text.',
      });
    }
    if (unit >= 0xdc00 && unit <= 0xdfff)
      throw invalid('Unicode low surrogate must follow a high surrogate.');
    if (unit < 0xd800 || unit > 0xdbff) return [value + String.fromCharCode(unit), end];
    if (this.text.charAt(end) !== '\\' || this.text.charAt(end + 1) !== 'u') {
      throw invalid('Unicode low surrogate must follow a high surrogate.');
    }
    const low = this.unicodeUnit(end + 2);
    if (low >= 0xd800 && low <= 0xdbff) {
      throw invalid('Unicode high surrogate must not follow a high surrogate.');
    }
    if (low < 0xdc00 || low > 0xdfff) throw invalid('Unicode low surrogate must follow a high surrogate.');
    return [value + String.fromCharCode(unit, low), end + 6];
  }

  private unicodeUnit(at: number): number {
    const digits = this.text.slice(at, at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw invalid('"\\u" must be followed by four hexadecimal digits.');
    }
    return Number.parseInt(digits, 16);
  }
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function isWordCharacter(c: number): boolean {
  return isDigit(c) || (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || c >= 128;
}

function invalid(detail: string): SqlError {
  return new SqlError('22P02', 'invalid input syntax for type json', { detail });
}

/** jsonb's order of object keys: shorter (in UTF-8) first, then by bytes. */
export function compareKeys(a: string, b: string): number {
  const d = utf8Length(a) - utf8Length(b);
  return d !== 0 ? Math.sign(d) : compareText(a, b);
}

/** An object from fields in any order; the last of equal keys wins. */
export function jsonObject(fields: Iterable<readonly [string, JsonNode]>): ReadonlyMap<string, JsonNode> {
  const sorted = [...fields];
  // Few fields are the rule, often in order already: insertion keeps equal keys in sequence, and the map keeps the last.
  if (sorted.length > 32) sorted.sort((a, b) => compareKeys(a[0], b[0]));
  else insertionSort(sorted);
  const map = new Map<string, JsonNode>();
  for (const field of sorted) map.set(field[0], field[1]);
  return map;
}

function insertionSort(fields: (readonly [string, JsonNode])[]): void {
  for (let i = 1; i < fields.length; i++) {
    const field = fields[i];
    if (field === undefined) continue;
    let at = i;
    for (; at > 0; at--) {
      const before = fields[at - 1];
      if (before === undefined || compareKeys(before[0], field[0]) <= 0) break;
      fields[at] = before;
    }
    fields[at] = field;
  }
}

/** json input: checks the text and keeps it as it is. */
export function checkJson(text: string): string {
  new Scanner(text, false).document();
  return text;
}

/** jsonb input. */
export function parseJsonb(text: string): Jsonb {
  return new Jsonb(parseJson(text));
}

/** The document of a JSON text. */
export function parseJson(text: string): JsonNode {
  return new Scanner(text, true).document();
}

/** A string as a JSON literal. */
export function quoteJson(text: string): string {
  return JSON.stringify(text);
}

export function isJsonObject(node: JsonNode): node is ReadonlyMap<string, JsonNode> {
  return node instanceof Map;
}

export function isJsonArray(node: JsonNode): node is readonly JsonNode[] {
  return Array.isArray(node);
}

/** jsonb output: `{"a": 1, "b": [true, null]}`. */
export function printJson(node: JsonNode): string {
  if (node === null) return 'null';
  if (typeof node === 'string') return quoteJson(node);
  if (typeof node === 'boolean') return node ? 'true' : 'false';
  if (node instanceof Decimal) return node.toString();
  if (isJsonObject(node)) {
    let out = '';
    for (const [key, value] of node) out += `${out === '' ? '' : ', '}${quoteJson(key)}: ${printJson(value)}`;
    return `{${out}}`;
  }
  let out = '';
  for (let i = 0; i < node.length; i++) out += (i === 0 ? '' : ', ') + printJson(node[i] ?? null);
  return `[${out}]`;
}

/** jsonb_pretty: one member a line, indented by four blanks. */
export function prettyJson(node: JsonNode, indent = ''): string {
  const inner = `${indent}    `;
  if (isJsonObject(node)) {
    const lines = [...node].map(([key, value]) => `${inner}${quoteJson(key)}: ${prettyJson(value, inner)}`);
    return lines.length === 0 ? `{\n${indent}}` : `{\n${lines.join(',\n')}\n${indent}}`;
  }
  if (isJsonArray(node)) {
    const lines = node.map((value) => inner + prettyJson(value, inner));
    return lines.length === 0 ? `[\n${indent}]` : `[\n${lines.join(',\n')}\n${indent}]`;
  }
  return printJson(node);
}
