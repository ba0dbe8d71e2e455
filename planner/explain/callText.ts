/** Aggregate calls, window calls and sort keys as text. */
import type { Schema } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { formatInterval } from '../../common/intervalFormat.ts';
import type { AggregateCall, FrameBound, SortKey, WindowCall } from '../plan/aggregateCall.ts';
import { columnName } from './scalarText.ts';

export function sortKeysText(order: readonly SortKey[], schema: Schema): string {
  const one = (k: SortKey): string => {
    const direction = k.descending ? ' DESC' : '';
    const nulls = k.nullsFirst === k.descending ? '' : k.nullsFirst ? ' NULLS FIRST' : ' NULLS LAST';
    return `${columnName(schema, k.column)}${direction}${nulls}`;
  };
  return order.map(one).join(', ');
}

const filterText = (filter: number | null, schema: Schema): string =>
  filter === null ? '' : ` FILTER (WHERE ${columnName(schema, filter)})`;

export function aggregateText(call: AggregateCall, schema: Schema): string {
  const args = call.args.map((a) => columnName(schema, a)).join(', ');
  const inside = args === '' && call.fn.name === 'count' ? '*' : args;
  const order = call.orderBy.length === 0 ? '' : ` ORDER BY ${sortKeysText(call.orderBy, schema)}`;
  return `${call.fn.name}(${call.distinct ? 'DISTINCT ' : ''}${inside}${order})${filterText(call.filter, schema)}`;
}

function boundText({ bound, offset }: FrameBound): string {
  if (bound !== 'preceding' && bound !== 'following') return bound.toUpperCase();
  const distance = offset instanceof Interval ? `'${formatInterval(offset, 'postgres')}'` : String(offset);
  return `${distance} ${bound.toUpperCase()}`;
}

export function windowCallText(call: WindowCall, schema: Schema): string {
  const args = call.args.map((a) => columnName(schema, a)).join(', ');
  const ignore = call.ignoreNulls ? ' IGNORE NULLS' : '';
  const text = `${call.fn.name}(${call.distinct ? 'DISTINCT ' : ''}${args})${ignore}${filterText(call.filter, schema)}`;
  const { unit, start, end, exclude } = call.frame;
  const usual = unit === 'range' && start.bound === 'unbounded preceding' && end.bound === 'current row';
  if (call.fn.kind === 'window' || (usual && exclude === 'no others')) return text;
  const excluded = exclude === 'no others' ? '' : ` EXCLUDE ${exclude.toUpperCase()}`;
  return `${text} ${unit.toUpperCase()} BETWEEN ${boundText(start)} AND ${boundText(end)}${excluded}`;
}
