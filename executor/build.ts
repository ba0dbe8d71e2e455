/**
 * Physical plan -> nodes of a dataflow. A plan node that occurs twice (the same object) becomes one operator. Scans are
 * not operators: they come back as `inputs`, edges still to be fed and attached, so that the caller decides between a
 * snapshot alone (ad-hoc) and a snapshot followed by the relation's deltas (maintained).
 */
import { must } from '../common/assert.ts';
import type { PhysicalIndexScan, PhysicalPlan, PhysicalScan } from '../planner/plan/physical.ts';
import type { Dataflow, DataflowNode } from './dataflow.ts';
import { createOperator } from './operators/index.ts';
import type { Operator, TickContext } from './operators/operator.ts';

/** An edge from a relation into the new nodes. */
export interface ScanInput {
  readonly scan: PhysicalScan | PhysicalIndexScan;
  readonly target: DataflowNode;
  readonly port: number;
}

export interface BuiltPlan {
  /** Every node that was added, inputs first; the last is the one over `sink`. */
  readonly nodes: readonly DataflowNode[];
  readonly inputs: readonly ScanInput[];
}

function childrenOf(plan: PhysicalPlan): readonly PhysicalPlan[] {
  switch (plan.kind) {
    case 'Scan':
    case 'IndexScan':
    case 'Values':
      return [];
    case 'Join':
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'SetOperation':
      return [plan.left, plan.right];
    case 'UnionAll':
      return plan.inputs;
    case 'Calc':
    case 'Hop':
    case 'Session':
    case 'TemporalFilter':
    case 'Close':
    case 'Pace':
    case 'Expire':
    case 'TableFunction':
    case 'Aggregate':
    case 'Distinct':
    case 'TopN':
    case 'Window':
    case 'MaxOneRow':
      return [plan.input];
  }
}

/**
 * Adds the operators of `plan` and, on top, `sink` (materialisation or result collector) to `dataflow`. Edges between
 * new nodes are live at once. `relationNode` gives the node a scan will read from when it is attached (null: ad-hoc).
 */
export function buildPlan(
  plan: PhysicalPlan,
  dataflow: Dataflow,
  context: TickContext,
  sink: { readonly operator: Operator; readonly name: string },
  relationNode: (scan: PhysicalScan | PhysicalIndexScan) => DataflowNode | null,
): BuiltPlan {
  const built = new Map<PhysicalPlan, DataflowNode>();
  const nodes: DataflowNode[] = [];
  const inputs: ScanInput[] = [];

  const add = (operator: Operator, name: string, children: readonly PhysicalPlan[]): DataflowNode => {
    const childNodes = children.map((child) =>
      child.kind === 'Scan' || child.kind === 'IndexScan' ? relationNode(child) : build(child),
    );
    const node = dataflow.add(
      operator,
      name,
      childNodes.filter((n) => n !== null),
    );
    nodes.push(node);
    children.forEach((child, port) => {
      if (child.kind === 'Scan' || child.kind === 'IndexScan')
        inputs.push({ scan: child, target: node, port });
      else must(childNodes[port]).connect(node, port, null);
    });
    return node;
  };
  const build = (node: PhysicalPlan): DataflowNode => {
    const known = built.get(node);
    if (known !== undefined) return known;
    const made = add(createOperator(node, context), node.kind, childrenOf(node));
    built.set(node, made);
    return made;
  };

  add(sink.operator, sink.name, [plan]);
  return { nodes, inputs };
}
