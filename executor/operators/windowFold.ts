/** Aggregates over window frames: values are added as the frame takes rows in, and taken away where that is possible. */
import { must } from '../../common/assert.ts';
import { comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { AggregateFunction, AggregateImplementation, EvalContext } from '../../common/function.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import { Emitter } from '../codegen/emitter.ts';
import { instantiate } from '../codegen/program.ts';
import type { Collect, Linear } from './aggregateLayout.ts';

export interface Fold {
  /** Empties the frame. */
  reset(): void;
  /** Takes a row's arguments in at the end. Rows that the aggregate skips are not given. */
  add(args: readonly Value[]): void;
  /** Takes a row out; null where a frame that loses rows must be added up anew. */
  readonly remove: ((args: readonly Value[]) => void) | null;
  result(): Value;
}

/** An aggregate over arguments of some types; each fold is a frame of its own. */
export interface FoldMaker {
  readonly form: AggregateImplementation['form'];
  readonly make: () => Fold;
}

interface LinearProgram {
  reset(): void;
  add(args: readonly Value[], weight: number): void;
  result(): Value;
}

function linearFolds(linear: Linear, args: number, context: EvalContext): () => Fold {
  const emitter = new Emitter({
    column: () => ({ value: 'null', isNull: null }),
    positionVariable: null,
    inlineLiterals: true,
  });
  const states = linear.state.map(() => emitter.temp());
  const initial = linear.state.map((state, s) => `${states[s]} = ${state.initial};`).join(' ');
  const values = Array.from({ length: args }, (_, a) => `a${a}`);
  const binds = values.map((value, a) => `const ${value} = args[${a}];`).join(' ');
  const add = linear.add(states, values, 'w', emitter);
  const result = linear.result(states, 'count', emitter);
  const { emptyValue } = linear;
  const empty =
    emptyValue === undefined ? (linear.emptyResult ?? 'null') : `${emitter.constant(emptyValue)}()`;
  const text = `const ctx = ${emitter.constant(context)};
return () => {
let count = 0${states.map((state) => `, ${state}`).join('')};
${initial}
return {
reset: () => { count = 0; ${initial} },
add: (args, w) => { ${binds} ${add}\ncount += w; },
result: () => count === 0 ? ${empty} : ${result},
};
};`;
  const make = instantiate<() => LinearProgram>(text, emitter.constants);
  return () => {
    const program = make();
    return {
      reset: () => program.reset(),
      add: (row) => program.add(row, 1),
      remove: (row) => program.add(row, -1),
      result: () => program.result(),
    };
  };
}

function extremeFold(end: 'min' | 'max', type: DataType): Fold {
  const compare = comparator(type);
  let best: NonNullValue | null = null;
  return {
    reset: () => {
      best = null;
    },
    add: ([value]) => {
      const x = must(value);
      if (best === null || compare(x, best) < 0 === (end === 'min')) best = x;
    },
    remove: null,
    result: () => best,
  };
}

function collectFold({ finish, overNothing }: Collect): Fold {
  let rows: (readonly Value[])[] = [];
  return {
    reset: () => {
      rows = [];
    },
    add: (row) => {
      rows.push(row);
    },
    remove: null,
    result: () => (rows.length === 0 && overNothing !== true ? null : finish(rows)),
  };
}

/** Folds of the aggregate over arguments of these types. */
export function foldsOf(
  fn: AggregateFunction,
  types: readonly DataType[],
  type: DataType,
  context: EvalContext,
): FoldMaker {
  const implementation = fn.implement(types, type);
  const { form } = implementation;
  switch (form) {
    case 'linear':
      return { form, make: linearFolds(implementation, types.length, context) };
    case 'extreme':
      return { form, make: () => extremeFold(implementation.end, must(types[0])) };
    case 'collect':
      return { form, make: () => collectFold(implementation) };
  }
}

/** A fold of the aggregate over arguments of these types. */
export function createFold(
  fn: AggregateFunction,
  types: readonly DataType[],
  type: DataType,
  context: EvalContext,
): Fold {
  return foldsOf(fn, types, type, context).make();
}
