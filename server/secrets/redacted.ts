/** Texts without the values of secrets: what connectors say of addresses, users and the like may repeat an option's value. */
import { SqlError } from '../../common/sqlError.ts';
import { HIDDEN } from '../../connector/secretOptions.ts';

/** Shorter ones are found in quotes only: they stand in many words by accident. */
const LEAST_BARE = 4;

function without(text: string, value: string): string {
  if (value.length >= LEAST_BARE) return text.replaceAll(value, HIDDEN);
  return text.replaceAll(`"${value}"`, `"${HIDDEN}"`).replaceAll(`'${value}'`, `'${HIDDEN}'`);
}

/** Longer values first: one may be part of another. */
export function redactedText(text: string, values: readonly string[]): string {
  const longestFirst = values.filter((v) => v !== '').sort((a, b) => b.length - a.length);
  return longestFirst.reduce(without, text);
}

export function redactedError(error: SqlError, values: readonly string[]): SqlError {
  const { message, detail, hint, where } = error;
  const of = (text: string): string => redactedText(text, values);
  const texts = [message, detail ?? '', hint ?? '', where ?? ''];
  if (texts.every((text) => of(text) === text)) return error;
  return new SqlError(error.state, of(message)).with({
    ...(error.position === undefined ? {} : { position: error.position }),
    ...(detail === undefined ? {} : { detail: of(detail) }),
    ...(hint === undefined ? {} : { hint: of(hint) }),
    ...(where === undefined ? {} : { where: of(where) }),
    ...(error.table === undefined ? {} : { table: error.table }),
    ...(error.column === undefined ? {} : { column: error.column }),
    ...(error.constraint === undefined ? {} : { constraint: error.constraint }),
  });
}
