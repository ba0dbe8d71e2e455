/** What the catalog holds: one type per kind of object. Everything is owned by one Database. */
import type { IndexEntry, RelationEntry, RelationKind } from '../common/catalog.ts';
import type { Column } from '../common/dataType.ts';
import type { Value } from '../common/value.ts';
import type { DataflowNode } from '../executor/dataflow.ts';
import type { Expr } from '../parser/ast/expr.ts';
import type { SortKey } from '../planner/plan/aggregateCall.ts';
import type { PlannedView, ViewTiming } from '../planner/plan.ts';
import type { RelationStore } from '../storage/state/relationStore.ts';
import type { ReplayFrom } from './backfill/replayFrom.ts';
import type { SinkRuntime } from './sinks/runtime.ts';
import type { SourceRuntime } from './sourceRuntime.ts';
import type { LateStore } from './time/lateStore.ts';
import type { RowExpander } from './time/rowExpander.ts';
import type { SourceAdmission } from './time/sourceAdmission.ts';
import type { TableAdmission } from './time/tableAdmission.ts';

interface ObjectBase {
  /** Stable object id (an oid for clients), never reused. */
  readonly id: number;
  schema: string;
  name: string;
  owner: string;
  /** The CREATE statement, as SHOW CREATE prints it; written anew when something in it gets another name. */
  sql: string;
  /** Ids of objects that this one needs. */
  dependsOn: ReadonlySet<number>;
  /** The search path under which `sql` was written. */
  searchPath: readonly string[];
  /** The session time zone under which it was made. */
  timeZone: string;
}

/** What an INSERT does on a row whose key exists. */
export type ConflictBehavior = 'overwrite' | 'do nothing' | 'do update if not null' | 'do error';

export interface TableColumn extends Column {
  /** DEFAULT expression as parsed. */
  readonly default: Expr | null;
  /** Generated column's expression as parsed. */
  readonly generated: Expr | null;
}

/** When rows of a table expire. */
export interface TableTtl {
  /** The column that says how old a row is. */
  readonly column: number;
  /** How long a row stays; 0 when the watermark says it all. */
  readonly micros: bigint;
  readonly by: 'clock' | 'watermark';
  /** Rows are forgotten rather than deleted: those who have read them keep what they have. */
  readonly forgets?: boolean;
  /** Rows whose column is below this have expired; null: none has. `now`: the clock. */
  readonly expireBelow: (now: bigint) => Value;
}

/** A relation that keeps its rows. */
interface StoredRelation {
  readonly store: RelationStore;
  /** The node whose output is the relation's net delta per tick. */
  readonly node: DataflowNode;
}

export interface TableObject extends ObjectBase, StoredRelation {
  readonly kind: 'table';
  columns: readonly TableColumn[];
  /** Key column positions: the declared primary key, else the hidden row id. */
  readonly key: readonly number[];
  /** Position of the hidden `_row_id`, null when a primary key is declared. */
  readonly rowId: number | null;
  readonly appendOnly: boolean;
  readonly conflict: ConflictBehavior;
  readonly versionColumns: readonly number[];
  /** Commits that changed the table. */
  commits: number;
  watermark: RelationEntry['watermark'];
  /** Set when the table is fed by a connector. */
  source: SourceRuntime | null;
  /** Makes the table's rows of the connector's; null without one. */
  readonly expander: RowExpander | null;
  /** Made and written by the server alone: a relation of late rows. */
  readonly internal: boolean;
  /** Set when the table has a watermark. */
  readonly admission: TableAdmission | null;
  readonly ttl: TableTtl | null;
  /** Columns that take the time of the tick at every write: proctime() and the hidden `_written_at`. */
  readonly stamped: readonly number[];
  /** Set for a relation of late rows. */
  readonly lateStore: LateStore | null;
  /** Set for a source whose rows the database keeps: made by CREATE SOURCE, and not to be written to. */
  readonly stream: StreamState | null;
  readonly entry: Entry;
}

/** Of a source whose rows are kept. */
export interface StreamState {
  /** Rows that are kept no longer: views that are made from now on do not see them. */
  forgotten: bigint;
}

export interface SourceObject extends ObjectBase {
  readonly kind: 'source';
  columns: readonly TableColumn[];
  readonly node: DataflowNode;
  source: SourceRuntime;
  /** Decides which of its rows belong to it. */
  readonly admission: SourceAdmission;
  watermark: RelationEntry['watermark'];
  readonly entry: Entry;
}

export interface ViewObject extends ObjectBase {
  readonly kind: 'view';
  columns: readonly Column[];
  definition: string;
  readonly entry: Entry;
}

