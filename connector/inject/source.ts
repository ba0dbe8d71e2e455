/** The `inject` source: it has no input of its own, only what INJECT puts into it. For tests and for trying things out. */
import type { OptionSpec, Position, SourceConnector, SourceReader } from '../connector.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'partitions',
    type: 'list',
    doc: 'Names of partitions, separated by commas, that the watermark waits for from the start.',
  },
];

const reader: SourceReader = {
  poll: () => null,
  nextPollMicros: () => null,
  close() {},
};

const nothing: Position = { rows: 0 };

export const inject: SourceConnector = {
  name: 'inject',
  doc: 'No input of its own: INJECT INTO puts rows into it.',
  options,
  formats: ['NATIVE'],
  appendOnly: true,
  fixedColumns: () => null,
  partitions: (given) =>
    (given.get('partitions') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  open: () => reader,
  currentEnd: () => nothing,
};
