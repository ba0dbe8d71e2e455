/**
 * Drives two copies of an operator, one with bounds on its state and one without, with random deltas that obey the
 * watermarks: their output must be the same in every tick, and the state of the one with bounds must go away.
 */
import { expect } from 'vitest';
import { must } from '../../../../common/assert.ts';
import type { DataType, Schema } from '../../../../common/dataType.ts';
import type { Row } from '../../../../common/value.ts';
import type { Operator, TickContext } from '../../../../executor/operators/operator.ts';
import type { WatermarkTerm } from '../../../../planner/plan/watermark.ts';
import { batches, type Delta, Probe, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';

/** Timestamps of tests are multiples of it: four lie in one bucket of those that are dropped together. */
export const UNIT = 1n << 18n;

/** The term of watermark `number` of the test. */
export function term(number: number, type: DataType): WatermarkTerm {
  return { kind: 'relation', relation: number, column: 0, group: 0, lateness: 0n, type };
}

export interface CleaningCase {
  readonly make: (context: TickContext, withBounds: boolean) => Operator;
  readonly inputs: readonly Schema[];
  /** A random row of a port at a time. */
  readonly row: (random: Random, port: number, time: number) => Row;
  /** The time of a port's row; null: none. */
  readonly timeOf: (row: Row, port: number) => number | null;
  readonly appendOnly?: readonly boolean[];
  /** Sets the bounds (terms), given the watermark of each port. */
  readonly setBounds: (time: ManualTime, watermarks: readonly number[]) => void;
  readonly ticks?: number;
  readonly changes?: number;
  /** Rows that stay for good (a NULL in the column) are made. */
  readonly keepsSome?: boolean;
}

interface Held {
  readonly row: Row;
  readonly port: number;
}

type Change = readonly [port: number, delta: Delta];

class Run {
  readonly #case: CleaningCase;
  readonly #random: Random;
  readonly #watermarks: number[];
  #held: Held[] = [];

  constructor(of: CleaningCase, seed: number) {
    this.#case = of;
    this.#random = new Random(seed);
    this.#watermarks = of.inputs.map(() => 0);
  }

  get watermarks(): readonly number[] {
    return this.#watermarks;
  }

  #isOpen({ row, port }: Held): boolean {
    const time = this.#case.timeOf(row, port);
    return time === null || time >= must(this.#watermarks[port]);
  }

  /** Random changes, none of which is below the watermarks. */
  changes(): Change[] {
    const random = this.#random;
    const made: Change[] = [];
    for (let k = random.below(this.#case.changes ?? 14); k >= 0; k--) {
      const port = random.below(this.#case.inputs.length);
      const row = this.#case.row(random, port, must(this.#watermarks[port]) + random.below(30));
      const held = { row, port };
      if (!this.#isOpen(held)) continue;
      const canGo = this.#case.appendOnly?.[port] !== true;
      const action = random.below(10);
      if (canGo && action < 2) made.push([port, [row, 1]], [port, [row, -1]]);
      else {
        const weight = action === 9 ? 2 : 1;
        for (let w = 0; w < weight; w++) this.#held.push(held);
        made.push([port, [row, weight]]);
      }
    }
    this.#held = this.#held.filter((held) => {
      const goes = this.#case.appendOnly?.[held.port] !== true && this.#isOpen(held) && random.below(6) === 0;
      if (goes) made.push([held.port, [held.row, -1]]);
      return !goes;
    });
    for (let i = made.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [made[i], made[j]] = [must(made[j]), must(made[i])];
    }
    return made;
  }

  advance(): void {
    this.#watermarks.forEach((w, port) => {
      this.#watermarks[port] = w + this.#random.below(this.#random.pick([2, 4, 25]));
    });
  }
}

function tick(
  probe: Probe,
  inputs: readonly Schema[],
  changes: readonly Change[],
  setBounds: () => void,
): void {
  probe.last = [];
  for (const [port, delta] of changes) {
    for (const batch of batches(must(inputs[port]), [delta])) probe.push(port, batch);
  }
  setBounds();
  if (probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
  else probe.flush();
  expect(probe.operator.isDue?.() ?? false).toBe(false);
}

/** Net change of a tick's output. */
function net(rows: readonly string[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const text of rows) {
    const [sign = '', ...row] = text.split(' ');
    const weight = sign === '+' ? 1 : sign === '-' ? -1 : Number(sign);
    const key = row.join(' ');
    const sum = (sums.get(key) ?? 0) + weight;
    if (sum === 0) sums.delete(key);
    else sums.set(key, sum);
  }
  return new Map([...sums].sort());
}

export function checkCleaning(of: CleaningCase, seed: number): void {
  const run = new Run(of, seed);
  const time = new ManualTime();
  const bounded = new Probe(of.make(testContext(time), true));
  const free = new Probe(of.make(testContext(time), false));
  const setBounds = (): void => of.setBounds(time, run.watermarks);
  let most = 0;
  for (let t = 0; t < (of.ticks ?? 60); t++) {
    const changes = run.changes();
    if (t > 0) run.advance();
    tick(free, of.inputs, changes, () => undefined);
    tick(bounded, of.inputs, changes, setBounds);
    expect(net(bounded.last)).toEqual(net(free.last));
    most = Math.max(most, bounded.operator.stateRows());
  }
  expect(bounded.operator.isDue).toBeDefined();
  expect(free.operator.isDue).toBeUndefined();
  expect(free.operator.stateRows()).toBeGreaterThan(most);
  bounded.last = [];
  of.setBounds(
    time,
    of.inputs.map(() => 1_000_000),
  );
  expect(bounded.operator.isDue?.()).toBe(bounded.operator.stateRows() > 0);
  bounded.operator.flush(bounded.emit);
  expect(bounded.last).toEqual([]);
  if (of.keepsSome !== true) expect(bounded.operator.stateRows()).toBe(0);
}
