import { describe, expect, it } from 'vitest';
import { createOperator } from '../../../../executor/operators/index.ts';
import type { PhysicalPace } from '../../../../planner/plan/physical.ts';
import { batches, type Delta, inputNode, Probe, schema, testContext } from '../../../harness/operators.ts';
import { ManualTime } from '../../../harness/time.ts';
import { Random } from '../../../storage/state/random.ts';

const input = schema('k text, n int8');

function pace(mode: PhysicalPace['mode'], micros: bigint, now = 3n) {
  const time = new ManualTime(now);
  const node: PhysicalPace = {
    kind: 'Pace',
    input: inputNode(input),
    mode,
    micros,
    schema: input,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
  };
  const probe = new Probe(createOperator(node, testContext(time)));
  const tick = (at: bigint, text = ''): string[] => {
    time.setClock(at);
    probe.last = [];
    for (const batch of batches(input, [])) probe.push(0, batch);
    if (text !== '') probe.tick(input, text);
    else if (probe.operator.isDue?.() === true) probe.operator.flush(probe.emit);
    else probe.flush();
    return [...probe.last];
  };
  return { time, probe, tick };
}

describe('Pace', () => {
  it('gives the first output at once, and then at multiples of the period', () => {
    const { probe, tick } = pace('every', 10n);
    expect(tick(3n, '+ a 1\n+ b 1')).toEqual(['+ a 1', '+ b 1']);
    expect(probe.operator.nextWake?.()).toBe(null);
    expect(tick(4n, '- a 1\n+ a 2')).toEqual([]);
    expect(probe.operator.nextWake?.()).toBe(10n);
    expect(tick(9n, '- a 2\n+ a 3')).toEqual([]);
    expect(probe.operator.stateRows()).toBe(2);
    expect(tick(10n)).toEqual(['- a 1', '+ a 3']);
    expect(probe.operator.stateRows()).toBe(0);
    // What comes at a release goes out with the next one.
    expect(tick(10n, '+ c 1')).toEqual([]);
    expect(tick(19n)).toEqual([]);
    expect(tick(23n)).toEqual(['+ c 1']);
    expect(probe.operator.nextWake?.()).toBe(null);
  });

  it('gives changes some time after the first of them', () => {
    const { probe, tick } = pace('delay', 10n);
    expect(tick(3n)).toEqual([]);
    expect(tick(5n, '+ a 1')).toEqual([]);
    expect(tick(9n, '+ b 1')).toEqual([]);
    expect(probe.operator.nextWake?.()).toBe(15n);
    expect(tick(14n)).toEqual([]);
    expect(tick(15n, '+ c 1')).toEqual(['+ a 1', '+ b 1', '+ c 1']);
    expect(tick(17n, '+ d 1')).toEqual([]);
    expect(probe.operator.nextWake?.()).toBe(27n);
  });

  it('has had its first output when it began empty', () => {
    const { tick } = pace('every', 10n);
    expect(tick(3n)).toEqual([]);
    expect(tick(5n, '+ a 1')).toEqual([]);
    expect(tick(10n)).toEqual(['+ a 1']);
  });

  it('gives nothing for what cancels, and waits for nothing then', () => {
    const { probe, tick } = pace('every', 10n);
    tick(3n);
    tick(4n, '+ a 1');
    expect(tick(5n, '- a 1')).toEqual([]);
    expect(probe.operator.nextWake?.()).toBe(null);
    expect(probe.operator.stateRows()).toBe(0);
    expect(tick(10n)).toEqual([]);
  });

  it('gives negative times their multiples, too', () => {
    const { probe, tick } = pace('every', 10n, -25n);
    tick(-25n);
    tick(-24n, '+ a 1');
    expect(probe.operator.nextWake?.()).toBe(-20n);
  });

  it('has given the input as of the last release', () => {
    const random = new Random(5);
    const { time, probe } = pace('every', 50n, 0n);
    probe.flush();
    const held = new Map<string, number>();
    let now = 0n;
    let released = new Map<string, number>();
    for (let t = 0; t < 300; t++) {
      now += BigInt(random.below(20));
      time.setClock(now);
      const due = probe.operator.isDue?.() ?? false;
      const changes: Delta[] = [];
      for (let k = random.below(6); k > 0; k--) {
        const key = random.pick(['a', 'b', 'c']);
        const count = held.get(key) ?? 0;
        if (count > 0) changes.push([[key, BigInt(count)], -1]);
        changes.push([[key, BigInt(count + 1)], 1]);
        held.set(key, count + 1);
      }
      for (const batch of batches(input, changes)) probe.push(0, batch);
      if (due) probe.operator.flush(probe.emit);
      else probe.flush();
      if (due) released = new Map(held);
      expect(probe.rows()).toEqual([...released].map(([key, n]) => `${key} ${n}`).sort());
      expect(probe.operator.stateRows()).toBeLessThanOrEqual(6);
    }
  });
});
