/** How the values of panes are put together: associative functions of two values, the older one first. */
import { assert, unreachable } from '../../common/assert.ts';
import { comparator } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { NonNullValue, Value } from '../../common/value.ts';
import type { PaneFold } from '../../planner/plan/physical.ts';
import type { StateVector } from '../../storage/state/vector.ts';

type Combine = (older: NonNullValue, newer: NonNullValue) => NonNullValue;

/** Of two values that are equal and yet different (1.0 and 1.00) the older one stays. */
function extreme(type: DataType, sign: 1 | -1): Combine {
  const compare = comparator(type);
  return (older, newer) => (compare(newer, older) * sign > 0 ? newer : older);
}

/** A sum that has become too wide for its type may come back; only as a result it is an error. */
const add: Combine = (a, b) => {
  assert(a instanceof Decimal && b instanceof Decimal, 'sums are numeric');
  if (a.special !== null || b.special !== null) return a.add(b);
  const scale = Math.max(a.scale, b.scale);
  return new Decimal(coefficientAt(a, scale) + coefficientAt(b, scale), scale);
};

const coefficientAt = ({ coefficient, scale }: Decimal, wanted: number): bigint =>
  scale === wanted ? coefficient : coefficient * 10n ** BigInt(wanted - scale);

const WIDE = 1n << 400_000n;
const MINUS_WIDE = -WIDE;

/** 22003 where a value has too many digits. */
export function checkResult(value: Value): Value {
  if (value instanceof Decimal && (value.coefficient > WIDE || value.coefficient < MINUS_WIDE)) {
    return value.add(Decimal.ZERO);
  }
  return value;
}

/** Of truth values and of integers. */
function bitwise(fold: 'and' | 'or' | 'xor'): Combine {
  return (a, b) => {
    if (typeof a === 'bigint' && typeof b === 'bigint') {
      return fold === 'and' ? a & b : fold === 'or' ? a | b : a ^ b;
    }
    if (typeof a === 'number' && typeof b === 'number') {
      return fold === 'and' ? a & b : fold === 'or' ? a | b : a ^ b;
    }
    assert(typeof a === 'boolean' && typeof b === 'boolean', 'bits are of integers and truth values');
    return fold === 'and' ? a && b : fold === 'or' ? a || b : a !== b;
  };
}

function combination({ fold, type }: PaneFold): Combine {
  switch (fold) {
    case 'sum':
      return add;
    case 'min':
      return extreme(type, -1);
    case 'max':
      return extreme(type, 1);
    case 'and':
    case 'or':
    case 'xor':
      return bitwise(fold);
    default:
      return unreachable(fold);
  }
}

/** The function of a fold; NULL is left out. */
export function combineOf(fold: PaneFold): (older: Value, newer: Value) => Value {
  const combine = combination(fold);
  return (older, newer) => {
    if (older === null) return newer;
    return newer === null ? older : combine(older, newer);
  };
}

/** A column of panes as values of the fold's type: int8 is summed up as numeric. */
export function foldInput(fold: PaneFold, vector: StateVector, n: number): StateVector {
  if (fold.fold !== 'sum' || vector.kind !== 'i64') return vector;
  const { data, nulls } = vector;
  const values = new Array<unknown>(n).fill(null);
  for (let i = 0; i < n; i++) {
    if (nulls === null || nulls[i] !== 1) values[i] = Decimal.fromBigint(data[i] as bigint);
  }
  return { kind: 'boxed', data: values, nulls };
}
