/**
 * Joins of maintained plans over arrangements: trees of inner joins become delta joins where that keeps less, and other
 * inner joins use arrangements where they could be shared. The last step of planning.
 *
 * A tree keeps each input once and every intermediate result; a delta join keeps each input once for every key by which
 * its paths look it up, and no intermediate results. It is chosen for three inputs or more when the additional copies are
 * no more than the intermediate results, in estimated rows times columns. Trees stay trees where a watermark bounds their
 * state or an append-only side with a unique key lets them forget rows, and where a computed key is over several inputs.
 */
import { must } from '../../common/assert.ts';
import type { DeltaCondition, PhysicalDeltaJoin, PhysicalJoin, PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { and, conjunctsOf, isVolatile, renumber, usedColumns } from '../plan/scalars.ts';
import { mapPhysicalInputs, physicalInputs, walkPhysical } from '../plan/walk.ts';
import { type Equality, type JoinGraph, type Paths, pathsOf } from './deltaPaths.ts';

/** The plan with its inner joins over arrangements where that is of use. */
export function overArrangements(plan: PhysicalPlan): PhysicalPlan {
  const uses = countUses(plan);
  const looked = countLookUps(plan);
  const done = new Map<PhysicalPlan, PhysicalPlan>();
  const rewrite = (node: PhysicalPlan): PhysicalPlan => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const delta = canArrange(node) ? deltaJoin(node, uses) : null;
    const result = mapPhysicalInputs(delta ?? arranged(node, looked), rewrite);
    done.set(node, result);
    return result;
  };
  return rewrite(plan);
}

function countUses(plan: PhysicalPlan): ReadonlyMap<PhysicalPlan, number> {
  const uses = new Map<PhysicalPlan, number>();
  walkPhysical(plan, (node) => {
    for (const input of physicalInputs(node)) uses.set(input, (uses.get(input) ?? 0) + 1);
  });
  return uses;
}

/** Inner by keys, and with state that nothing but deletions makes smaller. */
function canArrange(node: PhysicalPlan): node is PhysicalJoin {
  if (node.kind !== 'Join' || node.type !== 'inner' || node.leftKeys.length === 0 || node.nullAware)
    return false;
  if (node.clean !== undefined || (node.residual !== null && isVolatile(node.residual))) return false;
  return !settles(node.left, node.leftKeys) && !settles(node.right, node.rightKeys);
}

/** Rows of the other side that have met one of this side need not be kept. */
const settles = (side: PhysicalPlan, keys: readonly number[]): boolean =>
  side.appendOnly && side.key?.every((c) => keys.includes(c)) === true;

type LookUps = ReadonlyMap<PhysicalPlan, ReadonlyMap<string, number>>;

const keyText = (keys: readonly number[], node: PhysicalJoin): string =>
  keys
    .map((c, k) => `${c}${node.nullSafe[k] === true ? 'n' : ''}`)
    .sort()
    .join();

/** How often joins look each plan node up, by key. */
function countLookUps(plan: PhysicalPlan): LookUps {
  const looked = new Map<PhysicalPlan, Map<string, number>>();
  walkPhysical(plan, (node) => {
    if (!canArrange(node)) return;
    for (const [side, keys] of sidesOf(node)) {
      const text = keyText(keys, node);
      const counts = looked.get(side) ?? new Map<string, number>();
      looked.set(side, counts.set(text, (counts.get(text) ?? 0) + 1));
    }
  });
  return looked;
}

const sidesOf = (node: PhysicalJoin): readonly (readonly [PhysicalPlan, readonly number[]])[] => [
  [node.left, node.leftKeys],
  [node.right, node.rightKeys],
];

/** A join marked to use arrangements, where a side is a relation or is looked up by the same key elsewhere too. */
function arranged(node: PhysicalPlan, looked: LookUps): PhysicalPlan {
  if (!canArrange(node)) return node;
  const isShared = sidesOf(node).some(
    ([side, keys]) =>
      (side.kind === 'Scan' && (side.lateness ?? 0n) === 0n) ||
      (looked.get(side)?.get(keyText(keys, node)) ?? 0) > 1,
  );
  return isShared ? { ...node, arranged: true } : node;
}

/** A join tree taken apart; columns are numbered over all inputs. */
interface Flat {
  readonly inputs: PhysicalPlan[];
  readonly offsets: number[];
  readonly equalities: Equality[];
  readonly conditions: Scalar[];
  /** What the tree keeps of intermediate results: rows times columns. */
  kept: number;
}

