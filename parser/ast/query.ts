/** SELECT and what surrounds it. */
import type { Ident, Node, ObjectName, TypeName } from './common.ts';
import type { Expr, FunctionCall, WindowSpec } from './expr.ts';

/** A whole query: WITH, body, ORDER BY, LIMIT. */
export interface Query extends Node {
  readonly kind: 'Query';
  readonly with: WithClause | null;
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: LimitClause | null;
  readonly offset: Expr | null;
  /** FOR UPDATE and the like, as written; accepted without effect. */
  readonly locking: readonly string[];
}

export interface WithClause extends Node {
  readonly kind: 'WithClause';
  readonly recursive: boolean;
  readonly ctes: readonly Cte[];
}

export interface Cte extends Node {
  readonly kind: 'Cte';
  readonly name: Ident;
  readonly columns: readonly Ident[];
  readonly materialized: boolean | null;
  /** A query, a data-modifying statement's RETURNING is not supported; `AS CHANGELOG FROM t` gives the relation. */
  readonly body:
    | { readonly kind: 'query'; readonly query: Query }
    | { readonly kind: 'changelog'; readonly relation: ObjectName };
  readonly search?: SearchClause;
  readonly cycle?: CycleClause;
}

/** `SEARCH DEPTH FIRST BY a, b SET sequence` */
export interface SearchClause extends Node {
  readonly kind: 'SearchClause';
  readonly order: 'depth' | 'breadth';
  readonly by: readonly Ident[];
  readonly sequence: Ident;
}

/** `CYCLE a, b SET mark TO value DEFAULT otherwise USING path`; without TO the mark is true or false. */
export interface CycleClause extends Node {
  readonly kind: 'CycleClause';
  readonly columns: readonly Ident[];
  readonly mark: Ident;
  readonly values: { readonly found: Expr; readonly otherwise: Expr } | null;
  readonly path: Ident;
}

export type QueryBody = Select | SetOperation | Values | ParenQuery | TableCommand;

export interface SetOperation extends Node {
  readonly kind: 'SetOperation';
  readonly operator: 'union' | 'intersect' | 'except';
  readonly all: boolean;
  /** CORRESPONDING [BY (...)]: null when absent, empty for no BY. */
  readonly corresponding: readonly Ident[] | null;
  readonly left: QueryBody;
  readonly right: QueryBody;
}

/** A query in parentheses, which may have its own WITH, ORDER BY, LIMIT. */
export interface ParenQuery extends Node {
  readonly kind: 'ParenQuery';
  readonly query: Query;
}

export interface Values extends Node {
  readonly kind: 'Values';
  readonly rows: readonly (readonly Expr[])[];
}

/** TABLE t */
export interface TableCommand extends Node {
  readonly kind: 'TableCommand';
  readonly name: ObjectName;
}

export interface Select extends Node {
  readonly kind: 'Select';
  /** null: no DISTINCT; empty: DISTINCT; else DISTINCT ON (...). */
  readonly distinct: readonly Expr[] | null;
  readonly items: readonly SelectItem[];
  /** Comma-separated FROM items; empty when there is no FROM. */
  readonly from: readonly TableRef[];
  readonly where: Expr | null;
  readonly groupBy: readonly GroupItem[];
  readonly groupByDistinct: boolean;
  readonly having: Expr | null;
  readonly windows: readonly NamedWindow[];
  readonly qualify: Expr | null;
}

export interface SelectItem extends Node {
  readonly kind: 'SelectItem';
  readonly expr: Expr;
  readonly alias: Ident | null;
}

export interface NamedWindow extends Node {
  readonly kind: 'NamedWindow';
  readonly name: Ident;
  readonly spec: WindowSpec;
}

export type GroupItem =
  | (Node & { readonly kind: 'GroupExpr'; readonly expr: Expr })
  | (Node & { readonly kind: 'GroupEmpty' })
  | (Node & { readonly kind: 'Rollup' | 'Cube'; readonly sets: readonly (readonly Expr[])[] })
  | (Node & { readonly kind: 'GroupingSets'; readonly sets: readonly GroupItem[] })
  /** A parenthesised list inside GROUPING SETS. */
  | (Node & { readonly kind: 'GroupList'; readonly exprs: readonly Expr[] });

export interface OrderItem extends Node {
  readonly kind: 'OrderItem';
  readonly expr: Expr;
  readonly direction: 'asc' | 'desc';
  /** null: PostgreSQL's default (last for asc, first for desc). */
  readonly nulls: 'first' | 'last' | null;
}

export interface LimitClause extends Node {
  readonly kind: 'LimitClause';
  /** null: LIMIT ALL */
  readonly count: Expr | null;
  readonly withTies: boolean;
}

export type TableRef = NamedTable | DerivedTable | TableFunction | WindowTable | Join;

/** `AS a (c1, c2)`; for functions also `AS a (c1 int, c2 text)`. */
export interface TableAlias extends Node {
  readonly kind: 'TableAlias';
  readonly name: Ident | null;
  readonly columns: readonly { readonly name: Ident; readonly type: TypeName | null }[];
}

export interface NamedTable extends Node {
  readonly kind: 'NamedTable';
  readonly name: ObjectName;
  readonly alias: TableAlias | null;
  /** FOR SYSTEM_TIME AS OF: null when absent. */
  readonly asOf: { readonly kind: 'proctime' } | { readonly kind: 'expr'; readonly expr: Expr } | null;
  readonly sample?: TableSample;
}

/** `TABLESAMPLE method (arguments) REPEATABLE (seed)` */
export interface TableSample extends Node {
  readonly kind: 'TableSample';
  readonly method: ObjectName;
  readonly arguments: readonly Expr[];
  readonly seed: Expr | null;
}

export interface DerivedTable extends Node {
  readonly kind: 'DerivedTable';
  readonly lateral: boolean;
  readonly query: Query;
  readonly alias: TableAlias | null;
}

/** generate_series(...), unnest(...), ROWS FROM (f(), g()). */
export interface TableFunction extends Node {
  readonly kind: 'TableFunction';
  readonly lateral: boolean;
  readonly calls: readonly FunctionCall[];
  readonly rowsFrom: boolean;
  /** `ROWS FROM (f() AS (a int))`: per call, where there is such a list. */
  readonly definitions?: readonly (TableAlias['columns'] | null)[];
  readonly withOrdinality: boolean;
  readonly alias: TableAlias | null;
}

/** TUMBLE(rel, col, size [, offset]), HOP(rel, col, slide, size [, offset]), CUMULATE, SESSION, GAP_FILL. */
export interface WindowTable extends Node {
  readonly kind: 'WindowTable';
  readonly function: 'tumble' | 'hop' | 'cumulate' | 'session' | 'gap_fill';
  /** `TUMBLE(t, ...)`: an ObjectName; anything else is kept so that the binder can name the mistake. */
  readonly relation: TableRef;
  readonly arguments: readonly Expr[];
  readonly partitionBy: readonly Expr[];
  readonly alias: TableAlias | null;
}

export interface Join extends Node {
  readonly kind: 'Join';
  readonly type: 'inner' | 'left' | 'right' | 'full' | 'cross';
  /** `ASOF [LEFT] JOIN` */
  readonly asof: boolean;
  readonly left: TableRef;
  readonly right: TableRef;
  readonly condition:
    | { readonly kind: 'on'; readonly expr: Expr }
    | { readonly kind: 'using'; readonly columns: readonly Ident[]; readonly alias?: Ident }
    | { readonly kind: 'natural' }
    | null;
  /** A join in parentheses may carry an alias. */
  readonly alias: TableAlias | null;
}
