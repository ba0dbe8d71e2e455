/**
 * Ad-hoc reads: the plan's operators built once, fed with a snapshot of the current version (and the transaction's own
 * writes), run as one tick and dropped. The same operators and functions as maintained views.
 */
import { must } from '../common/assert.ts';
import { compareValues } from '../common/compare.ts';
import type { DataType } from '../common/dataType.ts';
import type { EvalContext } from '../common/function.ts';
import { SqlError } from '../common/sqlError.ts';
import type { Row, Value } from '../common/value.ts';
import type { Batch } from '../executor/batch.ts';
import { batchRow, emitEachRow, emitRows } from '../executor/batchBuilder.ts';
import { buildPlan, type ScanInput } from '../executor/build.ts';
import { evaluateScalar } from '../executor/codegen/evaluate.ts';
import { Dataflow, isIdentity, pickColumns } from '../executor/dataflow.ts';
import type { Operator, TickContext } from '../executor/operators/operator.ts';
import { sortRows } from '../executor/sort.ts';
import { timeWithoutWatermarks } from '../executor/time.ts';
import type { PhysicalIndexScan, PlannedQuery } from '../planner/plan/physical.ts';
import { columnTypes, type Database, scannable } from './database.ts';
import { checkHeap } from './memory/heap.ts';
import type { MaterializedViewObject, TableObject } from './objects.ts';
import { keyString, type TransactionWrites } from './transaction.ts';

/** Collects the result. Rows may come with negative weights within the tick; the sum is what counts. */
class Collector implements Operator {
  readonly emitsInitially = false;
  readonly #types: readonly DataType[];
  readonly #rows: Row[] = [];
  readonly #weights: number[] = [];
  #negative = false;

  constructor(types: readonly DataType[]) {
    this.#types = types;
  }

