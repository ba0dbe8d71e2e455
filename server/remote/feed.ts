/**
 * One source in the thread of the readers: fetches messages, decodes them and posts what comes of them as a block. It goes on
 * only while the main thread has not more than so many bytes of it waiting. While that has blocks enough, what further fetches
 * bring becomes one block, posted as soon as one has been taken.
 *
 * State: `#outstanding` bytes and `#blocks` that were posted and not taken; `#unposted` what is in the builder. Invariant: a block's
 * position covers exactly the messages of the blocks up to it, so that whoever goes on from there misses none and gets none twice.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row, Value } from '../../common/value.ts';
import type { BadRecord, FieldDrift, Position } from '../../connector/connector.ts';
import type { DecodedRows, DirectRows, MessageDecoder } from '../../connector/formats/message.ts';
import { createMessageDecoder } from '../../connector/formats/messageDecoder.ts';
import { badRecord } from '../../connector/rawRecord.ts';
import type { RemoteConnector, RemoteFetch, RemoteReader, RemoteRecord } from '../../connector/remote.ts';
import { BlockBuilder } from './block.ts';
import { type IncludeFiller, includeFiller } from './include.ts';
import { errorFields, type FeedAnswer, type FeedRequest, type FeedSetup } from './protocol.ts';

type ColumnsRequest = Extract<FeedRequest, { readonly kind: 'columns' }>;

/** Bytes of blocks that may wait on the main thread, per source. */
const MOST_WAITING = 8 * 1024 * 1024;
/** What a block counts besides its bytes: so many small ones are a burden too. */
const BLOCK_COST = 4096;
/** Blocks that wait while others are made larger. */
const ENOUGH_BLOCKS = 2;
const SAMPLE_CHARACTERS = 100;

/** What a block counts while it waits. */
export function blockCost(bytes: Uint8Array | null): number {
  return BLOCK_COST + (bytes?.byteLength ?? 0);
}

/** What is made of one fetch. */
class Decoded implements DecodedRows {
  readonly builder: BlockBuilder;
  readonly direct: DirectRows;
  readonly #fill: IncludeFiller;
  readonly #failing: boolean;
  bad: BadRecord[] = [];
  /** A message of the running batch has stopped the source. */
  failed = false;
  /** By field, then by kind. */
  #drift = new Map<string, { -readonly [K in keyof FieldDrift]: FieldDrift[K] }[]>();

