/**
 * Casts between any two types: which are allowed where, and the conversion.
 *
 * Beside the listed casts: every type casts to the text types on assignment and from them explicitly (by its output and
 * input functions), an untyped literal to anything implicitly, arrays and rows element by element, and a type to itself
 * to enforce a length or precision.
 */
import { type Cast, type CastContext, casts } from './castTable.ts';
import { type DataType, sameType, type TypeId } from './dataType.ts';
import { Decimal } from './decimal.ts';
import { applyCharacterLength } from './scalarText.ts';
import { SqlArray } from './sqlArray.ts';
import { SqlError } from './sqlError.ts';
import type { TextContext } from './textContext.ts';
import { formatValue, parseValue } from './textIo.ts';
import { timeLimit } from './timePrecision.ts';
import { typeCategory, typeName } from './typeTable.ts';
import type { NonNullValue, Value } from './value.ts';

export type { CastContext } from './castTable.ts';

const byPair: ReadonlyMap<string, Cast> = new Map(casts.map((c) => [`${c.from}>${c.to}`, c]));

const strictness: { readonly [K in CastContext]: number } = { implicit: 0, assignment: 1, explicit: 2 };

function stricter(a: CastContext, b: CastContext): CastContext {
  return strictness[a] >= strictness[b] ? a : b;
}

function isTextual(id: TypeId): boolean {
  return id === 'text' || id === 'varchar' || id === 'bpchar' || id === 'name';
}

/** The innermost element type: arrays of arrays are arrays with more dimensions. */
function leafType(type: DataType): DataType {
  return type.id === 'array' ? leafType(type.element) : type;
}

/** The least demanding context in which `from` casts to `to`, ignoring modifiers; null when there is no cast. */
export function castContext(from: DataType, to: DataType): CastContext | null {
  if (from.id === 'unknown') return to.id === 'void' ? null : 'implicit';
  if (from.id === to.id && from.id !== 'array' && from.id !== 'struct') return 'implicit';
  if (from.id === 'void' || to.id === 'void' || to.id === 'unknown') return null;
  const listed = byPair.get(`${from.id}>${to.id}`);
  if (listed !== undefined) return listed.context;
  if (from.id === 'array' && to.id === 'array') return castContext(leafType(from), leafType(to));
  if (from.id === 'struct' && to.id === 'struct') return structContext(from, to);
  if (typeCategory(to) === 'S') return 'assignment';
  return typeCategory(from) === 'S' ? 'explicit' : null;
}

function structContext(
  from: Extract<DataType, { id: 'struct' }>,
  to: Extract<DataType, { id: 'struct' }>,
): CastContext | null {
  if (from.fields.length !== to.fields.length) return null;
  let context: CastContext = 'implicit';
  for (let i = 0; i < from.fields.length; i++) {
    const source = from.fields[i];
    const target = to.fields[i];
    if (source === undefined || target === undefined) return null;
    const one = castContext(source.type, target.type);
    if (one === null) return null;
    context = stricter(context, one);
  }
  return context;
}

/** Whether `from` casts to `to` where casts of `context` are applied. */
export function canCast(from: DataType, to: DataType, context: CastContext): boolean {
  const needed = castContext(from, to);
  return needed !== null && strictness[needed] <= strictness[context];
}

/** A cast made ready for one pair of types. */
export type CastFunction = (value: NonNullValue, context: TextContext) => Value;

const identity: CastFunction = (value) => value;

/**
 * The conversion from one type to another, with length and precision of the target enforced; for an explicit cast too
 * long text is cut. 42846 when there is no such cast.
 */
export function castFunction(from: DataType, to: DataType, explicit: boolean): CastFunction {
  if (from.id === to.id && from.id !== 'array' && from.id !== 'struct') return modifierCast(to, explicit);
  const listed = byPair.get(`${from.id}>${to.id}`);
  if (listed !== undefined) {
    // The listed conversion is for types with these ids: `to` is what it takes.
    const convert = listed.convert as unknown as (
      value: NonNullValue,
      context: TextContext,
      to: DataType,
      explicit: boolean,
    ) => Value;
    const limit = timeLimit(to);
    if (limit === null) return (value, context) => convert(value, context, to, explicit);
    return (value, context) => {
      const converted = convert(value, context, to, explicit);
      return converted === null ? null : limit(converted);
    };
  }
  if (from.id === 'array' && to.id === 'array') return arrayCast(leafType(from), leafType(to), explicit);
  if (from.id === 'struct' && to.id === 'struct') return structCast(from, to, explicit);
  if (castContext(from, to) === null) {
    throw new SqlError('42846', `cannot cast type ${typeName(from)} to ${typeName(to)}`);
  }
  if (isTextual(to.id)) return toText(from, to, explicit);
  return fromText(to);
}

