/**
 * Checkpoints and restarts: a view with many groups over a table. How long a full checkpoint takes and what it writes; how ticks
 * fare while one is taken, against ticks without; and how long a restart takes until it answers a read, and until it takes writes
 * and is as fast as before.
 *
 * Run: node bench/checkpoint.ts [--rows N]   (state is 3 rows per row: table, groups, view)
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { warmUp } from '../parser/parse.ts';
import type { Checkpointer, CheckpointReport } from '../server/checkpoint/checkpointer.ts';
import { recoverDirectory } from '../server/checkpoint/recovery.ts';
import type { Database } from '../server/database.ts';
import { Journal } from '../server/journal.ts';
import { MemoryLimit } from '../server/memory/memoryLimit.ts';
import { createDatabase, ddlRunner, localSession } from '../server/serve.ts';
import { markdownTable, milliseconds, percentile } from './support/statistics.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } });
const rows = Number(values.rows);
const CHUNK = 50_000;
const WARM_UP = 5000;
const ROUNDS = 5;
const UPDATES = 3000;
/** Updates of which the median is taken after a restart. */
const WINDOW = 500;
const PATIENCE_MS = 60_000;

interface Opened {
  readonly database: Database;
  readonly checkpointer: Checkpointer;
  readonly millis: number;
}

async function open(directory: string): Promise<Opened> {
  const started = performance.now();
  const database = createDatabase();
  database.memory = new MemoryLimit(database, { limit: totalmem() / 2, directory, log: () => {} });
  const journal = new Journal(directory, {
    now: () => database.clock(),
    acceptDataLoss: false,
    log: () => {},
  });
  const { checkpointer } = await recoverDirectory(
    database,
    directory,
    journal,
    ddlRunner(database),
    () => {},
  );
  return { database, checkpointer, millis: performance.now() - started };
}

async function close({ database, checkpointer }: Opened): Promise<void> {
  await checkpointer.close();
  database.close();
}

/** True from the `count`th time on that it is asked. */
function times(count: number): () => boolean {
  let asked = 0;
  return () => asked++ >= count;
}

/** Other values each time. */
let value = 0;

/** Latencies of one-row updates of random rows for so long, in milliseconds. */
async function updates(database: Database, until: () => boolean): Promise<number[]> {
  const session = localSession(database);
  await session.run('SET synchronous_commit = off');
  const times: number[] = [];
  for (let i = 0; !until(); i++) {
    const id = 1 + Math.floor(((i * 0.6180339887) % 1) * rows);
    const started = performance.now();
    await session.run(`INSERT INTO t VALUES (${id}, ${++value})`);
    times.push(performance.now() - started);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return times;
}

/** Milliseconds until random updates take no longer than `before`, the median of one, by a tenth. */
async function fullSpeed(database: Database, before: number): Promise<number> {
  const started = performance.now();
  while (percentile(await updates(database, times(WINDOW)), 0.5) > before * 1.1) {
    if (performance.now() - started > PATIENCE_MS) return Number.NaN;
  }
  return performance.now() - started;
}

warmUp();
const lines: string[][] = [];
const note = (what: string, figure: string): void => {
  lines.push([what, figure]);
};

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
try {
  const first = await open(directory);
  const session = localSession(first.database);
  await session.run('CREATE TABLE t (id bigint PRIMARY KEY, v bigint)');
  await session.run(
    'CREATE MATERIALIZED VIEW v AS SELECT id, count(*) AS n, sum(v) AS total FROM t GROUP BY id',
  );
  await session.run('SET synchronous_commit = off');
  for (let from = 1; from <= rows; from += CHUNK) {
    await session.run(
      `INSERT INTO t SELECT i, i % 1000 FROM generate_series(${from}, ${Math.min(rows, from + CHUNK - 1)}) AS i`,
    );
    // What a running server does at intervals: the journal does not grow without end.
    if ((from / CHUNK) % 20 < 1) await first.checkpointer.checkpoint();
  }
  await first.checkpointer.checkpoint();
  await updates(first.database, times(WARM_UP));
  await first.checkpointer.checkpoint();
  const idle: number[] = [];
  const busy: number[] = [];
  const reports: CheckpointReport[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    idle.push(...(await updates(first.database, times(UPDATES))));
    let done = false;
    const during = first.checkpointer.checkpoint().finally(() => {
      done = true;
    });
    busy.push(...(await updates(first.database, () => done)));
    reports.push(await during);
  }
  const middle = (of: (report: CheckpointReport) => number): number => percentile(reports.map(of), 0.5);
  note('state rows', String(3 * rows));
  note(
    `blocks written after ${UPDATES} updates, of all`,
    `${middle((r) => r.blocks)} of ${middle((r) => r.totalBlocks)}`,
  );
  note('bytes written', `${(middle((r) => r.bytes) / 1e6).toFixed(1)} MB`);
  note('freeze (ticks stand still)', milliseconds(middle((r) => r.frozenMicros) / 1000));
  note('whole checkpoint, under updates', milliseconds(middle((r) => r.micros) / 1000));
  for (const [name, times] of [
    ['one-row commit without a checkpoint', idle],
    ['one-row commit while one is taken', busy],
  ] as const) {
    const of = (p: number): string => milliseconds(percentile(times, p));
    note(`${name} (${times.length}), p50 / p99 / worst`, `${of(0.5)} / ${of(0.99)} / ${of(1)}`);
  }
  await first.checkpointer.checkpoint();
  await close(first);
  note('state.db', `${(statSync(join(directory, 'state.db')).size / 1e6).toFixed(1)} MB`);

  const second = await open(directory);
  note('restart until reads and writes are taken', milliseconds(second.millis));
  const started = performance.now();
  await localSession(second.database).run('SELECT * FROM v WHERE id = 77');
  note('first read', milliseconds(performance.now() - started));
  const written = performance.now();
  await localSession(second.database).run('INSERT INTO t VALUES (77, 5)');
  note('first write', milliseconds(performance.now() - written));
  const full = await fullSpeed(second.database, percentile(idle, 0.5));
  note('from the restart to full speed', milliseconds(second.millis + full));
  await close(second);
  process.stdout.write(`${markdownTable(['measure', 'figure'], lines)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
