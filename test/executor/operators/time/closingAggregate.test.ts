import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { types } from '../../../../common/dataType.ts';
import type { Row } from '../../../../common/value.ts';
import { functionCatalog } from '../../../../executor/functions/index.ts';
import {
  ClosingAggregateOperator,
  closedAggregate,
} from '../../../../executor/operators/closingAggregate.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { AggregateCall } from '../../../../planner/plan/aggregateCall.ts';
import type { PhysicalAggregate, PhysicalClose } from '../../../../planner/plan/physical.ts';
import { batches, inputNode, Probe, schema, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';
import { term } from './cleaningHarness.ts';

const input = schema('k text?, at timestamp?, x int8?, f bool?');
const base = { key: null, estimatedRows: 1, appendOnly: false } as const;

function call(name: string, args: readonly number[], more: Partial<AggregateCall> = {}): AggregateCall {
  const found = functionCatalog
    .byName(name)
    .find((f) => f.kind === 'aggregate' && f.args.length === args.length && f.args[0] !== 'numeric');
  if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${name}`);
  const type = name === 'array_agg' ? ({ id: 'array', element: types.int8 } as const) : types.int8;
  return { fn: found, args, distinct: false, filter: null, orderBy: [], type, ...more };
}

const calls = [
  call('count', []),
  call('count', [2], { distinct: true, filter: 3 }),
  call('min', [2]),
  call('max', [2], { filter: 3 }),
  call('array_agg', [2]),
];

function aggregate(appendOnly = true): PhysicalAggregate {
  return {
    ...base,
    kind: 'Aggregate',
    input: inputNode(input, appendOnly),
    keys: [0, 1],
    aggregates: calls,
    global: false,
    schema: [...input.slice(0, 2), ...calls.map(({ type }, i) => ({ name: `a${i}`, type, nullable: true }))],
  };
}

function closeOn(child: PhysicalAggregate, more: Partial<PhysicalClose> = {}): PhysicalClose {
  const { schema } = child;
  return {
    ...base,
    kind: 'Close',
    input: child,
    column: 1,
    term: term(1, types.timestamp),
    corrections: false,
    schema,
    ...more,
  };
}

describe('aggregation on window close', () => {
  for (const scale of [1n, 1n << 19n]) {
    it(`gives what a Close above the aggregation gives: scale ${scale}`, () => {
      const random = new Random(12);
      const time = new ManualTime();
      const plan = closeOn(aggregate());
      const context = testContext(time);
      const apart = testContext(time);
      const fused = new Probe(new ClosingAggregateOperator(plan, must(closedAggregate(plan)), context));
      const below = createOperator(plan.input, apart);
      const above = new Probe(createOperator(plan, apart));
      let watermark = 0;
      let given = 0;
      for (let t = 0; t < 150; t++) {
        const rows = Array.from({ length: random.below(20) }, (): readonly [Row, number] => [
          [
            random.pick(['a', 'b', null]),
            random.below(12) === 0 ? null : BigInt(watermark + random.below(12)) * scale,
            random.below(6) === 0 ? null : BigInt(random.below(5)),
            random.pick([true, false, null]),
          ],
          random.pick([1, 1, 2]),
        ]);
        fused.last = [];
        above.last = [];
        for (const batch of batches(input, rows, 7)) {
          fused.push(0, batch);
          below.push(0, batch, (out) => above.push(0, out));
        }
        watermark += random.below(random.pick([2, 9]));
        time.setWatermark(1, 0, BigInt(watermark) * scale);
        below.flush((out) => above.push(0, out));
        above.operator.flush(above.emit);
        fused.operator.flush(fused.emit);
        expect([...fused.last].sort()).toEqual([...above.last].sort());
        const times = fused.last.map((text) => BigInt(text.split(' ')[2] ?? 0));
        expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        given += fused.last.length;
      }
      expect(given).toBeGreaterThan(200);
      expect(context.late).toEqual([]);
      time.setWatermark(1, 0, 1n << 60n);
      expect(fused.operator.isDue?.()).toBe(true);
      fused.operator.flush(fused.emit);
      expect(fused.operator.isDue?.()).toBe(false);
      expect(fused.operator.stateRows()).toBe(0);
    });
  }

  it('reports rows that come too late for their group', () => {
    const time = new ManualTime();
    const context = testContext(time);
    const plan = closeOn(aggregate());
    const probe = new Probe(new ClosingAggregateOperator(plan, must(closedAggregate(plan)), context));
    probe.tick(input, '+ a 10 1 t');
    time.setWatermark(1, 0, 11n);
    probe.operator.flush(probe.emit);
    expect(probe.rows()).toHaveLength(1);
    expect(probe.tick(input, '+ a 10 2 t\n+2 b 5 1 f')).toEqual([]);
    expect(context.late.map(({ eventTime, watermark }) => [eventTime, watermark])).toEqual([
      [10n, 11n],
      [5n, 11n],
      [5n, 11n],
    ]);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('is for append-only inputs and keys that close, without corrections', () => {
    expect(closedAggregate(closeOn(aggregate()))).not.toBe(null);
    expect(closedAggregate(closeOn(aggregate(false)))).toBe(null);
    expect(closedAggregate(closeOn(aggregate(), { corrections: true }))).toBe(null);
    expect(closedAggregate(closeOn(aggregate(), { column: 2 }))).toBe(null);
  });
});
