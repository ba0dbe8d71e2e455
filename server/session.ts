/**
 * A session: one client's settings, transaction and prepared statements, behind the wire's SessionPort. Also used without
 * a wire (embedding, recovery) through `run`.
 *
 * Transactions: BEGIN opens a block; outside one, the statements of a simple query string, or of an extended sequence up
 * to Sync, form an implicit transaction, as in PostgreSQL. DDL commits the implicit transaction's writes first and then
 * itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../common/assert.ts';
import type { DataType } from '../common/dataType.ts';
import { types } from '../common/dataType.ts';
import type { EvalContext, SessionInfo } from '../common/function.ts';
import { SqlError } from '../common/sqlError.ts';
import type { ObjectNames, TextContext } from '../common/textContext.ts';
import { formatValue } from '../common/textIo.ts';
import { typeOfOid } from '../common/typeTable.ts';
import type { Row, Value } from '../common/value.ts';
import type { Statement } from '../parser/ast/statement.ts';
import { parse } from '../parser/parse.ts';
import type {
  ConnectionContext,
  Notice,
  Portal,
  PreparedStatement,
  QuerySink,
  SessionPort,
  StartupParameters,
} from '../wire/port.ts';
import { catalogFunction } from './catalogFunctions.ts';
import type { Database } from './database.ts';
import { sessionEvalContext, sessionTextContext } from './evalContext.ts';
import { cancelled } from './query.ts';
import { durationMs, Settings } from './settings.ts';
import { handlerFor, isDefinition } from './statements/index.ts';
import type { StatementContext, StatementResult, StatementShape } from './statements/statement.ts';
import { TransactionState } from './transactionState.ts';

const ROWS_PER_WRITE = 512;

/** A parsed statement with its shape. */
class SessionStatement implements PreparedStatement {
  readonly sql: string;
  readonly statement: Statement | null;
  readonly parameterTypes: readonly DataType[];
  readonly columns: PreparedStatement['columns'];

  constructor(sql: string, statement: Statement | null, shape: StatementShape) {
    this.sql = sql;
    this.statement = statement;
    this.parameterTypes = shape.parameterTypes;
    this.columns = shape.columns;
  }

  close(): void {}
}

class SessionPortal implements Portal {
  readonly statement: SessionStatement;
  readonly parameters: readonly Value[];
  /** Set by the first execute; rows not yet sent. */
  pending: { readonly result: StatementResult; next: number } | null = null;

  constructor(statement: SessionStatement, parameters: readonly Value[]) {
    this.statement = statement;
    this.parameters = parameters;
  }

  get columns(): Portal['columns'] {
    return this.statement.columns;
  }

  close(): void {
    this.pending = null;
  }
}

/** A statement nested deeper than the stack is the user's mistake. */
function depthExceeded(error: unknown): unknown {
  const tooDeep = error instanceof RangeError && error.message.includes('call stack');
  return tooDeep ? new SqlError('54001', 'stack depth limit exceeded') : error;
}

/** A statement being run or described: spans are offsets into `source`. */
interface Running {
  readonly statement: Statement;
  readonly text: string;
  readonly source: string;
}

