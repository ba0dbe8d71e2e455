/**
 * Random histories of sources and tables with watermarks: after a restart everything is as it was (rows, late rows, views,
 * watermarks, counters), and late is what it would have been without the restart.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { type InProcessServer, startInProcess, startProgram } from '../../harness/server.ts';
import { Connection } from '../clients.ts';
import { generator } from './random.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-time-'));
  mkdirSync(join(directory, 'files'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const setup = (files: string): readonly string[] => [
  `CREATE SOURCE s (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
     WITH (connector = 'inject', partitions = 'a,b')`,
  `CREATE SOURCE f (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds')
     WITH (connector = 'posix_fs', posix_fs.root = '${files}') FORMAT PLAIN ENCODE CSV`,
  `CREATE TABLE t (k int, at timestamp, came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
     APPEND ONLY WITH (late.max.rows = '10')`,
  `CREATE TABLE u (k int PRIMARY KEY, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds' WITH TTL)`,
  `CREATE TABLE c (k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '20 seconds') APPEND ONLY
     WITH (connector = 'posix_fs', posix_fs.root = '${files}') FORMAT PLAIN ENCODE CSV`,
  ...['s', 'f', 't'].map(
    (r) => `CREATE MATERIALIZED VIEW closed_${r} AS SELECT window_start, count(*) AS n, sum(k) AS k
      FROM TUMBLE(${r}, at, INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
  ),
  ...['s', 'f', 't'].map(
    (r) => `CREATE MATERIALIZED VIEW allowed_${r} AS SELECT window_start, count(*) AS n, sum(k) AS k
      FROM TUMBLE(${r}, at, INTERVAL '30 seconds') GROUP BY window_start
      EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '15 seconds'`,
  ),
  ...['s', 'f', 't', 'u', 'c'].map((r) => `CREATE MATERIALIZED VIEW all_${r} AS SELECT * FROM ${r}`),
  ...['s', 'f', 't', 'c'].map(
    (
      r,
    ) => `CREATE MATERIALIZED VIEW late_${r} AS SELECT late_reason, count(*) AS n, sum(k) AS k, max(late_at) AS at
      FROM millrace_late.${r} GROUP BY late_reason`,
  ),
];

const shown = [
  ...['s', 'f', 't', 'u', 'c'].map((r) => `all_${r}`),
  ...['s', 'f', 't'].flatMap((r) => [`closed_${r}`, `allowed_${r}`]),
  ...['s', 'f', 't', 'c'].map((r) => `late_${r}`),
  ...['s', 'f', 't', 'u', 'c'].map((r) => `millrace_late.${r}`),
];

async function dump(session: Session): Promise<Readonly<Record<string, readonly string[]>>> {
  const result: Record<string, readonly string[]> = {};
  const take = async (name: string, sql: string): Promise<void> => {
    const [answer] = await session.run(sql);
    result[name] = (answer?.rows ?? []).map((row) => row.map(String).join(' | ')).sort();
  };
  for (const name of shown) await take(name, `SELECT * FROM ${name}`);
  await take(
    'watermarks',
    `SELECT relation, watermark FROM millrace_catalog.watermarks WHERE column_name <> 'came'`,
  );
  await take(
    'partitions',
    `SELECT relation, partition, watermark, max_event_time, rows, late_rows, null_time_rows
     FROM millrace_catalog.watermark_partitions`,
  );
  for (const r of ['s', 'f', 't', 'u', 'c']) await take(`advice ${r}`, `EXPLAIN WATERMARK ${r}`);
  await take(
    'late',
    'SELECT relation, late, null_time, retained, max_lateness FROM millrace_catalog.late_counts',
  );
  return result;
}

const START = Date.UTC(2024, 0, 1);

class History {
  readonly #random: (n: number) => number;
  readonly #files: string;
  #at = 0;
  #k = 0;

  constructor(random: (n: number) => number, files: string) {
    this.#random = random;
    this.#files = files;
  }

  #time(): string {
    this.#at += this.#random(6000);
    const ms = this.#at - this.#random(this.#random(50_000) + 1);
    return new Date(START + ms).toISOString().replace('T', ' ').replace('Z', '');
  }

  #rows(most: number): string {
    const row = (): string =>
      this.#random(25) === 0 ? `(${++this.#k}, NULL)` : `(${++this.#k}, '${this.#time()}')`;
    return Array.from({ length: 1 + this.#random(most) }, row).join(', ');
  }

  /** One thing that happens. */
  async step(session: Session): Promise<void> {
    const random = this.#random;
    switch (random(9)) {
      case 0:
      case 1:
        await session.run(`INJECT INTO s PARTITION '${random(2) === 0 ? 'a' : 'b'}' VALUES ${this.#rows(5)}`);
        return;
      case 2:
      case 3:
        await session.run(`INSERT INTO t (k, at) VALUES ${this.#rows(5)}`);
        return;
      case 4: {
        const at = this.#time();
        await session.run(`INSERT INTO u VALUES (${random(20)}, '${at}')`);
        await session.run(`UPDATE u SET at = '${this.#time()}' WHERE k = ${random(20)}`);
        return;
      }
      case 5: {
        const lines = Array.from({ length: 1 + random(20) }, () => `${++this.#k},${this.#time()}\n`);
        appendFileSync(join(this.#files, 'x.csv'), lines.join(''));
        await this.#read(session);
        return;
      }
      case 6:
        await session.run(`ADVANCE WATERMARK FOR ${['s', 't', 'f', 'u'][random(4)]} TO '${this.#time()}'`);
        return;
      case 7:
        if (random(3) === 0)
          await session.run(`REPLAY LATE ROWS FROM ${['s', 't', 'f'][random(3)]} WHERE k % 3 = ${random(3)}`);
        return;
      default:
        await session.run(`DELETE FROM u WHERE k = ${random(20)}`);
    }
  }

  /** Waits until the files have been read. */
  async #read(session: Session): Promise<void> {
    const { database } = session;
    while (await database.pollSources());
    await new Promise((resolve) => setTimeout(resolve, 150));
    while (await database.pollSources());
  }
}

