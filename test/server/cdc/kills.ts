/**
 * Kills a server that follows a PostgreSQL database, and sometimes that database, while clients write there, while a table is added or
 * taken away, a source made or dropped, and while the server starts; after some kills everything is compared (killCheck.ts): every
 * transaction once. The join and the changes of the sums go on into another database of PostgreSQL, each once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Program, type ServedProgram, startProgram } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { generator } from '../time/random.ts';
import { checkAll, JOIN, SUMS } from './killCheck.ts';
import { type Load, upstreamTables, writer } from './killLoad.ts';
import { connectTo, type PostgresServer, sourceOptions } from './support.ts';

export interface CdcKillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Longest life under load. */
  readonly mostMs: number;
  readonly log: (line: string) => void;
  /** Ends it before that many kills, after a comparison. */
  readonly signal?: AbortSignal;
}

export interface CdcKillReport {
  kills: number;
  /** Of those: while it started. */
  startKills: number;
  upstreamRestarts: number;
  /** Statements that were under way at a kill. */
  statements: number;
  transactions: number;
  checks: number;
  /** Milliseconds, after the start that follows the last kill. */
  longestCatchUp: number;
}

const DATABASE = 'ledger';
const MIRROR = 'mirror';
/** Kills between two comparisons, at most. */
const MOST_BETWEEN = 8;

const mirrorTables = [
  'CREATE TABLE joined (id bigint, owner int, amount int, name text, balance bigint, PRIMARY KEY (id, owner))',
  'CREATE TABLE changes (customer int, n bigint, total bigint, op int)',
];

/** What goes on into the other database. */
function sinks(port: number): readonly string[] {
  const place = `connector = 'postgres', host = '127.0.0.1', port = '${port}', user = 'root', password = 'x', database = '${MIRROR}'`;
  return [
    `CREATE SINK joined_out FROM joined WITH (${place}, table = 'joined', primary_key = 'id, owner', type = 'upsert')`,
    `CREATE SINK changes_out AS WITH c AS CHANGELOG FROM sums SELECT customer, n, total, changelog_op AS op FROM c WITH (${place}, table = 'changes', type = 'append-only')`,
  ];
}

