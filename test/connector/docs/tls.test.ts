/** The commands of docs/connectors/tls.md make certificates with which its statements connect to a real server. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { nats, startNats } from '../../../scripts/servers/nats.ts';
import { temporaryDirectory } from '../../server/journal/support.ts';
import { blocksOf, eventually, replaced, withServer } from './support.ts';

it('tls.md', async () => {
  if (!nats.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${nats.needs}`).not.toBe('1');
    return;
  }
  const directory = temporaryDirectory('tls-page');
  const [statements = '', commands = ''] = blocksOf('tls.md');
  execFileSync('sh', ['-ec', commands], { cwd: directory.path, stdio: 'pipe' });
  const file = (name: string): string => join(directory.path, name);
  const server = await startNats([
    `tls { cert_file: "${file('server.pem')}", key_file: "${file('server.key')}", ca_file: "${file('ca.pem')}", verify: true }`,
  ]);
  const tls = { caFile: file('ca.pem'), certFile: file('client.pem'), keyFile: file('client.key') };
  const connection = await connect({ servers: `127.0.0.1:${server.port}`, tls });
  await (await jetstreamManager(connection)).streams.add({ name: 'bids', subjects: ['bids.*'] });
  await jetstream(connection).publish('bids.web', '{"auction": 1, "price": 10}');
  const places: readonly (readonly [from: string, to: string])[] = [
    ['nats.example:4222', `127.0.0.1:${server.port}`],
    ['/etc/ssl/nats-ca.pem', tls.caFile],
    ['/etc/ssl/millrace.pem', tls.certFile],
    [
      "'-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----'",
      `'${readFileSync(tls.keyFile, 'utf8')}'`,
    ],
  ];
  await withServer(async (client) => {
    await client.tags(places.reduce((sql, [from, to]) => replaced(sql, from, to), statements));
    await eventually(() => client.rows('SELECT * FROM bids'), [['1', '10']]);
  });
  await connection.close();
  await server.close();
  directory.remove();
});
