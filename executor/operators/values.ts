/** Constant rows, emitted once on the first tick. */
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { PhysicalValues } from '../../planner/plan/physical.ts';
import { emitRows } from '../batchBuilder.ts';
import { evaluateScalar } from '../codegen/evaluate.ts';
import type { Emit, TickContext } from './operator.ts';
import { StatelessOperator } from './stateless.ts';

export class ValuesOperator extends StatelessOperator {
  override readonly emitsInitially = true;
  readonly #node: PhysicalValues;
  readonly #context: TickContext;
  #done = false;

  constructor(node: PhysicalValues, context: TickContext) {
    super();
    this.#node = node;
    this.#context = context;
  }

  push(): void {}

  override flush(emit: Emit): void {
    if (this.#done) return;
    this.#done = true;
    const rows: (readonly [Row, number])[] = [];
    for (const exprs of this.#node.rows) {
      try {
        rows.push([exprs.map((expr) => evaluateScalar(expr, this.#context.eval)), 1]);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        this.#context.rowError(error, 1, this.#node.kind, [], []);
      }
    }
    emitRows(
      this.#node.schema.map((column) => column.type),
      rows,
      emit,
    );
  }
}
