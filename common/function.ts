/**
 * What a function *is*: data that the binder (overload resolution, types), the optimizer (folding, monotonicity), the
 * executor (code), pg_proc and the reference page all read. The literals live in executor/functions and
 * executor/aggregates.
 */
import type { DataType, PhysicalKind, StructField, TypeId } from './dataType.ts';
import type { Decimal } from './decimal.ts';
import type { Interval } from './interval.ts';
import type { Jsonb } from './jsonb.ts';
import type { SqlArray } from './sqlArray.ts';
import type { StateCodec } from './stateCodec.ts';
import type { TextContext } from './textContext.ts';
import type { TimeTz } from './timeTz.ts';
import type { NonNullValue, Value } from './value.ts';

type ConcreteId = Exclude<TypeId, 'array' | 'struct'>;

/**
 * A parameter's or result's type: a concrete type, an array of one, or a pseudo type. All `anyelement`/`anyarray` of one
 * signature stand for one type, as in PostgreSQL; `anycompatible*` are unified to a common type; `any` takes anything
 * and keeps it; `record` is any struct.
 */
export type TypePattern =
  | ConcreteId
  | `${ConcreteId}[]`
  | 'any'
  | 'anyelement'
  | 'anyarray'
  | 'anynonarray'
  | 'anycompatible'
  | 'anycompatiblearray'
  | 'record'
  | 'record[]';

/** A result type: a pattern, or computed from the actual argument types. */
export type ResultType = TypePattern | ((args: readonly DataType[]) => DataType);

export type Volatility = 'immutable' | 'stable' | 'volatile';

/** What a context-dependent function may ask. One per statement or, for a maintained view, per tick. */
export interface EvalContext extends TextContext {
  /** Microseconds since the epoch: transaction (or tick) start, what now() returns. `now()` of TextContext is the same. */
  now(): bigint;
  /** The wall clock at this moment. */
  clock(): bigint;
  /** Uniform in [0, 1). */
  random(): number;
  /** 16 random bytes for gen_random_uuid. */
  randomBytes(count: number): Uint8Array;
  readonly session: SessionInfo;
}

/** Session facts and catalog look-ups behind system functions; a maintained view gets a fixed one. */
export interface SessionInfo {
  readonly user: string;
  readonly database: string;
  readonly processId: number;
  searchPath(): readonly string[];
  /** Value of a setting, null when there is none of that name. */
  setting(name: string): string | null;
  setSetting(name: string, value: string, local: boolean): void;
  /** Answers a catalog function such as pg_get_viewdef, format_type's relation names, to_regclass, obj_description. */
  catalogFunction(name: string, args: readonly Value[]): Value;
}

/** Services of the code generator for emitted JavaScript. */
export interface EmitContext {
  /** Closes over a run-time value and returns the identifier that names it in generated code. */
  constant(value: unknown): string;
  /** A fresh identifier. */
  temp(): string;
  /** Identifier of the EvalContext of the running loop. */
  readonly context: string;
}

/**
 * How to compute. `emit` gives a JavaScript expression over identifiers (each argument is a local variable, known not
 * null for a strict function; may be used several times). Every other form is a called body.
 */
export type ScalarImplementation =
  | { readonly emit: (args: readonly string[], g: EmitContext) => string }
  | { readonly evaluate: (...args: never[]) => Value }
  | { readonly evaluateWith: (context: EvalContext, ...args: never[]) => Value };

export interface DeclaredParameter {
  readonly mode: 'in' | 'out' | 'inout' | 'variadic';
  readonly name: string | null;
  readonly type: DataType;
  readonly default: string | null;
}

/** A parameter of a built-in function that can be given by name; `default` is SQL, null when there is none. */
export interface ParameterName {
  readonly name: string;
  readonly default: string | null;
}

