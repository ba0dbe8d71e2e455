/**
 * Reads a topic from positions that the database keeps. Each leader has at most one fetch on its way; the next is sent as soon
 * as one has come, while not more than `fetch.max.bytes` wait to be taken: so brokers and the decoder work at the same time, and
 * nothing is asked for that nobody takes.
 *
 * State per partition: `fetchFrom`, what the next fetch asks for, and `next`, what comes after everything that was given out.
 * Invariant: what waits in `#ready` of a partition is exactly [next, fetchFrom). Connections that break, leaders that move and
 * brokers that restart are met by asking for metadata again, after a growing pause; after some attempts without any answer the
 * reader rejects (class 08), to be opened again. Messages that are gone are never passed over in silence: see rangeOf.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { PartitionProgress, RemoteFetch, RemoteReader, RemoteRecord } from '../remote.ts';
import { type FetchedPartition, type KafkaClient, movedOn } from './client.ts';
import type { TopicMetadata } from './cluster.ts';
import { KafkaProtocolError, kafkaCodes, missingTopic } from './errors.ts';
import { type KafkaPosition, readPosition, writePosition } from './position.ts';
import { cutOff, recreated, retentionOverrun } from './rangeErrors.ts';
import type { FetchedRecords } from './recordBatch.ts';
import type { KafkaSourceSettings } from './sourceOptions.ts';

const BACKOFF_MILLIS = 100;
const MAX_BACKOFF_MILLIS = 2000;
/** Attempts without an answer before the reader gives up: about ten seconds. */
const ATTEMPTS = 8;
/** Answers that the topic is not there before it is taken for deleted. */
const MISSING_ANSWERS = 4;
const COMMIT_MILLIS = 5000;

interface Partition {
  readonly partition: number;
  leader: number;
  leaderEpoch: number;
  fetchFrom: number;
  next: number;
  /** After its last message, as the last answer told; null: none has. */
  end: number | null;
  lost: number;
  note: string | null;
  /** The broker does not have `fetchFrom`: to be looked at when everything before is given out. */
  outOfRange: boolean;
}

interface Waiting {
  readonly of: Partition;
  readonly records: FetchedRecords;
}

export class KafkaReader implements RemoteReader {
  readonly #client: KafkaClient;
  readonly #settings: KafkaSourceSettings;
  readonly #group: string | null;
  readonly #closing = new AbortController();
  readonly #partitions = new Map<number, Partition>();
  readonly #busy = new Set<number>();
  readonly #metadataTimer: NodeJS.Timeout;
  #topic: TopicMetadata;
  #ready: Waiting[] = [];
  #buffered = 0;
  #failure: SqlError | null = null;
  #wake: (() => void) | null = null;
  #refreshing = false;
  #metadataDue = false;
  #attempts = 0;
  #missing = 0;
  /** Changes with every position, so that one which moved on without a message is told too. */
  #moved: boolean;
  /** A broker has answered: there may be progress to tell, if nothing else. */
  #answered = false;
  #turn = 0;
  #toCommit: ReadonlyMap<number, number> | null = null;
  #commitTimer: NodeJS.Timeout | null = null;
  #commitNote: string | null = null;

