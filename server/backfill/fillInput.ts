/**
 * One input of a view that is being filled: its rows, part by part, and meanwhile the changes of those that have been read, all
 * of which go to the input's gate (viewFill.ts).
 *
 * A stored relation is read slot by slot (RelationStore.follow). A source is read again from its start by a reader of its own;
 * its live rows are left out until that reader has come to the live position, which is in one of the fill's own sections: the
 * gate is connected there and then, so that no row is missed or comes twice.
 */
import type { Batch } from '../../executor/batch.ts';
import { emitEachRow } from '../../executor/batchBuilder.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import type { Follower, RelationStore } from '../../storage/state/relationStore.ts';
import { columnTypes, type Database } from '../database.ts';
import type { MaterializedViewObject, SourceObject, TableObject } from '../objects.ts';
import { ReplayFilter, type ReplayFrom } from './replayFrom.ts';

export interface FillInput {
  readonly object: TableObject | MaterializedViewObject | SourceObject;
  readonly gate: DataflowNode;
  /** Everything that is there has been read; its changes follow. */
  readonly complete: boolean;
  /** Reads the next part and gives the number of its rows. Between ticks. */
  read(): number;
  /** The object is another one by now, or its rows are elsewhere: what was read is void. */
  isStale(): boolean;
  /** Nothing more goes to the gate. */
  stop(): void;
}

export function fillInput(
  database: Database,
  object: TableObject | MaterializedViewObject | SourceObject,
  gate: DataflowNode,
  from: ReplayFrom | null,
): FillInput {
  return object.kind === 'source'
    ? new SourceInput(database, object, gate, from)
    : new StoredInput(database, object, gate);
}

class StoredInput implements FillInput {
  readonly object: TableObject | MaterializedViewObject;
  readonly gate: DataflowNode;
  readonly #database: Database;
  readonly #store: RelationStore;
  readonly #follower: Follower;
  #rows = 0;

  constructor(database: Database, object: TableObject | MaterializedViewObject, gate: DataflowNode) {
    this.#database = database;
    this.object = object;
    this.gate = gate;
    this.#store = object.store;
    this.#follower = object.store.follow((batch) => {
      this.#rows += batch.length;
      gate.emit(batch);
    });
  }

  get complete(): boolean {
    return this.#follower.below === Number.POSITIVE_INFINITY;
  }

  read(): number {
    this.#rows = 0;
    this.#store.readOn(this.#follower, this.#database.jobs.partRows);
    this.#database.memory?.relieve();
    return this.#rows;
  }

  isStale(): boolean {
    const now = this.#database.catalog.byId(this.object.id);
    return now !== this.object || this.object.store !== this.#store;
  }

  stop(): void {
    this.#store.unfollow(this.#follower);
  }
}

class SourceInput implements FillInput {
  readonly object: SourceObject;
  readonly gate: DataflowNode;
  readonly #database: Database;
  readonly #filter: ReplayFilter;
  readonly #parts: Generator<number>;
  complete = false;
  #atEnd = false;

  constructor(database: Database, object: SourceObject, gate: DataflowNode, from: ReplayFrom | null) {
    this.#database = database;
    this.object = object;
    this.gate = gate;
    this.#filter = new ReplayFilter(object, from);
    this.#parts = this.#read();
  }

  /** `admission` says after the last batch what has happened since, in the same step. */
  *#read(): Generator<number> {
    const { object, gate } = this;
    const types = columnTypes(object);
    const batches = object.source.catchUp(this.#database.jobs.partRows, this.#filter.start, () => {
      this.#atEnd = true;
    });
    for (const admitted of object.admission.replay(batches)) {
      const { rows } = this.#filter.take(admitted);
      emitEachRow(types, rows, (batch: Batch) => gate.emit(batch));
      yield rows.length;
    }
  }

  read(): number {
    const step = this.#parts.next();
    this.#database.memory?.relieve();
    if (this.#atEnd && !this.complete) {
      this.#filter.end();
      this.complete = true;
      this.object.node.connect(this.gate, 0, null);
    }
    return step.done === true ? 0 : step.value;
  }

  isStale(): boolean {
    return this.#database.catalog.byId(this.object.id) !== this.object;
  }

  stop(): void {
    this.#parts.return(undefined);
    this.object.node.disconnect(this.gate);
  }
}
