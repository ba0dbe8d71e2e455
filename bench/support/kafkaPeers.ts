/** The clients for Kafka that are compared (kafkaClients.ts), behind the few things that are measured. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, Producer } from '@platformatic/kafka';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../../connector/connector.ts';
import { kafkaSettings } from '../../connector/kafka/options.ts';
import { openKafkaProducer, openTransactionalProducer } from '../../connector/kafka/producer.ts';
import { kafka } from '../../connector/kafka/source.ts';
import { checkOptions } from '../../connector/options.ts';
import type { RemoteReader } from '../../connector/remote.ts';

const REOPEN_MILLIS = 200;

/** What is used of kafkajs, which is there only where `npm install --no-save kafkajs` was run. */
interface KafkaJs {
  readonly logLevel: { readonly NOTHING: number };
  readonly Kafka: new (options: {
    readonly clientId: string;
    readonly brokers: readonly string[];
    readonly logLevel: number;
  }) => {
    producer(options?: {
      transactionalId: string;
      idempotent: boolean;
      maxInFlightRequests: number;
    }): JsProducer;
    consumer(options: { groupId: string; readUncommitted: boolean; maxBytesPerPartition?: number }): {
      connect(): Promise<void>;
      subscribe(options: { topics: readonly string[]; fromBeginning: boolean }): Promise<void>;
      run(options: {
        eachBatch(payload: { batch: { messages: readonly { value: Buffer | null }[] } }): Promise<void>;
      }): Promise<void>;
      disconnect(): Promise<void>;
    };
  };
}

interface JsSend {
  readonly topic: string;
  readonly acks?: number;
  readonly messages: readonly { readonly value: Buffer; readonly partition: number }[];
}

interface JsProducer {
  connect(): Promise<void>;
  send(messages: JsSend): Promise<unknown>;
  transaction(): Promise<{
    send(m: JsSend): Promise<unknown>;
    commit(): Promise<void>;
    abort(): Promise<void>;
  }>;
  disconnect(): Promise<void>;
}

export interface Transactions {
  /** Writes a message to partition 0 of the topic in a transaction of its own. */
  run(topic: string, value: string, end: 'commit' | 'abort'): Promise<void>;
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly codecs: ReadonlySet<string>;
  /** Calls back with values until it is told to end. Read committed. */
  consume(
    url: string,
    topic: string,
    seen: (values: readonly (Uint8Array | null)[]) => void,
  ): Promise<() => Promise<void>>;
  /** Sends batches of values, one after the other, to partition 0. */
  produce(url: string, topic: string, batches: Iterable<readonly Buffer[]>): Promise<void>;
  transactions(url: string, id: string): Promise<Transactions>;
}

const every = new Set(['none', 'gzip', 'snappy', 'lz4', 'zstd']);

const millrace: Peer = {
  name: 'millrace',
  codecs: every,
  async consume(url, topic, seen) {
    const options = checkOptions(
      kafka,
      new Map([
        ['topic', topic],
        ['properties.bootstrap.server', url],
      ]),
    );
    const config = { identity: 'bench', name: 'bench', options };
    const stop = new AbortController();
    const done = (async () => {
      let position: Position | null = null;
      // As the server does it: what fails because of a connection is opened again, where it was.
      while (!stop.signal.aborted) {
        const reader: RemoteReader | null = await kafka.open(config, position).catch(() => null);
        try {
          while (reader !== null && !stop.signal.aborted) {
            const got = await reader.fetch(8192, stop.signal);
            position = got.position;
            if (got.records.length > 0) seen(got.records.map((r) => r.value));
          }
        } catch (error) {
          if (!(error instanceof SqlError) || !error.state.startsWith('08')) throw error;
        }
        await reader?.close();
        if (!stop.signal.aborted) await sleep(REOPEN_MILLIS);
      }
    })();
    return async () => {
      stop.abort();
      await done;
    };
  },
  async produce(url, topic, batches) {
    const settings = kafkaSettings(new Map([['properties.bootstrap.server', url]]));
    const producer = await openKafkaProducer(settings, { compression: 'none' });
    for (const batch of batches)
      await producer.send(
        topic,
        batch.map((value) => ({ partition: 0, key: null, value, timestamp: 1_700_000_000_000 })),
      );
    await producer.close();
  },
  async transactions(url, id) {
    const settings = kafkaSettings(new Map([['properties.bootstrap.server', url]]));
    const producer = await openTransactionalProducer(settings, {
      compression: 'none',
      transactionalId: id,
      timeoutMillis: 30_000,
    });
    return {
      async run(topic, value, end) {
        producer.begin();
        await producer.send(topic, [
          { partition: 0, key: null, value: Buffer.from(value), timestamp: 1_700_000_000_000 },
        ]);
        await producer[end]();
      },
      close: () => producer.close(),
    };
  },
};

