/** What binding depends on, and positions of bound nodes for errors. */
import type { CatalogReader, RelationEntry } from '../../common/catalog.ts';
import type { DataType } from '../../common/dataType.ts';
import type { FunctionCatalog } from '../../common/function.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { ColumnRef, Star } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';

export interface BindEnvironment {
  readonly catalog: CatalogReader;
  readonly functions: FunctionCatalog;
  readonly searchPath: readonly string[];
  /** For literals of time-zone dependent types. */
  readonly text: TextContext;
  /** Types of $1, $2 ...; null until known. Binding fills it in. */
  readonly parameterTypes: (DataType | null)[];
  /** Takes the ids of users' functions that are called. */
  readonly used?: Set<number>;
  /** SQL functions whose bodies are being bound, the outermost first. */
  readonly inlining?: readonly number[];
  /** Is told how names were understood; not about those inside views. */
  readonly trace?: BindTrace;
}

/** What a name in an expression was found to be. */
export interface FoundName {
  /** The table in FROM; null for a column that USING or NATURAL has joined. */
  readonly table: { readonly alias: string; readonly relation: RelationEntry | null } | null;
  /** Position among the table's columns; null: the whole row. */
  readonly column: number | null;
  readonly name: string;
}

/** Takes notes of how names are understood, so that a definition can be written with other names. */
export interface BindTrace {
  relation(name: ObjectName, relation: RelationEntry): void;
  name(ref: ColumnRef | Star, found: FoundName): void;
}

/** Where a scalar was written, for errors found after it was made. */
const positions = new WeakMap<Scalar, number>();

export function placed<S extends Scalar>(scalar: S, position: number): S {
  positions.set(scalar, position);
  return scalar;
}

export function positionOf(scalar: Scalar): number | undefined {
  return positions.get(scalar);
}
