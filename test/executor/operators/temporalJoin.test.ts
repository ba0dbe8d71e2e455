import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import { scalar } from '../../../common/function.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { Batch } from '../../../executor/batch.ts';
import { TemporalJoinOperator } from '../../../executor/operators/temporalJoin.ts';
import type { PhysicalTemporalJoin } from '../../../planner/plan/physical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { testContext } from '../../harness/operators.ts';
import { Random } from '../../storage/state/random.ts';
import { Bag, type Change, collector, input, rowText, schemaOf, shuffle } from './joinHarness.ts';

/** id, key, amount. */
const leftTypes = [types.int4, types.text, types.int4] as const;
/** key, limit. */
const rightTypes = [types.text, types.int4] as const;

const less = scalar({
  name: 'lt',
  args: ['int4', 'int4'],
  returns: 'bool',
  doc: 'below',
  examples: [],
  emit: ([a, b]) => `(${a} < ${b})`,
});
/** amount < limit */
const residual: Scalar = {
  kind: 'call',
  fn: less,
  args: [
    { kind: 'column', index: 2, type: types.int4 },
    { kind: 'column', index: 4, type: types.int4 },
  ],
  type: types.bool,
};

interface Shape {
  readonly type: 'inner' | 'left';
  readonly keyed?: boolean;
  readonly residual?: boolean;
  readonly nullSafe?: boolean;
  readonly leftAppendOnly?: boolean;
  readonly rightAppendOnly?: boolean;
}

function nodeOf(shape: Shape): PhysicalTemporalJoin {
  const left = input(schemaOf(leftTypes), { appendOnly: shape.leftAppendOnly ?? false, key: [0] });
  const right = input(schemaOf(rightTypes), { appendOnly: shape.rightAppendOnly ?? false });
  const keyed = shape.keyed ?? true;
  return {
    kind: 'TemporalJoin',
    type: shape.type,
    left,
    right,
    leftKeys: keyed ? [1] : [],
    rightKeys: keyed ? [0] : [],
    nullSafe: keyed ? [shape.nullSafe ?? false] : [],
    residual: shape.residual === true ? residual : null,
    schema: [...left.schema, ...right.schema],
    appendOnly: left.appendOnly,
    key: null,
    estimatedRows: 1,
  };
}

function joined(shape: Shape, l: Row, rights: readonly Row[]): readonly Row[] {
  const found = rights.filter((r) => {
    const [a, b] = [l[1] ?? null, r[0] ?? null];
    const same = shape.keyed === false || (a === b && (a !== null || shape.nullSafe === true));
    const [amount, limit] = [l[2] ?? null, r[1] ?? null];
    const passes =
      shape.residual !== true || (amount !== null && limit !== null && Number(amount) < Number(limit));
    return same && passes;
  });
  if (found.length === 0 && shape.type === 'left') return [[...l, null, null]];
  return found.map((r) => [...l, ...r]);
}

function pushChanges(
  operator: TemporalJoinOperator,
  changes: readonly Change[],
  random: Random,
  emit: (batch: Batch) => void,
): void {
  for (let at = 0; at < changes.length; ) {
    const port = must(changes[at]).port;
    let to = at + 1;
    while (to < changes.length && changes[to]?.port === port && random.below(5) > 0) to++;
    const part = changes.slice(at, to);
    const batch = batchOfRows(
      port === 0 ? leftTypes : rightTypes,
      part.map((c) => c.row),
      part.map((c) => c.weight),
    );
    operator.push(port, batch);
    at = to;
  }
  operator.flush(emit);
}

/** Left rows have ids, so that it is known what each was joined with. */
function run(shape: Shape, seed: number): void {
  const random = new Random(seed);
  const operator = new TemporalJoinOperator(nodeOf(shape), testContext());
  const rights = new Bag();
  const output = new Bag();
  const expected = new Bag();
  const emit = collector(output);
  const lefts = new Map<number, { readonly row: Row; readonly results: readonly Row[] }>();
  const orNull = (value: Value): Value => (random.below(10) === 0 ? null : value);
  const text = (): Value => orNull(random.pick(['a', 'b', 'c']));
  let id = 0;
  for (let tick = 0; tick < 60; tick++) {
    const changes: Change[] = [];
    const came: Row[] = [];
    for (let k = random.below(6); k > 0; k--) came.push([id++, text(), orNull(random.below(9))]);
    for (const row of came) changes.push({ port: 0, row, weight: 1 });
    if (shape.leftAppendOnly !== true) {
      const ghost: Row = [id++, text(), 1];
      changes.push({ port: 0, row: ghost, weight: 1 }, { port: 0, row: ghost, weight: -1 });
      for (const [key, { row, results }] of lefts) {
        const draw = random.below(tick % 20 === 19 ? 2 : 8);
        if (draw > 1) continue;
        changes.push({ port: 0, row, weight: -1 });
        // Taken back and put again in one tick: nothing has changed.
        if (draw === 1) {
          changes.push({ port: 0, row, weight: 1 });
          continue;
        }
        lefts.delete(key);
        for (const r of results) expected.add(r, -1);
      }
    }
    for (let k = random.below(4); k > 0; k--) {
      const change = { port: 1, row: [text(), orNull(random.below(9))], weight: random.pick([1, 2]) };
      changes.push(change);
      rights.add(change.row, change.weight);
    }
    if (shape.rightAppendOnly !== true) {
      for (const { row, weight } of [...rights.entries.values()]) {
        if (random.below(3) > 0 || changes.some((c) => rowText(c.row) === rowText(row))) continue;
        changes.push({ port: 1, row, weight: -weight });
        rights.add(row, -weight);
      }
    }
    pushChanges(operator, shuffle(random, changes), random, emit);
    for (const row of came) {
      const results = joined(shape, row, rights.rows());
      lefts.set(row[0] as number, { row, results });
      for (const r of results) expected.add(r, 1);
    }
    expect(output.weights()).toEqual(expected.weights());
  }
  const all = [...lefts.values()].map(({ row }): Change => ({ port: 0, row, weight: -1 }));
  const gone = [...rights.entries.values()].map(
    ({ row, weight }): Change => ({ port: 1, row, weight: -weight }),
  );
  const last = [
    ...(shape.leftAppendOnly === true ? [] : all),
    ...(shape.rightAppendOnly === true ? [] : gone),
  ];
  pushChanges(operator, shuffle(random, last), random, emit);
  if (shape.leftAppendOnly !== true) expect(output.weights()).toEqual(new Map());
  if (shape.rightAppendOnly !== true) expect(operator.stateRows()).toBe(0);
}

