/** DROP of an MQTT source leaves no session at the broker, whatever its reader was doing; and is done when the broker is away. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  mosquitto as kind,
  type MosquittoServer,
  startMosquitto,
} from '../../../scripts/servers/mosquitto.ts';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';

let broker: MosquittoServer | null = null;
let server: InProcessServer;
let client: Connection;

beforeAll(async () => {
  if (kind.installed()) broker = await startMosquitto();
  server = await startInProcess();
  client = new Connection(server.url);
  await client.client.connect();
}, 60_000);
afterAll(async () => {
  await client.end();
  await server.close();
  await broker?.close();
});

function create(name: string, url: string, more = ''): Promise<readonly string[]> {
  const options = `connector = 'mqtt', url = '${url}', topic = 'a/#', client_prefix = '${name}'${more}`;
  return client.tags(`CREATE SOURCE ${name} (n int) WITH (${options}) FORMAT PLAIN ENCODE JSON`);
}

async function reading(name: string): Promise<void> {
  const query = `SELECT position FROM millrace_catalog.sources WHERE name = '${name}'`;
  while ((await client.value(query)) === null) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Sessions that the broker keeps, of these clients. */
async function kept(at: MosquittoServer, prefixes: readonly string[]): Promise<readonly string[]> {
  await at.stop();
  const database = readFileSync(at.databaseFile, 'latin1');
  await at.start();
  return prefixes.filter((prefix) => database.includes(`${prefix}-`));
}

it('ends the session', async () => {
  if (broker === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  const names: string[] = ['stays'];
  await create('stays', broker.url);
  for (const version of ['3.1.1', '5']) {
    for (const qos of ['0', '1', '2']) {
      const name = `was_${version.replaceAll('.', '')}_${qos}`;
      names.push(name);
      await create(name, broker.url, `, qos = '${qos}', mqtt.version = '${version}'`);
      await reading(name);
      await client.tags(`DROP SOURCE ${name}`);
    }
    // Its reader is about to sign in.
    for (let i = 0; i < 15; i++) {
      const name = `brief${i}_${version.replaceAll('.', '')}`;
      names.push(name);
      await create(name, broker.url, `, mqtt.version = '${version}'`);
      await client.tags(`DROP SOURCE ${name}`);
    }
  }
  await reading('stays');
  expect(await kept(broker, names)).toEqual(['stays']);
  await client.tags('DROP SOURCE stays');
  expect(await kept(broker, names)).toEqual([]);
}, 30_000);

it('warns where the broker does not answer', async () => {
  if (broker === null) return;
  await create('alone', broker.url, ", connect.timeout.ms = '300'");
  await create('mute', broker.url, ", connect.timeout.ms = '300'");
  await reading('mute');
  await broker.stop();
  client.notices.length = 0;
  expect(await client.tags('DROP SOURCE alone')).toEqual(['DROP']);
  // Something else listens there now, which says nothing.
  const silent = createServer(() => {});
  const { port } = broker;
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
  expect(await client.tags('DROP SOURCE mute')).toEqual(['DROP']);
  silent.close();
  await broker.start();
  expect(client.notices).toEqual(
    ['alone', 'mute'].map(
      (name) => `01000 what the mqtt server keeps for "${name}" could not be removed there`,
    ),
  );
}, 30_000);
