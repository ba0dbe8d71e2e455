/**
 * The stream of committed transactions from a replication slot. What has come and is not taken waits in a queue; when that is
 * full, the connection is not read, and the server waits in turn. Of a large transaction the beginning waits in memory, and the
 * rest, as it came, in a file (spill.ts): PostgreSQL sends transactions one after the other, each when it has been committed.
 *
 * State: the transaction that is arriving, the queue, and `received`: every transaction whose commit lies before it has come.
 * Invariant: what is confirmed to the server is only what the caller said; keepalives repeat that.
 */
import type pg from 'pg';
import { SqlError } from '../../common/sqlError.ts';
import {
  connectClient,
  endClient,
  identifier,
  literal,
  type RawConnection,
  rawConnection,
  upstreamError,
} from './connection.ts';
import { formatLsn } from './lsn.ts';
import type { PostgresCdcOptions } from './options.ts';
import { type Change, PgoutputDecoder, type PgoutputMessage } from './pgoutput.ts';
import { TransactionSpill } from './spill.ts';

/** Bytes of waiting transactions at which reading stops, and at which it goes on. */
const MOST_QUEUED = 32 << 20;
const FEW_QUEUED = 16 << 20;
/** Bytes of one transaction that wait in memory. */
const MOST_IN_MEMORY = 8 << 20;

const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Microseconds from 1970 to 2000. */
const EPOCH_2000 = 946_684_800_000_000n;
const COMMIT = 0x43;

type CommitMessage = Extract<PgoutputMessage, { readonly kind: 'commit' }>;

export interface UpstreamTransaction {
  /** Of its commit record, and of what comes after it. */
  readonly commitLsn: bigint;
  readonly endLsn: bigint;
  /** Microseconds since 1970. */
  readonly commitTime: bigint;
  /** Its changes, or the first of them. */
  readonly changes: readonly Change[];
  /** Bytes of those. */
  readonly bytes: number;
  /** What comes after them, decoded as it is read, and its bytes; null: nothing. */
  readonly rest: RestOfTransaction | null;
}

/** The changes of a large transaction that are not in memory. */
export interface RestOfTransaction {
  readonly bytes: number;
  /** May be gone through more than once. */
  changes(): Generator<Change>;
  close(): void;
}

/** Where large transactions wait. */
export interface SpillPlace {
  readonly directory: string;
  /** A name in it that nobody else uses. */
  readonly name: string;
}

class SpilledRest implements RestOfTransaction {
  readonly #spill: TransactionSpill;
  /** Knows the relations as they were described before. */
  readonly #decoder: PgoutputDecoder;

  constructor(place: SpillPlace, decoder: PgoutputDecoder) {
    this.#spill = new TransactionSpill(place.directory, place.name);
    this.#decoder = decoder.fork();
  }

  get bytes(): number {
    return this.#spill.bytes;
  }

  add(message: Buffer): void {
    this.#spill.add(message);
  }

  *changes(): Generator<Change> {
    const decoder = this.#decoder.fork();
    for (const bytes of this.#spill.messages()) {
      const message = decoder.decode(bytes);
      if (isChange(message)) yield message;
    }
  }

  close(): void {
    this.#spill.close();
  }
}

function isChange(message: PgoutputMessage): message is Change {
  const { kind } = message;
  return kind === 'insert' || kind === 'update' || kind === 'delete' || kind === 'truncate';
}

export class ReplicationStream {
  readonly #client: pg.Client;
  readonly #connection: RawConnection;
  readonly #options: PostgresCdcOptions;
  readonly #decoder = new PgoutputDecoder();
  readonly #clock: () => bigint;
  readonly #place: SpillPlace;
  #queue: UpstreamTransaction[] = [];
  #queuedBytes = 0;
  #reading = true;
  /** Of the transaction that is arriving; null: none is. */
  #changes: Change[] | null = null;
  #bytes = 0;
  /** Where the arriving transaction goes from now on; null: to memory. */
  #rest: SpilledRest | null = null;
  #confirmed: bigint;
  #closed = false;
  /** Why nothing more comes. */
  failure: SqlError | null = null;
  received: bigint;
  /** The server waits to be told of what it has sent: one that shuts down does so for as long as `wal_sender_timeout`. */
  isPressed = false;
  /** When the server last said anything, microseconds. */
  heardAt: bigint;
  /** Called when something has come, or the stream has ended. */
  onArrival: () => void = () => {};

  private constructor(
    client: pg.Client,
    options: PostgresCdcOptions,
    from: bigint,
    clock: () => bigint,
    place: SpillPlace,
  ) {
    this.#place = place;
    this.#client = client;
    this.#connection = rawConnection(client);
    this.#options = options;
    this.#clock = clock;
    this.#confirmed = from;
    this.received = from;
    this.heardAt = clock();
  }

  /** Starts after `from`. Throws SqlError when the server does not. `clock`: microseconds since 1970. */
  static async open(
    options: PostgresCdcOptions,
    from: bigint,
    clock: () => bigint,
    place: SpillPlace,
  ): Promise<ReplicationStream> {
    const client = await connectClient(options, true);
    const stream = new ReplicationStream(client, options, from, clock, place);
    try {
      await stream.#start(from);
      return stream;
    } catch (error) {
      await endClient(client);
      throw upstreamError(error, options);
    }
  }

