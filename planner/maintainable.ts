/**
 * What a maintained view may contain: everything whose result is a function of its inputs. Functions of the moment
 * (now()) may only be compared with in a filter, which then follows the clock (TemporalFilter). Volatile functions are
 * refused except over append-only rows: each row is evaluated once and never taken back.
 */
import { unreachable } from '../common/assert.ts';
import { SqlError } from '../common/sqlError.ts';
import type { PhysicalPlan } from './plan/physical.ts';
import type { Scalar } from './plan/scalar.ts';
import { physicalScalars, walkPhysical, walkScalar } from './plan/walk.ts';
import { momentary } from './time/temporalFilterTerms.ts';

function refuse(construct: string, hint: string, position: number | undefined): SqlError {
  return new SqlError('0A000', `${construct} is not supported in a materialized view`, {
    hint,
    ...(position === undefined ? {} : { position }),
  });
}

function checkScalar(scalar: Scalar, appendOnly: boolean, mayAskTime: boolean): void {
  walkScalar(scalar, (s) => {
    if (s.kind !== 'call' && s.kind !== 'quantified') return;
    const { name, volatility } = s.fn;
    const position = s.kind === 'call' ? s.position : undefined;
    if (momentary.has(name) && !mayAskTime) {
      throw refuse(
        `${name}()`,
        "Compare a column with it in WHERE or HAVING, as in ts > now() - INTERVAL '1 hour', or filter on it in the query that reads the view.",
        position,
      );
    }
    if (volatility === 'volatile' && !appendOnly) {
      throw refuse(
        `volatile function ${name}()`,
        s.fn.user === undefined
          ? 'Store its value in a column of the table instead.'
          : 'Create it as IMMUTABLE if its result depends on nothing but its arguments.',
        position,
      );
    }
  });
}

/** True when every row that the node's scalars see comes once and stays. */
function seesAppendOnly(plan: PhysicalPlan): boolean {
  switch (plan.kind) {
    case 'Calc':
    case 'TableFunction':
      return plan.input.appendOnly;
    case 'Values':
      return true;
    case 'Scan':
    case 'IndexScan':
    case 'Hop':
    case 'Session':
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'TemporalFilter':
    case 'Close':
    case 'Pace':
    case 'Expire':
    case 'Join':
    case 'Aggregate':
    case 'Distinct':
    case 'UnionAll':
    case 'SetOperation':
    case 'TopN':
    case 'Window':
    case 'MaxOneRow':
      return false;
    default:
      return unreachable(plan);
  }
}

/** Throws 0A000 naming the first construct that a maintained view cannot keep up to date. */
export function checkMaintainable(plan: PhysicalPlan): void {
  walkPhysical(plan, (node) => {
    const appendOnly = seesAppendOnly(node);
    const mayAskTime = node.kind === 'TemporalFilter';
    for (const scalar of physicalScalars(node)) checkScalar(scalar, appendOnly, mayAskTime);
    if (node.kind !== 'TableFunction' || appendOnly) return;
    const volatile = node.calls.find((c) => c.fn.volatility === 'volatile');
    if (volatile !== undefined) {
      throw refuse(
        `volatile function ${volatile.fn.name}()`,
        volatile.fn.user === undefined
          ? 'Use it over append-only relations only.'
          : 'Create it as IMMUTABLE if its rows depend on nothing but its arguments.',
        undefined,
      );
    }
  });
}
