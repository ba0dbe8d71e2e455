/**
 * The `posix_fs` source: files under a directory, records line by line, or rows of Parquet. Reads to the end, then follows appended
 * bytes and new files. Files are read in the order of their names; position: bytes (of `.gz`: unpacked ones) or rows read per file.
 * A file that was read to its end is looked at again for appended bytes; a last line without a line end waits for its end.
 */
import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type {
  BadRecord,
  FieldDrift,
  OptionSpec,
  Position,
  RawRecord,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector.ts';
import type { RecordDecoder, RecordReport } from '../formats/decoder.ts';
import { formats } from '../formats/index.ts';
import { textRecord } from '../rawRecord.ts';
import type { IncludeField } from '../remote.ts';
import { changed, type FileContent, fileContent, vanished } from './content.ts';
import { DriftTally } from './driftTally.ts';
import { type ParquetConfig, ParquetFile } from './parquet.ts';

const CHUNK_BYTES = 256 * 1024;
const FOLLOW_MICROS = 100_000n;
const NEWLINE = 0x0a;

const options: readonly OptionSpec[] = [
  { name: 'posix_fs.root', type: 'string', required: true, doc: 'Directory that holds the files.' },
  {
    name: 'match_pattern',
    type: 'string',
    doc: 'Glob over paths below the root: *, ?, ** and {a,b}. Default: all files.',
  },
  {
    name: 'refresh.interval.sec',
    type: 'float',
    doc: 'Accepted: new data is noticed within a tenth of a second.',
  },
];

const include: readonly IncludeField[] = [
  { name: 'file', type: types.varchar, doc: 'Path of the file below the root.' },
  {
    name: 'offset',
    type: types.varchar,
    doc: 'Where in the file the record begins: bytes (of `.gz`: unpacked ones), of Parquet the number of the row.',
  },
  { name: 'payload', type: types.varchar, doc: 'The record as text; Parquet has none.' },
];

/** A glob as a regular expression over `/`-separated paths. */
export function globRegex(pattern: string): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    if (c === '*' && pattern.charAt(i + 1) === '*') {
      source += pattern.charAt(i + 2) === '/' ? '(?:.*/)?' : '.*';
      i += pattern.charAt(i + 2) === '/' ? 2 : 1;
    } else if (c === '*') source += '[^/]*';
    else if (c === '?') source += '[^/]';
    else if (c === '{') source += '(?:';
    else if (c === '}') source += ')';
    else if (c === ',') source += '|';
    else source += c.replace(/[.+^$()|[\]\\]/g, '\\$&');
  }
  return new RegExp(`^${source}$`);
}

function listFiles(root: string, pattern: RegExp | null): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => relative(root, join(e.parentPath, e.name)).split(sep).join('/'));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new SqlError(isMissing ? '58P01' : '58030', `cannot read directory "${root}": ${message}`, {
      hint: 'The directory must be on the machine of this server, and this server must be allowed to read it.',
    });
  }
  return names.filter((name) => pattern === null || pattern.test(name)).sort();
}

interface FileState {
  readonly path: string;
  readonly content: FileContent;
  /** Null: of Parquet. */
  readonly decoder: RecordDecoder | null;
  /** Of Parquet, once the file is whole. */
  parquet: ParquetFile | null;
  /** Bytes consumed as whole records; rows of Parquet. */
  offset: number;
  /** The line that names the fields, once it has been read; null: there is none. */
  header: string | null;
}

/** A record in its file, by byte offset. */
interface Place {
  readonly state: FileState;
  readonly at: number;
  readonly text: string;
}

/** Under this name a letter's headers have the line that names the fields of a CSV record. */
export const HEADER_LINE = 'csv.header';

function recordAt({ state, at, text }: Place): RawRecord {
  const headers: RawRecord['headers'] =
    state.header === null ? [] : [[HEADER_LINE, Buffer.from(state.header).toString('base64')]];
  return textRecord(text, { partition: state.path, offset: String(at), headers });
}

/** What one poll gathers. */
class Gathered {
  readonly rows: Row[] = [];
  readonly places: Place[] = [];
  readonly bad: BadRecord[] = [];
  readonly drift = new DriftTally();
  /** A bad record at which reading ends; it has not been consumed. */
  stopped: SqlError | null = null;

  addBad(place: Place, error: SqlError, field: string | null, outcome?: 'nulled'): void {
    const { state, at, text } = place;
    this.bad.push({
      position: `${state.path}:${at}`,
      raw: text,
      message: error.message,
      state: error.state,
      record: recordAt(place),
      field,
      ...(outcome === undefined ? {} : { outcome }),
    });
  }

  recordOf(row: number): RawRecord | null {
    const place = this.places[row];
    return place === undefined ? null : recordAt(place);
  }
}

