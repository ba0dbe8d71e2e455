/** The HTTP sink to https servers with a private authority that ask for certificates of clients. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { httpSink } from '../../../connector/httpSink/sink.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { SinkWriter } from '../../../connector/sink.ts';
import type { IssuedCertificate } from '../../../scripts/servers/certificates.ts';
import { asText, expectTls, tlsOptionNames, usePki } from '../../harness/pki.ts';

const pki = usePki();
const servers: Server[] = [];
const got: string[] = [];
/** A socket for each connection on which something was sent. */
const sockets = new Set<unknown>();

async function start(
  { certificateFile, keyFile }: IssuedCertificate,
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): Promise<string> {
  const [ca, cert, key] = [pki.caFile, certificateFile, keyFile].map((file) => readFileSync(file));
  const server = createServer(
    { ca, cert, key, requestCert: true, rejectUnauthorized: true, maxVersion },
    (request, response) => {
      sockets.add(request.socket);
      const subject = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
      request.on('data', (bytes: Buffer) => got.push(`${subject} ${bytes}`));
      request.on('end', () => response.writeHead(204).end());
    },
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/in`;
}

let urls = { mutual: '', elsewhere: '', expired: '' };
let older = '';

beforeAll(async () => {
  urls = {
    mutual: await start(pki.server),
    elsewhere: await start(pki.elsewhere),
    expired: await start(pki.expired),
  };
  older = await start(pki.server, 'TLSv1.2');
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function open(url: string, options: Readonly<Record<string, string>>): Promise<SinkWriter> {
  return httpSink.open({
    identity: 'aa',
    name: 's',
    options: checkOptions(httpSink, new Map(Object.entries({ url, ...options }))),
    columns: [{ name: 'n', type: types.int4, nullable: false }],
    key: [0],
    format: 'PLAIN',
    encode: 'JSON',
    encodeOptions: new Map(),
  });
}

async function connect(url: string, options: Readonly<Record<string, string>>): Promise<void> {
  const writer = await open(url, options);
  try {
    await writer.recover();
  } finally {
    await writer.close();
  }
}

async function send(writer: SinkWriter, epoch: bigint): Promise<void> {
  const transaction = await writer.begin(epoch);
  await transaction.write({
    epoch,
    at: 0n,
    first: 0,
    changes: [{ before: null, after: [Number(epoch)] }],
  });
  await transaction.prepare(epoch);
  await transaction.commit();
}

const right = {
  'tls.ca': pki.caFile,
  'tls.client_cert': pki.client.certificateFile,
  'tls.client_key': pki.client.keyFile,
};

it('connects with the right certificates, and says what is wrong with others', async () => {
  const names = tlsOptionNames('tls.');
  await expectTls({ pki, names, servers: urls, connect, silent: true });
  await expectTls({ pki, names, servers: { ...urls, mutual: older }, connect, silent: true });
  await expect(connect(urls.mutual.replace('https', 'http'), right)).rejects.toMatchObject({
    state: '22023',
    message: 'option "tls.ca" needs TLS',
    hint: 'Write a url that begins with https://.',
  });
});

it('sends by it, over one connection, and says at once when it is refused', async () => {
  sockets.clear();
  const writer = await open(urls.mutual, asText(right));
  await send(writer, 1n);
  await send(writer, 2n);
  await writer.close();
  expect(got).toEqual(['client [{"n":1}]', 'client [{"n":2}]']);
  expect(sockets.size).toBe(1);
  const refused = await open(urls.mutual, { 'tls.ca': pki.caFile });
  await expect(send(refused, 3n)).rejects.toMatchObject({
    state: '28000',
    hint: 'Set tls.client_cert and tls.client_key.',
  });
  await refused.close();
  const wary = await open(urls.mutual, { ...right, 'tls.ca': pki.otherCaFile });
  await expect(send(wary, 3n)).rejects.toMatchObject({ state: '08001' });
  await wary.close();
});
