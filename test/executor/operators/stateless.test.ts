import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { TableFunction } from '../../../common/function.ts';
import { TIMESTAMP_INFINITY, type Value } from '../../../common/value.ts';
import { createOperator } from '../../../executor/operators/index.ts';
import type { PhysicalHop, PhysicalPlan, PhysicalTableFunction } from '../../../planner/plan/physical.ts';
import { checkIncremental, inputNode, Probe, schema, testContext } from '../../harness/operators.ts';
import { call, column, int } from '../codegen/expressions.ts';

const input = schema('a int4, b int4?');
const properties = { appendOnly: false, key: null, estimatedRows: 1 };

function hop(time: 'timestamp' | 'date', slide: bigint, size: bigint, offset = 0n): PhysicalHop {
  const columns = schema(`id int4, t ${time}?`);
  const bounds = schema('window_start timestamp, window_end timestamp');
  return {
    ...properties,
    kind: 'Hop',
    input: inputNode(columns),
    time: 1,
    slideMicros: slide,
    sizeMicros: size,
    offsetMicros: offset,
    schema: [...columns, ...bounds],
  };
}

const upTo: TableFunction = {
  kind: 'table',
  name: 'up_to',
  args: ['int4'],
  columns: () => [{ name: 'n', type: types.int4 }],
  volatility: 'immutable',
  nulls: 'strict',
  doc: '',
  examples: [],
  implement: () =>
    function* (_context, n) {
      for (let i = 1; i <= Number(n); i++) yield [i];
    },
};

describe('calc', () => {
  const node: PhysicalPlan = {
    ...properties,
    kind: 'Calc',
    input: inputNode(input),
    condition: call('int4lt', types.bool, column(0, types.int4), int(3)),
    exprs: [call('int4pl', types.int4, column(0, types.int4), column(1, types.int4)), column(1, types.int4)],
    schema: schema('s int4?, b int4?'),
  };

  it('equals recomputation', () => {
    const scenario = {
      make: () => createOperator(node, testContext()),
      inputs: [input],
      row: (random: () => number): Value[] => [
        Math.floor(random() * 6),
        random() < 0.2 ? null : Math.floor(random() * 3),
      ],
      naive: ([rows = []]: readonly (readonly (readonly Value[])[])[]) =>
        rows
          .filter(([a]) => Number(a) < 3)
          .map(([a = null, b = null]) => [a === null || b === null ? null : Number(a) + Number(b), b]),
    };
    for (let seed = 1; seed < 5; seed++) checkIncremental(scenario, seed);
  });
});

describe('union all', () => {
  it('adds its inputs up', () => {
    const node: PhysicalPlan = {
      ...properties,
      kind: 'UnionAll',
      inputs: [inputNode(input), inputNode(input)],
      schema: input,
    };
    const scenario = {
      make: () => createOperator(node, testContext()),
      inputs: [input, input],
      row: (random: () => number) => [Math.floor(random() * 3), null],
      naive: ([left = [], right = []]: readonly (readonly (readonly Value[])[])[]) => [...left, ...right],
    };
    checkIncremental(scenario, 1);
  });
});

describe('values', () => {
  it('comes once', () => {
    const node: PhysicalPlan = {
      ...properties,
      kind: 'Values',
      rows: [
        [int(1), call('int4pl', types.int4, int(1), int(1))],
        [int(3), int(null)],
      ],
      schema: input,
    };
    const probe = new Probe(createOperator(node, testContext()));
    expect(probe.tick(input, '')).toEqual(['+ 1 2', '+ 3 NULL']);
    probe.last = [];
    probe.operator.flush(probe.emit);
    expect(probe.last).toEqual([]);
  });

  it('leaves rows out that fail', () => {
    const rows = [[call('int4div', types.int4, int(1), int(0)), int(1)]];
    const context = testContext();
    const probe = new Probe(createOperator({ ...properties, kind: 'Values', rows, schema: input }, context));
    expect(probe.tick(input, '')).toEqual([]);
    expect(context.errors.map((error) => error.message)).toEqual(['division by zero']);
  });
});

