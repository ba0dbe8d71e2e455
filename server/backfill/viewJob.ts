/**
 * CREATE MATERIALIZED VIEW as a job: the view is filled in slices between ticks (viewFill.ts), and named when it is complete.
 * Where an input has become another one meanwhile (a column added, a view replaced or resumed) the statement is understood anew
 * and the filling begins again.
 *
 * In the background: the statement is journalled as pending before it is acknowledged; the record of the view, when it is there,
 * or of the failure says that it is not pending any more. A restart begins again with what is pending (`resumeJobs`).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { CreateMaterializedView } from '../../parser/ast/statement.ts';
import type { Database, DdlOrigin } from '../database.ts';
import { definitionContext } from '../definitions/viewStatement.ts';
import { refusalOf } from '../refusal.ts';
import type { StatementContext } from '../statements/statement.ts';
import { buildView, type ViewParts } from '../viewBuild.ts';
import { planView, type ViewPlan } from '../views/planView.ts';
import { isFillable } from './eligible.ts';
import type { Job } from './jobs.ts';
import { rowsOf } from './slicedBuild.ts';
import { ViewFill } from './viewFill.ts';

/** Others wait no longer than about this for their turn; after a longer one, what its rows lead to included, they are made smaller. */
const SLICE_US = 3000n;
const LONG_SLICE_US = 6000n;
const LEAST_SLICE_ROWS = 2048;
const FIRST_SLICE_ROWS = 4096;
const MOST_SLICE_ROWS = 1 << 16;
/** When it has read so many times what was there at first, its inputs grow faster than it reads: the rest comes in one go. */
const PATIENCE = 3;

/** What a view is made with. */
export interface ViewTarget {
  readonly statement: CreateMaterializedView;
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly origin: DdlOrigin;
}

/** Puts the view that is complete into the catalog, and journals it. */
export type PlaceView = (target: ViewTarget, plan: ViewPlan, parts: ViewParts) => void;

/** How a job is to run. */
export type Manner = 'one go' | 'between ticks' | 'background';

/** How a view with this plan is built. */
export function mannerOf(plan: ViewPlan, context: StatementContext): Manner {
  const { database, settings } = context;
  if (database.recovery !== null) return 'one go';
  const background = database.jobs.resuming !== null || settings.value('background_ddl') === 'on';
  if (!isFillable(database, plan)) {
    if (background) {
      context.notice({
        severity: 'NOTICE',
        state: '00000',
        message: 'the view is built in the foreground',
        detail: 'Its rows depend on time or on the order of changes: it is built within one tick.',
      });
    }
    return 'one go';
  }
  if (background) return 'background';
  return rowsOf(database, plan.dependsOn) <= database.jobs.inOneGo ? 'one go' : 'between ticks';
}

/** What the meaning of a statement over these objects depends on. */
function meaningOf({ catalog, functions }: Database, ids: ReadonlySet<number>): readonly unknown[] {
  return [...ids].flatMap((id): readonly unknown[] => {
    const object = catalog.byId(id) ?? functions.byId(id);
    return [object, object?.sql, object?.schema, object?.name];
  });
}

export class ViewJob {
  readonly job: Job;
  readonly #database: Database;
  readonly #target: ViewTarget;
  readonly #context: StatementContext;
  readonly #place: PlaceView;
  #sliceRows = FIRST_SLICE_ROWS;
  #plan: ViewPlan;
  /** What its inputs were when the statement was understood. */
  #understood: readonly unknown[] = [];
  #fill: ViewFill;

  /** Begins; throws when the view cannot be built, or (in the background) the statement not be kept. Only inside `exclusive`. */
  constructor(
    target: ViewTarget,
    plan: ViewPlan,
    context: StatementContext,
    background: boolean,
    place: PlaceView,
  ) {
    const { database, settings } = context;
    const { jobs } = database;
    this.#database = database;
    this.#target = target;
    this.#place = place;
    this.#plan = plan;
    // The session may be another one, or over, when the statement is understood anew.
    this.#context = definitionContext(target.origin, context);
    const fill = this.#open(plan);
    this.#fill = fill;
    this.job = jobs.start({
      statement: target.origin.sql,
      now: database.clock(),
      background,
      owner: settings,
      name: `${target.schema}.${target.name}`,
      id: jobs.resuming ?? undefined,
    });
    this.#reads(plan);
    if (!background) return;
    try {
      if (jobs.resuming === null) database.journal?.appendJob(this.job.id, target.origin, database.clock());
      jobs.pending.set(this.job.id, target.origin);
    } catch (error) {
      fill.abandon();
      jobs.end(this.job);
      throw error;
    }
  }

  #reads({ dependsOn }: ViewPlan): void {
    this.job.dependsOn = dependsOn;
    this.job.total = rowsOf(this.#database, dependsOn);
    this.#understood = meaningOf(this.#database, dependsOn);
  }

