/** Catalog functions about the server: roles, privileges, sizes, encodings, index properties, backends. */
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import { shownSql } from '../secrets/shownSql.ts';
import { type CatalogFunction, type CatalogFunctions, oidArgument } from './lookUps.ts';
import { locate, noSuchObject, objectOid, relationOid } from './objectNames.ts';
import { DATABASE_OID, roleOid, type SystemView, TABLESPACE_OID } from './systemView.ts';

const UTF8 = 6;

function roleName(view: SystemView, oid: number): string {
  return view.roles().find((name) => roleOid(name) === oid) ?? `unknown (OID=${oid})`;
}

// Privileges: every user may do everything, but the object, the role and the kind of privilege must exist.

const privilegeNames: Readonly<Record<string, readonly string[]>> = {
  table: ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'],
  any_column: ['select', 'insert', 'update', 'references'],
  column: ['select', 'insert', 'update', 'references'],
  schema: ['create', 'usage'],
  database: ['create', 'connect', 'temporary', 'temp'],
  function: ['execute'],
  sequence: ['usage', 'select', 'update'],
  type: ['usage'],
  language: ['usage'],
  tablespace: ['create'],
  server: ['usage'],
  foreign_data_wrapper: ['usage'],
};

function checkPrivileges(kind: string, text: string): void {
  for (const part of text.split(',')) {
    const name = part
      .trim()
      .toLowerCase()
      .replace(/ with grant option$/, '');
    if (privilegeNames[kind]?.includes(name) !== true) {
      throw new SqlError('22023', `unrecognized privilege type: "${part.trim()}"`);
    }
  }
}

/** Whether the object exists: an unknown oid gives NULL, an unknown name an error. */
function objectExists(view: SystemView, kind: string, target: Value): boolean {
  const { catalog } = view.database;
  switch (kind) {
    case 'table':
    case 'any_column':
    case 'column':
    case 'sequence':
      if (typeof target === 'number') return locate(view, target) !== null;
      if (relationOid(view, String(target)) === null) throw noSuchObject('regclass', String(target));
      return true;
    case 'schema':
      if (typeof target === 'number') return catalog.schemas().some((s) => s.id === target);
      if (catalog.schema(String(target)) === null) throw noSuchObject('regnamespace', String(target));
      return true;
    case 'database':
      if (typeof target === 'number') return target === DATABASE_OID;
      if (target === catalog.database) return true;
      throw new SqlError('3D000', `database "${String(target)}" does not exist`);
    case 'type':
      if (typeof target === 'string' && objectOid(view, 'regtype', target) === null)
        throw noSuchObject('regtype', target);
      return true;
    default:
      return true;
  }
}

function hasPrivilege(kind: string): CatalogFunction {
  // The table of a column privilege is followed by the column.
  const before = kind === 'column' ? 3 : 2;
  return (view, args) => {
    checkPrivileges(kind, String(args[args.length - 1]));
    return objectExists(view, kind, args[args.length - before] ?? null) ? true : null;
  };
}

const privileges: CatalogFunctions = {
  ...Object.fromEntries(
    Object.keys(privilegeNames).map((kind) => [`has_${kind}_privilege`, hasPrivilege(kind)]),
  ),
  pg_has_role: (view, args) => {
    const role = args[args.length - 2];
    if (typeof role === 'string' && !view.roles().includes(role)) {
      throw new SqlError('42704', `role "${role}" does not exist`);
    }
    return true;
  },
  row_security_active: () => false,
};

// Sizes

function stateBytes(view: SystemView, oid: number): bigint | null {
  const object = view.database.catalog.byId(oid);
  if (object === null) return view.relation(oid) === null && view.index(oid) === null ? null : 0n;
  if (object.kind === 'table' || object.kind === 'materialized view') return BigInt(object.store.bytes());
  return 0n;
}

function databaseBytes(view: SystemView): bigint {
  let sum = 0;
  for (const node of view.database.dataflow.nodes) sum += node.operator?.stateBytes() ?? 0;
  return BigInt(sum);
}

