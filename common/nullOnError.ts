/**
 * The function around an expression that is NULL where it fails: what `on_error = 'null'` makes of a view's expressions.
 * It is no function that can be called by name. The code generator files the row that failed.
 */
import type { ScalarFunction } from './function.ts';

/** Not immutable: folded to a constant, its failure would be told to nobody. */
export const nullOnError: ScalarFunction = {
  kind: 'scalar',
  name: 'null_on_error',
  args: ['any'],
  returns: 'any',
  nulls: 'called',
  volatility: 'stable',
  infallible: true,
  doc: 'The argument, or NULL where it fails.',
  examples: [],
  implement: () => ({ emit: ([value = 'null']) => value }),
};

export function isNullOnError(fn: ScalarFunction): boolean {
  return fn === nullOnError;
}
