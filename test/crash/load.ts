/**
 * The load on a server that is going to be killed: connections that write with ids of their own and remember what was
 * acknowledged, and a file that grows. What is not acknowledged when the connection breaks is in doubt.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { generator } from '../server/time/random.ts';

type Random = (n: number) => number;

const ACCOUNTS = 20;

export const definitions = (files: string): readonly string[] => [
  'CREATE TABLE log (id bigint, client int, g int, v int) APPEND ONLY',
  'CREATE TABLE item (id bigint PRIMARY KEY, state int)',
  'CREATE TABLE account (k int PRIMARY KEY, n bigint)',
  `INSERT INTO account SELECT k, 0 FROM generate_series(0, ${ACCOUNTS - 1}) AS k`,
  `CREATE SOURCE line (id bigint, v int, at timestamp, WATERMARK FOR at AS at - INTERVAL '1 second')
     WITH (connector = 'posix_fs', posix_fs.root = '${files}') FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
  'CREATE MATERIALIZED VIEW by_group AS SELECT g, count(*) AS n, sum(v) AS total, max(id) AS most FROM log GROUP BY g',
  'CREATE MATERIALIZED VIEW twice AS SELECT id, count(*) AS n FROM log GROUP BY id HAVING count(*) > 1',
  'CREATE MATERIALIZED VIEW joined AS SELECT l.id, i.state FROM log l JOIN item i ON l.id = i.id',
  'CREATE MATERIALIZED VIEW newest AS SELECT id, client, v FROM log ORDER BY id DESC LIMIT 10',
  'CREATE MATERIALIZED VIEW over_groups AS SELECT count(*) AS groups, sum(n) AS n, sum(total) AS total FROM by_group',
  'CREATE MATERIALIZED VIEW lines AS SELECT id, v FROM line',
  'CREATE MATERIALIZED VIEW line_count AS SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(v) AS total FROM line',
  `CREATE MATERIALIZED VIEW line_windows AS SELECT window_start, count(*) AS n, sum(v) AS total
     FROM TUMBLE(line, at, INTERVAL '10 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
];

/** Views that are computed afresh at every start. */
export const recomputed = ['by_group', 'twice', 'joined', 'newest', 'over_groups', 'lines', 'line_count'];

/** What one item should be: null: not there. Several while it is in doubt. */
type Possible = readonly (number | null)[];

/** What clients know. */
export class Knowledge {
  /** Ids whose commit was acknowledged; with synchronous_commit = off apart. */
  readonly acknowledged = new Set<number>();
  readonly acknowledgedOff = new Set<number>();
  readonly doubtful = new Set<number>();
  readonly items = new Map<number, Possible>();
  lines = 0;
  linesTotal = 0;
  /** Per window of ten seconds: rows and their sum. */
  readonly windows = new Map<number, { n: number; total: number }>();
  refused = 0;
}

/** One connection: transactions that each write a row of the log and count in an account, and items that come and go. */
async function client(
  url: string,
  number: number,
  knowledge: Knowledge,
  random: Random,
  stopped: () => boolean,
): Promise<void> {
  const connection = new pg.Client(url);
  connection.on('error', () => {});
  try {
    await connection.connect();
    const off = number % 3 === 2;
    if (off) await connection.query('SET synchronous_commit = off');
    while (!stopped()) {
      if (random(4) === 0) await changeItem(connection, knowledge, random);
      else await writeLog(connection, number, off, knowledge, random);
    }
  } catch {
    // The server is dead; what was under way is in doubt.
  } finally {
    await connection.end().catch(() => {});
  }
}

let lastId = 0;

/** True when the server has refused it; throws when nobody knows. */
function wasRefused(error: unknown): boolean {
  const state = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(40001|53100|58030)$/.test(state);
}

