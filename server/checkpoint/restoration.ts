/**
 * A restart from a checkpoint. First the catalog's statements run again, over nothing: tables, views and their operators are made
 * empty. Then every piece of state is put back under its name. A view whose operators are not those of the checkpoint, or whose
 * state is damaged, is built from its inputs instead, and that is reported; a table's rows are nowhere else, so damage to them
 * stops the restart.
 */
import { AssertionError, assert } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { fillArrangement, type SharedArrangement } from '../../executor/arrangements.ts';
import { VIEW_FORMAT } from '../../storage/checkpoint/checkpointFile.ts';
import type { CheckpointInput } from '../../storage/checkpoint/checkpointPlace.ts';
import { restoreImage } from '../../storage/checkpoint/image.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import { MILLRACE_DEAD } from '../catalog.ts';
import { type Database, scannable } from '../database.ts';
import {
  type CatalogObject,
  type Entry,
  isRelation,
  type MaterializedViewObject,
  type SinkObject,
} from '../objects.ts';
import { pauseAs, pauseView } from '../pause.ts';
import { emptyStore, placeView, viewsOver } from '../viewBuild.ts';
import { arrangementName, ENGINE, ERRORS, JOBS, objectName, operatorName, rowsName } from './contents.ts';
import { type Definition, definedBefore } from './definitions.ts';
import type { CheckpointDescription } from './description.ts';
import { viewFingerprint } from './fingerprint.ts';
import { engineState, sourceState, tableState, type ViewState } from './objectState.ts';
import type { RecoveryProgress } from './progress.ts';

/** A view that could not be put back, and was built from its inputs. */
export interface Rebuilt {
  readonly view: string;
  readonly reason: string;
}

class Restoration {
  readonly #database: Database;
  readonly #file: CheckpointInput;
  readonly #progress: RecoveryProgress;
  /** VIEW_FORMAT of what was saved. */
  readonly #viewFormat: number;
  readonly rebuilt: Rebuilt[] = [];
  /** Views whose operators were taken out of the dataflow. */
  readonly #dismantled = new Set<number>();

  constructor(database: Database, file: CheckpointInput, viewFormat: number, progress: RecoveryProgress) {
    this.#database = database;
    this.#file = file;
    this.#viewFormat = viewFormat;
    this.#progress = progress;
  }

  /** Puts one object back, and what is arranged of it. Objects that it needs have been. */
  restore(object: CatalogObject): void {
    this.#restoreObject(object);
    for (const arrangement of this.#database.arrangements.list()) {
      if (arrangement.relation.id === object.id) this.#restoreArrangement(arrangement);
    }
  }

  #restoreObject(object: CatalogObject): void {
    const { id, kind, name } = object;
    switch (kind) {
      case 'table':
        // A checkpoint of before there were dead letters has none.
        if (object.schema === MILLRACE_DEAD && this.#file.image(objectName(id)) === null) return;
        this.#required(rowsName(id), object.store, `rows of table "${name}"`);
        this.#required(objectName(id), tableState(this.#database, object), `state of table "${name}"`);
        return;
      case 'source':
        this.#required(objectName(id), sourceState(this.#database, object), `position of source "${name}"`);
        return;
      case 'materialized view':
        this.#restoreView(object);
        return;
      case 'sink':
        this.#restoreSink(object);
        return;
      case 'view':
      case 'index':
        return;
    }
  }

  /** A sink whose view had to be built goes on, unless its rows are not those that the sink has given. */
  #restoreSink(sink: SinkObject): void {
    const { sinks, watermarks } = this.#database;
    this.#required(objectName(sink.id), sink.runtime, `backlog of sink "${sink.name}"`);
    const view = this.#database.catalog.byId(sink.relation);
    if (sink.runtime.detached !== null) {
      sinks.disconnect(sink);
      return;
    }
    if (view?.kind !== 'materialized view' || !this.#dismantled.has(view.id)) return;
    if (view.paused !== null) {
      sink.runtime.detached = {
        why: 'view',
        reason: `materialized view "${view.name}" is paused`,
        held: null,
      };
      return;
    }
    const before = emptyStore(view.planned);
    let known = false;
    try {
      known = this.#put(rowsName(view.id), before);
    } catch (error) {
      if (!(error instanceof SqlError || error instanceof AssertionError)) throw error;
    }
    if (known && sinks.hasGiven(sink, before)) return;
    const reason = `materialized view "${view.name}" was built again, and its rows are not known to be those that were delivered; RESUME goes on without the difference`;
    sink.runtime.pause(reason, watermarks.now());
  }

  /** Views that share arrangements otherwise than before may have one that the checkpoint does not have: it is filled. */
  #restoreArrangement(arrangement: SharedArrangement): void {
    const name = arrangementName(arrangement);
    try {
      const known = this.#viewFormat === VIEW_FORMAT;
      if (known && this.#put(name, arrangement.operator.persistent)) return;
    } catch (error) {
      throw lost(`arrangement ${name}`, error instanceof Error ? error.message : String(error));
    }
    const relation = scannable(this.#database.catalog, arrangement.relation.id);
    this.#database.backfillRows(relation, (batch) => fillArrangement(arrangement, batch));
  }

  #restoreView(view: MaterializedViewObject): void {
    const reason = this.#dismantled.has(view.id)
      ? 'a view that it reads was built again'
      : this.#tryView(view);
    if (reason === null) return;
    this.rebuilt.push({ view: view.name, reason });
    this.#rebuild(view);
  }

