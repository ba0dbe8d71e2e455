/**
 * Sessions in a plan: which columns are session ids. A change of a session at time t >= w means that its last time is at
 * least w - gap: that is the one bound that anything computed per session has.
 */
import { must } from '../../common/assert.ts';
import { Interval } from '../../common/interval.ts';
import type {
  PhysicalAggregate,
  PhysicalCalc,
  PhysicalJoin,
  PhysicalPlan,
  PhysicalSession,
} from '../plan/physical.ts';
import { usedColumns } from '../plan/scalars.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { unshifted } from './monotone.ts';

interface SessionColumn {
  readonly session: PhysicalSession;
  /** Output column of the Session node. */
  readonly column: number;
}

/** The column of a Session that a column of the plan is, if each session's rows are all there or none. */
function sessionColumn(plan: PhysicalPlan, column: number): SessionColumn | null {
  if (plan.kind === 'Session') return { session: plan, column };
  if (plan.kind !== 'Calc' || !keepsSessions(plan)) return null;
  const expr = must(plan.exprs[column]);
  return expr.kind === 'column' ? sessionColumn(plan.input, expr.index) : null;
}

/** True when the filter lets all rows of a session through or none: it reads partition columns only. */
function keepsSessions(plan: PhysicalCalc): boolean {
  if (plan.condition === null) return true;
  return [...usedColumns(plan.condition)].every((c) => {
    const source = sessionColumn(plan.input, c);
    return source?.session.partition.includes(source.column) === true;
  });
}

const isId = (found: SessionColumn | null): boolean =>
  found !== null && found.column === found.session.input.schema.length;

/** The session whose id the column is, of rows or of groups of them; null when it is something else. */
export function sessionOfId(plan: PhysicalPlan, column: number): PhysicalSession | null {
  switch (plan.kind) {
    case 'Session':
      return column === plan.input.schema.length ? plan : null;
    case 'Calc': {
      const expr = must(plan.exprs[column]);
      return expr.kind === 'column' ? sessionOfId(plan.input, expr.index) : null;
    }
    case 'Aggregate': {
      const key = plan.keys[column];
      return key === undefined ? null : sessionOfId(plan.input, key);
    }
    case 'Distinct':
    case 'Close':
      return sessionOfId(plan.input, column);
    default:
      return null;
  }
}

/** The session that the aggregate has one group per; null when its groups are something else. */
export function sessionOfGroups(plan: PhysicalAggregate): PhysicalSession | null {
  const keys = plan.keys.map((k) => sessionColumn(plan.input, k));
  const id = keys.find(isId);
  if (id === undefined || id === null) return null;
  const fits = keys.every(
    (k) => k !== null && k.session === id.session && (isId(k) || id.session.partition.includes(k.column)),
  );
  return fits ? id.session : null;
}

/** The term of max(time) of an aggregate per session, by output column of the aggregate. */
export function lastTimeTerms(
  plan: PhysicalAggregate,
  timeTerm: (session: PhysicalSession) => WatermarkTerm | null,
): ReadonlyMap<number, WatermarkTerm> {
  const found = new Map<number, WatermarkTerm>();
  const session = sessionOfGroups(plan);
  const term = session === null ? null : timeTerm(session);
  if (session === null || term === null) return found;
  const last = unshifted(term, term.type, new Interval(0, 0, session.gapMicros));
  if (last === null) return found;
  plan.aggregates.forEach((call, i) => {
    const [argument] = call.args;
    if (call.fn.name !== 'max' || call.filter !== null || argument === undefined) return;
    const source = sessionColumn(plan.input, argument);
    if (source?.column === session.time) found.set(plan.keys.length + i, last);
  });
  return found;
}

/** The session that a column is the id of, where the plan is an aggregate that gives one row per session. */
function sessionOfBounds(plan: PhysicalPlan, column: number): PhysicalSession | null {
  switch (plan.kind) {
    case 'Calc': {
      const expr = must(plan.exprs[column]);
      return expr.kind === 'column' ? sessionOfBounds(plan.input, expr.index) : null;
    }
    case 'Close':
      return sessionOfBounds(plan.input, column);
    case 'Aggregate': {
      const session = sessionOfGroups(plan);
      return session !== null && sessionOfId(plan, column) === session ? session : null;
    }
    default:
      return null;
  }
}

/**
 * The side with the bounds of sessions, where the join gives rows (or groups of rows) of sessions the bounds of their
 * session: a change on either side belongs to a session that has changed, so what bounds changes of the bounds bounds
 * those of the join. Null: it is another join.
 */
export function sessionBoundsSide(plan: PhysicalJoin): 'left' | 'right' | null {
  if (plan.type !== 'inner' || plan.nullAware) return null;
  for (const [k, left] of plan.leftKeys.entries()) {
    const right = must(plan.rightKeys[k]);
    const [l, r] = [sessionOfId(plan.left, left), sessionOfId(plan.right, right)];
    if (l === null || l !== r) continue;
    if (sessionOfBounds(plan.right, right) === l) return 'right';
    if (sessionOfBounds(plan.left, left) === l) return 'left';
  }
  return null;
}
