/** CAST, `::`, TRY_CAST, and names of catalog objects cast to reg* types. */
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { oidOf, typeFromName } from '../../common/typeTable.ts';
import type { CastExpr } from '../../parser/ast/expr.ts';
import type { Scalar } from '../plan/scalar.ts';
import { cannotCast, coerceExplicit, tryCoerce } from './coerce.ts';
import type { ExprContext } from './context.ts';
import { placed, positionOf } from './environment.ts';
import { bindExpr } from './expr.ts';
import { intervalLiteral, isRestrictedInterval } from './intervals.ts';
import { dataTypeOf } from './typeNames.ts';

const regTypes: readonly DataType['id'][] = ['regclass', 'regtype', 'regproc', 'regnamespace'];

export function bindCast(expr: CastExpr, context: ExprContext): Scalar {
  const position = expr.operatorStart;
  const type = dataTypeOf(expr.type, context.env);
  if (expr.operand.kind === 'ArrayExpr' && expr.operand.items.length === 0) {
    if (type.id !== 'array') throw cannotCast({ id: 'array', element: types.text }, type, position);
    return { kind: 'array', items: [], nested: false, type };
  }
  const operand = bindExpr(expr.operand, context);
  if (isRestrictedInterval(expr.type) && isText(operand) && expr.form !== 'try') {
    return restrictedLiteral(expr, operand);
  }
  if (regTypes.includes(type.id)) return castToReg(operand, type, position, context);
  if (expr.form === 'try') {
    const base: Scalar = operand.type.id === 'unknown' ? { ...operand, type: types.text } : operand;
    const cast = tryCoerce(base, type, 'explicit', context.env);
    if (cast === null) throw cannotCast(operand.type, type, position);
    return cast.kind === 'cast' ? { ...cast, try: true } : cast;
  }
  return coerceExplicit(operand, type, position, context.env);
}

const isText = (s: Scalar): s is Scalar & { kind: 'literal' } =>
  s.kind === 'literal' && s.type.id === 'unknown' && s.value !== null;

/** `'1 2:03'::interval day to minute`: a literal is read by its fields: they say what a bare number means. */
function restrictedLiteral(expr: CastExpr, operand: Scalar & { kind: 'literal' }): Scalar {
  const { intervalFields, modifiers } = expr.type;
  const position = positionOf(operand) ?? expr.operatorStart;
  return intervalLiteral(String(operand.value), intervalFields, modifiers[0] ?? null, position);
}

/** `'name'::regclass`: a literal is looked up now, text at run time, a number is taken as it is. */
function castToReg(operand: Scalar, type: DataType, position: number, context: ExprContext): Scalar {
  const isName =
    operand.type.id === 'unknown' ||
    operand.type.id === 'text' ||
    operand.type.id === 'varchar' ||
    operand.type.id === 'name';
  if (!isName) return coerceExplicit(operand, type, position, context.env);
  if (operand.kind !== 'literal' || operand.value === null) {
    return coerceExplicit(operand, type, position, context.env);
  }
  const name = String(operand.value).trim();
  if (/^\d+$/.test(name)) return { kind: 'literal', value: Number(name), type };
  const at = positionOf(operand) ?? position;
  if (type.id === 'regtype') {
    const found = typeFromName(name.replace(/^pg_catalog\./, '').toLowerCase());
    if (found === null) throw new SqlError('42704', `type "${name}" does not exist`, { position: at });
    return { kind: 'literal', value: oidOf(found), type };
  }
  if (type.id === 'regclass') {
    const parts = splitName(name);
    const schema = parts.length > 1 ? (parts[parts.length - 2] ?? null) : null;
    const relation = context.env.catalog.relation(
      schema,
      parts[parts.length - 1] ?? '',
      context.env.searchPath,
    );
    // Indexes and keys are found at run time; so is the error when there is nothing of that name.
    if (relation === null)
      return coerceExplicit(
        placed({ kind: 'literal', value: name, type: types.text }, at),
        type,
        at,
        context.env,
      );
    return { kind: 'literal', value: relation.id, type };
  }
  return coerceExplicit(operand, type, at, context.env);
}

/** `"A".b` into its parts, unquoted ones folded. */
export function splitName(name: string): readonly string[] {
  const parts: string[] = [];
  for (const match of name.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)) {
    parts.push(
      match[1] !== undefined ? match[1].replaceAll('""', '"') : (match[2] ?? '').trim().toLowerCase(),
    );
  }
  return parts;
}
