/**
 * The disk of a simulated server: the journal's table, the files beside it (rowsFiles.ts) and the checkpoint's file in memory, with
 * the guarantees that SQLite in WAL mode gives and no more. A transaction is whole or absent; those that were not synced may be
 * lost with everything after them (power) or are kept (death of the process); a mark beside the journal may be any of those
 * written. A checkpoint's commit is synced. A checkpoint whose commit failed may turn out to be there after a crash.
 *
 * Over the table and the files runs the store that servers have (storage/journalStore.ts), and over the checkpoint's their writer
 * (storage/checkpoint/checkpointWriter.ts), with sizes that make much of little.
 *
 * Every call that touches the disk is an event before and after its effect. At the event `crashAt` the server dies: everything
 * after it fails and changes nothing. Between two events lies no other change, so these are all the crashes there are.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';
import type {
  CheckpointInput,
  CheckpointOutput,
  CheckpointPlace,
} from '../../storage/checkpoint/checkpointPlace.ts';
import { CheckpointWriter } from '../../storage/checkpoint/checkpointWriter.ts';
import type { Payload } from '../../storage/journalRecord.ts';
import { JournalRows } from '../../storage/journalRows.ts';
import { type JournalStore, PlacedStore } from '../../storage/journalStore.ts';
import type { JournalTable, MetaKey, PlacedRecord } from '../../storage/journalTable.ts';
import { type Checkpoint, nothing, SimulatedThread } from './checkpointThread.ts';
import type { Life, Told } from './life.ts';
import { SimulatedFiles } from './rowsFiles.ts';

/** Payloads of bytes from this size on are kept in files, which give way to the next at this size. */
const LARGE_BYTES = 120;
const FILE_BYTES = 700;
/** Memory that a checkpoint's writer has together with its thread, at most, and bytes that go in one message. */
const ROOM_BYTES = 16_384;
const MESSAGE_BYTES = 2048;

export type Fault = 'full' | 'io';
export type CrashKind = 'process' | 'power';
type Random = (n: number) => number;

/** `whole`: what the record says, wherever that is kept. */
type KeptRecord = PlacedRecord & { readonly whole: Payload };

type Transaction =
  | {
      readonly kind: 'write';
      readonly records: readonly KeptRecord[];
      readonly dropFrom: number | null;
      /** Those through this number stay in history: a checkpoint covers them. */
      readonly covered: number;
    }
  | { readonly kind: 'truncate'; readonly seq: number }
  | { readonly kind: 'meta'; readonly key: MetaKey; readonly value: string };

/** A journal's contents; records that were truncated stay for those who want to replay all of history. */
class Contents {
  readonly records: KeptRecord[] = [];
  truncated = 0;
  /** Taken out by a server that found them torn, and covered by a checkpoint. */
  readonly torn = new Set<number>();
  readonly meta = new Map<MetaKey, string>();

  apply(transaction: Transaction): void {
    switch (transaction.kind) {
      case 'write': {
        const { records, dropFrom, covered } = transaction;
        if (dropFrom !== null) {
          for (let seq = dropFrom; seq <= covered; seq++) this.torn.add(seq);
          this.records.length = Math.min(this.records.length, Math.max(covered, dropFrom - 1));
        }
        this.fill(Math.min(this.truncated, (records[0]?.seq ?? 0) - 1));
        for (const record of records) {
          if (record.seq !== this.records.length + 1)
            throw new TypeError(`record ${record.seq} after ${this.records.length}`);
          this.records.push(record);
        }
        return;
      }
      case 'truncate':
        this.truncated = transaction.seq;
        this.meta.set('truncated', String(transaction.seq));
        return;
      case 'meta':
        this.meta.set(transaction.key, transaction.value);
        return;
    }
  }

  /** Records that no journal ever had: a checkpoint that came before their writing succeeded covers them. */
  fill(through: number): void {
    while (this.records.length < through) {
      const seq = this.records.length + 1;
      this.records.push({ seq, kind: 'unwritten', payload: '', whole: '', checksum: -seq, place: null });
    }
  }

  *visible(): Generator<KeptRecord> {
    for (const record of this.records)
      if (record.seq > this.truncated && !this.torn.has(record.seq)) yield record;
  }

