/** Small functions of no other family: counting of NULLs, identifiers, addresses, bucket look-up. */
import { compareValues } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { types } from '../../common/dataType.ts';
import type { ScalarFunction } from '../../common/function.ts';
import { scalar, variadicScalar } from '../../common/function.ts';
import type { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue } from '../../common/value.ts';

/** Random identifier, version 4. */
function uuidFrom(bytes: Uint8Array): string {
  const b = Uint8Array.from(bytes);
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(b).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function parseAddress(text: string): bigint {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  if (!valid) throw new SqlError('22023', `invalid IPv4 address: "${text}"`);
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function formatAddress(n: bigint): string {
  if (n < 0n || n > 0xffffffffn) throw new SqlError('22023', `IPv4 address out of range: ${n}`);
  return [24n, 16n, 8n, 0n].map((shift) => (n >> shift) & 255n).join('.');
}

/** Number of thresholds (ascending) that do not exceed the operand. */
function bucketOf(operand: NonNullValue, thresholds: SqlArray, type: DataType): number {
  if (thresholds.dimensions.length > 1)
    throw new SqlError('2202E', 'thresholds must be one-dimensional array');
  let low = 0;
  let high = thresholds.elements.length;
  if (thresholds.elements.includes(null)) {
    throw new SqlError('22004', 'thresholds array must not contain NULLs');
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    const threshold = thresholds.elements[middle] ?? null;
    if (threshold !== null && compareValues(operand, threshold, type) < 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

export const miscFunctions: readonly ScalarFunction[] = [
  variadicScalar({
    name: 'num_nulls',
    args: ['any'],
    returns: 'int4',
    nulls: 'called',
    volatility: 'immutable',
    infallible: true,
    doc: 'Number of arguments that are NULL.',
    examples: [['num_nulls(1, NULL, 2)', '1']],
    evaluate: (_context, args) => args.filter((value) => value === null).length,
  }),
  variadicScalar({
    name: 'num_nonnulls',
    args: ['any'],
    returns: 'int4',
    nulls: 'called',
    volatility: 'immutable',
    infallible: true,
    doc: 'Number of arguments that are not NULL.',
    examples: [['num_nonnulls(1, NULL, 2)', '2']],
    evaluate: (_context, args) => args.filter((value) => value !== null).length,
  }),
  scalar({
    name: 'gen_random_uuid',
    args: [],
    returns: 'uuid',
    volatility: 'volatile',
    infallible: true,
    doc: 'A random identifier (version 4).',
    examples: [['length(gen_random_uuid()::text)', '36']],
    evaluateWith: (context) => uuidFrom(context.randomBytes(16)),
  }),
  scalar({
    name: 'inet_aton',
    args: ['text'],
    returns: 'int8',
    doc: 'Number of an IPv4 address.',
    examples: [["inet_aton('10.0.5.9')", '167773449']],
    evaluate: parseAddress,
  }),
  scalar({
    name: 'inet_ntoa',
    args: ['int8'],
    returns: 'text',
    doc: 'IPv4 address with that number.',
    examples: [['inet_ntoa(167773449)', '10.0.5.9']],
    evaluate: formatAddress,
  }),
  scalar({
    name: 'width_bucket',
    args: ['anycompatible', 'anycompatiblearray'],
    returns: 'int4',
    doc: 'Number of the bucket that the operand falls into, buckets being given by their ascending lower bounds; 0 below the first.',
    examples: [['width_bucket(5, array[1, 3, 5, 10])', '3']],
    implement: ([type]) => ({
      evaluate: (operand: NonNullValue, thresholds: SqlArray) =>
        bucketOf(operand, thresholds, type ?? types.unknown),
    }),
  }),
];
