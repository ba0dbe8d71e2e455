/**
 * Relations of dead letters: real tables of schema millrace_dead that belong to a source, or a table with a connector. They are
 * made and dropped with their owner, are not written by DML, and are not in the journal as statements: their id follows from the
 * owner's. A letter is a record that its source could not use, or not as it is.
 */
import { types } from '../../common/dataType.ts';
import { MILLRACE_DEAD } from '../catalog.ts';
import type { Database } from '../database.ts';
import { createInternal, DEAD_ID, type InternalOwner, internalName } from '../internalRelation.ts';
import type { TableColumn, TableObject } from '../objects.ts';
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

/** The name of the relation of dead letters of `owner`. */
export function deadName(database: Database, owner: Pick<InternalOwner, 'schema' | 'name'>): string {
  return internalName(database, MILLRACE_DEAD, owner);
}

/** Makes the relation of dead letters of `owner` and puts it into the catalog. Only inside `exclusive`. */
export function createDeadRelation(
  database: Database,
  owner: InternalOwner,
  policy: Pick<LetterPolicy, 'retention' | 'maxRows'>,
): TableObject {
  const place = { schema: MILLRACE_DEAD, distance: DEAD_ID };
  const store = new LateStore(policy.retention, policy.maxRows, AT);
  return createInternal(database, owner, place, letterColumns, store);
}

/** The relation of dead letters of the object with this id; null: it has none. */
export function deadRelationOf(database: Database, ownerId: number): TableObject | null {
  const found = database.catalog.byId(ownerId + DEAD_ID);
  return found?.kind === 'table' ? found : null;
}
