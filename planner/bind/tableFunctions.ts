/** Functions in FROM: set-returning ones, ROWS FROM, WITH ORDINALITY, and scalar functions as relations of one row. */
import { must } from '../../common/assert.ts';
import { type Column, type DataType, types } from '../../common/dataType.ts';
import type { TableFunction as TableFunctionEntry } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Value } from '../../common/value.ts';
import type { FunctionCall } from '../../parser/ast/expr.ts';
import type { TableAlias, TableFunction } from '../../parser/ast/query.ts';
import { oneRow } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { bindArguments, functionNameOf, functionsOf, matchTableFunction } from './calls.ts';
import { defaultUnknown } from './coerce.ts';
import type { ExprContext } from './context.ts';
import type { BindEnvironment } from './environment.ts';
import { bindExpr } from './expr.ts';
import { type BoundFrom, type FromContext, renamed, single } from './from.ts';
import { exprContext } from './query.ts';
import { Scope } from './scope.ts';
import { dataTypeOf } from './typeNames.ts';
import { inlineQuery, placeable, resultNameOf } from './userFunctions.ts';

type Field = { readonly name: string; readonly type: DataType };

interface FromCall {
  readonly fn: TableFunctionEntry;
  readonly args: readonly Scalar[];
  readonly columns: readonly Column[];
  /** Gives plain values rather than rows. */
  readonly scalar: boolean;
}

/** A function of plain values alone in FROM calls its column by the alias. */
function columnsOf(
  call: FunctionCall,
  fields: readonly Field[],
  alias: TableAlias | null,
  alone: boolean,
): readonly Column[] {
  const name = functionNameOf(call);
  const own = alone ? (alias?.name?.name ?? name) : name;
  return fields.map((f) => ({
    name: fields.length === 1 && f.name === name ? own : f.name,
    type: f.type,
    nullable: true,
  }));
}

export function bindTableFunction(ref: TableFunction, context: FromContext): BoundFrom {
  // The node's own input has no columns: what the arguments name is further out.
  const scope = new Scope({}, context.lateral);
  const expr: ExprContext = {
    ...exprContext(context.env, scope, context.ctes),
    clause: 'functions in FROM',
  };
  const query = bindInlineQuery(ref, context, expr);
  if (query !== null) return query;
  refuseSharedDefinitions(ref);
  const calls = ref.calls.map((call, i) => bindFromCall(call, ref, definitionsOf(ref, i), expr));
  const schema: Column[] = calls.flatMap((c) => c.columns);
  if (ref.withOrdinality) schema.push({ name: 'ordinality', type: types.int8, nullable: false });
  const plan: LogicalPlan = {
    kind: 'TableFunction',
    input: oneRow,
    calls: calls.map((c) => ({ fn: c.fn, args: c.args })),
    ordinality: ref.withOrdinality,
    schema,
  };
  const name = ref.alias?.name?.name ?? functionNameOf(must(ref.calls[0]));
  const scalar = schema.length === 1 && must(calls[0]).scalar;
  return single(plan, name, null, renamed(schema, ref.alias), scalar);
}

function tableCandidates(call: FunctionCall, context: ExprContext): readonly TableFunctionEntry[] {
  return functionsOf(call, context).flatMap((f) => (f.kind === 'table' ? [f] : []));
}

/** An SQL function that gives rows: its query stands there like a lateral subquery. */
function bindInlineQuery(ref: TableFunction, context: FromContext, expr: ExprContext): BoundFrom | null {
  const call = must(ref.calls[0]);
  if (ref.calls.length > 1 || ref.withOrdinality) return null;
  const candidates = tableCandidates(call, expr);
  if (!candidates.some((f) => f.user?.inline)) return null;
  // Seen from the query's place: what the arguments name is its own row.
  const outside: ExprContext = {
    ...exprContext(context.env, context.lateral, context.ctes),
    clause: expr.clause,
  };
  const args = bindArguments(call, outside);
  const matched = matchTableFunction(functionNameOf(call), candidates, args, call, outside);
  if (!matched.fn.user?.inline) return null;
  const columns = columnsOf(call, matched.columns, ref.alias, true);
  const plan = inlineQuery(matched.fn, matched.args, columns, call.span.start, context.env);
  const name = ref.alias?.name?.name ?? functionNameOf(call);
  return single(plan, name, null, renamed(columns, ref.alias), columns.length === 1);
}

