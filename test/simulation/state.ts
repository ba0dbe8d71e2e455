/** The state of a database as text, to be compared; and views computed afresh. */
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type { Database } from '../../server/database.ts';
import type { MaterializedViewObject } from '../../server/objects.ts';
import { localSession } from '../../server/serve.ts';
import { dump } from '../server/journal/support.ts';
import { SimulationFailure } from './server.ts';
import { unrepeatable } from './views.ts';

const plain = plainContext(() => 0n);

export type State = Readonly<Record<string, readonly string[]>>;

/** Tables, views, late rows, row errors, positions, watermarks, the catalog, the clock and the version. */
export function stateOf(database: Database): State {
  const { catalog, rowErrors, environment, functions } = database;
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
  const objects = catalog.objects().map((o) => {
    const columns = 'columns' in o ? o.columns.map((c) => c.name) : [];
    const paused = o.kind === 'materialized view' ? (o.paused?.reason ?? '') : '';
    return `${o.id} ${o.kind} ${o.schema}.${o.name} (${columns.join(', ')}) ${paused}`;
  });
  const errors = rowErrors.entries().map(({ row, relation, ...rest }) => {
    // As the catalog shows it: views may have got other names since.
    const name = (rest.id === null ? null : catalog.byId(rest.id)?.name) ?? relation;
    return `${name} ${text(rest)} ${text(row)}`;
  });
  return {
    ...dump(database),
    ' objects': objects.sort(),
    ' routines': functions
      .list()
      .map((r) => `${r.id} ${r.name} ${r.sql}`)
      .sort(),
    ' row errors': errors.sort(),
    ' comments': [...catalog.comments()].map(text).sort(),
    ' clock': [environment.serverClock.virtual ? String(environment.clock()) : 'system'],
  };
}

/** Without what goes on within a version: a start is an event for sources and watermarks when the clock is the system's. */
export function withoutTime(state: State): State {
  return Object.fromEntries(
    Object.entries(state).filter(([name]) => !name.startsWith('source ') && !name.startsWith('time ')),
  );
}

/** Throws where two states differ. */
export function expectSame(actual: State, expected: State, what: string): void {
  const names = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  for (const name of names) {
    const a = actual[name] ?? [`there is no ${name}`];
    const b = expected[name] ?? [`there is no ${name}`];
    if (a.length === b.length && a.every((line, i) => line === b[i])) continue;
    const surplus = a.filter((line) => !b.includes(line)).slice(0, 5);
    const missing = b.filter((line) => !a.includes(line)).slice(0, 5);
    throw new SimulationFailure(
      `${what}: ${name} differs (${a.length} and ${b.length} lines)\n  has     ${surplus.join('\n          ')}\n  lacks   ${missing.join('\n          ')}`,
    );
  }
}

function texts(view: MaterializedViewObject, rows: readonly Row[]): readonly string[] {
  const types = view.columns.filter((c) => c.hidden !== true).map((c) => c.type);
  return rows
    .map((row) =>
      types
        .map((type, i) => {
          const value = row[i] ?? null;
          return value === null ? 'NULL' : formatValue(value, type, plain);
        })
        .join(' | '),
    )
    .sort();
}

/** No view of the workload has a reason to be paused. */
export function expectRunning(database: Database): void {
  for (const view of database.catalog.objects()) {
    if (view.kind !== 'materialized view' || view.paused === null) continue;
    throw new SimulationFailure(`${view.name} AS ${view.definition} is paused: ${view.paused.reason}`);
  }
}

/** It is over a source that forgets rows, maybe by way of plain views: what it made of them stays. */
function isOverForgotten(database: Database, dependsOn: ReadonlySet<number>): boolean {
  return [...dependsOn].some((id) => {
    const object = database.catalog.byId(id);
    if (object?.kind === 'view') return isOverForgotten(database, object.dependsOn);
    return object?.kind === 'table' && object.stream !== null;
  });
}

/** Compares every view with its query over what its inputs hold now. */
export async function recompute(database: Database): Promise<number> {
  let compared = 0;
  expectRunning(database);
  for (const view of database.catalog.objects()) {
    if (view.kind !== 'materialized view') continue;
    if (unrepeatable.test(view.definition) || isOverForgotten(database, view.dependsOn)) continue;
    const session = localSession(database);
    const [fresh] = await session.run(view.definition);
    const [stored] = await session.run(`SELECT * FROM ${view.schema}.${view.name}`);
    expectSame(
      { rows: texts(view, stored?.rows ?? []) },
      { rows: texts(view, fresh?.rows ?? []) },
      `view ${view.name} AS ${view.definition}`,
    );
    compared++;
  }
  return compared;
}
