/**
 * Expressions and types as SQL text. Parentheses are written where the precedence table of expr.ts needs them and nowhere
 * else, so that reading the text gives the same tree. One function per kind, in a table that must be complete.
 */
import { must } from '../common/assert.ts';
import type { Ident, ObjectName, TypeName } from './ast/common.ts';
import type {
  Expr,
  ExprKind,
  FrameBound,
  FunctionArgument,
  FunctionCall,
  IntervalLiteral,
  Literal,
  SpecialCall,
  Star,
  WindowFrame,
  WindowName,
  WindowSpec,
} from './ast/expr.ts';
import type { OrderItem, Query } from './ast/query.ts';
import { quoteIdent, quoteString } from './identifier.ts';
import { keywords } from './keywords.ts';
import {
  ADD,
  AND,
  AT,
  CAST,
  COLLATE,
  COMPARISON,
  IS,
  MATCH,
  MULTIPLY,
  NOT,
  OR,
  OTHER,
  POWER,
  PRIMARY,
  SIGN,
} from './precedence.ts';

type ExprOf<K extends ExprKind> = Extract<Expr, { readonly kind: K }>;
type ExprPrinters = { readonly [K in ExprKind]: (expr: ExprOf<K>) => string };

const comparisons = new Set(['<', '>', '=', '<=', '>=', '<>']);

function operatorLevel(operator: string, schema: readonly Ident[] = []): number {
  if (schema.length > 0) return OTHER;
  if (comparisons.has(operator)) return COMPARISON;
  if (operator === '+' || operator === '-') return ADD;
  if (operator === '*' || operator === '/' || operator === '%') return MULTIPLY;
  return operator === '^' ? POWER : OTHER;
}

function levelOf(expr: Expr): number {
  switch (expr.kind) {
    case 'Lambda':
      return 0;
    case 'LogicalExpr':
      return expr.operator === 'or' ? OR : AND;
    case 'NotExpr':
      return NOT;
    case 'IsTest':
    case 'IsDistinct':
    case 'IsJson':
      return IS;
    case 'Between':
    case 'InList':
    case 'InSubquery':
    case 'LikeExpr':
      return MATCH;
    case 'QuantifiedComparison':
      return likeWords[expr.operator] === undefined ? operatorLevel(expr.operator) : MATCH;
    case 'Binary':
      return operatorLevel(expr.operator, expr.operatorSchema);
    case 'Unary':
      return isSign(expr.operator, expr.operatorSchema) ? SIGN : OTHER;
    case 'AtTimeZone':
      return AT;
    case 'Collate':
      return COLLATE;
    case 'CastExpr':
      return expr.form === 'colons' ? CAST : PRIMARY;
    default:
      return PRIMARY;
  }
}

function isSign(operator: string, schema: readonly Ident[]): boolean {
  return schema.length === 0 && (operator === '-' || operator === '+');
}

const likeWords: { readonly [operator: string]: string } = {
  '~~': 'LIKE',
  '!~~': 'NOT LIKE',
  '~~*': 'ILIKE',
  '!~~*': 'NOT ILIKE',
};

/** Type names that are words of the grammar and must not be quoted. */
const bareTypeNames = new Set(['timestamp', 'time', 'interval', 'bit', 'varchar', 'numeric', 'json']);

/** Words that EXTRACT takes besides plain names. */
const extractWords = new Set(['year', 'month', 'day', 'hour', 'minute', 'second']);

const not = (negated: boolean): string => (negated ? 'NOT ' : '');

export abstract class ExprPrinter {
  abstract query(query: Query): string;

  expr(expr: Expr): string {
    return this.#print(expr);
  }

