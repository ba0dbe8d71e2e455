/** Users' functions as entries of the function catalog: what is common to all languages, and SQL functions, which are inlined. */
import { AssertionError } from '../../common/assert.ts';
import type { Column, DataType } from '../../common/dataType.ts';
import type {
  AggregateFunction,
  ScalarFunction,
  TableFunction,
  TypePattern,
  UserRoutine,
  Volatility,
} from '../../common/function.ts';
import { formatType } from '../../common/typeTable.ts';

/** A user's function in the catalog. */
export interface RoutineObject {
  readonly kind: 'function' | 'aggregate';
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  /** The CREATE statement. */
  readonly sql: string;
  readonly searchPath: readonly string[];
  readonly timeZone: string;
  /** Ids of relations and functions that the body of an SQL function names. */
  readonly dependsOn: ReadonlySet<number>;
  /** What it was made of; ALTER makes it again. */
  readonly definition: RoutineDefinition;
  readonly fn: RoutineFunction;
  /** Frees what the function holds outside the catalog. */
  readonly close: () => void;
}

export type RoutineFunction = (ScalarFunction | TableFunction | AggregateFunction) & {
  readonly user: UserRoutine;
};

export type RoutineReturn =
  | { readonly kind: 'value'; readonly type: DataType }
  | { readonly kind: 'rows'; readonly columns: readonly Pick<Column, 'name' | 'type'>[] };

/** What CREATE FUNCTION and CREATE AGGREGATE say. */
export interface RoutineDefinition {
  readonly kind: 'function' | 'aggregate';
  readonly name: string;
  readonly user: UserRoutine;
  readonly returns: RoutineReturn;
  readonly volatility: Volatility;
  readonly strict: boolean;
}

/** `f(integer, text)`. */
export function signatureOf(name: string, parameters: UserRoutine['parameters']): string {
  return `${name}(${parameters.map((p) => formatType(p.type)).join(', ')})`;
}

/** The nearest pattern of a type; the declared type itself is in `user.parameters`. */
function patternOf(type: DataType): TypePattern {
  if (type.id === 'struct') return 'record';
  if (type.id !== 'array') return type.id;
  const { element } = type;
  if (element.id === 'struct' || element.id === 'array') return 'record[]';
  return `${element.id}[]`;
}

/** What every entry has. */
export function entryOf(definition: RoutineDefinition) {
  const { name, user } = definition;
  return {
    name,
    user,
    args: user.parameters.map((p) => patternOf(p.type)),
    doc: `A function in ${user.language}.`,
    examples: [],
  };
}

/** Whether NULL arguments reach the function. */
export const nullsOf = ({ strict }: RoutineDefinition): 'strict' | 'called' => (strict ? 'strict' : 'called');

/** An SQL function; only the binder ever uses it, which puts its query in the place of every call. */
export function sqlFunction(definition: RoutineDefinition): RoutineFunction {
  const { returns, volatility, user } = definition;
  const implement = (): never => {
    throw new AssertionError(`SQL function ${definition.name} was not inlined`);
  };
  const common = { ...entryOf(definition), user, volatility, nulls: nullsOf(definition), implement };
  if (returns.kind === 'rows') return { kind: 'table', ...common, columns: () => returns.columns };
  return { kind: 'scalar', ...common, returns: () => returns.type };
}
