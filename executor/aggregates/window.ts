/** Window functions that are not aggregates, as data; the window operators know how to compute them. */
import type { TypePattern, WindowFunction } from '../../common/function.ts';

interface WindowLiteral {
  readonly name: string;
  readonly args?: readonly TypePattern[];
  readonly required?: number;
  readonly returns: TypePattern;
  readonly doc: string;
  /** The call and its results over x = 10, 20, 20, 30 in that order. */
  readonly example: readonly [call: string, results: string];
}

function window({ args = [], required, example, ...rest }: WindowLiteral): WindowFunction {
  const [call, results] = example;
  const rows = '(VALUES (10), (20), (20), (30)) AS v(x)';
  return {
    kind: 'window',
    args,
    required: required ?? args.length,
    ...rest,
    examples: [
      [
        `string_agg(r::text, ' ' ORDER BY x, r) FROM (SELECT x, ${call} OVER (ORDER BY x) AS r FROM ${rows}) AS w`,
        results,
      ],
    ],
  };
}

export const windowFunctions: readonly WindowFunction[] = [
  window({
    name: 'row_number',
    returns: 'int8',
    doc: 'Number of the row within its partition, from 1.',
    example: ['row_number()', '1 2 3 4'],
  }),
  window({
    name: 'rank',
    returns: 'int8',
    doc: 'Rank of the row, with gaps: the number of the first of its peers.',
    example: ['rank()', '1 2 2 4'],
  }),
  window({
    name: 'dense_rank',
    returns: 'int8',
    doc: 'Rank of the row without gaps.',
    example: ['dense_rank()', '1 2 2 3'],
  }),
  window({
    name: 'percent_rank',
    returns: 'float8',
    doc: 'Relative rank: (rank - 1) / (rows - 1).',
    example: ['percent_rank()', '0 0.3333333333333333 0.3333333333333333 1'],
  }),
  window({
    name: 'cume_dist',
    returns: 'float8',
    doc: 'Share of the rows that come before the row or are its peers.',
    example: ['cume_dist()', '0.25 0.75 0.75 1'],
  }),
  window({
    name: 'ntile',
    args: ['int4'],
    returns: 'int4',
    doc: 'Number of the bucket, where the partition is divided as evenly as possible.',
    example: ['ntile(2)', '1 1 2 2'],
  }),
  window({
    name: 'lag',
    args: ['anycompatible', 'int4', 'anycompatible'],
    required: 1,
    returns: 'anycompatible',
    doc: 'Value at the row so many rows before (1 if not given), or the default (NULL if not given).',
    example: ['lag(x, 1, 0)', '0 10 20 20'],
  }),
  window({
    name: 'lead',
    args: ['anycompatible', 'int4', 'anycompatible'],
    required: 1,
    returns: 'anycompatible',
    doc: 'Value at the row so many rows after (1 if not given), or the default (NULL if not given).',
    example: ['lead(x, 1, 0)', '20 20 30 0'],
  }),
  window({
    name: 'first_value',
    args: ['anyelement'],
    returns: 'anyelement',
    doc: 'Value at the first row of the frame.',
    example: ['first_value(x)', '10 10 10 10'],
  }),
  window({
    name: 'last_value',
    args: ['anyelement'],
    returns: 'anyelement',
    doc: 'Value at the last row of the frame.',
    example: ['last_value(x)', '10 20 20 30'],
  }),
  window({
    name: 'nth_value',
    args: ['anyelement', 'int4'],
    returns: 'anyelement',
    doc: 'Value at the n-th row of the frame.',
    example: ['nth_value(x, 1)', '10 10 10 10'],
  }),
];
