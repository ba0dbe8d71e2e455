/** CREATE FUNCTION and CREATE AGGREGATE. */
import type { Ident, Node, ObjectName, Option, TypeName } from './common.ts';
import type { Expr } from './expr.ts';

export interface RoutineParameter extends Node {
  readonly kind: 'RoutineParameter';
  readonly mode: 'in' | 'out' | 'inout' | 'variadic';
  readonly name: Ident | null;
  readonly type: TypeName;
  readonly default: Expr | null;
}

export type RoutineResult =
  | { readonly kind: 'type'; readonly type: TypeName; readonly setOf: boolean }
  | {
      readonly kind: 'table';
      readonly columns: readonly { readonly name: Ident; readonly type: TypeName }[];
    };

/** AS 'text' | AS 'object', 'symbol' | AS name USING LINK 'x' | USING LINK 'x' | USING BASE64 'x' | RETURN expr */
export type RoutineBody =
  | { readonly kind: 'text'; readonly text: string; readonly symbol: string | null }
  | { readonly kind: 'link'; readonly name: string | null; readonly link: string }
  | { readonly kind: 'base64'; readonly data: string }
  | { readonly kind: 'return'; readonly expr: Expr };

/** SET name TO value, which holds while the function runs. */
export interface RoutineSetting {
  readonly name: string;
  readonly value: string;
}

export interface CreateFunction extends Node {
  readonly kind: 'CreateFunction';
  readonly orReplace: boolean;
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly parameters: readonly RoutineParameter[];
  readonly returns: RoutineResult | null;
  readonly language: string | null;
  readonly runtime: string | null;
  readonly volatility: 'immutable' | 'stable' | 'volatile' | null;
  readonly strict: boolean;
  readonly settings: readonly RoutineSetting[];
  readonly body: RoutineBody | null;
  readonly options: readonly Option[];
}

export interface CreateAggregate extends Node {
  readonly kind: 'CreateAggregate';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly parameters: readonly RoutineParameter[];
  readonly returns: TypeName;
  readonly appendOnly: boolean;
  readonly language: string | null;
  readonly runtime: string | null;
  readonly settings: readonly RoutineSetting[];
  readonly body: RoutineBody | null;
}
