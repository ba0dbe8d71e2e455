/**
 * Parser of SQL/JSON paths. Recursive descent over a token list:
 *
 *   path    := ['strict' | 'lax'] or
 *   or      := and ('||' and)*          and := not ('&&' not)*
 *   not     := '!' delimited | compare ['is' 'unknown']
 *   compare := sum [(== | != | <> | < | <= | > | >=) sum | 'starts' 'with' value | 'like_regex' string ['flag' string]]
 *   sum     := product ((+|-) product)*  product := unary ((*|/|%) unary)*
 *   unary   := (+|-) unary | primary accessor*
 */
import { Decimal } from '../../../common/decimal.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Arithmetic, Comparison, JsonPath, Method, PathExpr, Subscript } from './jsonPathTree.ts';

interface Token {
  readonly kind: 'symbol' | 'word' | 'string' | 'number' | 'variable' | 'end';
  readonly text: string;
}

const tokenPattern =
  /\s+|\/\*[\s\S]*?\*\/|(\*\*|==|!=|<>|<=|>=|&&|\|\||[()[\]{}.,*+\-/%<>!?@])|\$"((?:[^"\\]|\\[\s\S])*)"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|(\$)|"((?:[^"\\]|\\[\s\S])*)"|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)/y;

function syntaxError(near: string): SqlError {
  return new SqlError(
    '42601',
    near === ''
      ? 'syntax error at end of jsonpath input'
      : `syntax error at or near "${near}" of jsonpath input`,
  );
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescapeString(body: string): string {
  return body.replace(
    /\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\s\S]))/g,
    (_, a, b, c, d) => {
      const hex: string | undefined = a ?? b ?? c;
      return hex === undefined ? (escapes[d] ?? d) : String.fromCodePoint(Number.parseInt(hex, 16));
    },
  );
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < text.length) {
    const at = tokenPattern.lastIndex;
    const match = tokenPattern.exec(text);
    if (match === null) throw syntaxError(text.charAt(at));
    const [, symbol, quotedVariable, variable, dollar, string, number, word] = match;
    if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
    else if (quotedVariable !== undefined)
      tokens.push({ kind: 'variable', text: unescapeString(quotedVariable) });
    else if (variable !== undefined) tokens.push({ kind: 'variable', text: variable });
    else if (dollar !== undefined) tokens.push({ kind: 'symbol', text: '$' });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unescapeString(string) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

const comparisons: ReadonlyMap<string, Comparison> = new Map([
  ['==', '=='],
  ['!=', '<>'],
  ['<>', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
]);

const methods: ReadonlySet<string> = new Set([
  'type',
  'size',
  'double',
  'ceiling',
  'floor',
  'abs',
  'keyvalue',
  'datetime',
]);

function isMethod(name: string): name is Method {
  return methods.has(name);
}

class PathParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  /** How many filters and array subscripts enclose the current token: where `@` and `last` may stand. */
  #filters = 0;
  #subscripts = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): JsonPath {
    const mode = this.#acceptWord('strict') ? 'strict' : 'lax';
    if (mode === 'lax') this.#acceptWord('lax');
    const expr = this.#or();
    if (this.#peek().kind !== 'end') throw syntaxError(this.#peek().text);
    return { mode, expr };
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? { kind: 'end', text: '' };
  }

  #accept(symbol: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'symbol' || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #acceptWord(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#accept(symbol)) throw syntaxError(this.#peek().text);
  }

  #take(kind: Token['kind']): string {
    const token = this.#peek();
    if (token.kind !== kind) throw syntaxError(token.text);
    this.#at++;
    return token.text;
  }

  #or(): PathExpr {
    let left = this.#and();
    while (this.#accept('||')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): PathExpr {
    let left = this.#not();
    while (this.#accept('&&')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): PathExpr {
    if (this.#accept('!')) return { kind: 'not', operand: this.#not() };
    const operand = this.#comparison();
    if (!this.#acceptWord('is')) return operand;
    if (!this.#acceptWord('unknown')) throw syntaxError(this.#peek().text);
    return { kind: 'isUnknown', operand };
  }

  #comparison(): PathExpr {
    const left = this.#sum();
    const token = this.#peek();
    const operator = token.kind === 'symbol' ? comparisons.get(token.text) : undefined;
    if (operator !== undefined) {
      this.#at++;
      return { kind: 'comparison', operator, left, right: this.#sum() };
    }
    if (this.#acceptWord('starts')) {
      if (!this.#acceptWord('with')) throw syntaxError(this.#peek().text);
      return { kind: 'startsWith', operand: left, prefix: this.#primary() };
    }
    if (this.#acceptWord('like_regex')) {
      const pattern = this.#take('string');
      return {
        kind: 'likeRegex',
        operand: left,
        pattern,
        flags: this.#acceptWord('flag') ? this.#take('string') : '',
      };
    }
    return left;
  }

  #sum(): PathExpr {
    let left = this.#product();
    for (;;) {
      const operator: Arithmetic | null = this.#accept('+') ? '+' : this.#accept('-') ? '-' : null;
      if (operator === null) return left;
      left = { kind: 'arithmetic', operator, left, right: this.#product() };
    }
  }

  #product(): PathExpr {
    let left = this.#unary();
    for (;;) {
      const operator: Arithmetic | null = this.#accept('*')
        ? '*'
        : this.#accept('/')
          ? '/'
          : this.#accept('%')
            ? '%'
            : null;
      if (operator === null) return left;
      left = { kind: 'arithmetic', operator, left, right: this.#unary() };
    }
  }

  #unary(): PathExpr {
    if (this.#accept('-')) return { kind: 'sign', sign: '-', operand: this.#unary() };
    if (this.#accept('+')) return { kind: 'sign', sign: '+', operand: this.#unary() };
    let expr = this.#primary();
    for (;;) {
      const next = this.#accessor(expr);
      if (next === null) return expr;
      expr = next;
    }
  }

  #primary(): PathExpr {
    const token = this.#peek();
    this.#at++;
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: token.text };
      case 'number':
        return { kind: 'literal', value: Decimal.parse(token.text) };
      case 'variable':
        return { kind: 'variable', name: token.text };
      case 'word':
        return this.#word(token.text);
      case 'symbol':
        if (token.text === '$') return { kind: 'root' };
        if (token.text === '@') {
          if (this.#filters === 0) throw new SqlError('42601', '@ is not allowed in root expressions');
          return { kind: 'current' };
        }
        if (token.text === '(') {
          const inner = this.#or();
          this.#expect(')');
          return inner;
        }
        throw syntaxError(token.text);
      case 'end':
        throw syntaxError('');
    }
  }

  #word(text: string): PathExpr {
    switch (text.toLowerCase()) {
      case 'true':
        return { kind: 'literal', value: true };
      case 'false':
        return { kind: 'literal', value: false };
      case 'null':
        return { kind: 'literal', value: null };
      case 'last':
        if (this.#subscripts === 0) {
          throw new SqlError('42601', 'LAST is allowed only in array subscripts');
        }
        return { kind: 'last' };
      case 'exists': {
        this.#expect('(');
        const operand = this.#or();
        this.#expect(')');
        return { kind: 'exists', operand };
      }
      default:
        throw syntaxError(text);
    }
  }

  #accessor(of: PathExpr): PathExpr | null {
    if (this.#accept('.')) return this.#dot(of);
    if (this.#accept('?')) {
      this.#expect('(');
      this.#filters++;
      const condition = this.#or();
      this.#filters--;
      this.#expect(')');
      return { kind: 'filter', of, condition };
    }
    if (!this.#accept('[')) return null;
    if (this.#accept('*')) {
      this.#expect(']');
      return { kind: 'anyElement', of };
    }
    const subscripts: Subscript[] = [];
    this.#subscripts++;
    do {
      const from = this.#sum();
      subscripts.push({ from, to: this.#acceptWord('to') ? this.#sum() : null });
    } while (this.#accept(','));
    this.#subscripts--;
    this.#expect(']');
    return { kind: 'elements', of, subscripts };
  }

  #dot(of: PathExpr): PathExpr {
    if (this.#accept('**')) return this.#descendants(of);
    if (this.#accept('*')) return { kind: 'anyMember', of };
    const token = this.#peek();
    if (token.kind === 'string') {
      this.#at++;
      return { kind: 'member', of, name: token.text };
    }
    const name = token.kind === 'variable' ? `$${token.text}` : token.text;
    if (token.kind !== 'word' && token.kind !== 'variable') throw syntaxError(token.text);
    this.#at++;
    if (!this.#accept('(')) return { kind: 'member', of, name };
    if (!isMethod(name)) throw syntaxError('(');
    const next = this.#peek();
    const template = name === 'datetime' && next.kind === 'string' ? next.text : null;
    if (template !== null) this.#at++;
    this.#expect(')');
    return { kind: 'method', of, method: name, template };
  }

  #descendants(of: PathExpr): PathExpr {
    if (!this.#accept('{')) return { kind: 'descendants', of, from: 0, to: Number.POSITIVE_INFINITY };
    const level = (): number =>
      this.#acceptWord('last') ? Number.POSITIVE_INFINITY : Number(this.#take('number'));
    const from = level();
    const to = this.#acceptWord('to') ? level() : from;
    this.#expect('}');
    return { kind: 'descendants', of, from, to };
  }
}

/** Parses a path; 42601 as PostgreSQL words it. */
export function parseJsonPath(text: string): JsonPath {
  if (text.trim() === '') throw new SqlError('22P02', `invalid input syntax for type jsonpath: "${text}"`);
  return new PathParser(text).parse();
}
