/**
 * Adjacent projections become one, adjacent filters and unions too, identity projections none; a projection of constant rows is
 * constant rows. An expression that is not a column and is used more than once is only merged while the result stays
 * small.
 */
import { must } from '../../common/assert.ts';
import { filter, projectAs } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { and, isVolatile, scalarSize, substitute } from '../plan/scalars.ts';
import { rewritePlan, walkScalar } from '../plan/walk.ts';
import type { Rule } from './rule.ts';

/** Nodes of all expressions of a merged projection. */
const MAX_MERGED_SIZE = 2000;
const MAX_VALUES_ROWS = 64;

export const mergeProjects: Rule = {
  name: 'mergeProjects',
  why: 'fewer nodes, and no copying of columns between them',
  apply: (plan) => rewritePlan(plan, merged),
};

function merged(plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'Filter' && plan.input.kind === 'Filter') {
    return filter(plan.input.input, and([plan.input.condition, plan.condition]));
  }
  if (plan.kind === 'UnionAll') return flattened(plan);
  if (plan.kind !== 'Project') return plan;
  const { input } = plan;
  if (isIdentity(plan)) return input;
  if (input.kind === 'Project') return mergedProjects(plan, input.input, input.exprs) ?? plan;
  if (input.kind === 'Values' && input.rows.length <= MAX_VALUES_ROWS && !plan.exprs.some(isVolatile)) {
    const rows = input.rows.map((row) => plan.exprs.map((s) => substitute(s, row)));
    if (!input.rows.flat().some(isVolatile)) return { kind: 'Values', rows, schema: plan.schema };
  }
  return plan;
}

/** A union of unions as one. */
function flattened(plan: Extract<LogicalPlan, { kind: 'UnionAll' }>): LogicalPlan {
  if (!plan.inputs.some((input) => input.kind === 'UnionAll')) return plan;
  return {
    ...plan,
    inputs: plan.inputs.flatMap((input) => (input.kind === 'UnionAll' ? input.inputs : [input])),
  };
}

/** All columns in order. The names of a query's result are restored at its root. */
function isIdentity(plan: Extract<LogicalPlan, { kind: 'Project' }>): boolean {
  return (
    plan.exprs.length === plan.input.schema.length &&
    plan.exprs.every((s, i) => s.kind === 'column' && s.index === i)
  );
}

function mergedProjects(
  plan: Extract<LogicalPlan, { kind: 'Project' }>,
  input: LogicalPlan,
  below: readonly Scalar[],
): LogicalPlan | null {
  const uses = below.map(() => 0);
  for (const s of plan.exprs) {
    walkScalar(s, (x) => {
      if (x.kind === 'column') uses[x.index] = must(uses[x.index]) + 1;
    });
  }
  if (below.some((s, i) => isVolatile(s) && uses[i] !== 1)) return null;
  const exprs = plan.exprs.map((s) => substitute(s, below));
  const repeated = below.some((s, i) => s.kind !== 'column' && s.kind !== 'literal' && must(uses[i]) > 1);
  const size = exprs.reduce((sum, s) => sum + scalarSize(s), 0);
  if (repeated && size > MAX_MERGED_SIZE) return null;
  return projectAs(input, exprs, plan.schema);
}
