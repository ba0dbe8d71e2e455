/** How statements that are not supported yet are called in messages. */
import { assert } from '../common/assert.ts';
import type { LaterKind, LaterStatement, Statement } from './ast/statement.ts';

const constructs: { readonly [K in LaterKind]: string } = {
  CreateSink: 'CREATE SINK',
  CreateSubscription: 'CREATE SUBSCRIPTION',
  CreateConnection: 'CREATE CONNECTION',
  CreateSecret: 'CREATE SECRET',
  CreateFunction: 'CREATE FUNCTION',
  CreateAggregate: 'CREATE AGGREGATE',
  CreateDatabase: 'CREATE DATABASE',
  CreateUser: 'CREATE USER',
  Alter: 'ALTER',
  AlterFragment: 'ALTER FRAGMENT',
  AlterSystem: 'ALTER SYSTEM',
  AlterDefaultPrivileges: 'ALTER DEFAULT PRIVILEGES',
  Grant: 'GRANT',
  GrantRole: 'GRANT',
  DeclareCursor: 'DECLARE CURSOR',
  DeclareSubscriptionCursor: 'DECLARE SUBSCRIPTION CURSOR',
  FetchCursor: 'FETCH',
  CloseCursor: 'CLOSE',
  UseDatabase: 'USE',
  Refresh: 'REFRESH',
  CancelJobs: 'CANCEL JOBS',
  Kill: 'KILL',
  SystemCommand: 'RECOVER',
  DeleteMetaSnapshots: 'DELETE META SNAPSHOTS',
  Vacuum: 'VACUUM',
  Analyze: 'ANALYZE',
  LockTable: 'LOCK TABLE',
  DescribeFragments: 'DESCRIBE FRAGMENTS',
  ExplainAnalyzeJob: 'EXPLAIN ANALYZE of a job',
};

/** The statement is one that no part but the parser knows yet. */
export function isLaterStatement(statement: Statement): statement is LaterStatement {
  return Object.hasOwn(constructs, statement.kind);
}

/** Such as `CREATE SINK`, `ALTER TABLE`, `REVOKE`. */
export function constructOf(statement: LaterStatement): string {
  switch (statement.kind) {
    case 'Alter':
      return `ALTER ${statement.object.toUpperCase()}`;
    case 'Grant':
    case 'GrantRole':
      return statement.revoke ? 'REVOKE' : 'GRANT';
    case 'CreateSink':
      return statement.replace ? 'REPLACE SINK' : 'CREATE SINK';
    case 'FetchCursor':
      return statement.move ? 'MOVE' : 'FETCH';
    case 'Refresh':
      return `REFRESH ${statement.object.toUpperCase()}`;
    case 'SystemCommand':
      return statement.command.toUpperCase();
    default: {
      const construct = constructs[statement.kind];
      assert(construct !== undefined, 'every kind has a name');
      return construct;
    }
  }
}
