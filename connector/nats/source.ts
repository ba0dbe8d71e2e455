/**
 * The `nats` source: messages of a JetStream stream. Position: the stream's sequence number after which to go on, with the time at
 * which the stream was made (another stream of the same name counts anew). Each message comes exactly once without
 * acknowledgements: the number is journalled with the rows.
 */
import { AckPolicy, DeliverPolicy, type StreamInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { RemoteConfig, RemoteConnector, RemoteRecord } from '../remote.ts';
import { connectNats, findStream, type NatsClient, natsError } from './connect.ts';
import { natsOptions } from './options.ts';
import { NatsReader, type StreamPosition } from './reader.ts';

const SAMPLE_MILLIS = 2_000;
const PROBE_MILLIS = 10_000;

function needed(config: RemoteConfig, name: string, mode: string): string {
  const value = config.options.get(name);
  if (value === undefined) {
    throw new SqlError('22023', `scan.startup.mode = '${mode}' needs the option "${name}"`);
  }
  return value;
}

/** Where the options say that reading begins. */
async function startOf(config: RemoteConfig, client: NatsClient, info: StreamInfo): Promise<StreamPosition> {
  const mode = config.options.get('scan.startup.mode') ?? 'earliest';
  const at = (next: number): StreamPosition => ({ created: info.created, next });
  switch (mode) {
    case 'latest':
      return at(info.state.last_seq + 1);
    case 'sequence':
      return at(Math.max(1, Number(needed(config, 'scan.startup.sequence', mode)), info.state.first_seq));
    case 'timestamp': {
      const millis = Number(needed(config, 'scan.startup.timestamp.millis', mode));
      return at(await sequenceAt(client, info, millis));
    }
    default:
      return at(Math.max(1, info.state.first_seq));
  }
}

/** The first sequence at or after a time: where a consumer from then on would begin. */
async function sequenceAt(client: NatsClient, info: StreamInfo, millis: number): Promise<number> {
  const { consumers } = client.manager;
  const stream = info.config.name;
  const probe = await consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(millis).toISOString(),
    inactive_threshold: nanos(PROBE_MILLIS),
    mem_storage: true,
  });
  await consumers.delete(stream, probe.name);
  return probe.delivered.stream_seq + 1;
}

function positionOf(from: Position): StreamPosition {
  return { created: String(from.created), next: Number(from.next) };
}

async function openReader(config: RemoteConfig, from: Position | null): Promise<NatsReader> {
  const client = await connectNats(config);
  try {
    const info = await findStream(client, config);
    const start = from === null ? await startOf(config, client, info) : positionOf(from);
    return await NatsReader.start(config, client, info, start);
  } catch (error) {
    await client.connection.close();
    throw natsError(error, 'NATS server');
  }
}

export const nats: RemoteConnector = {
  name: 'nats',
  doc: 'Messages of a NATS JetStream stream, each exactly once.',
  options: natsOptions,
  formats: ['PLAIN JSON', 'PLAIN CSV', 'PLAIN AVRO', 'PLAIN PROTOBUF', 'PLAIN BYTES'],
  include: [
    { name: 'subject', type: types.varchar, doc: 'Subject of the message.' },
    { name: 'partition', type: types.varchar, doc: 'Name of the stream.' },
    { name: 'offset', type: types.varchar, doc: 'Sequence number in the stream.' },
    { name: 'timestamp', type: types.timestamptz, doc: 'When the stream took the message.' },
    { name: 'header', type: types.bytea, doc: 'A header by its name.' },
    { name: 'payload', type: types.bytea, doc: 'The message as it came.' },
  ],
  async check(config) {
    const client = await connectNats(config);
    try {
      const info = await findStream(client, config);
      await startOf(config, client, info);
      return { partitions: [info.config.name] };
    } finally {
      await client.connection.close();
    }
  },
  async sample(config, records) {
    const reader = await openReader(config, null);
    const ended = AbortSignal.timeout(SAMPLE_MILLIS);
    const found: RemoteRecord[] = [];
    try {
      while (found.length < records && !ended.aborted) {
        found.push(...(await reader.fetch(records - found.length, ended)).records);
      }
      return found;
    } finally {
      await reader.close();
    }
  },
  open: openReader,
};
