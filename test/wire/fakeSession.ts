/**
 * A session without SQL: statements are looked up in a table of patterns. It keeps the SessionPort contract (status,
 * implicit transactions as far as visible, cancellation) so that protocol and clients can be tested without an engine.
 */
import { assert } from '../../common/assert.ts';
import { copyRowEncoder } from '../../common/copyEncode.ts';
import { CopyDecoder } from '../../common/copyFormat.ts';
import { csvCopyDefaults, textCopyDefaults } from '../../common/copyOptions.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row, Value } from '../../common/value.ts';
import type {
  ConnectionContext,
  Portal,
  PreparedStatement,
  QuerySink,
  ResultColumn,
  SessionFactory,
  SessionPort,
  StartupParameters,
  TransactionStatus,
} from '../../wire/port.ts';

export const plainContext: TextContext = {
  timeZone: 'UTC',
  now: () => 0n,
  intervalStyle: 'postgres',
  byteaOutput: 'hex',
  extraFloatDigits: 1,
};

/** What a statement does: rows, or something of its own. */
export interface FakeStatement {
  readonly parameterTypes?: readonly DataType[];
  /** Raised when the statement is planned, before anything is sent. */
  readonly planError?: SqlError;
  readonly columns?: readonly ResultColumn[];
  readonly rows?: (parameters: readonly Value[]) => Iterable<Row>;
  readonly run?: (
    session: FakeSession,
    sink: QuerySink,
    parameters: readonly Value[],
  ) => Promise<string> | string;
}

export type FakeStatements = readonly (readonly [RegExp, (match: RegExpExecArray) => FakeStatement])[];

export const column = (name: string, type: DataType): ResultColumn => ({ name, type });

class FakePrepared implements PreparedStatement {
  readonly sql: string;
  readonly parameterTypes: readonly DataType[];
  readonly columns: readonly ResultColumn[] | null;
  readonly definition: FakeStatement | null;
  closed = 0;

  constructor(sql: string, definition: FakeStatement | null) {
    this.sql = sql;
    this.definition = definition;
    this.parameterTypes = definition?.parameterTypes ?? [];
    this.columns = definition?.columns ?? null;
  }

  close(): void {
    this.closed++;
    assert(this.closed === 1, 'a statement is closed once');
  }
}

class FakePortal implements Portal {
  readonly statement: FakePrepared;
  readonly columns: readonly ResultColumn[] | null;
  readonly parameters: readonly Value[];
  rows: Iterator<Row> | null = null;
  closed = 0;

  constructor(statement: FakePrepared, parameters: readonly Value[]) {
    this.statement = statement;
    this.columns = statement.columns;
    this.parameters = parameters;
  }

  close(): void {
    this.closed++;
    assert(this.closed === 1, 'a portal is closed once');
  }
}

const BATCH = 100;

export class FakeSession implements SessionPort {
  readonly log: string[] = [];
  readonly startup: StartupParameters;
  readonly connection: ConnectionContext;
  private readonly statements: FakeStatements;
  private settings: ReadonlyMap<string, string>;
  private status: TransactionStatus = 'I';
  private interrupt: ((error: SqlError) => void) | null = null;
  cancelled = false;
  closed = 0;

  constructor(startup: StartupParameters, connection: ConnectionContext, statements: FakeStatements) {
    this.startup = startup;
    this.connection = connection;
    this.statements = statements;
    this.settings = new Map([
      ['server_version', '15.0'],
      ['server_encoding', 'UTF8'],
      ['client_encoding', 'UTF8'],
      ['DateStyle', 'ISO, MDY'],
      ['TimeZone', 'UTC'],
      ['integer_datetimes', 'on'],
      ['standard_conforming_strings', 'on'],
      ['application_name', startup.settings.get('application_name') ?? ''],
    ]);
  }

  parameters(): ReadonlyMap<string, string> {
    return this.settings;
  }

  set(name: string, value: string): void {
    this.settings = new Map([...this.settings, [name, value]]);
  }

  textContext(): TextContext {
    return plainContext;
  }

  transactionStatus(): TransactionStatus {
    return this.status;
  }

  setStatus(status: TransactionStatus): void {
    this.status = status;
  }

