/** Options of TLS before anything is connected, what codes of a handshake mean, and keys that nobody reads. */
import { describe, expect, it } from 'vitest';
import { isSecretOption, shownValue } from '../../connector/secretOptions.ts';
import {
  refuseTlsOptions,
  serverNameFor,
  tlsFailure,
  tlsNames,
  tlsOptions,
  tlsSettings,
} from '../../connector/tls.ts';
import { pemText } from '../../scripts/servers/certificates.ts';
import { KEY_PASSWORD, usePki } from '../harness/pki.ts';

const pki = usePki();
const names = tlsNames('tls.');
const settings = (options: Readonly<Record<string, string>>) =>
  tlsSettings(new Map(Object.entries(options)), names);

describe('settings', () => {
  it('are read from text and from files', () => {
    expect(settings({})).toEqual({});
    const { certificateFile, keyFile } = pki.locked;
    const both = pemText(pki.otherCaFile) + pemText(pki.caFile);
    expect(
      settings({
        'tls.ca': both,
        'tls.client_cert': certificateFile,
        'tls.client_key': pemText(keyFile),
        'tls.client_key_password': KEY_PASSWORD,
        'tls.server_name': 'a.example',
      }),
    ).toEqual({
      ca: both,
      cert: pemText(certificateFile),
      key: pemText(keyFile),
      passphrase: KEY_PASSWORD,
      servername: 'a.example',
    });
  });

  it('are refused where there is no TLS', () => {
    const options = new Map([['tls.server_name', 'x']]);
    expect(() => refuseTlsOptions(options, tlsOptions('tls.'), 'Do.')).toThrow(
      expect.objectContaining({ state: '22023', message: 'option "tls.server_name" needs TLS', hint: 'Do.' }),
    );
    expect(() => refuseTlsOptions(new Map(), tlsOptions('tls.'), 'Do.')).not.toThrow();
  });

  it('send names of hosts, not addresses', () => {
    expect(serverNameFor('a.example', {})).toEqual({ servername: 'a.example' });
    expect(serverNameFor('127.0.0.1', {})).toEqual({});
    expect(serverNameFor('::1', {})).toEqual({});
    expect(serverNameFor('127.0.0.1', { servername: 'b.example' })).toEqual({ servername: 'b.example' });
  });
});

describe('failures', () => {
  const failure = (error: unknown, cert?: string) => tlsFailure(error, 'server a:1', names, { cert });
  const coded = (code: string): Error => Object.assign(new Error('x'), { code });

  it('are found in what caused an error', () => {
    const inner = new AggregateError([new Error('y'), coded('CERT_HAS_EXPIRED')]);
    expect(failure(new Error('outer', { cause: inner }))).toMatchObject({
      state: '08001',
      message: 'server a:1 has a certificate that has expired (CERT_HAS_EXPIRED)',
    });
    expect(failure(coded('ECONNRESET'))).toBe(null);
    expect(failure('nothing')).toBe(null);
  });

  it('tell a missing certificate from a refused one', () => {
    const unknown = coded('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
    expect(failure(unknown, 'c')).toMatchObject({
      state: '28000',
      message: 'server a:1 refused the client certificate: it does not trust who signed it',
    });
    expect(failure(coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'))).toMatchObject({
      state: '28000',
      message: 'server a:1 asks for a client certificate',
      hint: 'Set tls.client_cert and tls.client_key.',
    });
    expect(failure(coded('ERR_SSL_WRONG_VERSION_NUMBER'))).toMatchObject({
      state: '08001',
      hint: 'Check that the port is one with TLS.',
    });
  });
});

it('no key is shown, wherever it was put', () => {
  for (const name of ['tls.client_key', 'redis.tls.client_key', 'properties.ssl.key.pem']) {
    expect(isSecretOption(name)).toBe(true);
  }
  const key = pemText(pki.client.keyFile);
  expect(shownValue('tls.ca', pemText(pki.caFile) + key)).toBe('***');
  expect(shownValue('properties.ssl.key.location', key)).toBe('***');
  expect(shownValue('tls.ca', pemText(pki.caFile))).toBe(pemText(pki.caFile));
});
