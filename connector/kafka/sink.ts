/**
 * The `kafka` sink: changes as records of a topic. Exactly once for consumers that read committed: the records of some epochs and
 * the record of the last of them (sinkProgress.ts) are one transaction of Kafka, under a transactional id that is the sink's.
 *
 * Prepared means: all in-sync replicas have every record, and the transaction is open. Commit ends it. A new writer opens the
 * same id, which ends whatever the earlier one left: what it had not told Kafka to commit is aborted, what it had is committed,
 * and the earlier one can write no more. Then the progress is read, so the outbox knows what to deliver again.
 *
 * `at-least-once` uses no transactions: records first, then the progress; after a failure some come again. They carry epoch and
 * number as headers, by which a consumer can tell.
 *
 * Invariant: records of a key are in one partition (as long as the topic keeps their number), in the order of their changes.
 */
import { randomUUID } from 'node:crypto';
import { SqlError } from '../../common/sqlError.ts';
import { type ByteEncoder, openByteEncoder } from '../encoders/byteEncoder.ts';
import { keyEncodes } from '../encoders/keyEncoder.ts';
import {
  type SinkBatch,
  type SinkConfig,
  type SinkConnector,
  SinkRefusal,
  type SinkTransaction,
  type SinkWriter,
} from '../sink.ts';
import type { TopicMetadata } from './cluster.ts';
import { type CompressionCodec, compressionCodecs } from './compression.ts';
import { missingTopic } from './errors.ts';
import { type KafkaSettings, kafkaSettings } from './options.ts';
import {
  type KafkaProducer,
  openKafkaProducer,
  openTransactionalProducer,
  type TransactionalProducer,
} from './producer.ts';
import type { OutgoingRecord } from './recordWriter.ts';
import { kafkaSinkOptions } from './sinkOptions.ts';
import { partitionOf } from './sinkPartitioner.ts';
import { type Progress, progressRecord, readProgress } from './sinkProgress.ts';
import { sendRecords, TooLarge } from './sinkSend.ts';
import { makeTopic, removeTopic } from './sinkTopics.ts';

/** Bytes of a partition's records that make a batch; a topic takes batches of 1 MB by default. */
const BATCH_BYTES = 400_000;
/** How much smaller they get where they are too large. */
const SMALLER = 8;
/** Rough cost of a record beyond its key and value. */
const RECORD_BYTES = 16;
const MICROS = 1000n;
const DELIVERY_ROWS = 20_000;
const DELIVERY_MILLIS = 50;

/** Names of this process in the progress of the sinks that it has taken over. */
interface Process {
  readonly owner: string;
  readonly taken: Set<string>;
  /** Bytes of a batch, of sinks whose topics take less than usual. */
  readonly batchBytes: Map<string, number>;
}

/** Either kind of producer. */
type Producer =
  | { readonly exact: true; readonly to: TransactionalProducer }
  | { readonly exact: false; readonly to: KafkaProducer };

class KafkaWriter implements SinkWriter {
  readonly #config: SinkConfig;
  readonly #process: Process;
  readonly #settings: KafkaSettings;
  #encoder: ByteEncoder | null = null;
  readonly #topicName: string;
  readonly #progressName: string;
  #producer: Producer | null = null;
  #partitions = 0;
  /** Records without a key go round the partitions, a batch each. */
  #turn = 0;
  readonly #made: string[] = [];

  constructor(config: SinkConfig, process: Process) {
    this.#config = config;
    this.#process = process;
    this.#settings = kafkaSettings(config.options);
    this.#topicName = config.options.get('topic') ?? '';
    this.#progressName = config.options.get('progress.topic') ?? `millrace-sink-${config.identity}`;
  }

  async recover(): Promise<bigint | null> {
    try {
      this.#encoder = await openByteEncoder(this.#config, this.#topicName);
      return await this.#takeOver();
    } catch (error) {
      // What is made is only made for a sink that has delivered nothing.
      await this.release().catch(() => {});
      throw error;
    }
  }

