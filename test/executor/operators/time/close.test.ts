import { describe, expect, it } from 'vitest';
import { types } from '../../../../common/dataType.ts';
import { scalar } from '../../../../common/function.ts';
import type { Row } from '../../../../common/value.ts';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { PhysicalClose } from '../../../../planner/plan/physical.ts';
import type { WatermarkTerm } from '../../../../planner/plan/watermark.ts';
import { batches, inputNode, Probe, schema, showRow, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';
import { term } from './cleaningHarness.ts';

const input = schema('at timestamp?, k text, n int8');

function node(options: Partial<PhysicalClose> = {}): PhysicalClose {
  const child = inputNode(input);
  return {
    kind: 'Close',
    input: child,
    column: 0,
    term: term(1, types.timestamp),
    corrections: false,
    schema: input,
    appendOnly: true,
    key: null,
    estimatedRows: 1,
    ...options,
  };
}

function close(options: Partial<PhysicalClose> = {}) {
  const time = new ManualTime();
  const context = testContext(time);
  const probe = new Probe(createOperator(node(options), context));
  const tick = (text: string, watermark?: bigint): string[] => {
    probe.last = [];
    if (text !== '') probe.tick(input, text);
    if (watermark === undefined) return [...probe.last];
    const before = probe.last;
    probe.last = [];
    time.setWatermark(1, 0, watermark);
    return [...before, ...advance(probe)];
  };
  return { time, context, probe, tick };
}

/** A tick that only time moves. */
function advance(probe: Probe): string[] {
  probe.last = [];
  if (probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
  return [...probe.last];
}

describe('Close', () => {
  it('gives rows once they are below the watermark, in the order of the column', () => {
    const { probe, tick } = close();
    expect(tick('+ 30 a 1\n+ 10 b 1\n+ 20 c 1\n+ NULL d 1')).toEqual([]);
    expect(tick('', 10n)).toEqual([]);
    expect(tick('', 25n)).toEqual(['+ 10 b 1', '+ 20 c 1']);
    expect(probe.operator.stateRows()).toBe(1);
    expect(tick('', 31n)).toEqual(['+ 30 a 1']);
    expect(probe.operator.stateRows()).toBe(0);
    expect(probe.operator.isDue?.()).toBe(false);
  });

  it('gives the last state of a row that changed', () => {
    const { probe, tick } = close();
    tick('+ 10 a 1\n+ 10 a 1');
    tick('- 10 a 1\n+ 10 a 2\n- 10 a 1');
    expect(probe.operator.stateRows()).toBe(1);
    expect(tick('+2 10 a 2', 11n)).toEqual(['+3 10 a 2']);
  });

  it('takes the rows of the tick in which the watermark moves', () => {
    const { time, probe } = close();
    time.setWatermark(1, 0, 100n);
    expect(probe.tick(input, '+ 5 a 1')).toEqual(['+ 5 a 1']);
  });

  it('reports insertions that come too late, and gives neither sign', () => {
    const { context, tick } = close();
    tick('+ 10 a 1', 20n);
    expect(tick('- 10 a 1\n+ 10 a 2\n+2 19 b 1\n+ 20 c 1')).toEqual([]);
    expect(context.late.map(({ row, eventTime, watermark }) => [showRow(row), eventTime, watermark])).toEqual(
      [
        ['10 a 2', 10n, 20n],
        ['19 b 1', 19n, 20n],
        ['19 b 1', 19n, 20n],
      ],
    );
    expect(tick('', 21n)).toEqual(['+ 20 c 1']);
  });

  it('knows what is late although nothing waited when the watermark moved', () => {
    const { context, tick } = close();
    tick('', 20n);
    expect(tick('+ 10 a 1')).toEqual([]);
    expect(context.late).toHaveLength(1);
  });

  it('passes corrections on', () => {
    const { context, tick } = close({ corrections: true });
    tick('+ 10 a 1', 20n);
    expect(tick('- 10 a 1\n+ 10 a 2\n+ 30 b 1\n+ NULL c 1')).toEqual(['- 10 a 1', '+ 10 a 2']);
    expect(context.late).toEqual([]);
  });

  it('does not wait for idle inputs, and does not go back when they wake up', () => {
    const both: WatermarkTerm = {
      kind: 'min',
      terms: [term(1, types.timestamp), term(2, types.timestamp)],
      type: types.timestamp,
    };
    const { time, probe, context } = close({ term: both });
    probe.tick(input, '+ 10 a 1\n+ 60 b 1');
    time.setWatermark(1, 0, 50n);
    time.setWatermark(2, 0, 5n);
    expect(advance(probe)).toEqual([]);
    time.setWatermark(2, 0, 5n, true);
    expect(advance(probe)).toEqual(['+ 10 a 1']);
    time.setWatermark(2, 0, 7n);
    expect(probe.operator.isDue?.()).toBe(false);
    expect(probe.tick(input, '+ 40 c 1')).toEqual([]);
    expect(context.late).toHaveLength(1);
  });

  it('closes by a date', () => {
    const columns = schema('d date');
    const time = new ManualTime();
    const plan: PhysicalClose = {
      ...node(),
      input: inputNode(columns),
      term: term(1, types.date),
      schema: columns,
    };
    const probe = new Probe(createOperator(plan, testContext(time)));
    probe.tick(columns, '+ 3\n+ 2');
    time.setWatermark(1, 0, 3);
    expect(advance(probe)).toEqual(['+ 2']);
  });

  it('is due when the clock closes a window, and says when', () => {
    const windowEnd = scalar({
      name: 'window_end_of',
      args: ['timestamptz'],
      returns: 'timestamptz',
      doc: 'the end of the window of 10 that a time lies in',
      examples: [],
      emit: ([t]) => `(${t} - ${t} % 10n + 10n)`,
    });
    const clock: WatermarkTerm = { kind: 'clock', type: types.timestamptz };
    const { time, probe } = close({
      term: {
        kind: 'map',
        input: clock,
        expr: {
          kind: 'call',
          fn: windowEnd,
          args: [{ kind: 'column', index: 0, type: types.timestamptz }],
          type: types.timestamptz,
        },
        type: types.timestamptz,
      },
    });
    time.setClock(101n);
    probe.tick(input, '+ 110 a 1');
    expect(probe.operator.nextWake?.()).toBe(110n);
    time.setClock(109n);
    expect(probe.operator.isDue?.()).toBe(false);
    expect(probe.operator.nextWake?.()).toBe(110n);
    time.setClock(110n);
    expect(advance(probe)).toEqual(['+ 110 a 1']);
    expect(probe.operator.nextWake?.()).toBe(null);
    time.setClock(150n);
    expect(probe.operator.isDue?.()).toBe(false);
  });
});

describe('Close over random ticks', () => {
  for (const scale of [1n, 1n << 16n, 1n << 24n]) {
    it(`has given exactly the rows below the watermark, each once: scale ${scale}`, () => {
      const random = new Random(9);
      const { time, probe } = close();
      let rows: Row[] = [];
      let watermark = 0;
      for (let t = 0; t < 200; t++) {
        const changes: (readonly [Row, number])[] = [];
        for (let k = random.below(20); k > 0; k--) {
          const at = random.below(9) === 0 ? null : BigInt(watermark + random.below(40)) * scale;
          const row: Row = [at, random.pick(['a', 'b']), BigInt(random.below(3))];
          changes.push([row, 1]);
          rows.push(row);
        }
        rows = rows.filter((row) => {
          const isOpen = row[0] === null || (row[0] as bigint) >= BigInt(watermark) * scale;
          if (!isOpen || random.below(5) > 0) return true;
          changes.push([row, -1]);
          return false;
        });
        probe.last = [];
        for (const batch of batches(input, changes)) probe.push(0, batch);
        watermark += random.below(random.pick([2, 30]));
        const bound = BigInt(watermark) * scale;
        time.setWatermark(1, 0, bound);
        if (probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
        else probe.flush();
        const given = rows.filter(([at = null]) => at !== null && (at as bigint) < bound);
        expect(probe.rows()).toEqual(given.map(showRow).sort());
        const times = probe.last.map((text) => BigInt(text.split(' ')[1] ?? 0));
        expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
        expect(probe.last.every((text) => text.startsWith('+'))).toBe(true);
        const waiting = rows.filter(([at = null]) => at !== null && (at as bigint) >= bound);
        expect(probe.operator.stateRows()).toBe(new Set(waiting.map(showRow)).size);
      }
    });
  }
});
