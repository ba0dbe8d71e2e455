/**
 * A server is killed again and again while a remote source and a remote table deliver, with more or less of its journal on disk,
 * with and without checkpoints. Afterwards every message is there once, and views say what their queries do.
 */
import { cpSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { START, temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf } from './support.ts';

const LIVES = 12;

const statements = [
  `CREATE SOURCE s (n int, at timestamp, WATERMARK FOR at AS at - INTERVAL '1 hour')
   INCLUDE partition AS p WITH (connector = 'memory', topic = 'numbers') FORMAT PLAIN ENCODE JSON`,
  `CREATE SOURCE plain (n int) WITH (connector = 'memory', topic = 'numbers') FORMAT PLAIN ENCODE JSON`,
  `CREATE TABLE t (id int PRIMARY KEY, n int) WITH (connector = 'memory', topic = 'changes')
   FORMAT UPSERT ENCODE JSON`,
  'CREATE MATERIALIZED VIEW v AS SELECT p, count(*) AS c, sum(n) AS total FROM s GROUP BY p',
  'CREATE MATERIALIZED VIEW w AS SELECT n % 7 AS k, count(*) AS c FROM plain GROUP BY n % 7',
  'CREATE MATERIALIZED VIEW j AS SELECT count(*) AS c, sum(t.n) AS total FROM plain JOIN t ON plain.n = t.id',
];

/** Adds one of two columns to one of the relations, or drops it. */
async function changeColumn(
  { session }: OpenedRemote,
  random: (below: number) => number,
  altered: Set<string>,
): Promise<void> {
  const relation = ['s', 'plain', 't'][random(3)] ?? 's';
  const column = ['x', 'y'][random(2)] ?? 'x';
  const name = `${relation}.${column}`;
  const what = relation === 't' ? 'TABLE' : 'SOURCE';
  const action = altered.delete(name) ? `DROP COLUMN ${column}` : `ADD COLUMN ${column} int DEFAULT -1`;
  if (action.startsWith('ADD')) altered.add(name);
  await session.run(`ALTER ${what} ${relation} ${action}`);
}

describe('kills', () => {
  for (const seed of [1, 2, 3]) {
    it(`lose no message and take none twice (${seed})`, async () => {
      const random = generator(seed);
      const place = temporaryDirectory('remote-crash');
      const broker = new Broker();
      broker.create('numbers');
      broker.create('changes');
      broker.most = 5;
      let now = START;
      let sent = 0;
      const latest = new Map<number, number>();
      const altered = new Set<string>();
      let directory = `${place.path}/0`;
      let opened = await openRemote(broker, directory, () => now);
      for (const sql of statements) await opened.session.run(sql);
      for (let life = 1; life <= LIVES; life++) {
        for (let step = random(20); step >= 0; step--) {
          now += 1000n;
          for (let i = random(8); i > 0; i--) {
            broker.json('numbers', [{ n: sent, at: '2024-01-01 00:00:00', x: sent, y: sent }], sent % 2);
            const id = random(20);
            const gone = random(4) === 0;
            broker.send('changes', [
              {
                key: JSON.stringify({ id }),
                value: gone ? null : JSON.stringify({ id, n: sent, x: sent, y: sent }),
              },
            ]);
            if (gone) latest.delete(id);
            else latest.set(id, sent);
            sent++;
          }
          for (let turn = random(6); turn > 0; turn--) {
            await opened.database.pollSources();
            opened.database.acknowledgeSources();
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (random(12) === 0) await changeColumn(opened, random, altered);
          if (random(3) === 0) opened.journal?.flushSoon();
          if (random(12) === 0) await opened.checkpointer?.checkpoint();
        }
        // What was put off is lost; what was handed to the operating system is not.
        const next = `${place.path}/${life}`;
        cpSync(directory, next, { recursive: true });
        await closeRemote(opened);
        rmSync(directory, { recursive: true, force: true });
        directory = next;
        opened = await openRemote(broker, directory, () => now);
      }
      for (let quiet = 0; quiet < 10; ) {
        quiet = (await opened.database.pollSources()) ? 0 : quiet + 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);
      const numbers = Array.from({ length: sent }, (_, n) => String(n));
      expect(await run('SELECT n FROM s ORDER BY n')).toEqual(numbers);
      expect(await run('SELECT n FROM plain ORDER BY n')).toEqual(numbers);
      for (const [relation = '', column = ''] of [...altered].map((name) => name.split('.'))) {
        const wrong = `${column} <> n AND ${column} <> -1 OR ${column} IS NULL`;
        expect(await run(`SELECT n, ${column} FROM ${relation} WHERE ${wrong}`), relation).toEqual([]);
      }
      const rows = [...latest].sort(([a], [b]) => a - b).map(([id, n]) => `${id} | ${n}`);
      expect(await run('SELECT id, n FROM t ORDER BY id')).toEqual(rows);
      for (const [view, query] of [
        ['v', 'SELECT p, count(*), sum(n) FROM s GROUP BY p'],
        ['w', 'SELECT n % 7, count(*) FROM plain GROUP BY n % 7'],
        ['j', 'SELECT count(*), sum(t.n) FROM plain JOIN t ON plain.n = t.id'],
      ]) {
        expect(await run(`SELECT * FROM ${view} ORDER BY 1`), view).toEqual(await run(`${query} ORDER BY 1`));
      }
      await closeRemote(opened);
      place.remove();
    });
  }
});