export class Session implements SessionPort {
  readonly database: Database;
  readonly settings = new Settings(() => this.#clockText());
  readonly user: string;
  readonly #connection: ConnectionContext | null;
  readonly #transaction: TransactionState;
  readonly #onClose: () => void;
  #reported: ReadonlyMap<string, string>;
  #sink: QuerySink | null = null;
  /** Where the running call reports, between statements too: a commit may have something to say. */
  #reports: QuerySink | null = null;
  #cancelRequested = false;
  #sleepMicros = 0n;
  #deadline: bigint | null = null;
  #cancelSleep = new AbortController();
  readonly #objectNames: ObjectNames;
  /** What the session is running, for catalogs. */
  activity = '';

  constructor(
    database: Database,
    startup: StartupParameters,
    connection: ConnectionContext | null,
    onClose: () => void = () => {},
  ) {
    this.database = database;
    this.user = startup.user;
    this.#connection = connection;
    this.#onClose = onClose;
    this.#transaction = new TransactionState(database, this.settings, (notice) =>
      this.#reports?.notice(notice),
    );
    this.#objectNames = {
      oidOf: (kind, name) => catalogFunction(this, `${kind}in`, [name]) as number | null,
      nameOf: (kind, oid) => catalogFunction(this, `${kind}out`, [oid]) as string | null,
    };
    for (const [name, value] of startup.settings) this.settings.setDefault(name, value);
    this.#reported = new Map(this.settings.reported());
    this.settings.onReport = () => {
      this.#reported = new Map(this.settings.reported());
    };
  }

  /** Value of millrace.clock, in the session's zone. */
  #clockText(): string {
    const { serverClock } = this.database.environment;
    return serverClock.virtual
      ? formatValue(serverClock.now(), types.timestamptz, this.textContext())
      : 'system';
  }

  get processId(): number {
    return this.#connection?.processId ?? 0;
  }

  parameters(): ReadonlyMap<string, string> {
    return this.#reported;
  }

  textContext(): TextContext {
    return sessionTextContext(this.settings, () => this.#transaction.startTime, this.#objectNames);
  }

  transactionStatus(): 'I' | 'T' | 'E' {
    return this.#transaction.status;
  }

  searchPath(): readonly string[] {
    return this.settings.searchPath(this.user);
  }

  // Simple query

  async simpleQuery(sql: string, sink: QuerySink): Promise<void> {
    this.#reports = sink;
    const statements = parse(sql);
    if (statements.length === 0) {
      sink.emptyQuery();
      return;
    }
    for (let i = 0; i < statements.length; i++) {
      const result = await this.#runOne({ ...must(statements[i]), source: sql }, [], [], sink);
      // The last statement's tag says that the transaction is committed; an error before it undoes everything.
      if (i === statements.length - 1) await this.#transaction.endImplicit();
      await this.#send(result, sink);
    }
  }

  /** Runs every statement of a string and gives the results: for embedding, recovery and tests. */
  async run(sql: string, parameters: readonly Value[] = []): Promise<readonly StatementResult[]> {
    const results: StatementResult[] = [];
    try {
      for (const parsed of parse(sql)) {
        results.push(await this.#runOne({ ...parsed, source: sql }, parameters, [], null));
      }
      await this.#transaction.endImplicit();
      return results;
    } catch (error) {
      this.#transaction.fail();
      throw error;
    }
  }

  async #runOne(
    parsed: Running,
    parameters: readonly Value[],
    parameterTypes: readonly DataType[],
    sink: QuerySink | null,
  ): Promise<StatementResult> {
    const { statement } = parsed;
    this.#transaction.checkUsable(statement);
    this.#cancelRequested = false;
    this.#sleepMicros = 0n;
    this.#transaction.touch();
    const timeout = durationMs(this.settings.value('statement_timeout'));
    this.#deadline =
      timeout > 0
        ? this.database.environment.serverClock.system() + BigInt(Math.round(timeout * 1000))
        : null;
    this.activity = parsed.text;
    this.#sink = sink;
    try {
      if (isDefinition(statement) && !this.#transaction.inBlock) await this.#transaction.commitBeforeDdl();
      const result = await handlerFor(statement).run(
        statement,
        this.#context(parsed, parameters, parameterTypes),
      );
      if (this.#sleepMicros > 0n) await this.#sleep();
      return result;
    } catch (error) {
      throw this.database.secrets.redactedError(depthExceeded(error));
    } finally {
      this.#sink = null;
      this.activity = '';
    }
  }

  async #sleep(): Promise<void> {
    this.#cancelSleep = new AbortController();
    const { signal } = this.#cancelSleep;
    await sleep(Number(this.#sleepMicros / 1000n), undefined, { signal }).catch(() => {});
    this.#sleepMicros = 0n;
    this.#checkCancelled();
  }

  async #send(result: StatementResult, sink: QuerySink): Promise<void> {
    if (result.columns !== null) {
      sink.columns(result.columns);
      await this.#sendRows(result.rows, 0, result.rows.length, sink);
    }
    sink.commandComplete(result.tag);
  }

  async #sendRows(rows: readonly Row[], from: number, to: number, sink: QuerySink): Promise<void> {
    for (let i = from; i < to; i += ROWS_PER_WRITE) {
      const waiting = sink.rows(rows.slice(i, Math.min(to, i + ROWS_PER_WRITE)));
      if (waiting !== undefined) await waiting;
    }
  }

  // Extended query

  async parse(sql: string, parameterOids: readonly number[]): Promise<SessionStatement> {
    const statements = parse(sql);
    if (statements.length > 1)
      throw new SqlError('42601', 'cannot insert multiple commands into a prepared statement');
    const parsed = statements[0];
    if (parsed === undefined) return new SessionStatement(sql, null, { parameterTypes: [], columns: null });
    this.#transaction.checkUsable(parsed.statement);
    const given = parameterOids.map((oid) => (oid === 0 ? null : typeOfOid(oid)));
    return new SessionStatement(sql, parsed.statement, this.#describe({ ...parsed, source: sql }, given));
  }

  #describe(running: Running, given: readonly (DataType | null)[]): StatementShape {
    const describe = handlerFor(running.statement).describe;
    if (describe === undefined) return { parameterTypes: given.map((t) => t ?? types.text), columns: null };
    this.#transaction.touch();
    try {
      return describe(running.statement, this.#context(running, [], given));
    } catch (error) {
      throw depthExceeded(error);
    }
  }

  async bind(statement: PreparedStatement, parameters: readonly Value[]): Promise<SessionPortal> {
    const prepared = statement as SessionStatement;
    if (prepared.statement !== null) this.#transaction.checkUsable(prepared.statement);
    return new SessionPortal(prepared, parameters);
  }

  async execute(portal: Portal, maxRows: number, sink: QuerySink): Promise<'complete' | 'suspended'> {
    const running = portal as SessionPortal;
    const { statement, sql, parameterTypes } = running.statement;
    this.#reports = sink;
    if (statement === null) {
      sink.emptyQuery();
      return 'complete';
    }
    if (running.pending === null) {
      const result = await this.#runOne(
        { statement, text: sql, source: sql },
        running.parameters,
        parameterTypes,
        sink,
      );
      running.pending = { result, next: 0 };
    }
    const { result } = running.pending;
    if (result.columns === null) {
      sink.commandComplete(result.tag);
      return 'complete';
    }
    sink.columns(result.columns);
    const from = running.pending.next;
    const to = maxRows === 0 ? result.rows.length : Math.min(result.rows.length, from + maxRows);
    running.pending.next = to;
    await this.#sendRows(result.rows, from, to, sink);
    if (maxRows !== 0 && to - from === maxRows) return 'suspended';
    sink.commandComplete(
      result.tag.startsWith('SELECT ') ? `SELECT ${to - (maxRows === 0 ? 0 : from)}` : result.tag,
    );
    return 'complete';
  }

  async sync(): Promise<void> {
    await this.#transaction.endImplicit();
  }

  fail(_error: SqlError): void {
    this.#transaction.fail();
  }

  cancel(): void {
    this.#cancelRequested = true;
    this.#cancelSleep.abort();
  }

  async close(): Promise<void> {
    this.#transaction.fail();
    this.#onClose();
  }

  #checkCancelled(): void {
    if (this.#cancelRequested) throw cancelled();
    if (this.#deadline !== null && this.database.environment.serverClock.system() > this.#deadline) {
      throw new SqlError('57014', 'canceling statement due to statement timeout');
    }
  }

  // What statements see

  #sessionInfo(): SessionInfo {
    return {
      user: this.user,
      database: this.database.catalog.database,
      processId: this.processId,
      searchPath: () => this.searchPath().filter((s) => this.database.catalog.hasSchema(s)),
      setting: (name) => this.settings.get(name),
      setSetting: (name, value, local) => this.settings.set(name, value, local),
      catalogFunction: (name, args) => {
        if (name === 'pg_sleep') {
          this.#sleepMicros += BigInt(Math.round(Number(args[0]) * 1e6));
          return '';
        }
        return catalogFunction(this, name, args);
      },
    };
  }

  #evalContext(): EvalContext {
    return sessionEvalContext(
      this.database.environment,
      this.settings,
      () => this.#transaction.startTime,
      this.#sessionInfo(),
      this.#objectNames,
    );
  }

  #context(
    running: Running,
    parameters: readonly Value[],
    parameterTypes: readonly (DataType | null)[],
  ): StatementContext {
    const transaction = this.#transaction;
    return {
      database: this.database,
      settings: this.settings,
      user: this.user,
      sql: running.text,
      textOf: (node) => running.source.slice(node.span.start, node.span.end),
      systemRows: (id) => this.database.system?.rows(id, this) ?? null,
      searchPath: () => this.searchPath(),
      eval: this.#evalContext(),
      parameters,
      parameterTypes,
      writes: transaction.writes,
      requireNoTransactionBlock: (what) => transaction.requireNoBlock(what),
      requireWritable: (what) => transaction.requireWritable(what),
      notice: (notice: Notice) => this.#sink?.notice(notice),
      sink: this.#sink,
      checkCancelled: () => this.#checkCancelled(),
      transactions: transaction,
      prepared: this.#preparedControl(running),
    };
  }

  #preparedControl(running: Running): StatementContext['prepared'] {
    const registry = this.#connection?.statements ?? null;
    const find = (name: string): SessionStatement => {
      if (registry === null) throw new SqlError('26000', `prepared statement "${name}" does not exist`);
      return registry.get(name) as SessionStatement;
    };
    return {
      prepare: (name, sql, statement, given) => {
        const source = running.source;
        registry?.add(
          name,
          new SessionStatement(sql, statement, this.#describe({ statement, text: sql, source }, given)),
        );
      },
      describe: (name) => find(name),
      execute: (name, args) => {
        const prepared = find(name);
        const statement = must(prepared.statement, 'a prepared statement is not empty');
        return this.#runOne(
          { statement, text: prepared.sql, source: prepared.sql },
          args,
          prepared.parameterTypes,
          this.#sink,
        );
      },
      deallocate: (name) => {
        if (name === null) registry?.clear();
        else if (registry?.drop(name) !== true)
          throw new SqlError('26000', `prepared statement "${name}" does not exist`);
      },
    };
  }
}
