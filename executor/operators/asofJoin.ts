/**
 * As-of join: each left row with the one right row of its key whose time is nearest on the wanted side.
 *
 * Both inputs are ordered by (key, time); for `<` and `<=` by descending time, so that the wanted right row is always the
 * last one up to the left row. Every left row knows its match. In `flush`, once both trees are up to date, the tick's
 * left rows look theirs up; a right row that came or went concerns only the left rows from its time to that of the next
 * right row, which all have the same match now. O(log n + rows whose match changed) a change.
 * A NULL in a key or time matches nothing: such right rows are left out, such left rows pass through padded.
 *
 * Cleaning. `>=`, `>`: left rows below their bound go; of the right rows below theirs the nearest of each key stays, for
 * left rows yet to come. `<=`, `<`: a right row below both bounds is wanted by no later left row, and the left rows it is
 * the match of are settled: they go together. A bound on a key column takes whole keys.
 */
import { must } from '../../common/assert.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { PhysicalAsofJoin, PhysicalPlan } from '../../planner/plan/physical.ts';
import type { StateBound } from '../../planner/plan/watermark.ts';
import type { Int32Blocks } from '../../storage/state/blocks.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { TimeValue } from '../../storage/state/timeBuckets.ts';
import type { Batch, Vector } from '../batch.ts';
import { compileTerm, type TermReader } from '../time.ts';
import { AsofKeys, AsofSide } from './asofSide.ts';
import { JoinKeys } from './joinKeys.ts';
import { withoutSkipped } from './joinSkipped.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';
import { paddedRows, SlotPairs } from './slotPairs.ts';

/** A bound whose column can be kept in buckets. */
interface Bound {
  readonly column: number;
  readonly term: TermReader;
  /** On a key: its rows go with nothing kept. */
  readonly onKey: boolean;
}

function boundOf(
  bound: StateBound | null | undefined,
  plan: PhysicalPlan,
  side: { readonly keys: readonly number[]; readonly time: number },
  context: TickContext,
): Bound | null {
  if (bound === null || bound === undefined) return null;
  const { column } = bound;
  const onKey = side.keys.includes(column);
  const kind = physicalKind(must(plan.schema[column]).type);
  if ((!onKey && column !== side.time) || (kind !== 'i64' && kind !== 'i32')) return null;
  return { column, term: compileTerm(bound.term, context.time, context.eval), onKey };
}

/** Order of right rows of one time: by their key, then by the remaining columns. */
function tiesOf(node: PhysicalAsofJoin): readonly number[] {
  const key = [...(node.right.key ?? [])].sort((a, b) => a - b);
  const all = new Set([...key, ...node.right.schema.keys()]);
  return [...all].filter((c) => c !== node.rightTime && !node.rightKeys.includes(c));
}

export class AsofJoinOperator implements Operator {
  readonly emitsInitially = false;
  readonly #left: AsofSide;
  readonly #right: AsofSide;
  readonly #keys: AsofKeys;
  /** Key columns, and with the time: rows with a NULL there match nothing. */
  readonly #keyColumns: readonly [readonly number[], readonly number[]];
  readonly #matching: readonly [JoinKeys, JoinKeys];
  readonly #padded: boolean;
  readonly #types: readonly DataType[];
  /** A left row matches right rows of its own time. */
  readonly #inclusive: boolean;
  readonly #descending: boolean;
  readonly #leftBound: Bound | null;
  readonly #rightBound: Bound | null;
  /** Per left row: the slot of its match + 1. */
  readonly #match: Int32Blocks;
  readonly #pairs: SlotPairs;
  readonly persistent: Persistent;

