/**
 * Connections to the brokers of a Kafka cluster, and who leads what. The client package gives sockets, TLS, SASL and the
 * encoding of requests; it is loaded when a cluster is first used. State: one connection per broker address, made on demand and
 * forgotten when it breaks; brokers and topics as the last metadata told.
 */
import { isIP } from 'node:net';
import type { Connection } from '@platformatic/kafka';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { connectionError, KafkaProtocolError, kafkaCodes, protocolCode } from './errors.ts';
import type { BrokerAddress, KafkaSettings } from './options.ts';

export type KafkaPackage = typeof import('@platformatic/kafka');

const METADATA = 3;
const FETCH = 1;
const MAX_INFLIGHT = 16;

export interface PartitionMetadata {
  readonly partition: number;
  /** -1: it has none now. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

export interface TopicMetadata {
  readonly name: string;
  /** Stays with the topic until it is deleted; null: brokers older than Kafka 2.8 do not tell. */
  readonly id: string | null;
  readonly partitions: readonly PartitionMetadata[];
}

interface Broker {
  readonly connection: Connection;
  /** Highest version of each request that it knows. */
  readonly versions: ReadonlyMap<number, number>;
}

interface MetadataAnswer {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topics: readonly {
    readonly errorCode: number;
    readonly name?: string | null | undefined;
    readonly topicId?: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly leaderId: number;
      readonly leaderEpoch: number;
    }[];
  }[];
}

/** The client throws an answer that holds an error code, with the answer in the error. */
function answerOf(error: unknown): MetadataAnswer | null {
  if (typeof error !== 'object' || error === null || !('response' in error)) return null;
  const { response } = error;
  return typeof response === 'object' && response !== null && 'topics' in response
    ? (response as MetadataAnswer)
    : null;
}

export class KafkaCluster {
  readonly kafka: KafkaPackage;
  readonly settings: KafkaSettings;
  readonly #brokers = new Map<string, Promise<Broker>>();
  readonly #open = new Set<Connection>();
  #nodes: ReadonlyMap<number, BrokerAddress> = new Map();
  #closed = false;

  private constructor(kafka: KafkaPackage, settings: KafkaSettings) {
    this.kafka = kafka;
    this.settings = settings;
  }

  /** Nothing is connected yet. */
  static async of(settings: KafkaSettings): Promise<KafkaCluster> {
    return new KafkaCluster(await import('@platformatic/kafka'), settings);
  }

  /** Runs a request at a broker that metadata told of. Rejects with SqlError where it cannot be reached. */
  async at<T>(
    node: number,
    request: (broker: Connection, version: (api: number) => number) => Promise<T>,
  ): Promise<T> {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new KafkaProtocolError(5, `broker ${node}`);
    return await this.#run(address, request);
  }

  /** Runs a request at whichever broker answers first in the order of those known and those configured. */
  async anywhere<T>(
    request: (broker: Connection, version: (api: number) => number) => Promise<T>,
  ): Promise<T> {
    let failed: unknown = null;
    for (const address of this.#addresses()) {
      let broker: Broker;
      try {
        broker = await this.#broker(address);
      } catch (error) {
        // A wrong password or certificate tells more than a host that is down.
        if (!(failed instanceof SqlError) || failed.state === '08001') failed = error;
        continue;
      }
      return await request(broker.connection, (api) => broker.versions.get(api) ?? -1);
    }
    throw failed;
  }

