/** Groups of sessions under a watermark: the same output as without cleaning, and no more state than what is open. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { types } from '../../../../common/dataType.ts';
import type { Row } from '../../../../common/value.ts';
import { AggregateOperator } from '../../../../executor/operators/aggregate.ts';
import type { Operator } from '../../../../executor/operators/operator.ts';
import { SessionOperator } from '../../../../executor/operators/session.ts';
import type { PhysicalAggregate, PhysicalSession } from '../../../../planner/plan/physical.ts';
import type { StateBound } from '../../../../planner/plan/watermark.ts';
import {
  batches,
  type Delta,
  inputNode,
  Probe,
  schema,
  seeded,
  testContext,
} from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { env } from '../../../planner/build.ts';

const SECOND = 1_000_000n;
const GAP = 30n * SECOND;
const columns = schema('k int4?, at timestamp?, v int8');

const call = (name: string, args: readonly number[]) => {
  const fn = must(
    env.functions
      .byName(name)
      .find(
        (f) =>
          f.kind === 'aggregate' &&
          f.args.length === args.length &&
          (args.length === 0 || f.args[0] === 'timestamp'),
      ),
  );
  if (fn.kind !== 'aggregate') throw new TypeError(name);
  const type = name === 'count' ? types.int8 : types.timestamp;
  return { fn, args, distinct: false, filter: null, orderBy: [], type };
};

/** The watermark of the time is column 1; what follows for the last time of a session column 2. */
const bound = (column: number, of: number): StateBound => ({
  column,
  term: { kind: 'relation', relation: 1, column: of, group: 0, lateness: 0n, type: types.timestamp },
});

function pipeline(time: ManualTime, clean: boolean, appendOnly: boolean) {
  const output = [...columns, { name: 'session', type: types.int8, nullable: true }];
  const session: PhysicalSession = {
    kind: 'Session',
    input: inputNode(columns, appendOnly),
    partition: [0],
    time: 1,
    gapMicros: GAP,
    schema: output,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...(clean ? { clean: bound(1, 1) } : {}),
  };
  const groups: PhysicalAggregate = {
    kind: 'Aggregate',
    input: session,
    keys: [0, 3],
    aggregates: [call('count', []), call('min', [1]), call('max', [1])],
    global: false,
    schema: schema('k int4?, session int8?, count int8, min timestamp?, max timestamp?'),
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...(clean ? { clean: bound(4, 2) } : {}),
  };
  const context = testContext(time);
  const first = new SessionOperator(session, context);
  const second = new AggregateOperator(groups, context);
  const probe = new Probe(second);
  const flush = (operator: Operator, emit: Parameters<Operator['flush']>[0]): void => operator.flush(emit);
  return {
    probe,
    tick: (deltas: readonly Delta[]): void => {
      for (const batch of batches(columns, deltas)) first.push(0, batch, (out) => probe.push(0, out));
      flush(first, (out) => probe.push(0, out));
      flush(second, probe.emit);
    },
    stateRows: () => first.stateRows() + second.stateRows(),
  };
}

/** Output without the names of the sessions. */
const unnamed = (probe: Probe): string[] =>
  probe
    .rows()
    .map((row) => row.split(' ').toSpliced(1, 1).join(' '))
    .sort();

describe('groups of sessions', () => {
  it.each([
    [1, true],
    [2, true],
    [3, false],
    [4, false],
    [5, false],
  ])('go when their session is over: seed %i, append-only %s', (seed, appendOnly) => {
    const random = seeded(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const time = new ManualTime();
    const cleaned = pipeline(time, true, appendOnly);
    const whole = pipeline(new ManualTime(), false, appendOnly);
    let now = 1_700_000_000n * SECOND;
    let watermark = now - 20n * SECOND;
    let live: Row[] = [];
    let most = 0;
    for (let step = 0; step < 150; step++) {
      const deltas: Delta[] = [];
      for (let i = below(6); i >= 0; i--) {
        // Not below the watermark: rows to come, and rows to go.
        const at = watermark + BigInt(below(25_000_000));
        const row: Row = [below(4), at, BigInt(below(3))];
        live.push(row);
        deltas.push([row, 1]);
      }
      if (!appendOnly) {
        for (const row of live.filter(() => below(5) === 0)) {
          deltas.push([row, -1]);
          live = live.filter((r) => r !== row);
        }
      }
      now += BigInt(below(40)) * SECOND;
      if (now - 20n * SECOND > watermark) watermark = now - 20n * SECOND;
      time.setWatermark(1, 1, watermark);
      time.setWatermark(1, 2, watermark - GAP);
      live = live.filter((row) => (row[1] as bigint) >= watermark);
      cleaned.tick(deltas);
      whole.tick(deltas);
      expect(unnamed(cleaned.probe)).toEqual(unnamed(whole.probe));
      most = Math.max(most, cleaned.stateRows());
    }
    expect(most).toBeLessThan(150);
    expect(whole.stateRows()).toBeGreaterThan(appendOnly ? 600 : 200);
    time.setWatermark(1, 1, watermark + 1000n * SECOND);
    time.setWatermark(1, 2, watermark + 900n * SECOND);
    cleaned.tick([]);
    expect(cleaned.stateRows()).toBe(0);
    expect(unnamed(cleaned.probe)).toEqual(unnamed(whole.probe));
  });
});
