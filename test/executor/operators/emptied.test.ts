/**
 * State comes and goes with the rows: for every operator of the registry a view is filled and emptied. After that it holds
 * no row, and exactly the bytes that it had before the first row came. An operator without an entry here fails the test.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDatabase } from '../../../server/serve.ts';
import { localTarget, type Target } from '../../differential/target.ts';
import { root } from '../../harness/server.ts';
import { queries, registry } from './examples.ts';

/** What a test of its own covers, because nothing that a statement deletes leaves it again, or by rows of time. */
const elsewhere: Readonly<Record<string, string>> = {
  TemporalJoin: 'test/executor/operators/temporalJoin.test.ts',
  AwaitLookup: 'test/executor/operators/awaitLookup.test.ts',
  Close: 'test/executor/operators/time/close.test.ts',
  SlidingPanes: 'test/executor/operators/time/slidingPanes.test.ts',
  Pace: 'test/executor/operators/time/pace.test.ts',
  Expire: 'test/executor/operators/time/expire.test.ts',
  Changelog: 'test/executor/operators/changelog.test.ts',
};

async function done(target: Target, sql: string): Promise<void> {
  const answer = await target.run(sql);
  if ('failure' in answer) throw new TypeError(`${sql}: ${answer.failure.message}`);
}

async function fill(target: Target, from: number): Promise<void> {
  const rows = (text: string): string =>
    `SELECT i, i % 17, i * 7 % 101, ${text}timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second' FROM generate_series(${from}, ${from + 999}) AS i`;
  await done(target, `INSERT INTO t ${rows("'s' || i % 5, ")}`);
  await done(target, `INSERT INTO u ${rows('')}`);
  await done(target, `INSERT INTO one VALUES (${from})`);
}

describe('every operator', () => {
  it('has an entry', () => {
    const covered = new Set([...Object.keys(queries), ...Object.keys(elsewhere)]);
    expect(registry().length).toBeGreaterThan(15);
    expect(registry().filter((kind) => !covered.has(kind))).toEqual([]);
  });

  it('that is covered elsewhere has a test there that looks at its state', () => {
    for (const kind of registry()) {
      const file = elsewhere[kind];
      if (file !== undefined) expect(readFileSync(join(root, file), 'utf8'), kind).toContain('stateRows()');
    }
  });
});

const known = new Set(registry());
const cases = Object.entries(queries).flatMap(([kind, list]) =>
  known.has(kind) ? list.map((sql) => [kind, sql] as const) : [],
);

describe('is empty when its input is', () => {
  it.each(cases)('%s: %s', async (_kind, sql) => {
    const database = createDatabase();
    const target = localTarget(database);
    await done(target, 'CREATE TABLE t (id int, a int, b bigint, s text, at timestamptz)');
    await done(target, 'CREATE TABLE u (id int, a int, b bigint, at timestamptz)');
    await done(target, 'CREATE TABLE one (x int)');
    const before = new Set(database.dataflow.nodes);
    await done(target, `CREATE MATERIALIZED VIEW v AS ${sql}`);
    const nodes = database.dataflow.nodes.filter((n) => !before.has(n));
    const state = () =>
      nodes.map((n) => [n.name, n.operator?.stateRows() ?? 0, n.operator?.stateBytes() ?? 0] as const);
    const atFirst = state();
    const seen: ReturnType<typeof state>[] = [];
    for (let round = 0; round < 3; round++) {
      // Other values of the keys each time.
      await fill(target, 1 + round * 1000);
      expect(state()).not.toEqual(atFirst);
      for (const table of ['t', 'u', 'one']) await done(target, `DELETE FROM ${table}`);
      seen.push(state());
      const rows = (of: ReturnType<typeof state>) => of.map(([name, n]) => `${name} ${n}`);
      expect(rows(state())).toEqual(rows(atFirst));
      // The result of an aggregate over nothing is a row that never goes: its view was never empty.
      const emptied = (of: ReturnType<typeof state>) => of.map(([name, n, b]) => `${name} ${n > 0 ? '' : b}`);
      expect(emptied(state())).toEqual(emptied(atFirst));
    }
    // Nor does the rest grow.
    expect(seen[2]).toEqual(seen[1]);
    await target.close();
    database.close();
  });
});