class Run {
  readonly #server: PostgresServer;
  readonly #options: CdcKillOptions;
  readonly #random: (n: number) => number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'millrace-cdc-'));
  readonly #load: Load = { transactions: 0, orders: 0 };
  readonly #report: CdcKillReport = {
    kills: 0,
    startKills: 0,
    upstreamRestarts: 0,
    statements: 0,
    transactions: 0,
    checks: 0,
    longestCatchUp: 0,
  };
  #millrace: ServedProgram | null = null;
  #url = '';
  #mirrorUrl = '';
  #writers: Promise<void>[] = [];
  #stop = false;

  constructor(server: PostgresServer, options: CdcKillOptions) {
    this.#server = server;
    this.#options = options;
    this.#random = generator(options.seed);
  }

  get #arguments(): readonly string[] {
    return ['--data-dir', join(this.#directory, 'data'), '--checkpoint-interval', '300ms'];
  }

  async #start(): Promise<ServedProgram> {
    this.#millrace = await startProgram(this.#arguments);
    return this.#millrace;
  }

  async #set(): Promise<void> {
    this.#url = await this.#server.createDatabase(DATABASE);
    this.#mirrorUrl = await this.#server.createDatabase(MIRROR);
    await this.#run(this.#url, [...upstreamTables, "ALTER DATABASE ledger SET timezone = 'UTC'"]);
    await this.#run(this.#mirrorUrl, mirrorTables);
    const { url } = await this.#start();
    await this.#run(url, [
      `CREATE SOURCE pg WITH (${sourceOptions(this.#server, DATABASE)}, snapshot.atomic.rows = '500', snapshot.batch.size = '200')`,
      ...['customer', 'orders', 'marker'].map(
        (table) => `CREATE TABLE ${table} (*) FROM pg TABLE '${table}'`,
      ),
      `CREATE MATERIALIZED VIEW joined AS ${JOIN}`,
      `CREATE MATERIALIZED VIEW sums AS ${SUMS}`,
      ...sinks(this.#server.port),
    ]);
  }

  async #run(url: string, statements: readonly string[]): Promise<void> {
    const connection = await connectTo(url);
    try {
      for (const sql of statements) await connection.rows(sql);
    } finally {
      await connection.end();
    }
  }

  #write(): void {
    this.#stop = false;
    const stopped = (): boolean => this.#stop;
    this.#writers = [1, 2, 3].map(() =>
      writer(this.#url, generator(this.#random(1 << 30)), this.#load, stopped),
    );
  }

  /** Begins a statement that the kill will meet, or not. */
  async #beginStatement(): Promise<void> {
    const { url } = this.#millrace ?? (await this.#start());
    const client = await connectTo(url);
    const [late] = await client.rows("SELECT 1 FROM millrace_catalog.cdc_tables WHERE name = 'late'");
    const [extra] = await client.rows("SELECT 1 FROM millrace_catalog.cdc_sources WHERE name = 'extra'");
    const table = late === undefined ? "CREATE TABLE late (*) FROM pg TABLE 'late'" : 'DROP TABLE late';
    const source =
      extra === undefined
        ? `CREATE SOURCE extra WITH (${sourceOptions(this.#server, DATABASE)})`
        : 'DROP SOURCE extra';
    client
      .rows(this.#random(2) === 0 ? table : source)
      .catch(() => {})
      .finally(() => client.end().catch(() => {}));
    this.#report.statements++;
  }

  async #restartUpstream(): Promise<void> {
    this.#server.stop('immediate');
    this.#server.start();
    this.#report.upstreamRestarts++;
  }

  async #kill(): Promise<void> {
    const random = this.#random;
    await sleep(random(this.#options.mostMs));
    if (random(6) === 0) {
      await this.#restartUpstream();
      await sleep(random(this.#options.mostMs));
    }
    if (random(3) === 0) {
      await this.#beginStatement();
      await sleep(random(150));
    }
    const { program } = this.#millrace ?? (await this.#start());
    program.signal('SIGKILL');
    await program.finished();
    this.#report.kills++;
    while (random(5) === 0 && this.#report.kills < this.#options.kills) {
      const starting = new Program(['serve', '--port', '0', '--http-port', '0', ...this.#arguments]);
      await sleep(random(1500));
      starting.signal('SIGKILL');
      await starting.finished();
      this.#report.kills++;
      this.#report.startKills++;
    }
    await this.#start();
  }

  async #check(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#writers);
    const { url } = this.#millrace ?? (await this.#start());
    const open: Connection[] = [];
    const connected = async (to: string): Promise<Connection> => {
      const connection = await connectTo(to);
      open.push(connection);
      return connection;
    };
    try {
      const sides = {
        here: await connected(url),
        there: await connected(this.#url),
        mirror: await connected(this.#mirrorUrl),
      };
      const { took, waits } = await checkAll(sides, ++this.#report.checks);
      this.#report.longestCatchUp = Math.max(this.#report.longestCatchUp, took);
      const { kills, checks } = this.#report;
      this.#options.log(
        `${kills} kills, check ${checks}: ${this.#load.transactions} transactions, caught up in ${took} ms`,
      );
      if (waits !== '') this.#options.log(waits.trimEnd());
    } finally {
      await Promise.all(open.map((connection) => connection.end().catch(() => {})));
    }
  }

  async run(): Promise<CdcKillReport> {
    try {
      await this.#set();
      while (this.#report.kills < this.#options.kills && this.#options.signal?.aborted !== true) {
        this.#write();
        const until = Math.min(this.#options.kills, this.#report.kills + 1 + this.#random(MOST_BETWEEN));
        while (this.#report.kills < until) await this.#kill();
        await this.#check();
      }
      return { ...this.#report, transactions: this.#load.transactions };
    } finally {
      this.#stop = true;
      await Promise.all(this.#writers);
      this.#millrace?.program.signal('SIGKILL');
      await this.#millrace?.program.finished();
      await this.#server.dropDatabase(DATABASE).catch(() => {});
      await this.#server.dropDatabase(MIRROR).catch(() => {});
      rmSync(this.#directory, { recursive: true, force: true });
    }
  }
}

/** Throws when a row is missing, is there twice or is another. */
export function runCdcKills(server: PostgresServer, options: CdcKillOptions): Promise<CdcKillReport> {
  return new Run(server, options).run();
}
