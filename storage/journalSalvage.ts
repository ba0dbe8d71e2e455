/**
 * What is good of a damaged journal becomes the journal, and the damaged file stays beside it for whoever wants to look. Only
 * on an operator's word.
 */
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredRecord } from './journalRecord.ts';
import { type JournalStore, MARK_FILE, SqliteJournalStore } from './journalStore.ts';
import { JOURNAL_FILE } from './journalTable.ts';
import { ROWS_DIRECTORY } from './rowsFiles.ts';

const PAGE = 256;

/** A name that nothing in the directory has: `journal.db.damaged-1` ... */
function damagedName(directory: string): string {
  for (let n = 1; ; n++) {
    const name = join(directory, `${JOURNAL_FILE}.damaged-${n}`);
    if (!existsSync(name)) return name;
  }
}

function setAside(directory: string): void {
  const file = join(directory, JOURNAL_FILE);
  const aside = damagedName(directory);
  if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${aside}-wal`);
  if (existsSync(file)) linkSync(file, aside);
  const rows = join(directory, ROWS_DIRECTORY);
  if (existsSync(rows)) renameSync(rows, `${aside}-rows`);
  rmSync(join(directory, MARK_FILE), { force: true });
}

/** A journal that cannot be opened gives way to an empty one. */
export function abandonJournal(directory: string): void {
  setAside(directory);
  rmSync(join(directory, JOURNAL_FILE), { force: true });
}

/** Keeps the records through `lastGood`. `store` is closed; gives the one that takes its place. */
export function salvageJournal(
  directory: string,
  store: JournalStore,
  lastGood: number,
  now: bigint,
): JournalStore {
  const aside = mkdtempSync(join(directory, 'salvage-'));
  const target = new SqliteJournalStore(aside, now);
  for (let last = Number(store.meta('truncated') ?? 0); last < lastGood; ) {
    const page: readonly StoredRecord[] = store
      .read(last, Math.min(PAGE, lastGood - last))
      .filter((record) => record.seq <= lastGood);
    const end = page[page.length - 1];
    if (end === undefined) break;
    target.write(page, null);
    last = end.seq;
  }
  for (const key of ['truncated', 'seed'] as const) {
    const value = store.meta(key);
    if (value !== null) target.setMeta(key, value);
  }
  target.syncNow();
  target.close();
  store.close();
  setAside(directory);
  const rows = join(aside, ROWS_DIRECTORY);
  if (existsSync(rows)) renameSync(rows, join(directory, ROWS_DIRECTORY));
  renameSync(join(aside, JOURNAL_FILE), join(directory, JOURNAL_FILE));
  rmSync(aside, { recursive: true });
  return new SqliteJournalStore(directory, now);
}
