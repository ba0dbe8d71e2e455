/**
 * Volatile expressions of a maintained plan: over rows that may be taken back they are computed once per row, in a
 * MaterializedExprs node below their Calc, which gives the same values again when the row goes.
 *
 * An expression is kept as a whole, so that branches of CASE that are not taken are not evaluated. Conditions that are
 * not volatile filter first, then those that are, then the output is computed: only rows that pass are kept. A volatile
 * condition of an inner join moves into a filter above it.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type {
  PhysicalCalc,
  PhysicalJoin,
  PhysicalMaterializedExprs,
  PhysicalPlan,
  PhysicalTableFunction,
} from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { and, andOrNull, column, columnsOf, conjunctsOf, isNullable, isVolatile } from '../plan/scalars.ts';
import { rewritePhysical } from '../plan/walk.ts';
import { calc } from './nodes.ts';

/** The plan with the values of volatile expressions kept wherever their rows may be taken back. */
export function materializeVolatile(plan: PhysicalPlan): PhysicalPlan {
  return rewritePhysical(plan, (node) => {
    switch (node.kind) {
      case 'Calc':
        return materializeCalc(node);
      case 'Join':
        return liftCondition(node);
      case 'TableFunction':
        return materializeArguments(node);
      default:
        return node;
    }
  });
}

const needed = (scalars: readonly (Scalar | null)[]): boolean =>
  scalars.some((s) => s !== null && isVolatile(s));

function materializeCalc(node: PhysicalCalc): PhysicalPlan {
  if (node.input.appendOnly || !needed([node.condition, ...node.exprs])) return node;
  const filtered = filterOnce(node.input, node.condition);
  const { plan, exprs } = keepVolatile(filtered, node.exprs);
  const { schema, key, estimatedRows } = node;
  return calc(plan, null, exprs, { schema, key, estimatedRows });
}

/** The rows for which the condition is true, decided once for each. */
function filterOnce(input: PhysicalPlan, condition: Scalar | null): PhysicalPlan {
  const conjuncts = conjunctsOf(condition);
  const stable = conjuncts.filter((c) => !isVolatile(c));
  const decided = conjuncts.filter(isVolatile);
  const columns = columnsOf(input.schema);
  const { schema, key, estimatedRows } = input;
  const below = calc(input, andOrNull(stable), columns, { schema, key, estimatedRows });
  if (decided.length === 0) return below;
  const kept = materialized(below, [and(decided)]);
  return calc(kept, column(schema.length, types.bool), columns, { schema, key, estimatedRows });
}

/** The volatile ones among `exprs` as columns of the plan. */
function keepVolatile(
  input: PhysicalPlan,
  exprs: readonly Scalar[],
): { readonly plan: PhysicalPlan; readonly exprs: readonly Scalar[] } {
  const kept = exprs.filter(isVolatile);
  if (kept.length === 0) return { plan: input, exprs };
  const width = input.schema.length;
  // By place: the same volatile expression written twice is evaluated twice.
  let next = width;
  return {
    plan: materialized(input, kept),
    exprs: exprs.map((s) => (isVolatile(s) ? column(next++, s.type) : s)),
  };
}

function materialized(input: PhysicalPlan, exprs: readonly Scalar[]): PhysicalMaterializedExprs {
  const added = exprs.map((s, i) => ({
    name: `value${i + 1}`,
    type: s.type,
    nullable: isNullable(s, input.schema),
  }));
  const { appendOnly, key, estimatedRows } = input;
  return {
    kind: 'MaterializedExprs',
    input,
    exprs,
    schema: [...input.schema, ...added],
    appendOnly,
    key,
    estimatedRows,
  };
}

function liftCondition(node: PhysicalJoin): PhysicalPlan {
  const { residual, schema, key, estimatedRows } = node;
  if (node.type !== 'inner' || residual === null || !isVolatile(residual)) return node;
  const stable = conjunctsOf(residual).filter((c) => !isVolatile(c));
  const decided = conjunctsOf(residual).filter(isVolatile);
  const join: PhysicalJoin = { ...node, residual: andOrNull(stable) };
  const above = calc(join, and(decided), columnsOf(schema), { schema, key, estimatedRows });
  return above.kind === 'Calc' ? materializeCalc(above) : above;
}

/** Arguments of a table function are computed once per row as well; their columns are dropped again above it. */
function materializeArguments(node: PhysicalTableFunction): PhysicalPlan {
  const all = node.calls.flatMap((c) => c.args);
  if (node.input.appendOnly || !needed(all)) return node;
  const width = node.input.schema.length;
  const { plan: input, exprs } = keepVolatile(node.input, all);
  const extra = input.schema.length - width;
  let next = 0;
  const calls = node.calls.map((c) => ({ ...c, args: c.args.map(() => must(exprs[next++])) }));
  const { schema, key, estimatedRows } = node;
  const wide: PhysicalTableFunction = {
    ...node,
    input,
    calls,
    schema: [...input.schema, ...schema.slice(width)],
    key: key === null ? null : key.map((c) => (c < width ? c : c + extra)),
  };
  const columns = columnsOf(wide.schema).filter((_, i) => i < width || i >= width + extra);
  return calc(wide, null, columns, { schema, key, estimatedRows });
}
