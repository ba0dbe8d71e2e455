/**
 * What Millrace asks of the PostgreSQL server besides changes: what a table looks like, whether it can be followed, and the
 * making and removing of slots and publications.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { UpstreamType } from './columnTypes.ts';
import { identifier, literal, type UpstreamConnection } from './connection.ts';
import type { PostgresCdcOptions } from './options.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

export interface UpstreamColumn {
  readonly name: string;
  readonly type: UpstreamType;
  /** As messages of the stream have it: of the domain, not of what it stands for. */
  readonly typeOid: number;
  readonly notNull: boolean;
  /** Generated columns are computed by the server and are not in the stream. */
  readonly generated: boolean;
}

export interface UpstreamTable extends TableName {
  readonly oid: number;
  readonly partitioned: boolean;
  readonly columns: readonly UpstreamColumn[];
  readonly primaryKey: readonly string[];
  /** What changes tell of the row before: the columns of a key, or the whole row. */
  readonly identity: 'key' | 'full' | 'none';
  readonly identityColumns: readonly string[];
  /** As the server's statistics have it; null: not known. */
  readonly estimatedRows: number | null;
}

export function shownTable({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}

export function quotedTable({ schema, name }: TableName): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** `schema.table`, `table` (in the schema of the options) or with double quotes. A leading database must be the options'. */
export function parseTableName(text: string, options: PostgresCdcOptions): TableName {
  const parts = [...text.matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)].map((m) =>
    m[1] === undefined ? (m[2] ?? '').trim() : m[1].replaceAll('""', '"'),
  );
  const bad = parts.length === 0 || parts.length > 3 || parts.some((p) => p === '');
  const elsewhere = parts.length === 3 && parts[0] !== options.database;
  if (bad || elsewhere) {
    throw new SqlError('42602', `invalid name of a PostgreSQL table: "${text}"`, {
      hint: `Write 'schema.table'${elsewhere ? `; the source is of database "${options.database}"` : ''}.`,
    });
  }
  return { schema: parts.at(-2) ?? options.schema, name: parts.at(-1) ?? '' };
}

/** wal_level and version: what no privilege helps with. */
export async function checkServer(connection: UpstreamConnection): Promise<void> {
  const [row] = await connection.rows(
    "SELECT current_setting('wal_level'), current_setting('server_version_num')::int >= 120000, pg_is_in_recovery()",
  );
  const [level, recent, standby] = row ?? [];
  if (recent !== 't') throw new SqlError('0A000', 'postgres-cdc needs PostgreSQL 12 or later');
  if (standby === 't') {
    throw new SqlError('0A000', 'postgres-cdc cannot make a publication on a standby', {
      hint: 'Connect to the primary server.',
    });
  }
  if (level !== 'logical') {
    throw new SqlError('55000', `logical replication needs wal_level = logical; the server has ${level}`, {
      hint: 'ALTER SYSTEM SET wal_level = logical, and restart the server.',
    });
  }
}

