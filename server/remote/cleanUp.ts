/** What DROP of a remote source leaves to be done on the other server: what it keeps for the source goes too, where it answers. */
import { SqlError } from '../../common/sqlError.ts';
import type { SourceConfig } from '../../connector/connector.ts';
import type { CatalogObject } from '../objects.ts';
import type { StatementContext } from '../statements/statement.ts';
import { RemoteSource } from './remoteSource.ts';

/** A remote source that was there before a DROP. */
export interface KnownRemote {
  readonly object: CatalogObject;
  readonly source: RemoteSource;
  readonly config: SourceConfig;
}

/** Those whose servers keep something for them. */
export function remotesOf(objects: readonly CatalogObject[]): readonly KnownRemote[] {
  return objects.flatMap((object) => {
    const runtime = object.kind === 'table' ? object.source : null;
    if (!(runtime?.connector instanceof RemoteSource)) return [];
    const { connector: source, config } = runtime;
    return source.remote.forget === undefined ? [] : [{ object, source, config }];
  });
}

/** After the DROP is durable: those of `before` that have gone are forgotten over there; a failure is a warning. */
export async function forgetDropped(
  before: readonly KnownRemote[],
  context: StatementContext,
): Promise<void> {
  const { database } = context;
  if (database.recovery !== null || database.restoring) return;
  const gone = before.filter(({ object }) => database.catalog.byId(object.id) === null);
  await Promise.all(gone.map((known) => forget(known, context)));
}

async function forget(
  { object, source, config }: KnownRemote,
  { notice, database }: StatementContext,
): Promise<void> {
  try {
    await source.forget(config);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    notice({
      severity: 'WARNING',
      state: '01000',
      message: `what the ${source.name} server keeps for "${object.name}" could not be removed there`,
      detail: database.secrets.redacted(error.message) ?? error.message,
    });
  }
}
