/** What CREATE FUNCTION and CREATE AGGREGATE declare: parameters of every mode, and what comes back. */
import { type DataType, sameType, types } from '../../common/dataType.ts';
import type { DeclaredParameter, UserRoutine } from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type {
  CreateAggregate,
  CreateFunction,
  RoutineParameter,
  RoutineResult,
} from '../../parser/ast/routine.ts';
import { withoutModifier } from '../../planner/bind/coerce.ts';
import type { BindEnvironment } from '../../planner/bind/environment.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { RoutineReturn } from './routine.ts';
import { columnsText } from './routineText.ts';

type Create = CreateFunction | CreateAggregate;

/** Takes the text of an expression of the statement. */
type TextOf = (node: RoutineParameter['default'] & object) => string;

const wrong = (message: string, position: number): SqlError => new SqlError('42P13', message, { position });

export const isInput = (p: DeclaredParameter): boolean => p.mode !== 'out';
const isOutput = (p: DeclaredParameter): boolean => p.mode === 'out' || p.mode === 'inout';

/** The parameters as declared. */
export function declaredOf(
  statement: Create,
  env: BindEnvironment,
  textOf: TextOf,
): readonly DeclaredParameter[] {
  const declared: DeclaredParameter[] = [];
  for (const p of statement.parameters) {
    const position = p.span.start;
    const name = p.name?.name ?? null;
    const type = withoutModifier(dataTypeOf(p.type, env));
    const isAggregate = statement.kind === 'CreateAggregate';
    if (isAggregate && (p.mode === 'out' || p.mode === 'inout')) {
      throw wrong('aggregates cannot have output arguments', position);
    }
    if (isAggregate && p.default !== null) throw wrong('aggregates cannot have DEFAULT arguments', position);
    checkOrder(declared, p, type);
    // An OUT parameter may have the name of an IN parameter.
    const isRepeated = (d: DeclaredParameter): boolean =>
      d.name === name && (isInput(d) === (p.mode !== 'out') || d.mode === 'inout' || p.mode === 'inout');
    if (name !== null && declared.some(isRepeated))
      throw wrong(`parameter name "${name}" used more than once`, position);
    declared.push({ mode: p.mode, name, type, default: p.default === null ? null : textOf(p.default) });
  }
  return declared;
}

function checkOrder(before: readonly DeclaredParameter[], p: RoutineParameter, type: DataType): void {
  const position = p.span.start;
  if (p.mode === 'out') {
    if (p.default !== null) throw wrong('only input parameters can have default values', position);
    return;
  }
  if (before.some((d) => d.mode === 'variadic')) {
    throw wrong('VARIADIC parameter must be the last input parameter', position);
  }
  if (p.mode === 'variadic' && type.id !== 'array') {
    throw wrong('VARIADIC parameter must be an array', position);
  }
  if (p.default === null && before.some((d) => d.default !== null)) {
    throw wrong('input parameters after one with a default value must also have defaults', position);
  }
}

/** The part of a routine that its parameters say. */
export function inputsOf(
  declared: readonly DeclaredParameter[],
): Pick<UserRoutine, 'parameters' | 'variadic' | 'declared'> {
  return {
    declared,
    parameters: declared
      .filter(isInput)
      .map(({ name, type, default: value }) => ({ name, type, default: value })),
    variadic: declared.some((p) => p.mode === 'variadic'),
  };
}

export interface Returned {
  readonly returns: RoutineReturn;
  /** As pg_get_function_result shows it. */
  readonly text: string;
}

/** What comes back: RETURNS, or the OUT parameters, or both in agreement. */
export function returnedOf(
  statement: Create,
  name: string,
  declared: readonly DeclaredParameter[],
  env: BindEnvironment,
): Returned {
  const position = statement.span.start;
  if (statement.kind === 'CreateAggregate') {
    const type = withoutModifier(dataTypeOf(statement.returns, env));
    return { returns: { kind: 'value', type }, text: formatType(type) };
  }
  const { returns } = statement;
  const outputs = declared.filter(isOutput);
  if (outputs.length > 0) return returnedByOutputs(outputs, returns, name, position, env);
  if (returns === null) throw wrong('function result type must be specified', position);
  if (returns.kind === 'table') {
    const columns = returns.columns.map((c) => ({
      name: c.name.name,
      type: withoutModifier(dataTypeOf(c.type, env)),
    }));
    const names = [
      ...declared.flatMap((p) => (p.name === null ? [] : [p.name])),
      ...columns.map((c) => c.name),
    ];
    const repeated = columns.find((c) => names.filter((n) => n === c.name).length > 1);
    if (repeated !== undefined)
      throw wrong(`parameter name "${repeated.name}" used more than once`, position);
    return { returns: { kind: 'rows', columns }, text: columnsText(columns) };
  }
  if (isRecord(returns)) throw unsupported('a function that returns record without OUT parameters', position);
  const type = withoutModifier(dataTypeOf(returns.type, env));
  if (type.id === 'void') throw unsupported('a function that returns void', position);
  if (!returns.setOf) return { returns: { kind: 'value', type }, text: formatType(type) };
  const columns = type.id === 'struct' ? type.fields : [{ name, type }];
  return { returns: { kind: 'rows', columns }, text: `SETOF ${formatType(type)}` };
}

const isRecord = (returns: RoutineResult): boolean =>
  returns.kind === 'type' &&
  returns.type.fields === null &&
  returns.type.arrayDepth === 0 &&
  returns.type.name.parts.length === 1 &&
  returns.type.name.parts[0]?.name === 'record';

function returnedByOutputs(
  outputs: readonly DeclaredParameter[],
  returns: RoutineResult | null,
  name: string,
  position: number,
  env: BindEnvironment,
): Returned {
  if (returns?.kind === 'table') {
    throw wrong("OUT and INOUT arguments aren't allowed in TABLE functions", position);
  }
  const [only, ...more] = outputs;
  const single = only !== undefined && more.length === 0 ? only : null;
  const expected = single === null ? 'record' : formatType(single.type);
  if (returns !== null) {
    const agrees = isRecord(returns)
      ? single === null
      : single !== null && sameType(withoutModifier(dataTypeOf(returns.type, env)), single.type);
    if (!agrees) throw wrong(`function result type must be ${expected} because of OUT parameters`, position);
  }
  const columns = outputs.map((p, i) => ({
    name: p.name ?? (single === null ? `column${i + 1}` : name),
    type: p.type,
  }));
  if (returns?.setOf === true) return { returns: { kind: 'rows', columns }, text: `SETOF ${expected}` };
  const type: DataType =
    single === null ? { id: 'struct', fields: columns } : (columns[0]?.type ?? types.text);
  return { returns: { kind: 'value', type }, text: expected };
}
