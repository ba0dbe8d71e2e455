/** Statements: a closed union by `kind`; families that only a few readers need live in files of their own. */
import type {
  Analyze,
  CancelJobs,
  CreateDatabase,
  DeleteMetaSnapshots,
  DescribeFragments,
  ExplainAnalyzeJob,
  Kill,
  LockTable,
  Refresh,
  SystemCommand,
  UseDatabase,
  Vacuum,
} from './admin.ts';
import type { Alter, AlterFragment, AlterSystem } from './alter.ts';
import type { Ident, Node, ObjectName, Option, TypeName } from './common.ts';
import type { CloseCursor, DeclareCursor, DeclareSubscriptionCursor, FetchCursor } from './cursor.ts';
import type { Backup, Checkpoint, DropBackup } from './durability.ts';
import type { Expr } from './expr.ts';
import type { AlterDefaultPrivileges, CreateUser, Grant, GrantRole } from './privilege.ts';
import type { Query, SelectItem, TableAlias, TableRef, WithClause } from './query.ts';
import type { CreateAggregate, CreateFunction } from './routine.ts';
import type { CreateConnection, CreateSecret, CreateSink, CreateSubscription } from './streaming.ts';
import type {
  AdvanceClock,
  AdvanceWatermark,
  ExplainWatermark,
  Inject,
  ReplayLateRows,
  ReprocessDeadLetters,
} from './time.ts';

export type Statement =
  | SelectStatement
  | Insert
  | Update
  | Delete
  | Truncate
  | Copy
  | CreateTable
  | CreateSource
  | CreateView
  | CreateMaterializedView
  | CreateIndex
  | CreateSchema
  | Drop
  | Comment
  | Explain
  | SetVariable
  | ResetVariable
  | ShowVariable
  | ShowObjects
  | ShowCreate
  | Describe
  | Transaction
  | Prepare
  | Execute
  | Deallocate
  | Discard
  | Flush
  | Wait
  | AdvanceClock
  | AdvanceWatermark
  | Inject
  | ExplainWatermark
  | ReplayLateRows
  | ReprocessDeadLetters
  | Checkpoint
  | Backup
  | DropBackup
  | LaterStatement;

/**
 * Statements that are parsed whole but not supported yet: they answer 0A000 with `constructOf` (parser/construct.ts). A
 * statement moves from this union to the one above as it comes to life.
 */
export type LaterStatement =
  | CreateSink
  | CreateSubscription
  | CreateConnection
  | CreateSecret
  | CreateFunction
  | CreateAggregate
  | CreateDatabase
  | CreateUser
  | Alter
  | AlterFragment
  | AlterSystem
  | AlterDefaultPrivileges
  | Grant
  | GrantRole
  | DeclareCursor
  | DeclareSubscriptionCursor
  | FetchCursor
  | CloseCursor
  | UseDatabase
  | Refresh
  | CancelJobs
  | Kill
  | SystemCommand
  | DeleteMetaSnapshots
  | Vacuum
  | Analyze
  | LockTable
  | DescribeFragments
  | ExplainAnalyzeJob;

export type StatementKind = Statement['kind'];
export type LaterKind = LaterStatement['kind'];

export interface SelectStatement extends Node {
  readonly kind: 'SelectStatement';
  readonly query: Query;
}

export interface Insert extends Node {
  readonly kind: 'Insert';
  readonly table: ObjectName;
  readonly alias: Ident | null;
  readonly columns: readonly Ident[];
  /** null: DEFAULT VALUES */
  readonly source: Query | null;
  readonly onConflict: OnConflict | null;
  readonly returning: readonly SelectItem[];
}

export interface OnConflict extends Node {
  readonly kind: 'OnConflict';
  /** Conflict target columns; empty when not given. */
  readonly target: readonly Ident[];
  readonly action:
    | { readonly kind: 'nothing' }
    | { readonly kind: 'update'; readonly assignments: readonly Assignment[]; readonly where: Expr | null };
}

/** `c = e`, `(a, b) = (e1, e2)`, `(a, b) = (SELECT ...)` */
export interface Assignment extends Node {
  readonly kind: 'Assignment';
  readonly columns: readonly Ident[];
  readonly values:
    | { readonly kind: 'exprs'; readonly exprs: readonly Expr[] }
    | { readonly kind: 'query'; readonly query: Query };
}

export interface Update extends Node {
  readonly kind: 'Update';
  readonly with: WithClause | null;
  readonly table: ObjectName;
  readonly alias: TableAlias | null;
  readonly assignments: readonly Assignment[];
  readonly from: readonly TableRef[];
  readonly where: Expr | null;
  readonly returning: readonly SelectItem[];
}

export interface Delete extends Node {
  readonly kind: 'Delete';
  readonly with: WithClause | null;
  readonly table: ObjectName;
  readonly alias: TableAlias | null;
  readonly using: readonly TableRef[];
  readonly where: Expr | null;
  readonly returning: readonly SelectItem[];
}

