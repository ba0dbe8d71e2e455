/** Redis by TLS with a private authority and certificates of clients. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { redisSink } from '../../../connector/redis/sink.ts';
import type { IssuedCertificate } from '../../../scripts/servers/certificates.ts';
import { type RedisServer, redisServer, startRedis } from '../../../scripts/servers/redis.ts';
import { asText, expectTls, tlsOptionNames, usePki } from '../../harness/pki.ts';
import { redisConfig } from './support.ts';

const pki = usePki();
const servers: RedisServer[] = [];

const start = async (certificate: IssuedCertificate): Promise<string> => {
  const files = ['--tls-cert-file', certificate.certificateFile, '--tls-key-file', certificate.keyFile];
  const server = await startRedis({
    tls: [...files, '--tls-ca-cert-file', pki.caFile, '--tls-auth-clients', 'yes'],
  });
  servers.push(server);
  return server.url;
};

let urls = { mutual: '', elsewhere: '', expired: '' };

beforeAll(async () => {
  if (!redisServer.installed()) return;
  urls = {
    mutual: await start(pki.server),
    elsewhere: await start(pki.elsewhere),
    expired: await start(pki.expired),
  };
});
afterAll(async () => {
  for (const server of servers) await server.close();
});

async function connect(url: string, options: Readonly<Record<string, string>>): Promise<void> {
  const writer = await redisSink.open(redisConfig({ 'redis.url': url, ...options }));
  try {
    await writer.recover();
  } finally {
    await writer.close();
  }
}

it('connects with the right certificates, and says what is wrong with others', async () => {
  if (!redisServer.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${redisServer.needs}`).not.toBe('1');
    return;
  }
  await expectTls({ pki, names: tlsOptionNames('redis.tls.'), servers: urls, connect });
  const { certificateFile, keyFile } = pki.client;
  await connect(
    urls.mutual,
    asText({
      'redis.tls.ca': pki.caFile,
      'redis.tls.client_cert': certificateFile,
      'redis.tls.client_key': keyFile,
    }),
  );
  await expect(
    connect(urls.mutual.replace('rediss', 'redis'), { 'redis.tls.ca': pki.caFile }),
  ).rejects.toMatchObject({ state: '22023', message: 'option "redis.tls.ca" needs TLS' });
});
