/**
 * One random run against both databases: tables, functions, some data, views and queries, then batches of changes. After
 * every batch each query gives on Millrace, ad hoc and as a materialised view made before, what PostgreSQL gives. At the end
 * everything is deleted, filled and deleted again: views are right when empty, and their state does not grow by it.
 */
import { Changes } from './changes.ts';
import { type Comparison, choosesRepresentation, difference } from './compare.ts';
import { randomFunctions, type UserFunction } from './functions.ts';
import { type Output, Queries } from './queries.ts';
import { Random } from './random.ts';
import { createTable, randomTable, type Table } from './schema.ts';
import { Statistics } from './statistics.ts';
import type { Answer, Target } from './target.ts';

export interface Finding {
  readonly kind: 'plan' | 'ad hoc' | 'view' | 'statement' | 'state';
  readonly query: string;
  readonly what: string;
  /** Everything that was run before, in order. */
  readonly history: readonly string[];
  readonly comparison: Comparison;
}

export interface Outcome {
  readonly statistics: Statistics;
  readonly findings: readonly Finding[];
}

export interface RunOptions {
  readonly seed: number;
  readonly queries: number;
  readonly batches: number;
  /** With expressions that fail on some rows. */
  readonly risky?: boolean;
  /** Rows of state by view, where it can be looked at. */
  readonly stateRows?: () => ReadonlyMap<string, number>;
}

interface LiveQuery extends Comparison {
  readonly sql: string;
  readonly columns: readonly Output[];
  readonly view: string | null;
  /** Not materialised. */
  readonly plain: boolean;
}

const asMultiset: Comparison = { exact: false, ordered: false };

/** Fillings that have to leave more state each time. */
const CYCLES = 4;

/** Errors of values: PostgreSQL may or may not meet them, depending on its plan. */
function isValueError(answer: Answer): boolean {
  return 'failure' in answer && (answer.failure.state.startsWith('22') || answer.failure.state === '21000');
}

export class DifferentialRun {
  readonly #expected: Target;
  readonly #actual: Target;
  readonly #history: string[] = [];
  readonly #findings: Finding[] = [];
  readonly #statistics = new Statistics();
  /** Views whose rows are not determined up to the text of equal values, and the functions. */
  readonly #choosing = new Set<string>();

  constructor(expected: Target, actual: Target) {
    this.#expected = expected;
    this.#actual = actual;
  }

