/**
 * What the wire needs of a session. The server implements SessionFactory, SessionPort, PreparedStatement and Portal;
 * the wire implements QuerySink, CopyInStream and ConnectionContext.
 *
 * Contract
 * - Calls on one session never overlap, except `cancel`, which may come at any moment.
 * - A user's mistake is a thrown (or rejected) SqlError; anything else thrown is reported as XX000 and the session
 *   goes on. `fail` is called once for every error reported to the client, whoever raised it.
 * - After the connection is lost, the promise returned by a sink method rejects with ConnectionLost; the session lets
 *   it through. `close` is called exactly once, after the last call has settled.
 */
import type { DataType } from '../common/dataType.ts';
import type { SqlError } from '../common/sqlError.ts';
import type { SqlState } from '../common/sqlStates.ts';
import type { TextContext } from '../common/textContext.ts';
import type { Row, Value } from '../common/value.ts';
import type { NameRegistry } from './nameRegistry.ts';

/** 0 text, 1 binary. */
export type FormatCode = 0 | 1;

/** I idle, T in a transaction block, E in a failed transaction block. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** A column of a result. */
export interface ResultColumn {
  readonly name: string;
  readonly type: DataType;
  /** Object id of the relation and 1-based attribute number when the column is one of a relation. */
  readonly tableOid?: number;
  readonly attributeNumber?: number;
}

/** What the client asked for in its start-up packet. */
export interface StartupParameters {
  readonly user: string;
  /** The user's name when the client gave none, as in PostgreSQL. */
  readonly database: string;
  /** All other parameters (application_name, client_encoding, DateStyle, ...) and `-c name=value` of `options`. */
  readonly settings: ReadonlyMap<string, string>;
}

/** The connection as its session sees it. */
export interface ConnectionContext {
  readonly processId: number;
  readonly secretKey: number;
  readonly remoteAddress: string | null;
  /** Named and unnamed prepared statements, shared by the protocol with PREPARE, EXECUTE, DEALLOCATE, DISCARD. */
  readonly statements: NameRegistry<PreparedStatement>;
  /** Ends the connection with a FATAL error (pg_terminate_backend, shutdown). */
  terminate(error: SqlError): void;
}

export interface SessionFactory {
  /** Opens a session; a SqlError (28000, 3D000, ...) refuses the connection as FATAL. */
  connect(startup: StartupParameters, connection: ConnectionContext): Promise<SessionPort>;
}

export interface SessionPort {
  /**
   * Settings reported by ParameterStatus: server_version, server_encoding, client_encoding, DateStyle, IntervalStyle,
   * TimeZone, integer_datetimes, standard_conforming_strings, application_name, is_superuser, session_authorization,
   * in_hot_standby, default_transaction_read_only. Asked before every ReadyForQuery; differences are sent. Returning
   * the same map object means that nothing changed.
   */
  parameters(): ReadonlyMap<string, string>;
  /** What text formats of values depend on, now. */
  textContext(): TextContext;
  transactionStatus(): TransactionStatus;
  /** Executes all statements of `sql`, reporting to `sink`; rejects at the first that fails. */
  simpleQuery(sql: string, sink: QuerySink): Promise<void>;
  /** Parses and plans one statement (or none). `parameterOids`: types given by the client, 0 where it leaves them open. */
  parse(sql: string, parameterOids: readonly number[]): Promise<PreparedStatement>;
  /** Binds parameters, one value per `statement.parameterTypes`. */
  bind(statement: PreparedStatement, parameters: readonly Value[]): Promise<Portal>;
  /**
   * Runs the portal up to `maxRows` rows (0: all). 'complete' after commandComplete or emptyQuery was reported to the
   * sink, 'suspended' when the limit was reached. It is not called again after 'complete'.
   */
  execute(portal: Portal, maxRows: number, sink: QuerySink): Promise<'complete' | 'suspended'>;
  /** End of an extended-query sequence: commits (or, after an error, rolls back) the implicit transaction. */
  sync(): Promise<void>;
  /** An error was reported to the client: an open transaction block is now failed, an implicit transaction rolled back. */
  fail(error: SqlError): void;
  /** Interrupts the running call, if any: it rejects with 57014. */
  cancel(): void;
  close(): Promise<void>;
}

/** A parsed statement: opaque to the wire but for its types. */
export interface PreparedStatement {
  readonly sql: string;
  readonly parameterTypes: readonly DataType[];
  /** Null when the statement returns no rows. */
  readonly columns: readonly ResultColumn[] | null;
  /** Frees what it holds; called once when its name is dropped or replaced. */
  close(): void;
}

/** A bound statement, ready to run. */
export interface Portal {
  readonly statement: PreparedStatement;
  readonly columns: readonly ResultColumn[] | null;
  /** Frees what it holds; called once when the portal is closed, replaced, or its transaction ended. */
  close(): void;
}

export type NoticeSeverity = 'WARNING' | 'NOTICE' | 'DEBUG' | 'INFO' | 'LOG';

export interface Notice {
  readonly severity: NoticeSeverity;
  readonly state: SqlState;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 0-based UTF-16 offset into the statement text. */
  readonly position?: number;
}

/**
 * Where a session reports results. Per statement: `columns` then `rows`... then `commandComplete`; or `emptyQuery`; or
 * `commandComplete` alone; or copyIn/copyOut ... `commandComplete`. In an extended query `columns` sends nothing but
 * must name the columns that were described.
 */
export interface QuerySink {
  columns(columns: readonly ResultColumn[]): void;
  /**
   * Writes rows, each as long as `columns`. When a promise comes back the client reads more slowly than rows come: the
   * session awaits it before the next call. Batches of some hundreds of rows are best.
   */
  rows(batch: readonly Row[]): Promise<void> | undefined;
  /** Tag such as `SELECT 3` or `INSERT 0 1`. */
  commandComplete(tag: string): void;
  emptyQuery(): void;
  notice(notice: Notice): void;
  /** COPY FROM STDIN with text-format columns: asks the client for data. Read it to its end. */
  copyIn(columnCount: number): CopyInStream;
  /** COPY TO STDOUT: follow with `copyData` chunks, then `copyDone`. */
  copyOut(columnCount: number): void;
  copyData(chunk: Uint8Array): Promise<void> | undefined;
  copyDone(): void;
}

/** Chunks of COPY data, cut anywhere. Iteration rejects with 57014 when the client gives up (CopyFail). */
export type CopyInStream = AsyncIterable<Uint8Array>;

/** The client is gone: what a sink's promise rejects with. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';

  constructor() {
    super('connection to client lost');
  }
}