  #open({ planned, errors, replayFrom }: ViewPlan): ViewFill {
    const { id, name, origin } = this.#target;
    this.#database.rowErrors.dropRelation(id);
    return new ViewFill(this.#database, {
      id,
      name,
      timeZone: origin.timeZone,
      planned,
      errors,
      replayFrom,
    });
  }

  /** To its end. Throws what kept it from being built. `check` may throw to have it cancelled. */
  async run(check: () => void): Promise<void> {
    try {
      while (!(await this.#database.exclusive(() => this.#slice(check)))) await nextTurn();
      this.#database.jobs.end(this.job);
    } catch (error) {
      if (this.#database.jobs.stopped) throw error;
      await this.#database.exclusive(() => this.#giveUp(error));
      throw error;
    }
  }

  /** Without anybody who waits for it. */
  async runAlone(): Promise<void> {
    try {
      await this.run(() => {});
    } catch (error) {
      if (!(error instanceof SqlError)) this.#database.jobs.onInternalError(error);
    }
  }

  #giveUp(error: unknown): void {
    const { jobs, journal } = this.#database;
    this.#fill.abandon();
    if (this.job.background) {
      try {
        journal?.appendJob(this.job.id, null, this.#database.clock());
      } catch (failure) {
        // It is begun again with the next start then, and fails again.
        if (!(failure instanceof SqlError)) throw failure;
      }
    }
    const message = error instanceof Error ? error.message : String(error);
    jobs.end(
      this.job,
      error instanceof SqlError ? error : new SqlError('XX000', `internal error: ${message}`),
    );
  }

  /** True: the view is there. */
  #slice(check: () => void): boolean {
    const database = this.#database;
    if (database.jobs.stopped)
      throw new SqlError('57P01', 'terminating connection due to administrator command');
    check();
    this.job.check();
    const now = meaningOf(database, this.#plan.dependsOn);
    const changed = this.#understood.some((part, i) => part !== now[i]);
    if ((changed || this.#fill.isStale()) && !this.#beginAgain()) return true;
    const fill = this.#fill;
    const { serverClock } = database.environment;
    const started = serverClock.system();
    const hurried = this.job.done > PATIENCE * this.job.total + database.jobs.inOneGo;
    const before = this.job.done;
    const isLong = (): boolean =>
      this.job.done - before >= this.#sliceRows || serverClock.system() - started >= SLICE_US;
    while (!fill.complete && (hurried || !isLong())) this.job.done += fill.read();
    fill.settle();
    const took = serverClock.system() - started;
    if (took > LONG_SLICE_US) this.#sliceRows = Math.max(LEAST_SLICE_ROWS, this.#sliceRows >> 1);
    else if (took < SLICE_US) this.#sliceRows = Math.min(MOST_SLICE_ROWS, this.#sliceRows << 1);
    if (!fill.complete) return false;
    const refused = this.#plan.errors.onError === 'fail' ? database.rowErrors.first(this.#target.id) : null;
    if (refused !== null) throw refusalOf(this.#target, refused);
    this.#place(this.#target, this.#plan, fill.finish());
    return true;
  }

  /** False: it is there already, since it has to be built in one go now. */
  #beginAgain(): boolean {
    const database = this.#database;
    this.#fill.abandon();
    this.job.done = 0;
    const plan = planView(this.#target.statement, this.#context);
    this.#plan = plan;
    this.#reads(plan);
    if (isFillable(database, plan)) {
      this.#fill = this.#open(plan);
      return true;
    }
    const { id, name, origin } = this.#target;
    const { planned, errors, replayFrom } = plan;
    const shape = { id, name, timeZone: origin.timeZone, planned, errors, replayFrom };
    this.#place(
      this.#target,
      plan,
      buildView(database, shape, () => this.job.check()),
    );
    return false;
  }
}

/** After a restart: begins the statements again that were acknowledged and not carried out. */
export async function resumeJobs(
  database: Database,
  runDdl: (statement: DdlOrigin & { readonly id: null }) => Promise<void>,
): Promise<void> {
  const { jobs } = database;
  for (const [id, origin] of [...jobs.pending]) {
    jobs.resuming = id;
    try {
      await runDdl({ ...origin, id: null });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (jobs.find(id) !== null) continue;
      const job = jobs.start({
        statement: origin.sql,
        now: database.clock(),
        background: true,
        owner: null,
        name: null,
        id,
      });
      await database.exclusive(() => database.journal?.appendJob(id, null, database.clock()));
      jobs.end(job, error);
    } finally {
      jobs.resuming = null;
    }
    // It was built in one go.
    if (jobs.find(id) === null) jobs.pending.delete(id);
  }
}
