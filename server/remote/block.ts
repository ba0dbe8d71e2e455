/**
 * Rows as one piece of memory, column by column: what a worker makes of decoded messages, what is handed over without copying,
 * what the journal keeps, and what the dataflow reads in place. Whoever writes it lays out the columns; the main thread makes
 * views of typed arrays over the bytes and cuts text out of one string.
 *
 * Layout (little-endian as typed arrays of the machine are; sections begin at multiples of 8):
 *   u32 length of the head, u32 layout number, head (JSON, `BlockHead`), sections
 * Text: UTF-8 of all values and Uint32 ends in UTF-16 units. Boxed: encodings of common/codec.ts and Uint32 ends in bytes.
 */
import { assert, must } from '../../common/assert.ts';
import { ByteReader, ByteWriter } from '../../common/byteWriter.ts';
import { decodeValue, encodeValue } from '../../common/codec.ts';
import { type DataType, physicalKind } from '../../common/dataType.ts';
import type { NonNullValue, Row } from '../../common/value.ts';
import type { RowBlock } from '../../connector/connector.ts';
import type { Vector } from '../../executor/batch.ts';
import { vectorValue } from '../../executor/batchBuilder.ts';
import { ROOM_BEFORE } from '../journalRecords.ts';

const LAYOUT = 1;
const HEAD_AT = 8;
const ALIGNMENT = 8;

/** Where a section begins and how many bytes it has. */
type Section = readonly [at: number, bytes: number];

interface ColumnPlace {
  readonly nulls: Section | null;
  readonly data: Section;
  /** Of text and boxed values. */
  readonly ends: Section | null;
}

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

const bytesOf = (array: Uint8Array | Uint16Array | Uint32Array | Int32Array | BigInt64Array | Float64Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

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

function textColumn(rows: readonly Row[], c: number, out: Sections): Omit<ColumnPlace, 'nulls'> {
  const ends = new Uint32Array(rows.length);
  let all = '';
  for (let i = 0; i < rows.length; i++) {
    all += (rows[i]?.[c] ?? '') as string;
    ends[i] = all.length;
  }
  return { data: out.add(Buffer.from(all, 'utf8')), ends: out.add(bytesOf(ends)) };
}

function boxedColumn(
  type: DataType,
  rows: readonly Row[],
  c: number,
  out: Sections,
): Omit<ColumnPlace, 'nulls'> {
  const ends = new Uint32Array(rows.length);
  const writer = new ByteWriter();
  const encode = encodeValue(type);
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]?.[c] ?? null;
    if (value !== null) encode(value as NonNullValue, writer);
    ends[i] = writer.length;
  }
  return { data: out.add(writer.bytes()), ends: out.add(bytesOf(ends)) };
}

function column(type: DataType, rows: readonly Row[], c: number, out: Sections): ColumnPlace {
  const n = rows.length;
  const found = nullsOf(rows, c);
  const nulls = found === null ? null : out.add(found);
  const kind = physicalKind(type);
  switch (kind) {
    case 'bool': {
      const data = new Uint8Array(n);
      for (let i = 0; i < n; i++) data[i] = rows[i]?.[c] === true ? 1 : 0;
      return { nulls, data: out.add(data), ends: null };
    }
    case 'i32': {
      const data = new Int32Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0) as number;
      return { nulls, data: out.add(bytesOf(data)), ends: null };
    }
    case 'i64': {
      const data = new BigInt64Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0n) as bigint;
      return { nulls, data: out.add(bytesOf(data)), ends: null };
    }
    case 'f64': {
      const data = new Float64Array(n);
      for (let i = 0; i < n; i++) data[i] = (rows[i]?.[c] ?? 0) as number;
      return { nulls, data: out.add(bytesOf(data)), ends: null };
    }
    case 'text':
      return { nulls, ...textColumn(rows, c, out) };
    case 'boxed':
      return { nulls, ...boxedColumn(type, rows, c, out) };
  }
}

/** Collects rows with their partitions; a row must not change until `build`. */
export class BlockBuilder {
  readonly #types: readonly DataType[];
  #rows: Row[] = [];
  /** Rows of which only the key counts. */
  #removed: number[] = [];
  readonly #partitions = new Map<string, number>();
  #partitionOf: number[] = [];

  constructor(types: readonly DataType[]) {
    this.#types = types;
  }

  get length(): number {
    return this.#rows.length;
  }

  put(partition: string, row: Row): void {
    let number = this.#partitions.get(partition);
    if (number === undefined) {
      number = this.#partitions.size;
      this.#partitions.set(partition, number);
    }
    this.#partitionOf.push(number);
    this.#rows.push(row);
  }

  remove(partition: string, row: Row): void {
    this.#removed.push(this.#rows.length);
    this.put(partition, row);
  }

  /** Everything so far; the builder is empty afterwards. */
  build(): Uint8Array<ArrayBuffer> {
    const rows = this.#rows;
    const out = new Sections();
    const columns = this.#types.map((type, c) => column(type, rows, c, out));
    let removals: Section | null = null;
    if (this.#removed.length > 0) {
      const marks = new Uint8Array(rows.length);
      for (const i of this.#removed) marks[i] = 1;
      removals = out.add(marks);
    }
    const single = this.#partitions.size <= 1;
    const partitionOf = single ? null : out.add(bytesOf(Uint16Array.from(this.#partitionOf)));
    const partitions = [...this.#partitions.keys()];
    const head: BlockHead = { rows: rows.length, columns, removals, partitions, partitionOf };
    this.#rows = [];
    this.#removed = [];
    this.#partitionOf = [];
    this.#partitions.clear();
    return out.finish(Buffer.from(JSON.stringify(head), 'utf8'));
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
  #vectors: readonly Vector[] | null = null;

  constructor(bytes: Uint8Array, types: readonly DataType[]) {
    this.bytes = inPlace(bytes);
    this.#types = types;
    const [headBytes = 0, layout] = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, 2);
    assert(layout === LAYOUT, `rows in layout ${String(layout)}`);
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
        return { kind, data: this.#texts(place), nulls };
      case 'boxed':
        return { kind, data: this.#boxed(type, place, nulls), nulls };
    }
  }

  #ends({ ends }: ColumnPlace): Uint32Array {
    return new Uint32Array(this.bytes.buffer, this.#offset(must(ends)[0]), this.rows);
  }

  #texts(place: ColumnPlace): string[] {
    const ends = this.#ends(place);
    const n = this.rows;
    const [at, bytes] = place.data;
    const all = Buffer.from(this.bytes.buffer, this.#offset(at), bytes);
    // ASCII is by far the cheaper to read.
    const isAscii = bytes === (ends[n - 1] ?? 0);
    const text = all.toString(isAscii ? 'latin1' : 'utf8');
    const texts = new Array<string>(n);
    let from = 0;
    for (let i = 0; i < n; i++) {
      const to = ends[i] as number;
      texts[i] = text.substring(from, to);
      from = to;
    }
    return texts;
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