describe('event time', () => {
  it.each([1, 2, 3, 4, 5])('survives restarts, history %i', async (seed) => {
    const random = generator(seed);
    const files = join(directory, 'files');
    const data = join(directory, 'data');
    const history = new History(random, files);
    let server: InProcessServer = await startInProcess(data);
    try {
      let session = localSession(server.database);
      for (const sql of setup(files)) await session.run(sql);
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 30; i++) await history.step(session);
        const before = await dump(session);
        expect(before.watermarks?.length).toBeGreaterThan(4);
        if (random(2) === 0) server.database.journal?.flush();
        await server.close();
        server = await startInProcess(data);
        session = localSession(server.database);
        expect(await dump(session)).toEqual(before);
      }
      const late = Object.entries(await dump(session)).filter(([name]) => name.startsWith('millrace_late.'));
      expect(late.flatMap(([, rows]) => rows).length).toBeGreaterThan(10);
    } finally {
      await server.close();
    }
  });
});

describe('a killed server', () => {
  it('knows again what it admitted, and when it came', async () => {
    const data = join(directory, 'data');
    let counted = 0;
    for (let round = 0; round < 3; round++) {
      const server = await startProgram(['--data-dir', data]);
      const client = new Connection(server.url);
      await client.client.connect();
      if (round === 0) {
        await client.tags(
          `CREATE SOURCE g (k int, at timestamp AS timestamp '2024-01-01' + (k - (k * 7919) % 50) * INTERVAL '1 second',
             came timestamptz AS proctime(), WATERMARK FOR at AS at - INTERVAL '20 seconds')
           WITH (connector = 'datagen', datagen.rows.per.second = '3000', datagen.split.num = '3',
             fields.k.kind = 'sequence', fields.k.start = '1', fields.k.end = '1000000')`,
        );
        await client.tags('CREATE MATERIALIZED VIEW kept AS SELECT k, came FROM g');
        await client.tags('CREATE TABLE marks (n int)');
      }
      const rows = async (): Promise<number> => Number(await client.value('SELECT count(*) FROM kept'));
      expect(await rows()).toBeGreaterThanOrEqual(counted);
      const from = await rows();
      while ((await rows()) < from + 500) await new Promise((resolve) => setTimeout(resolve, 20));
      // What a commit has made durable has its source rows before it.
      counted = await rows();
      await client.tags('INSERT INTO marks VALUES (1)');
      await client.tags(`CREATE MATERIALIZED VIEW again_${round} AS SELECT k, came FROM g`);
      const different = `SELECT count(*) FROM ((TABLE kept EXCEPT ALL TABLE again_${round})
        UNION ALL (TABLE again_${round} EXCEPT ALL TABLE kept)) AS d`;
      expect(await client.value(different)).toBe('0');
      expect(await client.value('SELECT count(*) > 0 FROM millrace_late.g')).toBe('t');
      expect(
        await client.value(
          `SELECT (SELECT sum(rows_read) FROM millrace_catalog.sources) =
             (SELECT count(*) FROM kept) + (SELECT late FROM millrace_catalog.late_counts)`,
        ),
      ).toBe('t');
      server.program.signal('SIGKILL');
      await server.program.finished();
      await client.end().catch(() => {});
    }
  });
});
