/** pg_catalog about relations: pg_class, pg_attribute, pg_index, pg_constraint and the views over them. */

import { type DataType, physicalKind } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { oidOf, typeLength } from '../../common/typeTable.ts';
import { typeModifier } from '../../wire/typeCodec.ts';
import { type CatalogObject, type SourceObject, shownKind, type TableObject } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import type { Fields, RowSources } from './definition.ts';
import { columnNames, indexDefinition, viewDefinition } from './objectText.ts';
import { shownOptions } from './sourceCatalog.ts';
import {
  BTREE,
  defaultOid,
  HEAP,
  type IndexView,
  keyConstraintOid,
  PG_CLASS,
  PG_NAMESPACE,
  type RelationView,
  roleOid,
  rowTypeOid,
  type SystemView,
  vector,
} from './systemView.ts';

const PG_REWRITE = 2618;
const PG_PROC = 1255;
const REWRITE_RULES = 500_000_000;

/** Collation of a column: the default one for text, C for names. */
export function collationOf(type: DataType): number {
  if (type.id === 'array') return collationOf(type.element);
  if (type.id === 'name') return 950;
  return type.id === 'text' || type.id === 'varchar' || type.id === 'bpchar' ? 100 : 0;
}

export function isByValue(type: DataType): boolean {
  const kind = physicalKind(type);
  return kind !== 'boxed' && kind !== 'text' ? true : type.id === 'char';
}

function* classes(view: SystemView): Generator<Fields> {
  const indexed = new Set(view.indexes().map((i) => i.relation.oid));
  for (const r of view.relations()) {
    yield {
      oid: r.oid,
      relname: r.name,
      relnamespace: view.schemaOid(r.schema),
      reltype: rowTypeOid(r.oid),
      relowner: roleOid(r.owner),
      relam: r.kind === 'r' || r.kind === 'm' ? HEAP : 0,
      relfilenode: r.kind === 'r' || r.kind === 'm' ? r.oid : 0,
      reltuples: r.rows,
      relhasindex: indexed.has(r.oid),
      relhasrules: r.kind === 'v' || r.kind === 'm',
      relpersistence: 'p',
      relkind: r.kind,
      relnatts: r.columns.length,
      relispopulated: true,
      relreplident: r.object === null ? 'n' : 'd',
    };
  }
  for (const i of view.indexes()) {
    yield {
      oid: i.oid,
      relname: i.name,
      relnamespace: view.schemaOid(i.relation.schema),
      relowner: roleOid(i.owner),
      relam: BTREE,
      relfilenode: i.oid,
      reltuples: i.relation.rows,
      relpersistence: 'p',
      relkind: 'i',
      relnatts: i.columns.length + i.included.length,
      relispopulated: true,
      relreplident: 'n',
    };
  }
}

function attribute(relation: number, number: number, name: string, type: DataType): Fields {
  return {
    attrelid: relation,
    attname: name,
    atttypid: oidOf(type),
    attstattarget: -1,
    attlen: typeLength(type),
    attnum: number,
    attndims: type.id === 'array' ? 1 : 0,
    attcacheoff: -1,
    atttypmod: typeModifier(type),
    attbyval: isByValue(type),
    attalign: 'i',
    attstorage: typeLength(type) < 0 ? 'x' : 'p',
    attislocal: true,
    attcollation: collationOf(type),
  };
}

function* attributes(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    for (const { number, column, expression, generated } of r.columns) {
      yield {
        ...attribute(r.oid, number, column.name, column.type),
        // As in PostgreSQL, only tables declare it.
        attnotnull: !column.nullable && (r.kind === 'r' || r.kind === 'f'),
        atthasdef: expression !== null,
        attgenerated: generated ? 's' : '',
      };
    }
  }
  for (const i of view.indexes()) {
    for (const [n, number] of [...i.columns, ...i.included].entries()) {
      const found = i.relation.columns.find((c) => c.number === number);
      if (found !== undefined) yield attribute(i.oid, n + 1, found.column.name, found.column.type);
    }
  }
}

function* defaults(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    for (const { number, expression } of r.columns) {
      if (expression === null) continue;
      yield { oid: defaultOid(r.oid, number), adrelid: r.oid, adnum: number, adbin: expression };
    }
  }
}

