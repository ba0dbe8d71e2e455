/** NATS by TLS with a private authority and certificates of clients. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nats } from '../../../connector/nats/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { IssuedCertificate } from '../../../scripts/servers/certificates.ts';
import { nats as kind, startNats } from '../../../scripts/servers/nats.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { asText, expectTls, tlsOptionNames, usePki } from '../../harness/pki.ts';

const pki = usePki();
const servers: ServerProcess[] = [];

const start = async (certificate: IssuedCertificate): Promise<string> => {
  const { certificateFile, keyFile } = certificate;
  const server = await startNats([
    `tls { cert_file: "${certificateFile}", key_file: "${keyFile}", ca_file: "${pki.caFile}", verify: true }`,
  ]);
  servers.push(server);
  return server.url.replace('nats://', 'tls://');
};

let urls = { mutual: '', elsewhere: '', expired: '' };

beforeAll(async () => {
  if (!kind.installed()) return;
  urls = {
    mutual: await start(pki.server),
    elsewhere: await start(pki.elsewhere),
    expired: await start(pki.expired),
  };
});
afterAll(async () => {
  for (const server of servers) await server.close();
});

/** There is no stream: whoever gets to hear that has connected. */
async function connect(url: string, options: Readonly<Record<string, string>>): Promise<void> {
  const given = { server_url: url, subject: 'a.*', ...options };
  const checked = checkOptions(nats, new Map(Object.entries(given)));
  await nats.check({ identity: '7-test', name: 's', options: checked }).catch((error: { state?: string }) => {
    if (error.state !== '42704') throw error;
  });
}

it('connects with the right certificates, and says what is wrong with others', async () => {
  if (!kind.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `it needs ${kind.needs}`).not.toBe('1');
    return;
  }
  await expectTls({ pki, names: tlsOptionNames('tls.'), servers: urls, connect });
  const { certificateFile, keyFile } = pki.client;
  await connect(
    urls.mutual,
    asText({ 'tls.ca': pki.caFile, 'tls.client_cert': certificateFile, 'tls.client_key': keyFile }),
  );
});
