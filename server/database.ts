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
import type { Row, Value } from '../common/value.ts';
import { Arrangements } from '../executor/arrangements.ts';
import type { Batch } from '../executor/batch.ts';
import { emitEachRow, emitRows } from '../executor/batchBuilder.ts';
import { Dataflow, type DataflowNode } from '../executor/dataflow.ts';
import type { TickContext } from '../executor/operators/operator.ts';
import { inputRows } from './backfill/inputRows.ts';
import { Jobs } from './backfill/jobs.ts';
import { Catalog } from './catalog.ts';
import { CdcFeeds } from './cdc/feeds.ts';
import type { Durability } from './checkpoint/durability.ts';
import { pollAdmissible } from './deadLetters/failPolicy.ts';
import { limitLetters, tickLetters } from './deadLetters/letters.ts';
import { DEFAULT_ERROR_ROWS, RowErrors } from './errorLog.ts';
import { type EngineEnvironment, fixedSession, maintainedEvalContext } from './evalContext.ts';
import { GroupCommit } from './groupCommit.ts';
import { addMessage, messagesOf } from './ingest.ts';
import type { Journal } from './journal.ts';
import type { SourceProgress } from './journalRecords.ts';
import { Lookups } from './lookup/lookups.ts';
import type { MemoryLimit } from './memory/memoryLimit.ts';
import { Figures } from './metrics/figures.ts';
import { Mutex } from './mutex.ts';
import { isRelation, type MaterializedViewObject, type SourceObject, type TableObject } from './objects.ts';
import { pausedError, pauseFailed } from './pause.ts';
import { pollRemote } from './remote/apply.ts';
import { RemoteHost, realRemotes } from './remote/host.ts';
import { RemoteSource } from './remote/remoteSource.ts';
import { Secrets } from './secrets/secrets.ts';
import type { Session } from './session.ts';
import { Sinks } from './sinks/sinks.ts';
import { TickRandom } from './tickRandom.ts';
import { LateNodes } from './time/lateNodes.ts';
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
  /** What is being built. */
  readonly jobs = new Jobs();
  /** Where views that allow lateness get late rows from. */
  readonly lateNodes = new LateNodes();
  readonly sinks = new Sinks(this);
  readonly lookups = new Lookups(this);
  readonly secrets: Secrets;
  /** What follows PostgreSQL databases. */
  readonly cdc = new CdcFeeds(this);
  /** What is counted for metrics. */
  readonly figures: Figures;
  /** Where readers of remote sources run. */
  readonly remote: RemoteHost;
  /** Something has come that polls are to take. */
  onInput: () => void = () => {};
  readonly #mutex = new Mutex();
  /** Null while recovering and for an in-memory server. */
  journal: Journal | null = null;
  /** What is known of the data directory; null while recovering and for an in-memory server. */
  durability: Durability | null = null;
  /** While the journal is being read: the time of the record. */
  recovery: Recovery | null = null;
  /** While a checkpoint's definitions are run again: everything is made empty. */
  restoring = false;
  /** Open sessions, for catalogs. */
  readonly sessions = new Set<Session>();
  /** Keeps state within a limit of memory; null: there is none. */
  memory: MemoryLimit | null = null;
  /** Relations of the system schemas; attached once by whoever constructs the database. */
  system: SystemRows | null = null;
  /** Number of the published version: one more after every tick that changed something. */
  version = 0n;
  /** Watermarks, and the time of the running or last tick. */
  readonly watermarks: Watermarks;
  #rowId = 0n;
  #tickRows = FIRST_TICK_ROWS;
  /** The time of the running section; null: none runs. */
  #time: bigint | null = null;
  readonly #commits = new GroupCommit(this);
  /** Random values of views: a replay gives them again. */
  readonly random: TickRandom;

  constructor(functions: FunctionCatalog, environment: EngineEnvironment, name = 'dev') {
    this.functions = new Routines(functions);
    this.environment = environment;
    this.catalog = new Catalog(name);
    this.secrets = new Secrets(this.catalog);
    this.watermarks = new Watermarks(environment.clock());
    this.figures = new Figures(() => environment.serverClock.system());
    this.random = new TickRandom(environment.randomBytes(16));
    this.remote = new RemoteHost(environment.remote ?? realRemotes, () => environment.serverClock.system());
    this.dataflow = new Dataflow(this.tickContext('', 'UTC'));
  }

  /**
   * The server's clock, microseconds; in recovery the time of the journal. It stands still while something that changes state
   * runs: what one record of the journal makes again has one time.
   */
  clock(): bigint {
    return this.recovery?.now ?? this.#time ?? this.environment.clock();
  }

  /** Goes on to the present: what comes next has a record of its own. */
  moveOn(): void {
    if (this.#time !== null) this.#time = this.environment.clock();
  }

  /** Runs `body` at a time that has been read before. */
  atTime<T>(at: bigint, body: () => T): T {
    const before = this.#time;
    this.#time = at;
    try {
      return body();
    } finally {
      this.#time = before;
    }
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
      this.random,
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
    return this.#mutex.run(async () => {
      this.#time = this.environment.clock();
      try {
        const result = await section();
        this.sinks.feeding.expire();
        this.memory?.afterSection();
        this.lookups.collect();
        return result;
      } finally {
        this.#time = null;
      }
    });
  }

  get busy(): boolean {
    return this.#mutex.busy;
  }

  /**
   * Commits a transaction as one tick: checks conflicts, journals, applies, publishes. When this returns the writes are
   * visible in every view and (`durable`) survive power loss, else soon do; rows that were too late for their table are in what
   * it gives.
   */
  async commit(writes: TransactionWrites, durable = true): Promise<readonly LateSummary[]> {
    if (writes.isEmpty) return [];
    return this.figures.commit(() => this.#commits.join(writes, durable));
  }

  /**
   * One tick over table deltas that nobody waits for: of a table's connector (`source`: how far it is then), or of the clock.
   * Only inside `exclusive`.
   */
  applyTables(deltas: readonly TableDelta[], source: SourceProgress | null = null): void {
    const changed = deltas.filter((d) => d.rows.length > 0);
    if (changed.length === 0) return;
    const now = this.beginTick();
    const stamped = changed.map((delta) => this.stamp(delta, now));
    this.journal?.noteCommit(stamped, now, source);
    tickTables(this, stamped, now);
    expireByWatermark(
      this,
      stamped.map((delta) => delta.table),
    );
  }

  /** The time of the tick that is about to run. */
  beginTick(): bigint {
    this.watermarks.setNow(this.clock());
    return this.watermarks.now();
  }

  /** The delta with the time of the tick in the columns that take it. */
  stamp(delta: TableDelta, now: bigint): TableDelta {
    const { table, rows } = delta;
    if (table.stamped.length === 0) return delta;
    const stampedRow = (row: Row): Row => {
      const copy = [...row];
      for (const c of table.stamped) copy[c] = now;
      return copy;
    };
    return { table, rows: rows.map(([row, weight]) => [weight > 0 ? stampedRow(row) : row, weight]) };
  }

  /** Gives a table's rows to the dataflow, within a tick. */
  pushRows(table: TableObject, rows: Iterable<readonly [row: Row, weight: number]>): void {
    emitRows(columnTypes(table), rows, (batch) => this.dataflow.push(table.node, 0, batch));
  }

  /** Feeds input and runs the dataflow once. Only inside `exclusive`. */
  runTick(feed: () => void): void {
    this.watermarks.setNow(this.clock());
    this.random.begin(String(this.version));
    this.figures.tick(() => {
      feed();
      this.dataflow.finishTick();
      pauseFailed(this);
      fileViewLate(this);
      pauseFailed(this);
    });
    this.version++;
    this.sinks.afterTick();
    this.memory?.relieve();
  }

  /** Takes what the sources have now; true when there was anything. */
  async pollSources(): Promise<boolean> {
    if (this.busy) return true;
    if (this.journal?.ready() === false) return false;
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
    this.moveOn();
    const read = pollAdmissible(this, object, object.source, this.#tickRows);
    if (read === null) return false;
    const now = this.beginTick();
    this.journal?.noteRead(object, read.rows.length, read.position, now);
    if (read.rows.length > 0) tickSource(this, object, [object.admission.arrive(read, now)]);
    else tickLetters(this, object);
    limitLetters(object);
    return true;
  }

  #pollTable(table: TableObject): boolean {
    const { source } = table;
    if (source === null) return false;
    this.moveOn();
    if (source.connector instanceof RemoteSource) return pollRemote(this, table, source.connector);
    const read = pollAdmissible(this, table, source, this.#tickRows);
    if (read === null) return false;
    const now = this.beginTick();
    const messages = messagesOf(this, table, read);
    const writes = new TableWrites(table);
    if (table.admission === null) for (const m of messages) addMessage(this, writes, m);
    const bad = [...source.bad.pending];
    const { position, drift = [] } = read;
    const progress = { id: table.id, position, read: read.rows.length, bad, drift };
    if (table.admission !== null && messages.length > 0) {
      this.journal?.noteMessages(table, messages, now, progress);
      tickMessages(this, table, messages, now);
      expireByWatermark(this, [table]);
      limitLetters(table);
      return true;
    }
    const rows = [...writes.delta()];
    if (rows.length > 0) this.applyTables([{ table, rows }], progress);
    else {
      this.journal?.notePosition(progress, now);
      tickLetters(this, table);
    }
    limitLetters(table);
    return true;
  }

  /** Tells remote servers what is durable by now. */
  acknowledgeSources(): void {
    const through = this.journal?.syncedSeq ?? Number.POSITIVE_INFINITY;
    for (const source of this.remoteSources()) source.acknowledge(through);
  }

  /** Sources that are read over a network, and whose rows are kept. */
  *remoteSources(): Generator<RemoteSource> {
    for (const object of this.catalog.objects()) {
      const connector = object.kind === 'table' ? object.source?.connector : null;
      if (connector instanceof RemoteSource) yield connector;
    }
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
      object.store.scan((batch) => {
        emit(batch);
        this.memory?.relieve();
      });
      return;
    }
    const { source, admission } = object;
    const admitted = source.read
      ? admission.replay(source.replay())
      : admission.preview(source.present(), this.clock());
    for (const { rows } of admitted) emitEachRow(columnTypes(object), rows, emit);
  }

  /** What a new view is given of a relation before its deltas (backfill/inputRows.ts). Only inside `exclusive`. */
  backfillRows(
    object: TableObject | MaterializedViewObject | SourceObject,
    emit: (batch: Batch) => void,
    latenessMicros = 0n,
  ): void {
    const parts = inputRows(this, object, emit, latenessMicros);
    while (parts.next().done !== true);
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
    this.jobs.stopped = true;
    void this.remote.end();
    for (const object of this.catalog.objects()) {
      if (object.kind === 'source' || object.kind === 'table') object.source?.close();
    }
    this.functions.close();
    this.secrets.close();
    this.journal?.close();
    this.memory?.close();
  }
}

export interface Recovery {
  now: bigint;
  /** Rows and late rows as they are, not the ticks that led to them: a section of the journal that says both. */
  rewritten?: boolean;
}

/** A statement with what its meaning depends on. */
export interface DdlOrigin {
  readonly sql: string;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
  /** Whose it is; absent in old journals. */
  readonly user?: string | undefined;
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

export function columnTypes(object: {
  readonly columns: readonly { readonly type: DataType }[];
}): readonly DataType[] {
  return object.columns.map((c) => c.type);
}

/** The relation behind an id that must be stored or a source. Throws 55000 where it is a paused view. */
export function scannable(catalog: Catalog, id: number): TableObject | MaterializedViewObject | SourceObject {
  const object = catalog.byId(id);
  assert(object !== null && isRelation(object) && object.kind !== 'view', `relation ${id} cannot be scanned`);
  if (object.kind === 'materialized view' && object.paused !== null) throw pausedError(object);
  return object;
}
