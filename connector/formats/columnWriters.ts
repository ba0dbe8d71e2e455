/**
 * Rows on their way into a block, column by column: numbers in typed arrays, texts as UTF-8 one behind the other, other values as
 * they are. Decoders that know the columns write values in place (formats/json/byteReaders.ts); whoever has a row puts it.
 *
 * State: `rows` finished rows, and what has been written of the next one. Its values count when `finish` is called; `back` drops
 * them. Invariant: a finished row has a value or a NULL in every column. Memory is kept from one block to the next, up to a size.
 */
import { must, unreachable } from '../../common/assert.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';

const FIRST_ROWS = 1024;
const FIRST_BYTES = 1 << 16;
/** Memory of a text column beyond this is given back when its block is built. */
const KEPT_BYTES = 1 << 21;
const KEPT_ROWS = 1 << 15;
const LOOP_COPY_LENGTH = 32;
/** Bytes of a UTF-16 unit in UTF-8 at most. */
const MOST_BYTES_PER_UNIT = 3;
const WORD = 4_294_967_296;

type Numbers =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

export abstract class ColumnWriter {
  /** 1: NULL. Null: nothing is. */
  nulls: Uint8Array<ArrayBuffer> | null = null;
  protected capacity = 0;

  setNull(row: number): void {
    this.nulls ??= new Uint8Array(this.capacity);
    this.nulls[row] = 1;
  }

  abstract put(row: number, value: NonNullValue): void;

  /** Nothing of the row counts. */
  back(row: number): void {
    if (this.nulls !== null) this.nulls[row] = 0;
  }

  grow(capacity: number): void {
    this.capacity = capacity;
    if (this.nulls !== null) this.nulls = grown(this.nulls, new Uint8Array(capacity));
  }

  clear(): void {
    this.nulls = null;
  }
}

export class BoolWriter extends ColumnWriter {
  readonly kind = 'bool';
  data = new Uint8Array(0);

  put(row: number, value: NonNullValue): void {
    this.data[row] = value === true ? 1 : 0;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.data[row] = 0;
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    this.data = grown(this.data, new Uint8Array(capacity));
  }
}

export class Int32Writer extends ColumnWriter {
  readonly kind = 'i32';
  data = new Int32Array(0);

  put(row: number, value: NonNullValue): void {
    this.data[row] = value as number;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.data[row] = 0;
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    this.data = grown(this.data, new Int32Array(capacity));
  }
}

export class Int64Writer extends ColumnWriter {
  readonly kind = 'i64';
  data = new BigInt64Array(0);
  /** The same in halves, the low one first. */
  words = new Int32Array(0);

  put(row: number, value: NonNullValue): void {
    this.data[row] = value as bigint;
  }

  /** A whole number of at most 53 bits. */
  setNumber(row: number, value: number): void {
    this.words[row << 1] = value | 0;
    this.words[(row << 1) + 1] = Math.floor(value / WORD);
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.data[row] = 0n;
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    this.words = grown(this.words, new Int32Array(capacity << 1));
    this.data = new BigInt64Array(this.words.buffer);
  }
}

export class Float64Writer extends ColumnWriter {
  readonly kind = 'f64';
  data = new Float64Array(0);

  put(row: number, value: NonNullValue): void {
    this.data[row] = value as number;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.data[row] = 0;
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    this.data = grown(this.data, new Float64Array(capacity));
  }
}

export class TextWriter extends ColumnWriter {
  readonly kind = 'text';
  heap: Buffer<ArrayBuffer> = newHeap(FIRST_BYTES);
  /** Of the heap. */
  view = new DataView(this.heap.buffer);
  /** After the last value. */
  at = 0;
  /** Where each value ends. */
  ends = new Uint32Array(0);
  /** There is something besides ASCII. */
  wide = false;

  /** The heap, with room for so many bytes more. */
  room(bytes: number): Buffer<ArrayBuffer> {
    if (this.heap.length - this.at >= bytes) return this.heap;
    const heap = newHeap(Math.max(this.heap.length * 2, this.at + bytes));
    this.heap.copy(heap, 0, 0, this.at);
    this.#use(heap);
    return heap;
  }

