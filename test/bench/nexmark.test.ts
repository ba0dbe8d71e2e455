/** The benchmark's parts do what the figures claim: all events go in, the view and its state are what is counted. */
import { describe, expect, it } from 'vitest';
import { runEngine } from '../../bench/support/engineRun.ts';
import { nexmarkTicks } from '../../bench/support/nexmarkEvents.ts';
import { allQueryNames, floors, viewStatement } from '../../bench/support/nexmarkQueries.ts';
import { markdownTable, percentile, rate } from '../../bench/support/statistics.ts';

const EVENTS = 5000;

describe('nexmark benchmark', () => {
  const ticks = nexmarkTicks(EVENTS, 1000);

  it('splits all events into ticks', () => {
    expect(ticks.map((t) => t.events)).toEqual([1000, 1000, 1000, 1000, 1000]);
    const rows = (table: string): number =>
      ticks.flatMap((t) => t.batches).reduce((n, b) => n + (b.table === table ? b.batch.length : 0), 0);
    expect([rows('person'), rows('auction'), rows('bid')]).toEqual([100, 300, 4600]);
  });

  it('feeds every event to the view', async () => {
    const figures = await runEngine(viewStatement('q0'), 'q0', ticks);
    expect(figures).toMatchObject({ events: EVENTS, viewRows: 4600, stateRows: 0 });
    const joined = await runEngine(viewStatement('q4'), 'q4', ticks);
    expect(joined.viewRows).toBe(5);
    expect(joined.stateRows).toBeGreaterThan(4600);
    expect(joined.stateBytes).toBeGreaterThan(0);
  });

  it('has a statement for every floor', () => {
    const names = new Set(allQueryNames());
    expect([...floors.keys()].filter((q) => !names.has(q))).toEqual([]);
  });
});

describe('figures', () => {
  it('prints rates, percentiles and tables', () => {
    expect([rate(1_234_567), rate(45_678), rate(1234), rate(12)]).toEqual(['1.23 M', '46 k', '1.2 k', '12']);
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(samples, 0.5), percentile(samples, 0.99), percentile(samples, 1)]).toEqual([
      51, 100, 100,
    ]);
    expect(markdownTable(['a', 'bb'], [['1', '2']])).toBe('| a | bb |\n|---|----|\n| 1 | 2  |');
  });
});
