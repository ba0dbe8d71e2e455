/**
 * Reads a stream in the order of its sequence through a pull consumer of its own, which nobody acknowledges to and which the server
 * forgets when it is not used. `#next` is the sequence after the last message that was handed out.
 *
 * Invariant: the consumer numbers what it delivers; a number that does not follow the last one means that something was
 * lost on the way, and the reader fails so that it is opened again at its position. A consumer begins at `#next`; a
 * stream whose first message is later has lost some that were never read, which is told or an error (retention.overrun).
 */
import {
  AckPolicy,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../connector.ts';
import type { PartitionProgress, RemoteConfig, RemoteFetch, RemoteReader, RemoteRecord } from '../remote.ts';
import { type NatsClient, natsError } from './connect.ts';

/** Messages that wait here: the server is not asked for more. */
const BUFFERED = 4096;
const WAIT_MILLIS = 1_000;
const REFRESH_MILLIS = 2_000;
/** The server forgets a consumer that nobody asks. */
const FORGET_MILLIS = 60_000;

export interface StreamPosition {
  /** When the stream was made: another stream of its name counts anew. */
  readonly created: string;
  /** Sequence of the next message, or of one before it that is not of the subject. */
  readonly next: number;
}

export class NatsReader implements RemoteReader {
  readonly #client: NatsClient;
  readonly #config: RemoteConfig;
  readonly #stream: string;
  #created = '';
  #next = 1;
  #end = 1;
  #lag: bigint | null = null;
  #note: string | null = null;
  #consumer = '';
  #messages: ConsumerMessages | null = null;
  #queue: JsMsg[] = [];
  #delivered = 0;
  #failed: unknown = null;
  /** Every message of the stream is of the subject. */
  #whole = false;
  #replicas = 1;
  #first = true;
  #wake: (() => void) | null = null;
  /** What the server said last is a while ago. */
  #stale = true;

  private constructor(config: RemoteConfig, client: NatsClient, stream: string) {
    this.#config = config;
    this.#client = client;
    this.#stream = stream;
  }

  /** Begins to read at `start`. Throws SqlError where the stream cannot give what comes next. */
  static async start(
    config: RemoteConfig,
    client: NatsClient,
    info: StreamInfo,
    start: StreamPosition,
  ): Promise<NatsReader> {
    const reader = new NatsReader(config, client, info.config.name);
    reader.#created = info.created;
    reader.#next = start.next;
    if (info.created !== start.created || info.state.last_seq + 1 < start.next) {
      reader.#lost(`stream "${info.config.name}" was made anew, what the old one still had is lost`);
      reader.#next = 1;
    }
    reader.#seen(info);
    await reader.#consume();
    return reader;
  }

  /** Notes messages that are gone, or fails: as the option says. */
  #lost(what: string): void {
    if (this.#config.options.get('retention.overrun') === 'earliest') {
      this.#note = what;
      return;
    }
    throw new SqlError('55000', `NATS messages were lost before they were read: ${what}`, {
      hint: "Set retention.overrun = 'earliest' to go on with the first message that the stream still has.",
    });
  }

  /** What the server says of the stream, while nothing of it is under way. */
  #seen(info: StreamInfo): void {
    const subject = this.#config.options.get('subject') ?? '>';
    this.#whole =
      subject === '>' || (info.config.subjects.length === 1 && info.config.subjects[0] === subject);
    this.#replicas = info.config.num_replicas;
    this.#end = info.state.last_seq + 1;
    this.#overrun(info.state.first_seq);
  }

  #overrun(first: number): void {
    if (first <= this.#next) return;
    this.#lost(
      `stream "${this.#stream}" begins at sequence ${first}, ${this.#next} is next (${first - this.#next} messages at most)`,
    );
    this.#next = first;
  }

  async #consume(): Promise<void> {
    const { manager } = this.#client;
    const made = await manager.consumers.add(this.#stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#next,
      filter_subject: this.#config.options.get('subject') ?? '>',
      inactive_threshold: nanos(FORGET_MILLIS),
      mem_storage: true,
      // As many as the stream has: the server may put a single one on a node that is down, and does not say so.
      num_replicas: this.#replicas,
      description: `millrace ${this.#config.name}`,
    });
    this.#consumer = made.name;
    this.#delivered = 0;
    this.#lag = BigInt(made.num_pending);
    if (made.num_pending === 0) this.#passed();
    const consumer = await jetstream(this.#client.connection).consumers.get(this.#stream, made.name);
    const messages = await consumer.consume({
      max_messages: BUFFERED,
      abort_on_missing_resource: true,
      idle_heartbeat: 5_000,
    });
    this.#messages = messages;
    this.#pump(messages).catch((error: unknown) => this.#fail(error));
    this.#watch(messages).catch((error: unknown) => this.#fail(error));
  }

  /** No message of the subject waits: those that there are up to the end are others. */
  #passed(): void {
    if (this.#queue.length === 0) this.#next = Math.max(this.#next, this.#end);
  }

  async #pump(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      const { deliverySequence } = message.info;
      if (deliverySequence !== this.#delivered + 1) {
        throw new SqlError('08006', `NATS consumer of stream "${this.#stream}" left messages out`);
      }
      this.#delivered = deliverySequence;
      this.#queue.push(message);
      this.#wake?.();
      while (this.#queue.length >= BUFFERED && this.#failed === null) {
        await new Promise<void>((resolve) => setTimeout(resolve, 5));
      }
    }
    throw new SqlError('08006', `NATS server ended reading of stream "${this.#stream}"`);
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const status of messages.status()) {
      switch (status.type) {
        case 'heartbeats_missed':
        case 'consumer_not_found':
        case 'consumer_deleted':
        case 'stream_not_found':
        case 'no_responders':
          throw new SqlError('08006', `NATS stream "${this.#stream}" cannot be read now: ${status.type}`);
        default:
          break;
      }
    }
  }

  #fail(error: unknown): void {
    this.#failed ??= natsError(error, `NATS stream "${this.#stream}"`);
    this.#wake?.();
  }

  async fetch(maxRecords: number, signal: AbortSignal): Promise<RemoteFetch> {
    // The place where reading begins is worth a record of its own: with mode latest it is another one after a restart.
    if (this.#first) {
      this.#first = false;
      return { records: [], position: this.#position() };
    }
    if (this.#queue.length === 0) await this.#wait(signal);
    if (this.#queue.length === 0) {
      if (this.#failed !== null) throw this.#failed;
      await this.#refresh();
      return { records: [], position: this.#position() };
    }
    const taken = this.#queue.splice(0, maxRecords);
    const records: RemoteRecord[] = [];
    for (const message of taken) {
      if (message.seq > this.#next && this.#whole) await this.#checkGap(message.seq);
      records.push(record(this.#stream, message));
      this.#next = message.seq + 1;
      this.#lag = BigInt(message.info.pending);
    }
    this.#end = Math.max(this.#end, this.#next);
    return { records, position: this.#position() };
  }

  /** A number that is left out was deleted in the middle, or has gone with the beginning of the stream. */
  async #checkGap(sequence: number): Promise<void> {
    const info = await this.#info();
    if (info.state.first_seq > this.#next) this.#overrun(Math.min(sequence, info.state.first_seq));
  }

  async #info(): Promise<StreamInfo> {
    try {
      return await this.#client.manager.streams.info(this.#stream);
    } catch (error) {
      throw natsError(error, `NATS stream "${this.#stream}"`);
    }
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

  /** Nothing comes: what does the server say? Messages that came meanwhile are handed out before it counts. */
  async #refresh(): Promise<void> {
    if (!this.#stale) return;
    this.#stale = false;
    setTimeout(() => {
      this.#stale = true;
    }, REFRESH_MILLIS).unref();
    const info = await this.#info();
    if (info.created !== this.#created) {
      throw new SqlError('08006', `NATS stream "${this.#stream}" was made anew`);
    }
    const consumer = await this.#consumerInfo();
    const underWay = consumer.delivered.consumer_seq - this.#delivered + this.#queue.length;
    this.#lag = BigInt(consumer.num_pending + underWay);
    if (underWay > 0) return;
    this.#end = info.state.last_seq + 1;
    if (consumer.num_pending > 0) return;
    // Told by the server after what the stream holds: all of its messages have been looked at.
    if (info.state.first_seq > this.#next) this.#overrun(info.state.first_seq);
    this.#passed();
  }

  async #consumerInfo(): Promise<ConsumerInfo> {
    try {
      return await this.#client.manager.consumers.info(this.#stream, this.#consumer);
    } catch (error) {
      throw natsError(error, `NATS stream "${this.#stream}"`);
    }
  }

  #position(): Position {
    return { stream: this.#stream, created: this.#created, next: String(this.#next) };
  }

  /** Nobody waits for an acknowledgement: the position is kept here. */
  async acknowledge(): Promise<void> {}

  progress(): readonly PartitionProgress[] {
    return [
      {
        partition: this.#stream,
        offset: String(this.#next),
        end: String(Math.max(this.#end, this.#next)),
        lag: this.#lag,
        note: this.#note,
      },
    ];
  }

  async close(): Promise<void> {
    this.#failed ??= new SqlError('08006', 'the reader is closed');
    this.#wake?.();
    await this.#messages?.close().catch(() => {});
    if (!this.#client.connection.isClosed()) {
      await this.#client.manager.consumers.delete(this.#stream, this.#consumer).catch(() => {});
    }
    await this.#client.connection.close();
  }
}

function record(stream: string, message: JsMsg): RemoteRecord {
  const headers: (readonly [string, Uint8Array | null])[] = [];
  if (message.headers !== undefined) {
    const encoder = new TextEncoder();
    for (const [name, values] of message.headers) {
      for (const value of values) headers.push([name, encoder.encode(value)]);
    }
  }
  return {
    partition: stream,
    offset: String(message.seq),
    key: null,
    value: message.data,
    timestamp: message.timestampNanos / 1000n,
    headers,
    fields: { subject: message.subject },
  };
}