  async simpleQuery(sql: string, sink: QuerySink): Promise<void> {
    this.log.push(`query ${sql}`);
    const parts = sql.split(';').map((s) => s.trim());
    const statements = parts.filter((s) => s !== '');
    if (statements.length === 0) return sink.emptyQuery();
    for (const text of statements) {
      const prepared = this.prepare(text, sql.indexOf(text));
      await this.runPortal(new FakePortal(prepared, []), 0, sink);
    }
  }

  async parse(sql: string, parameterOids: readonly number[]): Promise<PreparedStatement> {
    this.log.push(`parse ${sql} [${parameterOids.join(',')}]`);
    return this.prepare(sql, 0);
  }

  async bind(statement: PreparedStatement, parameters: readonly Value[]): Promise<Portal> {
    assert(statement instanceof FakePrepared, 'own statement');
    if (statement.definition?.planError !== undefined) throw statement.definition.planError;
    return new FakePortal(statement, parameters);
  }

  async execute(portal: Portal, maxRows: number, sink: QuerySink): Promise<'complete' | 'suspended'> {
    assert(portal instanceof FakePortal, 'own portal');
    return this.runPortal(portal, maxRows, sink);
  }

  async sync(): Promise<void> {
    this.log.push('sync');
  }

  fail(error: SqlError): void {
    this.log.push(`fail ${error.state}`);
    if (this.status === 'T') this.status = 'E';
  }

