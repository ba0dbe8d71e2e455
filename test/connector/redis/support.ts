/** A Redis sink without a server around it, and a plain client to look at what it has written. */
import { createClient } from 'redis';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import { checkOptions } from '../../../connector/options.ts';
import { redisSink } from '../../../connector/redis/sink.ts';
import type { SinkChange, SinkConfig, SinkWriter } from '../../../connector/sink.ts';

export function redisConfig(
  options: Readonly<Record<string, string>>,
  more: Partial<SinkConfig> = {},
): SinkConfig {
  return {
    identity: 'aa',
    name: 's',
    options: checkOptions(redisSink, new Map(Object.entries(options))),
    columns: [
      { name: 'id', type: types.int4, nullable: false },
      { name: 'name', type: types.text, nullable: true },
    ],
    key: [0],
    format: 'UPSERT',
    encode: 'JSON',
    encodeOptions: new Map(),
    ...more,
  };
}

export async function deliver(
  writer: SinkWriter,
  epoch: bigint,
  changes: readonly SinkChange[],
  commit = true,
): Promise<void> {
  const transaction = await writer.begin(epoch);
  await transaction.write({ epoch, at: 0n, first: 0, changes });
  await transaction.prepare(epoch);
  if (commit) await transaction.commit();
}

async function withClient<T>(
  url: string,
  section: (client: ReturnType<typeof clientOf>) => Promise<T>,
): Promise<T> {
  const client = clientOf(url);
  await client.connect();
  try {
    return await section(client);
  } finally {
    await client.close();
  }
}

const clientOf = (url: string) => createClient({ url });

/** Everything in the server's database, hashes as objects. */
export const contents = (url: string): Promise<Readonly<Record<string, unknown>>> =>
  withClient(url, async (client) => {
    const found: Record<string, unknown> = {};
    for (const key of (await client.keys('*')).sort()) {
      const isHash = (await client.type(key)) === 'hash';
      found[key] = isHash ? { ...(await client.hGetAll(key)) } : await client.get(key);
    }
    return found;
  });

export const keyCount = (url: string): Promise<number> => withClient(url, (client) => client.dbSize());

export const ttlOf = (url: string, key: string): Promise<number> =>
  withClient(url, async (client) => must(await client.ttl(key)));
