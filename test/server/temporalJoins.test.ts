/** Event-time joins on a server: bounded state, and the same answer as without cleaning. */
import { expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import type { Database } from '../../server/database.ts';
import { engineWith, lines } from '../nexmark/harness.ts';

/** Rows that the joins of a view hold. */
function joinState(database: Database, view: string): number {
  const made = must([...database.catalog.objects()].find((o) => o.name === view));
  if (made.kind !== 'materialized view') throw new TypeError(`${view} is a view`);
  const joins = [...made.nodes].filter((n) => n.name === 'AsofJoin');
  expect(joins).toHaveLength(1);
  return joins.reduce((sum, n) => sum + (n.operator?.stateRows() ?? 0), 0);
}

const joins: readonly string[] = [
  'JOIN r FOR SYSTEM_TIME AS OF o.at ON o.k = r.k',
  'LEFT JOIN r FOR SYSTEM_TIME AS OF o.at ON o.k = r.k',
  'ASOF LEFT JOIN r ON o.k = r.k AND o.at > r.at',
  'ASOF LEFT JOIN r ON o.k = r.k AND o.at <= r.at',
];

it.each(joins)('%s keeps no more state as rows come', async (join) => {
  const columns = (name: string): string =>
    `CREATE TABLE ${name} (id int, k int, at timestamp, WATERMARK FOR at AS at - INTERVAL '5 seconds') APPEND ONLY;`;
  const engine = await engineWith(`
    ${columns('o')} ${columns('r')}
    CREATE TABLE o_all (id int, k int, at timestamp);
    CREATE TABLE r_all (id int, k int, at timestamp);
    CREATE MATERIALIZED VIEW joined AS SELECT o.id, r.id AS found FROM o ${join}`);
  const sizes: number[] = [];
  for (let block = 0; block < 16; block++) {
    const rows = (step: number): string =>
      Array.from({ length: 40 }, (_, i) => {
        const n = block * 40 + i;
        // Up to 4 s out of order.
        const seconds = n - ((n * step) % 5);
        return `(${n}, ${(n * step) % 4}, timestamp '2024-01-01' + interval '${seconds} seconds')`;
      }).join(', ');
    const inserts = [
      ['o', rows(7)],
      ['r', rows(11)],
    ].map(
      ([name, values]) => `INSERT INTO ${name} VALUES ${values}; INSERT INTO ${name}_all VALUES ${values};`,
    );
    await engine.session.run(inserts.join('\n'));
    sizes.push(joinState(engine.database, 'joined'));
  }
  expect(Math.max(...sizes.slice(6))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 6)));
  const asof = join
    .replace('JOIN r FOR SYSTEM_TIME AS OF o.at ON o.k = r.k', 'ASOF JOIN r ON o.k = r.k AND o.at >= r.at')
    .replace('LEFT ASOF', 'ASOF LEFT');
  const whole = `SELECT o.id, r.id AS found FROM o_all o ${asof.replace(' r ', ' r_all r ')}`;
  expect(await lines(engine, 'SELECT * FROM joined')).toEqual(await lines(engine, whole));
  expect(await lines(engine, 'SELECT count(*) FROM joined')).not.toEqual(['["0"]']);
});
