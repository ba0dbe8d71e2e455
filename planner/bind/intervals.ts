/** Interval literals with fields (`DAY TO SECOND`) and precision. */
import { type IntervalFields, types } from '../../common/dataType.ts';
import { parseInterval } from '../../common/intervalParse.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TypeName } from '../../parser/ast/common.ts';
import type { Scalar } from '../plan/scalar.ts';
import { placed } from './environment.ts';

const allFields: { readonly [K in IntervalFields]: true } = {
  year: true,
  month: true,
  day: true,
  hour: true,
  minute: true,
  second: true,
  'year to month': true,
  'day to hour': true,
  'day to minute': true,
  'day to second': true,
  'hour to minute': true,
  'hour to second': true,
  'minute to second': true,
};

export const isFields = (text: string): text is IntervalFields => text in allFields;

/** The interval that a literal's text means; 22007 at `position` when it is none. */
export function intervalLiteral(
  text: string,
  fields: string | null,
  precision: number | null,
  position: number,
): Scalar {
  try {
    const value = parseInterval(text, fields !== null && isFields(fields) ? fields : null, precision);
    return placed({ kind: 'literal', value, type: types.interval }, position);
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}

/** True for `interval day to second` and `interval(3)`, which change the values cast to them. */
export function isRestrictedInterval(type: TypeName): boolean {
  const isInterval = type.name.parts.at(-1)?.name === 'interval';
  return isInterval && type.arrayDepth === 0 && (type.intervalFields !== null || type.modifiers.length > 0);
}
