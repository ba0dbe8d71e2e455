/**
 * The sinks of a database in its dataflow: attached to their relations, detached with them, and attached again.
 *
 * Everything that a sink is given happens in a tick, so its epochs are versions, and a replay of the journal gives the same
 * changes under the same epochs. Only what no record says (no room) has a record made for its tick.
 */
import { createHash } from 'node:crypto';
import { assert, must } from '../../common/assert.ts';
import type { Row } from '../../common/value.ts';
import type { Batch } from '../../executor/batch.ts';
import { emitRows } from '../../executor/batchBuilder.ts';
import { Guard, pickColumns } from '../../executor/dataflow.ts';
import { RelationStore } from '../../storage/state/relationStore.ts';
import { type Database, scannable } from '../database.ts';
import type { MaterializedViewObject, SinkObject } from '../objects.ts';
import { difference } from './difference.ts';
import { type OutboxLimits, outboxLimits } from './outbox.ts';
import { heldRows, SinkRuntime, type SinkShape } from './runtime.ts';
import type { Spill } from './spill.ts';
import type { TableFeed } from './tableFeed.ts';
import { TableFeeding } from './tableFeeding.ts';

export class Sinks {
  readonly #database: Database;
  /** Where backlogs go that memory has no room for; null: nowhere. */
  spill: Spill | null = null;
  limits: OutboxLimits = outboxLimits;
  /** While a checkpoint is put back: sinks are attached without being given anything. */
  quiet = false;
  /** Called for every sink that comes to life. */
  onCreated: (sink: SinkObject) => void = () => {};
  readonly #taken = new Set<SinkRuntime>();
  /** Sinks into tables. */
  readonly feeding: TableFeeding;

  constructor(database: Database) {
    this.#database = database;
    this.feeding = new TableFeeding(database);
  }

  list(): readonly SinkObject[] {
    return this.#database.catalog.objects().flatMap((o) => (o.kind === 'sink' ? [o] : []));
  }

  /** The sinks whose changes are those of this relation. */
  over(relation: number): readonly SinkObject[] {
    return this.list().filter((sink) => sink.relation === relation);
  }

  /** What a sink is called at its target, for ever. */
  identity(id: number): string {
    return createHash('sha256')
      .update(this.#database.random.secret)
      .update(`/sink/${id}`)
      .digest('hex')
      .slice(0, 24);
  }

  newRuntime(shape: SinkShape, positions: readonly number[], feed: TableFeed | null = null): SinkRuntime {
    const database = this.#database;
    return new SinkRuntime(shape, positions, {
      spill: this.spill,
      limits: this.limits,
      tick: () => ({ epoch: database.version + 1n, at: database.watermarks.now() }),
      taken: (sink) => this.#taken.add(sink),
      feed,
    });
  }

  // Attached and detached

  /** From now on the relation's changes go to the sink. */
  connect(sink: SinkObject): void {
    const { runtime } = sink;
    const database = this.#database;
    const relation = scannable(database.catalog, sink.relation);
    assert(runtime.node === null, 'a sink is attached once');
    const node = database.dataflow.add(runtime.operator, `Sink ${sink.name}`, [relation.node]);
    node.guard = new Guard((error) => {
      runtime.pause(
        `internal error: ${error instanceof Error ? error.message : String(error)}; drop the sink and create it again`,
        database.watermarks.now(),
      );
    });
    relation.node.connect(node, 0, runtime.positions);
    runtime.node = node;
    runtime.detached = null;
  }

  /** The sink is dropped: what its target does not have yet goes. */
  remove(sink: SinkObject): void {
    const { runtime } = sink;
    this.disconnect(sink);
    runtime.dropped = true;
    runtime.outbox.clear();
    this.#taken.delete(runtime);
    if (runtime.feed !== null) this.#database.rowErrors.dropRelation(sink.id);
    runtime.wake();
  }

  /** Takes the sink out of the dataflow. */
  disconnect({ runtime }: SinkObject): void {
    if (runtime.node === null) return;
    this.#database.removeNodes(new Set([runtime.node]));
    runtime.node = null;
  }

  /** The view is about to be taken out of the dataflow: its sinks keep the rows that they have given. */
  detachOver(view: MaterializedViewObject, reason: string): void {
    const { store } = view;
    const sinks = this.over(view.id).filter(({ runtime }) => runtime.node !== null);
    if (sinks.length > 0) store.rollback();
    for (const sink of sinks) {
      this.disconnect(sink);
      sink.runtime.detached = { why: 'view', reason, held: { store, positions: sink.runtime.positions } };
    }
  }

  areWaiting(view: MaterializedViewObject): boolean {
    return this.over(view.id).some(({ runtime }) => runtime.detached?.why === 'view');
  }

  /** The view is back: its sinks are given the difference, as one tick. */
  attachOver(view: MaterializedViewObject): void {
    const sinks = this.over(view.id);
    if (sinks.length === 0) return;
    const deltas = sinks
      .filter(({ runtime }) => runtime.detached?.why === 'view')
      .map((sink) => this.#attach(sink));
    if (!this.quiet) {
      this.#database.runTick(() => {
        for (const give of deltas) give();
      });
    }
  }

