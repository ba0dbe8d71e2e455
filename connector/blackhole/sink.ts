/** The `blackhole` sink: takes everything and keeps nothing, for tests and measurements. */
import type { SinkConnector } from '../sink.ts';

export const blackhole: SinkConnector = {
  name: 'blackhole',
  doc: 'Takes every change and forgets it. For tests and measurements.',
  options: [],
  formats: ['NATIVE', 'PLAIN JSON', 'UPSERT JSON', 'DEBEZIUM JSON', 'PLAIN CSV'],
  guarantee: 'at least once',
  batching: () => ({ rows: 1, millis: 0 }),
  open: () =>
    Promise.resolve({
      recover: () => Promise.resolve(null),
      begin: () =>
        Promise.resolve({
          write: () => Promise.resolve(),
          prepare: () => Promise.resolve(),
          commit: () => Promise.resolve(),
          abort: () => Promise.resolve(),
        }),
      close: () => Promise.resolve(),
    }),
};
