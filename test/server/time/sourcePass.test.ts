/**
 * The same arrivals give the same admitted rows, however they are cut into polls, however partitions come interleaved, and
 * whoever reads the source again.
 */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { createDatabase } from '../../../server/serve.ts';
import { eventFromJson, eventToJson } from '../../../server/time/eventLog.ts';
import type { Admitted } from '../../../server/time/lateRow.ts';
import { RowExpander } from '../../../server/time/rowExpander.ts';
import { SourceAdmission } from '../../../server/time/sourceAdmission.ts';
import { TimeRule } from '../../../server/time/timeRule.ts';
import { cut, generator, interleave } from './random.ts';

const SECOND = 1_000_000n;
const database = createDatabase();
const context = () => database.tickContext('s', 'UTC').eval;

interface Arrival {
  readonly id: number;
  readonly partition: string;
  readonly at: bigint | null;
}

function admission(
  partitions: readonly string[],
  follow = false,
  skew: bigint | null = null,
): SourceAdmission {
  const rule = new TimeRule({
    column: 1,
    type: types.timestamp,
    unit: 'micros',
    mark: (row) => ((row[1] as bigint | null) === null ? null : (row[1] as bigint) - 5n * SECOND),
    options: {
      idleTimeout: 60n * SECOND,
      followClock: follow,
      maxFutureSkew: skew,
      retention: 1n,
      maxLateRows: 1,
    },
    timeZone: 'UTC',
    partitions,
  });
  return new SourceAdmission({ rule, expander: new RowExpander([null, null], 2), context }, 0n, () => {});
}

const rowOf = (a: Arrival): Row => [a.id, a.at];
const read = (arrivals: readonly Arrival[]) => ({
  rows: arrivals.map(rowOf),
  partitions: arrivals.map((a) => a.partition),
  bad: [],
  position: {},
});

class Seen {
  readonly rows: number[] = [];
  readonly late: string[] = [];

  add(...outputs: Admitted[]): this {
    for (const { rows, late } of outputs) {
      this.rows.push(...rows.map((r) => Number(r[0])));
      this.late.push(...late.map((l) => `${l.row[0]} ${l.reason} ${l.partition} ${l.watermark}`));
    }
    return this;
  }

  get sorted() {
    return { rows: [...this.rows].sort((a, b) => a - b), late: [...this.late].sort() };
  }
}

function arrivalsOf(random: (n: number) => number, partitions: readonly string[], count: number): Arrival[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    partition: partitions[random(partitions.length)] ?? '',
    at: random(40) === 0 ? null : BigInt(id) * SECOND - BigInt(random(random(30) + 1)) * SECOND,
  }));
}

describe('admission of a source', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'does not depend on polls or on the interleaving of partitions, %i',
    (seed) => {
      const random = generator(seed);
      const partitions = ['a', 'b', 'c'].slice(0, 1 + random(3));
      const arrivals = arrivalsOf(random, partitions, 300);
      const whole = new Seen().add(admission(partitions).arrive(read(arrivals), 0n));
      expect(whole.late.length).toBeGreaterThan(0);
      for (let i = 0; i < 5; i++) {
        const inPieces = admission(partitions);
        const seen = new Seen();
        for (const piece of cut(arrivals, 1 + random(50), random)) seen.add(inPieces.arrive(read(piece), 0n));
        expect(seen).toEqual(whole);
        const byPartition = partitions.map((p) => arrivals.filter((a) => a.partition === p));
        const mixed = new Seen().add(admission(partitions).arrive(read(interleave(byPartition, random)), 0n));
        expect(mixed.sorted).toEqual(whole.sorted);
      }
    },
  );

  it.each([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])('is repeated by those who read again, %i', (seed) => {
    const random = generator(seed);
    const partitions = ['a', 'b', 'c'];
    const known = random(2) === 0 ? partitions : [];
    const follow = random(2) === 0;
    const live = admission(known, follow, 600n * SECOND);
    const seen = new Seen();
    const arrivals = arrivalsOf(random, partitions, 400);
    const batches: Arrival[][] = [];
    let now = 0n;
    let next = 1000;
    for (const piece of cut(arrivals, 20, random)) {
      now += BigInt(random(100)) * SECOND;
      act(live, seen, random, now, next++);
      const future = piece.map((a) => (random(20) === 0 ? { ...a, at: now + 700n * SECOND } : a));
      batches.push(future);
      seen.add(live.arrive(read(future), now));
    }
    act(live, seen, random, now, next++);
    expect(seen.late.some((l) => l.includes('future'))).toBe(true);
    const flat = batches.flat();
    for (const most of [1, 7, 1000]) {
      const pieces = cut(flat, most, random).map(read);
      expect(new Seen().add(...live.replay(pieces))).toEqual(seen);
      expect(restored(live, admission(known, follow), pieces)).toEqual(seen);
    }
  });
});

/** Things that happen besides arrivals. */
function act(
  live: SourceAdmission,
  seen: Seen,
  random: (n: number) => number,
  now: bigint,
  id: number,
): void {
  const { eventTime } = live;
  if (eventTime === null) return;
  const partition = ['a', 'b', 'c'][random(3)] ?? '';
  switch (random(6)) {
    case 0:
    case 1: {
      const names = eventTime.expired(now);
      if (names.length > 0) live.setIdle(names, eventTime.idleSince(names));
      eventTime.follow(now);
      return;
    }
    case 2:
      live.advance(random(2) === 0 ? null : partition, BigInt(random(400)) * SECOND, now);
      return;
    case 3: {
      const at = (): bigint => (random(8) === 0 ? now + 700n * SECOND : BigInt(random(400)) * SECOND);
      const rows = Array.from({ length: 1 + random(3) }, (_, i) => [id * 10 + i, at()]);
      seen.add(live.inject(rows, partition, now));
      return;
    }
    default:
  }
}

/** The source as a restart makes it: the log from the journal, the rows from the connector. */
function restored(
  live: SourceAdmission,
  again: SourceAdmission,
  pieces: readonly ReturnType<typeof read>[],
): Seen {
  const eventTypes = { physical: [types.int4, types.timestamp], all: [types.int4, types.timestamp] };
  for (const event of live.log.all()) {
    again.log.restore(eventFromJson(JSON.parse(JSON.stringify(eventToJson(event, eventTypes))), eventTypes));
  }
  const seen = new Seen();
  for (const piece of pieces) seen.add(again.restore(piece));
  seen.add(again.finishRestore(0n));
  return seen;
}