  #print<K extends ExprKind>(expr: ExprOf<K>): string {
    const printer = this.#printers[expr.kind] as (expr: ExprOf<K>) => string;
    return printer(expr);
  }

  /** The expression, in parentheses unless it binds at least as tightly as `minimum`. */
  protected atLeast(expr: Expr, minimum: number): string {
    const text = this.expr(expr);
    return levelOf(expr) >= minimum ? text : `(${text})`;
  }

  /** Where only a b_expr may stand. */
  protected restricted(expr: Expr): string {
    return this.atLeast(expr, SIGN);
  }

  protected exprs(list: readonly Expr[]): string {
    return list.map((expr) => this.expr(expr)).join(', ');
  }

  ident(ident: Ident): string {
    return quoteIdent(ident.name);
  }

  idents(list: readonly Ident[]): string {
    return list.map((ident) => this.ident(ident)).join(', ');
  }

  name(name: ObjectName): string {
    return name.parts.map((part) => this.ident(part)).join('.');
  }

  type(type: TypeName): string {
    return this.#baseType(type) + '[]'.repeat(type.arrayDepth);
  }

  #baseType(type: TypeName): string {
    if (type.fields !== null) {
      return `struct<${type.fields.map((field) => `${this.ident(field.name)} ${this.type(field.type)}`).join(', ')}>`;
    }
    const only = type.name.parts.length === 1 ? must(type.name.parts[0]).name : null;
    const modifiers = type.modifiers.length === 0 ? '' : `(${type.modifiers.join(', ')})`;
    if (type.intervalFields !== null) return `interval ${type.intervalFields}${modifiers}`;
    if (only === 'bpchar' && type.modifiers.length === 1) return `char${modifiers}`;
    const name = only !== null && bareTypeNames.has(only) ? only : this.name(type.name);
    return name + modifiers;
  }

  readonly #printers: ExprPrinters = {
    Literal: (e) => printLiteral(e),
    Parameter: (e) => `$${e.index}`,
    ColumnRef: (e) => e.parts.map((part) => this.ident(part)).join('.'),
    Star: (e) => this.#star(e),
    Unary: (e) => this.#unary(e),
    Binary: (e) => this.#binary(e),
    QuantifiedComparison: (e) => this.#quantified(e),
    LogicalExpr: (e) => {
      const level = e.operator === 'or' ? OR : AND;
      return e.operands
        .map((operand) => this.atLeast(operand, level + 1))
        .join(` ${e.operator.toUpperCase()} `);
    },
    NotExpr: (e) => `NOT ${this.atLeast(e.operand, NOT)}`,
    IsTest: (e) => `${this.atLeast(e.operand, IS + 1)} IS ${not(e.negated)}${e.test.toUpperCase()}`,
    IsDistinct: (e) =>
      `${this.atLeast(e.left, IS + 1)} IS ${not(e.negated)}DISTINCT FROM ${this.atLeast(e.right, IS + 1)}`,
    IsJson: (e) => `${this.atLeast(e.operand, IS + 1)} IS ${not(e.negated)}JSON ${e.type.toUpperCase()}`,
    Between: (e) => {
      const symmetric = e.symmetric ? 'SYMMETRIC ' : '';
      const bounds = `${symmetric}${this.restricted(e.low)} AND ${this.atLeast(e.high, MATCH + 1)}`;
      return `${this.atLeast(e.operand, MATCH + 1)} ${not(e.negated)}BETWEEN ${bounds}`;
    },
    InList: (e) => `${this.atLeast(e.operand, MATCH + 1)} ${not(e.negated)}IN (${this.exprs(e.items)})`,
    InSubquery: (e) => `${this.atLeast(e.operand, MATCH + 1)} ${not(e.negated)}IN (${this.query(e.query)})`,
    LikeExpr: (e) => {
      const word = e.operator === 'similar' ? 'SIMILAR TO' : e.operator.toUpperCase();
      const escapeMark = e.escape === null ? '' : ` ESCAPE ${this.atLeast(e.escape, MATCH + 1)}`;
      const pattern = this.atLeast(e.pattern, MATCH + 1);
      return `${this.atLeast(e.operand, MATCH + 1)} ${not(e.negated)}${word} ${pattern}${escapeMark}`;
    },
    CaseExpr: (e) => {
      const operand = e.operand === null ? '' : ` ${this.expr(e.operand)}`;
      const whens = e.whens
        .map((when) => ` WHEN ${this.expr(when.when)} THEN ${this.expr(when.then)}`)
        .join('');
      const otherwise = e.otherwise === null ? '' : ` ELSE ${this.expr(e.otherwise)}`;
      return `CASE${operand}${whens}${otherwise} END`;
    },
    CastExpr: (e) => {
      if (e.form === 'colons') return `${this.atLeast(e.operand, CAST)}::${this.type(e.type)}`;
      return `${e.form === 'try' ? 'TRY_CAST' : 'CAST'}(${this.expr(e.operand)} AS ${this.type(e.type)})`;
    },
    TypedLiteral: (e) => `${this.type(e.type)} ${quoteString(e.value)}`,
    IntervalLiteral: (e) => printInterval(e),
    FunctionCall: (e) => this.call(e),
    ExtractExpr: (e) => `EXTRACT(${extractField(e.field)} FROM ${this.expr(e.source)})`,
    SpecialCall: (e) => this.#special(e),
    AtTimeZone: (e) => `${this.atLeast(e.operand, AT)} AT TIME ZONE ${this.atLeast(e.zone, AT + 1)}`,
    Collate: (e) => `${this.atLeast(e.operand, COLLATE)} COLLATE ${this.name(e.collation)}`,
    Subscript: (e) => {
      const lower = e.lower === null ? '' : this.expr(e.lower);
      const upper = e.upper === null ? '' : this.expr(e.upper);
      return `${this.#subscripted(e.operand)}[${e.slice ? `${lower} : ${upper}` : lower}]`;
    },
    FieldAccess: (e) => `${this.#dotted(e.operand)}.${this.ident(e.field)}`,
    RowExpr: (e) => `${e.explicit ? 'ROW' : ''}(${this.exprs(e.items)})`,
    ArrayExpr: (e) => `ARRAY[${this.exprs(e.items)}]`,
    ArraySubquery: (e) => `ARRAY(${this.query(e.query)})`,
    ScalarSubquery: (e) => `(${this.query(e.query)})`,
    Exists: (e) => `EXISTS (${this.query(e.query)})`,
    Lambda: (e) => `|${this.idents(e.parameters)}| ${this.expr(e.body)}`,
    Grouping: (e) => `GROUPING(${this.exprs(e.arguments)})`,
    DefaultExpr: () => 'DEFAULT',
  };

  #star(star: Star): string {
    const except = star.except.length === 0 ? '' : ` EXCEPT (${this.exprs(star.except)})`;
    if (star.of !== null) return `${this.#dotted(star.of)}.*${except}`;
    const qualifier =
      star.qualifier === null ? '' : `${star.qualifier.map((part) => this.ident(part)).join('.')}.`;
    return `${qualifier}*${except}`;
  }

  #operator(operator: string, schema: readonly Ident[]): string {
    if (schema.length === 0) return operator;
    return `OPERATOR(${schema.map((part) => this.ident(part)).join('.')}.${operator})`;
  }

  #unary(e: ExprOf<'Unary'>): string {
    if (isSign(e.operator, e.operatorSchema)) {
      const operand = this.atLeast(e.operand, SIGN);
      // Two signs in a row would be a comment or another operator.
      return /^[+-]/.test(operand) ? `${e.operator} ${operand}` : e.operator + operand;
    }
    return `${this.#operator(e.operator, e.operatorSchema)} ${this.atLeast(e.operand, OTHER + 1)}`;
  }

  #binary(e: ExprOf<'Binary'>): string {
    const level = operatorLevel(e.operator, e.operatorSchema);
    const left = this.atLeast(e.left, level === COMPARISON ? level + 1 : level);
    return `${left} ${this.#operator(e.operator, e.operatorSchema)} ${this.atLeast(e.right, level + 1)}`;
  }

  #quantified(e: ExprOf<'QuantifiedComparison'>): string {
    const word = likeWords[e.operator];
    const minimum = word === undefined ? operatorLevel(e.operator) + 1 : MATCH + 1;
    const right = e.right.kind === 'array' ? this.expr(e.right.expr) : this.query(e.right.query);
    return `${this.atLeast(e.left, minimum)} ${word ?? e.operator} ${e.quantifier.toUpperCase()} (${right})`;
  }

  /** What a subscript may follow without parentheses. */
  #subscripted(expr: Expr): string {
    switch (expr.kind) {
      case 'ColumnRef':
      case 'Parameter':
      case 'FunctionCall':
      case 'ArrayExpr':
      case 'ArraySubquery':
      case 'ScalarSubquery':
      case 'Subscript':
      case 'FieldAccess':
        return this.expr(expr);
      default:
        return `(${this.expr(expr)})`;
    }
  }

  /** What `.field` may follow without parentheses. */
  #dotted(expr: Expr): string {
    const bare =
      expr.kind === 'Parameter' ||
      expr.kind === 'ScalarSubquery' ||
      expr.kind === 'FieldAccess' ||
      (expr.kind === 'Subscript' && !startsAsCall(expr));
    return bare ? this.expr(expr) : `(${this.expr(expr)})`;
  }

  #special(call: SpecialCall): string {
    const [first, second, third] = call.arguments;
    const at = (expr: Expr | undefined): string => this.expr(must(expr));
    switch (call.name) {
      case 'substring':
        return `SUBSTRING(${at(first)} FROM ${at(second)}${third === undefined ? '' : ` FOR ${at(third)}`})`;
      case 'substring_similar':
        return `SUBSTRING(${at(first)} SIMILAR ${at(second)} ESCAPE ${at(third)})`;
      case 'position':
        return `POSITION(${this.restricted(must(first))} IN ${this.restricted(must(second))})`;
      case 'overlay': {
        const length = call.arguments[3];
        const tail = length === undefined ? '' : ` FOR ${at(length)}`;
        return `OVERLAY(${at(first)} PLACING ${at(second)} FROM ${at(third)}${tail})`;
      }
      case 'trim_leading':
        return `TRIM(LEADING FROM ${this.exprs(call.arguments)})`;
      case 'trim_trailing':
        return `TRIM(TRAILING FROM ${this.exprs(call.arguments)})`;
      case 'trim_both':
        return `TRIM(BOTH FROM ${this.exprs(call.arguments)})`;
      case 'normalize':
        return `NORMALIZE(${at(first)}${second === undefined ? '' : `, ${normalForm(second)}`})`;
      case 'coalesce':
      case 'nullif':
      case 'greatest':
      case 'least':
        return `${call.name.toUpperCase()}(${this.exprs(call.arguments)})`;
      default:
        return (
          call.name.toUpperCase() + (call.arguments.length === 0 ? '' : `(${this.exprs(call.arguments)})`)
        );
    }
  }

  call(call: FunctionCall): string {
    const list = call.star ? '*' : call.arguments.map((argument) => this.#argument(argument)).join(', ');
    const orderBy = call.orderBy.length === 0 ? '' : ` ${this.orderBy(call.orderBy)}`;
    let text = `${this.name(call.name)}(${call.distinct ? 'DISTINCT ' : ''}${list}${orderBy})`;
    if (call.withinGroup !== null) text += ` WITHIN GROUP (${this.orderBy(call.withinGroup)})`;
    if (call.filter !== null) text += ` FILTER (WHERE ${this.expr(call.filter)})`;
    if (call.nullTreatment !== null) text += ` ${call.nullTreatment.toUpperCase()} NULLS`;
    if (call.over !== null) text += ` OVER ${this.#over(call.over)}`;
    return text;
  }

  #argument(argument: FunctionArgument): string {
    const name = argument.name === null ? '' : `${this.ident(argument.name)} => `;
    return `${argument.variadic ? 'VARIADIC ' : ''}${name}${this.expr(argument.value)}`;
  }

  #over(over: WindowSpec | WindowName): string {
    return over.kind === 'WindowName' ? this.ident(over.name) : this.windowSpec(over);
  }

  windowSpec(spec: WindowSpec): string {
    const parts: string[] = [];
    if (spec.base !== null) parts.push(this.ident(spec.base));
    if (spec.partitionBy.length > 0) parts.push(`PARTITION BY ${this.exprs(spec.partitionBy)}`);
    if (spec.orderBy.length > 0) parts.push(this.orderBy(spec.orderBy));
    if (spec.frame !== null) parts.push(this.#frame(spec.frame));
    return `(${parts.join(' ')})`;
  }

  #frame(frame: WindowFrame): string {
    if (frame.unit === 'session') return `SESSION WITH GAP ${this.expr(must(frame.start.offset))}`;
    const start = this.#bound(frame.start);
    const bounds = frame.end === null ? start : `BETWEEN ${start} AND ${this.#bound(frame.end)}`;
    const exclude = frame.exclude === null ? '' : ` EXCLUDE ${frame.exclude.toUpperCase()}`;
    return `${frame.unit.toUpperCase()} ${bounds}${exclude}`;
  }

  #bound(bound: FrameBound): string {
    const offset = bound.offset === null ? '' : `${this.expr(bound.offset)} `;
    return offset + bound.bound.toUpperCase();
  }

  orderBy(items: readonly OrderItem[]): string {
    return `ORDER BY ${items.map((item) => this.expr(item.expr) + orderSuffix(item.direction, item.nulls)).join(', ')}`;
  }
}

