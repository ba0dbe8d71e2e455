/**
 * Materialised views as parts of the dataflow: built over what their inputs hold now, attached to what comes, and built
 * again in place when rows that their state has forgotten must be counted after all.
 */
import { must } from '../common/assert.ts';
import type { RelationEntry } from '../common/catalog.ts';
import { attachArrangement, fillArrangement } from '../executor/arrangements.ts';
import type { Batch } from '../executor/batch.ts';
import { type BuiltPlan, buildPlan, type ScanInput } from '../executor/build.ts';
import { DataflowNode, Guard, isIdentity, pickColumns } from '../executor/dataflow.ts';
import { MaterializeOperator } from '../executor/operators/materialize.ts';
import type { TickContext } from '../executor/operators/operator.ts';
import { compileTerm } from '../executor/time.ts';
import { walkPhysical } from '../planner/plan/walk.ts';
import type { WatermarkTerm } from '../planner/plan/watermark.ts';
import type { PlannedView } from '../planner/plan.ts';
import { groupKey } from '../planner/time/terms.ts';
import type { Persistent } from '../storage/state/persist.ts';
import { RelationStore } from '../storage/state/relationStore.ts';
import { inputRows } from './backfill/inputRows.ts';
import { isReplayedInPart, type ReplayFrom } from './backfill/replayFrom.ts';
import { columnTypes, type Database, scannable } from './database.ts';
import type { ErrorPolicy, MaterializedViewObject } from './objects.ts';
import { pauseView } from './pause.ts';
import { refusalOf } from './refusal.ts';
import { lateNode } from './time/lateNodes.ts';

/** What stands in the dataflow for a view. */
export interface ViewParts {
  /** Every node that the view added, its materialisation last. */
  readonly nodes: ReadonlySet<DataflowNode>;
  readonly store: RelationStore;
  readonly node: DataflowNode;
}

export interface ViewShape {
  readonly id: number;
  readonly name: string;
  readonly timeZone: string;
  readonly planned: PlannedView;
  readonly errors: ErrorPolicy;
  /** Null or absent: sources are read from their start. */
  readonly replayFrom?: ReplayFrom | null;
}

/**
 * Builds a view's operators, gives them what their inputs hold as one tick of theirs, and attaches them. Throws when an
 * input is paused, or when the view refuses a row.
 */
export function buildView(database: Database, view: ViewShape, checkCancelled: () => void): ViewParts {
  const steps = buildSteps(database, view);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    try {
      checkCancelled();
    } catch (error) {
      steps.throw(error);
    }
  }
}

/**
 * The same in steps, each giving the number of rows read in it. Nothing may change between them; what is thrown into one
 * takes everything back.
 */
export function* buildSteps(database: Database, view: ViewShape): Generator<number, ViewParts> {
  const { planned } = view;
  walkPhysical(planned.plan, (node) => {
    if (node.kind === 'Scan' || node.kind === 'IndexScan') scannable(database.catalog, node.relation.id);
  });
  database.rowErrors.dropRelation(view.id);
  const store = emptyStore(planned);
  const tick = database.tickContext(view.name, view.timeZone, view.id, view.errors.maxRows);
  const first = database.dataflow.nodes.length;
  try {
    const built = buildPlan(
      planned.plan,
      database.dataflow,
      tick,
      { operator: new MaterializeOperator(store), name: `MaterializedView ${view.name}` },
      (scan) => scannable(database.catalog, scan.relation.id).node,
      database.arrangements,
      isReplayedInPart(database, view.replayFrom),
    );
    database.memory?.include(stateOf(built, store));
    database.watermarks.setNow(database.clock());
    database.random.begin(`${database.version}/${view.id}`);
    // What a checkpoint holds is put back afterwards.
    if (!database.restoring) {
      yield* fillArrangements(database, built);
      yield* backfill(database, built, first, view.replayFrom ?? null);
    }
    // A restart must not stop at it: the view is paused when it is there.
    const mayRefuse = view.errors.onError === 'fail' && database.recovery === null;
    const refused = mayRefuse ? database.rowErrors.first(view.id) : null;
    if (refused !== null) throw refusalOf(view, refused);
    return goLive(database, view, built, store, tick);
  } catch (error) {
    database.removeNodes(new Set(database.dataflow.nodes.slice(first)));
    database.rowErrors.dropRelation(view.id);
    throw error;
  }
}

/** All that a view that is being built will remember. */
function* stateOf({ nodes, fresh }: BuiltPlan, store: RelationStore): Generator<Persistent> {
  yield store;
  for (const { operator } of nodes) if (operator?.persistent !== undefined) yield operator.persistent;
  for (const { operator } of fresh) yield operator.persistent;
}

/** From now on the view takes part in ticks. */
function goLive(
  database: Database,
  view: ViewShape,
  built: BuiltPlan,
  store: RelationStore,
  tick: TickContext,
): ViewParts {
  const nodes = new Set(built.nodes);
  // Arrangements before nodes of one join: see executor/buildJoins.ts.
  for (const arrangement of built.fresh) attachArrangement(arrangement);
  for (const input of built.inputs) attach(database, input);
  const guard = new Guard((error) => database.broken.push({ id: view.id, error }));
  for (const node of nodes) node.guard = guard;
  deriveWatermarks(database, view, tick);
  return { nodes, store, node: must(built.nodes[built.nodes.length - 1]) };
}

