import { describe, expect, it } from 'vitest';
import { type DataType, type Schema, types } from '../../../common/dataType.ts';
import { scalar } from '../../../common/function.ts';
import type { Row, Value } from '../../../common/value.ts';
import { createJoin } from '../../../executor/operators/join.ts';
import type { JoinType } from '../../../planner/plan/logical.ts';
import type { PhysicalJoin, PhysicalPlan } from '../../../planner/plan/physical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import type { Random } from '../../storage/state/random.ts';
import { Bag, collector, input, runDrive, schemaOf, TestContext } from './joinHarness.ts';

const leftTypes = [types.int4, types.text, types.int8] as const;
const rightTypes = [types.text, types.int4, types.numeric] as const;

const less = scalar({
  name: 'lt',
  args: ['int4', 'int4'],
  returns: 'bool',
  doc: 'below',
  examples: [],
  emit: ([a, b]) => `(${a} < ${b})`,
});

/** left.c0 < right.c1 */
const lessResidual: Scalar = {
  kind: 'call',
  fn: less,
  args: [
    { kind: 'column', index: 0, type: types.int4 },
    { kind: 'column', index: leftTypes.length + 1, type: types.int4 },
  ],
  type: types.bool,
};

interface Shape {
  readonly type: JoinType;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly nullSafe?: readonly boolean[];
  readonly residual?: boolean;
  readonly nullAware?: boolean;
  readonly left?: PhysicalPlan;
  readonly right?: PhysicalPlan;
}

