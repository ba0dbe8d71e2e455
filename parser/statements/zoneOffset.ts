/** SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE: the offset as the number of hours that a setting takes. */
import { parseInterval } from '../../common/intervalParse.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Expr } from '../ast/expr.ts';

export function zoneOffset(interval: Expr): readonly string[] {
  if (interval.kind !== 'IntervalLiteral') return [];
  const { months, days, micros } = parseInterval(interval.value);
  if (months !== 0 || days !== 0) {
    throw new SqlError(
      '22023',
      'invalid value for parameter "TimeZone": interval must not contain months or days',
      {
        position: interval.span.start,
      },
    );
  }
  return [String(Number(micros) / 3_600_000_000)];
}
