/**
 * Views that are filled between ticks, while their inputs change at random, hold in the end and from then on what their queries
 * give, and the errors that a view built in one go has; nothing of the filling is left.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../server/session.ts';
import { Random } from '../../differential/random.ts';
import { type Opened, temporaryDirectory } from '../journal/support.ts';
import { bagOf, openSlowly } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let opened: Opened;
let session: Session;

beforeEach(async () => {
  place = temporaryDirectory('fill');
  opened = await openSlowly(place.path);
  session = opened.session;
});

afterEach(() => {
  opened.database.close();
  place.remove();
});

const tables = `
  CREATE TABLE a (id int PRIMARY KEY, k int, v int);
  CREATE TABLE b (id int PRIMARY KEY, k int, w text);
  CREATE TABLE bag (k int, n int);
  CREATE TABLE log (k int, n int) APPEND ONLY;
  CREATE SOURCE src (k int, n int) WITH (connector = 'inject');
  CREATE MATERIALIZED VIEW sums AS SELECT k, sum(v) AS s, count(*) AS n FROM a GROUP BY k;
  CREATE MATERIALIZED VIEW reader AS SELECT k, sum(n) AS n FROM src GROUP BY k;
  CREATE MATERIALIZED VIEW big_log AS SELECT k, n FROM log WHERE n > 3;
  CREATE MATERIALIZED VIEW pairs AS SELECT a.id AS a, b.id AS b FROM a JOIN b ON a.k = b.k`;

/** Queries for views, with what makes two of their rows comparable. */
const queries: readonly string[] = [
  'SELECT id, k, v FROM a WHERE v > 2',
  'SELECT k, sum(n) AS n, count(*) AS c, min(n) AS l, max(n) AS h FROM bag GROUP BY k',
  'SELECT a.id, b.id AS b, v, w FROM a JOIN b ON a.k = b.k',
  'SELECT x.id, y.id AS y FROM a AS x JOIN a AS y ON x.k = y.v',
  'SELECT a.id, b.w FROM a LEFT JOIN b ON b.id = a.id AND b.k > 2',
  'SELECT a.id, bag.n, b.w FROM a JOIN bag ON bag.k = a.k JOIN b ON b.k = bag.n',
  'SELECT a.id, s.s FROM a JOIN sums AS s ON s.k = a.k',
  'SELECT id FROM a WHERE NOT EXISTS (SELECT FROM bag WHERE bag.k = a.k AND bag.n > a.v)',
  'SELECT id, k FROM a WHERE k IN (SELECT k FROM log)',
  'SELECT k, n FROM bag UNION ALL SELECT k, n FROM log UNION ALL SELECT k, v FROM a',
  'SELECT k FROM bag EXCEPT SELECT k FROM a',
  'SELECT DISTINCT k, n FROM log',
  'SELECT log.k, log.n, g.n AS g FROM log JOIN big_log AS g ON g.k = log.k',
  'SELECT src.k, src.n, a.id FROM src JOIN a ON a.k = src.k',
  'SELECT src.k, l.n FROM src JOIN log AS l ON l.k = src.n',
  'SELECT k, n, row_number() OVER (PARTITION BY k ORDER BY n, v) AS r FROM (SELECT k, v, id AS n FROM a) AS x',
  'SELECT id, v FROM a ORDER BY v DESC, id LIMIT 5',
  'SELECT id, 10 / v AS q FROM a',
  'SELECT a.id, 10 / (a.v - b.k) AS q FROM a JOIN b ON a.k = b.k',
  'SELECT count(*) AS n, sum(v) AS s, (SELECT max(n) FROM bag) AS m FROM a',
  'SELECT a.id, (SELECT sum(n) FROM bag WHERE bag.k = a.k) AS s FROM a',
  'SELECT p.a, p.b, b.w FROM pairs AS p JOIN b ON b.id = p.b',
];

function change(random: Random): string {
  const id = random.int(1, 40);
  const k = random.int(0, 6);
  const v = random.int(0, 6);
  switch (random.int(0, 11)) {
    case 0:
    case 1:
    case 2:
      return `INSERT INTO a VALUES (${id}, ${k}, ${v})`;
    case 3:
      return `DELETE FROM a WHERE id = ${id}`;
    case 4:
      return `UPDATE a SET v = ${v}, k = ${k} WHERE id % 5 = ${id % 5}`;
    case 5:
    case 6:
      return `INSERT INTO b VALUES (${id}, ${k}, 'w${v}')`;
    case 7:
      return `DELETE FROM b WHERE k = ${k}`;
    case 8:
      return `INSERT INTO bag VALUES (${k}, ${v}), (${k}, ${v}), (${v}, ${k})`;
    case 9:
      return `DELETE FROM bag WHERE k = ${k} AND n = ${v}`;
    case 10:
      return `INSERT INTO log VALUES (${k}, ${v})`;
    default:
      return `INJECT INTO src VALUES (${k}, ${v}), (${v}, ${k})`;
  }
}

const errorsOf = (name: string): string =>
  `SELECT operator, message, row, rows FROM millrace_catalog.row_errors WHERE relation = '${name}'`;

describe('views filled while their inputs change', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`equal their queries, seed ${seed}`, async () => {
      const random = new Random(seed);
      const { database } = opened;
      await session.run(tables);
      for (let i = 0; i < 60; i++) await session.run(change(random));
      const nodes = database.dataflow.nodes.length;
      const arrangements = database.arrangements.list().length;
      await session.run('SET background_ddl = true');
      const made: string[] = [];
      for (let round = 0; round < 4; round++) {
        const chosen = queries.filter(() => random.int(0, 2) === 0);
        for (const query of chosen) {
          const name = `v${made.length}`;
          made.push(query);
          await session.run(`CREATE MATERIALIZED VIEW ${name} AS ${query}`);
          for (let i = random.int(0, 4); i > 0; i--) await session.run(change(random));
        }
        while (database.jobs.running().length > 0) await session.run(change(random));
        for (let i = 0; i < 5; i++) await session.run(change(random));
        expect(database.jobs.list().map((job) => job.error?.message)).toEqual([]);
        for (const [i, query] of made.entries()) {
          // A query stops at the first row that it cannot compute.
          if (query.includes('/')) continue;
          expect(await bagOf(session, `SELECT * FROM v${i}`), query).toEqual(await bagOf(session, query));
        }
      }
      await session.run('SET background_ddl = false');
      for (const [i, query] of made.entries()) {
        await session.run(`CREATE MATERIALIZED VIEW again AS ${query}`);
        expect(await bagOf(session, `SELECT * FROM v${i}`), query).toEqual(
          await bagOf(session, 'SELECT * FROM again'),
        );
        expect(await bagOf(session, errorsOf(`v${i}`)), query).toEqual(
          await bagOf(session, errorsOf('again')),
        );
        await session.run(`DROP MATERIALIZED VIEW again; DROP MATERIALIZED VIEW v${i}`);
      }
      expect(database.dataflow.nodes).toHaveLength(nodes);
      expect(database.arrangements.list()).toHaveLength(arrangements);
    });
  }
});
