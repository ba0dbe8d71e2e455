/**
 * The disk of a simulated server: the journal's store and the checkpoint's file in memory, with the guarantees that SQLite in WAL
 * mode gives and no more. A transaction is whole or absent; those that were not synced may be lost with everything after them
 * (power) or are kept (death of the process); a mark beside the journal may be any of those written. A checkpoint's commit is
 * synced. A checkpoint whose commit failed may turn out to be there after a crash.
 *
 * Every call that touches the disk is an event before and after its effect. At the event `crashAt` the server dies: everything
 * after it fails and changes nothing. Between two events lies no other change, so these are all the crashes there are.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';
import type { CheckpointEnd } from '../../storage/checkpoint/checkpointFile.ts';
import type {
  CheckpointInput,
  CheckpointOutput,
  CheckpointPlace,
} from '../../storage/checkpoint/checkpointPlace.ts';
import type { StoredRecord } from '../../storage/journalRecord.ts';
import type { JournalStore, MetaKey } from '../../storage/journalStore.ts';
import type { Life } from './life.ts';

export type Fault = 'full' | 'io';
export type CrashKind = 'process' | 'power';
type Random = (n: number) => number;

type Transaction =
  | { readonly kind: 'write'; readonly records: readonly StoredRecord[]; readonly dropFrom: number | null }
  | { readonly kind: 'truncate'; readonly seq: number }
  | { readonly kind: 'meta'; readonly key: MetaKey; readonly value: string };

/** A journal's contents; records that were truncated stay for those who want to replay all of history. */
class Contents {
  readonly records: StoredRecord[] = [];
  truncated = 0;
  readonly meta = new Map<MetaKey, string>();

  apply(transaction: Transaction): void {
    switch (transaction.kind) {
      case 'write': {
        const { records, dropFrom } = transaction;
        if (dropFrom !== null && dropFrom - 1 < this.records.length) this.records.length = dropFrom - 1;
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
      this.records.push({ seq, kind: 'unwritten', payload: '', checksum: -seq });
    }
  }

  get isWhole(): boolean {
    return this.records.every(({ kind }) => kind !== 'unwritten');
  }

  copy(): Contents {
    const copy = new Contents();
    copy.records.push(...this.records);
    copy.truncated = this.truncated;
    for (const [key, value] of this.meta) copy.meta.set(key, value);
    return copy;
  }
}

interface Checkpoint {
  readonly description: string | null;
  readonly images: ReadonlyMap<string, Uint8Array>;
  readonly blocks: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

const nothing: Checkpoint = { description: null, images: new Map(), blocks: new Map() };

function faultError(fault: Fault): Error {
  return fault === 'full'
    ? Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    : Object.assign(new Error('disk I/O error'), { code: 'EIO' });
}

export class Disk implements JournalStore, CheckpointPlace, Life {
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
  fault: Fault | null = null;
  /** Turns of the event loop that a sync takes, at most. */
  slowness = 1;
  readonly marked: number;

  constructor(random: Random, journal = new Contents(), checkpoint = nothing, mark = 0) {
    this.#random = random;
    this.#written = journal;
    this.#synced = journal.copy();
    this.#checkpoint = checkpoint;
    this.marks = [mark];
    this.marked = mark;
  }

  /** What is there for a server that starts after the crash. */
  afterCrash(kind: CrashKind, random: Random): Disk {
    const lucky = kind === 'process' ? this.#pending.length : random(this.#pending.length + 1);
    // What the checkpoint covers must be there to compare the state with, as it was written last.
    const needed = this.#pending.findLastIndex(
      (t) =>
        t.kind === 'write' && Math.min(t.dropFrom ?? Infinity, t.records[0]?.seq ?? Infinity) <= this.covered,
    );
    const journal = this.#synced.copy();
    for (const transaction of this.#pending.slice(0, Math.max(lucky, needed + 1))) journal.apply(transaction);
    journal.fill(this.covered);
    const known = kind === 'process' ? this.marks.slice(-1) : this.marks;
    const mark = known[random(known.length)] ?? 0;
    const checkpoint = this.#doubtful !== null && random(2) === 0 ? this.#doubtful : this.#checkpoint;
    return new Disk(random, journal, checkpoint, mark);
  }

