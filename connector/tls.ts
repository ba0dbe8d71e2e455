/**
 * TLS as every connector has it: options (authority, client certificate and its key, the name that the server's certificate must
 * have), read and checked before anything is connected, and what a failed handshake means. Messages are made of the peer's
 * address and codes, never of what an option holds: keys are secrets.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { SqlError } from '../common/sqlError.ts';
import type { OptionSpec } from './connector.ts';

type Options = ReadonlyMap<string, string>;

/** An option that stands for PEM: its names, for messages, and what it says; undefined: it is not given. */
export interface PemSource {
  readonly name: string;
  readonly text: (options: Options) => string | undefined;
}

/** The options of a connector. */
export interface TlsNames {
  readonly ca: PemSource;
  readonly certificate: PemSource;
  readonly key: PemSource;
  readonly keyPassword: string;
  readonly serverName: string;
}

/** What `tls.connect` and those who call it take; plain data. */
export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** Name that is asked for, and that the certificate must have. */
  readonly servername?: string;
}

const isPem = (value: string): boolean => value.trimStart().startsWith('-----BEGIN');

/** The file's text. 58P01 where it cannot be read. */
export function readPemFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new SqlError('58P01', `cannot read the file of option "${name}": ${code}`, {
      hint: 'Give the path of a PEM file that the server can read.',
    });
  }
}

/** PEM text itself, or the path of a file. */
function pemSource(name: string): PemSource {
  const text = (options: Options): string | undefined => {
    const value = options.get(name);
    return value === undefined || isPem(value) ? value : readPemFile(name, value);
  };
  return { name, text };
}

/** Names that begin with `prefix`, which ends in `tls.`. */
export function tlsNames(prefix: string): TlsNames {
  return {
    ca: pemSource(`${prefix}ca`),
    certificate: pemSource(`${prefix}client_cert`),
    key: pemSource(`${prefix}client_key`),
    keyPassword: `${prefix}client_key_password`,
    serverName: `${prefix}server_name`,
  };
}

/** The options of those names. */
export function tlsOptions(prefix: string): readonly OptionSpec[] {
  const option = (name: string, doc: string, secret = false): OptionSpec => ({
    name: `${prefix}${name}`,
    type: 'string',
    alterable: true,
    ...(secret ? { secret } : {}),
    doc,
  });
  const pem = 'PEM text, or the path of a file.';
  return [
    option('ca', `Certificate authorities to trust: ${pem} Default: those of the server's own Node.js.`),
    option('client_cert', `Certificate to present to servers that ask for one: ${pem}`),
    option('client_key', `Private key of that certificate: ${pem}`, true),
    option('client_key_password', 'Password of that key, where it is encrypted.', true),
    option(
      'server_name',
      "Name that the server's certificate must have, also sent as SNI. Default: the host that is connected to.",
    ),
  ];
}

/** Certificates in PEM, one or more. */
const CERTIFICATES =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function checkCertificates(name: string, text: string): X509Certificate {
  const invalid = (why: string): SqlError =>
    new SqlError('22023', `option "${name}" has no certificate that can be read`, { detail: why });
  let first: X509Certificate | null = null;
  for (const [pem] of text.matchAll(CERTIFICATES)) {
    try {
      const certificate = new X509Certificate(pem);
      first ??= certificate;
    } catch {
      throw invalid('A certificate in it is damaged.');
    }
  }
  if (first === null) throw invalid('It holds no PEM block CERTIFICATE.');
  return first;
}

function checkKey(names: TlsNames, key: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    const encrypted = /ENCRYPTED/.test(key);
    throw new SqlError('22023', `option "${names.key.name}" has no private key that can be read`, {
      hint: encrypted
        ? `It is encrypted: check the option "${names.keyPassword}".`
        : 'It takes a private key in PEM.',
    });
  }
}

/** Reads and checks the options. 22023 and 58P01 where they cannot be right. */
export function tlsSettings(options: Options, names: TlsNames): TlsSettings {
  const ca = names.ca.text(options);
  const cert = names.certificate.text(options);
  const key = names.key.text(options);
  const passphrase = options.get(names.keyPassword);
  const servername = options.get(names.serverName);
  if (ca !== undefined) checkCertificates(names.ca.name, ca);
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] =
      key === undefined ? [names.certificate.name, names.key.name] : [names.key.name, names.certificate.name];
    throw new SqlError('22023', `option "${given}" needs the option "${missing}" too`);
  }
  if (cert !== undefined && key !== undefined) {
    const certificate = checkCertificates(names.certificate.name, cert);
    if (!certificate.checkPrivateKey(checkKey(names, key, passphrase))) {
      throw new SqlError(
        '22023',
        `the private key of option "${names.key.name}" is not that of the certificate of "${names.certificate.name}"`,
      );
    }
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
  };
}

