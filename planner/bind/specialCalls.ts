/** Calls with a grammar of their own, as calls of ordinary functions. */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { SpecialCall } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { coerceExplicit, unify } from './coerce.ts';
import type { ExprContext } from './context.ts';
import { bindExpr } from './expr.ts';
import { functionCall, operatorCall, text } from './operators.ts';

export function bindSpecialCall(call: SpecialCall, context: ExprContext): Scalar {
  const { env } = context;
  const position = call.span.start;
  const inner = call.name === 'coalesce' ? { ...context, noSets: 'COALESCE' } : context;
  const args = call.arguments.map((a) => bindExpr(a, inner));
  const arg = (i: number): Scalar => must(args[i]);
  const plain = (name: string, given: readonly Scalar[] = args): Scalar =>
    functionCall(name, given, position, env);
  switch (call.name) {
    case 'substring':
    case 'overlay':
      return plain(call.name);
    case 'substring_similar':
      return plain('substring', [arg(0), plain('similar_to_escape', args.slice(1))]);
    case 'position':
      return plain('strpos', [arg(1), arg(0)]);
    case 'trim_both':
      return plain('btrim');
    case 'trim_leading':
      return plain('ltrim');
    case 'trim_trailing':
      return plain('rtrim');
    case 'normalize':
      return plain('normalize', args.length === 1 ? [arg(0), text('NFC')] : args);
    case 'coalesce':
    case 'greatest':
    case 'least': {
      const { scalars, type } = unify(args, call.name.toUpperCase(), env);
      return { kind: call.name, operands: scalars, type };
    }
    case 'nullif':
      return nullIf(arg(0), arg(1), position, context);
    case 'current_timestamp':
    case 'current_date':
    case 'current_time':
    case 'localtime':
    case 'localtimestamp':
      return currentTime(call.name, call, context);
    case 'current_catalog':
      return plain('current_database', []);
    case 'current_role':
    case 'user':
      return plain('current_user', []);
    case 'current_user':
    case 'session_user':
    case 'current_schema':
      return plain(call.name, []);
  }
}

/** CASE WHEN a = b THEN NULL ELSE a END, with the type that the comparison gives to a (of a varchar: text). */
function nullIf(a: Scalar, b: Scalar, position: number, context: ExprContext): Scalar {
  const equal = operatorCall('=', [a, b], position, context.env);
  const value = equal.kind === 'call' ? must(equal.args[0]) : a;
  const nothing: Scalar = { kind: 'literal', value: null, type: value.type };
  return { kind: 'case', whens: [{ when: equal, then: nothing }], otherwise: value, type: value.type };
}

const clockTypes = {
  current_timestamp: types.timestamptz,
  current_date: types.date,
  current_time: types.timetz,
  localtime: types.time,
  localtimestamp: types.timestamp,
} as const;

/** `current_timestamp(3)`: the grammar lets only a number stand there. */
function withPrecision(type: DataType, call: SpecialCall): DataType {
  const digits = call.arguments[0];
  if (digits?.kind !== 'Literal' || digits.value.type !== 'number' || type.id === 'date') return type;
  return must(typeFromName(type.id, [Number(digits.value.text)]));
}

/** The time words are now() as their type, in the session's time zone. */
function currentTime(name: keyof typeof clockTypes, call: SpecialCall, context: ExprContext): Scalar {
  const position = call.span.start;
  const type = withPrecision(clockTypes[name], call);
  const now = functionCall('now', [], position, context.env);
  return coerceExplicit(now, type, position, context.env);
}
