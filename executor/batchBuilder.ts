/** Rows to batches and back: the edges where JavaScript rows meet columns (DML, values, results). Not for hot loops. */
import type { DataType, PhysicalKind } from '../common/dataType.ts';
import { physicalKind } from '../common/dataType.ts';
import type { Row, Value } from '../common/value.ts';
import type { Batch, Vector } from './batch.ts';

function emptyVector(kind: PhysicalKind, capacity: number): Vector {
  const nulls = new Uint8Array(capacity);
  switch (kind) {
    case 'bool':
      return { kind, data: new Uint8Array(capacity), nulls };
    case 'i32':
      return { kind, data: new Int32Array(capacity), nulls };
    case 'i64':
      return { kind, data: new BigInt64Array(capacity), nulls };
    case 'f64':
      return { kind, data: new Float64Array(capacity), nulls };
    case 'text':
      return { kind, data: new Array<string>(capacity).fill(''), nulls };
    case 'boxed':
      return { kind, data: new Array<unknown>(capacity).fill(null), nulls };
  }
}

function setValue(vector: Vector, i: number, value: Value): void {
  if (vector.nulls !== null) vector.nulls[i] = value === null ? 1 : 0;
  if (value === null) {
    if (vector.kind === 'text') vector.data[i] = '';
    return;
  }
  switch (vector.kind) {
    case 'bool':
      vector.data[i] = value === true ? 1 : 0;
      return;
    case 'i32':
    case 'f64':
      vector.data[i] = value as number;
      return;
    case 'i64':
      vector.data[i] = value as bigint;
      return;
    case 'text':
      vector.data[i] = value as string;
      return;
    case 'boxed':
      vector.data[i] = value;
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

/** Collects rows into batches of a fixed capacity. Each `build` starts fresh arrays. */
export class BatchBuilder {
  readonly #kinds: readonly PhysicalKind[];
  readonly #capacity: number;
  #columns: Vector[] = [];
  #weights = new Int32Array(0);
  #length = 0;

  constructor(columnTypes: readonly DataType[], capacity = 1024) {
    this.#kinds = columnTypes.map(physicalKind);
    this.#capacity = capacity;
    this.#reset();
  }

  #reset(): void {
    this.#columns = this.#kinds.map((kind) => emptyVector(kind, this.#capacity));
    this.#weights = new Int32Array(this.#capacity);
    this.#length = 0;
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.#capacity;
  }

  append(row: Row, weight: number): void {
    const i = this.#length++;
    this.#weights[i] = weight;
    for (let c = 0; c < this.#columns.length; c++) {
      const vector = this.#columns[c];
      if (vector !== undefined) setValue(vector, i, row[c] ?? null);
    }
  }

  /** The rows so far as a batch of its own; the builder is empty afterwards. */
  build(): Batch {
    const batch: Batch = { length: this.#length, columns: this.#columns, weights: this.#weights };
    this.#reset();
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
