/**
 * Functions that take a lambda, as queries: `array_transform(a, |x| e)` is ARRAY(SELECT e FROM unnest(a) AS x), in the
 * order of the elements and NULL for a NULL array. The body is bound like any expression of that query, so it may name
 * columns of the row around, hold subqueries and further lambdas.
 */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Expr, FunctionCall, Lambda } from '../../parser/ast/expr.ts';
import { parseExpr } from '../../parser/parse.ts';
import type { Scalar } from '../plan/scalar.ts';
import type { ExprContext } from './context.ts';
import { bindExpr } from './expr.ts';

const template = `CASE WHEN "?array" IS NOT NULL THEN ARRAY(
  SELECT "?body" FROM unnest("?array") WITH ORDINALITY AS "?lambda"("?parameter", "?n") ORDER BY "?n") END`;

/** The tree with the names of the template replaced. */
function filled(tree: unknown, array: Expr, lambda: Lambda, parameter: string): unknown {
  if (Array.isArray(tree)) return tree.map((item) => filled(item, array, lambda, parameter));
  if (typeof tree !== 'object' || tree === null) return tree;
  if ('kind' in tree && tree.kind === 'ColumnRef' && 'parts' in tree && Array.isArray(tree.parts)) {
    const name: unknown = tree.parts[0]?.name;
    if (name === '?array') return array;
    if (name === '?body') return lambda.body;
  }
  if ('kind' in tree && tree.kind === 'Ident' && 'name' in tree && tree.name === '?parameter') {
    return { ...tree, name: parameter };
  }
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, filled(value, array, lambda, parameter)]),
  );
}

/** A call with a lambda among its arguments; null for any other call. */
export function bindLambdaCall(call: FunctionCall, name: string, context: ExprContext): Scalar | null {
  const lambda = call.arguments.find((a) => a.value.kind === 'Lambda')?.value;
  if (lambda?.kind !== 'Lambda') return null;
  const [array, second, ...more] = call.arguments;
  if (name !== 'array_transform' || array === undefined || second?.value !== lambda || more.length > 0) {
    throw unsupported(`a lambda expression as an argument of ${name}`, lambda.span.start);
  }
  const [parameter, ...others] = lambda.parameters;
  if (parameter === undefined || others.length > 0) {
    const message = `lambda of array_transform must have one parameter, not ${lambda.parameters.length}`;
    throw new SqlError('42601', message, { position: lambda.span.start });
  }
  // The template's parts are replaced by expressions where expressions stand, so it stays an expression.
  const expr = filled(parseExpr(template), array.value, lambda, parameter.name) as Expr;
  return bindExpr(expr, context);
}
