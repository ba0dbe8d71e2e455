/**
 * COPY's text and CSV formats: bytes to records and back.
 *
 * Decoding is incremental: `push` takes chunks cut anywhere and returns the records that are complete. A line is found
 * by scanning bytes (all special characters are ASCII, which UTF-8 never uses inside a character) and then split as
 * text. State: the bytes of the unfinished line, how far they were scanned, and whether that is inside quotes.
 * Invariant: the style of line ends is that of the first line, as in PostgreSQL.
 */
import type { CopyOptions } from './copyOptions.ts';
import { SqlError } from './sqlError.ts';
import { decodeUtf8 } from './utf8.ts';

/** What the records are for: the names that errors mention. */
export interface CopyTarget {
  readonly relation: string;
  readonly columns: readonly string[];
}

export interface CopyRecord {
  /** 1-based number of its (last) line. */
  readonly line: number;
  /** One text per column; null is SQL NULL. */
  readonly fields: readonly (string | null)[];
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
const POINT = 0x2e;
/** Longest excerpt of the data in an error's context. */
const MAX_EXCERPT = 100;
/** Longest line, as everything else that PostgreSQL keeps in one piece. */
const MAX_LINE_BYTES = 0x3fffffff;

type LineEnd = 'unknown' | '\n' | '\r' | '\r\n';

export class CopyDecoder {
  private readonly options: CopyOptions;
  private readonly target: CopyTarget;
  private readonly quote: number;
  /** 0 when quotes are escaped by doubling, which needs no look at the escape while scanning. */
  private readonly escape: number;
  private rest: Buffer = Buffer.alloc(0);
  private scanned = 0;
  private inQuotes = false;
  private afterEscape = false;
  private lineEnd: LineEnd = 'unknown';
  private line = 0;
  private headerPending: boolean;
  /** The end-of-data marker was read: what follows is ignored. */
  private finished = false;

  constructor(options: CopyOptions, target: CopyTarget) {
    this.options = options;
    this.target = target;
    this.quote = options.format === 'csv' ? options.quote.charCodeAt(0) : -1;
    this.escape =
      options.format === 'csv' && options.escape !== options.quote ? options.escape.charCodeAt(0) : -1;
    this.headerPending = options.header !== false;
  }