describe('hop', () => {
  it('gives each row once for every window that holds it', () => {
    const node = hop('timestamp', 10n, 30n);
    const probe = new Probe(createOperator(node, testContext()));
    expect(probe.tick(node.input.schema, '+ 1 25\n-2 2 -5\n+ 3 NULL\n+ 4 10')).toEqual([
      '+ 1 25 0 30',
      '+ 1 25 10 40',
      '+ 1 25 20 50',
      '+ 4 10 -10 20',
      '+ 4 10 0 30',
      '+ 4 10 10 40',
      '-2 2 -5 -10 20',
      '-2 2 -5 -20 10',
      '-2 2 -5 -30 0',
    ]);
  });

  it('takes an offset, and sizes that are no multiple of the slide', () => {
    const shifted = hop('timestamp', 10n, 10n, 23n);
    const probe = new Probe(createOperator(shifted, testContext()));
    expect(probe.tick(shifted.input.schema, '+ 1 13\n+ 2 12')).toEqual(['+ 1 13 13 23', '+ 2 12 3 13']);
    const uneven = hop('timestamp', 10n, 15n);
    const other = new Probe(createOperator(uneven, testContext()));
    expect(other.tick(uneven.input.schema, '+ 1 13\n+ 2 17')).toEqual([
      '+ 1 13 0 15',
      '+ 1 13 10 25',
      '+ 2 17 10 25',
    ]);
  });

  it('equals recomputation', () => {
    for (const [slide, size, offset] of [
      [7n, 21n, 3n],
      [7n, 10n, 0n],
      [10n, 4n, 1n],
    ] as const) {
      const node = hop('timestamp', slide, size, offset);
      const scenario = {
        make: () => createOperator(node, testContext()),
        inputs: [node.input.schema],
        row: (random: () => number) => [1, random() < 0.2 ? null : BigInt(Math.floor(random() * 100) - 50)],
        naive: ([rows = []]: readonly (readonly (readonly Value[])[])[]) =>
          rows.flatMap(([id = null, t = null]) => {
            const windows: Value[][] = [];
            for (let start = -210n + offset; start < 210n; start += slide) {
              if (t !== null && start <= (t as bigint) && start + size > (t as bigint))
                windows.push([id, t, start, start + size]);
            }
            return windows;
          }),
      };
      checkIncremental(scenario, 1);
    }
  });

  it('takes dates, and reports times without windows', () => {
    const days = hop('date', 86_400_000_000n, 172_800_000_000n);
    const probe = new Probe(createOperator(days, testContext()));
    expect(probe.tick(days.input.schema, '+ 1 1')).toEqual([
      '+ 1 1 0 172800000000',
      '+ 1 1 86400000000 259200000000',
    ]);
    const context = testContext();
    const node = hop('timestamp', 10n, 10n);
    const endless = new Probe(createOperator(node, context));
    expect(endless.tick(node.input.schema, `+ 1 ${TIMESTAMP_INFINITY}\n+ 2 3`)).toEqual(['+ 2 3 0 10']);
    expect(context.errors.length).toBe(1);
  });
});

describe('table function', () => {
  const make = (calls: PhysicalTableFunction['calls'], ordinality: boolean): Probe => {
    const columns = calls.map((_, i) => ({ name: `f${i}`, type: types.int4, nullable: true }));
    const number = { name: 'ordinality', type: types.int8, nullable: false };
    const node: PhysicalTableFunction = {
      ...properties,
      kind: 'TableFunction',
      input: inputNode(input),
      calls,
      ordinality,
      schema: [...input, ...columns, ...(ordinality ? [number] : [])],
    };
    return new Probe(createOperator(node, testContext()));
  };
  const a = { fn: upTo, args: [column(0, types.int4)] };
  const b = { fn: upTo, args: [column(1, types.int4)] };

  it('runs functions side by side', () => {
    const probe = make([a, b], true);
    expect(probe.tick(input, '+ 2 1\n- 1 NULL\n+ 0 0')).toEqual([
      '+ 2 1 1 1 1',
      '+ 2 1 2 NULL 2',
      '- 1 NULL 1 NULL 1',
    ]);
  });

  it('equals recomputation', () => {
    const scenario = {
      make: () => make([a], false).operator,
      inputs: [input],
      row: (random: () => number) => [Math.floor(random() * 4), null],
      naive: ([rows = []]: readonly (readonly (readonly Value[])[])[]) =>
        rows.flatMap(([n = null]) => Array.from({ length: Number(n) }, (_, i) => [n, null, i + 1])),
    };
    checkIncremental(scenario, 1);
  });
});