function indexRow(i: IndexView): Fields {
  const all = [...i.columns, ...i.included];
  return {
    indexrelid: i.oid,
    indrelid: i.relation.oid,
    indnatts: all.length,
    indnkeyatts: i.columns.length,
    indisunique: i.unique,
    indisprimary: i.primary,
    indimmediate: true,
    indisvalid: true,
    indisready: true,
    indislive: true,
    indkey: vector(all),
    indcollation: vector(i.columns.map(() => 0)),
    indclass: vector(i.columns.map(() => 0)),
    // Bit 0 descending, bit 1 NULLs first, which descending order implies.
    indoption: vector(i.descending.map((d) => (d ? 3 : 0))),
  };
}

function* constraints(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    if (!i.primary) continue;
    yield {
      oid: keyConstraintOid(i.relation.oid),
      conname: i.name,
      connamespace: view.schemaOid(i.relation.schema),
      contype: 'p',
      convalidated: true,
      conrelid: i.relation.oid,
      conindid: i.oid,
      confupdtype: ' ',
      confdeltype: ' ',
      confmatchtype: ' ',
      conislocal: true,
      connoinherit: true,
      conkey: new SqlArray(i.columns),
    };
  }
}

/** The catalog that an object is a row of. */
function classOf(view: SystemView, id: number): number {
  return view.database.functions.byId(id) === null ? PG_CLASS : PG_PROC;
}

function* descriptions(view: SystemView): Generator<Fields> {
  const { catalog } = view.database;
  for (const { id, column, text } of catalog.comments()) {
    if (id === 1) continue;
    const isSchema = catalog.schemas().some((s) => s.id === id);
    const classoid = isSchema ? PG_NAMESPACE : classOf(view, id);
    yield { objoid: id, classoid, objsubid: column, description: text };
  }
}

function isView(r: RelationView): boolean {
  return r.kind === 'v' || r.kind === 'm';
}

function* dependencies(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    const schema = view.schemaOid(r.schema);
    yield { classid: PG_CLASS, objid: r.oid, refclassid: PG_NAMESPACE, refobjid: schema, deptype: 'n' };
    if (!isView(r) || r.object === null) continue;
    const rule = r.oid + REWRITE_RULES;
    yield { classid: PG_REWRITE, objid: rule, refclassid: PG_CLASS, refobjid: r.oid, deptype: 'i' };
    for (const id of r.object.dependsOn) {
      yield { classid: PG_REWRITE, objid: rule, refclassid: classOf(view, id), refobjid: id, deptype: 'n' };
    }
  }
  for (const r of view.database.functions.list()) {
    const schema = view.schemaOid(r.schema);
    yield { classid: PG_PROC, objid: r.id, refclassid: PG_NAMESPACE, refobjid: schema, deptype: 'n' };
    for (const id of r.dependsOn) {
      yield { classid: PG_PROC, objid: r.id, refclassid: classOf(view, id), refobjid: id, deptype: 'n' };
    }
  }
  for (const i of view.indexes()) {
    yield { classid: PG_CLASS, objid: i.oid, refclassid: PG_CLASS, refobjid: i.relation.oid, deptype: 'a' };
  }
}

function* rules(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    if (!isView(r)) continue;
    yield {
      oid: r.oid + REWRITE_RULES,
      rulename: '_RETURN',
      ev_class: r.oid,
      ev_type: '1',
      ev_enabled: 'O',
      is_instead: true,
      ev_action: viewDefinition(r) ?? '',
    };
  }
}

/** Connectors, as foreign servers that sources belong to. */
const FOREIGN_SERVERS = 3_900_000_000;

/** A source, whether its rows are kept or read again. */
function isSource(
  object: CatalogObject,
): object is (SourceObject | TableObject) & { readonly source: SourceRuntime } {
  return (
    (object.kind === 'source' || object.kind === 'table') &&
    shownKind(object) === 'source' &&
    object.source !== null
  );
}

function connectorNames(view: SystemView): readonly string[] {
  const names = view.database.catalog
    .objects()
    .flatMap((o) => (isSource(o) ? [o.source.connector.name] : []));
  return [...new Set(names)].sort();
}

