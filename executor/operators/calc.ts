/** Filter and projection: a linear operator, so each batch goes straight through its generated loop. */
import type { PhysicalCalc } from '../../planner/plan/physical.ts';
import type { Batch } from '../batch.ts';
import { type CalcLoop, compileCalc } from '../codegen/calc.ts';
import type { Emit, TickContext } from './operator.ts';
import { StatelessOperator } from './stateless.ts';

export class CalcOperator extends StatelessOperator {
  readonly #loop: CalcLoop;
  readonly #context: TickContext;

  constructor(node: PhysicalCalc, context: TickContext) {
    super();
    this.#loop = compileCalc(node.condition, node.exprs, node.input.schema, node.kind);
    this.#context = context;
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    this.#loop(batch, this.#context, emit);
  }
}