  /** Takes a chunk; returns the records it completes. */
  push(chunk: Uint8Array): readonly CopyRecord[] {
    if (this.finished) return [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const records: CopyRecord[] = [];
    this.readLines(records, false);
    if (this.rest.length > MAX_LINE_BYTES) throw new SqlError('54000', 'COPY line is too long');
    return records;
  }

  /** The data ends; returns the record of a last line without a line end. */
  end(): readonly CopyRecord[] {
    const records: CopyRecord[] = [];
    if (!this.finished) this.readLines(records, true);
    if (!this.finished && this.rest.length > 0) {
      this.take(records, this.rest);
    }
    this.rest = Buffer.alloc(0);
    this.finished = true;
    return records;
  }

  /** The error with the place of a value in the data as its context. */
  located(error: SqlError, record: CopyRecord, column: number): SqlError {
    const value = record.fields[column] ?? null;
    const shown = value === null ? 'null input' : `"${excerpt(value)}"`;
    const place = `line ${record.line}, column ${this.target.columns[column]}: ${shown}`;
    return error.with({ where: `COPY ${this.target.relation}, ${place}` });
  }

  /** An error that came instead of data (the client gave up, say) with the line being read as its context. */
  interrupted(error: SqlError): SqlError {
    if (error.where !== undefined) return error;
    return error.with({ where: `COPY ${this.target.relation}, line ${this.line + 1}` });
  }

  private readLines(records: CopyRecord[], atEnd: boolean): void {
    let start = 0;
    for (;;) {
      const stop = this.scanLine(start, atEnd);
      if (stop === null) break;
      if (stop.marker) {
        if (stop.end > start) this.take(records, this.rest.subarray(start, stop.end));
        this.finished = true;
        start = this.rest.length;
        break;
      }
      this.take(records, this.rest.subarray(start, stop.end));
      start = stop.next;
      this.scanned = start;
    }
    this.rest = this.rest.subarray(start);
    this.scanned -= start;
  }

  /** Finds the end of the line that begins at `start`, resuming where the last scan stopped; null until it is there. */
  private scanLine(start: number, atEnd: boolean): LineStop | null {
    const { rest, quote, escape: escapeByte } = this;
    const csv = this.options.format === 'csv';
    let i = Math.max(this.scanned, start);
    for (; i < rest.length; i++) {
      const c = rest[i] ?? 0;
      if (csv) {
        if (this.inQuotes && c === escapeByte) this.afterEscape = !this.afterEscape;
        if (c === quote && !this.afterEscape) this.inQuotes = !this.inQuotes;
        if (c !== escapeByte) this.afterEscape = false;
        if (this.inQuotes) {
          if (c === (this.lineEnd === '\n' ? NEWLINE : RETURN)) this.line++;
          continue;
        }
      }
      if (c === NEWLINE || c === RETURN) {
        const stop = this.lineStop(i, c, atEnd);
        if (stop === null) break;
        return stop;
      }
      if (c === BACKSLASH && (!csv || i === start)) {
        const skip = this.backslash(i, csv, atEnd);
        if (skip === null) break;
        if (skip === 'marker') return { end: i, next: rest.length, marker: true };
        i += skip;
      }
    }
    this.scanned = i;
    return null;
  }

  /** A CR or LF outside quotes at `i`. Null when the byte behind a CR has not come yet. */
  private lineStop(i: number, c: number, atEnd: boolean): LineStop | null {
    if (c === NEWLINE) {
      if (this.lineEnd === '\r' || this.lineEnd === '\r\n') throw this.strayLineEnd('newline', '\\n');
      this.lineEnd = '\n';
      return { end: i, next: i + 1, marker: false };
    }
    if (this.lineEnd === '\n') throw this.strayLineEnd('carriage return', '\\r');
    if (this.lineEnd === '\r') return { end: i, next: i + 1, marker: false };
    if (i + 1 >= this.rest.length && !atEnd) return null;
    if (this.rest[i + 1] === NEWLINE) {
      this.lineEnd = '\r\n';
      return { end: i, next: i + 2, marker: false };
    }
    if (this.lineEnd === '\r\n') throw this.strayLineEnd('carriage return', '\\r');
    this.lineEnd = '\r';
    return { end: i, next: i + 1, marker: false };
  }

  /**
   * A backslash at `i`, in text format or first in a CSV line. Returns how many bytes behind it belong to it, 'marker'
   * for the end-of-data marker, null when more bytes are needed to tell.
   */
  private backslash(i: number, csv: boolean, atEnd: boolean): number | 'marker' | null {
    const { rest } = this;
    const known = (at: number): boolean => at < rest.length || atEnd;
    if (!known(i + 1)) return null;
    if (rest[i + 1] !== POINT) return csv ? 0 : 1;
    if (!known(i + 2)) return null;
    const next = rest[i + 2];
    if (next !== NEWLINE && next !== RETURN) {
      if (csv) return 0;
      throw this.whileScanning('end-of-copy marker corrupt');
    }
    const expected = this.lineEnd === '\n' ? NEWLINE : this.lineEnd === 'unknown' ? next : RETURN;
    if (next !== expected) {
      throw this.whileScanning('end-of-copy marker does not match previous newline style');
    }
    return 'marker';
  }

  /** A complete line: the header, or a record. */
  private take(records: CopyRecord[], bytes: Buffer): void {
    this.line++;
    const text = this.inContext(`line ${this.line}`, () => decodeUtf8(bytes));
    if (this.headerPending) {
      this.headerPending = false;
      if (this.options.header === 'match') this.checkHeader(text);
      return;
    }
    const fields = this.inContext(`line ${this.line}: "${excerpt(text)}"`, () => this.split(text));
    if (fields.length !== this.target.columns.length) throw this.wrongCount(fields.length, text);
    records.push({ line: this.line, fields });
  }

  /** Runs `step`; an error that does not say where it is gets `place` as its context. */
  private inContext<T>(place: string, step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof SqlError) || error.where !== undefined) throw error;
      throw error.with({ where: `COPY ${this.target.relation}, ${place}` });
    }
  }

  private split(text: string): readonly (string | null)[] {
    if (this.options.format === 'text') return splitText(text, this.options);
    const fields = splitCsv(text, this.options, this.target.columns);
    if (fields === null) throw this.badLine('unterminated CSV quoted field', Buffer.from(text));
    return fields;
  }

  private checkHeader(text: string): void {
    const { columns } = this.target;
    const fields = this.split(text);
    if (fields.length !== columns.length) {
      const counts = `got ${fields.length}, expected ${columns.length}`;
      throw this.badLine(`wrong number of fields in header line: ${counts}`, Buffer.from(text));
    }
    columns.forEach((name, i) => {
      const got = fields[i] ?? null;
      if (got === name) return;
      const found = got === null ? `null value ("${this.options.nullString}")` : `"${got}"`;
      throw this.badLine(
        `column name mismatch in header line field ${i + 1}: got ${found}, expected "${name}"`,
        Buffer.from(text),
      );
    });
  }

  private wrongCount(count: number, text: string): SqlError {
    const { columns } = this.target;
    const message =
      count > columns.length
        ? 'extra data after last expected column'
        : `missing data for column "${columns[count] ?? ''}"`;
    return new SqlError('22P04', message, { where: this.context(text) });
  }

  private strayLineEnd(what: string, escaped: string): SqlError {
    const csv = this.options.format === 'csv';
    return this.whileScanning(
      `${csv ? 'unquoted' : 'literal'} ${what} found in data`,
      csv ? `Use quoted CSV field to represent ${what}.` : `Use "${escaped}" to represent ${what}.`,
    );
  }

  /** An error met before the line was complete: its context is the line's number alone. */
  private whileScanning(message: string, hint?: string): SqlError {
    return this.interrupted(new SqlError('22P04', message, hint === undefined ? {} : { hint }));
  }

  private badLine(message: string, bytes: Buffer): SqlError {
    return new SqlError('22P04', message, { where: this.context(bytes.toString('utf8')) });
  }

  private context(text: string): string {
    return `COPY ${this.target.relation}, line ${this.line}: "${excerpt(text)}"`;
  }
}

