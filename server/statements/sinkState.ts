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
export function resumeSink(sink: SinkObject, { database }: StatementContext): void {
  if (sink.runtime.node?.guard?.failed === true && database.recovery === null) {
    throw new SqlError('55000', `sink "${sink.name}" has missed changes`, {
      detail: sink.runtime.reason ?? '',
      hint: 'Drop the sink and create it again.',
    });
  }
  if (sink.runtime.paused !== null) sink.runtime.resume();
}
