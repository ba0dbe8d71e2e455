/**
 * TABLESAMPLE: whether a row belongs to the sample, by chance, or, with REPEATABLE, by a hash of the seed and the row. No
 * functions that can be called by name. Rows are not kept in pages here, so SYSTEM chooses rows as BERNOULLI does.
 */
import type { DataType } from './dataType.ts';
import type { EvalContext, ScalarFunction } from './function.ts';
import { SqlError } from './sqlError.ts';
import { formatValue } from './textIo.ts';
import type { Value } from './value.ts';

/** The share of the rows; an error where it is no percentage. */
function shareOf(percentage: Value): number {
  if (percentage === null) throw new SqlError('2202H', 'TABLESAMPLE parameter cannot be null');
  const share = Number(percentage);
  if (!(share >= 0 && share <= 100)) {
    throw new SqlError('2202H', 'sample percentage must be between 0 and 100');
  }
  return share / 100;
}

/** (percentage): true for so many of all rows. */
export const sampledByChance: ScalarFunction = {
  kind: 'scalar',
  name: 'table_sample',
  args: ['float4'],
  returns: 'bool',
  nulls: 'called',
  volatility: 'volatile',
  doc: 'True with the given probability in percent.',
  examples: [],
  implement: () => ({
    evaluateWith: (context: EvalContext, percentage: Value): Value => context.random() < shareOf(percentage),
  }),
};

/** (percentage, seed, row...): the same rows for the same seed. */
export const sampledBySeed: ScalarFunction = {
  kind: 'scalar',
  name: 'table_sample_repeatable',
  args: ['float4', 'float8', 'any'],
  variadic: true,
  returns: 'bool',
  nulls: 'called',
  volatility: 'stable',
  doc: 'True for the given percentage of the rows, the same for the same seed.',
  examples: [],
  implement: (args) => ({
    evaluateWith: (context: EvalContext, percentage: Value, seed: Value, ...row: readonly Value[]): Value => {
      if (seed === null) throw new SqlError('2202G', 'TABLESAMPLE REPEATABLE parameter cannot be null');
      const share = shareOf(percentage);
      return hashOf(String(seed), row, args.slice(2), context) / 2 ** 32 < share;
    },
  }),
};

/** FNV-1a over the text of the values, mixed once more so that all bits depend on all. */
function hashOf(
  seed: string,
  row: readonly Value[],
  types: readonly DataType[],
  context: EvalContext,
): number {
  let hash = 0x811c9dc5;
  const add = (text: string): void => {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0xffff, 0x01000193);
  };
  add(seed);
  row.forEach((value, i) => {
    const type = types[i];
    if (value !== null && type !== undefined) add(formatValue(value, type, context));
    else add('\u0000');
  });
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
