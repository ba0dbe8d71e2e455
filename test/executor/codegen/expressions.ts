/** Short ways to write bound expressions in tests. */
import { must } from '../../../common/assert.ts';
import type { DataType } from '../../../common/dataType.ts';
import { types } from '../../../common/dataType.ts';
import type { ScalarFunction } from '../../../common/function.ts';
import type { Value } from '../../../common/value.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';

export function column(index: number, type: DataType): Scalar {
  return { kind: 'column', index, type };
}

export function literal(value: Value, type: DataType): Scalar {
  return { kind: 'literal', value, type };
}

export const int = (value: number | null): Scalar => literal(value, types.int4);
export const bool = (value: boolean | null): Scalar => literal(value, types.bool);

/** The registered function with this name and number of arguments. */
export function scalarFunction(name: string): ScalarFunction {
  return must(
    functionCatalog.byName(name).find((fn) => fn.kind === 'scalar'),
    name,
  );
}

export function call(name: string, type: DataType, ...args: Scalar[]): Scalar {
  return { kind: 'call', fn: scalarFunction(name), args, type, position: 7 };
}

export function and(...operands: Scalar[]): Scalar {
  return { kind: 'and', operands, type: types.bool };
}

export function or(...operands: Scalar[]): Scalar {
  return { kind: 'or', operands, type: types.bool };
}

export function cast(operand: Scalar, type: DataType, attempt = false): Scalar {
  return { kind: 'cast', operand, type, explicit: true, try: attempt, position: 3 };
}
