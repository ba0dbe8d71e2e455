/** Expressions: a closed union by `kind`. */
import type { Ident, Node, ObjectName, TypeName } from './common.ts';
import type { OrderItem, Query } from './query.ts';

export type Expr =
  | Literal
  | Parameter
  | ColumnRef
  | Star
  | Unary
  | Binary
  | QuantifiedComparison
  | LogicalExpr
  | NotExpr
  | IsTest
  | IsDistinct
  | IsJson
  | Between
  | InList
  | InSubquery
  | LikeExpr
  | CaseExpr
  | CastExpr
  | TypedLiteral
  | IntervalLiteral
  | FunctionCall
  | ExtractExpr
  | SpecialCall
  | AtTimeZone
  | Collate
  | Subscript
  | FieldAccess
  | RowExpr
  | ArrayExpr
  | ArraySubquery
  | ScalarSubquery
  | Exists
  | Lambda
  | Grouping
  | DefaultExpr;

export type ExprKind = Expr['kind'];

/** Unadorned constants. `number` keeps its text: the binder decides int4, int8 or numeric as PostgreSQL does. */
export interface Literal extends Node {
  readonly kind: 'Literal';
  readonly value:
    | { readonly type: 'null' }
    | { readonly type: 'boolean'; readonly value: boolean }
    | { readonly type: 'number'; readonly text: string }
    | { readonly type: 'string'; readonly value: string }
    /** B'101' and X'1F', digits only */
    | { readonly type: 'bits'; readonly base: 2 | 16; readonly digits: string };
}

/** `$1` */
export interface Parameter extends Node {
  readonly kind: 'Parameter';
  readonly index: number;
}

/** `c`, `t.c`, `s.t.c`: one to four parts. */
export interface ColumnRef extends Node {
  readonly kind: 'ColumnRef';
  readonly parts: readonly Ident[];
}

/** `*`, `t.*`, `* EXCEPT (a, b)`, and `(expr).*`. Only in select lists, RETURNING and `count(*)`. */
export interface Star extends Node {
  readonly kind: 'Star';
  readonly qualifier: readonly Ident[] | null;
  /** `(expr).*` */
  readonly of: Expr | null;
  readonly except: readonly ColumnRef[];
}

/** Prefix operators by name: `-`, `+`, `~`, `@`, `|/`, `||/`, `!!` and any other operator text. */
export interface Unary extends Node {
  readonly kind: 'Unary';
  readonly operator: string;
  readonly operatorSchema: readonly Ident[];
  readonly operand: Expr;
}

/** Infix operators, comparison included: `=`, `<>` (also for `!=`), `<`, `+`, `||`, `->`, `@>`, `~*` ... */
export interface Binary extends Node {
  readonly kind: 'Binary';
  readonly operator: string;
  /** `OPERATOR(pg_catalog.~)` names a schema; else empty. */
  readonly operatorSchema: readonly Ident[];
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly left: Expr;
  readonly right: Expr;
}

/** `a = ANY (array or subquery)`, `a < ALL (...)`; also LIKE/ILIKE ANY, with operator `~~`, `!~~`, `~~*`, `!~~*`. */
export interface QuantifiedComparison extends Node {
  readonly kind: 'QuantifiedComparison';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly operator: string;
  readonly quantifier: 'any' | 'all';
  readonly left: Expr;
  readonly right:
    | { readonly kind: 'array'; readonly expr: Expr }
    | { readonly kind: 'query'; readonly query: Query };
}

/** AND / OR, flattened: two or more operands. */
export interface LogicalExpr extends Node {
  readonly kind: 'LogicalExpr';
  readonly operator: 'and' | 'or';
  readonly operands: readonly Expr[];
}

export interface NotExpr extends Node {
  readonly kind: 'NotExpr';
  readonly operand: Expr;
}

/** IS [NOT] NULL | TRUE | FALSE | UNKNOWN; also ISNULL, NOTNULL. */
export interface IsTest extends Node {
  readonly kind: 'IsTest';
  readonly test: 'null' | 'true' | 'false' | 'unknown';
  readonly negated: boolean;
  readonly operand: Expr;
}

