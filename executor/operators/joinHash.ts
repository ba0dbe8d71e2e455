/**
 * Symmetric hash join: inner, left, right and full joins, and semi and anti joins with a residual condition.
 *
 * State: each side's rows, arranged by key. A delta of one side is joined with what the other side holds at that moment
 * and then added to its own side, so the sum over a tick is A_new x dB + dA x B_old in whatever order batches come.
 * Padding of a preserved side: a row is padded while it has no match. Its number of matches M is the weight of its key
 * on the other side, or, with a residual, its own degree (kept per row). Every step emits the exact change of
 * [M > 0 ? nothing : padded row]; the steps telescope, so negative counts within a tick do no harm. Semi and anti joins
 * are the same without pairs, and semi joins emit the row when M > 0 instead.
 * Kept less: rows with a NULL in a key that matches nothing are not stored; where the other side is append-only and its
 * key is unique, a row that has met its partner can never meet another and is not stored, or dropped. With bounds (see
 * joinBounds.ts) rows that have passed are dropped without output, and such rows that still come are joined only.
 */
import type { DataType } from '../../common/dataType.ts';
import type { PhysicalJoin, PhysicalPlan } from '../../planner/plan/physical.ts';
import { Arrangement } from '../../storage/state/arrangement.ts';
import { Scratch } from '../../storage/state/keyIndex.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch, Vector } from '../batch.ts';
import { compileSelection, type Selection } from '../codegen/predicate.ts';
import { cancelPairs } from './cancelPairs.ts';
import { dueOf, passedRows, SideCleaner, sideBound } from './joinBounds.ts';
import { JoinKeys } from './joinKeys.ts';
import { PairBatch, type PairSources } from './joinPairs.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';

interface Side {
  readonly rows: Arrangement;
  readonly keys: JoinKeys;
  /** Emits rows of its own depending on whether they have matches: padded, or (semi, anti) as they are. */
  readonly preserved: boolean;
  /** Column offset in left ++ right. */
  readonly offset: number;
  /** Its rows have a key that no other row will ever have, and rows of the other side need not wait for them. */
  readonly settles: boolean;
  readonly cleaner: SideCleaner | null;
}

/** One batch on its way through the join. */
interface Pass {
  readonly batch: Batch;
  readonly own: Side;
  readonly other: Side;
  readonly hashes: Int32Array;
  /** Chain of each row's key on the other side, or -1. */
  readonly heads: Int32Array;
  /** 1: the row has a NULL key and is not stored. */
  readonly skipped: Uint8Array | null;
  /** 1: the row is below its side's bound and is not stored. */
  readonly passed: Uint8Array | null;
  readonly sources: PairSources;
  readonly emit: Emit;
}

function newSide(
  node: PhysicalJoin,
  side: 'left' | 'right',
  flags: { readonly preserved: boolean; readonly otherPreserved: boolean; readonly offset: number },
  context: TickContext,
): Side {
  const { preserved, otherPreserved, offset } = flags;
  const plan: PhysicalPlan = node[side];
  const keys = side === 'left' ? node.leftKeys : node.rightKeys;
  const types = plan.schema.map((column) => column.type);
  const totals = otherPreserved && node.residual === null;
  const rows = new Arrangement(types, keys, {
    appendOnly: plan.appendOnly,
    totals,
    degrees: preserved && node.residual !== null,
  });
  const settles =
    !preserved && plan.appendOnly && plan.key?.every((column) => keys.includes(column)) === true;
  // Rows of the other side that a row of a settling side has met are gone: nobody will ask for the total again.
  const bound = sideBound(node, side, totals && !settles);
  const cleaner = bound === null ? null : new SideCleaner(bound, node, side, rows, bound.column, context);
  return { rows, keys: new JoinKeys(keys, node.nullSafe), preserved, offset, settles, cleaner };
}

export class HashJoin implements Operator {
  readonly emitsInitially = false;
  readonly isDue?: () => boolean;
  readonly #context: TickContext;
  readonly #sides: readonly [Side, Side];
  readonly #residual: Selection | null;
  /** What a preserved row contributes: itself with matches (semi) or without (all others). */
  readonly #onMatch: boolean;
  /** Semi and anti: only left columns are output, and no pairs. */
  readonly #leftOnly: boolean;
  /** Column types of the inputs of a join without keys, whose deltas are reduced first; else null. */
  readonly #keyless: readonly [readonly DataType[], readonly DataType[]] | null;
  readonly #output: PairBatch;
  readonly #candidates: PairBatch;
  readonly #passed = new Scratch();
  readonly #matches = new Scratch();
  readonly #below = new Scratch();

