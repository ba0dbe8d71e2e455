/**
 * What a maintained view may contain: everything whose result is a function of its inputs. Functions of the moment
 * (now()) may only be compared with in a filter, which then follows the clock (TemporalFilter). Volatile functions must
 * be evaluated once for each row: over append-only rows, or where their values are kept (MaterializedExprs).
 */
import { unreachable } from '../common/assert.ts';
import { SqlError } from '../common/sqlError.ts';
import { sampledByChance, sampledBySeed } from '../common/tableSample.ts';
import type { PhysicalPlan } from './plan/physical.ts';
import type { Scalar } from './plan/scalar.ts';
import { isVolatile } from './plan/scalars.ts';
import { physicalScalars, walkPhysical, walkScalar } from './plan/walk.ts';
import { momentary } from './time/temporalFilterTerms.ts';

function refuse(construct: string, hint: string, position: number | undefined): SqlError {
  return new SqlError('0A000', `${construct} is not supported in a materialized view`, {
    hint,
    ...(position === undefined ? {} : { position }),
  });
}

function checkScalar(scalar: Scalar, once: boolean, mayAskTime: boolean): void {
  walkScalar(scalar, (s) => {
    if (s.kind !== 'call' && s.kind !== 'quantified') return;
    const { name, volatility } = s.fn;
    const position = s.kind === 'call' ? s.position : undefined;
    if (s.fn === sampledByChance || s.fn === sampledBySeed) {
      throw refuse(
        'TABLESAMPLE',
        "Filter by a hash of the key, as in WHERE md5(id::text) < '1a', or sample in the query that reads the view.",
        position,
      );
    }
    if (momentary.has(name) && !mayAskTime) {
      throw refuse(
        `${name}()`,
        "Compare a column with it in WHERE or HAVING, as in ts > now() - INTERVAL '1 hour', or filter on it in the query that reads the view.",
        position,
      );
    }
    if (volatility === 'volatile' && !once) {
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

/** True when the node evaluates its scalars once for every row. */
function evaluatesOnce(plan: PhysicalPlan): boolean {
  switch (plan.kind) {
    case 'Calc':
    case 'TableFunction':
      return plan.input.appendOnly;
    case 'Values':
    case 'MaterializedExprs':
      return true;
    case 'Scan':
    case 'IndexScan':
    case 'Hop':
    case 'Session':
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'AwaitLookup':
    case 'TemporalFilter':
    case 'Close':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'Join':
    case 'DeltaJoin':
    case 'Aggregate':
    case 'Distinct':
    case 'UnionAll':
    case 'SetOperation':
    case 'TopN':
    case 'Window':
    case 'Changelog':
    case 'MaxOneRow':
    case 'Recursive':
      return false;
    default:
      return unreachable(plan);
  }
}

/** Throws 0A000 naming the first construct that a maintained view cannot keep up to date. */
export function checkMaintainable(plan: PhysicalPlan): void {
  walkPhysical(plan, (node) => {
    if (node.kind === 'Recursive') checkMaintainable(node.step);
    const once = evaluatesOnce(node);
    const mayAskTime = node.kind === 'TemporalFilter';
    for (const scalar of physicalScalars(node)) checkScalar(scalar, once, mayAskTime);
    if (node.kind !== 'TableFunction' || once) return;
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

/** True when the plan holds changes themselves: the rows that are live now do not bring them back. */
export function keepsChanges(plan: PhysicalPlan): boolean {
  let found = false;
  walkPhysical(plan, (node) => {
    found ||= node.kind === 'Changelog';
  });
  return found;
}

/** True when the rows of a maintained plan depend on how its inputs came to be, and not only on what they hold. */
export function dependsOnHistory(plan: PhysicalPlan): boolean {
  let found = keepsChanges(plan);
  walkPhysical(plan, (node) => {
    found ||= physicalScalars(node).some(isVolatile);
    if (node.kind === 'TableFunction') found ||= node.calls.some((c) => c.fn.volatility === 'volatile');
  });
  return found;
}
