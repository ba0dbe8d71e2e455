import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { ChangelogOperator } from '../../../executor/operators/changelog.ts';
import { inputNode, Probe, schema, seeded } from '../../harness/operators.ts';

const input = schema('k int4?, v text?');

function probeOf(key: readonly number[] | null): Probe {
  const added = [
    { name: 'changelog_op', type: types.int2, nullable: false },
    { name: '_changelog_row_id', type: types.int8, nullable: false },
  ];
  const operator = new ChangelogOperator({
    kind: 'Changelog',
    input: { ...inputNode(input), key },
    schema: [...input, ...added],
    appendOnly: true,
    key: [3],
    estimatedRows: 1,
  });
  return new Probe(operator);
}

function tick(probe: Probe, text: string): string[] {
  probe.tick(input, text);
  return probe.last;
}

describe('Changelog', () => {
  it('gives changes in their order, updates as old and new row', () => {
    const probe = probeOf([0]);
    expect(tick(probe, '+ 1 a\n+ 2 b')).toEqual(['+ 1 a 1 1', '+ 2 b 1 2']);
    expect(tick(probe, '+ 3 c\n- 1 a\n+ 1 x\n- 2 b')).toEqual([
      '+ 3 c 1 3',
      '+ 1 a 4 4',
      '+ 1 x 3 5',
      '+ 2 b 2 6',
    ]);
    expect(probe.operator.stateRows()).toBe(0);
  });

  it('pairs an update whose new row comes first', () => {
    const probe = probeOf([0]);
    tick(probe, '+ 1 a\n+ NULL n');
    expect(tick(probe, '+ 1 b\n+ 7 z\n- 1 a')).toEqual(['+ 1 a 4 3', '+ 1 b 3 4', '+ 7 z 1 5']);
    expect(tick(probe, '- NULL n\n+ NULL m')).toEqual(['+ NULL n 4 6', '+ NULL m 3 7']);
  });

  it('knows net changes only', () => {
    const probe = probeOf([0]);
    tick(probe, '+ 1 a');
    expect(tick(probe, '- 1 a\n+ 1 b\n- 1 b\n+ 1 a\n+ 4 q\n- 4 q')).toEqual([]);
    expect(tick(probe, '- 1 a\n+ 1 b\n- 1 b\n+ 1 c')).toEqual(['+ 1 a 4 2', '+ 1 c 3 3']);
  });

  it('has no updates where there is no key, and a row for each copy', () => {
    const probe = probeOf(null);
    expect(tick(probe, '+2 1 a')).toEqual(['+ 1 a 1 1', '+ 1 a 1 2']);
    expect(tick(probe, '- 1 a\n+ 1 b')).toEqual(['+ 1 a 2 3', '+ 1 b 1 4']);
    expect(tick(probe, '-3 1 a\n+2 1 a')).toEqual(['+ 1 a 2 5']);
  });

  it('treats a relation of one row as keyed', () => {
    const probe = probeOf([]);
    expect(tick(probe, '+ 1 a')).toEqual(['+ 1 a 1 1']);
    expect(tick(probe, '- 1 a\n+ 2 b')).toEqual(['+ 1 a 4 2', '+ 2 b 3 3']);
  });

  it('replays to what the relation holds, whatever the ticks', () => {
    const random = seeded(5);
    const probe = probeOf([0]);
    const held = new Map<number, string>();
    for (let t = 0; t < 30; t++) {
      const lines: string[] = [];
      for (let r = 0; r < (t === 10 ? 4000 : 20); r++) {
        const k = Math.floor(random() * (t === 10 ? 3000 : 30));
        const before = held.get(k);
        if (before !== undefined) lines.push(`- ${k} ${before}`);
        if (random() < 0.7) {
          held.set(k, `v${r}`);
          lines.push(`+ ${k} v${r}`);
        } else held.delete(k);
      }
      probe.tick(input, lines.join('\n'));
    }
    const changes = probe.rows().map((row) => row.split(' '));
    changes.sort((a, b) => Number(a[3]) - Number(b[3]));
    expect(changes.map((c) => Number(c[3]))).toEqual(changes.map((_, i) => i + 1));
    const replayed = new Map<number, string>();
    for (const [k, v = '', op] of changes) {
      const was = replayed.get(Number(k));
      if (op === '1') expect(was).toBeUndefined();
      if (op === '2' || op === '4') expect(was).toBe(v);
      if (op === '1' || op === '3') replayed.set(Number(k), v);
      else replayed.delete(Number(k));
    }
    expect(replayed).toEqual(held);
  });
});