/** `ids`: how a transactional producer is opened: as the package does by itself, or with -1/-1. */
function platformatic(name: string, ids: { producerId?: bigint; producerEpoch?: number }): Peer {
  return {
    name,
    codecs: every,
    async consume(url, topic, seen) {
      const consumer = new Consumer({
        clientId: 'bench',
        groupId: `bench-${topic}-${process.hrtime.bigint()}`,
        bootstrapBrokers: [url],
        isolationLevel: 1,
        maxBytes: 8 << 20,
        autocommit: false,
        highWaterMark: 8192,
        retries: true,
        retryDelay: 200,
      });
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest' });
      stream.on('error', (error: Error) => process.stderr.write(`${name}: ${error.message}\n`));
      stream.on('data', (message: { value: Buffer }) => seen([message.value]));
      return async () => {
        await stream.close();
        await consumer.close(true);
      };
    },
    async produce(url, topic, batches) {
      const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [url] });
      for (const batch of batches)
        await producer.send({ acks: -1, messages: batch.map((value) => ({ topic, partition: 0, value })) });
      await producer.close();
    },
    async transactions(url, id) {
      const producer = new Producer({
        clientId: 'bench',
        bootstrapBrokers: [url],
        transactionalId: id,
        idempotent: true,
        retries: 3,
        ...ids,
      });
      return {
        async run(topic, value, end) {
          const transaction = await producer.beginTransaction(ids);
          await transaction.send({ messages: [{ topic, partition: 0, value: Buffer.from(value) }] });
          await transaction[end]();
        },
        close: async () => {
          await producer.close();
        },
      };
    },
  };
}

function kafkajs(js: KafkaJs): Peer {
  const client = (url: string) =>
    new js.Kafka({ clientId: 'bench', brokers: [url], logLevel: js.logLevel.NOTHING });
  return {
    name: 'kafkajs',
    codecs: new Set(['none', 'gzip']),
    async consume(url, topic, seen) {
      const consumer = client(url).consumer({
        groupId: `bench-${topic}-${process.hrtime.bigint()}`,
        readUncommitted: false,
      });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        eachBatch: async ({ batch }) => {
          seen(batch.messages.map((m) => m.value));
        },
      });
      return () => consumer.disconnect();
    },
    async produce(url, topic, batches) {
      const producer = client(url).producer();
      await producer.connect();
      for (const batch of batches)
        await producer.send({ topic, acks: -1, messages: batch.map((value) => ({ value, partition: 0 })) });
      await producer.disconnect();
    },
    async transactions(url, id) {
      const producer = client(url).producer({
        transactionalId: id,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      return {
        async run(topic, value, end) {
          const transaction = await producer.transaction();
          await transaction.send({ topic, messages: [{ value: Buffer.from(value), partition: 0 }] });
          await transaction[end]();
        },
        close: () => producer.disconnect(),
      };
    },
  };
}

/** Every client that is installed. */
export async function kafkaPeers(): Promise<readonly Peer[]> {
  const peers = [
    millrace,
    platformatic('@platformatic/kafka', {}),
    platformatic('@platformatic/kafka, -1/-1', { producerId: -1n, producerEpoch: -1 }),
  ];
  const name = 'kafkajs';
  const js: { default: KafkaJs } | null = await import(name).catch(() => null);
  return js === null ? peers : [...peers, kafkajs(js.default)];
}