/** What more there is to a function that a user has made. */
export interface UserRoutine {
  readonly id: number;
  readonly schema: string;
  readonly language: string;
  readonly owner: string;
  /** The body as written. */
  readonly source: string;
  /**
   * What a call gives: IN, INOUT and VARIADIC parameters. The declared types, which patterns may be too coarse for
   * (structs). `default` is SQL, null when there is none.
   */
  readonly parameters: readonly {
    readonly name: string | null;
    readonly type: DataType;
    readonly default: string | null;
  }[];
  /** The last parameter is an array that takes the rest of a call's arguments. */
  readonly variadic: boolean;
  /** All parameters in the order of the declaration, OUT parameters too. */
  readonly declared: readonly DeclaredParameter[];
  /** The result type as written: `SETOF integer`, `TABLE(a integer)`, `record`. */
  readonly resultText: string;
  /** What the function has set for its calls (millrace.udf_timeout ...), by name. */
  readonly settings: ReadonlyMap<string, string>;
  /** An SQL function is its query, which takes the place of a call; null for any other. */
  readonly inline: { readonly query: string; readonly searchPath: readonly string[] } | null;
}

export interface ScalarFunction {
  readonly kind: 'scalar';
  /** Set for a function that a user has made. */
  readonly user?: UserRoutine;
  /** SQL name, lower case. A pure operator has the name of PostgreSQL's underlying function (`int4pl`). */
  readonly name: string;
  /** Operator spelled by this function, such as `+`; prefix operators have one argument. */
  readonly operator?: string;
  /** For operators that may be evaluated from either side: the operator with swapped arguments. */
  readonly commutator?: string;
  /** For boolean operators: the operator that gives the opposite. */
  readonly negator?: string;
  readonly args: readonly TypePattern[];
  /** Where calls may name the arguments: one name per argument. */
  readonly parameters?: readonly ParameterName[];
  /** The last parameter repeats (its pattern is the element's). */
  readonly variadic?: boolean;
  readonly returns: ResultType;
  /** strict: any NULL argument gives NULL without a call. called: NULLs arrive as null. */
  readonly nulls: 'strict' | 'called';
  readonly volatility: Volatility;
  /** True when no non-null arguments can raise an error. */
  readonly infallible?: boolean;
  /** True when a strict function may still return null (evaluate returns null). emit forms never return null unless set. */
  readonly mayReturnNull?: boolean;
  /** Result rises (or falls) weakly with this argument while the others are constant. */
  readonly monotone?: { readonly argument: number; readonly direction: 'increasing' | 'decreasing' };
  readonly doc: string;
  /** SQL expression and its result as text (`NULL` for null), run as tests. */
  readonly examples: readonly (readonly [sql: string, result: string])[];
  /** The implementation for actual argument types (polymorphic functions look at them). */
  readonly implement: (args: readonly DataType[], result: DataType) => ScalarImplementation;
}

/** Returns rows. `returns` lists output columns; a single column named like the function is a scalar set. */
export interface TableFunction {
  readonly kind: 'table';
  /** Set for a function that a user has made. */
  readonly user?: UserRoutine;
  readonly name: string;
  readonly args: readonly TypePattern[];
  /** Where calls may name the arguments: one name per argument. */
  readonly parameters?: readonly ParameterName[];
  readonly variadic?: boolean;
  readonly columns: (
    args: readonly DataType[],
  ) => readonly { readonly name: string; readonly type: DataType }[];
  readonly volatility: Volatility;
  readonly nulls: 'strict' | 'called';
  /** Of a function that returns `record`: itself with the columns of a column definition list. */
  readonly withColumns?: (fields: readonly StructField[]) => TableFunction;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, rows: readonly string[]])[];
  /** Yields rows (one value per output column). Strict functions give no row for NULL arguments. */
  readonly implement: (
    args: readonly DataType[],
  ) => (context: EvalContext, ...args: readonly Value[]) => Iterable<readonly Value[]>;
}

/** Accumulator slot of a linear aggregate: int64 as bigint, float64, or any JavaScript value. */
export type AccumulatorKind = 'i64' | 'f64' | 'i32' | 'boxed';

/** One accumulator; `initial` is JavaScript. `codec` is for checkpoints: how an accumulator that is not null is saved. */
export type AccumulatorState =
  | { readonly kind: Exclude<AccumulatorKind, 'boxed'>; readonly initial: string }
  | { readonly kind: 'boxed'; readonly initial: string; readonly codec: StateCodec };

