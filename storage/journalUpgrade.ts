/**
 * Format 1 to format 2 of the journal: records get checksums, and the newest positions of sources, which were a table of their
 * own, become the record that says how the history up to it is to be read (sources in one go, at the end).
 */
import type Sqlite from 'better-sqlite3';
import { recordChecksum } from './journalRecord.ts';

interface OldRecord {
  readonly seq: number;
  readonly kind: string;
  readonly payload: string;
}

/** Inside the transaction that opens the journal. `now`: the time at which sources will be read again. */
export function upgradeToFormat2(db: Sqlite.Database, now: bigint): void {
  const records = db.prepare('SELECT seq, kind, payload FROM record ORDER BY seq').all() as OldRecord[];
  const positions = db.prepare('SELECT id, payload FROM position ORDER BY id').all() as {
    readonly id: number;
    readonly payload: string;
  }[];
  db.exec('DROP TABLE position; DROP TABLE record');
  db.exec(
    'CREATE TABLE record (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, checksum INTEGER)',
  );
  const insert = db.prepare('INSERT INTO record (seq, kind, payload, checksum) VALUES (?, ?, ?, ?)');
  let seq = 0;
  const add = (kind: string, payload: string): void => {
    seq++;
    insert.run(seq, kind, payload, recordChecksum(seq, kind, payload));
  };
  if (records.length === 0) return;
  add('snapshot', JSON.stringify({ at: String(now) }));
  for (const { kind, payload } of records) add(kind, payload);
  const base = { at: String(now), version: null, positions: positions.map((p) => [p.id, p.payload]) };
  add('base', JSON.stringify(base));
}
