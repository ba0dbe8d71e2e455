/**
 * Joins over arrangements as parts of a dataflow: which arrangements each input uses, and whether it may share them.
 *
 * An input that is a relation uses the relation's shared arrangements; one that is a plan node those that other joins
 * of this plan have over the same node. It must not share where that would break a change into steps that another input
 * could come between (see operators/deltaJoin.ts): then it has a node of its own, with all keys.
 */
import { AssertionError, must } from '../common/assert.ts';
import type {
  DeltaStep,
  PhysicalDeltaJoin,
  PhysicalJoin,
  PhysicalPlan,
  PhysicalScan,
} from '../planner/plan/physical.ts';
import type { Arrangements, SharedArrangement } from './arrangements.ts';
import { type Dataflow, type DataflowNode, isIdentity } from './dataflow.ts';
import { type ArrangeKey, ArrangeOperator, sameKey } from './operators/arrange.ts';
import { type DeltaInput, DeltaJoinOperator } from './operators/deltaJoin.ts';
import type { BoundStep, DeltaShape } from './operators/deltaJoinPath.ts';
import { MaterializeOperator } from './operators/materialize.ts';
import type { TickContext } from './operators/operator.ts';

type DeltaSpec = Pick<PhysicalDeltaJoin, 'inputs' | 'paths' | 'tests' | 'residual' | 'output'>;

/** A binary join as a delta join of two inputs. */
function specOf(node: PhysicalJoin | PhysicalDeltaJoin): DeltaSpec {
  if (node.kind === 'DeltaJoin') return node;
  const { left, right, leftKeys, rightKeys, nullSafe, residual } = node;
  const width = left.schema.length;
  const all = Array.from({ length: width + right.schema.length }, (_, c) => c);
  const step = (input: number, keys: readonly number[], from: readonly number[]): DeltaStep => ({
    input,
    keys,
    from,
    nullSafe,
    tests: [],
  });
  return {
    inputs: [left, right],
    paths: [
      [step(1, rightKeys, leftKeys)],
      [
        step(
          0,
          leftKeys,
          rightKeys.map((c) => width + c),
        ),
      ],
    ],
    tests: [],
    residual: residual === null ? null : { condition: residual, columns: all },
    output: all,
  };
}

/** What the builder of the whole plan gives. */
export interface JoinBuildContext {
  readonly dataflow: Dataflow;
  readonly context: TickContext;
  readonly arrangements: Arrangements;
  /** The operator of a plan node that is no scan. */
  readonly build: (plan: PhysicalPlan) => DataflowNode;
  /** Null: it is fed by the caller, batch by batch. */
  readonly relationNode: (scan: PhysicalScan) => DataflowNode | null;
  /** It is not fed all rows of its relation. */
  readonly isOwn: (scan: PhysicalScan) => boolean;
  /** Adds a node of the view; its inputs that are scans are fed and attached later. */
  readonly add: (operator: ArrangeOperator, name: string, input: PhysicalPlan) => DataflowNode;
  readonly addJoin: (
    operator: DeltaJoinOperator,
    name: string,
    inputs: readonly DataflowNode[],
  ) => DataflowNode;
}

/** An arrangement that an input can use: stored[c] is the place of the input's column c, and the key is of those places. */
interface Usable {
  readonly node: DataflowNode;
  readonly operator: ArrangeOperator;
  readonly key: ArrangeKey;
  /** Which of the operator's. */
  readonly at: number;
  readonly stored: readonly number[];
  readonly shared: SharedArrangement | null;
}

/** Keys by which an input is looked up, each once; columns of the input, ascending. */
function keysOf(spec: DeltaSpec, input: number): readonly ArrangeKey[] {
  const keys: ArrangeKey[] = [];
  for (const path of spec.paths) {
    for (const step of path) {
      if (step.input !== input) continue;
      const key = inOrder(step, (c) => c).key;
      if (!keys.some((known) => sameKey(known, key))) keys.push(key);
    }
  }
  return keys;
}

