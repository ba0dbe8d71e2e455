/** A maintained plan as it would be without arrangements: joins one after the other, each with state of its own. */
import { must } from '../../common/assert.ts';
import type { PhysicalDeltaJoin, PhysicalJoin, PhysicalPlan } from '../../planner/plan/physical.ts';
import { andOrNull, columnOf, renumber } from '../../planner/plan/scalars.ts';
import { rewritePhysical } from '../../planner/plan/walk.ts';

export function treeOf(plan: PhysicalPlan): PhysicalPlan {
  return rewritePhysical(plan, (node) => {
    if (node.kind === 'DeltaJoin') return joinsOf(node);
    if (node.kind !== 'Join') return node;
    const { arranged: _, ...join } = node;
    return join;
  });
}

/** Left-deep, in the order of the inputs. */
function joinsOf(node: PhysicalDeltaJoin): PhysicalPlan {
  const [first, ...more] = node.inputs;
  const conditions = node.residual === null ? node.tests : [...node.tests, node.residual];
  const placed = new Set<number>();
  const tree = more.reduce<PhysicalPlan>((left, right) => {
    const width = left.schema.length;
    const end = width + right.schema.length;
    const keys = node.equalities
      .map((e) => ({ ...e, low: Math.min(e.left, e.right), high: Math.max(e.left, e.right) }))
      .filter(({ low, high }) => low < width && high >= width && high < end);
    const residual = conditions.flatMap(({ condition, columns }, i) => {
      if (placed.has(i) || columns.some((c) => c >= end)) return [];
      placed.add(i);
      return [renumber(condition, (c) => must(columns[c]))];
    });
    const join: PhysicalJoin = {
      kind: 'Join',
      type: 'inner',
      left,
      right,
      leftKeys: keys.map(({ low }) => low),
      rightKeys: keys.map(({ high }) => high - width),
      nullSafe: keys.map(({ nullSafe }) => nullSafe),
      residual: andOrNull(residual),
      nullAware: false,
      schema: [...left.schema, ...right.schema],
      appendOnly: left.appendOnly && right.appendOnly,
      key: null,
      estimatedRows: node.estimatedRows,
    };
    return join;
  }, must(first));
  const { schema, appendOnly, key, estimatedRows } = node;
  const exprs = node.output.map((c) => columnOf(tree.schema, c));
  return { kind: 'Calc', input: tree, condition: null, exprs, schema, appendOnly, key, estimatedRows };
}
