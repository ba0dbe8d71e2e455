/**
 * The fingerprint of a view's operators, on which the meaning of their state depends. Equal fingerprints: the same operators
 * with the same expressions over columns of the same types, so that state can be put back. Else it is built again.
 */
import { createHash } from 'node:crypto';
import { formatType } from '../../common/typeTable.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import { explainText } from '../../planner/explain/explain.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';

/** `nodes`: what the plan was made into; joins may share what others have arranged, or not. */
export function viewFingerprint(plan: PhysicalPlan, nodes: Iterable<DataflowNode>): string {
  const hash = createHash('sha256');
  for (const line of explainText(plan)) hash.update(`${line}\n`);
  walkPhysical(plan, (node) => {
    const columns = node.schema.map((c) => formatType(c.type)).join();
    const relation = node.kind === 'Scan' || node.kind === 'IndexScan' ? `${node.relation.id}` : '';
    hash.update(`${node.kind} ${relation} (${columns}) ${node.appendOnly} ${node.key?.join() ?? '-'}\n`);
  });
  for (const node of nodes) hash.update(`${node.name} of ${node.inputs.length}\n`);
  return hash.digest('hex');
}
