/** Values for a table's columns: defaults, generated columns, literals converted early, SET lists. */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { Column, DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { Value } from '../../common/value.ts';
import type { Ident } from '../../parser/ast/common.ts';
import type { Expr, Literal } from '../../parser/ast/expr.ts';
import type { Assignment } from '../../parser/ast/statement.ts';
import { project } from '../plan/construct.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf, literal } from '../plan/scalars.ts';
import { coerceAssign } from './coerce.ts';
import type { ExprContext } from './context.ts';
import { type BindEnvironment, placed, positionOf } from './environment.ts';
import { bindExpr } from './expr.ts';
import { bindNestedQuery, exprContext, noCtes } from './query.ts';
import { Scope, scopeTable } from './scope.ts';

/** A table as DML sees it. */
export interface TargetTable {
  readonly entry: RelationEntry;
  /** Per column. */
  readonly defaults: readonly (Expr | null)[];
  readonly generated: readonly (Expr | null)[];
}

/** Position of a column that is to be written: 42703 when there is none of that name. */
export function columnIndex(table: TargetTable, column: Ident): number {
  const { entry } = table;
  const index = entry.columns.findIndex((c) => c.name === column.name && c.hidden !== true);
  if (index < 0) {
    const message = `column "${column.name}" of relation "${entry.name}" does not exist`;
    throw new SqlError('42703', message, { position: column.span.start });
  }
  return index;
}

/** The default of a column as a scalar of its type: NULL where there is none. */
export function defaultOf(table: TargetTable, index: number, env: BindEnvironment): Scalar {
  const column = must(table.entry.columns[index]);
  const expr = table.defaults[index] ?? null;
  if (expr === null) return literal(null, column.type);
  return assigner(column, { ...exprContext(env, null, noCtes), clause: 'DEFAULT expressions' })(expr);
}

/** Per column the expression that generates it from the row; null for ordinary columns. */
export function generatedScalars(table: TargetTable, env: BindEnvironment): readonly (Scalar | null)[] {
  const { entry } = table;
  return table.generated.map((expr, i) => {
    if (expr === null) return null;
    const column = must(entry.columns[i]);
    const scope = new Scope({ tables: [scopeTable(entry.name, null, entry.columns)] }, null);
    const context = { ...exprContext(env, scope, noCtes), clause: 'column generation expressions' };
    return coerceAssign(bindExpr(expr, context), column.type, column.name, undefined, env);
  });
}

/** True for a generated column, which takes no value but DEFAULT. */
export function isGenerated(table: TargetTable, index: number): boolean {
  return (table.generated[index] ?? null) !== null;
}

/** The binder of values for one column, with literals converted at once: long VALUES lists need no compiled casts. */
export function assigner(column: Column, context: ExprContext): (expr: Expr) => Scalar {
  const { env } = context;
  const convert = literalConverter(column, env);
  return (expr) => {
    const value = convert(expr);
    if (value !== undefined) return literal(value, column.type);
    const bound = bindExpr(expr, context);
    return coerceAssign(bound, column.type, column.name, positionOf(bound) ?? expr.span.start, env);
  };
}

const isShortInteger = (text: string): boolean => /^-?\d{1,9}$/.test(text);

/** The value of a number's text as the column's type; null where that takes a cast that is not for assignment. */
function numberConverter(type: DataType): ((text: string) => Value) | null {
  switch (type.id) {
    case 'int2':
      return (text) => Decimal.parse(text).toInt2();
    case 'int4':
      return (text) => (isShortInteger(text) ? Number(text) : Decimal.parse(text).toInt4());
    case 'int8':
      return (text) => (isShortInteger(text) ? BigInt(text) : Decimal.parse(text).toInt8());
    case 'float8':
      return (text) => Decimal.parse(text).toNumber();
    case 'numeric': {
      const { precision, scale = 0 } = type;
      if (precision === undefined) return (text) => Decimal.parse(text);
      return (text) => Decimal.parse(text).applyTypmod(precision, scale);
    }
    default:
      return null;
  }
}

/** Converts literals; undefined for anything else, and for literals that need the general rules. */
function literalConverter(column: Column, env: BindEnvironment): (expr: Expr) => Value | undefined {
  const { type } = column;
  const ofNumber = numberConverter(type);
  const convert = (expr: Literal, sign: string): Value | undefined => {
    const { value } = expr;
    switch (value.type) {
      case 'null':
        return sign === '' ? null : undefined;
      case 'string':
        return sign === '' ? parseValue(value.value, type, env.text) : undefined;
      case 'number':
        return ofNumber === null || !/^[\d.]+$/.test(value.text) ? undefined : ofNumber(sign + value.text);
      case 'boolean':
        return sign === '' && type.id === 'bool' ? value.value : undefined;
      case 'bits':
        return undefined;
    }
  };
  return (expr) => {
    try {
      if (expr.kind === 'Literal') return convert(expr, '');
      if (expr.kind === 'Unary' && expr.operator === '-' && expr.operand.kind === 'Literal') {
        return convert(expr.operand, '-');
      }
      return undefined;
    } catch (error) {
      throw error instanceof SqlError ? error.at(expr.span.start) : error;
    }
  };
}

/** The items of a SET list, each column once. */
export function bindAssignments(
  assignments: readonly Assignment[],
  table: TargetTable,
  context: ExprContext,
): readonly { readonly column: number; readonly value: Scalar }[] {
  const set = new Map<number, Scalar>();
  for (const assignment of assignments) {
    const values = valuesOf(assignment, table, context);
    assignment.columns.forEach((ident, i) => {
      const index = columnIndex(table, ident);
      if (set.has(index)) {
        const message = `multiple assignments to same column "${ident.name}"`;
        throw new SqlError('42601', message, { position: ident.span.start });
      }
      set.set(index, must(values[i])(index));
    });
  }
  return [...set].map(([column, value]) => ({ column, value }));
}

/** Per column of one item, what makes its value. */
function valuesOf(
  assignment: Assignment,
  table: TargetTable,
  context: ExprContext,
): readonly ((index: number) => Scalar)[] {
  const { columns, values } = assignment;
  const check = (count: number, position: number): void => {
    if (count === columns.length) return;
    throw new SqlError('42601', 'number of columns does not match number of values', { position });
  };
  if (values.kind === 'exprs') {
    check(values.exprs.length, values.exprs[0]?.span.start ?? assignment.span.start);
    return values.exprs.map((expr) => (index) => assigned(expr, table, index, context));
  }
  const { env, ctes, scope } = context;
  const nested = bindNestedQuery(values.query, { env, ctes, parent: scope });
  check(nested.columns.length, values.query.span.start);
  const type: DataType = {
    id: 'struct',
    fields: nested.columns.map((c) => ({ name: c.name, type: c.type })),
  };
  const row: Scalar = { kind: 'row', items: columnsOf(nested.plan.schema), type };
  const packed: Scalar = { kind: 'scalarSubquery', plan: project(nested.plan, [row], ['row']), type };
  return nested.columns.map((c, i) => (index) => {
    const column = must(table.entry.columns[index]);
    const position = must(nested.positions[i]);
    const field = placed<Scalar>({ kind: 'field', operand: packed, index: i, type: c.type }, position);
    return coerceAssign(field, column.type, column.name, position, env);
  });
}

function assigned(expr: Expr, table: TargetTable, index: number, context: ExprContext): Scalar {
  const column = must(table.entry.columns[index]);
  if (expr.kind === 'DefaultExpr') {
    return isGenerated(table, index) ? literal(null, column.type) : defaultOf(table, index, context.env);
  }
  if (isGenerated(table, index)) {
    throw new SqlError('428C9', `column "${column.name}" can only be updated to DEFAULT`, {
      detail: `Column "${column.name}" is a generated column.`,
      position: expr.span.start,
    });
  }
  return assigner(column, context)(expr);
}