  constructor(node: PhysicalAsofJoin, context: TickContext) {
    const { left, right, leftKeys, rightKeys, leftTime, rightTime, nullSafe, operator } = node;
    const withTime = (keys: readonly number[], time: number): JoinKeys =>
      new JoinKeys([...keys, time], [...nullSafe, false]);
    this.#padded = node.type === 'left';
    this.#types = [...left.schema, ...right.schema].map((c) => c.type);
    this.#inclusive = operator === '>=' || operator === '<=';
    this.#descending = operator === '<' || operator === '<=';
    this.#leftBound = boundOf(node.clean?.left, left, { keys: leftKeys, time: leftTime }, context);
    this.#rightBound = boundOf(node.clean?.right, right, { keys: rightKeys, time: rightTime }, context);
    const descending = this.#descending;
    this.#left = new AsofSide({
      plan: left,
      time: leftTime,
      descending,
      ties: [],
      bounded: this.#leftBucketed() ? must(this.#leftBound).column : null,
    });
    this.#right = new AsofSide({
      plan: right,
      time: rightTime,
      descending,
      ties: tiesOf(node),
      bounded: this.#rightBound?.column ?? null,
    });
    this.#keys = new AsofKeys(left, leftKeys);
    this.#keyColumns = [leftKeys, rightKeys];
    this.#matching = [withTime(leftKeys, leftTime), withTime(rightKeys, rightTime)];
    this.#match = this.#left.store.addInt32();
    this.persistent = persistentParts(this.#keys.table, this.#left.persistent, this.#right.persistent);
    this.#pairs = new SlotPairs(
      { store: this.#left.store, hidden: 1 },
      { store: this.#right.store, hidden: 1 },
    );
  }

  /** With `<` and `<=` a bound on the time alone does not settle left rows: their match does. */
  #leftBucketed(): boolean {
    return this.#leftBound !== null && (!this.#descending || this.#leftBound.onKey);
  }

  push(port: number, batch: Batch, emit: Emit): void {
    const matching = this.#matching[port === 0 ? 0 : 1];
    const skipped = matching.skipped(batch);
    if (skipped !== null && port === 0 && this.#padded) {
      const rows = paddedRows(batch, skipped, this.#types);
      if (rows.length > 0) emit(rows);
    }
    const kept = withoutSkipped(batch.columns, batch, skipped);
    if (kept.length === 0) return;
    const columns = this.#keyColumns[port === 0 ? 0 : 1];
    const vectors = columns.map((c): Vector => must(kept.columns[c]));
    const keys = this.#keys.upsert(vectors, kept.length);
    const side = port === 0 ? this.#left : this.#right;
    side.push(keys, kept, this.#keys.added);
  }

  flush(emit: Emit): void {
    this.#left.apply();
    this.#right.apply();
    for (const slot of this.#right.changed) {
      this.#keys.addRights(this.#right.keyOf(slot), this.#right.weights.get(slot) > 0 ? 1 : -1);
    }
    this.#matchOwn(emit);
    for (const slot of this.#right.changed) this.#rematchAround(slot, emit);
    this.#pairs.finish(emit);
    const late = this.#lateRows();
    this.#left.settle((slot) => this.#keys.removed(this.#left.keyOf(slot)));
    this.#right.settle((slot) => this.#keys.removed(this.#right.keyOf(slot)));
    this.#clean(late);
  }

  #emitPair(left: number, match: number, weight: number, emit: Emit): void {
    if (weight !== 0 && (match >= 0 || this.#padded)) this.#pairs.add(left, match, weight, emit);
  }

  /** The left rows that changed in this tick: their new match, and the difference to what was emitted. */
  #matchOwn(emit: Emit): void {
    const { weights } = this.#left;
    for (let t = 0; t < weights.length; t++) {
      const slot = weights.slots[t] as number;
      const before = weights.before[t] as number;
      const now = Math.max(0, weights.now[t] as number);
      const old = before > 0 ? this.#match.get(slot) - 1 : -1;
      const match = now > 0 ? this.#lookUp(slot) : old;
      this.#match.set(slot, match + 1);
      if (old === match) this.#emitPair(slot, match, now - before, emit);
      else {
        this.#emitPair(slot, old, -before, emit);
        this.#emitPair(slot, match, now, emit);
      }
    }
  }

  #lookUp(left: number): number {
    const key = this.#left.keyOf(left);
    if (!this.#keys.hasRights(key)) return -1;
    return this.#right.lastUpTo(key, this.#left.timeOf(left), this.#inclusive);
  }

  /** A right row came or went: the left rows from its time up to the next right row's have another match now. */
  #rematchAround(slot: number, emit: Emit): void {
    const right = this.#right;
    const left = this.#left;
    const key = right.keyOf(slot);
    const time = right.timeOf(slot);
    const match = right.lastUpTo(key, time, true);
    // A later one of the same time takes all.
    if (match >= 0 && match !== slot && right.tree.order.compare(match, slot) > 0) return;
    const after = right.tree.seekUpper(right.cursor, [key, time]).slot;
    const bound = after >= 0 && right.keyOf(after) === key ? [key, right.timeOf(after)] : [key];
    // Left rows of the next right row's own time match that, or (exclusive) this one.
    const withLast = bound.length === 1 || !this.#inclusive;
    const { cursor, tree, weights } = left;
    if (this.#inclusive) tree.seekLower(cursor, [key, time]);
    else tree.seekUpper(cursor, [key, time]);
    for (; cursor.slot >= 0; cursor.next()) {
      const row = cursor.slot;
      const order = tree.order.comparePrefix(row, bound);
      if (withLast ? order > 0 : order >= 0) return;
      const old = this.#match.get(row) - 1;
      if (old === match) continue;
      const weight = weights.get(row);
      this.#match.set(row, match + 1);
      this.#emitPair(row, old, -weight, emit);
      this.#emitPair(row, match, weight, emit);
    }
  }

  // Cleaning

  /** Rows of this tick that are below what has been cleaned already: they are not to stay. */
  #lateRows(): { readonly left: readonly number[]; readonly right: readonly number[] } {
    const late = (side: AsofSide): readonly number[] =>
      side.buckets === null ? [] : side.changed.filter((s) => side.weights.get(s) > 0 && side.isPassed(s));
    return { left: late(this.#left), right: late(this.#right) };
  }

  #valueOf(bound: Bound | null): TimeValue | null {
    return bound === null ? null : (bound.term.strict() as TimeValue | null);
  }

  /** What right rows may be cleaned to: no further than the left rows that may have them as a match. */
  #rightLimit(): TimeValue | null {
    const right = this.#valueOf(this.#rightBound);
    if (right === null || this.#rightBound?.onKey === true) return right;
    if (this.#leftBound === null || this.#leftBound.onKey) return this.#descending ? null : right;
    const left = this.#valueOf(this.#leftBound);
    return left === null || left < right ? left : right;
  }

  isDue(): boolean {
    const due = (side: AsofSide, value: TimeValue | null): boolean =>
      value !== null && side.buckets?.isDue(value) === true;
    return (
      due(this.#right, this.#rightBound === null ? null : this.#rightLimit()) ||
      due(this.#left, this.#leftBucketed() ? this.#valueOf(this.#leftBound) : null)
    );
  }

  #clean(late: { readonly left: readonly number[]; readonly right: readonly number[] }): void {
    const leftValue = this.#leftBucketed() ? this.#valueOf(this.#leftBound) : null;
    const gone = leftValue === null ? late.left : [...late.left, ...this.#left.expire(leftValue)];
    for (const slot of gone) this.#dropLeft(slot);
    const rightValue = this.#rightBound === null ? null : this.#rightLimit();
    const aged = rightValue === null ? late.right : [...late.right, ...this.#right.expire(rightValue)];
    if (aged.length > 0) this.#cleanRight(aged);
  }

  #cleanRight(slots: readonly number[]): void {
    if (this.#rightBound?.onKey === true) {
      for (const slot of slots) this.#dropRight(slot);
      return;
    }
    const rest = new Set(slots);
    for (const slot of slots) {
      // It may have gone as the row before another one.
      if (!rest.has(slot)) continue;
      if (this.#descending) this.#dropSettled(slot);
      else this.#keepNearest(slot, rest);
    }
  }

  /** The rows before a row below the bound are not wanted any more. */
  #keepNearest(slot: number, rest: Set<number>): void {
    for (;;) {
      const before = this.#right.previousOf(slot);
      if (before < 0) return;
      rest.delete(before);
      this.#dropRight(before);
    }
  }

  /** A right row below the bound, with the left rows of its key before it (in time), which are settled. */
  #dropSettled(slot: number): void {
    const { cursor, tree } = this.#left;
    const key = this.#right.keyOf(slot);
    const from = [key, this.#right.timeOf(slot)];
    const settled: number[] = [];
    if (this.#inclusive) tree.seekLower(cursor, from);
    else tree.seekUpper(cursor, from);
    for (; cursor.slot >= 0 && this.#left.keyOf(cursor.slot) === key; cursor.next())
      settled.push(cursor.slot);
    for (const left of settled) this.#dropLeft(left);
    this.#dropRight(slot);
  }

  #dropLeft(slot: number): void {
    const key = this.#left.keyOf(slot);
    this.#left.drop(slot);
    this.#keys.removed(key);
  }

  #dropRight(slot: number): void {
    const key = this.#right.keyOf(slot);
    this.#keys.addRights(key, -1);
    this.#right.drop(slot);
    this.#keys.removed(key);
  }

  stateRows(): number {
    return this.#left.rows() + this.#right.rows() + this.#keys.table.rows();
  }

  stateBytes(): number {
    return this.#left.bytes() + this.#right.bytes() + this.#keys.table.bytes() + this.#pairs.bytes();
  }
}