  #find(kind: Finding['kind'], query: string, what: string, comparison = asMultiset): void {
    this.#findings.push({ kind, query, what, history: [...this.#history], comparison });
  }

  async #both(sql: string): Promise<void> {
    this.#history.push(sql);
    this.#statistics.statements++;
    const expected = await this.#expected.run(sql);
    const actual = await this.#actual.run(sql);
    const shown = (a: Answer): string =>
      'failure' in a ? `${a.failure.state} ${a.failure.message}` : 'done';
    if ('failure' in expected !== 'failure' in actual)
      this.#find('statement', sql, `expected ${shown(expected)}\n  got ${shown(actual)}`);
    else if ('failure' in expected)
      this.#statistics.count(this.#statistics.bothFailed, `statement: ${expected.failure.state}`);
  }

  /** Whether the query, or a view or function that it reads, chooses one of several equal values. */
  #isExact(sql: string): boolean {
    return !choosesRepresentation(sql) && ![...this.#choosing].some((name) => sql.includes(name));
  }

  async #prepare(queries: Queries, index: number, plain: boolean): Promise<LiveQuery | null> {
    const { sql, columns, ordered = false } = queries.query();
    this.#statistics.queries++;
    const expected = await this.#expected.run(`SELECT * FROM (${sql}) AS whole LIMIT 0`);
    if ('failure' in expected && !isValueError(expected)) {
      this.#statistics.refused++;
      if (expected.failure.state !== '0A000')
        this.#find('plan', sql, `the generator is wrong: ${expected.failure.message}`);
      return null;
    }
    const view = `v${index}_`;
    const create = `CREATE ${plain ? '' : 'MATERIALIZED '}VIEW ${view} AS ${sql}`;
    const made = await this.#actual.run(create);
    const exact = this.#isExact(sql);
    if (!exact) this.#choosing.add(view);
    if (!('failure' in made)) {
      this.#history.push(create);
      await this.#expected.run(`CREATE VIEW ${view} AS ${sql}`);
      return { sql, columns, view, plain, exact, ordered };
    }
    const { state, message } = made.failure;
    // A constant that is no value of its type.
    if (isValueError(expected) && isValueError(made)) {
      this.#statistics.count(this.#statistics.bothFailed, `query: ${state}`);
      return null;
    }
    if (state === '0A000') this.#statistics.count(this.#statistics.unsupported, message);
    this.#find('plan', sql, `${state} ${message}`);
    return { sql, columns, view: null, plain, exact, ordered };
  }

  #compare(kind: Finding['kind'], query: LiveQuery, actual: Answer, expected: Answer): boolean {
    const statistics = this.#statistics;
    if ('failure' in expected) {
      if ('failure' in actual) statistics.count(statistics.bothFailed, `query: ${expected.failure.state}`);
      else statistics.onlyExpectedFailed++;
      return true;
    }
    statistics.comparisons++;
    if (expected.rows.length > 0) statistics.withRows++;
    statistics.rows += expected.rows.length;
    // The rows of a view have no order.
    const comparison = kind === 'view' ? { ...query, ordered: false } : query;
    const wrong =
      'failure' in actual
        ? `${actual.failure.state} ${actual.failure.message}`
        : actual.types.join() === expected.types.join()
          ? difference(actual.rows, expected.rows, comparison)
          : `types ${actual.types.join()} instead of ${expected.types.join()}`;
    if (wrong === null) return true;
    const { exact, ordered } = comparison;
    this.#find(kind, query.sql, wrong, { exact, ordered });
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
      const { bothFailed } = this.#statistics;
      if (isValueError(expected)) this.#statistics.count(bothFailed, 'query: value error');
      else this.#statistics.onlyActualFailed++;
      return true;
    }
    const right = this.#compare('ad hoc', query, adhoc, expected);
    if (query.view === null) return right;
    const view = await this.#actual.run(`SELECT * FROM ${query.view}`);
    return this.#compare('view', query, view, expected) && right;
  }

  async #checkAll(live: readonly LiveQuery[], risky: boolean): Promise<LiveQuery[]> {
    const right: LiveQuery[] = [];
    for (const query of live) if (await this.#check(query, risky)) right.push(query);
    return right;
  }

  /** Drops a materialised view that no other reads, and makes it again over what the tables hold now. */
  async #makeAgain(live: readonly LiveQuery[], random: Random): Promise<void> {
    const isFree = ({ view, plain, sql }: LiveQuery): boolean =>
      view !== null &&
      !plain &&
      !this.#history.some(
        (h) => h.includes(`${view}`) && !h.endsWith(`VIEW ${view}`) && !h.endsWith(` AS ${sql}`),
      );
    const free = live.filter(isFree);
    if (free.length === 0) return;
    const { view, sql } = random.pick(free);
    const create = `CREATE MATERIALIZED VIEW ${view} AS ${sql}`;
    for (const statement of [`DROP MATERIALIZED VIEW ${view}`, create]) {
      this.#history.push(statement);
      const actual = await this.#actual.run(statement);
      if ('failure' in actual) {
        this.#find('statement', statement, `${actual.failure.state} ${actual.failure.message}`);
        return;
      }
    }
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

  /** Deletes everything, twice; views are right, and hold as much state the second time as the first. */
  async #empty(
    tables: readonly Table[],
    changes: Changes,
    live: readonly LiveQuery[],
    options: RunOptions,
  ): Promise<void> {
    const risky = options.risky === true;
    const deleteAll = async (): Promise<void> => {
      for (const table of tables) await this.#both(`DELETE FROM ${table.name}`);
    };
    await deleteAll();
    const right = await this.#checkAll(live, risky);
    await this.#findLeaks(right, options, async () => {
      for (const table of tables) await this.#both(changes.insert(table, 8));
      await deleteAll();
      await this.#checkAll(right, risky);
    });
  }

  /**
   * State that is left when all rows have gone, fuller after every filling. Once is no leak: equal rows may lie in one
   * place or in several, by the order in which they came.
   */
  async #findLeaks(
    queries: readonly LiveQuery[],
    options: RunOptions,
    fillAndEmpty: () => Promise<void>,
  ): Promise<void> {
    const { stateRows } = options;
    let suspects = queries.flatMap(({ sql, view }) =>
      view === null ? [] : [{ sql, view, counts: [] as number[] }],
    );
    for (let cycle = 0; cycle <= CYCLES && suspects.length > 0; cycle++) {
      if (cycle > 0) await fillAndEmpty();
      const rows = stateRows?.() ?? new Map<string, number>();
      suspects = suspects.filter(({ view, counts }) => {
        const count = rows.get(view) ?? 0;
        const grew = counts.length === 0 || count > (counts.at(-1) ?? 0);
        counts.push(count);
        return grew;
      });
    }
    for (const { sql, counts } of suspects)
      this.#find('state', sql, `rows of state: ${counts.join(', then ')}`);
  }

  async #functions(tables: readonly Table[], random: Random): Promise<readonly UserFunction[]> {
    if (random.chance(0.4)) return [];
    const functions = randomFunctions(tables, random);
    for (const made of functions) {
      await this.#both(made.sql);
      if (choosesRepresentation(made.sql)) this.#choosing.add(`${made.name}(`);
    }
    return functions;
  }

  async run(options: RunOptions): Promise<Outcome> {
    // Compiling takes PostgreSQL a second for a query over twenty rows that it knows no figures of.
    await this.#expected.run('SET jit = off');
    this.#statistics.seeds = 1;
    const random = new Random(options.seed);
    const risky = options.risky === true;
    const tables = ['r', 's', 'u'].map((name) => randomTable(name, random));
    const changes = new Changes(random, tables);
    for (const table of tables) await this.#both(createTable(table));
    const functions = await this.#functions(tables, random);
    if (random.chance(0.75))
      for (const table of tables) await this.#both(changes.insert(table, random.int(2, 14)));
    for (const table of tables) if (random.chance(0.4)) await this.#index(table, random);
    const relations: Table[] = [...tables];
    let live: LiveQuery[] = [];
    for (let i = 0; i < options.queries; i++) {
      const queries = new Queries(random, relations, risky, functions);
      const query = await this.#prepare(queries, i, random.chance(0.1));
      if (query === null) continue;
      live.push(query);
      // Later queries read this one's view. A row of a view goes when any column of it fails, in PostgreSQL when it is used.
      if (query.view !== null && !risky && random.chance(0.25))
        relations.push({ name: query.view, hasKey: false, hasId: false, columns: query.columns });
    }
    live = await this.#checkAll(live, risky);
    for (let i = 0; i < options.batches; i++) {
      if (random.chance(0.3)) await this.#makeAgain(live, random);
      live = await this.#change(changes.batch(), live, random, risky);
      live = await this.#checkAll(live, risky);
    }
    await this.#empty(tables, changes, live, options);
    return { statistics: this.#statistics, findings: this.#findings };
  }
}
