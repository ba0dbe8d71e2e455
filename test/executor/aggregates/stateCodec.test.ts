/**
 * Accumulators survive checkpoints: after any rows, state that was encoded and decoded gives the results of the state
 * itself, at once and after more rows; and encodes to the same bytes again.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { ByteReader, ByteWriter } from '../../../common/byteWriter.ts';
import { type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type {
  AccumulatorState,
  AggregateFunction,
  EmitContext,
  TypePattern,
} from '../../../common/function.ts';
import { Interval } from '../../../common/interval.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Value } from '../../../common/value.ts';
import { aggregateFamilies } from '../../../executor/aggregates/index.ts';

const context = plainContext(() => 0n);
const specials = [Number.NaN, Infinity, -Infinity, 1e300, -1e300, 1e308, 5e-324, 0.1, 1e16, 1];

const values: { readonly [K in string]?: fc.Arbitrary<Value> } = {
  bool: fc.boolean(),
  int2: fc.integer({ min: -32768, max: 32767 }),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float4: fc.float({ noNaN: true, min: -1000, max: 1000 }).map((x) => Math.fround(x)),
  float8: fc.oneof(fc.double({ noNaN: true, min: -1e100, max: 1e100 }), fc.constantFrom(...specials)),
  numeric: fc.oneof(
    fc
      .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 6 }))
      .map(([c, scale]) => new Decimal(c, scale)),
    fc.constantFrom(Decimal.NAN, Decimal.INFINITY, Decimal.MINUS_INFINITY),
  ),
  interval: fc
    .tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -99, max: 99 }), fc.bigInt(-99n, 99n))
    .map(([months, days, micros]) => new Interval(months, days, micros)),
};

function typeOf(pattern: TypePattern): DataType {
  return Object.values(types).find((t) => t.id === pattern) ?? types.int4;
}

interface Machine {
  readonly accumulators: readonly AccumulatorState[];
  add(args: readonly Value[], weight: number): void;
  result(): Value;
  /** Number of rows, then the accumulators. */
  state(): unknown[];
  setState(state: readonly unknown[]): void;
}

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
  accumulators,
  add([${names.join(', ')}], w) { count += w; ${add} },
  result() { return count === 0 ? ${implementation.emptyResult ?? 'null'} : ${read}; },
  state() { return [${['count', ...state].join(', ')}]; },
  setState(from) { [${['count', ...state].join(', ')}] = from; },
};`;
  return new Function('constants', 'accumulators', text)(constants, implementation.state);
}

function encoded(machine: Machine): readonly (Uint8Array | null)[] {
  const [, ...accumulators] = machine.state();
  return machine.accumulators.map((accumulator, i) => {
    const value = accumulators[i] ?? null;
    if (accumulator.kind !== 'boxed' || value === null) return null;
    const out = new ByteWriter();
    accumulator.codec.encode(value, out);
    return out.bytes();
  });
}

/** Replaces boxed accumulators by what their bytes give. */
function passThroughBytes(machine: Machine): void {
  const bytes = encoded(machine);
  const [count, ...accumulators] = machine.state();
  const read = machine.accumulators.map((accumulator, i) => {
    const written = bytes[i] ?? null;
    if (accumulator.kind !== 'boxed' || written === null) return accumulators[i];
    const input = new ByteReader(written);
    const value = accumulator.codec.decode(input);
    expect(input.atEnd).toBe(true);
    return value;
  });
  machine.setState([count, ...read]);
  expect(encoded(machine)).toEqual(bytes);
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

const boxed = aggregateFamilies
  .flat()
  .filter((fn) => fn.kind === 'aggregate')
  .map((fn) => {
    const args = fn.args.map(typeOf);
    const result = typeof fn.returns === 'function' ? fn.returns(args) : typeOf(fn.returns);
    return { fn, args, result };
  })
  .filter(({ fn, args, result }) =>
    machineOf(fn, args, result)?.accumulators.some(({ kind }) => kind === 'boxed'),
  );

describe('state of aggregates in checkpoints', () => {
  it('is boxed for many', () => {
    expect(boxed.length).toBeGreaterThan(40);
  });

  for (const { fn, args, result } of boxed) {
    it(`goes on after ${fn.name}(${fn.args.join(', ')}) was written and read`, () => {
      const row = fc.tuple(...args.map((type) => values[type.id] ?? fc.integer()));
      const step = fc.record({ row, weight: fc.constantFrom(1, 1, 1, 2, -1, 70000) });
      const steps = fc.array(step, { maxLength: 10 });
      fc.assert(
        fc.property(steps, steps, (before, after) => {
          const machine = must(machineOf(fn, args, result));
          const twin = must(machineOf(fn, args, result));
          for (const { row: given, weight } of before) {
            machine.add(given, weight);
            twin.add(given, weight);
          }
          passThroughBytes(machine);
          expect(resultText(machine, result)).toBe(resultText(twin, result));
          for (const { row: given, weight } of after) {
            machine.add(given, weight);
            twin.add(given, weight);
          }
          expect(resultText(machine, result)).toBe(resultText(twin, result));
        }),
        { numRuns: 40, seed: 11 },
      );
    });
  }
});
