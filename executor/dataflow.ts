/**
 * The dataflow: a DAG of operators that one tick runs once.
 *
 * Nodes are kept in topological order (inputs before consumers; a node is only ever added after its inputs). A tick is:
 * any number of `feed` calls at input nodes, then `finishTick`, which flushes every touched or due node in order. The same class
 * runs maintained views (long-lived) and ad-hoc queries (built, fed with a snapshot, finished, dropped).
 *
 * Invariant: between ticks no node is dirty.
 */
import { assert } from '../common/assert.ts';
import type { Batch } from './batch.ts';
import type { Operator, TickContext } from './operators/operator.ts';

/** Where a batch goes next. `columns` picks columns of the producer's output; null passes it as it is. */
export interface Edge {
  readonly target: DataflowNode;
  readonly port: number;
  readonly columns: readonly number[] | null;
}

/**
 * What keeps a failure of ours within one view: an error that one of its operators throws is caught here, and from then
 * on none of them is run. Nodes without a guard let errors through.
 */
export class Guard {
  readonly #onFailure: (error: unknown) => void;
  failed = false;
  /** While it is true the view takes part in nothing, as if what comes did not concern it. */
  suspended = false;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  run<T>(section: () => T, otherwise: T): T {
    if (this.failed || this.suspended) return otherwise;
    try {
      return section();
    } catch (error) {
      this.failed = true;
      this.#onFailure(error);
      return otherwise;
    }
  }
}

/** Runs a node's operator under its guard. */
function guarded<T>(node: DataflowNode, section: () => T, otherwise: T): T {
  return node.guard === null ? section() : node.guard.run(section, otherwise);
}

/** One operator in the graph. `edges` are its consumers. */
export class DataflowNode {
  /** A join's is another one when it looks rows up elsewhere. */
  operator: Operator | null;
  readonly name: string;
  inputs: readonly DataflowNode[];
  readonly edges: Edge[] = [];
  /** Position in the topological order; renumbered when nodes are removed. */
  order = -1;
  dirty = false;
  guard: Guard | null = null;
  #emitted = 0;
  readonly emit: (batch: Batch) => void;

  constructor(operator: Operator | null, name: string, inputs: readonly DataflowNode[]) {
    this.operator = operator;
    this.name = name;
    this.inputs = inputs;
    this.emit = (batch) => {
      this.#emitted += batch.length;
      for (const edge of this.edges) deliver(edge, batch);
    };
    operator?.connectOutput?.({
      hasConsumers: () => this.edges.length > 0,
      countUnread: (rows) => {
        this.#emitted += rows;
      },
      isSatisfied: () => this.#consumersSatisfied(),
    });
  }

  #consumersSatisfied(): boolean {
    const isSatisfied = ({ target }: Edge): boolean =>
      target.operator?.isSatisfied?.() === true || target.#consumersSatisfied();
    return this.edges.length > 0 && this.edges.every(isSatisfied);
  }

  /** Rows that this node has emitted since it was made, for catalogs. */
  get emittedRows(): bigint {
    return BigInt(this.#emitted);
  }

  connect(target: DataflowNode, port: number, columns: readonly number[] | null): void {
    this.edges.push({ target, port, columns });
  }

  /** Cuts every edge into `target`. */
  disconnect(target: DataflowNode): void {
    for (let i = this.edges.length - 1; i >= 0; i--)
      if (this.edges[i]?.target === target) this.edges.splice(i, 1);
  }
}

function deliver(edge: Edge, batch: Batch): void {
  const { target, port, columns } = edge;
  const input = columns === null ? batch : pickColumns(batch, columns);
  if (target.operator === null) {
    target.emit(input);
    return;
  }
  target.dirty = true;
  const { operator } = target;
  guarded(target, () => operator.push(port, input, target.emit), undefined);
}

function isNodeDue(node: DataflowNode): boolean {
  return guarded(node, () => node.operator?.isDue?.() === true, false);
}

/** The same rows with only the chosen columns; shares the vectors. */
export function pickColumns(batch: Batch, columns: readonly number[]): Batch {
  return {
    length: batch.length,
    weights: batch.weights,
    columns: columns.map((c) => {
      const column = batch.columns[c];
      assert(column !== undefined, `batch has no column ${c}`);
      return column;
    }),
  };
}

/** True when `columns` is 0, 1, ... width-1. */
export function isIdentity(columns: readonly number[], width: number): boolean {
  return columns.length === width && columns.every((c, i) => c === i);
}

