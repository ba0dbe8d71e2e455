/**
 * `on_error = 'null'`: every function call and cast of a bound query that may fail is put into null_on_error(...), before
 * planning, so that what is NULL does not depend on how the query is planned. All columns become nullable.
 *
 * Left as they are: what depends on the moment (now() has a form that filters recognise), LIMIT and OFFSET, and table
 * functions, which have no value that could be NULL. They fail as elsewhere.
 */
import type { DataType } from '../common/dataType.ts';
import { nullOnError } from '../common/nullOnError.ts';
import type { BoundQuery } from './bind/bind.ts';
import type { LogicalPlan } from './plan/logical.ts';
import type { Scalar } from './plan/scalar.ts';
import { mapScalars, rewritePlan, rewriteScalar, someScalar } from './plan/walk.ts';
import { isWorkingTable } from './plan/workingTable.ts';
import { atMostOneRow } from './properties.ts';
import { momentary } from './time/temporalFilterTerms.ts';

const widths: readonly string[] = ['int2', 'int4', 'int8', 'numeric', 'float8'];

/** Casts that cannot fail: to unlimited text, and from a number to a wider one. */
function isSafeCast(from: DataType, to: DataType): boolean {
  if (to.id === 'text' || (to.id === 'varchar' && to.length === undefined)) return from.id !== 'jsonb';
  if (to.id === 'numeric' && to.precision !== undefined) return false;
  const a = widths.indexOf(from.id);
  const b = widths.indexOf(to.id);
  return (a >= 0 && a <= b && from.id !== 'numeric') || (from.id === to.id && a >= 0);
}

function mayFail(s: Scalar): boolean {
  switch (s.kind) {
    case 'call':
    case 'quantified':
      return s.fn.infallible !== true;
    case 'cast':
      return !s.try && !isSafeCast(s.operand.type, s.type);
    case 'array':
      return s.nested;
    default:
      return false;
  }
}

const asksTime = (s: Scalar): boolean =>
  someScalar(s, (x) => (x.kind === 'call' || x.kind === 'quantified') && momentary.has(x.fn.name));

function wrapped(scalar: Scalar): Scalar {
  return rewriteScalar(scalar, (s) => {
    switch (s.kind) {
      case 'scalarSubquery': {
        const value = { ...s, plan: planOf(s.plan) };
        if (atMostOneRow(s.plan)) return value;
        return { kind: 'call', fn: nullOnError, args: [value], type: s.type };
      }
      case 'existsSubquery':
      case 'arraySubquery':
        return { ...s, plan: planOf(s.plan) };
      case 'quantifiedSubquery':
        return { ...s, condition: wrapped(s.condition), plan: planOf(s.plan) };
      default:
        if (!mayFail(s) || asksTime(s)) return s;
        return { kind: 'call', fn: nullOnError, args: [s], type: s.type };
    }
  });
}

function planOf(plan: LogicalPlan): LogicalPlan {
  return rewritePlan(plan, (node) => {
    if (node.kind === 'Scan' && !isWorkingTable(node.relation)) return node;
    const mapped = node.kind === 'TopN' || node.kind === 'TableFunction' ? node : mapScalars(node, wrapped);
    return { ...mapped, schema: mapped.schema.map((column) => ({ ...column, nullable: true })) };
  });
}

/** The query whose expressions are NULL where they fail. */
export function withNullOnError(bound: BoundQuery): BoundQuery {
  return {
    ...bound,
    plan: planOf(bound.plan),
    columns: bound.columns.map((column) => ({ ...column, nullable: true })),
  };
}
