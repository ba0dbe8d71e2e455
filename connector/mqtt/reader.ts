/**
 * Reads the messages of a topic filter. The broker keeps the session while nobody is connected; answers wait until what they are
 * for is in the journal (session.ts). Position: how many messages have been handed out, the turn, ids of QoS 2 that are not
 * free yet, and whether the broker has the subscription. A lost connection is made again here, with the session; after a while
 * without success reading fails.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IPublishPacket, ISubackPacket, Packet } from 'mqtt-packet';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { PartitionProgress, RemoteConfig, RemoteFetch, RemoteReader, RemoteRecord } from '../remote.ts';
import { MqttLink, type SignIn } from './link.ts';
import type { MqttTarget } from './options.ts';
import { MqttSession } from './session.ts';

/** Messages that wait here; above, the broker is held up. */
const BUFFERED = 4096;
const WAIT_MILLIS = 1_000;
const FIRST_DELAY_MILLIS = 100;
const LONGEST_DELAY_MILLIS = 5_000;
/** So long a connection is tried again before reading fails. */
const GIVE_UP_MILLIS = 30_000;
const MOST_PARTITIONS = 1_000;
const SUBSCRIBE_ID = 1;

export const ONLY_PARTITION = '0';

/** What a broker is asked for. 42501 or 22023 where it refuses. */
export function subscribePacket(target: MqttTarget, retainHandling: 0 | 1 | 2): Packet {
  const subscription = { topic: target.topic, qos: target.qos };
  const how = target.version === 5 ? { nl: false, rap: false, rh: retainHandling } : {};
  return { cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions: [{ ...subscription, ...how }] };
}

export function checkGranted(target: MqttTarget, packet: ISubackPacket): SqlError | null {
  const code = Number(packet.granted[0] ?? packet.reasonCode ?? 128);
  if (code < 128) return null;
  if (code === 143 || code === 158 || code === 162) {
    return new SqlError(
      '22023',
      `the MQTT broker does not accept the topic filter "${target.topic}" (code ${code})`,
    );
  }
  return new SqlError(
    '42501',
    `the MQTT broker does not let this user subscribe to "${target.topic}" (code ${code})`,
  );
}

export class MqttReader implements RemoteReader {
  readonly #target: MqttTarget;
  readonly #signIn: SignIn;
  readonly #byTopic: boolean;
  readonly #session: MqttSession;
  #link: MqttLink | null = null;
  /** Signing in, or done with that. */
  #connecting: Promise<unknown> = Promise.resolve();
  #count: bigint;
  #subscribed: boolean;
  #queue: IPublishPacket[] = [];
  #paused = false;
  #failed: SqlError | null = null;
  #closed = false;
  #note: string | null = null;
  #wake: (() => void) | null = null;
  /** The broker has answered to SUBSCRIBE. */
  #answered: (() => void) | null = null;
  /** The position that was handed out last. */
  #last: Position | null = null;
  /** The last message of each partition. */
  readonly #partitions = new Map<string, bigint>();

  constructor(config: RemoteConfig, target: MqttTarget, signIn: SignIn, from: Position | null) {
    this.#target = target;
    this.#signIn = signIn;
    this.#byTopic = config.options.get('partition.by') === 'topic';
    this.#count = BigInt(String(from?.count ?? '0'));
    this.#subscribed = from?.subscribed === true;
    const ids = String(from?.ids ?? '');
    this.#session = new MqttSession(Number(from?.turn ?? 0), ids === '' ? [] : ids.split(',').map(Number));
  }

  /** Connects and subscribes. Rejects with SqlError. */
  async connect(): Promise<void> {
    const opening = MqttLink.open(this.#target, this.#signIn, {
      packet: (packet) => this.#take(packet),
      ended: (error) => this.#lost(error),
    });
    this.#connecting = opening.then(
      ({ link }) => (this.#closed ? link.close() : null),
      () => {},
    );
    const { link, connack } = await opening;
    if (this.#closed) return;
    this.#link = link;
    this.#paused = false;
    this.#session.attach((packet) => link.send(packet));
    const { retained, version } = this.#target;
    if (connack.sessionPresent) {
      link.begin();
      // A broker of 3.1.1 sends retained messages at each SUBSCRIBE; and it has had one: from here, or when the source was made.
      if (version === 5) await this.#subscribe(link, !retained ? 2 : this.#subscribed ? 1 : 0);
      else this.#subscribed = true;
      return;
    }
    if (this.#subscribed) {
      this.#note = 'the broker had forgotten the session: what came while this source was away may be lost';
    }
    const held = this.#session.holds;
    const handling = retained ? 0 : 2;
    this.#session.forget();
    link.begin();
    // Ids of the old session must be gone from the position before the new one uses them.
    if (!held) return this.#subscribe(link, handling);
    this.#session.whenDurable(() => void this.#subscribe(link, handling));
    this.#wake?.();
  }

