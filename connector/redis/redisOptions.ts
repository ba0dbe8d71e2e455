/** What can be said of a Redis sink in WITH (...) and after ENCODE TEMPLATE. */
import type { OptionSpec } from '../connector.ts';
import { tlsNames, tlsOptions } from '../tls.ts';

export const redisTlsNames = tlsNames('redis.tls.');
export const redisTlsOptions = tlsOptions('redis.tls.');

export const redisOptions: readonly OptionSpec[] = [
  {
    name: 'redis.url',
    type: 'string',
    required: true,
    alterable: true,
    doc: '`redis://[user[:password]@]host[:port][/database]`, or `rediss://...` for TLS. One server, or the primary of a replicated one; not Redis Cluster.',
  },
  {
    name: 'redis.username',
    type: 'string',
    alterable: true,
    doc: 'User of an ACL, where the URL has none.',
  },
  {
    name: 'redis.password',
    type: 'string',
    secret: true,
    alterable: true,
    doc: 'Password, where the URL has none.',
  },
  ...redisTlsOptions,
  {
    name: 'redis.type',
    type: 'string',
    choices: ['string', 'hash'],
    default: 'string',
    doc: 'What a row becomes: a string (its JSON, or the template), or a hash with a field for each column that is not NULL.',
  },
  {
    name: 'redis.ttl_seconds',
    type: 'integer',
    alterable: true,
    doc: 'A key goes so long after it was written last. Default: it stays.',
  },
  { name: 'key.prefix', type: 'string', default: '', doc: 'Every key begins with this.' },
  {
    name: 'key.separator',
    type: 'string',
    default: ':',
    doc: 'What parts the columns of a key. Where a value has it, it is written as `%` and its code in hexadecimal, and `%` as `%25`.',
  },
  {
    name: 'batch.rows',
    type: 'integer',
    default: '5000',
    alterable: true,
    doc: 'So many changes are delivered at once, if they wait.',
  },
  {
    name: 'timeout_seconds',
    type: 'float',
    default: '10',
    alterable: true,
    doc: 'A server that has not answered after this long counts as unreachable.',
  },
];

export const templateOptions: readonly OptionSpec[] = [
  {
    name: 'key_format',
    type: 'string',
    required: true,
    doc: 'The key: text in which `{column}` stands for the value of a column. It must have every column of the primary key.',
  },
  {
    name: 'value_format',
    type: 'string',
    required: true,
    doc: 'The value, likewise. NULL is written as `NULL`.',
  },
];