/** IS [NOT] DISTINCT FROM */
export interface IsDistinct extends Node {
  readonly kind: 'IsDistinct';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly negated: boolean;
  readonly left: Expr;
  readonly right: Expr;
}

/** IS [NOT] JSON [VALUE | OBJECT | ARRAY | SCALAR] */
export interface IsJson extends Node {
  readonly kind: 'IsJson';
  readonly type: 'value' | 'object' | 'array' | 'scalar';
  readonly negated: boolean;
  readonly operand: Expr;
}

export interface Between extends Node {
  readonly kind: 'Between';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly negated: boolean;
  readonly symmetric: boolean;
  readonly operand: Expr;
  readonly low: Expr;
  readonly high: Expr;
}

export interface InList extends Node {
  readonly kind: 'InList';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly negated: boolean;
  readonly operand: Expr;
  readonly items: readonly Expr[];
}

export interface InSubquery extends Node {
  readonly kind: 'InSubquery';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly negated: boolean;
  readonly operand: Expr;
  readonly query: Query;
}

/** LIKE, ILIKE, SIMILAR TO, with optional ESCAPE. */
export interface LikeExpr extends Node {
  readonly kind: 'LikeExpr';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly operator: 'like' | 'ilike' | 'similar';
  readonly negated: boolean;
  readonly operand: Expr;
  readonly pattern: Expr;
  readonly escape: Expr | null;
}

export interface CaseExpr extends Node {
  readonly kind: 'CaseExpr';
  /** `CASE operand WHEN value ...`, else null. */
  readonly operand: Expr | null;
  readonly whens: readonly { readonly when: Expr; readonly then: Expr }[];
  readonly otherwise: Expr | null;
}

/** `CAST(e AS t)`, `e::t`, `TRY_CAST(e AS t)` */
export interface CastExpr extends Node {
  readonly kind: 'CastExpr';
  /** Where the operator stands, for errors. */
  readonly operatorStart: number;
  readonly form: 'cast' | 'colons' | 'try';
  readonly operand: Expr;
  readonly type: TypeName;
}

/** `date '2020-01-01'`: a type name before a string. */
export interface TypedLiteral extends Node {
  readonly kind: 'TypedLiteral';
  readonly type: TypeName;
  readonly value: string;
}

/** `interval '1' day`, `interval '1 day 02:03'`, `interval(3) '...'` */
export interface IntervalLiteral extends Node {
  readonly kind: 'IntervalLiteral';
  readonly value: string;
  /** `day`, `year to month`, `day to second`, ..., or null. */
  readonly fields: string | null;
  readonly precision: number | null;
}

/** Any function or aggregate in ordinary call syntax, with all its clauses. */
export interface FunctionCall extends Node {
  readonly kind: 'FunctionCall';
  readonly name: ObjectName;
  /** `f(*)` has no arguments and `star` true. */
  readonly star: boolean;
  readonly arguments: readonly FunctionArgument[];
  readonly distinct: boolean;
  readonly orderBy: readonly OrderItem[];
  readonly withinGroup: readonly OrderItem[] | null;
  readonly filter: Expr | null;
  /** IGNORE NULLS / RESPECT NULLS */
  readonly nullTreatment: 'ignore' | 'respect' | null;
  readonly over: WindowSpec | WindowName | null;
}

export interface FunctionArgument extends Node {
  readonly kind: 'FunctionArgument';
  /** `name => value` or `name := value` */
  readonly name: Ident | null;
  readonly variadic: boolean;
  readonly value: Expr;
}

/** `OVER w` */
export interface WindowName extends Node {
  readonly kind: 'WindowName';
  readonly name: Ident;
}

/** `OVER (base PARTITION BY ... ORDER BY ... frame)`; also the body of WINDOW w AS (...). */
export interface WindowSpec extends Node {
  readonly kind: 'WindowSpec';
  readonly base: Ident | null;
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly OrderItem[];
  readonly frame: WindowFrame | null;
}

