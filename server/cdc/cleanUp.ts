/** What DROP leaves to be done in PostgreSQL: slots and publications that Millrace has made, and tables in those that stay. */
import { SqlError } from '../../common/sqlError.ts';
import { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import type { PostgresCdcOptions } from '../../connector/postgresCdc/options.ts';
import { shownTable, unpublishTable } from '../../connector/postgresCdc/upstream.ts';
import type { Database } from '../database.ts';
import type { CatalogObject } from '../objects.ts';
import type { StatementContext } from '../statements/statement.ts';
import { dropUpstream } from './orphans.ts';
import type { CdcRuntime } from './runtime.ts';
import { cdcRuntime } from './tables.ts';

type Told = Pick<StatementContext, 'notice'>;

/** What fails is a warning, as what is here has gone already. */
async function attempt(
  context: Told,
  left: { readonly message: string; readonly hint: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    context.notice({ severity: 'WARNING', state: '01000', ...left, detail: error.message });
  }
}

/** Drops slot and publication, as far as Millrace has made them. */
export function removeUpstream(
  database: Database,
  options: PostgresCdcOptions,
  context: Told,
): Promise<void> {
  const { slot, publication, createsSlot, createsPublication } = options;
  if (!createsSlot && !createsPublication) return Promise.resolve();
  const things = [
    ...(createsSlot ? [`replication slot "${slot}"`] : []),
    ...(createsPublication ? [`publication "${publication}"`] : []),
  ].join(' and ');
  const commands = [
    ...(createsSlot ? [`SELECT pg_drop_replication_slot('${slot}')`] : []),
    ...(createsPublication ? [`DROP PUBLICATION "${publication}"`] : []),
  ].join('; ');
  const left = {
    message: `${things} could not be dropped in PostgreSQL at ${options.host}:${options.port}`,
    hint: `A slot keeps the server's log for as long as it is there. Millrace goes on trying; if the server is not to be reached from here any more, drop it there: ${commands};`,
  };
  const { orphans } = database.cdc;
  return attempt(context, left, async () => {
    try {
      await dropUpstream(options);
      orphans.forget(options);
    } catch (error) {
      orphans.look();
      throw error;
    }
  });
}

/** Takes the table out of the publication, unless another here follows it too. */
async function removeTable(
  database: Database,
  runtime: CdcRuntime,
  options: PostgresCdcOptions,
  context: Told,
): Promise<void> {
  const { upstream, sourceId } = runtime;
  if (upstream === null || !options.createsPublication) return;
  const name = shownTable(upstream);
  const followed = database.catalog.objects().some((object) => {
    const other = cdcRuntime(object);
    return other?.sourceId === sourceId && other.upstream !== null && shownTable(other.upstream) === name;
  });
  if (followed) return;
  const left = {
    message: `table "${name}" could not be taken out of publication "${options.publication}"`,
    hint: `ALTER PUBLICATION "${options.publication}" DROP TABLE ${name}; what is still published is not used.`,
  };
  await attempt(context, left, async () => {
    const connection = await UpstreamConnection.open(options);
    await unpublishTable(connection, options.publication, upstream).finally(() => connection.close());
  });
}

/** After a DROP: `before` are the objects of CDC that there were. */
export async function cleanUpDropped(
  before: readonly CatalogObject[],
  context: StatementContext,
): Promise<void> {
  const { database } = context;
  if (database.recovery !== null) return;
  for (const object of before) {
    const runtime = cdcRuntime(object);
    if (runtime === null || database.catalog.byId(object.id) !== null) continue;
    if (runtime.sourceId === null) {
      await database.cdc.end(object.id);
      await removeUpstream(database, runtime.options, context);
      continue;
    }
    const source = database.catalog.byId(runtime.sourceId);
    const options = source === null ? null : (cdcRuntime(source)?.options ?? null);
    if (options !== null) await removeTable(database, runtime, options, context);
  }
}
