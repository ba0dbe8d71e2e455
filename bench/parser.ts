/**
 * The parser alone: grammar start-up, microseconds a statement on Nexmark and TPC-H queries, megabytes a second on a long
 * VALUES list.
 *
 * Run: node bench/parser.ts. Figures are CPU time; start-up is that of this process, so it is cold.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROWS = 10_000;
const VALUES_RUNS = 15;
const ROUNDS = 300;
const WARM_ROUNDS = 100;

/** CPU time of this thread in milliseconds, so that other work on the machine does not count. */
const clock = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const loading = clock();
const { parse, warmUp } = await import('../parser/parse.ts');
const loaded = clock();
warmUp();
const started = clock();
parse('select a, count(*) from t where b > 1 group by a order by 2 desc limit 10');
const firstStatement = clock();

function nexmarkQueries(): readonly string[] {
  const folder = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), 'sql-tests/nexmark');
  return readdirSync(folder)
    .filter((name) => /^q\d+\.sql$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}

/** Microseconds a statement, over many rounds as the CPU clock is coarse. */
function microsecondsPerStatement(corpus: readonly string[]): number {
  for (let i = 0; i < WARM_ROUNDS; i++) for (const sql of corpus) parse(sql);
  const start = clock();
  for (let i = 0; i < ROUNDS; i++) for (const sql of corpus) parse(sql);
  return ((clock() - start) * 1000) / (ROUNDS * corpus.length);
}

function valuesStatement(): string {
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `(${i}, 'person ${i}', ${i * 1.25}, '2026-11-21 10:00:00', NULL, TRUE, -${i})`,
  );
  return `INSERT INTO t VALUES ${rows.join(', ')}`;
}

/** Megabytes a second over all runs. */
function valuesThroughput(): { readonly rate: number; readonly bytes: number } {
  const sql = valuesStatement();
  const bytes = Buffer.byteLength(sql);
  parse(sql);
  const start = clock();
  for (let i = 0; i < VALUES_RUNS; i++) parse(sql);
  return { rate: (bytes * VALUES_RUNS) / 1000 / (clock() - start), bytes };
}

const { tpchQueries } = await import('./parserCorpus.ts');
const nexmark = nexmarkQueries();
const values = valuesThroughput();
console.log(`load modules           ${(loaded - loading).toFixed(1)} ms`);
console.log(`build grammar          ${(started - loaded).toFixed(1)} ms`);
console.log(`first statement after  ${(firstStatement - started).toFixed(1)} ms`);
console.log(`VALUES, ${ROWS} rows     ${values.rate.toFixed(1)} MB/s (${values.bytes} bytes)`);
console.log(
  `Nexmark (${nexmark.length})           ${microsecondsPerStatement(nexmark).toFixed(1)} us a statement`,
);
console.log(
  `TPC-H (${tpchQueries.length})             ${microsecondsPerStatement(tpchQueries).toFixed(1)} us a statement`,
);
