/**
 * A random history over everything that a journal must repeat: two followed files, an INJECT source, tables, watermarks, a
 * clock in the test's hands, views that join, close windows, read the clock and draw random values. The same seed gives the same
 * history, whatever happens to the server meanwhile.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../../server/session.ts';
import { generator } from '../time/random.ts';

const tumble = (relation: string, rest: string): string =>
  `SELECT window_start, count(*) AS n, sum(k) AS k FROM TUMBLE(${relation}, at, INTERVAL '30 seconds') GROUP BY window_start ${rest}`;

/** Statements that make the objects, over files in `files`. */
function setup(files: string): readonly string[] {
  const csv = (name: string): string =>
    `(connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = '${name}.csv', watermark.idle.timeout = '90 seconds')
     FORMAT PLAIN ENCODE CSV (without_header = 'true')`;
  return [
    "SET millrace.clock = '2024-01-01 00:00:00+00'",
    `CREATE SOURCE f (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds') WITH ${csv('f')}`,
    `CREATE SOURCE g (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds') WITH ${csv('g')}`,
    `CREATE SOURCE s (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
       WITH (connector = 'inject', partitions = 'a,b', watermark.idle.timeout = '60 seconds', watermark.idle.follow.clock = 'true')`,
    'CREATE TABLE t (id int PRIMARY KEY, k int, n numeric, at timestamptz DEFAULT now())',
    `CREATE TABLE w (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
       APPEND ONLY WITH (late.max.rows = '10')`,
    `CREATE TABLE u (k int PRIMARY KEY, at timestamptz) WITH (ttl = '40 seconds')`,
    `CREATE TABLE c (k int, at timestamp) APPEND ONLY WITH (connector = 'posix_fs', posix_fs.root = '${files}', match_pattern = 'g.csv')
       FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    `CREATE MATERIALIZED VIEW closed_f AS ${tumble('f', 'EMIT ON WINDOW CLOSE')}`,
    `CREATE MATERIALIZED VIEW closed_s AS ${tumble('s', 'EMIT ON WINDOW CLOSE')}`,
    `CREATE MATERIALIZED VIEW allowed_w AS ${tumble('w', "EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '15 seconds'")}`,
    'CREATE MATERIALIZED VIEW all_f AS SELECT * FROM f',
    'CREATE MATERIALIZED VIEW joined AS SELECT f.k, f.came, g.at FROM f JOIN g ON f.k = g.k',
    'CREATE MATERIALIZED VIEW enriched AS SELECT s.k, t.n, s.came FROM s JOIN t ON s.k % 10 = t.id',
    `CREATE MATERIALIZED VIEW recent AS SELECT id, k FROM t WHERE at > now() - INTERVAL '30 seconds'`,
    'CREATE MATERIALIZED VIEW drawn AS SELECT id, random() AS r, gen_random_uuid() AS u FROM t',
    'CREATE MATERIALIZED VIEW counted AS SELECT k % 3 AS g, count(*) AS n, sum(n) AS s FROM t GROUP BY k % 3',
    'CREATE MATERIALIZED VIEW late AS SELECT late_reason, count(*) AS n, max(late_at) AS at FROM millrace_late.f GROUP BY late_reason',
    'CREATE MATERIALIZED VIEW failing AS SELECT id, 10 / (k - 3) AS q FROM t',
  ];
}

const START = Date.UTC(2024, 0, 1);

export class Workload {
  readonly #random: (n: number) => number;
  readonly #files: string;
  #at = 0;
  #k = 0;

  constructor(seed: number, directory: string) {
    this.#random = generator(seed);
    this.#files = join(directory, 'files');
    mkdirSync(this.#files, { recursive: true });
    for (const name of ['f', 'g']) writeFileSync(join(this.#files, `${name}.csv`), '');
  }

  async begin(session: Session): Promise<void> {
    for (const sql of setup(this.#files)) await session.run(sql);
  }

  #time(): string {
    this.#at += this.#random(6000);
    const ms = this.#at - this.#random(this.#random(50_000) + 1);
    return new Date(START + ms).toISOString().replace('T', ' ').replace('Z', '');
  }

  #rows(most: number): string {
    return Array.from(
      { length: 1 + this.#random(most) },
      () => `(${++this.#k % 50}, '${this.#time()}')`,
    ).join(', ');
  }

  #lines(name: string): void {
    const line = (): string =>
      this.#random(20) === 0 ? 'not a row\n' : `${++this.#k % 50},${this.#time()}\n`;
    const lines = Array.from({ length: 1 + this.#random(10) }, line);
    appendFileSync(join(this.#files, `${name}.csv`), lines.join(''));
  }

  /** One thing that happens. */
  async step(session: Session): Promise<void> {
    const random = this.#random;
    const { database } = session;
    const id = random(20);
    switch (random(11)) {
      case 0:
        await session.run(`INJECT INTO s PARTITION '${random(2) === 0 ? 'a' : 'b'}' VALUES ${this.#rows(5)}`);
        return;
      case 1:
        await session.run(`INSERT INTO t (id, k, n) VALUES (${id}, ${random(6)}, ${random(1000)}.25)`);
        return;
      case 2:
        await session.run(`DELETE FROM t WHERE id = ${id}; UPDATE t SET k = k + 1 WHERE id < ${random(20)}`);
        return;
      case 3:
        await session.run(`INSERT INTO w (k, at) VALUES ${this.#rows(5)}`);
        return;
      case 4:
      case 5:
        this.#lines('f');
        await database.pollSources();
        return;
      case 6:
        this.#lines('g');
        await database.pollSources();
        return;
      case 7:
        await session.run(`ADVANCE CLOCK BY INTERVAL '${1 + random(25)} seconds'`);
        return;
      case 8:
        await session.run(`ADVANCE WATERMARK FOR ${['s', 'w', 'f'][random(3)]} TO '${this.#time()}'`);
        return;
      case 9:
        await session.run(`INSERT INTO u VALUES (${id}, now())`);
        return;
      default:
        if (random(3) === 0) {
          await session.run(`REPLAY LATE ROWS FROM ${['s', 'w', 'f'][random(3)]} WHERE k % 3 = ${random(3)}`);
        }
    }
  }
}
