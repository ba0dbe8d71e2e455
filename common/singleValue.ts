/**
 * The value of a scalar subquery: that of its one row, NULL without one, an error where it has more. The error is thus an
 * expression's: it is raised for a row that needs the value, and contained like any other. No function that can be called
 * by name.
 */
import type { ScalarFunction } from './function.ts';
import { SqlError } from './sqlError.ts';
import type { Value } from './value.ts';

export const singleValue: ScalarFunction = {
  kind: 'scalar',
  name: 'single_value',
  args: ['any', 'bool'],
  returns: 'any',
  nulls: 'called',
  volatility: 'stable',
  doc: 'The first argument; an error where the second is true.',
  examples: [],
  implement: () => ({
    evaluate: (value: Value, many: Value): Value => {
      if (many !== true) return value;
      throw new SqlError('21000', 'more than one row returned by a subquery used as an expression');
    },
  }),
};
