/**
 * Text of arrays and rows: `{1,NULL,"a b"}`, `[0:1]={1,2}`, `(a,"b c",)`, with PostgreSQL's quoting and its errors.
 *
 * The functions work on element texts; textIo.ts supplies the elements' own input and output.
 */

import { SqlArray } from './sqlArray.ts';
import { SqlError } from './sqlError.ts';
import type { Value } from './value.ts';

const MAX_DIMENSIONS = 6;

function isSpace(c: string): boolean {
  return c === ' ' || (c >= '\t' && c <= '\r');
}

// --- output ----------------------------------------------------------------------------------------------------

const arrayQuoted = /[{}",\\\s]|^$|^null$/i;

function quoteElement(text: string): string {
  return arrayQuoted.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

/** array output; `format` prints a non-null element. */
export function formatArray(array: SqlArray, format: (element: NonNullable<Value>) => string): string {
  if (array.dimensions.length === 0) return '{}';
  let at = 0;
  const level = (dimension: number): string => {
    const parts: string[] = [];
    const length = array.dimensions[dimension] ?? 0;
    for (let i = 0; i < length; i++) {
      if (dimension < array.dimensions.length - 1) parts.push(level(dimension + 1));
      else {
        const element = array.elements[at++] ?? null;
        parts.push(element === null ? 'NULL' : quoteElement(format(element)));
      }
    }
    return `{${parts.join(',')}}`;
  };
  const body = level(0);
  if (array.lowerBounds.every((bound) => bound === 1)) return body;
  const bounds = array.lowerBounds.map((low, i) => `[${low}:${low + (array.dimensions[i] ?? 0) - 1}]`);
  return `${bounds.join('')}=${body}`;
}

const fieldQuoted = /[()",\\\s]|^$/;

/** record output from the fields' texts. */
export function formatRow(fields: readonly (string | null)[]): string {
  const parts = fields.map((text) => {
    if (text === null) return '';
    return fieldQuoted.test(text) ? `"${text.replace(/["\\]/g, '$&$&')}"` : text;
  });
  return `(${parts.join(',')})`;
}

// --- array input -----------------------------------------------------------------------------------------------

class ArrayReader {
  readonly text: string;
  readonly parse: (element: string) => Value;
  at = 0;
  readonly elements: Value[] = [];
  readonly dimensions: number[] = [];
  /** Depth at which elements lie, once the first has been seen. */
  leafDepth = 0;

  constructor(text: string, parse: (element: string) => Value) {
    this.text = text;
    this.parse = parse;
  }

  fail(detail: string): SqlError {
    return new SqlError('22P02', `malformed array literal: "${this.text}"`, { detail });
  }

  skipSpace(): void {
    while (this.at < this.text.length && isSpace(this.text.charAt(this.at))) this.at++;
  }

  read(): SqlArray {
    this.skipSpace();
    const bounds = this.readBounds();
    this.skipSpace();
    if (this.text.charAt(this.at) !== '{') {
      throw this.fail(
        bounds.length > 0
          ? 'Array contents must start with "{".'
          : 'Array value must start with "{" or dimension information.',
      );
    }
    this.readLevel(0);
    this.skipSpace();
    if (this.at < this.text.length) throw this.fail('Junk after closing right brace.');
    return this.finish(bounds);
  }

  private finish(bounds: readonly (readonly [number, number])[]): SqlArray {
    if (this.elements.length === 0) {
      if (bounds.length > 0) throw this.fail('Specified array dimensions do not match array contents.');
      return new SqlArray([]);
    }
    if (bounds.length === 0) return new SqlArray(this.elements, this.dimensions);
    const matches =
      bounds.length === this.dimensions.length &&
      bounds.every(([low, high], i) => high - low + 1 === this.dimensions[i]);
    if (!matches) throw this.fail('Specified array dimensions do not match array contents.');
    return new SqlArray(
      this.elements,
      this.dimensions,
      bounds.map(([low]) => low),
    );
  }

  private readBounds(): [number, number][] {
    const bounds: [number, number][] = [];
    for (;;) {
      this.skipSpace();
      if (this.text.charAt(this.at) !== '[') break;
      this.at++;
      if (bounds.length >= MAX_DIMENSIONS) throw tooManyDimensions(bounds.length + 1);
      const first = this.readBound();
      let low = 1;
      let high = first;
      if (this.text.charAt(this.at) === ':') {
        this.at++;
        low = first;
        high = this.readBound();
      }
      if (this.text.charAt(this.at) !== ']') throw this.fail('Missing "]" after array dimensions.');
      this.at++;
      if (high < low) throw new SqlError('2202E', 'upper bound cannot be less than lower bound');
      bounds.push([low, high]);
    }
    if (bounds.length > 0) {
      if (this.text.charAt(this.at) !== '=') throw this.fail('Missing "=" after array dimensions.');
      this.at++;
    }
    return bounds;
  }

  private readBound(): number {
    const match = /^[+-]?\d+/.exec(this.text.slice(this.at));
    if (match === null) throw this.fail('"[" must introduce explicitly-specified array dimensions.');
    this.at += match[0].length;
    return Number(match[0]);
  }

  /** Reads one brace level; `at` stands on its opening brace. */
  private readLevel(depth: number): void {
    if (depth >= MAX_DIMENSIONS) throw tooManyDimensions(depth + 1);
    this.at++;
    let count = 0;
    this.skipSpace();
    if (this.text.charAt(this.at) === '}') {
      if (depth > 0) throw this.fail('Unexpected "}" character.');
      this.at++;
      this.noteLength(depth, 0);
      return;
    }
    for (;;) {
      this.skipSpace();
      const c = this.text.charAt(this.at);
      if (c === '{') {
        if (this.leafDepth === depth + 1) throw this.fail('Unexpected "{" character.');
        this.readLevel(depth + 1);
      } else this.readElement(depth);
      count++;
      this.skipSpace();
      const delimiter = this.text.charAt(this.at);
      if (delimiter === '') throw this.fail('Unexpected end of input.');
      this.at++;
      if (delimiter === '}') break;
      if (delimiter === '{') throw this.fail('Unexpected "{" character.');
      if (delimiter !== ',') throw this.fail('Unexpected array element.');
    }
    this.noteLength(depth, count);
  }

  private noteLength(depth: number, count: number): void {
    const known = this.dimensions[depth];
    if (known === undefined) this.dimensions[depth] = count;
    else if (known !== count) {
      throw this.fail('Multidimensional arrays must have sub-arrays with matching dimensions.');
    }
  }

  private readElement(depth: number): void {
    const c = this.text.charAt(this.at);
    if (c === '') throw this.fail('Unexpected end of input.');
    if (c === ',' || c === '}') throw this.fail(`Unexpected "${c}" character.`);
    if (this.leafDepth === 0) this.leafDepth = depth + 1;
    else if (this.leafDepth > depth + 1) throw this.fail('Unexpected array element.');
    else if (this.leafDepth !== depth + 1) {
      throw this.fail('Multidimensional arrays must have sub-arrays with matching dimensions.');
    }
    if (c === '"') {
      this.elements.push(this.parse(this.readQuoted()));
      return;
    }
    const [text, escaped] = this.readBare();
    this.elements.push(!escaped && text.toLowerCase() === 'null' ? null : this.parse(text));
  }

  private readQuoted(): string {
    let out = '';
    this.at++;
    for (;;) {
      const c = this.text.charAt(this.at);
      if (c === '') throw this.fail('Unexpected end of input.');
      this.at++;
      if (c === '"') return out;
      if (c === '\\') {
        const next = this.text.charAt(this.at);
        if (next === '') throw this.fail('Unexpected end of input.');
        out += next;
        this.at++;
      } else out += c;
    }
  }

  private readBare(): [text: string, escaped: boolean] {
    let out = '';
    let escaped = false;
    // Trailing white space is dropped unless escaped.
    let keep = 0;
    for (;;) {
      const c = this.text.charAt(this.at);
      if (c === '') throw this.fail('Unexpected end of input.');
      if (c === ',' || c === '}') break;
      if (c === '{') throw this.fail('Unexpected "{" character.');
      if (c === '"') throw this.fail('Unexpected array element.');
      this.at++;
      if (c === '\\') {
        const next = this.text.charAt(this.at);
        if (next === '') throw this.fail('Unexpected end of input.');
        escaped = true;
        out += next;
        keep = out.length;
        this.at++;
        continue;
      }
      out += c;
      if (!isSpace(c)) keep = out.length;
    }
    return [out.slice(0, keep), escaped];
  }
}

function tooManyDimensions(count: number): SqlError {
  return new SqlError(
    '54000',
    `number of array dimensions (${count}) exceeds the maximum allowed (${MAX_DIMENSIONS})`,
  );
}

/** array input; `parse` reads one element's text. */
export function parseArray(text: string, parse: (element: string) => Value): SqlArray {
  return new ArrayReader(text, parse).read();
}

// --- row input -------------------------------------------------------------------------------------------------

/** record input: the fields' texts, null for an empty unquoted field. */
export function parseRow(text: string, fieldCount: number): (string | null)[] {
  const fail = (detail: string): SqlError => {
    return new SqlError('22P02', `malformed record literal: "${text}"`, { detail });
  };
  let at = 0;
  while (at < text.length && isSpace(text.charAt(at))) at++;
  if (text.charAt(at) !== '(') throw fail('Missing left parenthesis.');
  at++;
  const fields: (string | null)[] = [];
  for (let i = 0; i < fieldCount; i++) {
    if (i > 0) {
      if (text.charAt(at) !== ',') throw fail('Too few columns.');
      at++;
    }
    const c = text.charAt(at);
    if (c === ',' || c === ')') {
      fields.push(null);
      continue;
    }
    let out = '';
    let quoted = false;
    for (;;) {
      const d = text.charAt(at);
      if (d === '') throw fail('Unexpected end of input.');
      if (!quoted && (d === ',' || d === ')')) break;
      at++;
      if (d === '\\') {
        const next = text.charAt(at);
        if (next === '') throw fail('Unexpected end of input.');
        out += next;
        at++;
      } else if (d !== '"') out += d;
      else if (quoted && text.charAt(at) === '"') {
        out += '"';
        at++;
      } else quoted = !quoted;
    }
    fields.push(out);
  }
  if (text.charAt(at) !== ')') throw fail('Too many columns.');
  at++;
  while (at < text.length && isSpace(text.charAt(at))) at++;
  if (at < text.length) throw fail('Junk after right parenthesis.');
  return fields;
}
