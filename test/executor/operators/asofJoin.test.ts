import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, types } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import { AsofJoinOperator } from '../../../executor/operators/asofJoin.ts';
import type { PhysicalAsofJoin, PhysicalPlan } from '../../../planner/plan/physical.ts';
import type { WatermarkTerm } from '../../../planner/plan/watermark.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { testContext } from '../../harness/operators.ts';
import { ManualTime } from '../../harness/time.ts';
import { Random } from '../../storage/state/random.ts';
import { Bag, collector, input, rowText, runDrive, schemaOf, shuffle } from './joinHarness.ts';

type Operator = PhysicalAsofJoin['operator'];

const operators: readonly Operator[] = ['<', '<=', '>', '>='];
/** key, time, further columns. */
const leftTypes = [types.int4, types.int8, types.text] as const;
const rightTypes = [types.text, types.int8, types.int4, types.numeric] as const;

interface Shape {
  readonly type: 'inner' | 'left';
  readonly operator: Operator;
  readonly nullSafe?: boolean;
  readonly left?: PhysicalPlan;
  readonly right?: PhysicalPlan;
  readonly clean?: PhysicalAsofJoin['clean'];
}

/** Left key: column 0, time 1; right key: column 2, time 1. */
function nodeOf(shape: Shape): PhysicalAsofJoin {
  const left = shape.left ?? input(schemaOf(leftTypes));
  const right = shape.right ?? input(schemaOf(rightTypes));
  return {
    kind: 'AsofJoin',
    type: shape.type,
    left,
    right,
    leftKeys: [0],
    rightKeys: [2],
    nullSafe: [shape.nullSafe ?? false],
    leftTime: 1,
    rightTime: 1,
    operator: shape.operator,
    ...(shape.clean === undefined ? {} : { clean: shape.clean }),
    schema: [...left.schema, ...right.schema],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
}

function isOnSide(l: Value, operator: Operator, r: Value): boolean {
  if (typeof l !== 'bigint' || typeof r !== 'bigint') return false;
  switch (operator) {
    case '<':
      return l < r;
    case '<=':
      return l <= r;
    case '>':
      return l > r;
    case '>=':
      return l >= r;
  }
}

/** NULLs last. */
function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}

/** The definition: of the right rows of the key on the wanted side, the nearest; of those of one time, the least. */
function* recompute(shape: Shape, lefts: readonly Row[], rights: readonly Row[]): Generator<Row> {
  const later = shape.operator === '<' || shape.operator === '<=';
  for (const l of lefts) {
    const found = rights.filter((r) => {
      const [a, b] = [l[0] ?? null, r[2] ?? null];
      const same = a === b && (a !== null || shape.nullSafe === true);
      return same && isOnSide(l[1] ?? null, shape.operator, r[1] ?? null);
    });
    found.sort((a, b) => {
      const time = compare(a[1] ?? null, b[1] ?? null);
      if (time !== 0) return later ? time : -time;
      return compare(a[0] ?? null, b[0] ?? null);
    });
    const match = found[0];
    if (match !== undefined) yield [...l, ...match];
    else if (shape.type === 'left') yield [...l, null, null, null, null];
  }
}

function randomRow(keys: number, times: number): (random: Random, port: number) => Row {
  return (random, port) => {
    const orNull = (value: Value): Value => (random.below(12) === 0 ? null : value);
    const key = orNull(random.below(keys));
    const time = orNull(BigInt(random.below(times)) - BigInt(times >> 1));
    const text = orNull(random.pick(['a', 'b', 'c', 'dé']));
    return port === 0 ? [key, time, text] : [text, time, key, null];
  };
}

function run(shape: Shape, seed: number, extra: Partial<Parameters<typeof runDrive>[0]> = {}): void {
  runDrive({
    operator: new AsofJoinOperator(nodeOf(shape), testContext()),
    inputs: [leftTypes, rightTypes],
    randomRow: randomRow(3, 8),
    recompute: (lefts = [], rights = []) => recompute(shape, lefts, rights),
    seed,
    ...extra,
  });
}

