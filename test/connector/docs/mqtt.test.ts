/** The quickstart of docs/connectors/mqtt.md does what it says. */
import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { mosquitto, startMosquitto } from '../../../scripts/servers/mosquitto.ts';
import { blocksOf, eventually, replaced, shows, withServer } from './support.ts';

it('mqtt.md', async () => {
  if (!mosquitto.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${mosquitto.needs}`).not.toBe('1');
    return;
  }
  const server = await startMosquitto();
  const [statements = '', publish = ''] = blocksOf('mqtt.md');
  await withServer(async (client) => {
    await client.tags(replaced(statements, 'mqtt://127.0.0.1:1883', server.url));
    // What mosquitto_pub does.
    const [, topic = '', body = ''] = /^mosquitto_pub -q 1 -t (\S+) -m '(.*)'$/m.exec(publish) ?? [];
    const publisher = await connectAsync(server.url);
    await publisher.publishAsync(topic, body, { qos: 1 });
    await publisher.endAsync();
    const { query, row } = shows('mqtt.md');
    await eventually(() => client.rows(query), [row]);
  });
  await server.close();
});
