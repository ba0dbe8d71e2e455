/** ALTER SOURCE | TABLE s PAUSE | RESUME: whether a connector is read. */
import { SqlError } from '../../common/sqlError.ts';
import type { CatalogObject } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import type { StatementContext } from './statement.ts';

function sourceOf(object: CatalogObject): SourceRuntime {
  const source = object.kind === 'source' || object.kind === 'table' ? object.source : null;
  if (source === null) throw new SqlError('42809', `${object.kind} "${object.name}" has no connector`);
  return source;
}

/** Only inside `exclusive`. What has been read stays. */
export function pauseSource(object: CatalogObject, { database }: StatementContext): void {
  const source = sourceOf(object);
  if (source.paused?.cause !== 'user') source.pause(database.clock());
}

/** Only inside `exclusive`. It goes on from where it is. */
export function resumeSource(object: CatalogObject, { database }: StatementContext): void {
  const source = sourceOf(object);
  // What could be resumed once may not be so in a restart, which goes on.
  if (database.recovery !== null && source.paused?.cause === 'changed') return;
  source.resume(object.name);
}
