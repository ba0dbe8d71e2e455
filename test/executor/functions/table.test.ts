import { describe, expect, it } from 'vitest';
import { arrayTableFunctions } from '../../../executor/functions/tableArrays.ts';
import { jsonTableFunctions } from '../../../executor/functions/tableJson.ts';
import { seriesTableFunctions } from '../../../executor/functions/tableSeries.ts';
import { queryRows } from '../../harness/evaluateSql.ts';
import { checkExamples } from './exampleChecks.ts';

describe('table functions', () => {
  it('series', () => checkExamples(seriesTableFunctions));
  it('arrays', () => checkExamples(arrayTableFunctions));
  it('json', () => checkExamples(jsonTableFunctions));

  it('series end where they should', () => {
    const rows = (sql: string) => queryRows(`SELECT * FROM ${sql}`).map((row) => row[0]);
    expect(rows('generate_series(2147483646, 2147483647)')).toEqual(['2147483646', '2147483647']);
    expect(rows('generate_series(3, 1)')).toEqual([]);
    expect(rows('range(1, 4)')).toEqual(['1', '2', '3']);
    expect(rows('range(1.5, 3.5)')).toEqual(['1.5', '2.5']);
    expect(rows('generate_series(NULL::int, 3)')).toEqual([]);
    expect(rows("generate_series('2024-01-30'::date, '2024-03-31', '1 month')")).toEqual([
      '2024-01-30 00:00:00+00',
      '2024-02-29 00:00:00+00',
      '2024-03-29 00:00:00+00',
    ]);
    expect(() => rows('generate_series(1, 2, 0)')).toThrow('step size cannot equal zero');
  });

  it('asks for the columns of a record', () => {
    expect(() => queryRows(`SELECT * FROM jsonb_to_record('{"a":1}')`)).toThrow(
      'a column definition list is required',
    );
  });

  it('side by side in the select list', () => {
    expect(queryRows('SELECT unnest(ARRAY[1,2]), generate_series(5, 7)')).toEqual([
      ['1', '5'],
      ['2', '6'],
      ['NULL', '7'],
    ]);
  });
});