/** The column definition list of a call. */
function definitionsOf(ref: TableFunction, call: number): TableAlias['columns'] {
  return ref.definitions?.[call] ?? (ref.alias?.columns ?? []).filter((c) => c.type !== null);
}

/** A list behind the alias belongs to a single function without ordinality. */
function refuseSharedDefinitions(ref: TableFunction): void {
  const first = (ref.alias?.columns ?? []).find((c) => c.type !== null);
  if (first === undefined) return;
  const position = first.name.span.start;
  if (ref.calls.length > 1) {
    throw new SqlError('42601', 'ROWS FROM() with multiple functions cannot have a column definition list', {
      position,
      hint: 'Put a separate column definition list for each function inside ROWS FROM().',
    });
  }
  if (ref.withOrdinality) {
    throw new SqlError('42601', 'WITH ORDINALITY cannot be used with a column definition list', {
      position,
      hint: 'Put the column definition list inside ROWS FROM().',
    });
  }
}

/** `AS x(a int, b text)`: the columns of a function that returns record; null where there is no such list. */
function definedColumns(
  call: FunctionCall,
  fn: TableFunctionEntry,
  list: TableAlias['columns'],
  env: BindEnvironment,
): Pick<FromCall, 'fn' | 'columns'> | null {
  const position = call.span.start;
  const hasTypes = list.length > 0;
  if (fn.withColumns === undefined) {
    if (!hasTypes) return null;
    throw needlessDefinitions(position);
  }
  if (!hasTypes) {
    const message = 'a column definition list is required for functions returning "record"';
    throw new SqlError('42601', message, { position });
  }
  const fields = list.map((c) => ({ name: c.name.name, type: dataTypeOf(must(c.type), env) }));
  const columns = fields.map((f) => ({ ...f, nullable: true }));
  return { fn: fn.withColumns(fields), columns };
}

function needlessDefinitions(position: number): SqlError {
  const message = 'a column definition list is only allowed for functions returning "record"';
  return new SqlError('42601', message, { position });
}

function bindFromCall(
  call: FunctionCall,
  ref: TableFunction,
  definitions: TableAlias['columns'],
  context: ExprContext,
): FromCall {
  const name = functionNameOf(call);
  const alone = ref.calls.length === 1;
  const candidates = tableCandidates(call, context);
  if (candidates.length > 0) {
    const args = bindArguments(call, context);
    const matched = placeable(matchTableFunction(name, candidates, args, call, context), context.env);
    const defined = definedColumns(call, matched.fn, definitions, context.env);
    if (defined !== null) return { ...defined, args: matched.args, scalar: false };
    const columns = columnsOf(call, matched.columns, ref.alias, alone);
    const scalar = matched.columns.length === 1;
    return { fn: matched.fn, args: matched.args, columns, scalar };
  }
  if (definitions.length > 0) throw needlessDefinitions(call.span.start);
  const value = defaultUnknown(bindExpr(call, context), context.env);
  const isStruct = value.type.id === 'struct';
  const own = resultNameOf(value) ?? name;
  const fields: readonly Field[] =
    value.type.id === 'struct' ? value.type.fields : [{ name: own, type: value.type }];
  return {
    fn: oneRowFunction(name, fields, isStruct),
    args: [value],
    columns: columnsOf(call, fields, ref.alias, alone && !isStruct),
    scalar: !isStruct,
  };
}

/** A scalar value as a relation of one row; a struct gives its fields. */
function oneRowFunction(name: string, fields: readonly Field[], isStruct: boolean): TableFunctionEntry {
  const rowOf = (value: Value): readonly Value[] => {
    if (!isStruct) return [value];
    return Array.isArray(value) ? value : fields.map(() => null);
  };
  return {
    kind: 'table',
    name,
    args: ['any'],
    columns: () => fields,
    volatility: 'immutable',
    nulls: 'called',
    doc: 'A scalar function as a relation of one row.',
    examples: [],
    implement: () => (_context, value) => [rowOf(value ?? null)],
  };
}
