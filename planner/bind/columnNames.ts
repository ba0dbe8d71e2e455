/** The name of an output column without an alias, as PostgreSQL makes it. */
import type { Expr } from '../../parser/ast/expr.ts';
import type { Query } from '../../parser/ast/query.ts';

interface Named {
  readonly name: string;
  /** A cast or CASE around it keeps the name. */
  readonly strong: boolean;
}

const strong = (name: string): Named => ({ name, strong: true });
const weak = (name: string): Named => ({ name, strong: false });

function subqueryName(query: Query): Named | null {
  const body = query.body.kind === 'ParenQuery' ? query.body.query.body : query.body;
  if (body.kind !== 'Select') return null;
  const item = body.items[0];
  if (item === undefined) return null;
  return item.alias === null ? nameOf(item.expr) : strong(item.alias.name);
}

function nameOf(expr: Expr): Named | null {
  switch (expr.kind) {
    case 'ColumnRef':
      return strong(expr.parts[expr.parts.length - 1]?.name ?? '?column?');
    case 'FieldAccess':
      return strong(expr.field.name);
    case 'FunctionCall':
      return strong(expr.name.parts[expr.name.parts.length - 1]?.name ?? '?column?');
    case 'SpecialCall':
      if (expr.name === 'trim_both') return strong('btrim');
      if (expr.name === 'trim_leading') return strong('ltrim');
      if (expr.name === 'trim_trailing') return strong('rtrim');
      return strong(expr.name === 'substring_similar' ? 'substring' : expr.name);
    case 'ExtractExpr':
      return strong('extract');
    case 'AtTimeZone':
      return strong('timezone');
    case 'Collate':
    case 'Subscript':
      return nameOf(expr.operand);
    case 'CastExpr': {
      const inner = nameOf(expr.operand);
      if (inner?.strong === true) return inner;
      return weak(expr.type.name.parts[expr.type.name.parts.length - 1]?.name ?? '?column?');
    }
    case 'TypedLiteral':
      return weak(expr.type.name.parts[expr.type.name.parts.length - 1]?.name ?? '?column?');
    case 'IntervalLiteral':
      return weak('interval');
    case 'CaseExpr': {
      const inner = expr.otherwise === null ? null : nameOf(expr.otherwise);
      return inner?.strong === true ? inner : weak('case');
    }
    case 'ArrayExpr':
    case 'ArraySubquery':
      return strong('array');
    case 'RowExpr':
      return strong('row');
    case 'Exists':
      return strong('exists');
    case 'ScalarSubquery':
      return subqueryName(expr.query);
    case 'Grouping':
      return strong('grouping');
    default:
      return null;
  }
}

export function outputName(expr: Expr): string {
  return nameOf(expr)?.name ?? '?column?';
}
