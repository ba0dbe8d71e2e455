/**
 * The extended query protocol's messages over a session: names of statements and portals, parameter decoding, result
 * formats. Every function either answers its message or throws; the caller reports the error and skips to Sync.
 */
import { SqlError } from '../common/sqlError.ts';
import { oidOf } from '../common/typeTable.ts';
import type { FrontendMessage } from './message.ts';
import { NameRegistry, portalNameErrors, statementNameErrors } from './nameRegistry.ts';
import type { Outbound } from './outbound.ts';
import type { FormatCode, Portal, PreparedStatement, ResultColumn, SessionPort } from './port.ts';
import { expandFormats, ResultSink, type SinkChannel } from './querySink.ts';
import { checkFormat, decodeParameter, describeColumn } from './typeCodec.ts';

type MessageOf<K extends FrontendMessage['kind']> = Extract<FrontendMessage, { readonly kind: K }>;
export type ExtendedMessage = MessageOf<'Parse' | 'Bind' | 'Describe' | 'Execute' | 'Close'>;

/** A portal under its name, with what the wire must remember of it. */
class BoundPortal {
  readonly portal: Portal;
  readonly formats: readonly FormatCode[];
  /** Ran to its end: it is not run again. */
  complete = false;

  constructor(portal: Portal, formats: readonly FormatCode[]) {
    this.portal = portal;
    this.formats = formats;
  }

  close(): void {
    this.portal.close();
  }
}

export class ExtendedQuery {
  readonly statements: NameRegistry<PreparedStatement> = new NameRegistry(statementNameErrors);
  private readonly portals = new NameRegistry<BoundPortal>(portalNameErrors);
  private readonly channel: SinkChannel;
  private readonly outbound: Outbound;
  /** Text that the position of an error in the current message refers to. */
  sql: string | null = null;

  constructor(channel: SinkChannel) {
    this.channel = channel;
    this.outbound = channel.outbound;
  }

  /** Answers one message. */
  async handle(session: SessionPort, message: ExtendedMessage): Promise<void> {
    this.sql = null;
    switch (message.kind) {
      case 'Parse':
        return this.parse(session, message);
      case 'Bind':
        return this.bind(session, message);
      case 'Describe':
        return this.describe(session, message);
      case 'Execute':
        return this.execute(session, message);
      case 'Close':
        // Closing what does not exist is no error.
        if (message.target === 'statement') this.statements.drop(message.name);
        else this.portals.drop(message.name);
        this.outbound.message({ kind: 'CloseComplete' });
        return;
    }
  }

  /** A simple query destroys the unnamed statement and the unnamed portal. */
  dropUnnamed(): void {
    this.portals.drop('');
    this.statements.drop('');
  }

  /** The transaction has ended, and its portals with it. */
  dropPortals(): void {
    this.portals.clear();
  }

  /** The connection ends. */
  close(): void {
    this.portals.clear();
    this.statements.clear();
  }

  private async parse(session: SessionPort, message: MessageOf<'Parse'>): Promise<void> {
    this.sql = message.sql;
    this.statements.checkFree(message.name);
    if (message.name === '') this.statements.drop('');
    const statement = await session.parse(message.sql, message.parameterOids);
    this.statements.add(message.name, statement);
    this.outbound.message({ kind: 'ParseComplete' });
  }

  private async bind(session: SessionPort, message: MessageOf<'Bind'>): Promise<void> {
    const statement = this.statements.get(message.statement);
    this.sql = statement.sql;
    this.portals.checkFree(message.portal);
    checkBindCounts(message, statement);
    const formats = message.resultFormats.map(checkFormat);
    const parameterFormats = expandFormats(message.parameterFormats, message.parameters.length);
    const context = session.textContext();
    const values = statement.parameterTypes.map((type, i) => {
      try {
        return decodeParameter(message.parameters[i] ?? null, type, parameterFormats[i] ?? 0, context, i);
      } catch (error) {
        throw inParameter(error, message.portal, i, parameterFormats[i] ?? 0);
      }
    });
    this.portals.drop(message.portal);
    const portal = await session.bind(statement, values);
    this.portals.add(message.portal, new BoundPortal(portal, formats));
    this.outbound.message({ kind: 'BindComplete' });
  }

