/** Keeps sinks flowing: one loop each, so that a slow target holds up nobody else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database.ts';
import type { SinkObject } from '../objects.ts';
import { SinkDelivery } from './delivery.ts';

/** A stop waits for the delivery that is under way, but not longer. */
const STOP_MS = 5000;

export class SinkLoops {
  readonly #database: Database;
  readonly #log: (line: string) => void;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(database: Database, log: (line: string) => void) {
    this.#database = database;
    this.#log = log;
  }

  start(): void {
    const { sinks } = this.#database;
    sinks.onCreated = (sink) => this.#begin(sink);
    for (const sink of sinks.list()) this.#begin(sink);
  }

  #begin(sink: SinkObject): void {
    // Those into tables are written by the ticks themselves.
    if (sink.runtime.feed !== null) return;
    const loop = this.#run(sink).finally(() => this.#running.delete(loop));
    sink.runtime.ended = loop;
    this.#running.add(loop);
  }

  /** Delivers what waits, once, as far as targets take it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#database.sinks.onCreated = () => {};
    await Promise.race([Promise.all(this.#running), sleep(STOP_MS, undefined, { ref: false })]);
  }

  async #run(sink: SinkObject): Promise<void> {
    const { signal } = this.#stop;
    await Promise.race([sink.runtime.after, sleep(STOP_MS, undefined, { ref: false })]);
    const delivery = new SinkDelivery(this.#database, sink);
    while (!signal.aborted) {
      const result = await delivery.step();
      if (result === 'dropped') break;
      if (result === 'delivered') continue;
      if (result === 'paused' && sink.runtime.paused !== null) {
        this.#log(`sink "${sink.name}" is paused: ${sink.runtime.paused.reason}`);
      }
      await this.#rest(
        delivery,
        result === 'failed' ? delivery.retryDelay : result === 'paused' ? null : delivery.dueIn,
      );
    }
    if (!sink.runtime.dropped && sink.runtime.paused === null && sink.runtime.attempts === 0) {
      while ((await delivery.step(true)) === 'delivered') {}
    }
    await delivery.close();
  }

  /** Until there is something to do; null: as long as it takes. After a failure only time helps. */
  #rest({ sink }: SinkDelivery, millis: number | null): Promise<void> {
    const { signal } = this.#stop;
    const { paused, outbox } = sink.runtime;
    // Something may have happened since.
    if (signal.aborted || (millis === null && paused === null && !outbox.isEmpty)) return Promise.resolve();
    return new Promise((resolve) => {
      const failing = sink.runtime.attempts > 0 && sink.runtime.paused === null;
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        sink.runtime.wake = () => {};
        resolve();
      };
      const timer = millis === null ? undefined : setTimeout(end, millis);
      signal.addEventListener('abort', end);
      sink.runtime.wake = () => {
        if (!failing || sink.runtime.attempts === 0 || sink.runtime.dropped) end();
      };
    });
  }
}
