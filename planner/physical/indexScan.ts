/**
 * Access paths of ad-hoc reads: a filter over a relation whose conditions pin the key, or a prefix of an index, becomes a
 * look-up of points (all combinations of the pinned values), and a condition on the next index column a range.
 *
 * Values may be any expression that is constant for the statement (literals, parameters, now()). Conditions that the
 * look-up answers exactly are dropped from the filter; those with values that may be NULL stay.
 */
import { must } from '../../common/assert.ts';
import { type DataType, sameType } from '../../common/dataType.ts';
import type { LogicalScan } from '../plan/logical.ts';
import type { PhysicalIndexScan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isNullable, isRowFree, isVolatile, literal } from '../plan/scalars.ts';

/** More points than this are read by a scan. */
const MAX_POINTS = 1000;

type Bound = PhysicalIndexScan['lower'];

/** What the conditions say about one column of the relation. */
interface ColumnConditions {
  /** Equal to one of these. */
  points: { readonly values: readonly Scalar[]; readonly condition: Scalar } | null;
  lower: { readonly bound: NonNullable<Bound>; readonly condition: Scalar } | null;
  upper: { readonly bound: NonNullable<Bound>; readonly condition: Scalar } | null;
}

export interface AccessPath {
  readonly index: number | null;
  readonly points: readonly (readonly Scalar[])[];
  readonly lower: Bound;
  readonly upper: Bound;
  /** Conditions still to be tested. */
  readonly rest: readonly Scalar[];
}

const mirrored: { readonly [operator: string]: string } = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

const isConstant = (s: Scalar): boolean => isRowFree(s) && !isVolatile(s);

const comparable = (a: DataType, b: DataType): boolean => sameType(a, b) && a.id !== 'bpchar';

/** Reads `column op constant` in either order. */
function comparison(s: Scalar): { column: number; operator: string; value: Scalar } | null {
  if (s.kind !== 'call' || s.fn.operator === undefined || s.args.length !== 2) return null;
  const [a, b] = [must(s.args[0]), must(s.args[1])];
  if (!comparable(a.type, b.type) || mirrored[s.fn.operator] === undefined) return null;
  if (a.kind === 'column' && isConstant(b)) return { column: a.index, operator: s.fn.operator, value: b };
  if (b.kind === 'column' && isConstant(a)) {
    return { column: b.index, operator: must(mirrored[s.fn.operator]), value: a };
  }
  return null;
}

/** Conditions by column of the relation. */
function byColumn(scan: LogicalScan, conditions: readonly Scalar[]): Map<number, ColumnConditions> {
  const found = new Map<number, ColumnConditions>();
  const entry = (column: number): ColumnConditions => {
    const relationColumn = must(scan.columns[column]);
    const known = found.get(relationColumn) ?? { points: null, lower: null, upper: null };
    found.set(relationColumn, known);
    return known;
  };
  for (const condition of conditions) {
    if (condition.kind === 'inSet' && !condition.negated && condition.operand.kind === 'column') {
      const { operand } = condition;
      const values = condition.values.map((v) => literal(v, operand.type));
      if (operand.type.id !== 'bpchar') entry(operand.index).points ??= { values, condition };
      continue;
    }
    const c = comparison(condition);
    if (c === null) continue;
    const inclusive = c.operator === '<=' || c.operator === '>=';
    if (c.operator === '=') entry(c.column).points = { values: [c.value], condition };
    else if (c.operator.startsWith('<'))
      entry(c.column).upper ??= { bound: { value: c.value, inclusive }, condition };
    else entry(c.column).lower ??= { bound: { value: c.value, inclusive }, condition };
  }
  return found;
}

function combinations(columns: readonly (readonly Scalar[])[]): readonly (readonly Scalar[])[] {
  return columns.reduce<readonly (readonly Scalar[])[]>(
    (points, values) => points.flatMap((point) => values.map((v) => [...point, v])),
    [[]],
  );
}

/** The access path over one index, with how selective it is; null where no condition fits. */
function pathOver(
  index: number | null,
  indexColumns: readonly number[],
  found: ReadonlyMap<number, ColumnConditions>,
  conditions: readonly Scalar[],
): { readonly path: AccessPath; readonly pinned: number; readonly ranged: boolean } | null {
  const pinned: (readonly Scalar[])[] = [];
  const answered = new Set<Scalar>();
  let count = 1;
  const answers = (condition: Scalar, values: readonly Scalar[]): void => {
    if (values.every((v) => v.kind === 'literal' && !isNullable(v, []))) answered.add(condition);
  };
  for (const column of indexColumns) {
    const points = found.get(column)?.points ?? null;
    if (points === null || points.values.length === 0 || count * points.values.length > MAX_POINTS) break;
    count *= points.values.length;
    pinned.push(points.values);
    answers(points.condition, points.values);
  }
  const next = indexColumns[pinned.length];
  const range = next === undefined ? undefined : found.get(next);
  const lower = range?.lower ?? null;
  const upper = range?.upper ?? null;
  if (pinned.length === 0 && lower === null && upper === null) return null;
  for (const end of [lower, upper]) if (end !== null) answers(end.condition, [end.bound.value]);
  const path: AccessPath = {
    index,
    points: combinations(pinned),
    lower: lower?.bound ?? null,
    upper: upper?.bound ?? null,
    rest: conditions.filter((c) => !answered.has(c)),
  };
  return { path, pinned: pinned.length, ranged: lower !== null || upper !== null };
}

/** The best access path for a filtered scan; null: read everything. */
export function accessPath(scan: LogicalScan, conditions: readonly Scalar[]): AccessPath | null {
  const { relation } = scan;
  if (relation.kind === 'source' || relation.kind === 'view' || relation.kind === 'system') return null;
  const found = byColumn(scan, conditions);
  const candidates = relation.indexes.map((i) => ({
    path: pathOver(i.id, i.columns, found, conditions),
    width: i.columns.length,
    unique: i.unique,
  }));
  if (relation.key !== null && relation.key.length > 0) {
    candidates.unshift({
      path: pathOver(null, relation.key, found, conditions),
      width: relation.key.length,
      unique: true,
    });
  }
  let best: { readonly path: AccessPath; readonly score: number } | null = null;
  for (const { path, width, unique } of candidates) {
    if (path === null) continue;
    const whole = path.pinned === width && unique ? 1000 : 0;
    const score = whole + 10 * path.pinned + (path.ranged ? 1 : 0);
    if (best === null || score > best.score) best = { path: path.path, score };
  }
  return best?.path ?? null;
}
