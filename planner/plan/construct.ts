/** Constructors of logical nodes that compute the output schema. Rules and decorrelation build every new node here. */
import { assert, must } from '../../common/assert.ts';
import { type Column, type DataType, type Schema, types } from '../../common/dataType.ts';
import type { AggregateCall } from './aggregateCall.ts';
import type { JoinType, LogicalJoin, LogicalPlan, LogicalTopN } from './logical.ts';
import type { Scalar } from './scalar.ts';
import { and, columnOf, columnsOf, isNullable, isTrue, TRUE } from './scalars.ts';

const outputName = (expr: Scalar, input: Schema): string =>
  expr.kind === 'column' ? (input[expr.index]?.name ?? '?column?') : '?column?';

function outputColumn(expr: Scalar, input: Schema, name: string): Column {
  const source = expr.kind === 'column' ? input[expr.index] : undefined;
  const hidden = source?.hidden === true ? { hidden: true } : {};
  return { name, type: expr.type, nullable: isNullable(expr, input), ...hidden };
}

/** Filter by a conjunction; the input itself when the condition is true. */
export function filter(input: LogicalPlan, condition: Scalar | readonly Scalar[]): LogicalPlan {
  const all = 'kind' in condition ? condition : and(condition);
  return isTrue(all) ? input : { kind: 'Filter', input, condition: all, schema: input.schema };
}

/** Projection; `names` default to the names of projected columns. */
export function project(
  input: LogicalPlan,
  exprs: readonly Scalar[],
  names?: readonly string[],
): LogicalPlan {
  const schema = exprs.map((e, i) =>
    outputColumn(e, input.schema, names?.[i] ?? outputName(e, input.schema)),
  );
  return { kind: 'Project', input, exprs, schema };
}

/** Projection that yields exactly `schema`'s names and visibility. */
export function projectAs(input: LogicalPlan, exprs: readonly Scalar[], schema: Schema): LogicalPlan {
  assert(exprs.length === schema.length, 'projection has as many expressions as columns');
  const columns = exprs.map((e, i) => {
    const wanted = must(schema[i]);
    return { ...wanted, type: e.type, nullable: isNullable(e, input.schema) };
  });
  return { kind: 'Project', input, exprs, schema: columns };
}

/** The chosen columns of the input, or the input itself when that is all of them in order. */
export function pick(input: LogicalPlan, columns: readonly number[]): LogicalPlan {
  if (columns.length === input.schema.length && columns.every((c, i) => c === i)) return input;
  return project(
    input,
    columns.map((c) => columnOf(input.schema, c)),
  );
}

/** The input followed by computed columns. */
export function extend(input: LogicalPlan, exprs: readonly Scalar[], names?: readonly string[]): LogicalPlan {
  if (exprs.length === 0) return input;
  const all = [...input.schema.map((c) => c.name), ...exprs.map((_, i) => names?.[i] ?? '?column?')];
  return project(input, [...columnsOf(input.schema), ...exprs], all);
}

const asNullable = (schema: Schema): Schema => schema.map((c) => (c.nullable ? c : { ...c, nullable: true }));

export function joinSchema(type: JoinType, left: Schema, right: Schema): Schema {
  switch (type) {
    case 'semi':
    case 'anti':
      return left;
    case 'inner':
      return [...left, ...right];
    case 'left':
      return [...left, ...asNullable(right)];
    case 'right':
      return [...asNullable(left), ...right];
    case 'full':
      return [...asNullable(left), ...asNullable(right)];
  }
}

export function join(
  type: JoinType,
  left: LogicalPlan,
  right: LogicalPlan,
  condition: Scalar | readonly Scalar[] | null,
  options: { readonly nullAware?: boolean; readonly lateral?: boolean } = {},
): LogicalJoin {
  const all = condition === null ? TRUE : 'kind' in condition ? condition : and(condition);
  return {
    kind: 'Join',
    type,
    left,
    right,
    condition: isTrue(all) ? null : all,
    nullAware: options.nullAware ?? false,
    lateral: options.lateral ?? false,
    schema: joinSchema(type, left.schema, right.schema),
  };
}

function aggregateColumn(call: AggregateCall, name: string): Column {
  return { name, type: call.type, nullable: call.fn.name !== 'count' };
}

export function aggregate(
  input: LogicalPlan,
  keys: readonly number[],
  aggregates: readonly AggregateCall[],
  names?: readonly string[],
): LogicalPlan {
  const schema = [
    ...keys.map((k) => must(input.schema[k])),
    ...aggregates.map((a, i) => aggregateColumn(a, names?.[i] ?? a.fn.name)),
  ];
  return { kind: 'Aggregate', input, keys, aggregates, sets: null, schema };
}

export function distinct(input: LogicalPlan): LogicalPlan {
  return { kind: 'Distinct', input, schema: input.schema };
}

/** A column is nullable when it is in any input; names are the first input's. */
export function unionSchema(inputs: readonly LogicalPlan[]): Schema {
  return must(inputs[0]).schema.map((c, i) => ({
    ...c,
    nullable: inputs.some((input) => must(input.schema[i]).nullable),
  }));
}

export function unionAll(inputs: readonly LogicalPlan[]): LogicalPlan {
  const [only] = inputs;
  if (only !== undefined && inputs.length === 1) return only;
  return { kind: 'UnionAll', inputs, schema: unionSchema(inputs) };
}

/** No rows of a schema. */
export function empty(schema: Schema): LogicalPlan {
  return { kind: 'Values', rows: [], schema };
}

/** One row without columns. */
export const oneRow: LogicalPlan = { kind: 'Values', rows: [[]], schema: [] };

export const isEmptyRelation = (plan: LogicalPlan): boolean =>
  plan.kind === 'Values' && plan.rows.length === 0;

export function topN(
  input: LogicalPlan,
  parts: Pick<LogicalTopN, 'partition' | 'order' | 'limit' | 'offset' | 'withTies' | 'rank'>,
  rankName = 'rank',
): LogicalPlan {
  const rank = parts.rank === null ? [] : [{ name: rankName, type: types.int8, nullable: false }];
  const { partition, order, limit, offset, withTies } = parts;
  const schema = [...input.schema, ...rank];
  return { kind: 'TopN', input, partition, order, limit, offset, withTies, rank: parts.rank, schema };
}

export function maxOneRow(input: LogicalPlan, keys: readonly number[]): LogicalPlan {
  const columns = input.schema.map((c, i) => (keys.includes(i) || c.nullable ? c : { ...c, nullable: true }));
  const many = { name: 'many', type: types.bool, nullable: false };
  return { kind: 'MaxOneRow', input, keys, schema: [...columns, many] };
}

/** NULL of a type. */
export const nullOf = (type: DataType): Scalar => ({ kind: 'literal', value: null, type });

/** The plan with the names and visibility of `schema`; the plan itself when it has them already. */
export function renameTo(plan: LogicalPlan, schema: Schema): LogicalPlan {
  const same = plan.schema.every(
    (c, i) => c.name === schema[i]?.name && (c.hidden ?? false) === (schema[i]?.hidden ?? false),
  );
  return same ? plan : projectAs(plan, columnsOf(plan.schema), schema);
}
