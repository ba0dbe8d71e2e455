/** Options of every lookup table, whatever its connector. */
import type { OptionSpec } from '../../connector/connector.ts';

export const lookupOptions: readonly OptionSpec[] = [
  {
    name: 'cache.ttl',
    type: 'string',
    default: '5 minutes',
    doc: 'How old an answer may be when a row is joined with it (an interval). An older one is asked for again.',
  },
  {
    name: 'cache.max.rows',
    type: 'integer',
    default: '1000000',
    doc: 'How many keys are kept; the oldest answers go first.',
  },
  { name: 'lookup.batch.rows', type: 'integer', default: '500', doc: 'How many keys are asked for at once.' },
  {
    name: 'lookup.connections',
    type: 'integer',
    default: '2',
    doc: 'How many questions are under way at a time, each on a connection of its own.',
  },
];
