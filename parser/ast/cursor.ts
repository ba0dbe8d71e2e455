/** DECLARE, FETCH, MOVE, CLOSE. */
import type { Ident, Node, ObjectName, Option } from './common.ts';
import type { Expr } from './expr.ts';
import type { Query } from './query.ts';

export interface DeclareCursor extends Node {
  readonly kind: 'DeclareCursor';
  readonly name: Ident;
  readonly binary: boolean;
  readonly insensitive: boolean;
  /** SCROLL true, NO SCROLL false, unsaid null */
  readonly scroll: boolean | null;
  readonly withHold: boolean;
  readonly query: Query;
}

export interface DeclareSubscriptionCursor extends Node {
  readonly kind: 'DeclareSubscriptionCursor';
  readonly name: Ident;
  readonly subscription: ObjectName;
  /** SINCE expr, FULL, or neither. */
  readonly from: { readonly kind: 'since'; readonly expr: Expr } | { readonly kind: 'full' } | null;
}

export interface FetchCursor extends Node {
  readonly kind: 'FetchCursor';
  /** MOVE instead of FETCH */
  readonly move: boolean;
  readonly direction: 'next' | 'prior' | 'first' | 'last' | 'absolute' | 'relative' | 'forward' | 'backward';
  /** A number, or `all`. */
  readonly count: number | 'all';
  readonly name: Ident;
  /** WITH (timeout = '1s') */
  readonly options: readonly Option[];
}

export interface CloseCursor extends Node {
  readonly kind: 'CloseCursor';
  /** null: ALL */
  readonly name: Ident | null;
}
