/** What generated loops do with an error: the user's is located, ours goes on. */
import { SqlError } from '../../common/sqlError.ts';
import type { TickContext } from '../operators/operator.ts';

/** The error with the position of the expression that raised it; -1: unknown. Rethrows what is not the user's mistake. */
export function locate(error: unknown, position: number): SqlError {
  if (!(error instanceof SqlError)) throw error;
  return position >= 0 && error.position === undefined ? error.with({ position }) : error;
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
