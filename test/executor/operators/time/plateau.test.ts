import { describe, expect, it } from 'vitest';
import { must } from '../../../../common/assert.ts';
import { types } from '../../../../common/dataType.ts';
import type { Row } from '../../../../common/value.ts';
import { functionCatalog } from '../../../../executor/functions/index.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { AggregateCall } from '../../../../planner/plan/aggregateCall.ts';
import type { PhysicalPlan } from '../../../../planner/plan/physical.ts';
import { batches, inputNode, Probe, schema, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';
import { term } from './cleaningHarness.ts';

const input = schema('at timestamp, k text, x int8, id int8');
const base = { key: null, estimatedRows: 1, appendOnly: false } as const;
const bound = { column: 0, term: term(1, types.timestamp) };
const SECOND = 1_000_000n;
/** Rows come up to so many seconds out of order. */
const DISORDER = 20;
const TICK_ROWS = 100;

function call(name: string): AggregateCall {
  const found = functionCatalog.byName(name).find((f) => f.kind === 'aggregate' && f.args[0] !== 'numeric');
  if (found?.kind !== 'aggregate') throw new TypeError(`no aggregate ${name}`);
  return { fn: found, args: [2], distinct: true, filter: null, orderBy: [], type: types.int8 };
}

const child = inputNode(input);
const plans: Readonly<Record<string, PhysicalPlan>> = {
  Aggregate: {
    ...base,
    kind: 'Aggregate',
    input: child,
    keys: [0, 1],
    aggregates: [call('count'), call('max')],
    global: false,
    schema: [...input.slice(0, 2), must(input[2]), must(input[2])],
    clean: bound,
  },
  Distinct: { ...base, kind: 'Distinct', input: child, schema: input, clean: bound },
  TopN: {
    ...base,
    kind: 'TopN',
    input: child,
    partition: [0, 1],
    order: [{ column: 2, descending: true, nullsFirst: false }],
    limit: 3,
    offset: 0,
    withTies: false,
    rank: null,
    schema: input,
    clean: bound,
  },
  Join: {
    ...base,
    kind: 'Join',
    type: 'left',
    left: child,
    right: child,
    leftKeys: [1, 0],
    rightKeys: [1, 0],
    nullSafe: [false, false],
    residual: null,
    nullAware: false,
    schema: [...input, ...input],
    clean: { left: bound, right: bound },
  },
  Close: {
    ...base,
    kind: 'Close',
    input: child,
    column: 0,
    term: bound.term,
    corrections: false,
    schema: input,
  },
};

interface Most {
  readonly rows: number;
  readonly bytes: number;
}

/** The most state that is held while so many ticks go by. */
function most(plan: PhysicalPlan, ticks: number): Most {
  const random = new Random(6);
  const time = new ManualTime();
  const probe = new Probe(createOperator(plan, testContext(time)));
  const { operator } = probe;
  const emit = (): void => undefined;
  let rows = 0;
  let bytes = 0;
  let id = 0n;
  for (let t = 0; t < ticks; t++) {
    for (const port of plan.kind === 'Join' ? [0, 1] : [0]) {
      const changes = Array.from({ length: TICK_ROWS }, (): readonly [Row, number] => {
        const at = BigInt(t + random.below(DISORDER));
        return [[at * SECOND, `key ${random.below(5)}`, BigInt(random.below(1000)), id++], 1];
      });
      for (const batch of batches(input, changes)) operator.push(port, batch, emit);
    }
    time.setWatermark(1, 0, BigInt(t) * SECOND);
    operator.flush(emit);
    rows = Math.max(rows, operator.stateRows());
    bytes = Math.max(bytes, operator.stateBytes());
  }
  return { rows, bytes };
}

describe('ten times the events need no more state', () => {
  for (const [name, plan] of Object.entries(plans)) {
    it(name, () => {
      const short = most(plan, 60);
      const long = most(plan, 600);
      expect(long.rows).toBeLessThan(short.rows * 1.3);
      // Blocks of memory double, so a few more rows may need twice as much.
      expect(long.bytes).toBeLessThanOrEqual(short.bytes * 2);
    });
  }
});

describe('a change below the watermark that has passed', () => {
  for (const name of ['Aggregate', 'Distinct', 'TopN'] as const) {
    it(`is refused: ${name}`, () => {
      const time = new ManualTime();
      const { operator } = new Probe(createOperator(must(plans[name]), testContext(time)));
      const row = (at: bigint) => must(batches(input, [[[at * SECOND, 'a', 1n, 1n], 1]])[0]);
      operator.push(0, row(1n), () => undefined);
      time.setWatermark(1, 0, 100n * SECOND);
      operator.flush(() => undefined);
      expect(operator.stateRows()).toBe(0);
      expect(() => operator.push(0, row(2n), () => undefined)).toThrow('below the watermark');
    });
  }
});
