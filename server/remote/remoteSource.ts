/**
 * A remote source as the rest of the server knows sources: options, and a reader whose `poll` takes a block that has come from
 * the readers' thread. A feed is opened by the first poll. A reader that fails gives what had come before, then throws.
 *
 * State: blocks that wait, in order; positions that were taken and are not yet known to be on disk.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type {
  OptionSpec,
  Position,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../../connector/connector.ts';
import type { MessageFormat } from '../../connector/formats/message.ts';
import type { PartitionProgress, RemoteConfig, RemoteConnector } from '../../connector/remote.ts';
import { Block, BlockBuilder } from './block.ts';
import { blockCost } from './feed.ts';
import type { FeedHandle, FeedListener, RemoteHost } from './host.ts';
import type { IncludedColumn } from './include.ts';
import { retentionOption } from './options.ts';
import { type ErrorFields, errorOf, type FeedBlock, type FeedSetup } from './protocol.ts';

/** Messages of one block, and so of one tick, at most. */
const MOST_RECORDS = 16384;
const LEAST_RECORDS = 256;
/** Sessions wait for a tick to end: blocks get smaller above the one time, and larger again below the other. */
const LONG_TICK_US = 30_000n;
const SHORT_TICK_US = 10_000n;
/** How long readers of a dropped source may take to end. */
const FORGET_MILLIS = 15_000;
/** With a rate limit, blocks are of what is allowed in a tenth of a second. */
const PACED_BLOCKS = 10;
/** Nothing has to be asked for: what comes wakes the loop. */
const SLEEP_MICROS = 1_000_000n;

/** What the statement says besides options. */
export interface RemoteDefinition {
  readonly name: string;
  /** Of this source within this server. */
  readonly identity: () => string;
  readonly format: MessageFormat;
  readonly encode: string;
  readonly keyEncode: string | null;
  /** Columns that INCLUDE fills, the last of the physical ones. */
  readonly include: readonly IncludedColumn[];
  /** Positions of the primary key among the physical columns. */
  readonly key: readonly number[];
}

/** Where the parts of a server come together. */
export interface RemoteSurroundings {
  readonly host: RemoteHost;
  /** Something has come that polls are to take. */
  readonly wake: () => void;
}

/** Blocks that wait, with what is in them. */
export interface WaitingBlocks {
  readonly blocks: number;
  readonly rows: number;
  readonly bytes: number;
}

export class RemoteSource implements SourceConnector {
  readonly remote: RemoteConnector;
  #definition: RemoteDefinition;
  readonly appendOnly = true;
  readonly #surroundings: RemoteSurroundings;
  #queue: RemoteQueue | null = null;
  /** The readers before are closed. */
  #closed: Promise<unknown> = Promise.resolve();
  /** Positions with the numbers of their journal records, oldest first. */
  #unacknowledged: { readonly position: Position; readonly seq: number }[] = [];
  /** As the reader told last. */
  progress: readonly PartitionProgress[] = [];
  #records = MOST_RECORDS;
  /** Messages of a block at most, as the feed was told last. */
  #told = MOST_RECORDS;
  /** Rows a second at most; null: no limit. */
  limit: () => number | null = () => null;

  constructor(remote: RemoteConnector, definition: RemoteDefinition, surroundings: RemoteSurroundings) {
    this.remote = remote;
    this.#definition = definition;
    this.#surroundings = surroundings;
  }

  get definition(): RemoteDefinition {
    return this.#definition;
  }

  /** Other columns have come: those of INCLUDE and of the key are elsewhere. For what is opened from now on. */
  redefine(definition: RemoteDefinition): void {
    this.#definition = definition;
  }

  get name(): string {
    return this.remote.name;
  }

  get doc(): string {
    return this.remote.doc;
  }

  get options(): readonly OptionSpec[] {
    return optionsOf(this.remote);
  }

  get formats(): readonly string[] {
    return this.remote.formats;
  }

  /** Blocks that wait. */
  get waiting(): number {
    return this.#queue?.waiting ?? 0;
  }

  /** What has been read and is in no tick yet: at most so much as a feed may have waiting. */
  buffers(): WaitingBlocks {
    return this.#queue?.buffers() ?? { blocks: 0, rows: 0, bytes: 0 };
  }

  fixedColumns(): null {
    return null;
  }

  currentEnd(): null {
    return null;
  }

