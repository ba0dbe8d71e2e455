/**
 * Equivalence classes of columns under `=` conditions, and what follows from them: a condition on one column holds for
 * every column equal to it.
 */
import { must } from '../../common/assert.ts';
import { sameType } from '../../common/dataType.ts';
import type { ScalarFunction } from '../../common/function.ts';
import { scalarKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, equalitySides, isVolatile, renumber, usedColumns } from '../plan/scalars.ts';

export interface EquivalenceClass {
  readonly members: readonly Extract<Scalar, { kind: 'column' }>[];
  /** `=` of the members' type. */
  readonly equals: ScalarFunction;
}

type ColumnRef = Extract<Scalar, { kind: 'column' }>;

/** Sides of a condition `column = column` of one type. */
export function columnEquality(s: Scalar): { left: ColumnRef; right: ColumnRef; fn: ScalarFunction } | null {
  const sides = equalitySides(s);
  if (sides === null || sides.left.kind !== 'column' || sides.right.kind !== 'column') return null;
  return { left: sides.left, right: sides.right, fn: sides.fn };
}

/** Classes of at least two columns. */
export function equivalenceClasses(conditions: readonly Scalar[]): readonly EquivalenceClass[] {
  const classOf = new Map<number, { members: ColumnRef[]; equals: ScalarFunction }>();
  for (const condition of conditions) {
    const equality = columnEquality(condition);
    if (equality === null) continue;
    const { left, right, fn } = equality;
    const a = classOf.get(left.index) ?? { members: [left], equals: fn };
    const b = classOf.get(right.index) ?? { members: [right], equals: fn };
    classOf.set(left.index, a);
    if (a === b || !sameType(must(a.members[0]).type, must(b.members[0]).type)) continue;
    for (const member of b.members) {
      if (!a.members.some((m) => m.index === member.index)) a.members.push(member);
      classOf.set(member.index, a);
    }
  }
  return [...new Set(classOf.values())].filter((c) => c.members.length > 1);
}

/** A test that gives the same for all values that are `=`: a comparison with a constant, or membership in a set. */
function respectsEquality(s: Scalar): boolean {
  if (s.kind === 'inSet') return s.operand.kind === 'column';
  if (s.kind !== 'call' || s.fn.operator === undefined || !comparisons.has(s.fn.operator)) return false;
  return s.args.some((a) => a.kind === 'column');
}

const comparisons: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** Conditions on single columns carried over to the columns equal to them, without those already there. */
export function impliedConditions(conditions: readonly Scalar[]): readonly Scalar[] {
  const classes = equivalenceClasses(conditions);
  if (classes.length === 0) return [];
  const present = new Set(conditions.map(scalarKey));
  const implied: Scalar[] = [];
  for (const condition of conditions) {
    const [index, ...more] = usedColumns(condition);
    if (index === undefined || more.length > 0 || !respectsEquality(condition) || isVolatile(condition))
      continue;
    const equal = classes.find((c) => c.members.some((m) => m.index === index));
    for (const member of equal?.members ?? []) {
      const copy = renumber(condition, () => member.index);
      const key = scalarKey(copy);
      if (present.has(key)) continue;
      present.add(key);
      implied.push(copy);
    }
  }
  return implied;
}

/** a = b */
export function equality(equals: ScalarFunction, a: ColumnRef, b: ColumnRef): Scalar {
  return {
    kind: 'call',
    fn: equals,
    args: [column(a.index, a.type), column(b.index, b.type)],
    type: { id: 'bool' },
  };
}
