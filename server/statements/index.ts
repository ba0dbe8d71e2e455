/** Which handler runs a statement: one entry a kind. */
import { unsupported } from '../../common/sqlError.ts';
import type { Alter } from '../../parser/ast/alter.ts';
import type { Statement, StatementKind } from '../../parser/ast/statement.ts';
import { alterSecret, createSecret } from '../secrets/statements.ts';
import { withSecrets } from '../secrets/withSecrets.ts';
import { advanceClock, advanceWatermark } from './advance.ts';
import { alter } from './alter.ts';
import { alterFunction } from './alterFunction.ts';
import { comment } from './comment.ts';
import { copy } from './copy.ts';
import { createAggregate, createFunction } from './createFunction.ts';
import { createIndex } from './createIndex.ts';
import { createSink } from './createSink.ts';
import { createSource } from './createSource.ts';
import { createTable } from './createTable.ts';
import { createMaterializedView, createView } from './createView.ts';
import { deleteRows, insert, truncate, update } from './dml.ts';
import { drop } from './drop.ts';
import { backup, checkpoint, dropBackup } from './durability.ts';
import { explain } from './explain.ts';
import { explainWatermark } from './explainWatermark.ts';
import { flush, wait } from './flush.ts';
import { inject } from './inject.ts';
import { cancelJobs } from './jobs.ts';
import { deallocate, discard, execute, prepare } from './prepare.ts';
import { replayLateRows } from './replayLateRows.ts';
import { reprocessDeadLetters } from './reprocessDeadLetters.ts';

import { createSchema } from './schema.ts';
import { select } from './select.ts';
import { resetVariable, setVariable, showVariable } from './set.ts';
import { describe, showCreate, showObjects } from './show.ts';
import { done, type StatementHandler } from './statement.ts';
import { transaction } from './transaction.ts';

type StatementOf<K extends StatementKind> = Extract<Statement, { readonly kind: K }>;
type Handlers = { readonly [K in StatementKind]: StatementHandler<StatementOf<K>> };

/** A statement that is parsed but not supported yet: 0A000 with its name. */
function later<S extends Statement>(name: string | ((statement: S) => string)): StatementHandler<S> {
  const refuse = (statement: S): never => {
    throw unsupported(typeof name === 'string' ? name : name(statement), statement.span.start);
  };
  return { describe: refuse, run: refuse };
}

function alterOf({ object }: Alter): StatementHandler<Alter> {
  if (object === 'secret') return alterSecret;
  return object === 'function' || object === 'aggregate' ? alterFunction : alter;
}

const handlers: Handlers = {
  SelectStatement: select,
  Insert: insert,
  Update: update,
  Delete: deleteRows,
  Truncate: truncate,
  Copy: copy,
  CreateTable: withSecrets(createTable),
  CreateSource: withSecrets(createSource),
  CreateView: createView,
  CreateMaterializedView: createMaterializedView,
  CreateIndex: createIndex,
  CreateSchema: createSchema,
  Drop: drop,
  Comment: comment,
  Explain: explain,
  SetVariable: setVariable,
  ResetVariable: resetVariable,
  ShowVariable: showVariable,
  ShowObjects: showObjects,
  ShowCreate: showCreate,
  Describe: describe,
  Transaction: transaction,
  Prepare: prepare,
  Execute: execute,
  Deallocate: deallocate,
  Discard: discard,
  Flush: flush,
  Wait: wait,
  // Statistics are kept as rows come and go.
  Analyze: { readOnly: true, run: () => done('ANALYZE') },
  AdvanceClock: advanceClock,
  AdvanceWatermark: advanceWatermark,
  Inject: inject,
  ExplainWatermark: explainWatermark,
  ReplayLateRows: replayLateRows,
  ReprocessDeadLetters: reprocessDeadLetters,
  Checkpoint: checkpoint,
  Backup: backup,
  DropBackup: dropBackup,
  CreateSink: withSecrets(createSink),
  CreateSubscription: later('CREATE SUBSCRIPTION'),
  CreateConnection: later('CREATE CONNECTION'),
  CreateSecret: createSecret,
  CreateFunction: createFunction,
  CreateAggregate: createAggregate,
  CreateDatabase: later('CREATE DATABASE'),
  CreateUser: later('CREATE USER'),
  Alter: withSecrets({ run: (statement, context) => alterOf(statement).run(statement, context) }),
  AlterFragment: later('ALTER FRAGMENT'),
  AlterSystem: later('ALTER SYSTEM'),
  AlterDefaultPrivileges: later('ALTER DEFAULT PRIVILEGES'),
  Grant: later('GRANT and REVOKE'),
  GrantRole: later('GRANT and REVOKE of roles'),
  DeclareCursor: later('DECLARE CURSOR'),
  DeclareSubscriptionCursor: later('DECLARE SUBSCRIPTION CURSOR'),
  FetchCursor: later('FETCH'),
  CloseCursor: later('CLOSE'),
  UseDatabase: later('USE'),
  Refresh: later('REFRESH'),
  CancelJobs: cancelJobs,
  Kill: later('KILL'),
  SystemCommand: later((s) => s.command.toUpperCase()),
  DeleteMetaSnapshots: later('DELETE META SNAPSHOTS'),
  Vacuum: later('VACUUM'),
  LockTable: later('LOCK TABLE'),
  DescribeFragments: later('DESCRIBE FRAGMENTS'),
  ExplainAnalyzeJob: later('EXPLAIN ANALYZE of a job'),
};

/** The handler of a statement. */
export function handlerFor(statement: Statement): StatementHandler<Statement> {
  // TypeScript does not relate statement.kind to handlers[statement.kind].
  return handlers[statement.kind] as unknown as StatementHandler<Statement>;
}

const definitions: ReadonlySet<StatementKind> = new Set<StatementKind>([
  'CreateTable',
  'CreateSource',
  'CreateView',
  'CreateMaterializedView',
  'CreateIndex',
  'CreateSink',
  'CreateSchema',
  'CreateSecret',
  'CreateFunction',
  'CreateAggregate',
  'Drop',
  'Comment',
  'Alter',
  // It is to hold what the statements before it in the same string have done.
  'Backup',
]);

/** Statements that change the catalog, or copy everything: they commit by themselves. */
export function isDefinition(statement: Statement): boolean {
  return definitions.has(statement.kind);
}