  /** Resolves when the broker has answered, or is gone; a refusal is a failure of the reader. */
  #subscribe(link: MqttLink, retainHandling: 0 | 1 | 2): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        link.close().catch(() => {});
        this.#lost(new SqlError('08006', 'the MQTT broker does not answer to a subscription'));
        resolve();
      }, this.#target.timeoutMillis);
      this.#answered = () => {
        clearTimeout(timer);
        this.#answered = null;
        resolve();
      };
      link.send(subscribePacket(this.#target, retainHandling));
    });
  }

  #take(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        this.#arrive(packet);
        return;
      case 'pubrel':
        if (packet.messageId !== undefined) this.#session.release(packet.messageId);
        this.#wake?.();
        return;
      case 'suback': {
        const refusal = checkGranted(this.#target, packet);
        if (refusal !== null) this.#fail(refusal);
        else this.#subscribed = true;
        this.#answered?.();
        return;
      }
      default:
        return;
    }
  }

  #arrive(packet: IPublishPacket): void {
    if (!this.#session.publish(packet)) return;
    this.#queue.push(packet);
    if (this.#queue.length >= BUFFERED && !this.#paused) {
      this.#paused = true;
      this.#link?.pause();
    }
    this.#wake?.();
  }

  /** Rejects what the broker has refused already. */
  throwFailure(): void {
    if (this.#failed !== null) throw this.#failed;
  }

  #fail(error: SqlError): void {
    this.#failed ??= error;
    this.#wake?.();
  }

  #lost(error: SqlError): void {
    this.#link = null;
    this.#session.attach(null);
    this.#answered?.();
    if (this.#closed) return;
    if (error.state !== '08006') this.#fail(error);
    else this.#reconnect(error).catch((e: unknown) => this.#fail(e instanceof SqlError ? e : error));
  }

  async #reconnect(why: SqlError): Promise<void> {
    this.#note = why.message;
    let error = why;
    let delay = FIRST_DELAY_MILLIS;
    for (let waited = 0; waited < GIVE_UP_MILLIS; waited += delay) {
      await sleep(delay, undefined, { ref: false });
      delay = Math.min(delay * 2, LONGEST_DELAY_MILLIS);
      if (this.#closed || this.#failed !== null) return;
      try {
        await this.connect();
        if (this.#note === error.message) this.#note = null;
        return;
      } catch (e) {
        if (!(e instanceof SqlError)) throw e;
        if (!e.state.startsWith('08')) throw e;
        error = e;
        this.#note = e.message;
      }
    }
    throw error;
  }

  async fetch(maxRecords: number, signal: AbortSignal): Promise<RemoteFetch> {
    if (this.#queue.length === 0 && !this.#session.moved) await this.#wait(signal);
    if (this.#failed !== null && this.#queue.length === 0) throw this.#failed;
    const packets = this.#queue.splice(0, maxRecords);
    if (this.#paused && this.#queue.length < BUFFERED / 2) {
      this.#paused = false;
      this.#link?.resume();
    }
    const records: RemoteRecord[] = [];
    for (const packet of packets) {
      this.#session.handedOut(packet);
      // A broker of 3.1.1 cannot be told to leave them out.
      if (packet.retain && !this.#target.retained) continue;
      records.push(this.#record(packet));
    }
    return { records, position: this.#position(packets.length > 0 || this.#session.moved) };
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#failed !== null || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, WAIT_MILLIS);
      signal.addEventListener('abort', done);
      this.#wake = done;
    });
  }

  #record(packet: IPublishPacket): RemoteRecord {
    this.#count += 1n;
    const partition = this.#partitionOf(packet.topic);
    this.#partitions.set(partition, this.#count);
    const headers: (readonly [string, Uint8Array | null])[] = [];
    for (const [name, values] of Object.entries(packet.properties?.userProperties ?? {})) {
      for (const value of [values].flat()) headers.push([name, Buffer.from(value)]);
    }
    return {
      partition,
      offset: String(this.#count),
      key: null,
      value: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
      timestamp: null,
      headers,
      fields: { topic: packet.topic, qos: String(packet.qos), retain: String(packet.retain) },
    };
  }

  #partitionOf(topic: string): string {
    if (!this.#byTopic) return ONLY_PARTITION;
    return this.#partitions.has(topic) || this.#partitions.size < MOST_PARTITIONS ? topic : ONLY_PARTITION;
  }

  /** The same as before while nothing happens: it costs nothing to keep. */
  #position(moved: boolean): Position {
    if (!moved && this.#last !== null && this.#last.subscribed === this.#subscribed) return this.#last;
    const { turn, ids } = this.#session.nextTurn();
    this.#last = { count: String(this.#count), turn, ids: ids.join(','), subscribed: this.#subscribed };
    return this.#last;
  }

  async acknowledge(position: Position): Promise<void> {
    this.#session.durableThrough(Number(position.turn));
  }

  progress(): readonly PartitionProgress[] {
    const note = this.#note;
    if (!this.#byTopic) {
      return [{ partition: ONLY_PARTITION, offset: String(this.#count + 1n), end: null, lag: null, note }];
    }
    return [...this.#partitions].map(([partition, last]) => ({
      partition,
      offset: String(last + 1n),
      end: null,
      lag: null,
      note,
    }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new SqlError('08006', 'the reader is closed'));
    this.#session.attach(null);
    // Whoever signs in after this must not be overtaken by a sign-in of ours.
    await this.#connecting;
    await this.#link?.close();
  }
}
