/**
 * Properties of logical plans: candidate keys, whether there is at most (or exactly) one row, volatility.
 *
 * A key is a set of output columns whose combination of values (NULL equal to NULL) occurs at most once; the empty key
 * says that there is at most one row. Derivation is bottom-up, sound and not complete; results are cached by object.
 */
import { unreachable } from '../common/assert.ts';
import type { LogicalPlan } from './plan/logical.ts';
import type { Scalar } from './plan/scalar.ts';
import { conjunctsOf, equalitySides, isRowFree, isVolatile, usedColumns } from './plan/scalars.ts';
import { inputsOf, scalarsOf } from './plan/walk.ts';

export type Key = readonly number[];

const MAX_KEYS = 8;
const cache = new WeakMap<LogicalPlan, readonly Key[]>();

/** Candidate keys, smallest first; a key that contains another is left out. */
export function keysOf(plan: LogicalPlan): readonly Key[] {
  const known = cache.get(plan);
  if (known !== undefined) return known;
  const keys = minimal(without(deriveKeys(plan), constantColumns(plan)));
  cache.set(plan, keys);
  return keys;
}

/** Keys sorted, without supersets of others, at most MAX_KEYS. */
export function minimal(keys: readonly Key[]): readonly Key[] {
  const sorted = keys.map((k) => [...new Set(k)].sort((a, b) => a - b)).sort((a, b) => a.length - b.length);
  const kept: Key[] = [];
  for (const key of sorted) {
    if (!kept.some((k) => k.every((c) => key.includes(c)))) kept.push(key);
    if (kept.length === MAX_KEYS) break;
  }
  return kept;
}

/** True when some key lies within `columns`: rows that agree on them are at most one. */
export function isUniqueOn(plan: LogicalPlan, columns: ReadonlySet<number>): boolean {
  return keysOf(plan).some((key) => key.every((c) => columns.has(c)));
}

export const atMostOneRow = (plan: LogicalPlan): boolean => keysOf(plan).some((key) => key.length === 0);

/** True when the plan always has exactly one row. */
export function exactlyOneRow(plan: LogicalPlan): boolean {
  switch (plan.kind) {
    case 'Values':
      return plan.rows.length === 1;
    case 'Aggregate':
      return plan.keys.length === 0 && plan.sets === null;
    case 'Project':
    case 'Window':
    case 'MaxOneRow':
      return exactlyOneRow(plan.input);
    case 'Join':
      return (
        (plan.type === 'inner' || plan.type === 'left') &&
        plan.condition === null &&
        inputsOf(plan).every(exactlyOneRow)
      );
    default:
      return false;
  }
}

/** Columns that hold one value in all rows. */
function constantColumns(plan: LogicalPlan): ReadonlySet<number> {
  switch (plan.kind) {
    case 'Project': {
      const below = constantColumns(plan.input);
      const constant = (s: Scalar): boolean =>
        s.kind === 'literal' || (s.kind === 'column' && below.has(s.index));
      return new Set([...plan.exprs.keys()].filter((i) => plan.exprs.slice(i, i + 1).some(constant)));
    }
    case 'Filter': {
      const pinned = pinnedColumns(conjunctsOf(plan.condition));
      return new Set([...pinned, ...constantColumns(plan.input)]);
    }
    case 'Distinct':
      return constantColumns(plan.input);
    default:
      return none;
  }
}

const none: ReadonlySet<number> = new Set();

/** Columns that conditions pin to one value, given columns already pinned. */
function pinnedColumns(conditions: readonly Scalar[]): ReadonlySet<number> {
  const pinned = new Set<number>();
  const equalities: [number, number][] = [];
  for (const condition of conditions) {
    const sides = sidesOfEquality(condition);
    if (sides === null) continue;
    const [a, b] = sides;
    if (a.kind === 'column' && isRowFree(b) && !isVolatile(b)) pinned.add(a.index);
    else if (b.kind === 'column' && isRowFree(a) && !isVolatile(a)) pinned.add(b.index);
    else if (a.kind === 'column' && b.kind === 'column') equalities.push([a.index, b.index]);
  }
  for (let grew = true; grew; ) {
    grew = false;
    for (const [a, b] of equalities) {
      if (pinned.has(a) === pinned.has(b)) continue;
      pinned.add(a).add(b);
      grew = true;
    }
  }
  return pinned;
}

/** Sides of `=` or IS NOT DISTINCT FROM. */
export function sidesOfEquality(s: Scalar): readonly [Scalar, Scalar] | null {
  if (s.kind === 'isDistinct' && s.negated) return [s.left, s.right];
  const sides = equalitySides(s);
  return sides === null ? null : [sides.left, sides.right];
}

const without = (keys: readonly Key[], pinned: ReadonlySet<number>): readonly Key[] =>
  pinned.size === 0 ? keys : keys.map((k) => k.filter((c) => !pinned.has(c)));

function projectKeys(plan: Extract<LogicalPlan, { kind: 'Project' }>): readonly Key[] {
  const positions = new Map<number, number>();
  plan.exprs.forEach((e, i) => {
    if (e.kind === 'column' && !positions.has(e.index)) positions.set(e.index, i);
  });
  const keys: Key[] = [];
  for (const key of keysOf(plan.input)) {
    const mapped = key.map((c) => positions.get(c));
    if (mapped.every((c) => c !== undefined)) keys.push(mapped);
  }
  return keys;
}

