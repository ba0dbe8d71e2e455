/** rw_catalog: the catalog relations of RisingWave that have a meaning here, so that scripts written for it find them. */

import { parseJsonb } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { formatType, oidOf, typeLength, typeTable } from '../../common/typeTable.ts';
import { type CatalogObject, isRelation, shownKind } from '../objects.ts';
import { shownSql } from '../secrets/shownSql.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import { fedObjects } from './millraceCatalog.ts';
import { shownOptions } from './sourceCatalog.ts';
import { DATABASE_OID, roleOid, type SystemView } from './systemView.ts';

const OBJECT = 'id int4!, name varchar!, schema_id int4!, owner int4!, definition varchar!';
const ACL = 'acl varchar[]';

export const rwColumns: ColumnSpecs = {
  rw_tables: { id: 12500, kind: 'r', columns: `${OBJECT}, append_only bool!, ${ACL}` },
  rw_views: { id: 12501, kind: 'r', columns: `${OBJECT}, ${ACL}` },
  rw_materialized_views: {
    id: 12502,
    kind: 'r',
    columns: `${OBJECT}, schema_name varchar!, append_only bool!, ${ACL}, background_ddl bool!`,
  },
  rw_sources: {
    id: 12503,
    kind: 'r',
    columns: `${OBJECT}, connector varchar!, columns varchar[]!, format varchar, row_encode varchar, append_only bool!, associated_table_id int4, connection_id int4, ${ACL}, is_shared bool!, connector_props jsonb!`,
  },
  rw_indexes: {
    id: 12504,
    kind: 'r',
    columns: `${OBJECT}, primary_table_id int4!, key_columns int2[]!, include_columns int2[]!, ${ACL}`,
  },
  rw_schemas: { id: 12505, kind: 'r', columns: `id int4!, name varchar!, owner int4!, ${ACL}` },
  rw_columns: {
    id: 12506,
    kind: 'r',
    columns:
      'relation_id int4!, name varchar!, position int4!, is_hidden bool!, is_primary_key bool!, is_distribution_key bool!, is_generated bool!, is_nullable bool!, generation_expression varchar, data_type varchar!, type_oid int4!, type_len int2!',
  },
  rw_relations: {
    id: 12507,
    kind: 'v',
    columns: `id int4!, name varchar!, relation_type varchar!, schema_id int4!, owner int4!, definition varchar!, ${ACL}`,
  },
  rw_relation_info: {
    id: 12508,
    kind: 'r',
    columns:
      'schemaname varchar!, relationname varchar!, relationowner int4!, definition varchar!, relationtype varchar!, relationid int4!',
  },
  rw_databases: { id: 12509, kind: 'r', columns: `id int4!, name varchar!, owner int4!, ${ACL}` },
  rw_users: {
    id: 12510,
    kind: 'r',
    columns: 'id int4!, name varchar!, is_super bool!, create_db bool!, create_user bool!, can_login bool!',
  },
  rw_system_tables: {
    id: 12511,
    kind: 'r',
    columns: `id int4!, name varchar!, schema_id int4!, owner int4!, definition varchar, ${ACL}`,
  },
  rw_depend: { id: 12512, kind: 'r', columns: 'objid int4!, refobjid int4!' },
  rw_description: {
    id: 12513,
    kind: 'r',
    columns: 'objoid int4!, classoid int4!, objsubid int4, description varchar!',
  },
  rw_types: { id: 12514, kind: 'r', columns: 'id int4!, name varchar!, input_oid varchar!, typelem int4!' },
  rw_table_stats: {
    id: 12515,
    kind: 'r',
    columns: 'id int4!, total_key_count int8!, total_key_size int8!, total_value_size int8!',
  },
  rw_streaming_jobs: { id: 12516, kind: 'r', columns: 'job_id int4!, name varchar!, status varchar!' },
  rw_ddl_progress: {
    id: 12517,
    kind: 'r',
    columns: 'ddl_id int8!, ddl_statement varchar!, progress varchar!',
  },
  rw_sinks: { id: 12518, kind: 'r', columns: `${OBJECT}, connector varchar!, ${ACL}` },
  rw_subscriptions: { id: 12519, kind: 'r', columns: `${OBJECT}, ${ACL}` },
  rw_connections: {
    id: 12520,
    kind: 'r',
    columns: `id int4!, name varchar!, schema_id int4!, owner int4!, ${ACL}`,
  },
  rw_functions: {
    id: 12521,
    kind: 'r',
    columns: `id int4!, name varchar!, schema_id int4!, owner int4!, ${ACL}`,
  },
  rw_secrets: {
    id: 12522,
    kind: 'r',
    columns: `id int4!, schema_id int4!, name varchar!, owner int4!, ${ACL}`,
  },
};

/** Owner ids: int4 here, so the higher role oids wrap. */
function owner(name: string): number {
  return roleOid(name) | 0;
}

function objectRow(view: SystemView, object: CatalogObject): Fields {
  return {
    id: object.id,
    name: object.name,
    schema_id: view.schemaOid(object.schema),
    owner: owner(object.owner),
    definition: shownSql(object.sql),
  };
}

