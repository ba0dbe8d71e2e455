/** The `redis-lookup` connector: rows by key from Redis, as the `redis` sink writes them: JSON in strings, or hashes of texts. */
import { must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import { formats } from '../formats/index.ts';
import type { LookupAnswer, LookupClient, LookupConfig, LookupConnector } from '../lookup.ts';
import { RedisConnection } from './redisClient.ts';
import { joinedKey } from './redisCommands.ts';
import { redisOptions, redisTlsOptions } from './redisOptions.ts';

const used = [
  'redis.url',
  'redis.username',
  'redis.password',
  ...redisTlsOptions.map((option) => option.name),
  'key.prefix',
  'key.separator',
  'timeout_seconds',
];

const plain = plainContext(() => 0n);

class RedisLookup implements LookupClient {
  readonly #connection: RedisConnection;
  readonly #config: LookupConfig;
  readonly #keyOf: (row: Row) => string;
  readonly #isHash: boolean;
  readonly #decode: (json: string) => Row | null;

  constructor(connection: RedisConnection, config: LookupConfig) {
    this.#connection = connection;
    this.#config = config;
    this.#isHash = config.options.get('redis.type') === 'hash';
    const keyColumns = config.key.map((position) => must(config.columns[position]));
    this.#keyOf = joinedKey({ columns: keyColumns, key: [...keyColumns.keys()], options: config.options });
    const json = must(formats.JSON)({ columns: config.columns, options: new Map(), context: plain });
    this.#decode = (text) => json.decode(text);
  }

  async fetch(keys: readonly Row[]): Promise<readonly LookupAnswer[]> {
    const names = keys.map((key) => this.#keyOf(key));
    if (this.#isHash) {
      const found = await Promise.all(names.map((name) => this.#connection.send(['HGETALL', name])));
      return found.map((fields, i) => this.#answer(must(keys[i]), () => this.#ofHash(fields)));
    }
    const found = (await this.#connection.send(['MGET', ...names])) as readonly (string | null)[];
    return found.map((text, i) =>
      text === null ? null : this.#answer(must(keys[i]), () => this.#decode(text)),
    );
  }

  /** The row, with its key's columns where what is there does not say them. */
  #answer(key: Row, read: () => Row | null): LookupAnswer {
    try {
      const row = read();
      if (row === null) return null;
      const complete = [...row];
      this.#config.key.forEach((position, k) => {
        complete[position] ??= key[k] ?? null;
      });
      return complete;
    } catch (error) {
      if (error instanceof SqlError) return error;
      throw error;
    }
  }

  /** Fields and values in turn. */
  #ofHash(answer: unknown): Row | null {
    const parts = answer as readonly string[];
    if (parts.length === 0) return null;
    const fields = new Map<string, string>();
    for (let i = 0; i + 1 < parts.length; i += 2) fields.set(parts[i] ?? '', parts[i + 1] ?? '');
    return this.#config.columns.map((column) => fieldOf(fields, column));
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

function fieldOf(fields: ReadonlyMap<string, string>, { name, type }: Column) {
  const text = fields.get(name);
  if (text === undefined) return null;
  try {
    return parseValue(text, type, plain);
  } catch (error) {
    if (error instanceof SqlError) throw new SqlError(error.state, `field "${name}": ${error.message}`);
    throw error;
  }
}

export const redisLookup: LookupConnector = {
  name: 'redis-lookup',
  doc: 'Rows by key from Redis, looked up for process-time joins.',
  options: [
    ...redisOptions.filter((option) => used.includes(option.name)),
    {
      name: 'redis.type',
      type: 'string',
      choices: ['string', 'hash'],
      default: 'string',
      doc: 'What a row is there: a string that holds a JSON object, or a hash with a field for each column.',
    },
  ],
  async open(config) {
    const connection = new RedisConnection(config);
    await connection.connect();
    return new RedisLookup(connection, config);
  },
};
