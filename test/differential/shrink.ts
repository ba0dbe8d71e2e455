/**
 * Makes a failure smaller while it still fails: fewer statements (delta debugging), single rows in INSERT, fewer clauses
 * in the query. SQL is cut as a list of tokens with balanced parentheses; what is no SQL any more, the oracle refuses.
 */
import { must } from '../../common/assert.ts';

/** Stands for the failing query's view among the statements. */
export const VIEW = '<view>';

export interface Failure {
  readonly kind: 'plan' | 'ad hoc' | 'view' | 'statement';
  /** In order; `VIEW` where the view of the query is made. */
  readonly statements: readonly string[];
  /** The query, or the statement that goes wrong. */
  readonly query: string;
  /** The name of the query's view. */
  readonly view: string;
}

/** Whether a candidate fails as the original does. */
export type Fails = (candidate: Failure) => Promise<boolean>;

const token = /'(?:[^']|'')*'|"[^"]*"|\w+(?:\.\w+)*|::|<=|>=|<>|!=|\|\||[^\s\w]/g;

export function tokens(sql: string): readonly string[] {
  return sql.match(token) ?? [];
}

function balanced(part: readonly string[]): boolean {
  let depth = 0;
  for (const t of part) {
    if (t === '(' || t === '[') depth++;
    if (t === ')' || t === ']') depth--;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(all: readonly string[], open: number): number {
  let depth = 0;
  for (let i = open; i < all.length; i++) {
    if (all[i] === '(') depth++;
    if (all[i] === ')') depth--;
    if (depth === 0) return i;
  }
  return all.length - 1;
}

class Shrinker {
  readonly #fails: Fails;
  #left: number;
  current: Failure;

  constructor(failure: Failure, fails: Fails, attempts: number) {
    this.current = failure;
    this.#fails = fails;
    this.#left = attempts;
  }

  /** True when the candidate fails too; it is the current one then. */
  async #accept(candidate: Failure): Promise<boolean> {
    if (this.#left-- <= 0) return false;
    if (!(await this.#fails(candidate))) return false;
    this.current = candidate;
    return true;
  }

  /** Leaves out as many statements as possible: ever smaller runs of them, from the end. */
  async statements(): Promise<void> {
    let size = Math.max(1, this.current.statements.length >> 1);
    for (;;) {
      let removed = false;
      for (let end = this.current.statements.length; end > 0; end -= size) {
        const { statements } = this.current;
        const kept = statements.filter((s, i) => i < end - size || i >= end || s === VIEW);
        if (kept.length < statements.length && (await this.#accept({ ...this.current, statements: kept })))
          removed = true;
      }
      if (this.#left <= 0 || (size === 1 && !removed)) return;
      if (!removed || size > 1) size = Math.max(1, size >> 1);
    }
  }

  /** One row a statement, so that rows can go one by one. */
  async splitRows(): Promise<void> {
    const statements = this.current.statements.flatMap((sql) => {
      const insert = /^(INSERT INTO \w+ VALUES )(\(.*\))$/s.exec(sql);
      if (insert === null) return [sql];
      const all = tokens(insert[2] ?? '');
      const rows: string[] = [];
      for (let i = 0; i < all.length; i++) {
        if (all[i] !== '(') continue;
        const end = closing(all, i);
        rows.push(`${insert[1]}${all.slice(i, end + 1).join(' ')}`);
        i = end;
      }
      return rows;
    });
    if (statements.length > this.current.statements.length)
      await this.#accept({ ...this.current, statements });
  }

  async query(): Promise<void> {
    for (let before = ''; before !== this.current.query && this.#left > 0; ) {
      before = this.current.query;
      await this.#groups();
      await this.#runs();
    }
  }

  /** A group in parentheses, with a function name before it, becomes its content or a constant. */
  async #groups(): Promise<void> {
    for (let i = 0; i < tokens(this.current.query).length; i++) {
      const all = tokens(this.current.query);
      if (all[i] !== '(') continue;
      const end = closing(all, i);
      if (end - i < 2) continue;
      const inside = all.slice(i + 1, end);
      const starts = /^\w+$/.test(all[i - 1] ?? '') ? [i - 1, i] : [i];
      const content = inside[0] === 'SELECT' ? [] : [inside];
      replaced: for (const start of starts) {
        for (const by of [['NULL'], ['true'], ['1'], ...content]) {
          if (by.length >= end + 1 - start) continue;
          const query = [...all.slice(0, start), ...by, ...all.slice(end + 1)].join(' ');
          if (await this.#accept({ ...this.current, query })) break replaced;
        }
      }
    }
  }

  /** Leaves out runs of tokens, ever shorter ones. */
  async #runs(): Promise<void> {
    for (
      let size = tokens(this.current.query).length >> 1;
      size >= 1;
      size = size > 12 ? size >> 1 : size - 1
    ) {
      for (let start = 0; start + size <= tokens(this.current.query).length && this.#left > 0; ) {
        const all = tokens(this.current.query);
        const query = [...all.slice(0, start), ...all.slice(start + size)].join(' ');
        const whole = balanced(all.slice(start, start + size));
        if (!whole || !(await this.#accept({ ...this.current, query }))) start++;
      }
    }
  }
}

/** A smaller failure; `attempts` bounds the candidates tried. */
export async function shrink(failure: Failure, fails: Fails, attempts = 3000): Promise<Failure> {
  const shrinker = new Shrinker(failure, fails, attempts);
  await shrinker.statements();
  await shrinker.splitRows();
  await shrinker.statements();
  if (failure.kind !== 'statement') await shrinker.query();
  await shrinker.statements();
  return must(shrinker.current);
}
