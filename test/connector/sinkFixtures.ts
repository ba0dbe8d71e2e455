/**
 * Targets for the conformance suite of sinks, one for each connector: a real server, or what stands for one. Every sink there is
 * over a table t (id int PRIMARY KEY, v int), in a place of its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { createClient } from 'redis';
import { must } from '../../common/assert.ts';
import { redisServer, startRedis } from '../../scripts/servers/redis.ts';
import type { ServerProcess } from '../../scripts/servers/server.ts';
import { postgresBin } from '../harness/postgres.ts';
import { kafka } from './kafkaSink/fixture.ts';
import { Target } from './postgresSink/support.ts';

export type Options = Readonly<Record<string, string>>;

/** A value for each id. */
export type State = ReadonlyMap<number, number>;

export interface SinkTarget {
  /** FORMAT and ENCODE, or nothing. */
  readonly clause: string;
  /** For a sink of this name, a place of its own. */
  options(name: string): Options;
  /** What the target has of the sink; null: it keeps nothing. */
  state(name: string): Promise<State | null>;
  /** What leads to nobody; null: there is no such thing. */
  readonly unreachable: Options | null;
  /** SQLSTATE of CREATE SINK with these. */
  readonly unreachableState?: string;
  readonly wrongPassword: Options | null;
  /** The target goes away, and comes back with what it had; null: it cannot. */
  readonly outage: { stop(): Promise<void>; start(): Promise<void> } | null;
  close(): Promise<void>;
}

export interface SinkFixture {
  readonly connector: string;
  /** What has to be installed; null: it is. */
  missing(): string | null;
  /** `directory`: an empty one. */
  start(directory: string): Promise<SinkTarget>;
}

/** The state after lines of FORMAT UPSERT ENCODE JSON. */
function applied(lines: Iterable<string>, state = new Map<number, number>()): Map<number, number> {
  for (const line of lines) {
    const { key, value } = JSON.parse(line) as {
      readonly key: { readonly id: number };
      readonly value: { readonly v: number } | null;
    };
    if (value === null) state.delete(key.id);
    else state.set(key.id, value.v);
  }
  return state;
}

const file: SinkFixture = {
  connector: 'file',
  missing: () => null,
  start: (directory) =>
    Promise.resolve({
      clause: 'FORMAT UPSERT ENCODE JSON',
      options: (name) => ({ path: join(directory, name) }),
      state: (name) => {
        const path = join(directory, name);
        const parts = readdirSync(path).filter((part) => part.startsWith('part-'));
        const lines = parts.sort().flatMap((part) => readFileSync(join(path, part), 'utf8').split('\n'));
        return Promise.resolve(applied(lines.filter((line) => line !== '')));
      },
      unreachable: { path: '/dev/null/nowhere' },
      unreachableState: '58030',
      wrongPassword: null,
      outage: null,
      close: () => Promise.resolve(),
    }),
};

/** The databases of a server are the places of sinks. */
class RedisTarget implements SinkTarget {
  readonly clause = '';
  readonly unreachable = { 'redis.url': 'redis://127.0.0.1:1' };
  readonly wrongPassword = { 'redis.password': 'wrong' };
  readonly #server: ServerProcess;
  readonly outage: SinkTarget['outage'];
  readonly #numbers = new Map<string, number>();

  constructor(server: ServerProcess) {
    this.#server = server;
    this.outage = { stop: () => server.stop(), start: () => server.start() };
  }

  #database(name: string): number {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, number);
    return number;
  }

  options(name: string): Options {
    const { port } = this.#server;
    return {
      'redis.url': `redis://127.0.0.1:${port}/${this.#database(name)}`,
      'redis.password': 'sesame',
      'key.prefix': 't:',
    };
  }

  async state(name: string): Promise<State> {
    const client = createClient({ url: `${this.#server.url}/${this.#database(name)}` });
    await client.connect();
    try {
      const state = new Map<number, number>();
      for (const key of await client.keys('t:*')) {
        const { id, v } = JSON.parse(must(await client.get(key))) as {
          readonly id: number;
          readonly v: number;
        };
        state.set(id, v);
      }
      return state;
    } finally {
      await client.close();
    }
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

const redis: SinkFixture = {
  connector: 'redis',
  missing: () => (redisServer.installed() ? null : redisServer.needs),
  start: async () => new RedisTarget(await startRedis({ password: 'sesame', args: ['--databases', '64'] })),
};

/** A web server that keeps what it is told by path. */
class WebTarget implements SinkTarget {
  readonly clause = 'FORMAT UPSERT ENCODE JSON';
  readonly unreachable = { url: 'http://127.0.0.1:1/' };
  readonly wrongPassword = null;
  readonly #states = new Map<string, Map<number, number>>();
  #server: Server | null = null;
  #port = 0;
  readonly outage = { stop: () => this.stop(), start: () => this.start() };

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      request.on('end', () => {
        const path = request.url ?? '';
        const changes = JSON.parse(text) as readonly object[];
        const lines = changes.map((change) => JSON.stringify(change));
        this.#states.set(path, applied(lines, this.#states.get(path)));
        response.end();
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  async stop(): Promise<void> {
    const server = must(this.#server);
    this.#server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  options(name: string): Options {
    return { url: `http://127.0.0.1:${this.#port}/${name}`, max_retries: '0' };
  }

  state(name: string): Promise<State> {
    return Promise.resolve(this.#states.get(`/${name}`) ?? new Map());
  }

  async close(): Promise<void> {
    if (this.#server !== null) await this.stop();
  }
}

const http: SinkFixture = {
  connector: 'http',
  missing: () => null,
  start: async () => {
    const target = new WebTarget();
    await target.start();
    return target;
  },
};

const postgres: SinkFixture = {
  connector: 'postgres',
  missing: () => (postgresBin() === null ? 'the programs of a PostgreSQL server' : null),
  start: async () => {
    let target = must(await Target.start());
    return {
      clause: '',
      options: (name) => ({
        host: '127.0.0.1',
        port: String(target.port),
        user: 'root',
        database: 'postgres',
        table: name,
        'create.table': 'true',
      }),
      state: async (name) => {
        const rows = await target.rows(`SELECT id, v FROM "${name}"`);
        return new Map(rows.map(([id, v]) => [Number(id), Number(v)] as const));
      },
      unreachable: { port: '1' },
      // The server here trusts everybody.
      wrongPassword: null,
      outage: {
        stop: () => target.down(),
        start: async () => {
          target = await target.up();
        },
      },
      close: () => target.close(),
    };
  },
};

const blackhole: SinkFixture = {
  connector: 'blackhole',
  missing: () => null,
  start: () =>
    Promise.resolve({
      clause: '',
      options: () => ({}),
      state: () => Promise.resolve(null),
      unreachable: null,
      wrongPassword: null,
      outage: null,
      close: () => Promise.resolve(),
    }),
};

export const sinkFixtures: readonly SinkFixture[] = [file, redis, http, postgres, kafka, blackhole];
