import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import { createMaterializedExprs } from '../../../executor/operators/materializedExprs.ts';
import type { TickContext } from '../../../executor/operators/operator.ts';
import type { PhysicalMaterializedExprs } from '../../../planner/plan/physical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { inputNode, Probe, schema, seeded, testContext } from '../../harness/operators.ts';
import { ManualTime } from '../../harness/time.ts';

const input = schema('k int4?, at int8');

function call(name: string, argTypes: readonly string[], args: readonly Scalar[]): Scalar {
  const fn = must(
    [...functionCatalog.byName(name), ...functionCatalog.operators(name)].find(
      (f) => f.kind === 'scalar' && f.args.join() === argTypes.join(),
    ),
  );
  return fn.kind === 'scalar'
    ? { kind: 'call', fn, args, type: name === '/' ? types.int4 : types.float8 }
    : must(args[0]);
}

const drawn = call('random', [], []);

function node(
  exprs: readonly Scalar[],
  options: { readonly appendOnly?: boolean; readonly clean?: PhysicalMaterializedExprs['clean'] } = {},
): PhysicalMaterializedExprs {
  const added = exprs.map((s, i) => ({ name: `v${i}`, type: s.type, nullable: true }));
  return {
    kind: 'MaterializedExprs',
    input: inputNode(input, options.appendOnly),
    exprs,
    schema: [...input, ...added],
    appendOnly: options.appendOnly ?? false,
    key: null,
    estimatedRows: 1,
    ...(options.clean === undefined ? {} : { clean: options.clean }),
  };
}

/** A context whose random() counts up. */
function counting(time = new ManualTime()): ReturnType<typeof testContext> & { weights: number[] } {
  const context = testContext(time);
  let next = 0;
  const weights: number[] = [];
  return {
    ...context,
    weights,
    eval: { ...context.eval, random: () => next++ },
    rowError: (error, weight, operator, row, columns) => {
      weights.push(weight);
      context.rowError(error, weight, operator, row, columns);
    },
  };
}

const probeOf = (
  exprs: readonly Scalar[],
  context: TickContext = counting(),
  options: Parameters<typeof node>[1] = {},
): Probe => new Probe(createMaterializedExprs(node(exprs, options), context));

describe('MaterializedExprs', () => {
  it('takes back what it gave', () => {
    const probe = probeOf([drawn]);
    expect(probe.tick(input, '+ 1 10\n+ 2 20')).toEqual(['+ 1 10 0', '+ 2 20 1']);
    expect(probe.tick(input, '- 1 10\n+ 3 30')).toEqual(['+ 3 30 2', '- 1 10 0']);
    expect(probe.tick(input, '- 2 20\n- 3 30')).toEqual(['- 2 20 1', '- 3 30 2']);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('gives each of equal rows a value', () => {
    const probe = probeOf([drawn]);
    expect(probe.tick(input, '+2 1 10\n+ 1 10')).toEqual(['+ 1 10 0', '+ 1 10 1', '+ 1 10 2']);
    expect(probe.tick(input, '-2 1 10')).toEqual(['- 1 10 1', '- 1 10 2']);
    expect(probe.tick(input, '+ 1 10')).toEqual(['+ 1 10 3']);
    expect(probe.rows()).toEqual(['1 10 0', '1 10 3']);
    expect(probe.tick(input, '-2 1 10').length).toBe(2);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('evaluates net changes only', () => {
    const probe = probeOf([drawn]);
    probe.tick(input, '+ 1 10');
    expect(probe.tick(input, '- 1 10\n+ 1 10\n+ 5 1\n- 5 1')).toEqual([]);
    expect(probe.tick(input, '- NULL 1\n+ NULL 1\n+ NULL 1')).toEqual(['+ NULL 1 1']);
    expect(probe.operator.stateRows()).toBe(4);
  });

  it('leaves rows out whose expression fails, and takes the error back with them', () => {
    const context = counting();
    const k: Scalar = { kind: 'column', index: 0, type: types.int4 };
    const one: Scalar = { kind: 'literal', value: 1, type: types.int4 };
    const probe = probeOf([drawn, call('/', ['int4', 'int4'], [one, k])], context);
    expect(probe.tick(input, '+ 1 10\n+ 0 20\n+ NULL 3')).toEqual(['+ 1 10 0 1', '+ NULL 3 2 NULL']);
    expect(context.errors.map((e) => e.state)).toEqual(['22012']);
    expect(probe.tick(input, '- 0 20\n- 1 10')).toEqual(['- 1 10 0 1']);
    expect(context.weights).toEqual([1, -1]);
    expect(probe.tick(input, '- NULL 3')).toEqual(['- NULL 3 2 NULL']);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('keeps nothing of rows that stay', () => {
    const probe = probeOf([drawn], counting(), { appendOnly: true });
    expect(probe.tick(input, '+ 1 10\n+ 1 10')).toEqual(['+ 1 10 0', '+ 1 10 1']);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('forgets rows behind the watermark', () => {
    const time = new ManualTime();
    const term = {
      kind: 'relation',
      relation: 1,
      column: 1,
      group: 0,
      lateness: 0n,
      type: types.int8,
    } as const;
    const probe = probeOf([drawn], counting(time), { clean: { column: 1, term } });
    probe.tick(input, '+2 1 10\n+ 2 20');
    expect(probe.operator.stateRows()).toBe(5);
    time.setWatermark(1, 1, 15n);
    expect(probe.operator.isDue?.()).toBe(true);
    expect(probe.tick(input, '+ 3 30')).toEqual(['+ 3 30 3']);
    expect(probe.operator.stateRows()).toBe(4);
    expect(probe.tick(input, '- 2 20\n- 3 30')).toEqual(['- 2 20 2', '- 3 30 3']);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it.each([1, 2, 3])('holds one value for each row over random ticks (seed %i)', (seed) => {
    const random = seeded(seed);
    const probe = probeOf([drawn, drawn]);
    const held: string[] = [];
    for (let tick = 0; tick < 40; tick++) {
      const lines: string[] = [];
      for (let r = 0; r < (tick === 20 ? 3000 : 8); r++) {
        if (random() < 0.55 || held.length === 0) {
          const row = `${Math.floor(random() * 4)} ${Math.floor(random() * 3)}`;
          held.push(row);
          lines.push(`+ ${row}`);
        } else lines.push(`- ${held.splice(Math.floor(random() * held.length), 1)[0]}`);
      }
      probe.tick(input, lines.join('\n'));
      const rows = probe.rows();
      expect(rows.map((row) => row.split(' ').slice(0, 2).join(' ')).sort()).toEqual([...held].sort());
      expect(new Set(rows.map((row) => row.split(' ')[2])).size).toBe(held.length);
    }
    probe.tick(input, held.map((row) => `- ${row}`).join('\n'));
    expect(probe.rows()).toEqual([]);
    expect(probe.operator.stateRows()).toBe(0);
  });
});
