/** CREATE SOURCE ... WITH (connector = 'postgres-cdc'): a database whose tables can be followed. It has no rows of its own. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import type { CreateSource } from '../../parser/ast/statement.ts';
import { printStatement } from '../../parser/print.ts';
import { Entry, type SourceObject } from '../objects.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { tableShape } from '../statements/columns.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementResult,
  splitName,
} from '../statements/statement.ts';
import { sourceAdmission } from '../time/declare.ts';
import { moveOn } from './applier.ts';
import { removeUpstream } from './cleanUp.ts';
import { cdcConfig, namedOptions, refuseClauses } from './declare.ts';
import { CdcRuntime } from './runtime.ts';
import { makeSlot } from './slot.ts';

const TAG = 'CREATE SOURCE';

function refuse(statement: CreateSource): void {
  const position = statement.span.start;
  if (statement.temporary) throw unsupported('CREATE TEMPORARY SOURCE', position);
  refuseClauses(statement);
  if (statement.elements.some((e) => e.kind !== 'TableWildcard')) {
    throw new SqlError('42P16', 'a postgres-cdc source has no columns', {
      position,
      hint: "Leave them out, and follow tables: CREATE TABLE t (*) FROM source TABLE 'schema.table'.",
    });
  }
  if (statement.options.some((o) => o.name === 'table.name')) {
    throw new SqlError('22023', 'option "table.name" is for CREATE TABLE', {
      position,
      hint: "Name tables by CREATE TABLE t (*) FROM source TABLE 'schema.table'.",
    });
  }
}

export async function createCdcSource(
  statement: CreateSource,
  context: StatementContext,
): Promise<StatementResult> {
  refuse(statement);
  const { database } = context;
  const target = splitName(statement.name, context);
  const schema = creationSchema(target, context);
  if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done(TAG);
  const options = namedOptions(statement, context);
  const sql = printStatement({ ...statement, elements: [], options });
  const runtime = new CdcRuntime(cdcConfig(optionValues(options, secretsFor(context)), [], context));
  const making = database.recovery === null ? database.cdc.orphans.making(runtime.options) : null;
  let lsn: string | null = null;
  let made = false;
  try {
    if (making !== null) {
      const connection = await UpstreamConnection.open(runtime.options);
      lsn = await makeSlot(connection, runtime.options, making).finally(() => connection.close());
    }
    await database.exclusive(() => {
      if (nameTaken(schema, target.name, statement.ifNotExists, context)) return;
      const object = sourceObject(schema, target.name, sql, runtime, context);
      database.catalog.add(object);
      made = true;
      database.journalDdl({ ...originOf(context), sql }, object.id);
      if (lsn !== null) moveOn(database, { id: object.id, runtime }, runtime.at(lsn), [], 0);
    });
  } finally {
    if (!made && lsn !== null) await removeUpstream(database, runtime.options, context);
    making?.end();
  }
  database.cdc.update();
  return done(TAG);
}

function sourceObject(
  schema: string,
  name: string,
  sql: string,
  runtime: CdcRuntime,
  context: StatementContext,
): SourceObject {
  const { database } = context;
  const origin = originOf(context);
  const id = database.catalog.allocateId();
  const shape = tableShape([], null, name, context);
  const entry = new Entry({
    id,
    kind: 'source',
    schema,
    name,
    columns: [],
    key: null,
    appendOnly: false,
    rows: () => 0,
  });
  return {
    kind: 'source',
    id,
    schema,
    name,
    owner: context.user,
    ...origin,
    sql,
    dependsOn: new Set(),
    columns: [],
    node: database.dataflow.add(null, `Source ${name}`, []),
    source: runtime,
    admission: sourceAdmission(database, shape, null, runtime, origin.timeZone),
    watermark: null,
    entry,
  };
}
