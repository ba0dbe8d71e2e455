/**
 * Watermarks as a property of plans: the term of each output column of each node, derived bottom-up and cached by
 * object. A term w of column c promises: no later output delta, insertion or deletion, has c < w (NULL is below nothing).
 *
 * The rules ask what can make a node emit old rows again. A join does so when the other side brings a match, a window
 * when a frame looks ahead, a session when two merge: such columns have no term unless a condition bounds them.
 */
import { must, unreachable } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import type {
  PhysicalAsofJoin,
  PhysicalClose,
  PhysicalDeltaJoin,
  PhysicalHop,
  PhysicalJoin,
  PhysicalPlan,
  PhysicalScan,
  PhysicalSlidingPanes,
  PhysicalTemporalJoin,
  PhysicalTopN,
  PhysicalWindow,
} from '../plan/physical.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';
import { companionTerm } from './companions.ts';
import { firstWindowCalls } from './functions.ts';
import { conditionBounds } from './joinConditions.ts';
import { lookAhead } from './lookAhead.ts';
import { termOf, unshifted } from './monotone.ts';
import { lastTimeTerms, sessionBoundsSide } from './sessions.ts';
import { filterTerms } from './temporalFilterTerms.ts';
import { input, mapTerm, minTerm, type Terms } from './terms.ts';

const cache = new WeakMap<PhysicalPlan, Terms>();

/** The term of each output column; null where there is none. */
export function watermarksOf(plan: PhysicalPlan): Terms {
  const known = cache.get(plan);
  if (known !== undefined) return known;
  const terms = derive(plan);
  cache.set(plan, terms);
  return terms;
}

const none = (plan: PhysicalPlan): (WatermarkTerm | null)[] => plan.schema.map(() => null);

/** The input's terms in these columns only; further output columns have none. */
function only(plan: PhysicalPlan, terms: Terms, columns: readonly number[]): (WatermarkTerm | null)[] {
  const result = none(plan);
  for (const c of columns) result[c] = terms[c] ?? null;
  return result;
}

function derive(plan: PhysicalPlan): Terms {
  switch (plan.kind) {
    case 'Scan':
      return scanTerms(plan);
    case 'IndexScan':
    case 'Values':
    case 'Pace':
    case 'Expire':
    case 'Recursive':
      return none(plan);
    case 'Calc': {
      const terms = watermarksOf(plan.input);
      return plan.exprs.map((s) => termOf(s, terms));
    }
    case 'Hop':
      return hopTerms(plan);
    case 'TableFunction':
    case 'MaterializedExprs':
    case 'Changelog':
    case 'Distinct': {
      const terms = watermarksOf(plan.input);
      return plan.schema.map((_, i) => terms[i] ?? null);
    }
    case 'MaxOneRow':
      return only(plan, watermarksOf(plan.input), plan.keys);
    case 'Session':
      return only(plan, watermarksOf(plan.input), plan.partition);
    case 'UnionAll':
      return plan.schema.map((_, i) => minTerm(plan.inputs.map((p) => watermarksOf(p)[i] ?? null)));
    case 'SetOperation': {
      const [left, right] = [watermarksOf(plan.left), watermarksOf(plan.right)];
      return plan.schema.map((_, i) => minTerm([left[i] ?? null, right[i] ?? null]));
    }
    case 'Aggregate': {
      const terms = watermarksOf(plan.input);
      const last = lastTimeTerms(plan, (s) => watermarksOf(s.input)[s.time] ?? null);
      return plan.schema.map((_, i) => {
        const key = plan.keys[i];
        return key === undefined ? (last.get(i) ?? null) : (terms[key] ?? null);
      });
    }
    case 'TopN':
      return topNTerms(plan);
    case 'Window':
      return windowTerms(plan);
    case 'Join':
      return joinTerms(plan);
    case 'DeltaJoin':
      return deltaJoinTerms(plan);
    case 'AsofJoin':
      return asofTerms(plan);
    case 'TemporalJoin':
      return temporalJoinTerms(plan);
    // Rows that have waited come behind the watermark.
    case 'AwaitLookup':
      return none(plan);
    case 'TemporalFilter':
      return filterTerms(plan, watermarksOf(plan.input));
    case 'Close':
      return closeTerms(plan);
    case 'SlidingPanes':
      return slidingTerms(plan);
    default:
      return unreachable(plan);
  }
}

function scanTerms(plan: PhysicalScan): Terms {
  const { relation, columns, lateness } = plan;
  return columns.map((column) => {
    // A retraction brings the old time back, so only of rows that stay is the time of coming a watermark.
    if (relation.appendOnly && relation.processTime.includes(column)) {
      const clock: WatermarkTerm = { kind: 'clock', type: types.timestamptz };
      const { type } = must(relation.columns[column]);
      return type.id === 'timestamptz' ? clock : termOf(castTo(type), [clock]);
    }
    const found = relation.watermarked.find((w) => w.column === column);
    if (found === undefined) return null;
    return {
      kind: 'relation',
      relation: relation.id,
      column,
      group: found.group,
      lateness: lateness ?? 0n,
      type: must(relation.columns[column]).type,
    };
  });
}

const castTo = (type: WatermarkTerm['type']) =>
  ({ kind: 'cast', operand: input(types.timestamptz), type, explicit: false, try: false }) as const;

/** Windows of `time` and later begin (end) no earlier than the first window that holds the watermark. */
function hopTerms(plan: PhysicalHop): Terms {
  const terms = watermarksOf(plan.input);
  const time = terms[plan.time] ?? null;
  const calls = time === null ? null : firstWindowCalls(input(time.type), plan);
  if (time === null || calls === null) return [...terms, null, null];
  return [...terms, mapTerm(time, calls.start), mapTerm(time, calls.end)];
}

