/** Text functions: length, case, parts, padding, trimming, searching. Positions and lengths count characters. */
import type { ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import {
  codePointLength,
  hasSurrogates,
  pointIndex,
  points,
  slicePoints,
  utf8Length,
} from './support/codePoints.ts';
import { capitalizeWords, lowerCase, upperCase } from './support/letterCase.ts';

const MAX_LENGTH = 2 ** 29 - 25;

function tooLong(): never {
  throw new SqlError('54000', 'requested length too large');
}

function trimSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}

function lengths(name: string): readonly ScalarFunction[] {
  return [
    scalar({
      name,
      args: ['text'],
      returns: 'int4',
      infallible: true,
      doc: 'Number of characters.',
      examples: [[`${name}('josé')`, '4']],
      emit: ([text = ''], g) => `${g.constant(codePointLength)}(${text})`,
    }),
    scalar({
      name,
      args: ['bpchar'],
      returns: 'int4',
      infallible: true,
      doc: 'Number of characters without trailing spaces.',
      examples: [[`${name}('ab  '::char(4))`, '2']],
      evaluate: (text) => codePointLength(trimSpaces(text)),
    }),
  ];
}

function bytes(type: 'text' | 'bpchar'): readonly ScalarFunction[] {
  return [
    scalar({
      name: 'octet_length',
      args: [type],
      returns: 'int4',
      infallible: true,
      doc: 'Number of bytes in UTF-8.',
      examples: [[`octet_length('josé'::${type})`, '5']],
      evaluate: utf8Length,
    }),
    scalar({
      name: 'bit_length',
      args: [type],
      returns: 'int4',
      infallible: true,
      doc: 'Number of bits in UTF-8.',
      examples: [[`bit_length('jose'::${type})`, '32']],
      evaluate: (text) => utf8Length(text) * 8,
    }),
  ];
}

const cases: readonly ScalarFunction[] = [
  scalar({
    name: 'lower',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'Text in lower case.',
    examples: [["lower('TOM')", 'tom']],
    emit: ([text = ''], g) => `${g.constant(lowerCase)}(${text})`,
  }),
  scalar({
    name: 'upper',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'Text in upper case.',
    examples: [["upper('tom')", 'TOM']],
    emit: ([text = ''], g) => `${g.constant(upperCase)}(${text})`,
  }),
  scalar({
    name: 'initcap',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'First letter of each word in upper case, the rest in lower case.',
    examples: [["initcap('hi THOMAS')", 'Hi Thomas']],
    evaluate: capitalizeWords,
  }),
];

function substring(text: string, start: number, length: number): string {
  if (length < 0) throw new SqlError('22011', 'negative substring length not allowed');
  const end = start - 1 + length;
  return end <= 0 ? '' : slicePoints(text, Math.max(start - 1, 0), end);
}

function substrings(name: 'substring' | 'substr'): readonly ScalarFunction[] {
  const call = (rest: string): string => `${name}('Thomas', ${rest})`;
  return [
    scalar({
      name,
      args: ['text', 'int4'],
      returns: 'text',
      infallible: true,
      doc: 'Part of the text from a position on.',
      examples: [[call('3'), 'omas']],
      evaluate: (text, start) => slicePoints(text, Math.max(start - 1, 0)),
    }),
    scalar({
      name,
      args: ['text', 'int4', 'int4'],
      returns: 'text',
      doc: 'Part of the text from a position on, of the given length.',
      examples: [
        [call('2, 3'), 'hom'],
        [call('-1, 4'), 'Th'],
      ],
      evaluate: substring,
    }),
  ];
}

function overlay(text: string, replacement: string, start: number, length: number): string {
  if (start <= 0) throw new SqlError('22011', 'negative substring length not allowed');
  const after = start + length;
  return slicePoints(text, 0, start - 1) + replacement + slicePoints(text, Math.max(after - 1, 0));
}

