/** Several DISTINCT aggregates over one column keep its values once. */
import { expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import { createDatabase, localSession } from '../../server/serve.ts';

async function stateOf(calls: readonly string[]): Promise<number> {
  const database = createDatabase();
  const select = calls.map((call, i) => `${call} AS c${i}`).join(', ');
  const session = localSession(database);
  await session.run('CREATE TABLE t (id int PRIMARY KEY, k int, x bigint, f int)');
  await session.run(`CREATE MATERIALIZED VIEW v AS SELECT k, ${select} FROM t GROUP BY k`);
  await session.run('INSERT INTO t SELECT i, i % 5, i % 100, i % 3 FROM generate_series(1, 1000) AS i');
  const view = must(database.catalog.objects().find((o) => o.name === 'v'));
  if (view.kind !== 'materialized view') throw new TypeError('v is a view');
  const operators = [...view.nodes].filter((node) => node !== view.node);
  const held = (): number => operators.reduce((sum, node) => sum + (node.operator?.stateRows() ?? 0), 0);
  const rows = held();
  await session.run('DELETE FROM t');
  expect(held()).toBe(0);
  database.close();
  return rows;
}

it('whatever the function, FILTER or number of calls', async () => {
  // 5 groups, of 20 values each.
  expect(await stateOf(['count(DISTINCT x)'])).toBe(105);
  expect(
    await stateOf([
      'count(DISTINCT x)',
      'sum(DISTINCT x)',
      'avg(DISTINCT x)',
      'count(DISTINCT x) FILTER (WHERE f = 0)',
      'sum(DISTINCT x) FILTER (WHERE f = 1)',
      'count(DISTINCT x) FILTER (WHERE f = 2)',
    ]),
  ).toBe(105);
  expect(await stateOf(['count(DISTINCT x)', 'min(x)', 'max(x)', 'max(x) FILTER (WHERE f = 0)'])).toBe(105);
});
