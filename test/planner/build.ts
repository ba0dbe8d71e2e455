/** Small tables, expressions by operator name, and a planner environment for tests that build plans by hand. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type Column, type DataType, types } from '../../common/dataType.ts';
import type { AggregateFunction, WindowFunction } from '../../common/function.ts';
import type { Row, Value } from '../../common/value.ts';
import { evaluateScalar } from '../../executor/codegen/evaluate.ts';
import { functionCatalog } from '../../executor/functions/index.ts';
import type { PlannerEnv } from '../../planner/evaluator.ts';
import type { AggregateCall, SortKey, WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { column, literal } from '../../planner/plan/scalars.ts';
import { testContext } from '../harness/naive/scalars.ts';

export const env: PlannerEnv = {
  functions: functionCatalog,
  evaluator: { evaluate: (scalar) => evaluateScalar(scalar, testContext) },
};

export function relation(
  id: number,
  name: string,
  columns: readonly (readonly [name: string, type: DataType, nullable?: boolean])[],
  options: Partial<RelationEntry> = {},
): RelationEntry {
  return {
    id,
    schema: 'public',
    name,
    kind: 'table',
    columns: columns.map(
      ([columnName, type, nullable]): Column => ({ name: columnName, type, nullable: nullable ?? true }),
    ),
    key: null,
    declaredKey: false,
    appendOnly: false,
    watermark: null,
    watermarked: [],
    processTime: [],
    indexes: [],
    definition: null,
    searchPath: ['public'],
    rowCount: () => 100,
    ...options,
  };
}

const { int4, text } = types;

/** t(a, b), s(x, y): anything may be NULL or repeat. u(id, v): keyed by id. */
export const t = relation(1, 't', [
  ['a', int4],
  ['b', int4],
]);
export const s = relation(2, 's', [
  ['x', int4],
  ['y', int4],
]);
export const u = relation(
  3,
  'u',
  [
    ['id', int4, false],
    ['v', int4],
    ['w', text],
  ],
  {
    key: [0],
    declaredKey: true,
    indexes: [{ id: 30, name: 'u_v', columns: [1], descending: [false], unique: false }],
  },
);

export function scan(entry: RelationEntry): LogicalPlan {
  return { kind: 'Scan', relation: entry, columns: [...entry.columns.keys()], schema: entry.columns };
}

export const col = (index: number, type: DataType = int4): Scalar => column(index, type);
export const outer = (index: number, depth = 1, type: DataType = int4): Scalar => ({
  kind: 'outer',
  depth,
  index,
  type,
});
export const int = (value: number | null): Scalar => literal(value, int4);
export const big = (value: bigint): Scalar => literal(value, types.int8);

/** left operator right, by the registry's function for the operands' types. */
export function op(left: Scalar, operator: string, right: Scalar): Scalar {
  const fn = must(
    functionCatalog
      .operators(operator)
      .find((f) => f.args.length === 2 && f.args[0] === left.type.id && f.args[1] === right.type.id),
    `${left.type.id} ${operator} ${right.type.id}`,
  );
  const type = typeof fn.returns === 'function' ? fn.returns([left.type, right.type]) : { id: fn.returns };
  return { kind: 'call', fn, args: [left, right], type: type as DataType };
}

export function aggregateFunction(name: string, args: readonly DataType[]): AggregateFunction {
  const candidates = functionCatalog
    .byName(name)
    .filter((f) => f.kind === 'aggregate' && f.args.length === args.length);
  const exact = candidates.find((f) => f.args.every((p, i) => p === args[i]?.id));
  const found = must(
    exact ?? candidates.find((f) => f.args.every((p) => p.startsWith('any'))),
    `aggregate ${name}`,
  );
  return found as AggregateFunction;
}

export function call(
  name: string,
  args: readonly number[],
  input: LogicalPlan,
  type: DataType,
): AggregateCall {
  const argumentTypes = args.map((a) => must(input.schema[a]).type);
  return {
    fn: aggregateFunction(name, argumentTypes),
    args,
    distinct: false,
    filter: null,
    orderBy: [],
    type,
  };
}

export function windowCall(name: string, args: readonly number[], type: DataType): WindowCall {
  const fn = must(functionCatalog.byName(name).find((f) => f.kind === 'window')) as WindowFunction;
  return {
    fn,
    args,
    filter: null,
    ignoreNulls: false,
    distinct: false,
    frame: {
      unit: 'range',
      start: { bound: 'unbounded preceding', offset: null },
      end: { bound: 'current row', offset: null },
      exclude: 'no others',
    },
    type,
  };
}

export const ascending = (...columns: readonly number[]): readonly SortKey[] =>
  columns.map((c) => ({ column: c, descending: false, nullsFirst: false }));

/** A deterministic generator: the same seed gives the same tables. */
export function randomTables(seed: number): ReadonlyMap<number, readonly Row[]> {
  let state = seed * 2654435761 + 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const value = (): Value => (next(4) === 0 ? null : next(4));
  const rows = (): Row[] => Array.from({ length: next(7) }, () => [value(), value()]);
  const ids = [0, 1, 2, 3, 4].filter(() => next(2) === 0);
  return new Map<number, readonly Row[]>([
    [t.id, rows()],
    [s.id, rows()],
    [u.id, ids.map((id) => [id, value(), next(3) === 0 ? null : `w${next(2)}`])],
  ]);
}
