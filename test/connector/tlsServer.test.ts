/** Certificates of sources and sinks that run: one that expires over there, one that is not accepted any more, and what is shown. */
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type IssuedCertificate, pemText } from '../../scripts/servers/certificates.ts';
import { mosquitto, startMosquitto } from '../../scripts/servers/mosquitto.ts';
import { nats, startNats } from '../../scripts/servers/nats.ts';
import { redisServer, startRedis } from '../../scripts/servers/redis.ts';
import type { ServerKind, ServerProcess } from '../../scripts/servers/server.ts';
import { startServer } from '../../server/serve.ts';
import { replaceCertificate, usePki } from '../harness/pki.ts';
import { Connection } from '../server/clients.ts';

const pki = usePki();
const log: string[] = [];
let server: Awaited<ReturnType<typeof startServer>>;
let client: Connection;

beforeAll(async () => {
  const keep = (line: string): unknown => log.push(line);
  server = await startServer({ host: '127.0.0.1', port: 0, httpPort: 0, dataDir: null, log: keep });
  client = new Connection(`postgres://root@127.0.0.1:${server.pgPort}/dev`);
  await client.client.connect();
}, 60_000);
afterAll(async () => {
  await client.end();
  await server.close();
});

async function until(query: string, expected: RegExp): Promise<void> {
  let seen: string | null = null;
  for (let tries = 0; tries < 400; tries++) {
    seen = await client.value(query);
    if (seen !== null && expected.test(seen)) return;
    await sleep(50);
  }
  expect(seen).toMatch(expected);
}

function installed(kind: ServerKind): boolean {
  if (kind.installed()) return true;
  expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
  return false;
}

/** Starts it again with another certificate in the place of the one it had. */
async function restart(
  process: ServerProcess,
  place: IssuedCertificate,
  by: IssuedCertificate,
): Promise<void> {
  await process.stop();
  replaceCertificate(place, by);
  await process.start();
}

const own = (prefix: string, { certificateFile, keyFile }: IssuedCertificate): string =>
  `${prefix}client_cert = '${pemText(certificateFile)}', ${prefix}client_key = '${pemText(keyFile)}'`;

const right = (prefix: string): string =>
  `${prefix}ca = '${pemText(pki.caFile)}', ${own(prefix, pki.client)}`;

/** Nobody reads a key. */
async function expectNoKeys(statement: string): Promise<void> {
  const queries = [statement, 'SELECT * FROM pg_stat_activity'];
  for (const name of ['sources', 'source_partitions', 'sinks']) {
    queries.push(`SELECT * FROM millrace_catalog.${name}`);
  }
  let shown = '';
  for (const query of queries) shown += (await client.rows(query)).flat().join('\n');
  expect(shown).toContain("'***'");
  for (const text of [shown, log.join('\n')]) expect(text).not.toContain('PRIVATE KEY');
}

it('NATS', async () => {
  if (!installed(nats)) return;
  const place = pki.copy(pki.server);
  const clientsOf = join(dirname(place.certificateFile), 'clients.pem');
  copyFileSync(pki.caFile, clientsOf);
  const broker = await startNats([
    `tls { cert_file: "${place.certificateFile}", key_file: "${place.keyFile}", ca_file: "${clientsOf}", verify: true }`,
  ]);
  const publish = async (n: number, { certificateFile, keyFile }: IssuedCertificate): Promise<void> => {
    const tls = { caFile: pki.caFile, certFile: certificateFile, keyFile };
    const connection = await connectNats({ servers: broker.url, tls });
    const manager = await jetstreamManager(connection);
    if (n === 1) await manager.streams.add({ name: 'a', subjects: ['a.*'] });
    await manager.jetstream().publish('a.b', JSON.stringify({ n }));
    await connection.close();
  };
  try {
    await publish(1, pki.client);
    await client.tags(
      `CREATE SOURCE n (n int) WITH (connector = 'nats', server_url = '${broker.url}', subject = 'a.*', ${right('tls.')})
       FORMAT PLAIN ENCODE JSON`,
    );
    const sum = 'SELECT sum(n) FROM n';
    const reason = "SELECT paused_reason FROM millrace_catalog.sources WHERE name = 'n'";
    await until(sum, /^1$/);
    await restart(broker, place, pki.expired);
    await until(reason, /has a certificate that has expired \(CERT_HAS_EXPIRED\) \(SQLSTATE 08001\)/);
    await restart(broker, place, pki.server);
    await publish(2, pki.client);
    await until(sum, /^3$/);
    copyFileSync(pki.otherCaFile, clientsOf);
    await restart(broker, place, pki.server);
    await until(reason, /refused the client certificate.* \(SQLSTATE 28000\)/);
    await publish(4, pki.stranger);
    await client.tags(`ALTER SOURCE n CONNECTOR WITH (${own('tls.', pki.stranger)})`);
    await client.tags('ALTER SOURCE n RESUME');
    await until(sum, /^7$/);
    await expectNoKeys('SHOW CREATE SOURCE n');
  } finally {
    await client.tags('DROP SOURCE IF EXISTS n');
    await broker.close();
  }
}, 60_000);

