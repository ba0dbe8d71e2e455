/**
 * What a source could not use becomes dead letters: rows of its relation in the tick that brings what came with them. Restarts
 * make the same letters of the same records: read again, or told by the journal.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { Database } from '../database.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import { deadRelationOf } from './deadRelation.ts';
import { letterRow } from './letterRow.ts';

/** Files what has come to nothing since the last tick, and changes what REPROCESS has changed. Within a tick. */
export function fileLetters(database: Database, owner: SourceObject | TableObject): void {
  if (owner.source === null || !owner.source.bad.due) return;
  const { bad } = owner.source;
  const [records, changed] = [bad.take(), bad.takeChanged()];
  const relation = deadRelationOf(database, owner.id);
  if (relation === null) return;
  const store = lateStoreOf(relation);
  if (changed.length > 0) {
    store.adopt(changed);
    database.pushRows(relation, changed);
  }
  if (records.length === 0) return;
  const now = database.watermarks.now();
  const last = store.lastNumber;
  const rows = records.map((record, i) => letterRow(record, last + BigInt(i) + 1n, now));
  database.pushRows(relation, store.take(rows, now));
}

/** A tick for letters, where there is none for anything else. */
export function tickLetters(database: Database, owner: SourceObject | TableObject): void {
  if (owner.source?.bad.due === true) database.runTick(() => fileLetters(database, owner));
}

/** Pauses a source that has brought too many bad records within a minute. Not in a restart, which reads what was read. */
export function limitLetters({ source, name }: SourceObject | TableObject): void {
  if (source === null || source.paused !== null) return;
  const { maxPerMinute } = source.letters;
  if (maxPerMinute === null || source.bad.inMinute <= maxPerMinute) return;
  source.stop(
    new SqlError(
      '53400',
      `source "${name}" has brought more than ${maxPerMinute} bad records within a minute (option on_error.max.per.minute)`,
      { hint: 'Look at its dead letters, then resume it.' },
    ),
  );
}
