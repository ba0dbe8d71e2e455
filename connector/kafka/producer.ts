/**
 * Writing to Kafka: records by themselves, and transactions. A transactional producer is fenced by the next one that opens with
 * its id, which also aborts what it left open; that is InitProducerId with -1/-1, each time.
 *
 * Transactions are those of every broker since Kafka 2.7: FindCoordinator, InitProducerId, AddPartitionsToTxn before a
 * partition's first batch, Produce with sequence numbers, EndTxn. One request per leader at a time keeps the sequence.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@platformatic/kafka';
import { must } from '../../common/assert.ts';
import { blockCodecs } from './client.ts';
import { KafkaCluster, type TopicMetadata } from './cluster.ts';
import type { BlockCodecs, CompressionCodec } from './compression.ts';
import {
  coordinatorPasses,
  KafkaProtocolError,
  kafkaCodes,
  missingTopic,
  protocolCode,
  requestError,
} from './errors.ts';
import type { KafkaSettings } from './options.ts';
import { type BatchOwner, type OutgoingRecord, recordBatch, unnumbered } from './recordWriter.ts';

const PRODUCE = 0;
const PRODUCE_VERSION = 9;
const ALL_REPLICAS = -1;
const TRANSACTION = 1;
const RETRY_MILLIS = 50;
const RETRIES = 100;

export interface ProducerOptions {
  readonly compression: CompressionCodec;
}

export interface KafkaProducer {
  /** Null: there is no such topic. */
  topic(name: string): Promise<TopicMetadata | null>;
  /** Resolves when all in-sync replicas have the records. One call at a time; records of a partition stay in order. */
  send(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface TransactionalProducer extends KafkaProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** What `send` sends after it is one transaction. */
  begin(): void;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Records by themselves: at least once where a caller sends them again after an error. */
export async function openKafkaProducer(
  settings: KafkaSettings,
  options: ProducerOptions,
): Promise<KafkaProducer> {
  return new PlainProducer(await KafkaCluster.of(settings), options.compression);
}

/** Fences every earlier producer of this id, and aborts what it left open. */
export async function openTransactionalProducer(
  settings: KafkaSettings,
  options: ProducerOptions & { readonly transactionalId: string; readonly timeoutMillis: number },
): Promise<TransactionalProducer> {
  const cluster = await KafkaCluster.of(settings);
  const producer = new Transactions(cluster, options.compression, options.transactionalId);
  try {
    await producer.open(options.timeoutMillis);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return producer;
}

function byPartition(records: readonly OutgoingRecord[]): ReadonlyMap<number, readonly OutgoingRecord[]> {
  const groups = new Map<number, OutgoingRecord[]>();
  for (const record of records) {
    const group = groups.get(record.partition);
    if (group === undefined) groups.set(record.partition, [record]);
    else group.push(record);
  }
  return groups;
}

class PlainProducer implements KafkaProducer {
  protected readonly cluster: KafkaCluster;
  readonly #codecs: BlockCodecs;
  readonly #compression: CompressionCodec;
  readonly #topics = new Map<string, TopicMetadata>();

  constructor(cluster: KafkaCluster, compression: CompressionCodec) {
    this.cluster = cluster;
    this.#codecs = blockCodecs(cluster);
    this.#compression = compression;
  }

  async topic(name: string): Promise<TopicMetadata | null> {
    return await this.said(`metadata of topic "${name}"`, async () => {
      const topic = await this.cluster.topic(name);
      if (topic !== null) this.#topics.set(name, topic);
      return topic;
    });
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    await this.sendBatches(topic, byPartition(records), () => unnumbered, null);
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  /** Sends a batch per partition; those that their leader refuses for now are sent again, as they are. */
  protected async sendBatches(
    topic: string,
    groups: ReadonlyMap<number, readonly OutgoingRecord[]>,
    owner: (partition: number) => BatchOwner,
    transactionalId: string | null,
  ): Promise<void> {
    const { crc32c } = this.cluster.kafka;
    let waiting = new Map(
      [...groups].map(([partition, records]) => [
        partition,
        recordBatch(records, owner(partition), this.#compression, this.#codecs, crc32c),
      ]),
    );
    await this.said(`writing to topic "${topic}"`, async () => {
      for (let attempt = 0; waiting.size > 0; attempt++) {
        const refused = await this.#sendOnce(topic, waiting, transactionalId);
        if (refused.size > 0) {
          if (attempt >= RETRIES) throw new KafkaProtocolError(6, `writing to topic "${topic}"`);
          this.#topics.delete(topic);
          await sleep(RETRY_MILLIS);
        }
        waiting = refused;
      }
    });
  }

  protected async said<T>(doing: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw requestError(error, doing, this.cluster.settings);
    }
  }

  async #sendOnce(
    topic: string,
    batches: ReadonlyMap<number, Buffer>,
    transactionalId: string | null,
  ): Promise<Map<number, Buffer>> {
    const known = this.#topics.get(topic) ?? (await this.topic(topic));
    if (known === null) throw missingTopic(topic);
    const refused = new Map<number, Buffer>();
    const byLeader = new Map<number, [partition: number, batch: Buffer][]>();
    for (const [partition, batch] of batches) {
      const leader = known.partitions.find((p) => p.partition === partition)?.leader ?? -1;
      if (leader < 0) refused.set(partition, batch);
      else byLeader.set(leader, [...(byLeader.get(leader) ?? []), [partition, batch]]);
    }
    await Promise.all(
      [...byLeader].map(async ([leader, list]) => {
        const errors = await this.cluster.at(leader, (connection) =>
          this.#produce(connection, topic, list, transactionalId),
        );
        for (const [partition, batch] of list) {
          const code = errors.get(partition) ?? 0;
          if (code === 0) continue;
          const error = new KafkaProtocolError(code, `writing to topic "${topic}"`);
          if (!error.passes) throw error;
          refused.set(partition, batch);
        }
      }),
    );
    return refused;
  }

  /** Error codes by partition. */
  #produce(
    connection: Connection,
    topic: string,
    batches: readonly (readonly [partition: number, batch: Buffer])[],
    transactionalId: string | null,
  ): Promise<ReadonlyMap<number, number>> {
    const { Writer } = this.cluster.kafka;
    const timeout = this.cluster.settings.requestMillis;
    return new Promise((resolve, reject) => {
      connection.send<ReadonlyMap<number, number>>(
        PRODUCE,
        PRODUCE_VERSION,
        () =>
          Writer.create()
            .appendString(transactionalId)
            .appendInt16(ALL_REPLICAS)
            .appendInt32(timeout)
            .appendArray([topic], (w) => {
              w.appendString(topic).appendArray([...batches], (w, [partition, batch]) => {
                w.appendInt32(partition)
                  .appendUnsignedVarInt(batch.length + 1)
                  .append(batch);
              });
            })
            .appendTaggedFields(),
        (_correlation, _api, _version, r) => {
          const errors = new Map<number, number>();
          r.readArray((r) => {
            r.readString();
            r.readArray((r) => {
              errors.set(r.readInt32(), r.readInt16());
              // Offset, time and start of the log.
              r.skip(24);
              r.readArray((r) => {
                r.readInt32();
                r.readNullableString();
              });
              r.readNullableString();
            });
          });
          return errors;
        },
        true,
        true,
        (error, answer) => (error !== null || answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  }
}

class Transactions extends PlainProducer implements TransactionalProducer {
  readonly #id: string;
  #producerId = -1n;
  #producerEpoch = -1;
  #coordinator: number | null = null;
  /** Numbers of the next records, by topic and partition; for the life of the producer. */
  readonly #sequences = new Map<string, number>();
  /** Partitions of the open transaction that the coordinator knows; null: none is open. */
  #added: Set<string> | null = null;

  constructor(cluster: KafkaCluster, compression: CompressionCodec, id: string) {
    super(cluster, compression);
    this.#id = id;
  }

  get producerId(): bigint {
    return this.#producerId;
  }

  get producerEpoch(): number {
    return this.#producerEpoch;
  }

  async open(timeoutMillis: number): Promise<void> {
    const answer = await this.#coordinated('opening a transactional producer', (c) =>
      this.cluster.kafka.initProducerIdV4.api.async(c, this.#id, timeoutMillis, -1n, -1),
    );
    this.#producerId = answer.producerId;
    this.#producerEpoch = answer.producerEpoch;
  }

  begin(): void {
    this.#added = new Set();
  }

  override async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const added = must(this.#added, 'send is within a transaction');
    const groups = byPartition(records);
    const fresh = [...groups.keys()].filter((p) => !added.has(`${topic}/${p}`));
    if (fresh.length > 0) {
      await this.#coordinated('adding partitions to a transaction', (c) =>
        this.cluster.kafka.addPartitionsToTxnV3.api.async(c, [
          {
            transactionalId: this.#id,
            producerId: this.#producerId,
            producerEpoch: this.#producerEpoch,
            verifyOnly: false,
            topics: [{ name: topic, partitions: fresh }],
          },
        ]),
      );
      for (const partition of fresh) added.add(`${topic}/${partition}`);
    }
    await this.sendBatches(
      topic,
      groups,
      (partition) => ({
        producerId: this.#producerId,
        producerEpoch: this.#producerEpoch,
        firstSequence: this.#sequences.get(`${topic}/${partition}`) ?? 0,
        transactional: true,
      }),
      this.#id,
    );
    for (const [partition, list] of groups) {
      const key = `${topic}/${partition}`;
      this.#sequences.set(key, (this.#sequences.get(key) ?? 0) + list.length);
    }
  }

  commit(): Promise<void> {
    return this.#end(true);
  }

  abort(): Promise<void> {
    return this.#end(false);
  }

  async #end(commit: boolean): Promise<void> {
    const added = must(this.#added, 'a transaction is open');
    this.#added = null;
    // A coordinator that was told of no partition knows of no transaction.
    if (added.size === 0) return;
    await this.#coordinated(`${commit ? 'committing' : 'aborting'} a transaction`, (c) =>
      this.cluster.kafka.endTxnV3.api.async(c, this.#id, this.#producerId, this.#producerEpoch, commit),
    );
  }

  /** A request to the coordinator of this id, again while it is busy or elsewhere. */
  async #coordinated<T>(doing: string, request: (connection: Connection) => Promise<T>): Promise<T> {
    return await this.said(doing, async () => {
      for (let attempt = 0; ; attempt++) {
        try {
          this.#coordinator ??= await this.#findCoordinator();
          return await this.cluster.at(this.#coordinator, request);
        } catch (error) {
          const code = protocolCode(error);
          // A topic that was made just now is not known to every broker.
          const passes = code === kafkaCodes.UNKNOWN_TOPIC_OR_PARTITION || coordinatorPasses.has(code ?? 0);
          if (!passes || attempt >= RETRIES) throw error;
          if (code !== kafkaCodes.CONCURRENT_TRANSACTIONS) this.#coordinator = null;
          await sleep(RETRY_MILLIS);
        }
      }
    });
  }

  async #findCoordinator(): Promise<number> {
    const found = await this.cluster.anywhere((c) =>
      this.cluster.kafka.findCoordinatorV4.api.async(c, TRANSACTION, [this.#id]),
    );
    const coordinator = must(found.coordinators[0], 'a coordinator for the id asked');
    if (coordinator.errorCode !== 0)
      throw new KafkaProtocolError(coordinator.errorCode, 'finding a coordinator');
    this.cluster.know(coordinator.nodeId, coordinator);
    return coordinator.nodeId;
  }
}
