/**
 * Coercion of bound expressions: implicit, assignment and explicit casts, literals of unknown type resolved by parsing,
 * and the common type of UNION, CASE, VALUES, ARRAY (PostgreSQL, chapter 10.5).
 */
import { type CastContext, canCast, isNoOpCast } from '../../common/cast.ts';
import { type DataType, sameType, type TimeType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import { formatType, isPreferredType, typeCategory } from '../../common/typeTable.ts';
import type { Scalar } from '../plan/scalar.ts';
import { type BindEnvironment, placed, positionOf } from './environment.ts';

function located(scalar: Scalar, result: Scalar): Scalar {
  const position = positionOf(scalar);
  return position === undefined ? result : placed(result, position);
}

const isTime = (type: DataType): type is TimeType =>
  type.id === 'time' ||
  type.id === 'timetz' ||
  type.id === 'timestamp' ||
  type.id === 'timestamptz' ||
  type.id === 'interval';

/** True when the type has a length or precision. */
function hasModifier(type: DataType): boolean {
  if (type.id === 'array') return hasModifier(type.element);
  if (type.id === 'numeric') return type.precision !== undefined;
  if (isTime(type)) return type.precision !== undefined || type.fields !== undefined;
  return (type.id === 'varchar' || type.id === 'bpchar') && type.length !== undefined;
}

/** The type without length, precision and scale: what operators, functions and messages are about. */
export function withoutModifier(type: DataType): DataType {
  if (type.id === 'array') return { id: 'array', element: withoutModifier(type.element) };
  if (type.id === 'numeric' || type.id === 'varchar' || type.id === 'bpchar') return { id: type.id };
  if (isTime(type)) return { id: type.id };
  return type;
}

/** A literal of unknown type as one of `type`: parsed now, with the error at the literal. */
function resolveLiteral(scalar: Scalar & { kind: 'literal' }, type: DataType, env: BindEnvironment): Scalar {
  if (scalar.value === null) return located(scalar, { kind: 'literal', value: null, type });
  try {
    const value = parseValue(String(scalar.value), withoutModifier(type), env.text);
    return located(scalar, { kind: 'literal', value, type: withoutModifier(type) });
  } catch (error) {
    throw error instanceof SqlError ? error.at(positionOf(scalar)) : error;
  }
}

function resolveParameter(
  scalar: Scalar & { kind: 'parameter' },
  type: DataType,
  env: BindEnvironment,
): Scalar {
  const known = env.parameterTypes[scalar.index] ?? null;
  if (known === null) {
    env.parameterTypes[scalar.index] = withoutModifier(type);
    return located(scalar, { kind: 'parameter', index: scalar.index, type: withoutModifier(type) });
  }
  return located(scalar, { kind: 'parameter', index: scalar.index, type: known });
}

/** The scalar cast to `type`, or null when the context does not allow it. */
export function tryCoerce(
  scalar: Scalar,
  type: DataType,
  context: CastContext,
  env: BindEnvironment,
): Scalar | null {
  if (scalar.type.id === 'unknown') {
    // What takes anything takes an untyped literal as it is.
    if (type.id === 'unknown') return scalar;
    if (scalar.kind === 'literal') {
      const resolved = resolveLiteral(scalar, type, env);
      return hasModifier(type) ? cast(resolved, type, context) : resolved;
    }
    if (scalar.kind === 'parameter') {
      const resolved = resolveParameter(scalar, type, env);
      return resolved.type.id === 'unknown' ? resolved : tryCoerce(resolved, type, context, env);
    }
    return cast({ ...scalar, type: types.text }, type, 'explicit');
  }
  if (scalar.kind === 'row' && type.id === 'struct' && scalar.items.length === type.fields.length) {
    const items = scalar.items.map((item, i) =>
      tryCoerce(reopened(item) ?? item, type.fields[i]?.type ?? types.text, context, env),
    );
    if (items.every((item) => item !== null)) return located(scalar, { kind: 'row', items, type });
  }
  if (scalar.kind === 'array' && type.id === 'array' && context === 'explicit' && !scalar.nested) {
    const items = scalar.items.map((item) => tryCoerce(item, type.element, context, env));
    if (items.every((item) => item !== null))
      return located(scalar, { kind: 'array', items, nested: false, type });
  }
  if (sameType(scalar.type, type) && !hasModifier(type)) return scalar;
  if (!canCast(scalar.type, type, context)) return null;
  return cast(scalar, type, context);
}

function cast(scalar: Scalar, type: DataType, context: CastContext): Scalar {
  if (sameType(scalar.type, type) && isNoOpCast(scalar.type, type)) return scalar;
  const position = positionOf(scalar);
  return located(scalar, {
    kind: 'cast',
    operand: scalar,
    type,
    explicit: context === 'explicit',
    try: false,
    ...(position === undefined ? {} : { position }),
  });
}

/** Implicit coercion that the caller knows to be allowed. */
export function coerceImplicit(scalar: Scalar, type: DataType, env: BindEnvironment): Scalar {
  const coerced = tryCoerce(scalar, type, 'implicit', env) ?? tryCoerce(scalar, type, 'explicit', env);
  if (coerced === null) throw cannotCast(scalar.type, type, positionOf(scalar));
  return coerced;
}

export function cannotCast(from: DataType, to: DataType, position: number | undefined): SqlError {
  return new SqlError(
    '42846',
    `cannot cast type ${formatType(from)} to ${formatType(to)}`,
    position === undefined ? {} : { position },
  );
}

/** CAST(e AS type). */
export function coerceExplicit(
  scalar: Scalar,
  type: DataType,
  position: number,
  env: BindEnvironment,
): Scalar {
  if (scalar.kind === 'array' && !scalar.nested && type.id === 'array') {
    // Element by element, so that a wrong one is pointed at.
    const items = scalar.items.map((s) => coerceExplicit(s, type.element, positionOf(s) ?? position, env));
    return located(scalar, { kind: 'array', items, nested: false, type });
  }
  const coerced = tryCoerce(scalar, type, 'explicit', env);
  if (coerced === null) throw cannotCast(scalar.type, type, position);
  return coerced;
}

/** For INSERT and UPDATE: 42804 names the column. */
export function coerceAssign(
  scalar: Scalar,
  type: DataType,
  column: string,
  position: number | undefined,
  env: BindEnvironment,
): Scalar {
  const coerced = tryCoerce(scalar, type, 'assignment', env);
  if (coerced !== null) return coerced;
  throw new SqlError(
    '42804',
    `column "${column}" is of type ${formatType(type)} but expression is of type ${formatType(scalar.type)}`,
    {
      ...(position === undefined ? {} : { position }),
      hint: 'You will need to rewrite or cast the expression.',
    },
  );
}

/** A boolean for WHERE, ON, HAVING, AND ...; 42804 otherwise. */
export function coerceBoolean(scalar: Scalar, construct: string, env: BindEnvironment): Scalar {
  const coerced =
    scalar.type.id === 'bool' || scalar.type.id === 'unknown'
      ? tryCoerce(scalar, types.bool, 'implicit', env)
      : null;
  if (coerced !== null) return coerced;
  const position = positionOf(scalar);
  throw new SqlError(
    '42804',
    `argument of ${construct} must be type boolean, not type ${formatType(scalar.type)}`,
    {
      ...(position === undefined ? {} : { position }),
    },
  );
}

const open = new WeakSet<Scalar>();

/**
 * A select item of unknown type is text, unless the query around it decides otherwise: UNION and INSERT look again
 * (`reopened`).
 */
export function textByDefault(scalar: Scalar, env: BindEnvironment): Scalar {
  if (scalar.type.id !== 'unknown') return scalar;
  if (scalar.kind !== 'literal' && scalar.kind !== 'parameter') return defaultUnknown(scalar, env);
  const result = located(scalar, { ...scalar, type: types.text });
  open.add(result);
  return result;
}

/** The literal or parameter that is text only by default, with its type unknown again; null for any other scalar. */
export function reopened(scalar: Scalar): Scalar | null {
  return open.has(scalar) ? located(scalar, { ...scalar, type: types.unknown }) : null;
}

/** Unknown literals become text where nothing else decides (GROUP BY, ORDER BY ...). */
export function defaultUnknown(scalar: Scalar, env: BindEnvironment): Scalar {
  return scalar.type.id === 'unknown' ? coerceImplicit(scalar, types.text, env) : scalar;
}

/** The type to which all of a construct's inputs can be coerced; 42804 names the two that cannot match. */
export function commonType(scalars: readonly Scalar[], construct: string): DataType {
  const known = scalars.filter((s) => s.type.id !== 'unknown');
  const first = known[0];
  if (first === undefined) return types.text;
  let chosen: DataType = first.type;
  for (const s of known.slice(1)) {
    if (sameType(s.type, chosen)) {
      if (hasModifier(chosen) && JSON.stringify(s.type) !== JSON.stringify(chosen))
        chosen = withoutModifier(chosen);
      continue;
    }
    if (typeCategory(s.type) !== typeCategory(chosen) && !(s.type.id === 'array' && chosen.id === 'array')) {
      throw mismatch(construct, chosen, s);
    }
    if (
      !isPreferredType(chosen) &&
      canCast(chosen, s.type, 'implicit') &&
      !canCast(s.type, chosen, 'implicit')
    ) {
      chosen = withoutModifier(s.type);
    } else if (!canCast(s.type, chosen, 'implicit')) {
      throw mismatch(construct, chosen, s);
    } else {
      chosen = withoutModifier(chosen);
    }
  }
  return chosen;
}

function mismatch(construct: string, a: DataType, b: Scalar): SqlError {
  const position = positionOf(b);
  return new SqlError(
    '42804',
    `${construct} types ${formatType(a)} and ${formatType(b.type)} cannot be matched`,
    position === undefined ? {} : { position },
  );
}

/** All inputs coerced to their common type. */
export function unify(
  scalars: readonly Scalar[],
  construct: string,
  env: BindEnvironment,
): { readonly scalars: readonly Scalar[]; readonly type: DataType } {
  const type = commonType(scalars, construct);
  return { scalars: scalars.map((s) => coerceImplicit(s, type, env)), type };
}
