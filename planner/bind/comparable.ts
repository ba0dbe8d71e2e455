/** Which types have an equality and an order: what GROUP BY, DISTINCT, UNION and ORDER BY need. */
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';

/** json has neither; a composite type has what all of its parts have. */
function isComparable(type: DataType): boolean {
  if (type.id === 'array') return isComparable(type.element);
  if (type.id === 'struct') return type.fields.every((f) => isComparable(f.type));
  return type.id !== 'json';
}

const at = (position: number | undefined): { readonly position?: number } =>
  position === undefined ? {} : { position };

/** 42883 for a type without equality. */
export function requireEquality(type: DataType, position: number | undefined): void {
  if (isComparable(type)) return;
  const message = `could not identify an equality operator for type ${formatType(type)}`;
  throw new SqlError('42883', message, at(position));
}

/** 42883 for a type without order. */
export function requireOrdering(type: DataType, position: number | undefined): void {
  if (isComparable(type)) return;
  const message = `could not identify an ordering operator for type ${formatType(type)}`;
  throw new SqlError('42883', message, {
    ...at(position),
    hint: 'Use an explicit ordering operator or modify the query.',
  });
}
