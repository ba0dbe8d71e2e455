/** Session windows: the sessions of random histories, compared with recomputation up to the names of the sessions. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { SessionOperator } from '../../../executor/operators/session.ts';
import type { PhysicalSession } from '../../../planner/plan/physical.ts';
import { sessionRows } from '../../harness/naive/evaluateLogical.ts';
import {
  checkIncremental,
  inputNode,
  Probe,
  type Scenario,
  schema,
  showRow,
  testContext,
} from '../../harness/operators.ts';
import { ManualTime } from '../../harness/time.ts';

const GAP = 5n;
const columns = schema('k int4?, at int8?, v text?');
const output = [...columns, { name: 'session', type: types.int8, nullable: true }];

function node(partition: readonly number[], appendOnly: boolean, clean = false): PhysicalSession {
  const bound = {
    column: 1,
    term: { kind: 'relation', relation: 1, column: 1, group: 0, lateness: 0n, type: types.int8 },
  } as const;
  return {
    kind: 'Session',
    input: inputNode(columns, appendOnly),
    partition,
    time: 1,
    gapMicros: GAP,
    schema: output,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...(clean ? { clean: bound } : {}),
  };
}

/** Rows with the sessions named by their rows. */
function named(rows: readonly Row[]): string[] {
  const members = new Map<string, string[]>();
  const key = (row: Row): string => String(row[3]);
  for (const row of rows) {
    const list = members.get(key(row)) ?? [];
    list.push(showRow(row.slice(0, 3)));
    members.set(key(row), list);
  }
  return rows
    .map((row) => {
      const session =
        row[3] === null
          ? 'none'
          : must(members.get(key(row)))
              .sort()
              .join();
      return `${showRow(row.slice(0, 3))} in ${session}`;
    })
    .sort();
}

/** The accumulated output as rows. */
function held(probe: Probe): Row[] {
  return probe.rows().map((text) => {
    const [k = '', at = '', v = '', id = ''] = text.split(' ');
    const value = (x: string): bigint | null => (x === 'NULL' ? null : BigInt(x));
    return [k === 'NULL' ? null : Number(k), value(at), v === 'NULL' ? null : v, value(id)];
  });
}

const inputTypes = columns.map((c) => c.type);

const scenario = (partition: readonly number[], appendOnly: boolean, span: number): Scenario => {
  const naive = (rows: readonly Row[]): readonly Row[] =>
    sessionRows({ partition, time: 1, gapMicros: GAP }, rows, inputTypes);
  return {
    make: () => new SessionOperator(node(partition, appendOnly), testContext()),
    inputs: [columns],
    row: (random) => {
      const below = (n: number): number => Math.floor(random() * n);
      const k = below(8) === 0 ? null : below(2);
      return [k, below(15) === 0 ? null : BigInt(below(span)), below(3) === 0 ? null : 'x'];
    },
    naive: ([rows]) => naive(must(rows)),
    check: (probe, [rows]) => expect(named(held(probe))).toEqual(named(naive(must(rows)))),
    appendOnly,
    ticks: 30,
    rowsPerTick: 20,
  };
};

describe('session', () => {
  for (const [name, partition, span] of [
    ['one partition', [], 200],
    ['partitions', [0], 150],
    ['dense', [0], 30],
    ['sparse', [0], 2000],
  ] as const) {
    it.each([1, 2, 3, 4, 5, 6])(`${name}: random changes %i`, (seed) => {
      checkIncremental(scenario(partition, false, span), seed);
    });
    it.each([1, 2])(`${name}: random insertions %i`, (seed) => {
      checkIncremental(scenario(partition, true, span), seed);
    });
  }

  it('extends a session without touching its rows', () => {
    const probe = new Probe(new SessionOperator(node([0], false), testContext()));
    probe.tick(columns, '+ 1 0 a\n+ 1 3 b\n+ 2 1 c');
    expect(probe.tick(columns, '+ 1 8 d')).toEqual(['+ 1 8 d 1']);
    expect(probe.tick(columns, '- 1 8 d\n+ 1 8 e')).toEqual(['+ 1 8 e 1', '- 1 8 d 1'].sort());
    expect(probe.tick(columns, '+ 2 2 f')).toEqual(['+ 2 2 f 2']);
  });

  it('relabels the smaller side of a merge and of a split', () => {
    const probe = new Probe(new SessionOperator(node([], false), testContext()));
    probe.tick(columns, '+ 1 0 a\n+ 1 1 b\n+ 1 2 c\n+ 1 10 d');
    expect(probe.tick(columns, '+ 1 6 m')).toEqual(['+ 1 10 d 1', '+ 1 6 m 1', '- 1 10 d 2']);
    expect(probe.tick(columns, '- 1 6 m')).toEqual(['+ 1 10 d 3', '- 1 10 d 1', '- 1 6 m 1']);
  });

  it('is silent when the rows of a tick cancel out', () => {
    const probe = new Probe(new SessionOperator(node([], false), testContext()));
    probe.tick(columns, '+ 1 0 a\n+ 1 10 b');
    expect(probe.tick(columns, '- 1 5 x\n+ 1 5 x')).toEqual([]);
    expect(probe.tick(columns, '+2 1 0 a')).toEqual(['+2 1 0 a 1']);
    expect(probe.tick(columns, '- 1 0 a\n- 1 0 a')).toEqual(['-2 1 0 a 1']);
  });

  it('passes rows without a time on', () => {
    const operator = new SessionOperator(node([], false), testContext());
    const probe = new Probe(operator);
    expect(probe.tick(columns, '+ 1 NULL a\n+ 1 0 b')).toEqual(['+ 1 0 b 1', '+ 1 NULL a NULL']);
    probe.tick(columns, '- 1 0 b');
    expect(operator.stateRows()).toBe(0);
  });

  it.each([true, false])(
    'forgets sessions that the watermark has left behind (append-only: %s)',
    (appendOnly) => {
      const time = new ManualTime();
      const operator = new SessionOperator(node([0], appendOnly, true), testContext(time));
      const probe = new Probe(operator);
      probe.tick(columns, '+ 1 0 a\n+ 1 5 b\n+ 2 3 c\n+ 2 20 d');
      expect(operator.stateRows()).toBe(4 + 2 + 3);
      time.setWatermark(1, 1, 8n);
      operator.flush(probe.emit);
      expect(operator.stateRows()).toBe(4 + 2 + 3);
      expect(operator.isDue()).toBe(false);
      time.setWatermark(1, 1, 9n);
      expect(operator.isDue()).toBe(true);
      operator.flush(probe.emit);
      expect(operator.stateRows()).toBe(3 + 2 + 2);
      // At the watermark, within reach of the session that is left.
      expect(probe.tick(columns, '+ 1 10 e')).toEqual(['+ 1 10 e 1']);
      time.setWatermark(1, 1, 16n);
      operator.flush(probe.emit);
      expect(operator.stateRows()).toBe(1 + 1 + 1);
      time.setWatermark(1, 1, 26n);
      operator.flush(probe.emit);
      expect(operator.stateRows()).toBe(0);
      expect(probe.last).toEqual(['+ 1 10 e 1']);
      expect(probe.tick(columns, '+ 1 30 f')).toEqual(['+ 1 30 f 4']);
    },
  );
});