  /** `included`: positions that `fill` fills. */
  constructor(builder: BlockBuilder, fill: IncludeFiller, included: readonly number[], failing: boolean) {
    this.builder = builder;
    this.#fill = fill;
    this.#failing = failing;
    const { columns } = builder;
    const row: Value[] = [];
    this.direct = {
      columns,
      took: (record) => {
        if (included.length > 0) {
          if (!this.#filled(record, row)) return;
          for (const position of included) columns.set(position, row[position] ?? null);
        }
        builder.finish(record.partition);
      },
    };
  }

  put(record: RemoteRecord, row: Row): void {
    if (this.#filled(record, row)) this.builder.put(record.partition, row);
  }

  remove(record: RemoteRecord, row: Row): void {
    if (this.#filled(record, row)) this.builder.remove(record.partition, row);
  }

  #filled(record: RemoteRecord, row: Row): boolean {
    try {
      this.#fill(record, row as Value[]);
      return true;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.builder.columns.back();
      this.fail(record, error, null);
      return false;
    }
  }

  fail(record: RemoteRecord, error: SqlError, field: string | null): void {
    if (this.#failing) {
      const { state, message } = error;
      this.failed = true;
      throw new SqlError(state, `message ${record.partition}:${record.offset}: ${message}`, {
        hint: "The source stands before this message. Make it readable, or let the source go on: ALTER SOURCE ... CONNECTOR WITH (on_error = 'skip').",
      });
    }
    this.bad.push(badRecord(record, error, field));
    this.#misfit(record, error, field);
  }

  nulled(record: RemoteRecord, error: SqlError, field: string): void {
    this.bad.push(badRecord(record, error, field, 'nulled'));
    this.#misfit(record, error, field);
  }

  /** A field that does not fit its column has drifted; one that is missing has been told of. */
  #misfit(record: RemoteRecord, error: SqlError, field: string | null): void {
    if (field !== null && error.state !== '23502') this.drift(record, 'type changed', field);
  }

  drift(record: RemoteRecord, kind: FieldDrift['kind'], field: string): void {
    const ofField = this.#drift.get(field) ?? [];
    const known = ofField.find((d) => d.kind === kind);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const text = record.value === null ? null : Buffer.from(record.value).toString('utf8');
    const sample = text?.slice(0, SAMPLE_CHARACTERS) ?? null;
    this.#drift.set(field, [...ofField, { kind, field, count: 1, sample }]);
  }

  /** Nothing of the running batch has come. */
  forget(): void {
    this.failed = false;
    this.builder.clear();
    this.takeBad();
    this.takeDrift();
  }

  takeBad(): readonly BadRecord[] {
    const { bad } = this;
    this.bad = [];
    return bad;
  }

  takeDrift(): readonly FieldDrift[] {
    const drift = [...this.#drift.values()].flat();
    this.#drift = new Map();
    return drift;
  }
}

function textContext(timeZone: string, now: () => bigint): TextContext {
  return { timeZone, now, intervalStyle: 'postgres', byteaOutput: 'hex', extraFloatDigits: 1 };
}

function messageBytes(records: readonly RemoteRecord[]): number {
  let sum = 0;
  for (const record of records)
    sum += record.size ?? (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
  return sum;
}

export class Feed {
  readonly #number: number;
  readonly #connector: RemoteConnector;
  readonly #setup: FeedSetup;
  readonly #post: (answer: FeedAnswer, transfer?: ArrayBuffer) => void;
  readonly #now: () => bigint;
  readonly #stop = new AbortController();
  #reader: RemoteReader | null = null;
  #outstanding = 0;
  #maxRecords: number;
  #blocks = 0;
  /** Of whole fetches that are decoded and not posted; null: there is nothing. */
  #unposted: { readonly position: Position; readonly messageBytes: number } | null = null;
  #decoded: Decoded | null = null;
  #decoder: MessageDecoder | null = null;
  /** Of the columns that rows are decoded to. */
  #layout = 0;
  /** Those that the next fetch is decoded to; null: the same. */
  #columns: ColumnsRequest | null = null;
  readonly #hear: () => void;
  /** The builder has part of a fetch. */
  #decoding = false;
  #room: (() => void) | null = null;
  #position = '';
  #progress = '';
  readonly done: Promise<void>;

  constructor(
    number: number,
    connector: RemoteConnector,
    setup: FeedSetup,
    now: () => bigint,
    post: (answer: FeedAnswer, transfer?: ArrayBuffer) => void,
    hear: () => void,
  ) {
    this.#hear = hear;
    this.#number = number;
    this.#connector = connector;
    this.#setup = setup;
    this.#now = now;
    this.#post = post;
    this.#position = JSON.stringify(setup.from);
    this.#maxRecords = setup.maxRecords;
    this.done = this.#run();
  }

  taken(bytes: number): void {
    this.#outstanding -= bytes;
    this.#blocks--;
    if (!this.#decoding) this.#postBlock();
    if (!this.#isFull) this.#wake();
  }

  pace(records: number): void {
    this.#maxRecords = records;
  }

  /** What is fetched from now on has these columns. */
  changeColumns(request: ColumnsRequest): void {
    this.#columns = request;
  }

  /** The main thread has all that it may have. */
  get #isFull(): boolean {
    const rows = this.#decoded?.builder.length ?? 0;
    return this.#outstanding >= MOST_WAITING || (this.#unposted !== null && rows >= this.#maxRecords);
  }

  #wake(): void {
    this.#room?.();
    this.#room = null;
  }

  acknowledge(position: FeedSetup['from']): void {
    if (position === null || this.#reader === null) return;
    // What the server does not get to know now, it does with the next one.
    this.#reader.acknowledge(position).catch(() => {});
  }

  close(): void {
    this.#stop.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    const feed = this.#number;
    try {
      const reader = await this.#connector.open(this.#setup.config, this.#setup.from);
      this.#reader = reader;
      this.#post({ kind: 'opened', feed });
      await this.#read(reader);
    } catch (error) {
      if (!this.#decoding) this.#postBlock();
      if (!this.#stop.signal.aborted) this.#post({ kind: 'failed', feed, error: errorFields(error) });
    } finally {
      await this.#reader?.close().catch(() => {});
      await this.#decoder?.close().catch(() => {});
      this.#post({ kind: 'closed', feed });
    }
  }

  async #read(opened: RemoteReader): Promise<void> {
    let reader = opened;
    let decoded = this.#equip(this.#setup);
    /** Messages that are still taken one by one: a bad one is among them. */
    let careful = 0;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const fetched = await reader.fetch(careful > 0 ? 1 : this.#maxRecords, signal);
      if (signal.aborted) return;
      const { length } = fetched.records;
      this.#hear();
      if (this.#columns !== null) decoded = this.#exchange(this.#columns);
      this.#decoding = true;
      try {
        if (length > 0) await this.#decoder?.decode(fetched.records, decoded);
      } catch (error) {
        if (!decoded.failed || length <= 1) throw error;
        // What comes before the bad message is to come in: only the reader knows positions between messages.
        decoded.forget();
        careful = length;
        reader = await this.#reopen(reader);
        continue;
      }
      this.#decoding = false;
      careful = Math.max(0, careful - length);
      this.#deliver(fetched);
      this.#tellProgress(reader);
      while (this.#isFull && !signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
    }
  }

  /** What comes is decoded by these from now on. */
  #equip({ message, include }: Pick<FeedSetup, 'message' | 'include'>): Decoded {
    const { timeZone } = this.#setup;
    const context = textContext(timeZone, this.#now);
    this.#decoder = createMessageDecoder({ ...message, context });
    const positions = [...message.included].sort((a, b) => a - b);
    const fill = includeFiller(include, positions, context);
    const builder = new BlockBuilder(message.columns.map((c) => c.type));
    const decoded = new Decoded(builder, fill, positions, message.onError === 'fail');
    this.#decoded = decoded;
    return decoded;
  }

  /** Other columns: what has been decoded goes as it is. */
  #exchange({ layout, message, include }: ColumnsRequest): Decoded {
    this.#columns = null;
    this.#postBlock();
    this.#layout = layout;
    this.#decoder?.close().catch(() => {});
    return this.#equip({ message, include });
  }

  /** A reader that goes on after what was delivered last. */
  async #reopen(reader: RemoteReader): Promise<RemoteReader> {
    await reader.close();
    const opened = await this.#connector.open(
      this.#setup.config,
      JSON.parse(this.#position) as Position | null,
    );
    this.#reader = opened;
    return opened;
  }

  #deliver({ records, position }: RemoteFetch): void {
    const before = this.#unposted?.messageBytes ?? 0;
    this.#unposted = { position, messageBytes: before + messageBytes(records) };
    // A message that stops the source takes nothing with it that came before.
    if (this.#blocks < ENOUGH_BLOCKS || this.#setup.message.onError === 'fail') this.#postBlock();
  }

  #postBlock(): void {
    const { builder } = this.#decoded ?? {};
    if (this.#unposted === null || builder === undefined) return;
    const { position, messageBytes } = this.#unposted;
    this.#unposted = null;
    const rows = builder.length;
    const bad = this.#decoded?.takeBad() ?? [];
    const drift = this.#decoded?.takeDrift() ?? [];
    const at = JSON.stringify(position);
    if (rows === 0 && bad.length === 0 && drift.length === 0 && at === this.#position) return;
    this.#position = at;
    const bytes = rows === 0 ? null : builder.build();
    this.#outstanding += blockCost(bytes);
    this.#blocks++;
    const block = { bytes, rows, messageBytes, position, bad, drift, layout: this.#layout };
    this.#post({ kind: 'block', feed: this.#number, block }, bytes?.buffer);
  }

  #tellProgress(reader: RemoteReader): void {
    const partitions = reader.progress();
    const text = partitions.map((p) => `${p.partition} ${p.offset} ${p.end} ${p.lag} ${p.note}`).join('\n');
    if (text === this.#progress) return;
    this.#progress = text;
    this.#post({ kind: 'progress', feed: this.#number, partitions });
  }
}

/** All feeds of one thread. */
export class Feeds {
  readonly #connectors: readonly RemoteConnector[];
  readonly #now: () => bigint;
  readonly #post: (answer: FeedAnswer, transfer?: ArrayBuffer) => void;
  readonly #hear: () => void;
  readonly #feeds = new Map<number, Feed>();

  /** `hear`: carries out at once what the main thread has asked for so far. */
  constructor(
    connectors: readonly RemoteConnector[],
    now: () => bigint,
    post: (answer: FeedAnswer, transfer?: ArrayBuffer) => void,
    hear: () => void = () => {},
  ) {
    this.#hear = hear;
    this.#connectors = connectors;
    this.#now = now;
    this.#post = post;
  }

  open(number: number, setup: FeedSetup): void {
    const connector = this.#connectors.find((c) => c.name === setup.connector);
    if (connector === undefined) {
      const error = errorFields(new SqlError('0A000', `connector "${setup.connector}" is not supported`));
      this.#post({ kind: 'failed', feed: number, error });
      return;
    }
    const feed = new Feed(number, connector, setup, this.#now, this.#post, this.#hear);
    this.#feeds.set(number, feed);
    feed.done.finally(() => this.#feeds.delete(number));
  }

  find(number: number): Feed | null {
    return this.#feeds.get(number) ?? null;
  }

  async closeAll(): Promise<void> {
    const feeds = [...this.#feeds.values()];
    for (const feed of feeds) feed.close();
    await Promise.all(feeds.map((feed) => feed.done));
  }
}
