/**
 * The Nexmark queries as materialised views over the nexmark sources: equal to the ad-hoc query, whether made before or
 * after the events, and to answers computed without the engine.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { nexmarkRows } from '../../bench/support/nexmarkEvents.ts';
import { queryNames, queryText, sideInputStatements } from '../../bench/support/nexmarkQueries.ts';
import type { Row } from '../../common/value.ts';
import { consume, createViews, type Engine, engineWith, engineWithSources, lines } from './harness.ts';

const EVENTS = 6000;

async function viewAnswers(engine: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = new Map<string, readonly string[]>();
  for (const name of queryNames()) answers.set(name, await lines(engine, `SELECT * FROM ${name}`));
  return answers;
}

describe('nexmark sources', () => {
  let before: Engine;
  let answers: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    before = await engineWithSources(EVENTS);
    await createViews(before);
    await consume(before);
    answers = await viewAnswers(before);
  });

  it.each(queryNames())('%s equals the ad-hoc query', async (name) => {
    const expected = await lines(before, queryText(name));
    expect(answers.get(name)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(0);
  });

  it('gives the same views when they are made after the events', async () => {
    const after = await engineWithSources(EVENTS);
    for (const table of ['person', 'auction', 'bid'])
      await after.session.run(`CREATE MATERIALIZED VIEW all_${table} AS SELECT * FROM ${table}`);
    await consume(after);
    await createViews(after);
    expect(await viewAnswers(after)).toEqual(answers);
  });

  it('gives the same views when they are made halfway', async () => {
    const halfway = await engineWithSources(EVENTS);
    for (const table of ['person', 'auction', 'bid'])
      await halfway.session.run(`CREATE MATERIALIZED VIEW all_${table} AS SELECT * FROM ${table}`);
    await halfway.database.pollSources();
    await createViews(halfway);
    await consume(halfway);
    expect(await viewAnswers(halfway)).toEqual(answers);
  });

  it('gives the same views over the combined source', async () => {
    const combined = await engineWith(`
      CREATE SOURCE nexmark WITH (
        connector = 'nexmark', nexmark.event.num = ${EVENTS}, nexmark.min.event.gap.in.ns = 0
      );
      CREATE VIEW person AS SELECT (person).* FROM nexmark WHERE event_type = 0;
      CREATE VIEW auction AS SELECT (auction).* FROM nexmark WHERE event_type = 1;
      CREATE VIEW bid AS SELECT (bid).* FROM nexmark WHERE event_type = 2;
      ${sideInputStatements()}`);
    await createViews(combined);
    await consume(combined);
    expect(await viewAnswers(combined)).toEqual(answers);
  });

  it('leaves nothing in the row errors', () => {
    expect([...before.database.rowErrors.entries()]).toEqual([]);
  });
});

/** Columns of a generated row by meaning. */
const bidOf = (row: Row) => ({
  auction: row[0] as bigint,
  bidder: row[1] as bigint,
  price: row[2] as bigint,
  time: row[5] as bigint,
});
const auctionOf = (row: Row) => ({
  id: row[0] as bigint,
  time: row[5] as bigint,
  expires: row[6] as bigint,
  seller: row[7] as bigint,
  category: row[8] as bigint,
});

describe('nexmark answers computed by hand', () => {
  const events = [...nexmarkRows(EVENTS)];
  const bids = events.flatMap((e) => (e.table === 'bid' ? [bidOf(e.row)] : []));
  const auctions = events.flatMap((e) => (e.table === 'auction' ? [auctionOf(e.row)] : []));
  const people = events.flatMap((e) => (e.table === 'person' ? [e.row] : []));
  let engine: Engine;

  beforeAll(async () => {
    engine = await engineWithSources(EVENTS);
    await createViews(engine);
    await consume(engine);
  });

  const columns = async (sql: string): Promise<readonly string[]> => lines(engine, sql);
  const texts = (rows: readonly (readonly unknown[])[]): readonly string[] =>
    rows.map((row) => JSON.stringify(row.map(String))).sort();

  it('q2 keeps the bids on five auctions', async () => {
    const wanted = new Set([1007n, 1020n, 2001n, 2019n, 2087n]);
    const expected = bids.filter((b) => wanted.has(b.auction)).map((b) => [b.auction, b.price]);
    expect(await columns('SELECT * FROM q2')).toEqual(texts(expected));
  });

  it('q4 averages the highest bids within the time of the auctions', async () => {
    const byCategory = new Map<bigint, bigint[]>();
    for (const a of auctions) {
      const prices = bids
        .filter((b) => b.auction === a.id && b.time >= a.time && b.time <= a.expires)
        .map((b) => b.price);
      if (prices.length === 0) continue;
      const list = byCategory.get(a.category) ?? [];
      list.push(prices.toSorted((x, y) => Number(x - y)).at(-1) ?? 0n);
      byCategory.set(a.category, list);
    }
    const expected = [...byCategory].map(([category, list]) => {
      const sum = list.reduce((x, y) => x + y, 0n);
      const count = BigInt(list.length);
      return [category, (2n * sum + count) / (2n * count)];
    });
    expect(await columns('SELECT category, round(avg) FROM q4')).toEqual(texts(expected));
  });

  it('q5 finds the hottest auctions of each hop', async () => {
    const counts = new Map<bigint, Map<bigint, number>>();
    for (const b of bids) {
      const last = b.time - (b.time % 2_000_000n);
      for (let start = last - 8_000_000n; start <= last; start += 2_000_000n) {
        const window = counts.get(start) ?? new Map<bigint, number>();
        window.set(b.auction, (window.get(b.auction) ?? 0) + 1);
        counts.set(start, window);
      }
    }
    const expected = [...counts.values()].flatMap((window) => {
      const most = Math.max(...window.values());
      return [...window].filter(([, n]) => n === most);
    });
    expect(await columns('SELECT auction, num FROM q5')).toEqual(texts(expected));
  });

  it('q8 finds people who sold in the window in which they came', async () => {
    const windowOf = (time: bigint): bigint => time / 10_000_000n;
    const sold = new Set(auctions.map((a) => `${a.seller} ${windowOf(a.time)}`));
    const expected = people
      .filter((p) => sold.has(`${p[0]} ${windowOf(p[6] as bigint)}`))
      .map((p) => [p[0], p[1]]);
    expect(await columns('SELECT id, name FROM q8')).toEqual(texts(expected));
  });
});
