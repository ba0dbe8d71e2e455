/**
 * Parquet files, read row group by row group: columns by name, only those that the relation has. A file without its footer is not
 * whole yet. State: the columns of the row group that was read last. Reading is synchronous, as readers of sources are; that is why
 * the parts of the package are put together here.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { readColumn } from 'hyparquet/src/column.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { parquetPlan } from 'hyparquet/src/plan.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { compressors } from 'hyparquet-compressors';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { TextContext } from '../../common/textContext.ts';
import type { Row, Value } from '../../common/value.ts';
import type { RecordReport } from '../formats/decoder.ts';
import { type LeafMeaning, meaningOf, parquetValue } from './parquetValue.ts';

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
  readonly meaning: LeafMeaning | null;
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
    const { columns, report } = config;
    this.#sources = columns.map((column) => {
      const found = tree.children.find((child) => child.element.name === column.name);
      if (found === undefined) report.drift('missing field', column.name, () => null);
      return { column, meaning: found === undefined ? null : meaningOf(leafOf(found).element) };
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
      return new ParquetFile(path, metadata, size, config);
    } finally {
      closeSync(fd);
    }
  }

  /** The row with this number; it may throw SqlError, with the column to blame. */
  row(number: number): Row {
    const group = this.#groupOf(number);
    const { context, nullOnError, report } = this.#config;
    return this.#sources.map(({ column, meaning }): Value => {
      if (meaning === null) return null;
      const raw = group.columns.get(column.name)?.[number - group.start];
      try {
        return parquetValue(raw, column.type, meaning, context);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const named = new SqlError(error.state, `field "${column.name}": ${error.message}`, {
          column: column.name,
        });
        report.drift('type changed', column.name, () => String(raw).slice(0, 100));
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
    const columns = this.#sources.flatMap(({ column, meaning }) => (meaning === null ? [] : [column.name]));
    const file = { byteLength: this.size, slice: () => new ArrayBuffer(0) };
    const plan = parquetPlan({ file, metadata, columns, rowStart: number, rowEnd: number + 1 }).groups[0];
    if (plan === undefined) throw new SqlError('22P04', `"${this.#path}" has no row ${number}`);
    const tree = parquetSchema(metadata);
    const leaves = new Map<string, unknown[]>();
    const fd = openSync(this.#path, 'r');
    try {
      for (const chunk of columns.length === 0 ? [] : plan.chunks) {
        const { path_in_schema: path } = chunk.columnMetadata;
        const schemaPath = getTreePath(tree, path);
        const leaf = schemaPath.at(-1);
        if (leaf === undefined) continue;
        const view = new DataView(readBytes(fd, chunk.range.startByte, chunk.range.endByte));
        const select = { ...plan, selectStart: 0, selectEnd: plan.groupRows };
        const { data } = readColumn({ view, offset: 0 }, select, {
          pathInSchema: path,
          schemaPath,
          ...chunk.columnMetadata,
          element: stored(leaf.element),
          parsers: rawParsers,
          compressors,
          utf8: false,
        });
        leaves.set(
          path.join('.'),
          data.flatMap((part) => Array.from(part as ArrayLike<unknown>)),
        );
      }
    } finally {
      closeSync(fd);
    }
    for (const child of tree.children) {
      if (child.children.length > 0 && columns.includes(child.element.name)) {
        assembleNested(leaves, child, rawParsers);
      }
    }
    return { start: plan.groupStart, rows: plan.groupRows, columns: leaves };
  }
}

/** The package makes floats of decimals: it is not told that they are. */
function stored(element: SchemaTree['element']): SchemaTree['element'] {
  if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL') return element;
  const { converted_type: _converted, logical_type: _logical, ...rest } = element;
  return rest;
}

/** The leaf of a column: itself, or the element of a list. */
function leafOf(tree: SchemaTree): SchemaTree {
  const [only] = tree.children;
  if (only === undefined) return tree;
  if (tree.children.length > 1) {
    throw new SqlError('0A000', `Parquet column "${tree.element.name}" of nested fields is not supported`, {
      hint: 'Columns of simple types and lists of them can be read; leave this one out of the column list.',
    });
  }
  return leafOf(only);
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
