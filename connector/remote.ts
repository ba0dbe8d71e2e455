/**
 * What a remote source connector is: data plus a reader of messages from a server or a network. Readers run in a worker thread
 * (server/remote), away from sessions and the dataflow; their messages are decoded there by the source's FORMAT and ENCODE
 * (formats/message.ts), and the rows are kept by the database, which journals them before anything follows from them. So nothing
 * is ever read a second time: a restart goes on after the position of the last row that is in the journal, and a view that is
 * made later is filled from the rows that are kept.
 *
 * A reader waits in `fetch`; it is not asked for more than the database takes, which is the back-pressure.
 */
import type { DataType } from '../common/dataType.ts';
import type { OptionSpec, Position } from './connector.ts';

/** Bytes in which many messages lie, and a view of all of them. */
export interface RecordMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A message as it came. */
export interface RemoteRecord {
  /** What has a watermark and a lag of its own: a Kafka partition, a file, a subject. */
  readonly partition: string;
  /** Where in the partition, as a person would look it up. */
  readonly offset: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Where `value` lies, for decoders that need no view of its own: [valueFrom, valueTo). Absent: nowhere else, or it is null. */
  readonly memory?: RecordMemory | undefined;
  readonly valueFrom?: number;
  readonly valueTo?: number;
  /** Of key and value. Absent: theirs tell. */
  readonly size?: number;
  /** Microseconds since 1970; null: it has none. */
  readonly timestamp: bigint | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
  /** Further fields of this connector that INCLUDE can name. */
  readonly fields?: Readonly<Record<string, string | null>>;
}

export interface RemoteFetch {
  /** In the order of their partitions' offsets. */
  readonly records: readonly RemoteRecord[];
  /** Position after them: what `open` gets to go on. */
  readonly position: Position;
}

/** How far a partition is read. */
export interface PartitionProgress {
  readonly partition: string;
  /** What comes next. */
  readonly offset: string;
  /** Where it ends now; null: not known. */
  readonly end: string | null;
  /** Messages that wait; null: not known. */
  readonly lag: bigint | null;
  /** Something that an operator should know of it (retention has overtaken it ...); null: nothing. */
  readonly note: string | null;
}

export interface RemoteReader {
  /**
   * Waits for messages and gives at most so many. An empty result is right too: nothing came for a while, or a position moved
   * on. Rejects with SqlError (class 08 for what may pass by itself) when it cannot go on; it is closed then, and opened again
   * after a while. `signal`: nobody waits any more.
   */
  fetch(maxRecords: number, signal: AbortSignal): Promise<RemoteFetch>;
  /** Everything up to this position is durable here: the server may forget it. */
  acknowledge(position: Position): Promise<void>;
  /** For catalogs; cheap, of what is known. */
  progress(): readonly PartitionProgress[];
  close(): Promise<void>;
}

/** What INCLUDE can name of a connector's messages. */
export interface IncludeField {
  readonly name: 'key' | 'timestamp' | 'partition' | 'offset' | 'header' | 'payload' | (string & {});
  /** Of the column, unless the clause names a type (`key` and `header`: bytea). */
  readonly type: DataType;
  readonly doc: string;
}

/** What a connector needs to connect; decoding is none of its business. Plain data: it goes to another thread. */
export interface RemoteConfig {
  /** Id of the source within this server, and the server's own: for names that a server is told. */
  readonly identity: string;
  readonly name: string;
  /** Options given by the user with defaults filled in, validated against the specs. */
  readonly options: ReadonlyMap<string, string>;
}

export interface RemoteConnector {
  readonly name: string;
  /**
   * Where its readers run; absent: in the worker. `main`: in the main thread, where what they read comes in (the server's own
   * HTTP port); decoding is done there as well.
   */
  readonly thread?: 'worker' | 'main';
  readonly doc: string;
  /** Its servers send only so many messages before they are acknowledged: rows go to the disk at once. */
  readonly waitsForAcknowledgements?: boolean;
  readonly options: readonly OptionSpec[];
  /** Accepted `FORMAT ENCODE` pairs. */
  readonly formats: readonly string[];
  readonly include: readonly IncludeField[];
  /**
   * Connects once, when a source is declared: wrong host, password, topic ... are SqlErrors (08001, 28P01, 42704 ...) that say
   * what to do. Gives the partitions that are known before anything is read: the source's watermark waits for all of them.
   */
  check(config: RemoteConfig): Promise<{ readonly partitions: readonly string[] }>;
  /** A few messages from where reading begins, for inferring columns. Closes what it opens. */
  sample?(config: RemoteConfig, records: number): Promise<readonly RemoteRecord[]>;
  /** After its source was dropped, and its readers are closed: removes what the server keeps for it. Rejects with SqlError; then it stays there. */
  forget?(config: RemoteConfig): Promise<void>;
  /** `from` null: where the options say. Rejects with SqlError. */
  open(config: RemoteConfig, from: Position | null): Promise<RemoteReader>;
}
