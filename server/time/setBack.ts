/** The server's clock is set back: what compares rows with it may want again what it has let go of. */
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { Database } from '../database.ts';
import type { MaterializedViewObject } from '../objects.ts';
import { rebuildViews, viewsOver } from '../viewBuild.ts';

function comparesWithClock(view: MaterializedViewObject): boolean {
  let found = false;
  walkPhysical(view.planned.plan, (node) => {
    if (node.kind === 'TemporalFilter' || node.kind === 'Expire') found = true;
  });
  return found;
}

/**
 * The time of ticks is `now` from here on. Where that is earlier, views that compare rows with the clock, and those over them,
 * are built again over what their inputs hold. Windows that have closed by the clock stay closed. Only inside `exclusive`.
 */
export function jumpClock(database: Database, now: bigint): void {
  const jump = (): void => database.watermarks.jumpTo(now);
  const affected = database.catalog
    .objects()
    .filter((o) => o.kind === 'materialized view' && o.paused === null && comparesWithClock(o));
  if (now >= database.watermarks.now() || affected.length === 0) {
    jump();
    return;
  }
  const ids = new Set(affected.map((view) => view.id));
  const over = new Set(viewsOver(database, ids).map((view) => view.id));
  const views = database.catalog
    .objects()
    .flatMap((o) => (o.kind === 'materialized view' && (ids.has(o.id) || over.has(o.id)) ? [o] : []));
  // What is built takes the section's time, which was read before the clock was set.
  database.moveOn();
  rebuildViews(database, views, jump);
  database.version++;
}
