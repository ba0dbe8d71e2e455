/** Helpers to write aggregates as literals. */
import { must } from '../../common/assert.ts';
import type { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import type { DataType } from '../../common/dataType.ts';
import type {
  AggregateFunction,
  AggregateImplementation,
  EmitContext,
  OrderedRows,
  ResultType,
  TypePattern,
} from '../../common/function.ts';
import { stateCodec } from '../../common/stateCodec.ts';
import type { Value } from '../../common/value.ts';

type Linear = Extract<AggregateImplementation, { readonly form: 'linear' }>;

interface AggregateLiteral {
  readonly name: string;
  readonly args: readonly TypePattern[];
  readonly returns: ResultType;
  readonly nulls?: 'skip' | 'called';
  readonly orderSensitive?: boolean;
  readonly orderedSet?: boolean;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, result: string])[];
  readonly implement: AggregateFunction['implement'];
}

/** An aggregate; by default it skips NULLs and does not depend on order. */
export function aggregate({ nulls, orderSensitive, ...rest }: AggregateLiteral): AggregateFunction {
  return { kind: 'aggregate', nulls: nulls ?? 'skip', orderSensitive: orderSensitive ?? false, ...rest };
}

/** A linear implementation. */
export function linear(implementation: Omit<Linear, 'form'>): () => Linear {
  return () => ({ form: 'linear', ...implementation });
}

/** State that checkpoints keep. */
export interface SavedState {
  write(out: ByteWriter): void;
  /** Into a new one: reads what `write` wrote. */
  read(input: ByteReader): void;
}

/**
 * A linear implementation whose state is one object: made by `create` with the first row, changed in place by `add`,
 * read by `result`, which may give null.
 */
export function objectState<S extends SavedState>(body: {
  readonly create: () => S;
  readonly add: (state: S, weight: number, ...args: never[]) => void;
  readonly result: (state: S, count: number) => Value;
}): () => Linear {
  const { create, result } = body;
  const codec = stateCodec<S>(
    (state, out) => state.write(out),
    (input) => {
      const state = create();
      state.read(input);
      return state;
    },
  );
  // Generated code passes the arguments that the signature promises.
  const add = body.add as (state: S, weight: number, ...args: unknown[]) => void;
  const update = (state: S | null, weight: number, ...args: unknown[]): S => {
    const current = state ?? create();
    add(current, weight, ...args);
    return current;
  };
  return linear({
    state: [{ kind: 'boxed', initial: 'null', codec }],
    add: ([state = ''], args, weight, g: EmitContext) =>
      `${state} = ${g.constant(update)}(${[state, weight, ...args].join(', ')});`,
    result: ([state = ''], count, g) => `${g.constant(result)}(${state}, ${count})`,
  });
}

/** An implementation that looks at all rows of the group. */
export function collect(
  finish: (rows: Iterable<readonly Value[]>, types: readonly DataType[]) => Value,
): AggregateFunction['implement'] {
  return (types) => ({ form: 'collect', finish: (rows) => finish(rows, types) });
}

/**
 * An implementation that looks at a few of the group's rows, by their place in the call's order. `sorted`: the argument
 * that the order is by.
 */
export function lookUp(find: (rows: OrderedRows) => Value, sorted: number): AggregateFunction['implement'] {
  const finish = (rows: Iterable<readonly Value[]>): Value => {
    const list = [...rows];
    return find({
      length: list.length,
      nulls: () => list.reduce((sum, row) => (row[sorted] === null ? sum + 1 : sum), 0),
      at: (place) => must(list[place]),
    });
  };
  return () => ({ form: 'collect', finish, index: { kind: 'place', find } });
}

/** FROM clause of the examples: rows of one column x. */
export function over(...values: readonly string[]): string {
  return `FROM (VALUES ${values.map((value) => `(${value})`).join(', ')}) AS v(x)`;
}

/** FROM clause of the examples: rows of two columns x, y. */
export function overPairs(...rows: readonly string[]): string {
  return `FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')}) AS v(x, y)`;
}
