/** The option source_rate_limit: rows a second. */
import { SqlError } from '../../common/sqlError.ts';

/** Null: as fast as the connector gives them (-1); 0: none. */
export function rateLimitOf(text: string, position: number): number | null {
  const value = /^-?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value === -1) return null;
  if (value >= 0 && value <= 2 ** 31) return value;
  throw new SqlError('22023', `invalid value for option "source_rate_limit": "${text}"`, {
    position,
    hint: 'It takes a number of rows a second; 0 stops the source, -1 takes the limit away.',
  });
}
