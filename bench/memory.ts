/**
 * State larger than memory: a table and a view with a group for each of its rows, under updates of random rows, with the limit at
 * all of the state, a half and a fifth of it. Throughput, the state that is in memory, and that of the process.
 *
 * Run: node bench/memory.ts [--rows N] [--updates N] [--near]   (--near: mostly new rows and rows that are not old)
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MemoryLimit } from '../server/memory/memoryLimit.ts';
import { blockState, usageOf } from '../server/memory/usage.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    updates: { type: 'string', default: '200000' },
    batch: { type: 'string', default: '1000' },
    near: { type: 'boolean', default: false },
    limit: { type: 'string' },
    name: { type: 'string', default: '' },
  },
});
const rows = Number(values.rows);
const updates = Number(values.updates);
const batch = Number(values.batch);
const CHUNK = 20_000;

interface Result {
  readonly stateBytes: number;
  readonly cells: readonly string[];
  readonly answer: string;
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Anywhere; or one in ten a new row, the others among the newest twentieth, and of each batch one anywhere. */
function idOf(i: number): number {
  const spread = (i * 0.6180339887) % 1;
  if (!values.near || i % batch === 0) return 1 + Math.floor(spread * rows);
  if (i % 10 === 0) return rows + 1 + i;
  return 1 + Math.floor(rows * (0.95 + 0.05 * spread));
}

async function run(name: string, limit: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const database = createDatabase();
  const memory = new MemoryLimit(database, {
    limit,
    directory,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  database.memory = memory;
  try {
    const session = localSession(database);
    await session.run('CREATE TABLE t (id bigint PRIMARY KEY, v bigint, name text)');
    await session.run(
      'CREATE MATERIALIZED VIEW v AS SELECT id, count(*) AS n, sum(v) AS total, max(name) AS name FROM t GROUP BY id',
    );
    const loading = performance.now();
    for (let from = 1; from <= rows; from += CHUNK) {
      const to = Math.min(rows, from + CHUNK - 1);
      await session.run(
        `INSERT INTO t SELECT i, i % 1000, 'name of row ' || i FROM generate_series(${from}, ${to}) AS i`,
      );
    }
    const loaded = performance.now();
    let peak = 0;
    for (let i = 0; i < updates; i += batch) {
      const changes = Array.from(
        { length: batch },
        (_, k) => `(${idOf(i + k)}, ${i + k}, 'updated ${i + k}')`,
      );
      await session.run(`INSERT INTO t VALUES ${changes.join(', ')}`);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    const updated = performance.now();
    const [answer] = await session.run('SELECT count(*), sum(total), min(name), max(name) FROM v');
    const scanned = performance.now();
    const stateBytes = [...blockState(database)].reduce((sum, state) => sum + usageOf(state).bytes, 0);
    const rate = (n: number, millis: number): string =>
      `${Math.round((n / millis) * 1000).toLocaleString('en')}/s`;
    return {
      stateBytes,
      answer: JSON.stringify(answer?.rows, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
      cells: [
        name,
        mb(limit),
        rate(rows, loaded - loading),
        rate(updates, updated - loaded),
        `${Math.round(scanned - updated)} ms`,
        mb(memory.residency.resident),
        mb(peak),
        `${memory.residency.evictions} / ${memory.residency.fetches}`,
      ],
    };
  } finally {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (values.limit !== undefined) {
  process.stdout.write(JSON.stringify(await run(values.name, Number(values.limit))));
} else {
  // Each in a process of its own: what one has left to the collector of garbage is nothing to the next.
  const child = (name: string, limit: number): Result => {
    const args = [
      fileURLToPath(import.meta.url),
      ...process.argv.slice(2),
      '--name',
      name,
      '--limit',
      String(limit),
    ];
    const output = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return JSON.parse(output) as Result;
  };
  const all = child('all', 2 ** 40);
  const results = [all];
  for (const part of [2, 5]) {
    const result = child(`1/${part}`, all.stateBytes / part);
    if (result.answer !== all.answer)
      throw new TypeError(`the answer differs: ${result.answer}, not ${all.answer}`);
    results.push(result);
  }
  process.stdout.write(`state: ${mb(all.stateBytes)}\n\n`);
  const head = [
    'in memory',
    'limit',
    'load',
    'updates',
    'scan',
    'state in memory',
    'process, most',
    'blocks out / in',
  ];
  process.stdout.write(
    `${markdownTable(
      head,
      results.map(({ cells }) => [...cells]),
    )}\n`,
  );
}
