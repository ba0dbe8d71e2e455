/** pg_catalog about the server: schemas, databases, roles, tablespaces, settings, sessions. */
import { shownSql } from '../secrets/shownSql.ts';
import type { Fields, RowSources } from './definition.ts';
import { DATABASE_OID, ROOT_ROLE, roleOid, type SystemView, TABLESPACE_OID } from './systemView.ts';

const UTF8 = 6;

function* namespaces(view: SystemView): Generator<Fields> {
  for (const { id, name, owner } of view.database.catalog.schemas()) {
    yield { oid: id, nspname: name, nspowner: roleOid(owner) };
  }
}

function databases(view: SystemView): readonly Fields[] {
  return [
    {
      oid: DATABASE_OID,
      datname: view.databaseName,
      datdba: ROOT_ROLE,
      encoding: UTF8,
      datlocprovider: 'c',
      datallowconn: true,
      datconnlimit: -1,
      dattablespace: TABLESPACE_OID,
      datcollate: 'C',
      datctype: 'C',
    },
  ];
}

/** Every user may do everything. */
function role(name: string): Fields {
  return {
    oid: roleOid(name),
    rolname: name,
    rolsuper: true,
    rolinherit: true,
    rolcreaterole: true,
    rolcreatedb: true,
    rolcanlogin: true,
    rolreplication: false,
    rolbypassrls: true,
    rolconnlimit: -1,
  };
}

function user(name: string): Fields {
  return {
    usename: name,
    usesysid: roleOid(name),
    usecreatedb: true,
    usesuper: true,
    userepl: false,
    usebypassrls: true,
  };
}

const tablespaces: readonly Fields[] = [
  { oid: TABLESPACE_OID, spcname: 'pg_default', spcowner: ROOT_ROLE },
  { oid: 1664, spcname: 'pg_global', spcowner: ROOT_ROLE },
];

function* settings(view: SystemView): Generator<Fields> {
  for (const { name, value, doc } of view.session.settings.all()) {
    yield {
      name,
      setting: value,
      category: 'Millrace',
      short_desc: doc,
      context: 'user',
      vartype: 'string',
      source: 'session',
      boot_val: value,
      reset_val: value,
      pending_restart: false,
    };
  }
}

function* activity(view: SystemView): Generator<Fields> {
  for (const session of view.database.sessions) {
    yield {
      datid: DATABASE_OID,
      datname: view.databaseName,
      pid: session.processId,
      usesysid: roleOid(session.user),
      usename: session.user,
      application_name: session.settings.value('application_name'),
      state: session.activity === '' ? 'idle' : 'active',
      query: shownSql(session.activity),
      backend_type: 'client backend',
    };
  }
}

function databaseStatistics(view: SystemView): readonly Fields[] {
  return [{ datid: DATABASE_OID, datname: view.databaseName, numbackends: view.database.sessions.size }];
}

export const pgServer: RowSources = {
  pg_namespace: namespaces,
  pg_database: databases,
  pg_roles: (view) => view.roles().map(role),
  pg_authid: (view) => view.roles().map(role),
  pg_user: (view) => view.roles().map(user),
  pg_shadow: (view) => view.roles().map(user),
  pg_tablespace: () => tablespaces,
  pg_settings: settings,
  pg_stat_activity: activity,
  pg_stat_database: databaseStatistics,
};
