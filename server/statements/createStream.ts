/**
 * CREATE SOURCE over a remote connector: a source whose rows the database keeps. Inside it is a table that only grows, without a
 * key, which users do not write to.
 */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { RemoteConnector } from '../../connector/remote.ts';
import type { CreateSource, CreateTable } from '../../parser/ast/statement.ts';
import { createDeadRelation } from '../deadLetters/deadRelation.ts';
import { checkChanges, checkRemote, declareRemote } from '../remote/declare.ts';
import { notePartitions } from '../remote/partitions.ts';
import { createLateRelation } from '../time/lateRelation.ts';
import { tableShape } from './columns.ts';
import { checkShape, makeTable } from './createTable.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementResult,
  splitName,
} from './statement.ts';

/** The statement as that of the table which keeps the rows. */
export function tableStatement(statement: CreateSource): CreateTable {
  const { temporary, ifNotExists, name, elements, include, options, format, span } = statement;
  return {
    kind: 'CreateTable',
    orReplace: false,
    temporary,
    ifNotExists,
    name,
    elements,
    appendOnly: true,
    onConflict: null,
    versionColumns: [],
    include,
    options,
    format,
    query: null,
    withData: true,
    fromSource: null,
    validation: null,
    engine: null,
    span,
  };
}

export async function createStream(
  statement: CreateSource,
  connector: RemoteConnector,
  context: StatementContext,
): Promise<StatementResult> {
  const position = statement.span.start;
  const { database } = context;
  const target = splitName(statement.name, context);
  const schema = creationSchema(target, context);
  const remote = declareRemote(statement, connector, false, context);
  const shape = tableShape(statement.elements, null, target.name, context, remote.include);
  if (shape.columns.length === remote.include.length) {
    throw new SqlError('42P16', `a source of connector ${connector.name} needs a column list`, { position });
  }
  if (shape.primaryKey.length > 0) {
    throw unsupported('PRIMARY KEY on a source', position, 'Use CREATE TABLE ... WITH (connector = ...).');
  }
  const table = tableStatement(statement);
  checkShape(table, shape);
  checkChanges(remote, [], false, position);
  if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done('CREATE SOURCE');
  const partitions = await checkRemote(remote, target.name, context);
  return database.exclusive(() => {
    if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done('CREATE SOURCE');
    const made = makeTable(table, shape, schema, target.name, context, null, remote, true);
    database.catalog.add(made);
    const rule = made.admission?.rule ?? null;
    if (rule !== null) createLateRelation(database, made, made.columns, rule.type, rule.options);
    if (made.source !== null) createDeadRelation(database, made, made.source.letters);
    database.journalDdl(originOf(context), made.id);
    notePartitions(database, made, partitions);
    return done('CREATE SOURCE');
  });
}
