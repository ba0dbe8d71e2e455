/**
 * Where readers of remote sources run, as the main thread sees it: one worker for all of them, begun with the first. A worker
 * that dies takes its feeds with it; their sources say so and are tried again, in a new one. Connectors that read in the main
 * thread, and tests, have the same feeds without a thread.
 */
import { Worker } from 'node:worker_threads';
import { unreachable } from '../../common/assert.ts';
import type { Position } from '../../connector/connector.ts';
import type { PartitionProgress, RemoteConnector } from '../../connector/remote.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import { Feeds } from './feed.ts';
import type { ErrorFields, FeedAnswer, FeedBlock, FeedRequest, FeedSetup } from './protocol.ts';

/** What a server's remote sources are made of; tests have their own. */
export interface RemoteEnvironment {
  readonly connectors: readonly RemoteConnector[];
  /** Readers run in a thread of their own, where the connectors are those of connector/remotes.ts. */
  readonly threaded: boolean;
  /** A module with other `remoteConnectors`, which the thread loads. */
  readonly module?: string;
}

export const realRemotes: RemoteEnvironment = { connectors: remoteConnectors, threaded: true };

/** Who wants to know what comes of a feed. */
export interface FeedListener {
  opened(): void;
  block(block: FeedBlock): void;
  progress(partitions: readonly PartitionProgress[]): void;
  failed(error: ErrorFields): void;
}

/** An opened feed. */
export interface FeedHandle {
  taken(bytes: number): void;
  pace(records: number): void;
  columns(layout: number, decoding: Pick<FeedSetup, 'message' | 'include'>): void;
  acknowledge(position: Position): void;
  /** Resolves when its reader is closed, or gone with its thread. */
  close(): Promise<void>;
}

/** How long readers have to say goodbye. */
const CLOSE_MS = 5000;

/** What a request means to the feeds of a thread. */
export function carryOut(feeds: Feeds, request: FeedRequest): void {
  switch (request.kind) {
    case 'open':
      feeds.open(request.feed, request.setup);
      return;
    case 'taken':
      feeds.find(request.feed)?.taken(request.bytes);
      return;
    case 'pace':
      feeds.find(request.feed)?.pace(request.records);
      return;
    case 'columns':
      feeds.find(request.feed)?.changeColumns(request);
      return;
    case 'acknowledge':
      feeds.find(request.feed)?.acknowledge(request.position);
      return;
    case 'close':
      feeds.find(request.feed)?.close();
      return;
    default:
      unreachable(request);
  }
}

/** A thread, or what stands for it. */
interface Place {
  post(request: FeedRequest): void;
  /** No feed is open in it: it does not keep the process alive. */
  idle(isIdle: boolean): void;
  end(): Promise<void>;
}

function workerPlace(
  module: string | null,
  answered: (answer: FeedAnswer) => void,
  died: (why: string) => void,
): Place {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { module } });
  let why = 'it has ended';
  worker.on('message', answered);
  worker.on('error', (error) => {
    why = String(error);
  });
  worker.on('exit', () => died(why));
  worker.unref();
  return {
    post: (request) => worker.postMessage(request),
    idle: (isIdle) => (isIdle ? worker.unref() : worker.ref()),
    end: async () => {
      await worker.terminate();
    },
  };
}

function ownPlace(
  connectors: readonly RemoteConnector[],
  now: () => bigint,
  answered: (answer: FeedAnswer) => void,
): Place {
  const feeds = new Feeds(connectors, now, answered);
  return { post: (request) => carryOut(feeds, request), idle: () => {}, end: () => feeds.closeAll() };
}

export class RemoteHost {
  readonly #environment: RemoteEnvironment;
  readonly #now: () => bigint;
  readonly #listeners = new Map<
    number,
    { readonly place: 'worker' | 'main'; readonly listener: FeedListener }
  >();
  /** Feeds that have not said goodbye. */
  readonly #open = new Set<number>();
  /** Feeds that were told to close. */
  readonly #ending = new Map<number, { readonly place: 'worker' | 'main'; readonly done: () => void }>();
  #worker: Place | null = null;
  #main: Place | null = null;
  #last = 0;
  #closing: (() => void) | null = null;