/** All state of a relation; a view's operators count too. */
function totalBytes(view: SystemView, oid: number): bigint | null {
  const object = view.database.catalog.byId(oid);
  if (object?.kind !== 'materialized view') return stateBytes(view, oid);
  let sum = 0;
  for (const node of object.nodes) sum += node.operator?.stateBytes() ?? 0;
  return BigInt(sum);
}

const relationBytes: CatalogFunction = (view, args) => stateBytes(view, oidArgument(args));

const sizes: CatalogFunctions = {
  pg_relation_size: relationBytes,
  pg_table_size: relationBytes,
  pg_total_relation_size: (view, args) => totalBytes(view, oidArgument(args)),
  // Indexes are kept in the store of their relation and counted there.
  pg_indexes_size: (view, args) => (stateBytes(view, oidArgument(args)) === null ? null : 0n),
  pg_database_size: (view, [target]) => {
    if (target === DATABASE_OID || target === view.databaseName) return databaseBytes(view);
    throw new SqlError('3D000', `database "${String(target)}" does not exist`);
  },
  pg_tablespace_size: (view, [target]) =>
    target === TABLESPACE_OID || target === 'pg_default' ? databaseBytes(view) : 0n,
  pg_relation_filenode: () => null,
  pg_stat_get_numscans: () => 0n,
  pg_relation_is_publishable: () => false,
};

// Indexes

const columnProperties: Readonly<Record<string, (descending: boolean) => boolean>> = {
  asc: (descending) => !descending,
  desc: (descending) => descending,
  nulls_first: (descending) => descending,
  nulls_last: (descending) => !descending,
  orderable: () => true,
  distance_orderable: () => false,
  returnable: () => true,
  search_array: () => true,
  search_nulls: () => true,
};

const indexProperties: Readonly<Record<string, boolean>> = {
  clusterable: false,
  index_scan: true,
  bitmap_scan: false,
  backward_scan: true,
};

const methodProperties: Readonly<Record<string, boolean>> = {
  can_order: true,
  can_unique: true,
  can_multi_col: true,
  can_exclude: false,
  can_include: true,
};

function indexColumnProperty(view: SystemView, args: readonly Value[]): Value {
  const index = view.index(oidArgument(args));
  const position = oidArgument(args, 1);
  const property = columnProperties[String(args[2]).toLowerCase()];
  const descending = index?.descending[position - 1];
  return property === undefined || descending === undefined ? null : property(descending);
}

const indexes: CatalogFunctions = {
  pg_index_column_has_property: indexColumnProperty,
  pg_index_has_property: (view, args) =>
    view.index(oidArgument(args)) === null ? null : (indexProperties[String(args[1]).toLowerCase()] ?? null),
  pg_indexam_has_property: (_view, args) => methodProperties[String(args[1]).toLowerCase()] ?? null,
};

// Server

function cancelBackend(view: SystemView, args: readonly Value[]): Value {
  for (const session of view.database.sessions) {
    if (session.processId !== args[0]) continue;
    session.cancel();
    return true;
  }
  return false;
}

const server: CatalogFunctions = {
  pg_get_userbyid: (view, args) => roleName(view, oidArgument(args)),
  pg_encoding_to_char: (_view, [encoding]) =>
    encoding === UTF8 ? 'UTF8' : encoding === 0 ? 'SQL_ASCII' : '',
  pg_char_to_encoding: (_view, [name]) => (/^(utf-?8|unicode)$/i.test(String(name)) ? UTF8 : -1),
  pg_tablespace_location: () => '',
  pg_is_other_temp_schema: () => false,
  pg_blocking_pids: () => new SqlArray([]),
  pg_cancel_backend: cancelBackend,
  pg_terminate_backend: () => {
    throw unsupported('pg_terminate_backend');
  },
  txid_current: (view) => view.database.version,
  current_query: (view) => shownSql(view.session.activity),
};

export const serverLookUps: CatalogFunctions = { ...privileges, ...sizes, ...indexes, ...server };
