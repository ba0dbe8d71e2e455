/** What generated loops do with an error: the user's is located and filed with its row, ours goes on. */
import type { Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Vector } from '../batch.ts';
import { vectorValue } from '../batchBuilder.ts';
import type { TickContext } from '../operators/operator.ts';
import type { Emitter } from './emitter.ts';

/** The error with the position of the expression that raised it; -1: unknown. Rethrows what is not the user's mistake. */
export function locate(error: unknown, position: number): SqlError {
  // A string or array longer than the runtime can hold.
  if (error instanceof RangeError) return locate(tooLarge(error), position);
  if (!(error instanceof SqlError)) throw error;
  return position >= 0 && error.position === undefined ? error.with({ position }) : error;
}

function tooLarge(error: RangeError): SqlError {
  if (error.message.includes('call stack')) return new SqlError('54001', 'stack depth limit exceeded');
  return new SqlError('54000', `value too large: ${error.message}`);
}

/** Reports row `i` of `columns`, on which `operator` has failed with `error` at `position`. */
type RowReport = (
  error: unknown,
  position: number,
  weight: number,
  tick: TickContext,
  columns: readonly Vector[],
  i: number,
) => void;

function rowReport(operator: string, schema: Schema): RowReport {
  return (error, position, weight, tick, columns, i) => {
    const located = locate(error, position);
    const row = schema.map((_, c) => {
      const vector = columns[c];
      return vector === undefined ? null : vectorValue(vector, i);
    });
    tick.rowError(located, weight, operator, row, schema);
  };
}

/**
 * A statement that reports the caught `error` of row `i` of `cols`; `pos`, `weight` and `tick` are in scope.
 */
export function emitRowReport(operator: string, schema: Schema, weight: string, emitter: Emitter): string {
  return `${emitter.constant(rowReport(operator, schema))}(error, pos, ${weight}, tick, cols, i);`;
}
