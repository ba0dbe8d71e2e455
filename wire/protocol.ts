/**
 * One client connection as a state machine over a SessionPort; no sockets. Messages are handled strictly one after
 * another; while one is in work only `cancel`, `terminate` and `closed` come in from the side.
 *
 * States: start-up, ready, skipping (after an error in an extended query, until Sync), over. Invariant: every Query and
 * every Sync is answered by exactly one ReadyForQuery unless the connection ends.
 */
import { must, unreachable } from '../common/assert.ts';
import { SqlError, unsupported } from '../common/sqlError.ts';
import type { TextContext } from '../common/textContext.ts';
import { beginAuth } from './auth.ts';
import { ProtocolError } from './bytes.ts';
import { ExtendedQuery } from './extendedQuery.ts';
import { Inbound } from './inbound.ts';
import type { FrontendMessage, StartupMessage } from './message.ts';
import { Outbound } from './outbound.ts';
import { ConnectionLost, type SessionFactory, type SessionPort } from './port.ts';
import { ResultSink, type SinkChannel } from './querySink.ts';
import { errorFields, type Severity, toSqlError } from './report.ts';
import { protocolOptions, startupParameters } from './startup.ts';
import type { Transport } from './transport.ts';

/** The protocol version spoken: 3.0. */
const PROTOCOL_VERSION = 3 << 16;

/** What identifies the connection to CancelRequest and to its session. */
export interface ConnectionIdentity {
  readonly processId: number;
  readonly secretKey: number;
  readonly remoteAddress: string | null;
}

/** What a connection asks of the server around it. */
export interface ConnectionHost {
  readonly factory: SessionFactory;
  readonly maxMessageBytes: number;
  /** A CancelRequest arrived instead of a start-up packet. */
  cancelRequest(processId: number, secretKey: number): void;
  /** Asked once the start-up packet is there: an error refuses the connection (53300, 57P03). */
  admit(): SqlError | null;
  /** Start-up is over: its time limit no longer applies. */
  started(): void;
  /** Our own mistakes, for the log; the client gets XX000. */
  internalError(error: unknown): void;
}

export class Connection {
  private readonly identity: ConnectionIdentity;
  private readonly host: ConnectionHost;
  private readonly transport: Transport;
  private readonly inbound: Inbound;
  private readonly outbound: Outbound;
  private readonly channel: SinkChannel;
  private readonly extended: ExtendedQuery;
  private session: SessionPort | null = null;
  /** A call into the session is running. */
  private busy = false;
  /** An extended query failed: everything up to Sync is skipped. */
  private skipping = false;
  /** Why the connection is to end, when somebody said so. */
  private termination: SqlError | null = null;
  /** ParameterStatus values as the client knows them. */
  private readonly reported = new Map<string, string>();
  private reportedFrom: ReadonlyMap<string, string> | null = null;

  constructor(transport: Transport, identity: ConnectionIdentity, host: ConnectionHost) {
    this.transport = transport;
    this.identity = identity;
    this.host = host;
    this.inbound = new Inbound(transport, host.maxMessageBytes);
    this.outbound = new Outbound(transport);
    this.channel = {
      inbound: this.inbound,
      outbound: this.outbound,
      textContext: (): TextContext => must(this.session).textContext(),
    };
    this.extended = new ExtendedQuery(this.channel);
  }

  /** Bytes from the client. */
  receive(chunk: Buffer): void {
    this.inbound.receive(chunk);
  }

  /** The client sends nothing more. Work whose result nobody will read is interrupted. */
  ended(): void {
    this.inbound.end();
    if (this.busy && !this.inbound.hasData) this.session?.cancel();
  }

  /** The connection is gone. */
  closed(): void {
    this.outbound.close();
    this.inbound.end();
    if (this.busy) this.session?.cancel();
  }

  /** Interrupts the running query, if any. */
  cancel(): void {
    if (this.busy) this.session?.cancel();
  }

  /** Ends the connection with a FATAL error, after interrupting what runs. */
  terminate(error: SqlError): void {
    this.termination ??= error;
    this.inbound.end();
    if (this.busy) this.session?.cancel();
  }

  /** Serves the client until it leaves or breaks the protocol; never rejects. */
  async run(): Promise<void> {
    try {
      if (await this.start()) await this.serve();
      if (this.termination !== null) this.report(this.termination, 'FATAL', null);
    } catch (error) {
      this.reportFatal(error);
    }
    try {
      this.extended.close();
      await this.session?.close();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.host.internalError(error);
    }
    // A lost client makes this a rejected promise, which has been taken care of.
    this.outbound.flush();
    this.transport.end();
  }

  private reportFatal(error: unknown): void {
    const lost = error instanceof ConnectionLost;
    if (lost && this.termination === null) return;
    if (!lost && !(error instanceof SqlError)) this.host.internalError(error);
    this.report(this.termination ?? toSqlError(error), 'FATAL', null);
  }

