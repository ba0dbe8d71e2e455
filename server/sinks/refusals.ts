/** What may not be done to a relation because a sink relies on it. */
import { SqlError } from '../../common/sqlError.ts';
import type { Database } from '../database.ts';
import type { MaterializedViewObject, RelationObject, SinkObject } from '../objects.ts';
import type { ViewPlan } from '../views/planView.ts';

function refusal(view: MaterializedViewObject, sink: SinkObject, detail: string): SqlError {
  return new SqlError(
    '2BP01',
    `cannot replace materialized view ${view.name} because sink ${sink.name} depends on it`,
    { detail, hint: 'Drop the sink first, and create it again afterwards.' },
  );
}

/** 2BP01 where a sink could not go on over the view as planned. Names of columns stay (CREATE OR REPLACE sees to that). */
export function refuseSinks(database: Database, view: MaterializedViewObject, plan: ViewPlan): void {
  const { planned } = plan;
  refuseCircle(database, view, plan);
  for (const sink of database.sinks.over(view.id)) {
    const { shape, positions } = sink.runtime;
    if (shape.mode === 'rows') {
      throw refusal(view, sink, 'It is append-only, and rows that it has delivered could be taken back.');
    }
    if (shape.key === null || shape.mode === 'inserts') continue;
    const own = shape.key.map((k) => positions[k]);
    const tells = planned.key?.every((k) => own.includes(k)) ?? false;
    if (!tells) throw refusal(view, sink, 'Rows would no longer be told apart by its primary key.');
  }
}

/** 42P19 where a sink into a table would bring the view's changes back to it. */
function refuseCircle(database: Database, view: MaterializedViewObject, { dependsOn }: ViewPlan): void {
  if (!database.sinks.feeding.origins(dependsOn).has(view.id)) return;
  throw new SqlError('42P19', `materialized view "${view.name}" cannot read what is made of it`, {
    detail: 'A sink into a table would bring its changes back to it, without end.',
  });
}

/** 0A000 for another name of a column that a sink writes: its target knows it by this one. */
export function refuseColumn(database: Database, relation: RelationObject, column: number): void {
  const name = relation.columns[column]?.name ?? '';
  const over = database.sinks.over(relation.id).find(({ runtime }) => runtime.positions.includes(column));
  const into = database.sinks
    .list()
    .find(({ runtime: { feed } }) => feed?.table === relation.id && feed.writes(name));
  const sink = over ?? into;
  if (sink === undefined) return;
  throw new SqlError('0A000', `cannot rename column "${name}" of ${relation.kind} ${relation.name}`, {
    detail: `Sink ${sink.name} writes it under this name.`,
    hint: 'Drop the sink first, and create it again afterwards.',
  });
}