it('MQTT', async () => {
  if (!installed(mosquitto)) return;
  const place = pki.copy(pki.server);
  const broker = await startMosquitto([
    `cafile ${pki.caFile}`,
    `certfile ${place.certificateFile}`,
    `keyfile ${place.keyFile}`,
    'require_certificate true',
  ]);
  const url = broker.url.replace('mqtt://', 'mqtts://');
  const publish = async (n: number): Promise<void> => {
    const { certificateFile, keyFile } = pki.client;
    const publisher = await connectAsync(url, {
      reconnectPeriod: 0,
      ca: pemText(pki.caFile),
      cert: pemText(certificateFile),
      key: pemText(keyFile),
    });
    await publisher.publishAsync('a/b', JSON.stringify({ n }), { qos: 1 });
    await publisher.endAsync();
  };
  try {
    await client.tags(
      `CREATE SOURCE m (n int) WITH (connector = 'mqtt', url = '${url}', topic = 'a/#', ${right('tls.')})
       FORMAT PLAIN ENCODE JSON`,
    );
    await publish(1);
    await until('SELECT sum(n) FROM m', /^1$/);
    await restart(broker, place, pki.expired);
    await until(
      "SELECT note FROM millrace_catalog.source_partitions WHERE source = 'm'",
      /has a certificate that has expired/,
    );
    await restart(broker, place, pki.server);
    await publish(2);
    await until('SELECT sum(n) FROM m', /^3$/);
    await expectNoKeys('SHOW CREATE SOURCE m');
  } finally {
    await client.tags('DROP SOURCE IF EXISTS m');
    await broker.close();
  }
}, 60_000);

it('Redis', async () => {
  if (!installed(redisServer)) return;
  const place = pki.copy(pki.server);
  const redis = await startRedis({
    tls: [
      ...['--tls-cert-file', place.certificateFile, '--tls-key-file', place.keyFile],
      ...['--tls-ca-cert-file', pki.caFile],
    ],
  });
  try {
    await client.tags('CREATE TABLE r (id int PRIMARY KEY)');
    await client.tags(
      `CREATE SINK k FROM r WITH (connector = 'redis', redis.url = '${redis.url}', ${right('redis.tls.')})`,
    );
    await client.tags('INSERT INTO r VALUES (1)');
    const sink = "FROM millrace_catalog.sinks WHERE name = 'k'";
    await until(`SELECT backlog_rows ${sink}`, /^0$/);
    await restart(redis, place, pki.elsewhere);
    await client.tags('INSERT INTO r VALUES (2)');
    await until(`SELECT last_error ${sink}`, /has a certificate for another name/);
    await restart(redis, place, pki.server);
    await until(`SELECT backlog_rows ${sink}`, /^0$/);
    await expectNoKeys('SHOW CREATE SINK k');
  } finally {
    await client.tags('DROP SINK IF EXISTS k');
    await client.tags('DROP TABLE IF EXISTS r');
    await redis.close();
  }
}, 60_000);