  cancel(): void {
    this.cancelled = true;
    this.interrupt?.(new SqlError('57014', 'canceling statement due to user request'));
    this.interrupt = null;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** Waits until cancelled. */
  sleep(): Promise<never> {
    return new Promise((_, reject) => {
      this.interrupt = reject;
    });
  }

  private prepare(sql: string, position: number): FakePrepared {
    if (sql.trim() === '') return new FakePrepared(sql, null);
    if (this.status === 'E' && !/^(rollback|commit)/i.test(sql)) {
      throw new SqlError(
        '25P02',
        'current transaction is aborted, commands ignored until end of transaction block',
      );
    }
    for (const [pattern, make] of this.statements) {
      const match = pattern.exec(sql);
      if (match !== null) return new FakePrepared(sql, make(match));
    }
    throw new SqlError('42601', `syntax error at or near "${sql.split(' ')[0]}"`, { position });
  }

  private async runPortal(
    portal: FakePortal,
    maxRows: number,
    sink: QuerySink,
  ): Promise<'complete' | 'suspended'> {
    const { definition, columns } = portal.statement;
    if (definition === null) {
      sink.emptyQuery();
      return 'complete';
    }
    if (definition.planError !== undefined) throw definition.planError;
    if (definition.run !== undefined) {
      if (columns !== null) sink.columns(columns);
      sink.commandComplete(await definition.run(this, sink, portal.parameters));
      return 'complete';
    }
    assert(columns !== null && definition.rows !== undefined, 'a statement has rows or runs');
    sink.columns(columns);
    portal.rows ??= definition.rows(portal.parameters)[Symbol.iterator]();
    const sent = await this.pump(portal.rows, maxRows, sink);
    if (sent === null) return 'suspended';
    // As in PostgreSQL the tag counts the rows of this Execute only.
    sink.commandComplete(`SELECT ${sent}`);
    return 'complete';
  }

  /** Sends rows up to the limit: their number at the end, null when suspended. */
  private async pump(rows: Iterator<Row>, maxRows: number, sink: QuerySink): Promise<number | null> {
    let sent = 0;
    let batch: Row[] = [];
    for (;;) {
      if (maxRows > 0 && sent === maxRows) {
        await sink.rows(batch);
        return null;
      }
      const next = rows.next();
      if (next.done === true) break;
      batch.push(next.value);
      sent++;
      if (batch.length === BATCH) {
        await sink.rows(batch);
        batch = [];
      }
    }
    await sink.rows(batch);
    return sent;
  }
}

const statusCommand = (tag: string, status: TransactionStatus) => (): FakeStatement => ({
  run: (session) => {
    session.setStatus(status);
    return tag;
  },
});

function copyIn(format: 'text' | 'csv'): FakeStatement {
  return {
    run: async (session, sink) => {
      const options = format === 'csv' ? csvCopyDefaults : textCopyDefaults;
      const decoder = new CopyDecoder(options, { relation: 't', columns: ['a', 'b'] });
      let count = 0;
      for await (const chunk of sink.copyIn(2)) {
        for (const record of decoder.push(chunk)) {
          session.log.push(`copied ${JSON.stringify(record.fields)}`);
          count++;
        }
      }
      for (const record of decoder.end()) {
        session.log.push(`copied ${JSON.stringify(record.fields)}`);
        count++;
      }
      return `COPY ${count}`;
    },
  };
}

function copyOut(count: number): FakeStatement {
  return {
    run: async (_session, sink) => {
      const encode = copyRowEncoder(textCopyDefaults, ['a', 'b']);
      sink.copyOut(2);
      for (let i = 0; i < count; i++)
        await sink.copyData(Buffer.from(encode([String(i), i % 2 === 0 ? null : 'x\ty'])));
      sink.copyDone();
      return `COPY ${count}`;
    },
  };
}

/** Statements that every test may use. */
export const standardStatements: FakeStatements = [
  [/^begin/i, statusCommand('BEGIN', 'T')],
  [/^commit/i, statusCommand('COMMIT', 'I')],
  [/^rollback/i, statusCommand('ROLLBACK', 'I')],
  [
    /^set (\w+) = '?(\w*)'?$/i,
    ([, name = '', value = '']) => ({
      run: (session) => {
        session.set(name, value);
        return 'SET';
      },
    }),
  ],
  [
    /^select (\d+)$/i,
    ([, n = '']) => ({
      columns: [column('?column?', types.int4)],
      rows: () => [[Number(n)]],
    }),
  ],
  [
    /^series (\d+)( wide)?$/i,
    ([, n = '', wide]) => ({
      columns: [column('i', types.int4), column('s', types.text)],
      rows: function* () {
        for (let i = 1; i <= Number(n); i++) yield [i, wide === undefined ? `row ${i}` : 'x'.repeat(1000)];
      },
    }),
  ],
  [
    /^echo int4 \$1, text \$2$/i,
    () => ({
      parameterTypes: [types.int4, types.text],
      columns: [column('a', types.int4), column('b', types.text)],
      rows: ([a = null, b = null]) => [[a, b]],
    }),
  ],
  [
    /^notify me$/i,
    () => ({
      run: (_session, sink) => {
        sink.notice({ severity: 'NOTICE', state: '00000', message: 'hello', hint: 'look', position: 7 });
        return 'NOTIFY';
      },
    }),
  ],
  [/^sleep$/i, () => ({ run: (session) => session.sleep() })],
  [
    /^crash$/i,
    () => ({
      run: () => {
        throw new TypeError('x is not a function');
      },
    }),
  ],
  [
    /^half (\d+)$/i,
    ([, n = '']) => ({
      columns: [column('i', types.int4)],
      run: async (_session, sink) => {
        await sink.rows(Array.from({ length: Number(n) }, (_, i) => [i]));
        throw new SqlError('22012', 'division by zero');
      },
    }),
  ],
  [/^copy t from stdin$/i, () => copyIn('text')],
  [/^copy t from stdin csv$/i, () => copyIn('csv')],
  [/^copy (\d+) to stdout$/i, ([, n = '']) => copyOut(Number(n))],
];

/** A factory that remembers its sessions. */
export class FakeFactory implements SessionFactory {
  readonly sessions: FakeSession[] = [];
  private readonly statements: FakeStatements;

  constructor(statements: FakeStatements = []) {
    this.statements = [...statements, ...standardStatements];
  }

  async connect(startup: StartupParameters, connection: ConnectionContext): Promise<SessionPort> {
    if (startup.user === 'nobody') throw new SqlError('28000', 'role "nobody" does not exist');
    const session = new FakeSession(startup, connection, this.statements);
    this.sessions.push(session);
    return session;
  }

  get last(): FakeSession {
    const session = this.sessions.at(-1);
    assert(session !== undefined, 'a session was opened');
    return session;
  }
}
