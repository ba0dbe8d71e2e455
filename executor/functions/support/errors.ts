/** Errors that several functions raise, with PostgreSQL's wording; each returns never so that it can end an expression. */
import { SqlError } from '../../../common/sqlError.ts';

export function smallintOutOfRange(): never {
  throw new SqlError('22003', 'smallint out of range');
}

export function integerOutOfRange(): never {
  throw new SqlError('22003', 'integer out of range');
}

export function bigintOutOfRange(): never {
  throw new SqlError('22003', 'bigint out of range');
}

export function divisionByZero(): never {
  throw new SqlError('22012', 'division by zero');
}

export function floatOverflow(): never {
  throw new SqlError('22003', 'value out of range: overflow');
}

export function floatUnderflow(): never {
  throw new SqlError('22003', 'value out of range: underflow');
}

export function inputOutOfRange(): never {
  throw new SqlError('22003', 'input is out of range');
}

export function timestampOutOfRange(): never {
  throw new SqlError('22008', 'timestamp out of range');
}

export function dateOutOfRange(): never {
  throw new SqlError('22008', 'date out of range');
}

export function intervalOutOfRange(): never {
  throw new SqlError('22008', 'interval out of range');
}

export function invalidParameter(message: string): never {
  throw new SqlError('22023', message);
}
