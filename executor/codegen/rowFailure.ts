/** What generated loops do with an error: the user's is located, ours goes on. */
import { SqlError } from '../../common/sqlError.ts';
import type { TickContext } from '../operators/operator.ts';

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

/** Reports a row that is left out. */
export function reportRow(
  error: unknown,
  position: number,
  weight: number,
  operator: string,
  tick: TickContext,
): void {
  tick.rowError(locate(error, position), weight, operator);
}
