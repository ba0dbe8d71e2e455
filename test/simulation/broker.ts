/**
 * A broker in memory that outlives servers: topics of two partitions. It forgets what a consumer has acknowledged: whoever goes
 * on from before that has lost messages.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Position } from '../../connector/connector.ts';
import type { RemoteConnector, RemoteFetch, RemoteReader, RemoteRecord } from '../../connector/remote.ts';
import type { Life } from './life.ts';
import type { Random } from './views.ts';

export const PARTITIONS = ['0', '1'] as const;

const bytes = (text: string | null): Uint8Array | null =>
  text === null ? null : new Uint8Array(Buffer.from(text, 'utf8'));

export interface Message {
  readonly key: string | null;
  readonly value: string | null;
}

export type Topic = readonly (readonly Message[])[];

/** Offsets after a position. */
export function offsetsOf(position: Position | null): readonly number[] {
  return PARTITIONS.map((p) => Number(position?.[p] ?? 0));
}

export class Broker {
  readonly #random: Random;
  readonly #topics = new Map<string, Message[][]>();
  /** By the consumer's identity: messages before these are forgotten. */
  readonly #acknowledged = new Map<string, readonly number[]>();
  #waiting: (() => void)[] = [];
  down = false;
  wrong: string | null = null;

  constructor(random: Random, topics: readonly string[]) {
    this.#random = random;
    for (const topic of topics) this.#topics.set(topic, [[], []]);
  }

  topic(name: string): Topic {
    return this.#topic(name);
  }

  #topic(name: string): Message[][] {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new SqlError('42704', `topic "${name}" does not exist`);
    return topic;
  }

  send(name: string, partition: number, message: Message): void {
    this.#topic(name)[partition]?.push(message);
    this.wake();
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  stop(): void {
    this.down = true;
    this.wake();
  }

  start(): void {
    this.down = false;
    this.wake();
  }

  /** Consumers begin anew: their server was set back. It keeps all messages for that. */
  setBack(): void {
    this.#acknowledged.clear();
  }

  /** As `connector`; its readers stay open while columns change. */
  waitingConnector(life: Life): RemoteConnector {
    return { ...this.connector(life), name: 'waiting_broker', waitsForAcknowledgements: true };
  }

  /** For one life of a server. */
  connector(life: Life): RemoteConnector {
    return {
      name: 'broker',
      doc: 'A broker in memory.',
      options: [
        { name: 'topic', type: 'string', required: true, doc: 'The topic.' },
        { name: 'group', type: 'string', alterable: true, doc: 'Nothing.' },
      ],
      formats: ['PLAIN JSON', 'UPSERT JSON'],
      include: [
        { name: 'key', type: types.bytea, doc: '' },
        { name: 'partition', type: types.varchar, doc: '' },
        { name: 'offset', type: types.varchar, doc: '' },
      ],
      check: async () => {
        this.#reach(life);
        return { partitions: PARTITIONS };
      },
      open: async ({ identity, options }, from) => {
        for (let i = this.#random(3); i > 0; i--) await nextTurn();
        this.#reach(life);
        return this.#reader(identity, options.get('topic') ?? '', from, life);
      },
    };
  }

  #reach(life: Life): void {
    if (!life.isAlive() || this.down) throw new SqlError('08006', 'the broker does not answer');
  }

  #reader(identity: string, name: string, from: Position | null, life: Life): RemoteReader {
    const topic = this.#topic(name);
    const offsets = [...offsetsOf(from)];
    const known = this.#acknowledged.get(identity) ?? [0, 0];
    if (known.some((offset, p) => (offsets[p] ?? 0) < offset)) {
      this.wrong ??= `${identity} goes on at ${offsets}, and has acknowledged ${known}`;
    }
    return {
      fetch: async (most, signal) => {
        for (;;) {
          this.#reach(life);
          if (signal.aborted) return { records: [], position: positionOf(offsets) };
          const fetched = this.#take(topic, offsets, Math.min(most, 1 + this.#random(5)));
          if (fetched.records.length > 0) return fetched;
          await new Promise<void>((resolve) => {
            this.#waiting.push(resolve);
            signal.addEventListener('abort', () => resolve());
          });
        }
      },
      acknowledge: async (position) => {
        if (!life.event() || this.down || this.#random(4) === 0)
          throw new Error('the broker does not answer');
        const before = this.#acknowledged.get(identity) ?? [0, 0];
        this.#acknowledged.set(
          identity,
          offsetsOf(position).map((offset, p) => Math.max(offset, before[p] ?? 0)),
        );
        life.told('broker');
      },
      progress: () => [],
      close: async () => {},
    };
  }

  #take(topic: readonly (readonly Message[])[], offsets: number[], most: number): RemoteFetch {
    const records: RemoteRecord[] = [];
    topic.forEach((messages, p) => {
      const at = offsets[p] ?? 0;
      const some = messages.slice(at, at + most - records.length);
      offsets[p] = at + some.length;
      some.forEach(({ key, value }, i) => {
        const partition = String(p);
        const offset = String(at + i);
        records.push({
          partition,
          offset,
          key: bytes(key),
          value: bytes(value),
          timestamp: null,
          headers: [],
        });
      });
    });
    return { records, position: positionOf(offsets) };
  }
}

function positionOf(offsets: readonly number[]): Position {
  return { 0: offsets[0] ?? 0, 1: offsets[1] ?? 0 };
}
