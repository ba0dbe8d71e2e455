/**
 * Rows as one piece of memory, column by column: what a worker makes of decoded messages, what is handed over without copying,
 * what the journal keeps, and what the dataflow reads in place. Whoever writes it lays out the columns; the main thread makes
 * views of typed arrays over the bytes and cuts text out of one string.
 *
 * Layout (little-endian as typed arrays of the machine are; sections begin at multiples of 8):
 *   u32 length of the head, u32 layout number, head (JSON, `BlockHead`), sections
 * Text: UTF-8 of all values and Uint32 ends in bytes. Boxed: encodings of common/codec.ts and Uint32 ends in bytes.
 */
import { assert, must } from '../../common/assert.ts';
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import { decodeValue, encodeValue } from '../../common/codec.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { NonNullValue, Row } from '../../common/value.ts';
import type { RowBlock } from '../../connector/connector.ts';
import { type AnyWriter, type BoxedWriter, RowColumns } from '../../connector/formats/columnWriters.ts';
import type { Vector } from '../../executor/batch.ts';
import { vectorValue } from '../../executor/batchBuilder.ts';
import { ROOM_BEFORE } from '../journalRecords.ts';
import { ColumnTexts, cutAt, TextVector } from './textVector.ts';

/** Texts end where their UTF-8 does. */
const LAYOUT = 2;
/** Texts end in UTF-16 units: in journals of before. */
const LAYOUT_OF_UNITS = 1;
const FIRST_ROWS = 1024;
const MOST_KEPT_ROWS = 1 << 15;
const HEAD_AT = 8;
const ALIGNMENT = 8;

/** Where a section begins and how many bytes it has. */
type Section = readonly [at: number, bytes: number];

interface ColumnPlace {
  readonly nulls: Section | null;
  readonly data: Section;
  /** Of text and boxed values. */
  readonly ends: Section | null;
  /** Of text: there is something besides ASCII. */
  readonly wide?: true;
}

type Data = Omit<ColumnPlace, 'nulls'>;

interface BlockHead {
  readonly rows: number;
  readonly columns: readonly ColumnPlace[];
  /** 1 where the row's key is removed; null: nowhere. */
  readonly removals: Section | null;
  readonly partitions: readonly string[];
  /** Uint16 per row, into `partitions`; null: all rows are of the first. */
  readonly partitionOf: Section | null;
}

const aligned = (at: number): number => Math.ceil(at / ALIGNMENT) * ALIGNMENT;

// --- writing ---------------------------------------------------------------------------------------------------

/** Sections in the making, one behind the other. */
class Sections {
  readonly #parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  length = 0;

  add(bytes: Uint8Array): Section {
    const at = aligned(this.length);
    this.#parts.push({ at, bytes });
    this.length = at + bytes.byteLength;
    return [at, bytes.byteLength];
  }