export class Dataflow {
  readonly context: TickContext;
  #nodes: DataflowNode[] = [];
  /** Nodes that time moves. */
  #timed: DataflowNode[] = [];

  constructor(context: TickContext) {
    this.context = context;
  }

  /** Adds a node after its inputs. Edges are made by `connect`, so that a view can be backfilled before it goes live. */
  add(operator: Operator | null, name: string, inputs: readonly DataflowNode[]): DataflowNode {
    const node = new DataflowNode(operator, name, inputs);
    node.order = this.#nodes.length;
    for (const input of inputs)
      assert(input.order < node.order, `node ${name} added before its input ${input.name}`);
    this.#nodes.push(node);
    if (operator?.emitsInitially === true) node.dirty = true;
    if (operator?.isDue !== undefined) this.#timed.push(node);
    return node;
  }

  /** Takes nodes out of the graph, with all edges from and to them. */
  remove(nodes: ReadonlySet<DataflowNode>): void {
    for (const node of nodes) for (const input of node.inputs) input.disconnect(node);
    this.#nodes = this.#nodes.filter((node) => !nodes.has(node));
    this.#timed = this.#timed.filter((node) => !nodes.has(node));
    this.#nodes.forEach((node, i) => {
      node.order = i;
    });
  }

  /** Sends a batch from an input node to its consumers. */
  feed(node: DataflowNode, batch: Batch): void {
    if (batch.length > 0) node.emit(batch);
  }

  /** Sends a batch straight into an operator's port (tables, backfill). */
  push(node: DataflowNode, port: number, batch: Batch): void {
    if (batch.length > 0) deliver({ target: node, port, columns: null }, batch);
  }

  /** Flushes every touched or due node in topological order, from position `from`. */
  finishTick(from = 0): void {
    const nodes = this.#nodes;
    for (const node of this.#timed) if (isNodeDue(node)) node.dirty = true;
    for (let i = from; i < nodes.length; i++) {
      const node = nodes[i];
      if (node === undefined || !node.dirty || node.operator === null) continue;
      node.dirty = false;
      const { operator } = node;
      guarded(node, () => operator.flush(node.emit), undefined);
    }
  }

  /** Flushes those of these nodes that were touched, in topological order: a part of the graph that nobody reads yet. */
  flush(nodes: Iterable<DataflowNode>): void {
    for (const node of [...nodes].sort((a, b) => a.order - b.order)) {
      if (!node.dirty || node.operator === null) continue;
      node.dirty = false;
      const { operator } = node;
      guarded(node, () => operator.flush(node.emit), undefined);
    }
  }

  /**
   * Puts `next` in the place of `node` for its consumers, those in `except` left out. `columns`: for each column of `node`
   * the column of `next`, null where there is none. Gives the edges that were moved, as they were.
   */
  replace(
    node: DataflowNode,
    next: DataflowNode,
    columns: readonly (number | null)[],
    except: ReadonlySet<DataflowNode>,
  ): readonly Edge[] {
    const moved = node.edges.filter((edge) => !except.has(edge.target));
    for (const edge of moved) {
      const picked = (edge.columns ?? columns.map((_, c) => c)).map((c) => {
        const column = columns[c] ?? null;
        assert(column !== null, `${edge.target.name} reads a column that ${next.name} has not`);
        return column;
      });
      node.edges.splice(node.edges.indexOf(edge), 1);
      next.connect(edge.target, edge.port, picked);
      edge.target.inputs = edge.target.inputs.map((input) => (input === node ? next : input));
    }
    return moved;
  }

  /** Restores the topological order after nodes have got inputs that are younger than they. */
  sort(): void {
    const sorted = new Set<DataflowNode>();
    const visit = (node: DataflowNode): void => {
      if (sorted.has(node)) return;
      for (const input of node.inputs) visit(input);
      sorted.add(node);
    };
    for (const node of this.#nodes) visit(node);
    this.#nodes = [...sorted];
    this.#nodes.forEach((node, i) => {
      node.order = i;
    });
  }

  /** True when a node has work that time alone has made. */
  isDue(): boolean {
    return this.#timed.some(isNodeDue);
  }

  /** The earliest clock time at which some node becomes due by itself; null: none. */
  nextWake(): bigint | null {
    let next: bigint | null = null;
    for (const node of this.#timed) {
      const at = guarded(node, () => node.operator?.nextWake?.() ?? null, null);
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  get nodes(): readonly DataflowNode[] {
    return this.#nodes;
  }
}