  constructor(environment: RemoteEnvironment, now: () => bigint) {
    this.#environment = environment;
    this.#now = now;
  }

  get connectors(): readonly RemoteConnector[] {
    return this.#environment.connectors;
  }

  open(connector: RemoteConnector, setup: FeedSetup, listener: FeedListener): FeedHandle {
    const feed = ++this.#last;
    const where = connector.thread === 'main' || !this.#environment.threaded ? 'main' : 'worker';
    this.#listeners.set(feed, { place: where, listener });
    this.#open.add(feed);
    const place = where === 'main' ? this.#mainPlace() : this.#workerPlace();
    place.idle(false);
    place.post({ kind: 'open', feed, setup });
    return {
      taken: (bytes) => place.post({ kind: 'taken', feed, bytes }),
      pace: (records) => place.post({ kind: 'pace', feed, records }),
      columns: (layout, { message, include }) =>
        place.post({ kind: 'columns', feed, layout, message, include }),
      acknowledge: (position) => place.post({ kind: 'acknowledge', feed, position }),
      close: () => {
        this.#listeners.delete(feed);
        place.post({ kind: 'close', feed });
        if (!this.#open.has(feed)) return Promise.resolve();
        return new Promise((done) => this.#ending.set(feed, { place: where, done }));
      },
    };
  }

  #mainPlace(): Place {
    this.#main ??= ownPlace(this.#environment.connectors, this.#now, (answer) => this.#answered(answer));
    return this.#main;
  }

  #workerPlace(): Place {
    if (this.#worker !== null) return this.#worker;
    const place = workerPlace(
      this.#environment.module ?? null,
      (answer) => this.#answered(answer),
      (why) => {
        if (this.#worker === place) this.#died(why);
      },
    );
    this.#worker = place;
    return place;
  }

  #answered(answer: FeedAnswer): void {
    const { feed } = answer;
    const listener = this.#listeners.get(feed)?.listener ?? null;
    switch (answer.kind) {
      case 'opened':
        listener?.opened();
        return;
      case 'block':
        listener?.block(answer.block);
        return;
      case 'progress':
        listener?.progress(answer.partitions);
        return;
      case 'failed':
        listener?.failed(answer.error);
        return;
      case 'closed':
        this.#open.delete(feed);
        this.#listeners.delete(feed);
        this.#ended(feed);
        if (this.#open.size > 0) return;
        this.#worker?.idle(true);
        this.#closing?.();
        return;
      default:
        unreachable(answer);
    }
  }

  #ended(feed: number): void {
    this.#ending.get(feed)?.done();
    this.#ending.delete(feed);
  }

  #died(why: string): void {
    this.#worker = null;
    for (const [feed, { place }] of [...this.#ending]) {
      if (place !== 'worker') continue;
      this.#open.delete(feed);
      this.#ended(feed);
    }
    for (const [feed, { place, listener }] of [...this.#listeners]) {
      if (place !== 'worker') continue;
      this.#listeners.delete(feed);
      this.#open.delete(feed);
      listener.failed({ state: '58030', message: `the thread that reads remote sources failed: ${why}` });
    }
    if (this.#open.size === 0) this.#closing?.();
  }

  /** Every reader says goodbye; those that do not within some seconds are cut off. */
  async close(): Promise<void> {
    for (const [feed, { place }] of [...this.#listeners]) {
      (place === 'main' ? this.#main : this.#worker)?.post({ kind: 'close', feed });
    }
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_MS);
        this.#closing = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await this.end();
  }

  /** At once: what is open is cut off. */
  async end(): Promise<void> {
    const [worker, main] = [this.#worker, this.#main];
    this.#worker = null;
    this.#main = null;
    this.#listeners.clear();
    this.#open.clear();
    for (const feed of [...this.#ending.keys()]) this.#ended(feed);
    await Promise.all([worker?.end(), main?.end()]);
  }
}