/** The step's key by ascending places of its columns, and its columns in that order. */
function inOrder(
  step: DeltaStep,
  place: (column: number) => number,
): { readonly key: ArrangeKey; readonly order: readonly number[] } {
  const at = (k: number): number => place(must(step.keys[k]));
  const order = [...step.keys.keys()].sort((a, b) => at(a) - at(b) || a - b);
  return { order, key: { columns: order.map(at), nullSafe: order.map((k) => must(step.nullSafe[k])) } };
}

/** True when what `from` emits can reach `to` before the emission is over. */
function feedsAtOnce(from: DataflowNode, to: DataflowNode): boolean {
  const seen = new Set<DataflowNode>();
  const visit = (node: DataflowNode): boolean => {
    if (node === from) return true;
    if (seen.has(node) || emitsWhenFlushed(node)) return false;
    seen.add(node);
    return node.inputs.some(visit);
  };
  return visit(to);
}

/** True when a change of input i, fed by `source`, must not come to the join by nodes that others use too. */
const breaksUp = (source: DataflowNode, i: number, sources: readonly (DataflowNode | null)[]): boolean =>
  sources.indexOf(source) < i ||
  sources.some((other) => other !== null && other !== source && feedsAtOnce(source, other));

const emitsWhenFlushed = (node: DataflowNode): boolean =>
  node.operator instanceof MaterializeOperator && !node.operator.store.appendOnly;

interface BuiltJoin {
  readonly node: DataflowNode;
  readonly spec: DeltaSpec;
  readonly shape: DeltaShape;
  operator: DeltaJoinOperator;
  /** By input. */
  usable: readonly (readonly Usable[])[];
}

export class JoinBuilder {
  readonly #outer: JoinBuildContext;
  /** Arrangements over nodes of this plan. */
  readonly #local = new Map<PhysicalPlan, Usable[]>();
  /** Shared arrangements that were made for this plan, in that order. */
  readonly fresh: SharedArrangement[] = [];
  /** The joins, inputs first. */
  readonly joins: BuiltJoin[] = [];

  constructor(outer: JoinBuildContext) {
    this.#outer = outer;
  }

  build(node: PhysicalJoin | PhysicalDeltaJoin): DataflowNode {
    const spec = specOf(node);
    const sources = spec.inputs.map((plan) =>
      plan.kind === 'Scan' ? this.#outer.relationNode(plan) : this.#outer.build(plan),
    );
    const usable = spec.inputs.map((plan, i) => {
      const keys = keysOf(spec, i);
      const source = sources[i] ?? null;
      const isOwn = plan.kind === 'Scan' && ((plan.lateness ?? 0n) > 0n || this.#outer.isOwn(plan));
      if (source === null || isOwn || breaksUp(source, i, sources)) return this.#own(plan, keys);
      return keys.map((key) =>
        plan.kind === 'Scan' ? this.#shared(plan, source, key) : this.#over(plan, key),
      );
    });
    return this.#join(node, spec, usable);
  }

  /** A node for this join only. */
  #own(plan: PhysicalPlan, keys: readonly ArrangeKey[]): readonly Usable[] {
    const operator = new ArrangeOperator(
      plan.schema.map((c) => c.type),
      keys,
      plan.appendOnly,
    );
    const node = this.#outer.add(operator, 'Arrange', plan);
    const stored = [...plan.schema.keys()];
    return keys.map((key, at) => ({ node, operator, key, at, stored, shared: null }));
  }

  #over(plan: PhysicalPlan, key: ArrangeKey): Usable {
    const known = this.#local.get(plan) ?? [];
    this.#local.set(plan, known);
    const same = known.find((usable) => sameKey(usable.key, key));
    if (same !== undefined) return same;
    const made = must(this.#own(plan, [key])[0]);
    known.push(made);
    return made;
  }