function nodeOf(shape: Shape): PhysicalJoin {
  const left = shape.left ?? input(schemaOf(leftTypes));
  const right = shape.right ?? input(schemaOf(rightTypes));
  const leftOnly = shape.type === 'semi' || shape.type === 'anti';
  return {
    kind: 'Join',
    type: shape.type,
    left,
    right,
    leftKeys: shape.leftKeys,
    rightKeys: shape.rightKeys,
    nullSafe: shape.nullSafe ?? shape.leftKeys.map(() => false),
    residual: shape.residual === true ? lessResidual : null,
    nullAware: shape.nullAware === true,
    schema: leftOnly ? left.schema : [...left.schema, ...right.schema],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
}

type Truth = boolean | null;

/** The join condition, three-valued. */
function condition(shape: Shape, l: Row, r: Row): Truth {
  const parts: Truth[] = shape.leftKeys.map((left, k): Truth => {
    const [a, b] = [l[left] ?? null, r[shape.rightKeys[k] ?? 0] ?? null];
    if (shape.nullSafe?.[k] === true) return a === b;
    return a === null || b === null ? null : a === b;
  });
  if (shape.residual === true) {
    const [a, b] = [l[0] ?? null, r[1] ?? null];
    parts.push(a === null || b === null ? null : Number(a) < Number(b));
  }
  if (parts.includes(false)) return false;
  return parts.includes(null) ? null : true;
}

function* recompute(shape: Shape, lefts: readonly Row[], rights: readonly Row[]): Generator<Row> {
  const matches = (l: Row, r: Row): boolean => {
    const truth = condition(shape, l, r);
    return shape.nullAware === true ? truth !== false : truth === true;
  };
  const nulls = (schema: readonly DataType[]): Value[] => schema.map(() => null);
  for (const l of lefts) {
    const found = rights.filter((r) => matches(l, r));
    if (shape.type === 'semi' || shape.type === 'anti') {
      if (found.length > 0 === (shape.type === 'semi')) yield l;
      continue;
    }
    for (const r of found) yield [...l, ...r];
    if (found.length === 0 && (shape.type === 'left' || shape.type === 'full'))
      yield [...l, ...nulls(rightTypes)];
  }
  if (shape.type !== 'right' && shape.type !== 'full') return;
  for (const r of rights) if (!lefts.some((l) => matches(l, r))) yield [...nulls(leftTypes), ...r];
}

function randomRow(nullable: boolean): (random: Random, port: number) => Row {
  return (random, port) => {
    const orNull = (value: Value): Value => (nullable && random.below(8) === 0 ? null : value);
    const number = orNull(random.below(5));
    const text = orNull(random.pick(['a', 'b', 'c', 'dé']));
    if (port === 0) return [number, text, orNull(BigInt(random.below(3)))];
    return [text, number, null];
  };
}

function run(shape: Shape, seed: number, extra: Partial<Parameters<typeof runDrive>[0]> = {}): void {
  runDrive({
    operator: createJoin(nodeOf(shape), new TestContext()),
    inputs: [leftTypes, rightTypes],
    randomRow: randomRow(true),
    recompute: (lefts = [], rights = []) => recompute(shape, lefts, rights),
    seed,
    ...extra,
  });
}

const allTypes: readonly JoinType[] = ['inner', 'left', 'right', 'full', 'semi', 'anti'];

describe('joins equal their recomputation after every tick', () => {
  for (const type of allTypes) {
    it(`${type} by one key`, () => run({ type, leftKeys: [0], rightKeys: [1] }, 11));
    it(`${type} by two keys`, () => run({ type, leftKeys: [1, 0], rightKeys: [0, 1] }, 12));
    it(`${type} by a null-safe and a strict key`, () =>
      run({ type, leftKeys: [1, 0], rightKeys: [0, 1], nullSafe: [true, false] }, 13));
    it(`${type} with a residual`, () => run({ type, leftKeys: [1], rightKeys: [0], residual: true }, 14));
    it(`${type} without keys`, () => run({ type, leftKeys: [], rightKeys: [] }, 15));
    it(`${type} by inequality alone`, () => run({ type, leftKeys: [], rightKeys: [], residual: true }, 16));
    it(`${type} with many rows per key`, () =>
      run({ type, leftKeys: [2], rightKeys: [1], nullSafe: [true] }, 17, {
        inputs: [[types.int4, types.text, types.int4], rightTypes],
        randomRow: (random, port) =>
          port === 0
            ? [random.below(90), random.pick(['x', 'y']), random.below(2)]
            : [`t${random.below(40)}`, random.below(2), null],
        changes: 90,
        ticks: 12,
        operator: createJoin(
          nodeOf({
            type,
            leftKeys: [2],
            rightKeys: [1],
            nullSafe: [true],
            left: input(schemaOf([types.int4, types.text, types.int4])),
          }),
          new TestContext(),
        ),
      }));
  }
});

describe('NOT IN', () => {
  const shapes: readonly (readonly [string, Omit<Shape, 'type'>])[] = [
    ['one key', { leftKeys: [0], rightKeys: [1] }],
    ['two keys', { leftKeys: [0, 1], rightKeys: [1, 0] }],
    ['a null-safe and a strict key', { leftKeys: [1, 0], rightKeys: [0, 1], nullSafe: [true, false] }],
    ['a key and a residual', { leftKeys: [1], rightKeys: [0], residual: true }],
  ];
  for (const [name, shape] of shapes) {
    it(`by ${name} follows three-valued logic`, () => {
      for (const seed of [21, 22, 23]) {
        run({ ...shape, type: 'anti', nullAware: true }, seed, {
          // Few right rows, so that it is empty or without NULLs often.
          randomRow: (random, port) => {
            const row = randomRow(true)(random, port);
            return port === 1 && random.below(3) > 0 ? [row[0] ?? 'a', row[1] ?? 1, null] : row;
          },
          changes: 6,
        });
      }
    });
  }

  it('needs no NULL rules where no column is nullable', () => {
    const schema = (t: readonly DataType[]): Schema => schemaOf(t, false);
    const shape: Shape = {
      type: 'anti',
      leftKeys: [0],
      rightKeys: [1],
      nullAware: true,
      left: input(schema(leftTypes)),
      right: input(schema(rightTypes)),
    };
    run(shape, 24, { randomRow: randomRow(false) });
  });
});

describe('joins of append-only inputs', () => {
  for (const type of allTypes) {
    for (const residual of [false, true]) {
      for (const appendOnly of [
        [true, true],
        [true, false],
        [false, true],
      ] as const) {
        it(`${type}${residual ? ' with a residual' : ''}, append-only ${appendOnly.join(' ')}`, () => {
          const shape: Shape = {
            type,
            leftKeys: [1],
            rightKeys: [0],
            residual,
            left: input(schemaOf(leftTypes), { appendOnly: appendOnly[0] }),
            right: input(schemaOf(rightTypes), { appendOnly: appendOnly[1] }),
          };
          run(shape, 31, { appendOnly, ticks: 12, changes: 6 });
        });
      }
    }
    it(`${type} with a unique append-only right side`, () => {
      const shape: Shape = {
        type,
        leftKeys: [0],
        rightKeys: [1],
        right: input(schemaOf(rightTypes), { appendOnly: true, key: [1] }),
      };
      run(shape, 32, {
        appendOnly: [false, true],
        unique: { port: 1, columns: [1] },
        ticks: 12,
        changes: 5,
        randomRow: (random, port) =>
          port === 0 ? [random.below(40), 'x', BigInt(random.below(3))] : ['y', random.below(40), null],
      });
    });
    it(`${type} with a unique append-only left side and a residual`, () => {
      const shape: Shape = {
        type,
        leftKeys: [1],
        rightKeys: [0],
        residual: true,
        left: input(schemaOf(leftTypes), { appendOnly: true, key: [1] }),
      };
      run(shape, 33, {
        appendOnly: [true, false],
        unique: { port: 0, columns: [1] },
        ticks: 12,
        changes: 5,
        randomRow: (random, port) =>
          port === 0
            ? [random.below(9), `k${random.below(40)}`, 0n]
            : [`k${random.below(40)}`, random.below(9), null],
      });
    });
  }

  it('keeps no row that has met its only partner', () => {
    const left = input(schemaOf(leftTypes), { appendOnly: true });
    const right = input(schemaOf(rightTypes), { appendOnly: true, key: [1] });
    const join = createJoin(
      nodeOf({ type: 'inner', leftKeys: [0], rightKeys: [1], left, right }),
      new TestContext(),
    );
    const output = new Bag();
    const emit = collector(output);
    join.push(0, batchOfRows(leftTypes, [[1, 'early', 1n]]), emit);
    expect(join.stateRows()).toBe(1);
    join.push(1, batchOfRows(rightTypes, [['a', 1, null]]), emit);
    expect(join.stateRows()).toBe(1);
    join.push(0, batchOfRows(leftTypes, [[1, 'late', 2n]]), emit);
    expect(join.stateRows()).toBe(1);
    expect([...output.weights().keys()]).toEqual(['1|early|1|a|1|NULL', '1|late|2|a|1|NULL']);
  });
});
