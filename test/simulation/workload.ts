/**
 * What happens to a simulated server: statements of every kind, rows of sources, the clock. Drawn at random from what the
 * catalog holds, so that the same seed goes on after a crash with whatever has survived.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../server/database.ts';
import type { CatalogObject } from '../../server/objects.ts';
import type { Message } from './broker.ts';
import { keyedMessage, outsideSetup, outsideStatement, plainMessage } from './outsideWorkload.ts';
import { joining, looking, narrowing, type Random, type Template, timed } from './views.ts';

/** The system's clock at the beginning: 2024-01-01. */
export const EPOCH_MS = Date.UTC(2024, 0, 1);
const MOST_VIEWS = 14;
const MOST_ROWS = 80;

export type Operation =
  /** `acknowledges`: ids in the ledger. `together`: by sessions of their own, at the same time. */
  | {
      readonly kind: 'sql';
      readonly together: readonly string[];
      readonly acknowledges: readonly (readonly number[])[];
    }
  | { readonly kind: 'poll' }
  /** A message of a broker's topic, then a poll. */
  | {
      readonly kind: 'messages';
      readonly topic: string;
      readonly messages: readonly { readonly partition: number; readonly message: Message }[];
    }
  | { readonly kind: 'time'; readonly ms: number };

function setup(files: string): readonly string[] {
  const csv = (name: string): string =>
    `(connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = '${name}.csv', watermark.idle.timeout = '90 seconds')
     FORMAT PLAIN ENCODE CSV (without_header = 'true')`;
  const mark = "WATERMARK FOR at AS at - INTERVAL '20 seconds'";
  return [
    'CREATE TABLE ledger (id int PRIMARY KEY, k int, v int)',
    'CREATE TABLE t (k int PRIMARY KEY, v int, n numeric, s text, at timestamptz DEFAULT now())',
    'CREATE TABLE u (k int, v int)',
    `CREATE TABLE e (k int, v int, at timestamp, came timestamptz AS proctime(), ${mark}) APPEND ONLY WITH (late.max.rows = '10')`,
    `CREATE TABLE x (k int PRIMARY KEY, v int, at timestamptz) WITH (ttl = '40 seconds')`,
    `CREATE SOURCE f (k int, v int, at timestamp, ${mark}) WITH ${csv('f')}`,
    `CREATE SOURCE g (k int, v int, at timestamp, ${mark}) WITH ${csv('g')}`,
    `CREATE SOURCE s (k int, v int, at timestamp, ${mark})
       WITH (connector = 'inject', partitions = 'a,b', watermark.idle.timeout = '60 seconds')`,
    `CREATE TABLE c (k int, v int, at timestamp) APPEND ONLY WITH (connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = 'g.csv')
       FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    'CREATE FUNCTION fn(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a * 3 % 17 $$',
    "CREATE FUNCTION js(a int) RETURNS int LANGUAGE javascript IMMUTABLE SET millrace.udf_timeout = '0' AS $$ return (a * 5) % 11; $$",
    ...outsideSetup(),
    'CREATE MATERIALIZED VIEW ledger_sum AS SELECT count(*) AS n, sum(id) AS total FROM ledger',
  ];
}

export class Workload {
  readonly #random: Random;
  readonly #files: string;
  #at = 0;
  #id = 0;
  #name = 0;

  constructor(random: Random, directory: string) {
    this.#random = random;
    this.#files = join(directory, 'files');
    mkdirSync(this.#files, { recursive: true });
    for (const name of ['f', 'g']) writeFileSync(join(this.#files, `${name}.csv`), '');
  }

  /** The statements that everything begins with. */
  setup(): readonly string[] {
    return setup(this.#files);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random(list.length)];
  }

  #time(): string {
    this.#at += this.#random(4000);
    const late = this.#random(5) === 0 ? this.#random(60_000) : this.#random(3000);
    return new Date(EPOCH_MS + this.#at - late).toISOString().replace('T', ' ').replace('Z', '');
  }

  #n(most: number): number {
    return this.#random(most);
  }

  /** Rows as `(k, v ...)`. */
  #rows(most: number, row: () => string): string {
    return Array.from({ length: 1 + this.#n(most) }, row).join(', ');
  }

  next(database: Database): Operation {
    const choice = this.#n(100);
    if (choice < 30) return this.#data();
    if (choice < 38) return this.#files_();
    if (choice < 48) return this.#messages();
    if (choice < 56) return this.#clock(database);
    if (choice < 60) return this.#event();
    if (choice < 76) return this.#beside(this.#outside(database));
    if (choice < 90) return this.#beside(this.#createView(database));
    return sql(this.#definition(database));
  }

  // Rows

  #change(): string {
    const n = (most: number): number => this.#n(most);
    switch (n(9)) {
      case 0:
      case 1:
        return `INSERT INTO t (k, v, n, s) VALUES ${this.#rows(4, () => `(${n(30)}, ${n(100)}, ${n(1000)}.25, '${'x'.repeat(n(40))}')`)}`;
      case 2:
        return `UPDATE t SET v = v + ${1 + n(5)} WHERE k % ${2 + n(4)} = 0`;
      case 3:
        return `DELETE FROM t WHERE k = ${n(30)}`;
      case 4:
      case 5:
        return `INSERT INTO u VALUES ${this.#rows(6, () => `(${n(16)}, ${n(60)})`)}`;
      case 6:
        return `DELETE FROM u WHERE k = ${n(16)}`;
      case 7:
        return `INSERT INTO e (k, v, at) VALUES ${this.#rows(5, () => `(${n(16)}, ${n(60)}, '${this.#time()}')`)}`;
      default:
        return `INSERT INTO x VALUES (${n(20)}, ${n(50)}, now())`;
    }
  }

  #transaction(): { readonly sql: string; readonly id: number } {
    const id = ++this.#id;
    const ledger = `INSERT INTO ledger VALUES (${id}, ${this.#n(16)}, ${this.#n(60)})`;
    const changes = Array.from({ length: this.#n(3) }, () => this.#change());
    const off = this.#n(3) === 0;
    const before = off ? 'SET LOCAL synchronous_commit = off; ' : '';
    if (changes.length === 0 && !off) return { sql: ledger, id };
    return { sql: `BEGIN; ${before}${[...changes, ledger].join('; ')}; COMMIT`, id };
  }

  #data(): Operation {
    const many = this.#n(4) === 0 ? 2 + this.#n(4) : 1;
    const transactions = Array.from({ length: many }, () => this.#transaction());
    return {
      kind: 'sql',
      together: transactions.map((t) => t.sql),
      acknowledges: transactions.map((t) => [t.id]),
    };
  }

  /** A statement, sometimes while others write. */
  #beside(statement: string): Operation {
    if (this.#n(3) > 0) return sql(statement);
    const { sql: write, id } = this.#transaction();
    return { kind: 'sql', together: [statement, write], acknowledges: [[], [id]] };
  }

  #files_(): Operation {
    const name = this.#n(2) === 0 ? 'f' : 'g';
    const line = (): string =>
      this.#n(20) === 0 ? 'not a row\n' : `${this.#n(16)},${this.#n(60)},${this.#time()}\n`;
    const text = Array.from({ length: 1 + this.#n(8) }, line).join('');
    // A line without its end waits for it.
    const cut = this.#n(6) === 0 ? text.slice(0, -1) : text;
    appendFileSync(join(this.#files, `${name}.csv`), cut);
    return { kind: 'poll' };
  }

  #messages(): Operation {
    const topic = this.#n(2) === 0 ? 'p' : 'q';
    const messages = Array.from({ length: 1 + this.#n(10) }, () => {
      const partition = this.#n(2);
      const message =
        topic === 'p' ? plainMessage(this.#random, this.#time()) : keyedMessage(this.#random, partition);
      return { partition, message };
    });
    return { kind: 'messages', topic, messages };
  }

  #outside(database: Database): string {
    const view = (): string => this.#pick(this.#views(database))?.name ?? 'none';
    return outsideStatement(database, this.#random, ++this.#name, () => this.#input(database), view);
  }

  #clock(database: Database): Operation {
    const seconds = 1 + this.#n(20);
    if (!database.environment.serverClock.virtual) return { kind: 'time', ms: seconds * 1000 };
    return sql(`ADVANCE CLOCK BY INTERVAL '${seconds} seconds'`);
  }

  #event(): Operation {
    const object = this.#pick(['s', 'e', 'f']) ?? 's';
    switch (this.#n(5)) {
      case 0:
        return sql(`ADVANCE WATERMARK FOR ${object} TO '${this.#time()}'`);
      case 1:
        return sql(`REPLAY LATE ROWS FROM ${object} WHERE k % 3 = ${this.#n(3)}`);
      default:
        return sql(
          `INJECT INTO s PARTITION '${this.#n(2) === 0 ? 'a' : 'b'}' VALUES ${this.#rows(5, () => `(${this.#n(16)}, ${this.#n(60)}, '${this.#time()}')`)}`,
        );
    }
  }

  /** The clock is taken in hand, set forward or back, or let go. */
  #takeClock({ environment }: Database): string {
    const { serverClock } = environment;
    if (serverClock.virtual && this.#n(5) === 0) return "SET millrace.clock = 'system'";
    if (serverClock.virtual && this.#n(2) === 0) return "ADVANCE CLOCK BY INTERVAL '2 minutes'";
    const by = this.#n(3) === 0 ? -1000 * this.#n(200) : 1000;
    const at = new Date(Number(environment.clock() / 1000n) + by).toISOString();
    return `SET millrace.clock = '${at.replace('T', ' ').replace('Z', '+00')}'`;
  }

  // Definitions

  #views(database: Database): readonly CatalogObject[] {
    return database.catalog.objects().filter((o) => o.kind === 'materialized view' && o.schema === 'public');
  }

  /** Relations with k and v, and not too many rows. */
  #inputs(database: Database): readonly CatalogObject[] {
    return database.catalog
      .objects()
      .filter(
        (o) =>
          o.kind === 'table' || o.kind === 'source' || o.kind === 'view' || o.kind === 'materialized view',
      )
      .filter((o) => o.columns.some((c) => c.name === 'k') && o.columns.some((c) => c.name === 'v'))
      .filter((o) =>
        o.kind === 'table' || o.kind === 'materialized view' ? o.store.rowCount() <= MOST_ROWS : true,
      )
      .filter((o) => o.kind !== 'table' || (!o.internal && database.lookups.of(o.id) === null));
  }

  #input(database: Database): string {
    return this.#pick(this.#inputs(database))?.name ?? 't';
  }

  #query(database: Database): string {
    const base = (): string => this.#pick(['t', 'u', 'ledger', 's', 'f', 'x', 'ru']) ?? 't';
    const time = (): string => this.#pick(['e', 'f', 'g', 's', 'rs']) ?? 'e';
    const kind = this.#n(10);
    const template = (list: readonly Template[], input: () => string): string =>
      this.#pick(list)?.(input(), input()) ?? '';
    if (kind === 0 && this.#n(2) === 0) return template(looking, () => this.#input(database));
    if (kind < 5) return template(narrowing, () => this.#input(database));
    if (kind < 7) return template(joining, base);
    return template(timed, time);
  }

  #createView(database: Database): string {
    const views = this.#views(database);
    const victim = this.#pick(views)?.name ?? 'none';
    if (views.length >= MOST_VIEWS) return `DROP MATERIALIZED VIEW ${victim} CASCADE`;
    if (this.#n(6) === 0) return `CREATE OR REPLACE MATERIALIZED VIEW ${victim} AS ${this.#query(database)}`;
    return `CREATE MATERIALIZED VIEW v${++this.#name} AS ${this.#query(database)}`;
  }

  #definition(database: Database): string {
    const n = (most: number): number => this.#n(most);
    const view = (): string => this.#pick(this.#views(database))?.name ?? 'none';
    const tables = database.catalog.objects().filter((o) => o.kind === 'table' && /^w\d/.test(o.name));
    const own = this.#pick(tables)?.name ?? 'none';
    const indexes = database.catalog.objects().filter((o) => o.kind === 'index');
    const name = `${++this.#name}`;
    switch (n(18)) {
      case 0:
        return `CREATE TABLE w${name} (k int, v int${n(2) === 0 ? ', PRIMARY KEY (k)' : ''})`;
      case 1:
        return `INSERT INTO ${own} (k, v) SELECT k, v FROM t`;
      case 2:
        return `ALTER TABLE ${own} ADD COLUMN c${name} int DEFAULT ${n(9)}`;
      case 3: {
        const extra = tables.flatMap((t) =>
          t.kind === 'table'
            ? t.columns.filter((c) => c.name.startsWith('c')).map((c) => [t.name, c.name] as const)
            : [],
        );
        const [table, column] = this.#pick(extra) ?? ['none', 'c'];
        return `ALTER TABLE ${table} DROP COLUMN ${column}`;
      }
      case 4:
        return `DROP TABLE ${own}${n(2) === 0 ? ' CASCADE' : ''}`;
      case 5:
        return `CREATE INDEX i${name} ON ${n(2) === 0 ? this.#pick(['t', 'u', 'ledger']) : view()} (k)`;
      case 6:
        return `DROP INDEX ${this.#pick(indexes)?.name ?? 'none'}`;
      case 7:
        return `ALTER MATERIALIZED VIEW ${view()} RENAME TO r${name}`;
      case 8:
        return `ALTER MATERIALIZED VIEW ${view()} SWAP WITH ${view()}`;
      case 9:
        return `DROP MATERIALIZED VIEW ${view()}`;
      case 10:
        return `CREATE OR REPLACE FUNCTION fn(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT a * ${1 + n(7)} % 17 $$`;
      case 11:
        return `CREATE VIEW p${name} AS SELECT k + 1 AS k, v FROM ${this.#input(database)}`;
      case 12:
        return `COMMENT ON MATERIALIZED VIEW ${view()} IS 'comment ${name}'`;
      case 13:
        return `CREATE TABLE w${name} AS SELECT k, v FROM ${view()}`;
      case 14:
        return `ALTER TABLE ${own} RENAME TO w${name}`;
      default:
        return this.#takeClock(database);
    }
  }
}

function sql(text: string): Operation {
  return { kind: 'sql', together: [text], acknowledges: [[]] };
}