const parts: readonly ScalarFunction[] = [
  ...substrings('substring'),
  ...substrings('substr'),
  scalar({
    name: 'left',
    args: ['text', 'int4'],
    returns: 'text',
    infallible: true,
    doc: 'First n characters; with negative n, all but the last |n|.',
    examples: [
      ["left('abcde', 2)", 'ab'],
      ["left('abcde', -2)", 'abc'],
    ],
    evaluate: (text, n) => slicePoints(text, 0, n < 0 ? Math.max(codePointLength(text) + n, 0) : n),
  }),
  scalar({
    name: 'right',
    args: ['text', 'int4'],
    returns: 'text',
    infallible: true,
    doc: 'Last n characters; with negative n, all but the first |n|.',
    examples: [
      ["right('abcde', 2)", 'de'],
      ["right('abcde', -2)", 'cde'],
    ],
    evaluate: (text, n) => slicePoints(text, n < 0 ? -n : Math.max(codePointLength(text) - n, 0)),
  }),
  scalar({
    name: 'overlay',
    args: ['text', 'text', 'int4'],
    returns: 'text',
    doc: 'Replaces as many characters as the replacement has, from a position on.',
    examples: [["overlay('Txxxxas' placing 'hom' from 2)", 'Thomxas']],
    evaluate: (text, replacement, start) => overlay(text, replacement, start, codePointLength(replacement)),
  }),
  scalar({
    name: 'overlay',
    args: ['text', 'text', 'int4', 'int4'],
    returns: 'text',
    doc: 'Replaces the given number of characters from a position on.',
    examples: [["overlay('Txxxxas' placing 'hom' from 2 for 4)", 'Thomas']],
    evaluate: overlay,
  }),
  scalar({
    name: 'split_part',
    args: ['text', 'text', 'int4'],
    returns: 'text',
    doc: 'The n-th field of a delimited text, counted from the end when n is negative.',
    examples: [
      ["split_part('abc~@~def~@~ghi', '~@~', 2)", 'def'],
      ["split_part('abc,def,ghi', ',', -1)", 'ghi'],
    ],
    evaluate: (text, delimiter, n) => {
      if (n === 0) throw new SqlError('22023', 'field position must not be zero');
      if (text === '') return '';
      if (n > 0 && delimiter !== '') return fieldFromStart(text, delimiter, n);
      const fields = delimiter === '' ? [text] : text.split(delimiter);
      return fields[n > 0 ? n - 1 : fields.length + n] ?? '';
    },
  }),
];

/** The n-th field (from 1): only as far as needed, the other fields are never made. */
function fieldFromStart(text: string, delimiter: string, n: number): string {
  let start = 0;
  for (let field = 1; ; field++) {
    const end = text.indexOf(delimiter, start);
    if (field === n) return end < 0 ? text.slice(start) : text.slice(start, end);
    if (end < 0) return '';
    start = end + delimiter.length;
  }
}

function pad(text: string, length: number, fill: string, atStart: boolean): string {
  if (length > MAX_LENGTH) tooLong();
  const size = codePointLength(text);
  if (length <= size) return slicePoints(text, 0, Math.max(length, 0));
  if (fill === '') return text;
  const missing = length - size;
  const repeated = fill.repeat(Math.ceil(missing / codePointLength(fill)));
  const padding = slicePoints(repeated, 0, missing);
  return atStart ? padding + text : text + padding;
}

function padding(name: 'lpad' | 'rpad', atStart: boolean): readonly ScalarFunction[] {
  const side = atStart ? 'start' : 'end';
  return [
    scalar({
      name,
      args: ['text', 'int4'],
      returns: 'text',
      doc: `Text filled up to a length with spaces at the ${side}, or cut to it.`,
      examples: [[`${name}('abc', 2)`, 'ab']],
      evaluate: (text, length) => pad(text, length, ' ', atStart),
    }),
    scalar({
      name,
      args: ['text', 'int4', 'text'],
      returns: 'text',
      doc: `Text filled up to a length with another text at the ${side}, or cut to it.`,
      examples: [[`${name}('hi', 5, 'xy')`, atStart ? 'xyxhi' : 'hixyx']],
      evaluate: (text, length, fill) => pad(text, length, fill, atStart),
    }),
  ];
}

