/**
 * Relations of dead letters: real tables of schema millrace_dead that belong to a source, or a table with a connector. They are
 * made and dropped with their owner, are not written by DML, and are not in the journal as statements: their id follows from the
 * owner's. A letter is a record that its source could not use, or not as it is.
 */
import { types } from '../../common/dataType.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import { MILLRACE_DEAD } from '../catalog.ts';
import type { Database } from '../database.ts';
import { Entry, type TableColumn, type TableObject } from '../objects.ts';
import { DEAD_ID, internalStatement, type LateOwner } from '../time/lateRelation.ts';
import { LateStore } from '../time/lateStore.ts';
import type { LetterPolicy } from './policy.ts';

const column = (name: string, type: TableColumn['type'], nullable = true): TableColumn => ({
  name,
  type,
  nullable,
  default: null,
  generated: null,
});

/** In the order of `LetterFields` (letterRow.ts). */
export const letterColumns: readonly TableColumn[] = [
  column('id', types.int8, false),
  column('partition', types.text),
  column('position', types.text),
  column('key', types.bytea),
  column('value', types.bytea),
  column('timestamp', types.timestamptz),
  column('headers', types.jsonb),
  column('fields', types.jsonb),
  column('row', types.jsonb),
  column('reason', types.text, false),
  column('sqlstate', types.text, false),
  column('field', types.text),
  column('outcome', types.text, false),
  column('attempts', types.int4, false),
  column('at', types.timestamptz, false),
  { ...column('_row_id', types.int8, false), hidden: true },
];

const AT = letterColumns.findIndex((c) => c.name === 'at');
const ROW_ID = letterColumns.length - 1;

/** The name of the relation of dead letters of `owner`. */
export function deadName(database: Database, owner: Pick<LateOwner, 'schema' | 'name'>): string {
  const isFree = database.catalog.find(MILLRACE_DEAD, owner.name, []) === null;
  return owner.schema === 'public' && isFree ? owner.name : `${owner.schema}.${owner.name}`;
}

/** Makes the relation of dead letters of `owner` and puts it into the catalog. Only inside `exclusive`. */
export function createDeadRelation(
  database: Database,
  owner: LateOwner,
  policy: Pick<LetterPolicy, 'retention' | 'maxRows'>,
): TableObject {
  const name = deadName(database, owner);
  const store = new RelationStore(
    letterColumns.map((c) => c.type),
    [ROW_ID],
  );
  const id = owner.id + DEAD_ID;
  const table: TableObject = {
    kind: 'table',
    id,
    schema: MILLRACE_DEAD,
    name,
    owner: owner.owner,
    sql: internalStatement(MILLRACE_DEAD, name, letterColumns),
    searchPath: owner.searchPath,
    timeZone: owner.timeZone,
    dependsOn: new Set([owner.id]),
    internal: true,
    store,
    node: database.dataflow.add(new MaterializeOperator(store), `Table ${name}`, []),
    columns: letterColumns,
    key: [ROW_ID],
    rowId: ROW_ID,
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
    lateStore: new LateStore(policy.retention, policy.maxRows, AT),
    entry: new Entry({
      id,
      kind: 'table',
      schema: MILLRACE_DEAD,
      name,
      columns: letterColumns,
      key: [ROW_ID],
      appendOnly: false,
      rows: () => store.rowCount(),
    }),
  };
  database.catalog.add(table);
  return table;
}

/** The relation of dead letters of the object with this id; null: it has none. */
export function deadRelationOf(database: Database, ownerId: number): TableObject | null {
  const found = database.catalog.byId(ownerId + DEAD_ID);
  return found?.kind === 'table' ? found : null;
}
