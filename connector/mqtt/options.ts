/** Options of the `mqtt` connector, and what they say of the connection. */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import type { RemoteConfig } from '../remote.ts';
import { refuseTlsOptions, type TlsSettings, tlsNames, tlsOptions, tlsSettings } from '../tls.ts';

export const mqttTlsNames = tlsNames('tls.');
const mqttTlsOptions = tlsOptions('tls.');

export const mqttOptions: readonly OptionSpec[] = [
  {
    name: 'url',
    type: 'string',
    required: true,
    doc: 'Broker: `mqtt://host:1883`, or `mqtts://host:8883` for TLS.',
  },
  {
    name: 'topic',
    type: 'string',
    required: true,
    doc: 'Topic filter: `+` stands for one level, `#` for all below; `$share/group/filter` shares it with other subscribers.',
  },
  {
    name: 'qos',
    type: 'string',
    default: '1',
    choices: ['0', '1', '2'],
    doc: '0: messages may be lost; 1: each comes at least once; 2: each comes once, as long as the broker keeps the session.',
  },
  { name: 'username', type: 'string', doc: 'User name.' },
  { name: 'password', type: 'string', secret: true, doc: 'Password.' },
  {
    name: 'mqtt.version',
    type: 'string',
    default: '5',
    choices: ['3.1.1', '5'],
    doc: 'Version of the protocol.',
  },
  {
    name: 'client_prefix',
    type: 'string',
    default: 'millrace',
    doc: 'The client id begins with it; the id of the source follows, so that the broker knows it again.',
  },
  {
    name: 'session.expiry.sec',
    type: 'integer',
    default: '604800',
    doc: 'How long the broker keeps messages for a source that is away (MQTT 5; a broker of 3.1.1 decides by itself).',
  },
  {
    name: 'inflight_messages',
    type: 'integer',
    default: '1000',
    doc: 'Messages that the broker may send before they are acknowledged (MQTT 5; the broker may have a lower limit).',
  },
  {
    name: 'retained',
    type: 'boolean',
    default: 'true',
    doc: "Whether the topics' retained messages come when the source is made.",
  },
  {
    name: 'partition.by',
    type: 'string',
    default: 'none',
    choices: ['none', 'topic'],
    doc: 'What has a watermark of its own: the source as a whole, or each topic (the first 1,000; others are one).',
  },
  { name: 'keepalive.sec', type: 'integer', default: '30', doc: 'How often the connection is tried.' },
  ...mqttTlsOptions,
  { name: 'connect.timeout.ms', type: 'integer', default: '5000', doc: 'To connect and sign in.' },
];

export interface MqttTarget {
  readonly host: string;
  readonly port: number;
  /** Null: without TLS. */
  readonly tls: TlsSettings | null;
  readonly version: 4 | 5;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retained: boolean;
  readonly timeoutMillis: number;
  readonly keepaliveSeconds: number;
}

const ports: Readonly<Record<string, number>> = { mqtt: 1883, tcp: 1883, mqtts: 8883, ssl: 8883 };

/** A filter whose wildcards stand for whole levels. */
function checkFilter(topic: string): void {
  const levels = topic.replace(/^\$share\/[^/+#]+\//, '').split('/');
  const wrong =
    topic === '' ||
    topic.includes('\0') ||
    levels.some(
      (level, i) =>
        (level.includes('#') && (level !== '#' || i < levels.length - 1)) || /.\+|\+./.test(level),
    );
  if (!wrong) return;
  throw new SqlError('22023', `invalid value for option "topic": "${topic}"`, {
    hint: '+ stands for one whole level, # for all levels below and comes last.',
  });
}

/** Whom to connect to, and what for. */
export function targetOf({ options }: RemoteConfig): MqttTarget {
  const match = /^([a-z]+):\/\/(\[[0-9a-f:]+\]|[^\s/@:]+)(?::(\d{1,5}))?\/?$/i.exec(options.get('url') ?? '');
  const scheme = match?.[1]?.toLowerCase() ?? '';
  const port = ports[scheme];
  if (match === null || port === undefined) {
    throw new SqlError('22023', 'option "url" is not the address of an MQTT broker', {
      hint: 'Write mqtt://host:1883 or mqtts://host:8883; name and password have options of their own.',
    });
  }
  const topic = options.get('topic') ?? '';
  checkFilter(topic);
  const secure = scheme === 'mqtts' || scheme === 'ssl';
  if (!secure) refuseTlsOptions(options, mqttTlsOptions, 'Write a url that begins with mqtts://.');
  const qos = options.get('qos');
  return {
    host: (match[2] ?? '').replace(/^\[|\]$/g, ''),
    port: Number(match[3] ?? port),
    tls: secure ? tlsSettings(options, mqttTlsNames) : null,
    version: options.get('mqtt.version') === '3.1.1' ? 4 : 5,
    topic,
    qos: qos === '0' ? 0 : qos === '2' ? 2 : 1,
    retained: options.get('retained') !== 'false',
    timeoutMillis: Number(options.get('connect.timeout.ms') ?? '5000'),
    keepaliveSeconds: Math.max(1, Number(options.get('keepalive.sec') ?? '30')),
  };
}
