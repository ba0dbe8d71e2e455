/**
 * PostgreSQL's advanced regular expressions as JavaScript's (with the `v` flag).
 *
 * A recursive-free scan of the pattern: each construct is checked as PostgreSQL checks it and rewritten. Where the two
 * differ in which of several matches they prefer (alternation: PostgreSQL takes the longest, JavaScript the first that
 * succeeds), JavaScript's rule holds; whether a text matches does not depend on it.
 */
import { SqlError } from '../../../common/sqlError.ts';
import {
  characterEscapes,
  collatingNames,
  constraintEscapes,
  namedClasses,
  shorthand,
} from './regexClasses.ts';

export interface RegexOptions {
  readonly caseInsensitive: boolean;
  /** `.` and negated brackets do not match a line feed. */
  readonly newlineStopsDot: boolean;
  /** `^` and `$` match at lines. */
  readonly lineAnchors: boolean;
  readonly expanded: boolean;
  readonly literal: boolean;
  /** `g`: only meaningful to the functions that allow it. */
  readonly global: boolean;
}

export interface TranslatedRegex {
  readonly source: string;
  readonly flags: string;
}

type MutableOptions = { -readonly [K in keyof RegexOptions]: RegexOptions[K] };

function defaultOptions(): MutableOptions {
  return {
    caseInsensitive: false,
    newlineStopsDot: false,
    lineAnchors: false,
    expanded: false,
    literal: false,
    global: false,
  };
}

function applyOption(letter: string, options: MutableOptions): boolean {
  switch (letter) {
    case 'i':
      options.caseInsensitive = true;
      return true;
    case 'c':
      options.caseInsensitive = false;
      return true;
    case 'm':
    case 'n':
      options.newlineStopsDot = true;
      options.lineAnchors = true;
      return true;
    case 's':
      options.newlineStopsDot = false;
      options.lineAnchors = false;
      return true;
    case 'p':
      options.newlineStopsDot = true;
      options.lineAnchors = false;
      return true;
    case 'w':
      options.newlineStopsDot = false;
      options.lineAnchors = true;
      return true;
    case 'x':
      options.expanded = true;
      return true;
    case 't':
      options.expanded = false;
      return true;
    case 'q':
      options.literal = true;
      return true;
    case 'e':
    case 'b':
      return true;
    default:
      return false;
  }
}

/** Parses the flags argument of a regexp function; 22023 for an unknown letter. */
export function parseRegexFlags(flags: string): RegexOptions {
  const options = defaultOptions();
  for (const letter of flags) {
    if (letter === 'g') options.global = true;
    else if (!applyOption(letter, options)) {
      throw new SqlError('22023', `invalid regular expression option: "${letter}"`);
    }
  }
  return options;
}

function invalid(reason: string): SqlError {
  return new SqlError('2201B', `invalid regular expression: ${reason}`);
}

/** A character as the source of a regular expression, in or out of brackets. */
function quote(codePoint: number): string {
  const c = String.fromCodePoint(codePoint);
  return /[A-Za-z0-9]/.test(c) ? c : `\\u{${codePoint.toString(16)}}`;
}

/** What the scan produced last, which decides whether a quantifier may follow. */
type Last = 'nothing' | 'atom' | 'constraint' | 'quantifier';

class Translator {
  readonly #text: readonly string[];
  readonly #options: RegexOptions;
  #at = 0;
  #output = '';
  #last: Last = 'nothing';
  /** For each open parenthesis: number of its capture (0: none), and whether it is a lookaround. */
  readonly #open: { readonly capture: number; readonly constraint: boolean; readonly start: number }[] = [];
  /** Where the output of the last closed group starts, and where each greedy quantifier ends. */
  #groupStart = 0;
  readonly #greedy: number[] = [];
  #captures = 0;
  readonly #closed = new Set<number>();

  constructor(text: readonly string[], options: RegexOptions) {
    this.#text = text;
    this.#options = options;
  }

  translate(): string {
    while (this.#at < this.#text.length) this.#next();
    if (this.#open.length > 0) throw invalid('parentheses () not balanced');
    return this.#output;
  }

  #peek(offset = 0): string {
    return this.#text[this.#at + offset] ?? '';
  }

  #emit(source: string, last: Last): void {
    this.#output += source;
    this.#last = last;
  }

