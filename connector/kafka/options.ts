/** What WITH (...) says about reaching a Kafka cluster: shared by the source and the sink. Names are those of RisingWave. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import { type PemSource, type TlsNames, tlsSettings } from '../tls.ts';

const DEFAULT_PORT = 9092;

export const kafkaConnectionOptions: readonly OptionSpec[] = [
  {
    name: 'properties.bootstrap.server',
    type: 'list',
    required: true,
    alterable: true,
    doc: 'Brokers to begin with, separated by commas: `host:9092,other:9092`.',
  },
  {
    name: 'properties.security.protocol',
    type: 'string',
    default: 'PLAINTEXT',
    choices: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
    alterable: true,
    doc: 'Whether connections are encrypted (SSL), and whether they sign in (SASL).',
  },
  {
    name: 'properties.sasl.mechanism',
    type: 'string',
    default: 'PLAIN',
    alterable: true,
    doc: 'How to sign in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.',
  },
  { name: 'properties.sasl.username', type: 'string', alterable: true, doc: 'User to sign in as.' },
  {
    name: 'properties.sasl.password',
    type: 'string',
    secret: true,
    alterable: true,
    doc: 'Password of that user.',
  },
  {
    name: 'properties.ssl.ca.location',
    type: 'string',
    alterable: true,
    doc: "PEM file of the authorities to trust. Default: those of the server's own Node.js.",
  },
  {
    name: 'properties.ssl.ca.pem',
    type: 'string',
    alterable: true,
    doc: 'The same as PEM text.',
  },
  {
    name: 'properties.ssl.certificate.location',
    type: 'string',
    alterable: true,
    doc: 'PEM file of the certificate to present to brokers that ask for one.',
  },
  {
    name: 'properties.ssl.certificate.pem',
    type: 'string',
    alterable: true,
    doc: 'The same as PEM text.',
  },
  {
    name: 'properties.ssl.key.location',
    type: 'string',
    alterable: true,
    doc: 'PEM file of its private key.',
  },
  {
    name: 'properties.ssl.key.pem',
    type: 'string',
    secret: true,
    alterable: true,
    doc: 'The same as PEM text.',
  },
  {
    name: 'properties.ssl.key.password',
    type: 'string',
    secret: true,
    alterable: true,
    doc: 'Password of that key, where it is encrypted.',
  },
  {
    name: 'properties.ssl.endpoint.identification.algorithm',
    type: 'string',
    default: 'https',
    choices: ['https', 'none'],
    alterable: true,
    doc: "`none`: a broker's certificate need not name its host.",
  },
  {
    name: 'properties.ssl.server.name',
    type: 'string',
    alterable: true,
    doc: "Name that every broker's certificate must have, also sent as SNI. Default: the host that is connected to.",
  },
  {
    name: 'properties.client.id',
    type: 'string',
    default: 'millrace',
    alterable: true,
    doc: "Name of this client in the brokers' logs and quotas.",
  },
  {
    name: 'properties.socket.connection.setup.timeout.ms',
    type: 'integer',
    default: '10000',
    alterable: true,
    doc: 'How long a connection may take to be made, signing in included.',
  },
  {
    name: 'properties.request.timeout.ms',
    type: 'integer',
    default: '30000',
    alterable: true,
    doc: 'How long a broker may take to answer.',
  },
];

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface KafkaSettings {
  readonly bootstrap: readonly BrokerAddress[];
  readonly clientId: string;
  readonly connectMillis: number;
  readonly requestMillis: number;
  readonly tls: TlsOptions | null;
  readonly sasl: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  } | null;
}

function parseBrokers(text: string): readonly BrokerAddress[] {
  const brokers = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part): BrokerAddress => {
      const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(part);
      if (match === null) {
        throw new SqlError(
          '22023',
          'option "properties.bootstrap.server" holds something that is not host:port',
          {
            hint: 'Write `host:9092`, and commas between several; users and passwords have options of their own.',
          },
        );
      }
      return {
        host: match[1] ?? match[2] ?? '',
        port: match[3] === undefined ? DEFAULT_PORT : Number(match[3]),
      };
    });
  if (brokers.length === 0)
    throw new SqlError('22023', 'option "properties.bootstrap.server" names no broker');
  return brokers;
}

/** `.location` is the path of a file, `.pem` the text. */
function pemSource(name: string): PemSource {
  const [location, pem] = [`properties.ssl.${name}.location`, `properties.ssl.${name}.pem`];
  const text = (options: ReadonlyMap<string, string>): string | undefined => {
    const path = options.get(location);
    if (path === undefined) return options.get(pem);
    if (options.has(pem)) {
      throw new SqlError('22023', `options "${location}" and "${pem}" cannot both be given`);
    }
    if (path.includes('-----BEGIN')) {
      throw new SqlError('22023', `option "${location}" takes the path of a file`, {
        hint: `Give PEM text in the option "${pem}".`,
      });
    }
    try {
      return readFileSync(path, 'utf8');
    } catch {
      throw new SqlError('58P01', `option "${location}": cannot read the file "${path}"`);
    }
  };
  return { name: location, text };
}

export const kafkaTlsNames: TlsNames = {
  ca: pemSource('ca'),
  certificate: pemSource('certificate'),
  key: pemSource('key'),
  keyPassword: 'properties.ssl.key.password',
  serverName: 'properties.ssl.server.name',
};

function tlsOf(options: ReadonlyMap<string, string>): TlsOptions {
  const anyHost = options.get('properties.ssl.endpoint.identification.algorithm') === 'none';
  return {
    ...tlsSettings(options, kafkaTlsNames),
    ...(anyHost ? { checkServerIdentity: () => undefined } : {}),
  };
}

function saslOf(options: ReadonlyMap<string, string>): NonNullable<KafkaSettings['sasl']> {
  const mechanism = (options.get('properties.sasl.mechanism') ?? 'PLAIN').toUpperCase();
  if (mechanism !== 'PLAIN' && mechanism !== 'SCRAM-SHA-256' && mechanism !== 'SCRAM-SHA-512') {
    throw new SqlError('0A000', `SASL mechanism ${mechanism} is not supported`, {
      hint: 'Use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.',
    });
  }
  const username = options.get('properties.sasl.username');
  const password = options.get('properties.sasl.password');
  if (username === undefined || password === undefined) {
    throw new SqlError(
      '22023',
      'SASL needs the options "properties.sasl.username" and "properties.sasl.password"',
    );
  }
  return { mechanism, username, password };
}

/** Reads options that were checked against the specs. Throws SqlError. */
export function kafkaSettings(options: ReadonlyMap<string, string>): KafkaSettings {
  const protocol = options.get('properties.security.protocol') ?? 'PLAINTEXT';
  return {
    bootstrap: parseBrokers(options.get('properties.bootstrap.server') ?? ''),
    clientId: options.get('properties.client.id') ?? 'millrace',
    connectMillis: Number(options.get('properties.socket.connection.setup.timeout.ms') ?? 10_000),
    requestMillis: Number(options.get('properties.request.timeout.ms') ?? 30_000),
    tls: protocol === 'SSL' || protocol === 'SASL_SSL' ? tlsOf(options) : null,
    sasl: protocol.startsWith('SASL_') ? saslOf(options) : null,
  };
}
