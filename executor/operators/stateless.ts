/** What operators without state have in common: nothing to flush, nothing held. */
import type { Batch } from '../batch.ts';
import type { Emit, Operator } from './operator.ts';

export abstract class StatelessOperator implements Operator {
  readonly emitsInitially: boolean = false;

  abstract push(port: number, batch: Batch, emit: Emit): void;

  flush(_emit: Emit): void {}

  stateRows(): number {
    return 0;
  }

  stateBytes(): number {
    return 0;
  }
}
