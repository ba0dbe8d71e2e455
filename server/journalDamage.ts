/** A damaged journal in words: what is lost, how much of it, and what can be done. */
import { SqlError } from '../common/sqlError.ts';
import type { DamageReason, JournalDamage } from '../storage/journalDamage.ts';
import type { NumberedRecord } from '../storage/journalRecord.ts';
import type { JournalUnreadable } from '../storage/journalTable.ts';
import type { Database } from './database.ts';
import { recordOf } from './journalRecords.ts';
import { shownSql } from './secrets/shownSql.ts';

const HINT =
  'Restore the data directory from a backup, or start with --accept-data-loss to go on without what is lost; the damaged file is kept beside the new one.';

const reasons: Readonly<Record<DamageReason, string>> = {
  checksum: 'is not what was written (its checksum differs)',
  gap: 'is missing',
  page: 'lies on a damaged page',
  end: 'is missing at the end',
};

/** Ids of the objects that a record is about. */
function objectsOf({ kind, payload }: NumberedRecord): readonly number[] {
  const record = recordOf(payload) as {
    readonly id?: unknown;
    readonly rows?: unknown;
    readonly source?: { readonly id: number };
  };
  const ids: number[] = [];
  if (kind !== 'ddl' && typeof record.id === 'number') ids.push(record.id);
  if (kind === 'block' && record.source !== undefined) ids.push(record.source.id);
  if ((kind === 'commit' || kind === 'messages') && Array.isArray(record.rows)) {
    for (const row of record.rows as unknown[]) if (Array.isArray(row)) ids.push(Number(row[0]));
  }
  return ids;
}

/** What the records behind the damage are about: relations by name, new ones by their statement. */
function subjects(database: Database, records: readonly NumberedRecord[]): readonly string[] {
  const names = new Set<string>();
  for (const record of records) {
    if (record.kind === 'ddl') {
      const { sql } = recordOf(record.payload) as { readonly sql: string };
      names.add(`the statement ${shownSql(sql).replace(/\s+/g, ' ').slice(0, 60)}`);
      continue;
    }
    for (const id of objectsOf(record)) {
      const object = database.catalog.byId(id);
      if (object !== null) names.add(`${object.kind} ${object.schema}.${object.name}`);
    }
  }
  return [...names];
}

const MOST_NAMES = 20;

/** XX001: where the damage is and what it takes along. */
export function damageError(database: Database, directory: string, damage: JournalDamage): SqlError {
  const { lastGood, through, readable, bytes, reason } = damage;
  const lost = Math.max(1, through - lastGood);
  const names = subjects(database, readable);
  const shown = names.slice(0, MOST_NAMES).join(', ');
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const about =
    names.length === 0 ? 'What they were about cannot be read.' : `They are about: ${shown}${more}.`;
  return new SqlError(
    'XX001',
    `the journal in ${directory} is damaged: record ${lastGood + 1} ${reasons[reason]}`,
    {
      detail: `Records 1 to ${lastGood} are good; at least ${lost} after them are lost (${bytes} bytes of them are still in the file). ${about}`,
      hint: HINT,
    },
  );
}

/** XX001: nothing of it can be read. */
export function unreadableError(directory: string, error: JournalUnreadable): SqlError {
  return new SqlError(
    'XX001',
    `the journal in ${directory} is damaged and cannot be opened: ${error.message}`,
    {
      detail: 'All of it is lost: every table and view whose state is in no checkpoint.',
      hint: HINT,
    },
  );
}
