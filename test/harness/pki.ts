/** Authorities and certificates of a test file, made once, and the same checks for every connector that speaks TLS. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { type IssuedCertificate, makeAuthority, pemText } from '../../scripts/servers/certificates.ts';

export const KEY_PASSWORD = 'key sesame 9';

export interface Pki {
  /** Signs what is right here, and what is wrong in other ways. */
  readonly caFile: string;
  readonly otherCaFile: string;
  /** Of servers: for this machine, for another host, expired. */
  readonly server: IssuedCertificate;
  readonly elsewhere: IssuedCertificate;
  readonly expired: IssuedCertificate;
  /** Of clients: right, with an encrypted key, of the other authority, expired. */
  readonly client: IssuedCertificate;
  readonly locked: IssuedCertificate;
  readonly stranger: IssuedCertificate;
  readonly past: IssuedCertificate;
  /** A copy whose files can be replaced while a server uses them. */
  copy(certificate: IssuedCertificate): IssuedCertificate;
}

/** Name that the certificate for another host has. */
export const ELSEWHERE = 'elsewhere.example';

/** Made at once, removed after the file's tests. */
export function usePki(): Pki {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-pki-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const authority = makeAuthority(directory, 'ours');
  const other = makeAuthority(directory, 'theirs');
  let copies = 0;
  return {
    caFile: authority.caFile,
    otherCaFile: other.caFile,
    server: authority.issue('server'),
    elsewhere: authority.issue('elsewhere', { names: `DNS:${ELSEWHERE}` }),
    expired: authority.issue('expired', { expired: true }),
    client: authority.issue('client'),
    locked: authority.issue('locked', { keyPassword: KEY_PASSWORD }),
    stranger: other.issue('stranger'),
    past: authority.issue('past', { expired: true }),
    copy(certificate) {
      const place = join(directory, `copy${++copies}`);
      const made = { certificateFile: `${place}.pem`, keyFile: `${place}.key` };
      replaceCertificate(made, certificate);
      return made;
    },
  };
}

export function replaceCertificate(place: IssuedCertificate, by: IssuedCertificate): void {
  copyFileSync(by.certificateFile, place.certificateFile);
  copyFileSync(by.keyFile, place.keyFile);
}

/** Names of a connector's options. */
export interface TlsOptionNames {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly keyPassword: string;
  readonly serverName: string;
}

export const tlsOptionNames = (prefix: string): TlsOptionNames => ({
  ca: `${prefix}ca`,
  certificate: `${prefix}client_cert`,
  key: `${prefix}client_key`,
  keyPassword: `${prefix}client_key_password`,
  serverName: `${prefix}server_name`,
});

type Options = Readonly<Record<string, string>>;

/** Addresses of the same server, with the certificates of their names; `mutual` and the others want the client's. */
export interface TlsServers {
  readonly mutual: string;
  readonly elsewhere: string;
  readonly expired: string;
}

export interface TlsSubject {
  readonly pki: Pki;
  readonly names: TlsOptionNames;
  readonly servers: TlsServers;
  /** Connects as CREATE does, and closes; rejects with SqlError. */
  readonly connect: (server: string, options: Options) => Promise<void>;
  /** The server closes the connection where it does not accept a certificate, and does not say why. */
  readonly silent?: boolean;
}

/** What CREATE says: right after its state. */
async function failure(
  { connect }: TlsSubject,
  server: string,
  options: Options,
): Promise<readonly [state: unknown, message: string, hint: string]> {
  try {
    await connect(server, options);
  } catch (error) {
    const { state, message, detail, hint } = error as Record<string, string | undefined>;
    const all = `${message} ${detail} ${hint}`;
    expect(all).not.toContain('PRIVATE KEY');
    expect(all).not.toContain('sesame');
    return [state, message ?? '', hint ?? ''];
  }
  return ['connected', '', ''];
}

const has = (text: string): unknown => expect.stringContaining(text);

/** Tries everything that may be right or wrong about certificates. */
export async function expectTls(subject: TlsSubject): Promise<void> {
  const { pki, names, servers, connect } = subject;
  const own = (c: IssuedCertificate): Options => ({
    [names.certificate]: c.certificateFile,
    [names.key]: c.keyFile,
  });
  const right: Options = { [names.ca]: pki.caFile, ...own(pki.client) };
  const wrong = (server: string, options: Options) => failure(subject, server, options);
  const { mutual, elsewhere, expired } = servers;

  await connect(mutual, right);
  await connect(mutual, { ...right, ...own(pki.locked), [names.keyPassword]: KEY_PASSWORD });
  await connect(elsewhere, { ...right, [names.serverName]: ELSEWHERE });

  expect(await wrong(mutual, own(pki.client))).toEqual(['08001', has('not trusted'), has(names.ca)]);
  expect(await wrong(mutual, { ...right, [names.ca]: pki.otherCaFile })).toEqual([
    '08001',
    has('a certificate that is not trusted'),
    has(names.ca),
  ]);
  expect(await wrong(elsewhere, right)).toEqual(['08001', has('for another name'), has(names.serverName)]);
  expect(await wrong(mutual, { ...right, [names.serverName]: ELSEWHERE })).toEqual([
    '08001',
    has('for another name'),
    has(names.serverName),
  ]);
  expect(await wrong(expired, right)).toEqual(['08001', has('has expired'), has('Renew')]);
  expect(await wrong(mutual, { [names.ca]: pki.caFile })).toEqual([
    '28000',
    has('asks for a client certificate'),
    has(names.certificate),
  ]);
  for (const refused of [pki.stranger, pki.past]) {
    expect(await wrong(mutual, { ...right, ...own(refused) })).toEqual([
      subject.silent === true ? '08001' : '28000',
      has(subject.silent === true ? 'could not connect' : 'refused the client certificate'),
      has(names.certificate),
    ]);
  }
  await expectWrongOptions(subject, right);
}

/** What is wrong before anything is connected. */
async function expectWrongOptions(subject: TlsSubject, right: Options): Promise<void> {
  const { pki, names, servers } = subject;
  const wrong = (options: Options) => failure(subject, servers.mutual, options);
  expect(await wrong({ ...right, [names.ca]: '/no/such/file' })).toEqual(['58P01', has(names.ca), has('')]);
  expect(await wrong({ ...right, [names.ca]: pki.client.keyFile })).toEqual(['22023', has(names.ca), '']);
  expect(await wrong({ ...right, [names.key]: pki.server.keyFile })).toEqual([
    '22023',
    has(names.key),
    has(''),
  ]);
  const { [names.key]: _key, ...keyless } = right;
  expect(await wrong(keyless)).toEqual(['22023', has(names.key), '']);
  expect(
    await wrong({
      ...right,
      [names.certificate]: pki.locked.certificateFile,
      [names.key]: pki.locked.keyFile,
      [names.keyPassword]: 'another sesame',
    }),
  ).toEqual(['22023', has(names.key), has(names.keyPassword)]);
}

/** The same options with the files' text in the place of their paths. */
export function asText(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, value.startsWith('/') ? pemText(value) : value]),
  );
}
