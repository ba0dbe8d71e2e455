/**
 * Replaces every materialised view by itself, with CREATE OR REPLACE: its rows must stay what they are, and so those of the views
 * over it. Left alone are views of which the rows do not follow from what their relations hold now: they depend on when rows came,
 * or on chance.
 */
import { dependsOnHistory } from '../../planner/maintainable.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { Database } from '../../server/database.ts';
import type { MaterializedViewObject } from '../../server/objects.ts';
import { localSession } from '../../server/serve.ts';
import { type DatabaseText, databaseText, differences } from './databaseText.ts';

const historical: ReadonlySet<PhysicalPlan['kind']> = new Set([
  'TemporalJoin',
  'Changelog',
  'MaterializedExprs',
  'Expire',
  'Close',
  'SlidingPanes',
  'Pace',
]);

/** Views that statements made; those of sinks' queries are the server's own. */
function viewsOf(database: Database): readonly MaterializedViewObject[] {
  return database.catalog
    .objects()
    .filter((o) => o.kind === 'materialized view')
    .filter((view) => !database.catalog.isSystemSchema(view.schema));
}

/** Whether building the view again may give other rows, or it stands still. */
function mayDiffer(view: MaterializedViewObject): boolean {
  let depends = view.paused !== null || dependsOnHistory(view.planned.plan);
  walkPhysical(view.planned.plan, (node) => {
    depends ||= historical.has(node.kind) || ('clean' in node && node.clean !== undefined);
  });
  return depends;
}

async function replaceView(database: Database, view: MaterializedViewObject): Promise<void> {
  const session = localSession(database, view.owner);
  const path = [view.schema, ...view.searchPath.filter((s) => s !== view.schema)];
  session.settings.set('search_path', path.map((s) => `"${s.replaceAll('"', '""')}"`).join(', '));
  session.settings.set('timezone', view.timeZone);
  try {
    await session.run(
      view.sql.replace(
        /^create\s+materialized\s+view\s+(if\s+not\s+exists\s+)?/i,
        'CREATE OR REPLACE MATERIALIZED VIEW ',
      ),
    );
  } finally {
    await session.close();
  }
}

/** What the views hold. */
function rowsOf(database: Database): DatabaseText {
  return new Map(
    [...databaseText(database)].filter(([place]) => /^materialized view .*: rows$/s.test(place)),
  );
}

/** Whether rows may change although nobody writes: there are sources, or the system's clock moves conditions on now(). */
function isMoving(database: Database): boolean {
  const { serverClock } = database.environment;
  return database.catalog.objects().some((object) => {
    if (object.kind === 'source' || object.kind === 'table') return object.source?.active === true;
    return object.kind === 'materialized view' && !serverClock.virtual && goesByTheClock(object);
  });
}

function goesByTheClock(view: MaterializedViewObject): boolean {
  let goes = false;
  walkPhysical(view.planned.plan, ({ kind }) => {
    goes ||= kind === 'TemporalFilter' || kind === 'Expire' || kind === 'Pace';
  });
  return goes;
}

/** Gives what is wrong afterwards. */
export async function replaceViews(database: Database): Promise<readonly string[]> {
  const problems: string[] = [];
  const before = rowsOf(database);
  for (const view of viewsOf(database)) {
    if (mayDiffer(view)) continue;
    try {
      await replaceView(database, view);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      problems.push(`view "${view.name}" could not be replaced: ${message}`);
    }
  }
  return isMoving(database) ? problems : [...problems, ...differences(before, rowsOf(database))];
}