/** From now on the view's columns have watermarks where its plan says so. */
export function deriveWatermarks(
  database: Database,
  view: Pick<ViewShape, 'id' | 'planned'>,
  tick: TickContext,
): void {
  view.planned.watermarks.forEach((term, column) => {
    if (term !== null) database.watermarks.derive(view.id, column, compileTerm(term, tick.time, tick.eval));
  });
}

/** What a view that is made paused has in place of its parts. */
export function noParts(planned: PlannedView): ViewParts {
  return { nodes: new Set(), store: emptyStore(planned), node: new DataflowNode(null, 'paused', []) };
}

/** A store for the view's rows. */
export function emptyStore({ plan, key }: PlannedView): RelationStore {
  return new RelationStore(
    plan.schema.map((c) => c.type),
    key,
    plan.appendOnly,
  );
}

function latenessOf(input: ScanInput): bigint {
  return input.scan.kind === 'Scan' ? (input.scan.lateness ?? 0n) : 0n;
}

/** Puts what relations hold into new arrangements, without a word to the joins. */
function* fillArrangements(database: Database, built: BuiltPlan): Generator<number> {
  for (const relationId of new Set(built.fresh.map(({ relation }) => relation.id))) {
    const filled = built.fresh.filter(({ relation }) => relation.id === relationId);
    yield* inputRows(database, scannable(database.catalog, relationId), (batch) => {
      for (const arrangement of filled) fillArrangement(arrangement, batch);
    });
  }
}

/** Lets joins say what they have of full arrangements, then feeds the scans. */
function* backfill(
  database: Database,
  built: BuiltPlan,
  first: number,
  from: ReplayFrom | null,
): Generator<number> {
  built.start();
  for (const input of built.inputs) {
    const relation = scannable(database.catalog, input.scan.relation.id);
    const width = columnTypes(relation).length;
    const identity = isIdentity(input.scan.columns, width);
    const push = (batch: Batch): void => {
      database.dataflow.push(
        input.target,
        input.port,
        identity ? batch : pickColumns(batch, input.scan.columns),
      );
    };
    yield* inputRows(database, relation, push, latenessOf(input), from);
  }
  database.dataflow.finishTick(first);
}

/** From now on the relation's deltas flow into the new nodes. */
function attach(database: Database, input: ScanInput): void {
  const relation = scannable(database.catalog, input.scan.relation.id);
  const identity = isIdentity(input.scan.columns, columnTypes(relation).length);
  const columns = identity ? null : input.scan.columns;
  relation.node.connect(input.target, input.port, columns);
  const lateness = latenessOf(input);
  if (lateness > 0n && relation.kind !== 'materialized view') {
    lateNode(database, relation, lateness).connect(input.target, input.port, columns);
  }
}

/** Columns with a watermark; terms over the same relations' watermarks make one group. */
export function watermarkedColumns(terms: readonly (WatermarkTerm | null)[]): RelationEntry['watermarked'] {
  const groups = new Map<string, number>();
  return terms.flatMap((term, column) => {
    if (term === null) return [];
    const bases = groupKey(term);
    const group = groups.get(bases) ?? groups.size;
    groups.set(bases, group);
    return [{ column, group }];
  });
}

/** The views over any of these relations, directly or not, in the order of their creation. */
export function viewsOver(database: Database, ids: ReadonlySet<number>): readonly MaterializedViewObject[] {
  const reached = new Set(ids);
  const views: MaterializedViewObject[] = [];
  for (const object of database.catalog.objects()) {
    if (![...object.dependsOn].some((id) => reached.has(id))) continue;
    reached.add(object.id);
    if (object.kind === 'materialized view') views.push(object);
  }
  return views;
}

/**
 * Takes `views` (closed under dependency, in creation order) out of the dataflow, lets `change` alter their inputs, and
 * builds them again over what is there then. Only inside `exclusive`; one version.
 */
export function rebuildViews(
  database: Database,
  views: readonly MaterializedViewObject[],
  change: () => void,
): void {
  const running = views.filter((view) => view.paused === null);
  for (const view of [...running].reverse()) {
    database.sinks.detachOver(view, `materialized view "${view.name}" is being built`);
    database.removeNodes(view.nodes);
  }
  try {
    change();
  } finally {
    for (const view of running) {
      if (view.paused !== null) continue;
      try {
        placeView(database, view);
      } catch (error) {
        view.nodes = new Set();
        pauseView(database, view, error);
      }
    }
  }
}

/** Builds the view anew where it stands in the catalog. */
export function placeView(database: Database, view: MaterializedViewObject): void {
  const parts = buildView(database, view, () => {});
  view.nodes = parts.nodes;
  view.store = parts.store;
  view.node = parts.node;
  view.paused = null;
  for (const index of view.entry.indexes) view.store.addIndex(index);
  database.sinks.attachOver(view);
}
