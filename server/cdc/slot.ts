/** Slot and publication of a CDC source: made when it begins, looked at while it runs, removed when it is dropped. */
import { SqlError } from '../../common/sqlError.ts';
import type { UpstreamConnection } from '../../connector/postgresCdc/connection.ts';
import { formatLsn, parseLsn } from '../../connector/postgresCdc/lsn.ts';
import type { PostgresCdcOptions } from '../../connector/postgresCdc/options.ts';
import {
  checkServer,
  createPublication,
  createSlot,
  dropPublication,
  dropSlot,
  publicationExists,
  publishTable,
  type SlotStatus,
  slotStatus,
  type TableName,
} from '../../connector/postgresCdc/upstream.ts';
import type { Making } from './orphans.ts';

/** Another's slot that is to be used: it must be there, and of our plugin. */
async function adoptSlot(connection: UpstreamConnection, { slot }: PostgresCdcOptions): Promise<string> {
  const status = await slotStatus(connection, slot);
  if (status === null) {
    throw new SqlError('42704', `replication slot "${slot}" does not exist`, {
      hint: `Make it: SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput'); or leave slot.create.enable out.`,
    });
  }
  if (status.plugin !== 'pgoutput' || status.confirmedLsn === null) {
    throw new SqlError('55000', `replication slot "${slot}" is of plugin "${status.plugin}", not pgoutput`);
  }
  return status.confirmedLsn;
}

async function requirePublication(connection: UpstreamConnection, name: string): Promise<void> {
  if (await publicationExists(connection, name)) return;
  throw new SqlError('42704', `publication "${name}" does not exist`, {
    hint: `Make it: CREATE PUBLICATION "${name}"; or leave publication.create.enable out.`,
  });
}

function taken(what: string, name: string, option: string): SqlError {
  return new SqlError('42710', `${what} "${name}" already exists`, {
    hint: `Choose another name, or use it as it is with ${option} = 'false'.`,
  });
}

/**
 * For a new source: checks the server and makes both. Gives the position from which changes are kept. `making` is told before the first
 * is made.
 */
export async function makeSlot(
  connection: UpstreamConnection,
  options: PostgresCdcOptions,
  making: Making,
): Promise<string> {
  const { slot, publication, createsPublication, createsSlot } = options;
  await checkServer(connection);
  if (createsSlot && (await slotStatus(connection, slot)) !== null) {
    throw taken('replication slot', slot, 'slot.create.enable');
  }
  if (!createsPublication) await requirePublication(connection, publication);
  else if (await publicationExists(connection, publication)) {
    throw taken('publication', publication, 'publication.create.enable');
  }
  making.note();
  try {
    if (createsPublication) await createPublication(connection, publication);
    return createsSlot ? await createSlot(connection, slot) : await adoptSlot(connection, options);
  } catch (error) {
    // Made by somebody else in this very moment.
    if (error instanceof SqlError && error.state === '42710') making.forget();
    else if (createsPublication) await dropPublication(connection, publication).catch(() => {});
    throw error;
  }
}

/** For a source whose stream cannot go on: a new slot over all its tables, whose rows have to be compared afterwards. */
export async function remakeSlot(
  connection: UpstreamConnection,
  options: PostgresCdcOptions,
  tables: readonly TableName[],
): Promise<string> {
  const { slot, publication, createsPublication, createsSlot } = options;
  await checkServer(connection);
  if (!createsPublication) await requirePublication(connection, publication);
  else {
    if (!(await publicationExists(connection, publication))) await createPublication(connection, publication);
    for (const table of tables) await publishTable(connection, publication, table);
  }
  if (!createsSlot) return adoptSlot(connection, options);
  await dropSlot(connection, slot);
  return createSlot(connection, slot);
}

/** 55000 when the slot has not what the stream needs any more. */
export function checkSlot(status: SlotStatus | null, { slot }: PostgresCdcOptions): void {
  if (status !== null && status.walStatus !== 'lost') return;
  throw new SqlError(
    '55000',
    status === null
      ? `replication slot "${slot}" does not exist any more`
      : `replication slot "${slot}" has lost changes: the server has removed what it had to keep (max_slot_wal_keep_size)`,
    { hint: 'ALTER SOURCE ... RESUME makes a new slot and compares all rows of the tables.' },
  );
}

/** 55000 when the slot has been told that more is here than is: the data directory is an older one. */
export function checkNotAhead(status: SlotStatus | null, from: bigint, { slot }: PostgresCdcOptions): void {
  const confirmed = status?.confirmedLsn ?? null;
  if (confirmed === null || parseLsn(confirmed) <= from) return;
  throw new SqlError(
    '55000',
    `replication slot "${slot}" has lost changes: it is at ${confirmed}, this database at ${formatLsn(from)}`,
    {
      detail:
        'The data directory is older than the slot: a backup was restored, or another server has used the slot.',
    },
  );
}

/** An error after which only a new slot helps. */
export function losesSlot(error: SqlError): boolean {
  return /replication slot ".*" (does not exist|has lost)|can no longer get changes|cannot read from logical replication slot|This slot has been invalidated|publication ".*" does not exist/.test(
    `${error.message} ${error.detail ?? ''}`,
  );
}
