/**
 * Rows to batches and back: the edges where JavaScript rows meet columns (DML, sources, values, results). Rows are
 * gathered first and then laid out column by column, so that a small delta makes small arrays and a column without NULL
 * has no NULL map.
 */
import type { DataType, PhysicalKind } from '../common/dataType.ts';
import { physicalKind } from '../common/dataType.ts';
import type { Row, Value } from '../common/value.ts';
import { BATCH_ROWS, type Batch, type Vector } from './batch.ts';

/** Where column c of the rows is NULL; null: nowhere. */
function nullsOf(rows: readonly Row[], c: number): Uint8Array | null {
  let nulls: Uint8Array | null = null;
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]?.[c];
    if (value !== null && value !== undefined) continue;
    nulls ??= new Uint8Array(rows.length);
    nulls[i] = 1;
  }
  return nulls;
}

/** Column c of the rows as a vector. */
function columnOf(kind: PhysicalKind, rows: readonly Row[], c: number): Vector {
  const n = rows.length;
  const nulls = nullsOf(rows, c);
  switch (kind) {
    case 'bool': {
      const data = new Uint8Array(n);
      for (let i = 0; i < n; i++) data[i] = rows[i]?.[c] === true ? 1 : 0;
      return { kind, data, nulls };
    }
    case 'i32': {
      const data = new Int32Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0) as number;
      return { kind, data, nulls };
    }
    case 'i64': {
      const data = new BigInt64Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0n) as bigint;
      return { kind, data, nulls };
    }
    case 'f64': {
      const data = new Float64Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0) as number;
      return { kind, data, nulls };
    }
    case 'text': {
      const data = new Array<string>(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? '') as string;
      return { kind, data, nulls };
    }
    case 'boxed': {
      const data = new Array<unknown>(n);
      for (let i = 0; i < n; i++) data[i] = rows[i]?.[c] ?? null;
      return { kind, data, nulls };
    }
  }
}

/** The value at row `i` of a vector, as common/value.ts represents it. */
export function vectorValue(vector: Vector, i: number): Value {
  if (vector.nulls !== null && vector.nulls[i] === 1) return null;
  if (vector.kind === 'bool') return vector.data[i] === 1;
  return vector.data[i] as Value;
}

/** Row `i` of a batch. */
export function batchRow(batch: Batch, i: number): Value[] {
  return batch.columns.map((column) => vectorValue(column, i));
}

/** Collects rows into batches; a row must not change until `build`. Each batch has arrays of its own. */
export class BatchBuilder {
  readonly #kinds: readonly PhysicalKind[];
  readonly #capacity: number;
  #rows: Row[] = [];
  #weights: number[] = [];

  constructor(columnTypes: readonly DataType[], capacity = BATCH_ROWS) {
    this.#kinds = columnTypes.map(physicalKind);
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#rows.length;
  }

  get full(): boolean {
    return this.#rows.length >= this.#capacity;
  }

  append(row: Row, weight: number): void {
    this.#rows.push(row);
    this.#weights.push(weight);
  }

  /** The rows so far as a batch of its own; the builder is empty afterwards. */
  build(): Batch {
    const rows = this.#rows;
    const columns = this.#kinds.map((kind, c) => columnOf(kind, rows, c));
    const batch: Batch = { length: rows.length, columns, weights: Int32Array.from(this.#weights) };
    this.#rows = [];
    this.#weights = [];
    return batch;
  }
}

/** Splits weighted rows into batches and hands each to `emit`. */
export function emitRows(
  types: readonly DataType[],
  rows: Iterable<readonly [row: Row, weight: number]>,
  emit: (batch: Batch) => void,
): void {
  const builder = new BatchBuilder(types);
  for (const [row, weight] of rows) {
    builder.append(row, weight);
    if (builder.full) emit(builder.build());
  }
  if (builder.length > 0) emit(builder.build());
}

/** As `emitRows`, each row once. */
export function emitEachRow(
  types: readonly DataType[],
  rows: Iterable<Row>,
  emit: (batch: Batch) => void,
): void {
  const builder = new BatchBuilder(types);
  for (const row of rows) {
    builder.append(row, 1);
    if (builder.full) emit(builder.build());
  }
  if (builder.length > 0) emit(builder.build());
}
