/**
 * Linear aggregates are groups: after any sequence of additions and removals the state gives what the rows that are left
 * give by themselves, whatever the order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { AggregateFunction, EmitContext, TypePattern } from '../../../common/function.ts';
import { Interval } from '../../../common/interval.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Value } from '../../../common/value.ts';
import { aggregateFamilies } from '../../../executor/aggregates/index.ts';

const context = plainContext(() => 0n);

const specials = [Number.NaN, Infinity, -Infinity, 1e300, -1e300, 1e-300, 5e-324, 0.1, 1e16, 1];

const values: { readonly [K in string]?: fc.Arbitrary<Value> } = {
  bool: fc.boolean(),
  int2: fc.integer({ min: -32768, max: 32767 }),
  int4: fc.integer(),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float4: fc
    .float({ noNaN: true, min: Math.fround(-1e30), max: Math.fround(1e30) })
    .map((x) => Math.fround(x)),
  float8: fc.oneof(fc.double({ noNaN: true, min: -1e100, max: 1e100 }), fc.constantFrom(...specials)),
  numeric: fc.oneof(
    fc
      .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 6 }))
      .map(([c, scale]) => new Decimal(c, scale)),
    fc.constantFrom(Decimal.NAN, Decimal.INFINITY, Decimal.MINUS_INFINITY),
  ),
  interval: fc
    .tuple(
      fc.integer({ min: -99, max: 99 }),
      fc.integer({ min: -99, max: 99 }),
      fc.bigInt({ min: -99n, max: 99n }),
    )
    .map(([months, days, micros]) => new Interval(months, days, micros)),
};

function typeOf(pattern: TypePattern): DataType {
  const type = Object.values(types).find((t) => t.id === pattern);
  return type ?? types.int4;
}

interface Machine {
  add(args: readonly Value[], weight: number): void;
  result(): Value;
}

/** Compiles the emitted statements as the operator does. */
function machineOf(fn: AggregateFunction, args: readonly DataType[], result: DataType): Machine | null {
  const implementation = fn.implement(args, result);
  if (implementation.form !== 'linear') return null;
  const constants: unknown[] = [];
  let temps = 0;
  const g: EmitContext = {
    constant: (value) => `constants[${constants.push(value) - 1}]`,
    temp: () => `temp${temps++}`,
    context: 'context',
  };
  const state = implementation.state.map((_, i) => `s${i}`);
  const names = args.map((_, i) => `a${i}`);
  const add = implementation.add(state, names, 'w', g);
  const read = implementation.result(state, 'count', g);
  const text = `let count = 0;
${implementation.state.map(({ initial }, i) => `let s${i} = ${initial};`).join('\n')}
return {
  add([${names.join(', ')}], w) { count += w; ${add} },
  result() { return count === 0 ? ${implementation.emptyResult ?? 'null'} : ${read}; },
};`;
  return new Function('constants', text)(constants);
}

function resultText(machine: Machine, type: DataType): string {
  try {
    const value = machine.result();
    return value === null ? 'NULL' : formatValue(value, type, context);
  } catch (error) {
    if (error instanceof SqlError) return `${error.state} ${error.message}`;
    throw error;
  }
}

const linear = aggregateFamilies
  .flat()
  .filter((fn) => fn.kind === 'aggregate')
  .map((fn) => {
    const args = fn.args.map(typeOf);
    const result = typeof fn.returns === 'function' ? fn.returns(args) : typeOf(fn.returns);
    return { fn, args, result };
  })
  .filter(({ fn, args, result }) => machineOf(fn, args, result) !== null);

describe('linear aggregates', () => {
  it('are most of them', () => {
    expect(linear.length).toBeGreaterThan(60);
  });

  for (const { fn, args, result } of linear) {
    it(`${fn.name}(${fn.args.join(', ')}) forgets rows that went`, () => {
      const row = fc.tuple(...args.map((type) => values[type.id] ?? fc.integer()));
      const step = fc.record({ row, weight: fc.constantFrom(1, 1, 1, 2, 3, 70000), keep: fc.boolean() });
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 12 }),
          fc.array(fc.nat(), { maxLength: 12 }),
          (steps, order) => {
            const machine = must(machineOf(fn, args, result));
            const left = must(machineOf(fn, args, result));
            for (const s of steps) machine.add(s.row, s.weight);
            const gone = steps.filter((s) => !s.keep);
            const rank = (i: number): number => order[i] ?? i;
            const shuffled = gone.map((s, i) => ({ s, i })).sort((a, b) => rank(a.i) - rank(b.i));
            for (const { s } of shuffled) machine.add(s.row, -s.weight);
            for (const s of steps.filter((kept) => kept.keep).reverse()) left.add(s.row, s.weight);
            expect(resultText(machine, result)).toBe(resultText(left, result));
          },
        ),
        { numRuns: 60, seed: 7 },
      );
    });
  }
});