  push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      const weight = must(batch.weights[i]);
      if (weight < 0) this.#negative = true;
      this.#rows.push(batchRow(batch, i));
      this.#weights.push(weight);
    }
  }

  flush(): void {}

  stateRows(): number {
    return this.#rows.length;
  }

  stateBytes(): number {
    return 0;
  }

  result(): Row[] {
    if (this.#negative) return this.#consolidated();
    if (this.#weights.every((w) => w === 1)) return this.#rows;
    return this.#rows.flatMap((row, i) => new Array<Row>(must(this.#weights[i])).fill(row));
  }

  #consolidated(): Row[] {
    const sums = new Map<string, { readonly row: Row; weight: number }>();
    this.#rows.forEach((row, i) => {
      const key = keyString(row, this.#types);
      const entry = sums.get(key);
      if (entry === undefined) sums.set(key, { row, weight: must(this.#weights[i]) });
      else entry.weight += must(this.#weights[i]);
    });
    return [...sums.values()].flatMap(({ row, weight }) => new Array<Row>(Math.max(0, weight)).fill(row));
  }
}

export interface QueryContext {
  readonly database: Database;
  readonly eval: EvalContext;
  readonly writes: TransactionWrites;
  checkCancelled(): void;
  /** Rows of a relation of the system schemas, null when `id` is not one. */
  systemRows(id: number): Iterable<Row> | null;
}

/** Runs a planned query; rows have the visible columns only, in order. */
export function runQuery(planned: PlannedQuery, context: QueryContext): Row[] {
  const tick: TickContext = {
    eval: context.eval,
    time: timeWithoutWatermarks(() => context.eval.now()),
    rowError(error) {
      throw error;
    },
    lateRow: () => {},
  };
  const dataflow = new Dataflow(tick);
  const outputTypes = planned.plan.schema.map((c) => c.type);
  const collector = new Collector(outputTypes);
  const built = buildPlan(planned.plan, dataflow, tick, { operator: collector, name: 'Result' }, () => null);
  for (const input of built.inputs) feed(input, dataflow, context);
  dataflow.finishTick();
  const rows = collector.result();
  if (planned.order.length > 0) sortRows(rows, outputTypes, planned.order);
  if (planned.visible === outputTypes.length) return rows;
  return rows.map((row) => row.slice(0, planned.visible));
}

function feed(input: ScanInput, dataflow: Dataflow, context: QueryContext): void {
  const { scan, target, port } = input;
  const width = scan.relation.columns.length;
  const identity = isIdentity(scan.columns, width);
  const push = (batch: Batch): void => {
    context.checkCancelled();
    checkHeap('rows of results');
    dataflow.push(target, port, identity ? batch : pickColumns(batch, scan.columns));
  };
  const system = context.systemRows(scan.relation.id);
  if (system !== null) {
    emitEachRow(columnTypes(scan.relation), system, push);
    return;
  }
  const object = scannable(context.database.catalog, scan.relation.id);
  if (scan.kind === 'IndexScan' && object.kind !== 'source') {
    feedIndexScan(scan, object, context, push);
    return;
  }
  context.database.snapshot(object, push);
  const own = object.kind === 'table' ? context.writes.find(object.id) : null;
  if (own !== null) emitRows(columnTypes(object), own.delta(), push);
}

/** Looked-up rows, then the transaction's own changes that match. */
function feedIndexScan(
  scan: PhysicalIndexScan,
  object: TableObject | MaterializedViewObject,
  context: QueryContext,
  push: (batch: Batch) => void,
): void {
  const value = (scalar: PhysicalIndexScan['points'][number][number]): Value =>
    evaluateScalar(scalar, context.eval);
  const points = scan.points.map((point) => point.map(value));
  const bound = (b: PhysicalIndexScan['lower']) =>
    b === null ? null : { value: value(b.value), inclusive: b.inclusive };
  const lower = bound(scan.lower);
  const upper = bound(scan.upper);
  const isRange = scan.lower !== null || scan.upper !== null;
  // A comparison with NULL is never true.
  if ((lower !== null && lower.value === null) || (upper !== null && upper.value === null)) return;
  const live = points.filter((point) => point.every((v) => v !== null));
  const distinct = [
    ...new Map(live.map((point) => [keyString(point, pointTypes(scan, point.length)), point])).values(),
  ];
  if (isRange) {
    for (const prefix of points.length === 0 ? [[]] : distinct)
      object.store.range(scan.index, prefix, lower, upper, push);
  } else {
    for (const point of distinct) object.store.lookup(scan.index, point, push);
  }
  const own = object.kind === 'table' ? context.writes.find(object.id) : null;
  if (own === null) return;
  const columns = indexColumns(scan);
  const matches = (row: Row): boolean => {
    const at = (i: number): Value => row[must(columns[i])] ?? null;
    const equal = (a: Value, b: Value, i: number): boolean =>
      a !== null && b !== null && compareValues(a, b, columnType(scan, i)) === 0;
    if (points.length > 0 && !distinct.some((point) => point.every((v, i) => equal(at(i), v, i))))
      return false;
    const i = points[0]?.length ?? 0;
    if (!isRange) return true;
    const v = at(i);
    if (v === null) return false;
    if (lower !== null && lower.value !== null) {
      const c = compareValues(v, lower.value, columnType(scan, i));
      if (c < 0 || (c === 0 && !lower.inclusive)) return false;
    }
    if (upper !== null && upper.value !== null) {
      const c = compareValues(v, upper.value, columnType(scan, i));
      if (c > 0 || (c === 0 && !upper.inclusive)) return false;
    }
    return true;
  };
  const delta = [...own.delta()].filter(([row]) => matches(row));
  emitRows(columnTypes(object), delta, push);
}

function indexColumns(scan: PhysicalIndexScan): readonly number[] {
  if (scan.index === null) return must(scan.relation.key, 'key look-up needs a key');
  return must(
    scan.relation.indexes.find((i) => i.id === scan.index),
    'index must exist',
  ).columns;
}

function columnType(scan: PhysicalIndexScan, position: number): DataType {
  return must(scan.relation.columns[must(indexColumns(scan)[position])]).type;
}

function pointTypes(scan: PhysicalIndexScan, count: number): readonly DataType[] {
  return Array.from({ length: count }, (_, i) => columnType(scan, i));
}

/** Throws 57014 as PostgreSQL words it. */
export function cancelled(): SqlError {
  return new SqlError('57014', 'canceling statement due to user request');
}
