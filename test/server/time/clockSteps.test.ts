/**
 * However far ADVANCE CLOCK goes at once: the result is that of many small steps. Two servers live through the same random
 * history; one is moved in one step between the events, the other in many.
 */
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type InProcessServer, startInProcess } from '../../harness/server.ts';

const SETUP = [
  `SET millrace.clock = '2024-01-01 00:00:00+00'`,
  `CREATE SOURCE s (id int, at timestamp, WATERMARK FOR at AS at - INTERVAL '5 seconds') WITH (connector = 'inject',
     partitions = 'a,b,c', watermark.idle.timeout = '40 seconds', watermark.max.future.skew = '10 minutes',
     late.retention = '15 minutes')`,
  `CREATE SOURCE f (id int, at timestamp, WATERMARK FOR at AS at) WITH (connector = 'inject',
     watermark.idle.timeout = '30 seconds', watermark.idle.follow.clock = 'true')`,
  `CREATE TABLE t (id int PRIMARY KEY, at timestamptz) WITH (ttl = '3 minutes')`,
  `CREATE TABLE u (id int PRIMARY KEY, at timestamptz) WITH (ttl = '5 minutes', ttl_column = 'at')`,
  `CREATE MATERIALIZED VIEW closed AS SELECT window_start, count(*) AS n, sum(id) AS ids
     FROM TUMBLE(s, at, INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
  `CREATE MATERIALIZED VIEW followed AS SELECT window_start, count(*) AS n
     FROM TUMBLE(f, at, INTERVAL '30 seconds') GROUP BY window_start EMIT ON WINDOW CLOSE`,
  'CREATE MATERIALIZED VIEW alive AS SELECT count(*) AS n, sum(id) AS ids FROM t',
  `CREATE MATERIALIZED VIEW recent AS SELECT id FROM u WHERE at > now() - INTERVAL '90 seconds'`,
  `CREATE MATERIALIZED VIEW minutely AS SELECT count(*) AS n, max(id) AS newest FROM t EMIT EVERY INTERVAL '1 minute'`,
  `CREATE MATERIALIZED VIEW delayed AS SELECT count(*) AS n FROM u EMIT WITH DELAY INTERVAL '20 seconds'`,
];

const SHOWN = [
  'closed',
  'followed',
  'alive',
  'recent',
  'minutely',
  'delayed',
  't',
  'u',
  'millrace_late.s',
  'millrace_late.f',
];

/** A small generator of pseudo-random integers below `n`. */
function generator(seed: number): (n: number) => number {
  let state = seed * 2654435761 + 1;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const START = Date.UTC(2024, 0, 1);
const stamp = (ms: number): string => new Date(START + ms).toISOString().replace('T', ' ').replace('Z', '');

/** What happens at `now` (milliseconds of the virtual clock). */
function event(random: (n: number) => number, id: number, now: number): string {
  const at = stamp(now + random(60_000) - 50_000);
  switch (random(6)) {
    case 0:
    case 1:
      return `INJECT INTO s PARTITION '${'abc'[random(3)]}' VALUES (${id}, '${at}')`;
    case 2:
      return `INJECT INTO f VALUES (${id}, '${at}')`;
    case 3:
      return `INSERT INTO t VALUES (${random(8)}, '${at}+00')`;
    case 4:
      return `INSERT INTO u VALUES (${id}, '${at}+00')`;
    default:
      return `DELETE FROM ${random(2) === 0 ? 't' : 'u'} WHERE id % 5 = ${random(5)}`;
  }
}

describe('ADVANCE CLOCK in one step and in many', () => {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  async function start(): Promise<(sql: string) => Promise<pg.QueryArrayResult>> {
    const server: InProcessServer = await startInProcess();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    open.push(async () => {
      await client.end();
      await server.close();
    });
    const run = (sql: string) => client.query({ text: sql, rowMode: 'array' });
    for (const sql of SETUP) await run(sql);
    return run;
  }

  it.each([1, 2, 3, 4])('history %i', async (seed) => {
    const random = generator(seed);
    const [one, many] = [await start(), await start()];
    let now = 0;
    for (let id = 0; id < 60; id++) {
      const sql = event(random, id, now);
      await one(sql);
      await many(sql);
      const next = now + (random(4) === 0 ? random(200_000) : random(15_000));
      await one(`ADVANCE CLOCK TO '${stamp(next)}+00'`);
      for (let at = now; at < next; at += 1 + random(20_000)) {
        await many(`ADVANCE CLOCK TO '${stamp(at)}+00'`);
      }
      await many(`ADVANCE CLOCK TO '${stamp(next)}+00'`);
      now = next;
      for (const relation of SHOWN) {
        const query = `SELECT * FROM ${relation} AS r ORDER BY 1, 2`.replace(
          ', 2',
          relation === 'recent' || relation === 'delayed' ? '' : ', 2',
        );
        expect([id, relation, (await one(query)).rows]).toEqual([id, relation, (await many(query)).rows]);
      }
    }
  });
});
