/**
 * Views replaced while everything runs. What a view is to become is built beside what it is, over what its inputs hold
 * now; then it takes the old one's place in one version:
 *
 *   - A consumer whose plan still fits stays as it is, with its state; its scans are pointed at the new columns, and in the
 *     tick of the switch it is given the difference: old rows out, new rows in, netted.
 *   - A consumer whose plan does not fit any more (it relied on a key, a watermark, or on rows never being taken back; or the
 *     view it reads is inlined) is planned again and replaced in the same way, and so on along the dependencies.
 *
 * Everything is built before anything is switched: a failure leaves the catalog and the dataflow as they were. Only
 * inside `exclusive`, without waiting anywhere.
 */
import { assert, must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import { emitRows } from '../../executor/batchBuilder.ts';
import { type DataflowNode, type Edge, pickColumns } from '../../executor/dataflow.ts';
import { dependsOnHistory } from '../../planner/maintainable.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { rewritePhysical, walkPhysical } from '../../planner/plan/walk.ts';
import { planFingerprint } from '../checkpoint/fingerprint.ts';
import type { Database } from '../database.ts';
import { definitionContext, viewStatement } from '../definitions/viewStatement.ts';
import {
  isRelation,
  type MaterializedViewObject,
  type RelationObject,
  type TableObject,
  type ViewObject,
} from '../objects.ts';
import { refuseSinks } from '../sinks/refusals.ts';
import type { StatementContext } from '../statements/statement.ts';
import { buildView, noParts, type ViewParts, watermarkedColumns } from '../viewBuild.ts';
import { withMovedTerms } from './movedTerms.ts';
import { planView, type ViewPlan } from './planView.ts';

/** Of each column of before its present position; null: it is gone, or another. */
export type Positions = readonly (number | null)[];

/** What has become of a relation for those who read it. */
interface Changed {
  /** Null: it is part of the plans over it, which are void. */
  readonly positions: Positions | null;
  /** Of a view whose rows differ: what plans may have relied on. */
  readonly planned: MaterializedViewObject['planned'] | null;
}

/** A stored relation that has been given another store and node. */
interface Switched {
  readonly object: TableObject | MaterializedViewObject;
  readonly before: {
    readonly node: DataflowNode;
    readonly nodes: ReadonlySet<DataflowNode>;
    readonly rows: () => Iterable<Row>;
  };
  readonly positions: Positions;
  /** Consumers get the difference in rows. */
  readonly differs: boolean;
}

const plain = plainContext(() => 0n);

export class Replacement {
  readonly #database: Database;
  readonly #context: StatementContext;
  readonly #switched = new Map<number, Switched>();
  readonly #changed = new Map<number, Changed>();
  readonly #undo: (() => void)[] = [];

  constructor(context: StatementContext) {
    this.#database = context.database;
    this.#context = context;
  }

  /** The changes of `section`, and the switch; if something fails, nothing has changed. */
  run(section: () => void): void {
    try {
      section();
      this.#follow();
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
    this.#switch();
  }

  /** What takes back a change that the caller makes. */
  onFailure(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Gives a view another plan, with the parts that `build` gives, and sees to those over it. */
  replaceView(
    view: MaterializedViewObject,
    plan: ViewPlan,
    build: () => ViewParts = () => this.#build(view, plan),
  ): void {
    const database = this.#database;
    const before = { ...view };
    const { entry } = view;
    const shown = {
      columns: entry.columns,
      key: entry.key,
      appendOnly: entry.appendOnly,
      watermarked: entry.watermarked,
      definition: entry.definition,
    };
    const restoreWatermarks = database.watermarks.keep(view.id);
    database.watermarks.forget(view.id);
    const restoreErrors = database.rowErrors.setAside(view.id);
    this.onFailure(() => {
      Object.assign(view, before);
      Object.assign(entry, shown);
      restoreErrors();
      restoreWatermarks();
    });
    refuseSinks(database, view, plan);
    const parts = build();
    this.onFailure(() => database.removeNodes(parts.nodes));
    for (const index of entry.indexes) parts.store.addIndex(index);
    const { columns, planned, timing, errors, dependsOn, definition, replayFrom } = plan;
    Object.assign(view, { columns, planned, timing, errors, dependsOn, definition, replayFrom, ...parts });
    view.order = planned.order;
    view.plannedOver = plan.plannedOver;
    view.paused = null;
    entry.columns = columns;
    entry.key = planned.key;
    entry.appendOnly = planned.plan.appendOnly;
    entry.watermarked = watermarkedColumns(planned.watermarks);
    entry.definition = definition;
    this.#consumers(view, before.dependsOn);
    const kept = before.planned.visible;
    const positions = before.planned.plan.schema.map((_, c) => (c < kept ? c : null));
    this.#switched.set(view.id, {
      object: view,
      before: { node: before.node, nodes: before.nodes, rows: () => before.store.rows() },
      positions,
      differs: true,
    });
    this.#changed.set(view.id, { positions, planned: before.planned });
    database.catalog.moveLast(view);
  }

  #build(view: MaterializedViewObject, { planned, errors, replayFrom }: ViewPlan): ViewParts {
    const { id, name, timeZone } = view;
    return buildView(this.#database, { id, name, timeZone, planned, errors, replayFrom }, () =>
      this.#context.checkCancelled(),
    );
  }

  /** Sources are read for those who depend on them. */
  #consumers(view: MaterializedViewObject, before: ReadonlySet<number>): void {
    const change = (from: ReadonlySet<number>, to: ReadonlySet<number>): void => {
      const sources = (ids: ReadonlySet<number>) =>
        [...ids].map((id) => this.#database.catalog.byId(id)).filter((o) => o?.kind === 'source');
      for (const o of sources(from)) if (o?.kind === 'source') o.source.consumers.delete(view.id);
      for (const o of sources(to)) if (o?.kind === 'source') o.source.consumers.add(view.id);
    };
    change(before, view.dependsOn);
    this.onFailure(() => change(view.dependsOn, before));
  }

  /** A table that has got another store, with the same rows in the columns that stay. */
  replaceTable(table: TableObject, node: DataflowNode, positions: Positions): void {
    this.#switched.set(table.id, {
      object: table,
      before: { node, nodes: new Set([node]), rows: () => [] },
      positions,
      differs: false,
    });
    this.#changed.set(table.id, { positions, planned: null });
  }

  /** A plain view whose query is another one: it is part of the plans of the views over it. */
  replaceDefinition(view: ViewObject): void {
    this.#changed.set(view.id, { positions: null, planned: null });
    this.#database.catalog.moveLast(view);
  }

  /** A relation about which plans may have assumed what is no longer so. */
  voidPlans(relation: { readonly id: number }): void {
    this.#changed.set(relation.id, { positions: null, planned: null });
  }

  /** Views over what has changed, inputs first: kept, or planned again. */
  #follow(): void {
    for (const view of this.#database.catalog.objects()) {
      if (this.#changed.has(view.id)) continue;
      const changes = [...view.dependsOn].flatMap((id) => {
        const change = this.#changed.get(id);
        return change === undefined ? [] : [{ id, ...change }];
      });
      if (changes.length === 0) continue;
      const inlined = changes.some((c) => c.positions === null);
      if (view.kind === 'view' && inlined) this.#changed.set(view.id, { positions: null, planned: null });
      if (view.kind !== 'materialized view') continue;
      if (view.paused !== null) this.#planPaused(view);
      else if (inlined || !changes.every((c) => this.#fits(view, c.id, c)) || !this.#stays(view, changes)) {
        refuseHistory(view);
        this.replaceView(view, this.#planAgain(view));
      }
    }
  }

  /** Points the view at what has changed. False: a restart would plan it otherwise, and could not put its state back. */
  #stays(view: MaterializedViewObject, changes: readonly (Changed & { readonly id: number })[]): boolean {
    for (const { id, positions } of changes) this.#point(view, id, positions ?? []);
    const entries = [...view.plannedOver].flatMap(([id, rows]) => {
      const entry = this.#relation(id)?.entry;
      return entry === undefined ? [] : [{ entry, rows }];
    });
    for (const { entry, rows } of entries) entry.plannedRows = rows;
    try {
      const { plan } = this.#planAgain(view).planned;
      return planFingerprint(plan) === planFingerprint(view.planned.plan);
    } finally {
      for (const { entry } of entries) entry.plannedRows = null;
    }
  }

  #planAgain(view: MaterializedViewObject): ViewPlan {
    const statement = viewStatement(view);
    assert(statement.kind === 'CreateMaterializedView', 'a materialised view is made by such a statement');
    return planView(statement, definitionContext(view, this.#context));
  }

  /** A view that stands still is built when it is resumed. */
  #planPaused(view: MaterializedViewObject): void {
    const { planned } = view;
    this.onFailure(() => {
      view.planned = planned;
    });
    view.planned = this.#planAgain(view).planned;
    view.store = noParts(view.planned).store;
  }

  /** The plan reads only columns that are still there, and relies on nothing that has gone. */
  #fits(view: MaterializedViewObject, id: number, { planned: before, positions }: Changed): boolean {
    if (positions === null) return false;
    const source = this.#switched.get(id)?.before.node ?? null;
    let fits = source === null || !this.#database.arrangements.loses(source, view.nodes, positions);
    walkPhysical(view.planned.plan, (node) => {
      if ((node.kind !== 'Scan' && node.kind !== 'IndexScan') || node.relation.id !== id) return;
      const { entry } = must(this.#relation(id));
      const inScan = (columns: readonly number[]): boolean =>
        columns.every((c) => node.columns.some((n) => positions[n] === c));
      if (node.columns.some((c) => (positions[c] ?? null) === null)) fits = false;
      if (node.columns.some((c, i) => !staysNotNull(node.schema[i], entry.columns[positions[c] ?? -1])))
        fits = false;
      if (before === null) return;
      // Rows are taken away in the tick of the switch.
      if (node.appendOnly) fits = false;
      if (node.key !== null && (entry.key === null || !inScan(entry.key))) fits = false;
      if (node.key !== null && entry.key !== null && !keyKept(node, entry.key, positions)) fits = false;
      if (before.watermarks.some((w) => w !== null)) fits = false;
    });
    return fits;
  }

  #relation(id: number): RelationObject | null {
    const object = this.#database.catalog.byId(id);
    return object === null || !isRelation(object) ? null : object;
  }

  /** The plan with its scans of the relation at the present columns. */
  #point(view: MaterializedViewObject, id: number, positions: Positions): void {
    const { planned } = view;
    this.onFailure(() => {
      view.planned = planned;
    });
    const { entry } = must(this.#relation(id));
    const plan = rewritePhysical(planned.plan, (node): PhysicalPlan => {
      if ((node.kind !== 'Scan' && node.kind !== 'IndexScan') || node.relation.id !== id) return node;
      return { ...node, relation: entry, columns: node.columns.map((c) => must(positions[c] ?? null)) };
    });
    view.planned = withMovedTerms({ ...planned, plan }, id, positions);
  }

  /** Puts the new nodes into the places of the old ones; one tick gives the consumers that stay the difference. */
  #switch(): void {
    const database = this.#database;
    const { dataflow, arrangements } = database;
    const gone = new Set<DataflowNode>();
    for (const { before } of this.#switched.values()) for (const node of before.nodes) gone.add(node);
    const deltas: (() => void)[] = [];
    for (const { object, before, positions, differs } of this.#switched.values()) {
      const except = new Set([...gone, ...arrangements.unusedWithout(before.node, gone)]);
      const edges = dataflow.replace(before.node, object.node, positions, except);
      if (differs && edges.length > 0) {
        const delta = differenceOf(before.rows(), object, positions);
        deltas.push(() => this.#give(edges, delta, object, positions));
      }
    }
    const moved = [...this.#switched.values()].map(({ object, before, positions }) => ({
      from: before.node,
      to: { relation: object.entry, node: object.node },
      positions,
    }));
    database.removeNodes(gone);
    for (const { object, positions } of this.#switched.values()) database.sinks.moved(object.id, positions);
    for (const { from, to, positions } of moved) arrangements.move(from, to, positions);
    dataflow.sort();
    database.runTick(() => {
      for (const give of deltas) give();
    });
    // Those of views that were paused.
    for (const { object } of this.#switched.values()) {
      if (object.kind === 'materialized view' && database.sinks.areWaiting(object))
        database.sinks.attachOver(object);
    }
  }

  /** Every batch to all consumers before the next, in their order, as a node gives them. */
  #give(
    edges: readonly Edge[],
    delta: readonly (readonly [Row, number])[],
    { columns }: Switched['object'],
    positions: Positions,
  ): void {
    const kept = positions.filter((p) => p !== null);
    const types = kept.map((p) => must(columns[p]).type);
    emitRows(types, delta, (batch) => {
      for (const edge of edges) {
        const picked = edge.columns ?? positions.map((_, c) => c);
        const indexes = picked.map((c) => kept.indexOf(must(positions[c] ?? null)));
        this.#database.dataflow.push(edge.target, edge.port, pickColumns(batch, indexes));
      }
    });
  }
}