  /** What brokers know of a topic; null: they know none of that name. */
  async topic(name: string): Promise<TopicMetadata | null> {
    const answer = await this.anywhere((connection, version) => this.#metadata(connection, version, name));
    this.#nodes = new Map(answer.brokers.map((b) => [b.nodeId, { host: b.host, port: b.port }]));
    const topic = answer.topics.find((t) => t.name === name);
    if (topic === undefined || topic.errorCode === kafkaCodes.UNKNOWN_TOPIC_OR_PARTITION) return null;
    if (topic.errorCode !== 0 && topic.partitions.length === 0)
      throw new KafkaProtocolError(topic.errorCode, `metadata of topic "${name}"`);
    return {
      name,
      id: topic.topicId ?? null,
      partitions: topic.partitions
        .map((p) => ({ partition: p.partitionIndex, leader: p.leaderId, leaderEpoch: p.leaderEpoch }))
        .sort((a, b) => a.partition - b.partition),
    };
  }

  /** An address that came with something else than metadata: a coordinator's. */
  know(node: number, address: BrokerAddress): void {
    this.#nodes = new Map(this.#nodes).set(node, { host: address.host, port: address.port });
  }

  /** The version of Fetch to use at a broker: 13 names topics by id, 12 by name. */
  fetchVersion(version: (api: number) => number): 12 | 13 {
    const highest = version(FETCH);
    if (highest < 12) throw new SqlError('0A000', 'Kafka brokers older than 2.7 are not supported');
    return highest >= 13 ? 13 : 12;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#brokers.clear();
    await Promise.all([...this.#open].map((connection) => connection.close().catch(() => {})));
    this.#open.clear();
  }

  async #metadata(
    connection: Connection,
    version: (api: number) => number,
    name: string,
  ): Promise<MetadataAnswer> {
    const { metadataV9, metadataV10, metadataV12 } = this.kafka;
    const highest = version(METADATA);
    try {
      if (highest >= 12) return await metadataV12.api.async(connection, [name], false, false);
      if (highest >= 10) return await metadataV10.api.async(connection, [name], false, false);
      return await metadataV9.api.async(connection, [name], false, false);
    } catch (error) {
      const answer = answerOf(error);
      if (answer !== null) return answer;
      throw protocolCode(error) === null ? connectionError(error, this.settings, null) : error;
    }
  }

  #addresses(): readonly BrokerAddress[] {
    const all = [...this.#nodes.values(), ...this.settings.bootstrap];
    const connected = all.filter((a) => this.#brokers.has(`${a.host}:${a.port}`));
    return [...new Map([...connected, ...all].map((a) => [`${a.host}:${a.port}`, a])).values()];
  }

  async #run<T>(
    address: BrokerAddress,
    request: (broker: Connection, version: (api: number) => number) => Promise<T>,
  ): Promise<T> {
    const broker = await this.#broker(address);
    return await request(broker.connection, (api) => broker.versions.get(api) ?? -1);
  }

  #broker(address: BrokerAddress): Promise<Broker> {
    const key = `${address.host}:${address.port}`;
    const known = this.#brokers.get(key);
    if (known !== undefined) return known;
    const forget = (): void => {
      if (this.#brokers.get(key) === made) this.#brokers.delete(key);
    };
    const made = this.#connect(address, forget);
    this.#brokers.set(key, made);
    made.catch(forget);
    return made;
  }

  async #connect(address: BrokerAddress, forget: () => void): Promise<Broker> {
    if (this.#closed) throw new SqlError('08006', 'the connection to Kafka is closed');
    const { settings } = this;
    const connection = new this.kafka.Connection(settings.clientId, {
      connectTimeout: settings.connectMillis,
      requestTimeout: settings.requestMillis,
      maxInflights: MAX_INFLIGHT,
      ...(settings.tls === null
        ? {}
        : { tls: settings.tls, tlsServerName: settings.tls.servername ?? isIP(address.host) === 0 }),
      ...(settings.sasl === null ? {} : { sasl: settings.sasl }),
    });
    // Every failure is also the answer of the request that meets it.
    let broken: unknown = null;
    connection.on('error', (error) => {
      broken ??= error;
      forget();
    });
    connection.on('close', () => {
      forget();
      this.#open.delete(connection);
    });
    try {
      await connection.connect(address.host, address.port);
      this.#open.add(connection);
      const answer = await this.kafka.apiVersionsV1.api.async(connection, 'millrace', '1');
      const versions = new Map(answer.apiKeys.map((api) => [api.apiKey, api.maxVersion]));
      if (must(versions.get(METADATA), 'every broker answers Metadata') < 9)
        throw new SqlError('0A000', 'Kafka brokers older than 2.7 are not supported');
      return { connection, versions };
    } catch (error) {
      this.#open.delete(connection);
      connection.close().catch(() => {});
      // In TLS 1.3 a broker refuses a certificate when the connection is already made; the request only knows that it is closed.
      throw connectionError(broken === null ? error : new AggregateError([error, broken]), settings, address);
    }
  }
}
