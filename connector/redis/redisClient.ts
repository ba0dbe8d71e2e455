/** A connection to one Redis server that fails instead of waiting: the server tries again with another one. */
import type { createClient } from 'redis';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { SinkConfig } from '../sink.ts';
import {
  closedHint,
  refuseTlsOptions,
  serverNameFor,
  type TlsSettings,
  tlsFailure,
  tlsSettings,
} from '../tls.ts';
import type { RedisCommand } from './redisCommands.ts';
import { redisTlsNames, redisTlsOptions } from './redisOptions.ts';

interface Address {
  readonly url: string;
  readonly shown: string;
  readonly tls: boolean;
  readonly host: string;
}

function addressOf(text: string): Address {
  const invalid = (hint: string): SqlError =>
    new SqlError('22023', 'invalid value for option "redis.url"', { hint });
  if (text.trimStart().startsWith('[')) {
    throw new SqlError('0A000', 'Redis Cluster is not supported by connector redis', {
      hint: 'Its shards cannot keep how far the sink is together with all keys. Use a URL of one server.',
    });
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('Write redis://host:6379.');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw invalid('It begins with redis:// or rediss://.');
  }
  if (!/^\/?\d*$/.test(url.pathname)) throw invalid('After the host comes the number of a database.');
  return {
    url: text,
    shown: `${url.hostname}:${url.port === '' ? '6379' : url.port}`,
    tls: url.protocol === 'rediss:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
  };
}

/** What went wrong, without what was sent. */
function failureOf(error: unknown, shown: string): SqlError {
  const message = error instanceof Error ? error.message : String(error);
  if (/^(WRONGPASS|NOAUTH|ERR AUTH|ERR Client sent AUTH)/.test(message)) {
    return new SqlError('28P01', `Redis at ${shown} refused the password`, {
      detail: message,
      hint: 'Check redis.username and redis.password.',
    });
  }
  if (message.startsWith('NOPERM')) {
    return new SqlError('42501', `Redis at ${shown} does not let this user write`, { detail: message });
  }
  if (message.startsWith('ERR DB index')) {
    return new SqlError('22023', `Redis at ${shown} does not have this database`, { detail: message });
  }
  if (/^(MOVED|ASK|CROSSSLOT)\b/.test(message)) return clusterRefusal(shown);
  return new SqlError('08006', `Redis at ${shown} failed: ${message}`);
}

function clusterRefusal(shown: string): SqlError {
  return new SqlError('0A000', 'Redis Cluster is not supported by connector redis', {
    detail: `The server at ${shown} is part of one.`,
    hint: 'Its shards cannot keep how far the sink is together with all keys. Use a single server.',
  });
}

export class RedisConnection {
  readonly #address: Address;
  readonly #config: Pick<SinkConfig, 'options'>;
  /** Null: not connected yet. */
  #client: Client | null = null;
  readonly #millis: number;
  /** Null: without TLS. */
  readonly #tls: TlsSettings | null;
  #lost: Error | null = null;

  constructor(config: Pick<SinkConfig, 'options'>) {
    const { options } = config;
    this.#address = addressOf(options.get('redis.url') ?? '');
    this.#millis = Math.max(1, Number(options.get('timeout_seconds') ?? 10) * 1000);
    this.#config = config;
    if (!this.#address.tls)
      refuseTlsOptions(options, redisTlsOptions, 'Write a redis.url that begins with rediss://.');
    this.#tls = this.#address.tls ? tlsSettings(options, redisTlsNames) : null;
  }

  /** Connects, and finds out whether this is one server. */
  async connect(): Promise<void> {
    const { shown } = this.#address;
    try {
      // Loaded by whoever needs it first, not by every start.
      const redis = await import('redis');
      const client = clientOf(redis.createClient, this.#config, this.#address, this.#tls, this.#millis);
      client.on('error', (error: Error) => {
        this.#lost ??= error;
      });
      this.#client = client;
      await this.#inTime(client.connect());
    } catch (error) {
      this.close();
      const known = this.#tlsFailure(error) ?? failureOf(error, shown);
      if (known.state !== '08006') throw known;
      const closed = this.#tls === null ? '' : ` ${closedHint(redisTlsNames, this.#tls)}`;
      throw new SqlError('08001', `could not connect to Redis at ${shown}`, {
        detail: error instanceof Error ? error.message : String(error),
        hint: `Check redis.url, and that the server runs and can be reached from here.${closed}`,
      });
    }
    if (await this.#isCluster()) {
      this.close();
      throw clusterRefusal(shown);
    }
  }

  /** The handshake may fail after the client took the connection for made. */
  #tlsFailure(error: unknown): SqlError | null {
    if (this.#tls === null) return null;
    const peer = `Redis at ${this.#address.shown}`;
    return (
      tlsFailure(error, peer, redisTlsNames, this.#tls) ??
      tlsFailure(this.#lost, peer, redisTlsNames, this.#tls)
    );
  }

  async #isCluster(): Promise<boolean> {
    try {
      return /^redis_mode:cluster/m.test(String(await this.send(['INFO', 'server'])));
    } catch (error) {
      // A user who may not ask.
      if (error instanceof SqlError && error.state === '42501') return false;
      throw error;
    }
  }

  async send(command: RedisCommand): Promise<unknown> {
    return this.#guarded((client) => client.sendCommand(command));
  }

  /** All of these or none, in one go. */
  async atomically(commands: Iterable<RedisCommand>): Promise<void> {
    await this.#guarded((client) => {
      const multi = client.multi();
      for (const command of commands) multi.addCommand([...command]);
      return multi.exec();
    });
  }

  async #guarded<T>(section: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await this.#inTime(section(must(this.#client, 'connected')));
    } catch (error) {
      this.close();
      throw this.#tlsFailure(error) ?? failureOf(this.#lost ?? error, this.#address.shown);
    }
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${this.#millis / 1000} s`)), this.#millis);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  close(): void {
    if (this.#client?.isOpen === true) this.#client.destroy();
  }
}

type Client = ReturnType<typeof clientOf>;

function clientOf(
  create: typeof createClient,
  { options }: Pick<SinkConfig, 'options'>,
  { url, host }: Address,
  tls: TlsSettings | null,
  millis: number,
) {
  const username = options.get('redis.username');
  const password = options.get('redis.password');
  const common = { connectTimeout: millis, reconnectStrategy: false as const };
  return create({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: tls === null ? common : { ...common, tls: true, ...tls, ...serverNameFor(host, tls) },
  });
}
