/**
 * GROUP BY on window close: what a Close on a key column gives above an aggregation, in one operator.
 *
 * Groups collect rows and give nothing until the watermark closes them (see closeGate.ts); then each gives its one
 * result and is forgotten. So nothing is taken back and given again on the way, and results are computed once.
 * For append-only inputs: there a group that was made has rows until it closes. Rows that come too late for their group
 * are reported; rows with a NULL in the column are in no group that closes.
 */
import { must } from '../../common/assert.ts';
import type { PhysicalAggregate, PhysicalClose } from '../../planner/plan/physical.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import { AggregateGroups } from './aggregateGroups.ts';
import { CloseGate } from './closeGate.ts';
import type { Emit, Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';

/** Groups are touched once, when they are made: they have no result that anyone knows. */
const STAMP = 1;

/** The aggregation below a Close that one operator can compute with it, or null. */
export function closedAggregate(node: PhysicalClose): PhysicalAggregate | null {
  const { input, column, corrections } = node;
  if (input.kind !== 'Aggregate' || corrections || !input.input.appendOnly) return null;
  return column < input.keys.length ? input : null;
}

export class ClosingAggregateOperator implements Operator {
  readonly emitsInitially = false;
  readonly #context: TickContext;
  readonly #groups: AggregateGroups;
  readonly #gate: CloseGate;

  constructor(close: PhysicalClose, aggregate: PhysicalAggregate, context: TickContext) {
    this.#context = context;
    this.#groups = new AggregateGroups(aggregate, context, true, false);
    const time = this.#groups.table.keepTime(close.column, true);
    const column = must(aggregate.keys[close.column]);
    this.#gate = new CloseGate(close.term, context, aggregate.input.schema, column, time);
  }

  push(_port: number, batch: Batch): void {
    const { late, waiting } = this.#gate.split(batch);
    if (late.length > 0) this.#gate.report(late);
    if (waiting.length === 0) return;
    this.#groups.find(waiting);
    this.#groups.update(waiting, STAMP);
  }

  flush(emit: Emit): void {
    const groups = this.#groups;
    groups.loop.forget();
    const closing = this.#gate.release();
    const n = closing.length;
    if (n === 0) return;
    const slots = Int32Array.from(closing);
    groups.settle(slots, n, true);
    groups.loop.announce(slots, n);
    groups.loop.flush(this.#context, groups.sink(emit));
    groups.drop(slots, n);
    groups.table.removeExpired(slots, n);
  }

  isDue(): boolean {
    return this.#gate.isDue();
  }

  nextWake(): bigint | null {
    return this.#gate.nextWake();
  }

  get persistent(): Persistent {
    return persistentParts(this.#groups.persistent, this.#gate.persistent);
  }

  stateRows(): number {
    return this.#groups.stateRows();
  }

  stateBytes(): number {
    return this.#groups.stateBytes();
  }
}
