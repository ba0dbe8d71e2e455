/**
 * GROUP BY with many keys, in process: rows a second over 1 M keys, and the slowest tick while the state grows.
 *
 * Run: node --expose-gc bench/groupBy.ts [--keys N] [--rows N] [--grow N]
 */
import { parseArgs } from 'node:util';
import { types } from '../common/dataType.ts';
import type { Batch } from '../executor/batch.ts';
import type { DataflowNode } from '../executor/dataflow.ts';
import type { Database } from '../server/database.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { randomNumbers } from './support/random.ts';
import { markdownTable, megabytes, milliseconds, percentile, rate } from './support/statistics.ts';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    rows: { type: 'string', default: '4000000' },
    grow: { type: 'string', default: '5000000' },
  },
});
const TICK = 2048;
const rowTypes = [types.int8, types.int8];

/** A source of (k, v) whose batches this program makes, and a view over it. */
async function database(query: string): Promise<{
  readonly database: Database;
  readonly source: DataflowNode;
  readonly operators: readonly DataflowNode[];
  readonly view: DataflowNode;
}> {
  const made = createDatabase();
  const session = localSession(made);
  await session.run("CREATE SOURCE s (k bigint, v bigint) WITH (connector = 'datagen')");
  await session.run(`CREATE MATERIALIZED VIEW grouped AS ${query}`);
  let source: DataflowNode | null = null;
  let view: DataflowNode | null = null;
  let operators: readonly DataflowNode[] = [];
  for (const object of made.catalog.objects()) {
    if (object.kind === 'source') source = object.node;
    if (object.kind !== 'materialized view') continue;
    view = object.node;
    operators = [...object.nodes].filter((n) => n !== object.node);
  }
  if (source === null || view === null) throw new TypeError('source and view must exist');
  return { database: made, source, operators, view };
}

function batchOf(length: number, key: (i: number) => number): Batch {
  const k = new BigInt64Array(length);
  const v = new BigInt64Array(length);
  for (let i = 0; i < length; i++) {
    k[i] = BigInt(key(i));
    v[i] = BigInt(i % 1000);
  }
  const weights = new Int32Array(length).fill(1);
  const columns = [k, v].map((data) => ({ kind: 'i64' as const, data, nulls: null }));
  if (columns.length !== rowTypes.length) throw new TypeError('one vector per column');
  return { length, weights, columns };
}

interface Figures {
  readonly rate: number;
  readonly cpuRate: number;
  readonly ticks: readonly number[];
  readonly stateRows: number;
  readonly stateBytes: number;
  readonly viewBytes: number;
}

/** Feeds `rows` rows with keys by `key`; batches are made between the timed ticks. */
async function run(query: string, rows: number, key: (n: number) => number): Promise<Figures> {
  const made = await database(query);
  const ticks: number[] = [];
  let cpu = 0;
  for (let at = 0; at < rows; at += TICK) {
    const batch = batchOf(Math.min(TICK, rows - at), (i) => key(at + i));
    const used = process.threadCpuUsage();
    const begun = performance.now();
    made.database.runTick(() => made.database.dataflow.feed(made.source, batch));
    ticks.push(performance.now() - begun);
    const after = process.threadCpuUsage(used);
    cpu += after.user + after.system;
  }
  const sum = (of: (n: DataflowNode) => number): number => made.operators.reduce((s, n) => s + of(n), 0);
  const total = ticks.reduce((a, b) => a + b, 0);
  const figures: Figures = {
    rate: (rows / total) * 1000,
    cpuRate: (rows / cpu) * 1e6,
    ticks,
    stateRows: sum((n) => n.operator?.stateRows() ?? 0),
    stateBytes: sum((n) => n.operator?.stateBytes() ?? 0),
    viewBytes: made.view.operator?.stateBytes() ?? 0,
  };
  made.database.close();
  globalThis.gc?.();
  return figures;
}

const keys = Number(values.keys);
const grow = Number(values.grow);
const random = randomNumbers(7);
const aggregate = 'SELECT k, count(*) AS n, sum(v) AS total, avg(v) AS mean FROM s GROUP BY k';
const counting = 'SELECT k, count(*) AS n FROM s GROUP BY k';
const cases = [
  {
    name: `count, sum, avg by ${keys} keys at random`,
    figures: await run(aggregate, Number(values.rows), () => Math.floor(random() * keys)),
  },
  {
    // A permutation of the numbers, so that keys come in no order.
    name: `count by key, ${grow} new keys`,
    figures: await run(counting, grow, (n) => (n * 2654435761) % 4294967296),
  },
  { name: `every row kept, ${grow} rows`, figures: await run('SELECT k, v FROM s', grow, (n) => n) },
];
process.stdout.write(
  `\nGROUP BY in process, ticks of ${TICK} rows, one core\n\n${markdownTable(
    [
      'case',
      'rows/s',
      'per CPU s',
      'tick p50 ms',
      'p99 ms',
      'max ms',
      'state rows',
      'bytes a row',
      'view',
      'state',
    ],
    cases.map(({ name, figures: f }) => [
      name,
      rate(f.rate),
      rate(f.cpuRate),
      milliseconds(percentile(f.ticks, 0.5)),
      milliseconds(percentile(f.ticks, 0.99)),
      milliseconds(f.ticks.reduce((a, b) => Math.max(a, b), 0)),
      String(f.stateRows),
      f.stateRows === 0 ? '' : (f.stateBytes / f.stateRows).toFixed(0),
      megabytes(f.viewBytes),
      megabytes(f.stateBytes),
    ]),
  )}\n`,
);
