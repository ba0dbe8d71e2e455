/**
 * Bounds on state: what of each operator's state no later delta can touch. Groups, distinct rows and partitions go with
 * the watermark of a column that they are keyed by. A row of one side of a join goes when the other side brings nothing
 * more that matches it and its own side does not take it back.
 */
import { must } from '../../common/assert.ts';
import { physicalKind } from '../../common/dataType.ts';
import type {
  PhysicalAggregate,
  PhysicalAsofJoin,
  PhysicalJoin,
  PhysicalPlan,
  PhysicalTopN,
  PhysicalWindow,
} from '../plan/physical.ts';
import { rewritePhysical } from '../plan/walk.ts';
import type { StateBound } from '../plan/watermark.ts';
import { columnToWaitFor } from './companions.ts';
import { conditionBounds, type Side } from './joinConditions.ts';
import { sessionBoundsSide } from './sessions.ts';
import { isOrderable, minTerm, type Terms } from './terms.ts';
import { watermarksOf } from './watermarks.ts';

/** The plan with bounds wherever they are sound. */
export function addBounds(plan: PhysicalPlan): PhysicalPlan {
  return rewritePhysical(plan, bounded);
}

function bounded(plan: PhysicalPlan): PhysicalPlan {
  switch (plan.kind) {
    case 'Aggregate':
      return withClean(
        plan,
        among([...plan.keys.keys()], watermarksOf(plan)) ?? among(latestTimes(plan), watermarksOf(plan)),
      );
    case 'Distinct':
    case 'SetOperation':
      return withClean(plan, among([...plan.schema.keys()], watermarksOf(plan)));
    case 'TopN':
      return withClean(plan, among(plan.partition, watermarksOf(plan.input)));
    case 'MaterializedExprs':
      return withClean(plan, among([...plan.input.schema.keys()], watermarksOf(plan.input)));
    case 'Session':
      return withClean(plan, among([plan.time], watermarksOf(plan.input)));
    case 'Window': {
      const order = orderBound(plan);
      const partitioned = withClean(plan, among(plan.partition, watermarksOf(plan.input)));
      return order === null ? partitioned : { ...partitioned, orderBound: order };
    }
    case 'Join': {
      const clean = joinBounds(plan);
      return clean.left === null && clean.right === null ? plan : { ...plan, clean };
    }
    case 'AsofJoin': {
      const clean = asofBounds(plan);
      return clean.left === null && clean.right === null ? plan : { ...plan, clean };
    }
    default:
      return plan;
  }
}

/** Columns with the latest time of each group: of a session, which has no key with a watermark. */
function latestTimes(plan: PhysicalAggregate): readonly number[] {
  return plan.aggregates.flatMap(({ fn, filter, type }, i) =>
    fn.name === 'max' && filter === null && physicalKind(type) === 'i64' ? [plan.keys.length + i] : [],
  );
}

function withClean<P extends PhysicalPlan>(plan: P, clean: StateBound | null): P {
  return clean === null ? plan : { ...plan, clean };
}

/** A bound on one of the columns. */
function among(columns: readonly number[], terms: Terms): StateBound | null {
  const column = columnToWaitFor(columns, terms);
  const term = column === null ? null : (terms[column] ?? null);
  return column === null || term === null ? null : { column, term };
}

/** The bound on the single ascending order column (NULLs last); null where there is none. */
export function orderBound(plan: PhysicalWindow | PhysicalTopN): StateBound | null {
  const [first, ...more] = plan.order;
  if (first === undefined || more.length > 0 || first.descending || first.nullsFirst) return null;
  return among([first.column], watermarksOf(plan.input));
}

interface Candidate {
  readonly side: Side;
  readonly bound: StateBound;
}

/** Whether the state of `side` counts matches for rows of the other side that are kept when they have none. */
function countsMatches(plan: PhysicalJoin, side: Side): boolean {
  // With a residual each row has its own count.
  if (plan.residual !== null) return false;
  return side === 'left'
    ? plan.type === 'right' || plan.type === 'full'
    : plan.type !== 'inner' && plan.type !== 'right';
}

function joinBounds(plan: PhysicalJoin): NonNullable<PhysicalJoin['clean']> {
  if (plan.nullAware) return { left: null, right: null };
  const terms = { left: watermarksOf(plan.left), right: watermarksOf(plan.right) };
  const candidates: Candidate[] = [];
  const pairs = plan.leftKeys.map((left, k) => {
    const right = must(plan.rightKeys[k]);
    return { left, right, l: terms.left[left] ?? null, r: terms.right[right] ?? null };
  });
  // Keys with a watermark on both sides first: counts of matches need the bounds of both sides on one key.
  const isWhole = (p: (typeof pairs)[number]): boolean => p.l !== null && p.r !== null;
  for (const { left, right, l, r } of [...pairs.filter(isWhole), ...pairs.filter((p) => !isWhole(p))]) {
    if (r !== null) candidates.push({ side: 'left', bound: { column: left, term: r } });
    if (l !== null) candidates.push({ side: 'right', bound: { column: right, term: l } });
  }
  for (const { side, column, term } of conditionBounds(plan.residual, plan.left.schema.length, terms)) {
    candidates.push({ side, bound: { column, term } });
  }
  const side = sessionBoundsSide(plan);
  if (side !== null) {
    const bound = among([...terms[side].keys()], terms[side]);
    if (bound !== null) candidates.push({ side, bound });
  }
  const best = (side: Side): StateBound | null => {
    for (const candidate of candidates) {
      if (candidate.side !== side || !isOrderable(candidate.bound.term)) continue;
      const { column, term } = candidate.bound;
      if (plan[side].appendOnly && !countsMatches(plan, side)) return candidate.bound;
      // Rows that their own side may still take back, or that a count still needs, stay.
      const both = minTerm([term, terms[side][column] ?? null]);
      if (both !== null) return { column, term: both };
    }
    return null;
  };
  return { left: best('left'), right: best('right') };
}

/**
 * By time, else by a key. What of the right side is below its bound stands for older rows of it, so nothing of the right
 * side may come below it either.
 */
function asofBounds(plan: PhysicalAsofJoin): NonNullable<PhysicalAsofJoin['clean']> {
  const terms = { left: watermarksOf(plan.left), right: watermarksOf(plan.right) };
  const pairs = [
    [plan.leftTime, plan.rightTime] as const,
    ...plan.leftKeys.map((l, k) => [l, must(plan.rightKeys[k])] as const),
  ];
  for (const [leftColumn, rightColumn] of pairs) {
    const right = terms.right[rightColumn] ?? null;
    const both = minTerm([terms.left[leftColumn] ?? null, right]);
    // A later right row concerns left rows of its key and no earlier than itself (or, forward, unmatched ones).
    const left = plan.left.appendOnly ? right : both;
    if (left === null || !isOrderable(left)) continue;
    return {
      left: { column: leftColumn, term: left },
      right: both === null ? null : { column: rightColumn, term: both },
    };
  }
  return { left: null, right: null };
}
