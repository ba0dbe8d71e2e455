/** What becomes of rows that a view cannot compute: the options on_error and error_max_rows. */
import { SqlError } from '../../common/sqlError.ts';
import type { Option } from '../../parser/ast/common.ts';
import { DEFAULT_ERROR_ROWS } from '../errorLog.ts';
import type { ErrorPolicy } from '../objects.ts';

const MOST_ROWS = 1_000_000;

/** The options' names, for the check of unknown ones. */
export const errorOptions: readonly string[] = ['on_error', 'error_max_rows'];

const textOf = (option: Option): string =>
  option.value.kind === 'secret' ? '' : String(option.value.value).trim();

function isChoice(text: string): text is ErrorPolicy['onError'] {
  return text === 'skip' || text === 'null' || text === 'fail';
}

function onErrorOf(option: Option | undefined): ErrorPolicy['onError'] {
  if (option === undefined) return 'skip';
  const text = textOf(option).toLowerCase();
  if (isChoice(text)) return text;
  throw new SqlError('22023', `invalid value for option "on_error": "${textOf(option)}"`, {
    position: option.span.start,
    hint: "Available values: 'skip', 'null', 'fail'.",
  });
}

function maxRowsOf(option: Option | undefined): number {
  if (option === undefined) return DEFAULT_ERROR_ROWS;
  const text = textOf(option);
  const rows = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (rows <= MOST_ROWS) return rows;
  throw new SqlError('22023', `invalid value for option "error_max_rows": "${text}"`, {
    position: option.span.start,
    hint: `It must be a number of rows between 0 and ${MOST_ROWS}.`,
  });
}

/** The policy that the options of a CREATE MATERIALIZED VIEW ask for. */
export function errorPolicy(options: readonly Option[]): ErrorPolicy {
  return {
    onError: onErrorOf(options.find((o) => o.name === 'on_error')),
    maxRows: maxRowsOf(options.find((o) => o.name === 'error_max_rows')),
  };
}
