/** Code for expressions over sets, arrays and rows. */
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import { zeroOf } from '../../common/function.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { NonNullValue } from '../../common/value.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { allFieldsNull, arrayElement, arraySlice, nestArrays, noFieldNull } from './composite.ts';
import { anyNull, emitCall, emitGuarded, nullableValue, splitNull } from './emitCall.ts';
import type { Code, Emitter } from './emitter.ts';
import { ValueSet } from './valueSet.ts';

type Of<K extends Scalar['kind']> = Extract<Scalar, { readonly kind: K }>;

/** Up to this many numbers are compared one by one. */
const MAX_COMPARISONS = 8;

function membership(type: DataType, values: readonly NonNullValue[], x: string, emitter: Emitter): string {
  const kind = physicalKind(type);
  const primitive =
    (kind === 'bool' || kind === 'i32' || kind === 'i64' || kind === 'text') && type.id !== 'bpchar';
  if (primitive && values.length <= MAX_COMPARISONS) {
    return `(${values.map((value) => `${x} === ${emitter.literal(value)}`).join(' || ') || 'false'})`;
  }
  const set = primitive ? new Set<NonNullValue>(values) : new ValueSet(type, values);
  return `${emitter.constant(set)}.has(${x})`;
}

/** x IN (literals): NULL when there is no match but a NULL among them. */
export function emitInSet(scalar: Of<'inSet'>, operand: Code, emitter: Emitter): Code {
  if (operand.isNull === 'true') return { value: 'false', isNull: 'true' };
  const values = scalar.values.filter((value) => value !== null);
  const found =
    operand.isNull === null
      ? emitter.atom(membership(scalar.operand.type, values, operand.value, emitter))
      : emitter.atom(
          `!${operand.isNull} && ${membership(scalar.operand.type, values, operand.value, emitter)}`,
        );
  const value = scalar.negated ? emitter.atom(`!${found}`) : found;
  if (!scalar.hasNull) return { value, isNull: operand.isNull };
  const missing = operand.isNull === null ? `!${found}` : `(${operand.isNull} || !${found})`;
  return { value, isNull: emitter.atom(missing) };
}

/** left op ANY/ALL (array): as OR/AND over the elements. */
export function emitQuantified(scalar: Of<'quantified'>, left: Code, right: Code, emitter: Emitter): Code {
  if (right.isNull === 'true') return { value: 'false', isNull: 'true' };
  const any = scalar.quantifier === 'any';
  const arrayType = scalar.right.type;
  const elementType = arrayType.id === 'array' ? arrayType.element : arrayType;
  const result = emitter.temp();
  const unknown = emitter.temp();
  emitter.line(`let ${result} = ${!any}, ${unknown} = ${right.isNull ?? 'false'};`);
  emitter.block(`if (!${unknown})`, () => {
    const element = emitter.temp();
    emitter.block(`for (const ${element} of ${right.value}.elements)`, () => {
      const item: Code = { value: element, isNull: emitter.atom(`${element} === null`) };
      const types = [scalar.left.type, elementType];
      const test = emitCall(scalar.fn, [left, item], types, scalar.type, undefined, emitter);
      const decides = any ? test.value : `!${test.value}`;
      const stop = `{ ${result} = ${any}; ${unknown} = false; break; }`;
      if (test.isNull === null) emitter.line(`if (${decides}) ${stop}`);
      else emitter.line(`if (${test.isNull}) ${unknown} = true; else if (${decides}) ${stop}`);
    });
  });
  return { value: result, isNull: unknown };
}

export function emitArray(scalar: Of<'array'>, items: readonly Code[], emitter: Emitter): Code {
  const list = `[${items.map(nullableValue).join(', ')}]`;
  const made = scalar.nested
    ? `${emitter.constant(nestArrays)}(${list})`
    : `new ${emitter.constant(SqlArray)}(${list})`;
  if (scalar.nested) emitter.at(undefined);
  return { value: emitter.atom(made), isNull: null };
}

export function emitRow(items: readonly Code[], emitter: Emitter): Code {
  return { value: emitter.atom(`[${items.map(nullableValue).join(', ')}]`), isNull: null };
}

export function emitField(scalar: Of<'field'>, operand: Code, emitter: Emitter): Code {
  const zero = zeroOf[physicalKind(scalar.type)];
  if (operand.isNull === 'true') return { value: zero, isNull: 'true' };
  const field = `${operand.value}[${scalar.index}]`;
  const value = operand.isNull === null ? field : `(${operand.isNull} ? null : ${field})`;
  return splitNull(value, zero, emitter);
}

export function emitSubscript(
  scalar: Of<'subscript'>,
  operand: Code,
  indexes: readonly Code[],
  emitter: Emitter,
): Code {
  const zero = zeroOf[physicalKind(scalar.type)];
  const isNull = anyNull([operand, ...indexes]);
  if (isNull === 'true') return { value: zero, isNull };
  const list = indexes.map((index) => index.value).join(', ');
  const call = `${emitter.constant(arrayElement)}(${operand.value}, [${list}])`;
  return isNull === null
    ? splitNull(call, zero, emitter)
    : emitGuarded(isNull, zero, true, emitter, () => call);
}

export function emitSlice(
  operand: Code,
  bounds: readonly { readonly lower: Code | null; readonly upper: Code | null }[],
  emitter: Emitter,
): Code {
  const given = bounds.flatMap(({ lower, upper }) => [lower, upper]).filter((code) => code !== null);
  const isNull = anyNull([operand, ...given]);
  if (isNull === 'true') return { value: 'null', isNull };
  const lowers = bounds.map(({ lower }) => lower?.value ?? 'null').join(', ');
  const uppers = bounds.map(({ upper }) => upper?.value ?? 'null').join(', ');
  const call = `${emitter.constant(arraySlice)}(${operand.value}, [${lowers}], [${uppers}])`;
  if (isNull === null) return { value: emitter.atom(call), isNull: null };
  return emitGuarded(isNull, 'null', false, emitter, () => call);
}

/** IS [NOT] NULL of a row looks at its fields. */
export function emitStructIsNull(operand: Code, negated: boolean, emitter: Emitter): Code {
  const test = emitter.constant(negated ? noFieldNull : allFieldsNull);
  const { isNull } = operand;
  if (isNull === 'true') return { value: String(!negated), isNull: null };
  const fields = `${test}(${operand.value})`;
  if (isNull === null) return { value: emitter.atom(fields), isNull: null };
  return {
    value: emitter.atom(negated ? `(!${isNull} && ${fields})` : `(${isNull} || ${fields})`),
    isNull: null,
  };
}
