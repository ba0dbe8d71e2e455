/** Large payloads beside the journal's database: read back, given up with their records, and torn by power loss. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { JournalFile } from '../../storage/journal.ts';
import { JournalDamage } from '../../storage/journalDamage.ts';
import { JournalRows } from '../../storage/journalRows.ts';
import { salvageJournal } from '../../storage/journalSalvage.ts';
import { MARK_FILE, SqliteJournalStore } from '../../storage/journalStore.ts';
import { ROWS_DIRECTORY } from '../../storage/rowsFiles.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-rows-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const large = (fill: number): Uint8Array => new Uint8Array(100_000).fill(fill);
const opened = (): JournalFile => new JournalFile(new SqliteJournalStore(directory, 0n));
const rowsFiles = (): readonly string[] => readdirSync(join(directory, ROWS_DIRECTORY)).sort();
const fills = (journal: JournalFile, after = 0): readonly (number | string | undefined)[] =>
  [...journal.read(after)].map(({ payload }) =>
    typeof payload === 'string' ? payload : payload.length === 100_000 ? payload[99_999] : -1,
  );

/** Three large records and a small one between them, synced through a number; what a killed process leaves of it. */
async function written(synced: number): Promise<void> {
  const journal = opened();
  journal.appendLater('block', large(1));
  journal.appendLater('tick', 'small');
  const second = journal.appendLater('block', large(2));
  if (synced >= second) await journal.flushThrough(second);
  else journal.tryFlush();
  journal.appendLater('block', large(3));
  journal.tryFlush();
  const live = directory;
  directory = `${live}-killed`;
  cpSync(live, directory, { recursive: true });
  journal.close();
  rmSync(live, { recursive: true });
}

it('reads large payloads back, over restarts', async () => {
  await written(3);
  const journal = opened();
  expect(fills(journal)).toEqual([1, 'small', 2, 3]);
  journal.appendLater('block', large(4));
  journal.close();
  expect(fills(opened(), 2)).toEqual([2, 3, 4]);
  expect(rowsFiles()).toEqual(['1', '2']);
});

it('takes files away that no record needs any more', async () => {
  await written(3);
  const journal = opened();
  journal.appendLater('block', large(4));
  journal.flushNow();
  journal.truncateThrough(4);
  // Power loss could bring the records back.
  expect(rowsFiles()).toEqual(['1', '2']);
  journal.append({ kind: 'tick', payload: 'small' });
  expect(rowsFiles()).toEqual(['2']);
  expect(fills(journal, 4)).toEqual([4, 'small']);
  journal.close();
});

it('leaves out what power loss has torn, and what follows it', async () => {
  await written(3);
  truncateSync(join(directory, ROWS_DIRECTORY, '1'), 250_000);
  const journal = opened();
  expect(fills(journal)).toEqual([1, 'small', 2]);
  expect(journal.lastSeq).toBe(3);
  journal.close();
});

it('reports rows that were on disk and are not there', async () => {
  await written(3);
  truncateSync(join(directory, ROWS_DIRECTORY, '1'), 150_000);
  const journal = opened();
  let damage: unknown = null;
  try {
    fills(journal);
  } catch (error) {
    damage = error;
  }
  expect(damage).toBeInstanceOf(JournalDamage);
  if (!(damage instanceof JournalDamage)) return;
  expect(damage.lastGood).toBe(2);
  const salvaged = new JournalFile(salvageJournal(directory, damage.store, damage.lastGood, 0n));
  expect(fills(salvaged)).toEqual([1, 'small']);
  expect(existsSync(join(directory, 'journal.db.damaged-1-rows', '1'))).toBe(true);
  salvaged.close();
});

it('reports rows that are not there where the mark is lost', async () => {
  await written(3);
  truncateSync(join(directory, ROWS_DIRECTORY, '1'), 250_000);
  rmSync(join(directory, MARK_FILE));
  const journal = opened();
  expect(() => fills(journal)).toThrow(JournalDamage);
  journal.close();
});

it('writes everything again, elsewhere, after a sync that failed', async () => {
  const store = new SqliteJournalStore(directory, 0n);
  const journal = new JournalFile(store);
  const { sync } = SqliteJournalStore.prototype;
  store.sync = () => Promise.reject(Object.assign(new Error('disk I/O error'), { code: 'EIO' }));
  const seq = journal.appendLater('block', large(7));
  await expect(journal.flushThrough(seq)).rejects.toThrow('disk I/O error');
  store.sync = sync;
  await journal.flushThrough(seq);
  journal.close();
  expect(fills(opened())).toEqual([7]);
});

it('syncs a file again that got more, and gave way to the next, while it was synced', async () => {
  const synced: number[] = [];
  let release = (): void => {};
  const rows = new JournalRows(
    {
      names: () => [],
      create: (file) => ({
        write: () => {},
        sync: () => {
          synced.push(file);
          return new Promise((resolve) => (release = resolve));
        },
        syncNow: () => synced.push(file),
        close: () => {},
      }),
      read: () => null,
      remove: () => {},
    },
    100,
  );
  rows.add(new Uint8Array(90));
  const sync = rows.sync();
  expect(rows.add(new Uint8Array(90)).file).toBe(1);
  expect(rows.add(new Uint8Array(90)).file).toBe(2);
  release();
  await sync;
  expect(synced).toEqual([1]);
  rows.syncNow();
  expect(synced).toEqual([1, 1, 2]);
});