const columnsOf = (oid: number): string => `
  SELECT a.attname, a.atttypid, a.attnotnull, a.attgenerated <> '',
         b.oid, pg_catalog.format_type(b.oid, NULL), b.typtype,
         CASE WHEN b.typcategory = 'A' THEN e.oid END, e.typtype
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_type e ON e.oid = b.typelem
  WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

const keyOf = (oid: number, which: string): string => `
  SELECT a.attname FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, at)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = ${oid} AND i.${which} AND k.at <= i.indnkeyatts ORDER BY k.at`;

/** What the table looks like. 42P01 when there is none, 42809 when it cannot be followed. */
export async function describeTable(
  connection: UpstreamConnection,
  table: TableName,
): Promise<UpstreamTable> {
  const [found] = await connection.rows(`
    SELECT c.oid, c.relkind, c.relreplident, c.relpersistence, c.reltuples::bigint
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${literal(table.schema)} AND c.relname = ${literal(table.name)}`);
  if (found === undefined) {
    throw new SqlError('42P01', `table "${shownTable(table)}" does not exist in PostgreSQL`, {
      hint: "Name it as 'schema.table'; the role needs to be in the right database (database.name).",
    });
  }
  const [oidText, kind, replicaIdentity, persistence, tuples] = found;
  const oid = Number(oidText);
  if ((kind !== 'r' && kind !== 'p') || persistence !== 'p') {
    throw new SqlError('42809', `"${shownTable(table)}" cannot be followed`, {
      detail:
        'Logical replication is of tables that are neither temporary nor unlogged; views and foreign tables have no changes of their own.',
    });
  }
  const columns = (await connection.rows(columnsOf(oid))).map(
    ([
      name,
      typeOid,
      notNull,
      generated,
      base,
      typeName,
      typeKind,
      element,
      elementKind,
    ]): UpstreamColumn => ({
      name: name ?? '',
      typeOid: Number(typeOid),
      notNull: notNull === 't',
      generated: generated === 't',
      type: {
        oid: Number(base),
        name: typeName ?? '',
        kind: typeKind ?? 'b',
        element: element == null ? null : { oid: Number(element), kind: elementKind ?? 'b' },
      },
    }),
  );
  const names = async (which: string): Promise<readonly string[]> =>
    (await connection.rows(keyOf(oid, which))).map(([name]) => name ?? '');
  const primaryKey = await names('indisprimary');
  const byIndex = replicaIdentity === 'i';
  const identityColumns = byIndex ? await names('indisreplident') : replicaIdentity === 'd' ? primaryKey : [];
  const estimate = Number(tuples);
  return {
    ...table,
    oid,
    partitioned: kind === 'p',
    columns,
    primaryKey,
    identity: replicaIdentity === 'f' ? 'full' : identityColumns.length > 0 ? 'key' : 'none',
    identityColumns,
    estimatedRows: Number.isFinite(estimate) && estimate >= 0 ? estimate : null,
  };
}

// Publications

export async function publicationExists(connection: UpstreamConnection, name: string): Promise<boolean> {
  const rows = await connection.rows(
    `SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = ${literal(name)}`,
  );
  return rows.length > 0;
}

/** An empty one; changes of partitions come under the name of their table where the server can do that. */
export async function createPublication(connection: UpstreamConnection, name: string): Promise<void> {
  const [row] = await connection.rows("SELECT current_setting('server_version_num')::int >= 130000");
  const viaRoot = row?.[0] === 't' ? ' WITH (publish_via_partition_root = true)' : '';
  await connection.rows(`CREATE PUBLICATION ${identifier(name)}${viaRoot}`);
}

export async function dropPublication(connection: UpstreamConnection, name: string): Promise<void> {
  await connection.rows(`DROP PUBLICATION IF EXISTS ${identifier(name)}`);
}

export async function publishedTables(
  connection: UpstreamConnection,
  name: string,
): Promise<ReadonlySet<string>> {
  const rows = await connection.rows(
    `SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = ${literal(name)}`,
  );
  return new Set(rows.map(([schema, table]) => shownTable({ schema: schema ?? '', name: table ?? '' })));
}

/** How long to wait for writers to be done: those who come after us wait as well. */
const LOCK_MILLIS = 5000;

/**
 * Adds a table that nobody is writing to just then: a transaction that has written to it before would make the server's
 * decoder remember, in versions before 13.21, 14.18, 15.13, 16.9 and 17.5, that the table is not published.
 */
export async function publishTable(
  connection: UpstreamConnection,
  publication: string,
  table: TableName,
): Promise<void> {
  if ((await publishedTables(connection, publication)).has(shownTable(table))) return;
  try {
    await connection.rows('BEGIN');
    await connection.rows(`SET LOCAL lock_timeout = ${LOCK_MILLIS}`);
    await connection.rows(`LOCK TABLE ${quotedTable(table)} IN SHARE ROW EXCLUSIVE MODE`);
    await connection.rows(`ALTER PUBLICATION ${identifier(publication)} ADD TABLE ${quotedTable(table)}`);
    await connection.rows('COMMIT');
  } catch (error) {
    await connection.rows('ROLLBACK').catch(() => {});
    throw error;
  }
}

export async function unpublishTable(
  connection: UpstreamConnection,
  publication: string,
  table: TableName,
): Promise<void> {
  if (!(await publicationExists(connection, publication))) return;
  if (!(await publishedTables(connection, publication)).has(shownTable(table))) return;
  await connection.rows(`ALTER PUBLICATION ${identifier(publication)} DROP TABLE ${quotedTable(table)}`);
}

// Slots

export interface SlotStatus {
  readonly plugin: string;
  readonly active: boolean;
  readonly walStatus: string | null;
  readonly confirmedLsn: string | null;
  readonly serverLsn: string;
  /** Of the log: behind the newest that the slot has confirmed, and kept for it. */
  readonly lagBytes: bigint | null;
  readonly retainedBytes: bigint | null;
}

/** Null: there is no such slot. */
export async function slotStatus(connection: UpstreamConnection, slot: string): Promise<SlotStatus | null> {
  // Through JSON: wal_status is there from version 13 on.
  const [row] = await connection.rows(`
    SELECT s.plugin, s.active, pg_catalog.to_jsonb(s) ->> 'wal_status', s.confirmed_flush_lsn, pg_catalog.pg_current_wal_lsn(),
           pg_catalog.pg_current_wal_lsn() - s.confirmed_flush_lsn, pg_catalog.pg_current_wal_lsn() - s.restart_lsn
    FROM pg_catalog.pg_replication_slots s
    WHERE s.slot_name = ${literal(slot)} AND s.database = pg_catalog.current_database()`);
  if (row === undefined) return null;
  const [plugin, active, walStatus, confirmed, server, lag, retained] = row;
  return {
    plugin: plugin ?? '',
    active: active === 't',
    walStatus: walStatus ?? null,
    confirmedLsn: confirmed ?? null,
    serverLsn: server ?? '0/0',
    lagBytes: lag == null ? null : BigInt(lag),
    retainedBytes: retained == null ? null : BigInt(retained),
  };
}

/** Gives the position from which it has changes. */
export async function createSlot(connection: UpstreamConnection, slot: string): Promise<string> {
  const [row] = await connection.rows(
    `SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot(${literal(slot)}, 'pgoutput')`,
  );
  return row?.[0] ?? '0/0';
}

/** Nothing when there is none. */
export async function dropSlot(connection: UpstreamConnection, slot: string): Promise<void> {
  await connection.rows(`
    SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
    WHERE slot_name = ${literal(slot)}`);
}
