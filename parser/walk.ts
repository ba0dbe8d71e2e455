/**
 * Generic traversal and comparison of trees. Nodes are plain data, so one walk over their fields serves every kind: a child
 * is any value with a `kind` and a `span`, alone, in an array, or inside a helper object.
 */
import type { Node } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';

/** Any syntax node. */
export type AnyNode = Node & { readonly kind: string };

/** Fields that say where or how something was written, not what it is. */
const incidental = new Set(['span', 'operatorStart', 'quoted']);

/** Equality of two trees, spans and quoting of names aside. */
export function equalTrees(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equalTrees(item, b[i]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = fieldsOf(a);
  return keys.length === fieldsOf(b).length && keys.every((key) => key in b && equalTrees(a[key], b[key]));
}

/** The tree without what `equalTrees` ignores, for golden files and messages. */
export function bareTree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bareTree);
  if (!isRecord(value)) return value;
  return Object.fromEntries(fieldsOf(value).map((key) => [key, bareTree(value[key])]));
}

/** The nodes directly below `node`, in the order of its fields. */
export function childNodes(node: Node): readonly AnyNode[] {
  const found: AnyNode[] = [];
  for (const value of Object.values(node)) collect(value, found);
  return found;
}

/** Visits `node` and all nodes below it, parents first. When `visit` returns false, what is below is left out. */
export function walk(node: AnyNode, visit: (node: AnyNode) => unknown): void {
  const pending: AnyNode[] = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (visit(next) === false) continue;
    pending.push(...childNodes(next).toReversed());
  }
}

/** Visits the expressions of a tree that starts with an expression, subqueries left out. */
export function walkExpr(expr: Expr, visit: (expr: Expr) => unknown): void {
  walk(expr, (node) => {
    if (node.kind === 'Query') return false;
    return isExpr(node) ? visit(node) : undefined;
  });
}

const exprKinds: { readonly [K in Expr['kind']]: true } = {
  Literal: true,
  Parameter: true,
  ColumnRef: true,
  Star: true,
  Unary: true,
  Binary: true,
  QuantifiedComparison: true,
  LogicalExpr: true,
  NotExpr: true,
  IsTest: true,
  IsDistinct: true,
  IsJson: true,
  Between: true,
  InList: true,
  InSubquery: true,
  LikeExpr: true,
  CaseExpr: true,
  CastExpr: true,
  TypedLiteral: true,
  IntervalLiteral: true,
  FunctionCall: true,
  ExtractExpr: true,
  SpecialCall: true,
  AtTimeZone: true,
  Collate: true,
  Subscript: true,
  FieldAccess: true,
  RowExpr: true,
  ArrayExpr: true,
  ArraySubquery: true,
  ScalarSubquery: true,
  Exists: true,
  Lambda: true,
  Grouping: true,
  DefaultExpr: true,
};

/** The node is an expression. */
export function isExpr(node: AnyNode | Expr): node is Expr {
  return Object.hasOwn(exprKinds, node.kind);
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNode(value: { readonly [key: string]: unknown }): boolean {
  return typeof value.kind === 'string' && isRecord(value.span);
}

function fieldsOf(value: { readonly [key: string]: unknown }): readonly string[] {
  return Object.keys(value).filter((key) => !incidental.has(key));
}

function collect(value: unknown, found: AnyNode[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  else if (isRecord(value)) {
    if (isNode(value)) found.push(value as unknown as AnyNode);
    else for (const part of Object.values(value)) collect(part, found);
  }
}
