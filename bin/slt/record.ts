/**
 * The sqllogictest dialect (sqllogictest-rs, and the original one of sqlite's corpus) as records: text in, a list of what to
 * do out. No execution here.
 */

export type Expectation =
  | { readonly kind: 'any' }
  | { readonly kind: 'regex'; readonly regex: RegExp }
  | { readonly kind: 'state'; readonly state: string }
  | { readonly kind: 'text'; readonly text: string };

/** How results are written: a row a line, or a value a line (the form of sqlite's corpus). */
export type Layout = 'rows' | 'values';

export type SortMode = 'nosort' | 'rowsort' | 'valuesort';

interface Common {
  readonly line: number;
  /** The line after the record's last one, the empty line that ends it included. */
  readonly endLine: number;
  readonly file: string;
  /** skipif / onlyif before the record. */
  readonly conditions: readonly { readonly kind: 'skipif' | 'onlyif'; readonly label: string }[];
  readonly retry: { readonly attempts: number; readonly backoffMs: number } | null;
  readonly connection: string;
}

export type SltRecord = Common &
  (
    | {
        readonly kind: 'statement';
        readonly sql: string;
        readonly expect: 'ok' | { readonly count: number } | { readonly error: Expectation };
      }
    | {
        readonly kind: 'query';
        readonly sql: string;
        readonly types: string;
        readonly sort: SortMode;
        /** Queries with one label have one result. */
        readonly label: string | null;
        readonly layout: Layout;
        /** Results of more values are written as a hash. */
        readonly hashThreshold: number;
        /** Null: it only has to succeed. */
        readonly expected: readonly string[] | null;
      }
    | { readonly kind: 'system'; readonly command: string; readonly expected: string | null }
    | { readonly kind: 'let'; readonly names: readonly string[]; readonly sql: string }
    | { readonly kind: 'include'; readonly pattern: string }
    | { readonly kind: 'control'; readonly name: string; readonly value: string }
    | { readonly kind: 'sleep'; readonly ms: number }
    | { readonly kind: 'halt' }
  );

export class SltSyntaxError extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
  }
}

const units: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  sec: 1000,
  secs: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** `2s`, `500ms`, `1m 30s` in milliseconds. */
export function durationMs(text: string): number | null {
  let total = 0;
  let matched = false;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const factor = units[unit ?? ''];
    if (factor === undefined) return null;
    total += Number(count) * factor;
    matched = true;
  }
  return matched ? total : null;
}

/** Reads lines with a cursor. */
class Reader {
  readonly lines: readonly string[];
  readonly file: string;
  at = 0;

  constructor(text: string, file: string) {
    this.lines = text.replaceAll('\r\n', '\n').split('\n');
    this.file = file;
  }

  get done(): boolean {
    return this.at >= this.lines.length;
  }

  next(): string {
    return this.lines[this.at++] ?? '';
  }

  /** The SQL body: the first line unconditionally, then up to an empty line or `----`. True when `----` ended it. */
  body(): { readonly sql: string; readonly results: boolean } {
    const lines = [this.next()];
    while (!this.done) {
      const line = this.next();
      if (line.trim() === '') return { sql: lines.join('\n'), results: false };
      if (line === '----') return { sql: lines.join('\n'), results: true };
      lines.push(line);
    }
    return { sql: lines.join('\n'), results: false };
  }

  /** Result lines up to an empty line. */
  results(): readonly string[] {
    const lines: string[] = [];
    while (!this.done) {
      const line = this.next();
      if (line === '') break;
      lines.push(line);
    }
    return lines;
  }

  /** A text block: ends at two empty lines. */
  block(): string {
    const lines: string[] = [];
    while (!this.done) {
      const line = this.next();
      if (line === '' && (this.lines[this.at] ?? '') === '') {
        this.at++;
        break;
      }
      lines.push(line);
    }
    return lines.join('\n').trim();
  }
}

interface HeaderParts {
  readonly words: readonly string[];
  readonly retry: Common['retry'];
}

function splitRetry(words: readonly string[]): HeaderParts {
  const at = words.indexOf('retry');
  if (at < 0 || words[at + 2] !== 'backoff') return { words, retry: null };
  const backoffMs = durationMs(words[at + 3] ?? '') ?? 0;
  return {
    words: [...words.slice(0, at), ...words.slice(at + 4)],
    retry: { attempts: Number(words[at + 1]), backoffMs },
  };
}

function errorExpectation(rest: string): Expectation {
  if (rest === '') return { kind: 'any' };
  const state = /^\(([0-9A-Z]{5})\)$/.exec(rest);
  if (state !== null) return { kind: 'state', state: state[1] ?? '' };
  return {
    kind: 'regex',
    regex: new RegExp(rest.replace(/^\(\?i\)/, ''), rest.startsWith('(?i)') ? 'isu' : 'su'),
  };
}