  /** The sections behind a head; before it, room for what the journal says of them. */
  finish(head: Uint8Array): Uint8Array<ArrayBuffer> {
    const start = aligned(HEAD_AT + head.byteLength);
    const block = new Uint8Array(new ArrayBuffer(ROOM_BEFORE + start + aligned(this.length)), ROOM_BEFORE);
    new Uint32Array(block.buffer, ROOM_BEFORE, 2).set([head.byteLength, LAYOUT]);
    block.set(head, HEAD_AT);
    for (const { at, bytes } of this.#parts) block.set(bytes, start + at);
    return block;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function boxedColumn(type: DataType, { values }: BoxedWriter, rows: number, out: Sections): Data {
  const ends = new Uint32Array(rows);
  const writer = new ByteWriter();
  const encode = encodeValue(type);
  for (let i = 0; i < rows; i++) {
    const value = values[i] ?? null;
    if (value !== null) encode(value as NonNullValue, writer);
    ends[i] = writer.length;
  }
  return { data: out.add(writer.bytes()), ends: out.add(bytesOf(ends)) };
}

/** The column's own memory: it is copied when the block is finished. */
function dataOf(type: DataType, writer: AnyWriter, rows: number, out: Sections): Data {
  switch (writer.kind) {
    case 'bool':
    case 'i32':
    case 'i64':
    case 'f64':
      return { data: out.add(bytesOf(writer.data.subarray(0, rows))), ends: null };
    case 'text':
      return {
        data: out.add(writer.heap.subarray(0, writer.at)),
        ends: out.add(bytesOf(writer.ends.subarray(0, rows))),
        ...(writer.wide ? { wide: true as const } : {}),
      };
    case 'boxed':
      return boxedColumn(type, writer, rows, out);
  }
}

/** Collects rows with their partitions, column by column. */
export class BlockBuilder {
  /** Of the rows so far: for decoders that write values in place. */
  readonly columns: RowColumns;
  /** Rows of which only the key counts. */
  #removed: number[] = [];
  readonly #partitions = new Map<string, number>();
  #partitionOf = new Uint16Array(FIRST_ROWS);
  /** The partition of the row before, and its number. */
  #last: string | null = null;
  #lastNumber = 0;

  constructor(types: readonly DataType[]) {
    this.columns = new RowColumns(types);
  }

  get length(): number {
    return this.columns.rows;
  }

  put(partition: string, row: Row): void {
    this.columns.put(row);
    this.#came(partition);
  }

  /** The row that was begun in `columns` is finished. */
  finish(partition: string): void {
    this.columns.finish();
    this.#came(partition);
  }

  #came(partition: string): void {
    if (partition !== this.#last) {
      let number = this.#partitions.get(partition);
      if (number === undefined) {
        number = this.#partitions.size;
        this.#partitions.set(partition, number);
      }
      this.#last = partition;
      this.#lastNumber = number;
    }
    const n = this.columns.rows - 1;
    if (n === this.#partitionOf.length) {
      const grown = new Uint16Array(n * 2);
      grown.set(this.#partitionOf);
      this.#partitionOf = grown;
    }
    this.#partitionOf[n] = this.#lastNumber;
  }

  remove(partition: string, row: Row): void {
    this.#removed.push(this.columns.rows);
    this.put(partition, row);
  }

  /** Everything so far; the builder is empty afterwards. */
  build(): Uint8Array<ArrayBuffer> {
    const { writers, types, rows } = this.columns;
    const out = new Sections();
    const columns = writers.map((writer, c): ColumnPlace => {
      // A NULL may have gone with its row.
      const marks = writer.nulls?.subarray(0, rows);
      const nulls = marks?.includes(1) === true ? out.add(marks) : null;
      return { nulls, ...dataOf(must(types[c]), writer, rows, out) };
    });
    let removals: Section | null = null;
    if (this.#removed.length > 0) {
      const marks = new Uint8Array(rows);
      for (const i of this.#removed) marks[i] = 1;
      removals = out.add(marks);
    }
    const single = this.#partitions.size <= 1;
    const partitionOf = single ? null : out.add(bytesOf(this.#partitionOf.subarray(0, rows)));
    const partitions = [...this.#partitions.keys()];
    const head: BlockHead = { rows, columns, removals, partitions, partitionOf };
    const block = out.finish(Buffer.from(JSON.stringify(head), 'utf8'));
    this.clear();
    return block;
  }

  /** No rows. */
  clear(): void {
    this.columns.clear();
    this.#removed = [];
    this.#partitions.clear();
    this.#last = null;
    if (this.#partitionOf.length > MOST_KEPT_ROWS) this.#partitionOf = new Uint16Array(FIRST_ROWS);
  }
}

// --- reading ---------------------------------------------------------------------------------------------------

/** Memory that typed arrays can be laid over. */
function inPlace(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % ALIGNMENT === 0 ? bytes : Uint8Array.from(bytes);
}

/** A block as rows or columns. Nothing is read before it is asked for. */
export class Block implements RowBlock {
  readonly bytes: Uint8Array;
  readonly #types: readonly DataType[];
  readonly #head: BlockHead;
  readonly #start: number;
  readonly #layout: number;
  #vectors: readonly Vector[] | null = null;

  constructor(bytes: Uint8Array, types: readonly DataType[]) {
    this.bytes = inPlace(bytes);
    this.#types = types;
    const [headBytes = 0, layout] = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, 2);
    assert(layout === LAYOUT || layout === LAYOUT_OF_UNITS, `rows in layout ${String(layout)}`);
    this.#layout = layout;
    const head = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + HEAD_AT, headBytes);
    this.#head = JSON.parse(head.toString('utf8')) as BlockHead;
    assert(this.#head.columns.length === types.length, 'a block has the columns of its relation');
    this.#start = aligned(HEAD_AT + headBytes);
  }

  get rows(): number {
    return this.#head.rows;
  }

  /** 1 where the row's key is removed; null: nowhere. */
  get removals(): Uint8Array | null {
    const { removals } = this.#head;
    return removals === null ? null : this.#bytesAt(removals);
  }

  partitions(): readonly string[] {
    const { partitions, partitionOf, rows } = this.#head;
    if (partitionOf === null) return new Array<string>(rows).fill(partitions[0] ?? '');
    const [at] = partitionOf;
    const numbers = new Uint16Array(this.bytes.buffer, this.#offset(at), rows);
    return Array.from(numbers, (number) => must(partitions[number]));
  }

  #offset(at: number): number {
    return this.bytes.byteOffset + this.#start + at;
  }

  #bytesAt([at, bytes]: Section): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.#offset(at), bytes);
  }

  /** Every column, over the block's own memory where that is possible. */
  vectors(): readonly Vector[] {
    this.#vectors ??= this.#types.map((type, c) => this.#vector(type, must(this.#head.columns[c])));
    return this.#vectors;
  }

  #vector(type: DataType, place: ColumnPlace): Vector {
    const n = this.rows;
    const { buffer } = this.bytes;
    const nulls = place.nulls === null ? null : this.#bytesAt(place.nulls);
    const at = this.#offset(place.data[0]);
    const kind = physicalKind(type);
    switch (kind) {
      case 'bool':
        return { kind, data: this.#bytesAt(place.data), nulls };
      case 'i32':
        return { kind, data: new Int32Array(buffer, at, n), nulls };
      case 'i64':
        return { kind, data: new BigInt64Array(buffer, at, n), nulls };
      case 'f64':
        return { kind, data: new Float64Array(buffer, at, n), nulls };
      case 'text':
        return this.#texts(place, nulls);
      case 'boxed':
        return { kind, data: this.#boxed(type, place, nulls), nulls };
    }
  }

  #ends({ ends }: ColumnPlace): Uint32Array {
    return new Uint32Array(this.bytes.buffer, this.#offset(must(ends)[0]), this.rows);
  }

  #texts(place: ColumnPlace, nulls: Uint8Array | null): Vector {
    const ends = this.#ends(place);
    const bytes = this.#bytesAt(place.data);
    if (this.#layout === LAYOUT) {
      return new TextVector(new ColumnTexts(bytes, ends, place.wide !== true), nulls, 0, this.rows);
    }
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isAscii = bytes.length === (ends.at(-1) ?? 0);
    return { kind: 'text', data: cutAt(all.toString(isAscii ? 'latin1' : 'utf8'), ends), nulls };
  }

  #boxed(type: DataType, place: ColumnPlace, nulls: Uint8Array | null): unknown[] {
    const n = this.rows;
    const decode = decodeValue(type);
    const reader = new ByteReader(this.#bytesAt(place.data));
    const values = new Array<unknown>(n);
    for (let i = 0; i < n; i++) values[i] = nulls !== null && nulls[i] === 1 ? null : decode(reader);
    return values;
  }

  /** Row `i`, of values. */
  row(i: number): Row {
    return this.vectors().map((vector) => vectorValue(vector, i));
  }
}
