/** A broker in memory with its source connector, and databases that read from it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Position } from '../../../connector/connector.ts';
import type {
  PartitionProgress,
  RemoteConnector,
  RemoteFetch,
  RemoteReader,
  RemoteRecord,
} from '../../../connector/remote.ts';
import type { Checkpointer } from '../../../server/checkpoint/checkpointer.ts';
import { recoverDirectory } from '../../../server/checkpoint/recovery.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { ServerClock } from '../../../server/time/clock.ts';
import { START } from '../journal/support.ts';
import { generator } from '../time/random.ts';

export interface Message {
  readonly value: string | null;
  readonly key?: string | null;
  readonly partition?: number;
  readonly headers?: RemoteRecord['headers'];
}

const bytes = (text: string | null | undefined): Uint8Array | null =>
  text === null || text === undefined ? null : new Uint8Array(Buffer.from(text, 'utf8'));

/** Topics of two partitions. */
export class Broker {
  readonly #topics = new Map<string, RemoteRecord[][]>();
  #waiting: (() => void)[] = [];
  /** Why it cannot be reached; null: it can. */
  down: SqlError | null = null;
  /** Readers that are open, and how often one was opened. */
  open = 0;
  opened = 0;
  checks = 0;
  acknowledged: Position | null = null;
  /** Why it takes connections and then gives nothing; null: it gives. */
  failing: SqlError | null = null;
  /** Messages that a fetch was to give at most, by fetch. */
  readonly asked: number[] = [];
  /** Messages of one fetch at most. */
  most = Number.POSITIVE_INFINITY;

  #topic(name: string): RemoteRecord[][] {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = [[], []];
      this.#topics.set(name, topic);
    }
    return topic;
  }

  create(name: string): void {
    this.#topic(name);
  }

  send(name: string, messages: readonly Message[]): void {
    const topic = this.#topic(name);
    for (const { value, key, partition = 0, headers = [] } of messages) {
      const records = topic[partition] ?? [];
      records.push({
        partition: String(partition),
        offset: String(records.length),
        key: bytes(key),
        value: bytes(value),
        timestamp: START + BigInt(records.length) * 1000n,
        headers,
      });
    }
    this.wake();
  }

  /** One JSON object a message. */
  json(name: string, rows: readonly object[], partition = 0): void {
    this.send(
      name,
      rows.map((row) => ({ value: JSON.stringify(row), partition })),
    );
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  stop(error = new SqlError('08006', 'the broker has gone')): void {
    this.down = error;
    this.wake();
  }

  start(): void {
    this.down = null;
    this.wake();
  }

  readonly connector: RemoteConnector = {
    name: 'memory',
    doc: 'A broker in memory.',
    options: [
      { name: 'topic', type: 'string', required: true, doc: 'The topic.' },
      { name: 'group', type: 'string', alterable: true, doc: 'Nothing.' },
    ],
    formats: ['PLAIN JSON', 'UPSERT JSON', 'DEBEZIUM JSON', 'PLAIN BYTES'],
    include: [
      { name: 'key', type: types.bytea, doc: '' },
      { name: 'timestamp', type: types.timestamptz, doc: '' },
      { name: 'partition', type: types.varchar, doc: '' },
      { name: 'offset', type: types.varchar, doc: '' },
      { name: 'header', type: types.bytea, doc: '' },
      { name: 'payload', type: types.jsonb, doc: '' },
    ],
    check: async ({ options }) => {
      this.checks++;
      if (this.down !== null) throw new SqlError('08001', 'the broker cannot be reached');
      if (!this.#topics.has(options.get('topic') ?? '')) throw new SqlError('42704', 'topic does not exist');
      return { partitions: ['0', '1'] };
    },
    open: async ({ options }, from) => {
      if (this.down !== null) throw new SqlError('08001', 'the broker cannot be reached');
      this.open++;
      this.opened++;
      return this.#reader(options.get('topic') ?? '', from);
    },
  };

  #reader(name: string, from: Position | null): RemoteReader {
    const offsets = [Number(from?.['0'] ?? 0), Number(from?.['1'] ?? 0)];
    const topic = this.#topic(name);
    const take = (maxRecords: number): RemoteFetch => {
      const records: RemoteRecord[] = [];
      topic.forEach((partition, p) => {
        const at = offsets[p] ?? 0;
        const some = partition.slice(at, at + Math.min(maxRecords, this.most) - records.length);
        offsets[p] = at + some.length;
        records.push(...some);
      });
      return { records, position: { 0: offsets[0] ?? 0, 1: offsets[1] ?? 0 } };
    };
    return {
      fetch: async (maxRecords, signal) => {
        this.asked.push(maxRecords);
        for (;;) {
          if (this.down !== null) throw this.down;
          if (this.failing !== null) throw this.failing;
          if (signal.aborted || topic.some((partition, p) => partition.length > (offsets[p] ?? 0)))
            return take(maxRecords);
          await new Promise<void>((resolve) => {
            this.#waiting.push(resolve);
            signal.addEventListener('abort', () => resolve());
          });
        }
      },
      acknowledge: async (position) => {
        this.acknowledged = position;
      },
      progress: (): readonly PartitionProgress[] =>
        topic.map((partition, p) => ({
          partition: String(p),
          offset: String(offsets[p]),
          end: String(partition.length),
          lag: BigInt(partition.length - (offsets[p] ?? 0)),
          note: null,
        })),
      close: async () => {
        this.open--;
      },
    };
  }
}

export interface OpenedRemote {
  readonly database: Database;
  readonly journal: Journal | null;
  readonly session: Session;
  /** Null: nothing is kept. */
  readonly checkpointer: Checkpointer | null;
}

const plain = plainContext(() => 0n);

/** A database over the broker; `directory` null: without a journal. */
export async function openRemote(
  broker: Broker,
  directory: string | null,
  now: () => bigint = () => START,
): Promise<OpenedRemote> {
  const random = generator(1);
  const serverClock = new ServerClock(now);
  const database = createDatabase({
    serverClock,
    clock: () => serverClock.now(),
    random: () => random(1 << 30) / (1 << 30),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
    remote: { connectors: [broker.connector], threaded: false },
  });
  let journal: Journal | null = null;
  let checkpointer: Checkpointer | null = null;
  if (directory !== null) {
    journal = new Journal(directory, { now, acceptDataLoss: false, log: () => {} });
    ({ checkpointer } = await recoverDirectory(database, directory, journal, ddlRunner(database), () => {}));
  }
  return { database, journal, session: localSession(database), checkpointer };
}

/** Rows of the last statement, as text. */
export async function rowsOf({ session }: OpenedRemote, sql: string): Promise<readonly string[]> {
  const results = await session.run(sql);
  const last = results[results.length - 1];
  return (last?.rows ?? []).map((row) =>
    row
      .map((value, c) => {
        const type = last?.columns?.[c]?.type ?? types.text;
        return value === null ? 'NULL' : formatValue(value, type, plain);
      })
      .join(' | '),
  );
}

/** Ends it. */
export async function closeRemote({ database, checkpointer }: OpenedRemote): Promise<void> {
  await database.remote.close();
  await checkpointer?.close();
  database.close();
}

/** Takes what comes until nothing does for some turns. */
export async function settle({ database }: OpenedRemote): Promise<void> {
  for (let quiet = 0; quiet < 5; ) {
    quiet = (await database.pollSources()) ? 0 : quiet + 1;
    database.acknowledgeSources();
    await nextTurn();
  }
}