function* foreignServers(view: SystemView): Generator<Fields> {
  for (const [i, name] of connectorNames(view).entries()) {
    yield { oid: FOREIGN_SERVERS + i, srvname: name, srvowner: roleOid('root'), srvfdw: FOREIGN_SERVERS };
  }
}

function* foreignTables(view: SystemView): Generator<Fields> {
  const names = connectorNames(view);
  for (const object of view.database.catalog.objects()) {
    if (!isSource(object)) continue;
    yield {
      ftrelid: object.id,
      ftserver: FOREIGN_SERVERS + names.indexOf(object.source.connector.name),
      ftoptions: new SqlArray(
        [...shownOptions(view, object, object.source)].map(([key, value]) => `${key}=${value}`),
      ),
    };
  }
}

function* foreignWrappers(view: SystemView): Generator<Fields> {
  if (connectorNames(view).length > 0) {
    yield { oid: FOREIGN_SERVERS, fdwname: 'connector', fdwowner: roleOid('root') };
  }
}

function hasIndex(view: SystemView): (r: RelationView) => boolean {
  const indexed = new Set(view.indexes().map((i) => i.relation.oid));
  return (r) => indexed.has(r.oid);
}

function* tables(view: SystemView): Generator<Fields> {
  const indexed = hasIndex(view);
  for (const r of view.relations()) {
    if (r.kind !== 'r') continue;
    yield {
      schemaname: r.schema,
      tablename: r.name,
      tableowner: r.owner,
      hasindexes: indexed(r),
      hasrules: false,
      hastriggers: false,
      rowsecurity: false,
    };
  }
}

function* views(view: SystemView): Generator<Fields> {
  for (const r of view.relations()) {
    if (r.kind !== 'v') continue;
    yield { schemaname: r.schema, viewname: r.name, viewowner: r.owner, definition: viewDefinition(r) };
  }
}

function* materializedViews(view: SystemView): Generator<Fields> {
  const indexed = hasIndex(view);
  for (const r of view.userRelations()) {
    if (r.kind !== 'm') continue;
    yield {
      schemaname: r.schema,
      matviewname: r.name,
      matviewowner: r.owner,
      hasindexes: indexed(r),
      ispopulated: true,
      definition: viewDefinition(r),
    };
  }
}

function* indexList(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    yield {
      schemaname: i.relation.schema,
      tablename: i.relation.name,
      indexname: i.name,
      indexdef: indexDefinition(i),
    };
  }
}

function* tableStatistics(view: SystemView): Generator<Fields> {
  for (const r of view.userRelations()) {
    if (r.kind !== 'r' && r.kind !== 'm') continue;
    yield {
      relid: r.oid,
      schemaname: r.schema,
      relname: r.name,
      n_live_tup: BigInt(Math.max(0, r.rows)),
      n_dead_tup: 0n,
    };
  }
}

function* indexStatistics(view: SystemView): Generator<Fields> {
  for (const i of view.indexes()) {
    yield {
      relid: i.relation.oid,
      indexrelid: i.oid,
      schemaname: i.relation.schema,
      relname: i.relation.name,
      indexrelname: i.name,
    };
  }
}

/** Columns of a primary key by name, for the information schema. */
export function keyColumns(index: IndexView): readonly string[] {
  return columnNames(index.relation, index.columns);
}

export const pgRelations: RowSources = {
  pg_class: classes,
  pg_attribute: attributes,
  pg_attrdef: defaults,
  pg_index: (view) => view.indexes().map(indexRow),
  pg_constraint: constraints,
  pg_description: descriptions,
  pg_depend: dependencies,
  pg_rewrite: rules,
  pg_foreign_server: foreignServers,
  pg_foreign_table: foreignTables,
  pg_foreign_data_wrapper: foreignWrappers,
  pg_tables: tables,
  pg_views: views,
  pg_matviews: materializedViews,
  pg_indexes: indexList,
  pg_stat_user_tables: tableStatistics,
  pg_stat_all_tables: tableStatistics,
  pg_stat_user_indexes: indexStatistics,
  pg_stat_all_indexes: indexStatistics,
};
