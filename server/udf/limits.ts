/** Limits of scripts: time of a call and memory of a sandbox, as a function has set them, else as the session has. */
import type { EvalContext, UserRoutine } from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { byteSize, durationMs, isByteSize, isDuration } from '../settings.ts';

export const UDF_TIMEOUT = 'millrace.udf_timeout';
export const UDF_MEMORY = 'millrace.udf_memory';

export interface Limits {
  /** 0: none. */
  readonly timeoutMs: number;
  readonly memoryBytes: number;
}

/** Where neither function nor session says otherwise. */
export const defaultLimits: Limits = { timeoutMs: 1000, memoryBytes: 64 << 20 };

const parsed = new Map<string, number>();

function number(text: string, read: (text: string) => number): number {
  let value = parsed.get(text);
  if (value === undefined) {
    value = read(text);
    parsed.set(text, value);
  }
  return value;
}

/** The limits of a function where no session is (aggregates, maintained views). */
export function ownLimits({ settings }: Pick<UserRoutine, 'settings'>): Limits {
  return limitsFrom((name) => settings.get(name) ?? null);
}

/** The limits of a call: a function's own, else those of the session, if any. */
export function limitsOf(user: Pick<UserRoutine, 'settings'>, context: EvalContext): Limits {
  return limitsFrom((name) => user.settings.get(name) ?? context.session.setting(name));
}

function limitsFrom(setting: (name: string) => string | null): Limits {
  const timeout = setting(UDF_TIMEOUT);
  const memory = setting(UDF_MEMORY);
  return {
    timeoutMs: timeout === null ? defaultLimits.timeoutMs : number(timeout, durationMs),
    memoryBytes: memory === null ? defaultLimits.memoryBytes : number(memory, byteSize),
  };
}

/** Checks what SET in CREATE FUNCTION and ALTER FUNCTION gives; the name in lower case. */
export function checkSetting(
  name: string,
  value: string,
  language: string,
  position: number,
): readonly [name: string, value: string] {
  const key = name.toLowerCase();
  if (key !== UDF_TIMEOUT && key !== UDF_MEMORY) {
    throw unsupported(
      `SET ${name} of a function`,
      position,
      `Functions may set ${UDF_TIMEOUT} and ${UDF_MEMORY}.`,
    );
  }
  if (language !== 'javascript') throw unsupported(`SET ${name} of an SQL function`, position);
  const isRight = key === UDF_TIMEOUT ? isDuration(value) : isByteSize(value);
  if (!isRight) {
    throw new SqlError('22023', `invalid value for parameter "${key}": "${value}"`, { position });
  }
  return [key, value.trim()];
}
