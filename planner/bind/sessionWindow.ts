/**
 * Sessions as plans. SESSION(...) in FROM is composed: each row gets the id of its session (Session node), the bounds of
 * the sessions are an aggregation by id, and the rows are joined with them. So a row that extends a session changes the
 * bounds of one group, and no plan node has to know of windows that grow. `SESSION WITH GAP` in OVER is a partition by
 * the id.
 */
import { must } from '../../common/assert.ts';
import { types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { aggregate, extend, filter, join, project } from '../plan/construct.ts';
import { aggregateOf } from '../plan/findAggregate.ts';
import type { LogicalPlan, LogicalSession } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, columnOf, columnsOf, isNull } from '../plan/scalars.ts';
import type { BindEnvironment } from './environment.ts';
import { operatorCall } from './operators.ts';

/** The name of the column with the id of the session. */
const ID = 'session';

/** The input with the session of each row, by partition columns and a time column. */
export function sessionNode(
  input: LogicalPlan,
  partition: readonly number[],
  time: number,
  gapMicros: bigint,
  joined = false,
): LogicalSession {
  const { nullable } = must(input.schema[time]);
  const schema = [...input.schema, { name: ID, type: types.int8, nullable }];
  return { kind: 'Session', input, partition, time, gapMicros, ...(joined ? { joined } : {}), schema };
}

export interface SessionTable {
  readonly input: LogicalPlan;
  readonly time: number;
  readonly keys: readonly Scalar[];
  readonly gap: bigint;
  readonly position: number;
  readonly env: BindEnvironment;
}

/** The rows that have a time, with window_start and window_end of their session as the last two columns. */
export function sessionTable({ input, time, keys, gap, position, env }: SessionTable): LogicalPlan {
  const further = keys.filter((key) => key.kind !== 'column');
  const below = extend(
    input,
    further,
    further.map(() => 'key'),
  );
  const partition = keys.map((key) =>
    key.kind === 'column' ? key.index : input.schema.length + further.indexOf(key),
  );
  const timed = filter(below, isNull(columnOf(below.schema, time), true));
  const rows = sessionNode(timed, partition, time, gap, true);
  const id = timed.schema.length;
  const { type } = must(rows.schema[time]);
  const extremes = ['min', 'max'].map((name) => aggregateOf(env.functions, name, rows.schema, time, type));
  const bounds = aggregate(rows, [...partition, id], extremes, ['first_time', 'last_time']);
  const width = rows.schema.length;
  const own = width + partition.length;
  const same = operatorCall('=', [columnOf(rows.schema, id), column(own, types.int8)], position, env);
  const joined = join('inner', rows, bounds, same);
  const added: Scalar = { kind: 'literal', value: new Interval(0, 0, gap), type: types.interval };
  const end = operatorCall('+', [column(own + 2, type), added], position, env);
  const names = [...rows.schema.map((c) => c.name), 'window_start', 'window_end'];
  return project(joined, [...columnsOf(rows.schema), column(own + 1, type), end], names);
}