  /** Null: the view is as it was; else why it has to be built. */
  #tryView(view: MaterializedViewObject): string | null {
    try {
      const state = this.#viewState(view.id);
      if (state === null) return 'the checkpoint does not have it';
      if (state.paused !== null) pauseAs(this.#database, view, state.paused);
      else if (this.#viewFormat !== VIEW_FORMAT)
        return `its state has format ${this.#viewFormat}, this server's is ${VIEW_FORMAT}`;
      else if (state.fingerprint === viewFingerprint(view.planned.plan, view.nodes))
        this.#restoreOperators(view);
      else return 'its operators are not those of the checkpoint';
      return null;
    } catch (error) {
      if (error instanceof SqlError || error instanceof AssertionError) return error.message;
      throw error;
    }
  }

  #restoreOperators(view: MaterializedViewObject): void {
    let at = 0;
    for (const node of view.nodes) {
      const persistent = node.operator?.persistent;
      const name = operatorName(view.id, at++);
      if (persistent !== undefined) assert(this.#put(name, persistent), `the checkpoint has no ${name}`);
      node.dirty = false;
    }
    assert(this.#put(rowsName(view.id), view.store), 'the checkpoint has no rows of the view');
  }

  /** Builds the view from its inputs. Those over it are taken out, and built when it is their turn. */
  #rebuild(view: MaterializedViewObject): void {
    const database = this.#database;
    for (const v of [view, ...viewsOver(database, new Set([view.id]))].reverse()) {
      if (this.#dismantled.has(v.id)) continue;
      this.#dismantled.add(v.id);
      database.sinks.detachOver(v, `materialized view "${v.name}" is being built`);
      database.removeNodes(v.nodes);
    }
    try {
      placeView(database, view);
    } catch (error) {
      view.nodes = new Set();
      pauseView(database, view, error);
    }
  }

  #viewState(id: number): ViewState | null {
    let state: ViewState | null = null;
    this.#put(objectName(id), {
      save() {},
      restore(from) {
        state = from.value() as ViewState;
      },
    });
    return state;
  }

  /** Errors of rows, then the engine's counters: after everything else. */
  finish(): void {
    this.#required(ERRORS, this.#database.rowErrors, 'row errors');
    this.#required(ENGINE, engineState(this.#database), 'state of the engine');
    // Absent where none had ever been.
    this.#put(JOBS, this.#database.jobs);
  }

  #required(name: string, state: Persistent, what: string): void {
    try {
      if (this.#put(name, state)) return;
    } catch (error) {
      throw lost(what, error instanceof Error ? error.message : String(error));
    }
    throw lost(what, 'The checkpoint does not have it.');
  }

  /** False: there is no such piece. */
  #put(name: string, state: Persistent): boolean {
    const image = this.#file.image(name);
    if (image === null) return false;
    this.#progress.step();
    restoreImage(state, image, this.#file, this.#database.memory?.away ?? null);
    return true;
  }
}

function lost(what: string, detail: string): SqlError {
  return new SqlError('XX001', `the ${what} cannot be read from the checkpoint`, {
    detail,
    hint: 'Restore the data directory from a backup.',
  });
}

/** Puts back what the checkpoint holds, into an empty database. Gives what had to be built from its inputs. */
export async function restoreCheckpoint(
  database: Database,
  file: CheckpointInput,
  description: CheckpointDescription,
  runDdl: (definition: Definition) => Promise<void>,
  progress: RecoveryProgress,
): Promise<readonly Rebuilt[]> {
  const now = BigInt(description.now);
  const { serverClock } = database.environment;
  const restoration = new Restoration(database, file, description.viewFormat ?? 1, progress);
  database.recovery = { now };
  database.watermarks.beginAt(now);
  serverClock.set(now);
  database.sinks.quiet = true;
  try {
    database.restoring = true;
    progress.begin('definitions', description.definitions.length);
    for (const definition of description.definitions) {
      await runPlanned(database, definition, runDdl);
      progress.step();
      await progress.turn();
    }
    database.restoring = false;
    database.catalog.setNextId(description.nextId);
    progress.begin('state', description.images ?? file.imageNames().length);
    await database.exclusive(async () => {
      for (const { id } of definedBefore(database)) {
        const object = database.catalog.byId(id);
        if (object !== null) restoration.restore(object);
        await progress.turn();
      }
      restoration.finish();
    });
  } finally {
    database.restoring = false;
    database.sinks.quiet = false;
    database.recovery = null;
    if (description.virtualClock === null) serverClock.release();
    else serverClock.set(BigInt(description.virtualClock));
  }
  return restoration.rebuilt;
}

/** Runs a definition while the planner takes its relations to be as large as when it was planned. */
async function runPlanned(
  database: Database,
  definition: Definition,
  runDdl: (definition: Definition) => Promise<void>,
): Promise<void> {
  const entries: Entry[] = [];
  for (const [id, rows] of definition.plannedOver) {
    const object = database.catalog.byId(id);
    if (object === null || !isRelation(object)) continue;
    object.entry.plannedRows = rows;
    entries.push(object.entry);
  }
  try {
    await runDdl(definition);
  } finally {
    for (const entry of entries) entry.plannedRows = null;
  }
}