  private describe(session: SessionPort, message: MessageOf<'Describe'>): void {
    if (message.target === 'portal') {
      const bound = this.portals.get(message.name);
      this.describeColumns(session, bound.portal.columns, bound.formats);
      return;
    }
    const statement = this.statements.get(message.name);
    this.sql = statement.sql;
    const typeOids = statement.parameterTypes.map(oidOf);
    const before = this.outbound.writer.length;
    this.outbound.message({ kind: 'ParameterDescription', typeOids });
    try {
      this.describeColumns(session, statement.columns, []);
    } catch (error) {
      this.outbound.writer.truncate(before);
      throw error;
    }
  }

  private describeColumns(
    session: SessionPort,
    columns: readonly ResultColumn[] | null,
    formats: readonly FormatCode[],
  ): void {
    if (columns === null) {
      this.outbound.message({ kind: 'NoData' });
      return;
    }
    if (session.transactionStatus() === 'E') throw transactionAborted();
    const each = expandFormats(formats, columns.length);
    const fields = columns.map((column, i) => describeColumn(column, each[i] ?? 0));
    this.outbound.message({ kind: 'RowDescription', fields });
  }

  private async execute(session: SessionPort, message: MessageOf<'Execute'>): Promise<void> {
    const bound = this.portals.get(message.portal);
    const { portal, formats } = bound;
    this.sql = portal.statement.sql;
    if (bound.complete) {
      if (portal.columns === null) throw new SqlError('55000', `portal "${message.portal}" cannot be run`);
      this.outbound.message({ kind: 'CommandComplete', tag: 'SELECT 0' });
      return;
    }
    const sink = new ResultSink(
      this.channel,
      { kind: 'portal', columns: portal.columns, formats },
      portal.statement.sql,
    );
    const outcome = await session.execute(portal, Math.max(0, message.maxRows), sink);
    if (outcome === 'suspended') this.outbound.message({ kind: 'PortalSuspended' });
    else bound.complete = true;
  }
}

/** The error with the parameter as its context; like PostgreSQL it does not repeat the value, which may be secret. */
function inParameter(error: unknown, portal: string, index: number, format: number): unknown {
  if (!(error instanceof SqlError)) return error;
  const owner = portal === '' ? 'unnamed portal' : `portal "${portal}"`;
  const value = format === 0 && error.state !== '22021' ? " = '...'" : '';
  return error.with({ where: `${owner} parameter $${index + 1}${value}` });
}

/** The number of parameters and formats that Bind gives must fit the statement. */
function checkBindCounts(message: MessageOf<'Bind'>, statement: PreparedStatement): void {
  const { parameterFormats, parameters, resultFormats } = message;
  if (parameterFormats.length > 1 && parameterFormats.length !== parameters.length) {
    throw new SqlError(
      '08P01',
      `bind message has ${parameterFormats.length} parameter formats but ${parameters.length} parameters`,
    );
  }
  if (parameters.length !== statement.parameterTypes.length) {
    throw new SqlError(
      '08P01',
      `bind message supplies ${parameters.length} parameters, but prepared statement "${message.statement}" requires ${statement.parameterTypes.length}`,
    );
  }
  const columnCount = statement.columns?.length ?? null;
  if (columnCount !== null && resultFormats.length > 1 && resultFormats.length !== columnCount) {
    throw new SqlError(
      '08P01',
      `bind message has ${resultFormats.length} result formats but query has ${columnCount} columns`,
    );
  }
}

function transactionAborted(): SqlError {
  return new SqlError(
    '25P02',
    'current transaction is aborted, commands ignored until end of transaction block',
  );
}