/** 22023 where one of the options is given although the connection has no TLS; `how`: what would give it some. */
export function refuseTlsOptions(options: Options, specs: readonly OptionSpec[], how: string): void {
  const given = specs.find(({ name }) => options.has(name));
  if (given !== undefined) throw new SqlError('22023', `option "${given.name}" needs TLS`, { hint: how });
}

/** SNI for a host, unless the options say another name; addresses have none. */
export function serverNameFor(host: string, { servername }: TlsSettings): { readonly servername?: string } {
  if (servername !== undefined) return { servername };
  return isIP(host) === 0 ? { servername: host } : {};
}

interface Failure {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Codes of an error and of all that caused it. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  const visit = (e: unknown, depth: number): void => {
    if (typeof e !== 'object' || e === null || depth > 10) return;
    const { code, cause, errors }: Failure = e;
    if (typeof code === 'string') codes.push(code);
    visit(cause, depth + 1);
    if (Array.isArray(errors)) for (const inner of errors) visit(inner, depth + 1);
  };
  visit(error, 0);
  return codes;
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_CHAIN_TOO_LONG',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

/** What servers say of the certificate that they were shown, or were not. */
const refusals: readonly (readonly [code: RegExp, why: string])[] = [
  [/_ALERT_(UNKNOWN_CA|CERTIFICATE_UNKNOWN)$/, 'it does not trust who signed it'],
  [/_ALERT_CERTIFICATE_EXPIRED$/, 'it has expired'],
  [/_ALERT_CERTIFICATE_REVOKED$/, 'it was revoked'],
  [/_ALERT_(BAD|UNSUPPORTED)_CERTIFICATE$/, 'it cannot use it'],
  [/_ALERT_ACCESS_DENIED$/, 'it denies access'],
];

/** Another protocol answers, or no version and cipher is common. */
const noTls =
  /^(ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|NO_PROTOCOLS_AVAILABLE)|EPROTO)$/;

/** A handshake that failed, as SQL's error; null: the error is of another kind. `peer`: `Kafka broker host:port`. */
export function tlsFailure(
  error: unknown,
  peer: string,
  names: TlsNames,
  { cert }: { readonly cert?: unknown },
): SqlError | null {
  const codes = codesOf(error);
  const find = (test: (code: string) => boolean): string | undefined => codes.find(test);
  const bad = find((code) => untrusted.has(code));
  if (bad !== undefined) {
    return new SqlError('08001', `${peer} has a certificate that is not trusted (${bad})`, {
      hint: `Set ${names.ca.name} to the authority that signed it.`,
    });
  }
  const time = find((code) => code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID');
  if (time !== undefined) {
    const what = time === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return new SqlError('08001', `${peer} has a certificate that ${what} (${time})`, {
      hint: `Renew the certificate there, or that of ${names.ca.name}; or set the clock of this machine right.`,
    });
  }
  if (find((code) => code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') !== undefined) {
    return new SqlError('08001', `${peer} has a certificate for another name`, {
      hint: `Connect to a name that its certificate has, or set ${names.serverName} to it.`,
    });
  }
  return clientFailure(codes, peer, names, cert !== undefined);
}

/** The server did not take us. */
function clientFailure(
  codes: readonly string[],
  peer: string,
  names: TlsNames,
  shown: boolean,
): SqlError | null {
  const both = `${names.certificate.name} and ${names.key.name}`;
  const refusal = refusals.find(([code]) => codes.some((c) => code.test(c)));
  if (refusal !== undefined && shown) {
    return new SqlError('28000', `${peer} refused the client certificate: ${refusal[1]}`, {
      hint: `Check ${both}, and which authorities the server accepts.`,
    });
  }
  const wanted = codes.some((code) =>
    /_ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|NO_CERTIFICATE)$/.test(code),
  );
  if (wanted || refusal !== undefined) {
    if (shown) {
      return new SqlError('28000', `${peer} refused the client certificate`, {
        hint: `Check ${both}, and which authorities, versions and ciphers the server accepts.`,
      });
    }
    return new SqlError('28000', `${peer} asks for a client certificate`, { hint: `Set ${both}.` });
  }
  const strange = codes.find(
    (code) => noTls.test(code) || /^ERR_SSL_.*(PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)/.test(code),
  );
  if (strange !== undefined) {
    return new SqlError('08001', `${peer} does not speak TLS as this server does (${strange})`, {
      hint: 'Check that the port is one with TLS.',
    });
  }
  return null;
}

/** For a connection that ended with nothing said, right after a handshake without a client certificate. */
export function closedHint(names: TlsNames, { cert }: { readonly cert?: unknown }): string {
  const both = `${names.certificate.name} and ${names.key.name}`;
  return cert === undefined
    ? `If it asks for client certificates, set ${both}.`
    : `Check that it accepts the certificate of ${both}.`;
}