/**
 * linear: an abelian group: rows add and retract in any order in O(1). `add` gives statements that update the state
 *   variables (mutable locals) for non-null arguments and an int32 weight, possibly negative; `result` gives an
 *   expression for the result, or `null` as JavaScript null. `count` is the sum of weights of the rows that were added
 *   (non-null arguments): a result over no rows is null unless `emptyResult` is given.
 * extreme: smallest or largest of the group's values, by the type's order.
 * collect: computed from all of the group's argument rows with their (positive) weights, in the call's ORDER BY, else
 *   in the order of the arguments.
 */
export type AggregateImplementation =
  | {
      readonly form: 'linear';
      readonly state: readonly AccumulatorState[];
      readonly add: (
        state: readonly string[],
        args: readonly string[],
        weight: string,
        g: EmitContext,
      ) => string;
      readonly result: (state: readonly string[], count: string, g: EmitContext) => string;
      /** Expression for the result over no rows (count: `0n`); null when absent. */
      readonly emptyResult?: string;
      /** In place of `emptyResult`, where the result over no rows is no number. */
      readonly emptyValue?: () => Value;
    }
  | { readonly form: 'extreme'; readonly end: 'min' | 'max' }
  | {
      readonly form: 'collect';
      /** Rows are argument tuples repeated by weight. */
      readonly finish: (rows: Iterable<readonly Value[]>) => Value;
      /** True when the result over no rows is what `finish` gives; else it is null. */
      readonly overNothing?: boolean;
      /** How the result is found among a group's rows without reading them all; absent: it is as long as the group. */
      readonly index?: GroupIndex;
    };

/** A group's rows in the order of a call. Each access takes O(log n). */
export interface OrderedRows {
  readonly length: number;
  /** Rows whose first ORDER BY value is NULL: they are all at one end. */
  nulls(): number;
  /** The arguments of the row at a place, from 0 on; there is one. */
  at(place: number): readonly Value[];
}

/**
 * place: by the rows' places in the call's order; with `leading` that argument comes before the call's ORDER BY.
 * frequency: the most frequent value of the first argument; of several, the first in the call's order.
 * distinct: the number of distinct values of the first argument.
 */
export type GroupIndex =
  | {
      readonly kind: 'place';
      readonly leading?: { readonly argument: number; readonly descending: boolean };
      readonly find: (rows: OrderedRows) => Value;
    }
  | { readonly kind: 'frequency' }
  | { readonly kind: 'distinct' };

export interface AggregateFunction {
  readonly kind: 'aggregate';
  /** Set for a function that a user has made. */
  readonly user?: UserRoutine;
  readonly name: string;
  readonly args: readonly TypePattern[];
  readonly variadic?: boolean;
  readonly returns: ResultType;
  /** skip: rows with a NULL argument are ignored (most); called: they arrive (array_agg, count(*), jsonb_agg). */
  readonly nulls: 'skip' | 'called';
  /** True when ORDER BY within the call changes the result. */
  readonly orderSensitive: boolean;
  /** ORDER BY is required (first_value) or the call is WITHIN GROUP. */
  readonly orderedSet?: boolean;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, result: string])[];
  readonly implement: (args: readonly DataType[], result: DataType) => AggregateImplementation;
}

/** Pure window functions (row_number, rank, lag ...). Aggregates serve as window functions by themselves. */
export interface WindowFunction {
  readonly kind: 'window';
  readonly name: string;
  readonly args: readonly TypePattern[];
  /** Arguments after these may be left out. */
  readonly required: number;
  readonly returns: ResultType;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, result: string])[];
}

export type SqlFunction = ScalarFunction | TableFunction | AggregateFunction | WindowFunction;

/** What the planner asks about functions. */
export interface FunctionCatalog {
  /** Every function of this name (lower case), of any kind. */
  byName(name: string): readonly SqlFunction[];
  /** Scalar functions behind an operator. */
  operators(operator: string): readonly ScalarFunction[];
  /** Names for "did you mean" hints and pg_proc. */
  all(): readonly SqlFunction[];
  /** Users' functions of this name: in `schema`, or along the search path. */
  user?(schema: string | null, name: string, searchPath: readonly string[]): readonly SqlFunction[];
  /** All users' functions; the same list until there is a change. */
  userFunctions?(): readonly SqlFunction[];
}

