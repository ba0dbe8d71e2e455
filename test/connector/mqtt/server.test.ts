/** An MQTT source in a server: over kills of Millrace and of the broker nothing is lost, and with QoS 2 nothing comes twice. */
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mosquitto as kind, startMosquitto } from '../../../scripts/servers/mosquitto.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';
import { temporaryDirectory } from '../../server/journal/support.ts';

let broker: ServerProcess | null = null;
const directory = temporaryDirectory('mqtt');

beforeAll(async () => {
  if (kind.installed()) broker = await startMosquitto();
});
afterAll(async () => {
  await broker?.close();
  directory.remove();
});

const start = async (): Promise<{ server: ServedProgram; client: Connection }> => {
  const server = await startProgram([
    '--data-dir',
    join(directory.path, 'data'),
    '--checkpoint-interval',
    '500ms',
  ]);
  const client = new Connection(server.url);
  await client.client.connect();
  return { server, client };
};

async function publish(url: string, from: number, to: number): Promise<void> {
  const client = await connectAsync(url, { reconnectPeriod: 0 });
  for (let n = from; n < to; n++)
    await client.publishAsync(`sensors/${n % 3}`, JSON.stringify({ n }), { qos: 2 });
  await client.endAsync();
}

async function until(client: Connection, query: string, expected: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if ((await client.rows(query))[0]?.[0] === expected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect((await client.rows(query))[0]?.[0]).toBe(expected);
}

it('loses nothing over kills of both, and has each once with QoS 2', async () => {
  if (broker === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  let { server, client } = await start();
  for (const qos of [1, 2]) {
    await client.tags(
      `CREATE SOURCE s${qos} (n int) INCLUDE topic AS topic
       WITH (connector = 'mqtt', url = '${broker.url}', topic = 'sensors/#', qos = '${qos}') FORMAT PLAIN ENCODE JSON`,
    );
    await client.tags(
      `CREATE MATERIALIZED VIEW v${qos} AS SELECT topic, count(DISTINCT n) AS c FROM s${qos} GROUP BY topic`,
    );
  }
  const both = async (total: string): Promise<void> => {
    for (const qos of [1, 2]) await until(client, `SELECT sum(c) FROM v${qos}`, total);
  };
  await publish(broker.url, 0, 150);
  await both('150');
  for (const [from, to] of [
    [150, 250],
    [250, 350],
  ] as const) {
    const publishing = publish(broker.url, from, to);
    server.program.signal('SIGKILL');
    await server.program.finished();
    await publishing;
    ({ server, client } = await start());
    await both(String(to));
  }
  expect(await client.rows('SELECT count(*), count(DISTINCT n) FROM s2')).toEqual([['350', '350']]);
  // The broker writes its sessions to its disk when it is told to end. What was under way it sends anew, so only that nothing is lost is certain.
  await broker.stop();
  await broker.start();
  await publish(broker.url, 350, 450);
  await both('450');
  for (const qos of [1, 2])
    expect(await client.rows(`SELECT count(DISTINCT n) FROM s${qos}`)).toEqual([['450']]);
  await server.close();
}, 60_000);
