/** A database with sinks whose targets are disks in the test's hands; the test says when something is delivered and when all stops. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../../common/assert.ts';
import { fileSinkOver } from '../../../connector/fileSink/sink.ts';
import type { Checkpointer } from '../../../server/checkpoint/checkpointer.ts';
import { recoverDirectory } from '../../../server/checkpoint/recovery.ts';
import type { Database } from '../../../server/database.ts';
import { Journal } from '../../../server/journal.ts';
import type { SinkObject } from '../../../server/objects.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { SinkDelivery } from '../../../server/sinks/delivery.ts';
import { ServerClock } from '../../../server/time/clock.ts';
import { CrashDisk } from '../../connector/fileSink/crashDisk.ts';
import { START } from '../journal/support.ts';
import { generator } from '../time/random.ts';

export class World {
  /** The outer directory. */
  readonly path: string;
  #directory: string;
  #crashes = 0;
  #session: Session | null = null;
  #database: Database | null = null;
  #checkpointer: Checkpointer | null = null;
  #deliveries = new Map<number, SinkDelivery>();
  /** By name of the sink. */
  readonly disks = new Map<string, CrashDisk>();
  /** Applied to every database that is opened, before it recovers. */
  prepare: (database: Database) => void = () => {};
  now = START;
  /** Of what is random in its databases, identities of sinks among it. */
  seed = 1;

  constructor(path: string) {
    this.path = path;
    this.#directory = join(path, 'data');
  }

  /** Where the data of the running one lie. */
  get directory(): string {
    return this.#directory;
  }

  get database(): Database {
    return must(this.#database);
  }

  async open(): Promise<void> {
    const random = generator(this.seed);
    const serverClock = new ServerClock(() => this.now++);
    const database = createDatabase({
      serverClock,
      clock: () => serverClock.now(),
      random: () => random(1 << 30) / (1 << 30),
      randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
    });
    this.prepare(database);
    const options = { now: () => this.now, acceptDataLoss: false, log: () => {} };
    const journal = new Journal(this.#directory, options);
    const { checkpointer } = await recoverDirectory(
      database,
      this.#directory,
      journal,
      ddlRunner(database),
      () => {},
    );
    this.#database = database;
    this.#checkpointer = checkpointer;
    this.#session = localSession(database);
    this.#deliveries = new Map();
  }

  async run(sql: string): Promise<readonly (readonly unknown[])[]> {
    const results = await must(this.#session).run(sql);
    return results.at(-1)?.rows ?? [];
  }

  async checkpoint(): Promise<void> {
    await must(this.#checkpointer).checkpoint();
  }

  sink(name: string): SinkObject {
    return must(this.database.sinks.list().find((s) => s.name === name));
  }

  /** The sink's target; its disk is there from the first time on. */
  disk(name: string): CrashDisk {
    const known = this.disks.get(name) ?? new CrashDisk();
    this.disks.set(name, known);
    return known;
  }

  delivery(name: string): SinkDelivery {
    const sink = this.sink(name);
    let delivery = this.#deliveries.get(sink.id);
    if (delivery === undefined) {
      Object.assign(sink.runtime.shape, { connector: fileSinkOver(this.disk(name)) });
      delivery = new SinkDelivery(this.database, sink);
      this.#deliveries.set(sink.id, delivery);
    }
    return delivery;
  }

  /** Delivers everything that waits. */
  async drain(name: string): Promise<void> {
    for (;;) {
      const result = await this.delivery(name).step(true);
      if (result === 'idle') return;
      if (result !== 'delivered') throw new Error(`${result}: ${this.sink(name).runtime.lastError}`);
    }
  }

  /** The process dies; what comes next opens what it has left. */
  async crash(): Promise<void> {
    const copy = join(this.path, `data${++this.#crashes}`);
    cpSync(this.#directory, copy, { recursive: true });
    await this.close();
    this.#directory = copy;
    await this.open();
  }

  async close(): Promise<void> {
    await this.#checkpointer?.close();
    this.#database?.close();
    this.#database = null;
    this.#checkpointer = null;
  }
}
