/**
 * A sink as it runs: where it stands in the dataflow, its outbox, and what is known of its target.
 *
 * The changes of a tick go to the outbox under the version that the tick makes. A sink is detached while its relation is not kept
 * up to date (a paused view), or while there is no room for its backlog; then `held` has the rows that it has given, and when it
 * is attached again it gives the difference.
 */
import type { Column, DataType } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type { SinkChange, SinkConnector, SinkFormat } from '../../connector/sink.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import { type SinkMode, SinkOperator } from '../../executor/operators/sink.ts';
import type { Persistent, StateReader, StateWriter } from '../../storage/state/persist.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import type { Paused } from '../objects.ts';
import { Outbox, type OutboxLimits } from './outbox.ts';
import type { Spill } from './spill.ts';
import type { TableFeed } from './tableFeed.ts';
import type { Verdict } from './verdict.ts';

/** What the statement says of a sink. */
export interface SinkShape {
  readonly id: number;
  readonly connector: SinkConnector;
  readonly options: ReadonlyMap<string, string>;
  readonly format: SinkFormat;
  readonly encode: string;
  readonly encodeOptions: ReadonlyMap<string, string>;
  readonly columns: readonly Column[];
  /** Positions in `columns`; null: rows have no key. */
  readonly key: readonly number[] | null;
  readonly mode: SinkMode;
}

/** Rows that were given, of these columns of a store. */
export interface Held {
  readonly store: RelationStore;
  readonly positions: readonly number[];
}

export interface Detached {
  readonly why: 'view' | 'room';
  readonly reason: string;
  /** Null: none. */
  readonly held: Held | null;
}

interface SavedRuntime {
  readonly delivered: bigint | null;
  readonly deliveredRows: number;
  /** Of a sink into a table; absent in old checkpoints. */
  readonly rowIds?: bigint;
  readonly deliveredBytes?: number;
  readonly deliveredAt?: bigint | null;
  readonly paused: Paused | null;
  /** Absent in old checkpoints. */
  readonly verdict?: Verdict | null;
  readonly detached: {
    readonly why: Detached['why'];
    readonly reason: string;
    readonly held: {
      readonly types: readonly DataType[];
      readonly key: readonly number[] | null;
      readonly appendOnly: boolean;
      readonly positions: readonly number[];
    } | null;
  } | null;
}

export class SinkRuntime implements Persistent {
  /** Its options may be replaced. */
  shape: SinkShape;
  /** What it writes into a table of this database; null: its target is elsewhere. */
  readonly feed: TableFeed | null;
  readonly outbox: Outbox;
  readonly operator: SinkOperator;
  /** Where the columns lie in the relation. */
  positions: readonly number[];
  /** Null: detached. */
  node: DataflowNode | null = null;
  detached: Detached | null = null;
  paused: Paused | null = null;
  /** The last epoch that the target is known to have. */
  delivered: bigint | null = null;
  deliveredRows = 0;
  /** An estimate of what these changes take in memory. */
  deliveredBytes = 0;
  /** When something was delivered last; microseconds of the system's clock. */
  deliveredAt: bigint | null = null;
  /** Changes a second that are delivered at most; null: no limit. */
  rateLimit: number | null = null;
  /** Its options have changed: it is to be opened again. */
  reopen = false;
  /** Deliveries in a row that failed. */
  attempts = 0;
  lastError: string | null = null;
  /** When the target was found to have something; microseconds of the system's clock. */
  waitingSince: bigint | null = null;
  /** Of a target that cannot be right; null: nothing is wrong. */
  verdict: Verdict | null = null;
  dropped = false;
  /** Settles when nothing of it is under way any more. */
  ended: Promise<void> = Promise.resolve();
  /** Of a sink that has replaced another: delivery begins when nothing of that one is under way, or after a while. */
  after: Promise<void> = Promise.resolve();
  /** Called when there is something to be done. */
  wake: () => void = () => {};

  /** `epoch` and `now` are asked when a tick has changes: its version and its time. */
  constructor(
    shape: SinkShape,
    positions: readonly number[],
    place: {
      readonly spill: Spill | null;
      readonly limits: OutboxLimits;
      readonly tick: () => { readonly epoch: bigint; readonly at: bigint };
      readonly taken: (sink: SinkRuntime) => void;
      readonly feed: TableFeed | null;
    },
  ) {
    this.feed = place.feed;
    this.shape = shape;
    this.positions = positions;
    const { columns, key, mode, id } = shape;
    const types = columns.map((c) => c.type);
    this.outbox = new Outbox(`sink-${id}`, types, place.spill, place.limits);
    this.operator = new SinkOperator(columns, key, mode, (changes: readonly SinkChange[]) => {
      const { epoch, at } = place.tick();
      this.outbox.add(epoch, at, changes);
      place.taken(this);
    });
  }

  get types(): readonly DataType[] {
    return this.shape.columns.map((c) => c.type);
  }

  /** running, retrying, paused, or waiting for its view or for room. */
  get state(): string {
    if (this.paused !== null) return 'paused';
    if (this.detached !== null) return 'waiting';
    return this.attempts > 0 ? 'retrying' : 'running';
  }

  get reason(): string | null {
    return this.paused?.reason ?? this.detached?.reason ?? null;
  }

  pause(reason: string, at: bigint): void {
    this.paused = { reason, at };
  }

  /** Other options; the target is opened again with them. */
  reconfigure(options: ReadonlyMap<string, string>, encodeOptions = this.shape.encodeOptions): void {
    this.shape = { ...this.shape, options, encodeOptions };
    this.reopen = true;
    this.attempts = 0;
    this.wake();
  }

  resume(): void {
    this.paused = null;
    this.attempts = 0;
    this.wake();
  }

  save(out: StateWriter): void {
    const held = this.detached?.held ?? null;
    const saved: SavedRuntime = {
      delivered: this.delivered,
      deliveredRows: this.deliveredRows,
      rowIds: this.feed?.rowIds ?? 0n,
      deliveredBytes: this.deliveredBytes,
      deliveredAt: this.deliveredAt,
      paused: this.paused,
      verdict: this.verdict,
      detached: this.detached && {
        why: this.detached.why,
        reason: this.detached.reason,
        held: held && {
          types: held.store.types,
          key: held.store.key,
          appendOnly: held.store.appendOnly,
          positions: held.positions,
        },
      },
    };
    out.value(saved);
    this.outbox.save(out);
    held?.store.save(out);
  }

  restore(from: StateReader): void {
    const saved = from.value() as SavedRuntime;
    this.delivered = saved.delivered;
    this.deliveredRows = saved.deliveredRows;
    this.deliveredBytes = saved.deliveredBytes ?? 0;
    this.deliveredAt = saved.deliveredAt ?? null;
    if (this.feed !== null) this.feed.rowIds = saved.rowIds ?? 0n;
    this.paused = saved.paused;
    this.verdict = saved.verdict ?? null;
    this.outbox.restore(from);
    this.detached = null;
    if (saved.detached === null) return;
    const { why, reason, held } = saved.detached;
    let restored: Held | null = null;
    if (held !== null) {
      const store = new RelationStore(held.types, held.key, held.appendOnly);
      store.restore(from);
      restored = { store, positions: held.positions };
    }
    this.detached = { why, reason, held: restored };
  }
}

/** The rows that are held, as the sink's columns. */
export function* heldRows(held: Held | null): Generator<Row> {
  if (held === null) return;
  for (const row of held.store.rows()) yield held.positions.map((p) => row[p] ?? null);
}
