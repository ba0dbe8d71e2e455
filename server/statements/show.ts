/** SHOW TABLES and the like, SHOW CREATE, DESCRIBE, SHOW COLUMNS / INDEXES. */

import { types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Row } from '../../common/value.ts';
import { compileInsensitiveLike, compileLike } from '../../executor/functions/support/likePattern.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { Describe, ShowCreate, ShowObjects } from '../../parser/ast/statement.ts';
import { requireRelation } from '../catalog.ts';
import type { CatalogObject, RelationObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { shownSql } from '../secrets/shownSql.ts';
import { backupFields, recoveryFields } from '../system/durabilityCatalog.ts';
import { declaredText } from '../udf/routineText.ts';
import { jobRows } from './jobs.ts';
import {
  type StatementContext,
  type StatementHandler,
  type StatementResult,
  splitName,
} from './statement.ts';

const text = (...names: readonly string[]) => names.map((name) => ({ name, type: types.text }));

const listed: Readonly<Partial<Record<ShowObjects['object'], CatalogObject['kind']>>> = {
  tables: 'table',
  sources: 'source',
  views: 'view',
  'materialized views': 'materialized view',
  sinks: 'sink',
};

/** Kinds of object that do not exist here yet: their lists are empty. */
const absent: readonly ShowObjects['object'][] = [
  'internal tables',
  'subscriptions',
  'connections',
  'cursors',
  'subscription cursors',
];

const backupsColumns = [
  { name: 'Name', type: types.text },
  { name: 'Taken At', type: types.timestamptz },
  { name: 'Bytes', type: types.int8 },
  { name: 'Version', type: types.int8 },
  { name: 'Error', type: types.text },
];

const recoveryColumns = [
  { name: 'Phase', type: types.text },
  { name: 'Progress', type: types.float8 },
  { name: 'Checkpoint', type: types.int8 },
  { name: 'Checkpoint Age', type: types.interval },
  { name: 'Restore Time', type: types.interval },
  { name: 'Replay Time', type: types.interval },
  { name: 'Records Replayed', type: types.int8 },
  { name: 'Views Rebuilt', type: types.int8 },
];

function recoveryRows({ database }: StatementContext): Row[] {
  return [...recoveryFields(database)].map((f) => [
    f.phase ?? null,
    f.progress ?? null,
    f.checkpoint ?? null,
    f.checkpoint_age ?? null,
    f.restore_time ?? null,
    f.replay_time ?? null,
    f.records_replayed ?? null,
    BigInt(database.durability?.recovery.rebuilt.length ?? 0),
  ]);
}

function backupRows({ database }: StatementContext): Row[] {
  return [...backupFields(database)].map((f) => [
    f.name ?? null,
    f.taken_at ?? null,
    f.bytes ?? null,
    f.version ?? null,
    f.error ?? null,
  ]);
}

const columnsColumns = text('Name', 'Type', 'Is Hidden', 'Description');

function columnRows(relation: RelationObject, context: StatementContext): Row[] {
  return relation.columns.map((c, i) => [
    c.name,
    formatType(c.type),
    c.hidden === true ? 'true' : 'false',
    context.database.catalog.comment(relation.id, i + 1),
  ]);
}

function relationOf(name: ObjectName, context: StatementContext): RelationObject {
  const target = splitName(name, context);
  return requireRelation(
    context.database.catalog,
    target.schema,
    target.name,
    context.searchPath(),
    target.position,
  );
}

function indexRows(relation: RelationObject, context: StatementContext): Row[] {
  return context.database.catalog
    .dependents(relation.id)
    .flatMap((o) => (o.kind === 'index' ? [o] : []))
    .map((o) => [
      o.name,
      relation.name,
      o.entry.columns
        .map((c, i) => `${relation.columns[c]?.name} ${o.entry.descending[i] === true ? 'DESC' : 'ASC'}`)
        .join(', '),
      o.include.map((c) => relation.columns[c]?.name).join(', '),
    ]);
}

function showColumns(statement: ShowObjects) {
  switch (statement.object) {
    case 'columns':
      return columnsColumns;
    case 'indexes':
      return text('Name', 'On', 'Key', 'Include');
    case 'parameters':
      return text('Name', 'Value');
    case 'processlist':
      return text('Id', 'User', 'Database', 'Info');
    case 'jobs':
      return text('Id', 'Statement', 'Create Type', 'Progress');
    case 'backups':
      return backupsColumns;
    case 'recovery':
      return recoveryColumns;
    case 'cluster':
      return text('Id', 'Addr', 'State');
    case 'functions':
      return text('Name', 'Arguments', 'Return Type', 'Language');
    default:
      return text('Name');
  }
}

function rowsOf(statement: ShowObjects, context: StatementContext): Row[] {
  const { catalog } = context.database;
  const kind = listed[statement.object];
  if (kind !== undefined) {
    const schemas =
      statement.from === null ? context.searchPath() : [statement.from.parts.map((p) => p.name).join('.')];
    for (const s of schemas) {
      if (statement.from !== null && !catalog.hasSchema(s))
        throw new SqlError('3F000', `schema "${s}" does not exist`);
    }
    return schemas
      .flatMap((s) => catalog.objectsOf(s).filter((o) => shownKind(o) === kind))
      .map((o) => [o.name]);
  }
  if (absent.includes(statement.object)) return [];
  const from = statement.from?.parts.map((p) => p.name).join('.') ?? null;
  const inScope = (schema: string): boolean =>
    from === null ? context.searchPath().includes(schema) : schema === from;
  switch (statement.object) {
    case 'jobs':
      return jobRows(context.database);
    case 'backups':
      return backupRows(context);
    case 'recovery':
      return recoveryRows(context);
    case 'databases':
      return [[catalog.database]];
    case 'schemas':
      return catalog.schemas().map((s) => [s.name]);
    case 'columns':
      return statement.from === null ? [] : columnRows(relationOf(statement.from, context), context);
    case 'indexes':
      return statement.from === null ? [] : indexRows(relationOf(statement.from, context), context);
    case 'parameters':
      return context.settings.all().map((s) => [s.name, s.value]);
    case 'secrets':
      return context.database.secrets
        .list()
        .filter((s) => inScope(s.schema))
        .map((s) => [s.name]);
    case 'functions':
      return context.database.functions
        .list()
        .filter((r) => inScope(r.schema))
        .map((r) => [
          r.name,
          declaredText(r.fn.user.declared, false),
          r.fn.user.resultText,
          r.fn.user.language,
        ]);
    default:
      throw unsupported(`SHOW ${statement.object.toUpperCase()}`, statement.span.start);
  }
}

export const showObjects: StatementHandler<ShowObjects> = {
  readOnly: true,
  describe: (statement) => ({ parameterTypes: [], columns: showColumns(statement) }),
  run(statement, context): StatementResult {
    let rows = rowsOf(statement, context);
    if (statement.filter !== null) {
      const compile = statement.filter.operator === 'ilike' ? compileInsensitiveLike : compileLike;
      const matches = compile(statement.filter.pattern);
      rows = rows.filter((row) => matches(String(row[0])));
    }
    rows.sort((a, b) => (statement.object === 'columns' ? 0 : String(a[0]) < String(b[0]) ? -1 : 1));
    return { columns: showColumns(statement), rows, tag: 'SHOW' };
  },
};

function showRoutine(
  { schema, name, position }: ReturnType<typeof splitName>,
  context: StatementContext,
): StatementResult {
  const found = context.database.functions.named(schema, name, context.searchPath());
  if (found.length === 0) throw new SqlError('42883', `function "${name}" does not exist`, { position });
  const rows = found.map((r): Row => [`${r.schema}.${r.name}`, r.sql]);
  return { columns: text('Name', 'Create Sql'), rows, tag: 'SHOW' };
}

export const showCreate: StatementHandler<ShowCreate> = {
  readOnly: true,
  describe: () => ({ parameterTypes: [], columns: text('Name', 'Create Sql') }),
  run(statement, context) {
    const target = splitName(statement.name, context);
    if (statement.object === 'function') return showRoutine(target, context);
    const object = context.database.catalog.find(target.schema, target.name, context.searchPath());
    if (object === null || shownKind(object) !== statement.object) {
      throw new SqlError('42P01', `${statement.object} "${target.name}" does not exist`, {
        position: target.position,
      });
    }
    return {
      columns: text('Name', 'Create Sql'),
      rows: [[`${object.schema}.${object.name}`, shownSql(object.sql)]],
      tag: 'SHOW',
    };
  },
};

export const describe: StatementHandler<Describe> = {
  readOnly: true,
  describe: () => ({ parameterTypes: [], columns: columnsColumns }),
  run(statement, context) {
    const relation = relationOf(statement.name, context);
    const rows = columnRows(relation, context);
    const key = relation.entry.key?.map((k) => relation.columns[k]?.name).join(', ');
    rows.push(['primary key', key ?? '', null, null]);
    for (const [name, , columns] of indexRows(relation, context))
      rows.push([String(name), `index(${String(columns)})`, null, null]);
    rows.push(['table description', relation.name, null, context.database.catalog.comment(relation.id)]);
    return { columns: columnsColumns, rows, tag: 'DESCRIBE' };
  },
};
