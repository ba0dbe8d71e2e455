import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { types } from '../../../../common/dataType.ts';
import { scalar } from '../../../../common/function.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { JoinType } from '../../../../planner/plan/logical.ts';
import type { PhysicalJoin, PhysicalPlan } from '../../../../planner/plan/physical.ts';
import type { Scalar } from '../../../../planner/plan/scalar.ts';
import { inputNode, Probe, schema, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import type { Random } from '../../../storage/state/random.ts';
import { type CleaningCase, checkCleaning, term, UNIT } from './cleaningHarness.ts';

const strict = schema('at timestamp, k text, x int8');
const allTypes: readonly JoinType[] = ['inner', 'left', 'right', 'full', 'semi', 'anti'];
const timestamp = types.timestamp;

/** Left rows are at most 8 units before and 3 after the right ones. */
const BEFORE = 8;
const AFTER = 3;
const near = scalar({
  name: 'near',
  args: ['timestamp', 'timestamp'],
  returns: 'bool',
  doc: 'within the interval',
  examples: [],
  emit: ([l, r]) => `(${l} >= ${r} - ${BigInt(BEFORE) * UNIT}n && ${l} <= ${r} + ${BigInt(AFTER) * UNIT}n)`,
});
const interval: Scalar = {
  kind: 'call',
  fn: near,
  args: [
    { kind: 'column', index: 0, type: timestamp },
    { kind: 'column', index: 3, type: timestamp },
  ],
  type: types.bool,
};

interface Shape {
  readonly type: JoinType;
  readonly keys: readonly number[];
  readonly residual?: boolean;
  readonly appendOnly: readonly [boolean, boolean];
  readonly nullAware?: boolean;
  /** The right input's key. */
  readonly rightKey?: readonly number[];
  readonly bounds?: readonly ('left' | 'right')[];
}

const LEFT = 1;
const RIGHT = 2;

function node(shape: Shape, withBounds: boolean): PhysicalPlan {
  const left = inputNode(strict, shape.appendOnly[0]);
  const right = { ...inputNode(strict, shape.appendOnly[1]), key: shape.rightKey ?? null };
  const leftOnly = shape.type === 'semi' || shape.type === 'anti';
  const bounds = shape.bounds ?? ['left', 'right'];
  const clean: PhysicalJoin['clean'] = {
    left: bounds.includes('left') ? { column: 0, term: term(LEFT, timestamp) } : null,
    right: bounds.includes('right') ? { column: 0, term: term(RIGHT, timestamp) } : null,
  };
  return {
    kind: 'Join',
    type: shape.type,
    left,
    right,
    leftKeys: shape.keys,
    rightKeys: shape.keys,
    nullSafe: shape.keys.map(() => false),
    residual: shape.residual === true ? interval : null,
    nullAware: shape.nullAware === true,
    ...(withBounds ? { clean } : {}),
    schema: leftOnly ? strict : [...strict, ...strict],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
}

/** A side's rows may go when the other side can match them no more and, where they may be taken back, nor that. */
function setBounds(shape: Shape): CleaningCase['setBounds'] {
  return (time, [w0 = 0, w1 = 0]) => {
    const [isLeftOnly, isRightOnly] = shape.appendOnly;
    const byRight = shape.residual === true ? w1 - BEFORE : w1;
    const byLeft = shape.residual === true ? w0 - AFTER : w0;
    time.setWatermark(LEFT, 0, BigInt(isLeftOnly ? byRight : Math.min(byRight, w0)) * UNIT);
    time.setWatermark(RIGHT, 0, BigInt(isRightOnly ? byLeft : Math.min(byLeft, w1)) * UNIT);
  };
}

function row(random: Random, time: number, step: number): readonly [bigint, string, bigint] {
  return [BigInt(time - (time % step)) * UNIT, random.pick(['a', 'b', 'c']), BigInt(random.below(3))];
}

function check(shape: Shape, more: Partial<CleaningCase> = {}): void {
  for (const seed of [1, 2, 3]) {
    checkCleaning(
      {
        make: (context, withBounds) => createOperator(node(shape, withBounds), context),
        inputs: [strict, strict],
        row: (random, _port, time) => row(random, time, shape.residual === true ? 1 : 3),
        timeOf: ([at]) => Number((at as bigint) / UNIT),
        appendOnly: shape.appendOnly,
        setBounds: setBounds(shape),
        ...more,
      },
      seed,
    );
  }
}

const modes: readonly (readonly [boolean, boolean])[] = [
  [false, false],
  [true, true],
  [true, false],
  [false, true],
];
const nameOf = (appendOnly: readonly boolean[]): string =>
  appendOnly.map((only) => (only ? 'append-only' : 'retractable')).join(' and ');

for (const appendOnly of modes) {
  describe(`joins of ${nameOf(appendOnly)} inputs drop what has passed`, () => {
    for (const type of allTypes) {
      it(`${type} by key and window`, () => check({ type, keys: [0, 1], appendOnly }));
      it(`${type} by window alone`, () => check({ type, keys: [0], appendOnly }, { changes: 40, ticks: 30 }));
      it(`${type} by key within an interval`, () => check({ type, keys: [1], residual: true, appendOnly }));
      it(`${type} within an interval`, () =>
        check({ type, keys: [], residual: true, appendOnly }, { changes: 30 }));
    }
    it('NOT IN by window', () => check({ type: 'anti', keys: [0], nullAware: true, appendOnly }));
  });
}

describe('joins with one bound', () => {
  for (const type of allTypes) {
    for (const side of ['left', 'right'] as const) {
      // What is counted by key is kept for as long as the other side has no bound.
      const counted = type === 'semi' || type === 'anti' || type === 'left' || type === 'full';
      const countedLeft = type === 'right' || type === 'full';
      if ((side === 'right' && counted) || (side === 'left' && countedLeft)) continue;
      it(`${type}, on the ${side}`, () =>
        check({ type, keys: [0, 1], appendOnly: [false, false], bounds: [side] }, { keepsSome: true }));
      it(`${type} with a residual, on the ${side}`, () =>
        check(
          { type, keys: [1], residual: true, appendOnly: [false, false], bounds: [side] },
          { keepsSome: true },
        ));
    }
  }
});

describe('joins with a unique append-only side', () => {
  for (const type of ['inner', 'left', 'semi', 'anti'] as const) {
    it(type, () => {
      const shape: Shape = { type, keys: [0, 1], appendOnly: [true, true], rightKey: [0, 1] };
      const seen = new Set<string>();
      check(shape, {
        row: (random, port, time) => {
          const made = row(random, time, 3);
          if (port === 0) return made;
          // Unique by a text of its own where the key was given before.
          const key = `${made[0]} ${made[1]}`;
          if (!seen.has(key)) {
            seen.add(key);
            return made;
          }
          return [made[0], `u${seen.size}${random.below(1_000_000)}`, made[2]];
        },
      });
    });
  }
});

describe('an outer join', () => {
  it('counts matches that were dropped', () => {
    const time = new ManualTime();
    const plan = node({ type: 'left', keys: [1], residual: true, appendOnly: [true, true] }, true);
    const probe = new Probe(createOperator(plan, testContext(time)));
    const at = (n: number): string => String(BigInt(n) * UNIT);
    probe.tick(strict, `+ ${at(10)} a 1`, 1);
    expect(probe.tick(strict, `+ ${at(12)} a 2`, 0)).toEqual([`+ ${at(12)} a 2 ${at(10)} a 1`]);
    // The right row goes: nothing is padded, then or when another match comes.
    time.setWatermark(RIGHT, 0, 1000n * UNIT);
    must(probe.operator.isDue)();
    probe.operator.flush(probe.emit);
    expect(probe.operator.stateRows()).toBe(1);
    expect(probe.tick(strict, `+ ${at(20)} a 3`, 1)).toEqual([`+ ${at(12)} a 2 ${at(20)} a 3`]);
    expect(probe.operator.stateRows()).toBe(1);
  });
});
