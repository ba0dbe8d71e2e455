/** The journal's file: numbers, what is put off, reading on from a number, truncation, the mark. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalFile } from '../../storage/journal.ts';
import { readMark, SqliteJournalStore } from '../../storage/journalStore.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const reopened = (): JournalFile => new JournalFile(new SqliteJournalStore(directory, 0n));

const payloads = (file: JournalFile, after = 0): readonly string[] =>
  [...file.read(after)].map(({ seq, payload }) => `${seq}:${payload}`);

describe('a journal', () => {
  it('numbers records in order, put off or not, and writes them in that order', async () => {
    let file = reopened();
    expect(file.appendLater('k', 'a')).toBe(1);
    expect(payloads(file)).toEqual([]);
    expect(file.append({ kind: 'k', payload: 'b' })).toBe(2);
    expect(file.appendLater('k', 'c')).toBe(3);
    expect([file.lastSeq, file.syncedSeq]).toEqual([3, 2]);
    expect(payloads(file)).toEqual(['1:a', '2:b']);
    await file.flushThrough(3);
    expect(file.syncedSeq).toBe(3);
    expect(readMark(directory)).toBe(3);
    file.appendLater('k', 'd');
    file.close();
    file = reopened();
    expect(payloads(file)).toEqual(['1:a', '2:b', '3:c', '4:d']);
    expect(payloads(file, 3)).toEqual(['4:d']);
    file.close();
  });

  it('forgets what a checkpoint covers, and goes on with its numbers', () => {
    let file = reopened();
    for (const payload of ['a', 'b', 'c']) file.append({ kind: 'k', payload });
    file.appendLater('k', 'd');
    file.truncateThrough(2);
    expect(payloads(file, 2)).toEqual(['3:c']);
    expect(file.records).toBe(2);
    file.truncateThrough(4);
    file.close();
    file = reopened();
    expect(file.truncated).toBe(4);
    expect(payloads(file, 4)).toEqual([]);
    expect(file.append({ kind: 'k', payload: 'e' })).toBe(5);
    expect(payloads(file, 4)).toEqual(['5:e']);
    file.close();
  });

  it('continues after a checkpoint that is ahead of it', () => {
    let file = reopened();
    file.append({ kind: 'k', payload: 'a' });
    file.continueAfter(7);
    expect(file.append({ kind: 'k', payload: 'h' })).toBe(8);
    file.close();
    file = reopened();
    expect(payloads(file, 7)).toEqual(['8:h']);
    file.close();
  });

  it('takes back records that could not be synced, and writes the others again', async () => {
    const store = new SqliteJournalStore(directory, 0n);
    const { sync } = SqliteJournalStore.prototype;
    let broken = true;
    store.sync = () => (broken ? Promise.reject(new Error('broken')) : sync.call(store));
    let file = new JournalFile(store);
    file.appendLater('k', 'kept');
    const last = file.write([{ kind: 'k', payload: 'refused' }]);
    await expect(file.flushThrough(last)).rejects.toMatchObject({ state: '58030' });
    file.retract(last);
    broken = false;
    const next = file.write([{ kind: 'k', payload: 'taken' }]);
    await file.flushThrough(next);
    file.close();
    file = reopened();
    expect(payloads(file)).toEqual(['1:kept', '2:taken']);
    file.close();
  });

  it('does not trust a sync that has succeeded while another failed', async () => {
    const store = new SqliteJournalStore(directory, 0n);
    const { sync, syncNow } = SqliteJournalStore.prototype;
    let release = (): void => {};
    store.sync = () => new Promise((resolve) => (release = resolve));
    store.syncNow = () => {
      throw Object.assign(new Error('disk I/O error'), { code: 'EIO' });
    };
    const file = new JournalFile(store);
    const first = file.appendLater('k', 'a');
    const flushed = file.flushThrough(first);
    expect(() => file.append({ kind: 'k', payload: 'b' })).toThrow('disk I/O error');
    release();
    // The system tells one of them only.
    await expect(flushed).rejects.toMatchObject({ state: '58030' });
    expect(file.syncedSeq).toBe(0);
    Object.assign(store, { sync, syncNow });
    await file.flushThrough(first);
    expect(file.syncedSeq).toBe(1);
    expect(payloads(file)).toEqual(['1:a']);
    file.close();
  });
});
