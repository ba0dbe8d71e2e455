/** The queries by processing time: q12's windows over given times of arrival, q13 while its side input changes. */
import { describe, expect, it } from 'vitest';
import { nexmarkRows } from '../../bench/support/nexmarkEvents.ts';
import { sideInputStatements, sourceStatements, viewStatement } from '../../bench/support/nexmarkQueries.ts';
import { must } from '../../common/assert.ts';
import { consume, engineWith, lines, literalRow } from './harness.ts';

const EVENTS = 1500;
const bids = [...nexmarkRows(EVENTS)].flatMap((e) => (e.table === 'bid' ? [e.row] : []));
const columns = `auction bigint, bidder bigint, price bigint, channel varchar, url varchar, date_time timestamp,
  extra varchar`;

const perUser = 'SELECT bidder, sum(bid_count) FROM q12 GROUP BY bidder';

describe('q12', () => {
  it('counts the bids of each user in 10 s of arrival', async () => {
    const engine = await engineWith(`CREATE TABLE bid (${columns}, p_time timestamptz)`);
    await engine.session.run(viewStatement('q12'));
    const expected = new Map<string, number>();
    const start = Date.UTC(2024, 0, 1) / 1000;
    for (let at = 0; at < bids.length; at += 100) {
      const values = bids.slice(at, at + 100).map((row, i) => {
        // 3.7 s from one to the next.
        const seconds = start + Math.floor((at + i) * 3.7);
        const key = `${String(row[1])} ${seconds - (seconds % 10)}`;
        expected.set(key, (expected.get(key) ?? 0) + 1);
        return `${literalRow('bid', row).slice(0, -1)}, to_timestamp(${seconds}))`;
      });
      await engine.session.run(`INSERT INTO bid VALUES ${values.join(', ')}`);
    }
    const windows = await lines(
      engine,
      `SELECT bidder, extract(epoch FROM window_start)::bigint AS w, bid_count FROM q12
       WHERE window_end = window_start + INTERVAL '10 seconds'`,
    );
    const wanted = [...expected].map(([key, n]) => JSON.stringify([...key.split(' '), String(n)])).sort();
    expect(windows).toEqual(wanted);
    expect(await lines(engine, perUser)).toEqual(
      await lines(engine, 'SELECT bidder, count(*) FROM bid GROUP BY bidder'),
    );
  });

  it('puts every bid of the source into the window in which it comes', async () => {
    const options = `, nexmark.event.num = ${EVENTS}, nexmark.min.event.gap.in.ns = 0`;
    const engine = await engineWith(sourceStatements(options, 'q12'));
    await engine.session.run('CREATE MATERIALIZED VIEW all_bids AS SELECT bidder, p_time FROM bid');
    await engine.session.run(viewStatement('q12'));
    await consume(engine);
    expect(await lines(engine, perUser)).toEqual(
      await lines(engine, 'SELECT bidder, count(*) FROM all_bids GROUP BY bidder'),
    );
    const outside = `SELECT count(*) FROM all_bids b WHERE NOT EXISTS (
      SELECT 1 FROM q12 w WHERE w.bidder = b.bidder AND b.p_time >= w.window_start AND b.p_time < w.window_end)`;
    expect(await lines(engine, outside)).toEqual(['["0"]']);
    expect(await lines(engine, 'SELECT count(*) FROM all_bids')).toEqual([`["${bids.length}"]`]);
  });
});

describe('q13', () => {
  it('gives each bid the value of the time at which it came', async () => {
    const engine = await engineWith(`CREATE TABLE bid (${columns}) APPEND ONLY; ${sideInputStatements()}`);
    await engine.session.run(viewStatement('q13'));
    const expected: string[] = [];
    for (let at = 0, k = 0; at < bids.length; at += 300, k++) {
      const part = bids.slice(at, at + 300);
      await engine.session.run(
        `INSERT INTO bid VALUES ${part.map((row) => literalRow('bid', row)).join(', ')}`,
      );
      for (const row of part) {
        const key = (row[0] as bigint) % 10000n;
        if (key % 5n < BigInt(k)) continue;
        const value = k === 0 ? String(key) : `${key} at ${k}`;
        expected.push(JSON.stringify([row[0], row[1], value].map(String)));
      }
      // Fewer keys each time, with new values.
      await engine.session.run(`
        DELETE FROM side_input WHERE key % 5 = ${k};
        UPDATE side_input SET value = key || ' at ${k + 1}'`);
    }
    expect(await lines(engine, 'SELECT auction, bidder, value FROM q13')).toEqual(expected.sort());
    const made = must([...engine.database.catalog.objects()].find((o) => o.name === 'q13'));
    if (made.kind !== 'materialized view') throw new TypeError('q13 is a view');
    const held = [...made.nodes].map((n) => (n === made.node ? 0 : (n.operator?.stateRows() ?? 0)));
    const [left] = await lines(engine, 'SELECT count(*) FROM side_input');
    // Of the bids, nothing is kept.
    expect(JSON.stringify([String(held.reduce((a, b) => a + b, 0))])).toBe(left);
  });

  it('can name the column that holds the time of arrival', async () => {
    const options = `, nexmark.event.num = ${EVENTS}, nexmark.min.event.gap.in.ns = 0`;
    const engine = await engineWith(sourceStatements(options, 'q12'));
    await engine.session.run(viewStatement('q13').replace('PROCTIME()', 'b.p_time'));
    await engine.session.run("CREATE MATERIALIZED VIEW changed AS SELECT * FROM q13 WHERE value = 'changed'");
    await consume(engine);
    await engine.session.run("UPDATE side_input SET value = 'changed'");
    expect(await lines(engine, 'SELECT count(*) FROM q13')).toEqual([`["${bids.length}"]`]);
    expect(await lines(engine, 'SELECT count(*) FROM changed')).toEqual(['["0"]']);
  });
});
