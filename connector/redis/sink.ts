/**
 * The `redis` sink: a key for each row, written when the row comes or changes and removed when it goes. Exactly once: the key
 * `millrace:sink:<identity>` has the last epoch, and is set in the same MULTI as the rows.
 *
 * Changes of a transaction are first brought together by key, the last one wins. What does not fit into one MULTI goes ahead in
 * parts, without the epoch: a crash in between writes the same again over it, so the rows end up the same.
 */
import { SqlError } from '../../common/sqlError.ts';
import {
  type SinkBatch,
  type SinkConfig,
  type SinkConnector,
  SinkRefusal,
  type SinkTransaction,
  type SinkWriter,
} from '../sink.ts';
import { RedisConnection } from './redisClient.ts';
import { type KeyedWrite, type RedisCommand, RedisCommands } from './redisCommands.ts';
import { redisOptions, templateOptions } from './redisOptions.ts';

/** Keys in one MULTI: the server does nothing else meanwhile. */
const MOST_KEYS = 20_000;

export const epochKey = (identity: string): string => `millrace:sink:${identity}`;

class RedisWriter implements SinkWriter {
  readonly #config: SinkConfig;
  readonly #commands: RedisCommands;
  readonly #connection: RedisConnection;

  constructor(config: SinkConfig) {
    this.#config = config;
    this.#commands = new RedisCommands(config);
    this.#connection = new RedisConnection(config);
  }

  async recover(): Promise<bigint | null> {
    await this.#connection.connect();
    const key = epochKey(this.#config.identity);
    const text = await this.#connection.send(['GET', key]);
    if (text === null) return null;
    if (/^\d+$/.test(String(text))) return BigInt(String(text));
    throw new SinkRefusal(`the key "${key}" is damaged: it does not say which epoch was delivered last`);
  }

  begin(): Promise<SinkTransaction> {
    const pending = new Map<string, KeyedWrite>();
    let through = 0n;
    return Promise.resolve({
      write: (batch: SinkBatch) => this.#gather(pending, batch),
      prepare: (last: bigint) => {
        through = last;
        return Promise.resolve();
      },
      commit: () => this.#send(pending, [['SET', epochKey(this.#config.identity), String(through)]]),
      abort: () => Promise.resolve(),
    });
  }

  async #gather(pending: Map<string, KeyedWrite>, batch: SinkBatch): Promise<void> {
    for (const write of this.#commands.of(batch)) pending.set(write.key, write);
    if (pending.size < MOST_KEYS) return;
    await this.#send(pending, []);
    pending.clear();
  }

  #send(pending: ReadonlyMap<string, KeyedWrite>, last: readonly RedisCommand[]): Promise<void> {
    const rows = [...pending.values()].flatMap((write) => write.commands);
    return this.#connection.atomically([...rows, ...last]);
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}

export const redisSink: SinkConnector = {
  name: 'redis',
  doc: 'Keys of a Redis server (6 or later, or one that speaks its protocol), one for each row.',
  options: redisOptions,
  formats: ['UPSERT JSON', 'PLAIN JSON', 'UPSERT TEMPLATE', 'PLAIN TEMPLATE'],
  encodeOptions: new Map([['TEMPLATE', templateOptions]]),
  guarantee: 'exactly once',
  batching: (options) => ({ rows: Math.max(1, Number(options.get('batch.rows') ?? 5000)), millis: 0 }),
  open: async (config) => {
    if (config.format === 'DEBEZIUM') throw new SqlError('0A000', 'connector redis has no FORMAT DEBEZIUM');
    return new RedisWriter(config);
  },
};
