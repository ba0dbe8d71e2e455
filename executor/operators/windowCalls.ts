/** The results of window calls over one sorted partition. */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import type { AggregateFunction, EvalContext } from '../../common/function.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Row, Value } from '../../common/value.ts';
import type { SortKey, WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { PhysicalWindow } from '../../planner/plan/physical.ts';
import { createFold } from './windowFold.ts';
import { type Frame, frameOf, frameRows, type SortedPartition } from './windowFrame.ts';

interface WindowInput {
  readonly partition: SortedPartition;
  readonly order: readonly SortKey[];
  /** Types of the input columns. */
  readonly types: readonly DataType[];
  readonly context: EvalContext;
}

/** The results of all calls for each row, in the partition's order; the error where a call fails. */
export function computeCalls(
  node: PhysicalWindow,
  partition: SortedPartition,
  context: EvalContext,
): readonly (readonly Value[])[] | SqlError {
  if (partition.rows.length === 0) return [];
  const types = node.input.schema.map((column) => column.type);
  try {
    const columns = node.calls.map((call) =>
      computeCall(call, { partition, order: node.order, types, context }),
    );
    return partition.rows.map((_, i) => columns.map((column) => column[i] ?? null));
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}

/** One result a row, in the partition's order. */
function computeCall(call: WindowCall, input: WindowInput): Value[] {
  return call.fn.kind === 'aggregate' ? aggregateCall(call, call.fn, input) : pureCall(call, input);
}

function argument(call: WindowCall, a: number, row: Row): Value {
  const column = call.args[a];
  return column === undefined ? null : (row[column] ?? null);
}

function pureCall(call: WindowCall, input: WindowInput): Value[] {
  const { rows, peersFrom, peersTo, group } = input.partition;
  const n = rows.length;
  const each = (f: (i: number) => Value): Value[] => rows.map((_, i) => f(i));
  switch (call.fn.name) {
    case 'row_number':
      return each((i) => BigInt(i + 1));
    case 'rank':
      return each((i) => BigInt((peersFrom[i] ?? 0) + 1));
    case 'dense_rank':
      return each((i) => BigInt((group[i] ?? 0) + 1));
    case 'percent_rank':
      return each((i) => (n === 1 ? 0 : (peersFrom[i] ?? 0) / (n - 1)));
    case 'cume_dist':
      return each((i) => (peersTo[i] ?? 0) / n);
    case 'ntile':
      return each((i) => ntile(argument(call, 0, must(rows[0])), i, n));
    case 'lag':
      return each((i) => neighbour(call, input.partition, i, -1));
    case 'lead':
      return each((i) => neighbour(call, input.partition, i, 1));
    case 'first_value':
    case 'last_value':
    case 'nth_value':
      return valuesOfFrame(call, input);
    default:
      throw unsupported(`window function ${call.fn.name}`);
  }
}

/** Buckets differ in size by at most one, the larger ones first. */
export function ntile(buckets: Value, i: number, n: number): Value {
  if (buckets === null) return null;
  const count = Number(buckets);
  if (count <= 0) throw new SqlError('22014', 'argument of ntile must be greater than zero');
  const size = Math.floor(n / count);
  const larger = n % count;
  const inLarger = larger * (size + 1);
  return i < inLarger ? Math.floor(i / (size + 1)) + 1 : larger + Math.floor((i - inLarger) / size) + 1;
}

function neighbour(call: WindowCall, partition: SortedPartition, i: number, direction: 1 | -1): Value {
  const { rows } = partition;
  const row = must(rows[i]);
  const distance = call.args.length > 1 ? argument(call, 1, row) : 1;
  if (distance === null) return null;
  let at = i + direction * Number(distance);
  if (call.ignoreNulls) {
    let left = Math.abs(Number(distance));
    const step = direction * Math.sign(Number(distance));
    at = i;
    while (left > 0 && at >= 0 && at < rows.length) {
      at += step;
      const other = rows[at];
      if (other !== undefined && argument(call, 0, other) !== null) left--;
    }
  }
  const found = rows[at];
  return found === undefined ? argument(call, 2, row) : argument(call, 0, found);
}

function valuesOfFrame(call: WindowCall, input: WindowInput): Value[] {
  const { partition } = input;
  const frame = frameOf(call, partition, input.order, input.types, input.context.timeZone);
  return partition.rows.map((row, i) => {
    const wanted = call.fn.name === 'nth_value' ? argument(call, 1, row) : 1;
    if (wanted === null) return null;
    if (Number(wanted) <= 0) throw new SqlError('22016', 'argument of nth_value must be greater than zero');
    const [from, to] = frame(i);
    let left = Number(wanted);
    let last: Value = null;
    for (const j of frameRows(call, partition, i, from, to)) {
      const value = argument(call, 0, must(partition.rows[j]));
      if (call.ignoreNulls && value === null) continue;
      last = value;
      if (call.fn.name !== 'last_value' && --left === 0) return value;
    }
    return call.fn.name === 'last_value' ? last : null;
  });
}

function aggregateCall(call: WindowCall, fn: AggregateFunction, input: WindowInput): Value[] {
  if (call.distinct) throw unsupported('DISTINCT in a window aggregate');
  const { partition } = input;
  const fold = createFold(
    fn,
    call.args.map((arg) => must(input.types[arg])),
    call.type,
    input.context,
  );
  const args = partition.rows.map((row): readonly Value[] | null => {
    if (call.filter !== null && row[call.filter] !== true) return null;
    const values = call.args.map((arg) => row[arg] ?? null);
    return fn.nulls === 'skip' && values.includes(null) ? null : values;
  });
  const frame: Frame = frameOf(call, partition, input.order, input.types, input.context.timeZone);
  const add = (j: number): void => {
    const row = args[j];
    if (row !== null && row !== undefined) fold.add(row);
  };
  let from = 0;
  let to = 0;
  return partition.rows.map((_, i) => {
    const [start, stop] = frame(i);
    const end = Math.max(start, stop);
    const slides = call.frame.exclude === 'no others' && start >= from && end >= to && start <= to;
    if (slides && (start === from || fold.remove !== null)) {
      for (; from < start; from++) {
        const row = args[from];
        if (row !== null && row !== undefined) fold.remove?.(row);
      }
      for (; to < end; to++) add(to);
    } else {
      fold.reset();
      for (const j of frameRows(call, partition, i, start, end)) add(j);
      from = start;
      to = end;
    }
    return fold.result();
  });
}
