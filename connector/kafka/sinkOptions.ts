/** What WITH (...) says of a `kafka` sink, besides how its cluster is reached. */
import type { OptionSpec } from '../connector.ts';
import { compressionCodecs } from './compression.ts';
import { kafkaConnectionOptions } from './options.ts';

export const kafkaSinkOptions: readonly OptionSpec[] = [
  { name: 'topic', type: 'string', required: true, doc: 'The topic that is written.' },
  ...kafkaConnectionOptions,
  {
    name: 'delivery.guarantee',
    type: 'string',
    choices: ['exactly-once', 'at-least-once'],
    default: 'exactly-once',
    doc: 'Whether records are written in transactions, for consumers that read committed; or by themselves, some of them again after a failure, with headers that tell.',
  },
  {
    name: 'properties.transaction.timeout.ms',
    type: 'integer',
    alterable: true,
    default: '60000',
    doc: 'How long a transaction may be open before the brokers abort it; also how long consumers wait at most for what a server that is gone has left.',
  },
  {
    name: 'properties.compression.codec',
    type: 'string',
    alterable: true,
    choices: compressionCodecs,
    default: 'none',
    doc: 'How batches of records are compressed.',
  },
  {
    name: 'create.topic',
    type: 'boolean',
    default: 'false',
    doc: 'Whether CREATE SINK makes the topic when it is absent; one for UPSERT is compacted.',
  },
  {
    name: 'create.topic.partitions',
    type: 'integer',
    doc: "Of a topic that is made. Default: the brokers' num.partitions.",
  },
  {
    name: 'create.topic.replication.factor',
    type: 'integer',
    doc: "Of topics that are made, that of the progress included. Default: the brokers' default.replication.factor.",
  },
  {
    name: 'progress.topic',
    type: 'string',
    doc: 'Topic that keeps how far the sink is; compacted, of one partition. Default: `millrace-sink-` and an id, made when it is absent. Sinks may share one.',
  },
  {
    name: 'transactional.id.prefix',
    type: 'string',
    default: 'millrace-sink-',
    doc: "What the sink's transactional.id begins with, for brokers that give rights by prefix.",
  },
];
