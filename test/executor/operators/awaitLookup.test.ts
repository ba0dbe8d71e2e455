/** Rows that wait for look-ups, against a model that goes through each tick's net changes. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import { AwaitLookupOperator } from '../../../executor/operators/awaitLookup.ts';
import type { PhysicalAwaitLookup } from '../../../planner/plan/physical.ts';
import { restoreImage } from '../../../storage/checkpoint/image.ts';
import { Snapshot } from '../../../storage/checkpoint/snapshot.ts';
import type { Persistent } from '../../../storage/state/persist.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Random } from '../../storage/state/random.ts';
import { Bag, type Change, collector, input, schemaOf, shuffle } from './joinHarness.ts';

const leftTypes = [types.int4, types.text, types.int8] as const;
const rightTypes = [types.text, types.int8] as const;

function operator(appendOnly: boolean): AwaitLookupOperator {
  const left = input(schemaOf(leftTypes), { appendOnly });
  const right = input(schemaOf(rightTypes), { key: [0, 1] });
  return new AwaitLookupOperator({
    kind: 'AwaitLookup',
    left,
    right,
    relation: { id: 7 } as PhysicalAwaitLookup['relation'],
    leftKeys: [1, 2],
    rightKeys: [0, 1],
    schema: left.schema,
    appendOnly,
    key: null,
    estimatedRows: 1,
  });
}

function push(to: AwaitLookupOperator, changes: readonly Change[], output: Bag): void {
  const emit = collector(output);
  for (const { port, row, weight } of changes) {
    to.push(port, batchOfRows(port === 0 ? leftTypes : rightTypes, [row], [weight]), emit);
  }
  to.flush(emit);
}

/** Checkpoints one after the other, each of what has changed. */
class Checkpoints {
  readonly #blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  #last = 0;

  move(from: Persistent, to: Persistent): void {
    const snapshot = new Snapshot(
      () => ++this.#last,
      (id, bytes) => this.#blocks.set(id, Uint8Array.from(bytes)),
    );
    snapshot.add('state', from);
    while (!snapshot.step(1 << 20));
    snapshot.settle();
    const source = { path: 'memory', block: (id: number) => Uint8Array.from(must(this.#blocks.get(id))) };
    restoreImage(to, must(snapshot.images.get('state')), source, null);
  }
}

const keyOf = (row: Row): string => `${row[1]}|${row[2]}`;

/** What must have passed, and what waits. */
class Model {
  readonly passed = new Bag();
  readonly waiting = new Bag();
  readonly known = new Set<string>();

  tick(rows: readonly (readonly [Row, number])[], came: readonly string[], gone: readonly string[]): void {
    for (const key of came) this.known.add(key);
    for (const key of gone) this.known.delete(key);
    for (const [row, weight] of rows) {
      if (row[1] === null || row[2] === null) this.passed.add(row, weight);
      else this.waiting.add(row, weight);
    }
    for (const { row, weight } of [...this.waiting.entries.values()]) {
      if (weight > 0 && !this.known.has(keyOf(row))) continue;
      this.waiting.add(row, -weight);
      this.passed.add(row, weight);
    }
  }
}

function run(appendOnly: boolean, seed: number): void {
  const random = new Random(seed);
  let tested = operator(appendOnly);
  const output = new Bag();
  const model = new Model();
  const checkpoints = new Checkpoints();
  /** Keys that have been asked for and not come since. */
  const asked = new Set<string>();
  const present: Row[] = [];
  const orNull = (value: Value): Value => (random.below(12) === 0 ? null : value);
  for (let tick = 0; tick < 80; tick++) {
    const changes: Change[] = [];
    const rows: (readonly [Row, number])[] = [];
    for (let n = random.below(6); n > 0; n--) {
      const row: Row = [
        random.below(4),
        orNull(random.pick(['a', 'b', 'c'])),
        orNull(BigInt(random.below(2))),
      ];
      rows.push([row, 1 + random.below(2)]);
    }
    for (const [row, weight] of rows) for (let n = 0; n < weight; n++) present.push(row);
    if (!appendOnly) {
      for (let n = random.below(5); n > 0 && present.length > 0; n--) {
        rows.push([must(present.splice(random.below(present.length), 1)[0]), -1]);
      }
    }
    for (const [row, weight] of rows) changes.push({ port: 0, row, weight });
    const came: string[] = [];
    const gone: string[] = [];
    for (const text of ['a', 'b', 'c']) {
      for (const number of [0n, 1n]) {
        const key = `${text}|${number}`;
        if (random.below(8) > 0) continue;
        const isKnown = model.known.has(key);
        changes.push({ port: 1, row: [text, number], weight: isKnown ? -1 : 1 });
        (isKnown ? gone : came).push(key);
      }
    }
    push(tested, shuffle(random, changes), output);
    model.tick(rows, came, gone);
    expect(output.weights()).toEqual(model.passed.weights());
    for (const key of came) asked.delete(key);
    for (const key of tested.lookup.take()) asked.add(key.join('|'));
    for (const row of model.waiting.rows()) expect(asked).toContain(keyOf(row));
    if (random.below(10) === 0) {
      const fresh = operator(appendOnly);
      checkpoints.move(tested.persistent, fresh.persistent);
      tested = fresh;
      const again = new Set(tested.lookup.take().map((key) => key.join('|')));
      expect(again).toEqual(new Set(model.waiting.rows().map(keyOf)));
    }
  }
  if (appendOnly) return;
  const last = present.map((row): Change => ({ port: 0, row, weight: -1 }));
  for (const key of model.known) {
    const [text, number] = key.split('|');
    last.push({ port: 1, row: [text ?? '', BigInt(number ?? 0)], weight: -1 });
  }
  push(tested, shuffle(random, last), output);
  expect(output.weights()).toEqual(new Map());
  expect(tested.stateRows()).toBe(0);
}

describe('rows that wait for look-ups', () => {
  for (const appendOnly of [false, true]) {
    for (const seed of [1, 2, 3, 4, 5]) {
      it(`pass when their key is known, ${appendOnly ? 'append-only' : 'retractable'}, seed ${seed}`, () =>
        run(appendOnly, seed));
    }
  }
});
