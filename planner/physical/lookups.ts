/**
 * Process-time joins with relations whose rows are looked up elsewhere: the left rows wait for their keys' answers
 * (PhysicalAwaitLookup), then the join finds these like any rows.
 */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { PhysicalPlan, PhysicalScan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { walkPhysical } from '../plan/walk.ts';
import type { JoinKey } from './joins.ts';
import { keyColumns } from './joins.ts';

/** The relation that is looked up on the right side of a join; null: its rows are all here. */
export function lookedUp(right: PhysicalPlan): RelationEntry | null {
  return rightScan(right)?.relation ?? null;
}

/** The scan at the bottom of filters and projections. */
function rightScan(plan: PhysicalPlan): PhysicalScan | null {
  if (plan.kind === 'Calc') return rightScan(plan.input);
  return plan.kind === 'Scan' && plan.relation.lookup !== undefined ? plan : null;
}

/** The relation's column that the scalar over `plan` is; null: it is none. */
function relationColumn(scalar: Scalar, plan: PhysicalPlan): number | null {
  if (scalar.kind !== 'column') return null;
  if (plan.kind === 'Scan') return plan.columns[scalar.index] ?? null;
  if (plan.kind !== 'Calc') return null;
  const expr = plan.exprs[scalar.index];
  return expr === undefined ? null : relationColumn(expr, plan.input);
}

/** `left` behind the gate for a join with `right` by `keys`. 42P10 when these are not the key of the relation. */
export function awaitLookup(left: PhysicalPlan, right: PhysicalPlan, keys: readonly JoinKey[]): PhysicalPlan {
  const { relation } = must(rightScan(right));
  const known = must(relation.lookup);
  const wanted = relation.key ?? [];
  const columns = keys.map((key) => (key.nullSafe ? null : relationColumn(key.right, right)));
  const used = wanted.map((column) => columns.indexOf(column));
  if (used.includes(-1)) {
    const names = wanted.map((c) => must(relation.columns[c]).name).join(', ');
    throw new SqlError(
      '42P10',
      `a join with "${relation.name}" needs an equality for each column of its key`,
      {
        detail: `Its rows are looked up by (${names}).`,
        hint: 'Compare each of them with a value of its type (cast a wider one); further conditions may follow.',
      },
    );
  }
  const chosen = used.map((k) => must(keys[k]));
  const leftSide = keyColumns(
    left,
    chosen.map((key) => key.left),
  );
  const scan: PhysicalScan = {
    kind: 'Scan',
    relation: known,
    columns: wanted.map((_, position) => position),
    schema: wanted.map((_, position) => must(known.columns[position])),
    appendOnly: false,
    key: wanted.map((_, position) => position),
    estimatedRows: Math.max(1, known.rowCount()),
  };
  return {
    kind: 'AwaitLookup',
    left: leftSide.plan,
    right: scan,
    relation,
    leftKeys: leftSide.columns,
    rightKeys: wanted.map((_, position) => position),
    schema: leftSide.plan.schema,
    appendOnly: left.appendOnly,
    key: left.key,
    estimatedRows: left.estimatedRows,
  };
}

/** Ad-hoc reads wait for nobody. */
export function refuseLookups(plan: PhysicalPlan): void {
  walkPhysical(plan, (node) => {
    if (node.kind !== 'AwaitLookup') return;
    throw unsupported(
      `a join with the lookup table "${node.relation.name}" outside a materialized view`,
      undefined,
      'Create a materialized view of the join: it waits for what is looked up.',
    );
  });
}

/** Only a process-time join looks rows up: any other use of the relation in a view would follow what happens to be there. */
export function refuseOtherUses(plan: PhysicalPlan): void {
  const joined = new Set<PhysicalPlan>();
  walkPhysical(plan, (node) => {
    if (node.kind !== 'TemporalJoin') return;
    for (let side: PhysicalPlan = node.right; ; side = side.input) {
      joined.add(side);
      if (side.kind !== 'Calc') return;
    }
  });
  walkPhysical(plan, (node) => {
    if (node.kind !== 'Scan' || node.relation.lookup === undefined || joined.has(node)) return;
    throw unsupported(
      `reading the lookup table "${node.relation.name}" in a materialized view`,
      undefined,
      `Join with it: JOIN ${node.relation.name} FOR SYSTEM_TIME AS OF PROCTIME() ON ...`,
    );
  });
}