describe('as-of joins equal their recomputation after every tick', () => {
  for (const type of ['inner', 'left'] as const) {
    for (const operator of operators) {
      const shape: Shape = { type, operator };
      it(`${type} ${operator}`, () => {
        for (const seed of [1, 2, 3]) run(shape, seed);
      });
      it(`${type} ${operator} with a null-safe key`, () => run({ ...shape, nullSafe: true }, 4));
      it(`${type} ${operator} with many rows of a key`, () =>
        run(shape, 5, { randomRow: randomRow(1, 200), changes: 120, ticks: 12 }));
      it(`${type} ${operator} over append-only inputs`, () => {
        for (const sides of [
          [true, true],
          [true, false],
          [false, true],
        ]) {
          const left = input(schemaOf(leftTypes), { appendOnly: sides[0] === true });
          const right = input(schemaOf(rightTypes), { appendOnly: sides[1] === true });
          const operands = { ...shape, left, right };
          run(operands, 6, {
            operator: new AsofJoinOperator(nodeOf(operands), testContext()),
            appendOnly: sides,
            ticks: 15,
          });
        }
      });
    }
  }

  it('breaks ties by the key of the right input first', () => {
    const withId = [types.text, types.int8, types.int4, types.int4] as const;
    const right = input(schemaOf(withId), { key: [3] });
    const operator = new AsofJoinOperator(nodeOf({ type: 'inner', operator: '>=', right }), testContext());
    const output = new Bag();
    const emit = collector(output);
    operator.push(0, batchOfRows(leftTypes, [[1, 5n, 'x']]), emit);
    const ties: readonly Row[] = [
      ['b', 5n, 1, 7],
      ['a', 5n, 1, 8],
    ];
    operator.push(1, batchOfRows(withId, ties), emit);
    operator.flush(emit);
    expect([...output.weights().keys()]).toEqual(['1|5|x|b|5|1|7']);
  });

  it('touches only left rows up to the next right row', () => {
    const operator = new AsofJoinOperator(nodeOf({ type: 'inner', operator: '>=' }), testContext());
    const lefts = Array.from({ length: 1000 }, (_, i): Row => [1, BigInt(i), 'l']);
    const rights = Array.from({ length: 100 }, (_, i): Row => ['r', BigInt(i * 10), 1, null]);
    let rows = 0;
    const count = (batch: { readonly length: number }): void => {
      rows += batch.length;
    };
    operator.push(0, batchOfRows(leftTypes, lefts), count);
    operator.push(1, batchOfRows(rightTypes, rights), count);
    operator.flush(count);
    expect(rows).toBe(1000);
    rows = 0;
    operator.push(1, batchOfRows(rightTypes, [['s', 503n, 1, null]]), count);
    operator.flush(count);
    expect(rows).toBe(14);
    rows = 0;
    // An equal row more, or one less, changes nothing.
    operator.push(1, batchOfRows(rightTypes, [['s', 503n, 1, null]]), count);
    operator.flush(count);
    operator.push(1, batchOfRows(rightTypes, [['s', 503n, 1, null]], [-1]), count);
    operator.flush(count);
    expect(rows).toBe(0);
  });
});

// Cleaning

const SECOND = 1n << 20n;

function term(relation: number): WatermarkTerm {
  return { kind: 'relation', relation, column: 1, group: 0, lateness: 0n, type: types.int8 };
}
const both: WatermarkTerm = { kind: 'min', terms: [term(1), term(2)], type: types.int8 };

interface Stream {
  readonly types: readonly DataType[];
  readonly bag: Bag;
  watermark: bigint;
}

/** Ticks of changes that keep what the watermarks promise, into two operators. */
function follow(shape: Shape, clean: NonNullable<Shape['clean']>, seed: number): readonly number[] {
  const random = new Random(seed);
  const time = new ManualTime();
  const cleaned = new AsofJoinOperator(nodeOf({ ...shape, clean }), testContext(time));
  const whole = new AsofJoinOperator(nodeOf(shape), testContext(time));
  const outputs = [new Bag(), new Bag()] as const;
  const emits = outputs.map((bag) => collector(bag));
  const streams: readonly Stream[] = [
    { types: leftTypes, bag: new Bag(), watermark: 0n },
    { types: rightTypes, bag: new Bag(), watermark: 0n },
  ];
  const sizes: number[] = [];
  const append = [shape.left?.appendOnly === true, shape.right?.appendOnly === true];
  for (let tick = 0; tick < 120; tick++) {
    streams.forEach((stream, port) => {
      const changes: (readonly [Row, number])[] = [];
      for (let k = random.below(8); k > 0; k--) {
        const at = stream.watermark + BigInt(random.below(6)) * SECOND;
        const text = random.pick(['a', 'b', null]);
        const key = random.below(3);
        changes.push([port === 0 ? [key, at, text] : [text, at, key, null], 1]);
      }
      for (const { row, weight } of stream.bag.entries.values()) {
        const mayGo = append[port] === false && (row[1] as bigint) >= stream.watermark;
        if (mayGo && random.below(5) === 0) changes.push([row, -weight]);
      }
      for (const [row, weight] of changes) stream.bag.add(row, weight);
      shuffle(random, changes);
      const batch = batchOfRows(
        stream.types,
        changes.map(([row]) => row),
        changes.map(([, weight]) => weight),
      );
      if (changes.length === 0) return;
      cleaned.push(port, batch, must(emits[0]));
      whole.push(port, batch, must(emits[1]));
    });
    streams.forEach((stream, port) => {
      const next = BigInt(tick - random.below(4)) * SECOND;
      if (next > stream.watermark) stream.watermark = next;
      time.setWatermark(port + 1, 1, stream.watermark);
    });
    cleaned.flush(must(emits[0]));
    whole.flush(must(emits[1]));
    expect(cleaned.isDue()).toBe(false);
    expect(outputs[0].weights()).toEqual(outputs[1].weights());
    const [lefts, rights] = streams.map((s) => s.bag.rows());
    const expected = [...recompute(shape, must(lefts), must(rights))].map(rowText).sort();
    const got = outputs[0].rows().map(rowText).sort();
    expect(got).toEqual(expected);
    sizes.push(cleaned.stateRows());
  }
  return sizes;
}