export interface WindowFrame extends Node {
  readonly kind: 'WindowFrame';
  /** `session` is `SESSION WITH GAP expr`: the gap is in `start` as `preceding`. */
  readonly unit: 'rows' | 'range' | 'groups' | 'session';
  readonly start: FrameBound;
  /** null when only the start is written. */
  readonly end: FrameBound | null;
  readonly exclude: 'current row' | 'group' | 'ties' | 'no others' | null;
}

export interface FrameBound extends Node {
  readonly kind: 'FrameBound';
  readonly bound: 'unbounded preceding' | 'preceding' | 'current row' | 'following' | 'unbounded following';
  readonly offset: Expr | null;
}

/** EXTRACT(field FROM e) */
export interface ExtractExpr extends Node {
  readonly kind: 'ExtractExpr';
  readonly field: string;
  readonly source: Expr;
}

/**
 * Functions with a grammar of their own, normalised to a name and arguments:
 * SUBSTRING(a FROM b FOR c | SIMILAR b ESCAPE c), POSITION(a IN b), OVERLAY(a PLACING b FROM c FOR d), TRIM([LEADING|TRAILING|BOTH] a FROM b),
 * COALESCE, NULLIF, GREATEST, LEAST, NORMALIZE(a, form) and the parameterless CURRENT_DATE, CURRENT_TIMESTAMP[(n)], LOCALTIME, CURRENT_USER ...
 */
export interface SpecialCall extends Node {
  readonly kind: 'SpecialCall';
  readonly name:
    | 'substring'
    | 'substring_similar'
    | 'position'
    | 'overlay'
    | 'trim_leading'
    | 'trim_trailing'
    | 'trim_both'
    | 'coalesce'
    | 'nullif'
    | 'greatest'
    | 'least'
    | 'normalize'
    | 'current_date'
    | 'current_time'
    | 'current_timestamp'
    | 'localtime'
    | 'localtimestamp'
    | 'current_user'
    | 'current_role'
    | 'session_user'
    | 'user'
    | 'current_catalog'
    | 'current_schema';
  /** In the order of the ordinary function: position has (substring, string); trim has (string, characters?). */
  readonly arguments: readonly Expr[];
}

/** `e AT TIME ZONE zone` */
export interface AtTimeZone extends Node {
  readonly kind: 'AtTimeZone';
  readonly operand: Expr;
  readonly zone: Expr;
}

export interface Collate extends Node {
  readonly kind: 'Collate';
  readonly operand: Expr;
  readonly collation: ObjectName;
}

/** `a[i]` (upper null, slice false), `a[i:j]` with either bound absent. */
export interface Subscript extends Node {
  readonly kind: 'Subscript';
  readonly operand: Expr;
  readonly slice: boolean;
  readonly lower: Expr | null;
  readonly upper: Expr | null;
}

/** `(s).f` */
export interface FieldAccess extends Node {
  readonly kind: 'FieldAccess';
  readonly operand: Expr;
  readonly field: Ident;
}

/** `ROW(a, b)` (explicit) or `(a, b)`. */
export interface RowExpr extends Node {
  readonly kind: 'RowExpr';
  readonly explicit: boolean;
  readonly items: readonly Expr[];
}

/** `ARRAY[a, b]`; inner arrays of a multi-dimensional constructor are ArrayExpr too. */
export interface ArrayExpr extends Node {
  readonly kind: 'ArrayExpr';
  readonly items: readonly Expr[];
}

export interface ArraySubquery extends Node {
  readonly kind: 'ArraySubquery';
  readonly query: Query;
}

export interface ScalarSubquery extends Node {
  readonly kind: 'ScalarSubquery';
  readonly query: Query;
}

export interface Exists extends Node {
  readonly kind: 'Exists';
  readonly query: Query;
}

/** `|x, y| body` */
export interface Lambda extends Node {
  readonly kind: 'Lambda';
  readonly parameters: readonly Ident[];
  readonly body: Expr;
}

/** GROUPING(a, b) */
export interface Grouping extends Node {
  readonly kind: 'Grouping';
  readonly arguments: readonly Expr[];
}

/** DEFAULT as a value in INSERT and UPDATE. */
export interface DefaultExpr extends Node {
  readonly kind: 'DefaultExpr';
}
