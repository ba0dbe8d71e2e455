/** Aggregate calls that the planner itself makes, found in the registry. */
import { must } from '../../common/assert.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import type { AggregateFunction, FunctionCatalog } from '../../common/function.ts';
import type { AggregateCall } from './aggregateCall.ts';

/** The aggregate of exactly this argument type; null: there is none. */
export function findAggregate(
  functions: FunctionCatalog,
  name: string,
  argument: DataType,
): AggregateFunction | null {
  const fits = functions
    .byName(name)
    .find((f) => f.kind === 'aggregate' && f.args.length === 1 && f.args[0] === argument.id);
  return fits?.kind === 'aggregate' ? fits : null;
}

/** The call of an aggregate of one column, which must exist; `type`: of its result. */
export function aggregateOf(
  functions: FunctionCatalog,
  name: string,
  input: Schema,
  column: number,
  type: DataType,
): AggregateCall {
  const fn = must(findAggregate(functions, name, must(input[column]).type), `${name} of this type`);
  return { fn, args: [column], distinct: false, filter: null, orderBy: [], type };
}
