/** The quickstart of docs/connectors/mqtt.md does what it says. */
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { mosquitto, startMosquitto } from '../../../scripts/servers/mosquitto.ts';
import { blocksOf, eventually, replaced, shows, withServer } from './support.ts';

it('mqtt.md', async () => {
  if (!mosquitto.installed() || spawnSync('mosquitto_pub', ['--help']).error !== undefined) {
    const needs = `it needs ${mosquitto.needs} and mosquitto-clients`;
    expect(process.env.MILLRACE_REQUIRE_SERVERS, needs).not.toBe('1');
    return;
  }
  const server = await startMosquitto();
  const [statements = '', publish = ''] = blocksOf('mqtt.md');
  await withServer(async (client) => {
    await client.tags(replaced(statements, 'mqtt://127.0.0.1:1883', server.url));
    execFileSync('sh', ['-ec', replaced(publish, 'mosquitto_pub', `mosquitto_pub -p ${server.port}`)]);
    const { query, row } = shows('mqtt.md');
    await eventually(() => client.rows(query), [row]);
  });
  await server.close();
});
