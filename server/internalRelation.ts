/**
 * Relations that belong to others: late rows, dead letters, looked-up keys. Real tables in schemas of their own, made and dropped
 * with their owner, not written by DML, and not in the journal as statements: their id follows from the owner's.
 */
import type { Column } from '../common/dataType.ts';
import { formatType } from '../common/typeTable.ts';
import { MaterializeOperator } from '../executor/operators/materialize.ts';
import { RelationStore } from '../storage/state/relationStore.ts';
import type { Database } from './database.ts';
import { Entry, type TableColumn, type TableObject } from './objects.ts';
import type { LateStore } from './time/lateStore.ts';

/** Their ids: the owner's, so much higher; between the oids that system catalogs derive from ids. */
export const LATE_ID = 250_000_000;
export const DEAD_ID = 375_000_000;
export const LOOKUP_ID = 500_000_000;

export interface InternalOwner {
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Its name in `schema`: the owner's, with the owner's schema where that is needed to tell it apart. */
export function internalName(
  database: Database,
  schema: string,
  owner: Pick<InternalOwner, 'schema' | 'name'>,
): string {
  const isFree = database.catalog.find(schema, owner.name, []) === null;
  return owner.schema === 'public' && isFree ? owner.name : `${owner.schema}.${owner.name}`;
}

/** What SHOW CREATE says of it. */
export function internalStatement(schema: string, name: string, columns: readonly Column[]): string {
  const shown = columns
    .filter((c) => c.hidden !== true)
    .map((c) => `${quoted(c.name)} ${formatType(c.type)}`);
  return `CREATE TABLE ${schema}.${quoted(name)} (${shown.join(', ')})`;
}

/** The owner's id. */
export function ownerOf(internal: TableObject): number {
  const distance = [LOOKUP_ID, DEAD_ID, LATE_ID].find((d) => internal.id >= d) ?? 0;
  return internal.id - distance;
}

/** Makes one whose last column is its hidden row id, and puts it into the catalog. Only inside `exclusive`. */
export function createInternal(
  database: Database,
  owner: InternalOwner,
  place: { readonly schema: string; readonly distance: number },
  columns: readonly TableColumn[],
  lateStore: LateStore,
): TableObject {
  const { schema, distance } = place;
  const name = internalName(database, schema, owner);
  const table = makeInternal(database, owner, { id: owner.id + distance, schema, name }, columns, lateStore);
  database.catalog.add(table);
  return table;
}

/** `internal` with other columns; empty, and not in the catalog. */
export function internalAfter(
  database: Database,
  internal: TableObject,
  columns: readonly TableColumn[],
  lateStore: LateStore,
): TableObject {
  const owner = { ...internal, id: ownerOf(internal) };
  return makeInternal(database, owner, internal, columns, lateStore);
}

function makeInternal(
  database: Database,
  owner: Pick<InternalOwner, 'id' | 'owner' | 'searchPath' | 'timeZone'>,
  { id, schema, name }: Pick<TableObject, 'id' | 'schema' | 'name'>,
  columns: readonly TableColumn[],
  lateStore: LateStore,
): TableObject {
  const rowId = columns.length - 1;
  const store = new RelationStore(
    columns.map((c) => c.type),
    [rowId],
  );
  return {
    kind: 'table',
    id,
    schema,
    name,
    owner: owner.owner,
    sql: internalStatement(schema, name, columns),
    searchPath: owner.searchPath,
    timeZone: owner.timeZone,
    dependsOn: new Set([owner.id]),
    internal: true,
    store,
    node: database.dataflow.add(new MaterializeOperator(store), `Table ${name}`, []),
    columns,
    key: [rowId],
    rowId,
    appendOnly: false,
    conflict: 'overwrite',
    versionColumns: [],
    commits: 0,
    watermark: null,
    source: null,
    expander: null,
    admission: null,
    ttl: null,
    stamped: [],
    stream: null,
    lateStore,
    entry: new Entry({
      id,
      kind: 'table',
      schema,
      name,
      columns,
      key: [rowId],
      appendOnly: false,
      rows: () => store.rowCount(),
    }),
  };
}