  #next(): void {
    const c = this.#peek();
    if (this.#options.expanded && this.#skipExpanded(c)) return;
    this.#at++;
    switch (c) {
      case '|':
        this.#emit('|', 'nothing');
        return;
      case '(':
        this.#openParenthesis();
        return;
      case ')':
        this.#closeParenthesis();
        return;
      case '[':
        this.#brackets();
        return;
      case '\\':
        this.#escape();
        return;
      case '^':
        this.#emit(this.#options.lineAnchors ? '(?<![^\\n])' : '^', 'constraint');
        return;
      case '$':
        this.#emit(this.#options.lineAnchors ? '(?![^\\n])' : '$', 'constraint');
        return;
      case '.':
        this.#emit(this.#options.newlineStopsDot ? '[^\\n]' : '[^]', 'atom');
        return;
      case '*':
      case '+':
      case '?':
        this.#quantifier(c);
        return;
      case '{':
        if (/[0-9]/.test(this.#peek())) this.#quantifier(this.#bound());
        else this.#emit('\\{', 'atom');
        return;
      default:
        this.#emit(quote(c.codePointAt(0) ?? 0), 'atom');
    }
  }

  #skipExpanded(c: string): boolean {
    if (/\s/.test(c)) {
      this.#at++;
      return true;
    }
    if (c !== '#') return false;
    while (this.#at < this.#text.length && this.#peek() !== '\n') this.#at++;
    return true;
  }

  #openParenthesis(): void {
    if (this.#peek() !== '?') {
      this.#captures++;
      this.#open.push({ capture: this.#captures, constraint: false, start: this.#output.length });
      this.#emit('(', 'nothing');
      return;
    }
    const second = this.#peek(1);
    if (second === '#') {
      while (this.#at < this.#text.length && this.#peek() !== ')') this.#at++;
      this.#at++;
      return;
    }
    const third = second === '<' ? this.#peek(2) : '';
    const head = `?${second}${third}`;
    if (head !== '?:' && head !== '?=' && head !== '?!' && head !== '?<=' && head !== '?<!') {
      throw invalid('quantifier operand invalid');
    }
    this.#at += head.length;
    this.#open.push({ capture: 0, constraint: head !== '?:', start: this.#output.length });
    this.#emit(`(${head}`, 'nothing');
  }

  #closeParenthesis(): void {
    const group = this.#open.pop();
    if (group === undefined) throw invalid('parentheses () not balanced');
    if (group.capture > 0) this.#closed.add(group.capture);
    this.#groupStart = group.start;
    this.#emit(')', group.constraint ? 'constraint' : 'atom');
  }

  #bound(): string {
    const match = /^(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 12).join(''));
    if (match === null) throw invalid('invalid repetition count(s)');
    const [whole, low = '', comma, high = ''] = match;
    const least = Number(low);
    const most = comma === undefined ? least : high === '' ? least : Number(high);
    if (least > 255 || most > 255 || most < least) throw invalid('invalid repetition count(s)');
    this.#at += whole.length;
    return `{${whole}`;
  }

  #quantifier(q: string): void {
    if (this.#last !== 'atom') throw invalid('quantifier operand invalid');
    if (this.#peek() === '?') {
      this.#at++;
      if (q === '{1,1}' && this.#output.endsWith(')')) this.#makeGroupLazy();
      this.#emit(`${q}?`, 'quantifier');
      return;
    }
    this.#emit(q, 'quantifier');
    this.#greedy.push(this.#output.length);
  }

  /** `(...){1,1}?` is PostgreSQL's way to say that the group as a whole matches as short as possible. */
  #makeGroupLazy(): void {
    for (let i = this.#greedy.length - 1; i >= 0; i--) {
      const end = this.#greedy[i] ?? 0;
      if (end <= this.#groupStart) return;
      this.#output = `${this.#output.slice(0, end)}?${this.#output.slice(end)}`;
      this.#greedy.pop();
    }
  }

  #escape(): void {
    const c = this.#peek();
    if (c === '') throw invalid('invalid escape \\ sequence');
    const constraint = constraintEscapes.get(c);
    if (constraint !== undefined) {
      this.#at++;
      this.#emit(constraint, 'constraint');
      return;
    }
    const set = shorthand.get(c);
    if (set !== undefined) {
      this.#at++;
      this.#emit(`[${set[1] ? '^' : ''}${set[0]}]`, 'atom');
      return;
    }
    if (/[1-9]/.test(c) && this.#backReference()) return;
    this.#emit(quote(this.#characterEscape()), 'atom');
  }

  /** \1, or \12 when there are that many groups; a single digit always is a reference. */
  #backReference(): boolean {
    const digits = /^\d+/.exec(this.#text.slice(this.#at, this.#at + 3).join(''))?.[0] ?? '';
    const number = Number(digits);
    if (digits.length > 1 && number > this.#captures) return false;
    if (!this.#closed.has(number)) throw invalid('invalid backreference number');
    this.#at += digits.length;
    this.#emit(`(?:\\${number})`, 'atom');
    return true;
  }

  /** Code point of the escape at the current place (after the backslash). */
  #characterEscape(): number {
    const c = this.#peek();
    this.#at++;
    const simple = characterEscapes.get(c);
    if (simple !== undefined) return simple;
    if (c === 'c') {
      const code = this.#peek().codePointAt(0);
      if (code === undefined) throw invalid('invalid escape \\ sequence');
      this.#at++;
      return code & 31;
    }
    if (c === 'u') return this.#hex(4, 4);
    if (c === 'U') return this.#hex(8, 8);
    if (c === 'x') return this.#hex(1, 255);
    if (/[0-7]/.test(c)) return this.#octal(c);
    if (/[A-Za-z0-9]/.test(c)) throw invalid('invalid escape \\ sequence');
    return c.codePointAt(0) ?? 0;
  }

  #hex(least: number, most: number): number {
    let digits = '';
    while (digits.length < most && /[0-9a-fA-F]/.test(this.#peek())) {
      digits += this.#peek();
      this.#at++;
    }
    const code = Number.parseInt(digits, 16);
    if (digits.length < least || code > 0x10ffff) throw invalid('invalid escape \\ sequence');
    return code;
  }

  #octal(first: string): number {
    let digits = first;
    while (digits.length < 3 && /[0-7]/.test(this.#peek())) {
      digits += this.#peek();
      this.#at++;
    }
    return Number.parseInt(digits, 8);
  }

  #brackets(): void {
    const rest = this.#text.slice(this.#at, this.#at + 6).join('');
    if (rest === '[:<:]]' || rest === '[:>:]]') {
      this.#at += 6;
      this.#emit(constraintEscapes.get(rest === '[:<:]]' ? 'm' : 'M') ?? '', 'constraint');
      return;
    }
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    let members = '';
    for (let first = true; ; first = false) {
      const c = this.#peek();
      if (c === '') throw invalid('brackets [] not balanced');
      if (c === ']' && !first) break;
      members += this.#bracketMember(first);
    }
    this.#at++;
    if (negated && this.#options.newlineStopsDot) members += '\\n';
    this.#emit(`[${negated ? '^' : ''}${members}]`, 'atom');
  }

  #bracketMember(first: boolean): string {
    if (this.#peek() === '[' && this.#peek(1) === ':') return this.#namedClass();
    if (this.#peek() === '\\') {
      const set = shorthand.get(this.#peek(1));
      if (set !== undefined) {
        this.#at += 2;
        return set[1] ? `[^${set[0]}]` : set[0];
      }
    }
    if (this.#peek() === '-' && !first && this.#peek(1) !== ']') throw invalid('invalid character range');
    const low = this.#bracketCharacter();
    if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === '') return quote(low);
    this.#at++;
    const high = this.#bracketCharacter();
    if (high < low) throw invalid('invalid character range');
    return `${quote(low)}-${quote(high)}`;
  }

  #bracketCharacter(): number {
    const c = this.#peek();
    if (c === '[' && (this.#peek(1) === '.' || this.#peek(1) === '='))
      return this.#collatingElement(this.#peek(1));
    this.#at++;
    if (c === '\\') {
      if (this.#peek() === '') throw invalid('invalid escape \\ sequence');
      return this.#characterEscape();
    }
    return c.codePointAt(0) ?? 0;
  }

  /** The text between `[x` and `x]`, which are skipped. */
  #delimited(mark: string): string {
    let name = '';
    this.#at += 2;
    while (!(this.#peek() === mark && this.#peek(1) === ']')) {
      if (this.#peek() === '') throw invalid('brackets [] not balanced');
      name += this.#peek();
      this.#at++;
    }
    this.#at += 2;
    return name;
  }

  #namedClass(): string {
    const members = namedClasses.get(this.#delimited(':'));
    if (members === undefined) throw invalid('invalid character class');
    return members;
  }

  #collatingElement(mark: string): number {
    const name = this.#delimited(mark);
    const character = collatingNames.get(name) ?? name;
    if (Array.from(character).length !== 1) throw invalid('invalid collating element');
    return character.codePointAt(0) ?? 0;
  }
}

/** Translates `pattern`, whose own prefixes (`***:`, `***=`, `(?i)`) override `options`. */
export function translateRegex(pattern: string, options: RegexOptions): TranslatedRegex {
  const own: MutableOptions = { ...options };
  let text = pattern;
  if (text.startsWith('***=')) {
    own.literal = true;
    text = text.slice(4);
  } else if (text.startsWith('***:')) {
    text = text.slice(4);
  } else if (text.startsWith('***')) {
    throw invalid('quantifier operand invalid');
  }
  const embedded = own.literal ? null : /^\(\?([a-z]+)\)/.exec(text);
  if (embedded !== null) {
    for (const letter of embedded[1] ?? '') {
      if (!applyOption(letter, own)) throw invalid('invalid embedded option');
    }
    text = text.slice(embedded[0].length);
  }
  const characters = Array.from(text);
  const source = own.literal
    ? characters.map((c) => quote(c.codePointAt(0) ?? 0)).join('')
    : new Translator(characters, own).translate();
  return { source: source === '' ? '(?:)' : source, flags: own.caseInsensitive ? 'iv' : 'v' };
}