class FileReader implements SourceReader {
  readonly #config: SourceConfig;
  readonly #root: string;
  readonly #pattern: RegExp | null;
  readonly #files = new Map<string, FileState>();
  #idleSince: bigint | null = null;
  /** What the decoder has reported of the record at hand; drift goes to the tally of its poll at once where nothing can stop it. */
  #drift = new DriftTally();
  /** Of a header that no record has followed yet. */
  #headerDrift: readonly FieldDrift[] = [];
  #nulled: { readonly error: SqlError; readonly field: string }[] = [];
  readonly #report: RecordReport = {
    drift: (kind, field, sample) => this.#drift.count(kind, field, sample),
    nulled: (error, field) => this.#nulled.push({ error, field }),
  };

  constructor(config: SourceConfig, from: Position | null) {
    this.#config = config;
    this.#root = config.options.get('posix_fs.root') ?? '';
    const pattern = config.options.get('match_pattern');
    this.#pattern = pattern === undefined ? null : globRegex(pattern);
    if (from !== null) for (const [path, offset] of Object.entries(from)) this.#resume(path, Number(offset));
  }

  #state(path: string): FileState {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const decoder = isParquet(this.#config) ? null : newDecoder(this.#config, this.#report);
    const content = fileContent(join(this.#root, path), path);
    const state: FileState = { path, content, decoder, parquet: null, offset: 0, header: null };
    this.#files.set(path, state);
    return state;
  }

  /** A decoder keeps what it learnt from the header, so the first line is read again. */
  #resume(path: string, offset: number): void {
    const state = this.#state(path);
    if (offset > 0 && state.decoder !== null) {
      const first = this.#firstBytes(state, offset);
      const end = first?.indexOf(NEWLINE) ?? -1;
      if (first !== null && end >= 0) {
        const text = first.toString('utf8', 0, end).replace(/\r$/, '');
        // It has been reported when it was read first.
        this.#beginRecord(new DriftTally());
        try {
          if (state.decoder?.decode(text) === null) state.header = text;
        } catch (error) {
          if (!(error instanceof SqlError)) throw error;
        }
      }
    }
    state.offset = offset;
  }

  /** Where the header is; a file that has changed meanwhile is told of when it is polled. */
  #firstBytes(state: FileState, end: number): Buffer | null {
    try {
      return state.content.read(0, end, CHUNK_BYTES);
    } catch (error) {
      if (error instanceof SqlError) return null;
      throw error;
    }
  }

  /** Files that have gone are not read any more; what they still had is missing. */
  #checkVanished(paths: readonly string[]): void {
    const present = new Set(paths);
    for (const { path, content, parquet, offset, decoder } of this.#files.values()) {
      if (present.has(path)) continue;
      const hasMore = decoder === null ? parquet !== null && offset < parquet.rows : content.hasMore(offset);
      if (hasMore && offset > 0) throw vanished(path);
    }
  }

  poll(maxRows: number, until: Position | null): SourceRows | null {
    const paths = until === null ? listFiles(this.#root, this.#pattern) : Object.keys(until).sort();
    if (until === null) this.#checkVanished(paths);
    const strict = until === null && this.#config.onError === 'fail';
    const found = new Gathered();
    found.drift.merge(this.#headerDrift);
    this.#headerDrift = [];
    for (const path of paths) {
      const state = this.#state(path);
      const end = until === null ? Number.MAX_SAFE_INTEGER : Number(until[path]);
      while (found.rows.length < maxRows && this.#readRecords(state, end, maxRows, found, strict)) {}
      if (found.rows.length >= maxRows || found.stopped !== null) break;
    }
    const { rows, bad, stopped } = found;
    const drift = found.drift.list();
    if (rows.length === 0 && bad.length === 0) {
      if (stopped !== null) throw stopped;
      this.#headerDrift = drift;
      this.#idleSince = this.#config.clock();
      return null;
    }
    this.#idleSince = null;
    return { rows, bad, drift, recordOf: (row) => found.recordOf(row), position: this.#position() };
  }

  /** Decodes records of one chunk; false when the file has no further whole record, or the next one stops it. */
  #readRecords(state: FileState, end: number, maxRows: number, found: Gathered, strict: boolean): boolean {
    if (state.decoder === null) return this.#readParquet(state, end, maxRows, found, strict);
    for (let size = CHUNK_BYTES; ; size *= 2) {
      const chunk = state.content.read(state.offset, end, size);
      if (chunk === null) return false;
      const used = this.#decodeChunk(state, chunk, maxRows, found, strict);
      state.offset += used;
      if (found.stopped !== null) return false;
      if (used > 0) return true;
      // No whole record in the chunk: look further, unless this was all there is.
      if (chunk.length < size) return false;
    }
  }

  /** Rows of a Parquet file; false when it has no further one, is not whole yet, or the next one stops it. */
  #readParquet(state: FileState, end: number, maxRows: number, found: Gathered, strict: boolean): boolean {
    const path = join(this.#root, state.path);
    if (state.parquet === null) {
      this.#beginRecord(found.drift);
      state.parquet = ParquetFile.open(path, parquetConfig(this.#config, this.#report));
    } else if (sizeOf(path, state) !== state.parquet.size) {
      throw changed(state.path, 'was changed after it was read');
    }
    const { parquet } = state;
    if (parquet === null) return false;
    if (parquet.rows < state.offset)
      throw changed(state.path, `has ${parquet.rows} rows, ${state.offset} were read of it`);
    const last = Math.min(end, parquet.rows, state.offset + maxRows - found.rows.length);
    if (state.offset >= last) return false;
    while (state.offset < last) {
      const at = state.offset;
      this.#decode({ state, at, text: `row ${at}` }, found, strict);
      if (found.stopped !== null) return false;
      state.offset++;
    }
    return true;
  }

  #decodeChunk(state: FileState, chunk: Buffer, maxRows: number, found: Gathered, strict: boolean): number {
    let start = 0;
    let from = 0;
    while (found.rows.length < maxRows) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      const text = chunk.toString('utf8', start, end).replace(/\r$/, '');
      from = end + 1;
      if (state.decoder?.complete(text) !== true) continue;
      if (text.trim() !== '') this.#decode({ state, at: state.offset + start, text }, found, strict);
      if (found.stopped !== null) break;
      start = from;
    }
    return start;
  }

  #decode(place: Place, found: Gathered, strict: boolean): void {
    const { state, at, text } = place;
    this.#beginRecord(strict ? new DriftTally() : found.drift);
    try {
      const row = state.decoder === null ? (state.parquet?.row(at) ?? null) : state.decoder.decode(text);
      if (row === null) state.header = text;
      else {
        found.rows.push(this.#withIncluded(row, place));
        found.places.push(place);
      }
      for (const { error, field } of this.#nulled) found.addBad(place, error, field, 'nulled');
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (strict) {
        found.stopped = new SqlError(error.state, `bad record at ${state.path}:${at}: ${error.message}`);
        return;
      }
      found.addBad(place, error, error.column ?? null);
    }
    if (strict) found.drift.merge(this.#drift.list());
  }

  #withIncluded(row: Row, { state, at, text }: Place): Row {
    const { included } = this.#config;
    if (included === undefined) return row;
    const filled: Value[] = [...row];
    const value = included.fields.includes('payload') ? Buffer.from(text, 'utf8') : null;
    const place = { partition: state.path, offset: String(at) };
    included.fill({ ...place, key: null, value, timestamp: null, headers: [] }, filled);
    return filled;
  }

  #beginRecord(drift: DriftTally): void {
    this.#drift = drift;
    if (this.#nulled.length > 0) this.#nulled = [];
  }

  #position(): Position {
    return Object.fromEntries([...this.#files.values()].map((f) => [f.path, f.offset]));
  }

  nextPollMicros(): bigint | null {
    return this.#idleSince === null ? 0n : this.#idleSince + FOLLOW_MICROS;
  }

  close(): void {}
}

/** The columns that the file's records fill themselves. */
function decodedColumns({ columns, included }: SourceConfig): SourceConfig['columns'] {
  return columns.slice(0, columns.length - (included?.count ?? 0));
}

const isParquet = (config: SourceConfig): boolean => config.encode === 'PARQUET';

function sizeOf(path: string, state: FileState): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw vanished(state.path);
  return stat.size;
}

function parquetConfig(config: SourceConfig, report: RecordReport): ParquetConfig {
  const context = { ...plainContext(config.clock), timeZone: config.timeZone };
  return { columns: decodedColumns(config), context, nullOnError: config.onError === 'null', report };
}

/** Bytes or rows that a file has now. */
function endOf(config: SourceConfig, root: string, path: string): number {
  const file = join(root, path);
  if (!isParquet(config)) return fileContent(file, path).length();
  const silent: RecordReport = { drift: () => {}, nulled: () => {} };
  return ParquetFile.open(file, parquetConfig(config, silent))?.rows ?? 0;
}

function newDecoder(config: SourceConfig, report: RecordReport): RecordDecoder {
  const make = formats[config.encode ?? ''];
  if (make === undefined)
    throw new SqlError('0A000', `ENCODE ${config.encode ?? 'NATIVE'} is not supported by posix_fs`);
  return make({
    columns: decodedColumns(config),
    options: config.encodeOptions,
    context: { ...plainContext(config.clock), timeZone: config.timeZone },
    onError: config.onError ?? 'skip',
    report,
  });
}

export const posixFs: SourceConnector = {
  name: 'posix_fs',
  doc: 'CSV and newline-delimited JSON files in a local directory, followed as they grow; packed ones (`.gz`) and Parquet files as wholes.',
  options,
  formats: ['PLAIN CSV', 'PLAIN JSON', 'PLAIN PARQUET'],
  include,
  appendOnly: true,
  fixedColumns: () => null,
  open(config, from) {
    if (isParquet(config) && config.included?.fields.includes('payload') === true) {
      throw new SqlError('0A000', 'INCLUDE payload is not supported with ENCODE PARQUET');
    }
    return new FileReader(config, from);
  },
  currentEnd(config) {
    const root = config.options.get('posix_fs.root') ?? '';
    const pattern = config.options.get('match_pattern');
    const paths = listFiles(root, pattern === undefined ? null : globRegex(pattern));
    return Object.fromEntries(paths.map((path) => [path, endOf(config, root, path)]));
  },
};