function parseError(reader: Reader, header: string, common: Common): SltRecord {
  const rest = header
    .replace(/^\S+\s+error\s*/, '')
    .replace(/\bretry \d+ backoff \S+\s*$/, '')
    .trim();
  const { sql, results } = reader.body();
  const inline = errorExpectation(rest);
  const error: Expectation = results && rest === '' ? { kind: 'text', text: reader.block() } : inline;
  return { ...common, kind: 'statement', sql, expect: { error } };
}

function parseStatement(reader: Reader, header: string, words: readonly string[], common: Common): SltRecord {
  switch (words[1]) {
    case 'ok': {
      const { sql, results } = reader.body();
      if (results) reader.results();
      return { ...common, kind: 'statement', sql, expect: 'ok' };
    }
    case 'count': {
      const { sql } = reader.body();
      return { ...common, kind: 'statement', sql, expect: { count: Number(words[2]) } };
    }
    case 'error':
      return parseError(reader, header, common);
    default:
      throw new SltSyntaxError(common.file, common.line, `unknown statement form: ${header}`);
  }
}

function parseQuery(
  reader: Reader,
  header: string,
  words: readonly string[],
  common: Common,
  form: Form,
): SltRecord {
  if (words[1] === 'error') return parseError(reader, header, common);
  // The types may be missing.
  const untyped = isSortMode(words[1]);
  const given = untyped ? words[1] : words[2];
  const { sql, results } = reader.body();
  return {
    ...common,
    kind: 'query',
    sql,
    types: untyped ? '' : (words[1] ?? ''),
    sort: isSortMode(given) ? given : form.sort,
    layout: form.layout,
    hashThreshold: form.hashThreshold,
    label: words[(isSortMode(given) ? 3 : 2) - (untyped ? 1 : 0)] ?? null,
    expected: results ? reader.results() : null,
  };
}

/** What the lines before say about results. */
interface Form {
  sort: SortMode;
  layout: Layout;
  hashThreshold: number;
}

function isSortMode(word: string | undefined): word is SortMode {
  return word === 'nosort' || word === 'rowsort' || word === 'valuesort';
}

/** All records of a file. `include` is left to the runner. */
export function parseSlt(text: string, file: string): readonly SltRecord[] {
  const reader = new Reader(text, file);
  const records: SltRecord[] = [];
  let conditions: Common['conditions'][number][] = [];
  let connection = 'default';
  const form: Form = {
    sort: 'nosort',
    layout: file.endsWith('.test') ? 'values' : 'rows',
    hashThreshold: Number.POSITIVE_INFINITY,
  };
  while (!reader.done) {
    const line = reader.at + 1;
    const header = reader.next().trim();
    if (header === '' || header.startsWith('#')) continue;
    const { words, retry } = splitRetry(header.split(/\s+/));
    const common: Common = { line, endLine: line, file, conditions, retry, connection };
    const push = (record: SltRecord): void => {
      records.push({ ...record, endLine: reader.at + 1 });
      conditions = [];
      connection = 'default';
    };
    switch (words[0]) {
      case 'statement':
        push(parseStatement(reader, header, words, common));
        break;
      case 'query':
        push(parseQuery(reader, header, words, common, form));
        break;
      case 'system': {
        const { sql, results } = reader.body();
        push({ ...common, kind: 'system', command: sql, expected: results ? reader.block() : null });
        break;
      }
      case 'let':
        push({
          ...common,
          kind: 'let',
          names: header
            .slice(3)
            .split(',')
            .map((n) => n.trim()),
          sql: reader.body().sql,
        });
        break;
      case 'include':
        push({ ...common, kind: 'include', pattern: header.slice('include'.length).trim() });
        break;
      case 'skipif':
      case 'onlyif':
        conditions = [...conditions, { kind: words[0], label: words[1] ?? '' }];
        break;
      case 'connection':
        connection = words[1] ?? 'default';
        break;
      case 'control':
        if (words[1] === 'sortmode' && isSortMode(words[2])) form.sort = words[2];
        if (words[1] === 'resultmode') form.layout = words[2] === 'valuewise' ? 'values' : 'rows';
        push({ ...common, kind: 'control', name: words[1] ?? '', value: words[2] ?? '' });
        break;
      case 'sleep':
        push({ ...common, kind: 'sleep', ms: durationMs(words[1] ?? '') ?? 0 });
        break;
      case 'halt':
        push({ ...common, kind: 'halt' });
        break;
      case 'hash-threshold':
        // Only the corpus says it.
        form.layout = 'values';
        form.hashThreshold = Number(words[1]) > 0 ? Number(words[1]) : Number.POSITIVE_INFINITY;
        conditions = [];
        break;
      case 'subtest':
        conditions = [];
        break;
      default:
        throw new SltSyntaxError(file, line, `unknown record: ${header}`);
    }
  }
  return records;
}
