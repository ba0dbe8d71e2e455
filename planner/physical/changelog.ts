/** Scans of changelogs: a Changelog node over the whole relation, and the wanted columns of it. Maintained plans only. */
import type { RelationEntry } from '../../common/catalog.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { LogicalPlan, LogicalScan } from '../plan/logical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { walkPlan } from '../plan/walk.ts';
import { pickCalc } from './nodes.ts';

/**
 * The physical form of a scan of the changes of `relation`. All of its columns are compared, whatever is selected: a
 * change of any of them is a change.
 */
export function changelogScan(
  plan: LogicalScan,
  relation: RelationEntry,
  key: readonly number[] | null,
): PhysicalPlan {
  const estimatedRows = relation.rowCount();
  const input: PhysicalPlan = {
    kind: 'Scan',
    relation,
    columns: [...relation.columns.keys()],
    schema: relation.columns,
    appendOnly: relation.appendOnly,
    key: relation.key,
    estimatedRows,
  };
  const changes: PhysicalPlan = {
    kind: 'Changelog',
    input,
    schema: plan.relation.columns,
    appendOnly: true,
    key: plan.relation.key,
    estimatedRows,
  };
  return pickCalc(changes, plan.columns, plan.schema, key);
}

/** 0A000 for a changelog in a query that runs once: only what is maintained sees changes. */
export function refuseChangelogs(plan: LogicalPlan): void {
  walkPlan(plan, (node) => {
    if (node.kind !== 'Scan' || node.relation.changesOf === undefined) return;
    const { name } = node.relation;
    throw new SqlError('0A000', `AS CHANGELOG FROM "${name}" is not supported in a query that runs once`, {
      hint: 'Create a materialized view with this query, and read the changes from it.',
    });
  });
}
