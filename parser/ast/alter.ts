/** ALTER of every kind of object: one node, the change as a closed union. */
import type { Ident, Node, ObjectName, Option, TypeName } from './common.ts';
import type { Expr } from './expr.ts';
import type { Query } from './query.ts';
import type { ColumnDefinition, FormatEncode, ObjectKind, TableElement } from './statement.ts';

export type AlterAction =
  | { readonly kind: 'rename'; readonly to: ObjectName }
  | { readonly kind: 'renameColumn'; readonly from: Ident; readonly to: Ident }
  | { readonly kind: 'renameConstraint'; readonly from: Ident; readonly to: Ident }
  | { readonly kind: 'owner'; readonly to: Ident }
  | { readonly kind: 'setSchema'; readonly to: Ident }
  | { readonly kind: 'swap'; readonly with: ObjectName }
  /** SET parallelism, backfill_parallelism, resource_group, ..._rate_limit, retention, ...; a null value is DEFAULT */
  | { readonly kind: 'set'; readonly name: string; readonly value: string | null; readonly deferred: boolean }
  | { readonly kind: 'reset'; readonly name: string | null; readonly deferred: boolean }
  | { readonly kind: 'setConfig'; readonly options: readonly Option[] }
  | { readonly kind: 'resetConfig'; readonly keys: readonly string[] }
  | { readonly kind: 'connector'; readonly options: readonly Option[] }
  | { readonly kind: 'dropConnector' }
  | { readonly kind: 'refreshSchema' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'pause' }
  /** ALTER FUNCTION: IMMUTABLE | STABLE | VOLATILE */
  | { readonly kind: 'volatility'; readonly to: 'immutable' | 'stable' | 'volatile' }
  /** ALTER FUNCTION: STRICT and its long forms */
  | { readonly kind: 'nullInput'; readonly strict: boolean }
  | { readonly kind: 'format'; readonly format: FormatEncode }
  | { readonly kind: 'asQuery'; readonly query: Query }
  | { readonly kind: 'secretValue'; readonly options: readonly Option[]; readonly value: string }
  | { readonly kind: 'addColumn'; readonly ifNotExists: boolean; readonly column: ColumnDefinition }
  | { readonly kind: 'addConstraint'; readonly constraint: TableElement }
  | {
      readonly kind: 'dropColumn';
      readonly ifExists: boolean;
      readonly column: Ident;
      readonly behavior: 'cascade' | 'restrict';
    }
  | {
      readonly kind: 'dropConstraint';
      readonly ifExists: boolean;
      readonly constraint: Ident;
      readonly behavior: 'cascade' | 'restrict';
    }
  | {
      readonly kind: 'columnType';
      readonly column: Ident;
      readonly type: TypeName;
      readonly using: Expr | null;
    }
  | { readonly kind: 'columnDefault'; readonly column: Ident; readonly value: Expr | null }
  | { readonly kind: 'columnNotNull'; readonly column: Ident; readonly notNull: boolean }
  | { readonly kind: 'watermark'; readonly element: TableElement }
  /** ALTER USER: the words and values as CREATE USER has them */
  | { readonly kind: 'userOptions'; readonly options: readonly UserOption[] };

/** SUPERUSER, NOCREATEDB, PASSWORD 'x', OAUTH (k = v) ... */
export interface UserOption {
  /** Lower case. */
  readonly name: string;
  readonly value: string | null;
  readonly options: readonly Option[];
}

export interface Alter extends Node {
  readonly kind: 'Alter';
  readonly object: ObjectKind;
  readonly ifExists: boolean;
  readonly name: ObjectName;
  /** ALTER FUNCTION f(int): argument types, else null. */
  readonly argumentTypes: readonly TypeName[] | null;
  readonly actions: readonly AlterAction[];
}

/** ALTER FRAGMENT ids SET name TO value */
export interface AlterFragment extends Node {
  readonly kind: 'AlterFragment';
  readonly ids: readonly number[];
  readonly action: Extract<AlterAction, { readonly kind: 'set' }>;
}

/** ALTER SYSTEM SET name TO value; a null value is DEFAULT */
export interface AlterSystem extends Node {
  readonly kind: 'AlterSystem';
  readonly name: string;
  readonly value: string | null;
}
