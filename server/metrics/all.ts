/** Every metric of a database, in the order of the page that describes them. */
import type { Database } from '../database.ts';
import { diskMetrics, memoryMetrics, relationMetrics, tickMetrics } from './engine.ts';
import type { Collected, Metric } from './metric.ts';
import { lookupMetrics, sinkMetrics } from './outputs.ts';
import { processMetrics } from './process.ts';
import { cdcMetrics, sourceMetrics } from './sources.ts';

const sections = {
  'Ticks, commits, sessions': tickMetrics,
  Sources: sourceMetrics,
  PostgreSQL: cdcMetrics,
  Sinks: sinkMetrics,
  Lookups: lookupMetrics,
  'Tables and views': relationMetrics,
  Memory: memoryMetrics,
  'Journal and checkpoints': diskMetrics,
} as const;

export const databaseMetrics: readonly Collected<Database>[] = Object.values(sections).flat();

/** All metrics by section, for their page. */
export const metricSections: readonly (readonly [title: string, metrics: readonly Metric[]])[] = [
  ...Object.entries(sections),
  ['Process', processMetrics],
];
