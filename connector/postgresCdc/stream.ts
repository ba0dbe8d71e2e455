/**
 * The stream of committed transactions from a replication slot. What has come and is not taken waits in a queue; when that is
 * full, the connection is not read, and the server waits in turn.
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
import { type Change, PgoutputDecoder } from './pgoutput.ts';

/** Bytes of waiting transactions at which reading stops, and at which it goes on. */
const MOST_QUEUED = 32 << 20;
const FEW_QUEUED = 16 << 20;

const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Microseconds from 1970 to 2000. */
const EPOCH_2000 = 946_684_800_000_000n;

export interface UpstreamTransaction {
  /** Of its commit record, and of what comes after it. */
  readonly commitLsn: bigint;
  readonly endLsn: bigint;
  /** Microseconds since 1970. */
  readonly commitTime: bigint;
  readonly changes: readonly Change[];
  readonly bytes: number;
}

export class ReplicationStream {
  readonly #client: pg.Client;
  readonly #connection: RawConnection;
  readonly #options: PostgresCdcOptions;
  readonly #decoder = new PgoutputDecoder();
  readonly #clock: () => bigint;
  #queue: UpstreamTransaction[] = [];
  #queuedBytes = 0;
  #reading = true;
  /** Of the transaction that is arriving; null: none is. */
  #changes: Change[] | null = null;
  #bytes = 0;
  #confirmed: bigint;
  #closed = false;
  /** Why nothing more comes. */
  failure: SqlError | null = null;
  received: bigint;
  /** When the server last said anything, microseconds. */
  heardAt: bigint;
  /** Called when something has come, or the stream has ended. */
  onArrival: () => void = () => {};

  private constructor(client: pg.Client, options: PostgresCdcOptions, from: bigint, clock: () => bigint) {
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
  ): Promise<ReplicationStream> {
    const client = await connectClient(options, true);
    const stream = new ReplicationStream(client, options, from, clock);
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
    if (chunk[17] === 1) this.#report(false);
  }

  #message(bytes: Buffer): void {
    const message = this.#decoder.decode(bytes);
    switch (message.kind) {
      case 'begin':
        this.#changes = [];
        this.#bytes = 0;
        return;
      case 'commit': {
        const { commitLsn, endLsn, commitTime } = message;
        const changes = this.#changes ?? [];
        this.#changes = null;
        this.received = endLsn;
        if (changes.length > 0) {
          this.#queue.push({ commitLsn, endLsn, commitTime, changes, bytes: this.#bytes });
          this.#queuedBytes += this.#bytes;
        }
        if (this.#queuedBytes > MOST_QUEUED && this.#reading) {
          this.#reading = false;
          this.#connection.stream.pause();
        }
        this.onArrival();
        return;
      }
      case 'insert':
      case 'update':
      case 'delete':
      case 'truncate':
        this.#bytes += bytes.length;
        if (this.#bytes > this.#options.maxTransactionBytes) throw tooLarge(this.#options);
        this.#changes?.push(message);
        return;
      case 'relation':
      case 'origin':
      case 'type':
      case 'message':
        return;
    }
  }

  /** The next transaction without taking it; null: none waits. */
  get next(): UpstreamTransaction | null {
    return this.#queue[0] ?? null;
  }

  get queued(): { readonly transactions: number; readonly bytes: number } {
    return { transactions: this.#queue.length, bytes: this.#queuedBytes };
  }

  /** Takes the next transaction away. */
  shift(): void {
    const taken = this.#queue.shift();
    if (taken === undefined) return;
    this.#queuedBytes -= taken.bytes;
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

  async close(): Promise<void> {
    this.#closed = true;
    this.#queue = [];
    // The server answers nothing to an end within the stream that would have to be waited for.
    this.#connection.stream.destroy();
    await endClient(this.#client);
  }
}

function tooLarge({ maxTransactionBytes }: PostgresCdcOptions): SqlError {
  return new SqlError('54000', `a transaction is larger than ${maxTransactionBytes >> 20} MB`, {
    hint: 'Raise transaction.max.mb (ALTER SOURCE ... CONNECTOR WITH (...)) and let the source RESUME: it is held in memory as a whole.',
  });
}
