/** What a statement handler gets and gives. One handler per statement kind; statements/index.ts is the exhaustive table. */
import type { DataType } from '../../common/dataType.ts';
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { Ident, ObjectName } from '../../parser/ast/common.ts';
import type { Statement } from '../../parser/ast/statement.ts';
import type { Notice, QuerySink, ResultColumn } from '../../wire/port.ts';
import { requireRelation } from '../catalog.ts';
import type { Database, DdlOrigin } from '../database.ts';
import type { RelationObject } from '../objects.ts';
import type { Settings } from '../settings.ts';
import type { TransactionWrites } from '../transaction.ts';

/** The session as statements see it. */
export interface StatementContext {
  readonly database: Database;
  readonly settings: Settings;
  readonly user: string;
  /** Text of the statement, for error positions and SHOW CREATE. */
  readonly sql: string;
  searchPath(): readonly string[];
  readonly eval: EvalContext;
  /** Values of $1, $2 ...; empty for a simple query. */
  readonly parameters: readonly Value[];
  /** Types that the client gave for $1, $2 ..., null where open. */
  readonly parameterTypes: readonly (DataType | null)[];
  /** Writes of the running transaction (explicit or implicit). */
  readonly writes: TransactionWrites;
  /** Fails inside BEGIN ... COMMIT for statements that commit by themselves. */
  requireNoTransactionBlock(statement: string): void;
  /** 25006 in a read-only transaction. */
  requireWritable(statement: string): void;
  notice(notice: Notice): void;
  /** Rows of a relation of the system schemas, null when `id` is not one. */
  systemRows(id: number): Iterable<Row> | null;
  /** Text of a part of the statement. */
  textOf(node: { readonly span: { readonly start: number; readonly end: number } }): string;
  /** The client's end of COPY, null where there is none (recovery, embedded). */
  readonly sink: QuerySink | null;
  /** Throws 57014 when the client has cancelled. */
  checkCancelled(): void;
  readonly transactions: TransactionControl;
  readonly prepared: PreparedControl;
}

export interface TransactionControl {
  begin(modes: readonly string[]): void;
  commit(): Promise<'COMMIT' | 'ROLLBACK'>;
  rollback(): void;
  readonly inBlock: boolean;
  savepoint(name: string): void;
  release(name: string): void;
  rollbackTo(name: string): void;
}

export interface PreparedControl {
  prepare(name: string, sql: string, statement: Statement, types: readonly DataType[]): void;
  execute(name: string, args: readonly Value[]): Promise<StatementResult>;
  describe(name: string): PreparedShape;
  deallocate(name: string | null): void;
}

export interface PreparedShape {
  readonly parameterTypes: readonly DataType[];
  readonly columns: readonly ResultColumn[] | null;
}

export interface StatementResult {
  /** Null when the statement returns no rows. */
  readonly columns: readonly ResultColumn[] | null;
  readonly rows: readonly Row[];
  /** Command tag; for COPY already complete. */
  readonly tag: string;
}

export interface StatementShape {
  readonly parameterTypes: readonly DataType[];
  readonly columns: readonly ResultColumn[] | null;
}

export interface StatementHandler<S extends Statement> {
  /** Output columns and parameter types without running; absent: none. */
  readonly describe?: (statement: S, context: StatementContext) => StatementShape;
  readonly run: (statement: S, context: StatementContext) => StatementResult | Promise<StatementResult>;
  /** True when the statement only reads (allowed in a read-only transaction, no commit afterwards). */
  readonly readOnly?: boolean;
}

export function done(tag: string): StatementResult {
  return { columns: null, rows: [], tag };
}

/** Schema (null if unqualified) and name of an object; a database part must be ours. */
export function splitName(
  name: ObjectName,
  context: { readonly database: Database },
): { readonly schema: string | null; readonly name: string; readonly position: number } {
  const parts = name.parts.map((p: Ident) => p.name);
  const position = name.span.start;
  if (parts.length === 3 && parts[0] !== context.database.catalog.database) {
    throw new SqlError('0A000', `cross-database references are not implemented: "${parts.join('.')}"`, {
      position,
    });
  }
  if (parts.length > 3)
    throw new SqlError('42601', `improper qualified name (too many dotted names): ${parts.join('.')}`, {
      position,
    });
  return {
    schema: parts.length === 1 ? null : (parts[parts.length - 2] ?? null),
    name: parts[parts.length - 1] ?? '',
    position,
  };
}

/** The schema in which an unqualified CREATE makes its object. */
export function creationSchema(
  name: { readonly schema: string | null; readonly position: number },
  context: StatementContext,
): string {
  const { catalog } = context.database;
  if (name.schema !== null) {
    if (!catalog.hasSchema(name.schema)) {
      throw new SqlError('3F000', `schema "${name.schema}" does not exist`, { position: name.position });
    }
    if (catalog.isSystemSchema(name.schema)) {
      throw new SqlError('42501', `permission denied to create in schema "${name.schema}"`, {
        detail: 'System catalog modifications are currently disallowed.',
      });
    }
    return name.schema;
  }
  const schema = context.searchPath().find((s) => catalog.hasSchema(s) && !catalog.isSystemSchema(s));
  if (schema === undefined)
    throw new SqlError('3F000', 'no schema has been selected to create in', { position: name.position });
  return schema;
}

/** 42P07 unless the name is free; true when IF NOT EXISTS applies (a notice has been sent). */
export function nameTaken(
  schema: string,
  name: string,
  ifNotExists: boolean,
  context: StatementContext,
): boolean {
  const { catalog, jobs } = context.database;
  const existing = catalog.find(schema, name, []);
  if (existing === null) {
    const job = jobs.taking(schema, name);
    if (job === null) return false;
    throw new SqlError('42P07', `relation "${name}" is being created by job ${job.id}`, {
      hint: `Wait for it (WAIT), or cancel it: CANCEL JOBS ${job.id}.`,
    });
  }
  if (!ifNotExists) throw new SqlError('42P07', `relation "${name}" already exists`);
  context.notice({
    severity: 'NOTICE',
    state: '42P07',
    message: `relation "${name}" already exists, skipping`,
  });
  return true;
}

/** The statement with what its meaning depends on, for the journal and SHOW CREATE. */
export function originOf(context: StatementContext): DdlOrigin {
  const { sql, settings, user } = context;
  return { sql, searchPath: context.searchPath(), timeZone: settings.value('timezone'), user };
}

/** The relation that a statement names, or 42P01. */
export function namedRelation(name: ObjectName, context: StatementContext): RelationObject {
  const target = splitName(name, context);
  return requireRelation(
    context.database.catalog,
    target.schema,
    target.name,
    context.searchPath(),
    target.position,
  );
}