/** ` DESC NULLS LAST` and the like. */
export function orderSuffix(direction: 'asc' | 'desc', nulls: 'first' | 'last' | null): string {
  return (direction === 'desc' ? ' DESC' : '') + (nulls === null ? '' : ` NULLS ${nulls.toUpperCase()}`);
}

function printLiteral(literal: Literal): string {
  const { value } = literal;
  switch (value.type) {
    case 'null':
      return 'NULL';
    case 'boolean':
      return value.value ? 'TRUE' : 'FALSE';
    case 'number':
      return value.text;
    case 'string':
      return quoteString(value.value);
    case 'bits':
      return `${value.base === 16 ? 'X' : 'B'}'${value.digits}'`;
  }
}

function printInterval(literal: IntervalLiteral): string {
  const value = quoteString(literal.value);
  const precision = literal.precision === null ? '' : `(${literal.precision})`;
  if (literal.fields === null) return `INTERVAL${precision} ${value}`;
  return `INTERVAL ${value} ${literal.fields.toUpperCase()}${precision}`;
}

function extractField(field: string): string {
  const plain = /^[a-z_][a-z0-9_]*$/.test(field) && (!keywords.has(field) || extractWords.has(field));
  return plain ? field : quoteString(field);
}

function normalForm(expr: Expr): string {
  return expr.kind === 'Literal' && expr.value.type === 'string' ? expr.value.value : 'NFC';
}

/** `f(x)[1]` and `ARRAY[...][1]` take subscripts but no field. */
function startsAsCall(expr: Expr): boolean {
  if (expr.kind === 'Subscript') return startsAsCall(expr.operand);
  return expr.kind === 'FunctionCall' || expr.kind === 'ArrayExpr' || expr.kind === 'ArraySubquery';
}
