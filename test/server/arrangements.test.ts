/** Views that share arrangements: made, changed and dropped in any order, each always equals its query. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../server/database.ts';
import { createDatabase, localSession } from '../../server/serve.ts';
import type { Session } from '../../server/session.ts';
import { startInProcess } from '../harness/server.ts';
import { Random } from '../storage/state/random.ts';
import { Connections } from './clients.ts';

const setUp = `
  CREATE TABLE a (id int PRIMARY KEY, k int, v int);
  CREATE TABLE b (id int PRIMARY KEY, k int, v int);
  CREATE TABLE c (id int PRIMARY KEY, k int, v int);
  CREATE TABLE d (k int, v int);
  CREATE TABLE e (k int, v int) APPEND ONLY;
  CREATE TABLE f (id int PRIMARY KEY, k bigint, v text);
`;

/** Joins of up to six tables, self joins, diamonds over other joins and over aggregates, null-safe keys, residuals. */
const queries: readonly string[] = [
  'SELECT a.id, b.id AS b, a.v + b.v AS s FROM a JOIN b ON a.k = b.k',
  'SELECT a.id, b.v FROM a JOIN b ON a.k = b.k WHERE a.v < b.v',
  'SELECT x.id, y.id AS y FROM a AS x JOIN a AS y ON x.k = y.k',
  'SELECT x.id, y.id AS y, z.id AS z FROM a AS x JOIN a AS y ON x.k = y.k JOIN a AS z ON y.v = z.k',
  'SELECT x.id, y.k FROM a AS x JOIN a AS y ON x.k = y.id AND x.v = y.v',
  'SELECT a.id, b.id AS b, c.id AS c FROM a JOIN b ON a.k = b.id JOIN c ON b.k = c.id',
  'SELECT a.id, b.id AS b, c.id AS c FROM a JOIN b ON a.k = b.k JOIN c ON b.v = c.v AND c.k = a.v',
  'SELECT a.id, d.v, e.v AS ev FROM a JOIN d ON a.k = d.k JOIN e ON d.k = e.k',
  'SELECT a.id, d.k FROM a JOIN d ON a.k IS NOT DISTINCT FROM d.k JOIN c ON c.id = a.v',
  `SELECT a.id, b.id AS b, c.id AS c, d.v, e.v AS ev, f.v AS fv FROM a JOIN b ON a.k = b.id JOIN c ON b.k = c.id
   JOIN d ON c.k = d.k JOIN e ON d.v = e.k JOIN f ON e.v = f.k`,
  'SELECT a.id, s.n FROM a JOIN (SELECT k, count(*) AS n FROM a GROUP BY k) AS s ON a.k = s.k JOIN b ON b.k = s.k',
  'SELECT a.id, s.v FROM a JOIN (SELECT a.k, b.v FROM a JOIN b ON a.k = b.k) AS s ON a.v = s.v JOIN c ON c.k = s.k',
  'SELECT a.id, u.v FROM a JOIN (SELECT k, v FROM b UNION ALL SELECT k, v FROM a) AS u ON a.k = u.k JOIN c ON c.v = u.v',
  // One change comes by two ways within one emission.
  `SELECT a.id, u.id AS u FROM a JOIN (SELECT b.id, b.k FROM a JOIN b ON a.k = b.k UNION ALL SELECT id, k FROM c) AS u
   ON a.k = u.k`,
  `SELECT a.id, u.v FROM a JOIN (SELECT a.k, b.v FROM a JOIN b ON a.k = b.k UNION ALL SELECT k, v FROM d) AS u ON a.k = u.k
   JOIN e ON e.k = a.v`,
  `SELECT e.v, u.v AS u FROM e JOIN (SELECT e.k, d.v FROM e JOIN d ON e.k = d.k UNION ALL SELECT k, v FROM c) AS u
   ON e.k = u.k JOIN a ON a.k = e.v AND a.v = u.v`,
  'SELECT a.id, u.id AS u FROM a JOIN (SELECT a.id, a.v, b.k FROM a LEFT JOIN b ON a.k = b.k) AS u ON a.k = u.v JOIN c ON c.k = a.v AND c.v = u.k',
  'SELECT b.id, 12 / a.v AS q FROM a JOIN b ON a.k = b.k JOIN c ON c.k = b.k WHERE a.v <> 0',
  'SELECT a.id, b.id AS b, c.id AS c FROM a LEFT JOIN b ON a.k = b.k JOIN c ON a.v = c.k JOIN d ON d.k = c.k',
];