function trim(text: string, characters: string, start: boolean, end: boolean): string {
  if (hasSurrogates(text) || hasSurrogates(characters)) {
    const all = points(text);
    const set = new Set(points(characters));
    let from = 0;
    let to = all.length;
    while (start && from < to && set.has(all[from] ?? '')) from++;
    while (end && to > from && set.has(all[to - 1] ?? '')) to--;
    return all.slice(from, to).join('');
  }
  let from = 0;
  let to = text.length;
  while (start && from < to && characters.includes(text.charAt(from))) from++;
  while (end && to > from && characters.includes(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}

function trimming(name: string, start: boolean, end: boolean): readonly ScalarFunction[] {
  const where = start && end ? 'both ends' : start ? 'the start' : 'the end';
  const sample = start && end ? 'trim' : start ? 'trimxy' : 'xytrim';
  return [
    scalar({
      name,
      args: ['text'],
      returns: 'text',
      infallible: true,
      doc: `Removes spaces from ${where}.`,
      examples: [[`'[' || ${name}('  a  ') || ']'`, `[${start ? '' : '  '}a${end ? '' : '  '}]`]],
      evaluate: (text) => trim(text, ' ', start, end),
    }),
    scalar({
      name,
      args: ['text', 'text'],
      returns: 'text',
      infallible: true,
      doc: `Removes the given characters from ${where}.`,
      examples: [[`${name}('xytrimxy', 'xyz')`, sample]],
      evaluate: (text, characters) => trim(text, characters, start, end),
    }),
  ];
}

function position(text: string, part: string): number {
  const found = text.indexOf(part);
  if (found < 0) return 0;
  return hasSurrogates(text) ? pointIndex(text, found) + 1 : found + 1;
}

function positions(name: 'position' | 'strpos'): ScalarFunction {
  return scalar({
    name,
    args: ['text', 'text'],
    returns: 'int4',
    infallible: true,
    doc: 'Position of the first occurrence of the second text in the first, 0 when there is none.',
    examples: [
      [
        name === 'position' ? "position('om' in 'Thomas')" : "strpos('high', 'ig')",
        name === 'position' ? '3' : '2',
      ],
    ],
    evaluate: position,
  });
}

function translate(text: string, from: string, to: string): string {
  const map = new Map<string, string>();
  const target = points(to);
  points(from).forEach((c, i) => {
    if (!map.has(c)) map.set(c, target[i] ?? '');
  });
  let result = '';
  for (const c of text) result += map.get(c) ?? c;
  return result;
}

function character(code: number): string {
  if (code < 0) throw new SqlError('22023', 'character number must be positive');
  if (code === 0) throw new SqlError('54000', 'null character not permitted');
  if (code > 0x10ffff) throw new SqlError('54000', `requested character too large for encoding: ${code}`);
  if (code >= 0xd800 && code <= 0xdfff) {
    throw new SqlError('54000', `requested character not valid for encoding: ${code}`);
  }
  return String.fromCodePoint(code);
}

const changes: readonly ScalarFunction[] = [
  ...padding('lpad', true),
  ...padding('rpad', false),
  ...trimming('btrim', true, true),
  ...trimming('trim', true, true),
  ...trimming('ltrim', true, false),
  ...trimming('rtrim', false, true),
  positions('position'),
  positions('strpos'),
  scalar({
    name: 'replace',
    args: ['text', 'text', 'text'],
    returns: 'text',
    infallible: true,
    doc: 'Replaces every occurrence of the second text by the third.',
    examples: [["replace('abcdefabcdef', 'cd', 'XX')", 'abXXefabXXef']],
    evaluate: (text, from, to) => (from === '' ? text : text.split(from).join(to)),
  }),
  scalar({
    name: 'translate',
    args: ['text', 'text', 'text'],
    returns: 'text',
    infallible: true,
    doc: 'Replaces each character found in the second text by the one at the same place in the third, or removes it.',
    examples: [["translate('12345', '143', 'ax')", 'a2x5']],
    evaluate: translate,
  }),
  scalar({
    name: 'repeat',
    args: ['text', 'int4'],
    returns: 'text',
    doc: 'The text repeated.',
    examples: [["repeat('Pg', 3)", 'PgPgPg']],
    evaluate: (text, count) =>
      text.length * count > MAX_LENGTH ? tooLong() : text.repeat(Math.max(count, 0)),
  }),
  scalar({
    name: 'reverse',
    args: ['text'],
    returns: 'text',
    infallible: true,
    doc: 'The characters in reverse order.',
    examples: [["reverse('abcde')", 'edcba']],
    evaluate: (text) => [...points(text)].reverse().join(''),
  }),
  scalar({
    name: 'ascii',
    args: ['text'],
    returns: 'int4',
    infallible: true,
    doc: 'Code point of the first character, 0 for an empty text.',
    examples: [["ascii('x')", '120']],
    evaluate: (text) => text.codePointAt(0) ?? 0,
  }),
  scalar({
    name: 'chr',
    args: ['int4'],
    returns: 'text',
    doc: 'The character with that code point.',
    examples: [['chr(65)', 'A']],
    evaluate: character,
  }),
];

const integerPatterns: readonly TypePattern[] = ['int4', 'int8'];

const radix: readonly ScalarFunction[] = integerPatterns.map((type) =>
  scalar({
    name: 'to_hex',
    args: [type],
    returns: 'text',
    infallible: true,
    doc: 'Hexadecimal digits of the number in two’s complement.',
    examples: [[`to_hex(255::${type})`, 'ff']],
    implement: () => ({
      evaluate:
        type === 'int4'
          ? (n: number) => (n >>> 0).toString(16)
          : (n: bigint) => BigInt.asUintN(64, n).toString(16),
    }),
  }),
);

export const stringFunctions: readonly ScalarFunction[] = [
  ...lengths('length'),
  ...lengths('char_length'),
  ...lengths('character_length'),
  ...bytes('text'),
  ...bytes('bpchar'),
  ...cases,
  ...parts,
  ...changes,
  ...radix,
];