/** A change moves the rows of its partition that come after it in the order, and no others. */
function topNTerms(plan: PhysicalTopN): Terms {
  const terms = watermarksOf(plan.input);
  return only(plan, terms, [...plan.partition, ...risingOrder(plan)]);
}

/** The first order column, where it ascends and NULLs come last. */
function risingOrder(plan: PhysicalTopN | PhysicalWindow): readonly number[] {
  const [first] = plan.order;
  return first === undefined || first.descending || first.nullsFirst ? [] : [first.column];
}

/** The order column: of the rows that a change of a row at the watermark can change. */
function windowTerms(plan: PhysicalWindow): Terms {
  const terms = watermarksOf(plan.input);
  // Rows that wait for their frame keep their partition back with them.
  const result = only(plan, terms, plan.final === true ? [] : plan.partition);
  const [column] = risingOrder(plan);
  const term = column === undefined ? null : (terms[column] ?? null);
  if (column === undefined || term === null) return result;
  const ahead = lookAhead(plan);
  if (ahead.reach === 'none') result[column] = term;
  if (ahead.reach === 'range') {
    result[column] = minTerm(ahead.distances.map((d) => unshifted(term, term.type, d)));
  }
  return result;
}

/**
 * A delta of a join holds a later row of one side, and matches it: equal keys bound the one by the other's watermark, as
 * do inequalities. The pads of outer joins come and go with such matches.
 */
function joinTerms(plan: PhysicalJoin): Terms {
  const width = plan.left.schema.length;
  const terms = { left: watermarksOf(plan.left), right: watermarksOf(plan.right) };
  const result = none(plan);
  if (plan.nullAware) return result;
  const put = (position: number, term: WatermarkTerm | null): void => {
    if (term !== null && position < result.length) result[position] ??= term;
  };
  plan.leftKeys.forEach((left, k) => {
    const right = must(plan.rightKeys[k]);
    const term = minTerm([terms.left[left] ?? null, terms.right[right] ?? null]);
    put(left, term);
    put(width + right, term);
  });
  for (const bound of conditionBounds(plan.residual, width, terms)) {
    const own = terms[bound.side][bound.column] ?? null;
    put(bound.side === 'left' ? bound.column : width + bound.column, minTerm([own, bound.term]));
  }
  const side = sessionBoundsSide(plan);
  for (const [i, term] of side === null ? [] : terms[side].entries())
    put(side === 'left' ? i : width + i, term);
  return result;
}

/** As of the joins it stands for: equal columns bound each other. */
function deltaJoinTerms(plan: PhysicalDeltaJoin): Terms {
  const terms = plan.inputs.flatMap((p) => [...watermarksOf(p)]);
  return plan.output.map((c) => {
    const equal = plan.equalities.find((e) => e.left === c || e.right === c);
    return equal === undefined ? null : minTerm([terms[equal.left] ?? null, terms[equal.right] ?? null]);
  });
}

/** Both sides' changes at equal keys; of the times, those that the order of the two bounds. */
function asofTerms(plan: PhysicalAsofJoin): Terms {
  const width = plan.left.schema.length;
  const [left, right] = [watermarksOf(plan.left), watermarksOf(plan.right)];
  const result = none(plan);
  plan.leftKeys.forEach((l, k) => {
    const r = must(plan.rightKeys[k]);
    const term = minTerm([left[l] ?? null, right[r] ?? null]);
    result[l] = term;
    result[width + r] = term;
  });
  const term = minTerm([left[plan.leftTime] ?? null, right[plan.rightTime] ?? null]);
  const backward = plan.operator === '>' || plan.operator === '>=';
  // Backward, a right row changes later left rows only; forward, what is given for a left row comes after it.
  const column = backward ? plan.leftTime : width + plan.rightTime;
  result[column] ??= term;
  return result;
}

/** Only left rows make it emit. */
function temporalJoinTerms(plan: PhysicalTemporalJoin): Terms {
  const left = watermarksOf(plan.left);
  const result: (WatermarkTerm | null)[] = [...left, ...plan.right.schema.map(() => null)];
  plan.leftKeys.forEach((l, k) => {
    result[left.length + must(plan.rightKeys[k])] = left[l] ?? null;
  });
  return result;
}

/** Windows to come begin at the term or later. */
function slidingTerms(plan: PhysicalSlidingPanes): Terms {
  const result = none(plan);
  const start = plan.keys.length;
  result[start] = plan.term;
  const { slideMicros, sizeMicros } = plan;
  const time = watermarksOf(plan.input)[plan.time] ?? null;
  const calls =
    time === null
      ? null
      : firstWindowCalls(input(time.type), { slideMicros, sizeMicros, offsetMicros: plan.offsetMicros });
  if (time !== null && calls !== null) result[start + 1] = mapTerm(time, calls.end);
  return result;
}

/**
 * Rows are kept back until the column has passed, so what is still to come has it at the term or later; other columns
 * follow where they are functions of it.
 */
function closeTerms(plan: PhysicalClose): Terms {
  const terms = watermarksOf(plan.input);
  const term = plan.corrections ? (terms[plan.column] ?? null) : plan.term;
  const result = none(plan);
  result[plan.column] = term;
  const own = terms[plan.column] ?? null;
  if (term === null || own === null) return result;
  terms.forEach((other, i) => {
    if (i !== plan.column && other !== null) result[i] = companionTerm(own, other);
  });
  return result;
}
