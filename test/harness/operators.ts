/**
 * Drives one operator: deltas as text or random, output accumulated as a Z-set, compared with naive recomputation.
 *
 * Delta text: one row a line, `+ 1 abc NULL` or `-2 1 abc NULL` (weight -2); values in column order.
 */
import { expect } from 'vitest';
import { must } from '../../common/assert.ts';
import { type Column, type DataType, physicalKind, type Schema, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { EvalContext } from '../../common/function.ts';
import { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Batch } from '../../executor/batch.ts';
import { BatchBuilder, batchRow } from '../../executor/batchBuilder.ts';
import type { Operator, TickContext } from '../../executor/operators/operator.ts';
import type { TimeReader } from '../../executor/time.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { ManualTime } from './time.ts';

export type Delta = readonly [row: Row, weight: number];

/** Columns from text such as `a int8, b text?`; `?`: may be NULL. */
export function schema(text: string): Schema {
  return text.split(',').map((part): Column => {
    const [name = '', spec = ''] = part.trim().split(/\s+/);
    const nullable = spec.endsWith('?');
    const id = nullable ? spec.slice(0, -1) : spec;
    return { name, type: must((types as Record<string, DataType>)[id], `type ${id}`), nullable };
  });
}

function parseValue(text: string, type: DataType): Value {
  if (text === 'NULL') return null;
  switch (physicalKind(type)) {
    case 'bool':
      return text === 't';
    case 'i32':
    case 'f64':
      return Number(text);
    case 'i64':
      return BigInt(text);
    case 'text':
      return text;
    case 'boxed':
      return Decimal.parse(text);
  }
}

/** Deltas from text, one a line. */
export function deltas(columns: Schema, text: string): Delta[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [sign = '', ...values] = line.split(/\s+/);
      const weight = sign === '+' ? 1 : sign === '-' ? -1 : Number(sign);
      return [columns.map((column, c) => parseValue(values[c] ?? 'NULL', column.type)), weight] as const;
    });
}

/** A value as text that tells different values apart. */
export function show(value: Value): string {
  if (value === null) return 'NULL';
  if (value instanceof Decimal) return value.toString();
  if (value instanceof SqlArray) return `{${value.elements.map(show).join(',')}}`;
  if (value instanceof Interval) return `${value.months}m${value.days}d${value.micros}u`;
  if (Array.isArray(value)) return `(${value.map(show).join(',')})`;
  if (typeof value === 'bigint' || typeof value === 'string') return String(value);
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Map ? [...part] : part;
  });
}

export function showRow(row: Row): string {
  return row.map(show).join(' ');
}

/** Splits deltas into batches of at most `size` rows. */
export function batches(columns: Schema, rows: readonly Delta[], size = 1024): Batch[] {
  const builder = new BatchBuilder(
    columns.map((column) => column.type),
    Math.max(1, Math.min(size, rows.length)),
  );
  const made: Batch[] = [];
  for (const [row, weight] of rows) {
    builder.append(row, weight);
    if (builder.full) made.push(builder.build());
  }
  if (builder.length > 0) made.push(builder.build());
  return made;
}

const unused = (): never => {
  throw new TypeError('not available in operator tests');
};

/** A context with its own time; errors of rows and late rows are collected. */
export interface LateRow {
  readonly row: Row;
  readonly eventTime: Value;
  readonly watermark: Value;
}

export function testContext(
  time: TimeReader = new ManualTime(),
): TickContext & { readonly errors: SqlError[]; readonly late: LateRow[] } {
  const context: EvalContext = {
    timeZone: 'UTC',
    intervalStyle: 'postgres',
    byteaOutput: 'hex',
    extraFloatDigits: 1,
    now: () => time.now(),
    clock: () => time.now(),
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
    session: {
      user: 'root',
      database: 'dev',
      processId: 1,
      searchPath: () => ['public'],
      setting: () => null,
      setSetting: unused,
      catalogFunction: unused,
    },
  };
  const errors: SqlError[] = [];
  const late: LateRow[] = [];
  return {
    eval: context,
    time,
    errors,
    late,
    rowError: (error) => void errors.push(error),
    lateRow: (row, eventTime, watermark) => void late.push({ row, eventTime, watermark }),
  };
}

/** A plan node to stand for an operator's input. */
export function inputNode(columns: Schema, appendOnly = false): PhysicalPlan {
  return { kind: 'Values', rows: [], schema: columns, appendOnly, key: null, estimatedRows: 1 };
}

/** An operator with its accumulated output. */
export class Probe {
  readonly operator: Operator;
  /** Row text -> weight, without zeros. */
  readonly output = new Map<string, number>();
  /** Rows emitted in the last tick, as they came. */
  last: string[] = [];
  #first = true;
  #dirty = false;

  constructor(operator: Operator) {
    this.operator = operator;
  }

