/**
 * The database: catalog, dataflow and versions, joined. One tick takes committed writes or source rows, runs the dataflow
 * once and publishes the next version; reads run between ticks and so see one version of everything.
 *
 * Concurrency: `exclusive` serialises everything that changes state (commits, DDL, source rows). Reads are synchronous
 * and need no lock.
 */
import { assert } from '../common/assert.ts';
import type { DataType, Schema } from '../common/dataType.ts';
import type { EvalContext, FunctionCatalog } from '../common/function.ts';
import { SqlError } from '../common/sqlError.ts';
import type { Row, Value } from '../common/value.ts';
import { Arrangements } from '../executor/arrangements.ts';
import type { Batch } from '../executor/batch.ts';
import { emitEachRow, emitRows } from '../executor/batchBuilder.ts';
import { Dataflow, type DataflowNode } from '../executor/dataflow.ts';
import type { TickContext } from '../executor/operators/operator.ts';
import { Catalog } from './catalog.ts';
import { DEFAULT_ERROR_ROWS, RowErrors } from './errorLog.ts';
import { type EngineEnvironment, fixedSession, maintainedEvalContext } from './evalContext.ts';
import { addMessage, messagesOf } from './ingest.ts';
import type { Journal } from './journal.ts';
import { Mutex } from './mutex.ts';
import type { MaterializedViewObject, SourceObject, TableObject } from './objects.ts';
import { pausedError, pauseFailed } from './pause.ts';
import { tryChanges } from './refusal.ts';
import type { Session } from './session.ts';
import { LateNodes, withinLateness } from './time/lateNodes.ts';
import { lateRowsOf, RowCounts } from './time/lateRead.ts';
import { fileViewLate, type LateSummary, tickMessages, tickSource, tickTables } from './time/ticks.ts';
import { expireByWatermark } from './time/ttl.ts';
import { TableWrites, type TransactionWrites } from './transaction.ts';
import { Routines } from './udf/registry.ts';
import { Watermarks } from './watermarks.ts';

/** Rows taken from one source per tick: within these bounds, so that a round over the sources takes a few milliseconds. */
const LEAST_TICK_ROWS = 256;
const MOST_TICK_ROWS = 4096;
const FIRST_TICK_ROWS = 2048;
const LONG_ROUND_US = 5000n;
const SHORT_ROUND_US = 2000n;

