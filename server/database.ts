/**
 * The database: catalog, dataflow and versions, joined. One tick takes committed writes or source rows, runs the dataflow
 * once and publishes the next version; reads run between ticks and so see one version of everything.
 *
 * Concurrency: `exclusive` serialises everything that changes state (commits, DDL, source rows). Reads are synchronous
 * and need no lock.
 */
import { assert } from '../common/assert.ts';
import type { DataType } from '../common/dataType.ts';
import type { EvalContext, FunctionCatalog } from '../common/function.ts';
import { SqlError } from '../common/sqlError.ts';
import type { Row, Value } from '../common/value.ts';
import type { Batch } from '../executor/batch.ts';
import { emitEachRow, emitRows } from '../executor/batchBuilder.ts';
import { Dataflow, type DataflowNode } from '../executor/dataflow.ts';
import type { TickContext } from '../executor/operators/operator.ts';
import { Catalog } from './catalog.ts';
import { RowErrors } from './errorLog.ts';
import { type EngineEnvironment, fixedSession, maintainedEvalContext } from './evalContext.ts';
import { applySourceRows } from './ingest.ts';
import type { Journal } from './journal.ts';
import { Mutex } from './mutex.ts';
import type { MaterializedViewObject, SourceObject, TableObject } from './objects.ts';
import type { Session } from './session.ts';
import type { TransactionWrites } from './transaction.ts';
import { Watermarks } from './watermarks.ts';

/** Rows taken from one source per tick: within these bounds, so that a round over the sources takes a few milliseconds. */
const LEAST_TICK_ROWS = 256;
const MOST_TICK_ROWS = 4096;
const FIRST_TICK_ROWS = 2048;
const LONG_ROUND_US = 5000n;
const SHORT_ROUND_US = 2000n;

export class Database {
  readonly catalog: Catalog;
  readonly functions: FunctionCatalog;
  readonly environment: EngineEnvironment;
  readonly dataflow: Dataflow;
  readonly rowErrors = new RowErrors();
  /** Rows that came when their view's window had closed, for the view's relation of late rows. */
  readonly lateRows: ViewLateRow[] = [];
  readonly #mutex = new Mutex();
  /** Null while recovering and for an in-memory server. */
  journal: Journal | null = null;
  /** Open sessions, for catalogs. */
  readonly sessions = new Set<Session>();
  /** Relations of the system schemas; attached once by whoever constructs the database. */
  system: SystemRows | null = null;
  /** Number of the published version: one more after every tick that changed something. */
  version = 0n;
  /** Watermarks, and the time of the running or last tick. */
  readonly watermarks: Watermarks;
  #rowId = 0n;
  #tickRows = FIRST_TICK_ROWS;

  constructor(functions: FunctionCatalog, environment: EngineEnvironment, name = 'dev') {
    this.functions = functions;
    this.environment = environment;
    this.catalog = new Catalog(name);
    this.watermarks = new Watermarks(environment.clock());
    this.dataflow = new Dataflow(this.tickContext('', 'UTC'));
  }

  /** The context in which the operators of one maintained relation run; errors are filed under its name. */
  tickContext(relation: string, timeZone: string): TickContext {
    const context: EvalContext = maintainedEvalContext(
      this.environment,
      timeZone,
      () => this.watermarks.now(),
      fixedSession(this.catalog.database),
    );
    return {
      eval: context,
      time: this.watermarks,
      rowError: (error, weight, operator) =>
        this.rowErrors.add(relation, operator, error, weight, this.watermarks.now()),
      lateRow: (row, eventTime, watermark) => this.lateRows.push({ relation, row, eventTime, watermark }),
    };
  }

  /** A fresh hidden row id: unique and rising. */
  nextRowId(): bigint {
    return ++this.#rowId;
  }