async function writeLog(
  connection: pg.Client,
  number: number,
  off: boolean,
  knowledge: Knowledge,
  random: Random,
): Promise<void> {
  const id = ++lastId;
  knowledge.doubtful.add(id);
  const many = random(3) === 0;
  try {
    const insert = `INSERT INTO log VALUES (${id}, ${number}, ${random(8)}, ${random(100)})`;
    const count = `UPDATE account SET n = n + 1 WHERE k = ${random(ACCOUNTS)}`;
    if (many) {
      await connection.query('BEGIN');
      await connection.query(insert);
      await connection.query(count);
      await connection.query('COMMIT');
    } else await connection.query(`BEGIN; ${insert}; ${count}; COMMIT`);
    (off ? knowledge.acknowledgedOff : knowledge.acknowledged).add(id);
    knowledge.doubtful.delete(id);
  } catch (error) {
    if (!wasRefused(error)) throw error;
    knowledge.doubtful.delete(id);
    knowledge.refused++;
    await connection.query('ROLLBACK');
  }
}

/** Items belong to one connection at a time, so that what they should be is known. */
const busy = new Set<number>();

async function changeItem(connection: pg.Client, knowledge: Knowledge, random: Random): Promise<void> {
  const id = 1 + random(Math.max(1, Math.min(lastId, 3000)));
  if (busy.has(id)) return;
  busy.add(id);
  const before = knowledge.items.get(id) ?? [null];
  const state = random(1_000_000);
  const after = random(3) === 0 ? null : state;
  const sql =
    after === null
      ? `DELETE FROM item WHERE id = ${id}`
      : `INSERT INTO item VALUES (${id}, ${state}) ON CONFLICT (id) DO UPDATE SET state = excluded.state`;
  knowledge.items.set(id, [...before, after]);
  try {
    await connection.query(sql);
    knowledge.items.set(id, [after]);
  } catch (error) {
    if (!wasRefused(error)) throw error;
    knowledge.items.set(id, before);
    knowledge.refused++;
  } finally {
    busy.delete(id);
  }
}

const LINE_FILE = 'lines.csv';
const WINDOW_MS = 10_000;
const LINE_EPOCH = Date.UTC(2024, 0, 1);

/** The file grows, also while no server runs. A line can be half there for a while. */
async function grow(
  files: string,
  knowledge: Knowledge,
  random: Random,
  stopped: () => boolean,
): Promise<void> {
  mkdirSync(files, { recursive: true });
  const path = join(files, LINE_FILE);
  while (!stopped()) {
    const count = 1 + random(40);
    let text = '';
    for (let i = 0; i < count; i++) {
      const id = ++knowledge.lines;
      const v = id % 97;
      const ms = id * 100;
      knowledge.linesTotal += v;
      const window = Math.floor(ms / WINDOW_MS);
      const sums = knowledge.windows.get(window) ?? { n: 0, total: 0 };
      knowledge.windows.set(window, { n: sums.n + 1, total: sums.total + v });
      text += `${id},${v},${new Date(LINE_EPOCH + ms).toISOString().replace('T', ' ').replace('Z', '')}\n`;
    }
    const half = random(text.length);
    appendFileSync(path, text.slice(0, half));
    await sleep(random(8));
    appendFileSync(path, text.slice(half));
    await sleep(random(40));
  }
}

/** Start of a window as the view has it. */
export function windowOf(start: string): number {
  return Math.round((Date.parse(`${start.replace(' ', 'T')}Z`) - LINE_EPOCH) / WINDOW_MS);
}

export class Load {
  readonly #done: Promise<unknown>;
  #stopped = false;

  constructor(url: string, files: string, knowledge: Knowledge, clients: number, seed: number) {
    const stopped = (): boolean => this.#stopped;
    this.#done = Promise.all([
      grow(files, knowledge, generator(seed), stopped),
      ...Array.from({ length: clients }, (_, i) =>
        client(url, i, knowledge, generator(seed * 31 + i), stopped),
      ),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

/** Whole lines in the file. */
export function linesIn(files: string): number {
  const path = join(files, LINE_FILE);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}
