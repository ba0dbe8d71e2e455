/** DROP of a NATS source leaves no consumer at the server. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { nats as kind, startNats } from '../../../scripts/servers/nats.ts';
import { startInProcess } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';

it('deletes the consumer', async () => {
  if (!kind.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  const broker = await startNats();
  const connection = await connect({ servers: broker.url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: 'a', subjects: ['a.*'] });
  const server = await startInProcess();
  const client = new Connection(server.url);
  await client.client.connect();
  const consumers = async (): Promise<number> => (await manager.streams.info('a')).state.consumer_count;
  const until = async (count: number): Promise<void> => {
    while ((await consumers()) !== count) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  try {
    for (const wait of [true, false]) {
      await client.tags(
        `CREATE SOURCE s (n int) WITH (connector = 'nats', server_url = '${broker.url}', subject = 'a.*')
         FORMAT PLAIN ENCODE JSON`,
      );
      if (wait) await until(1);
      await client.tags('DROP SOURCE s');
      await until(0);
    }
    expect(await consumers()).toBe(0);
  } finally {
    await client.end();
    await server.close();
    await connection.close();
    await broker.close();
  }
}, 30_000);
