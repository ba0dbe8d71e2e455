/** Options of every ENCODE that has a schema registry, and what follows from them. */
import type { RequestOptions } from 'node:http';
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';

export const registryOptions: readonly OptionSpec[] = [
  {
    name: 'schema.registry',
    type: 'list',
    doc: 'Addresses of a schema registry with the Confluent API, parted by commas: the next is tried when one does not answer.',
  },
  { name: 'schema.registry.username', type: 'string', doc: 'User of the registry (basic authentication).' },
  { name: 'schema.registry.password', type: 'string', secret: true, doc: 'The password of that user.' },
  {
    name: 'schema.registry.ca',
    type: 'string',
    doc: 'File of the certificates that the registry is checked by (PEM).',
  },
  { name: 'schema.registry.certificate', type: 'string', doc: 'File of the client certificate (PEM).' },
  { name: 'schema.registry.key', type: 'string', doc: "File of the client certificate's key (PEM)." },
  { name: 'schema.registry.key.password', type: 'string', secret: true, doc: 'Password of that key.' },
  {
    name: 'schema.registry.verify',
    type: 'boolean',
    default: 'true',
    doc: "False: the registry's certificate is not checked.",
  },
  {
    name: 'schema.registry.timeout.ms',
    type: 'integer',
    default: '5000',
    doc: 'How long a request may take, in milliseconds.',
  },
  {
    name: 'schema.registry.retries',
    type: 'integer',
    default: '3',
    doc: 'How often a request is sent again before the registry counts as unreachable.',
  },
  {
    name: 'schema.registry.name.strategy',
    type: 'string',
    choices: ['topic_name_strategy', 'record_name_strategy', 'topic_record_name_strategy'],
    default: 'topic_name_strategy',
    doc: 'How subjects are named: `TOPIC-value` and `TOPIC-key`, the name of the record (`message`), or `TOPIC-` and that name.',
  },
];

/** `message` of the value, `key.message` of the key. */
export const recordNameOptions: readonly OptionSpec[] = [
  {
    name: 'message',
    type: 'string',
    doc: 'Full name of the record or message type. Needed where the subject is named after it, and where a schema has several message types.',
  },
  { name: 'key.message', type: 'string', doc: "The same of the message's key." },
];

export function recordName(options: ReadonlyMap<string, string>, part: 'key' | 'value'): string | null {
  return options.get(part === 'key' ? 'key.message' : 'message') ?? null;
}

/** The subject of a topic's keys or values. */
export function subjectOf(
  options: ReadonlyMap<string, string>,
  topic: string | null,
  part: 'key' | 'value',
  record: string | null = recordName(options, part),
): string {
  const strategy = options.get('schema.registry.name.strategy') ?? 'topic_name_strategy';
  const needs = (what: string, hint: string): SqlError =>
    new SqlError('22023', `${strategy} needs ${what}`, { hint });
  if (strategy !== 'record_name_strategy' && topic === null) {
    throw needs('a topic', 'This connector has none: use record_name_strategy and the option "message".');
  }
  if (strategy === 'topic_name_strategy') return `${topic}-${part}`;
  if (record === null) {
    throw needs(
      `the option "${part === 'key' ? 'key.message' : 'message'}"`,
      'It is the full name of the record.',
    );
  }
  return strategy === 'record_name_strategy' ? record : `${topic}-${record}`;
}

/** TLS options with the files' contents. */
export function registryTls(
  options: ReadonlyMap<string, string>,
  read: (path: string) => Buffer,
): RequestOptions & { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
  const file = (name: string): Buffer | undefined => {
    const path = options.get(name);
    if (path === undefined) return undefined;
    try {
      return read(path);
    } catch {
      throw new SqlError('58P01', `could not read the file of option "${name}": "${path}"`);
    }
  };
  const ca = file('schema.registry.ca');
  const cert = file('schema.registry.certificate');
  const key = file('schema.registry.key');
  const passphrase = options.get('schema.registry.key.password');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(options.get('schema.registry.verify') === 'false' ? { rejectUnauthorized: false } : {}),
  };
}
