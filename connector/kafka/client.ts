/**
 * The narrow interface to Kafka that Millrace uses: metadata, offsets, fetches from offsets that the caller keeps (no consumer
 * group, so nothing is ever rebalanced), and commits for others to look at. Records are read committed. See producer.ts for
 * writing. Which package is below it, and by which figures: docs/connectors/kafka.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Reader } from '@platformatic/kafka';
import { must } from '../../common/assert.ts';
import { KafkaCluster, type TopicMetadata } from './cluster.ts';
import type { BlockCodecs } from './compression.ts';
import {
  coordinatorPasses,
  KafkaProtocolError,
  kafkaCodes,
  leaderMoves,
  protocolCode,
  requestError,
} from './errors.ts';
import type { KafkaSettings } from './options.ts';
import { type AbortedTransaction, FetchedRecords } from './recordBatch.ts';

const READ_COMMITTED = 1;
const FETCH = 1;
const GROUP = 0;
const NO_RECORDS = Buffer.alloc(0);
const NO_EPOCH = -1;
const COMMIT_ATTEMPTS = 30;
const COMMIT_RETRY_MILLIS = 100;
/** A leader is found anew in about so many times so long. */
const LEADER_ATTEMPTS = 50;
const LEADER_RETRY_MILLIS = 100;

/** 'latest': after the last record that is committed. A number: the first record of that time (ms) or later, else the end. */
export type OffsetQuery = 'earliest' | 'latest' | number;

export interface FetchPartition {
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly from: number;
}

export interface FetchRequest {
  /** Broker that leads all of the partitions. */
  readonly leader: number;
  readonly topic: TopicMetadata;
  readonly partitions: readonly FetchPartition[];
  readonly maxWaitMillis: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
}

export interface FetchedPartition {
  readonly partition: number;
  /** The protocol's code; 0: none. */
  readonly error: number;
  /** After the last record, and after the last that is committed. */
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStart: number;
  readonly records: FetchedRecords;
}

