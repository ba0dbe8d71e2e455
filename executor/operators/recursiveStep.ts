/**
 * The recursive term of WITH RECURSIVE as a dataflow of its own, inside the operator: its scans are the working table and
 * the recursion's sources; its rows go to a sink.
 */

import type { PhysicalRecursive } from '../../planner/plan/physical.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Batch } from '../batch.ts';
import type { ScanInput } from '../build.ts';
import { type Dataflow, isIdentity, pickColumns } from '../dataflow.ts';
import type { Operator, TickContext } from './operator.ts';
import { persistentParts } from './persistent.ts';

/** Makes the step's dataflow; its operators see `context`, its rows go to `sink`. */
export type StepBuilder = (context: TickContext, sink: Operator) => StepDataflow;

export class StepDataflow {
  readonly #dataflow: Dataflow;
  readonly #self: readonly ScanInput[];
  readonly #sources: readonly (readonly ScanInput[])[];

  constructor(node: PhysicalRecursive, dataflow: Dataflow, inputs: readonly ScanInput[]) {
    this.#dataflow = dataflow;
    const of = (id: number): readonly ScanInput[] => inputs.filter((input) => input.scan.relation.id === id);
    this.#self = of(node.self.id);
    this.#sources = node.sources.map((source) => of(source.relation.id));
  }

  /** Changes of the working table. */
  feedSelf(batch: Batch): void {
    this.#feed(this.#self, batch);
  }

  /** Changes of a source. */
  feedSource(index: number, batch: Batch): void {
    this.#feed(this.#sources[index] ?? [], batch);
  }

  #feed(inputs: readonly ScanInput[], batch: Batch): void {
    for (const { scan, target, port } of inputs) {
      const whole = isIdentity(scan.columns, scan.relation.columns.length);
      this.#dataflow.push(target, port, whole ? batch : pickColumns(batch, scan.columns));
    }
  }

  /** All that was fed reaches the sink. */
  run(): void {
    this.#dataflow.finishTick();
  }

  get persistent(): Persistent {
    const { nodes } = this.#dataflow;
    const operators = persistentParts(...nodes.map(({ operator }) => operator?.persistent ?? null));
    return {
      save: (out) => operators.save(out),
      restore(from) {
        operators.restore(from);
        // What they give at first they have given.
        for (const node of nodes) node.dirty = false;
      },
    };
  }

  stateRows(): number {
    return this.#dataflow.nodes.reduce((sum, node) => sum + (node.operator?.stateRows() ?? 0), 0);
  }

  stateBytes(): number {
    return this.#dataflow.nodes.reduce((sum, node) => sum + (node.operator?.stateBytes() ?? 0), 0);
  }
}

/** Hands the step's rows on. */
export class StepSink implements Operator {
  readonly emitsInitially = false;
  readonly #take: (batch: Batch) => void;

  constructor(take: (batch: Batch) => void) {
    this.#take = take;
  }

  push(_port: number, batch: Batch): void {
    this.#take(batch);
  }

  flush(): void {}

  stateRows(): number {
    return 0;
  }

  stateBytes(): number {
    return 0;
  }
}
