/** The journal's store after a sync that failed: what comes later does not depend on the log that may have a hole. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordChecksum, type StoredRecord } from '../../storage/journalRecord.ts';
import { SqliteJournalStore } from '../../storage/journalStore.ts';

const fs = createRequire(import.meta.url)('node:fs') as typeof import('node:fs');
const { fdatasync, fdatasyncSync } = fs;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-sync-'));
});
afterEach(() => {
  Object.assign(fs, { fdatasync, fdatasyncSync });
  syncBuiltinESMExports();
  rmSync(directory, { recursive: true, force: true });
});

function record(seq: number): StoredRecord {
  return { seq, kind: 'tick', payload: '{}', checksum: recordChecksum(seq, 'tick', '{}') };
}

it('leaves a log whose sync has failed', async () => {
  const store = new SqliteJournalStore(directory, 0n);
  const logBytes = (): number => statSync(join(directory, 'journal.db-wal')).size;
  store.write([record(1)], null);
  const failure = Object.assign(new Error('disk I/O error'), { code: 'EIO' });
  Object.assign(fs, { fdatasync: (_: number, done: (error: Error) => void) => done(failure) });
  syncBuiltinESMExports();
  await expect(store.sync()).rejects.toThrow('disk I/O error');
  Object.assign(fs, { fdatasync });
  syncBuiltinESMExports();
  expect(logBytes()).toBeGreaterThan(0);
  store.write([record(2)], null);
  await store.sync();
  expect(logBytes()).toBe(0);
  store.write([record(3)], null);
  await store.sync();
  expect(logBytes()).toBeGreaterThan(0);
  store.close();
  const reopened = new SqliteJournalStore(directory, 0n);
  expect(reopened.read(0, 10).map((r) => r.seq)).toEqual([1, 2, 3]);
  reopened.close();
});