  readonly emit = (batch: Batch): void => {
    for (let i = 0; i < batch.length; i++) {
      const weight = must(batch.weights[i]);
      expect(weight).not.toBe(0);
      const row = showRow(batchRow(batch, i));
      this.last.push(`${weight > 0 ? '+' : '-'}${Math.abs(weight) === 1 ? '' : Math.abs(weight)} ${row}`);
      const sum = (this.output.get(row) ?? 0) + weight;
      if (sum === 0) this.output.delete(row);
      else this.output.set(row, sum);
    }
  };

  push(port: number, batch: Batch): void {
    this.#dirty = true;
    this.operator.push(port, batch, this.emit);
  }

  flush(): void {
    if (this.#dirty || (this.#first && this.operator.emitsInitially)) this.operator.flush(this.emit);
    this.#first = false;
    this.#dirty = false;
  }

  /** One tick with the deltas of each port. Returns the rows emitted, sorted. */
  tick(columns: Schema, text: string, port = 0): string[] {
    this.last = [];
    for (const batch of batches(columns, deltas(columns, text))) this.push(port, batch);
    this.flush();
    return [...this.last].sort();
  }

  /** The accumulated output, rows repeated by weight, sorted. */
  rows(): string[] {
    return expand(this.output);
  }
}

/** Row texts repeated by weight, sorted; a negative weight fails. */
export function expand(weights: ReadonlyMap<string, number>): string[] {
  return [...weights]
    .flatMap(([row, weight]) => {
      expect(weight, `weight of ${row}`).toBeGreaterThan(0);
      return new Array<string>(weight).fill(row);
    })
    .sort();
}

/** A seeded generator of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Scenario {
  readonly make: () => Operator;
  readonly inputs: readonly Schema[];
  /** A random row of an input port. */
  readonly row: (random: () => number, port: number) => Row;
  /** The expected output for the input multisets, by recomputation. */
  readonly naive: (inputs: readonly (readonly Row[])[]) => Iterable<Row>;
  readonly appendOnly?: boolean;
  readonly ticks?: number;
  readonly rowsPerTick?: number;
  /** Compares output otherwise than as text (floats). */
  readonly check?: (probe: Probe, inputs: readonly (readonly Row[])[]) => void;
}

/**
 * Random ticks: insertions, deletions of what is there, and pairs that cancel (the deletion possibly first), shuffled
 * over ports and batches. After each tick the output must be the recomputed one. At the end everything is deleted and
 * the state must be empty.
 */
export function checkIncremental(scenario: Scenario, seed: number): void {
  const random = seeded(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const probe = new Probe(scenario.make());
  const held: Row[][] = scenario.inputs.map(() => []);
  const expectEqual = (): void => {
    if (scenario.check !== undefined) {
      scenario.check(probe, held);
      return;
    }
    const expected = [...scenario.naive(held)].map(showRow).sort();
    expect(probe.rows()).toEqual(expected);
  };
  const run = (changes: readonly (readonly [port: number, delta: Delta])[]): void => {
    let at = 0;
    while (at < changes.length) {
      const port = must(changes[at])[0];
      const some: Delta[] = [];
      const limit = 1 + below(20);
      while (at < changes.length && some.length < limit && must(changes[at])[0] === port) {
        some.push(must(changes[at++])[1]);
      }
      for (const batch of batches(must(scenario.inputs[port]), some)) probe.push(port, batch);
    }
    probe.flush();
  };
  const shuffled = <T>(items: T[]): T[] => {
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const x = must(items[i]);
      items[i] = must(items[j]);
      items[j] = x;
    }
    return items;
  };
  run([]);
  expectEqual();
  for (let tick = 0; tick < (scenario.ticks ?? 25); tick++) {
    const changes: [number, Delta][] = [];
    for (let r = below(scenario.rowsPerTick ?? 12); r >= 0; r--) {
      const port = below(scenario.inputs.length);
      const rows = must(held[port]);
      const action = random();
      if (scenario.appendOnly === true || action < 0.5 || rows.length === 0) {
        const row = scenario.row(random, port);
        const weight = random() < 0.2 ? 2 : 1;
        for (let w = 0; w < weight; w++) rows.push(row);
        changes.push([port, [row, weight]]);
      } else if (action < 0.85) {
        const row = must(rows.splice(below(rows.length), 1)[0]);
        changes.push([port, [row, -1]]);
      } else {
        const row = scenario.row(random, port);
        changes.push([port, [row, 1]], [port, [row, -1]]);
      }
    }
    run(shuffled(changes));
    expectEqual();
  }
  if (scenario.appendOnly === true) return;
  run(shuffled(held.flatMap((rows, port) => rows.map((row): [number, Delta] => [port, [row, -1]]))));
  for (const rows of held) rows.length = 0;
  expectEqual();
  expect(probe.operator.stateRows()).toBe(0);
}
