/** State that grows for ever: which operator, why, and the clause that would bound it. For warnings and EXPLAIN (STATE). */
import { describePhysical } from '../explain/describe.ts';
import type { PhysicalPlan, PhysicalScan } from '../plan/physical.ts';
import { walkPhysical } from '../plan/walk.ts';
import { sessionBoundsSide, sessionOfId } from './sessions.ts';
import { grows, relationsOf, stateParts } from './state.ts';

export interface UnboundedState {
  /** As EXPLAIN names it. */
  readonly operator: string;
  readonly reason: string;
  readonly hint: string;
}

/** Every part of the plan's state that has no bound. */
export function unboundedState(plan: PhysicalPlan): readonly UnboundedState[] {
  const relations = relationsOf(plan);
  const found: UnboundedState[] = [];
  walkPhysical(plan, (node) => {
    const parts = stateParts(node, relations).filter((p) => p.grows);
    if (parts.length === 0) return;
    found.push({
      operator: describePhysical(node).title,
      reason: `it keeps ${parts.map((p) => p.what).join(' and ')}`,
      hint: hintFor(node),
    });
  });
  return found;
}

/** Relations that feed the operator without end. */
function endlessScans(plan: PhysicalPlan): readonly PhysicalScan[] {
  const scans: PhysicalScan[] = [];
  walkPhysical(plan, (node) => {
    if (node.kind === 'Scan' && grows(node) && !scans.some((s) => s.relation === node.relation))
      scans.push(node);
  });
  return scans;
}

const names = (scans: readonly PhysicalScan[]): string =>
  scans.map((s) => `"${s.relation.name}"`).join(' and ');

function hintFor(plan: PhysicalPlan): string {
  const scans = endlessScans(plan);
  const unmarked = scans.filter(
    ({ relation }) => relation.watermarked.length === 0 && relation.processTime.length === 0,
  );
  const declare =
    unmarked.length === 0 ? '' : `Declare WATERMARK FOR a time column of ${names(unmarked)}, and `;
  const clause = `${declare}${clauseFor(plan)}`;
  const tables = scans.filter((s) => s.relation.kind === 'table');
  const ttl = tables.length === 0 ? '' : `, or give ${names(tables)} a ttl`;
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${ttl}.`;
}

const bySession =
  'group by the partition columns and the bounds of the session only, and filter before SESSION';

/** What of the query would bound the operator, given watermarks. */
function clauseFor(plan: PhysicalPlan): string {
  switch (plan.kind) {
    case 'Aggregate':
      if (plan.keys.some((key) => sessionOfId(plan.input, key) !== null)) return bySession;
      return plan.global
        ? 'aggregate by a window (TUMBLE, HOP, SESSION) of the time column'
        : 'group by a window (TUMBLE, HOP, SESSION) of the time column';
    case 'Distinct':
    case 'SetOperation':
      return 'select a window (TUMBLE, HOP) of the time column as well';
    case 'Join':
      if (sessionBoundsSide(plan) !== null) return bySession;
      return "join on equal windows, or bound the time between the rows, as in a.ts BETWEEN b.ts AND b.ts + INTERVAL '1 hour'";
    case 'AsofJoin':
      return 'compare columns with a watermark in the inequality of the join';
    case 'TopN':
      return 'partition by a window (TUMBLE, HOP) of the time column';
    case 'Window':
      return 'order by the time column and bound the frame by a RANGE, or partition by a window (TUMBLE, HOP)';
    case 'Session':
      return 'use the column with the watermark as the time of the session';
    case 'TemporalFilter':
      return "compare a column with now() outside of OR, as in ts > now() - INTERVAL '1 day'";
    case 'TemporalJoin':
      return 'join rows that stay with a table whose rows are taken back, such as one with a primary key';
    default:
      return "bound the rows by time, as in ts > now() - INTERVAL '1 day'";
  }
}