  readonly persistent: Persistent;

  constructor(node: PhysicalJoin, context: TickContext) {
    const { type } = node;
    this.#context = context;
    this.#leftOnly = type === 'semi' || type === 'anti';
    this.#onMatch = type === 'semi';
    const both = [...node.left.schema, ...node.right.schema];
    this.#residual = node.residual === null ? null : compileSelection(node.residual, both, node.kind);
    const keepLeft = type === 'left' || type === 'full' || this.#leftOnly;
    const keepRight = type === 'right' || type === 'full';
    const leftFlags = { preserved: keepLeft, otherPreserved: keepRight, offset: 0 };
    const rightFlags = { preserved: keepRight, otherPreserved: keepLeft, offset: node.left.schema.length };
    this.#sides = [newSide(node, 'left', leftFlags, context), newSide(node, 'right', rightFlags, context)];
    this.persistent = persistentParts(...this.#sides.map((side) => side.rows));
    const isDue = dueOf(this.#sides.map((side) => side.cleaner));
    if (isDue !== undefined) this.isDue = isDue;
    const types = both.map((column) => column.type);
    const width = node.left.schema.length;
    this.#keyless = node.leftKeys.length > 0 ? null : [types.slice(0, width), types.slice(width)];
    this.#output = new PairBatch(this.#leftOnly ? types.slice(0, rightFlags.offset) : types);
    this.#candidates = new PairBatch(types);
  }

  push(port: number, delta: Batch, emit: Emit): void {
    const batch = this.#keyless === null ? delta : cancelPairs(delta, this.#keyless[port === 0 ? 0 : 1]);
    if (batch.length === 0) return;
    const pass = this.#begin(port, batch, emit);
    const { own, other, hashes, heads } = pass;
    if (this.#residual === null) this.#joinAll(pass);
    else this.#joinPassing(pass, this.#residual);
    this.#store(pass);
    this.#flushOutput(pass);
    if (!own.settles) return;
    for (let i = 0; i < batch.length; i++) {
      const head = heads[i] as number;
      if (head >= 0) other.rows.removeChain(hashes[i] as number, head);
    }
  }

  /** Hashes the batch and finds its partners' chains. */
  #begin(port: number, batch: Batch, emit: Emit): Pass {
    const own = port === 0 ? this.#sides[0] : this.#sides[1];
    const other = port === 0 ? this.#sides[1] : this.#sides[0];
    const n = batch.length;
    const vectors = own.keys.vectors(batch);
    const hashes = own.keys.hash(vectors, n, own.rows);
    const skipped = own.keys.skipped(batch);
    const heads = own.keys.partners(vectors, hashes, n, other.rows);
    if (skipped !== null) for (let i = 0; i < n; i++) if (skipped[i] === 1) heads[i] = -1;
    const sources: PairSources = {
      vectors: batch.columns,
      rowOffset: this.#leftOnly && port === 1 ? null : this.#leftOnly ? 0 : own.offset,
      store: other.rows.store,
      slotOffset: this.#leftOnly && port === 0 ? null : other.offset,
    };
    const passed = passedRows(own.cleaner, batch, own.cleaner?.column ?? -1, this.#below);
    return { batch, own, other, hashes, heads, skipped, passed, sources, emit };
  }

  #flushOutput(pass: Pass): void {
    if (this.#output.length === 0) return;
    const batch = this.#output.gather(pass.sources);
    this.#output.reset();
    pass.emit(batch);
  }

  #emitPair(row: number, slot: number, weight: number, pass: Pass): void {
    if (this.#output.add(row, slot, weight)) this.#flushOutput(pass);
  }

  /** Without a residual every row of the key's chain is a match. */
  #joinAll(pass: Pass): void {
    const { batch, own, heads } = pass;
    const { rows } = pass.other;
    const { weights } = batch;
    for (let i = 0; i < batch.length; i++) {
      const head = heads[i] as number;
      const weight = weights[i] as number;
      for (let slot = head; slot >= 0; slot = rows.nextOf(slot)) {
        this.#emitPair(i, slot, weight * rows.weightOf(slot), pass);
      }
      if (own.preserved && rows.totalOf(head) <= 0) this.#emitPair(i, -1, weight, pass);
    }
  }

  #joinPassing(pass: Pass, residual: Selection): void {
    const { batch, own, heads } = pass;
    const { rows } = pass.other;
    const n = batch.length;
    const matches = this.#matches.ints(n);
    matches.fill(0, 0, n);
    for (let i = 0; i < n; i++) {
      const weight = batch.weights[i] as number;
      for (let slot = heads[i] as number; slot >= 0; slot = rows.nextOf(slot)) {
        if (this.#candidates.add(i, slot, weight * rows.weightOf(slot)))
          this.#evaluate(pass, residual, matches);
      }
    }
    if (this.#candidates.length > 0) this.#evaluate(pass, residual, matches);
    if (!own.preserved) return;
    for (let i = 0; i < n; i++) {
      const hasMatch = (matches[i] as number) > 0;
      if (hasMatch === this.#onMatch) this.#emitPair(i, -1, batch.weights[i] as number, pass);
    }
  }

  /** Tests the candidates; counts matches, emits the pairs that pass and what changes for the other side's rows. */
  #evaluate(pass: Pass, residual: Selection, matches: Int32Array): void {
    const { own, other, sources } = pass;
    const candidates = this.#candidates;
    const { rows, slots, length } = candidates;
    const batch = candidates.gather({ ...sources, rowOffset: own.offset, slotOffset: other.offset });
    const passed = this.#passed.ints(length);
    const count = residual(batch.columns as readonly Vector[], length, batch.weights, this.#context, passed);
    const { degrees } = other.rows;
    for (let p = 0; p < count; p++) {
      const at = passed[p] as number;
      const row = rows[at] as number;
      const slot = slots[at] as number;
      matches[row] = (matches[row] as number) + other.rows.weightOf(slot);
      if (degrees === null) continue;
      const before = degrees.get(slot);
      const after = before + (pass.batch.weights[row] as number);
      degrees.set(slot, after);
      this.#emitTransition(slot, before, after, pass);
    }
    candidates.reset();
    if (count > 0 && !this.#leftOnly) pass.emit(candidates.compact(passed, count));
  }

  /** The number of matches of a stored row of the (preserved) other side changed. */
  #emitTransition(slot: number, before: number, after: number, pass: Pass): void {
    const change = (after > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
    if (change === 0) return;
    const weight = pass.other.rows.weightOf(slot);
    this.#emitPair(-1, slot, this.#onMatch ? change * weight : -change * weight, pass);
  }

  /** Adds the batch to its own side; where that keeps totals, first and last matches change the other side's rows. */
  #store(pass: Pass): void {
    const { batch, own, other, hashes, heads, skipped, passed } = pass;
    const { rows } = own;
    const n = batch.length;
    const ownHeads = own.keys.ownHeads(own.keys.vectors(batch), hashes, n, rows);
    const matches = rows.degrees === null ? null : this.#matches.int32;
    rows.begin(batch.columns, n);
    for (let i = 0; i < n; i++) {
      if (skipped !== null && skipped[i] === 1) continue;
      const partner = heads[i] as number;
      if (other.settles && partner >= 0) continue;
      const weight = batch.weights[i] as number;
      const hash = hashes[i] as number;
      const isPassed = passed !== null && passed[i] === 1;
      if (isPassed) {
        // It is needed for nothing more.
      } else if (matches === null) rows.apply(i, hash, ownHeads[i] as number, weight);
      else this.#applyWithDegree(pass, i, ownHeads[i] as number, matches[i] as number);
      if (rows.totals === null || partner < 0) continue;
      // No other row of a key that has passed is there.
      const after = isPassed ? weight : rows.totalOf(rows.head);
      if (after > 0 === after - weight > 0) continue;
      for (let slot = partner; slot >= 0; slot = other.rows.nextOf(slot)) {
        this.#emitTransition(slot, after - weight, after, pass);
      }
    }
    rows.finish();
  }

  /** A row of weight w may take several slots (append-only input); each has the degree. */
  #applyWithDegree(pass: Pass, i: number, head: number, degree: number): void {
    const { rows } = pass.own;
    const weight = pass.batch.weights[i] as number;
    const hash = pass.hashes[i] as number;
    const times = rows.weights === null ? weight : 1;
    for (let k = 0; k < times; k++) {
      const slot = rows.apply(i, hash, k === 0 ? head : rows.head, rows.weights === null ? 1 : weight);
      if (slot >= 0) rows.degrees?.set(slot, degree);
    }
  }

  flush(): void {
    for (const { cleaner } of this.#sides) cleaner?.clean();
  }

  stateRows(): number {
    return this.#sides[0].rows.rows() + this.#sides[1].rows.rows();
  }

  stateBytes(): number {
    return this.#sides[0].rows.bytes() + this.#sides[1].rows.bytes();
  }
}
