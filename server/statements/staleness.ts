/** Tells who reads a relation that what it is made of has stopped coming in: a source, above which everything stands still. */

import { types } from '../../common/dataType.ts';
import { formatValue } from '../../common/textIo.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { Database } from '../database.ts';
import { pauseReason, type SourcePause } from '../sourcePause.ts';
import type { StatementContext } from './statement.ts';

interface PausedSource {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly paused: SourcePause;
}

function pausedSources(database: Database): readonly PausedSource[] {
  return database.catalog.objects().flatMap((object) => {
    const source = object.kind === 'source' || object.kind === 'table' ? object.source : null;
    if (source === null || source.paused === null) return [];
    return [{ id: object.id, kind: object.kind, name: object.name, paused: source.paused }];
  });
}

/** Everything that these objects are made of, and they themselves. */
function basesOf(database: Database, ids: Iterable<number>): ReadonlySet<number> {
  const bases = new Set<number>();
  const visit = (id: number): void => {
    if (bases.has(id)) return;
    bases.add(id);
    for (const dependency of database.catalog.byId(id)?.dependsOn ?? []) visit(dependency);
  };
  for (const id of ids) visit(id);
  return bases;
}

/** A warning for each source under the plan that is not read. */
export function noticeStale(plan: PhysicalPlan, context: StatementContext): void {
  const { database } = context;
  const paused = pausedSources(database);
  if (paused.length === 0) return;
  const read: number[] = [];
  walkPhysical(plan, (node) => {
    if (node.kind === 'Scan' || node.kind === 'IndexScan') read.push(node.relation.id);
  });
  const bases = basesOf(database, read);
  for (const { id, kind, name, paused: pause } of paused) {
    if (!bases.has(id)) continue;
    const since = formatValue(pause.at, types.timestamptz, context.eval);
    context.notice({
      severity: 'WARNING',
      state: '01000',
      message: `${kind} "${name}" is paused: what it brings is stale since ${since}`,
      detail: pauseReason(pause),
      hint:
        pause.retryAt === null
          ? `Mend what caused it, then use ALTER ${kind.toUpperCase()} ${name} RESUME.`
          : 'It is tried again by itself.',
    });
  }
}
