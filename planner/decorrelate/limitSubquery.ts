/**
 * LIMIT (SELECT ...) and OFFSET (SELECT ...): the bounds are known only at run time, so the rows are numbered and the
 * numbers compared with the subqueries' values, which are joined to every row. A bound of NULL does not bound.
 * A subquery without FROM is a constant, and the top-n stays one.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import type { WindowCall } from '../plan/aggregateCall.ts';
import { filter, oneRow, pick } from '../plan/construct.ts';
import type { LogicalPlan, LogicalTopN } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, isNull, literal, or } from '../plan/scalars.ts';
import { Extraction } from './extraction.ts';

/** The top-n without subqueries in its bounds; their plans are decorrelated already. */
export function withoutSubqueryBounds(plan: LogicalTopN, functions: FunctionCatalog): LogicalPlan {
  const constant = new Extraction(oneRow, functions);
  const limit = plan.limit === null ? null : constant.replace(plan.limit);
  const offset = plan.offset === null ? null : constant.replace(plan.offset);
  return constant.plan === oneRow ? { ...plan, limit, offset } : numbered(plan, functions);
}

function numbering(name: string, functions: FunctionCatalog): WindowCall {
  const fn = must(functions.byName(name).find((f) => f.kind === 'window'));
  const start = { bound: 'unbounded preceding', offset: null } as const;
  const end = { bound: 'current row', offset: null } as const;
  const frame = { unit: 'range', start, end, exclude: 'no others' } as const;
  return { fn, args: [], filter: null, ignoreNulls: false, distinct: false, frame, type: types.int8 };
}

function int8Call(
  operator: string,
  args: readonly [Scalar, Scalar],
  functions: FunctionCatalog,
  type: Scalar['type'],
): Scalar {
  const fn = must(
    functions.operators(operator).find((f) => f.args.length === 2 && f.args.every((a) => a === 'int8')),
  );
  return { kind: 'call', fn, args, type };
}

function numbered(plan: LogicalTopN, functions: FunctionCatalog): LogicalPlan {
  const width = plan.input.schema.length;
  const names = ['row_number', plan.withTies ? 'rank' : 'row_number'];
  const window: LogicalPlan = {
    kind: 'Window',
    input: plan.input,
    partition: plan.partition,
    order: plan.order,
    calls: names.map((name) => numbering(name, functions)),
    schema: [...plan.input.schema, ...names.map((name) => ({ name, type: types.int8, nullable: false }))],
  };
  const extraction = new Extraction(window, functions);
  const [row, rank] = [column(width, types.int8), column(width + 1, types.int8)];
  const conditions: Scalar[] = [];
  const zero = literal(0n, types.int8);
  const skipped: Scalar =
    plan.offset === null
      ? zero
      : { kind: 'coalesce', operands: [extraction.replace(plan.offset), zero], type: types.int8 };
  if (plan.offset !== null) conditions.push(int8Call('>', [row, skipped], functions, types.bool));
  if (plan.limit !== null) {
    const limit = extraction.replace(plan.limit);
    const last = int8Call('+', [limit, skipped], functions, types.int8);
    conditions.push(or([isNull(limit), int8Call('<=', [rank, last], functions, types.bool)]));
  }
  return pick(filter(extraction.plan, conditions), [...plan.input.schema.keys()]);
}