  async #takeOver(): Promise<bigint | null> {
    const { identity, options } = this.#config;
    const replicationFactor = Number(options.get('create.topic.replication.factor') ?? -1);
    const progressTopic = await makeTopic(this.#settings, {
      name: this.#progressName,
      partitions: 1,
      replicationFactor,
      configs: { 'cleanup.policy': 'compact', 'segment.bytes': '16777216' },
    });
    if (progressTopic.made) this.#made.push(this.#progressName);
    // Before the other one is fenced; what is in doubt then is known after.
    this.#checkOwner(await this.#read(false));
    this.#producer = await this.#open();
    const progress = await this.#read(true);
    this.#checkOwner(progress);
    await this.#findTopic(progress?.epoch ?? null, replicationFactor);
    await this.#take(progress);
    this.#process.taken.add(identity);
    return progress?.epoch ?? null;
  }

  #read(decided: boolean): Promise<Progress | null> {
    return readProgress(this.#settings, this.#progressName, this.#config.identity, decided);
  }

  /** A process that another one has overtaken does not take the sink back by itself. */
  #checkOwner(progress: Progress | null): void {
    const { identity, name } = this.#config;
    const { taken, owner } = this.#process;
    if (!taken.has(identity) || progress === null || progress.owner === owner) return;
    taken.delete(identity);
    throw new SinkRefusal(
      `another server has taken over the sink "${name}" at its target; RESUME takes it back if that server is stopped`,
    );
  }

  async #open(): Promise<Producer> {
    const { options, identity } = this.#config;
    const compression = codecOf(options);
    if (options.get('delivery.guarantee') === 'at-least-once') {
      return { exact: false, to: await openKafkaProducer(this.#settings, { compression }) };
    }
    const transactionalId = `${options.get('transactional.id.prefix') ?? ''}${identity}`;
    const timeoutMillis = Number(options.get('properties.transaction.timeout.ms'));
    try {
      const to = await openTransactionalProducer(this.#settings, {
        compression,
        transactionalId,
        timeoutMillis,
      });
      return { exact: true, to };
    } catch (error) {
      if (error instanceof SqlError && /Kafka error 50$/.test(error.message)) {
        throw new SqlError(
          '22023',
          `properties.transaction.timeout.ms is ${timeoutMillis}: more than the brokers allow`,
          { hint: 'Their limit is transaction.max.timeout.ms, 15 minutes by default.' },
        );
      }
      throw error;
    }
  }

  /** The topic is made only where nothing has been delivered: one that is lost is not replaced by an empty one. */
  async #findTopic(epoch: bigint | null, replicationFactor: number): Promise<void> {
    const { options } = this.#config;
    const name = this.#topicName;
    let topic: TopicMetadata | null = (await this.#producer?.to.topic(name)) ?? null;
    if (topic === null && epoch === null && options.get('create.topic') === 'true') {
      const compact = this.#config.format === 'UPSERT';
      const result = await makeTopic(this.#settings, {
        name,
        partitions: Number(options.get('create.topic.partitions') ?? -1),
        replicationFactor,
        configs: compact ? { 'cleanup.policy': 'compact' } : {},
      });
      topic = result.topic;
      if (result.made) this.#made.push(name);
    }
    if (topic === null || topic.partitions.length === 0) throw missingTopic(name);
    this.#partitions = topic.partitions.length;
  }

  /** Writes down whose the sink is now. */
  async #take(progress: Progress | null): Promise<void> {
    const { owner } = this.#process;
    if (progress?.owner === owner) return;
    const { exact, to } = this.#ready();
    if (exact) to.begin();
    await to.send(this.#progressName, [
      progressRecord(this.#config.identity, { epoch: progress?.epoch ?? null, owner }, 0),
    ]);
    if (exact) await to.commit();
  }

  #ready(): Producer {
    if (this.#producer === null) throw new Error('the writer is closed');
    return this.#producer;
  }

  get #batchBytes(): number {
    return this.#process.batchBytes.get(this.#config.identity) ?? BATCH_BYTES;
  }

  #sender(producer: KafkaProducer): (records: readonly OutgoingRecord[]) => Promise<void> {
    const { batchBytes } = this.#process;
    const { identity } = this.#config;
    return async (records) => {
      try {
        await sendRecords(producer, this.#topicName, records);
      } catch (error) {
        if (error instanceof TooLarge) batchBytes.set(identity, Math.floor(this.#batchBytes / SMALLER));
        else if (error instanceof SinkRefusal) batchBytes.delete(identity);
        throw error;
      }
    };
  }

  begin(): Promise<SinkTransaction> {
    const producer = this.#ready();
    if (producer.exact) producer.to.begin();
    this.#turn = (this.#turn + 1) % this.#partitions;
    const outgoing = new Outgoing(this.#sender(producer.to), this.#batchBytes);
    let last: Progress = { epoch: null, owner: this.#process.owner };
    let millis = 0;
    const record = (): readonly OutgoingRecord[] => [progressRecord(this.#config.identity, last, millis)];
    return Promise.resolve({
      write: async (batch) => {
        millis = Number(batch.at / MICROS);
        await this.#write(batch, millis, outgoing);
      },
      prepare: async (through) => {
        last = { ...last, epoch: through };
        await outgoing.flush();
        if (producer.exact) await producer.to.send(this.#progressName, record());
      },
      commit: async () => {
        if (producer.exact) await producer.to.commit();
        else await producer.to.send(this.#progressName, record());
      },
      abort: async () => {
        await outgoing.settle();
        if (producer.exact) await producer.to.abort();
      },
    });
  }

  async #write(batch: SinkBatch, timestamp: number, outgoing: Outgoing): Promise<void> {
    const repeats = !this.#ready().exact;
    let number = batch.first;
    for (const { key, value } of this.#encoder?.records(batch) ?? []) {
      const partition = key === null ? this.#turn : partitionOf(key, this.#partitions);
      const headers = repeats ? { headers: this.#headers(batch.epoch, number++) } : {};
      const full = outgoing.add({ partition, key, value, timestamp, ...headers });
      if (!full) continue;
      if (key === null) this.#turn = (this.#turn + 1) % this.#partitions;
      await outgoing.send();
    }
  }

  /** What a repetition is told by. */
  #headers(epoch: bigint, number: number): NonNullable<OutgoingRecord['headers']> {
    return [
      ['millrace.sink', Buffer.from(this.#config.identity)],
      ['millrace.epoch', Buffer.from(String(epoch))],
      ['millrace.number', Buffer.from(String(number))],
    ];
  }

  async release(): Promise<void> {
    for (const name of this.#made.splice(0)) await removeTopic(this.#settings, name);
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.to.close();
  }
}

/** Records on their way: one request is at the brokers while the next is made. */
class Outgoing {
  readonly #send: (records: readonly OutgoingRecord[]) => Promise<void>;
  readonly #batchBytes: number;
  #waiting: OutgoingRecord[] = [];
  readonly #bytes = new Map<number, number>();
  #sending: Promise<void> = Promise.resolve();

  constructor(send: (records: readonly OutgoingRecord[]) => Promise<void>, batchBytes: number) {
    this.#send = send;
    this.#batchBytes = batchBytes;
  }

  /** True: there is enough for a batch. */
  add(record: OutgoingRecord): boolean {
    this.#waiting.push(record);
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0) + RECORD_BYTES;
    const bytes = (this.#bytes.get(record.partition) ?? 0) + size;
    this.#bytes.set(record.partition, bytes);
    return bytes >= this.#batchBytes;
  }

  async send(): Promise<void> {
    const records = this.#waiting;
    this.#waiting = [];
    this.#bytes.clear();
    await this.#sending;
    const sending = this.#send(records);
    // It is awaited later; until then nobody listens.
    sending.catch(() => {});
    this.#sending = sending;
  }

  async flush(): Promise<void> {
    if (this.#waiting.length > 0) await this.send();
    await this.#sending;
  }

  /** Waits until nothing is on its way, however it ends. */
  async settle(): Promise<void> {
    await this.#sending.catch(() => {});
  }
}

function codecOf(options: ReadonlyMap<string, string>): CompressionCodec {
  return compressionCodecs.find((codec) => codec === options.get('properties.compression.codec')) ?? 'none';
}

/** The connector of one process. */
export function kafkaSinkConnector(): SinkConnector {
  const process: Process = { owner: randomUUID(), taken: new Set(), batchBytes: new Map() };
  return {
    name: 'kafka',
    doc: 'A topic of Apache Kafka.',
    options: kafkaSinkOptions,
    formats: [
      'PLAIN JSON',
      'UPSERT JSON',
      'DEBEZIUM JSON',
      'PLAIN AVRO',
      'UPSERT AVRO',
      'PLAIN PROTOBUF',
      'UPSERT PROTOBUF',
      'DEBEZIUM AVRO',
      'DEBEZIUM PROTOBUF',
    ],
    keyEncodes,
    guarantee: 'exactly once',
    batching: () => ({ rows: DELIVERY_ROWS, millis: DELIVERY_MILLIS }),
    async open(config) {
      return new KafkaWriter(config, process);
    },
  };
}

export const kafkaSink: SinkConnector = kafkaSinkConnector();
