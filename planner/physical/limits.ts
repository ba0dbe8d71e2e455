/** LIMIT and OFFSET as numbers. They are constant for the statement; parameters have been replaced. */
import { SqlError } from '../../common/sqlError.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Scalar } from '../plan/scalar.ts';

function toNumber(value: unknown): number | null {
  if (typeof value === 'bigint') return value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
  return typeof value === 'number' ? value : null;
}

/** null: no limit (absent, NULL, or beyond any number of rows). */
export function limitOf(limit: Scalar | null, evaluator: Evaluator): number | null {
  if (limit === null) return null;
  const rows = toNumber(evaluator.evaluate(limit));
  if (rows !== null && rows < 0) throw new SqlError('2201W', 'LIMIT must not be negative');
  return rows;
}

/** An OFFSET of NULL skips nothing. */
export function offsetOf(offset: Scalar | null, evaluator: Evaluator): number {
  if (offset === null) return 0;
  const value = evaluator.evaluate(offset);
  if (value === null) return 0;
  const rows = toNumber(value) ?? Number.MAX_SAFE_INTEGER;
  if (rows < 0) throw new SqlError('2201X', 'OFFSET must not be negative');
  return rows;
}
