/**
 * Bound scalar expressions: names resolved to input columns, functions to registry entries, every node typed. Closed
 * union by `kind`.
 */
import type { DataType } from '../../common/dataType.ts';
import type { ScalarFunction } from '../../common/function.ts';
import type { Value } from '../../common/value.ts';
import type { LogicalPlan } from './logical.ts';

export type Scalar =
  /** Column of the node's input (for a join condition: of left ++ right). */
  | { readonly kind: 'column'; readonly index: number; readonly type: DataType }
  /** Column of a query `depth` levels out (1: the nearest). Only before decorrelation. */
  | { readonly kind: 'outer'; readonly depth: number; readonly index: number; readonly type: DataType }
  | { readonly kind: 'literal'; readonly value: Value; readonly type: DataType }
  /** $n, zero-based; replaced by a literal before execution. */
  | { readonly kind: 'parameter'; readonly index: number; readonly type: DataType }
  /** Arguments are already coerced to what `fn` wants. `position` places run-time errors. */
  | {
      readonly kind: 'call';
      readonly fn: ScalarFunction;
      readonly args: readonly Scalar[];
      readonly type: DataType;
      readonly position?: number;
    }
  /** `explicit` matters to varchar(n) truncation and such; `try` gives NULL on error. */
  | {
      readonly kind: 'cast';
      readonly operand: Scalar;
      readonly type: DataType;
      readonly explicit: boolean;
      readonly try: boolean;
      readonly position?: number;
    }
  /** Three-valued; two or more operands. */
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Scalar[]; readonly type: DataType }
  | { readonly kind: 'not'; readonly operand: Scalar; readonly type: DataType }
  | { readonly kind: 'isNull'; readonly operand: Scalar; readonly negated: boolean; readonly type: DataType }
  /** IS [NOT] TRUE / FALSE; UNKNOWN is isNull. */
  | {
      readonly kind: 'isBool';
      readonly operand: Scalar;
      readonly test: boolean;
      readonly negated: boolean;
      readonly type: DataType;
    }
  /** IS [NOT] DISTINCT FROM over operands of one type. */
  | {
      readonly kind: 'isDistinct';
      readonly left: Scalar;
      readonly right: Scalar;
      readonly negated: boolean;
      readonly type: DataType;
    }
  | {
      readonly kind: 'case';
      readonly whens: readonly { readonly when: Scalar; readonly then: Scalar }[];
      readonly otherwise: Scalar | null;
      readonly type: DataType;
    }
  | { readonly kind: 'coalesce'; readonly operands: readonly Scalar[]; readonly type: DataType }
  | { readonly kind: 'greatest' | 'least'; readonly operands: readonly Scalar[]; readonly type: DataType }
  /** operand = ANY(values) over non-null literals of the operand's type: a hashed set. */
  | {
      readonly kind: 'inSet';
      readonly operand: Scalar;
      readonly values: readonly Value[];
      readonly hasNull: boolean;
      readonly negated: boolean;
      readonly type: DataType;
    }
  /** operand op ANY/ALL (array). */
  | {
      readonly kind: 'quantified';
      readonly fn: ScalarFunction;
      readonly quantifier: 'any' | 'all';
      readonly left: Scalar;
      readonly right: Scalar;
      readonly type: DataType;
    }
  /** ARRAY[...]: items are elements, or arrays when `nested`. */
  | {
      readonly kind: 'array';
      readonly items: readonly Scalar[];
      readonly nested: boolean;
      readonly type: DataType;
    }
  | { readonly kind: 'row'; readonly items: readonly Scalar[]; readonly type: DataType }
  | { readonly kind: 'field'; readonly operand: Scalar; readonly index: number; readonly type: DataType }
  /** a[i][j]: an element, or NULL out of bounds. Subscripting jsonb is a call. */
  | {
      readonly kind: 'subscript';
      readonly operand: Scalar;
      readonly indexes: readonly Scalar[];
      readonly type: DataType;
    }
  | {
      readonly kind: 'slice';
      readonly operand: Scalar;
      readonly bounds: readonly { readonly lower: Scalar | null; readonly upper: Scalar | null }[];
      readonly type: DataType;
    }
  /** Only before decorrelation. `outer` references in the plan reach this node's input with depth 1. */
  | { readonly kind: 'scalarSubquery'; readonly plan: LogicalPlan; readonly type: DataType }
  | {
      readonly kind: 'existsSubquery';
      readonly plan: LogicalPlan;
      readonly negated: boolean;
      readonly type: DataType;
    }
  /**
   * left op ANY/ALL (subquery): `condition` is over left items ++ subquery columns, written as columns 0..n-1 for the
   * left items and n.. for the subquery's.
   */
  | {
      readonly kind: 'quantifiedSubquery';
      readonly quantifier: 'any' | 'all';
      readonly left: readonly Scalar[];
      readonly condition: Scalar;
      readonly plan: LogicalPlan;
      readonly negated: boolean;
      readonly type: DataType;
    }
  | { readonly kind: 'arraySubquery'; readonly plan: LogicalPlan; readonly type: DataType };
