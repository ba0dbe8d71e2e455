/**
 * A new view is built in slices: between two, sessions read and the wire breathes. The exclusive section is kept all the
 * while, so no tick comes in between: the view's inputs stay as they are, and what it is given is one version of them. Writers
 * wait until it is there. The last flush of its operators is one slice. For small views, and those whose rows depend on time or
 * on the order of changes; the others are filled between ticks (viewJob.ts).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { dependsOnHistory } from '../../planner/maintainable.ts';
import { columnTypes, type Database } from '../database.ts';
import { isRelation } from '../objects.ts';
import type { StatementContext } from '../statements/statement.ts';
import { buildSteps, buildView, type ViewParts, type ViewShape } from '../viewBuild.ts';
import type { Job } from './jobs.ts';

/** Others wait no longer than about this for their turn. */
const SLICE_US = 5000n;

/** Rows that are there to be read. */
export function rowsOf(database: Database, dependsOn: ReadonlySet<number>): number {
  let rows = 0;
  for (const id of dependsOn) {
    const object = database.catalog.byId(id);
    if (object === null || !isRelation(object) || object.kind === 'view') continue;
    if (columnTypes(object).length > 0) rows += object.entry.rowCount();
  }
  return rows;
}

/** Only inside `exclusive`, which must be kept until it is done. */
export async function buildInSlices(
  database: Database,
  view: ViewShape,
  dependsOn: ReadonlySet<number>,
  context: StatementContext,
): Promise<ViewParts> {
  // Values that are drawn once come in one sequence, which others must not come into.
  if (dependsOnHistory(view.planned.plan) || database.recovery !== null) {
    return buildView(database, view, () => context.checkCancelled());
  }
  const job = database.jobs.start({
    statement: context.sql,
    now: database.clock(),
    background: false,
    owner: context.settings,
    name: null,
  });
  job.total = rowsOf(database, dependsOn);
  try {
    return await drive(database, view, job, context);
  } finally {
    database.jobs.end(job);
  }
}

async function drive(
  database: Database,
  view: ViewShape,
  job: Job,
  context: StatementContext,
): Promise<ViewParts> {
  const { serverClock } = database.environment;
  const steps = buildSteps(database, view);
  let started = serverClock.system();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    job.done += step.value;
    if (serverClock.system() - started > SLICE_US) {
      await nextTurn();
      started = serverClock.system();
    }
    try {
      context.checkCancelled();
      job.check();
    } catch (error) {
      steps.throw(error);
    }
  }
}