/** Rows of an intermediate result: a key on one side leaves those of the other. */
function rowsOf(plan: PhysicalPlan): number {
  if (plan.kind === 'Calc' && plan.condition === null) return rowsOf(plan.input);
  if (!canArrange(plan)) return plan.estimatedRows;
  const isUnique = (side: PhysicalPlan, keys: readonly number[]): boolean =>
    side.key?.every((c) => keys.includes(c)) === true;
  const rows = [
    ...(isUnique(plan.right, plan.rightKeys) ? [rowsOf(plan.left)] : []),
    ...(isUnique(plan.left, plan.leftKeys) ? [rowsOf(plan.right)] : []),
  ];
  return rows.length === 0 ? plan.estimatedRows : Math.min(...rows);
}

function flatten(
  plan: PhysicalPlan,
  uses: ReadonlyMap<PhysicalPlan, number>,
  flat: Flat,
  isRoot: boolean,
): readonly number[] {
  const isOwn = isRoot || uses.get(plan) === 1;
  if (isOwn && canArrange(plan)) {
    if (!isRoot) flat.kept += rowsOf(plan) * plan.schema.length;
    const left = flatten(plan.left, uses, flat, false);
    const right = flatten(plan.right, uses, flat, false);
    plan.leftKeys.forEach((l, k) => {
      flat.equalities.push({
        left: must(left[l]),
        right: must(right[must(plan.rightKeys[k])]),
        nullSafe: plan.nullSafe[k] === true,
      });
    });
    const columns = [...left, ...right];
    flat.conditions.push(...conjunctsOf(plan.residual).map((s) => renumber(s, (i) => must(columns[i]))));
    return columns;
  }
  if (
    isOwn &&
    plan.kind === 'Calc' &&
    plan.condition === null &&
    canArrange(plan.input) &&
    uses.get(plan.input) === 1 &&
    plan.exprs.every((s) => s.kind === 'column')
  ) {
    const columns = flatten(plan.input, uses, flat, false);
    return plan.exprs.map((s) => must(s.kind === 'column' ? columns[s.index] : undefined));
  }
  const last = flat.inputs.length - 1;
  const offset = last < 0 ? 0 : must(flat.offsets[last]) + must(flat.inputs[last]).schema.length;
  flat.inputs.push(plan);
  flat.offsets.push(offset);
  return plan.schema.map((_, c) => offset + c);
}

/** The tree below `root` as a delta join; null where it stays a tree. */
function deltaJoin(root: PhysicalJoin, uses: ReadonlyMap<PhysicalPlan, number>): PhysicalDeltaJoin | null {
  const flat: Flat = { inputs: [], offsets: [], equalities: [], conditions: [], kept: 0 };
  const output = flatten(root, uses, flat, true);
  if (flat.inputs.length < 3) return null;
  const { inputs, offsets, equalities } = flat;
  const tests = flat.conditions.filter(cannotFail).map(compact);
  const graph: JoinGraph = { inputs, offsets, equalities, tests };
  const paths = pathsOf(graph);
  if (paths === null || additionalState(graph, paths) > flat.kept) return null;
  const rest = flat.conditions.filter((s) => !cannotFail(s));
  return {
    kind: 'DeltaJoin',
    inputs,
    equalities,
    paths: paths.steps,
    tests,
    residual: rest.length === 0 ? null : compact(and(rest)),
    output,
    schema: root.schema,
    appendOnly: root.appendOnly,
    key: root.key,
    estimatedRows: root.estimatedRows,
  };
}

/** Copies of inputs beyond the first: rows times columns. */
function additionalState(graph: JoinGraph, paths: Paths): number {
  return graph.inputs.reduce((sum, input, i) => {
    const keys = paths.keys.filter((key) => key.input === i).length;
    return sum + Math.max(0, keys - 1) * input.estimatedRows * input.schema.length;
  }, 0);
}

const comparisons: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** A comparison of columns and constants: evaluating it on rows that are no part of the result does no harm. */
function cannotFail(s: Scalar): boolean {
  const isPlain = (arg: Scalar): boolean => arg.kind === 'column' || arg.kind === 'literal';
  if (s.kind === 'isNull') return isPlain(s.operand);
  if (s.kind === 'isDistinct') return isPlain(s.left) && isPlain(s.right);
  return (
    s.kind === 'call' &&
    s.fn.user === undefined &&
    comparisons.has(s.fn.operator ?? '') &&
    s.args.every(isPlain)
  );
}

/** The condition over the columns that it reads. */
function compact(s: Scalar): DeltaCondition {
  const columns = [...usedColumns(s)].sort((a, b) => a - b);
  return { condition: renumber(s, (c) => columns.indexOf(c)), columns };
}
