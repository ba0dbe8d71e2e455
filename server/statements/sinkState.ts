/** ALTER SINK s PAUSE | RESUME. */
import { SqlError } from '../../common/sqlError.ts';
import type { CatalogObject, SinkObject } from '../objects.ts';
import type { StatementContext } from './statement.ts';

/** Only inside `exclusive`. What is under way is still delivered. */
export function pauseSink(object: CatalogObject, context: StatementContext): void {
  if (object.kind !== 'sink') throw new SqlError('42809', `"${object.name}" is not a sink`);
  if (object.runtime.paused !== null) return;
  object.runtime.pause('paused by ALTER SINK', context.database.clock());
}

/** Only inside `exclusive`. */
export function resumeSink(sink: SinkObject, _context: StatementContext): void {
  if (sink.runtime.paused !== null) sink.runtime.resume();
}
