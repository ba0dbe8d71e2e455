/**
 * Aggregates whose results are found in a group's rows in order, under random changes of few values (so that counts, equal
 * forms and NULLs matter): the view must give what the same query gives over the table from nothing.
 */
import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../../../bench/support/random.ts';
import { createDatabase } from '../../../server/serve.ts';
import { localTarget, type Target } from '../../differential/target.ts';

const calls: readonly string[] = [
  'percentile_cont(0.3) WITHIN GROUP (ORDER BY f)',
  'percentile_cont(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY f DESC)',
  'percentile_disc(0.7) WITHIN GROUP (ORDER BY n NULLS FIRST) + 0.000',
  'percentile_disc(0.7) WITHIN GROUP (ORDER BY s DESC)',
  'mode() WITHIN GROUP (ORDER BY i)',
  'mode() WITHIN GROUP (ORDER BY s DESC)',
  'mode() WITHIN GROUP (ORDER BY n) + 0.000',
  'first_value(i ORDER BY s, id)',
  'last_value(s ORDER BY i DESC, id)',
  'arg_min(id, i)',
  'arg_max(s, n)',
  'array_agg(i ORDER BY i DESC, s)',
  'array_agg(DISTINCT s)',
  "string_agg(s, '-' ORDER BY id DESC) FILTER (WHERE i > 2)",
  'jsonb_agg(i ORDER BY s, i)',
  'approx_count_distinct(i)',
  'ARRAY[count(DISTINCT i), sum(DISTINCT i), max(DISTINCT i), min(i)]',
];

async function rows(target: Target, sql: string): Promise<unknown> {
  const answer = await target.run(sql);
  if ('failure' in answer) throw new TypeError(`${sql}: ${answer.failure.message}`);
  return 'rows' in answer ? answer.rows : [];
}

describe('an aggregate over rows in order', () => {
  it.each(calls)('%s', async (call) => {
    const database = createDatabase();
    const target = localTarget(database);
    const random = randomNumbers(11);
    const some = (n: number): number => Math.floor(random() * n);
    await rows(target, 'CREATE TABLE t (id int PRIMARY KEY, g int, i int, f float8, n numeric, s text)');
    const query = (group: string): string => `SELECT ${group} AS g, ${call} AS a FROM t GROUP BY 1`;
    await rows(target, `CREATE MATERIALIZED VIEW v AS ${query('g')}`);
    await rows(target, `CREATE MATERIALIZED VIEW w AS SELECT ${call} AS a FROM t`);
    const value = (texts: readonly string[]): string => texts[some(texts.length)] ?? 'NULL';
    for (let round = 0; round < 40; round++) {
      const changes: string[] = [];
      for (let j = 0; j < 8; j++) {
        const id = some(40);
        changes.push(`DELETE FROM t WHERE id = ${id}`);
        if (random() < (round % 10 < 6 ? 0.8 : 0.1)) {
          const i = value(['1', '2', '3', '4', 'NULL']);
          const n = value(['1.5', '1.50', '2', '2.0', '-1', 'NULL']);
          const s = value(["'a'", "'b'", "'B'", "''", 'NULL']);
          changes.push(`INSERT INTO t VALUES (${id}, ${some(3)}, ${i}, ${some(5)}, ${n}, ${s})`);
        }
      }
      await rows(target, `BEGIN; ${changes.join('; ')}; COMMIT`);
      const order = 'ORDER BY 1';
      expect(await rows(target, `SELECT * FROM v ${order}`)).toEqual(
        await rows(target, `${query('g')} ${order}`),
      );
      expect(await rows(target, 'SELECT * FROM w')).toEqual(await rows(target, `SELECT ${call} AS a FROM t`));
    }
    await target.close();
    database.close();
  });
});
