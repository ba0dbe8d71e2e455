/**
 * A limit without an order in an ad-hoc read that tells what is below it when it has its rows (see
 * planner/physical/stopping.ts). The limit itself is another operator's; here is only the number of rows that have come.
 */
import type { PhysicalTopN } from '../../planner/plan/physical.ts';
import type { Batch } from '../batch.ts';
import type { Emit, Operator } from './operator.ts';

export class StoppingTopN implements Operator {
  readonly emitsInitially = false;
  readonly #limit: Operator;
  #missing: number;

  constructor(node: PhysicalTopN, limit: Operator) {
    this.#limit = limit;
    this.#missing = node.limit === 0 ? 0 : (node.limit ?? Number.POSITIVE_INFINITY) + node.offset;
  }

  push(port: number, batch: Batch, emit: Emit): void {
    for (let i = 0; i < batch.length; i++) this.#missing -= batch.weights[i] ?? 0;
    this.#limit.push(port, batch, emit);
  }

  flush(emit: Emit): void {
    this.#limit.flush(emit);
  }

  isSatisfied(): boolean {
    return this.#missing <= 0;
  }

  stateRows(): number {
    return this.#limit.stateRows();
  }

  stateBytes(): number {
    return this.#limit.stateBytes();
  }
}