export class Database {
  readonly catalog: Catalog;
  /** Built-in functions and users'. */
  readonly functions: Routines;
  readonly environment: EngineEnvironment;
  readonly dataflow: Dataflow;
  readonly rowErrors = new RowErrors();
  /** Views in which an error of ours arose in this tick. */
  readonly broken: { readonly id: number; readonly error: unknown }[] = [];
  /** Rows that came when their view's window had closed, for the view's relation of late rows. */
  readonly lateRows: ViewLateRow[] = [];
  /** Rows by key, for the joins of all views. */
  readonly arrangements = new Arrangements();
  /** Where views that allow lateness get late rows from. */
  readonly lateNodes = new LateNodes();
  readonly #mutex = new Mutex();
  /** Null while recovering and for an in-memory server. */
  journal: Journal | null = null;
  /** While the journal is being read: the time of the record. */
  recovery: { now: bigint } | null = null;
  /** While a checkpoint's definitions are run again: everything is made empty. */
  restoring = false;
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
    this.functions = new Routines(functions);
    this.environment = environment;
    this.catalog = new Catalog(name);
    this.watermarks = new Watermarks(environment.clock());
    this.dataflow = new Dataflow(this.tickContext('', 'UTC'));
  }

  /** The server's clock, microseconds; in recovery the time of the journal. */
  clock(): bigint {
    return this.recovery?.now ?? this.environment.clock();
  }

  /**
   * The context in which the operators of one maintained relation run; errors and late rows are filed under its name and
   * id, `maxRows` errors one by one.
   */
  tickContext(
    relation: string,
    timeZone: string,
    id: number | null = null,
    maxRows = DEFAULT_ERROR_ROWS,
  ): TickContext {
    const context: EvalContext = maintainedEvalContext(
      this.environment,
      timeZone,
      () => this.watermarks.now(),
      fixedSession(this.catalog.database),
    );
    return {
      eval: context,
      time: this.watermarks,
      rowError: (error, weight, operator, row, schema) => {
        const at = this.watermarks.now();
        this.rowErrors.add({ relation, id, operator, error, weight, at, row, schema, maxRows });
      },
      lateRow: (row, eventTime, watermark, schema) =>
        this.lateRows.push({ relation, id, row, eventTime, watermark, schema }),
    };
  }

  /** A fresh hidden row id: unique and rising. */
  nextRowId(): bigint {
    return ++this.#rowId;
  }

  get lastRowId(): bigint {
    return this.#rowId;
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
   * durable and visible in every view; rows that were too late for their table are in what it gives.
   */
  async commit(writes: TransactionWrites): Promise<readonly LateSummary[]> {
    if (writes.isEmpty) return [];
    return this.exclusive(() => {
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
      return this.applyTables(deltas, true);
    });
  }

  /**
   * One tick over table deltas, journalled first. Only inside `exclusive`. Gives what was late. `mayBeRefused`: a client
   * asks for it, who can be told that a view refuses it.
   */
  applyTables(deltas: readonly TableDelta[], mayBeRefused = false): readonly LateSummary[] {
    const changed = deltas.filter((d) => d.rows.length > 0);
    if (changed.length === 0) return [];
    const now = this.#startTick();
    const stamped = changed.map((delta) => stamp(delta, now));
    if (mayBeRefused) tryChanges(this, stamped);
    for (const { table } of stamped) this.journal?.keepFollowed(table, now);
    this.journal?.appendCommit(stamped, now);
    const late = tickTables(this, stamped, now);
    this.journal?.finishCommit();
    expireByWatermark(
      this,
      stamped.map((delta) => delta.table),
    );
    return late;
  }

  #startTick(): bigint {
    this.watermarks.setNow(this.clock());
    return this.watermarks.now();
  }

  /** Gives a table's rows to the dataflow, within a tick. */
  pushRows(table: TableObject, rows: Iterable<readonly [row: Row, weight: number]>): void {
    emitRows(columnTypes(table), rows, (batch) => this.dataflow.push(table.node, 0, batch));
  }

  /** Feeds input and runs the dataflow once. Only inside `exclusive`. */
  runTick(feed: () => void): void {
    this.watermarks.setNow(this.clock());
    feed();
    this.dataflow.finishTick();
    pauseFailed(this);
    fileViewLate(this);
    pauseFailed(this);
    this.version++;
  }

  /** Takes what the sources have now; true when there was anything. */
  async pollSources(): Promise<boolean> {
    if (this.busy) return true;
    return this.exclusive(() => {
      const started = this.environment.serverClock.system();
      let any = false;
      for (const object of this.catalog.objects()) {
        if (object.kind === 'source') any = this.#pollSource(object) || any;
        else if (object.kind === 'table' && object.source !== null) any = this.#pollTable(object) || any;
      }
      if (any) this.#adaptTickRows(this.environment.serverClock.system() - started);
      return any;
    });
  }

  /** Shorter ticks after a long round, longer ones after a short one: sessions wait for a round to end. */
  #adaptTickRows(tookUs: bigint): void {
    if (tookUs > LONG_ROUND_US) this.#tickRows = Math.max(LEAST_TICK_ROWS, this.#tickRows >> 1);
    else if (tookUs < SHORT_ROUND_US) this.#tickRows = Math.min(MOST_TICK_ROWS, this.#tickRows << 1);
  }

  #pollSource(object: SourceObject): boolean {
    const read = object.source.poll(this.#tickRows);
    if (read === null) return false;
    if (read.rows.length > 0) {
      tickSource(this, object, [object.admission.arrive(read, this.#startTick())]);
      this.journal?.noteEvents(object);
    }
    this.journal?.notePosition(object.id, object.source.position);
    return true;
  }

  #pollTable(table: TableObject): boolean {
    const read = table.source?.poll(this.#tickRows) ?? null;
    if (table.source === null || read === null) return false;
    const now = this.#startTick();
    const messages = messagesOf(this, table, read);
    this.journal?.notePosition(table.id, table.source.position);
    if (table.admission === null) {
      const writes = new TableWrites(table);
      for (const { row } of messages) addMessage(this, writes, row);
      this.applyTables([{ table, rows: [...writes.delta()] }]);
    } else if (messages.length > 0) {
      this.journal?.keepFollowed(table, now);
      this.journal?.appendMessages(table, messages, now);
      tickMessages(this, table, messages, now);
      expireByWatermark(this, [table]);
    }
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
    const { source, admission } = object;
    const admitted = source.read
      ? admission.replay(source.replay())
      : admission.preview(source.present(), this.clock());
    for (const { rows } of admitted) emitEachRow(columnTypes(object), rows, emit);
  }

  /**
   * What a new view is given of a relation before its deltas: its rows, and those that came late by at most
   * `latenessMicros`. Only inside `exclusive`.
   */
  backfillRows(
    object: TableObject | MaterializedViewObject | SourceObject,
    emit: (batch: Batch) => void,
    latenessMicros = 0n,
  ): void {
    const types = columnTypes(object);
    if (object.kind !== 'source') {
      object.store.scan(emit);
      if (latenessMicros > 0n && object.kind === 'table') {
        emitEachRow(types, lateRowsOf(this, object, latenessMicros), emit);
      }
      return;
    }
    const { rule } = object.admission;
    const readmitted = new RowCounts(object, object.admission.readmitted());
    for (const { rows, late } of object.admission.replay(object.source.replay())) {
      emitEachRow(types, rows, emit);
      if (latenessMicros === 0n || rule === null) continue;
      const wanted = late.filter((l) => withinLateness(l, rule, latenessMicros) && !readmitted.take(l.row));
      emitEachRow(
        types,
        wanted.map((l) => l.row),
        emit,
      );
    }
  }

  /** Removes nodes from the dataflow (dropped view, failed creation). */
  removeNodes(nodes: ReadonlySet<DataflowNode>): void {
    this.lateNodes.disconnect(nodes);
    this.dataflow.remove(nodes);
    this.arrangements.release(this.dataflow, nodes);
  }

  /** Records a DDL statement so that recovery repeats it. Only inside `exclusive`. */
  journalDdl(origin: DdlOrigin, id: number | null): void {
    this.journal?.appendDdl(origin, id, this.clock());
  }

  close(): void {
    for (const object of this.catalog.objects()) {
      if (object.kind === 'source' || object.kind === 'table') object.source?.close();
    }
    this.functions.close();
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
  readonly id: number | null;
  readonly row: Row;
  readonly eventTime: Value;
  readonly watermark: Value;
  /** Of `row`: that of the operator which left it out. */
  readonly schema: Schema;
}

export interface TableDelta {
  readonly table: TableObject;
  readonly rows: readonly (readonly [row: Row, weight: number])[];
}

/** The delta with the time of the tick in the columns that take it. */
function stamp(delta: TableDelta, now: bigint): TableDelta {
  const { table, rows } = delta;
  if (table.stamped.length === 0) return delta;
  const stampedRow = (row: Row): Row => {
    const copy = [...row];
    for (const c of table.stamped) copy[c] = now;
    return copy;
  };
  return { table, rows: rows.map(([row, weight]) => [weight > 0 ? stampedRow(row) : row, weight]) };
}

export function columnTypes(object: {
  readonly columns: readonly { readonly type: DataType }[];
}): readonly DataType[] {
  return object.columns.map((c) => c.type);
}

/** The relation behind an id that must be stored or a source. Throws 55000 where it is a paused view. */
export function scannable(catalog: Catalog, id: number): TableObject | MaterializedViewObject | SourceObject {
  const object = catalog.byId(id);
  assert(
    object !== null && object.kind !== 'index' && object.kind !== 'view',
    `relation ${id} cannot be scanned`,
  );
  if (object.kind === 'materialized view' && object.paused !== null) throw pausedError(object);
  return object;
}
