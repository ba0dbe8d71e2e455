/** A cluster of three NATS servers: the source goes on when the leader of its stream is killed, and has each message once. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { nats as kind, startNats } from '../../../scripts/servers/nats.ts';
import { freePort, type ServerProcess } from '../../../scripts/servers/server.ts';
import { startInProcess } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';

const COPIES = 3;

async function startCluster(): Promise<readonly ServerProcess[]> {
  const ports: number[] = [];
  for (let i = 0; i < COPIES; i++) ports.push(await freePort());
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  const clustered = (port: number, i: number): Promise<ServerProcess> =>
    startNats([
      `server_name: "n${i}"`,
      `cluster { name: "test", listen: "127.0.0.1:${port}", routes: [${routes}] }`,
    ]);
  return await Promise.all(ports.map(clustered));
}

/** The cluster chooses leaders: what is asked of it before fails. */
async function eventually<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

it('has each message once, whoever leads', async () => {
  if (!kind.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  const nodes = await startCluster();
  const servers = nodes.map((node) => `127.0.0.1:${node.port}`);
  const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const server = await startInProcess();
  const client = new Connection(server.url);
  await client.client.connect();
  const manager = await eventually(() => jetstreamManager(connection));
  const leader = async (): Promise<number> => {
    const info = await eventually(() => manager.streams.info('a'));
    return Number(info.cluster?.leader?.slice(1));
  };
  let next = 0;
  const publish = async (): Promise<void> => {
    for (const end = next + 200; next < end; next++) {
      const n = next;
      // Sent again with the same id, a message is still there once.
      await eventually(() => jetstream(connection).publish('a.b', JSON.stringify({ n }), { msgID: `m${n}` }));
    }
  };
  // The source tries again after 1, 2, 4 ... seconds, and the cluster takes its own time to agree on leaders.
  const expectAll = async (): Promise<void> => {
    const query = "SELECT c || ' ' || d FROM v";
    for (let tries = 0; tries < 900 && (await client.value(query)) !== `${next} ${next}`; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await client.value(query)).toBe(`${next} ${next}`);
  };
  try {
    await eventually(() => manager.streams.add({ name: 'a', subjects: ['a.*'], num_replicas: COPIES }));
    // Nobody listens at the first.
    const list = [`127.0.0.1:${await freePort()}`, ...servers].map((at) => `nats://${at}`).join(',');
    await client.tags(
      `CREATE SOURCE s (n int) WITH (connector = 'nats', server_url = '${list}', subject = 'a.*') FORMAT PLAIN ENCODE JSON`,
    );
    await client.tags('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, count(DISTINCT n) AS d FROM s');
    await publish();
    await expectAll();
    for (let round = 0; round < 2; round++) {
      const killed = nodes[await leader()];
      await killed?.kill();
      await publish();
      await expectAll();
      await killed?.start();
      await eventually(async () => {
        const { cluster } = await manager.streams.info('a');
        if (cluster?.replicas?.every((r) => r.current) !== true) throw new TypeError('not all follow');
      });
    }
  } finally {
    await client.end();
    await server.close();
    await connection.close();
    for (const node of nodes) await node.close();
  }
}, 240_000);
