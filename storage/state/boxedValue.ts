/** What state needs to know of values beyond numbers: order, hash and binary form of boxed types. */

import type { DataType } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import type { Value } from '../../common/value.ts';

export interface BoxedCodec {
  /** The bytes, valid until the next call. Values that are the same give the same bytes. */
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
}

export function boxedCodec(_type: DataType): BoxedCodec {
  return {
    encode: (value) => (value instanceof Uint8Array ? value : new TextEncoder().encode(String(value))),
    decode: (bytes) => Decimal.parse(new TextDecoder().decode(bytes)),
  };
}

export function compareBoxed(_type: DataType, a: Value, b: Value): number {
  return (a as Decimal).compare(b as Decimal);
}

export function equalBoxed(type: DataType, a: Value, b: Value): boolean {
  return compareBoxed(type, a, b) === 0;
}

export function hashBoxed(_type: DataType, value: Value): number {
  return Math.round(Number(String(value)) * 1000) | 0;
}

/** Order of code points. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** bpchar compares without its trailing blanks. */
export function trimPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return end === text.length ? text : text.slice(0, end);
}