  put(row: number, value: NonNullValue): void {
    const text = value as string;
    const { length } = text;
    const heap = this.room(length * MOST_BYTES_PER_UNIT);
    const from = this.at;
    let i = 0;
    if (length <= LOOP_COPY_LENGTH) {
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        heap[from + i] = code;
      }
    }
    const bytes = i === length ? length : heap.write(text, from, 'utf8');
    if (bytes !== length) this.wide = true;
    this.at = from + bytes;
    this.ends[row] = this.at;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.ends[row] = this.at;
  }

  override back(row: number): void {
    super.back(row);
    this.at = row === 0 ? 0 : (this.ends[row - 1] as number);
  }

  override grow(capacity: number): void {
    super.grow(capacity);
    this.ends = grown(this.ends, new Uint32Array(capacity));
  }

  override clear(): void {
    super.clear();
    this.at = 0;
    this.wide = false;
    if (this.heap.length > KEPT_BYTES) this.#use(newHeap(FIRST_BYTES));
  }

  #use(heap: Buffer<ArrayBuffer>): void {
    this.heap = heap;
    this.view = new DataView(heap.buffer);
  }
}

export class BoxedWriter extends ColumnWriter {
  readonly kind = 'boxed';
  values: Value[] = [];

  put(row: number, value: NonNullValue): void {
    this.values[row] = value;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.values[row] = null;
  }

  override clear(): void {
    super.clear();
    this.values = [];
  }
}

export type AnyWriter = BoolWriter | Int32Writer | Int64Writer | Float64Writer | TextWriter | BoxedWriter;

const newHeap = (bytes: number): Buffer<ArrayBuffer> => Buffer.from(new ArrayBuffer(bytes));

/** `to` with what it has room for of `from`. */
function grown<A extends Numbers>(from: A, to: A): A {
  to.set(from.subarray(0, to.length));
  return to;
}

function writerOf(type: DataType): AnyWriter {
  const kind = physicalKind(type);
  switch (kind) {
    case 'bool':
      return new BoolWriter();
    case 'i32':
      return new Int32Writer();
    case 'i64':
      return new Int64Writer();
    case 'f64':
      return new Float64Writer();
    case 'text':
      return new TextWriter();
    case 'boxed':
      return new BoxedWriter();
    default:
      return unreachable(kind);
  }
}

export class RowColumns {
  readonly types: readonly DataType[];
  readonly writers: readonly AnyWriter[];
  /** Finished ones. */
  rows = 0;
  #capacity = 0;

  constructor(types: readonly DataType[]) {
    this.types = types;
    this.writers = types.map(writerOf);
  }

  /** Number of the row that is not finished yet; there is room for it. */
  begin(): number {
    if (this.rows === this.#capacity) this.#grow(Math.max(FIRST_ROWS, this.#capacity * 2));
    return this.rows;
  }

  /** The row that was begun has a value or a NULL in every column. */
  finish(): void {
    this.rows++;
  }

  /** What has been written of the row that is not finished does not count. */
  back(): void {
    for (const writer of this.writers) writer.back(this.rows);
  }

  /** Value of one column of the row that was begun. */
  set(column: number, value: Value): void {
    const writer = must(this.writers[column]);
    if (value === null) writer.setNull(this.rows);
    else writer.put(this.rows, value);
  }

  put(row: Row): void {
    const n = this.begin();
    const { writers } = this;
    for (let c = 0; c < writers.length; c++) {
      const writer = writers[c] as AnyWriter;
      const value = row[c] ?? null;
      if (value === null) writer.setNull(n);
      else writer.put(n, value);
    }
    this.rows++;
  }

  /** No rows; what the writers had is theirs to use again. */
  clear(): void {
    this.rows = 0;
    for (const writer of this.writers) writer.clear();
    if (this.#capacity > KEPT_ROWS) this.#grow(FIRST_ROWS);
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    for (const writer of this.writers) writer.grow(capacity);
  }
}
