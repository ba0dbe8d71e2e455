/** Options of the `nats` connector. */
import type { OptionSpec } from '../connector.ts';
import { tlsOptions } from '../tls.ts';

export const natsOptions: readonly OptionSpec[] = [
  {
    name: 'server_url',
    type: 'list',
    required: true,
    doc: 'Servers, separated by commas: `nats://host:4222`; `tls://` asks for TLS.',
  },
  { name: 'subject', type: 'string', required: true, doc: 'Subject to read; `*` and `>` are wildcards.' },
  { name: 'stream', type: 'string', doc: 'JetStream stream. Default: the one that keeps the subject.' },
  {
    name: 'connect_mode',
    type: 'string',
    default: 'plain',
    choices: ['plain', 'user_and_password', 'token', 'nkey', 'credential'],
    doc: 'How to sign in: not at all, by `username` and `password`, by `token`, by the seed `nkey`, or by `jwt` and the seed `nkey`.',
  },
  { name: 'username', type: 'string', doc: 'For connect_mode = user_and_password.' },
  { name: 'password', type: 'string', secret: true, doc: 'For connect_mode = user_and_password.' },
  { name: 'token', type: 'string', secret: true, doc: 'For connect_mode = token.' },
  { name: 'nkey', type: 'string', secret: true, doc: 'Seed (SU...) for connect_mode = nkey or credential.' },
  { name: 'jwt', type: 'string', doc: 'User JWT for connect_mode = credential.' },
  ...tlsOptions('tls.'),
  {
    name: 'scan.startup.mode',
    type: 'string',
    default: 'earliest',
    choices: ['earliest', 'latest', 'timestamp', 'sequence'],
    doc: 'Where reading begins: the first message that the stream has, after the last, at a time, or at a stream sequence.',
  },
  {
    name: 'scan.startup.timestamp.millis',
    type: 'integer',
    doc: 'Milliseconds since 1970, for scan.startup.mode = timestamp.',
  },
  { name: 'scan.startup.sequence', type: 'integer', doc: 'For scan.startup.mode = sequence.' },
  {
    name: 'retention.overrun',
    type: 'string',
    default: 'fail',
    choices: ['fail', 'earliest'],
    doc: 'When the stream no longer has messages that were not read (its limits, a purge, or another stream under the name): stop with an error, or go on at its first one, which the catalog notes.',
  },
  {
    name: 'connect.timeout.ms',
    type: 'integer',
    default: '5000',
    doc: 'To connect, and to wait for an answer.',
  },
];