type JsOf<P extends TypePattern> = P extends `${string}[]`
  ? SqlArray
  : P extends 'bool'
    ? boolean
    : P extends
          | 'int2'
          | 'int4'
          | 'float4'
          | 'float8'
          | 'date'
          | 'oid'
          | 'regclass'
          | 'regtype'
          | 'regproc'
          | 'regnamespace'
      ? number
      : P extends 'int8' | 'time' | 'timestamp' | 'timestamptz'
        ? bigint
        : P extends 'numeric'
          ? Decimal
          : P extends 'text' | 'varchar' | 'bpchar' | 'name' | 'char' | 'json' | 'uuid' | 'unknown' | 'void'
            ? string
            : P extends 'bytea'
              ? Uint8Array
              : P extends 'interval'
                ? Interval
                : P extends 'timetz'
                  ? TimeTz
                  : P extends 'jsonb'
                    ? Jsonb
                    : P extends 'anyarray' | 'anycompatiblearray'
                      ? SqlArray
                      : P extends 'record'
                        ? readonly Value[]
                        : NonNullValue;

/** Argument values of a signature: `evaluate: (a, b) => ...` infers its parameter types from `args`. */
export type ArgumentValues<A extends readonly TypePattern[], N extends 'strict' | 'called'> = {
  readonly [I in keyof A]: N extends 'strict' ? JsOf<A[I]> : JsOf<A[I]> | null;
};

interface ScalarLiteral<A extends readonly TypePattern[], N extends 'strict' | 'called'>
  extends Omit<
    ScalarFunction,
    'kind' | 'args' | 'nulls' | 'implement' | 'volatility' | 'doc' | 'examples' | 'variadic'
  > {
  readonly args: A;
  readonly nulls?: N;
  readonly volatility?: Volatility;
  readonly doc: string;
  readonly examples: readonly (readonly [sql: string, result: string])[];
  readonly emit?: (args: readonly string[], g: EmitContext) => string;
  readonly evaluate?: (...args: ArgumentValues<A, N>) => Value;
  readonly evaluateWith?: (context: EvalContext, ...args: ArgumentValues<A, N>) => Value;
  readonly implement?: (args: readonly DataType[], result: DataType) => ScalarImplementation;
}

/**
 * A scalar function as a literal. Defaults: strict, immutable. Give exactly one of emit, evaluate, evaluateWith,
 * implement. For variadic functions use `variadicScalar`.
 */
export function scalar<const A extends readonly TypePattern[], N extends 'strict' | 'called' = 'strict'>(
  literal: ScalarLiteral<A, N>,
): ScalarFunction {
  const { emit, evaluate, evaluateWith, implement, nulls, volatility, ...rest } = literal;
  const body: ScalarFunction['implement'] =
    implement ??
    (() => {
      if (emit !== undefined) return { emit };
      if (evaluate !== undefined) return { evaluate: evaluate as unknown as (...args: never[]) => Value };
      return { evaluateWith: evaluateWith as unknown as (context: EvalContext, ...args: never[]) => Value };
    });
  return {
    kind: 'scalar',
    ...rest,
    nulls: nulls ?? 'strict',
    volatility: volatility ?? 'immutable',
    implement: body,
  };
}

/** A scalar function whose last parameter repeats; its body takes (context, all arguments). */
export function variadicScalar(
  literal: Omit<ScalarFunction, 'kind' | 'variadic' | 'implement'> & {
    readonly evaluate: (context: EvalContext, args: readonly Value[], types: readonly DataType[]) => Value;
  },
): ScalarFunction {
  const { evaluate, ...rest } = literal;
  return {
    kind: 'scalar',
    ...rest,
    variadic: true,
    implement: (types) => ({
      evaluateWith: (context: EvalContext, ...args: readonly Value[]) => evaluate(context, args, types),
    }),
  };
}

/** How a physical kind is spelled as a JavaScript zero in generated code. */
export const zeroOf: { readonly [K in PhysicalKind]: string } = {
  bool: 'false',
  i32: '0',
  i64: '0n',
  f64: '0',
  text: "''",
  boxed: 'null',
};