  /** Start-up: true when a session is open, false when there is nothing more to do. */
  private async start(): Promise<boolean> {
    const startup = await this.negotiate();
    if (startup === null) return false;
    if (startup.majorVersion !== 3) {
      throw new SqlError(
        '0A000',
        `unsupported frontend protocol ${startup.majorVersion}.${startup.minorVersion}: server supports 3.0 to 3.0`,
      );
    }
    const unknownOptions = protocolOptions(startup.parameters);
    if (startup.minorVersion > 0 || unknownOptions.length > 0) {
      this.outbound.message({
        kind: 'NegotiateProtocolVersion',
        minorVersion: PROTOCOL_VERSION,
        unknownOptions,
      });
    }
    const refusal = this.host.admit();
    if (refusal !== null) throw refusal;
    const parameters = startupParameters(startup.parameters);
    const auth = beginAuth(parameters);
    if (auth.kind !== 'ok') return unreachable(auth.kind);
    this.session = await this.host.factory.connect(parameters, {
      ...this.identity,
      statements: this.extended.statements,
      terminate: (error) => this.terminate(error),
    });
    this.host.started();
    this.outbound.message({ kind: 'AuthenticationOk' });
    this.reportParameters(this.session);
    const { processId, secretKey } = this.identity;
    this.outbound.message({ kind: 'BackendKeyData', processId, secretKey });
    await this.ready(this.session);
    return true;
  }

  /** Refuses encryption, hands on a CancelRequest, and returns the Startup message. */
  private async negotiate(): Promise<Extract<StartupMessage, { kind: 'Startup' }> | null> {
    const refused = new Set<string>();
    for (;;) {
      const message = await this.inbound.nextStartup();
      if (message === null) return null;
      switch (message.kind) {
        case 'SSLRequest':
        case 'GSSENCRequest':
          if (refused.has(message.kind)) throw new ProtocolError(`unexpected second ${message.kind}`);
          refused.add(message.kind);
          // 'N': the client may go on unencrypted.
          this.outbound.writer.uint8(0x4e);
          await this.outbound.flush();
          break;
        case 'CancelRequest':
          this.host.cancelRequest(message.processId, message.secretKey);
          return null;
        case 'Startup':
          return message;
      }
    }
  }

  private async serve(): Promise<void> {
    const session = must(this.session);
    while (this.termination === null) {
      const message = await this.inbound.next();
      if (message === null || message.kind === 'Terminate') return;
      if (this.skipping && message.kind !== 'Sync') continue;
      await this.handle(session, message);
      await this.outbound.relieve();
    }
  }

  private async handle(session: SessionPort, message: FrontendMessage): Promise<void> {
    switch (message.kind) {
      case 'Query':
        return this.query(session, message.sql);
      case 'Parse':
      case 'Bind':
      case 'Describe':
      case 'Execute':
      case 'Close':
        return this.guard(session, () => this.extended.handle(session, message));
      case 'Flush':
        return this.outbound.flush();
      case 'Sync':
        return this.sync(session);
      case 'FunctionCall':
        return this.refuse(session, unsupported('FUNCTION CALL'));
      case 'InvalidText':
        if (!message.extended) return this.refuse(session, message.error);
        return this.guard(session, () => Promise.reject(message.error));
      case 'CopyData':
      case 'CopyDone':
      case 'CopyFail':
        // Left over from a COPY that failed while the client was still sending.
        return;
      case 'Password':
        throw new ProtocolError('invalid frontend message type 112');
      case 'Terminate':
        return;
      default:
        return unreachable(message);
    }
  }

  private async query(session: SessionPort, sql: string): Promise<void> {
    this.extended.dropUnnamed();
    try {
      await this.call(() => session.simpleQuery(sql, new ResultSink(this.channel, { kind: 'simple' }, sql)));
    } catch (error) {
      this.fail(session, error, sql);
    }
    return this.ready(session);
  }

  private async sync(session: SessionPort): Promise<void> {
    this.skipping = false;
    try {
      await this.call(() => session.sync());
    } catch (error) {
      this.fail(session, error, null);
    }
    return this.ready(session);
  }

  /** Runs a step of an extended query; a failure is reported and the rest skipped up to Sync. */
  private async guard(session: SessionPort, step: () => Promise<void>): Promise<void> {
    this.extended.sql = null;
    try {
      await this.call(step);
    } catch (error) {
      this.fail(session, error, this.extended.sql);
      this.skipping = true;
      await this.outbound.flush();
    }
  }

  /** Answers a message that cannot be carried out as if it were a failed query. */
  private async refuse(session: SessionPort, error: SqlError): Promise<void> {
    this.fail(session, error, null);
    return this.ready(session);
  }

  private async call(step: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await step();
    } finally {
      this.busy = false;
    }
  }

  /** Reports an error of a query. The loss of the client is no such error: it ends the connection. */
  private fail(session: SessionPort, error: unknown, sql: string | null): void {
    if (error instanceof ConnectionLost || error instanceof ProtocolError) throw error;
    if (!(error instanceof SqlError)) this.host.internalError(error);
    const reported = toSqlError(error);
    session.fail(reported);
    this.report(reported, 'ERROR', sql);
  }

  private report(error: SqlError, severity: Severity, sql: string | null): void {
    this.outbound.message({ kind: 'ErrorResponse', fields: errorFields(error, severity, sql) });
  }

  /** The end of a query cycle: changed parameters, then ReadyForQuery. */
  private async ready(session: SessionPort): Promise<void> {
    const status = session.transactionStatus();
    if (status === 'I') this.extended.dropPortals();
    this.reportParameters(session);
    this.outbound.message({ kind: 'ReadyForQuery', status });
    await this.outbound.flush();
  }

  private reportParameters(session: SessionPort): void {
    const parameters = session.parameters();
    if (parameters === this.reportedFrom) return;
    this.reportedFrom = parameters;
    for (const [name, value] of parameters) {
      if (this.reported.get(name) === value) continue;
      this.reported.set(name, value);
      this.outbound.message({ kind: 'ParameterStatus', name, value });
    }
  }
}
