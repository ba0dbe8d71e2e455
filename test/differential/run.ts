/**
 * One random run against both databases: tables, some data, views and queries, then batches of changes. After every batch
 * each query gives on Millrace, ad hoc and as a materialised view made before, what PostgreSQL gives.
 */
import { Changes } from './changes.ts';
import { difference } from './compare.ts';
import { type Output, Queries } from './queries.ts';
import { Random } from './random.ts';
import { createTable, randomTable, type Table } from './schema.ts';
import type { Answer, Target } from './target.ts';

export interface Finding {
  readonly kind: 'plan' | 'ad hoc' | 'view' | 'statement';
  readonly query: string;
  readonly what: string;
  /** Everything that was run before, in order. */
  readonly history: readonly string[];
}

export interface Outcome {
  readonly queries: number;
  readonly comparisons: number;
  /** Comparisons left out because PostgreSQL failed at run time, or does not support the query. */
  readonly skipped: number;
  readonly findings: readonly Finding[];
}

export interface RunOptions {
  readonly seed: number;
  readonly queries: number;
  readonly batches: number;
  /** With expressions that fail on some rows. */
  readonly risky?: boolean;
}

interface LiveQuery {
  readonly sql: string;
  readonly columns: readonly Output[];
  readonly view: string | null;
}

/** Errors of values: PostgreSQL may or may not meet them, depending on its plan. */
function isValueError(answer: Answer): boolean {
  return 'failure' in answer && (answer.failure.state.startsWith('22') || answer.failure.state === '21000');
}

export class DifferentialRun {
  readonly #expected: Target;
  readonly #actual: Target;
  readonly #history: string[] = [];
  readonly #findings: Finding[] = [];
  #comparisons = 0;
  #skipped = 0;

  constructor(expected: Target, actual: Target) {
    this.#expected = expected;
    this.#actual = actual;
  }

  #find(kind: Finding['kind'], query: string, what: string): void {
    this.#findings.push({ kind, query, what, history: [...this.#history] });
  }

  async #both(sql: string): Promise<void> {
    this.#history.push(sql);
    const expected = await this.#expected.run(sql);
    const actual = await this.#actual.run(sql);
    const shown = (a: Answer): string =>
      'failure' in a ? `${a.failure.state} ${a.failure.message}` : 'done';
    if ('failure' in expected !== 'failure' in actual)
      this.#find('statement', sql, `expected ${shown(expected)}\n  got ${shown(actual)}`);
  }

  async #prepare(queries: Queries, index: number): Promise<LiveQuery | null> {
    const { sql, columns } = queries.query();
    const expected = await this.#expected.run(`SELECT * FROM (${sql}) AS whole LIMIT 0`);
    if ('failure' in expected && !isValueError(expected)) {
      this.#skipped++;
      if (expected.failure.state !== '0A000')
        this.#find('plan', sql, `the generator is wrong: ${expected.failure.message}`);
      return null;
    }
    const view = `v${index}`;
    const create = `CREATE MATERIALIZED VIEW ${view} AS ${sql}`;
    const made = await this.#actual.run(create);
    if (!('failure' in made)) {
      this.#history.push(create);
      await this.#expected.run(`CREATE VIEW ${view} AS ${sql}`);
      return { sql, columns, view };
    }
    // A constant that is no value of its type.
    if (isValueError(expected) && isValueError(made)) {
      this.#skipped++;
      return null;
    }
    this.#find('plan', sql, `${made.failure.state} ${made.failure.message}`);
    return { sql, columns, view: null };
  }

  #compare(kind: Finding['kind'], query: LiveQuery, actual: Answer, expected: Answer): boolean {
    if ('failure' in expected) {
      this.#skipped++;
      return true;
    }
    this.#comparisons++;
    if ('failure' in actual) {
      this.#find(kind, query.sql, `${actual.failure.state} ${actual.failure.message}`);
      return false;
    }
    const wrong = difference(actual.rows, expected.rows);
    if (wrong === null) return true;
    this.#find(kind, query.sql, wrong);
    return false;
  }

  async #index(table: Table, random: Random): Promise<void> {
    const columns = random.some(table.columns, 2).map((c) => c.name);
    if (table.columns.some((c) => columns.includes(c.name) && c.type === 'jsonb')) return;
    await this.#both(`CREATE INDEX by_${table.name} ON ${table.name} (${columns.join(', ')})`);
  }

  /** Checks a query; false when it went wrong. */
  async #check(query: LiveQuery, risky: boolean): Promise<boolean> {
    const expected = await this.#expected.run(query.sql);
    const adhoc = await this.#actual.run(query.sql);
    if (risky && isValueError(adhoc)) {
      this.#skipped++;
      return true;
    }
    const right = this.#compare('ad hoc', query, adhoc, expected);
    if (query.view === null) return right;
    const view = await this.#actual.run(`SELECT * FROM ${query.view}`);
    return this.#compare('view', query, view, expected) && right;
  }

  /** Runs a batch. Sometimes a transaction looks at the views before it ends: it sees its own changes. */
  async #change(
    batch: readonly string[],
    live: LiveQuery[],
    random: Random,
    risky: boolean,
  ): Promise<LiveQuery[]> {
    const inTransaction = batch[0] === 'BEGIN' && !risky && random.chance(0.25);
    const last = inTransaction ? batch.length - 1 : batch.length;
    for (const sql of batch.slice(0, last)) await this.#both(sql);
    if (!inTransaction) return live;
    const right: LiveQuery[] = [];
    for (const query of live) {
      // A failed query must not end the transaction.
      await this.#both('SAVEPOINT look');
      if (await this.#check(query, false)) right.push(query);
      await this.#both('ROLLBACK TO SAVEPOINT look');
    }
    for (const sql of batch.slice(last)) await this.#both(sql);
    return right;
  }

  async run(options: RunOptions): Promise<Outcome> {
    // Compiling takes PostgreSQL a second for a query over twenty rows that it knows no figures of.
    await this.#expected.run('SET jit = off');
    const random = new Random(options.seed);
    const tables = ['r', 's', 'u'].map((name) => randomTable(name, random));
    const changes = new Changes(random, tables);
    for (const table of tables) await this.#both(createTable(table));
    if (random.chance(0.6))
      for (const table of tables) await this.#both(changes.insert(table, random.int(1, 12)));
    for (const table of tables) if (random.chance(0.4)) await this.#index(table, random);
    const relations: Table[] = [...tables];
    let live: LiveQuery[] = [];
    for (let i = 0; i < options.queries; i++) {
      const query = await this.#prepare(new Queries(random, relations, options.risky), i);
      if (query === null) continue;
      live.push(query);
      // Later queries read this one's view. A row of a view goes when any column of it fails, in PostgreSQL when it is used.
      if (query.view !== null && options.risky !== true && random.chance(0.25))
        relations.push({ name: query.view, hasKey: false, hasId: false, columns: query.columns });
    }
    for (let i = 0; i <= options.batches; i++) {
      if (i > 0) live = await this.#change(changes.batch(), live, random, options.risky === true);
      const next: LiveQuery[] = [];
      for (const query of live) if (await this.#check(query, options.risky === true)) next.push(query);
      live = next;
    }
    return {
      queries: options.queries,
      comparisons: this.#comparisons,
      skipped: this.#skipped,
      findings: this.#findings,
    };
  }
}
