/** format(): %s, %I, %L and %% with argument positions, widths and left alignment. */
import { SqlError } from '../../../common/sqlError.ts';
import { codePointLength } from './codePoints.ts';
import { quoteIdentifier, quoteLiteral } from './quoting.ts';

/** Text of an argument, or null for NULL. */
export type ArgumentText = (index: number) => string | null;

const percentHint = { hint: 'For a single "%" use "%%".' };

interface Specifier {
  readonly position: number | null;
  readonly leftAligned: boolean;
  readonly width: number | null;
  /** Width taken from an argument: its number, or 'next'. */
  readonly widthArgument: number | 'next' | null;
  readonly conversion: string;
  /** Offset after the specifier. */
  readonly end: number;
}

const specifierPattern = /(?:(\d+)\$)?(-*)(?:(\d+)|\*(?:(\d+)\$)?)?/y;

function readSpecifier(format: string, at: number): Specifier {
  specifierPattern.lastIndex = at;
  const match = specifierPattern.exec(format);
  const [whole = '', position, minus = '', width, widthPosition] = match ?? [];
  const end = at + whole.length;
  const conversion = String.fromCodePoint(...[format.codePointAt(end)].filter((code) => code !== undefined));
  if (conversion === '') throw new SqlError('22023', 'unterminated format() type specifier', percentHint);
  if (position !== undefined && Number(position) === 0) {
    throw new SqlError('22023', 'format specifies argument 0, but arguments are numbered from 1');
  }
  const starred = width === undefined && whole.includes('*');
  return {
    position: position === undefined ? null : Number(position),
    leftAligned: minus !== '',
    width: width === undefined ? null : Number(width),
    widthArgument: starred ? (widthPosition === undefined ? 'next' : Number(widthPosition)) : null,
    conversion,
    end: end + conversion.length,
  };
}

function convert(conversion: string, text: string | null): string {
  switch (conversion) {
    case 's':
      return text ?? '';
    case 'I':
      if (text === null) throw new SqlError('22004', 'null values cannot be formatted as an SQL identifier');
      return quoteIdentifier(text);
    case 'L':
      return text === null ? 'NULL' : quoteLiteral(text);
    default:
      throw new SqlError('22023', `unrecognized format() type specifier "${conversion}"`, percentHint);
  }
}

function pad(text: string, width: number, leftAligned: boolean): string {
  const missing = Math.abs(width) - codePointLength(text);
  if (missing <= 0) return text;
  return leftAligned || width < 0 ? text + ' '.repeat(missing) : ' '.repeat(missing) + text;
}

/** Expands `format` over `count` arguments. */
export function formatString(format: string, count: number, argument: ArgumentText): string {
  let result = '';
  let at = 0;
  let next = 0;
  const take = (index: number): string | null => {
    if (index < 0 || index >= count) throw new SqlError('22023', 'too few arguments for format()');
    next = index + 1;
    return argument(index);
  };
  for (;;) {
    const percent = format.indexOf('%', at);
    if (percent < 0) return result + format.slice(at);
    result += format.slice(at, percent);
    if (format[percent + 1] === '%') {
      result += '%';
      at = percent + 2;
      continue;
    }
    const specifier = readSpecifier(format, percent + 1);
    let width = specifier.width ?? 0;
    if (specifier.widthArgument !== null) {
      const text = take(specifier.widthArgument === 'next' ? next : specifier.widthArgument - 1);
      width = text === null ? 0 : Number(text);
    }
    if (!/[sIL]/.test(specifier.conversion)) convert(specifier.conversion, '');
    const text = take(specifier.position === null ? next : specifier.position - 1);
    result += pad(convert(specifier.conversion, text), width, specifier.leftAligned);
    at = specifier.end;
  }
}
