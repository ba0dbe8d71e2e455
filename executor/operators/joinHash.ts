/**
 * Symmetric hash join: inner, left, right and full, and semi and anti joins with a residual condition.
 *
 * State: each side's rows, arranged by key. A delta of one side is joined with what the other side holds at that moment
 * and then added to its own side, so the sum over a tick is A_new x dB + dA x B_old in whatever order batches come.
 * Padding of a preserved side: a row is padded while it has no match. Its number of matches M is the weight of its key
 * on the other side, or, with a residual, its own degree (kept per row). Every step emits the exact change of
 * [M > 0 ? nothing : padded row]; the steps telescope, so negative counts within a tick do no harm. Semi and anti joins
 * are the same with "row" and "nothing" in other places.
 * Kept less: rows with a NULL in a key that matches nothing are not stored; where the other side is append-only and its
 * key is unique, a row that has met its partner can never meet another and is not stored or dropped.
 */
import type { DataType } from '../../common/dataType.ts';
import type { PhysicalJoin, PhysicalPlan } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Batch, Vector } from '../batch.ts';
import { compileSelection, type Selection } from '../codegen/predicate.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import type { Emit, Operator, TickContext } from './operator.ts';

interface Side {
  readonly rows: Arrangement;
  readonly keys: JoinKeys;
  /** Emits rows of its own depending on whether they have matches: padded, or (semi, anti) as they are. */
  readonly preserved: boolean;
  /** Column offset in left ++ right. */
  readonly offset: number;
  /** Each key comes at most once and stays. */
  readonly once: boolean;
}

/** True when deltas of `plan` bring each join key at most once, for good. */
export function bringsKeysOnce(plan: PhysicalPlan, keys: readonly number[]): boolean {
  return plan.appendOnly && plan.key?.every((column) => keys.includes(column)) === true;
}