/** Views over views: diamonds that go through a view. */
const overViews: readonly string[] = [
  'SELECT m.id, a.v FROM $ AS m JOIN a ON a.id = m.id JOIN b ON b.k = a.k',
  'SELECT m.id, count(*) AS n FROM $ AS m JOIN a ON a.id = m.id GROUP BY m.id',
];

class Play {
  readonly database: Database = createDatabase();
  readonly session: Session = localSession(this.database);
  readonly views = new Map<string, string>();
  readonly random: Random;
  #made = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async create(query: string): Promise<string> {
    const name = `m${this.#made++}`;
    await this.session.run(`CREATE MATERIALIZED VIEW ${name} AS ${query}`);
    this.views.set(name, query);
    return name;
  }

  async drop(name: string): Promise<void> {
    await this.session.run(`DROP MATERIALIZED VIEW ${name}`);
    this.views.delete(name);
  }

  /** One transaction, of several tables, sometimes with more rows than fit into a batch. */
  async change(): Promise<void> {
    const { random } = this;
    const value = (): string => (random.below(8) === 0 ? 'NULL' : String(random.below(6)));
    const statements: string[] = ['BEGIN'];
    for (let n = 1 + random.below(4); n > 0; n--) {
      const table = random.pick(['a', 'b', 'c', 'd', 'e', 'f']);
      const id = random.below(20);
      const kind = random.below(6);
      if (table === 'e' || (table === 'd' && kind < 4)) {
        statements.push(`INSERT INTO ${table} VALUES (${value()}, ${value()})`);
      } else if (table === 'd') statements.push(`DELETE FROM d WHERE k = ${random.below(6)}`);
      else if (kind === 0) statements.push(`DELETE FROM ${table} WHERE id = ${id}`);
      else if (kind === 1 && table !== 'f') {
        statements.push(`UPDATE ${table} SET k = ${value()}, v = v + 1 WHERE id > ${id}`);
      } else {
        const v = table === 'f' ? "'t'" : value();
        statements.push(
          `DELETE FROM ${table} WHERE id = ${id}; INSERT INTO ${table} VALUES (${id}, ${value()}, ${v})`,
        );
      }
    }
    statements.push('COMMIT');
    await this.session.run(statements.join('; '));
  }

  async check(): Promise<void> {
    for (const [name, query] of this.views) {
      const columns = `SELECT q::text FROM (${query}) AS q ORDER BY 1`;
      expect(await this.#texts(`SELECT q::text FROM ${name} AS q ORDER BY 1`), `${name}: ${query}`).toEqual(
        await this.#texts(columns),
      );
    }
  }

  async #texts(query: string): Promise<unknown> {
    const [result] = await this.session.run(query);
    return result?.rows;
  }
}