  #shared(scan: PhysicalScan, source: DataflowNode, key: ArrangeKey): Usable {
    const { relation } = scan;
    const columns = [...new Set(scan.columns)].sort((a, b) => a - b);
    const places = key.columns.map((c) => must(scan.columns[c]));
    const order = [...places.keys()].sort((a, b) => must(places[a]) - must(places[b]) || a - b);
    const ofRelation: ArrangeKey = {
      columns: order.map((k) => must(places[k])),
      nullSafe: order.map((k) => must(key.nullSafe[k])),
    };
    const shared = this.#outer.arrangements.acquire(
      this.#outer.dataflow,
      { relation, node: source },
      columns,
      ofRelation,
    );
    if (!shared.attached && !this.fresh.includes(shared)) this.fresh.push(shared);
    const stored = scan.columns.map((c) => shared.columns.indexOf(c));
    return { node: shared.node, operator: shared.operator, key: shared.key, at: 0, stored, shared };
  }

  #join(
    node: PhysicalJoin | PhysicalDeltaJoin,
    spec: DeltaSpec,
    usable: readonly (readonly Usable[])[],
  ): DataflowNode {
    const schema = spec.inputs.flatMap((plan) => [...plan.schema]);
    const offsets: number[] = [];
    for (let i = 0, sum = 0; i < spec.inputs.length; sum += must(spec.inputs[i++]).schema.length)
      offsets.push(sum);
    const shape: DeltaShape = {
      operator: node.kind,
      node: spec,
      schema,
      offsets,
      context: this.#outer.context,
    };
    const operator = joinOperator(spec, usable, shape);
    const nodes = new Set(usable.flat().map((u) => u.node));
    const made = this.#outer.addJoin(operator, node.kind, [...nodes]);
    connectJoin(made, usable);
    this.joins.push({ node: made, spec, shape, operator, usable });
    return made;
  }

  /** Joins that look rows up in `from` do so in `to`. They keep nothing themselves. */
  rebind(from: SharedArrangement, to: SharedArrangement): void {
    const moved = (usable: Usable): Usable => {
      if (usable.shared !== from) return usable;
      const stored = usable.stored.map((c) => to.columns.indexOf(must(from.columns[c])));
      return { node: to.node, operator: to.operator, key: to.key, at: 0, stored, shared: to };
    };
    for (const join of this.joins) {
      const before = join.usable.flat();
      if (!before.some(({ shared }) => shared === from)) continue;
      for (const { node } of before) node.disconnect(join.node);
      from.users.delete(join.node);
      join.usable = join.usable.map((of) => of.map(moved));
      join.operator = joinOperator(join.spec, join.usable, join.shape);
      join.node.operator = join.operator;
      join.node.inputs = [...new Set(join.usable.flat().map((u) => u.node))];
      connectJoin(join.node, join.usable);
    }
  }
}

function joinOperator(
  spec: DeltaSpec,
  usable: readonly (readonly Usable[])[],
  shape: DeltaShape,
): DeltaJoinOperator {
  const bind = (step: DeltaStep): BoundStep => {
    for (const { operator, key, at, stored } of must(usable[step.input])) {
      const wanted = inOrder(step, (c) => must(stored[c]));
      if (!sameKey(key, wanted.key)) continue;
      const { rows } = must(operator.arrangements[at]);
      return { step, rows, columns: stored, keyOrder: wanted.order };
    }
    throw new AssertionError('every key has its arrangement');
  };
  const inputs = spec.paths.map((path, i): DeltaInput => {
    const { operator, stored } = deliveryOf(must(usable[i]));
    return { rows: operator, columns: stored, steps: path.map(bind) };
  });
  return new DeltaJoinOperator(inputs, shape);
}

/** Every input's changes go to the join. */
function connectJoin(node: DataflowNode, usable: readonly (readonly Usable[])[]): void {
  usable.forEach((of, port) => {
    const { node: from, stored, operator: arrange } = deliveryOf(of);
    const width = must(arrange.arrangements[0]).rows.store.types.length;
    from.connect(node, port, isIdentity(stored, width) ? null : stored);
    for (const { shared } of of) shared?.users.add(node);
  });
}

/** The last of an input's nodes to be given a batch hands it to the join: then all of them hold it. */
function deliveryOf(usable: readonly Usable[]): Usable {
  return usable.reduce((last, next) => (next.node.order > last.node.order ? next : last));
}