  #start(from: bigint): Promise<void> {
    const { slot, publication } = this.#options;
    const names = literal(identifier(publication));
    const sql = `START_REPLICATION SLOT ${identifier(slot)} LOGICAL ${formatLsn(from)} (proto_version '1', publication_names ${names})`;
    this.#connection.on('copyData', ({ chunk }) => this.#take(chunk));
    this.#client.on('error', (error) => this.#fail(error));
    this.#client.on('end', () => this.#fail(new SqlError('08006', 'the stream of changes has ended')));
    return new Promise((resolve, reject) => {
      this.#connection.once('replicationStart', resolve);
      this.#client.query(sql).then(
        () => this.#fail(new SqlError('08006', 'the server has ended the stream of changes')),
        (error) => {
          this.#fail(error);
          reject(error);
        },
      );
    });
  }

  #fail(error: unknown): void {
    if (this.#closed || this.failure !== null) return;
    this.failure = upstreamError(error, this.#options);
    this.onArrival();
  }

  #take(chunk: Buffer): void {
    if (this.failure !== null || this.#closed) return;
    this.heardAt = this.#clock();
    try {
      if (chunk[0] === XLOG_DATA) this.#message(chunk.subarray(25));
      else if (chunk[0] === KEEPALIVE) this.#keepalive(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  #keepalive(chunk: Buffer): void {
    const end = chunk.readBigUInt64BE(1);
    // Within a transaction the server tells where it is reading, not what it has sent.
    if (this.#changes === null && end > this.received) {
      this.received = end;
      this.onArrival();
    }
    if (chunk[17] !== 1) return;
    this.isPressed = this.received > this.#confirmed;
    this.#report(false);
  }

  #message(bytes: Buffer): void {
    if (this.#rest !== null && bytes[0] !== COMMIT) {
      this.#spill(this.#rest, bytes);
      return;
    }
    const message = this.#decoder.decode(bytes);
    switch (message.kind) {
      case 'begin':
        this.#changes = [];
        this.#bytes = 0;
        return;
      case 'commit':
        this.#commit(message);
        return;
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.#bytes += bytes.length;
        this.#changes?.push(message);
        this.#checkSize(0);
        if (this.#bytes > MOST_IN_MEMORY) this.#rest = new SpilledRest(this.#place, this.#decoder);
        return;
      case 'relation':
      case 'origin':
      case 'type':
      case 'message':
        return;
    }
  }

  #spill(rest: SpilledRest, bytes: Buffer): void {
    this.#decoder.note(bytes);
    rest.add(bytes);
    this.#checkSize(rest.bytes);
  }

  #checkSize(spilled: number): void {
    const { maxTransactionBytes } = this.#options;
    if (maxTransactionBytes !== null && this.#bytes + spilled > maxTransactionBytes) {
      throw tooLarge(maxTransactionBytes);
    }
  }

  #commit({ commitLsn, endLsn, commitTime }: CommitMessage): void {
    const changes = this.#changes ?? [];
    const rest = this.#rest;
    const bytes = this.#bytes;
    this.#changes = null;
    this.#rest = null;
    this.received = endLsn;
    if (changes.length > 0) {
      this.#queue.push({ commitLsn, endLsn, commitTime, changes, bytes, rest });
      this.#queuedBytes += bytes;
    }
    // One large transaction is enough to have on disk.
    if ((this.#queuedBytes > MOST_QUEUED || rest !== null) && this.#reading) {
      this.#reading = false;
      this.#connection.stream.pause();
    }
    this.onArrival();
  }

  /** The next transaction without taking it; null: none waits. */
  get next(): UpstreamTransaction | null {
    return this.#queue[0] ?? null;
  }

  get queued(): { readonly transactions: number; readonly bytes: number } {
    return { transactions: this.#queue.length, bytes: this.#queuedBytes };
  }

  /** Bytes of large transactions that have come, or are coming, and wait in files. */
  get spilledBytes(): number {
    return this.#queue.reduce((sum, { rest }) => sum + (rest?.bytes ?? 0), this.#rest?.bytes ?? 0);
  }

  /** Takes the next transaction away. */
  shift(): void {
    const taken = this.#queue.shift();
    if (taken === undefined) return;
    this.#queuedBytes -= taken.bytes;
    taken.rest?.close();
    if (!this.#reading && this.#queuedBytes < FEW_QUEUED) {
      this.#reading = true;
      this.#connection.stream.resume();
    }
  }

  get confirmed(): bigint {
    return this.#confirmed;
  }

  /** Everything before `lsn` is durable here: the server may forget it. */
  confirm(lsn: bigint): void {
    if (lsn > this.#confirmed) this.#confirmed = lsn;
    if (this.#confirmed >= this.received) this.isPressed = false;
    this.#report(false);
  }

  /** Has the server tell how far it is. */
  ask(): void {
    this.#report(true);
  }

  #report(reply: boolean): void {
    if (this.#closed || this.failure !== null) return;
    const status = Buffer.alloc(34);
    status[0] = 0x72;
    status.writeBigUInt64BE(this.#confirmed, 1);
    status.writeBigUInt64BE(this.#confirmed, 9);
    status.writeBigUInt64BE(this.#confirmed, 17);
    status.writeBigInt64BE(this.#clock() - EPOCH_2000, 25);
    status[33] = reply ? 1 : 0;
    this.#connection.sendCopyFromChunk(status);
  }

  /** What has come and was not taken comes again. */
  #dropAll(): void {
    for (const { rest } of this.#queue) rest?.close();
    this.#rest?.close();
    this.#queue = [];
    this.#changes = null;
    this.#rest = null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#dropAll();
    // The server answers nothing to an end within the stream that would have to be waited for.
    this.#connection.stream.destroy();
    await endClient(this.#client);
  }
}

function tooLarge(most: number): SqlError {
  return new SqlError('54000', `a transaction is larger than ${Math.round(most / 2 ** 20)} MB`, {
    hint: 'Raise transaction.max.mb (ALTER SOURCE ... CONNECTOR WITH (...)), and the source goes on: it needs that much space in the data directory.',
  });
}