describe('views that share arrangements', () => {
  for (let seed = 1; seed <= 6; seed++) {
    it(`equal their queries whatever is made and dropped, seed ${seed}`, async () => {
      const play = new Play(seed);
      const { random } = play;
      await play.session.run(setUp);
      for (let step = 0; step < 40; step++) {
        await play.change();
        const names = [...play.views.keys()];
        if (random.below(3) === 0) {
          const base = names.length > 0 && random.below(4) === 0 ? random.pick(names) : null;
          const hasId = base !== null && /^SELECT \w+\.id,/.test(play.views.get(base) ?? '');
          const query = hasId ? random.pick(overViews).replace('$', base) : random.pick(queries);
          await play.create(query);
        } else if (names.length > 6 || (names.length > 0 && random.below(6) === 0)) {
          const name = random.pick(names);
          const isRead = [...play.views.values()].some((query) => query.includes(`FROM ${name} AS`));
          if (!isRead) await play.drop(name);
        }
        await play.check();
      }
      for (const name of [...play.views.keys()].reverse()) {
        await play.drop(name);
        await play.change();
        await play.check();
      }
      expect(play.database.arrangements.list()).toEqual([]);
      expect(play.database.dataflow.nodes.filter((node) => node.name.startsWith('Arrange'))).toEqual([]);
      play.database.close();
    });
  }

  it('handles ticks of several batches', async () => {
    const play = new Play(7);
    await play.session.run(setUp);
    for (const query of queries) await play.create(query);
    await play.session.run(
      `BEGIN; INSERT INTO a SELECT i, i % 700, i % 900 FROM generate_series(1, 3000) AS i;
       INSERT INTO b SELECT i, i % 1100, i % 650 FROM generate_series(1, 2500) AS i; COMMIT;
       INSERT INTO c SELECT i, i % 500, i % 1300 FROM generate_series(1, 2500) AS i;
       INSERT INTO d SELECT i % 400, i % 300 FROM generate_series(1, 600) AS i;
       INSERT INTO e SELECT i % 350, i % 200 FROM generate_series(1, 500) AS i;
       INSERT INTO f SELECT i, i % 300, 't' FROM generate_series(1, 400) AS i`,
    );
    await play.check();
    await play.session.run('BEGIN; UPDATE a SET k = k + 1; DELETE FROM b WHERE id % 2 = 0; COMMIT');
    await play.check();
    play.database.close();
  });

  it('keeps one copy for two views, and none for nobody', async () => {
    const play = new Play(1);
    await play.session.run(setUp);
    const first = await play.create('SELECT a.id, b.id AS b FROM a JOIN b ON a.k = b.k');
    const made = play.database.arrangements.list();
    expect(made.map(({ relation, users }) => [relation.name, users.size])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    const second = await play.create('SELECT b.id, a.id AS a FROM b JOIN a ON b.k = a.k WHERE a.id < b.id');
    expect(play.database.arrangements.list()).toEqual(made);
    expect(made.map(({ users }) => users.size)).toEqual([2, 2]);
    await play.session.run(
      'INSERT INTO a SELECT i, i, i FROM generate_series(1, 5) AS i; INSERT INTO b SELECT * FROM a',
    );
    await play.check();
    await play.drop(first);
    expect(made.map(({ users }) => users.size)).toEqual([1, 1]);
    await play.session.run('DELETE FROM a WHERE id = 2');
    await play.check();
    await play.session.run('DELETE FROM a; DELETE FROM b');
    await play.check();
    expect(made.map(({ operator }) => operator.stateRows())).toEqual([0, 0]);
    await play.drop(second);
    expect(play.database.arrangements.list()).toEqual([]);
    play.database.close();
  });

  it('lives on when a view that uses it fails, and takes it back when it is resumed', async () => {
    const play = new Play(1);
    await play.session.run(setUp);
    const first = await play.create('SELECT a.id, b.id AS b FROM a JOIN b ON a.k = b.k');
    await play.create('SELECT b.id, a.v FROM a JOIN b ON a.k = b.k JOIN c ON c.k = b.v');
    const over = await play.create(`SELECT m.b, d.v FROM ${first} AS m JOIN d ON m.id = d.k`);
    await play.session.run(
      'INSERT INTO a VALUES (1, 1, 1); INSERT INTO b VALUES (1, 1, 1); INSERT INTO d VALUES (1, 2)',
    );
    const usersOf = (): readonly unknown[] =>
      play.database.arrangements.list().map(({ relation, users }) => `${relation.name} ${users.size}`);
    const before = usersOf();
    const view = play.database.catalog.objects().find((object) => object.name === first);
    const nodes = view?.kind === 'materialized view' ? [...view.nodes] : [];
    const operator = nodes.find((node) => node.name === 'Join')?.operator ?? expect.fail('no join');
    Object.defineProperty(operator, 'push', {
      value: () => {
        throw new TypeError('broken');
      },
    });
    await play.session.run('INSERT INTO a VALUES (2, 1, 5); INSERT INTO c VALUES (1, 1, 1)');
    await expect(play.session.run(`SELECT * FROM ${over}`)).rejects.toThrow('is paused');
    expect(usersOf()).not.toEqual(before);
    const paused = [first, over].map((name) => [name, play.views.get(name) ?? ''] as const);
    for (const [name] of paused) play.views.delete(name);
    await play.check();
    await play.session.run('DELETE FROM a WHERE id = 1; INSERT INTO b VALUES (2, 1, 1)');
    await play.check();
    await play.session.run(`ALTER MATERIALIZED VIEW ${first} RESUME`);
    for (const [name, query] of paused) play.views.set(name, query);
    await play.session.run('INSERT INTO a VALUES (3, 1, 5); DELETE FROM d; INSERT INTO d VALUES (3, 3)');
    await play.check();
    expect([...usersOf()].sort()).toEqual([...before].sort());
    play.database.close();
  });

  it('lives on when a view that uses it is refused', async () => {
    const play = new Play(1);
    await play.session.run(setUp);
    await play.session.run('INSERT INTO a VALUES (1, 1, 0); INSERT INTO b VALUES (1, 1, 1)');
    await play.create('SELECT a.id, b.id AS b FROM a JOIN b ON a.k = b.k');
    await expect(
      play.session.run(
        "CREATE MATERIALIZED VIEW bad WITH (on_error = 'fail') AS SELECT 1 / a.v AS q FROM a JOIN b ON a.k = b.k JOIN c ON true WHERE c.id IS NULL OR 1 / a.v > 0",
      ),
    ).rejects.toThrow();
    await play.session.run('INSERT INTO a VALUES (2, 1, 0)');
    await play.check();
    expect(play.database.arrangements.list().map(({ users }) => users.size)).toEqual([1, 1]);
    play.database.close();
  });

  it('is there again after a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-arrangements-'));
    const first = await startInProcess(directory);
    const connections = new Connections(first.url);
    const a = await connections.connect();
    for (const sql of setUp.split(';').slice(0, -1)) await a.tags(sql);
    for (const [i, query] of queries.entries()) await a.tags(`CREATE MATERIALIZED VIEW v${i} AS ${query}`);
    for (const t of ['a', 'b', 'c']) {
      await a.tags(`INSERT INTO ${t} SELECT i, i % 5, i % 7 FROM generate_series(1, 20) AS i`);
    }
    await a.tags('INSERT INTO d SELECT i % 4, i % 6 FROM generate_series(1, 15) AS i');
    await a.tags('INSERT INTO e SELECT i % 5, i % 3 FROM generate_series(1, 15) AS i');
    await a.tags("INSERT INTO f SELECT i, i % 3, 't' FROM generate_series(1, 9) AS i");
    const shown = 'SELECT relation, key, users, rows FROM millrace_catalog.arrangements ORDER BY 1, 2, 3';
    const before = await a.rows(shown);
    await connections.close();
    await first.close();
    const second = await startInProcess(directory);
    const again = new Connections(second.url);
    const b = await again.connect();
    expect(await b.rows(shown)).toEqual(before);
    await b.tags('DELETE FROM a WHERE id % 3 = 0');
    await b.tags('UPDATE b SET k = k + 1 WHERE id < 9');
    for (const [i, query] of queries.entries()) {
      expect(await b.rows(`SELECT q::text FROM v${i} AS q ORDER BY 1`), query).toEqual(
        await b.rows(`SELECT q::text FROM (${query}) AS q ORDER BY 1`),
      );
    }
    await again.close();
    await second.close();
    rmSync(directory, { recursive: true, force: true });
  });
});
