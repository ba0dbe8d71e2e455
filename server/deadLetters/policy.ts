/** The options on records that cannot be used, as a relation has them. */
import { SqlError } from '../../common/sqlError.ts';
import type { OnError } from '../../connector/connector.ts';
import type { Option } from '../../parser/ast/common.ts';
import { durationOf, optionText } from '../time/timeOptions.ts';
import { MICROS_PER_DAY } from '../time/units.ts';
import { isLetterOption, letterOptions } from './letterOptions.ts';

export interface LetterPolicy {
  readonly onError: OnError;
  /** Dead letters within a minute that do not pause the source; null: however many. */
  readonly maxPerMinute: number | null;
  /** Microseconds. */
  readonly retention: bigint;
  readonly maxRows: number;
}

export const defaultLetterPolicy: LetterPolicy = {
  onError: 'skip',
  maxPerMinute: 10_000,
  retention: 7n * MICROS_PER_DAY,
  maxRows: 100_000,
};

function invalid(option: Option, hint: string): SqlError {
  return new SqlError('22023', `invalid value for option "${option.name}": "${optionText(option)}"`, {
    position: option.span.start,
    hint,
  });
}

function onErrorOf(option: Option): OnError {
  const text = optionText(option).toLowerCase();
  if (text === 'skip' || text === 'null' || text === 'fail') return text;
  throw invalid(option, 'Use one of: skip, null, fail.');
}

function countOf(option: Option, least: 0 | 1): number {
  const text = optionText(option);
  const count = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (count >= least) return count;
  throw invalid(option, least === 0 ? 'It takes a non-negative integer.' : 'It takes a positive integer.');
}

/** The policy that these options give; what they do not say is as in `before`. */
export function letterPolicy(options: readonly Option[], before = defaultLetterPolicy): LetterPolicy {
  let policy: LetterPolicy = before;
  const seen = new Set<string>();
  for (const option of options.filter((o) => isLetterOption(o.name))) {
    if (seen.has(option.name)) {
      throw new SqlError('42601', `option "${option.name}" specified more than once`, {
        position: option.span.start,
      });
    }
    seen.add(option.name);
    switch (option.name) {
      case 'on_error':
        policy = { ...policy, onError: onErrorOf(option) };
        break;
      case 'on_error.max.per.minute':
        policy = { ...policy, maxPerMinute: countOf(option, 0) || null };
        break;
      case 'dead_letter.retention':
        policy = { ...policy, retention: durationOf(option) };
        break;
      case 'dead_letter.max.rows':
        policy = { ...policy, maxRows: countOf(option, 1) };
        break;
    }
  }
  return policy;
}

/** A table that users write to has no records that could be bad. */
export function refuseLetterOptions(options: readonly Option[]): void {
  const option = options.find((o) => isLetterOption(o.name));
  if (option === undefined) return;
  throw new SqlError('22023', `option "${option.name}" needs a connector`, {
    position: option.span.start,
    hint: `Options of what a connector feeds: ${letterOptions.map((o) => o.name).join(', ')}.`,
  });
}