  reserveRowIdsThrough(id: bigint): void {
    if (id > this.#rowId) this.#rowId = id;
  }

  /** Runs a section alone among everything that changes state. */
  exclusive<T>(section: () => T | Promise<T>): Promise<T> {
    return this.#mutex.run(section);
  }

  get busy(): boolean {
    return this.#mutex.busy;
  }

  /**
   * Commits a transaction as one tick: checks conflicts, journals, applies, publishes. When this returns the writes are
   * durable and visible in every view.
   */
  async commit(writes: TransactionWrites): Promise<void> {
    if (writes.isEmpty) return;
    await this.exclusive(() => {
      for (const table of writes.tables()) {
        if (this.catalog.byId(table.table.id) !== table.table) {
          throw new SqlError(
            '40001',
            `table "${table.table.name}" was dropped or replaced by another transaction`,
          );
        }
        table.checkConflicts();
      }
      const deltas = writes.tables().map((w) => ({ table: w.table, rows: [...w.delta()] }));
      this.applyTables(deltas);
    });
  }

  /** One tick over table deltas, journalled first. Only inside `exclusive`. */
  applyTables(deltas: readonly TableDelta[]): void {
    const changed = deltas.filter((d) => d.rows.length > 0);
    if (changed.length === 0) return;
    this.journal?.appendRows(changed);
    for (const { table } of changed) table.commits++;
    this.runTick(() => {
      for (const { table, rows } of changed) {
        emitRows(columnTypes(table), rows, (batch) => this.dataflow.push(table.node, 0, batch));
      }
    });
  }

  /** Feeds input and runs the dataflow once. Only inside `exclusive`. */
  runTick(feed: () => void): void {
    this.watermarks.setNow(this.environment.clock());
    feed();
    this.dataflow.finishTick();
    this.version++;
  }

  /** Takes what the sources have now; true when there was anything. */
  async pollSources(): Promise<boolean> {
    if (this.busy) return true;
    return this.exclusive(() => {
      const started = this.environment.clock();
      let any = false;
      for (const object of this.catalog.objects()) {
        if (object.kind === 'source') any = this.#pollSource(object) || any;
        else if (object.kind === 'table' && object.source !== null) any = this.#pollTable(object) || any;
      }
      if (any) this.#adaptTickRows(this.environment.clock() - started);
      return any;
    });
  }

  /** Shorter ticks after a long round, longer ones after a short one: sessions wait for a round to end. */
  #adaptTickRows(tookUs: bigint): void {
    if (tookUs > LONG_ROUND_US) this.#tickRows = Math.max(LEAST_TICK_ROWS, this.#tickRows >> 1);
    else if (tookUs < SHORT_ROUND_US) this.#tickRows = Math.min(MOST_TICK_ROWS, this.#tickRows << 1);
  }

  #pollSource(object: SourceObject): boolean {
    const rows = object.source.poll(this.#tickRows);
    if (rows === null) return false;
    this.feedSource(object, rows);
    this.journal?.notePosition(object.id, object.source.position);
    return true;
  }

  /** One tick over rows of a source. Only inside `exclusive`. */
  feedSource(object: SourceObject, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    this.runTick(() => {
      emitEachRow(columnTypes(object), rows, (batch) => this.dataflow.feed(object.node, batch));
    });
  }

  #pollTable(table: TableObject): boolean {
    const source = table.source;
    const rows = source?.poll(this.#tickRows) ?? null;
    if (source === null || rows === null) return false;
    const delta = applySourceRows(this, table, rows);
    this.journal?.notePosition(table.id, source.position);
    this.applyTables([{ table, rows: delta }]);
    return true;
  }

  /** The earliest wall-clock time at which a source may have more; null when none is active. */
  nextSourcePoll(): bigint | null {
    let next: bigint | null = null;
    for (const object of this.catalog.objects()) {
      const source = object.kind === 'source' || object.kind === 'table' ? object.source : null;
      const at = source?.nextPollMicros() ?? null;
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  /** Every row of a stored relation or replayable source, in batches of all its columns. */
  snapshot(object: TableObject | MaterializedViewObject | SourceObject, emit: (batch: Batch) => void): void {
    if (object.kind !== 'source') {
      object.store.scan(emit);
      return;
    }
    for (const rows of object.source.replayForRead()) emitEachRow(columnTypes(object), rows, emit);
  }

  /** What a new view is given of a relation before its deltas. Only inside `exclusive`. */
  backfillRows(
    object: TableObject | MaterializedViewObject | SourceObject,
    emit: (batch: Batch) => void,
  ): void {
    if (object.kind !== 'source') {
      object.store.scan(emit);
      return;
    }
    for (const rows of object.source.replay()) emitEachRow(columnTypes(object), rows, emit);
  }

  /** Removes nodes from the dataflow (dropped view, failed creation). */
  removeNodes(nodes: ReadonlySet<DataflowNode>): void {
    this.dataflow.remove(nodes);
  }

  /** Records a DDL statement so that recovery repeats it. Only inside `exclusive`. */
  journalDdl(origin: DdlOrigin, id: number | null): void {
    this.journal?.appendDdl(origin, id);
  }

  close(): void {
    for (const object of this.catalog.objects()) {
      if (object.kind === 'source' || object.kind === 'table') object.source?.close();
    }
    this.journal?.close();
  }
}

/** A statement with what its meaning depends on. */
export interface DdlOrigin {
  readonly sql: string;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
}

/** Serves the rows of system relations. */
export interface SystemRows {
  /** Rows of the system relation with this id as `session` sees them; null when there is none. */
  rows(id: number, session: Session): Iterable<Row> | null;
}

/** A row that a view left out because its window had closed. */
export interface ViewLateRow {
  readonly relation: string;
  readonly row: Row;
  readonly eventTime: Value;
  readonly watermark: Value;
}

export interface TableDelta {
  readonly table: TableObject;
  readonly rows: readonly (readonly [row: Row, weight: number])[];
}

export function columnTypes(object: {
  readonly columns: readonly { readonly type: DataType }[];
}): readonly DataType[] {
  return object.columns.map((c) => c.type);
}

/** The relation behind an id that must be stored or a source. */
export function scannable(catalog: Catalog, id: number): TableObject | MaterializedViewObject | SourceObject {
  const object = catalog.byId(id);
  assert(
    object !== null && object.kind !== 'index' && object.kind !== 'view',
    `relation ${id} cannot be scanned`,
  );
  return object;
}
