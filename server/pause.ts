/**
 * Views that stand still: those in whose operators an error of ours arose, those that refuse a row which nobody can keep
 * away from them (`on_error = 'fail'` over a source), and all views over these. Such a view is out of the dataflow, holds
 * nothing and cannot be read; everything else goes on. `resume` builds it again over what its inputs hold then.
 */
import { SqlError } from '../common/sqlError.ts';
import type { Database } from './database.ts';
import type { MaterializedViewObject, Paused } from './objects.ts';
import { refusalOf, refusedBy } from './refusal.ts';
import { emptyStore, placeView, viewsOver } from './viewBuild.ts';

/** An error in one line. */
function reasonOf(error: unknown): string {
  if (error instanceof SqlError) {
    const detail = error.detail === undefined ? '' : ` ${error.detail}`;
    return `${error.message} (SQLSTATE ${error.state}).${detail}`;
  }
  return `internal error: ${error instanceof Error ? error.message : String(error)}`;
}

function inputReason(input: { readonly name: string }): string {
  return `materialized view "${input.name}", which it is over, is paused`;
}

/** Why a view over these objects cannot run; null: it can. */
export function pausedBy(database: Database, dependsOn: ReadonlySet<number>): Paused | null {
  for (const id of dependsOn) {
    const object = database.catalog.byId(id);
    // In a restart: what the source has brought cannot be read again.
    if (object?.kind !== 'source' || object.source.failure === null) continue;
    return { reason: reasonOf(object.source.failure), at: database.watermarks.now() };
  }
  const input = pausedInput(database, { dependsOn });
  return input === null ? null : { reason: inputReason(input), at: database.watermarks.now() };
}

/** Takes the view and those over it out of the dataflow. */
export function pauseView(database: Database, view: MaterializedViewObject, error: unknown): void {
  const over = viewsOver(database, new Set([view.id])).filter((v) => v.paused === null);
  for (const dependent of [...over].reverse()) {
    stop(database, dependent, inputReason(view));
  }
  stop(database, view, reasonOf(error));
}

function stop(database: Database, view: MaterializedViewObject, reason: string): void {
  pauseAs(database, view, { reason, at: database.watermarks.now() });
}

/** Takes one view out of the dataflow. */
export function pauseAs(database: Database, view: MaterializedViewObject, paused: Paused): void {
  if (view.paused === null) {
    database.sinks.detachOver(view, `materialized view "${view.name}" is paused`);
    database.removeNodes(view.nodes);
  }
  view.nodes = new Set();
  view.store = emptyStore(view.planned);
  view.paused = paused;
  database.rowErrors.dropRelation(view.id);
}

/** After a tick: pauses the views that have failed in it. True when there were any. */
export function pauseFailed(database: Database): boolean {
  const broken = database.broken.splice(0);
  for (const { id, error } of broken) {
    const view = database.catalog.byId(id);
    if (view?.kind === 'materialized view' && view.paused === null) pauseView(database, view, error);
  }
  const refused = refusedBy(database);
  for (const [view, entry] of refused) {
    if (view.paused === null) pauseView(database, view, refusalOf(view, entry));
  }
  return broken.length + refused.length > 0;
}

/** The error of whoever reads a paused view. */
export function pausedError(view: MaterializedViewObject): SqlError {
  return new SqlError('55000', `materialized view "${view.name}" is paused`, {
    detail: view.paused?.reason ?? '',
    hint: `Mend what caused it, then use ALTER MATERIALIZED VIEW ${view.name} RESUME, or drop the view and create it again.`,
  });
}

function pausedInput(
  database: Database,
  view: { readonly dependsOn: ReadonlySet<number> },
): MaterializedViewObject | null {
  for (const id of view.dependsOn) {
    const object = database.catalog.byId(id);
    if (object?.kind === 'materialized view' && object.paused !== null) return object;
  }
  return null;
}

/**
 * Builds a paused view again, and those over it that can be. Throws, leaving it paused, when it cannot. Only inside
 * `exclusive`.
 */
export function resumeView(database: Database, view: MaterializedViewObject): void {
  const input = pausedInput(database, view);
  if (input !== null) throw pausedError(input);
  placeView(database, view);
  resumeOver(database, view);
}

/** Builds those paused views over it again that can be. */
export function resumeOver(database: Database, view: { readonly id: number }): void {
  for (const dependent of viewsOver(database, new Set([view.id]))) {
    if (dependent.paused === null || pausedInput(database, dependent) !== null) continue;
    try {
      placeView(database, dependent);
    } catch (error) {
      stop(database, dependent, reasonOf(error));
    }
  }
}
