/**
 * Nexmark events made beforehand, as the engine's column batches: one entry per tick, events of all three types counted.
 * The same text values are shared between rows as the generator shares them; nothing is parsed or decoded while measuring.
 */
import type { DataType } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import { type EventType, NexmarkGenerator } from '../../connector/nexmark/generator.ts';
import { nexmark, nexmarkConfig } from '../../connector/nexmark/source.ts';
import type { Batch } from '../../executor/batch.ts';
import { BatchBuilder } from '../../executor/batchBuilder.ts';

export type EventTable = EventType;
export const eventTables: readonly EventTable[] = ['person', 'auction', 'bid'];

export interface NexmarkTick {
  readonly events: number;
  readonly batches: readonly { readonly table: EventTable; readonly batch: Batch }[];
}

/** Column types of one of the three tables. */
export function eventTypes(table: EventTable): readonly DataType[] {
  const options = new Map([['nexmark.table.type', table]]);
  return (nexmark.fixedColumns(options) ?? []).map((c) => c.type);
}

/** Rows of the first `events` events by number. */
export function* nexmarkRows(events: number): Generator<{ readonly table: EventTable; readonly row: Row }> {
  const generator = new NexmarkGenerator(nexmarkConfig(new Map()));
  for (let n = 0; n < events; n++) yield { table: generator.type(n), row: generator.event(n) };
}

/** The first `events` events in ticks of `tickEvents`. */
export function nexmarkTicks(events: number, tickEvents: number): readonly NexmarkTick[] {
  const builders = eventTables.map((table) => ({
    table,
    builder: new BatchBuilder(eventTypes(table), tickEvents),
  }));
  const byTable = new Map(builders.map((b) => [b.table, b.builder]));
  const ticks: NexmarkTick[] = [];
  let count = 0;
  const close = (): void => {
    const batches = builders.flatMap(({ table, builder }) =>
      builder.length === 0 ? [] : [{ table, batch: builder.build() }],
    );
    ticks.push({ events: count, batches });
    count = 0;
  };
  for (const { table, row } of nexmarkRows(events)) {
    byTable.get(table)?.append(row, 1);
    if (++count === tickEvents) close();
  }
  if (count > 0) close();
  return ticks;
}