/** What a view holds besides what its query gives now would be lost. */
function refuseHistory(view: MaterializedViewObject): void {
  const { emit, ttl } = view.timing;
  if (emit.kind !== 'close' && ttl === null && !dependsOnHistory(view.planned.plan)) return;
  throw new SqlError('0A000', `materialized view "${view.name}" would lose its history`, {
    detail: 'It would have to be built again over what its inputs hold now, and keeps more than that.',
    hint: `Drop ${view.name} first, or make the new definition under another name.`,
  });
}

/** Operators over a column without NULL do not look for any. */
function staysNotNull(relied: Column | undefined, now: Column | undefined): boolean {
  return relied?.nullable !== false || now?.nullable === false;
}

/** The scan's rows are still told apart by the columns that the plan takes for their key. */
function keyKept(
  scan: { readonly columns: readonly number[]; readonly key: readonly number[] | null },
  key: readonly number[],
  positions: Positions,
): boolean {
  const relied = (scan.key ?? []).map((k) => positions[must(scan.columns[k])]);
  return key.every((k) => relied.includes(k));
}

/** The net change in the columns that stay: old rows -1, new rows +1. Removals first. */
function differenceOf(
  old: Iterable<Row>,
  object: Switched['object'],
  positions: Positions,
): readonly (readonly [Row, number])[] {
  const kept = positions.flatMap((p, c) => (p === null ? [] : [{ before: c, now: p }]));
  const types = kept.map((k) => must(object.columns[k.now]).type);
  const net = new Map<string, { readonly row: Row; weight: number }>();
  const add = (row: Row, weight: number): void => {
    // As text: 1.0 and 1.00 are equal, but not the same.
    const key = JSON.stringify(
      row.map((v, i) => (v === null ? null : formatValue(v, must(types[i]), plain))),
    );
    const known = net.get(key);
    if (known === undefined) net.set(key, { row, weight });
    else if (known.weight + weight === 0) net.delete(key);
    else known.weight += weight;
  };
  for (const row of old)
    add(
      kept.map((k) => row[k.before] ?? null),
      -1,
    );
  for (const row of object.store.rows())
    add(
      kept.map((k) => row[k.now] ?? null),
      1,
    );
  const changes = [...net.values()].map(({ row, weight }) => [row, weight] as const);
  return changes.sort((a, b) => a[1] - b[1]);
}