  /** Another disk with the whole journal and without a checkpoint; null: some of it was only ever in a checkpoint. */
  wholeHistory(): Disk | null {
    if (!this.#written.isWhole) return null;
    const journal = this.#written.copy();
    journal.truncated = 0;
    journal.meta.delete('truncated');
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

  get lastSynced(): number {
    return this.#synced.records.length;
  }

  /** Records through this number are covered by the checkpoint. */
  get covered(): number {
    return this.#description?.journalSeq ?? 0;
  }

  /** Of the checkpoint. */
  get version(): bigint {
    return BigInt(this.#description?.version ?? 0);
  }

  get #description() {
    const { description } = this.#checkpoint;
    if (description === null) return null;
    return JSON.parse(description) as { readonly journalSeq: number; readonly version: string };
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

  isAlive(): boolean {
    return !this.dead;
  }

  #live(): void {
    if (!this.event()) throw faultError('io');
  }

  #change(transaction: Transaction): void {
    this.#live();
    if (this.fault !== null && this.#random(4) > 0) throw faultError(this.fault);
    this.#written.apply(transaction);
    this.#pending.push(transaction);
    this.#live();
  }

  // The journal's store

  write(records: readonly StoredRecord[], dropFrom: number | null): void {
    this.#change({ kind: 'write', records, dropFrom });
  }

  async sync(): Promise<void> {
    this.#live();
    // Only what was written before it began.
    const through = this.#gone + this.#pending.length;
    const fault = this.fault;
    for (let i = this.#random(this.slowness); i >= 0; i--) await nextTurn();
    this.#live();
    if (fault === 'io' && this.#random(2) > 0) throw faultError('io');
    // A syncNow meanwhile may have done it.
    this.#moveToDisk(Math.max(0, through - this.#gone));
    this.#live();
  }

  syncNow(): void {
    this.#live();
    if (this.fault === 'io' && this.#random(2) > 0) throw faultError('io');
    this.#moveToDisk(this.#pending.length);
    this.#live();
  }

  #moveToDisk(count: number): void {
    for (const transaction of this.#pending.splice(0, count)) this.#synced.apply(transaction);
    this.#gone += count;
  }

  read(after: number, limit: number): readonly StoredRecord[] {
    const from = Math.max(after, this.#written.truncated);
    return this.#written.records.slice(from, from + limit);
  }

  last(): number {
    return this.#written.records.length > this.#written.truncated ? this.#written.records.length : 0;
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

  probe(_bytes: number): void {
    this.setMeta('probe', '');
  }

  mark(seq: number): void {
    this.#live();
    this.marks.push(seq);
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
    return new Output(
      () => this.event(),
      () => (this.#random(4) > 0 && this.fault !== null ? this.fault : null),
      (blocks, end) => this.#replaceCheckpoint(blocks, end),
      (blocks, end) => {
        this.#doubtful = changed(this.#checkpoint, blocks, end);
      },
      () => this.#random(this.slowness),
    );
  }

  #replaceCheckpoint(blocks: ReadonlyMap<number, Uint8Array<ArrayBuffer>>, end: CheckpointEnd): void {
    this.#checkpoint = changed(this.#checkpoint, blocks, end);
    this.#doubtful = null;
  }

  close(): void {}
}

function changed(
  before: Checkpoint,
  written: ReadonlyMap<number, Uint8Array<ArrayBuffer>>,
  end: CheckpointEnd,
): Checkpoint {
  const blocks = new Map(before.blocks);
  for (const [id, bytes] of written) blocks.set(id, bytes);
  for (const id of end.droppedBlocks) blocks.delete(id);
  const images = new Map(before.images);
  for (const name of end.droppedImages) images.delete(name);
  for (const [name, bytes] of end.images) images.set(name, bytes.slice());
  return { description: end.description, images, blocks };
}

type Blocks = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

class Output implements CheckpointOutput {
  readonly #event: () => boolean;
  readonly #fault: () => Fault | null;
  readonly #replace: (blocks: Blocks, end: CheckpointEnd) => void;
  readonly #doubt: (blocks: Blocks, end: CheckpointEnd) => void;
  readonly #turns: () => number;
  #blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly outstanding = 0;
  failure: SqlError | null = null;

  constructor(
    event: () => boolean,
    fault: () => Fault | null,
    replace: (blocks: Blocks, end: CheckpointEnd) => void,
    doubt: (blocks: Blocks, end: CheckpointEnd) => void,
    turns: () => number,
  ) {
    this.#event = event;
    this.#fault = fault;
    this.#replace = replace;
    this.#doubt = doubt;
    this.#turns = turns;
  }

  #meets(fault: Fault | null): void {
    if (fault === null) return;
    this.failure ??= new SqlError(fault === 'full' ? '53100' : '58030', 'cannot write the checkpoint');
  }

  begin(): void {
    this.#event();
    this.#blocks = new Map();
    this.failure = null;
    this.#meets(this.#fault());
  }

  room(bytes: number): Uint8Array {
    // Memory that has been used before, in the midst of other.
    return new Uint8Array(bytes + 64).fill(0xdb).subarray(32, 32 + bytes);
  }

  block(id: number, bytes: Uint8Array): void {
    this.#event();
    this.#meets(this.#fault());
    // The memory has been handed over: whoever still looks at it sees garbage.
    this.#blocks.set(id, Uint8Array.from(bytes));
    bytes.fill(0xdb);
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  async commit(end: CheckpointEnd): Promise<void> {
    if (this.failure !== null) throw this.failure;
    for (let i = this.#turns(); i >= 0; i--) await nextTurn();
    if (!this.#event()) throw new SqlError('58030', 'dead');
    const fault = this.#fault();
    this.#meets(fault);
    if (this.failure !== null) {
      if (fault === 'io') this.#doubt(this.#blocks, end);
      throw this.failure;
    }
    this.#replace(this.#blocks, end);
    if (!this.#event()) throw new SqlError('58030', 'dead');
  }

  abandon(): void {
    this.#event();
    this.#blocks = new Map();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