export interface Truncate extends Node {
  readonly kind: 'Truncate';
  readonly tables: readonly ObjectName[];
  readonly cascade: boolean;
}

export interface Copy extends Node {
  readonly kind: 'Copy';
  readonly direction: 'from' | 'to';
  readonly source:
    | { readonly kind: 'table'; readonly table: ObjectName; readonly columns: readonly Ident[] }
    | { readonly kind: 'query'; readonly query: Query };
  readonly endpoint:
    | { readonly kind: 'stdin' }
    | { readonly kind: 'stdout' }
    | { readonly kind: 'file'; readonly path: string };
  /** Both option syntaxes normalised: `format`, `delimiter`, `null`, `header`, `quote`, `escape`, `force_quote` ... */
  readonly options: readonly Option[];
}

export interface ColumnDefinition extends Node {
  readonly kind: 'ColumnDefinition';
  readonly name: Ident;
  /** null only for a generated column without a written type. */
  readonly type: TypeName | null;
  readonly collation: ObjectName | null;
  /** true NOT NULL, false NULL, null unsaid */
  readonly notNull: boolean | null;
  readonly primaryKey: boolean;
  readonly unique: boolean;
  readonly default: Expr | null;
  /** `AS expr` or `GENERATED ALWAYS AS (expr) STORED` */
  readonly generated: Expr | null;
  /** CHECK, REFERENCES: named so that the server can refuse them by name. */
  readonly otherConstraints: readonly string[];
}

export type TableElement =
  | ColumnDefinition
  | (Node & { readonly kind: 'TableWildcard' })
  | (Node & { readonly kind: 'PrimaryKey'; readonly columns: readonly Ident[]; readonly name: Ident | null })
  | (Node & {
      readonly kind: 'Watermark';
      readonly column: Ident;
      readonly expr: Expr;
      readonly withTtl: boolean;
    })
  | (Node & { readonly kind: 'OtherConstraint'; readonly construct: string });

export interface FormatEncode extends Node {
  readonly kind: 'FormatEncode';
  /** Upper case: PLAIN, UPSERT, DEBEZIUM ... */
  readonly format: string;
  readonly encode: string;
  readonly options: readonly Option[];
  readonly keyEncode: string | null;
}

export interface IncludeColumn extends Node {
  readonly kind: 'IncludeColumn';
  readonly field: string;
  readonly key: string | null;
  readonly type: TypeName | null;
  readonly alias: Ident | null;
}

/** VALIDATE [SECRET name] AS expression: which requests a webhook takes. */
export interface Validation extends Node {
  readonly kind: 'Validation';
  /** Its value is a secret; null: the expression uses none. */
  readonly secret: Option | null;
  readonly expr: Expr;
}

export interface CreateTable extends Node {
  readonly kind: 'CreateTable';
  readonly orReplace: boolean;
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly elements: readonly TableElement[];
  readonly appendOnly: boolean;
  readonly onConflict: 'overwrite' | 'do nothing' | 'do update if not null' | 'do error' | null;
  readonly versionColumns: readonly Ident[];
  readonly include: readonly IncludeColumn[];
  readonly options: readonly Option[];
  readonly format: FormatEncode | null;
  /** CREATE TABLE ... AS query */
  readonly query: Query | null;
  /** AS query WITH NO DATA gives false. */
  readonly withData: boolean;
  /** FROM source TABLE 'x' */
  readonly fromSource: { readonly source: ObjectName; readonly table: string } | null;
  readonly validation: Validation | null;
  readonly engine: string | null;
}

export interface CreateSource extends Node {
  readonly kind: 'CreateSource';
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly elements: readonly TableElement[];
  readonly include: readonly IncludeColumn[];
  readonly options: readonly Option[];
  readonly format: FormatEncode | null;
}

export interface CreateView extends Node {
  readonly kind: 'CreateView';
  readonly orReplace: boolean;
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly columns: readonly Ident[];
  readonly query: Query;
}

export interface CreateMaterializedView extends Node {
  readonly kind: 'CreateMaterializedView';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly columns: readonly Ident[];
  readonly options: readonly Option[];
  readonly query: Query;
  readonly withData: boolean;
  readonly emit: EmitClause | null;
}

/** EMIT ON WINDOW CLOSE [ALLOWED LATENESS e] | IMMEDIATELY | WITH DELAY e | EVERY e */
export interface EmitClause extends Node {
  readonly kind: 'EmitClause';
  readonly mode: 'on window close' | 'immediately' | 'with delay' | 'every';
  readonly interval: Expr | null;
}

export interface CreateIndex extends Node {
  readonly kind: 'CreateIndex';
  readonly unique: boolean;
  readonly concurrently: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName | null;
  readonly relation: ObjectName;
  readonly method: string | null;
  readonly keys: readonly {
    readonly expr: Expr;
    readonly direction: 'asc' | 'desc';
    readonly nulls: 'first' | 'last' | null;
  }[];
  readonly include: readonly Ident[];
  readonly distributedBy: readonly Expr[];
  readonly options: readonly Option[];
  readonly where: Expr | null;
}

