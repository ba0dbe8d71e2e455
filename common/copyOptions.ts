/** Options of COPY, with PostgreSQL's defaults, restrictions and errors. Also the dialect of CSV files. */
import { SqlError, unsupported } from './sqlError.ts';

export interface CopyOptions {
  readonly format: 'text' | 'csv';
  /** One ASCII character. */
  readonly delimiter: string;
  /** How NULL is written. */
  readonly nullString: string;
  /** A first line of column names: skipped on input unless it must match. */
  readonly header: boolean | 'match';
  readonly quote: string;
  readonly escape: string;
  /** Columns always quoted on output. */
  readonly forceQuote: readonly string[] | '*';
  /** Columns whose unquoted null string is not NULL on input. */
  readonly forceNotNull: readonly string[];
  /** Columns whose quoted null string is NULL on input. */
  readonly forceNull: readonly string[];
}

/** An option as written: a word, string or number as text, a boolean, or a list of column names. */
export type CopyOptionValue = string | boolean | readonly string[];

export interface CopyOption {
  readonly name: string;
  readonly value: CopyOptionValue;
  readonly position?: number;
}

const known: ReadonlySet<string> = new Set([
  'format',
  'delimiter',
  'null',
  'header',
  'quote',
  'escape',
  'encoding',
  'freeze',
  'force_quote',
  'force_not_null',
  'force_null',
]);

/** The options of text format without any given. */
export const textCopyDefaults: CopyOptions = {
  format: 'text',
  delimiter: '\t',
  nullString: '\\N',
  header: false,
  quote: '"',
  escape: '"',
  forceQuote: [],
  forceNotNull: [],
  forceNull: [],
};

/** The options of CSV without any given. */
export const csvCopyDefaults: CopyOptions = {
  ...textCopyDefaults,
  format: 'csv',
  delimiter: ',',
  nullString: '',
};

/** Reads the options of a COPY statement; 42601, 22023 or 0A000 as PostgreSQL for those that do not fit. */
export function copyOptions(given: readonly CopyOption[], direction: 'from' | 'to'): CopyOptions {
  const values = new Map<string, CopyOption>();
  for (const option of given) {
    if (!known.has(option.name)) throw at(option, '42601', `option "${option.name}" not recognized`);
    if (values.has(option.name)) throw at(option, '42601', 'conflicting or redundant options');
    values.set(option.name, option);
  }
  const format = readFormat(values.get('format'));
  const defaults = format === 'csv' ? csvCopyDefaults : textCopyDefaults;
  checkEncoding(values.get('encoding'));
  const quote = readText(values.get('quote')) ?? defaults.quote;
  const options: CopyOptions = {
    format,
    delimiter: readText(values.get('delimiter')) ?? defaults.delimiter,
    nullString: readText(values.get('null')) ?? defaults.nullString,
    header: readHeader(values.get('header'), direction),
    quote,
    escape: readText(values.get('escape')) ?? quote,
    forceQuote: readColumns(values.get('force_quote'), true),
    forceNotNull: readColumnList(values.get('force_not_null')),
    forceNull: readColumnList(values.get('force_null')),
  };
  checkCharacters(options);
  checkCsvOnly(options, values, direction);
  return options;
}

function at(option: CopyOption | undefined, state: '42601' | '22023' | '0A000', message: string): SqlError {
  return new SqlError(state, message).at(option?.position);
}

function readFormat(option: CopyOption | undefined): 'text' | 'csv' {
  if (option === undefined) return 'text';
  if (option.value === 'text' || option.value === 'csv') return option.value;
  if (option.value === 'binary') throw unsupported('COPY FORMAT BINARY', option.position);
  throw at(option, '22023', `COPY format "${String(option.value)}" not recognized`);
}

function readText(option: CopyOption | undefined): string | null {
  if (option === undefined) return null;
  if (typeof option.value === 'string') return option.value;
  throw at(option, '42601', `${option.name} requires a parameter`);
}

function readHeader(option: CopyOption | undefined, direction: 'from' | 'to'): boolean | 'match' {
  if (option === undefined) return false;
  const { value } = option;
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  if (word === 'true' || word === 'on' || word === '1') return true;
  if (word === 'false' || word === 'off' || word === '0') return false;
  if (word === 'match') {
    if (direction === 'from') return 'match';
    throw at(option, '0A000', 'cannot use "match" with HEADER in COPY TO');
  }
  throw at(option, '42601', 'header requires a Boolean value or "match"');
}

function readColumns(option: CopyOption | undefined, all: boolean): readonly string[] | '*' {
  if (option === undefined) return [];
  if (all && option.value === '*') return '*';
  if (typeof option.value === 'string') return [option.value];
  if (typeof option.value !== 'boolean') return option.value;
  throw at(option, '22023', `argument to option "${option.name}" must be a list of column names`);
}

function readColumnList(option: CopyOption | undefined): readonly string[] {
  const columns = readColumns(option, false);
  return columns === '*' ? [] : columns;
}

function checkEncoding(option: CopyOption | undefined): void {
  if (option === undefined) return;
  const name = String(option.value)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  if (name === 'utf8' || name === 'unicode') return;
  throw unsupported(`COPY ENCODING "${String(option.value)}"`, option.position, 'Only UTF8 is supported.');
}

/** The rules for the single characters and the null string. */
function checkCharacters(options: CopyOptions): void {
  const { format, delimiter, nullString, quote } = options;
  const isAscii = (s: string): boolean => s.length === 1 && s.charCodeAt(0) < 0x80;
  if (!isAscii(delimiter)) throw new SqlError('0A000', 'COPY delimiter must be a single one-byte character');
  if (/[\r\n]/.test(delimiter)) {
    throw new SqlError('22023', 'COPY delimiter cannot be newline or carriage return');
  }
  if (/[\r\n]/.test(nullString)) {
    throw new SqlError('22023', 'COPY null representation cannot use newline or carriage return');
  }
  if (format === 'text' && /[\\.a-z0-9]/.test(delimiter)) {
    throw new SqlError('22023', `COPY delimiter cannot be "${delimiter}"`);
  }
  if (format === 'csv') {
    if (!isAscii(quote)) throw new SqlError('0A000', 'COPY quote must be a single one-byte character');
    if (delimiter === quote) throw new SqlError('22023', 'COPY delimiter and quote must be different');
    if (!isAscii(options.escape))
      throw new SqlError('0A000', 'COPY escape must be a single one-byte character');
    if (nullString.includes(quote)) {
      throw new SqlError('0A000', 'CSV quote character must not appear in the NULL specification');
    }
  }
  if (nullString.includes(delimiter)) {
    throw new SqlError('0A000', 'COPY delimiter must not appear in the NULL specification');
  }
}

/** Options that only CSV, or only one direction, knows. */
function checkCsvOnly(
  options: CopyOptions,
  values: ReadonlyMap<string, CopyOption>,
  direction: 'from' | 'to',
): void {
  const spelled: readonly (readonly [string, string, 'from' | 'to' | null])[] = [
    ['quote', 'quote', null],
    ['escape', 'escape', null],
    ['force_quote', 'force quote', 'to'],
    ['force_not_null', 'force not null', 'from'],
    ['force_null', 'force null', 'from'],
  ];
  for (const [name, words, only] of spelled) {
    if (!values.has(name)) continue;
    if (options.format !== 'csv') throw new SqlError('0A000', `COPY ${words} available only in CSV mode`);
    if (only !== null && only !== direction) {
      throw new SqlError('0A000', `COPY ${words} only available using COPY ${only.toUpperCase()}`);
    }
  }
}