function toText(from: DataType, to: DataType, explicit: boolean): CastFunction {
  if (to.id === 'varchar' || to.id === 'bpchar') {
    return (value, context) => applyCharacterLength(formatValue(value, from, context), to, explicit);
  }
  return (value, context) => parseValue(formatValue(value, from, context), to, context);
}

function fromText(to: DataType): CastFunction {
  return (value, context) => parseValue(String(value), to, context);
}

/** Cast of a type to itself with other modifiers. */
function modifierCast(to: DataType, explicit: boolean): CastFunction {
  switch (to.id) {
    case 'numeric': {
      const { precision, scale = 0 } = to;
      if (precision === undefined) return identity;
      return (value) => (value instanceof Decimal ? value.applyTypmod(precision, scale) : value);
    }
    case 'varchar':
    case 'bpchar':
      if (to.length === undefined) return identity;
      return (value) => (typeof value === 'string' ? applyCharacterLength(value, to, explicit) : value);
    default:
      return timeLimit(to) ?? identity;
  }
}

function arrayCast(from: DataType, to: DataType, explicit: boolean): CastFunction {
  const element = castFunction(from, to, explicit);
  if (element === identity) return identity;
  return (value, context) => {
    if (!(value instanceof SqlArray)) return value;
    const elements = value.elements.map((item) => (item === null ? null : element(item, context)));
    return new SqlArray(elements, value.dimensions, value.lowerBounds);
  };
}

function structCast(
  from: Extract<DataType, { id: 'struct' }>,
  to: Extract<DataType, { id: 'struct' }>,
  explicit: boolean,
): CastFunction {
  if (from.fields.length !== to.fields.length) {
    throw new SqlError('42846', 'cannot cast type record to record', {
      detail:
        from.fields.length < to.fields.length ? 'Input has too few columns.' : 'Input has too many columns.',
    });
  }
  const fields = from.fields.map((field, i) => {
    const target = to.fields[i];
    return target === undefined ? identity : castFunction(field.type, target.type, explicit);
  });
  if (fields.every((field) => field === identity)) return identity;
  return (value, context) => {
    if (!Array.isArray(value)) return value;
    const row: readonly Value[] = value;
    return fields.map((field, i) => {
      const item = row[i] ?? null;
      return item === null ? null : field(item, context);
    });
  };
}

const known = new Map<DataType, Map<DataType, CastFunction>[]>();

/** Casts one non-null value. May give NULL (an infinite timestamp has no time of day). */
export function castValue(
  value: NonNullValue,
  from: DataType,
  to: DataType,
  explicit: boolean,
  context: TextContext,
): Value {
  if (from === to) return value;
  const which = explicit ? 1 : 0;
  let bySource = known.get(from);
  if (bySource === undefined) {
    bySource = [new Map(), new Map()];
    // Types are often made anew for each statement, so what is remembered must not grow for ever.
    if (known.size > 256) known.clear();
    known.set(from, bySource);
  }
  const byTarget = bySource[which];
  let convert = byTarget?.get(to);
  if (convert === undefined) {
    convert = castFunction(from, to, explicit);
    if (byTarget !== undefined && byTarget.size > 256) byTarget.clear();
    byTarget?.set(to, convert);
  }
  return convert(value, context);
}

/** Whether a cast changes nothing: same representation and no modifier to enforce. */
export function isNoOpCast(from: DataType, to: DataType): boolean {
  if (!sameType(from, to))
    return (
      (from.id === 'text' && to.id === 'varchar' && to.length === undefined) ||
      (from.id === 'varchar' && to.id === 'text')
    );
  return castFunction(from, to, false) === identity;
}
