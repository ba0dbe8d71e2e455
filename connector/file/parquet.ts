/**
 * Parquet files, read row group by row group: columns by name, only those that the relation has. A file without its footer is not
 * whole yet. State: the columns of the row group that was read last. Reading is synchronous, as readers of sources are; that is why
 * the parts of the package are put together here.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet';
import { readColumn } from 'hyparquet/src/column.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { parquetPlan } from 'hyparquet/src/plan.js';
import { getTreePath, isFlatColumn } from 'hyparquet/src/schema.js';
import { compressors } from 'hyparquet-compressors';
import { must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row, Value } from '../../common/value.ts';
import type { RecordReport } from '../formats/decoder.ts';
import { FieldFailure } from '../formats/encode.ts';
import { nestedDrift, type ParquetConverter, parquetConverter } from './parquetNestedValue.ts';
import { assembled, type LeafColumn, readLeaf } from './parquetRecords.ts';
import { leafKey, type ParquetShape, shapeOf } from './parquetShape.ts';

const MAGIC = 0x31524150;
const TAIL = 8;

/** Values as they are stored: what they mean is the column's business (parquetValue.ts). */
const rawParsers = {
  ...DEFAULT_PARSERS,
  timestampFromMilliseconds: (value: bigint) => value,
  timestampFromMicroseconds: (value: bigint) => value,
  timestampFromNanoseconds: (value: bigint) => value,
  dateFromDays: (value: number) => value,
  jsonFromBytes: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
} as unknown as typeof DEFAULT_PARSERS;

function readBytes(fd: number, from: number, to: number): ArrayBuffer {
  const bytes = new Uint8Array(to - from);
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(fd, bytes, done, bytes.length - done, from + done);
    if (count === 0) throw new SqlError('58030', 'the file ends before its data does');
    done += count;
  }
  return bytes.buffer;
}

interface ColumnSource {
  readonly column: Column;
  /** Null: the file has no such column. */
  readonly found: { readonly shape: ParquetShape; readonly convert: ParquetConverter } | null;
}

interface Group {
  readonly start: number;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ArrayLike<unknown>>;
}

export interface ParquetConfig {
  readonly columns: readonly Column[];
  readonly context: TextContext;
  readonly nullOnError: boolean;
  readonly report: RecordReport;
}

export class ParquetFile {
  readonly #path: string;
  readonly #config: ParquetConfig;
  readonly #metadata: FileMetaData;
  readonly #sources: readonly ColumnSource[];
  readonly rows: number;
  /** In bytes. */
  readonly size: number;
  #group: Group | null = null;

  private constructor(path: string, metadata: FileMetaData, size: number, config: ParquetConfig) {
    this.#path = path;
    this.#config = config;
    this.#metadata = metadata;
    this.size = size;
    this.rows = Number(metadata.num_rows);
    const tree = parquetSchema(metadata);
    const { columns, report, context } = config;
    this.#sources = columns.map((column) => {
      const { name, type } = column;
      const node = tree.children.find((child) => child.element.name === name);
      if (node === undefined) {
        report.drift('missing field', name, () => null);
        return { column, found: null };
      }
      const shape = shapeOf(node);
      nestedDrift(shape, type, name, report);
      return { column, found: { shape, convert: parquetConverter(shape, type, name, context) } };
    });
    for (const { element } of tree.children) {
      if (!columns.some((c) => c.name === element.name))
        report.drift('unknown field', element.name, () => null);
    }
  }

  /** Null: it is not whole yet. 22P04: it is no Parquet file, or has what cannot be read. */
  static open(path: string, config: ParquetConfig): ParquetFile | null {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      if (size < TAIL + 4) return null;
      const tail = new DataView(readBytes(fd, size - TAIL, size));
      if (tail.getUint32(4, true) !== MAGIC) return null;
      const length = tail.getUint32(0, true);
      if (length > size - TAIL - 4) throw new SqlError('22P04', `"${path}" is not a Parquet file`);
      const metadata = readable(path, () => parquetMetadata(readBytes(fd, size - TAIL - length, size)));
      return readable(path, () => new ParquetFile(path, metadata, size, config));
    } finally {
      closeSync(fd);
    }
  }

  /** The row with this number; it may throw SqlError, with the column to blame. */
  row(number: number): Row {
    const group = this.#groupOf(number);
    const { nullOnError, report } = this.#config;
    return this.#sources.map(({ column, found }): Value => {
      if (found === null) return null;
      const raw = group.columns.get(column.name)?.[number - group.start];
      try {
        return found.convert(raw);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const named = new SqlError(error.state, error.message, { column: column.name });
        const field = error instanceof FieldFailure ? error.field : column.name;
        report.drift('type changed', field, () => String(raw).slice(0, 100));
        if (!nullOnError) throw named;
        report.nulled(named, column.name);
        return null;
      }
    });
  }

  #groupOf(number: number): Group {
    const known = this.#group;
    if (known !== null && number >= known.start && number < known.start + known.rows) return known;
    const group = readable(this.#path, () => this.#readGroup(number));
    this.#group = group;
    return group;
  }

  #readGroup(number: number): Group {
    const metadata = this.#metadata;
    const columns = this.#sources.flatMap(({ column, found }) => (found === null ? [] : [column.name]));
    const file = { byteLength: this.size, slice: () => new ArrayBuffer(0) };
    const plan = parquetPlan({ file, metadata, columns, rowStart: number, rowEnd: number + 1 }).groups[0];
    if (plan === undefined) throw new SqlError('22P04', `"${this.#path}" has no row ${number}`);
    const tree = parquetSchema(metadata);
    const flat = new Map<string, ArrayLike<unknown>>();
    const leaves = new Map<string, LeafColumn>();
    const fd = openSync(this.#path, 'r');
    try {
      for (const chunk of columns.length === 0 ? [] : plan.chunks) {
        const { path_in_schema: path } = chunk.columnMetadata;
        const schemaPath = getTreePath(tree, path);
        const leaf = schemaPath.at(-1);
        if (leaf === undefined) continue;
        const view = new DataView(readBytes(fd, chunk.range.startByte, chunk.range.endByte));
        const decoder = {
          pathInSchema: path,
          schemaPath,
          ...chunk.columnMetadata,
          element: stored(leaf.element),
          parsers: rawParsers,
          compressors,
          utf8: false,
        };
        if (!isFlatColumn(schemaPath)) {
          leaves.set(leafKey(path), readLeaf(view, decoder));
          continue;
        }
        const select = { ...plan, selectStart: 0, selectEnd: plan.groupRows };
        const { data } = readColumn({ view, offset: 0 }, select, decoder);
        const values = data.flatMap((part) => Array.from(part as ArrayLike<unknown>));
        flat.set(leaf.element.name, values);
      }
    } finally {
      closeSync(fd);
    }
    const leafAt = (path: string): LeafColumn => must(leaves.get(path), 'every leaf has a chunk');
    for (const { column, found } of this.#sources) {
      if (found === null || flat.has(column.name)) continue;
      flat.set(column.name, assembled(found.shape, leafAt, plan.groupRows));
    }
    return { start: plan.groupStart, rows: plan.groupRows, columns: flat };
  }
}

/** The package makes floats of decimals: it is not told that they are. */
function stored(element: SchemaTree['element']): SchemaTree['element'] {
  if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL') return element;
  const { converted_type: _converted, logical_type: _logical, ...rest } = element;
  return rest;
}

/** Errors of the package are the file's. */
function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SqlError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SqlError('22P04', `cannot read Parquet file "${path}": ${reason}`);
  }
}
