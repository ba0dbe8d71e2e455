/** Options of the Kafka source beyond those of the connection. */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import { kafkaConnectionOptions } from './options.ts';

export const kafkaSourceOptions: readonly OptionSpec[] = [
  { name: 'topic', type: 'string', required: true, doc: 'Topic to read.' },
  ...kafkaConnectionOptions,
  {
    name: 'scan.startup.mode',
    type: 'string',
    default: 'earliest',
    choices: ['earliest', 'latest', 'timestamp', 'offsets'],
    doc: 'Where reading begins: the first message that the topic has, after the last, at a time, or at given offsets.',
  },
  {
    name: 'scan.startup.timestamp.millis',
    type: 'integer',
    doc: 'Milliseconds since 1970, for scan.startup.mode = timestamp: the first message of that time or later of each partition.',
  },
  {
    name: 'scan.startup.offsets',
    type: 'list',
    doc: 'For scan.startup.mode = offsets: `partition:offset` pairs, such as `0:42,1:300`; a partition that is not named begins at its first message.',
  },
  {
    name: 'scan.offset.out.of.range',
    type: 'string',
    default: 'fail',
    choices: ['fail', 'earliest'],
    alterable: true,
    doc: 'When messages that were not read are gone (retention, or the topic was made again): stop and say so, or go on at the first that is there, which millrace_catalog.source_partitions notes and counts.',
  },
  {
    name: 'group.id.prefix',
    type: 'string',
    alterable: true,
    doc: 'Commits what is durable here to a consumer group of this prefix and the id of the source, for tools that show lag. Reading does not depend on it. Default: nothing is committed.',
  },
  {
    name: 'properties.fetch.max.bytes',
    type: 'integer',
    default: '8388608',
    alterable: true,
    doc: 'Bytes of a fetch from one broker. As many wait here at most, besides those on their way.',
  },
  {
    name: 'properties.max.partition.fetch.bytes',
    type: 'integer',
    default: '1048576',
    alterable: true,
    doc: 'Bytes of one partition in a fetch.',
  },
  {
    name: 'properties.fetch.wait.max.ms',
    type: 'integer',
    default: '500',
    alterable: true,
    doc: 'How long a broker waits for messages before it answers that there are none.',
  },
  {
    name: 'properties.metadata.max.age.ms',
    type: 'integer',
    default: '10000',
    alterable: true,
    doc: 'How often brokers are asked for new partitions and leaders.',
  },
];

export interface KafkaSourceSettings {
  readonly topic: string;
  readonly startup:
    | { readonly mode: 'earliest' | 'latest' }
    | { readonly mode: 'timestamp'; readonly millis: number }
    | { readonly mode: 'offsets'; readonly offsets: ReadonlyMap<number, number> };
  /** Messages that are gone are counted and passed over. */
  readonly skipMissing: boolean;
  readonly groupPrefix: string | null;
  readonly fetchMaxBytes: number;
  readonly partitionMaxBytes: number;
  readonly fetchWaitMillis: number;
  readonly metadataAgeMillis: number;
}

function startOffsets(text: string): ReadonlyMap<number, number> {
  const offsets = new Map<number, number>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,9})\s*:\s*(\d{1,15})\s*$/.exec(part);
    if (match === null) {
      throw new SqlError('22023', `invalid value for option "scan.startup.offsets": "${text}"`, {
        hint: 'Write partition:offset pairs, such as 0:42,1:300.',
      });
    }
    offsets.set(Number(match[1]), Number(match[2]));
  }
  return offsets;
}

function startup(options: ReadonlyMap<string, string>): KafkaSourceSettings['startup'] {
  const needed = (name: string, mode: string): string => {
    const value = options.get(name);
    if (value === undefined)
      throw new SqlError('22023', `scan.startup.mode = '${mode}' needs the option "${name}"`);
    return value;
  };
  const mode = options.get('scan.startup.mode') ?? 'earliest';
  switch (mode) {
    case 'timestamp':
      return { mode, millis: Number(needed('scan.startup.timestamp.millis', mode)) };
    case 'offsets':
      return { mode, offsets: startOffsets(needed('scan.startup.offsets', mode)) };
    default:
      return { mode: mode === 'latest' ? 'latest' : 'earliest' };
  }
}

/** Reads options that were checked against the specs. Throws SqlError. */
export function kafkaSourceSettings(options: ReadonlyMap<string, string>): KafkaSourceSettings {
  const number = (name: string, least: number): number => {
    const value = Number(
      options.get(name) ?? kafkaSourceOptions.find((o) => o.name === name)?.default ?? least,
    );
    if (value < least || value > 0x7fffffff) {
      throw new SqlError('22023', `invalid value for option "${name}": "${value}"`, {
        hint: `It is between ${least} and 2147483647.`,
      });
    }
    return value;
  };
  return {
    topic: options.get('topic') ?? '',
    startup: startup(options),
    skipMissing: options.get('scan.offset.out.of.range') === 'earliest',
    groupPrefix: options.get('group.id.prefix') ?? null,
    fetchMaxBytes: number('properties.fetch.max.bytes', 1024),
    partitionMaxBytes: number('properties.max.partition.fetch.bytes', 1024),
    fetchWaitMillis: number('properties.fetch.wait.max.ms', 0),
    metadataAgeMillis: number('properties.metadata.max.age.ms', 100),
  };
}
