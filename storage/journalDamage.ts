/** A journal that is not what was written: how far it is good, and what can be told about the rest. */
import { isIntact, type NumberedRecord, type StoredRecord } from './journalRecord.ts';
import type { JournalStore } from './journalStore.ts';

/** `end`: records that were on disk are missing at the end. */
export type DamageReason = 'checksum' | 'gap' | 'page' | 'end';

/** Records kept of those that can still be read behind the damage. */
const MOST_KEPT = 10_000;
const PAGE = 256;
/** Attempts to find readable records behind a damaged page. */
const MOST_ATTEMPTS = 4096;

export class JournalDamage extends Error {
  override readonly name = 'JournalDamage';
  readonly store: JournalStore;
  readonly reason: DamageReason;
  /** Everything through this number is as it was written. */
  readonly lastGood: number;
  /** Highest number that is known to have been written. */
  readonly through: number;
  /** Records after `lastGood` that can be read: what they say is lost as well, since what came before them is missing. */
  readonly readable: readonly NumberedRecord[];
  /** Size of all readable records, damaged ones too. */
  readonly bytes: number;

  constructor(store: JournalStore, lastGood: number, reason: DamageReason) {
    super(`the journal is damaged after record ${lastGood}`);
    this.store = store;
    this.reason = reason;
    this.lastGood = lastGood;
    const readable: NumberedRecord[] = [];
    let through = Math.max(lastGood, store.marked);
    let bytes = 0;
    for (const record of remaining(store, lastGood)) {
      bytes += Buffer.byteLength(record.payload);
      if (record.seq > through) through = record.seq;
      if (isIntact(record) && readable.length < MOST_KEPT) readable.push(record);
    }
    this.through = through;
    this.readable = readable;
    this.bytes = bytes;
  }
}

/** Whatever can be read after `after`, over damaged pages. */
function* remaining(store: JournalStore, after: number): Generator<StoredRecord> {
  let last = after;
  let step = 1;
  for (let attempts = 0; attempts < MOST_ATTEMPTS; attempts++) {
    let page: readonly StoredRecord[];
    try {
      page = store.read(last, PAGE);
    } catch {
      last += step;
      step = Math.min(step * 2, PAGE);
      continue;
    }
    if (page.length === 0) return;
    for (const record of page) {
      last = record.seq;
      yield record;
    }
  }
}
