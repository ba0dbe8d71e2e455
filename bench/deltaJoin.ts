/**
 * Joins over arrangements against joins with state of their own: a delta join and the tree of joins it replaces, and two
 * views that share arrangements and two that do not. Variants alternate in one process; what counts are the ratios.
 *
 *   node --expose-gc bench/deltaJoin.ts [--orders 100000] [--rounds 3]
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { must } from '../common/assert.ts';
import { MaterializeOperator } from '../executor/operators/materialize.ts';
import type { Database } from '../server/database.ts';
import { createDatabase, localSession } from '../server/serve.ts';
import { placeView } from '../server/viewBuild.ts';
import { randomNumbers } from './support/random.ts';
import { markdownTable, percentile } from './support/statistics.ts';
import { treeOf } from './support/treeOf.ts';

const { values } = parseArgs({
  options: { orders: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' } },
});
const ORDERS = Number(values.orders);
const BATCH = 1000;

interface Case {
  readonly name: string;
  readonly views: readonly string[];
}

const six = `SELECT o.id, c.name, n.name AS nation, r.name AS region, l.amount * p.price AS worth
  FROM orders o JOIN customer c ON o.customer = c.id JOIN nation n ON c.nation = n.id JOIN region r ON n.region = r.id
  JOIN line l ON l.id = o.id JOIN part p ON l.part = p.id`;

const cases: readonly Case[] = [
  {
    name: 'three tables by one key',
    views: [
      'SELECT o.id, l.amount, s.day FROM orders o JOIN line l ON l.id = o.id JOIN shipped s ON s.id = o.id',
    ],
  },
  {
    name: 'star of three',
    views: [
      'SELECT o.id, c.name, p.price FROM orders o JOIN customer c ON o.customer = c.id JOIN part p ON o.part = p.id',
    ],
  },
  { name: 'six tables', views: [six] },
  {
    name: 'two views over one join',
    views: [
      'SELECT o.id, l.amount FROM orders o JOIN line l ON l.id = o.id',
      'SELECT o.id, o.customer, l.part FROM orders o JOIN line l ON l.id = o.id WHERE l.amount > o.part',
    ],
  },
];

const setUp = `
  CREATE TABLE region (id int PRIMARY KEY, name text);
  CREATE TABLE nation (id int PRIMARY KEY, region int, name text);
  CREATE TABLE customer (id int PRIMARY KEY, nation int, name text);
  CREATE TABLE part (id int PRIMARY KEY, price int);
  CREATE TABLE orders (id int PRIMARY KEY, customer int, part int);
  CREATE TABLE line (id int PRIMARY KEY, part int, amount int);
  CREATE TABLE shipped (id int PRIMARY KEY, day int);
  INSERT INTO region SELECT i, 'region ' || i FROM generate_series(1, 5) AS i;
  INSERT INTO nation SELECT i, i % 5 + 1, 'nation ' || i FROM generate_series(1, 25) AS i;
  INSERT INTO customer SELECT i, i % 25 + 1, 'customer ' || i FROM generate_series(1, ${ORDERS / 10}) AS i;
  INSERT INTO part SELECT i, i % 100 FROM generate_series(1, ${ORDERS / 10}) AS i;
  INSERT INTO orders SELECT i, i % ${ORDERS / 10} + 1, i % 777 + 1 FROM generate_series(1, ${ORDERS}) AS i;
  INSERT INTO line SELECT i, i % ${ORDERS / 10} + 1, i % 50 FROM generate_series(1, ${ORDERS}) AS i;
  INSERT INTO shipped SELECT i, i % 365 FROM generate_series(1, ${ORDERS}) AS i`;

/** State of joins: of all operators but those that hold what is read. */
function joinBytes(database: Database): number {
  let sum = 0;
  for (const { operator } of database.dataflow.nodes) {
    if (operator !== null && !(operator instanceof MaterializeOperator)) sum += operator.stateBytes();
  }
  return sum;
}

interface Figures {
  readonly bytes: number;
  readonly fillMs: number;
  readonly rowsPerSecond: number;
}

async function measure({ views }: Case, isArranged: boolean): Promise<Figures> {
  const database = createDatabase();
  const session = localSession(database);
  await session.run(setUp);
  for (const [i, sql] of views.entries()) await session.run(`CREATE MATERIALIZED VIEW v${i} AS ${sql}`);
  const made = database.catalog.objects().flatMap((o) => (o.kind === 'materialized view' ? [o] : []));
  for (const view of made) database.removeNodes(view.nodes);
  globalThis.gc?.();
  const started = performance.now();
  for (const view of made) {
    const { planned } = view;
    const object = isArranged ? view : { ...view, planned: { ...planned, plan: treeOf(planned.plan) } };
    placeView(database, object);
  }
  const fillMs = performance.now() - started;
  const bytes = joinBytes(database);
  const random = randomNumbers(7);
  let rows = 0;
  let spent = 0;
  for (let k = 0; k < 20; k++) {
    const from = Math.floor(random() * (ORDERS - BATCH));
    const where = `WHERE id BETWEEN ${from} AND ${from + BATCH - 1}`;
    for (const sql of [
      `UPDATE orders SET part = part % 777 + 1 ${where}`,
      `UPDATE line SET amount = amount + 1 ${where}`,
    ]) {
      const before = performance.now();
      await session.run(sql);
      spent += performance.now() - before;
      rows += BATCH;
    }
  }
  database.close();
  return { bytes, fillMs, rowsPerSecond: (rows / spent) * 1000 };
}

const median = (list: readonly number[]): number =>
  percentile(
    [...list].sort((a, b) => a - b),
    0.5,
  );
const table: string[][] = [];
for (const each of cases) {
  const runs = { arranged: [] as Figures[], own: [] as Figures[] };
  for (let round = 0; round < Number(values.rounds); round++) {
    runs.own.push(await measure(each, false));
    runs.arranged.push(await measure(each, true));
  }
  const of = (list: readonly Figures[], field: keyof Figures): number => median(list.map((f) => f[field]));
  const ratio = (field: keyof Figures): string => (of(runs.arranged, field) / of(runs.own, field)).toFixed(2);
  table.push([
    each.name,
    `${(must(runs.own[0]).bytes / 2 ** 20).toFixed(1)} MB`,
    `${(must(runs.arranged[0]).bytes / 2 ** 20).toFixed(1)} MB`,
    ratio('bytes'),
    ratio('fillMs'),
    ratio('rowsPerSecond'),
  ]);
}
const header = [
  'join',
  'state, own',
  'state, arrangements',
  'state ratio',
  'fill time ratio',
  'rows/s ratio',
];
process.stdout.write(`${markdownTable(header, table)}\n`);
