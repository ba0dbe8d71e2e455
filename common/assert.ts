/** Our own mistakes. An assertion that fails is a bug in Millrace: it is reported as XX000, never caught in between. */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which must be there. */
export function must<T>(value: T | null | undefined, message = 'value must be present'): T {
  if (value === null || value === undefined) throw new AssertionError(message);
  return value;
}

/** Marks code that an exhaustive switch never reaches. */
export function unreachable(value: never, message = 'unreachable'): never {
  throw new AssertionError(`${message}: ${JSON.stringify(value)}`);
}
