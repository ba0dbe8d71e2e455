/**
 * CREATE [OR REPLACE] MATERIALIZED VIEW as work in slices: the view is filled between ticks (viewFill.ts), and put in its place
 * when it is complete. Where an input has become another one meanwhile (a view replaced or resumed, a function replaced) the
 * statement is understood anew and the filling begins again.
 */
import type { CreateMaterializedView } from '../../parser/ast/statement.ts';
import type { Database, DdlOrigin } from '../database.ts';
import { definitionContext } from '../definitions/viewStatement.ts';
import { refusalOf } from '../refusal.ts';
import type { StatementContext } from '../statements/statement.ts';
import { buildView, type ViewParts } from '../viewBuild.ts';
import { planView, type ViewPlan } from '../views/planView.ts';
import { isFillable } from './eligible.ts';
import { rowsOf } from './slicedBuild.ts';
import { SlicedJob, type SlicedWork } from './slicedJob.ts';
import { ViewFill } from './viewFill.ts';

/** What a view is made with. */
export interface ViewTarget {
  readonly statement: CreateMaterializedView;
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly origin: DdlOrigin;
}

/** Puts the view into the catalog, with the parts that `build` gives, and journals it. `job`: of a pending statement. */
export type PlaceView = (plan: ViewPlan, build: () => ViewParts, job: number | undefined) => void;

/** How a job is to run. */
export type Manner = 'one go' | 'between ticks' | 'background';

/** How a view with this plan is built. */
export function mannerOf(plan: ViewPlan, context: StatementContext): Manner {
  const { database } = context;
  if (database.recovery !== null) return 'one go';
  const background = inBackground(context);
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

/** The statement is to be answered before it is carried out. */
export function inBackground({ database, settings }: StatementContext): boolean {
  return database.jobs.resuming !== null || settings.value('background_ddl') === 'on';
}

/** What the meaning of a statement over these objects depends on. */
function meaningOf({ catalog, functions }: Database, ids: ReadonlySet<number>): readonly unknown[] {
  return [...ids].flatMap((id): readonly unknown[] => {
    const object = catalog.byId(id) ?? functions.byId(id);
    return [object, object?.sql, object?.schema, object?.name];
  });
}

/** Begins; throws when the view cannot be built, or (in the background) the statement not be kept. Only inside `exclusive`. */
export function beginView(
  target: ViewTarget,
  plan: ViewPlan,
  context: StatementContext,
  background: boolean,
  place: PlaceView,
): SlicedJob {
  const work = new ViewWork(target, plan, context, place);
  const { origin, schema, name } = target;
  const job = new SlicedJob(context, { origin, name: `${schema}.${name}`, background }, work);
  work.follow(job);
  return job;
}

class ViewWork implements SlicedWork {
  readonly #database: Database;
  readonly #target: ViewTarget;
  readonly #context: StatementContext;
  readonly #place: PlaceView;
  #job: SlicedJob | null = null;
  #plan: ViewPlan;
  /** What its inputs were when the statement was understood. */
  #understood: readonly unknown[];
  #fill: ViewFill;

  constructor(target: ViewTarget, plan: ViewPlan, context: StatementContext, place: PlaceView) {
    this.#database = context.database;
    this.#target = target;
    this.#place = place;
    this.#plan = plan;
    this.#understood = meaningOf(this.#database, plan.dependsOn);
    // The session may be another one, or over, when the statement is understood anew.
    this.#context = definitionContext(target.origin, context);
    this.#fill = this.#open(plan);
  }

  /** Tells the job what it reads. */
  follow(job: SlicedJob): void {
    this.#job = job;
    this.#tell();
  }

  #tell(): void {
    const job = this.#job?.job;
    if (job === undefined) return;
    job.done = 0;
    job.dependsOn = this.#plan.dependsOn;
    job.total = rowsOf(this.#database, this.#plan.dependsOn);
  }

  #open({ planned, errors, replayFrom }: ViewPlan): ViewFill {
    const { id, name, origin } = this.#target;
    return new ViewFill(this.#database, {
      id,
      name,
      timeZone: origin.timeZone,
      planned,
      errors,
      replayFrom,
    });
  }

  begin(): boolean {
    const database = this.#database;
    const now = meaningOf(database, this.#plan.dependsOn);
    const changed = this.#understood.some((part, i) => part !== now[i]);
    if (!changed && !this.#fill.isStale()) return false;
    this.#fill.abandon();
    const plan = planView(this.#target.statement, this.#context);
    this.#plan = plan;
    this.#understood = meaningOf(database, plan.dependsOn);
    this.#tell();
    if (isFillable(database, plan)) {
      this.#fill = this.#open(plan);
      return false;
    }
    // It has to be built in one go now.
    const { id, name, origin } = this.#target;
    const { planned, errors, replayFrom } = plan;
    const shape = { id, name, timeZone: origin.timeZone, planned, errors, replayFrom };
    this.#put(() => buildView(database, shape, () => this.#job?.job.check()));
    return true;
  }

  read(): number | null {
    return this.#fill.complete ? null : this.#fill.read();
  }

  settle(): void {
    this.#fill.settle();
  }

  finish(): void {
    const fill = this.#fill;
    const refused = this.#plan.errors.onError === 'fail' ? fill.firstError() : null;
    if (refused !== null) throw refusalOf(this.#target, refused);
    this.#put(() => fill.finish());
  }

  #put(build: () => ViewParts): void {
    const job = this.#job?.job;
    this.#place(this.#plan, build, job?.background === true ? job.id : undefined);
  }

  abandon(): void {
    this.#fill.abandon();
  }
}
