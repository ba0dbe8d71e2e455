/** TLS of connections to PostgreSQL, as its sources, sinks and lookup tables have it: options, and what `pg` is told. */
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type pg from 'pg';
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import {
  type PemSource,
  readPemFile,
  refuseTlsOptions,
  type TlsNames,
  tlsFailure,
  tlsSettings,
} from '../tls.ts';

type Options = ReadonlyMap<string, string>;

function pem(name: string): PemSource {
  const text = (options: Options): string | undefined => {
    const value = options.get(name);
    return value === undefined || value.trimStart().startsWith('-----BEGIN')
      ? value
      : readPemFile(name, value);
  };
  return { name, text };
}

const names: TlsNames = {
  ca: pem('ssl.root.cert'),
  certificate: pem('ssl.cert'),
  key: pem('ssl.key'),
  keyPassword: 'ssl.key.password',
  serverName: 'ssl.server.name',
};

const option = (name: string, doc: string, secret = false): OptionSpec => ({
  name,
  type: 'string',
  alterable: true,
  ...(secret ? { secret } : {}),
  doc,
});

const PEM = 'PEM text, or the path of a file on the machine of this server.';

/** The options besides `ssl.mode`. */
const details: readonly OptionSpec[] = [
  option(
    'ssl.root.cert',
    `Authorities that verify-ca and verify-full trust: ${PEM} Default: those of the server's own Node.js.`,
  ),
  option('ssl.cert', `Certificate to present to servers that ask for one: ${PEM}`),
  option('ssl.key', `Private key of that certificate: ${PEM}`, true),
  option('ssl.key.password', 'Password of that key, where it is encrypted.', true),
  option(
    'ssl.server.name',
    "Name that the server's certificate must have with verify-full. Default: the host that is connected to.",
  ),
];

export const postgresTlsDetails: ReadonlySet<string> = new Set(details.map(({ name }) => name));

/** `prefer`: TLS where the server has it, by default; else none by default. */
export function postgresTlsOptions(prefer: boolean): readonly OptionSpec[] {
  const choices = ['disable', ...(prefer ? ['prefer'] : []), 'require', 'verify-ca', 'verify-full'];
  return [
    {
      name: 'ssl.mode',
      type: 'string',
      alterable: true,
      choices,
      default: prefer ? 'prefer' : 'disable',
      doc: `TLS: never, ${prefer ? 'if the server has it, ' : ''}always, with a certificate of a trusted authority, and with the name of the host in it too.`,
    },
    ...details,
  ];
}

/** Reads files anew, so that what has been renewed is used. 22023 and 58P01 where the options cannot be right. */
export function postgresTls(options: Options, host: string): pg.ClientConfig['ssl'] {
  const mode = options.get('ssl.mode') ?? 'disable';
  if (mode === 'disable') {
    refuseTlsOptions(options, details, "Set ssl.mode to 'require', 'verify-ca' or 'verify-full'.");
    return false;
  }
  const { servername, ...settings } = tlsSettings(options, names);
  const name = servername ?? host;
  return {
    ...settings,
    rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-full',
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      mode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined,
  };
}

/** A handshake that failed; null: the error is of another kind. `peer`: `PostgreSQL at host:port`. */
export function postgresTlsFailure(error: unknown, peer: string, options: Options): SqlError | null {
  const message = error instanceof Error ? error.message : '';
  if (/does not support SSL/.test(message)) {
    return new SqlError('08001', `${peer} does not support TLS`, {
      hint: "Switch it on there (ssl = on), or connect without, ssl.mode = 'disable', if the network may be trusted.",
    });
  }
  const cert = options.get('ssl.cert');
  return tlsFailure(error, peer, names, cert === undefined ? {} : { cert });
}
