/**
 * A column of texts that lie in a block: their strings are made when somebody asks for them, all at once. Views that count, and the
 * store that keeps the rows, need none.
 */
import type { TextBytes } from '../../common/textBytes.ts';

/** All texts of a block's column. */
export class ColumnTexts {
  readonly utf8: TextBytes;
  #strings: string[] | null = null;

  constructor(bytes: Uint8Array, ends: Uint32Array, isAscii: boolean) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.utf8 = { bytes, view, ends, from: 0, isAscii };
  }

  strings(): string[] {
    const { bytes, ends, isAscii } = this.utf8;
    this.#strings ??= textsOf(bytes, ends, isAscii);
    return this.#strings;
  }
}

/** Rows [from, to) of the column. */
export class TextVector {
  readonly kind = 'text';
  readonly nulls: Uint8Array | null;
  readonly utf8: TextBytes;
  readonly #column: ColumnTexts;
  readonly #to: number;
  #data: string[] | null = null;

  constructor(column: ColumnTexts, nulls: Uint8Array | null, from: number, to: number) {
    this.#column = column;
    this.#to = to;
    this.nulls = nulls;
    this.utf8 = { ...column.utf8, from };
  }

  get data(): string[] {
    this.#data ??= this.#column.strings().slice(this.utf8.from, this.#to);
    return this.#data;
  }

  /** Rows [from, to) of these. */
  part(from: number, to: number): TextVector {
    const first = this.utf8.from;
    return new TextVector(this.#column, this.nulls?.subarray(from, to) ?? null, first + from, first + to);
  }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Values of a text, which end there. */
export function cutAt(text: string, ends: Uint32Array): string[] {
  const n = ends.length;
  const texts = new Array<string>(n);
  let from = 0;
  for (let i = 0; i < n; i++) {
    const to = ends[i] as number;
    texts[i] = text.substring(from, to);
    from = to;
  }
  return texts;
}

/** Texts that lie one behind the other in UTF-8. */
function textsOf(bytes: Uint8Array, ends: Uint32Array, isAscii: boolean): string[] {
  if (isAscii) return cutAt(bufferOf(bytes).toString('latin1'), ends);
  const units = new Uint32Array(ends.length);
  let at = 0;
  let unit = 0;
  for (let i = 0; i < ends.length; i++) {
    for (const end = ends[i] as number; at < end; at++) {
      const byte = bytes[at] as number;
      // Bytes that go on are no unit; four of them are two.
      if (byte < 0x80 || byte >= 0xc0) unit += byte >= 0xf0 ? 2 : 1;
    }
    units[i] = unit;
  }
  return cutAt(bufferOf(bytes).toString('utf8'), units);
}
