/**
 * What a server's loops do - deliver to sinks, ask for what is looked up, acknowledge what sources have brought - a step at a time,
 * begun when the driver says so. What is under way goes on by itself.
 */
import type { Database } from '../../server/database.ts';
import { LookupAsking } from '../../server/lookup/asking.ts';
import type { LookupRuntime } from '../../server/lookup/runtime.ts';
import type { SinkObject } from '../../server/objects.ts';
import { SinkDelivery } from '../../server/sinks/delivery.ts';
import type { SinkRuntime } from '../../server/sinks/runtime.ts';
import type { Random } from './views.ts';

/** Askers of one lookup table. */
const ASKERS = 2;

interface Stepper {
  readonly step: () => Promise<string>;
  readonly close: () => Promise<void>;
  running: boolean;
  ended: boolean;
}

export class Loops {
  readonly #database: Database;
  readonly #random: Random;
  readonly #sinks = new Map<SinkRuntime, Stepper>();
  readonly #askers = new Map<LookupRuntime, readonly Stepper[]>();
  readonly #failed: (error: unknown) => void;
  /** Steps that are under way. */
  pending = 0;
  delivered = 0;
  answered = 0;

  constructor(database: Database, random: Random, failed: (error: unknown) => void) {
    this.#database = database;
    this.#random = random;
    this.#failed = failed;
    // What views wait for since before the start.
    database.lookups.collect();
  }

  #deliveryOf(sink: SinkObject): Stepper {
    const known = this.#sinks.get(sink.runtime);
    if (known !== undefined) return known;
    const delivery = new SinkDelivery(this.#database, sink);
    const made = stepper(
      () => delivery.step(this.#random(4) === 0),
      () => delivery.close(),
    );
    this.#sinks.set(sink.runtime, made);
    return made;
  }

  #askersOf(runtime: LookupRuntime): readonly Stepper[] {
    const known = this.#askers.get(runtime);
    if (known !== undefined) return known;
    const made = Array.from({ length: ASKERS }, () => {
      const asking = new LookupAsking(this.#database, runtime);
      return stepper(
        () => asking.step(),
        () => asking.close(),
      );
    });
    this.#askers.set(runtime, made);
    return made;
  }

  /** Begins some steps; `often`: about one in so many. */
  turn(often: number): void {
    const { sinks, lookups } = this.#database;
    if (this.#random(often) === 0) this.#database.acknowledgeSources();
    for (const sink of sinks.list()) {
      if (sink.runtime.feed === null && this.#random(often) === 0) this.#begin(this.#deliveryOf(sink));
    }
    for (const runtime of lookups.list()) {
      for (const asker of this.#askersOf(runtime)) if (this.#random(often) === 0) this.#begin(asker);
    }
  }

  #begin(stepper: Stepper): void {
    if (stepper.running || stepper.ended) return;
    stepper.running = true;
    this.pending++;
    stepper
      .step()
      .then((result) => {
        if (result === 'dropped') stepper.ended = true;
        if (result === 'delivered') this.delivered++;
        if (result === 'answered') this.answered++;
      }, this.#failed)
      .finally(() => {
        stepper.running = false;
        this.pending--;
      });
  }

  async close(): Promise<void> {
    for (const { close } of [...this.#sinks.values(), ...[...this.#askers.values()].flat()]) await close();
  }
}

function stepper(step: () => Promise<string>, close: () => Promise<void>): Stepper {
  return { step, close, running: false, ended: false };
}
