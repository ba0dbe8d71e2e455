/** ALTER MATERIALIZED VIEW v RESUME: a paused view is built again. */
import { SqlError } from '../../common/sqlError.ts';
import type { CatalogObject } from '../objects.ts';
import { resumeView } from '../pause.ts';
import type { StatementContext } from './statement.ts';

/** Only inside `exclusive`. */
export function resume(view: CatalogObject, context: StatementContext): void {
  const { database } = context;
  if (view.kind !== 'materialized view') {
    throw new SqlError('42809', `"${view.name}" is not a materialized view`);
  }
  if (view.paused === null) return;
  try {
    resumeView(database, view);
  } catch (error) {
    // What could be resumed once may not be so in a restart, which goes on.
    if (database.recovery === null) throw error;
  }
  database.version++;
}
