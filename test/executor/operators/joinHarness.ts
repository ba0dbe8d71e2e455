/** Drives an operator with random deltas and compares the integrated output with a recomputation after every tick. */
import { expect } from 'vitest';
import type { DataType, Schema } from '../../../common/dataType.ts';
import type { EvalContext } from '../../../common/function.ts';
import type { SqlError } from '../../../common/sqlError.ts';
import type { Row } from '../../../common/value.ts';
import type { Batch } from '../../../executor/batch.ts';
import type { Operator, TickContext } from '../../../executor/operators/operator.ts';
import type { TimeReader } from '../../../executor/time.ts';
import type { PhysicalPlan } from '../../../planner/plan/physical.ts';
import { batchOfRows, vectorValue } from '../../../storage/state/vector.ts';
import { ManualTime } from '../../harness/time.ts';
import { Random } from '../../storage/state/random.ts';

export function schemaOf(types: readonly DataType[], nullable = true): Schema {
  return types.map((type, i) => ({ name: `c${i}`, type, nullable }));
}

/** An input plan of which operators only read schema and properties. */
export function input(
  schema: Schema,
  properties: { readonly appendOnly?: boolean; readonly key?: readonly number[] } = {},
): PhysicalPlan {
  return {
    kind: 'Values',
    rows: [],
    schema,
    appendOnly: properties.appendOnly ?? false,
    key: properties.key ?? null,
    estimatedRows: 1,
  };
}

export class TestContext implements TickContext {
  readonly eval = {} as EvalContext;
  readonly time: TimeReader = new ManualTime();
  readonly errors: (readonly [message: string, weight: number])[] = [];

  rowError(error: SqlError, weight: number): void {
    this.errors.push([`${error.state} ${error.message}`, weight]);
  }

  lateRow(): void {}
}

/** A bag of rows. */
export class Bag {
  readonly entries = new Map<string, { readonly row: Row; weight: number }>();

  add(row: Row, weight: number): void {
    const text = rowText(row);
    const entry = this.entries.get(text) ?? { row, weight: 0 };
    entry.weight += weight;
    if (entry.weight === 0) this.entries.delete(text);
    else this.entries.set(text, entry);
  }

  rows(): Row[] {
    return [...this.entries.values()].flatMap((e) => new Array<Row>(Math.max(0, e.weight)).fill(e.row));
  }

  weights(): ReadonlyMap<string, number> {
    return new Map([...this.entries].map(([text, e]) => [text, e.weight] as const).sort());
  }
}

export function rowText(row: Row): string {
  return row.map((v) => (v === null ? 'NULL' : String(v))).join('|');
}

export interface Change {
  readonly port: number;
  readonly row: Row;
  readonly weight: number;
}

export interface Drive {
  readonly operator: Operator;
  /** Column types of each input. */
  readonly inputs: readonly (readonly DataType[])[];
  readonly randomRow: (random: Random, port: number) => Row;
  /** The result over the inputs' bags. */
  readonly recompute: (...inputs: readonly Row[][]) => Iterable<Row>;
  readonly seed: number;
  readonly ticks?: number;
  readonly changes?: number;
  readonly appendOnly?: readonly boolean[];
  /** Rows of this port have unique values in these columns. */
  readonly unique?: { readonly port: number; readonly columns: readonly number[] };
}

/** Sums the batches that an operator emits. */
export function collector(into: Bag): (batch: Batch) => void {
  return (batch) => {
    for (let i = 0; i < batch.length; i++) {
      expect(batch.weights[i]).not.toBe(0);
      into.add(
        batch.columns.map((column) => vectorValue(column, i)),
        batch.weights[i] ?? 0,
      );
    }
  };
}

export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

/** Pushes changes in their order, cut into batches of one port. */
export function pushAll(
  drive: Drive,
  changes: readonly Change[],
  random: Random,
  emit: (batch: Batch) => void,
): void {
  let from = 0;
  while (from < changes.length) {
    const port = changes[from]?.port ?? 0;
    let to = from + 1;
    while (to < changes.length && changes[to]?.port === port && random.below(6) > 0) to++;
    const part = changes.slice(from, to);
    const batch = batchOfRows(
      drive.inputs[port] ?? [],
      part.map((c) => c.row),
      part.map((c) => c.weight),
    );
    drive.operator.push(port, batch, emit);
    from = to;
  }
}

export function runDrive(drive: Drive): void {
  const random = new Random(drive.seed);
  const bags = drive.inputs.map(() => new Bag());
  const output = new Bag();
  const emit = collector(output);
  const { operator } = drive;
  if (operator.emitsInitially) operator.flush(emit);
  for (let tick = 0; tick < (drive.ticks ?? 40); tick++) {
    const changes = randomChanges(drive, bags, random, tick);
    for (const c of changes) bags[c.port]?.add(c.row, c.weight);
    pushAll(drive, changes, random, emit);
    operator.flush(emit);
    checkOutput(drive, bags, output);
  }
  if (drive.appendOnly?.some((a) => a) === true) return;
  const all = bags.flatMap((bag, port) =>
    [...bag.entries.values()].map(({ row, weight }): Change => ({ port, row, weight: -weight })),
  );
  pushAll(drive, shuffle(random, all), random, emit);
  operator.flush(emit);
  expect(output.weights()).toEqual(new Map());
  expect(operator.stateRows()).toBe(0);
}

function checkOutput(drive: Drive, bags: readonly Bag[], output: Bag): void {
  const expected = new Bag();
  for (const row of drive.recompute(...bags.map((bag) => bag.rows()))) expected.add(row, 1);
  expect(output.weights()).toEqual(expected.weights());
}

/** Insertions and deletions, in any order, with some that cancel out; no multiplicity ends below zero. */
function randomChanges(drive: Drive, bags: readonly Bag[], random: Random, tick: number): Change[] {
  const changes: Change[] = [];
  // Now and then nearly everything goes.
  const purge = tick % 10 === 9;
  bags.forEach((bag, port) => {
    const appendOnly = drive.appendOnly?.[port] === true;
    for (let k = random.below(drive.changes ?? 14); k > 0; k--) {
      const row = drive.randomRow(random, port);
      if (drive.unique?.port === port && isTaken(drive.unique.columns, row, bag, changes, port)) continue;
      const weight = drive.unique?.port === port ? 1 : random.pick([1, 1, 2]);
      changes.push({ port, row, weight });
      if (appendOnly || random.below(4) > 0) continue;
      const ghost = drive.randomRow(random, port);
      changes.push({ port, row: ghost, weight: 1 }, { port, row: ghost, weight: -1 });
    }
    if (appendOnly) return;
    for (const { row, weight } of bag.entries.values()) {
      if (random.below(purge ? 10 : 5) >= (purge ? 9 : 1)) continue;
      changes.push({ port, row, weight: random.below(2) === 0 ? -weight : -1 });
    }
  });
  return shuffle(random, changes);
}

function isTaken(
  columns: readonly number[],
  row: Row,
  bag: Bag,
  changes: readonly Change[],
  port: number,
): boolean {
  const key = (r: Row): string => rowText(columns.map((c) => r[c] ?? null));
  if (columns.some((c) => row[c] === null)) return true;
  const mine = key(row);
  if (changes.some((c) => c.port === port && key(c.row) === mine)) return true;
  return [...bag.entries.values()].some((e) => key(e.row) === mine);
}
