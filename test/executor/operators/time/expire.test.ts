import { describe, expect, it } from 'vitest';
import { type DataType, types } from '../../../../common/dataType.ts';
import type { Row } from '../../../../common/value.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { PhysicalExpire } from '../../../../planner/plan/physical.ts';
import {
  batches,
  type Delta,
  inputNode,
  Probe,
  schema,
  showRow,
  testContext,
} from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';
import { term } from './cleaningHarness.ts';

const DAY = 86_400_000_000n;

function expire(options: Partial<PhysicalExpire> = {}, type = 'timestamptz', zone = 'UTC') {
  const input = schema(`k text, at ${type}?`);
  const time = new ManualTime(0n);
  const node: PhysicalExpire = {
    kind: 'Expire',
    input: inputNode(input),
    column: null,
    ttlMicros: 10n,
    term: null,
    schema: input,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...options,
  };
  const context = testContext(time);
  const probe = new Probe(createOperator(node, { ...context, eval: { ...context.eval, timeZone: zone } }));
  const run = (changes: readonly Delta[]): string[] => {
    probe.last = [];
    for (const batch of batches(input, changes)) probe.push(0, batch);
    if (changes.length === 0 && probe.operator.isDue?.() !== true) return [];
    probe.operator.flush(probe.emit);
    expect(probe.operator.isDue?.()).toBe(false);
    return [...probe.last].sort();
  };
  const tick = (at: bigint, text = ''): string[] => {
    time.setClock(at);
    probe.last = [];
    if (text === '') return run([]);
    probe.tick(input, text);
    return [...probe.last].sort();
  };
  return { time, probe, run, tick };
}

