/**
 * A view is filled from its inputs between ticks, while they change.
 *
 * Why what comes out is right. Every input has a gate, a node that passes on what it is given; the view's operators, and the
 * arrangements that its joins look into, hang on the gates and on nothing else. At every moment, what a gate has passed on adds
 * up to a part of what the input holds at that moment: of a stored relation the rows below a slot (RelationStore.follow: a row
 * stays in its slot from when it comes until it goes, so each of its changes is passed on if and only if it has been read); of a
 * source all rows up to a position. So the operators are always those of the view over parts of its inputs, and nothing that
 * they may rely on is broken: no key occurs twice, nothing is taken away that was not given, of append-only inputs nothing is
 * taken away. Each reading of a part is, for them, a change of one input like any other, and by their contract (the output is
 * the exact change of the result, whatever the order of the changes) the result over the parts is exact at every moment: rows,
 * and errors of rows, which are taken back like rows. When every input is complete the parts are the inputs, and the result is
 * the view's. What depends on more than what the inputs hold is not filled in this way (eligible.ts).
 *
 * Arrangements that other views share hold all rows of their relation, not those of a part: the fill has its own. In the end
 * those that others have as well by then are let go, and the joins, which keep nothing themselves, look into the shared ones;
 * the others become shared. Then the gates' edges are moved to the inputs, in their order, and the gates go. All this is in one
 * section between two ticks, as is the naming of the view.
 *
 * A slice ends with a flush of the fill's own nodes, so that between ticks nothing is pending; ticks flush them like others.
 */
import { must } from '../../common/assert.ts';
import { Arrangements, attachArrangement, type SharedArrangement } from '../../executor/arrangements.ts';
import { type BuiltPlan, buildPlan } from '../../executor/build.ts';
import { type Dataflow, type DataflowNode, Guard, isIdentity } from '../../executor/dataflow.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import type { TickContext } from '../../executor/operators/operator.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { RelationStore } from '../../storage/state/relationStore.ts';
import { columnTypes, type Database, scannable } from '../database.ts';
import type { RowErrorEntry } from '../errorLog.ts';
import { deriveWatermarks, emptyStore, type ViewParts, type ViewShape } from '../viewBuild.ts';
import { type FillInput, fillInput } from './fillInput.ts';
import { isReplayedInPart } from './replayFrom.ts';

/** Arrangements over gates in the place of the relations' nodes. */
class GatedArrangements extends Arrangements {
  readonly #gateOf: (node: DataflowNode) => DataflowNode;

  constructor(gateOf: (node: DataflowNode) => DataflowNode) {
    super();
    this.#gateOf = gateOf;
  }

