/** Text of float8 and float4: the fewest digits that read back the same, in C's %g layout. */
import { SqlError } from './sqlError.ts';
import { trimSpace } from './whiteSpace.ts';

function special(x: number): string {
  return Number.isNaN(x) ? 'NaN' : x > 0 ? 'Infinity' : '-Infinity';
}

/** Lays out a number given in exponential form (d.ddde[+-]x) as %g with the exponent threshold given. */
function layout(exponential: string, threshold: number): string {
  const e = exponential.indexOf('e');
  const exponent = Number(exponential.slice(e + 1));
  const negative = exponential.startsWith('-');
  const mantissa = exponential.slice(negative ? 1 : 0, e);
  const sign = negative ? '-' : '';
  if (exponent < -4 || exponent >= threshold) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const digits = mantissa.replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0');
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** %.{digits}g: trailing zeros dropped. */
function general(x: number, digits: number): string {
  const exponential = x.toExponential(digits - 1);
  const e = exponential.indexOf('e');
  const mantissa = exponential.slice(0, e);
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return layout(short + exponential.slice(e), digits);
}

/** float8 output. */
export function formatFloat8(x: number, extraFloatDigits = 1): string {
  if (!Number.isFinite(x)) return special(x);
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (extraFloatDigits <= 0) return general(x, Math.max(1, 15 + extraFloatDigits));
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e15) return String(x);
  return layout(x.toExponential(), 15);
}

/** Below it, fewer digits than others have tell values apart. */
const LEAST_NORMAL_FLOAT4 = 2 ** -126;

/** float4 output. */
export function formatFloat4(x: number, extraFloatDigits = 1): string {
  if (!Number.isFinite(x)) return special(x);
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (extraFloatDigits <= 0) return general(x, Math.max(1, 6 + extraFloatDigits));
  let shortest = x;
  const least = Math.abs(x) < LEAST_NORMAL_FLOAT4 ? 1 : 6;
  for (let digits = least; digits <= 9; digits++) {
    shortest = Number(x.toPrecision(digits));
    if (Math.fround(shortest) === x) break;
  }
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e6) return String(shortest);
  return layout(shortest.toExponential(), 6);
}

const finitePattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const hexPattern = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;

const specials: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['+nan', Number.NaN],
  ['-nan', Number.NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
]);

function parseFloatText(text: string, typeName: string, narrow: (x: number) => number): number {
  const trimmed = trimSpace(text);
  const outOfRange = (): SqlError =>
    new SqlError('22003', `"${trimmed}" is out of range for type ${typeName}`);
  if (finitePattern.test(trimmed)) {
    const x = narrow(Number(trimmed));
    if (!Number.isFinite(x) || (x === 0 && /[1-9]/.test(trimmed.replace(/e.*/i, '')))) throw outOfRange();
    return x;
  }
  const named = specials.get(trimmed.toLowerCase());
  if (named !== undefined) return named;
  const hex = hexPattern.exec(trimmed);
  if (hex !== null && (hex[2] ?? '') + (hex[3] ?? '') !== '') {
    const digits = (hex[2] ?? '') + (hex[3] ?? '');
    const exponent = Number(hex[4] ?? 0) - 4 * (hex[3] ?? '').length;
    const x = narrow(Number(`0x${digits}`) * 2 ** exponent);
    if (!Number.isFinite(x)) throw outOfRange();
    return hex[1] === '-' ? -x : x;
  }
  throw new SqlError('22P02', `invalid input syntax for type ${typeName}: "${text}"`);
}

/** float8 input. */
export function parseFloat8(text: string): number {
  return parseFloatText(text, 'double precision', (x) => x);
}

/** float4 input: the nearest float4. */
export function parseFloat4(text: string): number {
  return parseFloatText(text, 'real', Math.fround);
}