describe('time to live since the last change', () => {
  it('takes a row back in time', () => {
    const { probe, tick } = expire();
    expect(tick(5n, '+ a 1\n+ b 1')).toEqual(['+ a 1', '+ b 1']);
    expect(tick(8n, '- b 1\n+ b 2')).toEqual(['+ b 2', '- b 1']);
    expect(probe.operator.nextWake?.()).toBe(15n);
    expect(tick(14n)).toEqual([]);
    expect(tick(15n)).toEqual(['- a 1']);
    expect(probe.operator.nextWake?.()).toBe(18n);
    expect(tick(30n)).toEqual(['- b 2']);
    expect(probe.operator.nextWake?.()).toBe(null);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('swallows the retraction of a row that has expired', () => {
    const { probe, tick } = expire();
    tick(0n, '+ a 1');
    expect(tick(10n)).toEqual(['- a 1']);
    expect(tick(11n, '- a 1\n+ a 2')).toEqual(['+ a 2']);
    expect(probe.operator.stateRows()).toBe(1);
  });

  it('refreshes a row that comes again', () => {
    const { tick } = expire();
    tick(0n, '+ a 1');
    expect(tick(6n, '- a 1\n+ a 1')).toEqual([]);
    expect(tick(10n)).toEqual([]);
    expect(tick(16n)).toEqual(['- a 1']);
    expect(tick(20n, '+ a 1')).toEqual(['+ a 1']);
    expect(tick(30n)).toEqual(['- a 1']);
  });

  it('keeps count of equal rows', () => {
    const { tick } = expire();
    expect(tick(0n, '+2 a 1')).toEqual(['+2 a 1']);
    expect(tick(5n, '- a 1')).toEqual(['- a 1']);
    expect(tick(6n, '+2 a 1')).toEqual(['+2 a 1']);
    expect(tick(16n)).toEqual(['-3 a 1']);
    expect(tick(17n, '-3 a 1')).toEqual([]);
  });

  it('shows nothing of what comes and goes within a tick', () => {
    const { probe, tick } = expire();
    expect(tick(0n, '+ a 1\n- a 1\n- b 1\n+ b 1')).toEqual([]);
    expect(probe.operator.stateRows()).toBe(0);
  });
});

describe('time to live since a column', () => {
  it('goes by the clock', () => {
    const { probe, tick } = expire({ column: 1 });
    expect(tick(5n, '+ a 3\n+ b -5\n+ c NULL\n+2 d 4')).toEqual(['+ a 3', '+ c NULL', '+2 d 4']);
    expect(probe.operator.nextWake?.()).toBe(13n);
    expect(tick(12n)).toEqual([]);
    expect(tick(13n, '- d 4\n- b -5')).toEqual(['- a 3', '- d 4']);
    expect(tick(14n)).toEqual(['- d 4']);
    // It is over already.
    expect(tick(15n, '+ e 1\n- a 3')).toEqual([]);
    expect(probe.operator.stateRows()).toBe(1);
    expect(probe.operator.nextWake?.()).toBe(null);
  });

  it('goes by the watermark where there is one', () => {
    const { time, probe, tick } = expire({ column: 1, term: term(1, types.timestamptz) });
    expect(tick(1000n, '+ a 3\n+ b 8')).toEqual(['+ a 3', '+ b 8']);
    expect(probe.operator.nextWake?.()).toBe(null);
    time.setWatermark(1, 0, 13n);
    expect(tick(1000n)).toEqual(['- a 3']);
    time.setWatermark(1, 0, 17n);
    expect(tick(1000n)).toEqual([]);
    expect(tick(1000n, '+ c 7\n+ d 9')).toEqual(['+ d 9']);
  });

  it('wakes up for a watermark that follows the clock', () => {
    const clock = { kind: 'clock', type: types.timestamptz } as const;
    const { probe, tick } = expire({ column: 1, term: clock });
    tick(5n, '+ a 3\n+ b 4');
    expect(probe.operator.nextWake?.()).toBe(13n);
    expect(tick(13n)).toEqual(['- a 3']);
    expect(probe.operator.nextWake?.()).toBe(14n);
  });

  it('compares local times in the time zone', () => {
    const { probe, tick } = expire({ column: 1, ttlMicros: 3_600_000_000n }, 'timestamp', 'Europe/Athens');
    const hour = 3_600_000_000n;
    // 3 o'clock there is 1 o'clock UTC.
    expect(tick(hour, `+ a ${3n * hour}`)).toEqual([`+ a ${3n * hour}`]);
    expect(probe.operator.nextWake?.()).toBe(2n * hour);
    expect(tick(2n * hour - 1n)).toEqual([]);
    expect(tick(2n * hour)).toEqual([`- a ${3n * hour}`]);
  });

  it('counts a date from its midnight', () => {
    const { time, probe, tick } = expire({ column: 1, ttlMicros: 2n * DAY }, 'date');
    expect(tick(DAY, '+ a 0\n+ b 1\n+ c -5')).toEqual(['+ a 0', '+ b 1']);
    expect(probe.operator.nextWake?.()).toBe(2n * DAY);
    expect(tick(2n * DAY - 1n)).toEqual([]);
    expect(tick(2n * DAY)).toEqual(['- a 0']);
    expect(probe.operator.nextWake?.()).toBe(3n * DAY);
    time.setClock(3n * DAY);
  });

  it('counts a date by a watermark of dates', () => {
    const { time, tick } = expire({ column: 1, ttlMicros: 2n * DAY, term: term(1, types.date) }, 'date');
    tick(0n, '+ a 0\n+ b 1');
    time.setWatermark(1, 0, 1);
    expect(tick(0n)).toEqual([]);
    time.setWatermark(1, 0, 2);
    expect(tick(0n)).toEqual(['- a 0']);
  });
});

interface Live {
  readonly row: Row;
  count: number;
  since: bigint;
}

function model(column: boolean, type: DataType): void {
  const random = new Random(column ? 3 : 4);
  const ttl = 40n;
  const { time, probe, run } = expire({ column: column ? 1 : null, ttlMicros: ttl }, type.id);
  const live = new Map<string, Live>();
  const upstream: Row[] = [];
  let now = 0n;
  for (let t = 0; t < 400; t++) {
    now += BigInt(random.below(random.pick([3, 30])));
    time.setClock(now);
    const changes: Delta[] = [];
    const net = new Map<string, { row: Row; sum: number; came: boolean }>();
    const change = (row: Row, weight: number): void => {
      changes.push([row, weight]);
      const entry = net.get(showRow(row)) ?? { row, sum: 0, came: false };
      net.set(showRow(row), { row, sum: entry.sum + weight, came: entry.came || weight > 0 });
    };
    for (let k = random.below(6); k > 0; k--) {
      const row: Row = [random.pick(['a', 'b', 'c']), now - 10n + BigInt(random.below(60))];
      const kept: Row = column ? row : [row[0] ?? null, BigInt(random.below(3))];
      change(kept, 1);
      upstream.push(kept);
    }
    while (upstream.length > 0 && random.below(3) > 0) {
      change(upstream.splice(random.below(upstream.length), 1)[0] ?? [], -1);
    }
    run(changes);
    for (const [text, { row, sum, came }] of net) {
      const entry = live.get(text) ?? { row, count: 0, since: column ? (row[1] as bigint) : now };
      entry.count = Math.max(0, entry.count + sum);
      if (came && !column) entry.since = now;
      live.set(text, entry);
    }
    for (const [text, { count, since }] of live) if (count === 0 || since + ttl <= now) live.delete(text);
    expect(probe.rows()).toEqual(
      [...live].flatMap(([text, { count }]) => new Array<string>(count).fill(text)).sort(),
    );
    expect(probe.operator.stateRows()).toBe(live.size);
    const wakes = [...live.values()].map(({ since }) => since + ttl).sort((a, b) => (a < b ? -1 : 1));
    expect(probe.operator.nextWake?.()).toBe(wakes[0] ?? null);
  }
}

describe('time to live over random ticks', () => {
  it('since the last change', () => model(false, types.int8));
  it('since a column', () => model(true, types.timestamptz));
});
