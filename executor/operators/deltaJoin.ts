/**
 * Delta join: the inner join of two or more inputs over arrangements that others keep (arrange.ts); no state of its own.
 *
 * A batch of input i is joined along path i with the arrangements of all other inputs as they are at that moment. Let the
 * inputs' changes of a tick be the sequence of their batches. If every batch changes its input, in the eyes of this
 * join, in one step - it is applied to all arrangements of that input, and handed to this operator, before a batch of
 * another input is - then the outputs of the tick add up to the change of the product: each step adds the difference
 * that one factor makes with the others held still. This also holds for diamonds and for self joins, where one change
 * of a relation reaches several inputs: they are further steps.
 *
 * What makes it one step. An arrangement of one key, shared or not, applies a batch and at once gives it to its
 * consumers. Only what is downstream of it (or, with several arrangements of one input, downstream of what feeds them)
 * within the same synchronous emission could come in between. The builder (executor/buildJoins.ts) therefore gives an
 * input a node of its own, with this join for its only consumer and all keys in it, where another input is downstream of
 * it, or is fed by the same node; such a node is one step by construction. Nodes of operators that emit when they are
 * flushed end an emission, since flushes do not nest.
 */
import { must } from '../../common/assert.ts';
import type { Batch } from '../batch.ts';
import type { ArrangeOperator } from './arrange.ts';
import { type BoundStep, DeltaPath, type DeltaShape } from './deltaJoinPath.ts';
import type { Emit, Operator } from './operator.ts';

export interface DeltaInput {
  /** A node that holds all rows of the input, and the place in it of each of the input's columns. */
  readonly rows: ArrangeOperator;
  readonly columns: readonly number[];
  readonly steps: readonly BoundStep[];
}

export class DeltaJoinOperator implements Operator {
  readonly emitsInitially = false;
  readonly #inputs: readonly DeltaInput[];
  readonly #paths: readonly DeltaPath[];

  constructor(inputs: readonly DeltaInput[], shape: DeltaShape) {
    this.#inputs = inputs;
    this.#paths = inputs.map(({ rows, steps }, i) => new DeltaPath(i, rows.arrangements, steps, shape));
  }

  push(port: number, batch: Batch, emit: Emit): void {
    must(this.#paths[port]).run(batch, emit);
  }

  flush(): void {}

  /**
   * Emits the join of what the arrangements hold already; what they are given from then on comes by `push`. By the input
   * with the fewest rows: nothing, as long as one is empty.
   */
  start(emit: Emit): void {
    const sizes = this.#inputs.map(({ rows }) => rows.stateRows());
    const least = sizes.indexOf(Math.min(...sizes));
    if (sizes[least] === 0) return;
    const { rows, columns } = must(this.#inputs[least]);
    rows.scan((batch) =>
      this.push(least, { ...batch, columns: columns.map((c) => must(batch.columns[c])) }, emit),
    );
  }

  stateRows(): number {
    return 0;
  }

  stateBytes(): number {
    return 0;
  }
}
