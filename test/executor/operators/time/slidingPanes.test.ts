import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { types } from '../../../../common/dataType.ts';
import { Decimal } from '../../../../common/decimal.ts';
import type { Row, Value } from '../../../../common/value.ts';
import { functionCatalog } from '../../../../executor/functions/index.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { PaneFold, PhysicalPlan, PhysicalSlidingPanes } from '../../../../planner/plan/physical.ts';
import { batches, type Delta, inputNode, Probe, schema, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';
import { term } from './cleaningHarness.ts';

const input = schema(
  'k text?, j int8?, at timestamp, c int8?, n numeric?, lo text?, hi float8?, b bool?, bits int4?',
);
const base = { estimatedRows: 1, key: null } as const;
const folds: readonly (PaneFold & { readonly fn: string; readonly args: string | null })[] = [
  { fold: 'sum', column: 3, type: types.numeric, fn: 'sum', args: 'int8' },
  { fold: 'sum', column: 4, type: types.numeric, fn: 'sum', args: 'numeric' },
  { fold: 'min', column: 5, type: types.text, fn: 'min', args: null },
  { fold: 'max', column: 6, type: types.float8, fn: 'max', args: null },
  { fold: 'max', column: 4, type: types.numeric, fn: 'max', args: null },
  { fold: 'and', column: 7, type: types.bool, fn: 'bool_and', args: null },
  { fold: 'or', column: 7, type: types.bool, fn: 'bool_or', args: null },
  { fold: 'and', column: 8, type: types.int4, fn: 'bit_and', args: 'int4' },
  { fold: 'or', column: 8, type: types.int4, fn: 'bit_or', args: 'int4' },
  { fold: 'xor', column: 8, type: types.int4, fn: 'bit_xor', args: 'int4' },
];

interface Windows {
  readonly slide: bigint;
  readonly size: bigint;
  readonly offset: bigint;
}

const bounds = schema('window_start timestamp, window_end timestamp');
const outputs = folds.map(({ type }, i) => ({ name: `f${i}`, type, nullable: true }));

function sliding({ slide, size, offset }: Windows): PhysicalSlidingPanes {
  return {
    ...base,
    kind: 'SlidingPanes',
    input: inputNode(input, true),
    keys: [0, 1],
    time: 2,
    slideMicros: slide,
    sizeMicros: size,
    offsetMicros: offset,
    folds,
    term: term(1, types.timestamp),
    appendOnly: true,
    schema: [...input.slice(0, 2), ...bounds, ...outputs],
  };
}

/** The same by putting each pane in each of its windows. */
function fanOut({ slide, size, offset }: Windows): readonly PhysicalPlan[] {
  const hop: PhysicalPlan = {
    ...base,
    kind: 'Hop',
    input: inputNode(input, true),
    time: 2,
    slideMicros: slide,
    sizeMicros: size,
    offsetMicros: offset,
    appendOnly: true,
    schema: [...input, ...bounds],
  };
  const width = input.length;
  const aggregate: PhysicalPlan = {
    ...base,
    kind: 'Aggregate',
    input: hop,
    keys: [0, 1, width, width + 1],
    global: false,
    appendOnly: false,
    aggregates: folds.map(({ fn, args, column, type }) => {
      const found = functionCatalog
        .byName(fn)
        .find((f) => f.kind === 'aggregate' && f.args.length === 1 && (args === null || f.args[0] === args));
      if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${fn}`);
      return { fn: found, args: [column], distinct: false, filter: null, orderBy: [], type };
    }),
    schema: [...input.slice(0, 2), ...bounds, ...outputs],
  };
  const close: PhysicalPlan = {
    ...base,
    kind: 'Close',
    input: aggregate,
    column: 2,
    term: term(1, types.timestamp),
    corrections: false,
    appendOnly: true,
    schema: aggregate.schema,
  };
  return [hop, aggregate, close];
}

class Chain {
  readonly probe: Probe;
  readonly #push: (rows: readonly Delta[]) => void;
  readonly #flush: () => void;

  constructor(plans: readonly PhysicalPlan[], time: ManualTime) {
    const context = testContext(time);
    const operators = plans.map((plan) => createOperator(plan, context));
    this.probe = new Probe(must(operators.at(-1)));
    const emits = operators.map((_, i) => (batch: Parameters<Probe['emit']>[0]): void => {
      const next = operators[i + 1];
      if (next === undefined) this.probe.emit(batch);
      else next.push(0, batch, must(emits[i + 1]));
    });
    this.#push = (rows) => {
      for (const batch of batches(input, rows, 7)) must(operators[0]).push(0, batch, must(emits[0]));
    };
    this.#flush = () => {
      operators.forEach((operator, i) => {
        operator.flush(must(emits[i]));
      });
    };
  }

  tick(rows: readonly Delta[], beforeFlush: () => void): readonly string[] {
    this.probe.last = [];
    this.#push(rows);
    beforeFlush();
    this.#flush();
    return [...this.probe.last];
  }
}

const orNull = (random: Random, value: () => Value): Value => (random.below(5) === 0 ? null : value());

function values(random: Random): Row {
  return [
    orNull(random, () => (1n << 62n) - BigInt(random.below(100))),
    orNull(random, () =>
      Decimal.parse((random.below(2000) / 10 ** random.below(3)).toFixed(random.below(4))),
    ),
    orNull(random, () => random.pick(['', 'a', 'b', 'zz'])),
    orNull(random, () => random.pick([-0, 1.5, Number.NaN, Number.POSITIVE_INFINITY])),
    orNull(random, () => random.below(3) > 0),
    orNull(random, () => random.below(256) - 128),
  ];
}

const windowOf = (line: string): bigint => BigInt(line.split(' ')[3] ?? 0);

describe('SlidingPanes', () => {
  for (const [seed, ratio, offset] of [
    [1, 1, 0],
    [2, 2, 0],
    [3, 5, 3],
    [4, 7, 9],
    [5, 60, 4],
  ] as const) {
    it(`gives what the fan-out gives: ${ratio} panes a window, offset ${offset}`, () => {
      const random = new Random(seed);
      const windows = { slide: 10n, size: BigInt(ratio) * 10n, offset: BigInt(offset) };
      const time = new ManualTime();
      const [ours, theirs] = [new Chain([sliding(windows)], time), new Chain(fanOut(windows), time)];
      /** The first pane that may still come. */
      let open = 0;
      let given = 0;
      for (let t = 0; t < 120; t++) {
        const ahead = random.pick([0, 1, 1, 1, 2, 3, 9, 9, 200]);
        const rows: Delta[] = [];
        for (let p = open; p < open + Math.min(ahead, 10); p++) {
          for (const k of ['a', 'b', 'c', null]) {
            for (const j of [1n, null]) {
              if (random.below(t % 40 < 20 ? 3 : 12) > 0) continue;
              rows.push([[k, j, BigInt(p * 10 + offset), ...values(random)], 1]);
            }
          }
        }
        for (let i = rows.length - 1; i > 0; i--) {
          const other = random.below(i + 1);
          [rows[i], rows[other]] = [must(rows[other]), must(rows[i])];
        }
        open += ahead;
        // Of some ticks the windows stay for later ones.
        const closed =
          BigInt((open - random.pick([0, 0, 0, 1, 3])) * 10 + offset) - windows.size + windows.slide;
        const advance = (): void => time.setWatermark(1, 0, closed);
        const expected = theirs.tick(rows, advance);
        const actual = ours.tick(rows, advance);
        expect([...actual].sort()).toEqual([...expected].sort());
        expect(actual.map(windowOf)).toEqual(
          actual.map(windowOf).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
        );
        expect(ours.probe.operator.isDue?.()).toBe(false);
        given += actual.length;
      }
      expect(given).toBeGreaterThan(100);
      const end = (): void => time.setWatermark(1, 0, 1n << 60n);
      expect([...ours.tick([], end)].sort()).toEqual([...theirs.tick([], end)].sort());
      expect(ours.probe.operator.stateRows()).toBe(0);
      expect(ours.probe.operator.isDue?.()).toBe(false);
    });
  }

  it('counts what it keeps', () => {
    const time = new ManualTime();
    const chain = new Chain([sliding({ slide: 10n, size: 30n, offset: 0n })], time);
    const { operator } = chain.probe;
    const row = (at: bigint): Delta => [['a', 1n, at, 1n, null, null, null, null, null], 1];
    expect(chain.tick([row(0n)], () => time.setWatermark(1, 0, -20n))).toEqual([]);
    expect([operator.stateRows(), operator.isDue?.()]).toEqual([2, false]);
    time.setWatermark(1, 0, -10n);
    expect(operator.isDue?.()).toBe(true);
    expect(chain.tick([], () => undefined)).toHaveLength(1);
    expect(operator.stateRows()).toBe(3);
    expect(operator.stateBytes()).toBeGreaterThan(0);
    expect(chain.tick([], () => time.setWatermark(1, 0, 1n << 40n))).toHaveLength(2);
    expect([operator.stateRows(), operator.isDue?.()]).toEqual([0, false]);
  });

  it('reports sums that are out of range, and goes on', () => {
    const time = new ManualTime();
    const context = testContext(time);
    const probe = new Probe(createOperator(sliding({ slide: 10n, size: 20n, offset: 0n }), context));
    const wide = new Decimal(10n ** 131_072n - 1n, 0);
    const row = (at: bigint, n: Decimal): Delta => [['a', 1n, at, null, n, null, null, null, null], 1];
    for (const batch of batches(input, [row(0n, wide), row(10n, wide), row(20n, Decimal.ONE.neg())])) {
      probe.push(0, batch);
    }
    time.setWatermark(1, 0, 1n << 40n);
    probe.operator.flush(probe.emit);
    expect(context.errors.map((error) => error.state)).toEqual(['22003']);
    expect(probe.last.map(windowOf)).toEqual([-10n, 10n, 20n]);
    expect(probe.operator.stateRows()).toBe(0);
  });
});
