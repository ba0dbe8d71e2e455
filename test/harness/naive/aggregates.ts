/** Aggregate functions over rows in memory, straight from their definitions. */
import { must } from '../../../common/assert.ts';
import { compareValues } from '../../../common/compare.ts';
import type { DataType } from '../../../common/dataType.ts';
import type { AggregateFunction, EmitContext } from '../../../common/function.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { AggregateCall } from '../../../planner/plan/aggregateCall.ts';
import { sameRow, sortRows } from './order.ts';
import { testContext } from './scalars.ts';

type Linear = Extract<ReturnType<AggregateFunction['implement']>, { form: 'linear' }>;

function runLinear(implementation: Linear, width: number, rows: readonly Row[]): Value {
  const constants: unknown[] = [];
  let temps = 0;
  const g: EmitContext = {
    context: 'ctx',
    temp: () => `tmp${temps++}`,
    constant: (value) => {
      constants.push(value);
      return `k${constants.length - 1}`;
    },
  };
  const states = implementation.state.map((_, i) => `s${i}`);
  const args = Array.from({ length: width }, (_, i) => `a${i}`);
  const add = implementation.add(states, args, 'w', g);
  const result = implementation.result(states, 'n', g);
  const body = `${implementation.state.map((s, i) => `let s${i} = ${s.initial};`).join('\n')}
let n = 0; const w = 1;
for (const [${args.join(', ')}] of rows) { n += 1; ${add} }
return n === 0 ? ${implementation.emptyResult ?? 'null'} : ${result};`;
  const names = constants.map((_, i) => `k${i}`);
  return new Function('ctx', 'rows', ...names, body)(testContext, rows, ...constants) as Value;
}

function distinctRows(rows: readonly Row[], types: readonly DataType[]): readonly Row[] {
  const kept: Row[] = [];
  for (const row of rows) if (!kept.some((k) => sameRow(k, row, types))) kept.push(row);
  return kept;
}

/** The call's result over input rows. */
export function aggregateRows(call: AggregateCall, rows: readonly Row[], types: readonly DataType[]): Value {
  const { filter } = call;
  const filtered = filter === null ? rows : rows.filter((r) => r[filter] === true);
  const argumentTypes = call.args.map((a) => must(types[a]));
  const natural = call.args.map((column) => ({ column, descending: false, nullsFirst: false }));
  const sorted = sortRows(filtered, call.orderBy.length > 0 ? call.orderBy : natural, types);
  const all = sorted.map((r) => call.args.map((a) => r[a] ?? null));
  const present = call.fn.nulls === 'skip' ? all.filter((r) => !r.includes(null)) : all;
  const used = call.distinct ? distinctRows(present, argumentTypes) : present;
  const implementation = call.fn.implement(argumentTypes, call.type);
  switch (implementation.form) {
    case 'linear':
      return runLinear(implementation, call.args.length, used);
    case 'collect':
      return implementation.finish(used);
    case 'extreme': {
      let best: Value = null;
      for (const row of used) {
        const value = row[0] ?? null;
        if (value === null) continue;
        const order = best === null ? 0 : compareValues(value, best, must(argumentTypes[0]));
        if (best === null || (implementation.end === 'min' ? order < 0 : order > 0)) best = value;
      }
      return best;
    }
  }
}
