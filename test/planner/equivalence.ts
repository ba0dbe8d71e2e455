/**
 * The property that every plan must keep: the same rows before and after each rule, after physical planning, and no
 * duplicates on the key that the physical plan claims.
 */
import { expect } from 'vitest';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { PlanMode } from '../../planner/evaluator.ts';
import { explainLogical, explainText } from '../../planner/explain/explain.ts';
import { optimize } from '../../planner/optimize.ts';
import { toPhysical } from '../../planner/physical/physicalPlan.ts';
import { valueKey } from '../../planner/plan/fingerprint.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import { evaluateLogical, type Tables } from '../harness/naive/evaluateLogical.ts';
import { groupRows } from '../harness/naive/order.ts';
import { physicalToLogical } from '../harness/naive/physicalToLogical.ts';
import { env, randomTables } from './build.ts';

type Outcome = readonly string[] | string;

/** Rows as sorted text, or the error's SQLSTATE. */
function outcome(plan: LogicalPlan, tables: Tables): Outcome {
  try {
    return evaluateLogical(plan, tables)
      .map((row: Row) => row.map(valueKey).join(' | '))
      .sort();
  } catch (error) {
    if (error instanceof SqlError) return error.state;
    throw error;
  }
}

interface Stage {
  readonly name: string;
  readonly plan: LogicalPlan;
}

/** The plan after each rule and as physical plan. */
function stages(
  plan: LogicalPlan,
  mode: PlanMode,
): { readonly list: readonly Stage[]; readonly physical: PhysicalPlan } {
  const list: Stage[] = [];
  const optimized = optimize(plan, { ...env, mode, onClose: true }, (rule, next) =>
    list.push({ name: rule.name, plan: next }),
  );
  const physical = toPhysical(optimized, { evaluator: env.evaluator, mode });
  list.push({ name: 'physical', plan: physicalToLogical(physical, env.functions) });
  return { list, physical };
}

/** Checks the property over `runs` random fillings of the test tables. */
export function expectSame(plan: LogicalPlan, mode: PlanMode = 'maintained', runs = 25): PhysicalPlan {
  const { list, physical } = stages(plan, mode);
  for (let seed = 0; seed < runs; seed++) {
    const tables = randomTables(seed);
    const expected = outcome(plan, tables);
    for (const stage of list) {
      const actual = outcome(stage.plan, tables);
      if (JSON.stringify(actual) === JSON.stringify(expected)) continue;
      const shown = [`seed ${seed}, after ${stage.name}`, ...explainLogical(stage.plan)].join('\n');
      expect({ plan: shown, rows: actual }).toEqual({ plan: shown, rows: expected });
    }
    if (typeof expected !== 'string') expectKeys(physical, tables);
  }
  return physical;
}

/** Every node's claimed key is unique. */
function expectKeys(physical: PhysicalPlan, tables: Tables): void {
  walkPhysical(physical, (node) => {
    if (node.key === null) return;
    const rows = evaluateLogical(physicalToLogical(node, env.functions), tables);
    const groups = groupRows(
      rows,
      node.key,
      node.schema.map((c) => c.type),
    );
    const repeated = groups.find((g) => g.rows.length > 1);
    expect(
      repeated && `${explainText(node).join('\n')}: key (${must(node.key).join()}) repeats`,
    ).toBeUndefined();
  });
}
