/** The `datagen` source: rows made from per-column rules, deterministic in the row number. */
import type { Row } from '../../common/value.ts';
import type {
  OptionSpec,
  Position,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector.ts';
import { type FieldGenerator, fieldGenerator } from './fields.ts';

const options: readonly OptionSpec[] = [
  {
    name: 'datagen.rows.per.second',
    type: 'float',
    default: '10',
    alterable: true,
    doc: 'Rows a second of wall-clock time; 0: as fast as possible.',
  },
  {
    name: 'datagen.split.num',
    type: 'integer',
    default: '1',
    doc: 'Partitions; the set of rows does not depend on it.',
  },
  {
    name: 'fields.*',
    type: 'string',
    doc: 'Per column: kind (sequence, random), start, end, min, max, seed, length, max_past, max_past_mode, basetime. The source ends when a sequence with an end is used up.',
  },
];

class DatagenReader implements SourceReader {
  readonly #fields: readonly FieldGenerator[];
  readonly #rate: number;
  readonly #clock: () => bigint;
  readonly #end: number;
  readonly #start: number;
  readonly #splits: number;
  #base: bigint | null;
  #startedAt: bigint | null = null;
  #row: number;

  constructor(config: SourceConfig, from: Position | null) {
    const lookup = (path: string, option: string): string | undefined =>
      config.options.get(`fields.${path}.${option}`);
    const generators = config.columns.map((c) => fieldGenerator(c.type, c.name, lookup));
    this.#fields = generators.map((g) => g.generate);
    this.#end = Math.min(...generators.map((g) => g.rows ?? Number.MAX_SAFE_INTEGER));
    this.#rate = Number(config.options.get('datagen.rows.per.second') ?? 10);
    this.#clock = config.clock;
    this.#splits = splitsOf(config.options);
    this.#row = from === null ? 0 : Number(from.rows);
    this.#start = this.#row;
    this.#base = from === null ? null : BigInt(String(from.base));
  }

  #allowed(): number {
    if (this.#rate === 0) return Number.MAX_SAFE_INTEGER;
    const now = this.#clock();
    this.#startedAt ??= now;
    return this.#start + 1 + Math.floor((Number(now - this.#startedAt) / 1e6) * this.#rate);
  }

  poll(maxRows: number, until: Position | null): SourceRows | null {
    const limit = Math.min(this.#end, until === null ? this.#allowed() : Number(until.rows));
    if (this.#row >= limit) return null;
    const base = until === null ? this.#base : BigInt(String(until.base));
    this.#base = base ?? this.#clock();
    const rows: Row[] = [];
    const partitions: string[] | null = this.#splits > 1 ? [] : null;
    for (; this.#row < limit && rows.length < maxRows; this.#row++) {
      const row = this.#row;
      const at = this.#base;
      rows.push(this.#fields.map((f) => f(row, at)));
      partitions?.push(String(row % this.#splits));
    }
    return { rows, partitions, bad: [], position: { rows: this.#row, base: String(this.#base) } };
  }

  nextPollMicros(): bigint | null {
    if (this.#row >= this.#end) return null;
    return this.#rate === 0 ? 0n : this.#clock() + 1000n;
  }

  close(): void {}
}

function splitsOf(options: ReadonlyMap<string, string>): number {
  return Math.max(1, Number(options.get('datagen.split.num') ?? 1));
}

export const datagen: SourceConnector = {
  name: 'datagen',
  doc: 'Rows made from rules per column.',
  options,
  formats: ['NATIVE', 'PLAIN JSON'],
  appendOnly: true,
  fixedColumns: () => null,
  partitions: (given) => Array.from({ length: splitsOf(given) }, (_, i) => String(i)),
  open: (config, from) => new DatagenReader(config, from),
  currentEnd: () => null,
};
