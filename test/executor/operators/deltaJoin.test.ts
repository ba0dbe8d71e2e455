/** Delta joins over arrangements under random deltas in many batches, against nested loops. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, types } from '../../../common/dataType.ts';
import { scalar } from '../../../common/function.ts';
import type { Row } from '../../../common/value.ts';
import type { Batch } from '../../../executor/batch.ts';
import { type ArrangeKey, ArrangeOperator, sameKey } from '../../../executor/operators/arrange.ts';
import { DeltaJoinOperator } from '../../../executor/operators/deltaJoin.ts';
import type { Emit, Operator } from '../../../executor/operators/operator.ts';
import { type Equality, pathsOf } from '../../../planner/physical/deltaPaths.ts';
import type { DeltaCondition, DeltaStep, PhysicalPlan } from '../../../planner/plan/physical.ts';
import type { Random } from '../../storage/state/random.ts';
import { Bag, collector, input, pushAll, runDrive, schemaOf, TestContext } from './joinHarness.ts';

const rowTypes: readonly DataType[] = [types.int4, types.int4, types.text];
const WIDTH = rowTypes.length;

/** A join of `count` inputs of the same shape; columns are numbered over all of them. */
interface Shape {
  readonly count: number;
  readonly equalities: readonly Equality[];
  readonly test?: DeltaCondition;
  readonly residual?: DeltaCondition;
  readonly output?: readonly number[];
}

const less = scalar({
  name: 'lt',
  args: ['int4', 'int4'],
  returns: 'bool',
  doc: 'below',
  examples: [],
  emit: ([a, b]) => `(${a} < ${b})`,
});

function below(left: number, right: number): DeltaCondition {
  const args = [0, 1].map((index) => ({ kind: 'column', index, type: types.int4 }) as const);
  return { condition: { kind: 'call', fn: less, args, type: types.bool }, columns: [left, right] };
}

const equal = (left: number, right: number, nullSafe = false): Equality => ({ left, right, nullSafe });

/** The arrangements of all inputs and the join as one operator: a batch is applied and joined in one step. */
class Whole implements Operator {
  readonly emitsInitially = false;
  readonly context = new TestContext();
  readonly arranged: readonly ArrangeOperator[];
  readonly join: DeltaJoinOperator;

  constructor(shape: Shape) {
    const inputs: PhysicalPlan[] = Array.from({ length: shape.count }, () => input(schemaOf(rowTypes)));
    const offsets = inputs.map((_, i) => i * WIDTH);
    const tests = shape.test === undefined ? [] : [shape.test];
    const paths = must(pathsOf({ inputs, offsets, equalities: shape.equalities, tests })).steps;
    const keyOf = (step: DeltaStep): ArrangeKey => ({ columns: step.keys, nullSafe: step.nullSafe });
    this.arranged = inputs.map((_, i) => {
      const keys: ArrangeKey[] = [];
      for (const step of paths.flat()) {
        if (step.input === i && !keys.some((key) => sameKey(key, keyOf(step)))) keys.push(keyOf(step));
      }
      return new ArrangeOperator(rowTypes, keys, false);
    });
    const columns = [...rowTypes.keys()];
    const bound = paths.map((path, i) => ({
      rows: must(this.arranged[i]),
      columns,
      steps: path.map((step) => ({
        step,
        rows: must(must(this.arranged[step.input]).arrangements.find(({ key }) => sameKey(key, keyOf(step))))
          .rows,
        columns,
        keyOrder: [...step.keys.keys()],
      })),
    }));
    const schema = inputs.flatMap((plan) => [...plan.schema]);
    const output = shape.output ?? [...schema.keys()];
    const node = { tests, residual: shape.residual ?? null, output };
    this.join = new DeltaJoinOperator(bound, {
      operator: 'DeltaJoin',
      node,
      schema,
      offsets,
      context: this.context,
    });
  }

  push(port: number, batch: Batch, emit: Emit): void {
    must(this.arranged[port]).push(0, batch, (same) => this.join.push(port, same, emit));
  }

  flush(): void {}

  stateRows(): number {
    return this.arranged.reduce((sum, a) => sum + a.stateRows(), 0);
  }

  stateBytes(): number {
    return 0;
  }
}

