/** What an aggregate gives over no rows: 0 for count, NULL for most, an empty object for some. */
import { assert, must } from '../../common/assert.ts';
import { type DataType, physicalKind, type Schema } from '../../common/dataType.ts';
import type { Value } from '../../common/value.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';

/** The call's result over no rows of its input; null: SQL NULL. */
export function emptyResult(call: AggregateCall, input: Schema): Value {
  const argumentTypes = call.args.map((a) => must(input[a]).type);
  const implementation = call.fn.implement(argumentTypes, call.type);
  switch (implementation.form) {
    case 'extreme':
      return null;
    case 'collect':
      return implementation.finish([]);
    case 'linear':
      if (implementation.emptyValue !== undefined) return implementation.emptyValue();
      return implementation.emptyResult === undefined ? null : zero(call.type, implementation.emptyResult);
  }
}

function zero(type: DataType, expression: string): Value {
  const number = must(/^-?(\d+)n?$/.exec(expression.trim()), `empty result ${expression} is a number`)[0];
  const kind = physicalKind(type);
  assert(kind !== 'boxed' && kind !== 'text', `empty result of type ${type.id} is a number`);
  return kind === 'i64' ? BigInt(number.replace('n', '')) : Number(number.replace('n', ''));
}