  open(config: SourceConfig, from: Position | null): SourceReader {
    return new RemoteQueue(this, config, from);
  }

  /** Begins to read, for a queue. */
  start(queue: RemoteQueue, config: SourceConfig, from: Position | null): FeedHandle {
    this.#queue = queue;
    this.#told = this.#blockRecords();
    const { wake } = this.#surroundings;
    const listener: FeedListener = {
      opened: () => {
        queue.connected = true;
        wake();
      },
      block: (block) => {
        queue.add(block);
        wake();
      },
      progress: (partitions) => {
        this.progress = partitions;
      },
      failed: (error) => {
        queue.fail(error);
        wake();
      },
    };
    return this.#surroundings.host.open(this.remote, this.#setup(config, from), listener);
  }

  /** `closed`: when its reader is; null: there was none. */
  stopped(queue: RemoteQueue, closed: Promise<void> | null): void {
    if (this.#queue === queue) this.#queue = null;
    if (closed !== null) this.#closed = Promise.all([this.#closed, closed]);
  }

  /**
   * After it was dropped: the server over there is to keep nothing for it. A reader that is still about to connect would make it
   * known there again, so that readers end first. Rejects with SqlError.
   */
  async forget(config: SourceConfig): Promise<void> {
    if (this.remote.forget === undefined) return;
    await Promise.race([this.#closed, late(FORGET_MILLIS, 'its reader does not end')]);
    await this.remote.forget(remoteConfig(this.definition, config.options));
  }

  /** What its messages are decoded by, for those that are decoded again. */
  decoding(config: SourceConfig): Pick<FeedSetup, 'message' | 'include'> {
    return this.#setup(config, null);
  }

  #setup(config: SourceConfig, from: Position | null): FeedSetup {
    const { format, encode, keyEncode, include, key } = this.definition;
    const columns = config.columns.map(({ name, type, nullable }) => ({ name, type, nullable }));
    const first = columns.length - include.length;
    return {
      connector: this.remote.name,
      config: remoteConfig(this.definition, config.options),
      message: {
        columns,
        included: new Set(include.map((_, i) => first + i)),
        key,
        format,
        encode,
        keyEncode,
        options: config.encodeOptions,
        topic: config.options.get('topic') ?? null,
        onError: config.onError ?? 'skip',
      },
      include,
      timeZone: config.timeZone,
      from,
      maxRecords: this.#blockRecords(),
    };
  }

  #blockRecords(): number {
    const limit = this.limit();
    const paced = limit === null ? MOST_RECORDS : Math.max(1, Math.floor(limit / PACED_BLOCKS));
    return Math.min(this.#records, paced);
  }

  /** The tick of a block of so many messages has taken so long. */
  ticked(rows: number, micros: bigint): void {
    const before = this.#records;
    if (micros > LONG_TICK_US && rows <= before) this.#records = Math.max(LEAST_RECORDS, before >> 1);
    else if (micros < SHORT_TICK_US) this.#records = Math.min(MOST_RECORDS, before << 1);
  }

  /** The feed is told of another size of blocks: ticks have become longer or shorter, or the limit is another one. */
  tellPace(queue: RemoteQueue): void {
    const records = this.#blockRecords();
    if (records === this.#told) return;
    this.#told = records;
    queue.pace(records);
  }

  // Acknowledgements

  /** Everything up to there has been taken; it is durable when the journal is on disk through `seq`. */
  taken(position: Position, seq: number): void {
    this.#unacknowledged.push({ position, seq });
  }

  /** Its server sends no more until it is told what is durable. */
  get isWaitedFor(): boolean {
    return this.remote.waitsForAcknowledgements === true && this.#unacknowledged.length > 0;
  }

  /** The journal is on disk through `seq`. */
  acknowledge(seq: number): void {
    let last: Position | null = null;
    let count = 0;
    for (const taken of this.#unacknowledged) {
      if (taken.seq > seq) break;
      last = taken.position;
      count++;
    }
    if (last === null) return;
    this.#unacknowledged.splice(0, count);
    this.#queue?.acknowledge(last);
  }
}

/** Rejects after a while; nobody is kept waiting by the timer. */
async function late(millis: number, why: string): Promise<never> {
  await sleep(millis, undefined, { ref: false });
  throw new SqlError('57014', why);
}

/** What a connector is told, of the options that are its own. */
export function remoteConfig(
  definition: Pick<RemoteDefinition, 'name' | 'identity'>,
  options: ReadonlyMap<string, string>,
): RemoteConfig {
  return {
    identity: definition.identity(),
    name: definition.name,
    options: new Map([...options].filter(([name]) => name !== retentionOption.name)),
  };
}

/** The connector's options, and those that are the server's. */
export function optionsOf(remote: RemoteConnector): readonly OptionSpec[] {
  return [...remote.options, retentionOption];
}

/** What becomes of rows that were decoded before a change of columns. */
interface LayoutChange {
  readonly from: readonly DataType[];
  readonly to: readonly DataType[];
  readonly complete: (row: Row) => Row;
}

/** The block with the columns that there are after a change. */
function relaid(bytes: Uint8Array, { from, to, complete }: LayoutChange): Uint8Array {
  const block = new Block(bytes, from);
  const partitions = block.partitions();
  const builder = new BlockBuilder(to);
  for (let i = 0; i < block.rows; i++) {
    const row = complete(block.row(i));
    const partition = must(partitions[i]);
    if (block.removals?.[i] === 1) builder.remove(partition, row);
    else builder.put(partition, row);
  }
  return builder.build();
}

/** The reader of one opening. */
class RemoteQueue implements SourceReader {
  readonly #source: RemoteSource;
  #config: SourceConfig;
  readonly #from: Position | null;
  /** Of columns, since the feed was opened: the first turns layout 0 into 1. */
  readonly #changes: LayoutChange[] = [];
  #feed: FeedHandle | null = null;
  #blocks: FeedBlock[] = [];
  #failure: ErrorFields | null = null;
  connected = false;

  constructor(source: RemoteSource, config: SourceConfig, from: Position | null) {
    this.#source = source;
    this.#config = config;
    this.#from = from;
  }

  get waiting(): number {
    return this.#blocks.length;
  }

  buffers(): WaitingBlocks {
    let [rows, bytes] = [0, 0];
    for (const block of this.#blocks) {
      rows += block.rows;
      bytes += block.bytes?.byteLength ?? 0;
    }
    return { blocks: this.#blocks.length, rows, bytes };
  }

  add(block: FeedBlock): void {
    this.#blocks.push(block);
  }

  fail(error: ErrorFields): void {
    this.#failure = error;
  }

  poll(): SourceRows | null {
    this.#feed ??= this.#source.start(this, this.#config, this.#from);
    this.#source.tellPace(this);
    const block = this.#blocks.shift();
    if (block === undefined) {
      if (this.#failure !== null) throw errorOf(this.#failure);
      return null;
    }
    this.#feed.taken(blockCost(block.bytes));
    const { rows, messageBytes, position, bad, drift } = block;
    const bytes = this.#inPresentLayout(block);
    const read = { rows: [], bad, drift, position, messageBytes };
    return bytes === null ? { ...read, block: null } : { ...read, block: { rows, bytes } };
  }

  pace(records: number): void {
    this.#feed?.pace(records);
  }

  /**
   * The reader goes on where its server sends again what is read again: then it would come twice, or not at all. Blocks of before are
   * completed when they are taken.
   */
  changeColumns(config: SourceConfig, complete: ((row: Row) => Row) | null): boolean {
    if (this.#source.remote.waitsForAcknowledgements !== true || complete === null) return false;
    if (this.#feed === null || this.#failure !== null) return false;
    const types = ({ columns }: SourceConfig): readonly DataType[] => columns.map((c) => c.type);
    this.#changes.push({ from: types(this.#config), to: types(config), complete });
    this.#config = config;
    this.#feed.columns(this.#changes.length, this.#source.decoding(config));
    return true;
  }

  #inPresentLayout({ bytes, layout }: FeedBlock): Uint8Array | null {
    if (bytes === null) return null;
    return this.#changes.slice(layout).reduce<Uint8Array>(relaid, bytes);
  }

  acknowledge(position: Position): void {
    this.#feed?.acknowledge(position);
  }

  nextPollMicros(): bigint {
    const ready = this.#feed === null || this.#blocks.length > 0 || this.#failure !== null;
    return ready ? 0n : this.#config.clock() + SLEEP_MICROS;
  }

  close(): void {
    const closed = this.#feed?.close() ?? null;
    this.#feed = null;
    this.#blocks = [];
    this.#source.stopped(this, closed);
  }
}