  override acquire(
    dataflow: Dataflow,
    from: Parameters<Arrangements['acquire']>[1],
    columns: Parameters<Arrangements['acquire']>[2],
    key: Parameters<Arrangements['acquire']>[3],
  ): SharedArrangement {
    return super.acquire(dataflow, { ...from, node: this.#gateOf(from.node) }, columns, key);
  }
}

export class ViewFill {
  readonly #database: Database;
  readonly #view: ViewShape;
  readonly #store: RelationStore;
  readonly #tick: TickContext;
  /** Errors of its rows are kept apart until then: a view that is replaced has some already. */
  readonly #errorKey: string;
  #errors: TickContext;
  #finished = false;
  /** Smallest first: rows of the others find what they are joined with. */
  readonly #inputs: readonly FillInput[];
  readonly #gates = new Map<DataflowNode, FillInput>();
  readonly #arrangements: GatedArrangements;
  readonly #built: BuiltPlan;
  /** Every node that is its own. */
  readonly #nodes: ReadonlySet<DataflowNode>;
  /** What one of its operators has thrown. */
  #failure: { readonly error: unknown } | null = null;

  /** Throws when an input is paused. Only inside `exclusive`, like everything else here. */
  constructor(database: Database, view: ViewShape) {
    this.#database = database;
    this.#view = view;
    this.#store = emptyStore(view.planned);
    this.#errorKey = `${view.name} (being built, ${view.id})`;
    database.rowErrors.dropRelation(this.#errorKey);
    database.rowErrors.unfinished.add(this.#errorKey);
    this.#errors = database.tickContext(this.#errorKey, view.timeZone, null, view.errors.maxRows);
    this.#tick = {
      ...this.#errors,
      rowError: (...error) => this.#errors.rowError(...error),
      lateRow: (...row) => this.#errors.lateRow(...row),
    };
    this.#inputs = this.#openInputs();
    this.#arrangements = new GatedArrangements((node) => must(this.#gates.get(node)).gate);
    const gates = new Set(this.#inputs.map(({ gate }) => gate));
    const before = new Set(database.dataflow.nodes.filter((node) => !gates.has(node)));
    const added = (): ReadonlySet<DataflowNode> =>
      new Set(database.dataflow.nodes.filter((node) => !before.has(node)));
    try {
      this.#built = this.#build();
    } catch (error) {
      for (const input of this.#inputs) input.stop();
      database.dataflow.remove(added());
      throw error;
    }
    this.#nodes = added();
    const guard = new Guard((error) => {
      this.#failure = { error };
    });
    for (const node of this.#built.nodes) node.guard = guard;
  }

  /** Some row that fails now; null: there is none. */
  firstError(): RowErrorEntry | null {
    return this.#database.rowErrors.first(this.#errorKey);
  }

  #openInputs(): readonly FillInput[] {
    const database = this.#database;
    const ids = new Set<number>();
    walkPhysical(this.#view.planned.plan, (node) => {
      if (node.kind === 'Scan' || node.kind === 'IndexScan') ids.add(node.relation.id);
    });
    const objects = [...ids].map((id) => scannable(database.catalog, id));
    objects.sort((a, b) => a.entry.rowCount() - b.entry.rowCount());
    return objects.map((object) => {
      const gate = database.dataflow.add(null, `Filling ${this.#view.name} from ${object.name}`, [
        object.node,
      ]);
      const input = fillInput(database, object, gate, this.#view.replayFrom ?? null);
      this.#gates.set(object.node, input);
      return input;
    });
  }

  #build(): BuiltPlan {
    const database = this.#database;
    const { planned, name } = this.#view;
    const built = buildPlan(
      planned.plan,
      database.dataflow,
      this.#tick,
      { operator: new MaterializeOperator(this.#store), name: `MaterializedView ${name}` },
      (scan) => scannable(database.catalog, scan.relation.id).node,
      this.#arrangements,
      isReplayedInPart(database, this.#view.replayFrom),
    );
    // Arrangements before nodes of one join: see executor/buildJoins.ts.
    for (const arrangement of built.fresh) attachArrangement(arrangement);
    for (const { scan, target, port } of built.inputs) {
      const relation = scannable(database.catalog, scan.relation.id);
      const { gate } = must(this.#gates.get(relation.node));
      const identity = isIdentity(scan.columns, columnTypes(relation).length);
      gate.connect(target, port, identity ? null : scan.columns);
    }
    return built;
  }

  /** Everything has been read. */
  get complete(): boolean {
    return this.#inputs.every((input) => input.complete);
  }

  /** An input is another one by now. */
  isStale(): boolean {
    return this.#inputs.some((input) => input.isStale());
  }

  /** Reads the next part of its inputs, and gives the number of rows. */
  read(): number {
    const next = this.#inputs.find((input) => !input.complete);
    return next === undefined ? 0 : next.read();
  }

  /** Ends a slice. Throws what went wrong in an operator. */
  settle(): void {
    this.#database.dataflow.flush(this.#nodes);
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** The view is complete: it takes part in ticks like any other from now on. */
  finish(): ViewParts {
    const database = this.#database;
    const built = this.#built;
    for (const input of this.#inputs) {
      const { gate, object } = input;
      input.stop();
      for (const edge of gate.edges) {
        object.node.connect(edge.target, edge.port, edge.columns);
        edge.target.inputs = edge.target.inputs.map((node) => (node === gate ? object.node : node));
      }
    }
    const replaced = new Set<DataflowNode>(this.#inputs.map(({ gate }) => gate));
    for (const arrangement of this.#arrangements.list()) {
      arrangement.source = must(this.#objectOf(arrangement.source)).node;
      const shared = database.arrangements.adopt(arrangement);
      if (shared === arrangement) continue;
      built.rebind(arrangement, shared);
      replaced.add(arrangement.node);
    }
    database.dataflow.remove(replaced);
    database.dataflow.sort();
    const nodes = new Set(built.nodes);
    const { id, name, timeZone, errors } = this.#view;
    database.rowErrors.move(this.#errorKey, id, name);
    database.rowErrors.unfinished.delete(this.#errorKey);
    this.#errors = database.tickContext(name, timeZone, id, errors.maxRows);
    this.#finished = true;
    const guard = new Guard((error) => database.broken.push({ id, error }));
    for (const node of nodes) node.guard = guard;
    deriveWatermarks(database, this.#view, this.#tick);
    return { nodes, store: this.#store, node: must(built.nodes[built.nodes.length - 1]) };
  }

  #objectOf(gate: DataflowNode): FillInput['object'] | null {
    return this.#inputs.find((input) => input.gate === gate)?.object ?? null;
  }

  /** Takes everything back, unless it is finished. */
  abandon(): void {
    if (this.#finished) return;
    for (const input of this.#inputs) input.stop();
    this.#database.dataflow.remove(this.#nodes);
    this.#database.rowErrors.dropRelation(this.#errorKey);
    this.#database.rowErrors.unfinished.delete(this.#errorKey);
  }
}
