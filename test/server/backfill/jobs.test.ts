/** Statements in the background: answered at once, shown, waited for, cancelled, failed, and begun again after a restart. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../server/database.ts';
import { localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { Random } from '../../differential/random.ts';
import { afterCrash, dump, type Opened, stateOf, temporaryDirectory } from '../journal/support.ts';
import { bagOf, openDirectory, openSlowly, rowsOf } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let session: Session;
let database: Database;
const open: Database[] = [];

beforeEach(async () => {
  place = temporaryDirectory('jobs');
  await use(await openSlowly(place.path));
  await session.run('CREATE TABLE t (id int PRIMARY KEY, k int)');
  await session.run('INSERT INTO t SELECT i, i % 7 FROM generate_series(1, 400) AS i');
  await session.run('SET background_ddl = true');
});

afterEach(() => {
  for (const one of open.splice(0)) one.close();
  place.remove();
});

async function use(next: Opened): Promise<void> {
  ({ session, database } = next);
  open.push(database);
}

const view = 'CREATE MATERIALIZED VIEW m AS SELECT k, count(*) AS n, sum(id) AS s FROM t GROUP BY k';
const query = 'SELECT k, count(*) AS n, sum(id) AS s FROM t GROUP BY k';

async function finished(): Promise<void> {
  for (const job of database.jobs.running()) await job.ended;
}

describe('a job in the background', () => {
  it('is answered at once, shown while it runs, and waited for', async () => {
    await session.run(view);
    const [row] = await rowsOf(session, 'SHOW JOBS');
    expect(row?.slice(0, 3)).toEqual(['1', view, 'BACKGROUND']);
    expect(
      await rowsOf(session, 'SELECT id, rows_total, background FROM millrace_catalog.ddl_progress'),
    ).toEqual([[1n, 400n, true]]);
    expect(await stateOf(session.run('SELECT * FROM m'))).toBe('42P01');
    expect(await stateOf(session.run(view))).toBe('42P07');
    expect(await stateOf(session.run('DROP TABLE t'))).toBe('55006');
    expect(await stateOf(session.run('ALTER TABLE t ADD COLUMN x int'))).toBe('55006');
    await session.run('INSERT INTO t VALUES (1000, 3)');
    expect(database.jobs.running()).toHaveLength(1);
    await session.run('WAIT');
    expect(await bagOf(session, 'SELECT * FROM m')).toEqual(await bagOf(session, query));
    expect(await rowsOf(session, 'SHOW JOBS')).toEqual([]);
  });

  it('can be cancelled, and leaves its reason', async () => {
    const nodes = database.dataflow.nodes.length;
    await session.run(view);
    await localSession(database).run('CANCEL JOBS 1');
    await session.run('WAIT');
    expect(await rowsOf(session, 'SHOW JOBS')).toEqual([
      ['1', view, 'BACKGROUND', 'failed: canceling statement due to user request'],
    ]);
    expect(database.dataflow.nodes).toHaveLength(nodes);
    expect(await stateOf(session.run('SELECT * FROM m'))).toBe('42P01');
    await session.run('DROP TABLE t');
  });

  it('fails with the error that the statement would have had', async () => {
    await session.run(
      "CREATE MATERIALIZED VIEW f WITH (on_error = 'fail') AS SELECT id, 10 / (k - 3) AS q FROM t",
    );
    await session.run('WAIT');
    expect(await rowsOf(session, 'SELECT failure FROM millrace_catalog.ddl_progress')).toEqual([
      ['division by zero'],
    ]);
    expect(await rowsOf(session, 'SELECT count(*) FROM millrace_catalog.row_errors')).toEqual([[0n]]);
    expect(await stateOf(session.run('CREATE MATERIALIZED VIEW g AS SELECT * FROM missing'))).toBe('42P01');
  });

  it('understands its statement anew when a view that it reads becomes another one', async () => {
    await session.run('CREATE VIEW w AS SELECT id, k FROM t WHERE k < 3');
    await session.run('CREATE MATERIALIZED VIEW m AS SELECT k, count(*) AS n FROM w GROUP BY k');
    await session.run('CREATE OR REPLACE VIEW w AS SELECT id, k FROM t WHERE k > 3');
    expect(database.jobs.running()).toHaveLength(1);
    await finished();
    expect(await bagOf(session, 'SELECT * FROM m')).toEqual(
      await bagOf(session, 'SELECT k, count(*) FROM t WHERE k > 3 GROUP BY k'),
    );
  });

  it('puts another definition in the place of a view that exists, with those over it', async () => {
    await session.run('SET background_ddl = false');
    await session.run(
      'CREATE MATERIALIZED VIEW r AS SELECT k, count(*) AS n, 1 / (k - 2) AS q FROM t GROUP BY k',
    );
    await session.run('CREATE MATERIALIZED VIEW over AS SELECT sum(n) AS s FROM r');
    await session.run('SET background_ddl = true');
    await session.run(
      'CREATE OR REPLACE MATERIALIZED VIEW r AS SELECT k, count(*) + 1 AS n, 1 / (k - 3) AS q FROM t GROUP BY k',
    );
    await session.run('INSERT INTO t VALUES (5000, 4)');
    expect(database.jobs.running()).toHaveLength(1);
    expect(await rowsOf(session, 'SELECT k, n FROM r WHERE k = 4')).toEqual([[4, 58n]]);
    await session.run('WAIT');
    expect(database.jobs.list()).toEqual([]);
    expect(await rowsOf(session, 'SELECT k, n FROM r WHERE k = 4')).toEqual([[4, 59n]]);
    expect(await bagOf(session, 'SELECT k, n, q FROM r')).toEqual(
      await bagOf(session, 'SELECT k, count(*) + 1, 1 / (k - 3) FROM t WHERE k <> 3 GROUP BY k'),
    );
    expect(await rowsOf(session, 'SELECT s FROM over')).toEqual(
      await rowsOf(session, 'SELECT sum(n) FROM r'),
    );
    expect(await rowsOf(session, 'SELECT relation, rows FROM millrace_catalog.row_errors')).toEqual([
      ['r', 1n],
    ]);
    const whole = dump(database);
    await use(await openSlowly(afterCrash(place.path, 'crash')));
    expect(dump(database)).toEqual(whole);
  });

  it('makes an index while the rows change', async () => {
    const random = new Random(5);
    for (let round = 0; round < 4; round++) {
      await session.run('CREATE INDEX by_k ON t (k DESC, id)');
      expect(await stateOf(session.run('DROP TABLE t'))).toBe('55006');
      while (database.jobs.running().length > 0) {
        await session.run(`DELETE FROM t WHERE id % 17 = ${random.int(0, 16)}`);
        await session.run(
          `INSERT INTO t SELECT i, ${random.int(0, 9)} FROM generate_series(${random.int(1, 300)}, 400) AS i WHERE i % ${random.int(2, 9)} = 0`,
        );
      }
      expect(database.jobs.list()).toEqual([]);
      for (let k = 0; k < 10; k++) {
        expect(await bagOf(session, `SELECT id FROM t WHERE k = ${k}`)).toEqual(
          await bagOf(session, `SELECT id FROM t WHERE k + 0 = ${k}`),
        );
      }
      expect(String(await bagOf(session, 'EXPLAIN SELECT id FROM t WHERE k = 3'))).toContain('by_k');
      if (round < 3) await session.run('DROP INDEX by_k');
    }
    const whole = dump(database);
    await use(await openSlowly(afterCrash(place.path, 'crash')));
    expect(dump(database)).toEqual(whole);
    expect(String(await bagOf(session, 'EXPLAIN SELECT id FROM t WHERE k = 3'))).toContain('by_k');
    await session.run('SET background_ddl = true');
    await session.run('CREATE INDEX again ON t (k)');
    await use(await openSlowly(afterCrash(`${place.path}-crash`, 'pending')));
    while (database.jobs.running().length > 0) await database.jobs.running()[0]?.ended;
    expect(database.catalog.find('public', 'again', [])?.kind).toBe('index');
  });

  it('is in the foreground where rows depend on time', async () => {
    await session.run("CREATE MATERIALIZED VIEW d WITH (ttl = '1 day') AS SELECT id FROM t");
    expect(database.jobs.running()).toEqual([]);
    expect(await rowsOf(session, 'SELECT count(*) FROM d')).toEqual([[400n]]);
  });
});

describe('a restart', () => {
  it('begins again with what was acknowledged, from the journal', async () => {
    await session.run(view);
    await session.run('CREATE TABLE u (id int); INSERT INTO u VALUES (1)');
    expect(database.jobs.running()).toHaveLength(1);
    const crashed = afterCrash(place.path, 'crash');
    await finished();
    const whole = dump(database);
    await use(await openSlowly(crashed));
    await finished();
    expect(dump(database)).toEqual(whole);
    expect(await bagOf(session, 'SELECT * FROM m')).toEqual(await bagOf(session, query));
    const again = afterCrash(place.path, 'done');
    await use(await openSlowly(again));
    expect(database.jobs.running()).toEqual([]);
    expect(dump(database)).toEqual(whole);
  });

  it('does not begin again with what was cancelled', async () => {
    await session.run(view);
    await session.run('CANCEL JOBS 1');
    await session.run('WAIT');
    await use(await openSlowly(afterCrash(place.path, 'crash')));
    expect(database.jobs.pending.size).toBe(0);
    expect(await stateOf(session.run('SELECT * FROM m'))).toBe('42P01');
  });

  it('begins again with what was acknowledged, from a checkpoint', async () => {
    open.pop()?.close();
    const first = await openDirectory(place.path);
    await use(first);
    await session.run('SET background_ddl = true');
    await session.run(view);
    await first.checkpointer.checkpoint();
    const crashed = afterCrash(place.path, 'crash');
    expect([...database.jobs.pending.keys()]).toEqual(database.jobs.running().map(({ id }) => id));
    await finished();
    await first.checkpointer.close();
    const second = await openDirectory(crashed);
    await use(second);
    await finished();
    expect(await bagOf(session, 'SELECT * FROM m')).toEqual(await bagOf(session, query));
    await second.checkpointer.close();
  });

  for (let seed = 1; seed <= 15; seed++) {
    it(`loses nothing that was acknowledged, killed and cancelled at random moments, seed ${seed}`, async () => {
      const random = new Random(seed);
      let views = 0;
      const acknowledged = new Set<number>();
      const definition = (v: number): string =>
        `SELECT k + ${v} AS k, count(*) AS n, max(id) AS m FROM t GROUP BY k`;
      for (let life = 0; life < 3; life++) {
        await session.run('SET background_ddl = true');
        for (let i = random.int(3, 12); i > 0; i--) {
          const choice = random.int(0, 9);
          if (choice < 3) {
            await session.run(`CREATE MATERIALIZED VIEW m${++views} AS ${definition(views)}`);
            acknowledged.add(views);
          } else if (choice === 3 && acknowledged.size > 0) {
            const v = random.pick([...acknowledged]);
            const job = database.jobs.running().find(({ name }) => name === `public.m${v}`);
            if (job !== undefined) {
              await session.run(`CANCEL JOBS ${job.id}`);
              await job.ended;
              if (job.error !== null) acknowledged.delete(v);
            }
          } else if (choice < 6) {
            await session.run(`DELETE FROM t WHERE id % 13 = ${random.int(0, 12)}`);
          } else {
            await session.run(`INSERT INTO t VALUES (${random.int(1, 300)}, ${random.int(0, 9)})`);
          }
        }
        await use(await openSlowly(afterCrash(place.path, `life${life}`)));
        place = { path: `${place.path}-life${life}`, remove: place.remove };
      }
      await finished();
      for (const v of acknowledged) {
        expect(await bagOf(session, `SELECT * FROM m${v}`), `m${v}`).toEqual(
          await bagOf(session, definition(v)),
        );
      }
      expect(await rowsOf(session, 'SELECT count(*) FROM pg_matviews')).toEqual([
        [BigInt(acknowledged.size)],
      ]);
    });
  }
});
