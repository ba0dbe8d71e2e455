/**
 * The `posix_fs` source: files under a directory, records line by line. Reads to the end, then follows appended bytes and
 * new files. Files are read in the order of their names; position: bytes read per file. A file that was read to its end
 * is looked at again for appended bytes; a last line without a line end waits for its end.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { SqlError } from '../../common/sqlError.ts';
import { plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type {
  BadRecord,
  OptionSpec,
  Position,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector.ts';
import type { RecordDecoder } from '../formats/decoder.ts';
import { formats } from '../formats/index.ts';

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
    throw new SqlError(
      '58030',
      `cannot read directory "${root}": ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return names.filter((name) => pattern === null || pattern.test(name)).sort();
}

interface FileState {
  readonly path: string;
  readonly decoder: RecordDecoder;
  /** Bytes consumed as whole records. */
  offset: number;
}

class FileReader implements SourceReader {
  readonly #config: SourceConfig;
  readonly #root: string;
  readonly #pattern: RegExp | null;
  readonly #files = new Map<string, FileState>();
  #idleSince: bigint | null = null;

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
    const state: FileState = { path, decoder: newDecoder(this.#config), offset: 0 };
    this.#files.set(path, state);
    return state;
  }

  /** A decoder keeps what it learnt from the header, so the first line is read again. */
  #resume(path: string, offset: number): void {
    const state = this.#state(path);
    if (offset > 0) {
      const first = this.#read(state, offset);
      const end = first?.indexOf(NEWLINE) ?? -1;
      if (first !== null && end >= 0) {
        try {
          state.decoder.decode(first.toString('utf8', 0, end).replace(/\r$/, ''));
        } catch (error) {
          if (!(error instanceof SqlError)) throw error;
        }
      }
    }
    state.offset = offset;
  }

  /** Bytes of the file from its offset, at most to `end`; null when there are none. */
  #read(state: FileState, end: number, size = CHUNK_BYTES): Buffer | null {
    const fd = openSync(join(this.#root, state.path), 'r');
    try {
      const available = Math.min(fstatSync(fd).size, end) - state.offset;
      if (available <= 0) return null;
      const buffer = Buffer.allocUnsafe(Math.min(available, size));
      const count = readSync(fd, buffer, 0, buffer.length, state.offset);
      return count === 0 ? null : buffer.subarray(0, count);
    } finally {
      closeSync(fd);
    }
  }

  poll(maxRows: number, until: Position | null): SourceRows | null {
    const paths = until === null ? listFiles(this.#root, this.#pattern) : Object.keys(until).sort();
    const rows: Row[] = [];
    const bad: BadRecord[] = [];
    for (const path of paths) {
      const state = this.#state(path);
      const end = until === null ? Number.MAX_SAFE_INTEGER : Number(until[path]);
      while (rows.length < maxRows && this.#readRecords(state, end, maxRows, rows, bad)) {}
      if (rows.length >= maxRows) break;
    }
    if (rows.length === 0 && bad.length === 0) {
      this.#idleSince = this.#config.clock();
      return null;
    }
    this.#idleSince = null;
    return { rows, bad, position: this.#position() };
  }

  /** Decodes records of one chunk; false when the file has no further whole record. */
  #readRecords(state: FileState, end: number, maxRows: number, rows: Row[], bad: BadRecord[]): boolean {
    for (let size = CHUNK_BYTES; ; size *= 2) {
      const chunk = this.#read(state, end, size);
      if (chunk === null) return false;
      const used = this.#decodeChunk(state, chunk, maxRows, rows, bad);
      if (used > 0) {
        state.offset += used;
        return true;
      }
      // No whole record in the chunk: look further, unless this was all there is.
      if (chunk.length < size) return false;
    }
  }

  #decodeChunk(state: FileState, chunk: Buffer, maxRows: number, rows: Row[], bad: BadRecord[]): number {
    let start = 0;
    let from = 0;
    while (rows.length < maxRows) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      const text = chunk.toString('utf8', start, end).replace(/\r$/, '');
      from = end + 1;
      if (!state.decoder.complete(text)) continue;
      if (text.trim() !== '') this.#decode(state, text, state.offset + start, rows, bad);
      start = from;
    }
    return start;
  }

  #decode(state: FileState, text: string, at: number, rows: Row[], bad: BadRecord[]): void {
    try {
      const row = state.decoder.decode(text);
      if (row !== null) rows.push(row);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      bad.push({ position: `${state.path}:${at}`, raw: text, message: error.message, state: error.state });
    }
  }

  #position(): Position {
    return Object.fromEntries([...this.#files.values()].map((f) => [f.path, f.offset]));
  }

  nextPollMicros(): bigint | null {
    return this.#idleSince === null ? 0n : this.#idleSince + FOLLOW_MICROS;
  }

  close(): void {}
}

function newDecoder(config: SourceConfig): RecordDecoder {
  const make = formats[config.encode ?? ''];
  if (make === undefined)
    throw new SqlError('0A000', `ENCODE ${config.encode ?? 'NATIVE'} is not supported by posix_fs`);
  return make({
    columns: config.columns,
    options: config.encodeOptions,
    context: { ...plainContext(config.clock), timeZone: config.timeZone },
  });
}

export const posixFs: SourceConnector = {
  name: 'posix_fs',
  doc: 'CSV and newline-delimited JSON files in a local directory, followed as they grow.',
  options,
  formats: ['PLAIN CSV', 'PLAIN JSON'],
  appendOnly: true,
  fixedColumns: () => null,
  open: (config, from) => new FileReader(config, from),
  currentEnd(config) {
    const root = config.options.get('posix_fs.root') ?? '';
    const pattern = config.options.get('match_pattern');
    const paths = listFiles(root, pattern === undefined ? null : globRegex(pattern));
    return Object.fromEntries(paths.map((path) => [path, statSync(join(root, path)).size]));
  },
};
