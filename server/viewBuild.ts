/**
 * Materialised views as parts of the dataflow: built over what their inputs hold now, attached to what comes, and built
 * again in place when rows that their state has forgotten must be counted after all.
 */
import { must } from '../common/assert.ts';
import type { RelationEntry } from '../common/catalog.ts';
import type { Batch } from '../executor/batch.ts';
import { buildPlan, type ScanInput } from '../executor/build.ts';
import { type DataflowNode, isIdentity, pickColumns } from '../executor/dataflow.ts';
import { MaterializeOperator } from '../executor/operators/materialize.ts';
import { compileTerm } from '../executor/time.ts';
import type { WatermarkTerm } from '../planner/plan/watermark.ts';
import type { PlannedView } from '../planner/plan.ts';
import { groupKey } from '../planner/time/terms.ts';
import { RelationStore } from '../storage/state/relationStore.ts';
import { columnTypes, type Database, scannable } from './database.ts';
import type { MaterializedViewObject } from './objects.ts';
import { lateNode } from './time/lateNodes.ts';

/** What stands in the dataflow for a view. */
export interface ViewParts {
  /** Every node that the view added, its materialisation last. */
  readonly nodes: ReadonlySet<DataflowNode>;
  readonly store: RelationStore;
  readonly node: DataflowNode;
}

interface ViewShape {
  readonly id: number;
  readonly name: string;
  readonly timeZone: string;
  readonly planned: PlannedView;
}

/** Builds a view's operators, gives them what their inputs hold as one tick of theirs, and attaches them. */
export function buildView(database: Database, view: ViewShape, checkCancelled: () => void): ViewParts {
  const { planned } = view;
  const store = new RelationStore(
    planned.plan.schema.map((c) => c.type),
    planned.key,
    planned.plan.appendOnly,
  );
  const tick = database.tickContext(view.name, view.timeZone, view.id);
  const first = database.dataflow.nodes.length;
  const built = buildPlan(
    planned.plan,
    database.dataflow,
    tick,
    { operator: new MaterializeOperator(store), name: `MaterializedView ${view.name}` },
    (scan) => scannable(database.catalog, scan.relation.id).node,
  );
  const nodes = new Set(built.nodes);
  try {
    database.watermarks.setNow(database.clock());
    backfill(database, built.inputs, first, checkCancelled);
  } catch (error) {
    database.removeNodes(nodes);
    throw error;
  }
  for (const input of built.inputs) attach(database, input);
  planned.watermarks.forEach((term, column) => {
    if (term !== null) database.watermarks.derive(view.id, column, compileTerm(term, tick.time, tick.eval));
  });
  return { nodes, store, node: must(built.nodes[built.nodes.length - 1]) };
}

function latenessOf(input: ScanInput): bigint {
  return input.scan.kind === 'Scan' ? (input.scan.lateness ?? 0n) : 0n;
}

function backfill(
  database: Database,
  inputs: readonly ScanInput[],
  first: number,
  checkCancelled: () => void,
): void {
  for (const input of inputs) {
    const relation = scannable(database.catalog, input.scan.relation.id);
    const width = columnTypes(relation).length;
    const identity = isIdentity(input.scan.columns, width);
    const push = (batch: Batch): void => {
      checkCancelled();
      database.dataflow.push(
        input.target,
        input.port,
        identity ? batch : pickColumns(batch, input.scan.columns),
      );
    };
    database.backfillRows(relation, push, latenessOf(input));
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
  for (const view of [...views].reverse()) database.removeNodes(view.nodes);
  try {
    change();
  } finally {
    for (const view of views) {
      const parts = buildView(database, view, () => {});
      view.nodes = parts.nodes;
      view.store = parts.store;
      view.node = parts.node;
      for (const index of view.entry.indexes) view.store.addIndex(index);
    }
  }
}