interface LineStop {
  /** Where the line's bytes end, and where the next line begins. */
  readonly end: number;
  readonly next: number;
  /** It ends with the end-of-data marker. */
  readonly marker: boolean;
}

function excerpt(text: string): string {
  return text.length > MAX_EXCERPT ? `${text.slice(0, MAX_EXCERPT)}...` : text;
}

/** A line of text format: NULL is recognised before backslash sequences are. */
function splitText(line: string, options: CopyOptions): readonly (string | null)[] {
  const { delimiter, nullString } = options;
  if (!line.includes('\\')) {
    const fields: (string | null)[] = line.split(delimiter);
    for (let i = 0; i < fields.length; i++) if (fields[i] === nullString) fields[i] = null;
    return fields;
  }
  const fields: (string | null)[] = [];
  let start = 0;
  let end = line.length;
  for (let i = 0; i <= line.length; i++) {
    if (line[i] === '\\') {
      i++;
      if (i < line.length) continue;
      // A backslash at the very end stands for nothing.
      end--;
    }
    if (i < line.length && line[i] !== delimiter) continue;
    const raw = line.slice(start, Math.min(i, end));
    fields.push(raw === nullString ? null : raw.includes('\\') ? unescapeText(raw) : raw);
    start = i + 1;
  }
  return fields;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** Backslash sequences; octal and hexadecimal ones stand for bytes, which together must be UTF-8. */
function unescapeText(raw: string): string {
  let bytesSeen = false;
  const text = raw.replace(
    /\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|([\s\S]))/g,
    (all, hex?: string, octal?: string, other?: string) => {
      if (other !== undefined) return escapes.get(other) ?? other;
      const byte = numericEscape(hex, octal);
      if (byte > 0 && byte < 0x80) return String.fromCharCode(byte);
      bytesSeen = true;
      return all;
    },
  );
  return bytesSeen ? unescapeBytes(raw) : text;
}

function numericEscape(hex: string | undefined, octal: string | undefined): number {
  return hex !== undefined ? Number.parseInt(hex, 16) : Number.parseInt(octal ?? '0', 8) & 0xff;
}

function unescapeBytes(raw: string): string {
  const parts: Buffer[] = [];
  const pattern = /\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|([\s\S]))|[^\\]+/g;
  for (const [all, hex, octal, other] of raw.matchAll(pattern)) {
    if (other !== undefined) parts.push(Buffer.from(escapes.get(other) ?? other));
    else if (hex !== undefined || octal !== undefined) parts.push(Buffer.of(numericEscape(hex, octal)));
    else parts.push(Buffer.from(all));
  }
  return decodeUtf8(Buffer.concat(parts));
}

/** A record of CSV (its quoted fields may hold line ends); null when a quote stays open. */
function splitCsv(
  line: string,
  options: CopyOptions,
  columns: readonly string[],
): readonly (string | null)[] | null {
  const { delimiter, quote, escape: escapeChar } = options;
  const fields: (string | null)[] = [];
  if (!line.includes(quote)) {
    line.split(delimiter).forEach((field, i) => {
      fields.push(csvNull(field, false, columns[i], options));
    });
    return fields;
  }
  let i = 0;
  for (;;) {
    let value = '';
    let quoted = false;
    let open = false;
    for (; i < line.length; i++) {
      const c = line[i] ?? '';
      if (!open) {
        if (c === delimiter) break;
        if (c === quote) {
          open = true;
          quoted = true;
        } else value += c;
        continue;
      }
      const next = line[i + 1];
      if (c === escapeChar && (next === escapeChar || next === quote)) {
        value += next;
        i++;
      } else if (c === quote) open = false;
      else value += c;
    }
    if (open) return null;
    fields.push(csvNull(value, quoted, columns[fields.length], options));
    if (i >= line.length) return fields;
    i++;
  }
}

/** Only an unquoted null string is NULL, unless the column is forced to one side. */
function csvNull(
  value: string,
  quoted: boolean,
  column: string | undefined,
  options: CopyOptions,
): string | null {
  if (value !== options.nullString) return value;
  if (quoted) return column !== undefined && options.forceNull.includes(column) ? null : value;
  return column !== undefined && options.forceNotNull.includes(column) ? value : null;
}
