/**
 * The way of one input's changes through a delta join: look-ups in arrangements of the other inputs, one after another,
 * each of which makes rows wider; conditions are tested as soon as they can be, and those that may fail at the end.
 *
 * State: none but buffers. Columns are named by their number over all inputs; a step carries those that something later
 * needs. What may fail is tested on complete rows only, and so once for each of them, whichever input brought it: an
 * error is taken back as it was reported.
 */
import { must } from '../../common/assert.ts';
import type { Schema } from '../../common/dataType.ts';
import type { DeltaCondition, DeltaStep, PhysicalDeltaJoin } from '../../planner/plan/physical.ts';
import type { Arrangement } from '../../storage/state/arrangement.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Batch, Vector } from '../batch.ts';
import { compileSelection, type Selection } from '../codegen/predicate.ts';
import type { KeyedRows } from './arrange.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import type { Emit, TickContext } from './operator.ts';

/** A step with the arrangement that it looks into. */
export interface BoundStep {
  readonly step: DeltaStep;
  readonly rows: Arrangement;
  /** Where the arrangement stores each column of the input. */
  readonly columns: readonly number[];
  /** The step's keys (by position) in the order of the arrangement's. */
  readonly keyOrder: readonly number[];
}

/** What all paths of one join share. */
export interface DeltaShape {
  /** In errors. */
  readonly operator: 'Join' | 'DeltaJoin';
  readonly node: Pick<PhysicalDeltaJoin, 'tests' | 'residual' | 'output'>;
  /** Of all inputs, one after another. */
  readonly schema: Schema;
  /** First column of each input. */
  readonly offsets: readonly number[];
  readonly context: TickContext;
}

/** A condition over a layout of columns. */
interface Test {
  readonly passes: Selection;
  readonly columns: readonly number[];
}

function compileTest(test: DeltaCondition, layout: readonly number[], shape: DeltaShape): Test {
  const schema = test.columns.map((c) => must(shape.schema[c]));
  return {
    passes: compileSelection(test.condition, schema, shape.operator),
    columns: test.columns.map((c) => layout.indexOf(c)),
  };
}

/** One look-up. */
class Probe {
  /** The columns that go on. */
  readonly layout: readonly number[];
  readonly #rows: Arrangement;
  readonly #keys: JoinKeys;
  /** Those that hand the rows that come to this look-up, with hashes of their keys. */
  readonly #given: readonly KeyedRows[];
  readonly #kept: readonly number[];
  readonly #slotColumns: readonly number[];
  readonly #tests: readonly Test[];
  readonly #output: PairBatch;
  readonly #passed = new Scratch();
  readonly #context: TickContext;

  /** `from`: the columns that come; `to`: those that go on. */
  constructor(
    bound: BoundStep,
    given: readonly KeyedRows[],
    from: readonly number[],
    to: ReadonlySet<number>,
    tests: readonly DeltaCondition[],
    shape: DeltaShape,
  ) {
    const { step, rows, columns, keyOrder } = bound;
    const offset = must(shape.offsets[step.input]);
    this.#rows = rows;
    this.#given = given;
    this.#context = shape.context;
    this.#keys = new JoinKeys(
      keyOrder.map((k) => from.indexOf(must(step.from[k]))),
      keyOrder.map((k) => must(step.nullSafe[k])),
    );
    const kept = from.filter((c) => to.has(c));
    const found = [...columns.keys()].filter((c) => to.has(offset + c));
    this.#kept = kept.map((c) => from.indexOf(c));
    this.#slotColumns = found.map((c) => must(columns[c]));
    this.layout = [...kept, ...found.map((c) => offset + c)];
    this.#tests = tests.map((test) => compileTest(test, this.layout, shape));
    this.#output = new PairBatch(this.layout.map((c) => must(shape.schema[c]).type));
  }

  run(batch: Batch, next: (batch: Batch) => void): void {
    const rows = this.#rows;
    if (rows.rows() === 0) return;
    const n = batch.length;
    const keys = this.#keys;
    const vectors = keys.vectors(batch);
    const hashes = this.#handedOn(vectors) ?? keys.hash(vectors, n, rows);
    const skipped = keys.skipped(batch);
    const heads = keys.partners(vectors, hashes, n, rows);
    const sources: PairSources = {
      vectors: this.#kept.map((c) => must(batch.columns[c])),
      rowOffset: 0,
      store: rows.store,
      slotOffset: this.#kept.length,
      slotColumns: this.#slotColumns,
    };
    for (let i = 0; i < n; i++) {
      if (skipped !== null && skipped[i] === 1) continue;
      const weight = batch.weights[i] as number;
      for (let slot = heads[i] as number; slot >= 0; slot = rows.nextOf(slot)) {
        if (this.#output.add(i, slot, weight * rows.weightOf(slot))) this.#hand(sources, next);
      }
    }
    this.#hand(sources, next);
  }

  #handedOn(vectors: readonly Vector[]): Int32Array | null {
    for (const given of this.#given) {
      const hashes = given.hashesOf(vectors);
      if (hashes !== null) return hashes;
    }
    return null;
  }

  #hand(sources: PairSources, next: (batch: Batch) => void): void {
    const output = this.#output;
    if (output.length === 0) return;
    const found = output.gather(sources);
    output.reset();
    for (const { passes, columns } of this.#tests) {
      const passed = this.#passed.ints(found.length);
      const vectors = columns.map((c) => must(found.columns[c]));
      const count = passes(vectors, found.length, found.weights, this.#context, passed);
      if (count === 0) return;
      output.compact(passed, count);
    }
    next(found);
  }
}

export class DeltaPath {
  readonly #probes: readonly Probe[];
  readonly #output: readonly number[];

  /** `input`: whose changes take this way, from `given`. */
  constructor(input: number, given: readonly KeyedRows[], steps: readonly BoundStep[], shape: DeltaShape) {
    const { node, offsets, schema } = shape;
    const testsOf = (k: number): readonly DeltaCondition[] => {
      const own = must(steps[k]).step.tests.map((t) => must(node.tests[t]));
      return k === steps.length - 1 && node.residual !== null ? [...own, node.residual] : own;
    };
    const columnsOf = (k: number): readonly number[] => testsOf(k).flatMap((test) => [...test.columns]);
    // carried[k]: the columns that go on from step k.
    const carried: ReadonlySet<number>[] = [];
    let later: readonly number[] = node.output;
    for (let k = steps.length - 1; k >= 0; k--) {
      carried[k] = new Set([...later, ...columnsOf(k)]);
      later = [...later, ...columnsOf(k), ...must(steps[k]).step.from];
    }
    const first = must(offsets[input]);
    const end = offsets[input + 1] ?? schema.length;
    let layout: readonly number[] = Array.from({ length: end - first }, (_, c) => first + c);
    this.#probes = steps.map((bound, k) => {
      const probe = new Probe(bound, k === 0 ? given : [], layout, must(carried[k]), testsOf(k), shape);
      layout = probe.layout;
      return probe;
    });
    this.#output = node.output.map((c) => layout.indexOf(c));
  }

  run(batch: Batch, emit: Emit): void {
    this.#from(0, batch, emit);
  }

  #from(k: number, batch: Batch, emit: Emit): void {
    const probe = this.#probes[k];
    if (probe !== undefined) {
      probe.run(batch, (found) => this.#from(k + 1, found, emit));
      return;
    }
    const { length, weights } = batch;
    emit({ length, weights, columns: this.#output.map((c) => must(batch.columns[c])) });
  }
}