function nested(shape: Shape, tables: readonly Row[][]): Row[] {
  const at = (row: Row, c: number): Row[number] => row[c] ?? null;
  const holds = (row: Row, width: number): boolean =>
    shape.equalities.every(({ left, right, nullSafe }) => {
      if (left >= width || right >= width) return true;
      const [a, b] = [at(row, left), at(row, right)];
      return a === null || b === null ? nullSafe && a === b : a === b;
    }) &&
    [shape.test, shape.residual].every((condition) => {
      if (condition === undefined || condition.columns.some((c) => c >= width)) return true;
      const [a, b] = condition.columns.map((c) => at(row, c));
      return typeof a === 'number' && typeof b === 'number' && a < b;
    });
  let rows: Row[] = [[]];
  for (const table of tables) {
    rows = rows
      .flatMap((row) => table.map((more) => [...row, ...more]))
      .filter((row) => holds(row, row.length));
  }
  const { output } = shape;
  return output === undefined ? rows : rows.map((row) => output.map((c) => at(row, c)));
}

const randomRow = (random: Random): Row => [
  random.below(7) === 0 ? null : random.below(4),
  random.below(7) === 0 ? null : random.below(4),
  random.pick(['x', 'y', null]),
];

const column = (i: number, c: number): number => i * WIDTH + c;

const shapes: Readonly<Record<string, Shape>> = {
  'two inputs': { count: 2, equalities: [equal(column(0, 0), column(1, 1))] },
  'a chain': { count: 3, equalities: [equal(column(0, 0), column(1, 0)), equal(column(1, 1), column(2, 0))] },
  'a star by one key': {
    count: 4,
    equalities: [1, 2, 3].map((i) => equal(column(0, 0), column(i, 0))),
    output: [column(3, 1), column(0, 2)],
  },
  'a triangle': {
    count: 3,
    equalities: [
      equal(column(0, 0), column(1, 0)),
      equal(column(1, 1), column(2, 0)),
      equal(column(2, 1), column(0, 1)),
    ],
  },
  'null-safe keys': {
    count: 3,
    equalities: [equal(column(0, 0), column(1, 0), true), equal(column(1, 1), column(2, 1))],
  },
  'a test on the way and one at the end': {
    count: 3,
    equalities: [equal(column(0, 0), column(1, 0)), equal(column(1, 1), column(2, 0))],
    test: below(column(0, 1), column(1, 1)),
    residual: below(column(0, 0), column(2, 1)),
    output: [column(2, 2)],
  },
  'six inputs': {
    count: 6,
    equalities: [
      equal(column(0, 0), column(1, 0)),
      equal(column(1, 1), column(2, 0)),
      equal(column(2, 1), column(3, 0)),
      equal(column(3, 0), column(4, 0)),
      equal(column(4, 1), column(5, 0)),
      equal(column(5, 1), column(0, 1)),
    ],
  },
};

describe('delta join', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    for (let seed = 1; seed <= 3; seed++) {
      it(`${name}, seed ${seed}`, () => {
        runDrive({
          operator: new Whole(shape),
          inputs: Array.from({ length: shape.count }, () => rowTypes),
          randomRow,
          recompute: (...tables) => nested(shape, tables),
          seed,
          ticks: 25,
          changes: shape.count > 4 ? 6 : 10,
        });
      });
    }
  }

  it('starts from what the arrangements hold', () => {
    const shape = must(shapes['a chain']);
    const whole = new Whole(shape);
    const expected = new Bag();
    const rows: Row[] = [
      [1, 1, 'x'],
      [1, 2, null],
      [2, 1, 'y'],
      [null, 1, 'z'],
    ];
    const drive = {
      operator: whole,
      inputs: [rowTypes, rowTypes, rowTypes],
      randomRow,
      recompute: () => [],
      seed: 1,
    };
    const changes = [0, 1, 2].flatMap((port) => rows.map((row) => ({ port, row, weight: 1 })));
    pushAll(drive, changes, { below: () => 1 } as unknown as Random, collector(new Bag()));
    const started = new Bag();
    whole.join.start(collector(started));
    for (const row of nested(shape, [rows, rows, rows])) expected.add(row, 1);
    expect(started.weights()).toEqual(expected.weights());
    expect(expected.weights().size).toBeGreaterThan(0);
  });
});