export interface CreateSchema extends Node {
  readonly kind: 'CreateSchema';
  readonly ifNotExists: boolean;
  readonly name: Ident;
}

export type ObjectKind =
  | 'table'
  | 'source'
  | 'view'
  | 'materialized view'
  | 'index'
  | 'sink'
  | 'subscription'
  | 'connection'
  | 'secret'
  | 'function'
  | 'aggregate'
  | 'schema'
  | 'database'
  | 'user';

export interface Drop extends Node {
  readonly kind: 'Drop';
  readonly object: ObjectKind;
  readonly ifExists: boolean;
  readonly names: readonly ObjectName[];
  /** DROP FUNCTION f(int, text): argument types, else null. */
  readonly argumentTypes: readonly TypeName[] | null;
  readonly behavior: 'cascade' | 'restrict';
}

export interface Comment extends Node {
  readonly kind: 'Comment';
  readonly object:
    | 'table'
    | 'view'
    | 'materialized view'
    | 'source'
    | 'column'
    | 'index'
    | 'schema'
    | 'database'
    | 'secret'
    | 'function'
    | 'aggregate';
  /** COMMENT ON FUNCTION f(int): argument types, else null. */
  readonly argumentTypes: readonly TypeName[] | null;
  /** For a column: relation's name with the column as last part. */
  readonly name: ObjectName;
  readonly text: string | null;
}

export interface Explain extends Node {
  readonly kind: 'Explain';
  /** `analyze`, `verbose`, `format` ...: lower case, value lower case or null. */
  readonly options: readonly { readonly name: string; readonly value: string | null }[];
  readonly statement: Statement;
}

export interface SetVariable extends Node {
  readonly kind: 'SetVariable';
  readonly scope: 'session' | 'local';
  /** Lower case, dotted; SET TIME ZONE is `timezone`, SET TRANSACTION is `transaction`. */
  readonly name: string;
  /** null: DEFAULT. Words, numbers and strings as text. */
  readonly values: readonly string[] | null;
}

export interface ResetVariable extends Node {
  readonly kind: 'ResetVariable';
  /** null: ALL */
  readonly name: string | null;
}

export interface ShowVariable extends Node {
  readonly kind: 'ShowVariable';
  /** null: ALL */
  readonly name: string | null;
}

export interface ShowObjects extends Node {
  readonly kind: 'ShowObjects';
  readonly object:
    | 'tables'
    | 'internal tables'
    | 'views'
    | 'materialized views'
    | 'sources'
    | 'sinks'
    | 'subscriptions'
    | 'connections'
    | 'secrets'
    | 'functions'
    | 'databases'
    | 'schemas'
    | 'indexes'
    | 'columns'
    | 'jobs'
    | 'backups'
    | 'recovery'
    | 'cluster'
    | 'processlist'
    | 'parameters'
    | 'cursors'
    | 'subscription cursors';
  /** FROM schema, or FROM relation for columns and indexes. */
  readonly from: ObjectName | null;
  readonly filter: { readonly operator: 'like' | 'ilike'; readonly pattern: string } | null;
}

export interface ShowCreate extends Node {
  readonly kind: 'ShowCreate';
  readonly object:
    | 'table'
    | 'source'
    | 'view'
    | 'materialized view'
    | 'index'
    | 'sink'
    | 'subscription'
    | 'function';
  readonly name: ObjectName;
}

export interface Describe extends Node {
  readonly kind: 'Describe';
  readonly name: ObjectName;
}

export interface Transaction extends Node {
  readonly kind: 'Transaction';
  readonly action: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback to';
  /** Savepoint name. */
  readonly name: Ident | null;
  /** `read only`, `isolation level serializable` ... */
  readonly modes: readonly string[];
  readonly chain: boolean;
}

export interface Prepare extends Node {
  readonly kind: 'Prepare';
  readonly name: Ident;
  readonly types: readonly TypeName[];
  readonly statement: Statement;
}

export interface Execute extends Node {
  readonly kind: 'Execute';
  readonly name: Ident;
  readonly arguments: readonly Expr[];
}

export interface Deallocate extends Node {
  readonly kind: 'Deallocate';
  /** null: ALL */
  readonly name: Ident | null;
}

export interface Discard extends Node {
  readonly kind: 'Discard';
  readonly target: 'all' | 'plans' | 'sequences' | 'temp';
}

export interface Flush extends Node {
  readonly kind: 'Flush';
}

/** WAIT [TABLE | MATERIALIZED VIEW | SINK | INDEX name] */
export interface Wait extends Node {
  readonly kind: 'Wait';
  readonly object: ObjectKind | null;
  readonly name: ObjectName | null;
}
