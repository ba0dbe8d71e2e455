/** The quickstart of docs/connectors/nats.md does what it says. */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { nats, startNats } from '../../../scripts/servers/nats.ts';
import { blocksOf, eventually, replaced, shows, withServer } from './support.ts';

it('nats.md', async () => {
  if (!nats.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${nats.needs}`).not.toBe('1');
    return;
  }
  const server = await startNats();
  const connection = await connect({ servers: server.url });
  const [make = '', statements = '', publish = ''] = blocksOf('nats.md');
  // What the command line of NATS does.
  const [, stream = '', subject = ''] = /nats stream add (\w+) --subjects '(\S+)'/.exec(make) ?? [];
  await (await jetstreamManager(connection)).streams.add({ name: stream, subjects: [subject] });
  await withServer(async (client) => {
    await client.tags(replaced(statements, 'nats://127.0.0.1:4222', server.url));
    const messages = [...publish.matchAll(/^nats pub (\S+) '(.*)'$/gm)];
    expect(messages.length).toBe(2);
    for (const [, to = '', body = ''] of messages) await jetstream(connection).publish(to, body);
    const { query, row } = shows('nats.md');
    await eventually(() => client.rows(query), [row]);
  });
  await connection.close();
  await server.close();
});