  get isWhole(): boolean {
    return this.records.every(({ kind }) => kind !== 'unwritten');
  }

  copy(): Contents {
    const copy = new Contents();
    copy.records.push(...this.records);
    copy.truncated = this.truncated;
    for (const seq of this.torn) copy.torn.add(seq);
    for (const [key, value] of this.meta) copy.meta.set(key, value);
    return copy;
  }
}

function faultError(fault: Fault): Error {
  return fault === 'full'
    ? Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    : Object.assign(new Error('disk I/O error'), { code: 'EIO' });
}

function descriptionOf({ description }: Checkpoint) {
  if (description === null) return null;
  return JSON.parse(description) as { readonly journalSeq: number; readonly version: string };
}

/** Records through this number are covered. */
function seqOf(checkpoint: Checkpoint): number {
  return descriptionOf(checkpoint)?.journalSeq ?? 0;
}

export class Disk implements JournalTable, CheckpointPlace, Life {
  /** At the operating system, and surely on the disk. */
  readonly #written: Contents;
  readonly #synced: Contents;
  /** What leads from the one to the other. */
  #pending: Transaction[] = [];
  /** Transactions that have left `#pending`. */
  #gone = 0;
  readonly marks: number[];
  #checkpoint: Checkpoint;
  /** A commit that failed, yet may be found. */
  #doubtful: Checkpoint | null = null;
  #random: Random;
  events = 0;
  crashAt: number | null = null;
  dead = false;
  /** What must not have been asked of it; null: nothing. */
  wrong: string | null = null;
  /**
   * Power goes as soon as one of these has been told something so many times: what is not on disk then is lost. After `rows`: but for
   * the records, of which the rows are.
   */
  lossAfter: { readonly who: Told; left: number } | null = null;
  /** Power has gone in that way. */
  lostAfter: Told | null = null;
  fault: Fault | null = null;
  /** Turns of the event loop that a sync takes, at most. */
  slowness = 1;
  readonly #files: SimulatedFiles;
  /** Before the server has looked at the journal: what it takes out is torn. */
  #opening = true;
  /** Records that the server has found. */
  found: number | null = null;
  /** Space that is kept in reserve; what is free for the next writes of it. */
  #reserved = false;
  #spare = false;