export interface KafkaClient {
  /** Null: there is no such topic. */
  topic(name: string): Promise<TopicMetadata | null>;
  offsets(topic: TopicMetadata, at: ReadonlyMap<number, OffsetQuery>): Promise<ReadonlyMap<number, number>>;
  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]>;
  /** Commits offsets of a group without members: for tools that show lag. */
  commit(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is connected yet; what fails rejects with SqlError. */
export async function openKafkaClient(settings: KafkaSettings): Promise<KafkaClient> {
  return new Client(await KafkaCluster.of(settings));
}

export function blockCodecs(cluster: KafkaCluster): BlockCodecs {
  const { snappy, lz4 } = cluster.kafka.compressionsAlgorithms;
  return {
    compressSnappy: (data) => snappy.compressSync(data),
    decompressSnappy: (data) => snappy.decompressSync(data),
    compressLz4: (data) => lz4.compressSync(data),
    decompressLz4: (data) => lz4.decompressSync(data),
  };
}

class Client implements KafkaClient {
  readonly #cluster: KafkaCluster;
  readonly #codecs: BlockCodecs;
  readonly #coordinators = new Map<string, number>();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#codecs = blockCodecs(cluster);
  }

  async topic(name: string): Promise<TopicMetadata | null> {
    return await this.#said(`metadata of topic "${name}"`, () => this.#cluster.topic(name));
  }

  async offsets(
    topic: TopicMetadata,
    at: ReadonlyMap<number, OffsetQuery>,
  ): Promise<ReadonlyMap<number, number>> {
    return await this.#said(`offsets of topic "${topic.name}"`, async () => {
      let known = topic;
      for (let attempt = 0; ; attempt++) {
        try {
          return await this.#offsetsOnce(known, at);
        } catch (error) {
          const code = protocolCode(error);
          if (code === null || !leaderMoves.has(code) || attempt >= LEADER_ATTEMPTS) throw error;
          await sleep(LEADER_RETRY_MILLIS);
          const now = await this.#cluster.topic(topic.name);
          // Partitions without a leader are not listed for a moment: they are asked of the one that had it.
          if (
            now !== null &&
            [...at.keys()].every((p) => now.partitions.some((n) => n.partition === p && n.leader >= 0))
          )
            known = now;
        }
      }
    });
  }

  async #offsetsOnce(
    topic: TopicMetadata,
    at: ReadonlyMap<number, OffsetQuery>,
  ): Promise<ReadonlyMap<number, number>> {
    const found = new Map<number, number>();
    const byLeader = new Map<number, { partition: number; leaderEpoch: number; query: OffsetQuery }[]>();
    for (const [partition, query] of at) {
      const known = must(
        topic.partitions.find((p) => p.partition === partition),
        'offsets are asked of known partitions',
      );
      const list = byLeader.get(known.leader) ?? [];
      list.push({ partition, leaderEpoch: known.leaderEpoch, query });
      byLeader.set(known.leader, list);
    }
    const late: number[] = [];
    for (const [leader, partitions] of byLeader) {
      const answer = await this.#cluster.at(leader, (connection) =>
        this.#cluster.kafka.listOffsetsV6.api.async(connection, -1, READ_COMMITTED, [
          {
            name: topic.name,
            partitions: partitions.map((p) => ({
              partitionIndex: p.partition,
              currentLeaderEpoch: p.leaderEpoch,
              timestamp: p.query === 'earliest' ? -2n : p.query === 'latest' ? -1n : BigInt(p.query),
            })),
          },
        ]),
      );
      for (const p of answer.topics.flatMap((t) => t.partitions)) {
        if (p.offset < 0n) late.push(p.partitionIndex);
        else found.set(p.partitionIndex, Number(p.offset));
      }
    }
    if (late.length > 0) {
      const ends = await this.#offsetsOnce(topic, new Map(late.map((p) => [p, 'latest'])));
      for (const [partition, offset] of ends) found.set(partition, offset);
    }
    return found;
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return await this.#said(`reading topic "${request.topic.name}"`, () =>
      this.#cluster.at(request.leader, (connection, version) => {
        const fetchVersion = request.topic.id === null ? 12 : this.#cluster.fetchVersion(version);
        return this.#fetch(connection, fetchVersion, request);
      }),
    );
  }

  async commit(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    await this.#said(`committing offsets of group "${group}"`, async () => {
      for (let attempt = 0; ; attempt++) {
        try {
          await this.#commitOnce(group, topic, offsets);
          return;
        } catch (error) {
          this.#coordinators.delete(group);
          const code = protocolCode(error);
          if (code === null || !coordinatorPasses.has(code) || attempt >= COMMIT_ATTEMPTS) throw error;
          await sleep(COMMIT_RETRY_MILLIS);
        }
      }
    });
  }

  async #commitOnce(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const { findCoordinatorV4, offsetCommitV8 } = this.#cluster.kafka;
    let node = this.#coordinators.get(group);
    if (node === undefined) {
      const found = await this.#cluster.anywhere((c) => findCoordinatorV4.api.async(c, GROUP, [group]));
      const coordinator = must(found.coordinators[0], 'a coordinator for the group asked');
      if (coordinator.errorCode !== 0) throw new KafkaProtocolError(coordinator.errorCode, 'coordinator');
      this.#cluster.know(coordinator.nodeId, coordinator);
      node = coordinator.nodeId;
      this.#coordinators.set(group, node);
    }
    await this.#cluster.at(node, (c) =>
      offsetCommitV8.api.async(c, group, -1, '', null, [
        {
          name: topic,
          partitions: [...offsets].map(([partitionIndex, offset]) => ({
            partitionIndex,
            committedOffset: BigInt(offset),
            committedLeaderEpoch: NO_EPOCH,
            committedMetadata: null,
          })),
        },
      ]),
    );
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  async #said<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw requestError(error, doing, this.#cluster.settings);
    }
  }

  #fetch(
    connection: Connection,
    version: 12 | 13,
    request: FetchRequest,
  ): Promise<readonly FetchedPartition[]> {
    const { Writer } = this.#cluster.kafka;
    const { topic } = request;
    const from = new Map(request.partitions.map((p) => [p.partition, p.from]));
    return new Promise((resolve, reject) => {
      connection.send<readonly FetchedPartition[]>(
        FETCH,
        version,
        () => {
          const writer = Writer.create()
            .appendInt32(-1)
            .appendInt32(request.maxWaitMillis)
            .appendInt32(request.minBytes)
            .appendInt32(request.maxBytes)
            .appendInt8(READ_COMMITTED)
            // No fetch session: every request names its partitions.
            .appendInt32(0)
            .appendInt32(-1);
          return writer
            .appendArray([topic], (w) => {
              if (version === 12) w.appendString(topic.name);
              else w.appendUUID(topic.id);
              w.appendArray([...request.partitions], (w, p) => {
                w.appendInt32(p.partition)
                  .appendInt32(p.leaderEpoch)
                  .appendInt64(BigInt(p.from))
                  .appendInt32(-1)
                  .appendInt64(-1n)
                  .appendInt32(request.maxPartitionBytes);
              });
            })
            .appendArray([], () => {})
            .appendString('')
            .appendTaggedFields();
        },
        (_correlation, _api, _version, reader) => this.#readFetch(reader, version, topic.name, from),
        true,
        true,
        (error, answer) => {
          if (error !== null || answer === undefined) reject(error);
          else resolve(answer);
        },
      );
    });
  }

  #readFetch(
    reader: Reader,
    version: 12 | 13,
    topic: string,
    from: ReadonlyMap<number, number>,
  ): readonly FetchedPartition[] {
    reader.readInt32();
    const error = reader.readInt16();
    reader.readInt32();
    if (error !== 0) throw new KafkaProtocolError(error, `reading topic "${topic}"`);
    const all: FetchedPartition[] = [];
    reader.readArray(
      (r) => {
        if (version === 12) r.readString();
        else r.readUUID();
        r.readArray(
          (r) => {
            all.push(this.#readPartition(r, from));
            r.readTaggedFields();
          },
          true,
          false,
        );
        r.readTaggedFields();
      },
      true,
      false,
    );
    return all;
  }

  #readPartition(r: Reader, from: ReadonlyMap<number, number>): FetchedPartition {
    const partition = r.readInt32();
    const error = r.readInt16();
    const highWatermark = Number(r.readInt64());
    const lastStableOffset = Number(r.readInt64());
    const logStart = Number(r.readInt64());
    const aborted: readonly AbortedTransaction[] =
      r.readNullableArray((a) => ({ producerId: a.readInt64(), firstOffset: Number(a.readInt64()) })) ?? [];
    r.readInt32();
    const size = r.readUnsignedVarInt() - 1;
    // In one piece: the socket's pieces are small, and records are views of it.
    const bytes = size > 0 ? r.buffer.slice(r.position, r.position + size) : NO_RECORDS;
    if (size > 0) r.skip(size);
    return {
      partition,
      error,
      highWatermark,
      lastStableOffset,
      logStart,
      records: new FetchedRecords(String(partition), bytes, from.get(partition) ?? 0, aborted, this.#codecs),
    };
  }
}

/** The topic's leader or id has changed, or it is gone: ask for metadata again. */
export function movedOn(error: number): boolean {
  return new KafkaProtocolError(error, '').passes && error !== kafkaCodes.OFFSET_OUT_OF_RANGE;
}
