/** A NATS source in a server: over kills of Millrace and of NATS each message is a row once. */
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nats as kind, startNats } from '../../../scripts/servers/nats.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { type ServedProgram, startProgram } from '../../harness/server.ts';
import { Connection } from '../../server/clients.ts';
import { temporaryDirectory } from '../../server/journal/support.ts';

let nats: ServerProcess | null = null;
const directory = temporaryDirectory('nats');

beforeAll(async () => {
  if (kind.installed()) nats = await startNats();
});
afterAll(async () => {
  await nats?.close();
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
  const connection = await connect({ servers: url });
  const js = jetstream(connection);
  for (let n = from; n < to; n++) await js.publish(`bids.${n % 3}`, JSON.stringify({ n }));
  await connection.close();
}

async function until(client: Connection, query: string, expected: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if ((await client.rows(query))[0]?.[0] === expected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect((await client.rows(query))[0]?.[0]).toBe(expected);
}

it('has each message once over kills of both', async () => {
  if (nats === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  const connection = await connect({ servers: nats.url });
  await (await jetstreamManager(connection)).streams.add({ name: 'bids', subjects: ['bids.*'] });
  await connection.close();
  let { server, client } = await start();
  await client.tags(
    `CREATE SOURCE bids (n int) INCLUDE subject AS subject INCLUDE offset AS seq INCLUDE timestamp AS at
     WITH (connector = 'nats', server_url = '${nats.url}', subject = 'bids.*') FORMAT PLAIN ENCODE JSON`,
  );
  await client.tags(
    'CREATE MATERIALIZED VIEW per_subject AS SELECT subject, count(*) AS c FROM bids GROUP BY subject',
  );
  await publish(nats.url, 0, 300);
  await until(client, 'SELECT sum(c) FROM per_subject', '300');
  await publish(nats.url, 300, 600);
  server.program.signal('SIGKILL');
  await server.program.finished();
  ({ server, client } = await start());
  await until(client, 'SELECT sum(c) FROM per_subject', '600');
  await nats.kill();
  await nats.start();
  await publish(nats.url, 600, 900);
  await until(client, 'SELECT sum(c) FROM per_subject', '900');
  server.program.signal('SIGKILL');
  await server.program.finished();
  ({ server, client } = await start());
  await until(client, 'SELECT sum(c) FROM per_subject', '900');
  expect(
    await client.rows('SELECT count(*), count(DISTINCT n), count(DISTINCT seq), min(n), max(n) FROM bids'),
  ).toEqual([['900', '900', '900', '0', '899']]);
  expect(await client.rows('SELECT subject, c FROM per_subject ORDER BY 1')).toEqual([
    ['bids.0', '300'],
    ['bids.1', '300'],
    ['bids.2', '300'],
  ]);
  await server.close();
}, 60_000);
