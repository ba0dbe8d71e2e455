/**
 * Set-returning functions over each input row, side by side and padded with NULLs to the longest. Linear: the results
 * of a row carry its weight. The functions yield JavaScript values, so rows are boxed here.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { PhysicalTableFunction } from '../../planner/plan/physical.ts';
import { BATCH_ROWS, type Batch } from '../batch.ts';
import { BatchBuilder, batchRow } from '../batchBuilder.ts';
import { compileScalar, type RowFunction } from '../codegen/evaluate.ts';
import type { Emit, TickContext } from './operator.ts';
import { StatelessOperator } from './stateless.ts';

interface Call {
  readonly strict: boolean;
  readonly args: readonly RowFunction[];
  readonly width: number;
  readonly run: ReturnType<PhysicalTableFunction['calls'][number]['fn']['implement']>;
}

export class TableFunctionOperator extends StatelessOperator {
  readonly #node: PhysicalTableFunction;
  readonly #context: TickContext;
  readonly #calls: readonly Call[];
  readonly #builder: BatchBuilder;

  constructor(node: PhysicalTableFunction, context: TickContext) {
    super();
    this.#node = node;
    this.#context = context;
    this.#calls = node.calls.map(({ fn, args }) => {
      const types = args.map((arg) => arg.type);
      return {
        strict: fn.nulls === 'strict',
        args: args.map(compileScalar),
        width: fn.columns(types).length,
        run: fn.implement(types),
      };
    });
    this.#builder = new BatchBuilder(
      node.schema.map((column) => column.type),
      BATCH_ROWS,
    );
  }

  push(_port: number, batch: Batch, emit: Emit): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batchRow(batch, i);
      const weight = must(batch.weights[i]);
      for (const result of this.#results(row, weight)) {
        this.#builder.append(result, weight);
        if (this.#builder.full) emit(this.#builder.build());
      }
    }
    if (this.#builder.length > 0) emit(this.#builder.build());
  }

  /** All result rows of an input row; none when one of them fails. */
  #results(row: Row, weight: number): readonly Row[] {
    try {
      const lists = this.#calls.map((call) => this.#run(call, row));
      const length = Math.max(0, ...lists.map((list) => list.length));
      const results: Row[] = [];
      for (let r = 0; r < length; r++) {
        const values = lists.flatMap((list, c) => list[r] ?? nulls(must(this.#calls[c]).width));
        results.push(this.#node.ordinality ? [...row, ...values, BigInt(r + 1)] : [...row, ...values]);
      }
      return results;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#context.rowError(error, weight, this.#node.kind, row, this.#node.input.schema);
      return [];
    }
  }

  #run(call: Call, row: Row): readonly (readonly Value[])[] {
    const args = call.args.map((arg) => arg(this.#context.eval, row));
    if (call.strict && args.includes(null)) return [];
    return [...call.run(this.#context.eval, ...args)];
  }
}

function nulls(width: number): readonly Value[] {
  return new Array<Value>(width).fill(null);
}
