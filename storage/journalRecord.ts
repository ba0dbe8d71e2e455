/** A record of the journal as it is stored, and its checksum. */
import { crc32 } from 'node:zlib';

/** Text, or bytes: SQLite keeps either as it is. */
export type Payload = string | Uint8Array;

export interface JournalRecord {
  readonly kind: string;
  readonly payload: Payload;
}

/** Numbers rise by one. */
export interface NumberedRecord extends JournalRecord {
  readonly seq: number;
}

export interface StoredRecord extends NumberedRecord {
  readonly checksum: number;
}

/** The checksum of a record, over its number and what it says. */
export function recordChecksum(seq: number, kind: string, payload: Payload): number {
  return crc32(payload, crc32(`${seq}:${kind}:`));
}

export function isIntact({ seq, kind, payload, checksum }: StoredRecord): boolean {
  return checksum === recordChecksum(seq, kind, payload);
}
