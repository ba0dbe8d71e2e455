/** count, and the aggregates of bits and booleans, which count how many rows have each bit. */
import type { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import type { AggregateFunction } from '../../common/function.ts';
import { aggregate, linear, objectState, over, type SavedState } from './define.ts';

/** How many rows have each bit set. */
class BitCounts implements SavedState {
  readonly #counts: Float64Array;

  constructor(width: number) {
    this.#counts = new Float64Array(width);
  }

  add(n: number, weight: number): void {
    for (let rest = n, bit = 0; rest !== 0; rest >>>= 1, bit++) {
      if (rest & 1) this.#counts[bit] = (this.#counts[bit] ?? 0) + weight;
    }
  }

  addWide(n: bigint, weight: number): void {
    const unsigned = BigInt.asUintN(64, n);
    this.#addWord(Number(unsigned & 0xffffffffn), 0, weight);
    this.#addWord(Number(unsigned >> 32n), 32, weight);
  }

  #addWord(word: number, first: number, weight: number): void {
    for (let rest = word, bit = first; rest !== 0; rest >>>= 1, bit++) {
      if (rest & 1) this.#counts[bit] = (this.#counts[bit] ?? 0) + weight;
    }
  }

  write(out: ByteWriter): void {
    for (const count of this.#counts) out.float64(count);
  }

  read(input: ByteReader): void {
    for (let bit = 0; bit < this.#counts.length; bit++) this.#counts[bit] = input.float64();
  }

  /** The number whose bits are those for which `test` holds of the count. */
  where(test: (count: number) => boolean): bigint {
    let result = 0n;
    this.#counts.forEach((count, bit) => {
      if (test(count)) result |= 1n << BigInt(bit);
    });
    return result;
  }
}

type IntegerId = 'int2' | 'int4' | 'int8';

function ofWidth(type: IntegerId, bits: bigint): number | bigint {
  if (type === 'int8') return BigInt.asIntN(64, bits);
  return Number(BigInt.asIntN(type === 'int4' ? 32 : 16, bits));
}

const widths: { readonly [K in IntegerId]: number } = { int2: 16, int4: 32, int8: 64 };

function bitCounting(
  type: IntegerId,
  test: (count: number, rows: number) => boolean,
): AggregateFunction['implement'] {
  const result = (state: BitCounts, rows: number): number | bigint =>
    ofWidth(
      type,
      state.where((count) => test(count, rows)),
    );
  const create = (): BitCounts => new BitCounts(widths[type]);
  return type === 'int8'
    ? objectState({
        create,
        add: (state: BitCounts, weight: number, x: bigint) => state.addWide(x, weight),
        result,
      })
    : objectState({
        create,
        add: (state: BitCounts, weight: number, x: number) =>
          state.add(type === 'int2' ? x & 0xffff : x >>> 0, weight),
        result,
      });
}

function bits(type: IntegerId): readonly AggregateFunction[] {
  const rows = over(`6::${type}`, `3::${type}`);
  return [
    aggregate({
      name: 'bit_and',
      args: [type],
      returns: type,
      doc: 'Bitwise AND of all values.',
      examples: [[`bit_and(x) ${rows}`, '2']],
      implement: bitCounting(type, (count, all) => count === all),
    }),
    aggregate({
      name: 'bit_or',
      args: [type],
      returns: type,
      doc: 'Bitwise OR of all values.',
      examples: [[`bit_or(x) ${rows}`, '7']],
      implement: bitCounting(type, (count) => count !== 0),
    }),
    aggregate({
      name: 'bit_xor',
      args: [type],
      returns: type,
      doc: 'Bitwise exclusive OR of all values.',
      examples: [[`bit_xor(x) ${rows}`, '5']],
      // An even number of equal values cancels out, whether they come or go.
      implement: linear({
        state: [type === 'int8' ? { kind: 'i64', initial: '0n' } : { kind: 'i32', initial: '0' }],
        add: ([state = ''], [x = ''], weight) => `if (${weight} & 1) ${state} ^= ${x};`,
        result: ([state = '']) => state,
      }),
    }),
  ];
}

/** Counts the rows with the value that decides; the result follows from whether there is one. */
function deciding(value: boolean): AggregateFunction['implement'] {
  return linear({
    state: [{ kind: 'f64', initial: '0' }],
    add: ([state = ''], [x = ''], weight) => `if (${value ? '' : '!'}${x}) ${state} += ${weight};`,
    result: ([state = '']) => `(${state} ${value ? '!==' : '==='} 0)`,
  });
}

const countResult = linear({
  state: [],
  add: () => '',
  result: (_state, count) => `BigInt(${count})`,
  emptyResult: '0n',
});

export const countingAggregates: readonly AggregateFunction[] = [
  aggregate({
    name: 'count',
    args: [],
    returns: 'int8',
    nulls: 'called',
    doc: 'Number of rows: count(*).',
    examples: [[`count(*) ${over('1', 'NULL')}`, '2']],
    implement: countResult,
  }),
  aggregate({
    name: 'count',
    args: ['any'],
    returns: 'int8',
    doc: 'Number of rows where the argument is not NULL.',
    examples: [[`count(x) ${over('1', 'NULL')}`, '1']],
    implement: countResult,
  }),
  aggregate({
    name: 'bool_and',
    args: ['bool'],
    returns: 'bool',
    doc: 'True if all values are true.',
    examples: [[`bool_and(x) ${over('true', 'false', 'NULL')}`, 'f']],
    implement: deciding(false),
  }),
  aggregate({
    name: 'every',
    args: ['bool'],
    returns: 'bool',
    doc: 'True if all values are true.',
    examples: [[`every(x) ${over('true', 'true')}`, 't']],
    implement: deciding(false),
  }),
  aggregate({
    name: 'bool_or',
    args: ['bool'],
    returns: 'bool',
    doc: 'True if any value is true.',
    examples: [[`bool_or(x) ${over('true', 'false')}`, 't']],
    implement: deciding(true),
  }),
  ...(['int2', 'int4', 'int8'] as const).flatMap(bits),
];