describe('cleaning', () => {
  const bounds = { left: { column: 1, term: both }, right: { column: 1, term: both } };
  for (const type of ['inner', 'left'] as const) {
    for (const operator of operators) {
      it(`${type} ${operator} gives the same result, in bounded state`, () => {
        for (const seed of [31, 32]) {
          const sizes = follow({ type, operator }, bounds, seed);
          expect(Math.max(...sizes.slice(60))).toBeLessThan(60);
        }
      });
    }
  }

  it('over append-only inputs', () => {
    const left = input(schemaOf(leftTypes), { appendOnly: true });
    const right = input(schemaOf(rightTypes), { appendOnly: true });
    const sizes = follow({ type: 'left', operator: '>=', left, right }, bounds, 33);
    expect(Math.max(...sizes.slice(60))).toBeLessThan(90);
  });

  it('by the right watermark alone, where late left rows may come', () => {
    const left = input(schemaOf(leftTypes), { appendOnly: true });
    follow({ type: 'left', operator: '>=', left }, { left: { column: 1, term: term(2) }, right: null }, 34);
  });

  it('a bound on the key takes whole keys', () => {
    const time = new ManualTime();
    const keyTerm: WatermarkTerm = {
      kind: 'relation',
      relation: 1,
      column: 0,
      group: 0,
      lateness: 0n,
      type: types.int4,
    };
    const clean = { left: { column: 0, term: keyTerm }, right: { column: 2, term: keyTerm } };
    const operator = new AsofJoinOperator(nodeOf({ type: 'left', operator: '<', clean }), testContext(time));
    const output = new Bag();
    const emit = collector(output);
    operator.push(
      0,
      batchOfRows(leftTypes, [
        [1, 1n, 'x'],
        [2, 1n, 'y'],
        [3, 1n, 'z'],
      ]),
      emit,
    );
    operator.push(
      1,
      batchOfRows(rightTypes, [
        ['r', 4n, 1, null],
        ['r', 4n, 2, null],
      ]),
      emit,
    );
    operator.flush(emit);
    expect(operator.stateRows()).toBe(5 + 3);
    time.setWatermark(1, 0, 2);
    expect(operator.isDue()).toBe(true);
    operator.flush(emit);
    expect(operator.stateRows()).toBe(3 + 2);
    time.setWatermark(1, 0, 9);
    operator.flush(emit);
    expect(operator.stateRows()).toBe(0);
    expect(output.rows()).toHaveLength(3);
  });

  it('keeps the nearest right row of each key for left rows yet to come', () => {
    const time = new ManualTime();
    const operator = new AsofJoinOperator(
      nodeOf({ type: 'inner', operator: '>=', clean: bounds }),
      testContext(time),
    );
    const output = new Bag();
    const emit = collector(output);
    operator.push(
      1,
      batchOfRows(rightTypes, [
        ['a', 1n * SECOND, 1, null],
        ['b', 2n * SECOND, 1, null],
        ['c', 9n * SECOND, 1, null],
      ]),
      emit,
    );
    operator.flush(emit);
    time.setWatermark(1, 1, 5n * SECOND);
    time.setWatermark(2, 1, 6n * SECOND);
    expect(operator.isDue()).toBe(true);
    operator.flush(emit);
    expect(operator.stateRows()).toBe(2 + 1);
    operator.push(0, batchOfRows(leftTypes, [[1, 5n * SECOND, 'l']]), emit);
    operator.flush(emit);
    expect(output.rows().map((r) => r[3])).toEqual(['b']);
  });
});