  constructor(
    random: Random,
    journal = new Contents(),
    checkpoint = nothing,
    mark = 0,
    files: ReadonlyMap<number, Uint8Array> = new Map(),
  ) {
    this.#random = random;
    this.#written = journal;
    this.#synced = journal.copy();
    this.#checkpoint = checkpoint;
    this.marks = [mark];
    this.#files = new SimulatedFiles(
      {
        live: () => this.#live(),
        meet: (kind) => this.#meet(kind),
        random,
        turns: () => this.#random(this.slowness),
      },
      files,
    );
  }

  /** The journal's store as a server opens it. */
  openStore(): JournalStore {
    const [seq] = this.marks;
    const mark = { seq: seq ?? 0, isLost: false, write: (n: number) => this.#mark(n), close: () => {} };
    const reserve = { hold: () => this.#reserve(), release: () => this.#release() };
    const rows = new JournalRows(this.#files, FILE_BYTES);
    const store = new PlacedStore({ table: this, rows, mark, reserve, largeBytes: LARGE_BYTES });
    this.#opening = false;
    this.found = this.lastWritten;
    return store;
  }

  /** What is there for a server that starts after the crash. */
  afterCrash(kind: CrashKind, random: Random): Disk {
    const lucky = kind === 'process' ? this.#pending.length : this.#lucky(random);
    const checkpoint = this.#doubtful !== null && random(2) === 0 ? this.#doubtful : this.#checkpoint;
    const covered = seqOf(checkpoint);
    // What the checkpoint covers must be there to compare the state with, as it was written last.
    const needed = this.#pending.findLastIndex(
      (t) => t.kind === 'write' && Math.min(t.dropFrom ?? Infinity, t.records[0]?.seq ?? Infinity) <= covered,
    );
    const journal = this.#synced.copy();
    for (const transaction of this.#pending.slice(0, Math.max(lucky, needed + 1))) journal.apply(transaction);
    journal.fill(covered);
    const known = kind === 'process' ? this.marks.slice(-1) : this.marks;
    const mark = known[random(known.length)] ?? 0;
    return new Disk(random, journal, checkpoint, mark, this.#files.left(kind, random));
  }

  /** Another disk with the whole journal and without a checkpoint; null: some of it was only ever in a checkpoint. */
  wholeHistory(): Disk | null {
    if (!this.#written.isWhole) return null;
    const journal = new Contents();
    const inline = ({ whole, ...record }: KeptRecord): KeptRecord => ({
      ...record,
      payload: whole,
      whole,
      place: null,
    });
    journal.records.push(...this.#written.records.map(inline));
    for (const [key, value] of this.#written.meta) if (key !== 'truncated') journal.meta.set(key, value);
    return new Disk(() => 0, journal, nothing, 0);
  }

  /**
   * Makes disks that have been restored from a backup of now: the newest checkpoint, and no journal. Its history is kept for those
   * who want to replay it.
   */
  backup(): (random: Random) => Disk {
    const history = this.#written.copy();
    history.records.length = Math.min(history.records.length, this.covered);
    history.fill(this.covered);
    history.truncated = this.covered;
    history.meta.clear();
    const checkpoint = this.#checkpoint;
    return (random) => new Disk(random, history.copy(), checkpoint, 0);
  }

  get lastWritten(): number {
    return this.#written.records.length;
  }

  /** Number of the newest record of this kind that says so; 0: there is none. */
  newest(kind: string, text: string): number {
    const found = this.#written.records.findLast(
      (record) => record.kind === kind && typeof record.whole === 'string' && record.whole.includes(text),
    );
    return found?.seq ?? 0;
  }

  get lastSynced(): number {
    return this.#synced.records.length;
  }

  /** Records through this number are covered by the checkpoint. */
  get covered(): number {
    return seqOf(this.#checkpoint);
  }

  /** Of the checkpoint. */
  get version(): bigint {
    return BigInt(descriptionOf(this.#checkpoint)?.version ?? 0);
  }

  get hasCheckpoint(): boolean {
    return this.#checkpoint.description !== null;
  }

  /** Names the history up to record `seq`. */
  historyThrough(seq: number): string {
    let hash = 0;
    for (const { checksum } of this.#written.records.slice(0, seq)) hash = crc32(String(checksum), hash);
    return `${seq}:${hash}`;
  }

  /** False: the server is dead. */
  event(): boolean {
    if (this.dead) return false;
    this.dead = this.events++ === this.crashAt;
    return !this.dead;
  }

  /** How many transactions that were not synced are there after power loss. */
  #lucky(random: Random): number {
    if (this.lostAfter === null) return random(this.#pending.length + 1);
    return this.lostAfter === 'rows' ? this.#pending.length : 0;
  }

  told(who: Told): void {
    if (this.dead || this.lossAfter?.who !== who) return;
    if (--this.lossAfter.left > 0) return;
    this.dead = true;
    this.lostAfter = who;
  }

  isAlive(): boolean {
    return !this.dead;
  }

  #live(): void {
    if (!this.event()) throw faultError('io');
  }

  /** What a write or a sync meets. */
  #meet(kind: 'write' | 'sync'): Error | null {
    const { fault } = this;
    if (fault === null) return null;
    if (kind === 'sync') return fault === 'io' && this.#random(2) > 0 ? faultError('io') : null;
    if (fault === 'full' && this.#spare) return null;
    return this.#random(4) > 0 ? faultError(fault) : null;
  }

  #change(transaction: Transaction): void {
    this.#live();
    const error = this.#meet('write');
    if (error !== null) throw error;
    try {
      this.#written.apply(transaction);
    } catch (error) {
      // The journal would take it for the disk's.
      this.wrong ??= String(error);
      throw error;
    }
    this.#pending.push(transaction);
    this.#live();
  }

  #reserve(): void {
    this.#live();
    const error = this.#reserved ? null : this.#meet('write');
    if (error !== null) throw error;
    this.#reserved = true;
    this.#live();
  }

  #release(): boolean {
    this.#live();
    const held = this.#reserved;
    this.#spare = held;
    this.#reserved = false;
    return held;
  }

  #mark(seq: number): void {
    this.#live();
    this.marks.push(seq);
  }

  // The journal's table

  write(records: readonly PlacedRecord[], dropFrom: number | null): void {
    const kept = records.map((record): KeptRecord => {
      const { place, payload } = record;
      const whole = place === null ? payload : this.#files.read(place.file, place.at, place.bytes);
      if (whole === null) throw new TypeError(`record ${record.seq} was written before its rows`);
      return { ...record, whole };
    });
    const covered = this.#opening ? this.covered : 0;
    this.#change({ kind: 'write', records: kept, dropFrom, covered });
    if (kept.some(({ place }) => place !== null)) this.told('rows');
  }

  async sync(): Promise<void> {
    this.#live();
    // Only what was written before it began.
    const through = this.#gone + this.#pending.length;
    const error = this.#meet('sync');
    for (let i = this.#random(this.slowness); i >= 0; i--) await nextTurn();
    this.#live();
    if (error !== null) throw error;
    // A syncNow meanwhile may have done it.
    this.#moveToDisk(Math.max(0, through - this.#gone));
    this.#live();
  }

  syncNow(): void {
    this.#live();
    const error = this.#meet('sync');
    if (error !== null) throw error;
    this.#moveToDisk(this.#pending.length);
    this.#live();
  }

  #moveToDisk(count: number): void {
    for (const transaction of this.#pending.splice(0, count)) this.#synced.apply(transaction);
    this.#gone += count;
    this.#spare = false;
  }

  *records(after: number, limit: number): Generator<PlacedRecord> {
    let left = limit;
    for (const record of this.#written.visible()) {
      if (record.seq <= after) continue;
      if (left-- === 0) return;
      yield record;
    }
  }

  placed(after: number): readonly number[] {
    return [...this.#written.visible()]
      .filter(({ seq, place }) => seq > after && place !== null)
      .map(({ seq }) => seq);
  }

  files(): readonly number[] {
    return [...this.#written.visible()].flatMap(({ place }) => (place === null ? [] : [place.file]));
  }

  last(): number {
    return [...this.#written.visible()].at(-1)?.seq ?? 0;
  }

  truncate(seq: number): void {
    this.#change({ kind: 'truncate', seq });
  }

  setCalm(): void {}

  meta(key: MetaKey): string | null {
    return this.#written.meta.get(key) ?? null;
  }

  setMeta(key: MetaKey, value: string): void {
    this.#change({ kind: 'meta', key, value });
  }

  // The checkpoint's file

  readonly path = 'the simulated disk';

  open(): CheckpointInput {
    const { description, images, blocks } = this.#checkpoint;
    // As a connection to a database, it finds what the newest checkpoint has.
    const newest = (id: number): Uint8Array<ArrayBuffer> | undefined => this.#checkpoint.blocks.get(id);
    return {
      path: this.path,
      description: () => description,
      image: (name) => images.get(name) ?? null,
      imageNames: () => [...images.keys()],
      blockIds: () => [...blocks.keys()],
      block(id) {
        const bytes = newest(id);
        if (bytes === undefined) throw new SqlError('XX001', `block ${id} is missing`);
        return bytes.slice();
      },
      close() {},
    };
  }

  writer(): CheckpointOutput {
    const disk = {
      event: () => this.event(),
      fault: () => (this.fault !== null && this.#random(4) > 0 ? this.fault : null),
      turns: () => this.#random(this.slowness),
      newest: () => this.#checkpoint,
      replace: (checkpoint: Checkpoint) => {
        this.#checkpoint = checkpoint;
        this.#doubtful = null;
      },
      doubt: (checkpoint: Checkpoint) => {
        this.#doubtful = checkpoint;
      },
    };
    // Less of it for some: then blocks are handed over as well.
    const shape = { roomBytes: ROOM_BYTES >> this.#random(4), messageBytes: MESSAGE_BYTES };
    return new CheckpointWriter((memory) => new SimulatedThread(disk, memory), shape);
  }

  close(): void {}
}
