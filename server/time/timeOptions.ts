/**
 * Options in WITH of sources and tables that are the relation's own, not its connector's: watermark.*, late.*, and
 * those of rows that expire. Written like connector options, so that the reference page lists them too.
 */
import type { Interval } from '../../common/interval.ts';
import { parseInterval } from '../../common/intervalParse.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import type { Option } from '../../parser/ast/common.ts';
import { isLetterOption } from '../deadLetters/letterOptions.ts';
import { MICROS_PER_DAY } from './units.ts';

export const watermarkOptions: readonly OptionSpec[] = [
  {
    name: 'watermark.idle.timeout',
    type: 'string',
    doc: 'A partition that has been quiet for this interval is idle: nobody waits for it.',
  },
  {
    name: 'watermark.idle.follow.clock',
    type: 'boolean',
    default: 'false',
    doc: 'While all partitions are idle the watermark goes on with the clock.',
  },
  {
    name: 'watermark.max.future.skew',
    type: 'string',
    doc: 'A row whose event time is further ahead of the clock than this interval is not admitted.',
  },
  {
    name: 'late.retention',
    type: 'string',
    default: '7 days',
    doc: 'How long the relation of late rows keeps a row.',
  },
  {
    name: 'late.max.rows',
    type: 'integer',
    default: '100000',
    doc: 'How many rows the relation of late rows keeps; the oldest go first.',
  },
];

export const ttlOptions: readonly OptionSpec[] = [
  { name: 'ttl', type: 'string', doc: 'Rows go after this interval.' },
  {
    name: 'ttl_column',
    type: 'string',
    doc: 'The column from which `ttl` counts; without it the last write of the row.',
  },
  { name: 'retention_seconds', type: 'integer', doc: '`ttl` in seconds.' },
];

/** Watermark options, parsed; lengths of time in microseconds. */
export interface TimeOptions {
  readonly idleTimeout: bigint | null;
  readonly followClock: boolean;
  readonly maxFutureSkew: bigint | null;
  readonly retention: bigint;
  readonly maxLateRows: number;
}

export const defaultTimeOptions: TimeOptions = {
  idleTimeout: null,
  followClock: false,
  maxFutureSkew: null,
  retention: 7n * MICROS_PER_DAY,
  maxLateRows: 100_000,
};

const isWatermarkOption = (option: Option): boolean => watermarkOptions.some((s) => s.name === option.name);
const isTtlOption = (option: Option): boolean => ttlOptions.some((s) => s.name === option.name);

/** The options that are the connector's (or nobody's). */
export function otherOptions(options: readonly Option[]): readonly Option[] {
  return options.filter((o) => !isWatermarkOption(o) && !isTtlOption(o) && !isLetterOption(o.name));
}

/** The text of an option. */
export function optionText(option: Option): string {
  return option.value.kind === 'secret' ? '' : String(option.value.value);
}

function invalid(option: Option, hint: string): SqlError {
  return new SqlError('22023', `invalid value for option "${option.name}": "${optionText(option)}"`, {
    position: option.span.start,
    hint,
  });
}

/** A positive length of time, without months. */
export function durationOf(option: Option): bigint {
  let interval: Interval;
  try {
    interval = parseInterval(optionText(option));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw invalid(option, "It takes an interval, such as '30 seconds'.");
  }
  if (interval.months !== 0) throw invalid(option, 'It takes an interval of days or smaller units.');
  const micros = BigInt(interval.days) * MICROS_PER_DAY + interval.micros;
  if (micros <= 0n) throw invalid(option, 'It takes a positive interval.');
  return micros;
}

function booleanOf(option: Option): boolean {
  const text = optionText(option).toLowerCase();
  if (text !== 'true' && text !== 'false') throw invalid(option, 'It takes true or false.');
  return text === 'true';
}

function countOf(option: Option): number {
  const text = optionText(option);
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalid(option, 'It takes a positive integer.');
  return Number(text);
}

function refuseTwice(options: readonly Option[]): void {
  const seen = new Set<string>();
  for (const option of options) {
    if (seen.has(option.name)) {
      throw new SqlError('42601', `option "${option.name}" specified more than once`, {
        position: option.span.start,
      });
    }
    seen.add(option.name);
  }
}

/** Watermark options of a relation; an error when it has no watermark. `isNumber`: its event time is a plain number. */
export function timeOptions(options: readonly Option[], watermark: 'none' | 'time' | 'number'): TimeOptions {
  const given = options.filter(isWatermarkOption);
  refuseTwice(given);
  const [first] = given;
  if (first === undefined) return defaultTimeOptions;
  if (watermark === 'none') {
    throw new SqlError('22023', `option "${first.name}" needs a watermark`, {
      position: first.span.start,
      hint: 'Declare one with WATERMARK FOR column AS expression.',
    });
  }
  const find = (name: string): Option | null => given.find((o) => o.name === `${name}`) ?? null;
  const timeout = find('watermark.idle.timeout');
  const follow = find('watermark.idle.follow.clock');
  const skew = find('watermark.max.future.skew');
  const retention = find('late.retention');
  const rows = find('late.max.rows');
  for (const option of [follow, skew]) {
    if (option === null || watermark === 'time') continue;
    throw new SqlError('22023', `option "${option.name}" needs a watermark on a timestamp or date column`, {
      position: option.span.start,
    });
  }
  const followClock = follow !== null && booleanOf(follow);
  if (follow !== null && followClock && timeout === null) {
    throw new SqlError(
      '22023',
      'option "watermark.idle.follow.clock" needs the option "watermark.idle.timeout"',
      {
        position: follow.span.start,
      },
    );
  }
  return {
    idleTimeout: timeout === null ? null : durationOf(timeout),
    followClock,
    maxFutureSkew: skew === null ? null : durationOf(skew),
    retention: retention === null ? defaultTimeOptions.retention : durationOf(retention),
    maxLateRows: rows === null ? defaultTimeOptions.maxLateRows : countOf(rows),
  };
}

export interface TtlOptions {
  readonly micros: bigint;
  /** Null: from the last write. */
  readonly column: Option | null;
}

/** ttl, ttl_column and retention_seconds; null: none given. */
export function ttlOf(options: readonly Option[]): TtlOptions | null {
  const given = options.filter(isTtlOption);
  refuseTwice(given);
  const ttl = given.find((o) => o.name === 'ttl');
  const seconds = given.find((o) => o.name === 'retention_seconds');
  const column = given.find((o) => o.name === 'ttl_column') ?? null;
  if (ttl !== undefined && seconds !== undefined) {
    throw new SqlError('22023', 'options "ttl" and "retention_seconds" mean the same', {
      position: seconds.span.start,
      hint: 'Give one of them.',
    });
  }
  if (ttl !== undefined) return { micros: durationOf(ttl), column };
  if (seconds !== undefined) return { micros: BigInt(countOf(seconds)) * 1_000_000n, column };
  if (column !== null) {
    throw new SqlError('22023', 'option "ttl_column" needs the option "ttl"', {
      position: column.span.start,
    });
  }
  return null;
}
