/** One query in process: its view created first, then events fed tick by tick; the engine alone, no source and no wire. */

import type { Batch } from '../../executor/batch.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import { createDatabase, localSession } from '../../server/serve.ts';
import { eventTables, type NexmarkTick } from './nexmarkEvents.ts';
import { sourceStatements } from './nexmarkQueries.ts';
import { percentile } from './statistics.ts';

export interface EngineFigures {
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** By the CPU time of the main thread: what is left when other programs use the machine too. */
  readonly eventsPerCpuSecond: number;
  readonly tickP50: number;
  readonly tickP99: number;
  readonly tickMax: number;
  readonly viewRows: number;
  /** Rows and bytes that the operators hold, the view itself not counted. */
  readonly stateRows: number;
  readonly stateBytes: number;
  readonly viewBytes: number;
}

/** The rows with the time at which they come: now. */
function arriving(batch: Batch): Batch {
  const now = new BigInt64Array(batch.length).fill(BigInt(Date.now()) * 1000n);
  return { ...batch, columns: [...batch.columns, { kind: 'i64', data: now, nulls: null }] };
}

/** Runs `statement` (which creates view `view`) over the ticks on a fresh database. */
export async function runEngine(
  statement: string,
  view: string,
  ticks: readonly NexmarkTick[],
): Promise<EngineFigures> {
  const database = createDatabase();
  const session = localSession(database);
  await session.run(sourceStatements('', view));
  await session.run(statement);
  const nodes = new Map<string, { readonly node: DataflowNode; readonly width: number }>();
  for (const object of database.catalog.objects())
    if (object.kind === 'source') nodes.set(object.name, { node: object.node, width: object.columns.length });
  const times: number[] = [];
  let events = 0;
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  for (const tick of ticks) {
    const begun = performance.now();
    database.runTick(() => {
      for (const { table, batch } of tick.batches) {
        const source = nodes.get(table);
        if (source === undefined) continue;
        const { node, width } = source;
        database.dataflow.feed(node, width > batch.columns.length ? arriving(batch) : batch);
      }
    });
    times.push(performance.now() - begun);
    events += tick.events;
  }
  const seconds = (performance.now() - start) / 1000;
  const used = process.threadCpuUsage(cpu);
  const made = [...database.catalog.objects()].find((o) => o.name === view);
  if (made === undefined || made.kind !== 'materialized view') throw new TypeError(`no view ${view}`);
  const own = [...made.nodes].flatMap((n) => (n === made.node || n.operator === null ? [] : [n.operator]));
  const operators = [...own, ...database.arrangements.list().map(({ operator }) => operator)];
  const figures: EngineFigures = {
    events,
    seconds,
    eventsPerSecond: events / seconds,
    eventsPerCpuSecond: (events * 1e6) / (used.user + used.system),
    tickP50: percentile(times, 0.5),
    tickP99: percentile(times, 0.99),
    tickMax: Math.max(...times),
    viewRows: made.store.rowCount(),
    stateRows: operators.reduce((sum, o) => sum + o.stateRows(), 0),
    stateBytes: operators.reduce((sum, o) => sum + o.stateBytes(), 0),
    viewBytes: made.store.bytes(),
  };
  if (nodes.size !== eventTables.length) throw new TypeError('the three sources must exist');
  database.close();
  return figures;
}
