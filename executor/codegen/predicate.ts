/**
 * Conditions for operators that test rows themselves (residuals of joins, qualifications of DML).
 *
 * A row whose condition fails with an error counts as not passing; the error goes to the tick context.
 */
import type { Schema } from '../../common/dataType.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import type { Vector } from '../batch.ts';
import type { TickContext } from '../operators/operator.ts';
import { ColumnInput } from './columnInput.ts';
import { emitUnlessTrue } from './emitScalar.ts';
import { Emitter } from './emitter.ts';
import { instantiate } from './program.ts';
import { emitRowReport } from './rowFailure.ts';

/**
 * Writes to `passed` the indexes (ascending) of the rows among the first n for which the condition is true and returns
 * their number. `weights` only serve error reports.
 */
export type Selection = (
  columns: readonly Vector[],
  n: number,
  weights: Int32Array,
  tick: TickContext,
  passed: Int32Array,
) => number;

/** A test over the columns of a batch, a batch at a time. */
export function compileSelection(condition: Scalar, input: Schema, operator: string): Selection {
  const columns = new ColumnInput(input);
  const emitter = new Emitter(columns);
  const report = `if (!filed) { filed = true; ${emitRowReport(operator, input, 'W[i]', emitter)} }`;
  columns.onFailure = report;
  emitUnlessTrue(condition, 'continue;', emitter);
  const row = emitter.take();
  const text = `return (cols, n, W, tick, passed) => {
const ctx = tick.eval;
${columns.bindings('cols', 'n', emitter)}
let o = 0;
for (let i = 0; i < n; i++) {
let pos = -1, filed = false;
try {
${row}
} catch (error) {
${report}
continue;
}
passed[o++] = i;
}
return o;
};`;
  return instantiate<Selection>(text, emitter.constants);
}