export class HashJoin implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #sides: readonly [Side, Side];
  readonly #residual: Selection | null;
  /** Pairs are output (not for semi and anti). */
  readonly #emitsPairs: boolean;
  /** What a preserved row contributes: with matches (semi) or without (all others). */
  readonly #onMatch: boolean;
  /** Only left columns are output. */
  readonly #leftOnly: boolean;
  readonly #output: PairBatch;
  readonly #candidates: PairBatch;
  readonly #passed = new Scratch();
  readonly #matches = new Scratch();

  constructor(node: PhysicalJoin, context: TickContext) {
    const { type } = node;
    this.#context = context;
    this.#leftOnly = type === 'semi' || type === 'anti';
    this.#emitsPairs = !this.#leftOnly;
    this.#onMatch = type === 'semi';
    const both = [...node.left.schema, ...node.right.schema];
    this.#residual = node.residual === null ? null : compileSelection(node.residual, both, node.kind);
    const keepLeft = type === 'left' || type === 'full' || this.#leftOnly;
    const keepRight = type === 'right' || type === 'full';
    this.#sides = [
      this.#side(node, node.left, node.leftKeys, keepLeft, keepRight, 0),
      this.#side(node, node.right, node.rightKeys, keepRight, keepLeft, node.left.schema.length),
    ];
    const types = both.map((column) => column.type);
    const leftTypes = node.left.schema.map((column) => column.type);
    this.#output = new PairBatch(this.#leftOnly ? leftTypes : types);
    this.#candidates = new PairBatch(types);
  }

  #side(
    node: PhysicalJoin,
    plan: PhysicalPlan,
    keys: readonly number[],
    preserved: boolean,
    otherPreserved: boolean,
    offset: number,
  ): Side {
    const types: readonly DataType[] = plan.schema.map((column) => column.type);
    return {
      rows: new Arrangement(types, keys, {
        appendOnly: plan.appendOnly,
        totals: otherPreserved && node.residual === null,
        degrees: preserved && node.residual !== null,
      }),
      keys: new JoinKeys(keys, node.nullSafe),
      preserved,
      offset,
      once: bringsKeysOnce(plan, keys),
    };
  }

  push(port: number, batch: Batch, emit: Emit): void {
    const own = port === 0 ? this.#sides[0] : this.#sides[1];
    const other = port === 0 ? this.#sides[1] : this.#sides[0];
    const n = batch.length;
    const vectors = own.keys.vectors(batch);
    const hashes = own.keys.hash(vectors, n, own.rows);
    const skipped = own.keys.skipped(batch);
    const heads = own.keys.heads(vectors, hashes, n, other.rows);
    if (skipped !== null) for (let i = 0; i < n; i++) if (skipped[i] === 1) heads[i] = -1;
    const sources: PairSources = {
      vectors: batch.columns,
      rowOffset: this.#leftOnly ? (port === 0 ? 0 : null) : own.offset,
      store: other.rows.store,
      slotOffset: this.#leftOnly ? (port === 0 ? null : 0) : other.offset,
    };
    if (this.#residual === null) this.#joinAll(batch, own, other, heads, sources, emit);
    else this.#joinPassing(this.#residual, batch, own, other, heads, sources, emit);
    this.#store(batch, own, other, hashes, heads, skipped, sources, emit);
    this.#flushOutput(sources, emit);
    if (own.once && !other.preserved) this.#dropPartners(n, hashes, heads, other);
  }

  #flushOutput(sources: PairSources, emit: Emit): void {
    if (this.#output.length === 0) return;
    const batch = this.#output.gather(sources);
    this.#output.reset();
    emit(batch);
  }

  #emitPair(row: number, slot: number, weight: number, sources: PairSources, emit: Emit): void {
    if (this.#output.add(row, slot, weight)) this.#flushOutput(sources, emit);
  }

  /** Without a residual every row of the key's chain is a match. Only for joins that output pairs. */
  #joinAll(batch: Batch, own: Side, other: Side, heads: Int32Array, sources: PairSources, emit: Emit): void {
    const { rows } = other;
    for (let i = 0; i < batch.length; i++) {
      const head = heads[i] as number;
      const weight = batch.weights[i] as number;
      for (let slot = head; slot >= 0; slot = rows.nextOf(slot)) {
        this.#emitPair(i, slot, weight * rows.weightOf(slot), sources, emit);
      }
      if (own.preserved && rows.totalOf(head) <= 0) this.#emitPair(i, -1, weight, sources, emit);
    }
  }

  #joinPassing(
    residual: Selection,
    batch: Batch,
    own: Side,
    other: Side,
    heads: Int32Array,
    sources: PairSources,
    emit: Emit,
  ): void {
    const n = batch.length;
    const matches = this.#matches.ints(n);
    matches.fill(0, 0, n);
    const candidates = this.#candidates;
    const evaluate = (): void => this.#evaluate(residual, batch.weights, own, other, matches, sources, emit);
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      for (let slot = heads[i] as number; slot >= 0; slot = other.rows.nextOf(slot)) {
        if (candidates.add(i, slot, weight * other.rows.weightOf(slot))) evaluate();
      }
    }
    evaluate();
    if (!own.preserved) return;
    for (let i = 0; i < n; i++) {
      if ((matches[i] as number) > 0 === this.#onMatch) {
        this.#emitPair(i, -1, batch.weights[i] as number, sources, emit);
      }
    }
  }

  /** Tests the candidates; counts matches, emits the pairs that pass and what changes for the other side's rows. */
  #evaluate(
    residual: Selection,
    weights: Int32Array,
    own: Side,
    other: Side,
    matches: Int32Array,
    sources: PairSources,
    emit: Emit,
  ): void {
    const candidates = this.#candidates;
    if (candidates.length === 0) return;
    const { rows, slots, length } = candidates;
    const batch = candidates.gather({ ...sources, rowOffset: own.offset, slotOffset: other.offset });
    const passed = this.#passed.ints(length);
    const count = residual(batch.columns as readonly Vector[], length, batch.weights, this.#context, passed);
    const { degrees } = other.rows;
    for (let p = 0; p < count; p++) {
      const at = passed[p] as number;
      const row = rows[at] as number;
      const slot = slots[at] as number;
      const stored = other.rows.weightOf(slot);
      matches[row] = (matches[row] as number) + stored;
      if (degrees === null) continue;
      const before = degrees.get(slot);
      const after = before + (weights[row] as number);
      degrees.set(slot, after);
      this.#emitTransition(slot, stored, before, after, sources, emit);
    }
    if (this.#emitsPairs && count > 0) {
      candidates.compact(passed, count);
      candidates.reset();
      emit(batch);
    }
    candidates.reset();
  }

  /** The number of matches of a stored preserved row changed. */
  #emitTransition(
    slot: number,
    stored: number,
    before: number,
    after: number,
    sources: PairSources,
    emit: Emit,
  ): void {
    const change = (after > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
    if (change !== 0)
      this.#emitPair(-1, slot, this.#onMatch ? change * stored : -change * stored, sources, emit);
  }

  /** Adds the batch to its own side; where totals are kept, its keys' first and last matches change the other side. */
  #store(
    batch: Batch,
    own: Side,
    other: Side,
    hashes: Int32Array,
    heads: Int32Array,
    skipped: Uint8Array | null,
    sources: PairSources,
    emit: Emit,
  ): void {
    const { rows } = own;
    const n = batch.length;
    const ownHeads = own.keys.heads(
      own.keys.vectors(batch),
      hashes,
      n,
      rows === other.rows ? other.rows : rows,
    );
    void ownHeads;
    void heads;
    void skipped;
    void emit;
    void sources;
  }

  #dropPartners(n: number, hashes: Int32Array, heads: Int32Array, other: Side): void {
    for (let i = 0; i < n; i++) {
      const head = heads[i] as number;
      if (head >= 0) other.rows.removeChain(hashes[i] as number, head);
    }
  }

  flush(): void {}

  stateRows(): number {
    return this.#sides[0].rows.rows() + this.#sides[1].rows.rows();
  }

  stateBytes(): number {
    return this.#sides[0].rows.bytes() + this.#sides[1].rows.bytes();
  }
}