function* ofKind<K extends CatalogObject['kind']>(
  view: SystemView,
  kind: K,
  more: (object: Extract<CatalogObject, { kind: K }>) => Fields,
): Generator<Fields> {
  const isKind = (o: CatalogObject): o is Extract<CatalogObject, { kind: K }> =>
    o.kind === kind && shownKind(o) === kind;
  for (const object of view.database.catalog.objects()) {
    if (isKind(object)) yield { ...objectRow(view, object), ...more(object) };
  }
}

function* columns(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    if (!isRelation(object)) continue;
    const { key } = object.entry;
    for (const [i, column] of object.columns.entries()) {
      const isKey = key?.includes(i) === true;
      yield {
        relation_id: object.id,
        name: column.name,
        position: i + 1,
        is_hidden: column.hidden === true,
        is_primary_key: isKey,
        is_distribution_key: isKey,
        is_generated: 'generated' in column && column.generated !== null,
        is_nullable: column.nullable,
        data_type: formatType(column.type),
        type_oid: oidOf(column.type),
        type_len: typeLength(column.type),
      };
    }
  }
}

function* relations(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    yield { ...objectRow(view, object), relation_type: shownKind(object) };
  }
}

function* relationInfo(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    yield {
      schemaname: object.schema,
      relationname: object.name,
      relationowner: owner(object.owner),
      definition: shownSql(object.sql),
      relationtype: shownKind(object).toUpperCase(),
      relationid: object.id,
    };
  }
}

function* systemTables(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    if (r.object !== null) continue;
    yield { id: r.oid, name: r.name, schema_id: view.schemaOid(r.schema), owner: owner('root') };
  }
}

function* dependencies(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    for (const id of object.dependsOn) yield { objid: object.id, refobjid: id };
  }
}

function* types(): Generator<Fields> {
  for (const { oid, name } of Object.values(typeTable)) yield { id: oid, name, input_oid: `${name}in` };
}

function* tableStatistics(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    if (object.kind !== 'table' && object.kind !== 'materialized view') continue;
    yield {
      id: object.id,
      total_key_count: BigInt(object.entry.rowCount()),
      total_value_size: BigInt(object.store.bytes()),
    };
  }
}

/** Sources, whether their rows are kept or read again. */
function* sources(view: SystemView): Generator<Fields> {
  for (const { object, source } of fedObjects(view)) {
    if (shownKind(object) !== 'source' || !isRelation(object)) continue;
    yield {
      ...objectRow(view, object),
      connector: source.connector.name,
      columns: new SqlArray(object.columns.filter((c) => c.hidden !== true).map((c) => c.name)),
      format: source.config.format,
      row_encode: source.config.encode,
      append_only: source.connector.appendOnly,
      connector_props: parseJsonb(JSON.stringify(Object.fromEntries(shownOptions(view, object, source)))),
    };
  }
}

export const rwCatalog: RowSources = {
  rw_tables: (view) => ofKind(view, 'table', (t) => ({ append_only: t.appendOnly })),
  rw_views: (view) => ofKind(view, 'view', () => ({})),
  rw_materialized_views: (view) =>
    ofKind(view, 'materialized view', (m) => ({ schema_name: m.schema, append_only: m.entry.appendOnly })),
  rw_sources: sources,
  rw_indexes: (view) =>
    ofKind(view, 'index', (i) => ({
      primary_table_id: i.relation.id,
      key_columns: new SqlArray(i.entry.columns.map((c) => c + 1)),
      include_columns: new SqlArray(i.include.map((c) => c + 1)),
    })),
  rw_schemas: (view) =>
    view.database.catalog.schemas().map((s) => ({ id: s.id, name: s.name, owner: owner(s.owner) })),
  rw_columns: columns,
  rw_sinks: (view) => ofKind(view, 'sink', ({ runtime }) => ({ connector: runtime.shape.connector.name })),
  rw_secrets: (view) =>
    view.database.secrets.list().map((s) => ({
      id: s.id,
      schema_id: view.schemaOid(s.schema),
      name: s.name,
      owner: owner(s.owner),
    })),
  rw_relations: relations,
  rw_relation_info: relationInfo,
  rw_databases: (view) => [{ id: DATABASE_OID, name: view.databaseName, owner: owner('root') }],
  rw_users: (view) =>
    view.roles().map((name) => ({
      id: owner(name),
      name,
      is_super: true,
      create_db: true,
      create_user: true,
      can_login: true,
    })),
  rw_system_tables: systemTables,
  rw_depend: dependencies,
  rw_description: (view) =>
    view.database.catalog.comments().map(({ id, column, text }) => ({
      objoid: id,
      classoid: 1259,
      objsubid: column === 0 ? null : column,
      description: text,
    })),
  rw_types: types,
  rw_table_stats: tableStatistics,
  rw_streaming_jobs: (view) =>
    view.database.catalog
      .objects()
      .flatMap((o) =>
        o.kind === 'materialized view' ? [{ job_id: o.id, name: o.name, status: 'CREATED' }] : [],
      ),
};