  /** `fresh`: the position was found just now, and is to be told before anything is read. */
  constructor(
    client: KafkaClient,
    settings: KafkaSourceSettings,
    topic: TopicMetadata,
    position: KafkaPosition,
    fresh: boolean,
    group: string | null,
  ) {
    this.#client = client;
    this.#settings = settings;
    this.#topic = topic;
    this.#group = group;
    this.#moved = fresh;
    for (const [partition, offset] of position.offsets)
      this.#partitions.set(partition, newPartition(partition, offset, position.lost.get(partition) ?? 0));
    this.#adopt(topic);
    this.#metadataDue = topic.partitions.some((p) => !this.#partitions.has(p.partition));
    this.#metadataTimer = setInterval(() => {
      this.#metadataDue = true;
      if (this.#wake !== null) this.#ask();
    }, settings.metadataAgeMillis);
    this.#metadataTimer.unref();
  }

  async fetch(maxRecords: number, signal: AbortSignal): Promise<RemoteFetch> {
    for (;;) {
      this.#ask();
      const records = this.#take(maxRecords);
      if (records.length > 0 || this.#moved || this.#answered) {
        this.#moved = false;
        this.#answered = false;
        this.#ask();
        return { records, position: this.#position() };
      }
      if (this.#failure !== null) throw this.#failure;
      if (signal.aborted) return { records, position: this.#position() };
      await this.#woken(signal);
    }
  }

  async acknowledge(position: Position): Promise<void> {
    if (this.#group === null) return;
    this.#toCommit = readPosition(position).offsets;
    if (this.#commitTimer !== null) return;
    this.#commitTimer = setTimeout(() => {
      this.#commitTimer = null;
      if (this.#toCommit !== null) this.#commit();
    }, COMMIT_MILLIS);
    this.#commitTimer.unref();
    await this.#commit();
  }

  progress(): readonly PartitionProgress[] {
    return [...this.#partitions.values()].map((p) => ({
      partition: String(p.partition),
      offset: String(p.next),
      end: p.end === null ? null : String(p.end),
      lag: p.end === null ? null : BigInt(Math.max(0, p.end - p.next)),
      note: p.note ?? (p.leader < 0 ? 'the partition has no leader now' : this.#commitNote),
    }));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearInterval(this.#metadataTimer);
    if (this.#commitTimer !== null) clearTimeout(this.#commitTimer);
    if (this.#toCommit !== null) await this.#commit();
    await this.#client.close();
  }

  #position(): Position {
    const all = [...this.#partitions.values()];
    return writePosition({
      topicId: this.#topic.id,
      offsets: new Map(all.map((p) => [p.partition, p.next])),
      lost: new Map(all.filter((p) => p.lost > 0).map((p) => [p.partition, p.lost])),
    });
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }

  #take(maxRecords: number): readonly RemoteRecord[] {
    const out: RemoteRecord[] = [];
    while (out.length < maxRecords) {
      const first = this.#ready[0];
      if (first === undefined) break;
      const { of, records } = first;
      records.take(maxRecords - out.length, out);
      if (records.next > of.next) {
        of.next = records.next;
        this.#moved = true;
      }
      if (!records.done) break;
      this.#ready.shift();
      this.#buffered -= records.size;
    }
    return out;
  }

  /** Sends what can be sent now: one fetch for each leader that has none on its way. */
  #ask(): void {
    if (this.#failure !== null || this.#closing.signal.aborted || this.#refreshing) return;
    if (this.#metadataDue) {
      this.#refresh(0);
      return;
    }
    if (this.#buffered >= this.#settings.fetchMaxBytes) return;
    const byLeader = new Map<number, Partition[]>();
    for (const p of this.#partitions.values()) {
      if (p.outOfRange) {
        if (!this.#ready.some((w) => w.of === p)) {
          this.#rangeOf(p);
          return;
        }
        continue;
      }
      const list = byLeader.get(p.leader);
      if (list === undefined) byLeader.set(p.leader, [p]);
      else list.push(p);
    }
    for (const [leader, partitions] of byLeader) {
      if (leader < 0) this.#metadataSoon();
      else if (!this.#busy.has(leader)) this.#fetchFrom(leader, partitions);
    }
  }

  #fetchFrom(leader: number, partitions: readonly Partition[]): void {
    this.#busy.add(leader);
    // Brokers fill an answer in the order of the request: each partition has its turn to be the first.
    const turn = this.#turn++ % partitions.length;
    const sent = [...partitions.slice(turn), ...partitions.slice(0, turn)].map((of) => ({
      of,
      partition: of.partition,
      leaderEpoch: of.leaderEpoch,
      from: of.fetchFrom,
    }));
    this.#client
      .fetch({
        leader,
        topic: this.#topic,
        partitions: sent,
        maxWaitMillis: this.#settings.fetchWaitMillis,
        minBytes: 1,
        maxBytes: this.#settings.fetchMaxBytes,
        maxPartitionBytes: this.#settings.partitionMaxBytes,
      })
      .then(
        (answer) => this.#fetched(leader, sent, answer),
        (error: unknown) => {
          this.#busy.delete(leader);
          this.#failed(error);
        },
      );
  }

  #fetched(
    leader: number,
    sent: readonly { readonly of: Partition; readonly from: number }[],
    answer: readonly FetchedPartition[],
  ): void {
    this.#busy.delete(leader);
    this.#attempts = 0;
    this.#answered = true;
    for (const got of answer) {
      const asked = sent.find((s) => s.of.partition === got.partition);
      const p = this.#partitions.get(got.partition);
      // An answer from before a partition changed its leader, or its topic, is not what is to be read now.
      if (asked === undefined || p !== asked.of || p.fetchFrom !== asked.from) continue;
      if (got.error === kafkaCodes.OFFSET_OUT_OF_RANGE) p.outOfRange = true;
      else if (movedOn(got.error)) this.#metadataSoon();
      else if (got.error !== 0)
        this.#failed(new KafkaProtocolError(got.error, `reading partition ${p.partition}`));
      else {
        p.end = got.highWatermark;
        if (got.records.end > p.fetchFrom) {
          p.fetchFrom = got.records.end;
          this.#ready.push({ of: p, records: got.records });
          this.#buffered += got.records.size;
        }
      }
    }
    this.#ask();
    this.#wake?.();
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const failure =
      error instanceof SqlError
        ? error
        : new SqlError(
            error instanceof KafkaProtocolError && error.code === kafkaCodes.TOPIC_AUTHORIZATION_FAILED
              ? '42501'
              : '58030',
            `topic "${this.#settings.topic}": ${error instanceof Error ? error.message : String(error)}`,
          );
    if (!failure.state.startsWith('08') || ++this.#attempts > ATTEMPTS) {
      this.#failure = failure;
      this.#wake?.();
      return;
    }
    this.#refresh(this.#backoff());
  }

  #backoff(): number {
    return Math.min(MAX_BACKOFF_MILLIS, BACKOFF_MILLIS * 2 ** Math.max(0, this.#attempts - 1));
  }

  #metadataSoon(): void {
    if (this.#refreshing) return;
    this.#refresh(BACKOFF_MILLIS);
  }

  /** Asks for metadata after a while; nothing is fetched meanwhile. */
  #refresh(millis: number): void {
    if (this.#refreshing || this.#closing.signal.aborted) return;
    this.#refreshing = true;
    this.#metadataDue = false;
    this.#refreshed(millis).then(
      () => {
        this.#refreshing = false;
        this.#ask();
        this.#wake?.();
      },
      (error: unknown) => {
        this.#refreshing = false;
        this.#failed(error);
      },
    );
  }

  async #refreshed(millis: number): Promise<void> {
    const { topic: name, skipMissing } = this.#settings;
    if (millis > 0) await sleep(millis, undefined, { signal: this.#closing.signal, ref: false });
    const topic = await this.#client.topic(name);
    if (topic === null) {
      if (++this.#missing >= MISSING_ANSWERS) throw missingTopic(name);
      throw new SqlError('08006', `topic "${name}" is not there`);
    }
    this.#missing = 0;
    if (topic.id !== this.#topic.id && topic.id !== null && this.#topic.id !== null) {
      if (!skipMissing) throw recreated(name);
      await this.#startOver(topic);
      return;
    }
    const fresh = topic.partitions.filter((p) => !this.#partitions.has(p.partition));
    if (fresh.length > 0) {
      const starts = await this.#client.offsets(topic, new Map(fresh.map((p) => [p.partition, 'earliest'])));
      for (const [partition, offset] of starts)
        this.#partitions.set(partition, newPartition(partition, offset, 0));
      this.#moved = true;
    }
    this.#adopt(topic);
  }

  /** The topic was made again, and what it has now is to be read from its start. */
  async #startOver(topic: TopicMetadata): Promise<void> {
    const starts = await this.#client.offsets(
      topic,
      new Map(topic.partitions.map((p) => [p.partition, 'earliest'])),
    );
    this.#ready = [];
    this.#buffered = 0;
    this.#partitions.clear();
    for (const [partition, offset] of starts) {
      const made = newPartition(partition, offset, 0);
      made.note = 'the topic was deleted and made again; it is read from its start';
      this.#partitions.set(partition, made);
    }
    this.#moved = true;
    this.#adopt(topic);
  }

  #adopt(topic: TopicMetadata): void {
    this.#topic = topic;
    for (const { partition, leader, leaderEpoch } of topic.partitions) {
      const p = this.#partitions.get(partition);
      if (p === undefined) continue;
      p.leader = leader;
      p.leaderEpoch = leaderEpoch;
    }
  }

  /** A partition does not have what comes next: retention was faster, or its log was cut off. */
  #rangeOf(p: Partition): void {
    const topic = this.#topic;
    this.#refreshing = true;
    const look = async (): Promise<void> => {
      const [first, end] = await Promise.all(
        (['earliest', 'latest'] as const).map(
          async (at) =>
            (await this.#client.offsets(topic, new Map([[p.partition, at]]))).get(p.partition) ?? 0,
        ),
      );
      p.outOfRange = false;
      if (first !== undefined && first > p.next) {
        if (!this.#settings.skipMissing) throw retentionOverrun(topic.name, p.partition, p.next, first);
        p.lost += first - p.next;
        p.note = lostNote(p.lost);
        p.fetchFrom = first;
      } else if (end !== undefined && end < p.next) {
        if (!this.#settings.skipMissing) throw cutOff(topic.name, p.partition, p.next, end);
        p.note = `the partition was cut off at offset ${end}, before ${p.next}, which was to be read next`;
        p.fetchFrom = end;
      }
      p.next = p.fetchFrom;
      this.#moved = true;
    };
    look().then(
      () => {
        this.#refreshing = false;
        this.#ask();
        this.#wake?.();
      },
      (error: unknown) => {
        this.#refreshing = false;
        this.#failed(error);
      },
    );
  }

  async #commit(): Promise<void> {
    const offsets = this.#toCommit;
    if (offsets === null || this.#group === null) return;
    this.#toCommit = null;
    try {
      await this.#client.commit(this.#group, this.#settings.topic, offsets);
      this.#commitNote = null;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#commitNote = `what is read is not committed to group "${this.#group}": ${why}`;
    }
  }
}

function newPartition(partition: number, offset: number, lost: number): Partition {
  return {
    partition,
    leader: -1,
    leaderEpoch: -1,
    fetchFrom: offset,
    next: offset,
    end: null,
    lost,
    note: lost > 0 ? lostNote(lost) : null,
    outOfRange: false,
  };
}

const lostNote = (count: number): string => `${count} messages were gone before they were read`;