/** What becomes of rows that a view cannot compute. */
export interface ErrorPolicy {
  /** The row is left out; or what fails is NULL; or the commit that brings it is refused. Filed in the first two. */
  readonly onError: 'skip' | 'null' | 'fail';
  /** Failing rows that are listed one by one; further ones are counted. */
  readonly maxRows: number;
}

/** Why and since when (microseconds) a view stands still. */
export interface Paused {
  readonly reason: string;
  readonly at: bigint;
}

/** `store`, `node` and `nodes` are replaced when the view is built again, the rest when its definition is. */
export interface MaterializedViewObject extends ObjectBase {
  readonly kind: 'materialized view';
  store: RelationStore;
  node: DataflowNode;
  columns: readonly Column[];
  definition: string;
  /** Every node that this view added, its materialisation last. */
  nodes: ReadonlySet<DataflowNode>;
  planned: PlannedView;
  timing: ViewTiming;
  errors: ErrorPolicy;
  /** Where it begins in what its sources have brought; null: at their start. */
  replayFrom?: ReplayFrom | null;
  /** Rows that the planner took the relations (by id) to have: a restart plans over the same. */
  plannedOver: ReadonlyMap<number, number>;
  /** Null: the view is kept up to date. */
  paused: Paused | null;
  order: readonly SortKey[];
  readonly entry: Entry;
}

/** A row that this view cannot compute is kept out of the database. */
export function isRefusing(view: MaterializedViewObject): boolean {
  return view.errors.onError === 'fail' && view.paused === null;
}

export interface IndexObject extends ObjectBase {
  readonly kind: 'index';
  relation: TableObject | MaterializedViewObject;
  entry: IndexEntry;
  include: readonly number[];
}

export interface SinkObject extends ObjectBase {
  readonly kind: 'sink';
  /** Id of the relation whose changes go out: one that the statement names, or the view of its query. */
  readonly relation: number;
  readonly runtime: SinkRuntime;
}

export type CatalogObject =
  | TableObject
  | SourceObject
  | ViewObject
  | MaterializedViewObject
  | IndexObject
  | SinkObject;
export type RelationObject = Exclude<CatalogObject, IndexObject | SinkObject>;

/** What users call it: a source whose rows are kept is a source. */
export function shownKind(object: CatalogObject): CatalogObject['kind'] {
  return object.kind === 'table' && object.stream !== null ? 'source' : object.kind;
}

/** Something that a query can read. */
export function isRelation(object: CatalogObject): object is RelationObject {
  return object.kind !== 'index' && object.kind !== 'sink';
}

/** The planner's view of a relation; reads through to the object so that renames and new indexes show. */
export class Entry implements RelationEntry {
  readonly id: number;
  readonly kind: RelationKind;
  columns: readonly Column[];
  key: readonly number[] | null;
  readonly declaredKey: boolean;
  appendOnly: boolean;
  watermark: RelationEntry['watermark'];
  watermarked: RelationEntry['watermarked'];
  readonly processTime: readonly number[];
  definition: string | null;
  searchPath: readonly string[];
  schema: string;
  name: string;
  indexes: readonly IndexEntry[] = [];
  lookup?: RelationEntry;
  readonly #rows: () => number;

  constructor(fields: {
    readonly id: number;
    readonly kind: RelationKind;
    readonly schema: string;
    readonly name: string;
    readonly columns: readonly Column[];
    readonly key: readonly number[] | null;
    readonly declaredKey?: boolean;
    readonly appendOnly: boolean;
    readonly watermark?: RelationEntry['watermark'];
    /** Default: the declared watermark's column. */
    readonly watermarked?: RelationEntry['watermarked'];
    readonly processTime?: readonly number[];
    readonly definition?: string;
    readonly searchPath?: readonly string[];
    readonly rows: () => number;
  }) {
    this.id = fields.id;
    this.kind = fields.kind;
    this.schema = fields.schema;
    this.name = fields.name;
    this.columns = fields.columns;
    this.key = fields.key;
    this.declaredKey = fields.declaredKey ?? false;
    this.appendOnly = fields.appendOnly;
    this.watermark = fields.watermark ?? null;
    const declared = this.watermark === null ? [] : [{ column: this.watermark.column, group: 0 }];
    this.watermarked = fields.watermarked ?? declared;
    this.processTime = fields.processTime ?? [];
    this.definition = fields.definition ?? null;
    this.searchPath = fields.searchPath ?? [];
    this.#rows = fields.rows;
  }

  /** What the planner is to take for the number of rows; null: what there are. */
  plannedRows: number | null = null;

  rowCount(): number {
    return this.plannedRows ?? this.#rows();
  }
}