describe('temporal joins give what each left row met', () => {
  for (const type of ['inner', 'left'] as const) {
    for (const leftAppendOnly of [false, true]) {
      const over = leftAppendOnly ? 'append-only' : 'retractable';
      const seeds = [1, 2, 3];
      const check = (shape: Omit<Shape, 'type'>): void => {
        for (const seed of seeds) run({ type, leftAppendOnly, ...shape }, seed);
      };
      it(`${type}, ${over}, by key`, () => check({}));
      it(`${type}, ${over}, by a null-safe key`, () => check({ nullSafe: true }));
      it(`${type}, ${over}, with a residual`, () => check({ residual: true }));
      it(`${type}, ${over}, without keys`, () => check({ keyed: false, residual: true }));
      it(`${type}, ${over}, cross`, () => check({ keyed: false }));
      it(`${type}, ${over}, with append-only right rows`, () => check({ rightAppendOnly: true }));
    }
  }
});

describe('temporal join', () => {
  const start = (shape: Shape) => {
    const operator = new TemporalJoinOperator(nodeOf(shape), testContext());
    const output = new Bag();
    const emit = collector(output);
    const tick = (left: readonly (readonly [Row, number])[], right: readonly (readonly [Row, number])[]) => {
      const batch = (t: typeof leftTypes | typeof rightTypes, rows: typeof left): Batch =>
        batchOfRows(
          t,
          rows.map(([row]) => row),
          rows.map(([, weight]) => weight),
        );
      if (left.length > 0) operator.push(0, batch(leftTypes, left));
      if (right.length > 0) operator.push(1, batch(rightTypes, right));
      operator.flush(emit);
      return [...output.weights()].map(([row, weight]) => `${weight} ${row}`);
    };
    return { operator, tick };
  };

  it('keeps nothing of an append-only left input', () => {
    const { operator, tick } = start({ type: 'left', leftAppendOnly: true });
    tick([[[1, 'a', 1], 1]], [[['a', 5], 1]]);
    tick([[[2, 'b', 1], 2]], []);
    expect(operator.stateRows()).toBe(1);
    expect(tick([], [[['a', 5], -1]])).toEqual(['1 1|a|1|a|5', '2 2|b|1|NULL|NULL']);
    expect(operator.stateRows()).toBe(0);
  });

  it('takes back copies of equal rows, the newest first', () => {
    const { operator, tick } = start({ type: 'left' });
    const row: Row = [1, 'a', 1];
    tick([[row, 2]], []);
    tick(
      [],
      [
        [['a', 5], 1],
        [['a', 6], 2],
      ],
    );
    expect(tick([[row, 3]], [])).toEqual(
      ['3 1|a|1|a|5', '6 1|a|1|a|6', '2 1|a|1|NULL|NULL'].sort(compareRows),
    );
    expect(tick([[row, -1]], [])).toEqual(
      ['2 1|a|1|a|5', '4 1|a|1|a|6', '2 1|a|1|NULL|NULL'].sort(compareRows),
    );
    expect(tick([[row, -3]], [])).toEqual(['1 1|a|1|NULL|NULL']);
    expect(tick([[row, -1]], [])).toEqual([]);
    tick(
      [],
      [
        [['a', 5], -1],
        [['a', 6], -2],
      ],
    );
    expect(operator.stateRows()).toBe(0);
  });

  it('joins more pairs than fit in a batch', () => {
    const { operator, tick } = start({ type: 'inner' });
    const rights = Array.from({ length: 700 }, (_, i) => [['a', i] as Row, 1] as const);
    const lefts = Array.from({ length: 5 }, (_, i) => [[i, 'a', 0] as Row, 1] as const);
    expect(tick(lefts, rights)).toHaveLength(3500);
    expect(
      tick(
        lefts.map(([row]) => [row, -1] as const),
        [],
      ),
    ).toEqual([]);
    tick(
      [],
      rights.map(([row]) => [row, -1] as const),
    );
    expect(operator.stateRows()).toBe(0);
  });
});

/** By row, as bags list them. */
function compareRows(a: string, b: string): number {
  const [x, y] = [a.slice(a.indexOf(' ')), b.slice(b.indexOf(' '))];
  return x < y ? -1 : 1;
}
