/** The tree of an SQL/JSON path. */
import type { Decimal } from '../../../common/decimal.ts';

export interface JsonPath {
  readonly mode: 'lax' | 'strict';
  /** A predicate at the top (for `@@`) or a path. */
  readonly expr: PathExpr;
}

export type Comparison = '==' | '<>' | '<' | '<=' | '>' | '>=';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';
export type Method = 'type' | 'size' | 'double' | 'ceiling' | 'floor' | 'abs' | 'keyvalue' | 'datetime';

/** An index of an array accessor; `last` is the last element. */
export interface Subscript {
  readonly from: PathExpr;
  readonly to: PathExpr | null;
}

export type PathExpr =
  | { readonly kind: 'root' }
  | { readonly kind: 'current' }
  | { readonly kind: 'last' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: null | boolean | string | Decimal }
  | { readonly kind: 'member'; readonly of: PathExpr; readonly name: string }
  | { readonly kind: 'anyMember'; readonly of: PathExpr }
  | { readonly kind: 'descendants'; readonly of: PathExpr; readonly from: number; readonly to: number }
  | { readonly kind: 'anyElement'; readonly of: PathExpr }
  | { readonly kind: 'elements'; readonly of: PathExpr; readonly subscripts: readonly Subscript[] }
  | { readonly kind: 'filter'; readonly of: PathExpr; readonly condition: PathExpr }
  | {
      readonly kind: 'method';
      readonly of: PathExpr;
      readonly method: Method;
      readonly template: string | null;
    }
  | { readonly kind: 'sign'; readonly sign: '+' | '-'; readonly operand: PathExpr }
  | {
      readonly kind: 'arithmetic';
      readonly operator: Arithmetic;
      readonly left: PathExpr;
      readonly right: PathExpr;
    }
  | Predicate;

export type Predicate =
  | {
      readonly kind: 'comparison';
      readonly operator: Comparison;
      readonly left: PathExpr;
      readonly right: PathExpr;
    }
  | { readonly kind: 'and' | 'or'; readonly left: PathExpr; readonly right: PathExpr }
  | { readonly kind: 'not'; readonly operand: PathExpr }
  | { readonly kind: 'isUnknown'; readonly operand: PathExpr }
  | { readonly kind: 'exists'; readonly operand: PathExpr }
  | { readonly kind: 'startsWith'; readonly operand: PathExpr; readonly prefix: PathExpr }
  | {
      readonly kind: 'likeRegex';
      readonly operand: PathExpr;
      readonly pattern: string;
      readonly flags: string;
    };

const predicateKinds: ReadonlySet<string> = new Set([
  'comparison',
  'and',
  'or',
  'not',
  'isUnknown',
  'exists',
  'startsWith',
  'likeRegex',
]);

/** Whether the expression is a condition rather than a sequence of items. */
export function isPredicate(expr: PathExpr): expr is Predicate {
  return predicateKinds.has(expr.kind);
}
