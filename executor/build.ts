/**
 * Physical plan -> nodes of a dataflow. A plan node that occurs twice (the same object) becomes one operator; a Close may
 * become one with the aggregation below it. Scans are not operators: they come back as `inputs`, edges still to be fed
 * and attached, so that the caller decides between a snapshot alone (ad-hoc) and a snapshot followed by the relation's
 * deltas (maintained).
 */
import { must } from '../common/assert.ts';
import type {
  PhysicalIndexScan,
  PhysicalPlan,
  PhysicalRecursive,
  PhysicalScan,
} from '../planner/plan/physical.ts';
import { Arrangements, type SharedArrangement } from './arrangements.ts';
import { JoinBuilder } from './buildJoins.ts';
import { Dataflow, type DataflowNode } from './dataflow.ts';
import { ClosingAggregateOperator, closedAggregate } from './operators/closingAggregate.ts';
import { createOperator } from './operators/index.ts';
import type { Operator, TickContext } from './operators/operator.ts';
import { createRecursive } from './operators/recursive.ts';
import { type StepBuilder, StepDataflow } from './operators/recursiveStep.ts';

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
  /** Shared arrangements that were made for it, still to be filled and attached. They are not among the nodes. */
  readonly fresh: readonly SharedArrangement[];
  /**
   * Emits what joins have to say of arrangements that are full already. To be called when `fresh` is filled and before
   * anything is fed.
   */
  start(): void;
  /** From now on joins look up in `to` what they have looked up in `from`; both hold the same rows. Between ticks. */
  rebind(from: SharedArrangement, to: SharedArrangement): void;
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
    case 'AwaitLookup':
    case 'SetOperation':
      return [plan.left, plan.right];
    case 'UnionAll':
    case 'DeltaJoin':
      return plan.inputs;
    case 'Recursive':
      return [plan.base, ...plan.sources.map((source) => source.plan)];
    case 'Calc':
    case 'Hop':
    case 'Session':
    case 'TemporalFilter':
    case 'Close':
    case 'SlidingPanes':
    case 'Pace':
    case 'Expire':
    case 'TableFunction':
    case 'Aggregate':
    case 'Distinct':
    case 'TopN':
    case 'Window':
    case 'MaterializedExprs':
    case 'Changelog':
    case 'MaxOneRow':
      return [plan.input];
  }
}

/** How many nodes of the plan have each node for an input. */
function countUses(plan: PhysicalPlan): ReadonlyMap<PhysicalPlan, number> {
  const uses = new Map<PhysicalPlan, number>();
  const visit = (node: PhysicalPlan): void => {
    for (const child of childrenOf(node)) {
      const known = uses.get(child) ?? 0;
      uses.set(child, known + 1);
      if (known === 0) visit(child);
    }
  };
  visit(plan);
  return uses;
}

const isScan = (plan: PhysicalPlan): boolean => plan.kind === 'Scan' || plan.kind === 'IndexScan';

/** The nodes at or above a recursion that streams. */
function streamingNodes(plan: PhysicalPlan): ReadonlySet<PhysicalPlan> {
  const found = new Set<PhysicalPlan>();
  const known = new Set<PhysicalPlan>();
  const visit = (node: PhysicalPlan): boolean => {
    if (known.has(node)) return found.has(node);
    known.add(node);
    const below = childrenOf(node).map(visit).includes(true);
    if (below || (node.kind === 'Recursive' && node.streams === true)) found.add(node);
    return found.has(node);
  };
  visit(plan);
  return found;
}

/**
 * Adds the operators of `plan` and, on top, `sink` (materialisation or result collector) to `dataflow`. Edges between
 * new nodes are live at once. `relationNode` gives the node a scan will read from when it is attached (null: ad-hoc).
 * With `arrangements` joins that the plan marks so use shared ones, but not for scans that are fed other rows than the relation's
 * (`isOwn`).
 */
export function buildPlan(
  plan: PhysicalPlan,
  dataflow: Dataflow,
  context: TickContext,
  sink: { readonly operator: Operator; readonly name: string },
  relationNode: (scan: PhysicalScan | PhysicalIndexScan) => DataflowNode | null,
  arrangements: Arrangements = new Arrangements(),
  isOwn: (scan: PhysicalScan) => boolean = () => false,
): BuiltPlan {
  const uses = countUses(plan);
  const built = new Map<PhysicalPlan, DataflowNode>();
  const nodes: DataflowNode[] = [];
  const inputs: ScanInput[] = [];

  const streaming = streamingNodes(plan);
  const add = (operator: Operator, name: string, children: readonly PhysicalPlan[]): DataflowNode => {
    // What a recursion without end is joined with must be there when its rows come.
    if (children.some((child) => streaming.has(child))) {
      for (const child of children) if (!isScan(child) && !streaming.has(child)) build(child);
    }
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
    if (node.kind === 'Recursive') {
      const made = add(createRecursive(node, context, stepDataflow(node)), node.kind, childrenOf(node));
      built.set(node, made);
      return made;
    }
    if (node.kind === 'DeltaJoin' || (node.kind === 'Join' && node.arranged === true)) {
      const made = joins.build(node);
      built.set(node, made);
      return made;
    }
    const closed = node.kind === 'Close' ? closedAggregate(node) : null;
    const made =
      node.kind === 'Close' && closed !== null && uses.get(closed) === 1
        ? add(new ClosingAggregateOperator(node, closed, context), 'Aggregate, Close', [closed.input])
        : add(createOperator(node, context), node.kind, childrenOf(node));
    built.set(node, made);
    return made;
  };

  const joins = new JoinBuilder({
    dataflow,
    context,
    arrangements,
    build,
    relationNode,
    isOwn,
    add: (operator, name, input) => add(operator, name, [input]),
    addJoin: (operator, name, from) => {
      const node = dataflow.add(operator, name, from);
      nodes.push(node);
      return node;
    },
  });

  add(sink.operator, sink.name, [plan]);
  return {
    nodes,
    inputs,
    fresh: joins.fresh,
    // Consumers first: those that look at an arrangement which another join's start fills must find it empty.
    start: () => {
      for (const { node, operator } of [...joins.joins].reverse()) operator.start(node.emit);
    },
    rebind: (from, to) => joins.rebind(from, to),
  };
}

/** The step of a recursion as a dataflow of its own: its scans are fed by the operator. */
function stepDataflow(node: PhysicalRecursive): StepBuilder {
  return (inner, sink) => {
    const dataflow = new Dataflow(inner);
    const name = `${node.kind} ${node.name}`;
    const { inputs } = buildPlan(node.step, dataflow, inner, { operator: sink, name }, () => null);
    return new StepDataflow(node, dataflow, inputs);
  };
}