/** Columns of each side that the join condition equates with the other side. */
function equated(plan: Extract<LogicalPlan, { kind: 'Join' }>): { left: Set<number>; right: Set<number> } {
  const width = plan.left.schema.length;
  const left = new Set<number>();
  const right = new Set<number>();
  for (const condition of conjunctsOf(plan.condition)) {
    for (const [a, b] of bothWays(sidesOfEquality(condition))) {
      if (a.kind !== 'column') continue;
      const other = sideOf(b, width);
      if (a.index < width && (other === 'right' || other === 'none')) left.add(a.index);
      if (a.index >= width && (other === 'left' || other === 'none')) right.add(a.index - width);
    }
  }
  return { left, right };
}

const bothWays = (sides: readonly [Scalar, Scalar] | null): readonly (readonly [Scalar, Scalar])[] =>
  sides === null ? [] : [sides, [sides[1], sides[0]]];

/** Which side of a join, whose left input has `width` columns, a scalar reads. */
export function sideOf(s: Scalar, width: number): 'left' | 'right' | 'both' | 'none' {
  const columns = [...usedColumns(s)];
  const left = columns.some((c) => c < width);
  const right = columns.some((c) => c >= width);
  return left ? (right ? 'both' : 'left') : right ? 'right' : 'none';
}

function joinKeys(plan: Extract<LogicalPlan, { kind: 'Join' }>): readonly Key[] {
  const left = keysOf(plan.left);
  if (plan.type === 'semi' || plan.type === 'anti') return left;
  if (plan.type === 'full') return [];
  const width = plan.left.schema.length;
  const right = keysOf(plan.right).map((k) => k.map((c) => c + width));
  const match = equated(plan);
  const keys: Key[] = left.flatMap((l) => right.map((r) => [...l, ...r]));
  if (plan.type !== 'right' && isUniqueOn(plan.right, match.right)) keys.push(...left);
  if (plan.type !== 'left' && isUniqueOn(plan.left, match.left)) keys.push(...right);
  return keys;
}

function topNKeys(plan: Extract<LogicalPlan, { kind: 'TopN' }>): readonly Key[] {
  const keys = [...keysOf(plan.input)];
  const { limit } = plan;
  const one = limit?.kind === 'literal' && (limit.value === 1n || limit.value === 1);
  if (one && !plan.withTies) keys.push(plan.partition);
  if (plan.rank === 'row_number') keys.push([...plan.partition, plan.input.schema.length]);
  return keys;
}

function deriveKeys(plan: LogicalPlan): readonly Key[] {
  switch (plan.kind) {
    case 'Scan': {
      const key = plan.relation.key?.map((c) => plan.columns.indexOf(c));
      return key === undefined || key.includes(-1) ? [] : [key];
    }
    case 'Values':
      return plan.rows.length <= 1 ? [[]] : [];
    case 'Filter':
      return without(keysOf(plan.input), pinnedColumns(conjunctsOf(plan.condition)));
    case 'Project':
      return projectKeys(plan);
    case 'Join':
      return joinKeys(plan);
    case 'Aggregate':
      return aggregateKeys(plan);
    case 'Distinct':
      return [...keysOf(plan.input), plan.schema.map((_, i) => i)];
    case 'UnionAll':
      return [];
    case 'SetOperation': {
      const rows = plan.all ? [] : [plan.schema.map((_, i) => i)];
      return [...rows, ...keysOf(plan.left)];
    }
    case 'TopN':
      return topNKeys(plan);
    case 'Window':
      return keysOf(plan.input);
    case 'Hop':
      return hopKeys(plan);
    case 'Session':
      return keysOf(plan.input);
    case 'AsofJoin':
      // asof: at most one right row each; process: one per right row of the key.
      return plan.time.kind === 'asof' ? keysOf(plan.left) : [];
    case 'TableFunction':
      return plan.ordinality ? keysOf(plan.input).map((k) => [...k, plan.schema.length - 1]) : [];
    case 'MaxOneRow':
      return [plan.keys];
    case 'Recursive':
      return plan.all ? [] : [plan.schema.map((_, i) => i)];
    default:
      return unreachable(plan);
  }
}

/** The windows of a row have different starts, or, cumulating, different ends. */
function hopKeys(plan: Extract<LogicalPlan, { kind: 'Hop' }>): readonly Key[] {
  const width = plan.input.schema.length;
  if (plan.slideMicros === plan.sizeMicros) return keysOf(plan.input);
  return keysOf(plan.input).map((k) => [...k, plan.cumulate === true ? width + 1 : width]);
}

function aggregateKeys(plan: Extract<LogicalPlan, { kind: 'Aggregate' }>): readonly Key[] {
  const all = plan.keys.map((_, i) => i);
  if (plan.sets !== null) return [[...all, plan.schema.length - 1]];
  const keys: Key[] = [all];
  for (const key of keysOf(plan.input)) {
    const mapped = key.map((c) => plan.keys.indexOf(c));
    if (!mapped.includes(-1)) keys.push(mapped);
  }
  return keys;
}

const volatileCache = new WeakMap<LogicalPlan, boolean>();

/** True when the plan calls a volatile function anywhere: its results must not be computed twice. */
export function planIsVolatile(plan: LogicalPlan): boolean {
  const known = volatileCache.get(plan);
  if (known !== undefined) return known;
  const tableFunction =
    plan.kind === 'TableFunction' && plan.calls.some((c) => c.fn.volatility === 'volatile');
  const result = tableFunction || scalarsOf(plan).some(isVolatile) || inputsOf(plan).some(planIsVolatile);
  volatileCache.set(plan, result);
  return result;
}
