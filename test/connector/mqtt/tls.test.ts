/** MQTT by TLS with a private authority and certificates of clients. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mqtt } from '../../../connector/mqtt/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { IssuedCertificate } from '../../../scripts/servers/certificates.ts';
import { mosquitto as kind, startMosquitto } from '../../../scripts/servers/mosquitto.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';
import { asText, expectTls, tlsOptionNames, usePki } from '../../harness/pki.ts';

const pki = usePki();
const servers: ServerProcess[] = [];

const start = async ({ certificateFile, keyFile }: IssuedCertificate): Promise<string> => {
  const server = await startMosquitto([
    `cafile ${pki.caFile}`,
    `certfile ${certificateFile}`,
    `keyfile ${keyFile}`,
    'require_certificate true',
  ]);
  servers.push(server);
  return server.url.replace('mqtt://', 'mqtts://');
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

async function connect(url: string, options: Readonly<Record<string, string>>): Promise<void> {
  const checked = checkOptions(mqtt, new Map(Object.entries({ url, topic: 'a/#', ...options })));
  await mqtt.check({ identity: '7-test', name: 's', options: checked });
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
  await expect(connect(urls.mutual.replace('mqtts', 'mqtt'), { 'tls.ca': pki.caFile })).rejects.toMatchObject(
    { state: '22023', message: 'option "tls.ca" needs TLS' },
  );
});
