/** What EXPLAIN says of joins over arrangements: the paths of changes, and which arrangements other joins may share. */
import { must } from '../../common/assert.ts';
import type { PhysicalDeltaJoin, PhysicalJoin, PhysicalPlan } from '../plan/physical.ts';
import { renumber } from '../plan/scalars.ts';
import { type Description, relationName } from './describe.ts';
import { columnName, scalarText } from './scalarText.ts';

/** Short names of the inputs, each once. */
function inputNames(inputs: readonly PhysicalPlan[]): readonly string[] {
  const names = inputs.map((input) => baseName(input));
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return names.filter((other) => other === name).length > 1 ? `${name}#${before + 1}` : name;
  });
}

function baseName(plan: PhysicalPlan): string {
  if (plan.kind === 'Scan') return relationName(plan.relation);
  return plan.kind === 'Calc' ? baseName(plan.input) : plan.kind;
}

export function describeDeltaJoin(plan: PhysicalDeltaJoin): Description {
  const names = inputNames(plan.inputs);
  const columns = plan.inputs.flatMap((input, i) =>
    input.schema.map((column, c) => ({
      ...column,
      name: `${must(names[i])}.${columnName(input.schema, c)}`,
    })),
  );
  const keys = plan.equalities.map(({ left, right, nullSafe }) => {
    const operator = nullSafe ? 'IS NOT DISTINCT FROM' : '=';
    return `${must(columns[left]).name} ${operator} ${must(columns[right]).name}`;
  });
  const conditions = plan.residual === null ? plan.tests : [...plan.tests, plan.residual];
  const keyOf = (input: number, key: readonly number[]): string =>
    `${must(names[input])} (${key.map((c) => columnName(must(plan.inputs[input]).schema, c)).join(', ')})`;
  const paths = plan.paths.map((path, i) =>
    [must(names[i]), ...path.map((step) => keyOf(step.input, step.keys))].join(' -> '),
  );
  const isRelation = (input: number): boolean => isShareable(must(plan.inputs[input]));
  const shared = plan.paths.flatMap((path) =>
    path.filter((step) => isRelation(step.input)).map((step) => keyOf(step.input, step.keys)),
  );
  return {
    title: 'DeltaJoin',
    attributes: [
      ['keys', keys],
      [
        'residual',
        conditions.map(({ condition, columns: used }) =>
          scalarText(
            renumber(condition, (c) => must(used[c])),
            columns,
          ),
        ),
      ],
      ['paths', paths],
      ['shared', [...new Set(shared)]],
    ],
  };
}

const isShareable = (plan: PhysicalPlan): boolean => plan.kind === 'Scan' && (plan.lateness ?? 0n) === 0n;

/** The arrangements of relations that a join of a maintained plan uses together with others. */
export function sharedArrangements(plan: PhysicalJoin): readonly string[] {
  if (plan.arranged !== true) return [];
  const sides = [
    [plan.left, plan.leftKeys],
    [plan.right, plan.rightKeys],
  ] as const;
  return sides.flatMap(([side, keys]) =>
    side.kind === 'Scan' && isShareable(side)
      ? [`${relationName(side.relation)} (${keys.map((c) => columnName(side.schema, c)).join(', ')})`]
      : [],
  );
}
