/**
 * The cost of one change by the size of what it touches: a group, a partition or a join key of 1,000 to 1,000,000 rows. Each
 * operator alone, in process: it is filled, then single rows are deleted and inserted again, a tick each (the row that
 * decides the result among them: the least, the best, the only one of its value). Flat or logarithmic is the aim, per row
 * of the result that changes; how many those are is in the table.
 *
 * Run: node --expose-gc bench/changeCost.ts [--most 1000000] [--seconds 2] [name part]
 */
import { parseArgs } from 'node:util';
import type { Batch } from '../executor/batch.ts';
import type { DataflowNode } from '../executor/dataflow.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { type ChangeCase, changeCases } from './support/changeCases.ts';
import { randomNumbers } from './support/random.ts';
import { markdownTable, percentile } from './support/statistics.ts';

const { values, positionals } = parseArgs({
  options: { most: { type: 'string', default: '1000000' }, seconds: { type: 'string', default: '2' } },
  allowPositionals: true,
});

const random = randomNumbers(5);

function batchOf(rows: readonly (readonly bigint[])[], weight: number): Batch {
  const width = rows[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, c) => ({
    kind: 'i64' as const,
    data: BigInt64Array.from(rows, (row) => row[c] ?? 0n),
    nulls: null,
  }));
  return { length: rows.length, weights: new Int32Array(rows.length).fill(weight), columns };
}

/** Counts what a node is given. */
function counted(node: DataflowNode | undefined): () => number {
  const operator = node?.operator;
  if (operator === null || operator === undefined) throw new TypeError('the view must have an operator');
  let rows = 0;
  const push = operator.push.bind(operator);
  operator.push = (port, batch, emit) => {
    rows += batch.length;
    push(port, batch, emit);
  };
  return () => {
    const before = rows;
    rows = 0;
    return before;
  };
}

interface Measured {
  /** Microseconds of each tick. */
  readonly times: readonly number[];
  /** Rows of the view's change, at the median. */
  readonly changed: number;
}

function placeOf(one: ChangeCase, size: number): number {
  switch (one.at) {
    case 'first':
      return 0;
    case 'last':
      return size - 1;
    case 'middle':
      return size >> 1;
    default:
      return Math.floor(random() * size);
  }
}

async function measure(one: ChangeCase, size: number): Promise<Measured> {
  const database = createDatabase();
  await localSession(database).run(`
    CREATE TABLE s (k bigint, v bigint, id bigint, at timestamp);
    CREATE TABLE d (k bigint, n bigint);
    CREATE MATERIALIZED VIEW measured AS ${one.sql};`);
  const nodes = new Map<string, DataflowNode>();
  for (const object of database.catalog.objects())
    if (object.kind === 'table' || object.kind === 'materialized view') nodes.set(object.name, object.node);
  const nodeOf = (name: string): DataflowNode => {
    const node = nodes.get(name);
    if (node === undefined) throw new TypeError(`${name} must exist`);
    return node;
  };
  const feed = (name: string, rows: readonly (readonly bigint[])[], weight: number): number => {
    const batch = batchOf(rows, weight);
    const begun = performance.now();
    database.runTick(() => database.dataflow.feed(nodeOf(name), batch));
    return (performance.now() - begun) * 1000;
  };
  // The last column is the hidden one of tables without a key.
  const single = [7n, 0n, 0n];
  feed('d', [single], 1);
  const row = (i: number): readonly bigint[] => [7n, BigInt(i), BigInt(i), BigInt(i) * 1_000_000n, BigInt(i)];
  // In an order that is not the values'.
  const step = 7919;
  database.runTick(() => {
    for (let from = 0; from < size; from += 1000) {
      const some = Array.from({ length: Math.min(1000, size - from) }, (_, i) =>
        row(((from + i) * step) % size),
      );
      database.dataflow.feed(nodeOf('s'), batchOf(some, 1));
    }
  });
  const changed = counted(nodes.get('measured'));
  const times: number[] = [];
  const rows: number[] = [];
  const end = performance.now() + Number(values.seconds) * 1000;
  for (let i = 0; i < 500 && (i < 3 || performance.now() < end); i++) {
    const table = one.side ?? 's';
    const changing = table === 'd' ? single : row(placeOf(one, size));
    for (const weight of [-1, 1]) {
      times.push(feed(table, [changing], weight));
      rows.push(changed());
    }
  }
  // The first changes compile.
  if (times.length > 20) times.splice(0, 10);
  database.close();
  return { times, changed: percentile(rows, 0.5) };
}

/** A change that takes so many microseconds is not tried on more rows. */
const SLOW = 30_000;

const micros = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));

const sizes = [1000, 10_000, 100_000, 1_000_000].filter((size) => size <= Number(values.most));
const rows: (readonly string[])[] = [];
for (const one of changeCases.filter((c) => c.name.includes(positionals[0] ?? ''))) {
  const cells: string[] = [];
  let changed = 0;
  let slow = false;
  for (const size of sizes) {
    if (slow) {
      cells.push('');
      continue;
    }
    const measured = await measure(one, size);
    const median = percentile(measured.times, 0.5);
    cells.push(micros(median));
    changed = measured.changed;
    slow = median > SLOW;
    globalThis.gc?.();
  }
  rows.push([one.name, ...cells, changed.toLocaleString('en')]);
  process.stderr.write(`${one.name}: ${cells.join(', ')}; ${changed}\n`);
}
process.stdout.write(
  `\nOne change, microseconds at the median by rows of the group, partition or key\n\n${markdownTable(
    ['operator', ...sizes.map((size) => size.toLocaleString('en')), 'rows that change'],
    rows,
  )}\n`,
);
