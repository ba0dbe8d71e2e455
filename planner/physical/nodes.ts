/** Constructors of physical nodes: properties are computed here. */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import type { PhysicalCalc, PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf, isNullable } from '../plan/scalars.ts';

type Key = readonly number[] | null;

/** Positions of the key's columns among the expressions; null when one is not passed on as it is. */
export function keyThrough(key: Key, exprs: readonly Scalar[]): Key {
  if (key === null) return null;
  const mapped = key.map((c) => exprs.findIndex((s) => s.kind === 'column' && s.index === c));
  return mapped.includes(-1) ? null : mapped;
}

/** Fused filter and projection with the given output columns. */
export function calc(
  input: PhysicalPlan,
  condition: Scalar | null,
  exprs: readonly Scalar[],
  output: { readonly schema: Schema; readonly estimatedRows: number; readonly key?: Key },
): PhysicalPlan {
  const identity =
    condition === null &&
    exprs.length === input.schema.length &&
    exprs.every((s, i) => s.kind === 'column' && s.index === i);
  if (identity) return withKey(input, output.key ?? null);
  const node: PhysicalCalc = {
    kind: 'Calc',
    input,
    condition,
    exprs,
    schema: output.schema,
    appendOnly: input.appendOnly,
    key: output.key ?? keyThrough(input.key, exprs),
    estimatedRows: output.estimatedRows,
  };
  return node;
}

/** The plan, with a key where it has none. */
function withKey(plan: PhysicalPlan, key: Key): PhysicalPlan {
  return plan.key === null && key !== null ? { ...plan, key } : plan;
}

/** The input followed by computed columns. */
export function extendCalc(input: PhysicalPlan, exprs: readonly Scalar[]): PhysicalPlan {
  if (exprs.length === 0) return input;
  const added = exprs.map((s, i) => ({
    name: `key${i + 1}`,
    type: s.type,
    nullable: isNullable(s, input.schema),
  }));
  const schema = [...input.schema, ...added];
  return calc(input, null, [...columnsOf(input.schema), ...exprs], {
    schema,
    estimatedRows: input.estimatedRows,
  });
}

/** The chosen columns under the names of `schema`. */
export function pickCalc(
  input: PhysicalPlan,
  columns: readonly number[],
  schema: Schema,
  key: Key,
): PhysicalPlan {
  const exprs = columns.map((c) => must(columnsOf(input.schema)[c]));
  return calc(input, null, exprs, { schema, estimatedRows: input.estimatedRows, key });
}
