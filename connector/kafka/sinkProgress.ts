/**
 * How far a `kafka` sink is: a record in a topic of its own, compacted, so that it never expires (a group's offsets do, after a
 * week without commits). It is written in the transaction of the rows that it is about. The last one that is committed counts.
 *
 * Reading waits until everything that was in the topic at the beginning is decided: a transaction of the writer before may be
 * on its way out, and a topic that several sinks share hides what comes after another's open transaction.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { RemoteRecord } from '../remote.ts';
import { type KafkaClient, openKafkaClient } from './client.ts';
import type { TopicMetadata } from './cluster.ts';
import { KafkaProtocolError, missingTopic, requestError } from './errors.ts';
import type { KafkaSettings } from './options.ts';
import type { OutgoingRecord } from './recordWriter.ts';

/** How far back is looked at first, and how much further each time. */
const FIRST_WINDOW = 200;
const WIDER = 16;
const FETCH_BYTES = 1 << 20;
const FETCH_WAIT_MILLIS = 100;
const TAKE = 1 << 20;

export interface Progress {
  /** Null: nothing has been delivered. */
  readonly epoch: bigint | null;
  /** The process that has written this. */
  readonly owner: string;
}

export function progressRecord(identity: string, { epoch, owner }: Progress, millis: number): OutgoingRecord {
  return {
    partition: 0,
    key: Buffer.from(identity),
    value: Buffer.from(JSON.stringify({ epoch: epoch === null ? null : String(epoch), owner })),
    timestamp: millis,
  };
}

function parse(record: RemoteRecord, topic: string): Progress | null {
  if (record.value === null) return null;
  const text = Buffer.from(record.value).toString();
  try {
    const { epoch, owner } = JSON.parse(text) as { readonly epoch: string | null; readonly owner: string };
    return { epoch: epoch === null ? null : BigInt(epoch), owner };
  } catch {
    throw new SqlError(
      '55000',
      `the topic "${topic}" is damaged: it does not say which epoch was delivered last`,
    );
  }
}

interface Found {
  /** Undefined: nothing of this sink. */
  readonly progress: Progress | null | undefined;
}

/** The last record of the sink from an offset to what was the end when this began; not `decided`: to what is committed now. */
async function scan(
  client: KafkaClient,
  topic: TopicMetadata,
  identity: string,
  from: number,
  settings: KafkaSettings,
  decided: boolean,
): Promise<Found> {
  const [place] = topic.partitions;
  if (place === undefined) throw missingTopic(topic.name);
  let progress: Progress | null | undefined;
  let end: number | null = null;
  let next = from;
  for (;;) {
    const [fetched] = await client.fetch({
      leader: place.leader,
      topic,
      partitions: [{ partition: 0, leaderEpoch: place.leaderEpoch, from: next }],
      maxWaitMillis: FETCH_WAIT_MILLIS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      maxPartitionBytes: FETCH_BYTES,
    });
    const code = fetched?.error ?? 0;
    if (fetched === undefined || code !== 0) {
      const doing = `reading topic "${topic.name}"`;
      throw requestError(new KafkaProtocolError(code, doing), doing, settings);
    }
    end ??= decided ? fetched.highWatermark : fetched.lastStableOffset;
    const records: RemoteRecord[] = [];
    fetched.records.take(TAKE, records);
    for (const record of records) {
      if (record.key !== null && Buffer.from(record.key).toString() === identity)
        progress = parse(record, topic.name);
    }
    const before = next;
    next = Math.max(next, fetched.records.end, fetched.records.next);
    const whole = fetched.lastStableOffset >= end;
    if (next >= end || (whole && next === before)) return { progress };
  }
}

/** What the topic says of the sink; null: nothing. `decided`: after waiting for all transactions that are open in it. */
export async function readProgress(
  settings: KafkaSettings,
  name: string,
  identity: string,
  decided: boolean,
): Promise<Progress | null> {
  const client = await openKafkaClient(settings);
  try {
    const topic = await client.topic(name);
    if (topic === null) throw missingTopic(name);
    const earliest = (await client.offsets(topic, new Map([[0, 'earliest']]))).get(0) ?? 0;
    const latest = (await client.offsets(topic, new Map([[0, 'latest']]))).get(0) ?? 0;
    for (let window = FIRST_WINDOW; ; window *= WIDER) {
      const from = Math.max(earliest, latest - window);
      const { progress } = await scan(client, topic, identity, from, settings, decided);
      if (progress !== undefined) return progress;
      if (from === earliest) return null;
    }
  } finally {
    await client.close();
  }
}