  /** Attaches a sink; the result gives it the difference, within a tick. */
  #attach(sink: SinkObject): () => void {
    const { runtime } = sink;
    const held = runtime.detached?.held ?? null;
    this.connect(sink);
    if (this.quiet) return () => {};
    const delta = difference(heldRows(held), this.rowsNow(sink), runtime.types);
    return () => this.#give(sink, delta);
  }

  /** The rows that the relation has are those of `store`. */
  hasGiven(sink: SinkObject, store: RelationStore): boolean {
    const { runtime } = sink;
    const before = heldRows({ store, positions: runtime.positions });
    return difference(before, this.rowsNow(sink), runtime.types).length === 0;
  }

  /** The rows that the relation has, as the sink's columns. Only of stored relations. */
  *rowsNow({ relation, runtime }: SinkObject): Generator<Row> {
    const object = scannable(this.#database.catalog, relation);
    assert(object.kind !== 'source', 'the rows of a source are not kept');
    for (const row of object.store.rows()) yield runtime.positions.map((p) => row[p] ?? null);
  }

  #give(sink: SinkObject, delta: readonly (readonly [Row, number])[]): void {
    const { runtime } = sink;
    let given = delta;
    if (runtime.shape.mode === 'rows' && delta.some(([, weight]) => weight < 0)) {
      given = delta.filter(([, weight]) => weight > 0);
      runtime.pause(
        'rows that were delivered are gone from its relation, and an append-only sink cannot take them back; RESUME goes on without that',
        this.#database.watermarks.now(),
      );
    }
    const node = must(runtime.node);
    emitRows(runtime.types, given, (batch) => this.#database.dataflow.push(node, 0, batch));
  }

  /** Gives a new sink what its relation holds, as one tick. */
  giveAll(sink: SinkObject): void {
    const database = this.#database;
    const { runtime } = sink;
    const relation = scannable(database.catalog, sink.relation);
    database.runTick(() => {
      database.backfillRows(relation, (batch: Batch) =>
        runtime.operator.takeRows(pickColumns(batch, runtime.positions)),
      );
      runtime.operator.handOver();
    });
  }

  /** The relation's columns lie elsewhere now. Its edges have been moved. */
  moved(relation: number, positions: readonly (number | null)[]): void {
    for (const { runtime } of this.over(relation)) {
      runtime.positions = runtime.positions.map((p) =>
        must(positions[p] ?? null, 'a sink keeps its columns'),
      );
    }
  }

  // Room

  /** After a tick: wakes deliveries, detaches the sinks whose backlog has no room, and writes into tables. */
  afterTick(): void {
    if (this.#taken.size === 0) return;
    const taken = [...this.#taken];
    this.#taken.clear();
    const feeding = taken.filter(({ feed }) => feed !== null);
    for (const runtime of taken) {
      if (runtime.feed !== null) continue;
      runtime.waitingSince ??= this.#database.environment.serverClock.system();
      // A restart makes what has been delivered too, and finds out only afterwards.
      if (runtime.outbox.isOver && this.#database.recovery === null) {
        const sink = this.list().find((s) => s.runtime === runtime);
        if (sink !== undefined) this.#runOut(sink);
      }
      runtime.wake();
    }
    if (feeding.length > 0) this.feeding.write(feeding);
  }

  /** The backlog stays as it is; what comes from now on is given as a difference when it has been delivered. */
  #runOut(sink: SinkObject): void {
    const { runtime } = sink;
    const relation = scannable(this.#database.catalog, sink.relation);
    if (runtime.node === null || relation.kind === 'source') return;
    const { isOverDisk, spillFailure } = runtime.outbox;
    const cause = isOverDisk
      ? 'its backlog has outgrown sink_backlog_limit'
      : spillFailure === null
        ? 'its backlog has outgrown memory, and this server has no data directory to keep it in'
        : 'its backlog has outgrown memory, and the disk takes no more of it';
    const store = new RelationStore(relation.store.types, relation.store.key, relation.store.appendOnly);
    relation.store.scan((batch) => store.apply(batch));
    store.commit(null);
    this.disconnect(sink);
    const reason = `${cause}: changes are given as a difference when it has been delivered`;
    runtime.detached = { why: 'room', reason, held: { store, positions: runtime.positions } };
  }

  /** Attaches a sink that had run out of room and has delivered. Only inside `exclusive`. */
  attachDrained(sink: SinkObject): void {
    const { runtime } = sink;
    if (runtime.detached?.why !== 'room' || !runtime.outbox.isDrained) return;
    this.#database.journal?.noteAttach(sink.id, this.#database.beginTick());
    this.attachAgain(sink.id);
  }

  /**
   * The same in a restart. A sink that the checkpoint has detached is given the difference that it was given; one that it has not has
   * been given every change by itself, and needs none. The tick is there in either case.
   */
  attachAgain(id: number): void {
    const { catalog } = this.#database;
    const sink = catalog.byId(id);
    let give = (): void => {};
    if (sink?.kind === 'sink' && sink.runtime.detached?.why === 'room') {
      const { runtime } = sink;
      const relation = catalog.byId(sink.relation);
      const isPaused = relation?.kind === 'materialized view' && relation.paused !== null;
      if (isPaused) runtime.detached = { ...sink.runtime.detached, why: 'view' };
      else give = this.#attach(sink);
    }
    this.#database.runTick(give);
  }
}
